/* Named-entity recognition. A word has the label of its first subword token. Adjacent words of one kind are one entity,
 * unless the first one's label ends an entity (E-, S-, L-, U-) or the second one's begins one (B-, S-, U-). */
#include "base/real.h"
#include "tasks/encoded.h"
#include "text/unicode.h"

#include <string.h>

static bool is_space(char c) { return strchr(" \t\r\n", c) != NULL; }

/* Does a word begin with this token? It does if a space comes before its first visible character, or if the vocabulary
 * marks it as the beginning of a word. */
static bool begins_a_word(const hd_encoded *e, size_t token) {
    uint32_t start = e->encoding->starts[token], end = e->encoding->ends[token];
    if (end == start) return false; /* a special token of the template */
    size_t first = hd_utf8_offset(e->text, e->size, start), last = hd_utf8_offset(e->text, e->size, end), at = first;
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

/* The entity that the words read last belong to. */
typedef struct entity {
    const char *kind; /* NULL: none */
    bool ended;
    uint32_t start, end;
    double sum; /* of the probabilities of its words */
    int64_t words;
} entity;

static heed_status close_entity(const hd_encoded *e, entity *t) {
    hd_result *item = &e->results->items[e->index];
    if (!t->kind) return HEED_OK;
    size_t first = hd_utf8_offset(e->text, e->size, t->start), end = hd_utf8_offset(e->text, e->size, t->end);
    /* a token may include the space before it, or be a space alone */
    while (first < end && is_space(e->text[first])) first++, t->start++;
    while (end > first && is_space(e->text[end - 1])) end--, t->end--;
    char *words = hd_results_copy(e->results, e->text + first, end - first);
    if (!words) return HEED_MEMORY;
    item->answers[item->count++] = (hd_answer){.text = words,
                                               .size = end - first,
                                               .label = t->kind,
                                               .score = (float)(t->sum / (double)t->words),
                                               .start = t->start,
                                               .end = t->end};
    t->kind = NULL;
    return HEED_OK;
}

/* The words of a text: the position of the first token of each, and its predicted label. */
typedef struct words {
    int64_t count;
    int32_t *tokens, *labels; /* [count] */
    const float *logits;      /* [count, classes] */
    int64_t classes;
} words;

static heed_status choose_labels(const hd_encoded *e, words *w) {
    hd_pass *pass = e->pass;
    const hd_encoding *encoding = e->encoding;
    w->tokens = hd_pass_alloc(pass, encoding->count, sizeof *w->tokens);
    w->labels = hd_pass_alloc(pass, encoding->count, sizeof *w->labels);
    if (!w->tokens || !w->labels) return pass->status;
    for (size_t i = 0; i < encoding->count; i++)
        if (begins_a_word(e, i)) w->tokens[w->count++] = (int32_t)i;
    hd_tensor *logits = hd_choose_labels(e, w->tokens, w->count, w->labels);
    if (!logits) return pass->status;
    w->classes = logits->columns;
    w->logits = hd_pass_download(pass, logits->data, hd_tensor_count(logits));
    return pass->status;
}

static heed_status read_word(const hd_encoded *e, const words *w, int64_t i, double *probabilities, entity *t) {
    position p = read_label(e->model->labels[w->labels[i]]);
    bool same = t->kind && !t->ended && !p.outside && !p.begins && strcmp(t->kind, p.kind) == 0;
    if (!same) HD_TRY(close_entity(e, t));
    if (p.outside) return HEED_OK;
    if (!same) *t = (entity){.kind = p.kind, .start = e->encoding->starts[w->tokens[i]]};
    hd_softmax(w->logits + i * w->classes, w->classes, probabilities);
    t->sum += probabilities[w->labels[i]];
    t->words++;
    t->ended = p.ends;
    int64_t end = i + 1 < w->count ? w->tokens[i + 1] : (int64_t)e->encoding->count;
    for (int64_t token = w->tokens[i]; token < end; token++)
        if (e->encoding->ends[token] > e->encoding->starts[token]) t->end = e->encoding->ends[token];
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
    entity t = {.kind = NULL};
    for (int64_t i = 0; i < w.count; i++) HD_TRY(read_word(e, &w, i, probabilities, &t));
    return close_entity(e, &t);
}

heed_status heed_tag(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                     heed_results **results) {
    return hd_encode_texts(model, HD_HEAD_CLASSIFY_TOKENS, "a token classification model", texts, sizes, count, answer,
                           NULL, results);
}
