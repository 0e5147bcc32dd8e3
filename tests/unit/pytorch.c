/* Files of torch.save: the tensors of every kind of file equal those stored as safetensors, and invalid, hostile and foreign
 * files are refused with a message that names what is wrong (tests/golden/pytorch/make.py). */
#include "failing.h"

#include "base/file.h"
#include "formats/pytorch.h"
#include "formats/safetensors.h"
#include "formats/weights.h"
#include "models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES GOLDEN "/pytorch/"

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

static void assert_same(const char *file, const hd_stored_tensor *found, const hd_stored_tensor *expected) {
    if (!found) fail_msg("%s lacks %s", file, expected->name);
    if (found->dtype != expected->dtype || found->unread || found->dimensions != expected->dimensions ||
        memcmp(found->shape, expected->shape, (size_t)found->dimensions * sizeof *found->shape) != 0)
        fail_msg("%s: %s is %s %s, expected %s %s", file, found->name, hd_dtype_name(found->dtype),
                 hd_shape_show(found->dimensions, found->shape).text, hd_dtype_name(expected->dtype),
                 hd_shape_show(expected->dimensions, expected->shape).text);
    assert_int_equal(found->count, expected->count);
    assert_int_equal(found->bytes, expected->bytes);
    if (found->bytes && memcmp(found->data, expected->data, found->bytes) != 0)
        fail_msg("%s: %s has other numbers", file, found->name);
}

static void tensors_equal_those_of_safetensors(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count;
        bool mapped;
    } files[] = {{"zip", 27, false},      {"legacy", 22, false}, {"protocol4", 27, false},
                 {"deflated", 27, false}, {"big", 27, false},    {"nested", 27, false}};
    heed_context *context = open_context();
    hd_safetensors *expected;
    assert_ok(context, hd_safetensors_open(context, FILES "tensors.safetensors", &expected));
    for (size_t f = 0; f < HD_COUNT(files); f++) {
        char path[512];
        hd_pytorch *file;
        snprintf(path, sizeof path, FILES "%s.bin", files[f].name);
        assert_ok(context, hd_pytorch_open(context, path, &file));
        assert_int_equal(hd_pytorch_count(file), files[f].count);
        assert_int_equal(hd_pytorch_is_mapped(file), files[f].mapped);
        for (size_t i = 0; i < hd_pytorch_count(file); i++) {
            const hd_stored_tensor *tensor = hd_pytorch_at(file, i);
            assert_same(path, tensor, hd_safetensors_find(expected, tensor->name));
            assert_ptr_equal(hd_pytorch_find(file, tensor->name), tensor);
            assert_string_equal(tensor->file, path);
        }
        assert_null(hd_pytorch_find(file, "absent"));
        hd_pytorch_close(file);
    }
    hd_safetensors_close(expected);
    heed_context_close(context);
}

/* Numbers that are stored as they are, are not copied. */
static void numbers_stay_in_the_file(void **state) {
    (void)state;
    static const char *const paths[] = {FILES "model/zip.bin", FILES "model/legacy.bin"};
    heed_context *context = open_context();
    for (size_t f = 0; f < HD_COUNT(paths); f++) {
        hd_map map;
        hd_pytorch *file;
        assert_ok(context, hd_map_open(context, paths[f], &map));
        assert_ok(context, hd_pytorch_open_bytes(context, "weights", map.data, map.size, &file));
        assert_true(hd_pytorch_is_mapped(file));
        for (size_t i = 0; i < hd_pytorch_count(file); i++) {
            const hd_stored_tensor *tensor = hd_pytorch_at(file, i);
            const uint8_t *data = tensor->data;
            assert_true(data >= map.data && data + tensor->bytes <= map.data + map.size);
        }
        assert_ptr_equal(hd_pytorch_find(file, "lm_head.weight")->data,
                         hd_pytorch_find(file, "transformer.wte.weight")->data);
        hd_pytorch_close(file);
        hd_map_close(&map);
    }
    heed_context_close(context);
}

/* A tensor of a type that heed lacks is refused when it is needed, and the others are read. */
static void unread_types_have_names(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_pytorch *file;
    assert_ok(context, hd_pytorch_open(context, FILES "unread.bin", &file));
    assert_int_equal(hd_stored_expect(context, hd_pytorch_find(file, "complex"), 1, (int64_t[]){2}), HEED_UNSUPPORTED);
    assert_string_equal(heed_context_message(context),
                        FILES "unread.bin: tensor \"complex\" has the dtype complex64, which heed does not read");
    assert_non_null(hd_pytorch_find(file, "conjugated")->unread);
    assert_ok(context, hd_stored_expect(context, hd_pytorch_find(file, "read"), 1, (int64_t[]){1}));
    hd_pytorch_close(file);
    heed_context_close(context);
}

/* ---- files that are refused -------------------------------------------------------------------------------------- */

static void assert_refused(const char *what, heed_status status, heed_status expected, const char *message,
                           const char *part) {
    if (status != expected || !strstr(message, part) || strchr(message, '\n'))
        fail_msg("%s: %s, \"%s\", expected %s with \"%s\"", what, heed_status_name(status), message,
                 heed_status_name(expected), part);
}

