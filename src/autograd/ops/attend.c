/* Multi-head attention: head h of a sequence is softmax(q_h k_hᵀ / √width) v_h on columns [h width, (h + 1) width). The
 * arithmetic and the gradient are in device/cpu/kernels/attention.c; here is who attends to whom. */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

typedef struct attend_node {
    hd_node node;
    hd_tensor *q, *k, *v, *y;
    const hd_keys *cached; /* in place of k and v */
    hd_attend_options options;
    hd_dropout dropout;
    float *log_sums;     /* [queries, heads] */
    float *dq, *dk, *dv; /* backward, laid out as q, k, v */
} attend_node;

/* What is done at once: the heads of a run of sequences, which are one but for hypotheses on the same keys. */
typedef struct attending {
    hd_pass *pass;
    const attend_node *op;
    int64_t runs;
    const int32_t *run_starts; /* [runs + 1]: the sequence that each begins with; NULL: each sequence by itself */
    int64_t heads_a_piece;
    float *scratch; /* [workers, scratch_size] */
    size_t scratch_size, panel_size;
    float **weights; /* [sequences · heads] for the observer, or NULL */
} attending;

static int64_t keys_of(const attend_node *op, int64_t s) {
    return op->cached ? op->cached[s].keys : op->k->layout->starts[s + 1] - op->k->layout->starts[s];
}

/* Is a sequence one token that sees all of its cached keys? */
static bool sees_all(const attend_node *op, int64_t s) {
    const hd_layout *queries = op->q->layout;
    return queries->starts[s + 1] - queries->starts[s] == 1 &&
           (!op->options.causal || hd_layout_position(queries, s) == op->cached[s].keys - 1);
}

/* Do sequences s and s + 1 both see all of the same cached keys, in order or in lists of their own? */
static bool shares_keys(const attend_node *op, int64_t s) {
    const hd_keys *a = &op->cached[s], *b = a + 1;
    return a->keys == b->keys && a->k_panels == b->k_panels && a->v == b->v && !a->places == !b->places &&
           sees_all(op, s) && sees_all(op, s + 1);
}

static bool find_runs(attending *at) {
    const attend_node *op = at->op;
    int64_t sequences = op->q->layout->sequences;
    at->runs = sequences;
    if (!op->cached || at->weights || sequences == 0) return true;
    int32_t *starts = hd_pass_alloc(at->pass, (size_t)sequences + 1, sizeof *starts);
    if (!starts) return false;
    at->runs = 0;
    for (int64_t s = 0; s < sequences; s++) {
        const hd_keys *first = op->cached + (at->runs ? starts[at->runs - 1] : 0), *keys = op->cached + s;
        bool goes_on = s > 0 && shares_keys(op, s - 1);
        /* lists lie at equal distances */
        if (goes_on && keys->places && keys[-1].places + (first[1].places - first->places) != keys->places)
            goes_on = false;
        if (!goes_on) starts[at->runs++] = (int32_t)s;
    }
    starts[at->runs] = (int32_t)sequences;
    at->run_starts = starts;
    return true;
}

static int64_t key_head(const attend_node *op, int64_t h) {
    return op->options.key_heads ? h / (op->options.heads / op->options.key_heads) : h;
}

/* What head h of sequence s attends to in the cache. */
static const float *cached_panels(const attend_node *op, int64_t s, int64_t h) {
    return op->cached[s].k_panels + key_head(op, h) * op->cached[s].panels_stride;
}
static const float *cached_values(const attend_node *op, int64_t s, int64_t h) {
    return op->cached[s].v + key_head(op, h) * op->cached[s].v_stride;
}

