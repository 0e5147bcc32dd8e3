#include "inspect/kmeans.h"

#include "base/parallel.h"
#include "base/random.h"
#include "device/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ITERATIONS = 300, BLOCK = 1024 /* points whose products are computed together */ };

/* One run. */
typedef struct run {
    heed_context *context;
    const hd_points *points;
    int64_t count;
    hd_stream stream;
    heed_status status;
    hd_random_key key;
    hd_groups groups;
    double *squares;        /* [rows]: of the points' lengths */
    double *center_squares; /* [count] */
    double *nearest;        /* [rows]: squared distance to the nearest center so far */
    double *candidate;      /* [rows]: the same with a candidate */
    float *products;        /* [BLOCK, count], or [rows] of one center */
    double *sums;           /* [count, columns] */
    int64_t *sizes;         /* [count] */
} run;

static const float *row_of(const hd_points *points, int64_t row) { return points->x + row * points->columns; }

static double square_of(const float *x, int64_t columns) {
    double sum = 0;
    for (int64_t i = 0; i < columns; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static double between(double square_a, double square_b, double product) {
    return fmax(square_a + square_b - 2 * product, 0);
}

/* A number in [0, 1) with 53 bits. */
static double draw(hd_random_key key, int64_t step, int64_t trial) {
    uint32_t words[4];
    hd_philox(key, (uint32_t)trial, (uint32_t)step, 0, words);
    return (double)((uint64_t)words[0] << 21 ^ words[1] >> 11) * 0x1p-53;
}

/* ---- the first centers ---- */

/* The squared distances of all points to one of them, where that is nearer than the nearest center; returns their sum. */
static double add_candidate(run *r, int64_t row, bool first, double *distances) {
    const hd_points *p = r->points;
    double sum = 0;
    r->stream.device->dot_rows(&r->stream,
                               &(hd_dot_rows_call){1, p->rows, p->columns, row_of(p, row), HD_F32, p->x, r->products});
    for (int64_t i = 0; i < p->rows; i++) {
        double distance = between(r->squares[i], r->squares[row], (double)r->products[i]);
        distances[i] = first ? distance : fmin(distance, r->nearest[i]);
        sum += distances[i];
    }
    return sum;
}

/* A point, with a probability in proportion to its squared distance. */
static int64_t draw_point(const run *r, double total, double number) {
    double bound = number * total, sum = 0;
    for (int64_t i = 0; i < r->points->rows; i++) {
        sum += r->nearest[i];
        if (sum > bound) return i;
    }
    return r->points->rows - 1;
}

static void take_center(run *r, int64_t center, int64_t row) {
    memcpy(r->groups.centers + center * r->points->columns, row_of(r->points, row),
           (size_t)r->points->columns * sizeof *r->groups.centers);
}

static void draw_centers(run *r) {
    int64_t rows = r->points->rows, trials = 2 + (int64_t)log((double)r->count);
    int64_t first = (int64_t)(draw(r->key, 0, 0) * (double)rows);
    double total = add_candidate(r, first, true, r->nearest);
    take_center(r, 0, first);
    for (int64_t center = 1; center < r->count; center++) {
        int64_t best = 0;
        double least = INFINITY;
        for (int64_t trial = 0; trial < trials; trial++) {
            int64_t row = draw_point(r, total, draw(r->key, center, trial));
            double sum = add_candidate(r, row, false, r->candidate);
            if (sum < least) least = sum, best = row;
        }
        total = add_candidate(r, best, false, r->candidate);
        memcpy(r->nearest, r->candidate, (size_t)rows * sizeof *r->nearest);
        take_center(r, center, best);
    }
}

/* ---- Lloyd's iterations ---- */

static bool assign_block(run *r, int64_t first, int64_t count) {
    const hd_points *p = r->points;
    bool changed = false;
    r->stream.device->dot_rows(&r->stream, &(hd_dot_rows_call){count, r->count, p->columns, row_of(p, first), HD_F32,
                                                               r->groups.centers, r->products});
    for (int64_t i = 0; i < count; i++) {
        int32_t nearest = 0;
        double least = INFINITY;
        for (int32_t c = 0; c < r->count; c++) {
            double distance =
                between(r->squares[first + i], r->center_squares[c], (double)r->products[i * r->count + c]);
            if (distance < least) least = distance, nearest = c;
        }
        changed |= r->groups.labels[first + i] != nearest;
        r->groups.labels[first + i] = nearest;
        r->groups.distances[first + i] = least;
    }
    return changed;
}

/* Puts each point into the group of its nearest center. */
static bool assign(run *r) {
    bool changed = false;
    int64_t columns = r->points->columns;
    for (int64_t c = 0; c < r->count; c++) r->center_squares[c] = square_of(r->groups.centers + c * columns, columns);
    for (int64_t first = 0; first < r->points->rows; first += BLOCK)
        changed |= assign_block(r, first, hd_min(BLOCK, r->points->rows - first));
    return changed;
}

/* The mean of one group, over ascending points. */
static void average(void *argument, int64_t center, int worker) {
    (void)worker;
    run *r = argument;
    int64_t columns = r->points->columns, size = 0;
    double *sum = r->sums + center * columns;
    memset(sum, 0, (size_t)columns * sizeof *sum);
    for (int64_t i = 0; i < r->points->rows; i++) {
        if (r->groups.labels[i] != center) continue;
        const float *x = row_of(r->points, i);
        for (int64_t j = 0; j < columns; j++) sum[j] += (double)x[j];
        size++;
    }
    r->sizes[center] = size;
    float *mean = r->groups.centers + center * columns;
    for (int64_t j = 0; j < columns && size; j++) mean[j] = (float)(sum[j] / (double)size);
}

/* An empty group begins again at the point that is farthest from its center. */
static void refill(run *r) {
    for (int64_t c = 0; c < r->count; c++) {
        int64_t far = 0;
        if (r->sizes[c]) continue;
        for (int64_t i = 1; i < r->points->rows; i++)
            if (r->groups.distances[i] > r->groups.distances[far]) far = i;
        take_center(r, c, far);
        r->groups.distances[far] = 0;
    }
}

static heed_status iterate(run *r) {
    for (int64_t i = 0; i < r->points->rows; i++) r->groups.labels[i] = -1;
    for (int i = 0; i < MOST_ITERATIONS && assign(r); i++) {
        HD_TRY(hd_check_stop(r->context));
        hd_parallel_for(r->context, r->count, r->points->rows * r->points->columns, average, r);
        refill(r);
    }
    r->groups.inertia = 0;
    for (int64_t i = 0; i < r->points->rows; i++) r->groups.inertia += r->groups.distances[i];
    return r->status;
}

/* ---- the best run ---- */

static heed_status open_groups(const hd_points *points, int64_t count, hd_arena *arena, hd_groups *g) {
    size_t rows = (size_t)points->rows;
    *g = (hd_groups){.count = count, .inertia = INFINITY};
    g->labels = hd_arena_alloc(arena, rows, sizeof *g->labels);
    g->distances = hd_arena_alloc(arena, rows, sizeof *g->distances);
    g->centers = hd_arena_alloc(arena, (size_t)(count * points->columns), sizeof *g->centers);
    return g->labels && g->distances && g->centers ? HEED_OK : HEED_MEMORY;
}

static heed_status open_run(heed_context *context, const hd_points *points, int64_t count, hd_arena *arena, run *r) {
    size_t rows = (size_t)points->rows, groups = (size_t)count;
    *r = (run){.context = context, .points = points, .count = count};
    HD_TRY(open_groups(points, count, arena, &r->groups));
    r->squares = hd_arena_alloc(arena, rows, sizeof *r->squares);
    r->center_squares = hd_arena_alloc(arena, groups, sizeof *r->center_squares);
    r->nearest = hd_arena_alloc(arena, rows, sizeof *r->nearest);
    r->candidate = hd_arena_alloc(arena, rows, sizeof *r->candidate);
    r->products = hd_arena_alloc(arena, (size_t)hd_max(points->rows, BLOCK * count), sizeof *r->products);
    r->sums = hd_arena_alloc(arena, groups * (size_t)points->columns, sizeof *r->sums);
    r->sizes = hd_arena_alloc(arena, groups, sizeof *r->sizes);
    if (!r->squares || !r->center_squares || !r->nearest || !r->candidate || !r->products || !r->sums || !r->sizes)
        return HEED_MEMORY;
    for (int64_t i = 0; i < points->rows; i++) r->squares[i] = square_of(row_of(points, i), points->columns);
    return hd_stream_open(&r->stream, context, &r->status);
}

static void keep(const hd_points *points, const hd_groups *from, hd_groups *to) {
    memcpy(to->labels, from->labels, (size_t)points->rows * sizeof *to->labels);
    memcpy(to->distances, from->distances, (size_t)points->rows * sizeof *to->distances);
    memcpy(to->centers, from->centers, (size_t)(from->count * points->columns) * sizeof *to->centers);
    to->inertia = from->inertia;
}

typedef struct sized {
    int64_t size;
    int32_t label;
} sized;

static int by_size(const void *a, const void *b) {
    const sized *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->label - y->label;
}

/* Numbers the groups by descending size, those of equal size by their first points. `order` and `to` [count] are scratch. */
static void number(const hd_points *points, hd_groups *g, float *centers, sized *order, int32_t *to) {
    int32_t seen = 0;
    size_t count = (size_t)g->count, columns = (size_t)points->columns;
    for (size_t c = 0; c < count; c++) to[c] = -1;
    for (int64_t i = 0; i < points->rows; i++) {
        int32_t *first = &to[g->labels[i]];
        if (*first < 0) order[seen] = (sized){0, seen}, *first = seen++;
        order[*first].size++;
    }
    for (size_t c = 0; c < count; c++)
        if (to[c] < 0) order[seen] = (sized){0, seen}, to[c] = seen++;
    memcpy(centers, g->centers, count * columns * sizeof *centers);
    qsort(order, count, sizeof *order, by_size);
    for (size_t c = 0; c < count; c++)
        for (int32_t rank = 0; rank < (int32_t)count; rank++)
            if (order[rank].label == to[c]) {
                to[c] = rank;
                memcpy(g->centers + (size_t)rank * columns, centers + c * columns, columns * sizeof *centers);
                break;
            }
    for (int64_t i = 0; i < points->rows; i++) {
        g->labels[i] = to[g->labels[i]];
        g->distances[i] = sqrt(g->distances[i]);
    }
}

static heed_status run_all(run *r, int64_t starts, uint64_t seed, hd_arena *scratch, hd_groups *best) {
    for (int64_t start = 0; start < starts; start++) {
        r->key = hd_random_key_make(seed, HD_RANDOM_CLUSTER, (uint64_t)start);
        draw_centers(r);
        HD_TRY(iterate(r));
        if (r->groups.inertia < best->inertia) keep(r->points, &r->groups, best);
    }
    sized *order = hd_arena_alloc(scratch, (size_t)r->count, sizeof *order);
    int32_t *to = hd_arena_alloc(scratch, (size_t)r->count, sizeof *to);
    if (!order || !to) return HEED_MEMORY;
    number(r->points, best, r->groups.centers, order, to);
    return HEED_OK;
}

heed_status hd_kmeans(heed_context *context, const hd_points *points, int64_t count, int64_t starts, uint64_t seed,
                      hd_arena *arena, hd_groups *groups) {
    hd_arena scratch;
    run r;
    hd_arena_open(&scratch, context);
    heed_status status = open_groups(points, count, arena, groups);
    if (status == HEED_OK) status = open_run(context, points, count, &scratch, &r);
    if (status == HEED_OK) {
        status = run_all(&r, starts, seed, &scratch, groups);
        hd_stream_close(&r.stream);
    }
    hd_arena_close(&scratch);
    return status;
}

/* ---- silhouette ---- */

heed_status hd_point_products(heed_context *context, const hd_points *points, float *products) {
    heed_status status = HEED_OK;
    hd_stream stream;
    HD_TRY(hd_stream_open(&stream, context, &status));
    stream.device->dot_rows(&stream, &(hd_dot_rows_call){points->rows, points->rows, points->columns, points->x, HD_F32,
                                                         points->x, products});
    hd_stream_close(&stream);
    return status;
}

double hd_silhouette(const float *products, int64_t rows, const int32_t *labels, int64_t count, double *sums,
                     int64_t *sizes) {
    double total = 0;
    memset(sizes, 0, (size_t)count * sizeof *sizes);
    for (int64_t i = 0; i < rows; i++) sizes[labels[i]]++;
    for (int64_t i = 0; i < rows; i++) {
        double near = INFINITY, own;
        memset(sums, 0, (size_t)count * sizeof *sums);
        for (int64_t j = 0; j < rows; j++)
            sums[labels[j]] += sqrt(between((double)products[i * rows + i], (double)products[j * rows + j],
                                            (double)products[i * rows + j]));
        if (sizes[labels[i]] < 2) continue;
        own = sums[labels[i]] / (double)(sizes[labels[i]] - 1);
        for (int64_t c = 0; c < count; c++)
            if (c != labels[i] && sizes[c]) near = fmin(near, sums[c] / (double)sizes[c]);
        if (isfinite(near) && fmax(own, near) > 0) total += (near - own) / fmax(own, near);
    }
    return total / (double)rows;
}
