/* safetensors: reads the files of the reference library, reads back its own, and refuses every violation of the format with a
 * message that names it. */
#include "fixture.h"

#include "formats/safetensors.h"
#include "formats/widen.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- the reference library's files ------------------------------------------------------------------------------ */

static void assert_floats(const hd_stored_tensor *tensor, const float *expected, size_t count) {
    float found[16];
    assert_non_null(tensor);
    assert_int_equal(tensor->count, count);
    assert_true(hd_widen(tensor->dtype, tensor->data, found, count));
    assert_memory_equal(found, expected, count * sizeof *found);
}

static void reads_every_dtype(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_safetensors *file;
    assert_ok(context, hd_safetensors_open(context, GOLDEN "/formats/every.safetensors", &file));
    assert_int_equal(hd_safetensors_count(file), 13);
    assert_string_equal(hd_safetensors_metadata(file, "format"), "pt");
    assert_string_equal(hd_safetensors_metadata(file, "made by"), "make.py");
    assert_null(hd_safetensors_metadata(file, "absent"));
    assert_null(hd_safetensors_find(file, "absent"));
    assert_null(hd_safetensors_find(file, "__metadata__"));
    assert_floats(hd_safetensors_find(file, "f64"), (float[]){1.5f, -2.25f}, 2);
    assert_floats(hd_safetensors_find(file, "f32"), (float[]){0, .25f, .5f, .75f, 1, 1.25f}, 6);
    assert_floats(hd_safetensors_find(file, "f16"), (float[]){.5f, 65504, 0x1p-24f, INFINITY}, 4);
    assert_floats(hd_safetensors_find(file, "bf16"), (float[]){1, -3, 0x1.94p99f}, 3);
    assert_floats(hd_safetensors_find(file, "scalar"), (float[]){42}, 1);
    assert_int_equal(hd_safetensors_find(file, "scalar")->dimensions, 0);
    assert_floats(hd_safetensors_find(file, "größe"), (float[]){1}, 1);
    const hd_stored_tensor *f32 = hd_safetensors_find(file, "f32"), *empty = hd_safetensors_find(file, "empty");
    assert_int_equal(f32->dimensions, 2);
    assert_int_equal(f32->shape[0], 2);
    assert_int_equal(f32->shape[1], 3);
    assert_int_equal(empty->bytes, 0);
    assert_int_equal(empty->shape[1], 5);
    int64_t wide[2];
    memcpy(wide, hd_safetensors_find(file, "i64")->data, sizeof wide);
    assert_true(wide[0] == -((int64_t)1 << 40) && wide[1] == 7);
    assert_int_equal(hd_safetensors_find(file, "i32")->dtype, HD_I32);
    assert_int_equal(hd_safetensors_find(file, "i16")->dtype, HD_I16);
    assert_int_equal(((const int8_t *)hd_safetensors_find(file, "i8")->data)[0], -128);
    assert_int_equal(((const uint8_t *)hd_safetensors_find(file, "u8")->data)[0], 255);
    assert_memory_equal(hd_safetensors_find(file, "bool")->data, ((uint8_t[]){1, 0, 1}), 3);
    assert_false(hd_widen(HD_I32, wide, (float[2]){0}, 1));
    hd_safetensors *newer;
    assert_ok(context, hd_safetensors_open(context, GOLDEN "/pytorch/tensors.safetensors", &newer));
    assert_floats(hd_safetensors_find(newer, "f8_e4m3"), (float[]){0, 448, -1.125f, 0x1p-9f}, 4);
    assert_floats(hd_safetensors_find(newer, "f8_e5m2"), (float[]){0, 57344, -1.25f, 0x1p-16f}, 4);
    assert_int_equal(((const uint8_t *)hd_safetensors_find(newer, "u64")->data)[7], 16);
    assert_int_equal(hd_safetensors_find(newer, "u32")->dtype, HD_U32);
    assert_int_equal(hd_safetensors_find(newer, "u16")->dtype, HD_U16);
    hd_safetensors_close(newer);
    const uint8_t *end = hd_safetensors_at(file, 0)->data;
    for (size_t i = 0; i < hd_safetensors_count(file); i++) { /* in the order of the data */
        assert_ptr_equal(hd_safetensors_at(file, i)->data, end);
        end += hd_safetensors_at(file, i)->bytes;
    }
    assert_ok(context, hd_stored_expect(context, f32, 2, (int64_t[]){2, 3}));
    assert_int_equal(hd_stored_expect(context, f32, 2, (int64_t[]){2, 4}), HEED_FORMAT);
    assert_string_equal(heed_context_message(context),
                        GOLDEN "/formats/every.safetensors: tensor \"f32\" is [2, 3], expected [2, 4]");
    hd_safetensors_close(file);
    assert_ok(context, hd_safetensors_open(context, GOLDEN "/formats/odd.safetensors", &file));
    const hd_stored_tensor *odd = hd_safetensors_find(file, "x");
    assert_int_equal((uintptr_t)odd->data % 2, 1);
    assert_floats(odd, (float[]){1, 2, 3}, 3);
    assert_int_equal(hd_find_nonfinite(odd->dtype, odd->data, odd->count), -1);
    hd_safetensors_close(file);
    heed_context_close(context);
}

