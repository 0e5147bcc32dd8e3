#include "tasks/inspect_settings.h"

#include "base/file.h"
#include "decode/options.h"

#include <string.h>

#define F(field) offsetof(hd_inspect_settings, field)

static const hd_setting rows[] = {
    {"target", HD_SETTING_STRING, F(target), NULL, 0, 0, "TEXT", "use this translation instead of the model's own"},
    HD_OPTION_BEAMS(F(generation)),
    HD_OPTION_MAX_NEW_TOKENS(F(generation)),
    {"pieces", HD_SETTING_BOOL, F(pieces), NULL, 0, 0, NULL, "label subword tokens instead of words"},
    {"kind", HD_SETTING_CHOICE, F(kind), "auto", 0, 0, "auto|encoder|decoder|cross",
     "kind of attention; auto: cross-attention if there is any (json, html: all)"},
    {"layer", HD_SETTING_INT, F(layer), "0", 0, 1 << 20, "NUMBER", "layer, from 1; 0 for the mean of all"},
    {"head", HD_SETTING_INT, F(head), "0", 0, 1 << 20, "NUMBER", "head, from 1; 0 for the mean of all"},
    {"word", HD_SETTING_STRING, F(word), NULL, 0, 0, "WORD",
     "steps of a Transformer: the word, or the number of the token, whose query is shown (default: the last word)"},
    {"grid", HD_SETTING_BOOL, F(grid), NULL, 0, 0, NULL, "a small map per head (text, svg, html)"},
    {"lines", HD_SETTING_BOOL, F(lines), NULL, 0, 0, NULL, "words in two columns with lines between them (svg, html)"},
    {"count", HD_SETTING_INT, F(count), "0", 0, 512, "NUMBER",
     "number of candidates per step, nearest words, embeddings or positions; 0 for the default", NULL, 0,
     "Other pictures"},
    {"distance", HD_SETTING_INT, F(distance), "0", 0, 1 << 20, "NUMBER",
     "gradients: largest distance in tokens; 0: 50, or less if the texts or models are shorter", NULL, 0,
     "Other pictures"},
    {"format", HD_SETTING_CHOICE, F(format), "auto", 0, 0, "auto|text|svg|html|json|npy",
     "output format; auto: by the extension of --output, else text"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(hd_inspect_settings)};

heed_status heed_attend_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

heed_status hd_inspect_settings_read(heed_context *context, const heed_options *options,
                                     const hd_generation *generation, hd_inspect_settings *settings) {
    *settings = (hd_inspect_settings){0};
    HD_TRY(hd_settings_default(context, rows, HD_COUNT(rows), settings));
    if (generation) settings->generation = *generation;
    HD_TRY(hd_options_apply(context, options, &table, settings));
    settings->generation.best = 1;
    return HEED_OK;
}

void hd_inspect_settings_free(heed_context *context, hd_inspect_settings *settings) {
    hd_settings_free(context, rows, HD_COUNT(rows), settings);
}

heed_status hd_inspect_settings_allow(heed_context *context, const heed_options *options, const char *what,
                                      const char *const *names) {
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        const char *const *name = names;
        while (*name && strcmp(*name, rows[i].name) != 0) name++;
        if (!*name && hd_options_has(options, rows[i].name))
            return hd_fail(context, HEED_ARGUMENT, "%s does not go with %s", rows[i].name, what);
    }
    return HEED_OK;
}

/* The format of a file by its extension; text when it has none. */
static heed_status format_of_path(heed_context *context, const char *path, int *format) {
    static const char *const endings[] = {[HD_PICTURE_TEXT] = ".txt",
                                          [HD_PICTURE_SVG] = ".svg",
                                          [HD_PICTURE_HTML] = ".html",
                                          [HD_PICTURE_JSON] = ".json",
                                          [HD_PICTURE_NPY] = ".npy"};
    const char *slash = strrchr(path, '/'), *ending = strrchr(slash ? slash : path, '.');
    *format = HD_PICTURE_TEXT;
    if (!ending) return HEED_OK;
    for (int i = HD_PICTURE_TEXT; i <= HD_PICTURE_NPY; i++) {
        *format = i;
        if (strcmp(ending, endings[i]) == 0) return HEED_OK;
    }
    return hd_fail(context, HEED_ARGUMENT,
                   "%s: unknown extension, expected .txt, .svg, .html, .json or .npy; or set format", path);
}

heed_status hd_inspect_draw(heed_context *context, const heed_options *options, hd_draw_function *draw,
                            const void *what, bool color, int columns, char **bytes, size_t *size) {
    hd_inspect_settings settings;
    hd_buffer out;
    *bytes = NULL, *size = 0;
    hd_buffer_open(&out, context);
    heed_status status = hd_inspect_settings_read(context, options, NULL, &settings);
    if (status == HEED_OK) status = draw(what, &settings, color, columns, &out);
    hd_inspect_settings_free(context, &settings);
    if (status == HEED_OK) {
        *size = out.size;
        *bytes = hd_buffer_take(&out);
        if (!*bytes) status = HEED_MEMORY;
    }
    hd_buffer_close(&out);
    return status;
}

heed_status hd_inspect_save(heed_context *context, const heed_options *options, hd_draw_function *draw,
                            const void *what, const char *path) {
    hd_inspect_settings settings;
    hd_buffer out;
    hd_buffer_open(&out, context);
    heed_status status = hd_inspect_settings_read(context, options, NULL, &settings);
    if (status == HEED_OK && settings.format == HD_PICTURE_BY_NAME)
        status = format_of_path(context, path, &settings.format);
    if (status == HEED_OK) status = draw(what, &settings, false, 0, &out);
    if (status == HEED_OK) status = hd_file_write(context, path, out.data, out.size);
    hd_inspect_settings_free(context, &settings);
    hd_buffer_close(&out);
    return status;
}
