#include "autograd/pass.h"

#include "device/cpu/accumulate.h"

#include <stdio.h>
#include <string.h>

void hd_pass_open(hd_pass *pass, heed_context *context, hd_arena *weights) {
    *pass = (hd_pass){.context = context, .weights = weights};
    hd_arena_open(&pass->arena, context);
}

void hd_pass_reset(hd_pass *pass) {
    hd_arena_reset(&pass->arena);
    pass->tape = NULL;
    pass->status = HEED_OK;
}

void hd_pass_close(hd_pass *pass) { hd_arena_close(&pass->arena); }

void *hd_pass_alloc(hd_pass *pass, size_t count, size_t size) {
    if (pass->status != HEED_OK) return NULL;
    void *memory = hd_arena_alloc(&pass->arena, count, size);
    if (!memory) pass->status = HEED_MEMORY;
    return memory;
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
    return hd_tensor_wrap(pass, rows, columns, hd_pass_alloc(pass, (size_t)(rows * columns), sizeof(float)), layout);
}

hd_dropout hd_pass_dropout(const hd_pass *pass, float probability, uint32_t site) {
    hd_dropout dropout = {.scale = 1.0f};
    if (!pass->training || !(probability > 0.0f)) return dropout;
    dropout.key = hd_random_key_branch(hd_random_key_make(pass->seed, HD_RANDOM_DROPOUT, pass->step), site);
    dropout.threshold = (uint32_t)((double)probability * 0x1p32);
    dropout.scale = 1.0f / (1.0f - probability);
    return dropout;
}

void *hd_pass_record(hd_pass *pass, const hd_tensor *output, size_t size, void (*backward)(hd_pass *, hd_node *)) {
    if (!pass->recording || !output || !output->needs_gradient) return NULL;
    hd_node *node = hd_pass_alloc(pass, 1, size);
    if (!node) return NULL;
    *node = (hd_node){pass->tape, backward};
    pass->tape = node;
    return node;
}

float *hd_gradient(hd_pass *pass, hd_tensor *tensor, bool *add) {
    *add = tensor->gradient != NULL;
    if (!tensor->needs_gradient) return NULL;
    if (!tensor->gradient)
        tensor->gradient = hd_pass_alloc(pass, (size_t)(tensor->rows * tensor->columns), sizeof(float));
    return tensor->gradient;
}

void hd_gradient_give(hd_pass *pass, hd_tensor *tensor, float *buffer) {
    if (!tensor->needs_gradient) return;
    if (tensor->gradient)
        hd_accumulate(pass->context, tensor->rows * tensor->columns, buffer, tensor->gradient);
    else
        tensor->gradient = buffer;
}

float *hd_pass_gradient(const hd_pass *pass, const hd_parameter *parameter) {
    return pass->gradients && parameter && parameter->trained ? pass->gradients + parameter->gradient_at : NULL;
}

const float *hd_pass_rows(hd_pass *pass, const hd_parameter *parameter) {
    if (parameter->data) return parameter->data;
    float *rows = hd_pass_alloc(pass, (size_t)hd_parameter_count(parameter), sizeof *rows);
    for (int64_t r = 0; rows && r < parameter->rows; r++) hd_parameter_row(parameter, r, rows + r * parameter->columns);
    return rows;
}

const void *hd_pass_panels(hd_pass *pass, hd_parameter *parameter) {
    if (parameter->panels && !parameter->panels_stale) return parameter->panels;
    if (hd_parameter_pack(pass->context, pass->weights, parameter, HD_F32) != HEED_OK) {
        pass->status = HEED_MEMORY;
        return NULL;
    }
    return parameter->panels;
}

heed_status hd_pass_backward(hd_pass *pass) {
    for (hd_node *node = pass->tape; node && pass->status == HEED_OK; node = node->previous) node->backward(pass, node);
    return pass->status;
}
