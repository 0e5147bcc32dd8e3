/* Forward code of recurrent networks: read from hd_recurrent_encode down. Building one is recurrent_open.c. */
#include "layers/recurrent.h"

#include "autograd/copying.h"

#include <math.h>

/* Dropout of a layer's input. */
static hd_tensor *drop(const hd_network *r, hd_pass *pass, hd_tensor *x, hd_network_side side, int64_t layer,
                       unsigned module) {
    return hd_dropout_add(pass, x, NULL, r->recipe.dropout, hd_dropout_site(side, layer, module, HD_SITE_OUTPUT));
}

static hd_tensor *embed(const hd_network *r, hd_pass *pass, hd_network_side side, const hd_input *input,
                        const hd_layout *layout) {
    hd_parameter *table = side == HD_ENCODER ? r->source_embedding : r->target_embedding;
    hd_tensor *x = hd_embed_input(r, pass, table, input, layout, 1.0f);
    hd_pass_show_states(pass, side, 0, hd_pass_show(pass, "embedding", x));
    return drop(r, pass, x, side, 0, HD_SITE_EMBEDDING);
}

/* ---- the encoder ---- */

static hd_tensor *encode_layer(const hd_network *r, hd_pass *pass, hd_tensor *x, int64_t layer, bool backwards) {
    const hd_module_weights *modules = hd_network_layer(r, HD_ENCODER, layer);
    const hd_module_weights *in = &modules[backwards ? HD_MODULE_CELL_INPUT_BACKWARDS : HD_MODULE_CELL_INPUT];
    const hd_module_weights *cell = &modules[backwards ? HD_MODULE_CELL_STATE_BACKWARDS : HD_MODULE_CELL_STATE];
    hd_recurrent_state state = {NULL, NULL};
    hd_tensor *gates = hd_apply(pass, in, x, HD_IDENTITY);
    return hd_recur(pass, (hd_cell)r->recipe.cell, gates, cell->weight, cell->bias, backwards, &state);
}

hd_tensor *hd_recurrent_encode(const hd_network *r, hd_pass *pass, const hd_input *input, const hd_layout *layout) {
    hd_tensor *x = embed(r, pass, HD_ENCODER, input, layout);
    for (int64_t i = 0; i < r->recipe.side[HD_ENCODER].layers; i++) {
        hd_tensor *in = i ? drop(r, pass, x, HD_ENCODER, i, HD_SITE_CELL) : x;
        x = encode_layer(r, pass, in, i, false);
        if (r->recipe.bidirectional) x = hd_join_columns(pass, x, encode_layer(r, pass, in, i, true));
        hd_pass_show_states(pass, HD_ENCODER, i + 1, x);
    }
    if (x) x->ids = input->ids;
    return hd_pass_show(pass, "encoder state", x);
}

/* ---- the decoder's memory of the source ---- */

static hd_tensor *concatenate_states(const hd_network *r, hd_pass *pass, hd_tensor *x) {
    int64_t sequences = x->layout->sequences, most = hd_recipe_max_positions(&r->recipe);
    int32_t *rows = hd_pass_alloc(pass, (size_t)(sequences * most), sizeof *rows);
    for (int64_t s = 0; rows && s < sequences; s++) {
        int64_t first = x->layout->starts[s], length = x->layout->starts[s + 1] - first;
        if (length > most)
            return hd_pass_fail(pass, HEED_LENGTH, "%lld states are more than the %lld that are concatenated",
                                (long long)length, (long long)most);
        for (int64_t i = 0; i < most; i++) rows[s * most + i] = (int32_t)(i < length ? first + i : -1);
    }
    return rows ? hd_gather(pass, x, rows, sequences * most, most, NULL) : NULL;
}

/* The vector from which the decoder's initial states are computed. */
static hd_tensor *summarize(const hd_network *r, hd_pass *pass, hd_tensor *memory) {
    switch (r->recipe.memory) {
        case HD_MEMORY_MEAN:
            return hd_network_pool(r, pass, memory, HD_POOL_MEAN);
        case HD_MEMORY_CONCATENATED:
            return concatenate_states(r, pass, memory);
        default:
            return hd_network_pool(r, pass, memory, HD_POOL_LAST);
    }
}

/* ---- the decoder ---- */

/* A module of the decoder's first layer, or of no layer. */
static const hd_module_weights *decoder_module(const hd_network *r, hd_module module) {
    return &hd_network_layer(r, HD_DECODER, 0)[module];
}

static hd_tensor *zeros(hd_pass *pass, int64_t rows, int64_t columns) {
    return hd_tensor_wrap(pass, rows, columns, hd_pass_zeros(pass, rows, columns), NULL);
}

