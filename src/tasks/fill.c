/* Masked language modelling: predicts the tokens at the masks of a text. */
#include "base/best.h"
#include "base/options.h"
#include "base/real.h"
#include "tasks/encoded.h"

#include <string.h>

typedef struct fill_settings {
    int64_t top;
    hd_string_list targets;
    bool keep_masks;
} fill_settings;

static const hd_setting option_rows[] = {
    {"top", HD_SETTING_INT, offsetof(fill_settings, top), "1", 1, 1000, "NUMBER",
     "words per mask, the most probable first"},
    {"target", HD_SETTING_LIST, offsetof(fill_settings, targets), NULL, 0, 0, "WORD",
     "word to choose among, in place of the whole vocabulary"},
    {"keep-masks", HD_SETTING_BOOL, offsetof(fill_settings, keep_masks), NULL, 0, 0, NULL,
     "texts with several masks retain the other masks and the special tokens, as in transformers"},
};

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(fill_settings)};

heed_status heed_fill_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct filling {
    int64_t top;
    int32_t mask;
    bool keep_masks;
    int32_t *targets; /* [target_count], ascending; 0: the whole vocabulary */
    size_t target_count, target_capacity;
    int32_t *ids;          /* of the text, with the best prediction in place of each mask */
    int32_t *shown;        /* those that a sequence has */
    hd_ranked *ranked;     /* [masks, best]: tokens and their logits */
    double *probabilities; /* [vocabulary] */
    size_t ids_capacity, shown_capacity, ranked_capacity;
} filling;

static heed_status select_masks(void *user, const hd_encoded *e, int32_t *rows, int64_t *count) {
    const filling *f = user;
    for (size_t i = 0; i < e->encoding->count; i++)
        if (e->encoding->ids[i] == f->mask) rows[(*count)++] = (int32_t)i;
    return HEED_OK;
}

/* The tokens with the largest logits, the best first; of equal ones the lower id. */
static void find_best(const filling *f, const float *logits, int64_t classes, int64_t count, hd_ranked *best) {
    int64_t found = 0, candidates = f->target_count ? (int64_t)f->target_count : classes;
    for (int64_t i = 0; i < candidates; i++) {
        int32_t token = f->target_count ? f->targets[i] : (int32_t)i;
        hd_keep_best(best, &found, count, sizeof *best, &(hd_ranked){logits[token], token});
    }
}

/* The text of f->ids. As in transformers, one with all special tokens has no padding. */
static heed_status decode_sequence(const filling *f, const hd_encoded *e, hd_buffer *text) {
    bool hide_special = !f->keep_masks || e->row_count == 1;
    int32_t pad = f->keep_masks ? e->model->specials[HD_SPECIAL_PAD] : -1;
    size_t count = 0;
    for (size_t i = 0; i < e->encoding->count; i++)
        if (f->ids[i] != pad) f->shown[count++] = f->ids[i];
    return hd_tokenizer_decode(e->model->tokenizer, f->shown, count, hide_special, text);
}

/* *answer is `token` for the mask at position `place`, and the text with it. */
static heed_status set_answer(const filling *f, const hd_encoded *e, size_t place, int32_t token, hd_answer *answer) {
    const heed_tokenizer *tokenizer = e->model->tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, e->model->context);
    int32_t best = f->ids[place];
    f->ids[place] = token;
    heed_status status = decode_sequence(f, e, &text);
    f->ids[place] = best;
    size_t size = text.size;
    char *sequence = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_clear(&text);
    if (status == HEED_OK) status = hd_tokenizer_decode(tokenizer, &token, 1, !f->keep_masks, &text);
    char *word = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    hd_buffer_close(&text);
    if (status == HEED_OK && (!sequence || !word)) status = HEED_MEMORY;
    *answer = (hd_answer){.text = sequence,
                          .size = size,
                          .label = word,
                          .score = (float)f->probabilities[token],
                          .start = e->encoding->starts[place],
                          .end = e->encoding->ends[place],
                          .token = token};
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
    int64_t classes = e->logits->columns, best = hd_min(f->top, f->target_count ? (int64_t)f->target_count : classes);
    size_t answers = (size_t)(e->row_count * best);
    item->answers = hd_arena_alloc(&e->results->arena, answers, sizeof *item->answers);
    if (!item->answers || !hd_grow(context, &f->ranked, &f->ranked_capacity, answers, sizeof *f->ranked) ||
        !hd_grow(context, &f->ids, &f->ids_capacity, encoding->count, sizeof *f->ids) ||
        !hd_grow(context, &f->shown, &f->shown_capacity, encoding->count, sizeof *f->shown))
        return HEED_MEMORY;
    const float *logits = hd_pass_download(e->pass, e->logits->data, hd_tensor_count(e->logits));
    if (!logits) return e->pass->status;
    memcpy(f->ids, encoding->ids, encoding->count * sizeof *f->ids);
    for (int64_t i = 0; i < e->row_count; i++) {
        hd_ranked *ranked = f->ranked + i * best;
        find_best(f, logits + i * classes, classes, best, ranked);
        if (!f->keep_masks) f->ids[e->rows[i]] = ranked->item;
    }
    const hd_ranked *ranked = f->ranked;
    for (int64_t i = 0; i < e->row_count; i++) {
        hd_softmax(logits + i * classes, classes, f->probabilities);
        for (int64_t j = 0; j < best; j++, ranked++)
            HD_TRY(set_answer(f, e, (size_t)e->rows[i], ranked->item, &item->answers[item->count++]));
    }
    return HEED_OK;
}

