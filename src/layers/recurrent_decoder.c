/* The recurrent network behind the decoder's interface: a pass, and states that outlive it. */
#include "layers/decoder.h"
#include "layers/recurrent.h"

#include <string.h>

/* Rows that are kept from step to step, [rows, width] in device memory. */
typedef struct kept {
    float *data, *spare;
    size_t capacity, spare_capacity;
} kept;

typedef struct recurrent_decoder {
    hd_decoder decoder;
    const hd_network *network;
    hd_pass pass;
    hd_arena step; /* host memory of a step, which resets the pass for each position */
    int64_t slots, sources;
    kept *h, *c;                      /* [layers]: [slots, width] */
    kept feedback;                    /* [slots, width]: input to the next step (Luong) */
    kept outputs;                     /* [scores, width]: of the scored tokens of the last step */
    kept keys, values;                /* of the memory, [tokens, width] */
    hd_cache cache;                   /* of the slots' earlier states, if the decoder attends to them */
    int32_t *starts;                  /* [sources + 1]: of the memory */
    int32_t *ids;                     /* the tokens of the memory, which may be copied */
    int32_t *source, *spare_source;   /* [slots]: whose memory a slot attends to; ascending */
    int64_t *lengths, *spare_lengths; /* [slots]: tokens so far */
    size_t starts_capacity, ids_capacity, source_capacity, spare_source_capacity, lengths_capacity,
        spare_lengths_capacity;
    hd_tensor *last;          /* `outputs` */
    hd_arena_mark states_end; /* of the pass's arena */
} recurrent_decoder;

static hd_stream *stream_of(recurrent_decoder *d) { return &d->pass.stream; }

/* Memory for so many floats in `spare`, whose contents are lost. */
static heed_status grow_spare(recurrent_decoder *d, kept *k, size_t needed) {
    hd_stream *stream = stream_of(d);
    if (needed <= k->spare_capacity) return HEED_OK;
    if (needed / 2 < k->spare_capacity) needed = 2 * k->spare_capacity;
    stream->device->free(stream, k->spare);
    k->spare = stream->device->alloc(stream, needed * sizeof *k->spare);
    k->spare_capacity = k->spare ? needed : 0;
    return k->spare ? HEED_OK : HEED_MEMORY;
}

static void swap_spare(kept *k) { *k = (kept){k->spare, k->data, k->spare_capacity, k->capacity}; }

/* Room for so many rows; those that are there stay. */
static heed_status room(recurrent_decoder *d, kept *k, int64_t rows) {
    size_t needed = (size_t)(rows * d->network->recipe.width), capacity = k->capacity;
    hd_stream *stream = stream_of(d);
    if (needed <= capacity) return HEED_OK;
    HD_TRY(grow_spare(d, k, needed / 2 < capacity ? 2 * capacity : needed));
    if (k->data) stream->device->move(stream, &(hd_move_call){(int64_t)capacity, k->data, k->spare});
    swap_spare(k);
    stream->device->free(stream, k->spare);
    k->spare = NULL, k->spare_capacity = 0;
    return HEED_OK;
}

/* Keeps the rows of x after those before `row`. */
static heed_status keep(recurrent_decoder *d, kept *k, int64_t row, const hd_tensor *x) {
    if (!x) return HEED_OK;
    HD_TRY(room(d, k, hd_max(row + x->rows, 1))); /* data says that there is such a memory, also where it has no rows */
    stream_of(d)->device->move(stream_of(d), &(hd_move_call){hd_tensor_count(x), x->data, k->data + row * x->columns});
    return HEED_OK;
}

static heed_status keep_states(recurrent_decoder *d, const hd_recurrent_step *at) {
    for (int64_t i = 0; i < d->network->recipe.side[HD_DECODER].layers; i++) {
        HD_TRY(keep(d, &d->h[i], d->slots, at->states[i].h));
        HD_TRY(keep(d, &d->c[i], d->slots, at->states[i].c));
    }
    return keep(d, &d->feedback, d->slots, at->fed);
}

