/* Masked language modelling: predicts the tokens at the masks of a text. */
#include "base/best.h"
#include "base/options.h"
#include "base/real.h"
#include "tasks/encoded.h"

#include <string.h>

/* The tokens with the largest logits, the best first; of equal ones the lower id. */
static void find_best(const float *logits, int64_t classes, int64_t count, hd_ranked *best) {
    int64_t found = 0;
    for (int64_t i = 0; i < classes; i++)
        hd_keep_best(best, &found, count, sizeof *best, &(hd_ranked){logits[i], (int32_t)i});
}

typedef struct fill_settings {
    int64_t best;
} fill_settings;

static const hd_setting option_rows[] = {
    {"best", HD_SETTING_INT, offsetof(fill_settings, best), "1", 1, 1000, "NUMBER", "number of words per mask"},
};

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(fill_settings)};

heed_status heed_fill_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct filling {
    int64_t best;
    int32_t mask;
    int32_t *ids;          /* of the text, with the best prediction in place of each mask */
    hd_ranked *ranked;     /* [masks, best]: tokens and their logits */
    double *probabilities; /* [vocabulary] */
    size_t ids_capacity, ranked_capacity;
} filling;

static heed_status select_masks(void *user, const hd_encoded *e, int32_t *rows, int64_t *count) {
    const filling *f = user;
    for (size_t i = 0; i < e->encoding->count; i++)
        if (e->encoding->ids[i] == f->mask) rows[(*count)++] = (int32_t)i;
    return HEED_OK;
}

/* *answer is `token` for the mask at position `place`, and the text with it. */
static heed_status set_answer(const filling *f, const hd_encoded *e, size_t place, int32_t token, hd_answer *answer) {
    const heed_tokenizer *tokenizer = e->model->tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, e->model->context);
    int32_t best = f->ids[place];
    f->ids[place] = token;
    heed_status status = hd_tokenizer_decode(tokenizer, f->ids, e->encoding->count, true, &text);
    f->ids[place] = best;
    size_t size = text.size;
    char *sequence = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_clear(&text);
    if (status == HEED_OK) status = hd_tokenizer_decode(tokenizer, &token, 1, true, &text);
    char *word = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_close(&text);
    if (status == HEED_OK && (!sequence || !word)) status = HEED_MEMORY;
    *answer = (hd_answer){.text = sequence,
                          .size = size,
                          .label = word,
                          .score = (float)f->probabilities[token],
                          .start = e->encoding->starts[place],
                          .end = e->encoding->ends[place]};
    return status;
}

static heed_status answer(void *user, const hd_encoded *e) {
    filling *f = user;
    const hd_encoding *encoding = e->encoding;
    heed_context *context = e->model->context;
    hd_result *item = &e->results->items[e->index];
    if (!e->row_count) {
        hd_fail(context, HEED_ARGUMENT, "the text has no mask: put %s where a word is to be predicted",
                f->mask < 0 ? "a mask" : hd_tokenizer_token(e->model->tokenizer, f->mask));
        return hd_results_problem(e->results, e->index, context->message);
    }
    int64_t classes = e->logits->columns, best = hd_min(f->best, classes);
    size_t answers = (size_t)(e->row_count * best);
    item->answers = hd_arena_alloc(&e->results->arena, answers, sizeof *item->answers);
    if (!item->answers || !hd_grow(context, &f->ranked, &f->ranked_capacity, answers, sizeof *f->ranked) ||
        !hd_grow(context, &f->ids, &f->ids_capacity, encoding->count, sizeof *f->ids))
        return HEED_MEMORY;
    const float *logits = hd_pass_download(e->pass, e->logits->data, hd_tensor_count(e->logits));
    if (!logits) return e->pass->status;
    memcpy(f->ids, encoding->ids, encoding->count * sizeof *f->ids);
    for (int64_t i = 0; i < e->row_count; i++) {
        hd_ranked *ranked = f->ranked + i * best;
        find_best(logits + i * classes, classes, best, ranked);
        f->ids[e->rows[i]] = ranked->item;
    }
    const hd_ranked *ranked = f->ranked;
    for (int64_t i = 0; i < e->row_count; i++) {
        hd_softmax(logits + i * classes, classes, f->probabilities);
        for (int64_t j = 0; j < best; j++, ranked++)
            HD_TRY(set_answer(f, e, (size_t)e->rows[i], ranked->item, &item->answers[item->count++]));
    }
    return HEED_OK;
}

heed_status heed_fill(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                      size_t count, heed_results **results) {
    static const hd_encoded_task task = {HD_HEAD_MASKED, "a masked language model", select_masks, answer};
    heed_context *context = model->context;
    fill_settings settings = {.best = 1};
    *results = NULL;
    HD_TRY(hd_options_apply(context, options, &table, &settings));
    HD_TRY(hd_model_require(model, task.head, true, false, task.kind));
    filling f = {.best = settings.best, .mask = hd_tokenizer_mask(model->tokenizer)};
    f.probabilities = hd_alloc(context, (size_t)model->network->output->rows, sizeof *f.probabilities);
    heed_status status = f.probabilities ? HEED_OK : HEED_MEMORY;
    const hd_encoded_texts of = {.texts = texts, .sizes = sizes, .count = count};
    if (status == HEED_OK) status = hd_encode_texts(model, &task, &of, &f, results);
    hd_free(context, f.probabilities);
    hd_free(context, f.ranked);
    hd_free(context, f.ids);
    return status;
}
