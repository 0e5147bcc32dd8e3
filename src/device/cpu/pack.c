/* Packing: weights on their way into the forms that products and look-ups read, all of them in one parallel loop. */
#include "device/cpu/pack.h"

#include "base/parallel.h"
#include "device/cpu/cpu.h"
#include "device/cpu/pairs.h"

#include <stdatomic.h>
#include <string.h>

enum {
    PIECE_BYTES = 1 << 20, /* of what is stored; they stay in a cache until they have been checked */
    READ_AROUND = 1 << 16, /* an access to a mapped file maps this much around it */
    PAIR_PANELS = 8,       /* per slice */
    SOME = 64              /* elements of a row that are widened at a time */
};

static int64_t panels_of(int64_t rows) { return (rows + HD_PANEL - 1) / HD_PANEL; }

static bool needs_panels(const hd_parameter *p) { return p->multiplied || !p->looked_up; }

/* Pairs of bfloat16 are other numbers than those of a matrix in another type. */
static bool needs_rows(const hd_parameter *p, bool in_pairs) {
    return p->looked_up && !p->data && (!needs_panels(p) || (in_pairs && p->dtype != HD_BF16));
}

/* ---- memory ---- */

/* The next `count` elements of `memory`; of NULL, they are only counted. */
static void *take(char *memory, size_t *used, size_t count, size_t size) {
    size_t start = *used, bytes;
    if (!hd_multiply(count, size, &bytes) || !hd_add(bytes, 63, &bytes) || !hd_add(start, bytes / 64 * 64, used))
        *used = SIZE_MAX;
    return memory ? memory + start : NULL;
}

static hd_packed *lay_out(const hd_parameter *p, bool in_pairs, char *memory, size_t *used) {
    size_t rows = (size_t)(panels_of(p->rows) * HD_PANEL), columns = (size_t)p->columns;
    hd_packed *packed = take(memory, used, 1, sizeof *packed), made = {.in_pairs = in_pairs && needs_panels(p)};
    made.dtype = made.in_pairs || p->data ? HD_F32 : p->dtype;
    if (made.in_pairs) columns = (size_t)hd_pairs(p->columns);
    if (needs_panels(p)) made.panels = take(memory, used, rows * columns, hd_dtype_size(made.dtype));
    if (needs_rows(p, in_pairs)) made.rows = take(memory, used, (size_t)hd_parameter_count(p), hd_dtype_size(p->dtype));
    if (made.in_pairs && p->trained) {
        int64_t most = hd_max(hd_pairs(p->rows) * p->columns, p->rows * hd_pairs(p->columns));
        made.row_pairs = take(memory, used, (size_t)most, sizeof *made.row_pairs);
    }
    if (packed) *packed = made;
    return packed;
}

/* One allocation for all parameters that have no packed form yet. */
static heed_status make_packed(const heed_context *context, hd_arena *arena, const hd_pack_call *call) {
    size_t total = 0, used = 0;
    for (int64_t i = 0; i < call->count; i++)
        if (!call->parameters[i]->packed) lay_out(call->parameters[i], context->bf16, NULL, &total);
    if (!total) return HEED_OK;
    char *memory = hd_arena_alloc(arena, total, 1);
    if (!memory) return HEED_MEMORY;
    for (int64_t i = 0; i < call->count; i++) {
        hd_parameter *p = call->parameters[i];
        if (p->packed) continue;
        p->packed = lay_out(p, context->bf16, memory, &used);
        p->packed_stale = true;
    }
    return HEED_OK;
}

/* ---- pieces ---- */

typedef struct piece piece;
struct piece {
    bool (*pack)(const hd_kernels *kernels, const piece *of); /* false: a stored number is not finite */
    const hd_parameter *parameter;
    int64_t start, end; /* panels; rows of what is stored as [columns, rows]; or rows of a table */
};

static bool is_finite(const hd_kernels *kernels, hd_dtype dtype, const void *numbers, int64_t count) {
    if (dtype == HD_F32) return kernels->find_non_finite(count, numbers) < 0;
    const uint16_t *halves = numbers, exponent = (uint16_t)hd_dtypes[dtype].exponent;
    unsigned found = 0;
    for (int64_t i = 0; i < count; i++) found |= (halves[i] & exponent) == exponent;
    return !found;
}

