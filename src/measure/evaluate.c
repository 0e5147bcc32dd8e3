#include "measure/evaluate.h"

#include "base/float_environment.h"
#include "base/number.h"

#include <string.h>

heed_status hd_measure(hd_measuring m, const hd_option_table *table, const heed_options *options,
                       hd_measure_function *measure, char **report) {
    heed_context *context = m.context;
    hd_buffer out;
    *report = NULL;
    void *settings = hd_alloc_zeroed(context, 1, table->size);
    if (!settings) return HEED_MEMORY;
    hd_buffer_open(&out, context);
    m.settings = settings;
    m.out = &out;
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_settings_default(context, table->rows, table->count, settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, table, settings);
    if (status == HEED_OK) status = measure(&m);
    if (status == HEED_OK) *report = hd_buffer_take(&out);
    hd_float_leave(found);
    hd_buffer_close(&out);
    hd_settings_free(context, table->rows, table->count, settings);
    hd_free(context, settings);
    return status == HEED_OK && !*report ? HEED_MEMORY : status;
}

void hd_report_number(hd_buffer *out, const char *format, double number) {
    char text[64];
    hd_print_number(text, sizeof text, format, number);
    hd_buffer_text(out, text);
}

/* ---- files ---- */

void hd_parallel_files_close(hd_parallel_files *s) {
    for (size_t i = 0; i < s->opened; i++) hd_lines_close(&s->files[i]);
    hd_free(s->context, s->files);
    hd_free(s->context, s->texts);
    hd_free(s->context, s->sizes);
}

heed_status hd_parallel_files_open(heed_context *context, const char *const *paths, size_t count,
                                   hd_parallel_files *s) {
    *s = (hd_parallel_files){.context = context, .count = count};
    s->files = hd_alloc(context, count, sizeof *s->files);
    s->texts = hd_alloc(context, count, sizeof *s->texts);
    s->sizes = hd_alloc(context, count, sizeof *s->sizes);
    if (!s->files || !s->texts || !s->sizes) return HEED_MEMORY;
    size_t standard = 0;
    for (size_t i = 0; i < count; i++) {
        standard += strcmp(paths[i], "-") == 0;
        if (standard > 1) return hd_fail(context, HEED_ARGUMENT, "standard input can be read only once");
        HD_TRY(hd_lines_open(context, paths[i], 0, &s->files[i]));
        s->opened++;
    }
    return HEED_OK;
}

/* Reads on to the end of file `i`, and says how many lines it has. */
static heed_status count_lines(hd_parallel_files *s, size_t i, unsigned long long *count) {
    while (hd_lines_next(&s->files[i])) continue;
    *count = s->files[i].number;
    return s->files[i].status;
}

static heed_status fail_lengths(hd_parallel_files *s, size_t i) {
    unsigned long long lines, expected;
    HD_TRY(count_lines(s, 0, &expected));
    HD_TRY(count_lines(s, i, &lines));
    return hd_fail(s->context, HEED_FORMAT, "%s has %llu lines, but %s has %llu", s->files[0].path, expected,
                   s->files[i].path, lines);
}

heed_status hd_parallel_files_next(hd_parallel_files *s, bool *more) {
    for (size_t i = 0; i < s->count; i++) {
        bool here = hd_lines_next(&s->files[i]);
        if (!here) HD_TRY(s->files[i].status);
        if (i == 0) *more = here;
        if (here != *more) return fail_lengths(s, i);
        s->texts[i] = s->files[i].text;
        s->sizes[i] = s->files[i].size;
    }
    if (!s->files[0].number) return hd_fail(s->context, HEED_FORMAT, "%s has no lines", s->files[0].path);
    return HEED_OK;
}