static void files_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name;
        heed_status status;
        const char *part;
    } files[] = {
        {"bomb.bin", HEED_FORMAT, "data/0\" has 20971520 bytes, "},
        {"expanded.bin", HEED_FORMAT, "tensor \"x\" takes 4398046511104 bytes, more than a file of"},
        {"cut.bin", HEED_FORMAT, "storage \"1\" has 92 bytes, expected 24 × 4"},
        {"script.bin", HEED_UNSUPPORTED, "a TorchScript program"},
        {"tensors.safetensors", HEED_FORMAT, "not a PyTorch file"},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        char path[512];
        hd_pytorch *file;
        snprintf(path, sizeof path, FILES "%s", files[i].name);
        heed_status status = hd_pytorch_open(context, path, &file);
        assert_null(file);
        assert_refused(files[i].name, status, files[i].status, heed_context_message(context), files[i].part);
    }
    heed_context_close(context);
}

/* Every file that ends too early is refused, and so is each with a byte that is not the same: with one that the reader
 * notices, or it has other numbers alone. */
static void damaged_files_do_no_harm(void **state) {
    (void)state;
    static const char *const paths[] = {FILES "zip.bin", FILES "legacy.bin", FILES "deflated.bin"};
    heed_context *context = open_context();
    for (size_t f = 0; f < HD_COUNT(paths); f++) {
        hd_map map;
        hd_pytorch *file;
        assert_ok(context, hd_map_open(context, paths[f], &map));
        uint8_t *bytes = malloc(map.size);
        for (size_t size = 0; size < map.size; size += 1 + size / 200) {
            memcpy(bytes, map.data, size);
            uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees the first byte behind */
            memcpy(exact, bytes, size);
            heed_status status = hd_pytorch_open_bytes(context, "cut", exact, size, &file);
            if (status == HEED_OK) fail_msg("%s: %zu bytes are read as a whole file", paths[f], size);
            assert_non_null(strstr(heed_context_message(context), "cut"));
            free(exact);
        }
        for (size_t i = 0; i < map.size; i += 3) {
            memcpy(bytes, map.data, map.size);
            bytes[i] ^= (uint8_t)(1u << i % 8);
            hd_pytorch_open_bytes(context, "changed", bytes, map.size, &file);
            hd_pytorch_close(file);
        }
        free(bytes);
        hd_map_close(&map);
    }
    heed_context_close(context);
}

/* ---- memory and folders ------------------------------------------------------------------------------------------- */

static heed_status open_and_close(heed_context *context) {
    static const char *const names[] = {"zip", "legacy", "deflated", "big"};
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        char path[512];
        hd_pytorch *file;
        snprintf(path, sizeof path, FILES "%s.bin", names[i]);
        heed_status status = hd_pytorch_open(context, path, &file);
        if (status != HEED_OK) return status;
        hd_pytorch_close(file);
    }
    return HEED_OK;
}

static void failing_allocations(void **state) {
    (void)state;
    fail_each_allocation(open_and_close);
}

static char folder[] = "/tmp/heed-pytorch-XXXXXX";

static void link_file(const char *name, const char *target) {
    char path[128], full[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(full, sizeof full, FILES "%s", target);
    unlink(path);
    if (target[0] && symlink(full, path) != 0) fail_msg("%s", path);
}

/* The sum of the bits of all weights of the model, as it is opened. */
static uint64_t fingerprint_of_model(heed_context *context) {
    heed_model *model;
    uint64_t sum = FINGERPRINT_OF_NOTHING;
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_TRAIN, &model));
    for (int64_t i = 0; i < model->network->count; i++) {
        const hd_parameter *p = model->network->parameters[i];
        sum = fingerprint(sum, p->data, (size_t)hd_parameter_count(p) * sizeof *p->data);
    }
    hd_model_close(model);
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model)); /* packs and releases */
    hd_model_close(model);
    return sum;
}

/* A folder opens with the same numbers, whatever file they are in; safetensors are read if there are any. */
static void folders_open_with_any_file(void **state) {
    (void)state;
    static const struct {
        const char *name, *target;
    } files[] = {{"pytorch_model.bin", "model/zip.bin"},
                 {"pytorch_model.bin", "model/legacy.bin"},
                 {"pytorch_model.bin.index.json", "model/pytorch_model.bin.index.json"},
                 {"pytorch_model.pt", "model/zip.bin"},
                 {"model.pt", "model/legacy.bin"}};
    heed_context *context = open_context();
    assert_non_null(mkdtemp(folder));
    link_file("config.json", "model/config.json");
    link_file("pytorch_model-00001-of-00002.bin", "model/pytorch_model-00001-of-00002.bin");
    link_file("pytorch_model-00002-of-00002.bin", "model/pytorch_model-00002-of-00002.bin");
    link_file("model.safetensors", "model/model.safetensors");
    link_file("pytorch_model.bin", "bomb.bin"); /* is not read */
    uint64_t expected = fingerprint_of_model(context);
    link_file("model.safetensors", "");
    link_file("pytorch_model.bin", "");
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        link_file(files[i].name, files[i].target);
        assert_int_equal(fingerprint_of_model(context), expected);
        link_file(files[i].name, "");
    }
    link_file("pytorch_model-00001-of-00002.bin", "");
    link_file("pytorch_model-00002-of-00002.bin", "");
    link_file("config.json", "");
    assert_int_equal(rmdir(folder), 0);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_equal_those_of_safetensors),
        cmocka_unit_test(numbers_stay_in_the_file),
        cmocka_unit_test(unread_types_have_names),
        cmocka_unit_test(files_are_refused_by_name),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(folders_open_with_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
