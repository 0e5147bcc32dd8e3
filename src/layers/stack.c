/* Forward code of the transformer stack: read from hd_stack_encode down. Building it is stack_open.c. */
#include "layers/stack.h"

#include <math.h>
#include <string.h>

static hd_tensor *linear(hd_pass *pass, hd_tensor *x, const hd_linear_layer *layer) {
    return hd_linear(pass, x, layer->weight, layer->bias, HD_IDENTITY);
}

static hd_tensor *norm(const hd_stack *stack, hd_pass *pass, hd_tensor *x, const hd_norm_layer *layer) {
    return hd_norm(pass, x, layer->gain, layer->bias, stack->network.recipe.norm_epsilon);
}

/* A sublayer f stands in its residual as norm(x + f(x)), or pre-norm as x + f(norm(x)). */
static hd_tensor *before(const hd_stack *stack, hd_pass *pass, hd_tensor *x, const hd_norm_layer *layer) {
    return stack->network.recipe.pre_norm ? norm(stack, pass, x, layer) : x;
}

static hd_tensor *after(const hd_stack *stack, hd_pass *pass, hd_tensor *x, hd_tensor *f, const hd_norm_layer *layer) {
    hd_tensor *sum = hd_dropout_add(pass, f, x, stack->network.recipe.dropout);
    return stack->network.recipe.pre_norm ? sum : norm(stack, pass, sum, layer);
}

static hd_tensor *self_attention(const hd_stack *stack, hd_pass *pass, hd_tensor *x, const hd_attention_layer *layer,
                                 const hd_attend_options *options, hd_cache *cache) {
    hd_tensor *h = before(stack, pass, x, &layer->norm);
    hd_tensor *q = linear(pass, h, &layer->q), *k = linear(pass, h, &layer->k), *v = linear(pass, h, &layer->v), *y;
    int64_t positions = stack->network.recipe.max_positions, head_width = stack->network.recipe.width / options->heads;
    if (stack->angles) {
        q = hd_rotate(pass, q, stack->angles, positions, head_width);
        k = hd_rotate(pass, k, stack->angles, positions, head_width);
    }
    if (cache) {
        if (!k || !v) return NULL;
        hd_cache_append(cache, options->layer, k, v);
        y = hd_attend_cached(pass, q, hd_cache_own(cache, options->layer, k->layout), options);
    } else {
        int64_t times = options->key_heads ? options->heads / options->key_heads : 1;
        y = hd_attend(pass, q, hd_repeat_heads(pass, k, head_width, times), hd_repeat_heads(pass, v, head_width, times),
                      options);
    }
    return after(stack, pass, x, linear(pass, y, &layer->out), &layer->norm);
}

static hd_tensor *cross_attention(const hd_stack *stack, hd_pass *pass, hd_tensor *x, hd_tensor *memory,
                                  const hd_attention_layer *layer, const hd_attend_options *options, hd_cache *cache) {
    hd_tensor *q = linear(pass, before(stack, pass, x, &layer->norm), &layer->q), *y;
    if (cache)
        y = hd_attend_cached(pass, q, hd_cache_memory(cache, options->layer), options);
    else
        y = hd_attend(pass, q, linear(pass, memory, &layer->k), linear(pass, memory, &layer->v), options);
    return after(stack, pass, x, linear(pass, y, &layer->out), &layer->norm);
}

static hd_tensor *feed_forward(const hd_stack *stack, hd_pass *pass, hd_tensor *x, const hd_ffn_layer *layer) {
    hd_tensor *h = before(stack, pass, x, &layer->norm);
    const hd_linear_layer *active = layer->gate.weight ? &layer->gate : &layer->up;
    hd_tensor *inner =
        hd_linear(pass, h, active->weight, active->bias, (hd_activation)stack->network.recipe.activation);
    h = layer->gate.weight ? hd_hadamard(pass, inner, linear(pass, h, &layer->up)) : inner;
    h = hd_dropout_add(pass, h, NULL, stack->network.recipe.activation_dropout);
    return after(stack, pass, x, linear(pass, h, &layer->down), &layer->norm);
}

/* Everything is of the first type: a text by itself. */
static hd_tensor *add_types(const hd_stack *stack, hd_pass *pass, hd_tensor *x) {
    int32_t *types = x ? hd_pass_alloc(pass, (size_t)x->rows, sizeof *types) : NULL;
    if (!types) return NULL;
    memset(types, 0, (size_t)x->rows * sizeof *types);
    return hd_dropout_add(pass, hd_embed(pass, stack->token_types, types, x->layout, 1.0f, -1), x, 0.0f);
}

