#include "autograd/pass.h"

#include <stdio.h>
#include <string.h>

void hd_pass_open(hd_pass *pass, heed_context *context, hd_arena *packing) {
    *pass = (hd_pass){.context = context, .packing = packing};
    pass->status = hd_stream_open(&pass->stream, context, &pass->status);
    hd_arena_open(&pass->host, context);
    hd_stream_arena_open(&pass->stream, &pass->arena);
}

void hd_pass_reset(hd_pass *pass) {
    pass->losses = NULL;
    hd_arena_reset(&pass->arena);
    hd_arena_reset(&pass->host);
    pass->tape = NULL;
    pass->stream.device->wait(&pass->stream); /* what failed before is not this run's failure */
    pass->status = HEED_OK;
}

void hd_pass_close(hd_pass *pass) {
    hd_arena_close(&pass->arena);
    hd_arena_close(&pass->host);
    hd_stream_close(&pass->stream);
}

static void *alloc(hd_pass *pass, hd_arena *arena, size_t count, size_t size) {
    if (pass->status != HEED_OK) return NULL;
    void *memory = hd_arena_alloc(arena, count, size);
    if (!memory) pass->status = HEED_MEMORY;
    return memory;
}

void *hd_pass_alloc(hd_pass *pass, size_t count, size_t size) { return alloc(pass, &pass->host, count, size); }

float *hd_pass_numbers(hd_pass *pass, int64_t rows, int64_t columns) {
    return alloc(pass, &pass->arena, (size_t)(rows * columns), sizeof(float));
}

float *hd_pass_zeros(hd_pass *pass, int64_t rows, int64_t columns) {
    float *y = hd_pass_numbers(pass, rows, columns);
    if (y) pass->stream.device->zero(&pass->stream, &(hd_zero_call){rows * columns, y});
    return y;
}

float *hd_pass_download(hd_pass *pass, const float *numbers, int64_t count) {
    if (pass->status != HEED_OK) return NULL;
    return (float *)(uintptr_t)hd_stream_read(&pass->stream, &pass->host, numbers, (size_t)count * sizeof *numbers);
}

void hd_pass_upload(hd_pass *pass, const float *host, int64_t count, float *numbers) {
    if (host && numbers && host != numbers)
        pass->stream.device->upload(&pass->stream, (size_t)count * sizeof *host, host, numbers);
}

heed_status hd_pass_wait(hd_pass *pass) {
    hd_stream *stream = &pass->stream;
    stream->device->wait(stream);
    for (; pass->losses && pass->status == HEED_OK; pass->losses = pass->losses->next) {
        double loss = 0;
        stream->device->download(stream, sizeof loss, pass->losses->from, &loss);
        *pass->losses->to += loss;
    }
    return pass->status;
}

void hd_pass_add_loss(hd_pass *pass, const double *from, double *to) {
    hd_pending_loss *loss = hd_pass_alloc(pass, 1, sizeof *loss);
    if (!loss) return;
    *loss = (hd_pending_loss){pass->losses, from, to};
    pass->losses = loss;
    if (pass->stream.device->host_memory || !pass->recording) hd_pass_wait(pass);
}

void *hd_pass_fail(hd_pass *pass, heed_status status, const char *format, ...) {
    if (pass->status != HEED_OK) return NULL;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pass->status = hd_fail(pass->context, status, "%s", message);
    return NULL;
}

hd_tensor *hd_tensor_wrap(hd_pass *pass, int64_t rows, int64_t columns, float *data, const hd_layout *layout) {
    hd_tensor *tensor = hd_pass_alloc(pass, 1, sizeof *tensor);
    if (!tensor || !data) return NULL;
    *tensor = (hd_tensor){.rows = rows, .columns = columns, .data = data, .layout = layout};
    return tensor;
}

hd_tensor *hd_tensor_new(hd_pass *pass, int64_t rows, int64_t columns, const hd_layout *layout) {
    return hd_tensor_wrap(pass, rows, columns, hd_pass_numbers(pass, rows, columns), layout);
}

hd_dropout hd_pass_dropout(const hd_pass *pass, float probability, uint32_t site) {
    hd_dropout dropout = {.scale = 1.0f};
    if (!pass->training || !(probability > 0.0f)) return dropout;
    dropout.key = hd_random_key_branch(hd_random_key_make(pass->seed, HD_RANDOM_DROPOUT, pass->step), site);
    dropout.threshold = (uint32_t)((double)probability * 0x1p32);
    dropout.scale = 1.0f / (1.0f - probability);
    return dropout;
}

hd_tensor *hd_pass_record(hd_pass *pass, hd_tensor *output, const void *op, size_t size,
                          void (*backward)(hd_pass *, hd_node *)) {
    if (pass->status != HEED_OK || !output) return NULL;
    if (!pass->recording || !output->needs_gradient) return output;
    hd_node *node = hd_pass_alloc(pass, 1, size);
    if (!node) return NULL;
    memcpy(node, op, size);
    *node = (hd_node){pass->tape, backward};
    pass->tape = node;
    return output;
}

float *hd_gradient(hd_pass *pass, hd_tensor *tensor, bool *add) {
    *add = tensor->gradient != NULL;
    if (!tensor->needs_gradient) return NULL;
    if (!tensor->gradient) tensor->gradient = hd_pass_numbers(pass, tensor->rows, tensor->columns);
    return tensor->gradient;
}

void hd_gradient_give(hd_pass *pass, hd_tensor *tensor, float *buffer) {
    if (!tensor->needs_gradient) return;
    if (!tensor->gradient) {
        tensor->gradient = buffer;
        return;
    }
    float *y = tensor->gradient;
    pass->stream.device->add(&pass->stream, &(hd_add_call){hd_tensor_count(tensor), y, buffer, y});
}

float *hd_pass_gradient(const hd_pass *pass, const hd_parameter *parameter) {
    return pass->gradients && parameter && parameter->trained ? pass->gradients + parameter->gradient_at : NULL;
}

bool hd_pass_pack(hd_pass *pass, hd_parameter *parameter) {
    if (parameter->packed && !parameter->packed_stale) return true;
    if (!pass->packing) {
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is not packed for products", parameter->name);
        return false;
    }
    if (hd_parameter_pack(pass->context, pass->packing, parameter) == HEED_OK) return true;
    if (pass->status == HEED_OK) pass->status = HEED_MEMORY;
    return false;
}

heed_status hd_pass_backward(hd_pass *pass) {
    for (hd_node *node = pass->tape; node && pass->status == HEED_OK; node = node->previous) node->backward(pass, node);
    return hd_pass_wait(pass);
}
