/* Texts are tokenized and sorted by length. Threads take batches of texts of similar length from this list, one pass each. A
 * pass keeps its memory for the next batch. */
#include "tasks/encoded.h"

#include "base/float_environment.h"
#include "base/parallel.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_TOKENS = 1 << 16, /* of texts that are sorted together: they bound the memory of a long list */
    PASS_TOKENS = 512,      /* more would read a weight less often than it costs, and leave the cache */
    LEAST_TOKENS = 128      /* of a thread's batch; with fewer for each, all threads share one pass */
};

/* A text that is to be run. */
typedef struct queued_text {
    size_t index;
    hd_encoding tokens;  /* in the arena of the queue */
    const int32_t *rows; /* [row_count] */
    int64_t row_count;
    int64_t end;             /* tokens of the queue up to and with this text */
    hd_windowed_text *whole; /* of which it is a window, or NULL */
    size_t window;
} queued_text;

typedef struct worker {
    heed_context context;
    hd_pass pass;
    heed_status status;
} worker;

typedef struct encoding_texts {
    heed_model *model;
    const hd_encoded_task *task;
    void *user;
    heed_results *results;
    const hd_encoded_texts *of;
    hd_encoding encoding; /* of one text */
    hd_arena arena;       /* of the queue */
    queued_text *queue;   /* [queued], the longest first */
    size_t queued, capacity;
    int64_t tokens;      /* of the queue */
    _Atomic size_t next; /* the first text that no worker has taken */
    worker *workers;     /* [worker_count] */
    int worker_count;
    int working;               /* workers with passes of their own in this queue */
    pthread_mutex_t answering; /* guards the results */
} encoding_texts;

/* Bytes of one of these texts. A blank one counts as empty. */
static size_t size_in(const char *const *texts, const size_t *sizes, size_t index) {
    size_t size = sizes ? sizes[index] : strlen(texts[index]);
    return hd_text_is_blank(texts[index], size) ? 0 : size;
}

static size_t size_of(const encoding_texts *e, size_t index) { return size_in(e->of->texts, e->of->sizes, index); }

static hd_encoded encoded_of(const encoding_texts *e, size_t index, const hd_encoding *tokens, const int32_t *rows,
                             int64_t row_count) {
    return (hd_encoded){.model = e->model,
                        .results = e->results,
                        .index = index,
                        .text = e->of->texts[index],
                        .size = size_of(e, index),
                        .encoding = tokens,
                        .rows = rows,
                        .row_count = row_count};
}

/* ---- tokens ---- */

static void *copy(hd_arena *arena, const void *array, size_t count, size_t size) {
    void *to = hd_arena_alloc(arena, count, size);
    if (to && count) memcpy(to, array, count * size);
    return to;
}

/* The tokens without the memory for making others. */
static bool copy_tokens(hd_arena *arena, const hd_encoding *from, hd_encoding *to) {
    *to = *from;
    to->ids = copy(arena, from->ids, from->count, sizeof *from->ids);
    to->starts = copy(arena, from->starts, from->count, sizeof *from->starts);
    to->ends = copy(arena, from->ends, from->count, sizeof *from->ends);
    to->types = copy(arena, from->types, from->count, sizeof *from->types);
    return to->ids && to->starts && to->ends && to->types;
}

static heed_status add_to_queue(encoding_texts *e, queued_text text) {
    if (!hd_grow(e->model->context, &e->queue, &e->capacity, e->queued + 1, sizeof *e->queue)) return HEED_MEMORY;
    e->queue[e->queued++] = text;
    e->tokens += (int64_t)text.tokens.count;
    return HEED_OK;
}

/* Adds the windows that have selected tokens to the queue. */
static heed_status queue_windows(encoding_texts *e, const hd_encoded *text) {
    hd_windowed_text *whole = hd_arena_alloc(&e->arena, 1, sizeof *whole);
    if (!whole) return HEED_MEMORY;
    *whole = (hd_windowed_text){
        .tokens = *text->encoding, .bytes = text->bytes, .rows = text->rows, .row_count = text->row_count};
    HD_TRY(hd_windows_split(&e->arena, e->task->window, e->task->stride, whole));
    for (size_t i = 0; i < whole->count; i++) {
        queued_text part = {
            .index = text->index, .row_count = whole->windows[i].row_count, .whole = whole, .window = i};
        if (!part.row_count) continue;
        if (!hd_window_copy(&e->arena, whole, i, &part.tokens, &part.rows)) return HEED_MEMORY;
        HD_TRY(add_to_queue(e, part));
    }
    return HEED_OK;
}

