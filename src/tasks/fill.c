/* The word that a mask hides. */
#include "tasks/encoded.h"

#include <string.h>

/* The likeliest tokens, the best first; of equal ones the lower id. */
static int64_t find_best(const float *logits, int64_t count, int64_t most, int32_t *best) {
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t place = found;
        if (found == most && !(logits[i] > logits[best[most - 1]])) continue;
        if (found < most)
            found++;
        else
            place--;
        for (; place > 0 && logits[i] > logits[best[place - 1]]; place--) best[place] = best[place - 1];
        best[place] = (int32_t)i;
    }
    return found;
}

typedef struct filling {
    size_t best;
    int32_t mask;
    int32_t *tokens;       /* [best] */
    double *probabilities; /* [vocabulary] */
    int32_t *ids;          /* the text's, to be changed */
    size_t ids_capacity;
} filling;

/* The one mask's place; SIZE_MAX, with the text's problem set, when there is not one. */
static heed_status find_mask(const filling *f, const hd_encoded *e, size_t *place) {
    size_t masks = 0;
    *place = SIZE_MAX;
    for (size_t i = 0; i < e->encoding->count; i++)
        if (e->encoding->ids[i] == f->mask && masks++ == 0) *place = i;
    if (masks == 1) return HEED_OK;
    *place = SIZE_MAX;
    if (masks)
        hd_fail(e->model->context, HEED_ARGUMENT, "%zu words are hidden, and one at a time can be told", masks);
    else
        hd_fail(e->model->context, HEED_ARGUMENT, "no word is hidden: put %s in its place",
                f->mask < 0 ? "a mask" : hd_tokenizer_token(e->model->tokenizer, f->mask));
    return hd_results_problem(e->results, e->index, e->model->context->message);
}

static heed_status add_word(const filling *f, const hd_encoded *e, size_t place, int32_t token, hd_answer *answer) {
    const heed_tokenizer *tokenizer = e->model->tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, e->model->context);
    f->ids[place] = token;
    heed_status status = hd_tokenizer_decode(tokenizer, f->ids, e->encoding->count, true, &text);
    char *sequence = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_clear(&text);
    if (status == HEED_OK) status = hd_tokenizer_decode(tokenizer, &token, 1, true, &text);
    char *word = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_close(&text);
    if (status == HEED_OK && (!sequence || !word)) status = HEED_MEMORY;
    *answer = (hd_answer){.text = sequence, .label = word, .score = (float)f->probabilities[token]};
    return status;
}

static heed_status answer(void *user, const hd_encoded *e) {
    filling *f = user;
    int64_t classes = e->logits->columns;
    size_t place, count = e->encoding->count;
    HD_TRY(find_mask(f, e, &place));
    if (place == SIZE_MAX) return HEED_OK;
    hd_result *item = &e->results->items[e->index];
    item->answers = hd_arena_alloc(&e->results->arena, f->best, sizeof *item->answers);
    if (!item->answers || !hd_grow(e->model->context, &f->ids, &f->ids_capacity, count, sizeof *f->ids))
        return HEED_MEMORY;
    memcpy(f->ids, e->encoding->ids, count * sizeof *f->ids);
    const float *logits = e->logits->data + (int64_t)place * classes;
    hd_probabilities(logits, classes, f->probabilities);
    int64_t found = find_best(logits, classes, (int64_t)f->best, f->tokens);
    for (int64_t i = 0; i < found; i++) HD_TRY(add_word(f, e, place, f->tokens[i], &item->answers[i]));
    item->count = (size_t)found;
    return HEED_OK;
}

heed_status heed_fill(heed_model *model, const char *const *texts, const size_t *sizes, size_t count, size_t best,
                      heed_results **results) {
    heed_context *context = model->context;
    filling f = {.best = best ? best : 1, .mask = hd_tokenizer_mask(model->tokenizer)};
    *results = NULL;
    f.tokens = hd_alloc(context, f.best, sizeof *f.tokens);
    f.probabilities = hd_alloc(context, (size_t)model->network->output->rows, sizeof *f.probabilities);
    heed_status status = f.tokens && f.probabilities ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK)
        status = hd_encode_texts(model, HD_HEAD_MASKED, "fills in words", texts, sizes, count, answer, &f, results);
    hd_free(context, f.tokens);
    hd_free(context, f.probabilities);
    hd_free(context, f.ids);
    return status;
}
