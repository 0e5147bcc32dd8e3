#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "formats/json.h"

enum { LENGTH_BYTES = 8, LARGEST_HEADER = 100000000 }; /* the reference implementation's bound on the header */

struct hd_safetensors {
    heed_context *context;
    hd_map map; /* empty when the bytes are the caller's */
    hd_json header;
    size_t count;
    hd_stored_tensor *tensors;        /* [count], in the order of the data */
    const hd_stored_tensor **by_name; /* [count] */
};

/* ---- reading one entry of the header --------------------------------------------------------------------------- */

/* *known is false for an element type that heed does not read: such a tensor matters only if it is needed. */
static heed_status read_dtype(const hd_json *entry, hd_dtype *dtype, bool *known) {
    const json_t *value = json_object_get(entry->root, "dtype");
    if (!json_is_string(value)) return hd_json_expected(entry, "dtype", "a string");
    for (int i = 0; i < HD_DTYPES; i++) {
        *dtype = (hd_dtype)i;
        *known = strcmp(json_string_value(value), hd_dtype_name(*dtype)) == 0;
        if (*known) return HEED_OK;
    }
    return HEED_OK;
}

static heed_status read_shape(const hd_json *entry, hd_stored_tensor *tensor) {
    const json_t *value = json_object_get(entry->root, "shape");
    size_t count;
    if (!json_is_array(value)) return hd_json_expected(entry, "shape", "an array of integers");
    if (json_array_size(value) > HD_STORED_DIMENSIONS)
        return hd_fail(entry->context, HEED_UNSUPPORTED, "%s: tensor \"%s\" has %zu dimensions, heed reads up to %d",
                       entry->path, tensor->name, json_array_size(value), HD_STORED_DIMENSIONS);
    HD_TRY(hd_json_ints(entry, "shape", 0, INT64_MAX, tensor->shape, HD_STORED_DIMENSIONS, &count));
    tensor->dimensions = (int)count;
    if (!hd_shape_size(tensor->dtype, tensor->dimensions, tensor->shape, &tensor->count, &tensor->bytes))
        return hd_fail(entry->context, HEED_FORMAT, "%s: tensor \"%s\" is %s, more than memory can hold", entry->path,
                       tensor->name, hd_shape_show(tensor->dimensions, tensor->shape).text);
    return HEED_OK;
}

/* Reads the tensor's offsets and checks them against the size of the data and the shape. */
static heed_status read_offsets(const hd_json *entry, const uint8_t *data, size_t size, hd_stored_tensor *tensor) {
    int64_t offsets[2];
    size_t count;
    if (!json_is_array(json_object_get(entry->root, "data_offsets")))
        return hd_json_expected(entry, "data_offsets", "two integers");
    HD_TRY(hd_json_ints(entry, "data_offsets", 0, INT64_MAX, offsets, 2, &count));
    if (count != 2) return hd_json_expected(entry, "data_offsets", "two integers");
    size_t begin = (size_t)offsets[0], end = (size_t)offsets[1];
    if (begin > end)
        return hd_fail(entry->context, HEED_FORMAT, "%s: tensor \"%s\" ends at %zu, before its begin at %zu",
                       entry->path, tensor->name, end, begin);
    if (end > size)
        return hd_fail(entry->context, HEED_FORMAT,
                       "%s: tensor \"%s\" ends at byte %zu of the data, the file holds only %zu: was it cut short?",
                       entry->path, tensor->name, end, size);
    if (tensor->unread) tensor->bytes = end - begin;
    if (end - begin != tensor->bytes)
        return hd_fail(entry->context, HEED_FORMAT, "%s: tensor \"%s\" is %s %s, which takes %zu bytes, but has %zu",
                       entry->path, tensor->name, hd_dtype_name(tensor->dtype),
                       hd_shape_show(tensor->dimensions, tensor->shape).text, tensor->bytes, end - begin);
    tensor->data = data + begin;
    return HEED_OK;
}

static heed_status read_entry(const hd_json *header, const char *name, const uint8_t *data, size_t size,
                              hd_stored_tensor *tensor) {
    hd_json entry;
    *tensor = (hd_stored_tensor){.name = name, .file = header->path};
    if (!json_is_object(json_object_get(header->root, name))) return hd_json_expected(header, name, "an object");
    HD_TRY(hd_json_object(header, name, &entry));
    bool known = false;
    HD_TRY(read_dtype(&entry, &tensor->dtype, &known));
    if (!known) {
        tensor->dtype = HD_U8;
        tensor->unread = json_string_value(json_object_get(entry.root, "dtype"));
    }
    HD_TRY(read_shape(&entry, tensor));
    return read_offsets(&entry, data, size, tensor);
}

/* ---- the whole header ------------------------------------------------------------------------------------------ */

static heed_status check_metadata(const hd_json *header) {
    json_t *value = json_object_get(header->root, "__metadata__");
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_object(value)) return hd_json_expected(header, "__metadata__", "an object");
    hd_json metadata;
    HD_TRY(hd_json_object(header, "__metadata__", &metadata));
    for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
        if (!json_is_string(json_object_iter_value(at)))
            return hd_json_expected(&metadata, json_object_iter_key(at), "a string");
    return HEED_OK;
}

