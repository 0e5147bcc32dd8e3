/* Files of vectors in NumPy's format, and index files: what they hold, how they are searched, and what is refused. */
#include "memory.h"

#include "base/checksum.h"
#include "formats/index.h"
#include "formats/npy.h"

#include <math.h>

enum { ROWS = 300, COLUMNS = 20 };

static float vectors[ROWS * COLUMNS];

static int make_vectors(void **state) {
    for (int i = 0; i < ROWS * COLUMNS; i++) vectors[i] = (float)((i * 37 + i / 7 * 11) % 101) / 50 - 1;
    for (int j = 0; j < COLUMNS; j++) vectors[7 * COLUMNS + j] = 0; /* has no direction */
    vectors[9 * COLUMNS + 3] = NAN;
    return set_up(state);
}

/* ---- .npy ---- */

/* What NumPy 2.4 writes for np.arange(6).reshape(2, 3) / 2, after its magic and version 1.0. */
static const char described[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

static void write_npy(heed_context *context, const char *name, int version, const char *text, size_t pad,
                      size_t numbers) {
    hd_buffer out;
    size_t length = strlen(text) + pad;
    hd_buffer_open(&out, context);
    hd_buffer_append(&out, "\x93NUMPY", 6);
    hd_buffer_byte(&out, (char)version), hd_buffer_byte(&out, 0);
    hd_buffer_byte(&out, (char)length), hd_buffer_byte(&out, (char)(length >> 8));
    if (version > 1) hd_buffer_byte(&out, 0), hd_buffer_byte(&out, 0);
    hd_buffer_text(&out, text);
    for (size_t i = 0; i < pad; i++) hd_buffer_byte(&out, i + 1 < pad ? ' ' : '\n');
    for (size_t i = 0; i < numbers; i++) hd_buffer_byte(&out, (char)i);
    assert_ok(context, hd_file_write(context, in_folder(name), out.data, out.size));
    hd_buffer_close(&out);
}

static void npy_files_are_read_as_written(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char *const kinds[] = {"f32", "f16", NULL};
    for (size_t k = 0; k < HD_COUNT(kinds); k++) {
        heed_vector_writer *writer;
        float *numbers;
        int64_t shape[2];
        assert_ok(context, heed_vectors_create(context, in_folder("a.npy"), kinds[k], &writer));
        for (int i = 0; i < 6; i++) assert_ok(context, heed_vectors_add(writer, vectors + i * COLUMNS, COLUMNS));
        assert_ok(context, heed_vectors_finish(writer));
        heed_vectors_close(writer);
        assert_ok(context, heed_vectors_read(context, in_folder("a.npy"), &numbers, shape));
        assert_true(shape[0] == 6 && shape[1] == COLUMNS);
        for (int i = 0; i < 6 * COLUMNS; i++) assert_true(fabsf(numbers[i] - vectors[i]) <= (k == 1 ? 1e-3f : 0.0f));
        heed_free(context, numbers);
    }
    heed_context_close(context);
}

static void a_header_is_that_of_numpy(void **state) {
    (void)state;
    char header[HD_NPY_HEADER];
    hd_npy_header(HD_F32, (const int64_t[]){2, 3}, 2, header);
    assert_memory_equal(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(header + 10, described, sizeof described - 1);
    assert_int_equal(header[HD_NPY_HEADER - 1], '\n');
}

static void other_writers_headers_are_read(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char *const texts[] = {described, "{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}",
                                        "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1)}"};
    for (int version = 1; version <= 3; version++)
        for (size_t i = 0; i < HD_COUNT(texts); i++) {
            float *numbers;
            int64_t shape[2];
            write_npy(context, "b.npy", version, texts[i], 11, 24);
            assert_ok(context, heed_vectors_read(context, in_folder("b.npy"), &numbers, shape));
            assert_int_equal(shape[0], i == 2 ? 3 : 2);
            heed_free(context, numbers);
        }
    heed_context_close(context);
}

static void damaged_npy_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t numbers;
        heed_status status;
        const char *message;
    } cases[] = {
        {described, 23, HEED_FORMAT, "23 bytes of numbers, but the shape is [2, 3] of <f4"},
        {described, 25, HEED_FORMAT, "25 bytes of numbers"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 24, HEED_UNSUPPORTED, "the kind \"<i4\""},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, HEED_UNSUPPORTED, "the kind \">f4\""},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, HEED_UNSUPPORTED, "expected by rows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24, HEED_UNSUPPORTED, "1 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 24, HEED_UNSUPPORTED, "3 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3, 1, 1), }", 24, HEED_FORMAT, "shape is damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }", 24, HEED_FORMAT,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0, HEED_FORMAT, "0 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }", 24, HEED_FORMAT, "shape is damaged"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, HEED_FORMAT, "lacks descr, fortran_order or shape"},
        {"{'descr': '<f4', 'what': False, 'shape': (2, 3), }", 24, HEED_FORMAT, "an unknown key"},
        {"{'descr': '<f4', 'fortran_order': False 'shape': (2, 3), }", 24, HEED_FORMAT, "header is damaged"},
        {"{'descr': '<f4", 24, HEED_FORMAT, "has no end"},
        {"{", 24, HEED_FORMAT, "header is damaged"},
        {"x", 24, HEED_FORMAT, "header is damaged"},
    };
    heed_context *context = open_context();
    float *numbers;
    int64_t shape[2];
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        write_npy(context, "c.npy", 1, cases[i].text, 0, cases[i].numbers);
        heed_status status = heed_vectors_read(context, in_folder("c.npy"), &numbers, shape);
        const char *message = heed_context_message(context);
        if (status != cases[i].status || !strstr(message, cases[i].message))
            fail_msg("%s: %s: %s", cases[i].text, heed_status_name(status), message);
        assert_null(numbers);
    }
    assert_ok(context, hd_file_write(context, in_folder("c.npy"), "text", 4));
    assert_int_equal(heed_vectors_read(context, in_folder("c.npy"), &numbers, shape), HEED_FORMAT);
    write_npy(context, "c.npy", 4, described, 0, 24);
    assert_int_equal(heed_vectors_read(context, in_folder("c.npy"), &numbers, shape), HEED_UNSUPPORTED);
    heed_context_close(context);
}