/* ---- targets ---- */

/* The token of a word, or the first token of a word that is no token: then a note says so. */
static heed_status find_target(const heed_model *model, const char *word, hd_encoding *encoding, int32_t *target) {
    heed_context *context = model->context;
    *target = hd_tokenizer_id(model->tokenizer, word);
    if (*target >= 0) return HEED_OK;
    HD_TRY(hd_tokenizer_encode(model->tokenizer, context, word, strlen(word), false, encoding));
    if (!encoding->count) {
        hd_note(context, "target \"%s\" has no token, and is left out", word);
        return HEED_OK;
    }
    *target = encoding->ids[0];
    const char *token = hd_tokenizer_token(model->tokenizer, *target);
    hd_note(context, "target \"%s\" is not a token: its first token \"%s\" is used", word, token ? token : "");
    return HEED_OK;
}

static heed_status add_target(heed_context *context, filling *f, int32_t target) {
    size_t at = 0;
    while (at < f->target_count && f->targets[at] < target) at++;
    if (target < 0 || (at < f->target_count && f->targets[at] == target)) return HEED_OK;
    if (!hd_grow(context, &f->targets, &f->target_capacity, f->target_count + 1, sizeof *f->targets))
        return HEED_MEMORY;
    memmove(f->targets + at + 1, f->targets + at, (f->target_count++ - at) * sizeof *f->targets);
    f->targets[at] = target;
    return HEED_OK;
}

static heed_status find_targets(const heed_model *model, const hd_string_list *words, filling *f) {
    hd_encoding encoding = {0};
    heed_status status = HEED_OK;
    for (size_t i = 0; i < words->count && status == HEED_OK; i++) {
        int32_t target;
        status = find_target(model, words->items[i], &encoding, &target);
        if (status == HEED_OK && target >= model->network->output->rows) {
            hd_note(model->context, "target \"%s\" has no row in the model's output layer, and is left out",
                    words->items[i]);
            target = -1;
        }
        if (status == HEED_OK) status = add_target(model->context, f, target);
    }
    hd_encoding_close(&encoding);
    if (status == HEED_OK && words->count && !f->target_count)
        return hd_fail(model->context, HEED_ARGUMENT, "no target is a token of the model");
    return status;
}

static heed_status fill(heed_model *model, const fill_settings *settings, const char *const *texts, const size_t *sizes,
                        size_t count, heed_results **results) {
    heed_context *context = model->context;
    const hd_encoded_task task = {.head = HD_HEAD_MASKED,
                                  .kind = "a masked language model",
                                  .select = select_masks,
                                  .answer = answer,
                                  .window = hd_model_window(model),
                                  .stride = -1};
    HD_TRY(hd_model_require(model, task.head, true, false, task.kind));
    filling f = {.top = settings->top, .mask = hd_tokenizer_mask(model->tokenizer), .keep_masks = settings->keep_masks};
    f.probabilities = hd_alloc(context, (size_t)model->network->output->rows, sizeof *f.probabilities);
    const hd_encoded_texts of = {.texts = texts, .sizes = sizes, .count = count};
    heed_status status = f.probabilities ? find_targets(model, &settings->targets, &f) : HEED_MEMORY;
    if (status == HEED_OK) status = hd_encode_texts(model, &task, &of, &f, results);
    hd_free(context, f.probabilities);
    hd_free(context, f.targets);
    hd_free(context, f.ranked);
    hd_free(context, f.ids);
    hd_free(context, f.shown);
    return status;
}

heed_status heed_fill(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                      size_t count, heed_results **results) {
    fill_settings settings;
    *results = NULL;
    heed_status status = hd_settings_default(model->context, option_rows, HD_COUNT(option_rows), &settings);
    if (status == HEED_OK) status = hd_options_apply(model->context, options, &table, &settings);
    if (status == HEED_OK) status = fill(model, &settings, texts, sizes, count, results);
    hd_settings_free(model->context, option_rows, HD_COUNT(option_rows), &settings);
    return status;
}