static const char *stored_row(const hd_parameter *p, int64_t row) {
    int64_t stride = p->stored_stride ? p->stored_stride : p->columns;
    return (const char *)p->stored + (size_t)(row * stride) * hd_dtype_size(p->dtype);
}

static char *panel_at(const hd_parameter *p, int64_t panel, int64_t column) {
    size_t size = hd_dtype_size(p->packed->dtype);
    return (char *)p->packed->panels + (size_t)((panel * p->columns + column) * HD_PANEL) * size;
}

static bool pack_panels(const hd_kernels *kernels, const piece *of) {
    const hd_parameter *p = of->parameter;
    hd_dtype dtype = p->packed->dtype;
    kernels->pack(p->data ? p->data : p->stored, dtype, p->columns, p->rows, p->columns, p->packed->panels, of->start,
                  of->end);
    return p->data ||
           is_finite(kernels, dtype, panel_at(p, of->start, 0), (of->end - of->start) * p->columns * HD_PANEL);
}

/* The columns of one depth of a panel, `valid` of them, in the order of hd_panel_element. */
static void order_depth(const hd_parameter *p, const char *from, int64_t valid, char *to) {
    size_t size = hd_dtype_size(p->dtype);
    if (p->dtype != HD_BF16) {
        memcpy(to, from, (size_t)valid * size);
        memset(to + (size_t)valid * size, 0, (size_t)(HD_PANEL - valid) * size);
        return;
    }
    uint16_t columns[HD_PANEL] = {0}, elements[HD_PANEL];
    memcpy(columns, from, (size_t)valid * size);
    for (int64_t j = 0; j < HD_PANEL; j++) elements[hd_panel_element(HD_BF16, j)] = columns[j];
    memcpy(to, elements, sizeof elements);
}

/* Rows of what is stored as [columns, rows] are columns of the panels, a part of a row in each panel. */
static bool pack_transposed(const hd_kernels *kernels, const piece *of) {
    const hd_parameter *p = of->parameter;
    int64_t panels = panels_of(p->rows);
    size_t whole = HD_PANEL * hd_dtype_size(p->dtype);
    for (int64_t k = of->start; k < of->end; k++) {
        const char *from = stored_row(p, k);
        for (int64_t panel = 0; panel < panels; panel++, from += whole)
            order_depth(p, from, hd_min(HD_PANEL, p->rows - panel * HD_PANEL), panel_at(p, panel, k));
    }
    bool finite = true;
    for (int64_t panel = 0; panel < panels; panel++)
        finite &= is_finite(kernels, p->dtype, panel_at(p, panel, of->start), (of->end - of->start) * HD_PANEL);
    return finite;
}

static bool copy_rows(const hd_kernels *kernels, const piece *of) {
    const hd_parameter *p = of->parameter;
    size_t size = hd_dtype_size(p->dtype);
    char *to = (char *)p->packed->rows + (size_t)(of->start * p->columns) * size;
    int64_t count = (of->end - of->start) * p->columns;
    memcpy(to, stored_row(p, of->start), (size_t)count * size);
    return is_finite(kernels, p->dtype, to, count);
}

/* Cuts [0, count) into pieces, `size` bytes each element; returns their number. Of NULL, they are only counted. */
static int64_t cut(const hd_parameter *p, int64_t count, int64_t size, bool (*pack)(const hd_kernels *, const piece *),
                   piece *pieces) {
    int64_t step = hd_max(PIECE_BYTES / hd_max(size, 1), 1), found = 0;
    for (int64_t start = 0; start < count; start += step, found++)
        if (pieces) pieces[found] = (piece){pack, p, start, hd_min(start + step, count)};
    return found;
}