/* Drops the memory of sources without a slot. */
static void drop_sources(recurrent_decoder *d) {
    int64_t width = d->network->recipe.width, live = 0;
    int32_t before = -1, end = 0;
    for (int64_t s = 0; s < d->slots; s++) {
        int32_t source = d->source[s];
        if (source != before) {
            int32_t first = d->starts[source], rows = d->starts[source + 1] - first;
            kept *memory[] = {&d->keys, &d->values};
            for (size_t i = 0; i < HD_COUNT(memory); i++)
                if (memory[i]->data && first != end)
                    stream_of(d)->device->move(
                        stream_of(d),
                        &(hd_move_call){rows * width, memory[i]->data + first * width, memory[i]->data + end * width});
            if (rows) memmove(d->ids + end, d->ids + first, (size_t)rows * sizeof *d->ids);
            d->starts[live++] = end; /* of a source already moved */
            end += rows;
            before = source;
        }
        d->source[s] = (int32_t)live - 1;
    }
    d->sources = live;
    d->starts[live] = end;
}

/* Keeps the tokens of new sources after those that there are. */
static heed_status keep_ids(recurrent_decoder *d, const int32_t *ids, int64_t count) {
    int32_t end = d->starts[d->sources];
    if (!hd_grow(d->decoder.context, &d->ids, &d->ids_capacity, (size_t)(end + count) + 1, sizeof *d->ids))
        return HEED_MEMORY;
    if (count) memcpy(d->ids + end, ids, (size_t)count * sizeof *ids);
    return HEED_OK;
}

static heed_status add(hd_decoder *decoder, const int32_t *ids, const hd_layout *sources) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    hd_pass *pass = &d->pass;
    heed_context *context = decoder->context;
    int64_t added = sources->sequences;
    hd_pass_reset(pass);
    if (!hd_grow(context, &d->starts, &d->starts_capacity, (size_t)(d->sources + added) + 1, sizeof *d->starts) ||
        !hd_grow(context, &d->source, &d->source_capacity, (size_t)(d->slots + added), sizeof *d->source) ||
        !hd_grow(context, &d->lengths, &d->lengths_capacity, (size_t)(d->slots + added), sizeof *d->lengths))
        return HEED_MEMORY;
    if (d->network->recipe.self_attends) HD_TRY(hd_cache_add(&d->cache, &(hd_layout){.sequences = added}));
    drop_sources(d);
    HD_TRY(keep_ids(d, ids, decoder->continues ? 0 : hd_layout_rows(sources)));
    hd_tensor *memory =
        decoder->continues ? NULL : hd_recurrent_encode(d->network, pass, &(hd_input){.ids = ids}, sources);
    hd_recurrent_step at;
    if ((!memory && !decoder->continues) || !hd_recurrent_begin(d->network, pass, memory, added, &at))
        return pass->status;
    HD_TRY(keep(d, &d->keys, d->starts[d->sources], at.keys));
    HD_TRY(keep(d, &d->values, d->starts[d->sources], at.values));
    HD_TRY(keep_states(d, &at));
    for (int64_t i = 0; i < added; i++) {
        int64_t source = d->sources++, slot = d->slots++;
        int32_t length = decoder->continues ? 0 : sources->starts[i + 1] - sources->starts[i];
        d->starts[source + 1] = d->starts[source] + length;
        d->source[slot] = (int32_t)source, d->lengths[slot] = 0;
    }
    return HEED_OK;
}

/* Some slots that have a token now. */
typedef struct some {
    int64_t count;
    int32_t *slots;    /* [count], ascending */
    hd_layout tokens;  /* one each */
    hd_layout queries; /* [sources]: which of them attend to which source */
    hd_layout memory;
    hd_layout every; /* of all slots: one token, or none */
} some;