/* The table of hd_encoded. */
static const uint32_t *find_characters(hd_arena *arena, const char *text, size_t size) {
    uint32_t *bytes = hd_arena_alloc(arena, hd_utf8_count(text, size) + 1, sizeof *bytes), code;
    size_t count = 0;
    if (!bytes) return NULL;
    for (size_t at = 0; at < size; at += hd_utf8_decode(text + at, size - at, &code)) bytes[count++] = (uint32_t)at;
    bytes[count] = (uint32_t)size;
    return bytes;
}

/* Adds the text to the queue, or answers it if nothing needs to be run. */
static heed_status queue_tokens(encoding_texts *e, size_t index, const hd_encoding *encoding) {
    hd_encoding tokens = *encoding;
    int32_t *rows = hd_arena_alloc(&e->arena, encoding->count, sizeof *rows);
    e->results->items[index].prompt = encoding->count;
    if (!rows || (!e->of->tokens && !copy_tokens(&e->arena, encoding, &tokens))) return HEED_MEMORY;
    hd_encoded text = encoded_of(e, index, &tokens, rows, 0);
    bool is_long = e->task->window && (int64_t)tokens.count > e->task->window;
    if (is_long && !(text.bytes = find_characters(&e->arena, text.text, text.size))) return HEED_MEMORY;
    HD_TRY(e->task->select(e->user, &text, rows, &text.row_count));
    if (!text.row_count && (e->task->pool || e->task->head != HD_HEAD_CLASSIFY_TEXT))
        return e->task->answer(e->user, &text);
    if (is_long) return queue_windows(e, &text);
    return add_to_queue(e, (queued_text){.index = index, .tokens = tokens, .rows = rows, .row_count = text.row_count});
}

/* Encodes a text or a pair with the template. */
static heed_status encode(encoding_texts *e, size_t index, const hd_truncation *truncation) {
    const hd_encoded_texts *of = e->of;
    hd_encode_options options = {.add_special = true, .truncation = truncation};
    if (of->seconds) options.second = of->seconds[index];
    if (of->seconds) options.second_size = size_in(of->seconds, of->second_sizes, index);
    return hd_tokenizer_encode_with(e->model->tokenizer, e->model->context, of->texts[index], size_of(e, index),
                                    &options, &e->encoding);
}

/* The character before which a text of the encoding ends. */
static size_t end_of(const hd_encoding *encoding, int text) {
    size_t count = encoding->counts[text];
    return count ? encoding->ends[encoding->firsts[text] + count - 1] : 0;
}

static heed_status note_cut(encoding_texts *e, size_t index) {
    const hd_encoding *cut = &e->encoding;
    char notes[2][128] = {"", ""};
    for (int i = 0; i < 2; i++) {
        size_t end = end_of(cut, i), skipped = i ? 0 : e->task->skipped;
        const char *which = !e->of->seconds ? "" : i ? "second text " : "first text ";
        if (cut->cut[i])
            snprintf(notes[i], sizeof notes[i], "%scut after %zu of %zu tokens, at character %zu", which,
                     cut->counts[i], cut->counts[i] + cut->cut[i], end > skipped ? end - skipped : 0);
    }
    return hd_results_note(e->results, index, "%s%s%s", notes[0], notes[0][0] && notes[1][0] ? "; " : "", notes[1]);
}

/* Removes the last tokens of a text but none of the template, as Hugging Face's tokenizers truncate. */
static heed_status cut_text(encoding_texts *e, size_t index, int64_t most) {
    size_t template = e->encoding.count - e->encoding.counts[0] - e->encoding.counts[1];
    const hd_truncation truncation = {
        .present = true, .longest = (size_t)most, .strategy = e->task->cut, .direction = HD_TRUNCATE_RIGHT};
    if ((size_t)most <= template)
        return hd_fail(e->model->context, HEED_LENGTH, "the limit of %lld tokens leaves none for the text",
                       (long long)most);
    HD_TRY(encode(e, index, &truncation));
    return note_cut(e, index);
}