/* Head h of sequence s, all but the panels. */
static hd_attention head_of(const attend_node *op, int64_t s, int64_t h) {
    const hd_layout *queries = op->q->layout;
    int64_t columns = op->q->columns, width = columns / op->options.heads, row = queries->starts[s];
    hd_attention a = {.width = width,
                      .first_query = hd_layout_position(queries, s),
                      .causal = op->options.causal,
                      .scale = op->options.scale > 0 ? op->options.scale : 1.0f / sqrtf((float)width),
                      .q = op->q->data + row * columns + h * width,
                      .q_row = columns,
                      .output = op->y->data + row * columns + h * width,
                      .output_row = columns,
                      .dropout = op->dropout,
                      .example = hd_layout_example(queries, s)};
    if (h && a.dropout.threshold) a.dropout.key = hd_random_key_branch(op->dropout.key, (uint32_t)h); /* per head */
    if (op->log_sums) a.log_sum = op->log_sums + row * op->options.heads + h, a.log_sum_row = op->options.heads;
    if (op->cached) {
        const hd_keys *keys = &op->cached[s];
        a.keys = keys->keys;
        a.k_panels = cached_panels(op, s, h);
        a.v = cached_values(op, s, h), a.v_row = width;
        a.places = keys->places, a.pool = keys->pool;
    } else {
        int64_t key_row = op->k->layout->starts[s];
        a.keys = op->k->layout->starts[s + 1] - key_row;
        a.first_query -= hd_layout_position(op->k->layout, s); /* among these keys */
        a.k = op->k->data + key_row * columns + h * width, a.k_row = columns;
        a.v = op->v->data + key_row * columns + h * width, a.v_row = columns;
    }
    return a;
}

static void pack(const attending *at, const float *x, const hd_attention *a, float *panels) {
    int64_t count = (a->keys + HD_PANEL - 1) / HD_PANEL;
    at->pass->context->kernels->pack(x, HD_F32, a->k_row, a->keys, a->width, panels, HD_F32, 0, count);
}

static int64_t run_start(const attending *at, int64_t run) { return at->run_starts ? at->run_starts[run] : run; }

/* Heads [h, h + heads) of a run: one, or several of a query that sees all its keys, which are then rows of one call. */
static void forward_heads(const attending *at, int64_t run, int64_t h, int64_t heads, float *scratch) {
    const attend_node *op = at->op;
    int64_t s = run_start(at, run), end = run_start(at, run + 1);
    int64_t rows = op->q->layout->starts[end] - op->q->layout->starts[s];
    hd_attention a = head_of(op, s, h);
    if (heads > 1) {
        rows = heads;
        a.q_row = a.output_row = a.width;
        a.k_apart = op->cached[s].panels_stride, a.v_apart = op->cached[s].v_stride;
    }
    if (heads > 1 || end > s + 1) a.causal = false; /* each row is the last of its own sequence */
    if (end > s + 1 && a.places) a.places_row = op->cached[s + 1].places - a.places;
    if (!op->cached) {
        pack(at, a.k, &a, scratch);
        a.k_panels = scratch;
        scratch += at->panel_size;
    } else {
        bool more = h + heads < op->options.heads;
        int64_t next = more ? s : end, next_head = more ? h + heads : 0;
        if (next < op->q->layout->sequences)
            a.soon_k = cached_panels(op, next, next_head), a.soon_v = cached_values(op, next, next_head);
    }
    if (at->weights) a.weights = at->weights[s * op->options.heads + h];
    at->pass->context->kernels->attention(&a, rows, scratch);
}

/* Heads of their own keys in order are rows apart: their short chains run side by side. */
static bool heads_are_rows(const attending *at, int64_t run) {
    const attend_node *op = at->op;
    int64_t s = run_start(at, run), key_heads = op->options.key_heads;
    return at->heads_a_piece > 1 && run_start(at, run + 1) == s + 1 && sees_all(op, s) && !op->cached[s].places &&
           (!key_heads || key_heads == op->options.heads);
}