static heed_status choose(recurrent_decoder *d, const hd_layout *layout, int64_t position, some *s) {
    hd_pass *pass = &d->pass;
    s->slots = hd_pass_alloc(pass, (size_t)d->slots, sizeof *s->slots);
    int32_t *counting = hd_pass_alloc(pass, (size_t)d->slots + 1, sizeof *counting);
    int32_t *positions = hd_pass_alloc(pass, (size_t)d->slots, sizeof *positions);
    int32_t *queries = hd_pass_alloc(pass, (size_t)d->sources + 1, sizeof *queries);
    int32_t *every = hd_pass_alloc(pass, (size_t)d->slots + 1, sizeof *every);
    int32_t *lengths = hd_pass_alloc(pass, (size_t)d->slots, sizeof *lengths);
    if (!s->slots || !counting || !positions || !queries || !every || !lengths) return pass->status;
    int64_t source = 0;
    s->count = 0;
    for (int64_t slot = 0; slot < d->slots; slot++) {
        every[slot] = (int32_t)s->count;
        lengths[slot] = (int32_t)(d->lengths[slot] + position);
        if (layout->starts[slot + 1] - layout->starts[slot] <= position) continue;
        while (source <= d->source[slot]) queries[source++] = (int32_t)s->count;
        positions[s->count] = lengths[slot];
        counting[s->count] = (int32_t)s->count;
        s->slots[s->count++] = (int32_t)slot;
    }
    while (source <= d->sources) queries[source++] = (int32_t)s->count;
    counting[s->count] = every[d->slots] = (int32_t)s->count;
    s->tokens = (hd_layout){s->count, counting, NULL, positions};
    s->queries = (hd_layout){d->sources, queries, NULL, NULL};
    s->memory = (hd_layout){d->sources, d->starts, NULL, NULL};
    s->every = (hd_layout){d->slots, every, NULL, lengths};
    return HEED_OK;
}

/* Rows of the chosen slots, as a tensor of the pass. */
static hd_tensor *take(recurrent_decoder *d, const some *s, const kept *k) {
    int64_t width = d->network->recipe.width;
    if (!k->data) return NULL;
    hd_tensor *x = hd_tensor_new(&d->pass, s->count, width, NULL);
    if (x) stream_of(d)->device->gather(stream_of(d), &(hd_gather_call){s->count, width, s->slots, k->data, x->data});
    return x;
}

static void put(recurrent_decoder *d, const some *s, kept *k, const hd_tensor *x) {
    int64_t width = d->network->recipe.width;
    if (x) stream_of(d)->device->scatter(stream_of(d), &(hd_scatter_call){s->count, width, s->slots, x->data, k->data});
}

/* The tokens of a step whose outputs are kept. */
typedef struct scoring {
    const int32_t *first;  /* [slots + 1]: the number of each slot's first one */
    const int64_t *before; /* [slots]: tokens of each slot before that one */
} scoring;

static bool find_scored(recurrent_decoder *d, const hd_layout *layout, const int32_t *scored, int64_t scores,
                        scoring *found) {
    int32_t *first = hd_arena_alloc(&d->step, (size_t)d->slots + 1, sizeof *first);
    int64_t *before = hd_arena_alloc(&d->step, (size_t)d->slots, sizeof *before);
    if (!first || !before) return false;
    int32_t at = 0;
    for (int64_t s = 0; s < d->slots; s++) {
        first[s] = at;
        while (at < scores && scored[at] == s) at++;
        before[s] = layout->starts[s + 1] - layout->starts[s] - (at - first[s]);
    }
    first[d->slots] = at;
    *found = (scoring){first, before};
    return true;
}

/* Keeps those outputs of tokens at `position` that are scored. */
static heed_status keep_scored(recurrent_decoder *d, const some *s, const scoring *scored, int64_t position,
                               const hd_tensor *y) {
    int32_t *rows = hd_pass_alloc(&d->pass, (size_t)s->count, sizeof *rows);
    if (!rows) return d->pass.status;
    for (int64_t i = 0; i < s->count; i++) {
        int64_t slot = s->slots[i], within = position - scored->before[slot];
        bool kept_here = within >= 0 && scored->first[slot] < scored->first[slot + 1];
        rows[i] = kept_here ? scored->first[slot] + (int32_t)within : -1;
    }
    stream_of(d)->device->scatter(stream_of(d),
                                  &(hd_scatter_call){s->count, y->columns, rows, y->data, d->outputs.data});
    return HEED_OK;
}

