#include "device/cpu/pack.h"

#include "base/parallel.h"
#include "device/cpu/kernels/kernels.h"
#include "device/cpu/pairs.h"

/* A matrix [rows, depth] on its way into panels. */
typedef struct packing {
    const heed_context *context;
    const void *source;
    hd_dtype from;
    int64_t rows, depth;
    void *target;
    hd_dtype to;
} packing;

enum { PANELS_A_PIECE = 8 };

static int64_t panels_of(const packing *p) { return (p->rows + HD_PANEL - 1) / HD_PANEL; }

static void pack_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const packing *p = argument;
    int64_t panel = piece * PANELS_A_PIECE;
    p->context->kernels->pack(p->source, p->from, p->depth, p->rows, p->depth, p->target, p->to, panel,
                              hd_min(panel + PANELS_A_PIECE, panels_of(p)));
}

static void pack_from(const heed_context *context, packing *p) {
    hd_parallel_for(context, (panels_of(p) + PANELS_A_PIECE - 1) / PANELS_A_PIECE, p->rows * p->depth, pack_piece, p);
}

/* Panels of pairs go by way of the pairs in rows; a trained matrix has memory for those, which then takes its row pairs. */
static heed_status pack_pairs(heed_context *context, hd_parameter *parameter) {
    int64_t rows = parameter->rows, columns = parameter->columns;
    float *data = parameter->data, *pairs = parameter->row_pairs;
    if (!data) data = hd_alloc(context, (size_t)hd_parameter_count(parameter), sizeof *data);
    if (!pairs) pairs = hd_alloc(context, (size_t)(rows * hd_pairs(columns)), sizeof *pairs);
    if (data && pairs) {
        for (int64_t r = 0; r < rows && !parameter->data; r++) hd_parameter_row(parameter, r, data + r * columns);
        hd_pair_columns(context, rows, columns, data, pairs);
        pack_from(context, &(packing){context, pairs, HD_F32, rows, hd_pairs(columns), parameter->panels, HD_F32});
        if (parameter->row_pairs) hd_pair_rows(context, rows, columns, data, pairs);
    }
    heed_status status = data && pairs ? HEED_OK : HEED_MEMORY;
    if (!parameter->data) hd_free(context, data);
    if (!parameter->row_pairs) hd_free(context, pairs);
    return status;
}

/* Memory for panels: in the arena, once. */
static heed_status make_panels(heed_context *context, hd_arena *arena, hd_parameter *p, hd_dtype dtype) {
    size_t rows = (size_t)((p->rows + HD_PANEL - 1) / HD_PANEL * HD_PANEL), columns = (size_t)p->columns;
    p->in_pairs = context->bf16;
    p->panel_dtype = p->in_pairs || p->data || dtype != p->dtype ? HD_F32 : dtype;
    if (p->in_pairs) columns = (size_t)hd_pairs(p->columns);
    p->panels = hd_arena_alloc(arena, rows * columns, hd_dtype_size(p->panel_dtype));
    if (!p->panels) return HEED_MEMORY;
    if (p->in_pairs && p->trained) {
        size_t most = (size_t)hd_max(hd_pairs(p->rows) * p->columns, p->rows * hd_pairs(p->columns));
        p->row_pairs = hd_arena_alloc(arena, most, sizeof *p->row_pairs);
        if (!p->row_pairs) return HEED_MEMORY;
    }
    p->panels_stale = true;
    return HEED_OK;
}

heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter, hd_dtype dtype) {
    if (!parameter->panels) HD_TRY(make_panels(context, arena, parameter, dtype));
    if (!parameter->panels_stale) return HEED_OK;
    if (parameter->in_pairs)
        HD_TRY(pack_pairs(context, parameter));
    else
        pack_from(context, &(packing){context, parameter->data ? parameter->data : parameter->stored,
                                      parameter->data ? HD_F32 : parameter->dtype, parameter->rows, parameter->columns,
                                      parameter->panels, parameter->panel_dtype});
    parameter->panels_stale = false;
    return HEED_OK;
}

void hd_parameter_row(const hd_parameter *parameter, int64_t row, float *y) {
    int64_t width = parameter->columns;
    if (parameter->data) {
        memcpy(y, parameter->data + row * width, (size_t)width * sizeof *y);
        return;
    }
    if (!parameter->stored) { /* it was turned round on its way into the panels, which alone were kept */
        const float *panel = (const float *)parameter->panels + row / HD_PANEL * HD_PANEL * width;
        for (int64_t j = 0; j < width; j++) y[j] = panel[j * HD_PANEL + row % HD_PANEL];
        return;
    }
    const char *source = (const char *)parameter->stored + (size_t)(row * width) * hd_dtype_size(parameter->dtype);
    hd_dtypes[parameter->dtype].widen(source, y, (size_t)width);
}
