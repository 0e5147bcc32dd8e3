#include "autograd/soft_cap.h"

void hd_soft_cap(hd_pass *pass, int64_t count, float cap, const float *x, float *ratios, float *y) {
    const hd_device *device = pass->stream.device;
    device->scale(&pass->stream, &(hd_scale_call){.count = count, .factor = 1 / cap, .x = x, .y = ratios});
    device->activate(&pass->stream, &(hd_activate_call){.activation = HD_TANH, .count = count, .x = ratios, .y = y});
    device->scale(&pass->stream, &(hd_scale_call){.count = count, .factor = cap, .x = y, .y = y});
}

void hd_soft_cap_backward(hd_pass *pass, int64_t count, const float *ratios, const float *dy, float *dx) {
    pass->stream.device->activate_backward(
        &pass->stream,
        &(hd_activate_backward_call){.activation = HD_TANH, .count = count, .x = ratios, .dy = dy, .dx = dx});
}
