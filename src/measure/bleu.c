/* BLEU of files of translations. */
#include "measure/bleu.h"

#define F(field) offsetof(hd_bleu_settings, field)

static const hd_setting rows[] = {
    {"reference", HD_SETTING_LIST, F(reference), NULL, 0, 0, "FILE", "reference translations, line by line"},
    {"tokenize", HD_SETTING_CHOICE, F(tokenize), "13a", 0, 0, "13a|intl|char|none", "tokenization"},
    {"lowercase", HD_SETTING_BOOL, F(lowercase), NULL, 0, 0, NULL, "case-insensitive"},
    {"smooth", HD_SETTING_CHOICE, F(smooth), "exp", 0, 0, "exp|floor|add-k|none", "smoothing of zero precisions"},
    {"smooth-value", HD_SETTING_DOUBLE, F(smooth_value), "0", 0, 1000, "NUMBER",
     "value for floor and add-k; 0: their defaults, 0.1 and 1"},
    {"effective-order", HD_SETTING_BOOL, F(effective_order), NULL, 0, 0, NULL,
     "leave out n-grams longer than every line"},
    {"width", HD_SETTING_INT, F(width), "1", 0, 15, "NUMBER", "decimals of the score"},
    {"source", HD_SETTING_STRING, F(source), NULL, 0, 0, "FILE",
     "by length: file of source sentences, whose words are counted; without it, words of the reference"},
    {"bucket", HD_SETTING_INT, F(bucket), "10", 1, 1 << 20, "NUMBER", "by length: words per bucket"},
};

const hd_option_table hd_bleu_table = {rows, HD_COUNT(rows), sizeof(hd_bleu_settings)};

heed_status heed_bleu_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_bleu_table, options);
}

heed_status hd_bleu_open_for(const hd_measuring *m, hd_bleu **bleu) {
    const hd_bleu_settings *settings = m->settings;
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)settings->tokenize,
                               .smoothing = (hd_bleu_smoothing)settings->smooth,
                               .smooth_value = settings->smooth_value,
                               .lowercase = settings->lowercase,
                               .effective_order = settings->effective_order};
    return hd_bleu_open(m->context, &options, bleu);
}

heed_status hd_bleu_open_files(const hd_measuring *m, const char *more, hd_parallel_files *files) {
    const hd_string_list *references = &((const hd_bleu_settings *)m->settings)->reference;
    size_t count = m->count + references->count + (more ? 1 : 0);
    *files = (hd_parallel_files){.context = m->context};
    if (!references->count) return hd_fail(m->context, HEED_ARGUMENT, "reference is missing: the file to compare with");
    const char **paths = hd_alloc(m->context, count, sizeof *paths);
    if (!paths) return HEED_MEMORY;
    for (size_t i = 0; i < m->count; i++) paths[i] = m->files[i];
    for (size_t i = 0; i < references->count; i++) paths[m->count + i] = references->items[i];
    if (more) paths[count - 1] = more;
    heed_status status = hd_parallel_files_open(m->context, paths, count, files);
    hd_free(m->context, paths);
    return status;
}

/* The translations, then their references. */
static heed_status score_files(hd_parallel_files *s, hd_bleu *bleu) {
    bool more = true;
    while (true) {
        HD_TRY(hd_parallel_files_next(s, &more));
        if (!more) return HEED_OK;
        HD_TRY(hd_bleu_add(bleu, s->texts[0], s->sizes[0], s->texts + 1, s->sizes + 1, s->count - 1));
    }
}

static heed_status measure(const hd_measuring *m) {
    const hd_bleu_settings *settings = m->settings;
    hd_bleu *bleu;
    if (settings->source) return hd_fail(m->context, HEED_ARGUMENT, "source is for BLEU by length");
    HD_TRY(hd_bleu_open_for(m, &bleu));
    hd_parallel_files files;
    heed_status status = hd_bleu_open_files(m, NULL, &files);
    if (status == HEED_OK) status = score_files(&files, bleu);
    if (status == HEED_OK) {
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        if (m->json)
            hd_bleu_json(bleu, &result, (int)settings->width, m->out);
        else
            hd_bleu_line(bleu, &result, (int)settings->width, m->out);
    }
    hd_parallel_files_close(&files);
    hd_bleu_close(bleu);
    return status;
}

heed_status heed_evaluate_bleu(heed_context *context, const heed_options *options, const char *translations, bool json,
                               char **report) {
    hd_measuring m = {.context = context, .files = &translations, .count = 1, .json = json};
    return hd_measure(m, &hd_bleu_table, options, measure, report);
}
