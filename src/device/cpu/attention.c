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
    const int32_t *run_starts;  /* [runs + 1]: the sequence that each begins with; NULL: each sequence by itself */
    const int64_t *bias_starts; /* [sequences]: where each one's dense bias begins; NULL: there is none */
    const int32_t *chunks; /* [chunks + 1]: the sequence that each begins with; NULL: there is no sum over sequences */
    int64_t heads_at_once;
    float *scratch; /* [workers, scratch_size] */
    size_t scratch_size, panel_size;
} attending;

static int64_t keys_of(const hd_attention_call *c, int64_t s) {
    return c->cached ? c->cached[s].keys : c->keys.starts[s + 1] - c->keys.starts[s];
}

static int64_t queries_of(const hd_attention_call *c, int64_t s) {
    return c->queries.starts[s + 1] - c->queries.starts[s];
}

/* Does a query's position among the keys change its result? */
static bool depends_on_position(const hd_attention_call *c) { return c->causal || c->window || c->bias; }

/* Is a sequence one token, to which its last cached key belongs if its position matters? */
static bool is_last_token(const hd_attention_call *c, int64_t s) {
    return queries_of(c, s) == 1 &&
           (!depends_on_position(c) || hd_layout_position(&c->queries, s) == c->cached[s].keys - 1);
}

/* Do sequences s and s + 1 attend to the same cached keys from the same position, in order or in lists of their own? */
static bool shares_keys(const hd_attention_call *c, int64_t s) {
    const hd_keys *a = &c->cached[s], *b = a + 1;
    return a->keys == b->keys && a->k_panels == b->k_panels && a->v == b->v && !a->index == !b->index &&
           is_last_token(c, s) && is_last_token(c, s + 1);
}

static bool has_dense_bias(const hd_attention_call *c) { return c->bias && c->bias_row == HD_BIAS_DENSE; }