bool hd_recurrent_begin(const hd_network *r, hd_pass *pass, hd_tensor *memory, int64_t slots, hd_recurrent_step *at) {
    const hd_recipe *recipe = &r->recipe;
    *at = (hd_recurrent_step){0};
    at->states = hd_pass_alloc(pass, (size_t)recipe->side[HD_DECODER].layers, sizeof *at->states);
    if (!at->states) return false;
    hd_tensor *given = recipe->side[HD_ENCODER].layers && memory ? summarize(r, pass, memory) : NULL;
    hd_pass_show(pass, "given", given);
    for (int64_t i = 0; i < recipe->side[HD_DECODER].layers; i++) {
        at->states[i] = (hd_recurrent_state){NULL, NULL};
        if (given && recipe->direct_states) {
            at->states[i].h = given;
        } else if (given) {
            const hd_module_weights *layer = hd_network_layer(r, HD_DECODER, i), *c = &layer[HD_MODULE_BRIDGE_C];
            at->states[i].h = hd_apply(pass, &layer[HD_MODULE_BRIDGE_H], given, HD_TANH);
            if (c->weight) at->states[i].c = hd_apply(pass, c, given, HD_IDENTITY);
        } else {
            at->states[i].h = zeros(pass, slots, recipe->width);
            if (recipe->cell == HD_LSTM) at->states[i].c = zeros(pass, slots, recipe->width);
        }
    }
    hd_pass_show(pass, "initial", at->states[recipe->side[HD_DECODER].layers - 1].h);
    if (hd_recipe_feeds(recipe)) at->fed = zeros(pass, slots, recipe->width);
    if (hd_recipe_attends(recipe)) {
        at->values = memory;
        const hd_module_weights *key = decoder_module(r, HD_MODULE_KEY);
        at->keys = hd_pass_show(pass, "keys", key->weight ? hd_apply(pass, key, memory, HD_IDENTITY) : memory);
    }
    return pass->status == HEED_OK;
}

hd_tensor *hd_recurrent_embed(const hd_network *r, hd_pass *pass, const hd_input *input, const hd_layout *layout) {
    hd_tensor *x = embed(r, pass, HD_DECODER, input, layout);
    return hd_apply(pass, decoder_module(r, HD_MODULE_CELL_INPUT), x, HD_IDENTITY);
}

/* Runs the stacked layers, given the first layer's gates. */
static hd_tensor *run_layers(const hd_network *r, hd_pass *pass, hd_tensor *gates, hd_recurrent_step *at) {
    hd_tensor *x = NULL;
    for (int64_t i = 0; i < r->recipe.side[HD_DECODER].layers; i++) {
        const hd_module_weights *layer = hd_network_layer(r, HD_DECODER, i), *cell = &layer[HD_MODULE_CELL_STATE];
        if (i)
            gates = hd_apply(pass, &layer[HD_MODULE_CELL_INPUT], drop(r, pass, x, HD_DECODER, i, HD_SITE_CELL),
                             HD_IDENTITY);
        x = hd_recur(pass, (hd_cell)r->recipe.cell, gates, cell->weight, cell->bias, false, &at->states[i]);
        if (i + 1 < r->recipe.side[HD_DECODER].layers) hd_pass_show_states(pass, HD_DECODER, i + 1, x);
    }
    return hd_pass_show(pass, "state", x);
}

/* Attention of query h: the context vectors C [slots, width]. */
static hd_tensor *attend(const hd_network *r, hd_pass *pass, hd_tensor *h, const hd_recurrent_step *at) {
    const hd_module_weights *query = decoder_module(r, HD_MODULE_QUERY);
    hd_parameter *scorer = decoder_module(r, HD_MODULE_SCORER)->whole;
    hd_tensor *q = query->weight ? hd_apply(pass, query, h, HD_IDENTITY) : h;
    if (!q) return NULL;
    q->layout = at->queries;
    hd_pass_show(pass, "query", q);
    hd_attend_options options = {.heads = 1, .scale = 1.0f, .where = "cross"};
    hd_tensor *context = scorer ? hd_attend_additive(pass, q, at->keys, at->values, scorer)
                                : hd_attend(pass, q, at->keys, at->values, &options);
    return hd_pass_show(pass, "context", context);
}

/* The decoder's last states: with attention, those of its last layer combined with the context. */
static hd_tensor *show_output(const hd_network *r, hd_pass *pass, hd_tensor *y) {
    return hd_pass_show_states(pass, HD_DECODER, r->recipe.side[HD_DECODER].layers, hd_pass_show(pass, "output", y));
}

/* gates + context · x */
static hd_tensor *add_context(const hd_network *r, hd_pass *pass, hd_tensor *gates, hd_tensor *x) {
    hd_tensor *share = hd_apply(pass, decoder_module(r, HD_MODULE_CONTEXT), x, HD_IDENTITY);
    if (!share) return NULL;
    share->layout = gates->layout;
    return hd_dropout_add(pass, share, gates, 0.0f, 0);
}