static int64_t cut_parameter(const hd_parameter *p, piece *pieces) {
    const hd_packed *packed = p->packed;
    if (!p->packed_stale) return 0;
    int64_t size = (int64_t)hd_dtype_size(p->data ? HD_F32 : p->dtype), row = p->columns * size, count = 0;
    if (packed->panels && !packed->in_pairs) {
        if (p->data || !p->stored_stride)
            count = cut(p, panels_of(p->rows), HD_PANEL * row, pack_panels, pieces);
        else
            count = cut(p, p->columns, p->stored_stride * size, pack_transposed, pieces);
    }
    if (packed->rows) count += cut(p, p->rows, row, copy_rows, pieces ? pieces + count : NULL);
    return count;
}

typedef struct packing {
    const hd_kernels *kernels;
    const hd_pack_call *call;
    piece *pieces;
    atomic_bool failed; /* a stored number is not finite */
} packing;

/* Releases rows as they are stored, with what an access before them has mapped; that has been read or is mapped again. */
static void release_rows(const hd_pack_call *call, const hd_parameter *p, int64_t start, int64_t end) {
    if (!call->release || p->data) return;
    const char *from = stored_row(p, start), *to = stored_row(p, hd_min(end, p->stored_stride ? p->columns : p->rows));
    if (p->stored_stride) to -= (size_t)(p->stored_stride - p->rows) * hd_dtype_size(p->dtype);
    from -= hd_min(READ_AROUND, from - (const char *)p->stored);
    call->release(from, (size_t)(to - from));
}

static void pack_piece(void *argument, int64_t index, int worker) {
    (void)worker;
    packing *all = argument;
    const piece *of = &all->pieces[index];
    if (!of->pack(all->kernels, of)) atomic_store(&all->failed, true);
    int64_t rows_each = of->pack == pack_panels ? HD_PANEL : 1;
    release_rows(all->call, of->parameter, of->start * rows_each, of->end * rows_each);
}

static heed_status pack_pieces(heed_context *context, const hd_pack_call *call) {
    int64_t count = 0, work = 0, at = 0;
    for (int64_t i = 0; i < call->count; i++) {
        int64_t pieces = cut_parameter(call->parameters[i], NULL);
        count += pieces;
        if (pieces) work += hd_parameter_count(call->parameters[i]);
    }
    if (!count) return HEED_OK;
    packing all = {context->kernels, call, hd_alloc(context, (size_t)count, sizeof *all.pieces), false};
    if (!all.pieces) return HEED_MEMORY;
    for (int64_t i = 0; i < call->count; i++) at += cut_parameter(call->parameters[i], all.pieces + at);
    hd_parallel_for(context, count, work, pack_piece, &all);
    hd_free(context, all.pieces);
    if (!atomic_load(&all.failed)) return HEED_OK;
    return hd_fail(context, HEED_NUMERIC, "a weight has a NaN or an infinity");
}

/* ---- pairs ---- */

/* A row of what is stored, in float32. */
static void widen_row(const hd_parameter *p, int64_t row, float *y) {
    const hd_dtype_row *type = &hd_dtypes[p->dtype];
    if (!p->stored_stride) type->widen(stored_row(p, row), y, (size_t)p->columns);
    for (int64_t j = 0; j < p->columns && p->stored_stride; j++)
        type->widen(stored_row(p, j) + (size_t)row * type->size, y + j, 1);
}

typedef struct paired {
    const hd_parameter *parameter;
    const float *pairs; /* [rows, columns / 2] */
} paired;

static void pack_pair_panels(const void *argument, const hd_slice *s) {
    const paired *p = argument;
    int64_t count = hd_pairs(p->parameter->columns);
    s->kernels->pack(p->pairs, HD_F32, count, p->parameter->rows, count, p->parameter->packed->panels, s->start,
                     s->end);
}

/* Pairs in rows, then in panels. A trained matrix has memory for the first, which then takes its row pairs. */
static heed_status pair(heed_context *context, const hd_parameter *p, const float *data, float *pairs) {
    if (!p->data && !is_finite(context->kernels, HD_F32, data, hd_parameter_count(p)))
        return hd_fail(context, HEED_NUMERIC, "a weight has a NaN or an infinity");
    hd_pair_columns(context, p->rows, p->columns, data, pairs);
    hd_for_slices(context, panels_of(p->rows), PAIR_PANELS, hd_parameter_count(p), pack_pair_panels,
                  &(paired){p, pairs});
    if (p->packed->row_pairs) hd_pair_rows(context, p->rows, p->columns, data, pairs);
    return HEED_OK;
}