static heed_status queue_text(encoding_texts *e, size_t index) {
    heed_context *context = e->model->context;
    if (e->of->tokens) return queue_tokens(e, index, &e->of->tokens[index]);
    heed_status status =
        e->task->encode ? e->task->encode(e->user, e->results, index, &e->encoding) : encode(e, index, NULL);
    if (status != HEED_OK && status != HEED_LENGTH) return status;
    int64_t most = e->task->encode ? 0 : hd_min(hd_recipe_longest(&e->model->network->recipe), e->task->most);
    if (status == HEED_OK && most && (int64_t)e->encoding.count > most) status = cut_text(e, index, most);
    if (status == HEED_MEMORY) return status;
    /* A task's own limit replaces that of the tokenizer's file. */
    bool limited = !most && !e->task->window;
    if (status == HEED_OK && limited) status = hd_model_check_length(e->model, e->encoding.count);
    if (status == HEED_LENGTH) return hd_results_problem(e->results, index, context->message);
    if (hd_model_check_ids(e->model, e->encoding.ids, e->encoding.count) != HEED_OK)
        return hd_results_problem(e->results, index, context->message);
    status = queue_tokens(e, index, &e->encoding);
    return status == HEED_LENGTH ? hd_results_problem(e->results, index, context->message) : status;
}

static int longest_first(const void *a, const void *b) {
    const queued_text *x = a, *y = b;
    if (x->tokens.count != y->tokens.count) return x->tokens.count > y->tokens.count ? -1 : 1;
    if (x->index != y->index) return x->index > y->index ? 1 : -1;
    return (x->window > y->window) - (x->window < y->window);
}

/* ---- one pass ---- */

/* The texts of a pass as one batch, in the pass's memory. */
typedef struct batch {
    hd_input input;
    hd_layout layout;
    hd_selection selection;
} batch;

/* The token types of the texts [tokens], one after the other. */
static const int32_t *join_types(hd_pass *pass, const queued_text *texts, size_t count, size_t tokens) {
    int32_t *types = hd_pass_alloc(pass, tokens, sizeof *types), *end = types;
    for (size_t i = 0; types && i < count; i++)
        for (size_t t = 0; t < texts[i].tokens.count; t++) *end++ = (int32_t)texts[i].tokens.types[t];
    return types;
}

static bool open_batch(hd_pass *pass, const queued_text *texts, size_t count, bool typed, batch *b) {
    size_t tokens = 0, row_count = 0;
    for (size_t i = 0; i < count; i++) tokens += texts[i].tokens.count, row_count += (size_t)texts[i].row_count;
    int32_t *ids = hd_pass_alloc(pass, tokens, sizeof *ids), *starts = hd_pass_alloc(pass, count + 1, sizeof *starts);
    int32_t *rows = hd_pass_alloc(pass, row_count, sizeof *rows);
    int32_t *row_starts = hd_pass_alloc(pass, count + 1, sizeof *row_starts);
    int32_t *positions = hd_pass_alloc(pass, count, sizeof *positions);
    if (!ids || !starts || !rows || !row_starts || !positions) return false;
    starts[0] = row_starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const queued_text *t = &texts[i];
        if (t->tokens.count) memcpy(ids + starts[i], t->tokens.ids, t->tokens.count * sizeof *ids);
        for (int64_t r = 0; r < t->row_count; r++) rows[row_starts[i] + r] = starts[i] + t->rows[r];
        positions[i] = t->row_count ? t->rows[0] : 0;
        starts[i + 1] = starts[i] + (int32_t)t->tokens.count;
        row_starts[i + 1] = row_starts[i] + (int32_t)t->row_count;
    }
    *b = (batch){.input = {.ids = ids, .types = typed ? join_types(pass, texts, count, tokens) : NULL},
                 .layout = {.sequences = (int64_t)count, .starts = starts},
                 .selection = {rows, {.sequences = (int64_t)count, .starts = row_starts, .positions = positions}}};
    return !typed || b->input.types;
}

/* The last states of the selected rows. */
static hd_tensor *run_network(const hd_network *network, hd_pass *pass, const batch *b) {
    bool all = hd_layout_rows(&b->selection.layout) == hd_layout_rows(&b->layout);
    return hd_network_read(network, pass, &b->input, &b->layout, all ? NULL : &b->selection);
}

/* The head's output for all texts of the batch. */
static hd_tensor *score(const encoding_texts *e, hd_pass *pass, const batch *b) {
    const hd_network *network = e->model->network;
    hd_tensor *states = run_network(network, pass, b);
    if (e->task->pool) return states ? e->task->pool(e->user, pass, states, &b->selection) : NULL;
    return hd_network_logits(network, pass, hd_network_head(network, pass, states), 0, network->output->rows);
}