hd_tensor *hd_recurrent_advance(const hd_network *r, hd_pass *pass, hd_tensor *gates, hd_recurrent_step *at) {
    const hd_recipe *recipe = &r->recipe;
    if (!gates) return NULL;
    if (!hd_recipe_attends(recipe)) return hd_recurrent_run(r, pass, gates, at);
    const hd_layout *layout = gates->layout;
    hd_tensor *h, *context;
    if (recipe->memory == HD_MEMORY_BAHDANAU) { /* attention, then the step */
        context = attend(r, pass, at->states[recipe->side[HD_DECODER].layers - 1].h, at);
        h = run_layers(r, pass, add_context(r, pass, gates, context), at);
    } else { /* the step, then attention; the output is kept for the next step */
        h = run_layers(r, pass, add_context(r, pass, gates, at->fed), at);
        context = attend(r, pass, h, at);
    }
    hd_tensor *y = hd_apply(pass, decoder_module(r, HD_MODULE_COMBINE), hd_join_columns(pass, h, context), HD_TANH);
    if (!show_output(r, pass, y)) return NULL;
    y->layout = layout;
    if (hd_recipe_feeds(recipe)) at->fed = y;
    return y;
}

/* The states joined with their contexts, in which each attends to itself and those before it. */
static hd_tensor *attend_to_itself(const hd_network *r, hd_pass *pass, hd_tensor *h, const hd_recurrent_step *at) {
    float scale = 1.0f / sqrtf((float)r->recipe.width);
    hd_attend_options options = {.heads = 1, .key_heads = 1, .causal = true, .scale = scale, .where = "decoder"};
    if (h && at->cache) h->layout = at->queries;
    hd_tensor *k = hd_apply(pass, decoder_module(r, HD_MODULE_KEY), h, HD_IDENTITY);
    if (!k) return NULL;
    hd_tensor *context = at->cache ? hd_attend_cached(pass, h, hd_cache_append(at->cache, 0, k, h), &options)
                                   : hd_attend(pass, h, k, h, &options);
    return hd_join_columns(pass, h, hd_pass_show(pass, "context", context));
}

hd_tensor *hd_recurrent_run(const hd_network *r, hd_pass *pass, hd_tensor *gates, hd_recurrent_step *at) {
    hd_tensor *h = run_layers(r, pass, gates, at);
    const hd_module_weights *combine = decoder_module(r, HD_MODULE_COMBINE);
    if (r->recipe.self_attends) h = attend_to_itself(r, pass, h, at);
    return show_output(r, pass, combine->weight ? hd_apply(pass, combine, h, HD_TANH) : h);
}

hd_tensor *hd_recurrent_score_copies(const hd_network *r, hd_pass *pass, hd_tensor *states, hd_tensor *memory) {
    if (!states || !hd_recipe_copies(&r->recipe)) return states;
    if (!memory->ids) return hd_pass_fail(pass, HEED_ARGUMENT, "there are no tokens to copy");
    hd_tensor *query = hd_apply(pass, decoder_module(r, HD_MODULE_COPY), states, HD_IDENTITY);
    hd_copies *copies = hd_pass_alloc(pass, 1, sizeof *copies);
    if (!query || !copies) return NULL;
    hd_tensor *scores = hd_pass_show(pass, "copies", hd_pair_scores(pass, query, memory));
    *copies = (hd_copies){*states->layout, *memory->layout, memory->ids, scores};
    states->copies = copies;
    return copies->scores ? states : NULL;
}

/* ---- a batch of targets, one step at a time ---- */

/* Sequences by descending length, and arrays for the layouts of steps. */
typedef struct walk {
    hd_by_length sequences;
    const int32_t *counting;  /* [sequences + 1]: 0, 1, 2 … */
    const uint64_t *examples; /* [sequences] in that order */
} walk;

static bool plan(hd_pass *pass, const hd_layout *layout, walk *w) {
    size_t n = (size_t)layout->sequences;
    int32_t *counting = hd_pass_alloc(pass, n + 1, sizeof *counting);
    uint64_t *examples = hd_pass_alloc(pass, n, sizeof *examples);
    if (!counting || !examples || !hd_order_by_length(pass, layout, &w->sequences)) return false;
    for (size_t i = 0; i < n; i++) examples[i] = hd_layout_example(layout, w->sequences.order[i]);
    for (size_t i = 0; i <= n; i++) counting[i] = (int32_t)i;
    w->counting = counting, w->examples = examples;
    return true;
}

