/* Attention of all heads of all sequences: which of them one call of the kernel computes, and additive attention. */
#include "device/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* What is computed at once: the heads of a run of sequences, a run being one sequence, or several hypotheses on the same
 * keys. */
typedef struct attending {
    const hd_attention_call *call;
    const hd_attention_backward_call *backward; /* or NULL */
    int64_t runs;
    const int32_t *run_starts; /* [runs + 1]: the sequence that each begins with; NULL: each sequence by itself */
    int64_t heads_at_once;
    float *scratch; /* [workers, scratch_size] */
    size_t scratch_size, panel_size;
} attending;

static int64_t keys_of(const hd_attention_call *c, int64_t s) {
    return c->cached ? c->cached[s].keys : c->keys.starts[s + 1] - c->keys.starts[s];
}

/* Is a sequence one token that sees all of its cached keys? */
static bool sees_all(const hd_attention_call *c, int64_t s) {
    return c->queries.starts[s + 1] - c->queries.starts[s] == 1 &&
           (!c->causal || hd_layout_position(&c->queries, s) == c->cached[s].keys - 1);
}

/* Do sequences s and s + 1 both see all of the same cached keys, in order or in lists of their own? */
static bool shares_keys(const hd_attention_call *c, int64_t s) {
    const hd_keys *a = &c->cached[s], *b = a + 1;
    return a->keys == b->keys && a->k_panels == b->k_panels && a->v == b->v && !a->index == !b->index &&
           sees_all(c, s) && sees_all(c, s + 1);
}

static bool find_runs(hd_stream *stream, attending *at) {
    const hd_attention_call *c = at->call;
    int64_t sequences = c->queries.sequences;
    at->runs = sequences;
    if (!c->cached || c->weights || sequences == 0) return true;
    int32_t *starts = hd_cpu_scratch(stream, (size_t)sequences + 1, sizeof *starts);
    if (!starts) return false;
    at->runs = 0;
    for (int64_t s = 0; s < sequences; s++) {
        const hd_keys *first = c->cached + (at->runs ? starts[at->runs - 1] : 0), *keys = c->cached + s;
        bool same_run = s > 0 && shares_keys(c, s - 1);
        /* lists are at equal distances */
        if (same_run && keys->index && keys[-1].index + (first[1].index - first->index) != keys->index)
            same_run = false;
        if (!same_run) starts[at->runs++] = (int32_t)s;
    }
    starts[at->runs] = (int32_t)sequences;
    at->run_starts = starts;
    return true;
}

static int64_t key_head(const hd_attention_call *c, int64_t h) {
    return c->key_heads ? h / (c->heads / c->key_heads) : h;
}

/* What head h of sequence s attends to in the cache. */
static const float *cached_panels(const hd_attention_call *c, int64_t s, int64_t h) {
    return c->cached[s].k_panels + key_head(c, h) * c->cached[s].panels_stride;
}
static const float *cached_values(const hd_attention_call *c, int64_t s, int64_t h) {
    return c->cached[s].v + key_head(c, h) * c->cached[s].v_stride;
}

/* Head h of sequence s, all but the panels. */
static hd_attention head_of(const hd_attention_call *c, int64_t s, int64_t h) {
    int64_t columns = c->columns, width = columns / c->heads, row = c->queries.starts[s];
    hd_attention a = {.width = width,
                      .first_query = hd_layout_position(&c->queries, s),
                      .causal = c->causal,
                      .scale = c->scale,
                      .q = c->q + row * columns + h * width,
                      .q_row = columns,
                      .output = c->y + row * columns + h * width,
                      .output_row = columns,
                      .dropout = c->dropout,
                      .example = hd_layout_example(&c->queries, s)};
    if (h && a.dropout.threshold) a.dropout.key = hd_random_key_branch(c->dropout.key, (uint32_t)h); /* per head */
    if (c->log_sums) a.log_sum = c->log_sums + row * c->heads + h, a.log_sum_row = c->heads;
    if (c->cached) {
        const hd_keys *keys = &c->cached[s];
        a.keys = keys->keys;
        a.k_panels = cached_panels(c, s, h);
        a.v = cached_values(c, s, h), a.v_row = width;
        a.index = keys->index, a.pool_keys = keys->pool_keys;
    } else {
        int64_t key_row = c->keys.starts[s];
        a.keys = c->keys.starts[s + 1] - key_row;
        a.first_query -= hd_layout_position(&c->keys, s); /* among these keys */
        a.k = c->k + key_row * columns + h * width, a.k_row = columns;
        a.v = c->v + key_row * columns + h * width, a.v_row = columns;
    }
    return a;
}

static void pack(const hd_kernels *kernels, const float *x, const hd_attention *a, float *panels) {
    int64_t count = (a->keys + HD_PANEL - 1) / HD_PANEL;
    kernels->pack(x, HD_F32, a->k_row, a->keys, a->width, panels, 0, count);
}

static int64_t run_start(const attending *at, int64_t run) { return at->run_starts ? at->run_starts[run] : run; }