/* An unfinished file is not there, and a number that f16 lacks is refused. */
static void writers_of_vectors_check_their_rows(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_vector_writer *writer;
    float wide[] = {1, 70000};
    assert_int_equal(heed_vectors_create(context, in_folder("d.npy"), "f64", &writer), HEED_ARGUMENT);
    assert_ok(context, heed_vectors_create(context, in_folder("d.npy"), "f16", &writer));
    assert_int_equal(heed_vectors_add(writer, wide, 2), HEED_NUMERIC);
    heed_vectors_close(writer);
    assert_ok(context, heed_vectors_create(context, in_folder("d.npy"), "f32", &writer));
    assert_ok(context, heed_vectors_add(writer, wide, 2));
    assert_int_equal(heed_vectors_add(writer, wide, 1), HEED_ARGUMENT);
    heed_vectors_close(writer);
    assert_false(hd_file_exists(in_folder("d.npy")));
    heed_vectors_close(NULL);
    heed_context_close(context);
}

/* ---- indexes ---- */

static heed_index *build(heed_context *context, const char *metric, const char *dtype, const char *path) {
    heed_options *options;
    heed_index *index;
    assert_ok(context, heed_index_options(context, &options));
    assert_ok(context, heed_options_set(options, "metric", metric));
    assert_ok(context, heed_options_set(options, "dtype", dtype));
    assert_ok(context, heed_index_build_vectors(context, options, vectors, ROWS, COLUMNS, path, &index));
    heed_options_close(options);
    return index;
}

static double length_of(const float *x) {
    double sum = 0;
    for (int j = 0; j < COLUMNS; j++) sum += (double)x[j] * (double)x[j];
    return sqrt(sum);
}

/* Scores by their definition. */
static double score_of(const float *x, const float *q, bool cosine) {
    double sum = 0;
    for (int j = 0; j < COLUMNS; j++) sum += (double)x[j] * (double)q[j];
    return cosine ? sum / (length_of(x) * length_of(q)) : sum;
}

