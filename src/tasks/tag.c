/* Named-entity recognition. A word has the label of its first subword token. Adjacent words of one kind are one entity,
 * unless the first one's label ends an entity (E-, S-, L-, U-) or the second one's begins one (B-, S-, U-). */
#include "base/options.h"
#include "base/real.h"
#include "tasks/aggregate.h"
#include "text/unicode.h"

#include <string.h>

typedef struct tag_settings {
    int aggregation; /* hd_aggregation */
    hd_string_list ignored;
    int64_t stride;
} tag_settings;

static const hd_setting option_rows[] = {
    {"aggregation", HD_SETTING_CHOICE, offsetof(tag_settings, aggregation), "entities", 0, 0, HD_AGGREGATIONS,
     "none: each token; others as aggregation_strategy of transformers; entities: whole words, as in the labels"},
    {"ignore", HD_SETTING_LIST, offsetof(tag_settings, ignored), "O", 0, 0, "LABEL",
     "with another aggregation than entities: label that is left out"},
    {"stride", HD_SETTING_INT, offsetof(tag_settings, stride), "-1", -1, 1 << 24, "NUMBER",
     "tokens that windows of a long text have in common; -1: a quarter of a window"},
};

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(tag_settings)};

heed_status heed_tag_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static bool is_space(char c) { return strchr(" \t\r\n", c) != NULL; }

/* Whether a token has no visible character: it is one of the template, or a space alone. */
static bool is_blank(const hd_encoded *e, size_t token) {
    size_t at = hd_encoded_byte(e, e->encoding->starts[token]);
    size_t end = hd_encoded_byte(e, e->encoding->ends[token]);
    while (at < end && is_space(e->text[at])) at++;
    return at == end;
}

/* Does a word begin with this token? It does if a space comes before its first visible character, or if the vocabulary
 * marks it as the beginning of a word. */
static bool begins_a_word(const hd_encoded *e, size_t token) {
    uint32_t start = e->encoding->starts[token], end = e->encoding->ends[token];
    if (end == start) return false; /* a special token of the template */
    size_t first = hd_encoded_byte(e, start), last = hd_encoded_byte(e, end), at = first;
    while (at < last && is_space(e->text[at])) at++;
    if (at == last) return false;
    return at == 0 || is_space(e->text[at - 1]) ||
           !hd_tokenizer_continues_word(e->model->tokenizer, e->encoding, token);
}

/* What a label says of a word: whether an entity begins or ends there, and its kind. The schemes IO, BIO, IOE, BIOES and
 * BILOU mix without conflict. Any other label, "PER" or "e-mail", is a kind; a tag alone has the kind "_", as in seqeval. */
typedef struct position {
    bool outside, begins, ends;
    const char *kind;
} position;

static position read_label(const char *label) {
    if (strcmp(label, "O") == 0) return (position){.outside = true, .kind = ""};
    bool tagged = label[0] && strchr("BIESLU", label[0]) && (label[1] == '-' || !label[1]);
    if (!tagged) return (position){.kind = label};
    return (position){.begins = strchr("BSU", label[0]) != NULL,
                      .ends = strchr("ESLU", label[0]) != NULL,
                      .kind = label[1] && label[2] ? label + 2 : "_"};
}

/* The entity that the words read last belong to. As in transformers, its span and its text are those of its tokens: the first one
 * may include the space before it. */
typedef struct entity {
    const char *kind; /* NULL: none */
    bool ended;
    size_t first, end; /* its tokens */
    double sum;        /* of the probabilities of its words */
    int64_t words;
} entity;

static heed_status close_entity(const hd_encoded *e, entity *t) {
    hd_result *item = &e->results->items[e->index];
    hd_buffer words;
    if (!t->kind) return HEED_OK;
    hd_buffer_open(&words, e->model->context);
    heed_status status =
        hd_tokenizer_decode_range(e->model->tokenizer, e->encoding, t->first, t->end, e->text, e->size, &words);
    char *copy = status == HEED_OK ? hd_results_copy(e->results, words.data, words.size) : NULL;
    if (copy)
        item->answers[item->count++] = (hd_answer){.text = copy,
                                                   .size = words.size,
                                                   .label = t->kind,
                                                   .score = (float)(t->sum / (double)t->words),
                                                   .start = e->encoding->starts[t->first],
                                                   .end = e->encoding->ends[t->end - 1]};
    hd_buffer_close(&words);
    t->kind = NULL;
    return copy ? HEED_OK : status == HEED_OK ? HEED_MEMORY : status;
}

static heed_status select_tokens(void *user, const hd_encoded *e, int32_t *rows, int64_t *count) {
    const tag_settings *settings = user;
    size_t first = e->encoding->firsts[0], end = first + e->encoding->counts[0];
    for (size_t i = first; i < end; i++)
        if (settings->aggregation || begins_a_word(e, i)) rows[(*count)++] = (int32_t)i;
    return HEED_OK;
}

/* Labels [row_count] of a text's words or tokens, and their logits [row_count, classes]. */
typedef struct words {
    int32_t *labels;
    const float *logits;
    int64_t classes;
} words;

static heed_status choose_labels(const hd_encoded *e, words *w) {
    if (!e->row_count) return HEED_OK;
    w->labels = hd_pass_alloc(e->pass, (size_t)e->row_count, sizeof *w->labels);
    if (!w->labels) return e->pass->status;
    HD_TRY(hd_choose_labels(e, w->labels));
    w->classes = e->logits->columns;
    w->logits = hd_pass_download(e->pass, e->logits->data, hd_tensor_count(e->logits));
    return e->pass->status;
}

