/* Operations on rows: norms, dropout, rotary positions, means, sums of columns. */
#include "device/cpu/cpu.h"

#include <string.h>

static void norm(const void *argument, const hd_slice *s) {
    const hd_norm_call *c = argument;
    int64_t at = s->start * c->columns, rows = s->end - s->start;
    if (c->bias)
        s->kernels->layer_norm(rows, c->columns, c->epsilon, c->x + at, c->gain, c->bias, c->y + at,
                               c->statistics ? c->statistics + 2 * s->start : NULL);
    else
        s->kernels->rms_norm(rows, c->columns, c->epsilon, c->x + at, c->gain, c->y + at,
                             c->statistics ? c->statistics + s->start : NULL);
}

void hd_cpu_norm(hd_stream *stream, const hd_norm_call *call) {
    hd_for_slices(stream->context, call->rows, HD_ROWS, 4 * call->rows * call->columns, norm, call);
}

static void norm_backward(const void *argument, const hd_slice *s) {
    const hd_norm_backward_call *c = argument;
    int64_t at = s->start * c->columns, rows = s->end - s->start;
    if (c->layer)
        s->kernels->layer_norm_backward(rows, c->columns, c->x + at, c->statistics + 2 * s->start, c->gain, c->dy + at,
                                        c->dx + at, c->add);
    else
        s->kernels->rms_norm_backward(rows, c->columns, c->x + at, c->statistics + s->start, c->gain, c->dy + at,
                                      c->dx + at, c->add);
}

void hd_cpu_norm_backward(hd_stream *stream, const hd_norm_backward_call *call) {
    hd_for_slices(stream->context, call->rows, HD_ROWS, 8 * call->rows * call->columns, norm_backward, call);
}

static void norm_gradient(const void *argument, const hd_slice *s) {
    const hd_norm_gradient_call *c = argument;
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&c->chunks, c->rows, &chunks);
    for (int64_t i = 0; i < chunks.count; i++) {
        int64_t row = chunks.starts[i], rows = chunks.starts[i + 1] - row, at = row * c->columns;
        float *d_gain = hd_cpu_partial_sum(c->d_gain, i, &c->chunks);
        float *d_bias = hd_cpu_partial_sum(c->d_bias, i, &c->chunks);
        if (c->layer)
            s->kernels->layer_norm_backward_gain(rows, c->columns, c->x + at, c->statistics + 2 * row, c->dy + at,
                                                 d_gain, d_bias, s->start, s->end);
        else
            s->kernels->rms_norm_backward_gain(rows, c->columns, c->x + at, c->statistics + row, c->dy + at, d_gain,
                                               s->start, s->end);
    }
}

void hd_cpu_norm_gradient(hd_stream *stream, const hd_norm_gradient_call *call) {
    hd_for_slices(stream->context, call->columns, HD_COLUMNS / 2, 2 * call->rows * call->columns, norm_gradient, call);
}

static void sum_rows(const void *argument, const hd_slice *s) {
    const hd_sum_rows_call *c = argument;
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&c->chunks, c->rows, &chunks);
    for (int64_t i = 0; i < chunks.count; i++)
        s->kernels->sum_rows(chunks.starts[i + 1] - chunks.starts[i], c->columns, c->x + chunks.starts[i] * c->columns,
                             c->total + i * c->chunks.stride, s->start, s->end);
}

void hd_cpu_sum_rows(hd_stream *stream, const hd_sum_rows_call *call) {
    hd_for_slices(stream->context, call->columns, HD_COLUMNS, call->rows * call->columns, sum_rows, call);
}

static void dropout_add(const void *argument, const hd_slice *slice) {
    const hd_dropout_add_call *c = argument;
    const hd_layout *layout = &c->layout;
    for (int64_t s = slice->start; s < slice->end; s++)
        for (int64_t row = layout->starts[s]; row < layout->starts[s + 1]; row++) {
            int64_t position = hd_layout_position(layout, s) + row - layout->starts[s], at = row * c->columns;
            slice->kernels->dropout_row(&c->dropout, hd_layout_example(layout, s), (uint32_t)position, c->columns,
                                        c->x + at, c->residual ? c->residual + at : NULL, c->y + at);
        }
}