/* ---- hostile files ---------------------------------------------------------------------------------------------- */

typedef struct hostile {
    const char *header;
    size_t data; /* bytes after the header */
    heed_status status;
    const char *message; /* after "bad: " */
} hostile;

#define F32(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const hostile cases[] = {
    {"{}", 0, HEED_OK, NULL},
    {"{}        ", 0, HEED_OK, NULL},
    {"{\"a\":" F32("[]", "[0,4]") "}", 4, HEED_OK, NULL},
    {"{\"b\":" F32("[2]", "[4,12]") ",\"a\":" F32("[1]", "[0,4]") ",\"e\":" F32("[0]", "[4,4]") "}", 12, HEED_OK, NULL},
    {"", 0, HEED_FORMAT, "the header does not begin with '{': not a safetensors file"},
    {"[1]", 0, HEED_FORMAT, "the header does not begin with '{': not a safetensors file"},
    {" {}", 0, HEED_FORMAT, "the header does not begin with '{': not a safetensors file"},
    {"{\"a\":}", 0, HEED_FORMAT, "line 1, column 6: unexpected token near '}'"},
    {"{} {}", 0, HEED_FORMAT, "line 1, column 4: end of file expected near '{'"},
    {"{\"a\":\"\xff\"}", 0, HEED_FORMAT, "line 1, column 6: unable to decode byte 0xff near '\"'"},
    {"{\"a\":NaN}", 0, HEED_FORMAT, "line 1, column 8: invalid token near 'NaN'"},
    {"{\"a\":3}", 0, HEED_FORMAT, "\"a\" is 3, expected an object"},
    {"{\"a\":null}", 0, HEED_FORMAT, "\"a\" is missing, expected an object"},
    {"{\"a\":{}}", 0, HEED_FORMAT, "\"a.dtype\" is missing, expected a string"},
    {"{\"a\":{\"dtype\":32}}", 0, HEED_FORMAT, "\"a.dtype\" is 32, expected a string"},
    {"{\"a\":{\"dtype\":\"F8_E4M3\"}}", 0, HEED_FORMAT, "\"a.shape\" is missing, expected an array of integers"},
    {"{\"a\":{\"dtype\":\"F32\"}}", 0, HEED_FORMAT, "\"a.shape\" is missing, expected an array of integers"},
    {"{\"a\":" F32("3", "[0,12]") "}", 12, HEED_FORMAT, "\"a.shape\" is 3, expected an array of integers"},
    {"{\"a\":" F32("[\"x\"]", "[0,4]") "}", 4, HEED_FORMAT, "\"a.shape[0]\" is \"x\", expected an integer"},
    {"{\"a\":" F32("[2,-1]", "[0,4]") "}", 4, HEED_FORMAT, "\"a.shape[1]\" is -1, expected an integer of at least 0"},
    {"{\"a\":" F32("[1.5]", "[0,4]") "}", 4, HEED_FORMAT, "\"a.shape[0]\" is 1.5, expected an integer"},
    {"{\"a\":" F32("[99999999999999999999]", "[0,4]") "}", 4, HEED_FORMAT,
     "line 1, column 49: too big integer near '99999999999999999999'"},
    {"{\"a\":" F32("[4611686018427387904]", "[0,4]") "}", 4, HEED_FORMAT,
     "tensor \"a\" is [4611686018427387904], more than memory can hold"},
    {"{\"a\":" F32("[4294967296,4294967296]", "[0,4]") "}", 4, HEED_FORMAT,
     "tensor \"a\" is [4294967296, 4294967296], more than memory can hold"},
    {"{\"a\":" F32("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, HEED_UNSUPPORTED,
     "tensor \"a\" has 9 dimensions, heed reads up to 8"},
    {"{\"a\":" F32("[1]", "7") "}", 4, HEED_FORMAT, "\"a.data_offsets\" is 7, expected two integers"},
    {"{\"a\":" F32("[1]", "[0]") "}", 4, HEED_FORMAT, "\"a.data_offsets\" is an array of 1, expected two integers"},
    {"{\"a\":" F32("[1]", "[0,4,8]") "}", 4, HEED_FORMAT,
     "\"a.data_offsets\" is an array of 3, expected at most 2 integers"},
    {"{\"a\":" F32("[1]", "[-4,0]") "}", 4, HEED_FORMAT,
     "\"a.data_offsets[0]\" is -4, expected an integer of at least 0"},
    {"{\"a\":" F32("[1]", "[4,0]") "}", 4, HEED_FORMAT, "tensor \"a\" ends at 0, before its begin at 4"},
    {"{\"a\":" F32("[2]", "[0,8]") "}", 4, HEED_FORMAT,
     "tensor \"a\" ends at byte 8 of the data, the file holds only 4: was it cut short?"},
    {"{\"a\":" F32("[1]", "[9223372036854775803,9223372036854775807]") "}", 4, HEED_FORMAT,
     "tensor \"a\" ends at byte 9223372036854775807 of the data, the file holds only 4: was it cut short?"},
    {"{\"a\":" F32("[2,3]", "[0,20]") "}", 20, HEED_FORMAT,
     "tensor \"a\" is F32 [2, 3], which takes 24 bytes, but has 20"},
    {"{\"a\":" F32("[2]", "[0,8]") ",\"b\":" F32("[2]", "[4,12]") "}", 12, HEED_FORMAT,
     "tensors \"a\" and \"b\" overlap"},
    {"{\"a\":" F32("[2]", "[0,8]") ",\"b\":" F32("[2]", "[0,8]") "}", 8, HEED_FORMAT, NULL},
    {"{\"a\":" F32("[1]", "[0,4]") ",\"b\":" F32("[1]", "[6,10]") "}", 10, HEED_FORMAT,
     "2 bytes before tensor \"b\" belong to no tensor"},
    {"{\"a\":" F32("[1]", "[0,4]") "}", 7, HEED_FORMAT, "the last 3 bytes belong to no tensor"},
    {"{}", 1, HEED_FORMAT, "the last 1 bytes belong to no tensor"},
    {"{\"a\":" F32("[1]", "[0,4]") ",\"a\":" F32("[1]", "[4,8]") "}", 8, HEED_FORMAT,
     "line 1, column 57: duplicate object key near '\"a\"'"},
    {"{\"__metadata__\":[]}", 0, HEED_FORMAT, "\"__metadata__\" is an array of 0, expected an object"},
    {"{\"__metadata__\":{\"format\":1}}", 0, HEED_FORMAT, "\"__metadata__.format\" is 1, expected a string"},
};

