#include "tasks/translate.h"

#include "base/float_environment.h"
#include "base/parallel.h"
#include "base/utf8.h"
#include "decode/session.h"
#include "tasks/results.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A text to translate: its ids in one array with the others'. */
typedef struct source {
    size_t index;
    int64_t start, length;
} source;

static int longest_first(const void *a, const void *b) {
    const source *x = a, *y = b;
    if (x->length != y->length) return x->length > y->length ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* The hypotheses of a source, in the worker's arena. */
typedef struct translated {
    hd_hypothesis *best; /* [count]; NULL: the call was stopped before */
    int64_t count;
    const char *problem; /* NULL: none */
} translated;

typedef struct worker {
    heed_context context;
    hd_session *session; /* of the first `session_count` workers */
    hd_arena kept;       /* results */
    hd_text_ends ends;   /* if something ends texts besides tokens */
    int64_t running;     /* source tokens in the session */
    heed_status status;
} worker;

typedef struct translating {
    heed_model *model;
    const hd_decoding *settings;
    const char *const *texts;
    const size_t *sizes;
    heed_results *results;
    source *sources; /* [source_count], the longest first */
    size_t source_count;
    int32_t *ids;
    size_t id_count, id_capacity;
    int64_t *ends;          /* [source_count]: tokens of the sources up to and with this one */
    int64_t tokens_at_once; /* of a session */
    _Atomic int64_t next;   /* the first source that no worker has taken */
    translated *translated; /* [source_count] */
    char ***alignments;     /* [source_count]: one for each hypothesis; NULL without alignments */
    worker *workers;        /* [worker_count]: one for each thread */
    int worker_count, session_count;
} translating;

/* Adds the ids of a text to the others'. */
static heed_status add_source(translating *t, size_t index, const hd_ids *ids) {
    size_t count = (size_t)ids->count;
    if (!hd_grow(t->model->context, &t->ids, &t->id_capacity, t->id_count + count, sizeof *t->ids)) return HEED_MEMORY;
    if (count) memcpy(t->ids + t->id_count, ids->ids, count * sizeof *t->ids);
    t->sources[t->source_count++] = (source){index, (int64_t)t->id_count, (int64_t)count};
    t->id_count += count;
    return HEED_OK;
}

static heed_status encode_all(translating *t, size_t count) {
    hd_text_tokens prompt = {0};
    heed_status status = HEED_OK;
    for (size_t i = 0; i < count && status == HEED_OK; i++) {
        if (hd_text_is_blank(t->texts[i], t->sizes[i])) {
            status = hd_decoding_answer_blank(t->settings, t->results, i);
            continue;
        }
        status = hd_text_tokens_read(t->model, t->settings, t->texts[i], t->sizes[i], &prompt);
        if (status == HEED_OK)
            status = add_source(t, i, &prompt.ids);
        else if (status == HEED_LENGTH)
            status = hd_results_problem(t->results, i, t->model->context->message);
    }
    hd_text_tokens_close(&prompt);
    return status;
}

static heed_status keep_answers(translating *t, size_t number) {
    size_t index = t->sources[number].index;
    const translated *found = &t->translated[number];
    if (!found->best) return hd_results_problem(t->results, index, "stopped");
    if (found->problem) return hd_results_problem(t->results, index, found->problem);
    if (!found->count) return hd_decoding_no_answer(t->results, index);
    hd_result *item = &t->results->items[index];
    item->answers = hd_arena_alloc(&t->results->arena, (size_t)found->count, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    hd_buffer text;
    hd_buffer_open(&text, t->model->context);
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < found->count && status == HEED_OK; i++) {
        hd_buffer_clear(&text);
        const hd_hypothesis *h = &found->best[i];
        status = hd_tokenizer_decode(t->settings->side[HD_DECODER].tokenizer, h->ids, (size_t)h->count, true, &text);
        text.size = hd_decoding_text_size(t->settings, h, &text, 0);
        if (status == HEED_OK) status = hd_decoding_note_words(t->results, index, h);
        const char *copy = status == HEED_OK ? hd_results_copy(t->results, text.data, text.size) : NULL;
        const char *alignment = t->alignments ? t->alignments[number][i] : NULL;
        if (alignment && copy) alignment = hd_results_copy(t->results, alignment, strlen(alignment));
        if (status == HEED_OK && (!copy || (t->alignments && !alignment))) status = HEED_MEMORY;
        item->answers[i] = (hd_answer){.text = copy, .size = text.size, .score = h->score, .alignment = alignment};
    }
    if (status == HEED_OK) item->count = (size_t)found->count;
    hd_buffer_close(&text);
    return status;
}

/* ---- sources are shared out ---- */

static int64_t tokens_between(const translating *t, int64_t first, int64_t end) {
    return (end ? t->ends[end - 1] : 0) - (first ? t->ends[first - 1] : 0);
}

/* Takes sources of like length, since what runs together should end together, with no more than so many tokens; `any`: the
 * first has any length. Shares become smaller towards the end, so that the sessions finish together. */
static int64_t take_sources(translating *t, int64_t tokens, bool any, int64_t *first) {
    enum { SMALLEST = 128 }; /* tokens */
    int64_t sessions = t->session_count, all = (int64_t)t->source_count, count;
    *first = atomic_load(&t->next);
    do {
        int64_t smallest = hd_min(SMALLEST, tokens_between(t, 0, all) / sessions + 1), most = tokens;
        if (sessions > 1) most = hd_min(most, hd_max(tokens_between(t, *first, all) / (2 * sessions), smallest));
        count = any && *first < all;
        while (*first + count < all && count < most && tokens_between(t, *first, *first + count + 1) <= most) count++;
    } while (count && !atomic_compare_exchange_weak(&t->next, first, *first + count));
    return count;
}

/* An empty source counts as one token, so that there are never more hypotheses than tokens. */
static int64_t cost_of(const source *one) { return hd_max(one->length, 1); }

/* Adds sources to a session: to an empty one, or with one beam where others have left room for a quarter. Each
 * time some are encoded together. */
static heed_status add_sources(translating *t, worker *w) {
    const hd_generation *generation = &t->settings->generation;
    int64_t first;
    if (w->running && (generation->beams > 1 || 4 * w->running > 3 * t->tokens_at_once)) return HEED_OK;
    int64_t count = take_sources(t, t->tokens_at_once - w->running, w->running == 0, &first);
    for (source *one = t->sources + first; one < t->sources + first + count; one++) {
        hd_request request = {.ids = t->ids + one->start,
                              .count = one->length,
                              .generation = generation,
                              .number = one->index,
                              .user = one};
        if (hd_decoding_ends_texts(t->settings)) request.stopped = hd_decoding_stopped, request.stop_user = &w->ends;
        HD_TRY(hd_session_add(w->session, &request, NULL));
        w->running += cost_of(one);
    }
    return HEED_OK;
}

static heed_status copy_problem(worker *w, const char *problem, translated *found) {
    char *copy = hd_arena_alloc(&w->kept, strlen(problem) + 1, 1);
    found->problem = copy ? strcpy(copy, problem) : NULL;
    return copy ? HEED_OK : HEED_MEMORY;
}

static heed_status keep_hypotheses(translating *t, worker *w, const hd_decoded *decoded) {
    const source *one = decoded->user;
    translated *found = &t->translated[one - t->sources];
    w->running -= cost_of(one);
    found->best = hd_arena_alloc(&w->kept, (size_t)decoded->count, sizeof *found->best);
    if (!found->best) return HEED_MEMORY;
    if (decoded->problem) return copy_problem(w, decoded->problem, found);
    for (int64_t i = 0; i < decoded->count; i++) {
        hd_hypothesis *h = &found->best[i];
        *h = decoded->best[i];
        h->ids = hd_arena_alloc(&w->kept, (size_t)h->count + 1, sizeof *h->ids);
        if (!h->ids) return HEED_MEMORY;
        h->count = hd_decoding_tokens(t->settings, &decoded->best[i], h->ids);
    }
    found->count = decoded->count;
    return HEED_OK;
}

static heed_status translate_share(translating *t, worker *w) {
    hd_decoded decoded;
    for (;;) {
        HD_TRY(add_sources(t, w));
        if (!w->running) return HEED_OK;
        HD_TRY(hd_check_stop(&w->context));
        HD_TRY(hd_session_step(w->session));
        while (hd_session_next(w->session, &decoded)) HD_TRY(keep_hypotheses(t, w, &decoded));
    }
}

static void run_worker(void *argument, int64_t piece, int number) {
    (void)number;
    translating *t = argument;
    t->workers[piece].status = translate_share(t, &t->workers[piece]);
}

/* ---- word alignments ---- */

/* Which words became which, in each hypothesis of a source. */
static heed_status align_source(const translating *t, worker *w, int64_t i) {
    heed_status status = HEED_OK;
    hd_buffer out;
    hd_buffer_open(&out, &w->context);
    size_t index = t->sources[i].index, count = (size_t)t->translated[i].count;
    t->alignments[i] = hd_arena_alloc(&w->kept, count, sizeof *t->alignments[i]);
    if (!t->alignments[i]) status = HEED_MEMORY;
    for (size_t j = 0; j < count && status == HEED_OK; j++) {
        const hd_hypothesis *h = &t->translated[i].best[j];
        hd_buffer_clear(&out);
        status = hd_decoding_align(&w->context, t->model, t->settings, t->texts[index], t->sizes[index], h->ids,
                                   h->count, &out);
        if (status == HEED_LENGTH) { /* a problem of this text alone */
            status = copy_problem(w, w->context.message, &t->translated[i]);
            break;
        }
        if (status != HEED_OK) break;
        char *copy = hd_arena_alloc(&w->kept, out.size + 1, 1);
        if (copy) memcpy(copy, out.size ? out.data : "", out.size + 1);
        t->alignments[i][j] = copy;
        if (!copy) status = HEED_MEMORY;
    }
    hd_buffer_close(&out);
    return status;
}

static void align_piece(void *argument, int64_t piece, int number) {
    translating *t = argument;
    worker *w = &t->workers[number];
    if (w->status == HEED_OK) w->status = align_source(t, w, piece);
}

/* ---- all of them ---- */

/* Puts the longest first. */
static heed_status sort_sources(translating *t) {
    qsort(t->sources, t->source_count, sizeof *t->sources, longest_first);
    t->ends = hd_alloc(t->model->context, t->source_count, sizeof *t->ends);
    if (!t->ends) return HEED_MEMORY;
    int64_t end = 0;
    for (size_t i = 0; i < t->source_count; i++) t->ends[i] = end += t->sources[i].length;
    return HEED_OK;
}

/* Whether all threads run one session. The weights of a large model come from memory in each step, so one large batch reads
 * them once for all threads. Those of a small model stay in the caches: threads that shared every small operation of one
 * batch would spend their time waiting for each other, so each has a session and texts of its own. */
static bool shares_session(const translating *t) {
    enum { LARGE = 1 << 24 };
    const hd_network *network = t->model->network;
    int64_t parameters = 0;
    for (int64_t i = 0; i < network->count; i++) parameters += hd_parameter_count(network->parameters[i]);
    return parameters >= LARGE;
}

/* The defaults are the fastest of bench/translate_ctranslate2.py and bench/full_size.py. */
static void plan_sessions(translating *t) {
    enum { SHARED = 1024, SHARED_BEAMS = 640, OWN = 160, OWN_BEAMS = 128 };
    bool beams = t->settings->generation.beams > 1, shared = shares_session(t);
    t->session_count = shared ? 1 : (int)hd_max(hd_min(t->model->context->threads, (int64_t)t->source_count), 1);
    t->tokens_at_once = t->settings->batch_tokens;
    if (!t->tokens_at_once) t->tokens_at_once = shared ? beams ? SHARED_BEAMS : SHARED : beams ? OWN_BEAMS : OWN;
}

static heed_status open_workers(translating *t) {
    heed_context *shared = t->model->context;
    int count = (int)hd_max(hd_min(shared->threads, (int64_t)t->source_count), 1);
    t->workers = hd_alloc_zeroed(shared, (size_t)count, sizeof *t->workers);
    if (!t->workers) return HEED_MEMORY;
    hd_session_limits limits = {.draft = t->model->draft ? t->model->draft->network : NULL};
    plan_sessions(t);
    for (t->worker_count = 0; t->worker_count < count;) {
        worker *w = &t->workers[t->worker_count++];
        w->context = hd_context_worker(shared, shared->threads / t->session_count);
        hd_arena_open(&w->kept, &w->context);
        if (hd_decoding_ends_texts(t->settings) && hd_text_ends_open(&w->ends, &w->context, t->settings) != HEED_OK)
            return hd_fail_as(shared, &w->context, HEED_MEMORY);
        if (t->worker_count <= t->session_count &&
            hd_session_open(&w->context, t->model->network, &limits, &w->session) != HEED_OK)
            return hd_fail_as(shared, &w->context, HEED_MEMORY);
    }
    return hd_network_pack(t->model->network);
}

static void close_workers(translating *t) {
    for (int i = 0; i < t->worker_count; i++) {
        worker *w = &t->workers[i];
        hd_session_close(w->session);
        hd_text_ends_close(&w->ends);
        hd_arena_close(&w->kept);
    }
    hd_free(t->model->context, t->workers);
}

static heed_status worker_status(const translating *t) {
    for (int i = 0; i < t->worker_count; i++)
        if (t->workers[i].status != HEED_OK)
            return hd_fail_as(t->model->context, &t->workers[i].context, t->workers[i].status);
    return HEED_OK;
}

/* Whether the caller has stopped the call. What has finished is kept. */
static bool was_stopped(translating *t) {
    bool stopped = false;
    for (int i = 0; i < t->worker_count; i++) {
        if (t->workers[i].status != HEED_STOPPED) continue;
        t->workers[i].status = HEED_OK;
        stopped = true;
    }
    return stopped;
}

static heed_status translate_all(translating *t) {
    heed_context *context = t->model->context;
    t->translated = hd_alloc_zeroed(context, t->source_count, sizeof *t->translated);
    if (t->settings->alignment) t->alignments = hd_alloc(context, t->source_count, sizeof *t->alignments);
    if (!t->translated || (t->settings->alignment && !t->alignments)) return HEED_MEMORY;
    hd_parallel_for(context, t->session_count, INT64_MAX, run_worker, t);
    bool stopped = was_stopped(t);
    HD_TRY(worker_status(t));
    if (t->alignments) hd_parallel_for(context, (int64_t)t->source_count, INT64_MAX, align_piece, t);
    HD_TRY(worker_status(t));
    for (size_t i = 0; i < t->source_count; i++) HD_TRY(keep_answers(t, i));
    return stopped ? hd_fail(context, HEED_STOPPED, "stopped") : HEED_OK;
}

heed_status hd_translate(heed_model *model, const hd_decoding *settings, const char *const *texts, const size_t *sizes,
                         size_t count, heed_results **results) {
    heed_context *context = model->context;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, true, true, "a translation model"));
    HD_TRY(hd_results_open(context, count, results));
    hd_float_environment found = hd_float_enter();
    translating t = {.model = model, .settings = settings, .texts = texts, .sizes = sizes, .results = *results};
    t.sources = hd_alloc(context, count, sizeof *t.sources);
    heed_status status = t.sources ? encode_all(&t, count) : HEED_MEMORY;
    if (status == HEED_OK) status = sort_sources(&t);
    if (status == HEED_OK) status = open_workers(&t);
    if (status == HEED_OK) status = translate_all(&t);
    close_workers(&t);
    hd_free(context, t.alignments);
    hd_free(context, t.translated);
    hd_free(context, t.ends);
    hd_free(context, t.sources);
    hd_free(context, t.ids);
    hd_float_leave(found);
    if (status == HEED_OK || status == HEED_STOPPED) return status;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