static bool find_runs(hd_stream *stream, attending *at) {
    const hd_attention_call *c = at->call;
    int64_t sequences = c->queries.sequences;
    at->runs = sequences;
    if (!c->cached || c->weights || has_dense_bias(c) || sequences == 0) return true;
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

/* From a head's bias to that of the next one. */
static int64_t bias_stride(const hd_attention_call *c, int64_t s) {
    return has_dense_bias(c) ? queries_of(c, s) * keys_of(c, s) : c->bias_columns;
}

/* The bias of head h of sequence s, whose first query and its position are known. */
static void add_bias(const attending *at, int64_t s, int64_t h, hd_attention *a) {
    const hd_attention_call *c = at->call;
    if (!c->bias) return;
    bool dense = has_dense_bias(c);
    a->bias = c->bias;
    a->bias_first = h * bias_stride(c, s) + (dense ? at->bias_starts[s] : c->bias_zero - a->first_query);
    a->bias_row = dense ? a->keys : -1;
}

/* Head h of sequence s, all but the panels. */
static hd_attention head_of(const attending *at, int64_t s, int64_t h) {
    const hd_attention_call *c = at->call;
    int64_t columns = c->columns, width = columns / c->heads, row = c->queries.starts[s];
    hd_attention a = {.width = width,
                      .first_query = hd_layout_position(&c->queries, s),
                      .causal = c->causal,
                      .window = c->window,
                      .scale = c->scale,
                      .softcap = c->softcap,
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
    add_bias(at, s, h, &a);
    return a;
}

static void pack(const hd_kernels *kernels, const float *x, const hd_attention *a, float *panels) {
    int64_t count = (a->keys + HD_PANEL - 1) / HD_PANEL;
    kernels->pack(x, HD_F32, a->k_row, a->keys, a->width, panels, 0, count);
}

static float *scratch_of(const attending *at, const hd_slice *slice) {
    return at->scratch + (size_t)slice->worker * at->scratch_size;
}

static int64_t run_start(const attending *at, int64_t run) { return at->run_starts ? at->run_starts[run] : run; }

/* Heads [h, h + heads) of a run: one, or several of the last token, which are then rows of one call. */
static void forward_heads(const attending *at, const hd_kernels *kernels, int64_t run, int64_t h, int64_t heads,
                          float *scratch) {
    const hd_attention_call *c = at->call;
    int64_t s = run_start(at, run), end = run_start(at, run + 1);
    int64_t rows = c->queries.starts[end] - c->queries.starts[s];
    hd_attention a = head_of(at, s, h);
    if (heads > 1) {
        rows = heads;
        a.q_row = a.output_row = a.width;
        a.k_head_stride = c->cached[s].panels_stride, a.v_head_stride = c->cached[s].v_stride;
    }
    a.one_position = heads > 1 || end > s + 1;
    if (a.one_position) a.bias_row = heads > 1 ? bias_stride(c, s) : 0;
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
    return at->heads_at_once > 1 && run_start(at, run + 1) == s + 1 && is_last_token(c, s) && !c->cached[s].index &&
           (!c->key_heads || c->key_heads == c->heads);
}

static void forward(const void *argument, const hd_slice *slice) {
    const attending *at = argument;
    int64_t pieces_per_run = at->call->heads / at->heads_at_once, run = slice->start / pieces_per_run;
    int64_t first = slice->start % pieces_per_run * at->heads_at_once, end = first + at->heads_at_once;
    int64_t together = heads_are_rows(at, run) ? at->heads_at_once : 1;
    for (int64_t h = first; h < end; h += together)
        forward_heads(at, slice->kernels, run, h, together, scratch_of(at, slice));
}

static void backward_head(const attending *at, const hd_kernels *kernels, int64_t s, int64_t h, float *d_bias,
                          float *scratch) {
    const hd_attention_call *c = at->call;
    int64_t columns = c->columns, at_head = h * (columns / c->heads);
    int64_t row = c->queries.starts[s] * columns + at_head, key_row = c->keys.starts[s] * columns + at_head;
    hd_attention a = head_of(at, s, h);
    pack(kernels, a.k, &a, scratch);
    pack(kernels, a.v, &a, scratch + at->panel_size);
    a.k_panels = scratch, a.v_panels = scratch + at->panel_size;
    a.d_output = at->backward->dy + row;
    a.dq = at->backward->dq + row, a.dk = at->backward->dk + key_row, a.dv = at->backward->dv + key_row;
    a.d_bias = d_bias;
    kernels->attention_backward(&a, queries_of(c, s), scratch + 2 * at->panel_size);
}

static void backward(const void *argument, const hd_slice *slice) {
    const attending *at = argument;
    int64_t heads = at->call->heads;
    backward_head(at, slice->kernels, slice->start / heads, slice->start % heads, at->backward->d_bias,
                  scratch_of(at, slice));
}

/* A head of all sequences of a chunk, which have one sum. */
static void backward_chunk(const void *argument, const hd_slice *slice) {
    const attending *at = argument;
    int64_t heads = at->call->heads, chunk = slice->start / heads, h = slice->start % heads;
    float *d_bias = hd_cpu_partial_sum(at->backward->d_bias, chunk, &at->backward->chunks);
    for (int64_t s = at->chunks[chunk]; s < at->chunks[chunk + 1]; s++)
        backward_head(at, slice->kernels, s, h, d_bias, scratch_of(at, slice));
}

/* Where the dense bias of each sequence begins. */
static bool find_bias_starts(hd_stream *stream, attending *at) {
    const hd_attention_call *c = at->call;
    int64_t sequences = c->queries.sequences;
    if (!has_dense_bias(c) || sequences == 0) return true;
    int64_t *starts = hd_cpu_scratch(stream, (size_t)sequences, sizeof *starts), start = 0;
    if (!starts) return false;
    for (int64_t s = 0; s < sequences; s++) {
        starts[s] = start;
        start += c->heads * bias_stride(c, s);
    }
    at->bias_starts = starts;
    return true;
}

/* About how many operations there are. */
static int64_t work_of(const hd_attention_call *c) {
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < c->queries.sequences; s++) {
        int64_t keys = keys_of(c, s);
        pairs += queries_of(c, s) * (c->window ? hd_min(keys, c->causal ? c->window : 2 * c->window) : keys);
    }
    return 4 * pairs * c->columns;
}

/* Prepares the runs, and scratch with panels for each worker. */
static bool prepare(hd_stream *stream, attending *at, int panel_sets) {
    const hd_attention_call *c = at->call;
    int64_t width = c->columns / c->heads, longest = c->cached ? 0 : hd_layout_longest(&c->keys);
    at->panel_size = (size_t)((longest + HD_PANEL - 1) / HD_PANEL * HD_PANEL * width);
    int64_t pool = 0;
    for (int64_t s = 0; c->cached && s < c->queries.sequences; s++)
        if (c->cached[s].index) pool = hd_max(pool, c->cached[s].pool_keys);
    at->scratch_size = hd_attention_scratch(width, pool) + (size_t)panel_sets * at->panel_size;
    if (!find_runs(stream, at) || !find_bias_starts(stream, at)) return false;
    at->scratch = hd_cpu_scratch(stream, (size_t)stream->context->threads * at->scratch_size, sizeof(float));
    return at->scratch;
}

static void attend(hd_stream *stream, attending *at) {
    const hd_attention_call *c = at->call;
    if (!prepare(stream, at, 1)) return;
    /* Whole runs make fewer pieces, if only there are enough for the threads. */
    bool whole = c->cached && !c->weights && at->runs >= stream->context->threads;
    at->heads_at_once = whole ? c->heads : 1;
    hd_for_slices(stream->context, at->runs * (c->heads / at->heads_at_once), 1, work_of(c), forward, at);
}

void hd_cpu_attention(hd_stream *stream, const hd_attention_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    attend(stream, &(attending){.call = call});
    hd_arena_rewind(&stream->scratch, mark);
}

int64_t hd_cpu_chunk_sequences(hd_stream *stream, const hd_layout *layout, const hd_chunks *of_rows,
                               const int32_t **found) {
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(of_rows, hd_layout_rows(layout), &chunks);
    int32_t *starts = hd_cpu_scratch(stream, (size_t)chunks.count + 1, sizeof *starts), s = 0;
    if (!starts) return 0;
    starts[0] = 0;
    for (int64_t i = 1; i < chunks.count; i++) {
        while (s < layout->sequences && layout->starts[s] < chunks.starts[i]) s++;
        starts[i] = s;
    }
    starts[chunks.count] = (int32_t)layout->sequences;
    *found = starts;
    return chunks.count;
}

static void attend_backward(hd_stream *stream, attending *at) {
    const hd_attention_call *c = at->call;
    if (!prepare(stream, at, 2)) return;
    bool sums = at->backward->d_bias && !has_dense_bias(c);
    int64_t pieces = c->queries.sequences;
    if (sums) pieces = hd_cpu_chunk_sequences(stream, &c->queries, &at->backward->chunks, &at->chunks);
    hd_for_slices(stream->context, pieces * c->heads, 1, work_of(c), sums ? backward_chunk : backward, at);
}

/* Nothing attends to sequences of keys past those of queries. */
static void clear_unseen(const hd_attention_call *c, float *gradient) {
    int64_t first = c->keys.starts[c->queries.sequences], rows = hd_layout_rows(&c->keys);
    if (rows > first)
        memset(gradient + first * c->columns, 0, (size_t)((rows - first) * c->columns) * sizeof *gradient);
}

void hd_cpu_attention_backward(hd_stream *stream, const hd_attention_backward_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    attend_backward(stream, &(attending){.call = &call->forward, .backward = call});
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