/* The size, the header and zeros; the caller frees it. */
static uint8_t *build(const char *header, size_t data, size_t *size) {
    size_t length = strlen(header);
    *size = 8 + length + data;
    uint8_t *bytes = test_calloc(*size, 1);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    return bytes;
}

static void refuses_each_broken_file(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_safetensors *file;
        size_t size;
        uint8_t *bytes = build(cases[i].header, cases[i].data, &size);
        heed_status status = hd_safetensors_open_bytes(context, "bad", bytes, size, &file);
        if (status != cases[i].status)
            fail_msg("%s: %s %s", cases[i].header, heed_status_name(status), heed_context_message(context));
        if (status == HEED_OK)
            assert_non_null(file);
        else
            assert_null(file);
        if (cases[i].message) {
            const char *message = heed_context_message(context);
            if (strncmp(message, "bad: ", 5) != 0 || strcmp(message + 5, cases[i].message) != 0)
                fail_msg("%s: %s", cases[i].header, message);
        }
        hd_safetensors_close(file);
        test_free(bytes);
    }
    heed_context_close(context);
}

/* Metadata may be null, and a tensor of an unknown element type matters only if it is needed. */
static void unknown_types_are_kept_until_needed(void **state) {
    (void)state;
    static const char header[] =
        "{\"__metadata__\":null,\"x\":{\"dtype\":\"F8_E8M0\",\"shape\":[2],\"data_offsets\":[0,2]},"
        "\"a\":" F32("[1]", "[2,6]") "}";
    char bytes[8 + sizeof header - 1 + 6] = {sizeof header - 1};
    memcpy(bytes + 8, header, sizeof header - 1);
    heed_context *context = open_context();
    hd_safetensors *file;
    assert_ok(context, hd_safetensors_open_bytes(context, "f", bytes, sizeof bytes, &file));
    assert_int_equal(hd_safetensors_count(file), 2);
    assert_ok(context, hd_stored_expect(context, hd_safetensors_find(file, "a"), 1, (int64_t[]){1}));
    const hd_stored_tensor *unread = hd_safetensors_find(file, "x");
    assert_int_equal(hd_stored_expect(context, unread, 1, (int64_t[]){2}), HEED_UNSUPPORTED);
    assert_string_equal(heed_context_message(context),
                        "f: tensor \"x\" has the dtype F8_E8M0, which heed does not read");
    hd_safetensors_close(file);
    heed_context_close(context);
}