/* Heads [h, h + heads) of a run: one, or several of a query that sees all its keys, which are then rows of one call. */
static void forward_heads(const attending *at, const hd_kernels *kernels, int64_t run, int64_t h, int64_t heads,
                          float *scratch) {
    const hd_attention_call *c = at->call;
    int64_t s = run_start(at, run), end = run_start(at, run + 1);
    int64_t rows = c->queries.starts[end] - c->queries.starts[s];
    hd_attention a = head_of(c, s, h);
    if (heads > 1) {
        rows = heads;
        a.q_row = a.output_row = a.width;
        a.k_head_stride = c->cached[s].panels_stride, a.v_head_stride = c->cached[s].v_stride;
    }
    if (heads > 1 || end > s + 1) a.causal = false; /* each row is the last of its own sequence */
    if (end > s + 1 && a.index) a.index_row = c->cached[s + 1].index - a.index;
    if (!c->cached) {
        pack(kernels, a.k, &a, scratch);
        a.k_panels = scratch;
        scratch += at->panel_size;
    } else {
        bool more = h + heads < c->heads;
        int64_t next = more ? s : end, next_head = more ? h + heads : 0;
        if (next < c->queries.sequences)
            a.prefetch_k = cached_panels(c, next, next_head), a.prefetch_v = cached_values(c, next, next_head);
    }
    if (c->weights) a.weights = c->weights[s * c->heads + h];
    kernels->attention(&a, rows, scratch);
}

/* Heads of their own keys in order are rows of one call: their short chains run side by side. */
static bool heads_are_rows(const attending *at, int64_t run) {
    const hd_attention_call *c = at->call;
    int64_t s = run_start(at, run);
    return at->heads_at_once > 1 && run_start(at, run + 1) == s + 1 && sees_all(c, s) && !c->cached[s].index &&
           (!c->key_heads || c->key_heads == c->heads);
}

static void forward(const void *argument, const hd_slice *slice) {
    const attending *at = argument;
    int64_t pieces_per_run = at->call->heads / at->heads_at_once, run = slice->start / pieces_per_run;
    int64_t first = slice->start % pieces_per_run * at->heads_at_once, end = first + at->heads_at_once;
    int64_t together = heads_are_rows(at, run) ? at->heads_at_once : 1;
    for (int64_t h = first; h < end; h += together)
        forward_heads(at, slice->kernels, run, h, together, at->scratch + (size_t)slice->worker * at->scratch_size);
}

static void backward(const void *argument, const hd_slice *slice) {
    const attending *at = argument;
    const hd_attention_call *c = at->call;
    int64_t s = slice->start / c->heads, h = slice->start % c->heads, columns = c->columns;
    int64_t row = c->queries.starts[s] * columns + h * (columns / c->heads);
    int64_t key_row = c->keys.starts[s] * columns + h * (columns / c->heads);
    hd_attention a = head_of(c, s, h);
    float *scratch = at->scratch + (size_t)slice->worker * at->scratch_size;
    pack(slice->kernels, a.k, &a, scratch);
    pack(slice->kernels, a.v, &a, scratch + at->panel_size);
    a.k_panels = scratch, a.v_panels = scratch + at->panel_size;
    a.d_output = at->backward->dy + row;
    a.dq = at->backward->dq + row, a.dk = at->backward->dk + key_row, a.dv = at->backward->dv + key_row;
    slice->kernels->attention_backward(&a, c->queries.starts[s + 1] - c->queries.starts[s],
                                       scratch + 2 * at->panel_size);
}

/* Runs `task` on each head of each run, with scratch for each worker. */
static void for_all_heads(hd_stream *stream, attending *at, hd_slice_task *task, int panel_sets) {
    const hd_attention_call *c = at->call;
    int64_t width = c->columns / c->heads, longest = c->cached ? 0 : hd_layout_longest(&c->keys);
    at->panel_size = (size_t)((longest + HD_PANEL - 1) / HD_PANEL * HD_PANEL * width);
    int64_t pool = 0;
    for (int64_t s = 0; c->cached && s < c->queries.sequences; s++)
        if (c->cached[s].index) pool = hd_max(pool, c->cached[s].pool_keys);
    at->scratch_size = hd_attention_scratch(width, pool) + (size_t)panel_sets * at->panel_size;
    if (!find_runs(stream, at)) return;
    /* Whole runs make fewer pieces, if only there are enough for the threads. */
    bool whole = c->cached && !c->weights && at->runs >= stream->context->threads;
    at->heads_at_once = whole ? c->heads : 1;
    at->scratch = hd_cpu_scratch(stream, (size_t)stream->context->threads * at->scratch_size, sizeof(float));
    if (!at->scratch) return;
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < c->queries.sequences; s++)
        pairs += (c->queries.starts[s + 1] - c->queries.starts[s]) * keys_of(c, s);
    hd_for_slices(stream->context, at->runs * (c->heads / at->heads_at_once), 1, 4 * pairs * c->columns, task, at);
}

void hd_cpu_attention(hd_stream *stream, const hd_attention_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    attending at = {.call = call};
    for_all_heads(stream, &at, forward, 1);
    hd_arena_rewind(&stream->scratch, mark);
}

