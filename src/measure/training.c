/* Training curves: values that training runs wrote to log.jsonl, one curve per run. */
#include "base/file.h"
#include "formats/json.h"
#include "inspect/curves.h"
#include "text/json_text.h"
#include "measure/evaluate.h"

#include <math.h>
#include <stdio.h>

typedef struct training_settings {
    char *curve;
} training_settings;

static const hd_setting rows[] = {
    {"curve", HD_SETTING_STRING, offsetof(training_settings, curve), "loss", 0, 0, "NAME",
     "value of log.jsonl to plot: loss, validation_loss, bleu, accuracy, gradient_norm, lr, tokens_per_second, …"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(training_settings)};

heed_status heed_training_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* The points that one run wrote under the name. */
typedef struct points {
    double *step, *value; /* [count] */
    size_t count, step_room, value_room;
} points;

static heed_status add_point(heed_context *context, points *p, double step, double value) {
    if (!hd_grow(context, &p->step, &p->step_room, p->count + 1, sizeof *p->step) ||
        !hd_grow(context, &p->value, &p->value_room, p->count + 1, sizeof *p->value))
        return HEED_MEMORY;
    p->step[p->count] = step, p->value[p->count++] = value;
    return HEED_OK;
}

/* One of log.jsonl's lines; not all of them have all names. */
static heed_status read_entry(heed_context *context, const char *path, const hd_lines *lines, const char *name,
                              points *p) {
    hd_json entry;
    char where[4096];
    int64_t step;
    double value;
    snprintf(where, sizeof where, "%s, line %llu", path, (unsigned long long)lines->number);
    HD_TRY(hd_json_open_bytes(context, where, lines->text, lines->size, HD_JSON_LENIENT, &entry));
    heed_status status = hd_json_require(&entry, "step");
    if (status == HEED_OK) status = hd_json_int(&entry, "step", 0, 0, INT64_MAX, &step);
    if (status == HEED_OK) status = hd_json_float(&entry, name, 0, -HUGE_VAL, HUGE_VAL, &value);
    if (status == HEED_OK && hd_json_has(&entry, name)) status = add_point(context, p, (double)step, value);
    hd_json_close(&entry);
    return status;
}

static heed_status read_training(heed_context *context, const char *folder, const char *name, points *p) {
    char *path = hd_path_join(context, folder, "log.jsonl");
    hd_lines lines;
    if (!path) return HEED_MEMORY;
    heed_status status = hd_lines_open(context, path, 1 << 20, &lines);
    if (status == HEED_OK) {
        while (status == HEED_OK && hd_lines_next(&lines)) status = read_entry(context, path, &lines, name, p);
        if (status == HEED_OK) status = lines.status;
        hd_lines_close(&lines);
    }
    if (status == HEED_OK && !p->count)
        status = hd_fail(context, HEED_FORMAT, "%s: no line has a number called \"%s\"", path, name);
    hd_free(context, path);
    return status;
}

static heed_status report_json(const hd_measuring *m, const hd_curves *curves) {
    json_t *trainings = json_array(),
           *report = json_pack("{s:s, s:o}", "curve", curves->y_title, "trainings", trainings);
    bool made = trainings && report;
    for (int64_t i = 0; i < curves->count && made; i++) {
        const hd_series *series = &curves->series[i];
        json_t *steps = json_array(), *values = json_array();
        for (int64_t j = 0; j < series->count; j++) {
            made = made && json_array_append_new(steps, json_integer((json_int_t)series->x[j])) == 0;
            made = made && json_array_append_new(values, json_real(series->y[j])) == 0;
        }
        json_t *one = json_pack("{s:o, s:o, s:o}", "folder", hd_json_text(m->context, series->name), "step", steps,
                                "value", values);
        made = made && json_array_append_new(trainings, one) == 0;
    }
    heed_status status =
        made ? hd_json_append(m->context, report, m->out) : hd_json_no_memory(m->context, "the curves");
    json_decref(report);
    return status;
}

static heed_status draw(const hd_measuring *m, const hd_curves *curves) {
    hd_buffer picture;
    hd_buffer_open(&picture, m->context);
    heed_status status = hd_draw_svg_curves(curves, &picture);
    if (status == HEED_OK) status = hd_file_write(m->context, m->picture, picture.data, picture.size);
    hd_buffer_close(&picture);
    return status;
}

static heed_status show(const hd_measuring *m, const points *trainings, const char *name) {
    hd_series *series = hd_alloc(m->context, m->count, sizeof *series);
    if (!series) return HEED_MEMORY;
    for (size_t i = 0; i < m->count; i++)
        series[i] = (hd_series){m->files[i], trainings[i].step, trainings[i].value, (int64_t)trainings[i].count};
    hd_curves curves = {
        .title = "Training", .x_title = "step", .y_title = name, .series = series, .count = (int64_t)m->count};
    heed_status status = HEED_OK;
    if (m->picture) status = draw(m, &curves);
    if (status == HEED_OK && m->json) status = report_json(m, &curves);
    if (status == HEED_OK && !m->json) status = hd_draw_text_curves(&curves, false, 0, m->out);
    while (!m->json && m->out->size && m->out->data[m->out->size - 1] == '\n') m->out->size--; /* as reports end */
    hd_free(m->context, series);
    return status;
}

static heed_status measure(const hd_measuring *m) {
    const training_settings *settings = m->settings;
    if (!m->count) return hd_fail(m->context, HEED_ARGUMENT, "folders is empty: name the training runs to plot");
    points *trainings = hd_alloc_zeroed(m->context, m->count, sizeof *trainings);
    if (!trainings) return HEED_MEMORY;
    heed_status status = HEED_OK;
    for (size_t i = 0; i < m->count && status == HEED_OK; i++)
        status = read_training(m->context, m->files[i], settings->curve, &trainings[i]);
    if (status == HEED_OK) status = show(m, trainings, settings->curve);
    for (size_t i = 0; i < m->count; i++) {
        hd_free(m->context, trainings[i].step);
        hd_free(m->context, trainings[i].value);
    }
    hd_free(m->context, trainings);
    return status;
}

heed_status heed_evaluate_training(heed_context *context, const heed_options *options, const char *const *folders,
                                   size_t count, bool json, const char *picture, char **report) {
    hd_measuring m = {.context = context, .files = folders, .count = count, .json = json, .picture = picture};
    return hd_measure(m, &table, options, measure, report);
}
