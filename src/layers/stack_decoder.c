/* The transformer stack behind the decoder's interface: a pass and a cache. */
#include "layers/decoder.h"
#include "layers/stack.h"

typedef struct stack_decoder {
    hd_decoder decoder;
    const hd_stack *stack;
    hd_pass pass;
    hd_cache cache;
    hd_tensor *last;          /* [scores, width]: states of the scored tokens after a step */
    hd_arena_mark states_end; /* where they end in the pass's arena */
} stack_decoder;

static heed_status add(hd_decoder *decoder, const int32_t *ids, const hd_layout *sources) {
    stack_decoder *d = (stack_decoder *)decoder;
    hd_pass_reset(&d->pass);
    if (decoder->continues) return hd_cache_add(&d->cache, &(hd_layout){.sequences = sources->sequences});
    hd_tensor *memory =
        hd_stack_run(d->stack, HD_ENCODER, &d->pass, &(hd_input){.ids = ids}, sources, NULL, NULL, NULL);
    if (!memory) return d->pass.status;
    HD_TRY(hd_cache_add(&d->cache, sources));
    return hd_stack_remember(d->stack, &d->pass, memory, &d->cache);
}

/* The scored tokens of each slot, its last ones; `positions` are those of the first of them. */
static bool select_scored(stack_decoder *d, const hd_layout *layout, const int32_t *scored, int64_t scores,
                          hd_selection *selection) {
    hd_pass *pass = &d->pass;
    int64_t slots = layout->sequences;
    int32_t *rows = hd_pass_alloc(pass, (size_t)scores, sizeof *rows);
    int32_t *starts = hd_pass_alloc(pass, (size_t)slots + 1, sizeof *starts);
    int32_t *positions = hd_pass_alloc(pass, (size_t)slots, sizeof *positions);
    if (!rows || !starts || !positions) return false;
    starts[0] = 0;
    for (int64_t s = 0, i = 0; s < slots; s++) {
        int64_t count = 0;
        while (i + count < scores && scored[i + count] == s) count++;
        int32_t first = layout->starts[s + 1] - (int32_t)count;
        positions[s] = layout->positions[s] + first - layout->starts[s];
        while (count--) rows[i++] = first++;
        starts[s + 1] = (int32_t)i;
    }
    *selection = (hd_selection){rows, {.sequences = slots, .starts = starts, .positions = positions}};
    return true;
}

static heed_status step(hd_decoder *decoder, const int32_t *ids, const hd_layout *layout, const int32_t *scored,
                        int64_t scores) {
    stack_decoder *d = (stack_decoder *)decoder;
    hd_pass *pass = &d->pass;
    hd_pass_reset(pass);
    HD_TRY(hd_cache_reserve(&d->cache, layout));
    int32_t *positions = hd_pass_alloc(pass, (size_t)layout->sequences, sizeof *positions);
    if (!positions) return pass->status;
    for (int64_t s = 0; s < layout->sequences; s++) positions[s] = (int32_t)d->cache.slots[s].length;
    hd_layout at = *layout;
    at.positions = positions;
    hd_selection selection;
    bool all = scores == hd_layout_rows(layout);
    if (!all && !select_scored(d, &at, scored, scores, &selection)) return pass->status;
    d->last = hd_stack_run(d->stack, HD_DECODER, pass, &(hd_input){.ids = ids}, &at, NULL, &d->cache,
                           all ? NULL : &selection);
    if (!d->last) return pass->status;
    hd_cache_advance(&d->cache, layout);
    d->states_end = hd_arena_here(&pass->arena);
    return HEED_OK;
}

static heed_status logits(hd_decoder *decoder, int64_t first, int64_t count, float **out) {
    stack_decoder *d = (stack_decoder *)decoder;
    hd_arena_rewind(&d->pass.arena, d->states_end);
    hd_tensor *result = hd_network_logits(&d->stack->network, &d->pass, d->last, first, count);
    if (!result) return d->pass.status;
    *out = result->data;
    return HEED_OK;
}

static heed_status reorder(hd_decoder *decoder, const int32_t *parents, int64_t count) {
    return hd_cache_reorder(&((stack_decoder *)decoder)->cache, parents, count);
}

static void rewind_slot(hd_decoder *decoder, int64_t slot, int64_t length) {
    hd_cache_rewind(&((stack_decoder *)decoder)->cache, slot, length);
}

static heed_status copy_slot(hd_decoder *decoder, int64_t from, int64_t to, int64_t length) {
    return hd_cache_copy(&((stack_decoder *)decoder)->cache, from, to, length);
}

static int64_t saved_count(const hd_decoder *decoder, int64_t length) {
    const stack_decoder *d = (const stack_decoder *)decoder;
    return d->cache.layers * hd_cache_row_count(&d->cache, length);
}

static heed_status save_slot(hd_decoder *decoder, int64_t slot, float *saved) {
    stack_decoder *d = (stack_decoder *)decoder;
    int64_t count = hd_cache_row_count(&d->cache, d->cache.slots[slot].length);
    for (int64_t layer = 0; layer < d->cache.layers; layer++)
        HD_TRY(hd_cache_read(&d->cache, slot, layer, saved + layer * count));
    return HEED_OK;
}

static heed_status load_slot(hd_decoder *decoder, int64_t slot, int64_t length, const void *saved) {
    stack_decoder *d = (stack_decoder *)decoder;
    hd_pass_reset(&d->pass);
    return hd_cache_load(&d->cache, &d->pass, slot, length, saved);
}

static void close_decoder(hd_decoder *decoder) {
    stack_decoder *d = (stack_decoder *)decoder;
    hd_cache_close(&d->cache);
    hd_pass_close(&d->pass);
    hd_free(decoder->context, d);
}

heed_status hd_stack_decoder_open(heed_context *context, const hd_network *network, hd_decoder **decoder) {
    static const hd_decoder_class class = {add,       step,        logits,    reorder,   rewind_slot,
                                           copy_slot, saved_count, save_slot, load_slot, close_decoder};
    const hd_recipe *recipe = &network->recipe;
    stack_decoder *d = hd_alloc_zeroed(context, 1, sizeof *d);
    *decoder = NULL;
    if (!d) return HEED_MEMORY;
    *decoder = &d->decoder;
    d->decoder = hd_decoder_of(&class, context, recipe);
    d->stack = (const hd_stack *)network;
    hd_pass_open(&d->pass, context, NULL);
    d->decoder.stream = &d->pass.stream;
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    hd_cache_open(&d->cache, &d->pass.stream, side->layers, hd_side_key_heads(side),
                  hd_side_head_width(side, recipe->width));
    return HEED_OK;
}