static heed_status read_word(const hd_encoded *e, const words *w, int64_t i, double *probabilities, entity *t) {
    position p = read_label(e->model->labels[w->labels[i]]);
    bool same = t->kind && !t->ended && !p.outside && !p.begins && strcmp(t->kind, p.kind) == 0;
    if (!same) HD_TRY(close_entity(e, t));
    if (p.outside) return HEED_OK;
    if (!same) *t = (entity){.kind = p.kind, .first = (size_t)e->rows[i]};
    hd_softmax(w->logits + i * w->classes, w->classes, probabilities);
    t->sum += probabilities[w->labels[i]];
    t->words++;
    t->ended = p.ends;
    size_t end = i + 1 < e->row_count ? (size_t)e->rows[i + 1] : e->encoding->count;
    for (size_t token = (size_t)e->rows[i]; token < end; token++)
        if (!is_blank(e, token)) t->end = token + 1;
    return HEED_OK;
}

static bool is_ignored(const tag_settings *settings, const char *label) {
    for (size_t i = 0; i < settings->ignored.count; i++)
        if (strcmp(settings->ignored.items[i], label) == 0) return true;
    return false;
}

static heed_status aggregate(const tag_settings *settings, const hd_encoded *e) {
    hd_result *item = &e->results->items[e->index];
    words w = {0};
    size_t kept = item->count;
    HD_TRY(choose_labels(e, &w));
    HD_TRY(hd_aggregate_labels(e, (hd_aggregation)settings->aggregation, w.labels, w.logits, w.classes));
    for (size_t i = kept; i < item->count; i++)
        if (!is_ignored(settings, item->answers[i].label)) item->answers[kept++] = item->answers[i];
    item->count = kept;
    return HEED_OK;
}

/* As in transformers, each window is a text of its own, and positions are those in the window. */
static heed_status aggregate_window(const tag_settings *settings, const hd_encoded *e, const hd_window *window) {
    hd_result *item = &e->results->items[e->index];
    size_t first = item->count;
    hd_encoded part = *e;
    part.rows += window->first_row;
    part.row_count = window->row_count;
    part.logits = hd_tensor_new(e->pass, part.row_count, e->windows->columns, NULL);
    if (!part.logits) return e->pass->status;
    hd_pass_upload(e->pass, window->logits, hd_tensor_count(part.logits), part.logits->data);
    HD_TRY(aggregate(settings, &part));
    for (size_t i = first; i < item->count; i++)
        item->answers[i].position -= (int32_t)(window->first - e->encoding->firsts[0]);
    return HEED_OK;
}

static heed_status aggregate_windows(const tag_settings *settings, const hd_encoded *e) {
    const hd_windowed_text *windows = e->windows;
    for (size_t i = 0; i < windows->count; i++)
        if (windows->windows[i].row_count) HD_TRY(aggregate_window(settings, e, &windows->windows[i]));
    hd_merge_overlapping(&e->results->items[e->index]);
    return HEED_OK;
}

static heed_status find_entities(const hd_encoded *e) {
    words w = {0};
    HD_TRY(choose_labels(e, &w));
    double *probabilities = e->row_count ? hd_pass_alloc(e->pass, (size_t)w.classes, sizeof *probabilities) : NULL;
    if (e->row_count && !probabilities) return HEED_MEMORY;
    entity t = {.kind = NULL};
    for (int64_t i = 0; i < e->row_count; i++) HD_TRY(read_word(e, &w, i, probabilities, &t));
    return close_entity(e, &t);
}

static heed_status answer(void *user, const hd_encoded *e) {
    const tag_settings *settings = user;
    hd_result *item = &e->results->items[e->index];
    bool separate = e->windows && settings->aggregation && settings->stride >= 0;
    size_t most = (size_t)e->row_count;
    for (size_t i = 0; separate && i < e->windows->count; i++) most += (size_t)e->windows->windows[i].row_count;
    item->answers = hd_arena_alloc(&e->results->arena, most, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    if (separate) return aggregate_windows(settings, e);
    return settings->aggregation ? aggregate(settings, e) : find_entities(e);
}

static heed_status tag(heed_model *model, tag_settings *settings, const hd_encoded_texts *texts,
                       heed_results **results) {
    const hd_encoded_task task = {.head = HD_HEAD_CLASSIFY_TOKENS,
                                  .kind = "a token classification model",
                                  .select = select_tokens,
                                  .answer = answer,
                                  .window = hd_model_window(model),
                                  .stride = settings->stride};
    if (task.window && settings->stride >= task.window)
        return hd_fail(model->context, HEED_ARGUMENT, "stride is %lld, but a window has %lld tokens",
                       (long long)settings->stride, (long long)task.window);
    return hd_encode_texts(model, &task, texts, settings, results);
}

heed_status heed_tag(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                     size_t count, heed_results **results) {
    tag_settings settings;
    *results = NULL;
    const hd_encoded_texts of = {.texts = texts, .sizes = sizes, .count = count};
    heed_status status = hd_settings_default(model->context, option_rows, HD_COUNT(option_rows), &settings);
    if (status == HEED_OK) status = hd_options_apply(model->context, options, &table, &settings);
    if (status == HEED_OK) status = tag(model, &settings, &of, results);
    hd_settings_free(model->context, option_rows, HD_COUNT(option_rows), &settings);
    return status;
}
