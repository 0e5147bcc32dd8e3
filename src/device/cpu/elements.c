/* Operations whose elements do not meet, and sums over elements. */
#include "device/cpu/cpu.h"

#include <string.h>

void hd_cpu_zero(hd_stream *stream, const hd_zero_call *call) {
    (void)stream;
    if (call->count) memset(call->y, 0, (size_t)call->count * sizeof *call->y);
}

static void add(const void *argument, const hd_slice *s) {
    const hd_add_call *c = argument;
    s->kernels->add(s->end - s->start, c->a + s->start, c->b + s->start, c->y + s->start);
}

void hd_cpu_add(hd_stream *stream, const hd_add_call *call) {
    hd_for_slices(stream->context, call->count, HD_QUICK_ELEMENTS, call->count, add, call);
}

static void accumulate(const void *argument, const hd_slice *s) {
    const hd_accumulate_call *c = argument;
    for (int64_t i = 0; i < c->part_count; i++)
        s->kernels->add(s->end - s->start, c->y + s->start, c->parts[i] + s->start, c->y + s->start);
}

void hd_cpu_accumulate(hd_stream *stream, const hd_accumulate_call *call) {
    hd_for_slices(stream->context, call->count, HD_QUICK_ELEMENTS / 2, call->part_count * call->count, accumulate,
                  call);
}

static void scale(const void *argument, const hd_slice *s) {
    const hd_scale_call *c = argument;
    (c->add ? s->kernels->add_scaled : s->kernels->scale)(s->end - s->start, c->factor, c->x + s->start,
                                                          c->y + s->start);
}

void hd_cpu_scale(hd_stream *stream, const hd_scale_call *call) {
    hd_for_slices(stream->context, call->count, HD_QUICK_ELEMENTS, call->count, scale, call);
}

static void multiply(const void *argument, const hd_slice *s) {
    const hd_multiply_call *c = argument;
    s->kernels->multiply(s->end - s->start, c->a + s->start, c->b + s->start, c->y + s->start, c->add);
}

void hd_cpu_multiply(hd_stream *stream, const hd_multiply_call *call) {
    hd_for_slices(stream->context, call->count, HD_ELEMENTS, call->count, multiply, call);
}

/* Operations that one element takes: a comparison, or a polynomial. */
static int64_t activation_work(hd_activation activation, int64_t count) {
    return activation == HD_IDENTITY || activation == HD_RELU ? count : 16 * count;
}

static void activate(const void *argument, const hd_slice *s) {
    const hd_activate_call *c = argument;
    s->kernels->activate(c->activation, s->end - s->start, c->x + s->start, c->y + s->start);
}

void hd_cpu_activate(hd_stream *stream, const hd_activate_call *call) {
    hd_for_slices(stream->context, call->count, HD_ELEMENTS, activation_work(call->activation, call->count), activate,
                  call);
}

static void activate_backward(const void *argument, const hd_slice *s) {
    const hd_activate_backward_call *c = argument;
    s->kernels->activate_backward(c->activation, s->end - s->start, c->x + s->start, c->dy + s->start, c->dx + s->start,
                                  c->add);
}

void hd_cpu_activate_backward(hd_stream *stream, const hd_activate_backward_call *call) {
    hd_for_slices(stream->context, call->count, HD_ELEMENTS, activation_work(call->activation, call->count),
                  activate_backward, call);
}

static void adam(const void *argument, const hd_slice *s) {
    const hd_adam_call *c = argument;
    s->kernels->adam(&c->adam, s->end - s->start, c->gradient + s->start, c->m + s->start, c->v + s->start,
                     c->parameter + s->start);
}

void hd_cpu_adam(hd_stream *stream, const hd_adam_call *call) {
    hd_for_slices(stream->context, call->count, HD_QUICK_ELEMENTS / 2, 16 * call->count, adam, call);
}

static void sum_of_squares(const void *argument, const hd_slice *s) {
    const hd_sum_of_squares_call *c = argument;
    c->sums[s->start / c->piece] = s->kernels->sum_of_squares(s->end - s->start, c->x + s->start);
}

void hd_cpu_sum_of_squares(hd_stream *stream, const hd_sum_of_squares_call *call) {
    hd_for_slices(stream->context, call->count, call->piece, 2 * call->count, sum_of_squares, call);
}

void hd_cpu_find_non_finite(hd_stream *stream, const hd_find_non_finite_call *call) {
    *call->index = stream->context->kernels->find_non_finite(call->count, call->x);
}