static int compare_offsets(const void *left, const void *right) {
    const hd_stored_tensor *a = left, *b = right;
    uintptr_t a_begin = (uintptr_t)a->data, b_begin = (uintptr_t)b->data;
    if (a_begin != b_begin) return a_begin < b_begin ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* Sorts the tensors by offset and checks that every byte of the data belongs to exactly one. */
static heed_status check_coverage(hd_safetensors *file, const uint8_t *data, size_t size) {
    const char *path = file->header.path;
    if (file->count) qsort(file->tensors, file->count, sizeof *file->tensors, compare_offsets);
    const uint8_t *expected = data;
    for (size_t i = 0; i < file->count; i++) {
        const hd_stored_tensor *tensor = &file->tensors[i];
        const uint8_t *begin = tensor->data;
        if (begin < expected)
            return hd_fail(file->context, HEED_FORMAT, "%s: tensors \"%s\" and \"%s\" overlap", path,
                           file->tensors[i - 1].name, tensor->name);
        if (begin > expected)
            return hd_fail(file->context, HEED_FORMAT, "%s: %zu bytes before tensor \"%s\" belong to no tensor", path,
                           (size_t)(begin - expected), tensor->name);
        expected = begin + tensor->bytes;
    }
    if (expected != data + size)
        return hd_fail(file->context, HEED_FORMAT, "%s: the last %zu bytes belong to no tensor", path,
                       (size_t)(data + size - expected));
    return HEED_OK;
}

static heed_status read_tensors(hd_safetensors *file, const uint8_t *data, size_t size) {
    json_t *root = file->header.root;
    size_t count = json_object_size(root);
    file->tensors = hd_alloc(file->context, count, sizeof *file->tensors);
    file->by_name = hd_alloc(file->context, count, sizeof *file->by_name);
    if (!file->tensors || !file->by_name) return HEED_MEMORY;
    for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, "__metadata__") == 0) continue;
        HD_TRY(read_entry(&file->header, name, data, size, &file->tensors[file->count]));
        file->count++;
    }
    HD_TRY(check_coverage(file, data, size));
    for (size_t i = 0; i < file->count; i++) file->by_name[i] = &file->tensors[i];
    hd_stored_sort(file->by_name, file->count);
    return HEED_OK;
}

static heed_status read_file(hd_safetensors *file, const char *name, const uint8_t *bytes, size_t size) {
    heed_context *context = file->context;
    if (size < LENGTH_BYTES)
        return hd_fail(context, HEED_FORMAT, "%s: %zu bytes are too few for a safetensors file", name, size);
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | bytes[i];
    if (length > size - LENGTH_BYTES)
        return hd_fail(context, HEED_FORMAT, "%s: the header claims %llu bytes, the file holds only %zu after its size",
                       name, (unsigned long long)length, size - LENGTH_BYTES);
    if (length > LARGEST_HEADER)
        return hd_fail(context, HEED_FORMAT, "%s: a header of %llu bytes, no more than %d are allowed", name,
                       (unsigned long long)length, LARGEST_HEADER);
    const uint8_t *header = bytes + LENGTH_BYTES, *data = header + length;
    if (length == 0 || header[0] != '{')
        return hd_fail(context, HEED_FORMAT, "%s: the header does not begin with '{': not a safetensors file", name);
    HD_TRY(hd_json_open_bytes(context, name, header, (size_t)length, HD_JSON_STRICT, &file->header));
    HD_TRY(check_metadata(&file->header));
    return read_tensors(file, data, size - LENGTH_BYTES - (size_t)length);
}

/* ---- opening and look-up ---------------------------------------------------------------------------------------- */

heed_status hd_safetensors_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                                      hd_safetensors **out) {
    *out = NULL;
    hd_safetensors *file = hd_alloc_zeroed(context, 1, sizeof *file);
    if (!file) return HEED_MEMORY;
    file->context = context;
    heed_status status = read_file(file, name, bytes, size);
    if (status == HEED_OK)
        *out = file;
    else
        hd_safetensors_close(file);
    return status;
}

heed_status hd_safetensors_open(heed_context *context, const char *path, hd_safetensors **file) {
    hd_map map;
    *file = NULL;
    HD_TRY(hd_map_open(context, path, &map));
    heed_status status = hd_safetensors_open_bytes(context, path, map.data, map.size, file);
    if (status == HEED_OK)
        (*file)->map = map;
    else
        hd_map_close(&map);
    return status;
}

void hd_safetensors_close(hd_safetensors *file) {
    if (!file) return;
    hd_json_close(&file->header);
    hd_map_close(&file->map);
    hd_free(file->context, file->tensors);
    hd_free(file->context, file->by_name);
    hd_free(file->context, file);
}

size_t hd_safetensors_count(const hd_safetensors *file) { return file->count; }

const hd_stored_tensor *hd_safetensors_at(const hd_safetensors *file, size_t index) { return &file->tensors[index]; }

const hd_stored_tensor *hd_safetensors_find(const hd_safetensors *file, const char *name) {
    return hd_stored_find(file->by_name, file->count, name);
}

const char *hd_safetensors_metadata(const hd_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header.root, "__metadata__"), key));
}