static void searches_find_the_nearest(void **state) {
    (void)state;
    enum { MOST = 25, QUERIES = 70 };
    static const struct {
        const char *metric, *dtype;
        double error;
    } cases[] = {{"cosine", "f32", 1e-6}, {"dot", "f32", 1e-5}, {"cosine", "f16", 2e-3}, {"dot", "f16", 2e-2}};
    static size_t found[QUERIES * MOST], again[QUERIES * MOST];
    static float scores[QUERIES * MOST], same[QUERIES * MOST];
    for (size_t c = 0; c < HD_COUNT(cases); c++) {
        heed_context *context = open_context();
        const char *path = c % 2 ? in_folder("search.idx") : NULL;
        bool cosine = strcmp(cases[c].metric, "cosine") == 0;
        heed_index *index = build(context, cases[c].metric, cases[c].dtype, path), *opened = NULL;
        const float *queries = vectors + 10 * COLUMNS;
        assert_ok(context, heed_index_search(index, queries, QUERIES, MOST, found, scores));
        for (int i = 0; i < QUERIES * MOST; i++) {
            const float *q = queries + i / MOST * COLUMNS, *x = vectors + found[i] * COLUMNS;
            assert_true(found[i] < ROWS && found[i] != 9 && (!cosine || found[i] != 7));
            assert_true(fabs((double)scores[i] - score_of(x, q, cosine)) < cases[c].error);
            assert_true(i % MOST == 0 || scores[i] <= scores[i - 1]);
        }
        /* the same with one query at a time, other threads, and from the file */
        assert_ok(context, heed_context_set_threads(context, 1));
        if (path) assert_ok(context, heed_index_open(context, path, &opened));
        for (int i = 0; i < QUERIES; i++)
            assert_ok(context, heed_index_search(path ? opened : index, queries + i * COLUMNS, 1, MOST,
                                                 again + i * MOST, same + i * MOST));
        assert_memory_equal(again, found, sizeof found);
        assert_memory_equal(same, scores, sizeof scores);
        heed_index_close(opened);
        heed_index_close(index);
        heed_context_close(context);
    }
}

static void an_index_has_its_vectors(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_index *index = build(context, "cosine", "f32", NULL);
    float x[COLUMNS];
    size_t size, rows[ROWS + 5];
    float scores[ROWS + 5];
    assert_int_equal(heed_index_rows(index), ROWS);
    assert_int_equal(heed_index_columns(index), COLUMNS);
    assert_null(heed_index_text(index, 0, &size));
    assert_ok(context, heed_index_vector(index, 3, x));
    assert_true(fabs(length_of(x) - 1) < 1e-6);
    assert_ok(context, heed_index_vector(index, 7, x));
    assert_true(isnan(x[0]));
    assert_int_equal(heed_index_vector(index, ROWS, x), HEED_ARGUMENT);
    /* more than there are: all but the two without a direction */
    assert_ok(context, heed_index_search(index, vectors, 1, ROWS + 5, rows, scores));
    for (int i = 0; i < ROWS + 5; i++) assert_true((rows[i] == HEED_NO_ROW) == (i >= ROWS - 2));
    assert_true(scores[ROWS - 2] == -INFINITY);
    assert_ok(context, heed_index_search(index, NULL, 0, 5, NULL, NULL));
    assert_ok(context, heed_index_search(index, vectors, 1, 0, NULL, NULL));
    assert_int_equal(heed_index_search(index, vectors + 9 * COLUMNS, 1, 5, rows, scores), HEED_NUMERIC);
    heed_index_close(index);
    heed_index_close(NULL);
    heed_context_close(context);
}

static void indexes_refuse_what_they_cannot_hold(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_options *options;
    heed_index *index;
    float wide[] = {70000, 1};
    assert_ok(context, heed_index_options(context, &options));
    assert_int_equal(heed_index_build_vectors(context, options, wide, 0, 2, NULL, &index), HEED_ARGUMENT);
    assert_int_equal(heed_index_build_vectors(context, options, wide, 1, 0, NULL, &index), HEED_ARGUMENT);
    assert_int_equal(heed_index_build_vectors(context, options, wide, SIZE_MAX / 2, 2, NULL, &index), HEED_ARGUMENT);
    assert_ok(context, heed_options_set(options, "dtype", "f16"));
    assert_ok(context, heed_options_set(options, "metric", "dot"));
    assert_int_equal(heed_index_build_vectors(context, options, wide, 1, 2, in_folder("w.idx"), &index), HEED_NUMERIC);
    assert_null(index);
    assert_false(hd_file_exists(in_folder("w.idx")));
    assert_ok(context, heed_options_set(options, "prompt", "x"));
    assert_int_equal(heed_index_build_vectors(context, options, wide, 1, 2, NULL, &index), HEED_ARGUMENT);
    heed_options_close(options);
    heed_context_close(context);
}

/* ---- damaged index files ---- */

typedef struct damage {
    size_t at; /* of a field of 4 or 8 bytes */
    uint64_t value;
    bool sums; /* the checksum is made to fit */
    const char *message;
} damage;

#define AT(field) offsetof(hd_index_header, field)

static void write_damaged(heed_context *context, const hd_buffer *whole, const damage *d, size_t size) {
    char *bytes = malloc(whole->size);
    hd_index_header *header = (hd_index_header *)(void *)bytes;
    memcpy(bytes, whole->data, whole->size);
    if (d) memcpy(bytes + d->at, &d->value, d->at < AT(rows) ? 4 : 8);
    if (d && d->sums) header->checksum = hd_checksum_of(header, AT(checksum));
    assert_ok(context, hd_file_write(context, in_folder("bad.idx"), bytes, size));
    free(bytes);
}