/* The layout of one token in each of the first n sequences. */
static hd_layout *step_layout(hd_pass *pass, const walk *w, int64_t n, int64_t position) {
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *positions = hd_pass_alloc(pass, (size_t)n, sizeof *positions);
    if (!layout || !positions) return NULL;
    for (int64_t i = 0; i < n; i++) positions[i] = (int32_t)position;
    *layout = (hd_layout){n, w->counting, w->examples, positions};
    return layout;
}

/* The memory, its sequences reordered like those of the walk. */
static hd_tensor *sort_memory(hd_pass *pass, hd_tensor *memory, const walk *w) {
    int64_t sequences = memory->layout->sequences, at = 0;
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, (size_t)sequences + 1, sizeof *starts);
    int32_t *rows = hd_pass_alloc(pass, (size_t)memory->rows, sizeof *rows);
    if (!layout || !starts || !rows) return NULL;
    for (int64_t i = 0; i < sequences; i++) {
        starts[i] = (int32_t)at;
        for (int32_t row = memory->layout->starts[w->sequences.order[i]];
             row < memory->layout->starts[w->sequences.order[i] + 1]; row++)
            rows[at++] = row;
    }
    starts[sequences] = (int32_t)at;
    *layout = (hd_layout){sequences, starts, w->examples, NULL};
    return hd_gather(pass, memory, rows, memory->rows, 1, layout);
}

/* The first n rows: the states of sequences that have not ended. */
static hd_tensor *first_rows(hd_pass *pass, hd_tensor *x, const walk *w, int64_t n) {
    return !x || x->rows == n ? x : hd_gather(pass, x, w->counting, n, 1, NULL);
}

/* The rows of a step in the layout. */
static int32_t *rows_of_step(hd_pass *pass, const walk *w, const hd_layout *layout, int64_t step) {
    int32_t *rows = hd_pass_alloc(pass, (size_t)w->sequences.running[step], sizeof *rows);
    for (int64_t i = 0; rows && i < w->sequences.running[step]; i++)
        rows[i] = layout->starts[w->sequences.order[i]] + (int32_t)step;
    return rows;
}

/* One step at a time, because each attends with the state or output of the step before. */
static hd_tensor *walk_through(const hd_network *r, hd_pass *pass, hd_tensor *gates, hd_tensor *memory) {
    const hd_layout *layout = gates->layout;
    walk w;
    if (!plan(pass, layout, &w)) return NULL;
    if (!w.sequences.steps) return zeros(pass, 0, r->recipe.width);
    hd_recurrent_step at;
    if (!hd_recurrent_begin(r, pass, sort_memory(pass, memory, &w), layout->sequences, &at)) return NULL;
    hd_tensor **made = hd_pass_alloc(pass, (size_t)w.sequences.steps, sizeof *made);
    /* the row in which each row of the layout is computed */
    int32_t *indices = hd_pass_alloc(pass, (size_t)gates->rows, sizeof *indices);
    if (!made || !indices) return NULL;
    for (int64_t step = 0, done = 0; step < w.sequences.steps; step++) {
        int64_t n = w.sequences.running[step];
        int32_t *rows = rows_of_step(pass, &w, layout, step);
        hd_layout *now = step_layout(pass, &w, n, step);
        if (!rows || !now) return NULL;
        for (int64_t i = 0; i < r->recipe.side[HD_DECODER].layers; i++) {
            at.states[i].h = first_rows(pass, at.states[i].h, &w, n);
            at.states[i].c = first_rows(pass, at.states[i].c, &w, n);
        }
        at.fed = first_rows(pass, at.fed, &w, n);
        at.queries = now;
        made[step] = hd_recurrent_advance(r, pass, hd_gather(pass, gates, rows, n, 1, now), &at);
        if (!made[step]) return NULL;
        for (int64_t i = 0; i < n; i++) indices[rows[i]] = (int32_t)done++;
    }
    hd_tensor *all = hd_join_rows(pass, made, w.sequences.steps, NULL);
    return hd_gather(pass, all, indices, gates->rows, 1, layout);
}

hd_tensor *hd_recurrent_decode(const hd_network *r, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                               hd_tensor *memory) {
    hd_tensor *gates = hd_recurrent_embed(r, pass, input, layout), *states;
    if (!gates || (r->recipe.side[HD_ENCODER].layers && !memory)) return NULL;
    if (hd_recipe_attends(&r->recipe)) {
        states = walk_through(r, pass, gates, memory);
    } else {
        hd_recurrent_step at;
        if (!hd_recurrent_begin(r, pass, memory, layout->sequences, &at)) return NULL;
        states = hd_recurrent_run(r, pass, gates, &at);
    }
    return hd_recurrent_score_copies(r, pass, drop(r, pass, states, HD_DECODER, 0, HD_SITE_STATES), memory);
}