static void forward_piece(void *argument, int64_t piece, int worker) {
    const attending *at = argument;
    const attend_node *op = at->op;
    int64_t pieces_a_run = op->options.heads / at->heads_a_piece, run = piece / pieces_a_run;
    int64_t first = piece % pieces_a_run * at->heads_a_piece, end = first + at->heads_a_piece;
    int64_t together = heads_are_rows(at, run) ? at->heads_a_piece : 1;
    for (int64_t h = first; h < end; h += together)
        forward_heads(at, run, h, together, at->scratch + (size_t)worker * at->scratch_size);
}

static void backward_head(void *argument, int64_t piece, int worker) {
    const attending *at = argument;
    const attend_node *op = at->op;
    int64_t s = piece / op->options.heads, columns = op->q->columns;
    int64_t head = piece % op->options.heads * (columns / op->options.heads);
    int64_t row = op->q->layout->starts[s] * columns + head, key_row = op->k->layout->starts[s] * columns + head;
    hd_attention a = head_of(op, s, piece % op->options.heads);
    float *scratch = at->scratch + (size_t)worker * at->scratch_size;
    pack(at, a.k, &a, scratch);
    pack(at, a.v, &a, scratch + at->panel_size);
    a.k_panels = scratch, a.v_panels = scratch + at->panel_size;
    a.d_output = op->y->gradient + row;
    a.dq = op->dq + row, a.dk = op->dk + key_row, a.dv = op->dv + key_row;
    at->pass->context->kernels->attention_backward(&a, op->q->layout->starts[s + 1] - op->q->layout->starts[s],
                                                   scratch + 2 * at->panel_size);
}

/* Runs `task` on each head of each run, with scratch for each worker that goes back to the arena. */
static bool for_all_heads(attending *at, hd_task *task, int panel_sets) {
    const attend_node *op = at->op;
    int64_t width = op->q->columns / op->options.heads;
    int64_t longest = op->cached ? 0 : hd_layout_longest(op->k->layout);
    at->panel_size = (size_t)((longest + HD_PANEL - 1) / HD_PANEL * HD_PANEL * width);
    int64_t pool = 0;
    for (int64_t s = 0; op->cached && s < op->q->layout->sequences; s++)
        if (op->cached[s].places) pool = hd_max(pool, op->cached[s].pool);
    at->scratch_size = hd_attention_scratch(width, pool) + (size_t)panel_sets * at->panel_size;
    hd_arena_mark mark = hd_arena_here(&at->pass->arena);
    if (!find_runs(at)) return false;
    /* Whole runs make fewer pieces, if only there are enough for the threads. */
    bool whole = op->cached && !at->weights && at->runs >= at->pass->context->threads;
    at->heads_a_piece = whole ? op->options.heads : 1;
    at->scratch = hd_pass_alloc(at->pass, (size_t)at->pass->context->threads * at->scratch_size, sizeof(float));
    if (!at->scratch) return false;
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < op->q->layout->sequences; s++)
        pairs += (op->q->layout->starts[s + 1] - op->q->layout->starts[s]) * keys_of(op, s);
    hd_parallel_for(at->pass->context, at->runs * (op->options.heads / at->heads_a_piece), 4 * pairs * op->q->columns,
                    task, at);
    hd_arena_rewind(&at->pass->arena, mark);
    return true;
}

/* Nobody attends to sequences of keys past those of queries. */
static void clear_unseen(const attend_node *op, const hd_tensor *keys, float *gradient) {
    int64_t first = keys->layout->starts[op->q->layout->sequences];
    memset(gradient + first * keys->columns, 0, (size_t)((keys->rows - first) * keys->columns) * sizeof *gradient);
}

static void backward(hd_pass *pass, hd_node *node) {
    attend_node *op = (attend_node *)node;
    if (!op->y->gradient) return;
    /* The kernel writes, and q, k and v may be one tensor: each gets a buffer of its own and gives it. */
    op->dq = hd_pass_alloc(pass, (size_t)(op->q->rows * op->q->columns), sizeof(float));
    op->dk = hd_pass_alloc(pass, (size_t)(op->k->rows * op->k->columns), sizeof(float));
    op->dv = hd_pass_alloc(pass, (size_t)(op->v->rows * op->v->columns), sizeof(float));
    attending at = {.pass = pass, .op = op};
    if (!op->dq || !op->dk || !op->dv || !for_all_heads(&at, backward_head, 2)) return;
    clear_unseen(op, op->k, op->dk);
    clear_unseen(op, op->v, op->dv);
    hd_gradient_give(pass, op->q, op->dq);
    hd_gradient_give(pass, op->k, op->dk);
    hd_gradient_give(pass, op->v, op->dv);
}