/* Keeps the output of a window. The last one completes the text, which is then answered as any other. */
static heed_status answer_window(encoding_texts *e, hd_pass *pass, const queued_text *t, const float *logits,
                                 int64_t columns) {
    hd_windowed_text *whole = t->whole;
    const float *output = hd_pass_download(pass, logits, t->row_count * columns);
    if (!output) return pass->status;
    whole->columns = columns;
    hd_window *window = &whole->windows[t->window];
    window->logits = copy(&e->arena, output, (size_t)(t->row_count * columns), sizeof *output);
    if (!window->logits) return HEED_MEMORY;
    if (--whole->unfinished) return HEED_OK;
    hd_encoded encoded = encoded_of(e, t->index, &whole->tokens, whole->rows, whole->row_count);
    float *merged = hd_pass_alloc(pass, (size_t)(whole->row_count * columns), sizeof *merged);
    encoded.pass = pass;
    encoded.windows = whole;
    encoded.bytes = whole->bytes;
    encoded.logits = hd_tensor_new(pass, whole->row_count, columns, NULL);
    if (!merged || !encoded.logits) return pass->status;
    hd_windows_merge(whole, merged);
    hd_pass_upload(pass, merged, whole->row_count * columns, encoded.logits->data);
    return e->task->answer(e->user, &encoded);
}

static heed_status answer_text(encoding_texts *e, hd_pass *pass, const queued_text *t, float *logits, int64_t rows,
                               int64_t columns) {
    hd_encoded encoded = encoded_of(e, t->index, &t->tokens, t->rows, t->row_count);
    encoded.pass = pass;
    encoded.logits = hd_tensor_wrap(pass, rows, columns, logits, NULL);
    return encoded.logits ? e->task->answer(e->user, &encoded) : pass->status;
}

static heed_status answer_batch(encoding_texts *e, hd_pass *pass, const queued_text *texts, const batch *b,
                                const hd_tensor *logits) {
    bool pooled = e->task->pool || e->task->head == HD_HEAD_CLASSIFY_TEXT;
    for (int64_t i = 0; i < b->layout.sequences; i++) {
        const queued_text *t = &texts[i];
        float *of_text = logits->data + (pooled ? i : b->selection.layout.starts[i]) * logits->columns;
        if (t->whole)
            HD_TRY(answer_window(e, pass, t, of_text, logits->columns));
        else
            HD_TRY(answer_text(e, pass, t, of_text, pooled ? 1 : t->row_count, logits->columns));
    }
    return HEED_OK;
}

static heed_status run_batch(encoding_texts *e, worker *w, const queued_text *texts, size_t count) {
    batch b;
    hd_pass_reset(&w->pass);
    if (!open_batch(&w->pass, texts, count, e->model->typed, &b)) return w->pass.status;
    const hd_tensor *logits = score(e, &w->pass, &b);
    if (!logits) return w->pass.status;
    pthread_mutex_lock(&e->answering);
    heed_status status = answer_batch(e, &w->pass, texts, &b, logits);
    pthread_mutex_unlock(&e->answering);
    return status;
}

/* ---- all of them ---- */

static int64_t tokens_before(const encoding_texts *e, size_t i) { return i ? e->queue[i - 1].end : 0; }

/* Takes the next texts for a pass. Batches become smaller towards the end, so that the threads finish together. */
static size_t take_texts(encoding_texts *e, size_t *first) {
    size_t count;
    *first = atomic_load(&e->next);
    do {
        int64_t before = tokens_before(e, *first), most = PASS_TOKENS;
        if (e->working > 1) most = hd_min(most, hd_max((e->tokens - before) / (2 * e->working), LEAST_TOKENS));
        count = *first < e->queued;
        while (*first + count < e->queued && e->queue[*first + count].end - before <= most) count++;
    } while (count && !atomic_compare_exchange_weak(&e->next, first, *first + count));
    return count;
}

static void run_worker(void *argument, int64_t index, int number) {
    (void)number;
    encoding_texts *e = argument;
    worker *w = &e->workers[index];
    for (size_t first, count; w->status == HEED_OK && (count = take_texts(e, &first));) {
        w->status = hd_check_stop(&w->context);
        if (w->status == HEED_OK) w->status = run_batch(e, w, e->queue + first, count);
    }
}

