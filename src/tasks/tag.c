/* Named entities in a text. A word has the label of its first piece; neighbours of one kind are one entity, unless the second
 * label begins with "B-". */
#include "tasks/encoded.h"
#include "text/unicode.h"

#include <string.h>

static bool is_blank(char c) { return strchr(" \t\r\n", c) != NULL; }

/* Does a word begin with this token? Its first character that is no blank stands behind one, or the vocabulary marks it. */
static bool begins_a_word(const hd_encoded *e, size_t token) {
    uint32_t start = e->encoding->starts[token], end = e->encoding->ends[token];
    if (end == start) return false; /* the template put it in */
    size_t first = hd_utf8_offset(e->text, e->size, start), last = hd_utf8_offset(e->text, e->size, end), at = first;
    while (at < last && is_blank(e->text[at])) at++;
    if (at == last) return false;
    return at == 0 || is_blank(e->text[at - 1]) || !hd_tokenizer_goes_on(e->model->tokenizer, e->encoding, token);
}

/* The entity that is being read. */
typedef struct entity {
    const char *label; /* "B-PER"; NULL: none */
    uint32_t start, end;
    double sum; /* of its words' probabilities */
    int64_t words;
} entity;

static const char *kind_of(const char *label) { return label[0] && label[1] == '-' ? label + 2 : label; }

static heed_status close_entity(const hd_encoded *e, entity *t) {
    hd_result *item = &e->results->items[e->index];
    if (!t->label) return HEED_OK;
    size_t first = hd_utf8_offset(e->text, e->size, t->start), end = hd_utf8_offset(e->text, e->size, t->end);
    /* a piece may hold the blank before it, or be nothing else */
    while (first < end && is_blank(e->text[first])) first++, t->start++;
    while (end > first && is_blank(e->text[end - 1])) end--, t->end--;
    char *words = hd_results_copy(e->results, e->text + first, end - first);
    if (!words) return HEED_MEMORY;
    item->answers[item->count++] = (hd_answer){.text = words,
                                               .label = kind_of(t->label),
                                               .score = (float)(t->sum / (double)t->words),
                                               .start = t->start,
                                               .end = t->end};
    t->label = NULL;
    return HEED_OK;
}

/* The words of a text: the row of each one's first piece, and of its logits the label that is chosen. */
typedef struct words {
    int64_t count;
    int32_t *tokens, *labels; /* [count] */
    hd_tensor *logits;        /* [count, labels] */
} words;

static heed_status choose_labels(const hd_encoded *e, words *w) {
    hd_pass *pass = e->pass;
    const hd_encoding *encoding = e->encoding;
    w->tokens = hd_pass_alloc(pass, encoding->count, sizeof *w->tokens);
    w->labels = hd_pass_alloc(pass, encoding->count, sizeof *w->labels);
    if (!w->tokens || !w->labels) return pass->status;
    for (size_t i = 0; i < encoding->count; i++)
        if (begins_a_word(e, i)) w->tokens[w->count++] = (int32_t)i;
    w->logits = hd_choose_labels(e, w->tokens, w->count, w->labels);
    return pass->status;
}

static heed_status read_word(const hd_encoded *e, const words *w, int64_t i, double *probabilities, entity *t) {
    const char *label = e->model->labels[w->labels[i]];
    bool outside = strcmp(label, "O") == 0;
    bool same = t->label && !outside && label[0] != 'B' && strcmp(kind_of(t->label), kind_of(label)) == 0;
    if (!same) HD_TRY(close_entity(e, t));
    if (outside) return HEED_OK;
    if (!same) *t = (entity){.label = label, .start = e->encoding->starts[w->tokens[i]]};
    hd_probabilities(w->logits->data + i * w->logits->columns, w->logits->columns, probabilities);
    t->sum += probabilities[w->labels[i]];
    t->words++;
    int64_t end = i + 1 < w->count ? w->tokens[i + 1] : (int64_t)e->encoding->count;
    for (int64_t piece = w->tokens[i]; piece < end; piece++)
        if (e->encoding->ends[piece] > e->encoding->starts[piece]) t->end = e->encoding->ends[piece];
    return HEED_OK;
}

static heed_status answer(void *user, const hd_encoded *e) {
    (void)user;
    words w = {0};
    HD_TRY(choose_labels(e, &w));
    hd_result *item = &e->results->items[e->index];
    item->answers = hd_arena_alloc(&e->results->arena, (size_t)w.count, sizeof *item->answers);
    double *probabilities = hd_pass_alloc(e->pass, (size_t)e->model->network->recipe.labels, sizeof *probabilities);
    if (!item->answers || !probabilities) return HEED_MEMORY;
    entity t = {.label = NULL};
    for (int64_t i = 0; i < w.count; i++) HD_TRY(read_word(e, &w, i, probabilities, &t));
    return close_entity(e, &t);
}

heed_status heed_tag(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                     heed_results **results) {
    return hd_encode_texts(model, HD_HEAD_CLASSIFY_TOKENS, "tags words", texts, sizes, count, answer, NULL, results);
}
