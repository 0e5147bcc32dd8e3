/* Named things in a text. A word has the label of its first piece; neighbours of one kind are one thing, unless the second
 * label begins with "B-". */
#include "tasks/encoded.h"

#include <string.h>

/* The byte at which character `number` begins. */
static size_t byte_of(const char *text, size_t size, uint32_t number) {
    size_t at = 0;
    for (; at < size; at++)
        if (((unsigned char)text[at] & 0xc0) != 0x80 && number-- == 0) break;
    return at;
}

/* The thing that is being read. */
typedef struct thing {
    const char *label; /* "B-PER"; NULL: none */
    uint32_t start, end;
    double sum; /* of its words' probabilities */
    int64_t words;
} thing;

static const char *kind_of(const char *label) { return label[0] && label[1] == '-' ? label + 2 : label; }

static heed_status close_thing(const hd_encoded *e, thing *t) {
    hd_result *item = &e->results->items[e->index];
    if (!t->label) return HEED_OK;
    size_t first = byte_of(e->text, e->size, t->start), end = byte_of(e->text, e->size, t->end);
    while (first < end && strchr(" \t", e->text[first])) first++, t->start++; /* a piece may hold the blank before it */
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

static heed_status read_word(const hd_encoded *e, size_t token, double *probabilities, thing *t) {
    int64_t labels = e->model->network->recipe.labels, best = 0;
    hd_probabilities(e->logits->data + (int64_t)token * e->logits->columns, labels, probabilities);
    for (int64_t i = 1; i < labels; i++)
        if (probabilities[i] > probabilities[best]) best = i;
    const char *label = e->model->labels[best];
    bool outside = strcmp(label, "O") == 0;
    bool same = t->label && !outside && label[0] != 'B' && strcmp(kind_of(t->label), kind_of(label)) == 0;
    if (!same) HD_TRY(close_thing(e, t));
    if (outside) return HEED_OK;
    if (!same) *t = (thing){.label = label, .start = e->encoding->starts[token]};
    t->end = e->encoding->ends[token];
    t->sum += probabilities[best];
    t->words++;
    return HEED_OK;
}

static heed_status answer(void *user, const hd_encoded *e) {
    (void)user;
    const hd_encoding *encoding = e->encoding;
    hd_result *item = &e->results->items[e->index];
    item->answers = hd_arena_alloc(&e->results->arena, encoding->count, sizeof *item->answers);
    double *probabilities =
        hd_alloc(e->model->context, (size_t)e->model->network->recipe.labels, sizeof *probabilities);
    heed_status status = item->answers && probabilities ? HEED_OK : HEED_MEMORY;
    thing t = {.label = NULL};
    for (size_t i = 0; i < encoding->count && status == HEED_OK; i++) {
        if (encoding->ends[i] == encoding->starts[i]) continue; /* the template put it in */
        if (!hd_tokenizer_goes_on(e->model->tokenizer, encoding, i))
            status = read_word(e, i, probabilities, &t);
        else if (t.label)
            t.end = encoding->ends[i];
    }
    if (status == HEED_OK) status = close_thing(e, &t);
    hd_free(e->model->context, probabilities);
    return status;
}

heed_status heed_tag(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                     heed_results **results) {
    return hd_encode_texts(model, HD_HEAD_CLASSIFY_TOKENS, "tags words", texts, sizes, count, answer, NULL, results);
}
