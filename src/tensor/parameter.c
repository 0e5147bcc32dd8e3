#include "tensor/parameter.h"

#include "base/parallel.h"
#include "kernels/kernels.h"

typedef struct packing {
    const heed_context *context;
    const hd_parameter *parameter;
} packing;

enum { PANELS_A_PIECE = 8 };

static void pack_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const packing *p = argument;
    const hd_parameter *w = p->parameter;
    int64_t panels = (w->rows + HD_PANEL - 1) / HD_PANEL, panel = piece * PANELS_A_PIECE;
    p->context->kernels->pack(w->data ? w->data : w->stored, w->data ? HD_F32 : w->dtype, w->columns, w->rows,
                              w->columns, w->panels, w->panel_dtype, panel, hd_min(panel + PANELS_A_PIECE, panels));
}

heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter, hd_dtype dtype) {
    int64_t panels = (parameter->rows + HD_PANEL - 1) / HD_PANEL;
    if (!parameter->panels) {
        parameter->panel_dtype = parameter->data || dtype != parameter->dtype ? HD_F32 : dtype;
        size_t floats = (size_t)(panels * HD_PANEL * parameter->columns);
        parameter->panels = hd_arena_alloc(arena, floats, hd_dtype_size(parameter->panel_dtype));
        if (!parameter->panels) return HEED_MEMORY;
        parameter->panels_stale = true;
    }
    if (!parameter->panels_stale) return HEED_OK;
    packing p = {context, parameter};
    hd_parallel_for(context, (panels + PANELS_A_PIECE - 1) / PANELS_A_PIECE, hd_parameter_count(parameter), pack_piece,
                    &p);
    parameter->panels_stale = false;
    return HEED_OK;
}

void hd_parameter_row(const hd_parameter *parameter, int64_t row, float *y) {
    int64_t width = parameter->columns;
    if (parameter->data) {
        memcpy(y, parameter->data + row * width, (size_t)width * sizeof *y);
        return;
    }
    const char *source = (const char *)parameter->stored + (size_t)(row * width) * hd_dtype_size(parameter->dtype);
    if (parameter->dtype == HD_F32) {
        memcpy(y, source, (size_t)width * sizeof *y);
        return;
    }
    for (int64_t j = 0; j < width; j++) {
        uint16_t half;
        memcpy(&half, source + 2 * j, 2);
        y[j] = parameter->dtype == HD_BF16 ? hd_from_bf16(half) : hd_from_f16(half);
    }
}