static void refuses_header_lengths(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_safetensors *file;
    assert_int_equal(hd_safetensors_open_bytes(context, "bad", "1234567", 7, &file), HEED_FORMAT);
    assert_string_equal(heed_context_message(context), "bad: 7 bytes are too few for a safetensors file");
    assert_int_equal(hd_safetensors_open_bytes(context, "bad", "\3\0\0\0\0\0\0\0{}", 10, &file), HEED_FORMAT);
    assert_string_equal(heed_context_message(context),
                        "bad: the header claims 3 bytes, the file holds only 2 after its size");
    assert_int_equal(hd_safetensors_open_bytes(context, "bad", "\377\377\377\377\377\377\377\377{}", 10, &file),
                     HEED_FORMAT);
    char *nested = test_malloc(20000);
    memset(nested, '[', 20000);
    memcpy(nested, "{\"a\":", 5);
    nested[19999] = 0;
    size_t size;
    uint8_t *bytes = build(nested, 0, &size);
    assert_int_equal(hd_safetensors_open_bytes(context, "bad", bytes, size, &file), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "maximum parsing depth"));
    test_free(bytes);
    test_free(nested);
    assert_int_equal(hd_safetensors_open(context, "/no/such/file", &file), HEED_FILE);
    assert_null(file);
    heed_context_close(context);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static const hd_declared_tensor declared[] = {
    {"w", HD_F32, 2, {2, 2}},
    {"größe \"x\"", HD_BF16, 1, {3}},
    {"nothing", HD_F16, 2, {0, 7}},
    {"flag", HD_BOOL, 0, {0}},
};

