#include <string.h>

#include "formats/json.h"
#include "formats/safetensors.h"

/* Adds `value` to an object and takes ownership of it; false when memory ran out. */
static bool set(json_t *object, const char *key, json_t *value) { return json_object_set_new(object, key, value) == 0; }

static json_t *describe(const hd_declared_tensor *tensor, size_t begin, size_t end) {
    json_t *entry = json_object(), *shape = json_array(), *offsets = json_array();
    bool made = entry && shape && offsets;
    for (int i = 0; made && i < tensor->dimensions; i++)
        made = json_array_append_new(shape, json_integer(tensor->shape[i])) == 0;
    made = made && json_array_append_new(offsets, json_integer((json_int_t)begin)) == 0 &&
           json_array_append_new(offsets, json_integer((json_int_t)end)) == 0 &&
           set(entry, "dtype", json_string(hd_dtype_name(tensor->dtype))) &&
           json_object_set(entry, "shape", shape) == 0 && json_object_set(entry, "data_offsets", offsets) == 0;
    json_decref(shape);
    json_decref(offsets);
    if (made) return entry;
    json_decref(entry);
    return NULL;
}

static heed_status add_tensor(heed_context *context, const char *path, const hd_declared_tensor *tensor, json_t *header,
                              size_t *end) {
    size_t count, bytes, begin = *end;
    if (tensor->dimensions < 0 || tensor->dimensions > HD_STORED_DIMENSIONS)
        return hd_fail(context, HEED_ARGUMENT, "%s: tensor \"%s\" has %d dimensions, heed writes up to %d", path,
                       tensor->name, tensor->dimensions, HD_STORED_DIMENSIONS);
    if (!hd_shape_size(tensor->dtype, tensor->dimensions, tensor->shape, &count, &bytes) ||
        !hd_add(begin, bytes, end) || *end > INT64_MAX)
        return hd_fail(context, HEED_ARGUMENT, "%s: tensor \"%s\" cannot be %s", path, tensor->name,
                       hd_shape_show(tensor->dimensions, tensor->shape).text);
    if (begin % hd_dtype_size(tensor->dtype) != 0)
        return hd_fail(context, HEED_ARGUMENT, "%s: tensor \"%s\" would not be aligned: wider dtypes go first", path,
                       tensor->name);
    if (strcmp(tensor->name, "__metadata__") == 0 || json_object_get(header, tensor->name))
        return hd_fail(context, HEED_ARGUMENT, "%s: the name \"%s\" is taken", path, tensor->name);
    if (!set(header, tensor->name, describe(tensor, begin, *end)))
        return hd_fail(context, HEED_MEMORY, "%s: out of memory, or the name \"%s\" is not UTF-8", path, tensor->name);
    return HEED_OK;
}

static heed_status fill_header(heed_context *context, const char *path, const hd_declared_tensor *tensors, size_t count,
                               json_t *header, size_t *bytes) {
    json_t *metadata = json_object();
    *bytes = 0;
    if (!metadata || !set(metadata, "format", json_string("pt"))) {
        json_decref(metadata);
        return hd_json_no_memory(context, path);
    }
    if (!set(header, "__metadata__", metadata)) return hd_json_no_memory(context, path);
    for (size_t i = 0; i < count; i++) HD_TRY(add_tensor(context, path, &tensors[i], header, bytes));
    return HEED_OK;
}

/* The size, the header, and spaces up to a multiple of 8, so that the data is aligned in a mapped file. */
static heed_status write_header(heed_context *context, const json_t *header, hd_writer *writer) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = hd_json_append(context, header, &text);
    while (text.size % 8 != 0 && !text.failed) hd_buffer_byte(&text, ' ');
    if (text.failed) status = HEED_MEMORY;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(text.size >> (8 * i));
    if (status == HEED_OK) status = hd_writer_write(writer, length, sizeof length);
    if (status == HEED_OK) status = hd_writer_write(writer, text.data, text.size);
    hd_buffer_close(&text);
    if (status != HEED_OK) hd_writer_abandon(writer);
    return status;
}

heed_status hd_safetensors_writer_open(heed_context *context, const char *path, const hd_declared_tensor *tensors,
                                       size_t count, hd_safetensors_writer *writer) {
    *writer = (hd_safetensors_writer){.context = context, .writer = {.context = context, .descriptor = -1}};
    hd_buffer_open(&writer->writer.pending, context);
    json_t *header = json_object();
    if (!header) return hd_json_no_memory(context, path);
    size_t bytes;
    heed_status status = fill_header(context, path, tensors, count, header, &bytes);
    if (status == HEED_OK) status = hd_writer_open(context, path, &writer->writer);
    if (status == HEED_OK) status = write_header(context, header, &writer->writer);
    json_decref(header);
    writer->declared = bytes;
    return status;
}

static heed_status refuse(hd_safetensors_writer *writer, uint64_t given) {
    heed_status status = hd_fail(writer->context, HEED_ARGUMENT, "%s: %llu bytes of data were declared, %llu given",
                                 writer->writer.path, (unsigned long long)writer->declared, (unsigned long long)given);
    hd_writer_abandon(&writer->writer);
    return status;
}

heed_status hd_safetensors_writer_write(hd_safetensors_writer *writer, const void *bytes, size_t size) {
    if (writer->writer.descriptor < 0) return writer->context->status;
    if (size > writer->declared - writer->written) return refuse(writer, writer->written + size);
    writer->written += size;
    return hd_writer_write(&writer->writer, bytes, size);
}

heed_status hd_safetensors_writer_commit(hd_safetensors_writer *writer) {
    if (writer->writer.descriptor < 0) return writer->context->status;
    if (writer->written != writer->declared) return refuse(writer, writer->written);
    return hd_writer_commit(&writer->writer);
}

void hd_safetensors_writer_abandon(hd_safetensors_writer *writer) { hd_writer_abandon(&writer->writer); }