static hd_tensor *embed(const hd_stack *stack, hd_pass *pass, hd_parameter *table, hd_parameter *positions,
                        const int32_t *ids, const hd_layout *layout) {
    const hd_recipe *recipe = &stack->network.recipe;
    float scale = recipe->scale_embedding ? sqrtf((float)recipe->width) : 1.0f;
    hd_tensor *x = hd_embed(pass, table, ids, layout, scale, recipe->pad);
    hd_pass_show(pass, "embedding", x);
    if (stack->token_types) x = add_types(stack, pass, x);
    if (positions || stack->sinusoids)
        x = hd_add_positions(pass, x, positions, stack->sinusoids, recipe->max_positions);
    if (recipe->embedding_norm) x = norm(stack, pass, x, &stack->embedding_norm);
    return hd_dropout_add(pass, x, NULL, recipe->dropout);
}

/* Without a tape nothing that a sublayer made is needed again but x: it moves to where the last one's x was, so that the
 * same little memory serves all of them. */
static hd_tensor *settle(hd_pass *pass, hd_arena_mark start, hd_tensor *x) {
    if (!x || pass->recording) return x;
    hd_tensor old = *x;
    hd_arena_rewind(&pass->arena, start);
    hd_tensor *kept = hd_tensor_new(pass, old.rows, old.columns, old.layout);
    if (kept) pass->stream.device->move(&pass->stream, &(hd_move_call){hd_tensor_count(kept), old.data, kept->data});
    return kept;
}

hd_tensor *hd_stack_encode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout) {
    const hd_recipe *recipe = &stack->network.recipe;
    hd_arena_mark start = hd_arena_here(&pass->arena);
    hd_tensor *x = embed(stack, pass, stack->network.source_embedding, stack->encoder_positions, ids, layout);
    for (int64_t i = 0; i < recipe->encoder_layers; i++) {
        const hd_encoder_layer *layer = &stack->encoder[i];
        hd_attend_options options = {
            .heads = recipe->encoder_heads, .dropout = recipe->attention_dropout, .where = "encoder", .layer = (int)i};
        x = settle(pass, start, self_attention(stack, pass, x, &layer->attention, &options, NULL));
        x = settle(pass, start, feed_forward(stack, pass, x, &layer->ffn));
    }
    return recipe->pre_norm ? norm(stack, pass, x, &stack->encoder_final_norm) : x;
}

hd_tensor *hd_stack_decode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                           hd_tensor *memory, hd_cache *cache) {
    const hd_recipe *recipe = &stack->network.recipe;
    hd_arena_mark start = hd_arena_here(&pass->arena);
    hd_tensor *x = embed(stack, pass, stack->network.target_embedding, stack->decoder_positions, ids, layout);
    for (int64_t i = 0; i < recipe->decoder_layers; i++) {
        const hd_decoder_layer *layer = &stack->decoder[i];
        hd_attend_options own = {.heads = recipe->decoder_heads,
                                 .key_heads = recipe->key_heads,
                                 .causal = true,
                                 .dropout = recipe->attention_dropout,
                                 .where = "decoder",
                                 .layer = (int)i};
        hd_attend_options cross = {
            .heads = recipe->decoder_heads, .dropout = recipe->attention_dropout, .where = "cross", .layer = (int)i};
        x = settle(pass, start, self_attention(stack, pass, x, &layer->attention, &own, cache));
        if (recipe->encoder_layers)
            x = settle(pass, start, cross_attention(stack, pass, x, memory, &layer->cross, &cross, cache));
        x = settle(pass, start, feed_forward(stack, pass, x, &layer->ffn));
    }
    return recipe->pre_norm ? norm(stack, pass, x, &stack->decoder_final_norm) : x;
}

heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache) {
    for (int64_t i = 0; i < stack->network.recipe.decoder_layers; i++) {
        const hd_attention_layer *cross = &stack->decoder[i].cross;
        hd_arena_mark start = hd_arena_here(&pass->arena);
        hd_tensor *k = linear(pass, memory, &cross->k), *v = linear(pass, memory, &cross->v);
        if (!k || !v) break;
        hd_cache_remember(cache, i, k, v);
        hd_arena_rewind(&pass->arena, start);
    }
    return pass->status;
}