/* Memory for the observer's weights: [queries, keys] of each head of each sequence. */
static bool prepare_to_look(hd_pass *pass, attending *at) {
    const attend_node *op = at->op;
    const hd_layout *queries = op->q->layout;
    int64_t heads = op->options.heads;
    at->weights = hd_pass_alloc(pass, (size_t)(queries->sequences * heads), sizeof *at->weights);
    for (int64_t i = 0; at->weights && i < queries->sequences * heads; i++) {
        int64_t s = i / heads, rows = queries->starts[s + 1] - queries->starts[s];
        int64_t keys = keys_of(op, s);
        at->weights[i] = hd_pass_alloc(pass, (size_t)(rows * keys), sizeof(float));
    }
    return pass->status == HEED_OK;
}

static void show(hd_pass *pass, const attending *at) {
    const attend_node *op = at->op;
    const hd_layout *queries = op->q->layout;
    for (int64_t i = 0; i < queries->sequences * op->options.heads; i++) {
        int64_t s = i / op->options.heads;
        int64_t keys = keys_of(op, s);
        pass->observer->attention(pass->observer->user, op->options.where, op->options.layer, s,
                                  (int)(i % op->options.heads), queries->starts[s + 1] - queries->starts[s], keys,
                                  at->weights[i]);
    }
}

static hd_tensor *attend(hd_pass *pass, attend_node op) {
    hd_tensor *q = op.q;
    if (q->columns % op.options.heads)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns cannot be split into %lld heads", (long long)q->columns,
                            (long long)op.options.heads);
    op.dropout = hd_pass_dropout(pass, op.options.dropout, op.options.site);
    op.y = hd_tensor_new(pass, q->rows, q->columns, q->layout);
    if (!op.y) return NULL;
    op.y->needs_gradient = !op.cached && (q->needs_gradient || op.k->needs_gradient || op.v->needs_gradient);
    if (pass->recording && op.y->needs_gradient) {
        op.log_sums = hd_pass_alloc(pass, (size_t)(q->rows * op.options.heads), sizeof(float));
        if (!op.log_sums) return NULL;
    }
    attending at = {.pass = pass, .op = &op};
    bool watched = pass->observer && pass->observer->attention;
    if (watched && !prepare_to_look(pass, &at)) return NULL;
    if (!for_all_heads(&at, forward_piece, 1)) return NULL;
    if (watched) show(pass, &at);
    attend_node *record = hd_pass_record(pass, op.y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return op.y;
}

hd_tensor *hd_attend(hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *v, const hd_attend_options *options) {
    if (!q || !k || !v) return NULL;
    if (k->columns != q->columns || v->columns != q->columns || k->rows != v->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT,
                            "queries [%lld, %lld], keys [%lld, %lld] and values [%lld, %lld] do not fit",
                            (long long)q->rows, (long long)q->columns, (long long)k->rows, (long long)k->columns,
                            (long long)v->rows, (long long)v->columns);
    if (k->layout->sequences < q->layout->sequences)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld sequences of queries cannot attend to %lld of keys",
                            (long long)q->layout->sequences, (long long)k->layout->sequences);
    return attend(pass, (attend_node){.q = q, .k = k, .v = v, .options = *options});
}

hd_tensor *hd_attend_cached(hd_pass *pass, hd_tensor *q, const hd_keys *cached, const hd_attend_options *options) {
    if (!q || !cached) return NULL;
    return attend(pass, (attend_node){.q = q, .cached = cached, .options = *options});
}