/* Forward of token `position` of the layout's sequences, where they have so many. */
static heed_status advance(recurrent_decoder *d, const int32_t *ids, const hd_layout *layout, const scoring *scored,
                           int64_t position) {
    hd_pass *pass = &d->pass;
    int64_t width = d->network->recipe.width, layers = d->network->recipe.side[HD_DECODER].layers;
    some s;
    hd_pass_reset(pass);
    HD_TRY(choose(d, layout, position, &s));
    int32_t *tokens = hd_pass_alloc(pass, (size_t)s.count, sizeof *tokens);
    hd_recurrent_step at = {.states = hd_pass_alloc(pass, (size_t)layers, sizeof *at.states), .queries = &s.queries};
    if (!tokens || !at.states) return pass->status;
    if (d->network->recipe.self_attends) {
        HD_TRY(hd_cache_reserve(&d->cache, &s.every));
        at.cache = &d->cache, at.queries = &s.every;
    }
    for (int64_t i = 0; i < s.count; i++) tokens[i] = ids[layout->starts[s.slots[i]] + position];
    for (int64_t i = 0; i < layers; i++)
        at.states[i] = (hd_recurrent_state){take(d, &s, &d->h[i]), take(d, &s, &d->c[i])};
    at.fed = take(d, &s, &d->feedback);
    int64_t memory = d->starts[d->sources];
    if (d->keys.data) at.keys = hd_tensor_wrap(pass, memory, width, d->keys.data, &s.memory);
    if (d->values.data) at.values = hd_tensor_wrap(pass, memory, width, d->values.data, &s.memory);
    hd_tensor *gates = hd_recurrent_embed(d->network, pass, &(hd_input){.ids = tokens}, &s.tokens);
    hd_tensor *y = hd_recurrent_advance(d->network, pass, gates, &at);
    if (!y) return pass->status;
    for (int64_t i = 0; i < layers; i++) put(d, &s, &d->h[i], at.states[i].h), put(d, &s, &d->c[i], at.states[i].c);
    put(d, &s, &d->feedback, at.fed);
    if (at.cache) hd_cache_advance(at.cache, &s.every);
    return keep_scored(d, &s, scored, position, y);
}

/* The kept outputs, with what they may copy. */
static heed_status wrap_outputs(recurrent_decoder *d, const int32_t *scored, int64_t scores) {
    hd_pass *pass = &d->pass;
    int64_t width = d->network->recipe.width;
    d->last = hd_tensor_wrap(pass, scores, width, d->outputs.data, NULL);
    if (!d->last || !hd_recipe_copies(&d->network->recipe)) return pass->status;
    int32_t *starts = hd_pass_alloc(pass, (size_t)d->sources + 1, sizeof *starts);
    hd_layout *layout = hd_pass_alloc(pass, 2, sizeof *layout);
    if (!starts || !layout) return pass->status;
    for (int64_t source = 0, row = 0; source <= d->sources; source++) {
        while (row < scores && d->source[scored[row]] < source) row++;
        starts[source] = (int32_t)row;
    }
    layout[0] = (hd_layout){d->sources, starts, NULL, NULL};
    layout[1] = (hd_layout){d->sources, d->starts, NULL, NULL};
    hd_tensor *memory = hd_tensor_wrap(pass, d->starts[d->sources], width, d->values.data, &layout[1]);
    d->last->layout = &layout[0];
    if (memory) memory->ids = d->ids;
    if (memory) hd_recurrent_score_copies(d->network, pass, d->last, memory);
    return pass->status;
}

