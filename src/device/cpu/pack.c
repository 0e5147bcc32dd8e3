#include "device/cpu/pack.h"

#include "device/cpu/cpu.h"
#include "device/cpu/pairs.h"

#include <string.h>

/* A matrix [rows, depth] on its way into panels. */
typedef struct packing {
    const void *source;
    hd_dtype from;
    int64_t rows, depth;
    void *target;
    hd_dtype to;
} packing;

enum { PANELS = 8 }; /* per slice */

static int64_t panels_of(int64_t rows) { return (rows + HD_PANEL - 1) / HD_PANEL; }

static void pack_panels(const void *argument, const hd_slice *s) {
    const packing *p = argument;
    s->kernels->pack(p->source, p->from, p->depth, p->rows, p->depth, p->target, p->to, s->start, s->end);
}

static void pack_from(const heed_context *context, const packing *p) {
    hd_for_slices(context, panels_of(p->rows), PANELS, p->rows * p->depth, pack_panels, p);
}

/* Panels of pairs go by way of the pairs in rows; a trained matrix has memory for those, which then takes its row pairs. */
static heed_status pack_pairs(heed_context *context, const hd_parameter *parameter) {
    hd_packed *packed = parameter->packed;
    int64_t rows = parameter->rows, columns = parameter->columns;
    float *data = parameter->data, *pairs = packed->row_pairs;
    if (!data) data = hd_alloc(context, (size_t)hd_parameter_count(parameter), sizeof *data);
    if (!pairs) pairs = hd_alloc(context, (size_t)(rows * hd_pairs(columns)), sizeof *pairs);
    if (data && pairs) {
        for (int64_t r = 0; r < rows && !parameter->data; r++) hd_parameter_row(parameter, r, data + r * columns);
        hd_pair_columns(context, rows, columns, data, pairs);
        pack_from(context, &(packing){pairs, HD_F32, rows, hd_pairs(columns), packed->panels, HD_F32});
        if (packed->row_pairs) hd_pair_rows(context, rows, columns, data, pairs);
    }
    heed_status status = data && pairs ? HEED_OK : HEED_MEMORY;
    if (!parameter->data) hd_free(context, data);
    if (!packed->row_pairs) hd_free(context, pairs);
    return status;
}

/* Memory for panels: in the arena, once. */
static heed_status make_packed(heed_context *context, hd_arena *arena, hd_parameter *p, hd_dtype dtype) {
    hd_packed *packed = hd_arena_alloc(arena, 1, sizeof *packed);
    if (!packed) return HEED_MEMORY;
    *packed = (hd_packed){.in_pairs = context->bf16};
    size_t rows = (size_t)(panels_of(p->rows) * HD_PANEL), columns = (size_t)p->columns;
    packed->dtype = packed->in_pairs || p->data || dtype != p->dtype ? HD_F32 : dtype;
    if (packed->in_pairs) columns = (size_t)hd_pairs(p->columns);
    packed->panels = hd_arena_alloc(arena, rows * columns, hd_dtype_size(packed->dtype));
    if (!packed->panels) return HEED_MEMORY;
    if (packed->in_pairs && p->trained) {
        size_t most = (size_t)hd_max(hd_pairs(p->rows) * p->columns, p->rows * hd_pairs(p->columns));
        packed->row_pairs = hd_arena_alloc(arena, most, sizeof *packed->row_pairs);
        if (!packed->row_pairs) return HEED_MEMORY;
    }
    p->packed = packed;
    p->panels_stale = true;
    return HEED_OK;
}

heed_status hd_cpu_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter, hd_dtype dtype) {
    if (!parameter->packed) HD_TRY(make_packed(context, arena, parameter, dtype));
    if (!parameter->panels_stale) return HEED_OK;
    if (parameter->packed->in_pairs)
        HD_TRY(pack_pairs(context, parameter));
    else
        pack_from(context, &(packing){parameter->data ? parameter->data : parameter->stored,
                                      parameter->data ? HD_F32 : parameter->dtype, parameter->rows, parameter->columns,
                                      parameter->packed->panels, parameter->packed->dtype});
    parameter->panels_stale = false;
    return HEED_OK;
}

void hd_parameter_row(const hd_parameter *parameter, int64_t row, float *y) {
    int64_t width = parameter->columns;
    if (parameter->data) {
        memcpy(y, parameter->data + row * width, (size_t)width * sizeof *y);
        return;
    }
    if (!parameter->stored) { /* it was transposed on its way into the panels, which alone were kept */
        const float *panel = (const float *)parameter->packed->panels + row / HD_PANEL * HD_PANEL * width;
        for (int64_t j = 0; j < width; j++) y[j] = panel[j * HD_PANEL + row % HD_PANEL];
        return;
    }
    const char *source = (const char *)parameter->stored + (size_t)(row * width) * hd_dtype_size(parameter->dtype);
    hd_dtypes[parameter->dtype].widen(source, y, (size_t)width);
}