void hd_cpu_dropout_add(hd_stream *stream, const hd_dropout_add_call *call) {
    hd_for_slices(stream->context, call->layout.sequences, 1, 4 * hd_layout_rows(&call->layout) * call->columns,
                  dropout_add, call);
}

static void rotate(const void *argument, const hd_slice *slice) {
    const hd_rotate_call *c = argument;
    const hd_layout *layout = &c->layout;
    size_t rest = (size_t)(c->head_width - c->width) * sizeof *c->y;
    for (int64_t s = slice->start; s < slice->end; s++) {
        int64_t first = hd_layout_position(layout, s) - (c->firsts ? c->firsts[s] : 0);
        for (int64_t row = layout->starts[s]; row < layout->starts[s + 1]; row++) {
            const float *angles = c->table + (first + row - layout->starts[s]) * c->width;
            for (int64_t i = row * c->columns; i < (row + 1) * c->columns; i += c->head_width) {
                slice->kernels->rotate(c->width, angles, c->sign, c->x + i, c->y + i);
                if (rest && c->x != c->y) memcpy(c->y + i + c->width, c->x + i + c->width, rest);
            }
        }
    }
}

void hd_cpu_rotate(hd_stream *stream, const hd_rotate_call *call) {
    hd_for_slices(stream->context, call->layout.sequences, 1, 4 * hd_layout_rows(&call->layout) * call->columns, rotate,
                  call);
}

static void mean(const void *argument, const hd_slice *slice) {
    const hd_mean_call *c = argument;
    for (int64_t s = slice->start; s < slice->end; s++) {
        int64_t first = c->layout.starts[s], end = c->layout.starts[s + 1];
        float *y = c->y + s * c->columns;
        memset(y, 0, (size_t)c->columns * sizeof *y);
        for (int64_t r = first; r < end; r++) slice->kernels->add(c->columns, y, c->x + r * c->columns, y);
        if (end > first) slice->kernels->scale(c->columns, 1.0f / (float)(end - first), y, y);
    }
}

void hd_cpu_mean(hd_stream *stream, const hd_mean_call *call) {
    hd_for_slices(stream->context, call->layout.sequences, 1, hd_layout_rows(&call->layout) * call->columns, mean,
                  call);
}

static void mean_backward(const void *argument, const hd_slice *slice) {
    const hd_mean_backward_call *c = argument;
    for (int64_t s = slice->start; s < slice->end; s++) {
        int64_t first = c->layout.starts[s], end = c->layout.starts[s + 1];
        float factor = 1.0f / (float)(end - first);
        for (int64_t r = first; r < end; r++)
            (c->add ? slice->kernels->add_scaled : slice->kernels->scale)(c->columns, factor, c->dy + s * c->columns,
                                                                          c->dx + r * c->columns);
    }
}

void hd_cpu_mean_backward(hd_stream *stream, const hd_mean_backward_call *call) {
    hd_for_slices(stream->context, call->layout.sequences, 1, hd_layout_rows(&call->layout) * call->columns,
                  mean_backward, call);
}

static void repeat_heads(const void *argument, const hd_slice *slice) {
    const hd_repeat_heads_call *c = argument;
    float *y = c->y + slice->start * c->times * c->head_width;
    for (int64_t head = slice->start; head < slice->end; head++)
        for (int64_t i = 0; i < c->times; i++, y += c->head_width)
            memcpy(y, c->x + head * c->head_width, (size_t)c->head_width * sizeof *y);
}

void hd_cpu_repeat_heads(hd_stream *stream, const hd_repeat_heads_call *call) {
    hd_for_slices(stream->context, call->heads, HD_ROWS, call->heads * call->times * call->head_width, repeat_heads,
                  call);
}

static void repeat_heads_backward(const void *argument, const hd_slice *slice) {
    const hd_repeat_heads_backward_call *c = argument;
    const float *dy = c->dy + slice->start * c->times * c->head_width;
    for (int64_t head = slice->start; head < slice->end; head++)
        for (int64_t i = 0; i < c->times; i++, dy += c->head_width) {
            float *dx = c->dx + head * c->head_width;
            slice->kernels->add(c->head_width, dx, dy, dx);
        }
}

void hd_cpu_repeat_heads_backward(hd_stream *stream, const hd_repeat_heads_backward_call *call) {
    hd_for_slices(stream->context, call->heads, HD_ROWS, call->heads * call->times * call->head_width,
                  repeat_heads_backward, call);
}
