/* Pickles: whatever loads a name that rebuilds no tensor is refused with the name, every invalid or hostile pickle with a
 * message, and tensors must lie in their storages. Files of torch.save are in tests/unit/pytorch.c. */
#include "failing.h"

#include "base/buffer.h"
#include "formats/pickle.h"

#include <stdlib.h>
#include <string.h>

typedef struct pickled {
    const char *bytes;
    size_t size;
    heed_status status;
    const char *part; /* of the message */
} pickled;

#define BYTES(text) text, sizeof(text) - 1

static void assert_refused(const pickled *p) {
    heed_context *context = open_context();
    hd_pickle *pickle;
    char *exact = malloc(p->size ? p->size : 1); /* so that a sanitizer sees the first byte behind */
    memcpy(exact, p->bytes, p->size);
    heed_status status = hd_pickle_open(context, "p", exact, p->size, &pickle);
    const char *message = heed_context_message(context);
    if (status != p->status || pickle || strncmp(message, "p: ", 3) != 0 || !strstr(message, p->part))
        fail_msg("%s, \"%s\", expected %s with \"%s\"", heed_status_name(status), message, heed_status_name(p->status),
                 p->part);
    free(exact);
    heed_context_close(context);
}

static void names_are_refused(void **state) {
    (void)state;
    static const pickled cases[] = {
        {BYTES("\x80\2cposix\nsystem\nX\2\0\0\0id\x85R."), HEED_UNSUPPORTED, "loads posix.system, which heed refuses"},
        {BYTES("cos\nsystem\n(S'id'\ntR."), HEED_UNSUPPORTED, "os.system"},
        {BYTES("(S'id'\nios\nsystem\n."), HEED_UNSUPPORTED, "os.system"},
        {BYTES("(cos\nsystem\nS'id'\no."), HEED_UNSUPPORTED, "os.system"},
        {BYTES("\x80\4\x8c\5posix\x8c\6system\x93\x8c\2id\x85R."), HEED_UNSUPPORTED, "posix.system"},
        {BYTES("\x80\2c__builtin__\neval\nN\x85R."), HEED_UNSUPPORTED, "__builtin__.eval"},
        {BYTES("\x80\2cbuiltins\ngetattr\n."), HEED_UNSUPPORTED, "builtins.getattr"},
        {BYTES("\x80\4\x8c\x0b"
               "collections\x8c\x12OrderedDict.update\x93."),
         HEED_UNSUPPORTED, "collections.OrderedDict.update"},
        {BYTES("\x80\2ctorch\nload\n."), HEED_UNSUPPORTED, "torch.load"},
        {BYTES("\x80\2ctorch\nfloat32.x\n."), HEED_UNSUPPORTED, "torch.float32.x"},
        {BYTES("\x80\2ctorch._utils\n_rebuild_qtensor\n."), HEED_UNSUPPORTED, "torch._utils._rebuild_qtensor"},
        {BYTES("\x80\2cnumpy.core.multiarray\n_reconstruct\n."), HEED_UNSUPPORTED,
         "numpy.core.multiarray._reconstruct"},
        {BYTES("\x80\2c\n\n."), HEED_UNSUPPORTED, "loads ., which"},
        {BYTES("\x80\2c\x1b[2J\nx\n."), HEED_UNSUPPORTED, "loads ?[2J.x"},
        {BYTES("\x80\2\x82\1."), HEED_UNSUPPORTED, "byte 2 of the pickle: opcode 0x82"},
        {BYTES("\x80\5\x97."), HEED_UNSUPPORTED, "opcode 0x97"},
        {BYTES("\x80\6N."), HEED_UNSUPPORTED, "protocol 6"},
        {BYTES("P1\n."), HEED_UNSUPPORTED, "opcode 0x50"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) assert_refused(&cases[i]);
}

static void invalid_pickles_are_refused(void **state) {
    (void)state;
    static const pickled cases[] = {
        {BYTES(""), HEED_FORMAT, "byte 0 of the pickle: the pickle is cut short"},
        {BYTES("N"), HEED_FORMAT, "cut short"},
        {BYTES("."), HEED_FORMAT, "the stack has no value"},
        {BYTES("(."), HEED_FORMAT, "the stack has no value"},
        {BYTES("0."), HEED_FORMAT, "the stack has no value"},
        {BYTES("2."), HEED_FORMAT, "the stack has no value"},
        {BYTES("t."), HEED_FORMAT, "the stack has no mark"},
        {BYTES("N\x86."), HEED_FORMAT, "the stack has no value"},
        {BYTES("1."), HEED_FORMAT, "the stack has no mark"},
        {BYTES("X\5\0\0\0abc"), HEED_FORMAT, "cut short"},
        {BYTES("X\xff\xff\xff\xff."), HEED_FORMAT, "cut short"},
        {BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\x7f."), HEED_FORMAT, "cut short"},
        {BYTES("\x95\xff\xff\xff\xff\xff\xff\xff\xffN."), HEED_FORMAT, "cut short"},
        {BYTES("\x8b\xff\xff\xff\xff."), HEED_FORMAT, "cut short"},
        {BYTES("cos"), HEED_FORMAT, "a line does not end"},
        {BYTES("h\0."), HEED_FORMAT, "nothing is at this place of the memo"},
        {BYTES("Nq\2h\1."), HEED_FORMAT, "nothing is at this place of the memo"},
        {BYTES("Nr\xff\xff\xff\xff."), HEED_FORMAT, "the memo is too large"},
        {BYTES("Np99999999999999999999999\n."), HEED_FORMAT, "the memo is too large"},
        {BYTES("Npx\n."), HEED_FORMAT, "is no number"},
        {BYTES("}(K\1u."), HEED_FORMAT, "a key has no value"},
        {BYTES("(K\1d."), HEED_FORMAT, "a key has no value"},
        {BYTES("]K\1K\1s."), HEED_FORMAT, "an item is set of no dict"},
        {BYTES("}K\1a."), HEED_FORMAT, "an item is added to no list"},
        {BYTES("K\1)R."), HEED_FORMAT, "what is called is not a name"},
        {BYTES("ccollections\nOrderedDict\nK\1R."), HEED_FORMAT, "what is called is not a name"},
        {BYTES("ccollections\nOrderedDict\n]K\1a\x85R."), HEED_FORMAT, "a dict is not made of pairs"},
        {BYTES("ctorch\nfloat32\n)R."), HEED_FORMAT, "a type is called"},
        {BYTES("ctorch\nSize\n)R."), HEED_FORMAT, "a size is not a tuple"},
        {BYTES("ctorch._utils\n_rebuild_parameter\nN\x85R."), HEED_FORMAT, "a parameter is not a tensor"},
        {BYTES("ctorch._utils\n_rebuild_tensor_v2\n(NK\0))tR."), HEED_FORMAT, "a tensor is not made of a storage"},
        {BYTES("ctorch._tensor\n_rebuild_from_type_v2\nq\0(h\0N)NtR."), HEED_FORMAT, "are nested"},
        {BYTES("K\1K\2\x93."), HEED_FORMAT, "a name is not a text"},
        {BYTES("NQ."), HEED_FORMAT, "a persistent id is not that of a storage"},
        {BYTES("(S'module'\nNNNNtQ."), HEED_FORMAT, "a persistent id is not that of a storage"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) assert_refused(&cases[i]);
}

/* ---- pickles that are made to fill the memory, or to go on forever ------------------------------------------------ */

static void repeat(hd_buffer *out, const char *bytes, size_t size, size_t count) {
    for (size_t i = 0; i < count; i++) hd_buffer_append(out, bytes, size);
}

static void bombs_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    repeat(&out, BYTES("N"), 2 << 20);
    assert_refused(&(pickled){out.data, out.size, HEED_FORMAT, "too many values on the stack"});
    hd_buffer_clear(&out);
    repeat(&out, BYTES("]0"), 5 << 20);
    assert_refused(&(pickled){out.data, out.size, HEED_FORMAT, "too many tuples, lists and dicts"});
    hd_buffer_clear(&out); /* a list of pairs, of which many dicts are made */
    repeat(&out, BYTES("ccollections\nOrderedDict\nq\0](K\1K\2\x86q\1"), 1);
    repeat(&out, BYTES("h\1"), 1000);
    repeat(&out, BYTES("eq\2"), 1);
    repeat(&out, BYTES("h\0h\2\x85R0"), 1000);
    assert_refused(&(pickled){out.data, out.size, HEED_FORMAT, "more items than bytes"});
    hd_buffer_close(&out);
    heed_context_close(context);
}

/* Depth takes no recursion, and what contains itself is not followed. */
static void depth_and_cycles_end(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer out;
    hd_pickle *pickle;
    const hd_pickled_tensor *tensors;
    size_t count;
    hd_buffer_open(&out, context);
    repeat(&out, BYTES("]"), 500000);
    repeat(&out, BYTES("a"), 499999);
    repeat(&out, BYTES("."), 1);
    const pickled endless[] = {
        {out.data, out.size, HEED_OK, ""},
        {BYTES("}q\0X\1\0\0\0ah\0s."), HEED_OK, ""},
        {BYTES("}q\0X\12\0\0\0state_dicth\0s."), HEED_OK, ""},
        {BYTES("]q\0h\0a."), HEED_OK, ""},
        {BYTES("(lp0\nI1\nag0\na."), HEED_OK, ""},
        {BYTES("K\1."), HEED_OK, ""},
        {BYTES("}."), HEED_OK, ""},
    };
    for (size_t i = 0; i < HD_COUNT(endless); i++) {
        assert_ok(context, hd_pickle_open(context, "p", endless[i].bytes, endless[i].size, &pickle));
        assert_int_equal(hd_pickle_size(pickle), endless[i].size);
        assert_int_equal(hd_pickle_tensors(pickle, &tensors, &count), HEED_FORMAT);
        assert_string_equal(heed_context_message(context), "p: the pickle is no dict of tensors by their names");
        hd_pickle_close(pickle);
    }
    hd_buffer_close(&out);
    heed_context_close(context);
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static void integers_and_texts(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int64_t value;
    } integers[] = {{BYTES("K\xff."), 255},
                    {BYTES("M\xe9\3."), 1001},
                    {BYTES("J\xfe\xff\xff\xff."), -2},
                    {BYTES("\x8a\0."), 0},
                    {BYTES("\x8a\1\xff."), -1},
                    {BYTES("\x8a\2\xff\0."), 255},
                    {BYTES("\x8a\10\0\0\0\0\0\0\0\x80."), INT64_MIN},
                    {BYTES("\x8b\2\0\0\0\0\1."), 256},
                    {BYTES("I-12\n."), -12},
                    {BYTES("L12L\n."), 12},
                    {BYTES("K\7\x94K\0000h\0."), 7},
                    {BYTES("(K\1K\0021K\3."), 3},
                    {BYTES("K\5K\00720."), 7}};
    heed_context *context = open_context();
    hd_pickle *pickle;
    hd_pickled_text text;
    for (size_t i = 0; i < HD_COUNT(integers); i++) {
        assert_ok(context, hd_pickle_open(context, "p", integers[i].bytes, integers[i].size, &pickle));
        if (!hd_pickle_is_integer(pickle, integers[i].value)) fail_msg("integer %zu", i);
        assert_false(hd_pickle_is_integer(pickle, integers[i].value + (integers[i].value < 0 ? 1 : -1)));
        assert_false(hd_pickle_text(pickle, 0, &text));
        hd_pickle_close(pickle);
    }
    static const char list[] = "](X\1\0\0\0aU\1bV\303\274\nS'd'\n\x8c\1e\x8d\1\0\0\0\0\0\0\0fe.after";
    static const char *const expected[] = {"a", "b", "\303\274", "d", "e", "f"};
    assert_ok(context, hd_pickle_open(context, "p", BYTES(list), &pickle));
    assert_int_equal(hd_pickle_size(pickle), sizeof list - 1 - strlen("after"));
    for (size_t i = 0; i < HD_COUNT(expected); i++) {
        assert_true(hd_pickle_text(pickle, i, &text));
        assert_int_equal(text.size, strlen(expected[i]));
        assert_memory_equal(text.bytes, expected[i], text.size);
    }
    assert_false(hd_pickle_text(pickle, HD_COUNT(expected), &text));
    hd_pickle_close(pickle);
    heed_context_close(context);
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

static void put_text(hd_buffer *out, const char *text) {
    hd_buffer_byte(out, 'U');
    hd_buffer_byte(out, (char)strlen(text));
    hd_buffer_text(out, text);
}

static void put_integer(hd_buffer *out, int64_t value) {
    hd_buffer_append(out, "\x8a\10", 2);
    for (int i = 0; i < 8; i++) hd_buffer_byte(out, (char)((uint64_t)value >> 8 * i & 255u));
}

static void put_tuple(hd_buffer *out, int count, const int64_t *values) {
    hd_buffer_byte(out, '(');
    for (int i = 0; i < count; i++) put_integer(out, values[i]);
    hd_buffer_byte(out, 't');
}

typedef struct view {
    int64_t elements, offset; /* of the storage, and of the tensor in it */
    int dimensions, strides;
    int64_t shape[9], stride[9];
    const char *part; /* of the message; NULL: the tensor is read */
} view;

static void put_tensor(hd_buffer *out, const view *v) {
    hd_buffer_text(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(out, "storage");
    hd_buffer_text(out, "ctorch\nFloatStorage\n");
    put_text(out, "0");
    put_text(out, "cpu");
    put_integer(out, v->elements);
    hd_buffer_text(out, "tQ");
    put_integer(out, v->offset);
    put_tuple(out, v->dimensions, v->shape);
    put_tuple(out, v->strides, v->stride);
    hd_buffer_text(out,
                   "\x89"
                   "ccollections\nOrderedDict\n)RtR");
}

static void tensors_lie_in_their_storages(void **state) {
    (void)state;
    enum { TOO_MANY = 9 };
    static const int64_t large = INT64_C(1) << 62;
    const view views[] = {
        {6, 0, 2, 2, {2, 3}, {3, 1}, NULL},
        {6, 1, 1, 1, {5}, {1}, NULL},
        {6, 2, 1, 1, {5}, {1}, "a tensor is larger than its storage"},
        {6, 0, 2, 2, {3, 2}, {1, 3}, NULL},
        {6, 0, 2, 2, {4, 2}, {1, 3}, "a tensor is larger than its storage"},
        {6, 5, 0, 0, {0}, {0}, NULL},
        {6, 6, 0, 0, {0}, {0}, "a tensor is larger than its storage"},
        {0, 0, 1, 1, {0}, {1}, NULL},
        {1, 0, 2, 2, {1, 1}, {INT64_MAX, INT64_MAX}, NULL},
        {1, 0, 2, 2, {0, INT64_MAX}, {INT64_MAX, INT64_MAX}, NULL},
        {1, 0, 1, 1, {large}, {0}, "a tensor is too large"},
        {1, 0, 2, 2, {large, 4}, {0, 0}, "a tensor is too large"},
        {1, 0, 1, 1, {2}, {large}, "a tensor is larger than its storage"},
        {1, 0, 1, 1, {3}, {large}, "a tensor is larger than its storage"},
        {large, 0, 1, 1, {large}, {1}, "a tensor is "},
        {1, INT64_MAX, 1, 1, {1}, {1}, "a tensor is larger than its storage"},
        {6, -1, 1, 1, {1}, {1}, "a tensor is not made of a storage and an offset"},
        {6, 5, 1, 1, {2}, {-1}, "a shape or stride is not a number of at least 0"},
        {6, 0, 1, 1, {-1}, {1}, "a shape or stride is not a number of at least 0"},
        {6, 0, 2, 1, {1, 1}, {1}, "more or fewer strides"},
        {-1, 0, 1, 1, {0}, {1}, "a persistent id is not that of a storage"},
        {1, 0, TOO_MANY, TOO_MANY, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}, "a tensor has 9 dimensions, heed reads up to 8"},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(views); i++) {
        const hd_pickled_tensor *tensors;
        size_t count;
        hd_pickle *pickle;
        hd_buffer out;
        hd_buffer_open(&out, context);
        hd_buffer_byte(&out, '}');
        put_text(&out, "w");
        put_tensor(&out, &views[i]);
        hd_buffer_text(&out, "s.");
        heed_status status = hd_pickle_open(context, "p", out.data, out.size, &pickle);
        const char *message = heed_context_message(context);
        if (views[i].part) {
            if (status == HEED_OK || !strstr(message, views[i].part)) fail_msg("view %zu: %s", i, message);
        } else {
            assert_ok(context, status);
            assert_ok(context, hd_pickle_tensors(pickle, &tensors, &count));
            assert_int_equal(count, 1);
            assert_string_equal(tensors[0].name, "w");
            assert_int_equal(tensors[0].dimensions, views[i].dimensions);
            assert_memory_equal(tensors[0].shape, views[i].shape, (size_t)views[i].dimensions * sizeof(int64_t));
        }
        hd_pickle_close(pickle);
        hd_buffer_close(&out);
    }
    heed_context_close(context);
}

/* {NAME: tensor [n], …}, with n = 1, 2, … */
static void put_dict(hd_buffer *out, const char *const *names, size_t count) {
    hd_buffer_text(out, "}(");
    for (size_t i = 0; i < count; i++) {
        put_text(out, names[i]);
        put_tensor(out, &(view){9, 0, 1, 1, {(int64_t)i + 1}, {1}, NULL});
    }
    hd_buffer_byte(out, 'u');
}

static heed_status check_names(heed_context *context) {
    static const char *const names[] = {"b", "a", "b", "c", "a"}, *const expected[] = {"b", "c", "a"};
    static const int64_t sizes[] = {3, 4, 5};
    const hd_pickled_tensor *tensors;
    hd_pickle *pickle;
    size_t count;
    heed_status status = HEED_OK;
    for (int nested = 0; nested < 2 && status == HEED_OK; nested++) {
        hd_buffer out;
        hd_buffer_open(&out, context);
        if (nested) hd_buffer_text(&out, "}");
        if (nested) put_text(&out, "model");
        put_dict(&out, names, HD_COUNT(names));
        hd_buffer_text(&out, nested ? "s." : ".");
        status = out.failed ? HEED_MEMORY : hd_pickle_open(context, "p", out.data, out.size, &pickle);
        if (status == HEED_OK) {
            status = hd_pickle_tensors(pickle, &tensors, &count);
            for (size_t i = 0; i < HD_COUNT(expected) && status == HEED_OK; i++) {
                assert_int_equal(count, HD_COUNT(expected));
                assert_string_equal(tensors[i].name, expected[i]);
                assert_int_equal(tensors[i].shape[0], sizes[i]);
            }
            hd_pickle_close(pickle);
        }
        hd_buffer_close(&out);
    }
    return status;
}

/* The last tensor of a name counts, as in Python. */
static void equal_names_count_once(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, check_names(context));
    heed_context_close(context);
    fail_each_allocation(check_names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_refused),      cmocka_unit_test(invalid_pickles_are_refused),
        cmocka_unit_test(bombs_are_refused),      cmocka_unit_test(depth_and_cycles_end),
        cmocka_unit_test(integers_and_texts),     cmocka_unit_test(tensors_lie_in_their_storages),
        cmocka_unit_test(equal_names_count_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
