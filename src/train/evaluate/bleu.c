/* BLEU of files of translations. */
#include "train/evaluate/evaluate.h"
#include "train/metrics/bleu.h"

typedef struct bleu_settings {
    hd_string_list reference;
    int tokenize, smooth; /* hd_bleu_tokenizer, hd_bleu_smoothing */
    double smooth_value;
    bool lowercase, effective_order;
    int64_t width;
} bleu_settings;

#define F(field) offsetof(bleu_settings, field)

static const hd_setting rows[] = {
    {"reference", HD_SETTING_LIST, F(reference), NULL, 0, 0, "FILE", "translations to compare with, line by line"},
    {"tokenize", HD_SETTING_CHOICE, F(tokenize), "13a", 0, 0, "13a|intl|char|none", "how lines are cut into words"},
    {"lowercase", HD_SETTING_BOOL, F(lowercase), NULL, 0, 0, NULL, "do not look at case"},
    {"smooth", HD_SETTING_CHOICE, F(smooth), "exp", 0, 0, "exp|floor|add-k|none",
     "what stands in for a precision of zero"},
    {"smooth-value", HD_SETTING_DOUBLE, F(smooth_value), "0", 0, 1000, "NUMBER",
     "of floor and add-k; 0 is their own default, 0.1 and 1"},
    {"effective-order", HD_SETTING_BOOL, F(effective_order), NULL, 0, 0, NULL,
     "leave out n-grams longer than every line"},
    {"width", HD_SETTING_INT, F(width), "1", 0, 15, "NUMBER", "decimals of the score"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(bleu_settings)};

heed_status heed_bleu_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static heed_status score_files(hd_side_by_side *s, hd_bleu *bleu) {
    bool more = true;
    while (true) {
        HD_TRY(hd_side_by_side_next(s, &more));
        if (!more) return HEED_OK;
        HD_TRY(hd_bleu_add(bleu, s->texts[0], s->sizes[0], s->texts + 1, s->sizes + 1, s->count - 1));
    }
}

/* The translations, then their references. */
static heed_status open_files(const hd_measuring *m, const char *translations, hd_side_by_side *files) {
    const hd_string_list *references = &((const bleu_settings *)m->settings)->reference;
    const char **paths = hd_alloc(m->context, references->count + 1, sizeof *paths);
    if (!paths) return HEED_MEMORY;
    paths[0] = translations;
    for (size_t i = 0; i < references->count; i++) paths[i + 1] = references->items[i];
    heed_status status = hd_side_by_side_open(m->context, paths, references->count + 1, files);
    hd_free(m->context, paths);
    return status;
}

static heed_status measure(const hd_measuring *m) {
    const bleu_settings *settings = m->settings;
    if (!settings->reference.count)
        return hd_fail(m->context, HEED_ARGUMENT, "nothing to compare with: reference is not set");
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)settings->tokenize,
                               .smoothing = (hd_bleu_smoothing)settings->smooth,
                               .smooth_value = settings->smooth_value,
                               .lowercase = settings->lowercase,
                               .effective_order = settings->effective_order};
    hd_bleu *bleu;
    HD_TRY(hd_bleu_open(m->context, &options, &bleu));
    hd_side_by_side files = {.context = m->context};
    heed_status status = open_files(m, m->files[0], &files);
    if (status == HEED_OK) status = score_files(&files, bleu);
    if (status == HEED_OK) {
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        if (m->json)
            hd_bleu_json(bleu, &result, (int)settings->width, m->out);
        else
            hd_bleu_line(bleu, &result, (int)settings->width, m->out);
    }
    hd_side_by_side_close(&files);
    hd_bleu_close(bleu);
    return status;
}

heed_status heed_evaluate_bleu(heed_context *context, const heed_options *options, const char *translations, bool json,
                               char **report) {
    hd_measuring m = {.context = context, .files = &translations, .count = 1, .json = json};
    return hd_measure(m, &table, options, measure, report);
}