static heed_status step(hd_decoder *decoder, const int32_t *ids, const hd_layout *layout, const int32_t *scored,
                        int64_t scores) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    hd_pass *pass = &d->pass;
    scoring kept_rows;
    hd_arena_reset(&d->step);
    HD_TRY(room(d, &d->outputs, hd_max(scores, 1)));
    if (!find_scored(d, layout, scored, scores, &kept_rows)) return HEED_MEMORY;
    int64_t longest = hd_layout_longest(layout);
    for (int64_t position = 0; position < longest; position++) HD_TRY(advance(d, ids, layout, &kept_rows, position));
    for (int64_t s = 0; s < d->slots; s++) d->lengths[s] += layout->starts[s + 1] - layout->starts[s];
    hd_pass_reset(pass);
    HD_TRY(wrap_outputs(d, scored, scores));
    d->states_end = hd_arena_here(&pass->arena);
    return HEED_OK;
}

static heed_status logits(hd_decoder *decoder, int64_t first, int64_t count, float **out) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    hd_arena_rewind(&d->pass.arena, d->states_end);
    hd_tensor *result = hd_network_logits(d->network, &d->pass, d->last, first, count);
    if (!result) return d->pass.status;
    *out = result->data;
    return HEED_OK;
}

/* The rows of a slot's state: those of all layers, and the input of the next step. The last one is NULL. */
static kept *state_row(recurrent_decoder *d, int64_t index) {
    int64_t layers = d->network->recipe.side[HD_DECODER].layers;
    return index < layers        ? &d->h[index]
           : index < 2 * layers  ? &d->c[index - layers]
           : index == 2 * layers ? &d->feedback
                                 : NULL;
}

static void copy_row(recurrent_decoder *d, kept *k, int64_t from, int64_t to) {
    int64_t width = d->network->recipe.width;
    if (k->data)
        stream_of(d)->device->move(stream_of(d), &(hd_move_call){width, k->data + from * width, k->data + to * width});
}

static heed_status copy_slot(hd_decoder *decoder, int64_t from, int64_t to, int64_t length) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    kept *k;
    for (int64_t i = 0; (k = state_row(d, i)); i++) copy_row(d, k, from, to);
    d->lengths[to] = length;
    return d->network->recipe.self_attends ? hd_cache_copy(&d->cache, from, to, length) : HEED_OK;
}

static int64_t saved_count(const hd_decoder *decoder, int64_t length) {
    recurrent_decoder *d = (recurrent_decoder *)(uintptr_t)decoder;
    int64_t count = 0;
    kept *k;
    for (int64_t i = 0; (k = state_row(d, i)); i++) count += k->data ? d->network->recipe.width : 0;
    if (d->network->recipe.self_attends) count += hd_cache_row_count(&d->cache, length);
    return length ? count : 0;
}

static heed_status save_slot(hd_decoder *decoder, int64_t slot, float *saved) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    hd_stream *stream = stream_of(d);
    int64_t width = d->network->recipe.width;
    kept *k;
    for (int64_t i = 0; (k = state_row(d, i)); i++) {
        if (!k->data) continue;
        stream->device->download(stream, (size_t)width * sizeof *saved, k->data + slot * width, saved);
        saved += width;
    }
    if (d->network->recipe.self_attends) HD_TRY(hd_cache_read(&d->cache, slot, 0, saved));
    return d->pass.status;
}

static heed_status load_slot(hd_decoder *decoder, int64_t slot, int64_t length, const void *saved) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    hd_stream *stream = stream_of(d);
    int64_t width = d->network->recipe.width;
    const char *at = saved;
    kept *k;
    for (int64_t i = 0; length && (k = state_row(d, i)); i++) {
        if (!k->data) continue;
        stream->device->upload(stream, (size_t)width * sizeof *k->data, at, k->data + slot * width);
        at += (size_t)width * sizeof *k->data;
    }
    d->lengths[slot] = length;
    hd_pass_reset(&d->pass);
    if (length && d->network->recipe.self_attends) return hd_cache_load(&d->cache, &d->pass, slot, length, at);
    return d->pass.status;
}

/* Row i becomes row parents[i]. */
static heed_status reorder_rows(recurrent_decoder *d, kept *k, const int32_t *parents, int64_t count) {
    int64_t width = d->network->recipe.width;
    if (!k->data) return HEED_OK;
    HD_TRY(grow_spare(d, k, (size_t)(count * width)));
    if (count) stream_of(d)->device->gather(stream_of(d), &(hd_gather_call){count, width, parents, k->data, k->spare});
    swap_spare(k);
    return HEED_OK;
}