static heed_status pack_pairs(heed_context *context, const hd_pack_call *call, const hd_parameter *p) {
    float *data = p->data, *pairs = p->packed->row_pairs;
    if (!data) data = hd_alloc(context, (size_t)hd_parameter_count(p), sizeof *data);
    if (!pairs) pairs = hd_alloc(context, (size_t)(p->rows * hd_pairs(p->columns)), sizeof *pairs);
    for (int64_t r = 0; data && r < p->rows && !p->data; r++) widen_row(p, r, data + r * p->columns);
    release_rows(call, p, 0, INT64_MAX);
    heed_status status = data && pairs ? pair(context, p, data, pairs) : HEED_MEMORY;
    if (!p->data) hd_free(context, data);
    if (!p->packed->row_pairs) hd_free(context, pairs);
    return status;
}

/* ---- the call ---- */

heed_status hd_cpu_pack(heed_context *context, hd_arena *arena, const hd_pack_call *call) {
    HD_TRY(make_packed(context, arena, call));
    for (int64_t i = 0; i < call->count; i++) {
        const hd_parameter *p = call->parameters[i];
        if (p->packed_stale && p->packed->in_pairs) HD_TRY(pack_pairs(context, call, p));
    }
    HD_TRY(pack_pieces(context, call));
    for (int64_t i = 0; i < call->count; i++)
        if (call->parameters[i]->packed_stale) call->parameters[i]->packed_stale = false; /* others may be read */
    return HEED_OK;
}

/* ---- rows ---- */

/* A row of 16-bit panels, some elements at a time. */
static void row_of_halves(const uint16_t *from, hd_dtype dtype, int64_t width, float *y) {
    uint16_t halves[SOME];
    for (int64_t j = 0; j < width; j += SOME) {
        int64_t count = hd_min(SOME, width - j);
        for (int64_t i = 0; i < count; i++) halves[i] = from[(j + i) * HD_PANEL];
        hd_dtypes[dtype].widen(halves, y + j, (size_t)count);
    }
}

static void row_of_pairs(const float *from, int64_t width, float *y) {
    for (int64_t j = 0; j < width; j++) {
        uint32_t bits = hd_float_bits(from[j / 2 * HD_PANEL]);
        y[j] = hd_from_bf16((uint16_t)(j % 2 ? bits >> 16 : bits));
    }
}

static void row_of_panels(const hd_parameter *p, int64_t row, float *y) {
    const hd_packed *packed = p->packed;
    int64_t columns = packed->in_pairs ? hd_pairs(p->columns) : p->columns;
    int64_t first = row / HD_PANEL * HD_PANEL * columns + hd_panel_element(packed->dtype, row % HD_PANEL);
    if (packed->in_pairs) {
        row_of_pairs((const float *)packed->panels + first, p->columns, y);
    } else if (packed->dtype == HD_F32) {
        const float *from = (const float *)packed->panels + first;
        for (int64_t j = 0; j < columns; j++) y[j] = from[j * HD_PANEL];
    } else {
        row_of_halves((const uint16_t *)packed->panels + first, packed->dtype, columns, y);
    }
}

void hd_cpu_row(const hd_parameter *parameter, int64_t row, float *y) {
    int64_t width = parameter->columns;
    const hd_packed *packed = parameter->packed;
    if (parameter->data) {
        memcpy(y, parameter->data + row * width, (size_t)width * sizeof *y);
    } else if (packed && packed->rows) {
        size_t at = (size_t)(row * width) * hd_dtype_size(parameter->dtype);
        hd_dtypes[parameter->dtype].widen((const char *)packed->rows + at, y, (size_t)width);
    } else if (packed) {
        row_of_panels(parameter, row, y);
    } else {
        widen_row(parameter, row, y);
    }
}
