/* Text classification. */
#include "base/real.h"
#include "tasks/encoded.h"

#include <stdlib.h>
#include <string.h>

static int by_score(const void *a, const void *b) {
    const hd_answer *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start); /* the label's id, until they are sorted */
}

static heed_status answer(void *user, const hd_encoded *e) {
    (void)user;
    int64_t labels = e->model->network->recipe.labels;
    hd_result *item = &e->results->items[e->index];
    item->answers = hd_arena_alloc(&e->results->arena, (size_t)labels, sizeof *item->answers);
    double *probabilities = hd_alloc(e->model->context, (size_t)labels, sizeof *probabilities);
    const float *logits = hd_pass_download(e->pass, e->logits->data, labels);
    if (!item->answers || !probabilities || !logits) {
        hd_free(e->model->context, probabilities);
        return HEED_MEMORY;
    }
    hd_softmax(logits, labels, probabilities);
    for (int64_t i = 0; i < labels; i++) {
        const char *label = e->model->labels[i];
        item->answers[i] = (hd_answer){.text = label,
                                       .size = strlen(label),
                                       .label = label,
                                       .score = (float)probabilities[i],
                                       .start = (uint32_t)i};
    }
    hd_free(e->model->context, probabilities);
    qsort(item->answers, (size_t)labels, sizeof *item->answers, by_score);
    for (int64_t i = 0; i < labels; i++) item->answers[i].start = 0;
    item->count = (size_t)labels;
    return HEED_OK;
}

heed_status heed_classify(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                          heed_results **results) {
    return hd_encode_texts(model, HD_HEAD_CLASSIFY_TEXT, "a text classification model", texts, sizes, count, answer,
                           NULL, results);
}
