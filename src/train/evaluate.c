/* Judging files of answers (heed/heed.h), a line of each at a time. */
#include "base/float_environment.h"
#include "base/lines.h"
#include "base/options.h"
#include "train/metrics/bleu.h"

#include <string.h>

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

/* Files read side by side: the translations, then their references. */
typedef struct side_by_side {
    heed_context *context;
    size_t count, opened;
    hd_lines *files;    /* [count] */
    const char **texts; /* [count] */
    size_t *sizes;      /* [count] */
} side_by_side;

static void close_files(side_by_side *s) {
    for (size_t i = 0; i < s->opened; i++) hd_lines_close(&s->files[i]);
    hd_free(s->context, s->files);
    hd_free(s->context, s->texts);
    hd_free(s->context, s->sizes);
}

static heed_status open_files(side_by_side *s, const char *translations, const hd_string_list *references) {
    s->count = references->count + 1;
    s->files = hd_alloc(s->context, s->count, sizeof *s->files);
    s->texts = hd_alloc(s->context, s->count, sizeof *s->texts);
    s->sizes = hd_alloc(s->context, s->count, sizeof *s->sizes);
    if (!s->files || !s->texts || !s->sizes) return HEED_MEMORY;
    size_t standard = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *path = i ? references->items[i - 1] : translations;
        standard += strcmp(path, "-") == 0;
        if (standard > 1) return hd_fail(s->context, HEED_ARGUMENT, "standard input can be read only once");
        HD_TRY(hd_lines_open(s->context, path, 0, &s->files[i]));
        s->opened++;
    }
    return HEED_OK;
}

/* Reads on to the end of file `i`, and says how many lines it has. */
static heed_status count_lines(side_by_side *s, size_t i, unsigned long long *count) {
    while (hd_lines_next(&s->files[i])) continue;
    *count = s->files[i].number;
    return s->files[i].status;
}

static heed_status fail_lengths(side_by_side *s, size_t i) {
    unsigned long long lines, expected;
    HD_TRY(count_lines(s, 0, &expected));
    HD_TRY(count_lines(s, i, &lines));
    return hd_fail(s->context, HEED_FORMAT, "%s has %llu lines, but %s has %llu", s->files[0].path, expected,
                   s->files[i].path, lines);
}

/* The next line of each file; false in *more at the end of all. */
static heed_status next_lines(side_by_side *s, bool *more) {
    for (size_t i = 0; i < s->count; i++) {
        bool here = hd_lines_next(&s->files[i]);
        if (!here) HD_TRY(s->files[i].status);
        if (i == 0) *more = here;
        if (here != *more) return fail_lengths(s, i);
        s->texts[i] = s->files[i].text;
        s->sizes[i] = s->files[i].size;
    }
    return HEED_OK;
}

static heed_status score_files(side_by_side *s, hd_bleu *bleu) {
    bool more = true;
    while (true) {
        HD_TRY(next_lines(s, &more));
        if (!more) break;
        HD_TRY(hd_bleu_add(bleu, s->texts[0], s->sizes[0], s->texts + 1, s->sizes + 1, s->count - 1));
    }
    if (!s->files[0].number) return hd_fail(s->context, HEED_FORMAT, "%s has no lines", s->files[0].path);
    return HEED_OK;
}

static heed_status evaluate(heed_context *context, const bleu_settings *settings, const char *translations, bool json,
                            hd_buffer *out) {
    if (!settings->reference.count)
        return hd_fail(context, HEED_ARGUMENT, "nothing to compare with: reference is not set");
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)settings->tokenize,
                               .smoothing = (hd_bleu_smoothing)settings->smooth,
                               .smooth_value = settings->smooth_value,
                               .lowercase = settings->lowercase,
                               .effective_order = settings->effective_order};
    hd_bleu *bleu;
    HD_TRY(hd_bleu_open(context, &options, &bleu));
    side_by_side files = {.context = context};
    heed_status status = open_files(&files, translations, &settings->reference);
    if (status == HEED_OK) status = score_files(&files, bleu);
    if (status == HEED_OK) {
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        if (json)
            hd_bleu_json(bleu, &result, (int)settings->width, out);
        else
            hd_bleu_line(bleu, &result, (int)settings->width, out);
    }
    close_files(&files);
    hd_bleu_close(bleu);
    return status;
}

heed_status heed_evaluate_bleu(heed_context *context, const heed_options *options, const char *translations, bool json,
                               char **report) {
    bleu_settings settings = {0};
    hd_buffer out;
    *report = NULL;
    hd_buffer_open(&out, context);
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_settings_default(context, rows, HD_COUNT(rows), &settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &settings);
    if (status == HEED_OK) status = evaluate(context, &settings, translations, json, &out);
    if (status == HEED_OK) *report = hd_buffer_take(&out);
    hd_float_leave(found);
    hd_buffer_close(&out);
    hd_settings_free(context, rows, HD_COUNT(rows), &settings);
    return status == HEED_OK && !*report ? HEED_MEMORY : status;
}
