/* Products of whole vectors, and the search for the largest of them. */
#include "device/cpu/cpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 64,        /* rows that are scored together, for all queries while they are in a cache */
    SLICE = 32 * BLOCK /* rows of a thread's piece */
};

static void dot_rows(const void *argument, const hd_slice *s) {
    const hd_dot_rows_call *c = argument;
    for (int64_t i = s->start; i < s->end; i++)
        s->kernels->dot_rows(c->rows, c->columns, c->dtype, c->x, c->q + i * c->columns, c->y + i * c->rows);
}

void hd_cpu_dot_rows(hd_stream *stream, const hd_dot_rows_call *call) {
    hd_for_slices(stream->context, call->queries, 1, call->queries * call->rows * call->columns, dot_rows, call);
}

/* ---- the nearest rows ---- */

/* The best rows that a worker has found for a query: a heap with the worst one first. */
typedef struct found {
    int64_t count;
    hd_row_score *heap; /* [most] */
} found;

typedef struct search {
    const hd_nearest_rows_call *call;
    found *found; /* [workers, queries] */
} search;

static bool precedes(const hd_row_score *a, const hd_row_score *b) {
    return a->score > b->score || (a->score == b->score && a->row < b->row);
}

static void swap(hd_row_score *a, hd_row_score *b) {
    hd_row_score kept = *a;
    *a = *b, *b = kept;
}

static void sink(const found *f, int64_t i) {
    for (int64_t child; (child = 2 * i + 1) < f->count; i = child) {
        if (child + 1 < f->count && precedes(&f->heap[child], &f->heap[child + 1])) child++;
        if (!precedes(&f->heap[i], &f->heap[child])) return;
        swap(&f->heap[i], &f->heap[child]);
    }
}

static void add(found *f, int64_t most, hd_row_score new) {
    int64_t i = f->count;
    if (i == most) {
        if (!precedes(&new, &f->heap[0])) return;
        f->heap[0] = new;
        sink(f, 0);
        return;
    }
    f->heap[f->count++] = new;
    for (; i > 0 && precedes(&f->heap[(i - 1) / 2], &f->heap[i]); i = (i - 1) / 2)
        swap(&f->heap[i], &f->heap[(i - 1) / 2]);
}

/* Most scores are below the worst of the best rows, and are skipped many at a time. NaN and −∞ are above nothing. */
static void keep_best(const hd_kernels *kernels, found *f, int64_t most, int64_t first, int64_t count,
                      const float *scores) {
    for (int64_t i = 0; i < count; i++) {
        float bound = f->count == most ? nextafterf(f->heap[0].score, -INFINITY) : -INFINITY;
        i += kernels->find_above(count - i, scores + i, bound);
        if (i < count) add(f, most, (hd_row_score){first + i, scores[i]});
    }
}

static void search_rows(const void *argument, const hd_slice *s) {
    const search *of = argument;
    const hd_nearest_rows_call *c = of->call;
    float scores[BLOCK];
    size_t stride = (size_t)c->columns * hd_dtype_size(c->dtype);
    for (int64_t row = s->start; row < s->end; row += BLOCK) {
        int64_t count = hd_min(BLOCK, s->end - row);
        const char *x = (const char *)c->x + (size_t)row * stride;
        for (int64_t i = 0; i < c->queries; i++) {
            s->kernels->dot_rows(count, c->columns, c->dtype, x, c->q + i * c->columns, scores);
            keep_best(s->kernels, &of->found[s->worker * c->queries + i], c->most, row, count, scores);
        }
    }
}

static int by_rank(const void *a, const void *b) { return precedes(a, b) ? -1 : precedes(b, a); }

/* Joins what the workers have found for a query. */
static void join(const search *of, int64_t workers, int64_t query, hd_row_score *all) {
    const hd_nearest_rows_call *c = of->call;
    size_t count = 0;
    for (int64_t w = 0; w < workers; w++) {
        const found *f = &of->found[w * c->queries + query];
        if (f->count) memcpy(all + count, f->heap, (size_t)f->count * sizeof *all);
        count += (size_t)f->count;
    }
    if (count) qsort(all, count, sizeof *all, by_rank);
    for (int64_t i = 0; i < c->most; i++)
        c->best[query * c->most + i] = (size_t)i < count ? all[i] : (hd_row_score){-1, -INFINITY};
}

void hd_cpu_nearest_rows(hd_stream *stream, const hd_nearest_rows_call *call) {
    if (call->most == 0 || call->queries == 0) return;
    int64_t workers = stream->context->threads, lists = workers * call->queries;
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    search s = {call, hd_cpu_scratch(stream, (size_t)lists, sizeof *s.found)};
    hd_row_score *all = hd_cpu_scratch(stream, (size_t)workers * (size_t)call->most, sizeof *all);
    bool fine = s.found && all;
    for (int64_t i = 0; fine && i < lists; i++) {
        s.found[i] = (found){0, hd_cpu_scratch(stream, (size_t)call->most, sizeof(hd_row_score))};
        fine = s.found[i].heap;
    }
    if (fine) {
        hd_for_slices(stream->context, call->rows, SLICE, call->queries * call->rows * call->columns, search_rows, &s);
        for (int64_t i = 0; i < call->queries; i++) join(&s, workers, i, all);
    }
    hd_arena_rewind(&stream->scratch, mark);
}
