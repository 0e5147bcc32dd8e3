/* Text classification. */
#include "base/options.h"
#include "tasks/encoded.h"

#include <stdlib.h>
#include <string.h>

typedef struct classify_settings {
    int64_t best; /* labels per text; 0: all */
    int scores;   /* 0: by the model's problem; else an hd_problem + 1 */
} classify_settings;

static const hd_setting option_rows[] = {
    {"best", HD_SETTING_INT, offsetof(classify_settings, best), "0", 0, 1 << 20, "NUMBER",
     "labels per text, the most probable first; 0: all"},
    {"scores", HD_SETTING_CHOICE, offsetof(classify_settings, scores), "auto", 0, 0, "auto|softmax|sigmoid|none",
     "function from logits to scores; auto: that of the model's problem_type"},
};

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(classify_settings)};

heed_status heed_classify_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static int by_score(const void *a, const void *b) {
    const hd_answer *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start); /* the label's id, until they are sorted */
}

/* The rows that the head pools. Two directions of a recurrent network end in different rows. */
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

static heed_status answer(void *user, const hd_encoded *e) {
    const classify_settings *settings = user;
    int64_t labels = e->model->network->recipe.labels;
    hd_result *item = &e->results->items[e->index];
    item->answers = hd_arena_alloc(&e->results->arena, (size_t)labels, sizeof *item->answers);
    double *scores = hd_alloc(e->model->context, (size_t)labels, sizeof *scores);
    const float *logits = hd_pass_download(e->pass, e->logits->data, labels);
    if (!item->answers || !scores || !logits) {
        hd_free(e->model->context, scores);
        return HEED_MEMORY;
    }
    hd_labels_score(settings->scores ? settings->scores - 1 : e->model->problem, logits, labels, scores);
    for (int64_t i = 0; i < labels; i++) {
        const char *label = e->model->labels[i];
        item->answers[i] = (hd_answer){
            .text = label, .size = strlen(label), .label = label, .score = (float)scores[i], .start = (uint32_t)i};
    }
    hd_free(e->model->context, scores);
    qsort(item->answers, (size_t)labels, sizeof *item->answers, by_score);
    for (int64_t i = 0; i < labels; i++) item->answers[i].start = 0;
    item->count = (size_t)(settings->best ? hd_min(settings->best, labels) : labels);
    return HEED_OK;
}

static heed_status classify(heed_model *model, const heed_options *options, const hd_encoded_texts *texts,
                            heed_results **results) {
    static const hd_encoded_task task = {HD_HEAD_CLASSIFY_TEXT, "a text classification model", hd_select_pooled,
                                         answer};
    classify_settings settings = {0};
    *results = NULL;
    HD_TRY(hd_options_apply(model->context, options, &table, &settings));
    return hd_encode_texts(model, &task, texts, &settings, results);
}

heed_status hd_classify(heed_model *model, const hd_encoded_texts *texts, heed_results **results) {
    return classify(model, NULL, texts, results);
}

heed_status heed_classify(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                          size_t count, heed_results **results) {
    return classify(model, options, &(hd_encoded_texts){.texts = texts, .sizes = sizes, .count = count}, results);
}