static void round_trip(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "x.safetensors");
    hd_safetensors_writer writer;
    float w[4] = {1, 2, 3, -4};
    uint16_t x[3] = {0x3f80, 0x4000, 0x7fc0};
    assert_ok(context, hd_safetensors_writer_open(context, path, declared, HD_COUNT(declared), &writer));
    assert_ok(context, hd_safetensors_writer_write(&writer, w, 8));
    assert_ok(context, hd_safetensors_writer_write(&writer, w + 2, 8));
    assert_ok(context, hd_safetensors_writer_write(&writer, x, sizeof x));
    assert_ok(context, hd_safetensors_writer_write(&writer, "\1", 1));
    assert_ok(context, hd_safetensors_writer_commit(&writer));
    hd_safetensors *file;
    assert_ok(context, hd_safetensors_open(context, path, &file));
    assert_int_equal(hd_safetensors_count(file), 4);
    assert_string_equal(hd_safetensors_metadata(file, "format"), "pt");
    assert_floats(hd_safetensors_find(file, "w"), w, 4);
    assert_int_equal((uintptr_t)hd_safetensors_find(file, "w")->data % 8, 0);
    assert_memory_equal(hd_safetensors_find(file, "größe \"x\"")->data, x, sizeof x);
    assert_int_equal(hd_find_nonfinite(HD_BF16, x, 3), 2);
    assert_int_equal(hd_safetensors_find(file, "nothing")->shape[1], 7);
    assert_int_equal(*(const uint8_t *)hd_safetensors_find(file, "flag")->data, 1);
    hd_safetensors_close(file);
    /* After too few or too many bytes, the old file is unchanged and there is no other. */
    assert_ok(context, hd_safetensors_writer_open(context, path, declared, 1, &writer));
    assert_ok(context, hd_safetensors_writer_write(&writer, w, 15));
    assert_int_equal(hd_safetensors_writer_commit(&writer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "16 bytes of data were declared, 15 given"));
    assert_ok(context, hd_safetensors_writer_open(context, path, declared, 1, &writer));
    assert_ok(context, hd_safetensors_writer_write(&writer, "0123456789", 10));
    assert_int_equal(hd_safetensors_writer_write(&writer, "0123456", 7), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "16 bytes of data were declared, 17 given"));
    assert_ok(context, hd_safetensors_writer_open(context, path, declared, 1, &writer));
    assert_int_equal(hd_safetensors_writer_write(&writer, w, 17), HEED_ARGUMENT);
    assert_int_equal(hd_safetensors_writer_commit(&writer), HEED_ARGUMENT);
    assert_ok(context, hd_safetensors_open(context, path, &file));
    assert_int_equal(hd_safetensors_count(file), 4);
    hd_safetensors_close(file);
    /* Invalid declarations. */
    const hd_declared_tensor twice[] = {{"a", HD_U8, 1, {1}}, {"a", HD_U8, 1, {1}}};
    const hd_declared_tensor narrow_first[] = {{"a", HD_U8, 1, {1}}, {"b", HD_F32, 1, {1}}};
    const hd_declared_tensor negative[] = {{"a", HD_U8, 1, {-1}}};
    assert_int_equal(hd_safetensors_writer_open(context, path, twice, 2, &writer), HEED_ARGUMENT);
    assert_int_equal(hd_safetensors_writer_open(context, path, narrow_first, 2, &writer), HEED_ARGUMENT);
    assert_int_equal(hd_safetensors_writer_open(context, path, negative, 1, &writer), HEED_ARGUMENT);
    hd_safetensors_writer_abandon(&writer);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, path);
    heed_context_close(context);
}

static void full_disk_leaves_the_old_file(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "x.safetensors");
    assert_ok(context, hd_file_write(context, path, "old", 3));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const hd_declared_tensor large = {"w", HD_F32, 1, {1 << 20}};
    char *data = test_calloc(1 << 22, 1);
    hd_safetensors_writer writer;
    heed_status status = hd_safetensors_writer_open(context, path, &large, 1, &writer);
    if (status == HEED_OK) status = hd_safetensors_writer_write(&writer, data, 1 << 22);
    heed_status committed = hd_safetensors_writer_commit(&writer);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, HEED_FILE);
    assert_int_equal(committed, HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "x.safetensors: cannot write: File too large"));
    hd_buffer read;
    hd_buffer_open(&read, context);
    assert_ok(context, hd_file_read(context, path, &read));
    assert_string_equal(read.data, "old");
    hd_buffer_close(&read);
    test_free(data);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, path);
    heed_context_close(context);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void *fail_after(void *user, void *pointer, size_t size) {
    int *left = user;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return (*left)-- > 0 ? realloc(pointer, size) : NULL;
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    for (int allowed = 0;; allowed++) {
        int left = 1 << 20;
        heed_context *context;
        assert_int_equal(heed_context_open_with(fail_after, &left, &context), HEED_OK);
        left = allowed;
        hd_safetensors *file;
        heed_status status = hd_safetensors_open(context, GOLDEN "/formats/every.safetensors", &file);
        hd_safetensors_close(file);
        heed_context_close(context);
        if (status == HEED_OK) break;
        assert_int_equal(status, HEED_MEMORY);
        assert_true(allowed < 50);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_dtype),
        cmocka_unit_test(refuses_each_broken_file),
        cmocka_unit_test(unknown_types_are_kept_until_needed),
        cmocka_unit_test(refuses_header_lengths),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(full_disk_leaves_the_old_file),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
