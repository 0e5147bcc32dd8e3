/* Search among vectors: index files (formats/index.h) of the lines of a text file or of given vectors. */
#include "base/checksum.h"
#include "base/float_environment.h"
#include "base/options.h"
#include "base/utf8.h"
#include "device/device.h"
#include "formats/index.h"
#include "formats/widen.h"
#include "layers/pooling.h"
#include "models/model.h"
#include "tasks/embedding.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH = 4096, /* lines that are embedded at once */
    QUERIES = 64  /* queries that are searched for together: more would not stay in a cache beside the rows */
};

/* ---- options ---- */

typedef struct index_settings {
    char *prompt, *prompt_name;
    int64_t dims;
    int dtype;  /* 0: f32, 1: f16 */
    int metric; /* 0: the model's; else an hd_metric + 1 */
} index_settings;

#define F(field) offsetof(index_settings, field)

static const hd_setting rows[] = {
    {"dtype", HD_SETTING_CHOICE, F(dtype), "f32", 0, 0, "f32|f16", "numbers of the stored vectors"},
    {"metric", HD_SETTING_CHOICE, F(metric), "auto", 0, 0, "auto|cosine|dot",
     "comparison of two vectors; auto: that of the model's folder"},
    {"prompt-name", HD_SETTING_STRING, F(prompt_name), NULL, 0, 0, "NAME",
     "prompt of the model's folder before each line"},
    {"prompt", HD_SETTING_STRING, F(prompt), NULL, 0, 0, "TEXT", "text before each line"},
    {"dims", HD_SETTING_INT, F(dims), "0", 0, 1 << 24, "NUMBER",
     "numbers of each vector that are kept, the first ones; 0 for all"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(index_settings)};

heed_status heed_index_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* ---- what an index is of ---- */

/* The model with the options that make the vectors of lines. */
typedef struct source {
    heed_model *model;
    index_settings settings;
    heed_options *embed; /* of heed_embed, for lines */
    int metric;          /* HD_COSINE or HD_DOT */
    uint64_t fingerprint, prompt;
} source;

static heed_status resolve_metric(heed_context *context, const char *name, int chosen, int *metric) {
    *metric = chosen ? chosen - 1 : strcmp(name, "dot") == 0;
    if (chosen || *metric == HD_DOT || strcmp(name, "cosine") == 0) return HEED_OK;
    return hd_fail(context, HEED_UNSUPPORTED,
                   "the model's \"similarity_fn_name\" is \"%s\", but heed searches by cosine and dot: set metric",
                   name);
}

static heed_status set_prompt(source *s) {
    const char *text = s->settings.prompt, *name = s->settings.prompt_name;
    const hd_prompt *prompt = hd_embedding_prompt(s->model->embedder, HD_ROLE_DOCUMENT);
    if (text && name) return hd_fail(s->model->context, HEED_ARGUMENT, "prompt and prompt-name exclude each other");
    if (name) HD_TRY(hd_embedding_find_prompt(s->model, name, &prompt));
    if (!text) text = prompt ? prompt->text : "";
    s->prompt = hd_checksum_of(text, strlen(text));
    return heed_options_set(s->embed, "prompt", text);
}

/* The bits of a vector of each script, with the options but for the prompt: other weights, another tokenizer or another
 * arithmetic give others. */
static heed_status take_fingerprint(source *s) {
    static const char *const probes[] = {"The quick brown fox, 42.", "Ein Übermaß; где мир? 東京は晴れ。"};
    heed_options *options;
    heed_results *results = NULL;
    hd_checksum sum = {0};
    HD_TRY(heed_embed_options(s->model->context, &options));
    heed_status status = heed_options_set(options, "prompt", "");
    if (status == HEED_OK) status = heed_embed(s->model, options, probes, NULL, HD_COUNT(probes), &results);
    for (size_t i = 0; i < HD_COUNT(probes) && status == HEED_OK; i++) {
        size_t columns;
        const float *vector = heed_results_vector(results, i, &columns);
        hd_checksum_add(&sum, vector, columns * sizeof *vector);
    }
    s->fingerprint = hd_checksum_value(&sum) | 1; /* 0: no model */
    heed_results_close(results);
    heed_options_close(options);
    return status;
}

static heed_status open_embed_options(source *s) {
    char number[24];
    HD_TRY(heed_embed_options(s->model->context, &s->embed));
    snprintf(number, sizeof number, "%lld", (long long)s->settings.dims);
    return heed_options_set(s->embed, "dims", number);
}

static void close_source(source *s) {
    heed_options_close(s->embed);
    hd_settings_free(s->model->context, rows, HD_COUNT(rows), &s->settings);
}

static heed_status read_source(source *s, const heed_options *options) {
    heed_context *context = s->model->context;
    HD_TRY(hd_settings_default(context, rows, HD_COUNT(rows), &s->settings));
    HD_TRY(hd_options_apply(context, options, &table, &s->settings));
    HD_TRY(hd_embedding_check(s->model));
    HD_TRY(resolve_metric(context, s->model->embedder->similarity, s->settings.metric, &s->metric));
    HD_TRY(open_embed_options(s));
    HD_TRY(set_prompt(s));
    return take_fingerprint(s);
}

static heed_status open_source(heed_model *model, const heed_options *options, source *s) {
    *s = (source){.model = model};
    heed_log_function *log = model->context->log; /* the embedding of queries says the same of the model */
    model->context->log = NULL;
    heed_status status = read_source(s, options);
    model->context->log = log;
    if (status != HEED_OK) close_source(s);
    return status;
}

static int64_t columns_of(const source *s) {
    int64_t columns = s->model->embedder->columns;
    return s->settings.dims ? hd_min(columns, s->settings.dims) : columns;
}

/* ---- an open index ---- */

struct heed_index {
    heed_context *context;
    hd_map map;
    const hd_index_header *header;
    hd_line_index lines; /* of the map; not to be closed */
};

static heed_status open_index(heed_context *context, const char *path, hd_map *map, heed_index **out) {
    heed_index *index = *out = hd_alloc_zeroed(context, 1, sizeof *index);
    if (!index) {
        hd_map_close(map);
        return HEED_MEMORY;
    }
    index->context = context;
    index->map = *map;
    heed_status status = hd_index_check(context, path, &index->map, &index->header);
    if (status != HEED_OK) {
        heed_index_close(index);
        *out = NULL;
        return status;
    }
    const hd_index_header *h = index->header;
    if (h->text_size)
        index->lines = (hd_line_index){.map = {map->data + h->text_at, (size_t)h->text_size, NULL},
                                       .starts = (uint64_t *)(uintptr_t)(map->data + h->lines_at),
                                       .count = h->rows};
    return HEED_OK;
}

heed_status heed_index_open(heed_context *context, const char *path, heed_index **index) {
    hd_map map;
    *index = NULL;
    HD_TRY(hd_map_open(context, path, &map));
    return open_index(context, path, &map, index);
}

void heed_index_close(heed_index *index) {
    if (!index) return;
    hd_map_close(&index->map);
    hd_free(index->context, index);
}

size_t heed_index_rows(const heed_index *index) { return (size_t)index->header->rows; }
size_t heed_index_columns(const heed_index *index) { return (size_t)index->header->columns; }

const char *heed_index_text(const heed_index *index, size_t row, size_t *size) {
    const char *text = NULL;
    *size = 0;
    if (row < index->lines.count) hd_line_index_get(&index->lines, row, &text, size);
    return text;
}

heed_status heed_index_vector(const heed_index *index, size_t row, float *vector) {
    const hd_index_header *h = index->header;
    if (row >= h->rows)
        return hd_fail(index->context, HEED_ARGUMENT, "row %zu, but the index has %llu", row,
                       (unsigned long long)h->rows);
    size_t columns = (size_t)h->columns, stride = columns * hd_dtype_size(hd_index_dtype(h));
    hd_widen(hd_index_dtype(h), index->map.data + h->vectors_at + row * stride, vector, columns);
    return HEED_OK;
}

/* ---- building ---- */

/* Lines that are embedded together, and why some of them have no vector. */
static heed_status add_lines(const source *s, const hd_line_index *lines, const char *path, uint64_t first,
                             size_t count, hd_index_writer *writer, float *none) {
    const char *texts[BATCH];
    size_t sizes[BATCH], columns;
    heed_results *results;
    heed_context *context = s->model->context;
    for (size_t i = 0; i < count; i++) {
        hd_line_index_get(lines, first + i, &texts[i], &sizes[i]);
        if (hd_text_is_blank(texts[i], sizes[i])) texts[i] = NULL; /* nothing to find */
    }
    heed_log_function *log = context->log; /* likewise */
    context->log = NULL;
    heed_status status = heed_embed(s->model, s->embed, texts, sizes, count, &results);
    context->log = log;
    for (size_t i = 0; i < count && status == HEED_OK; i++) {
        const float *vector = heed_results_vector(results, i, &columns);
        const char *problem = heed_results_problem(results, i), *note = heed_results_note(results, i);
        if (problem || note)
            hd_note(context, "%s: line %llu: %s", path, (unsigned long long)(first + i + 1), problem ? problem : note);
        status = hd_index_writer_add(writer, vector ? vector : none);
    }
    if (status == HEED_OK) heed_results_close(results);
    return status;
}

static heed_status add_all_lines(const source *s, const hd_line_index *lines, const char *path,
                                 heed_index_function *progress, void *user, hd_index_writer *writer) {
    size_t columns = (size_t)columns_of(s);
    float *none = hd_alloc(s->model->context, columns, sizeof *none);
    if (!none) return HEED_MEMORY;
    for (size_t i = 0; i < columns; i++) none[i] = NAN;
    heed_status status = HEED_OK;
    for (uint64_t first = 0; first < lines->count && status == HEED_OK; first += BATCH) {
        size_t count = (size_t)hd_min(BATCH, (int64_t)(lines->count - first));
        status = add_lines(s, lines, path, first, count, writer, none);
        if (status == HEED_OK && progress && !progress(user, first + count, lines->count))
            status = hd_fail(s->model->context, HEED_STOPPED, "stopped");
    }
    hd_free(s->model->context, none);
    return status == HEED_OK ? hd_index_writer_text(writer, lines) : status;
}

static hd_index_header header_of(const source *s, const hd_line_index *lines) {
    return (hd_index_header){.dtype = (uint32_t)s->settings.dtype,
                             .metric = (uint32_t)s->metric,
                             .rows = lines->count,
                             .columns = (uint64_t)columns_of(s),
                             .model = s->fingerprint,
                             .prompt = s->prompt,
                             .text_size = lines->map.size};
}

/* Ends the file, and opens it. */
static heed_status finish(heed_context *context, heed_status status, const char *path, hd_index_writer *writer,
                          heed_index **index) {
    hd_map map;
    if (status != HEED_OK) {
        hd_index_writer_abandon(writer);
        return status;
    }
    if (path) {
        HD_TRY(hd_index_writer_commit(writer));
        return heed_index_open(context, path, index);
    }
    HD_TRY(hd_index_writer_map(writer, &map));
    return open_index(context, "the index", &map, index);
}

static heed_status build(const source *s, const hd_line_index *lines, const char *texts, heed_index_function *progress,
                         void *user, const char *path, heed_index **index) {
    heed_context *context = s->model->context;
    hd_index_writer writer;
    hd_index_header header = header_of(s, lines);
    if (!lines->count) return hd_fail(context, HEED_FORMAT, "%s: the file is empty, expected lines of text", texts);
    HD_TRY(hd_index_writer_open(context, path, &header, &writer));
    hd_float_environment found = hd_float_enter();
    heed_status status = add_all_lines(s, lines, texts, progress, user, &writer);
    hd_float_leave(found);
    return finish(context, status, path, &writer, index);
}

heed_status heed_index_build(heed_model *model, const heed_options *options, const char *texts,
                             heed_index_function *progress, void *user, const char *path, heed_index **index) {
    source s;
    hd_line_index lines;
    *index = NULL;
    HD_TRY(open_source(model, options, &s));
    heed_status status = hd_line_index_open(model->context, texts, &lines);
    if (status == HEED_OK) {
        status = build(&s, &lines, texts, progress, user, path, index);
        hd_line_index_close(&lines);
    }
    close_source(&s);
    return status;
}

heed_status heed_index_build_vectors(heed_context *context, const heed_options *options, const float *vectors,
                                     size_t count, size_t columns, const char *path, heed_index **index) {
    index_settings settings = {0};
    hd_index_writer writer;
    *index = NULL;
    HD_TRY(hd_settings_default(context, rows, HD_COUNT(rows), &settings));
    heed_status status = hd_options_apply(context, options, &table, &settings);
    bool of_model = settings.prompt || settings.prompt_name || settings.dims;
    hd_settings_free(context, rows, HD_COUNT(rows), &settings);
    HD_TRY(status);
    if (of_model) return hd_fail(context, HEED_ARGUMENT, "vectors have no prompt and no dims");
    if (!count || !columns)
        return hd_fail(context, HEED_ARGUMENT, "%zu vectors of %zu numbers, expected at least one", count, columns);
    hd_index_header header = {.dtype = (uint32_t)settings.dtype,
                              .metric = settings.metric == HD_DOT + 1 ? HD_DOT : HD_COSINE,
                              .rows = count,
                              .columns = columns};
    HD_TRY(hd_index_writer_open(context, path, &header, &writer));
    hd_float_environment found = hd_float_enter();
    for (size_t i = 0; i < count && status == HEED_OK; i++)
        status = hd_index_writer_add(&writer, vectors + i * columns);
    hd_float_leave(found);
    if (status == HEED_OK) status = hd_index_writer_text(&writer, NULL);
    return finish(context, status, path, &writer, index);
}

/* ---- checking ---- */

static heed_status differs(const source *s, const char *what) {
    return hd_fail(s->model->context, HEED_ARGUMENT,
                   "the index was built with another %s: name another file, or remove it", what);
}

static heed_status check_source(const heed_index *index, const source *s, bool dtype_given) {
    const hd_index_header *h = index->header;
    if (h->model != s->fingerprint) return differs(s, "model, another version of heed or another arithmetic");
    if (h->columns != (uint64_t)columns_of(s)) return differs(s, "number of dims");
    if (h->prompt != s->prompt) return differs(s, "prompt");
    if (h->metric != (uint32_t)s->metric) return differs(s, "metric");
    return !dtype_given || h->dtype == (uint32_t)s->settings.dtype ? HEED_OK : differs(s, "dtype");
}

static heed_status compare_text(const heed_index *index, heed_context *context, const char *texts, bool *changed) {
    hd_map map;
    HD_TRY(hd_map_copy(context, texts, &map));
    const hd_index_header *h = index->header;
    *changed = map.size != h->text_size || memcmp(map.data, index->map.data + h->text_at, map.size) != 0;
    hd_map_close(&map);
    return HEED_OK;
}

heed_status heed_index_check(const heed_index *index, heed_model *model, const heed_options *options, const char *texts,
                             bool *changed) {
    source s;
    *changed = false;
    HD_TRY(open_source(model, options, &s));
    heed_status status = check_source(index, &s, hd_options_has(options, "dtype"));
    close_source(&s);
    if (status == HEED_OK && texts) status = compare_text(index, model->context, texts, changed);
    return status;
}

/* ---- searching ---- */

/* The best rows of queries [count, columns], at most QUERIES. */
typedef struct searching {
    const heed_index *index;
    size_t most, kept;  /* rows per query: to return, and to find */
    float *scaled;      /* [QUERIES, columns] */
    hd_row_score *best; /* [QUERIES, kept] */
    hd_stream stream;
    heed_status status; /* of the stream */
} searching;

static heed_status search(searching *s, const float *queries, size_t count, size_t *found_rows, float *scores) {
    const hd_index_header *h = s->index->header;
    size_t columns = (size_t)h->columns;
    memcpy(s->scaled, queries, count * columns * sizeof *s->scaled);
    for (size_t i = 0; i < count && h->metric == HD_COSINE; i++)
        hd_normalize_vector(s->scaled + i * columns, (int64_t)columns);
    s->stream.device->nearest_rows(&s->stream, &(hd_nearest_rows_call){.queries = (int64_t)count,
                                                                       .rows = (int64_t)h->rows,
                                                                       .columns = (int64_t)columns,
                                                                       .most = (int64_t)s->kept,
                                                                       .q = s->scaled,
                                                                       .dtype = hd_index_dtype(h),
                                                                       .x = s->index->map.data + h->vectors_at,
                                                                       .best = s->best});
    for (size_t i = 0; i < count * s->most && s->status == HEED_OK; i++) {
        size_t rank = i % s->most;
        const hd_row_score *best = rank < s->kept ? &s->best[i / s->most * s->kept + rank] : NULL;
        found_rows[i] = best && best->row >= 0 ? (size_t)best->row : HEED_NO_ROW;
        scores[i] = best && best->row >= 0 ? best->score : -INFINITY;
    }
    return s->status;
}

static heed_status search_all(searching *s, const float *queries, size_t count, size_t *found_rows, float *scores) {
    heed_context *context = s->index->context;
    size_t columns = (size_t)s->index->header->columns;
    for (size_t i = 0; i < count; i += QUERIES) {
        size_t some = (size_t)hd_min(QUERIES, (int64_t)(count - i));
        HD_TRY(hd_check_stop(context));
        HD_TRY(search(s, queries + i * columns, some, found_rows + i * s->most, scores + i * s->most));
    }
    return HEED_OK;
}

static heed_status open_search(const heed_index *index, size_t count, size_t most, hd_arena *memory, searching *s) {
    const hd_index_header *h = index->header;
    size_t some = (size_t)hd_min(QUERIES, (int64_t)count);
    *s = (searching){.index = index, .most = most, .kept = (size_t)hd_min((int64_t)most, (int64_t)h->rows)};
    s->scaled = hd_arena_alloc(memory, some * h->columns, sizeof *s->scaled);
    s->best = hd_arena_alloc(memory, some * s->kept, sizeof *s->best);
    return s->scaled && s->best ? hd_stream_open(&s->stream, index->context, &s->status) : HEED_MEMORY;
}

static heed_status check_queries(const heed_index *index, const float *queries, size_t count, size_t most) {
    heed_context *context = index->context;
    size_t total, columns = (size_t)index->header->columns;
    if (!context->device->host_memory)
        return hd_fail(context, HEED_UNSUPPORTED, "indexes are searched on the CPU alone");
    if (!hd_multiply(count, most, &total) || total > PTRDIFF_MAX / sizeof(hd_row_score))
        return hd_fail(context, HEED_ARGUMENT, "%zu rows for each of %zu queries are more than memory can address",
                       most, count);
    for (size_t i = 0; i < count; i++)
        if (hd_find_nonfinite(HD_F32, queries + i * columns, columns) >= 0)
            return hd_fail(context, HEED_NUMERIC, "query %zu has a number that is not finite", i);
    return HEED_OK;
}

heed_status heed_index_search(const heed_index *index, const float *queries, size_t count, size_t most,
                              size_t *found_rows, float *scores) {
    searching s;
    hd_arena memory;
    HD_TRY(check_queries(index, queries, count, most));
    if (!count || !most) return HEED_OK;
    hd_float_environment found = hd_float_enter();
    hd_arena_open(&memory, index->context);
    heed_status status = open_search(index, count, most, &memory, &s);
    if (status == HEED_OK) status = search_all(&s, queries, count, found_rows, scores);
    hd_stream_close(&s.stream);
    hd_arena_close(&memory);
    hd_float_leave(found);
    return status;
}