/* A failure of a pass is recorded in its worker's context, any other one in the model's. */
static heed_status worker_status(const encoding_texts *e) {
    for (int i = 0; i < e->worker_count; i++) {
        const worker *w = &e->workers[i];
        if (w->status == HEED_OK) continue;
        return w->context.message[0] ? hd_fail_as(e->model->context, &w->context, w->status) : w->status;
    }
    return HEED_OK;
}

static heed_status run_queue(encoding_texts *e) {
    heed_context *context = e->model->context;
    if (e->queued) qsort(e->queue, e->queued, sizeof *e->queue, longest_first);
    int64_t end = 0;
    for (size_t i = 0; i < e->queued; i++) e->queue[i].end = end += (int64_t)e->queue[i].tokens.count;
    e->working = e->tokens < (int64_t)LEAST_TOKENS * e->worker_count ? 1 : e->worker_count;
    for (int i = 0; i < e->working; i++) e->workers[i].context.threads = context->threads / e->working;
    atomic_store(&e->next, 0);
    hd_parallel_for(context, e->working, INT64_MAX, run_worker, e);
    e->queued = 0, e->tokens = 0;
    hd_arena_reset(&e->arena);
    return worker_status(e);
}

static heed_status encode_all(encoding_texts *e) {
    for (size_t i = 0; i < e->of->count; i++) {
        if (e->of->texts[i] && (!e->of->seconds || e->of->seconds[i])) HD_TRY(queue_text(e, i));
        if (e->tokens >= QUEUE_TOKENS) HD_TRY(run_queue(e));
    }
    return run_queue(e);
}

static heed_status open_workers(encoding_texts *e, size_t texts) {
    heed_context *context = e->model->context;
    int count = (int)hd_max(hd_min(context->threads, (int64_t)texts), 1);
    e->workers = hd_alloc_zeroed(context, (size_t)count, sizeof *e->workers);
    if (!e->workers) return HEED_MEMORY;
    for (; e->worker_count < count; e->worker_count++) {
        worker *w = &e->workers[e->worker_count];
        w->context = hd_context_worker(context, context->threads);
        hd_pass_open(&w->pass, &w->context, NULL);
    }
    return hd_network_pack(e->model->network);
}

static void close_encoding(encoding_texts *e) {
    for (int i = 0; i < e->worker_count; i++) hd_pass_close(&e->workers[i].pass);
    hd_free(e->model->context, e->workers);
    hd_free(e->model->context, e->queue);
    hd_arena_close(&e->arena);
    hd_encoding_close(&e->encoding);
    pthread_mutex_destroy(&e->answering);
}

heed_status hd_encode_texts(heed_model *model, const hd_encoded_task *task, const hd_encoded_texts *texts, void *user,
                            heed_results **results) {
    *results = NULL;
    if (!task->pool) HD_TRY(hd_model_require(model, task->head, true, false, task->kind));
    HD_TRY(hd_results_check(model->context, texts->texts, texts->count));
    HD_TRY(hd_results_open(model->context, texts->count, results));
    hd_float_environment found = hd_float_enter();
    encoding_texts e = {.model = model, .task = task, .user = user, .results = *results, .of = texts};
    pthread_mutex_init(&e.answering, NULL);
    hd_arena_open(&e.arena, model->context);
    heed_status status = open_workers(&e, texts->count);
    if (status == HEED_OK) status = encode_all(&e);
    close_encoding(&e);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

size_t hd_encoded_byte(const hd_encoded *e, uint32_t character) {
    return e->bytes ? e->bytes[character] : hd_utf8_offset(e->text, e->size, character);
}

heed_status hd_select_pooled(void *user, const hd_encoded *e, int32_t *rows, int64_t *count) {
    (void)user;
    const hd_recipe *recipe = &e->model->network->recipe;
    int64_t tokens = (int64_t)e->encoding->count, first = 0;
    bool last = recipe->pooling == HD_POOL_LAST && recipe->architecture == HD_TRANSFORMER;
    if (last) first = hd_recipe_last_row(recipe, e->encoding->ids, tokens);
    *count = last || recipe->pooling == HD_POOL_FIRST ? hd_min(tokens, 1) : tokens;
    for (int64_t i = 0; i < *count; i++) rows[i] = (int32_t)(first + i);
    return HEED_OK;
}

heed_status hd_choose_labels(const hd_encoded *e, int32_t *labels) {
    int32_t starts[] = {0, (int32_t)e->row_count};
    hd_layout text = {.sequences = 1, .starts = starts};
    return hd_network_choose(e->model->network, e->pass, e->logits, &text, labels);
}