static heed_status reorder(hd_decoder *decoder, const int32_t *parents, int64_t count) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    heed_context *context = decoder->context;
    if (d->network->recipe.self_attends) HD_TRY(hd_cache_reorder(&d->cache, parents, count));
    for (int64_t i = 0; i < d->network->recipe.side[HD_DECODER].layers; i++) {
        HD_TRY(reorder_rows(d, &d->h[i], parents, count));
        HD_TRY(reorder_rows(d, &d->c[i], parents, count));
    }
    HD_TRY(reorder_rows(d, &d->feedback, parents, count));
    size_t n = (size_t)count;
    if (!hd_grow(context, &d->spare_source, &d->spare_source_capacity, n, sizeof *d->spare_source) ||
        !hd_grow(context, &d->spare_lengths, &d->spare_lengths_capacity, n, sizeof *d->spare_lengths))
        return HEED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        d->spare_source[i] = d->source[parents[i]];
        d->spare_lengths[i] = d->lengths[parents[i]];
    }
    int32_t *source = d->source;
    int64_t *lengths = d->lengths;
    size_t source_capacity = d->source_capacity, lengths_capacity = d->lengths_capacity;
    d->source = d->spare_source, d->source_capacity = d->spare_source_capacity;
    d->spare_source = source, d->spare_source_capacity = source_capacity;
    d->lengths = d->spare_lengths, d->lengths_capacity = d->spare_lengths_capacity;
    d->spare_lengths = lengths, d->spare_lengths_capacity = lengths_capacity;
    d->slots = count;
    return HEED_OK;
}

static void free_kept(recurrent_decoder *d, kept *k) {
    stream_of(d)->device->free(stream_of(d), k->data);
    stream_of(d)->device->free(stream_of(d), k->spare);
}

static void close_decoder(hd_decoder *decoder) {
    recurrent_decoder *d = (recurrent_decoder *)decoder;
    heed_context *context = decoder->context;
    for (int64_t i = 0; i < d->network->recipe.side[HD_DECODER].layers; i++) {
        if (d->h) free_kept(d, &d->h[i]);
        if (d->c) free_kept(d, &d->c[i]);
    }
    kept *rest[] = {&d->feedback, &d->outputs, &d->keys, &d->values};
    for (size_t i = 0; i < HD_COUNT(rest); i++) free_kept(d, rest[i]);
    void *arrays[] = {d->h, d->c, d->starts, d->ids, d->source, d->spare_source, d->lengths, d->spare_lengths};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(context, arrays[i]);
    hd_cache_close(&d->cache);
    hd_arena_close(&d->step);
    hd_pass_close(&d->pass);
    hd_free(context, d);
}

heed_status hd_recurrent_decoder_open(heed_context *context, const hd_network *network, hd_decoder **decoder) {
    static const hd_decoder_class class = {add,       step,        logits,    reorder,   NULL,
                                           copy_slot, saved_count, save_slot, load_slot, close_decoder};
    const hd_recipe *recipe = &network->recipe;
    recurrent_decoder *d = hd_alloc_zeroed(context, 1, sizeof *d);
    *decoder = NULL;
    if (!d) return HEED_MEMORY;
    d->decoder = hd_decoder_of(&class, context, recipe);
    d->network = network;
    hd_pass_open(&d->pass, context, NULL);
    hd_arena_open(&d->step, context);
    d->decoder.stream = &d->pass.stream;
    hd_cache_open(&d->cache, &d->pass.stream, 1, 1, recipe->width);
    d->h = hd_alloc_zeroed(context, (size_t)recipe->side[HD_DECODER].layers, sizeof *d->h);
    d->c = hd_alloc_zeroed(context, (size_t)recipe->side[HD_DECODER].layers, sizeof *d->c);
    if (!d->h || !d->c) {
        close_decoder(&d->decoder);
        return HEED_MEMORY;
    }
    *decoder = &d->decoder;
    return HEED_OK;
}