static void damaged_indexes_are_refused(void **state) {
    (void)state;
    static const damage damages[] = {
        {0, 0, true, "not an index of heed"},
        {AT(format), 9, true, "an index of format 9, this heed reads format 1"},
        {AT(rows), 9, false, "its header has changed"},
        {AT(dtype), 2, true, "its header is invalid"},
        {AT(metric), 2, true, "its header is invalid"},
        {AT(columns), 0, true, "its header is invalid"},
        {AT(reserved), 1, true, "its header is invalid"},
        {AT(rows), 1, true, "its sizes contradict each other"},
        {AT(rows), UINT64_MAX / 4, true, "its sizes contradict each other"},
        {AT(columns), UINT64_MAX, true, "its sizes contradict each other"},
        {AT(text_size), UINT64_MAX, true, "its sizes contradict each other"},
        {AT(vectors_at), 64, true, "its sizes contradict each other"},
        {AT(size), 64, true, "its sizes contradict each other"},
    };
    heed_context *context = open_context();
    hd_buffer whole;
    heed_index *index = build(context, "cosine", "f16", in_folder("good.idx"));
    heed_index_close(index);
    hd_buffer_open(&whole, context);
    assert_ok(context, hd_file_read(context, in_folder("good.idx"), &whole));
    for (size_t i = 0; i < HD_COUNT(damages); i++) {
        write_damaged(context, &whole, &damages[i], whole.size);
        assert_int_equal(heed_index_open(context, in_folder("bad.idx"), &index), HEED_FORMAT);
        assert_null(index);
        if (!strstr(heed_context_message(context), damages[i].message))
            fail_msg("%zu: %s", i, heed_context_message(context));
    }
    for (size_t size = 0; size < whole.size; size += size < 200 ? 7 : 997) {
        write_damaged(context, &whole, NULL, size);
        assert_int_equal(heed_index_open(context, in_folder("bad.idx"), &index), HEED_FORMAT);
    }
    assert_int_equal(heed_index_open(context, in_folder("missing.idx"), &index), HEED_FILE);
    hd_buffer_close(&whole);
    heed_context_close(context);
}

/* ---- memory ---- */

static heed_status work(heed_context *context) {
    heed_vector_writer *writer = NULL;
    heed_index *index = NULL, *opened = NULL;
    heed_options *options = NULL;
    float *numbers = NULL, scores[6];
    size_t rows[6];
    int64_t shape[2];
    heed_status status = heed_vectors_create(context, in_folder("m.npy"), "f16", &writer);
    for (int i = 0; i < 3 && status == HEED_OK; i++) status = heed_vectors_add(writer, vectors + i * COLUMNS, COLUMNS);
    if (status == HEED_OK) status = heed_vectors_finish(writer);
    heed_vectors_close(writer);
    if (status == HEED_OK) status = heed_vectors_read(context, in_folder("m.npy"), &numbers, shape);
    if (status == HEED_OK) status = heed_index_options(context, &options);
    if (status == HEED_OK)
        status = heed_index_build_vectors(context, options, numbers, 3, COLUMNS, in_folder("m.idx"), &index);
    if (status == HEED_OK) status = heed_index_open(context, in_folder("m.idx"), &opened);
    if (status == HEED_OK) status = heed_index_search(opened, numbers, 2, 3, rows, scores);
    for (int i = 0; i < 6 && status == HEED_OK; i++) {
        char line[64];
        snprintf(line, sizeof line, "%zu %a", rows[i], (double)scores[i]);
        record(line);
    }
    heed_free(context, numbers);
    heed_options_close(options);
    heed_index_close(index);
    heed_index_close(opened);
    return status;
}

static void survives_without_memory(void **state) {
    (void)state;
    fail_each(work, work, 200, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_files_are_read_as_written),
        cmocka_unit_test(a_header_is_that_of_numpy),
        cmocka_unit_test(other_writers_headers_are_read),
        cmocka_unit_test(damaged_npy_files_are_refused),
        cmocka_unit_test(writers_of_vectors_check_their_rows),
        cmocka_unit_test(searches_find_the_nearest),
        cmocka_unit_test(an_index_has_its_vectors),
        cmocka_unit_test(indexes_refuse_what_they_cannot_hold),
        cmocka_unit_test(damaged_indexes_are_refused),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, make_vectors, tear_down);
}
