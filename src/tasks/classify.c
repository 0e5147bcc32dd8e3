/* Classification of texts and of pairs of texts. */
#include "base/options.h"
#include "tasks/encoded.h"
#include "tasks/zero_shot.h"

#include <stdlib.h>
#include <string.h>

typedef struct classify_settings {
    int64_t top; /* labels per text; 0: all */
    int scores;  /* 0: by the model's problem; else an hd_problem + 1 */
    bool truncate;
    hd_string_list labels; /* of zero-shot classification */
    char *template;
    bool multi_label;
} classify_settings;

#define F(field)  offsetof(classify_settings, field)
#define ZERO_SHOT "Zero-shot classification"
static const hd_setting option_rows[] = {
    {"top", HD_SETTING_INT, F(top), "0", 0, 1 << 20, "NUMBER", "labels per text, the most probable first; 0: all"},
    {"scores", HD_SETTING_CHOICE, F(scores), "auto", 0, 0, "auto|softmax|sigmoid|none",
     "function from logits to scores; auto: that of the model's problem_type"},
    {"truncate", HD_SETTING_BOOL, F(truncate), NULL, 0, 0, NULL,
     "texts that are longer than the model are cut, not refused; a message gives the place"},
    {"label", HD_SETTING_LIST, F(labels), NULL, 0, 0, "LABEL", "zero-shot classification: a label to choose among",
     NULL, 0, ZERO_SHOT},
    {"template", HD_SETTING_STRING, F(template), NULL, 0, 0, "TEXT",
     "zero-shot classification: hypothesis with {} for the label (default \"This example is {}.\")", NULL, 0,
     ZERO_SHOT},
    {"multi-label", HD_SETTING_BOOL, F(multi_label), NULL, 0, 0, NULL,
     "zero-shot classification: each label has a probability of its own", NULL, 0, ZERO_SHOT},
};
#undef F

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(classify_settings)};

heed_status heed_classify_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static int by_score(const void *a, const void *b) {
    const hd_answer *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start); /* the label's id, until they are sorted */
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
    item->count = (size_t)(settings->top ? hd_min(settings->top, labels) : labels);
    return HEED_OK;
}

/* HEED_ARGUMENT for an option without effect. */
static heed_status check_settings(heed_context *context, const classify_settings *settings, bool pairs) {
    if (settings->labels.count) {
        if (pairs) return hd_fail(context, HEED_ARGUMENT, "label classifies single texts, not pairs");
        return settings->scores ? hd_fail(context, HEED_ARGUMENT, "label and scores exclude each other") : HEED_OK;
    }
    if (!settings->template && !settings->multi_label) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%s requires label", settings->template ? "template" : "multi-label");
}

static heed_status run(heed_model *model, classify_settings *settings, const hd_encoded_texts *texts,
                       heed_results **results) {
    HD_TRY(check_settings(model->context, settings, texts->seconds));
    if (settings->labels.count) {
        const hd_zero_shot zero_shot = {&settings->labels, settings->template, settings->multi_label, settings->top};
        return hd_classify_zero_shot(model, &zero_shot, texts, results);
    }
    const hd_encoded_task task = {.head = HD_HEAD_CLASSIFY_TEXT,
                                  .kind = "a text classification model",
                                  .select = hd_select_pooled,
                                  .answer = answer,
                                  .most = settings->truncate ? hd_model_window(model) : 0};
    return hd_encode_texts(model, &task, texts, settings, results);
}

static heed_status classify(heed_model *model, const heed_options *options, const hd_encoded_texts *texts,
                            heed_results **results) {
    classify_settings settings;
    *results = NULL;
    heed_status status = hd_settings_default(model->context, option_rows, HD_COUNT(option_rows), &settings);
    if (status == HEED_OK) status = hd_options_apply(model->context, options, &table, &settings);
    if (status == HEED_OK) status = run(model, &settings, texts, results);
    hd_settings_free(model->context, option_rows, HD_COUNT(option_rows), &settings);
    return status;
}

heed_status heed_classify(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                          size_t count, heed_results **results) {
    return classify(model, options, &(hd_encoded_texts){.texts = texts, .sizes = sizes, .count = count}, results);
}

heed_status heed_classify_pairs(heed_model *model, const heed_options *options, const char *const *texts,
                                const size_t *sizes, const char *const *seconds, const size_t *second_sizes,
                                size_t count, heed_results **results) {
    *results = NULL;
    HD_TRY(hd_results_check(model->context, seconds, count));
    static const char *const none[1];
    const hd_encoded_texts pairs = {.texts = texts,
                                    .sizes = sizes,
                                    .seconds = seconds ? seconds : none,
                                    .second_sizes = second_sizes,
                                    .count = count};
    return classify(model, options, &pairs, results);
}