/* Nothing attends to sequences of keys past those of queries. */
static void clear_unseen(const hd_attention_call *c, float *gradient) {
    int64_t first = c->keys.starts[c->queries.sequences], rows = hd_layout_rows(&c->keys);
    if (rows > first)
        memset(gradient + first * c->columns, 0, (size_t)((rows - first) * c->columns) * sizeof *gradient);
}

void hd_cpu_attention_backward(hd_stream *stream, const hd_attention_backward_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    attending at = {.call = &call->forward, .backward = call};
    for_all_heads(stream, &at, backward, 2);
    clear_unseen(&call->forward, call->dk);
    clear_unseen(&call->forward, call->dv);
    hd_arena_rewind(&stream->scratch, mark);
}

/* ---- additive attention ---- */

static int64_t count_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

static hd_additive_attention query_of(const hd_additive_attention_call *c, int64_t s, int64_t row) {
    int64_t first_key = c->keys.starts[s], keys = count_of(&c->keys, s);
    return (hd_additive_attention){.keys = keys,
                                   .width = c->width,
                                   .value_width = c->value_width,
                                   .q = c->q + row * c->width,
                                   .k = c->k + first_key * c->width,
                                   .scorer = c->scorer,
                                   .values = c->values + first_key * c->value_width,
                                   .weights = c->weights[s] + (row - c->queries.starts[s]) * keys,
                                   .output = c->y + row * c->value_width};
}

static void additive_forward(const void *argument, const hd_slice *slice) {
    const hd_additive_attention_call *c = argument;
    for (int64_t row = c->queries.starts[slice->start]; row < c->queries.starts[slice->end]; row++) {
        hd_additive_attention a = query_of(c, slice->start, row);
        slice->kernels->additive_attention(&a);
    }
}

static void additive_backward(const void *argument, const hd_slice *slice) {
    const hd_additive_attention_backward_call *b = argument;
    const hd_additive_attention_call *c = &b->forward;
    int64_t first_key = c->keys.starts[slice->start];
    for (int64_t row = c->queries.starts[slice->start]; row < c->queries.starts[slice->end]; row++) {
        hd_additive_attention a = query_of(c, slice->start, row);
        a.d_output = b->dy + row * c->value_width;
        a.dq = b->dq + row * c->width;
        a.d_scorer = b->d_scorers + row * c->width;
        a.dk = b->dk + first_key * c->width;
        a.d_values = b->d_values + first_key * c->value_width;
        slice->kernels->additive_attention_backward(&a);
    }
}

/* A sequence at a time. */
static void for_sequences(const hd_stream *stream, const hd_additive_attention_call *c, hd_slice_task *task,
                          const void *call) {
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < c->queries.sequences; s++) pairs += count_of(&c->queries, s) * count_of(&c->keys, s);
    hd_for_slices(stream->context, c->queries.sequences, 1, 20 * pairs * c->width, task, call);
}

void hd_cpu_additive_attention(hd_stream *stream, const hd_additive_attention_call *call) {
    for_sequences(stream, call, additive_forward, call);
}

void hd_cpu_additive_attention_backward(hd_stream *stream, const hd_additive_attention_backward_call *call) {
    for_sequences(stream, &call->forward, additive_backward, call);
}

/* ---- the cache ---- */

/* Row `row` of k and v becomes key `key`. */
static void cache_key(const hd_cache_keys_call *c, const hd_keys *cached, int64_t row, int64_t key) {
    int64_t width = c->columns / c->heads, stride = cached->panels_stride;
    float *k = cached->k_panels + key / HD_PANEL * HD_PANEL * width + key % HD_PANEL, *v = cached->v + key * width;
    for (int64_t h = 0; h < c->heads; h++) {
        const float *from = c->k + row * c->columns + h * width;
        for (int64_t j = 0; j < width; j++) {
            float *to = k + h * stride + j * HD_PANEL;
            __builtin_prefetch(to + stride, 1); /* each is a line of its own, which the next head will write */
            *to = from[j];
        }
        memcpy(v + h * cached->v_stride, c->v + row * c->columns + h * width, (size_t)width * sizeof *v);
    }
}

static void cache_sequences(const void *argument, const hd_slice *slice) {
    const hd_cache_keys_call *c = argument;
    for (int64_t s = slice->start; s < slice->end; s++) {
        const hd_keys *cached = &c->cached[s];
        int64_t end = c->layout.starts[s + 1], key = cached->keys - (end - c->layout.starts[s]);
        for (int64_t row = c->layout.starts[s]; row < end; row++, key++)
            cache_key(c, cached, row, cached->index ? cached->index[key] : key);
    }
}

/* Slots of one sequence, which share a pool, write different keys of it. */
void hd_cpu_cache_keys(hd_stream *stream, const hd_cache_keys_call *call) {
    enum { SLOTS = 8, WORK = 4 }; /* of a slice; operations per element, each of which misses the cache */
    hd_for_slices(stream->context, call->layout.sequences, SLOTS, WORK * hd_layout_rows(&call->layout) * call->columns,
                  cache_sequences, call);
}
