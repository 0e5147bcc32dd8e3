/* Building a stack from its recipe: which parameters there are, and their shapes. */
#include "layers/positions.h"
#include "layers/stack.h"

/* What no model needs, and a damaged config may ask for: building it would take all memory, or hours. */
enum { MOST_LAYERS = 1 << 12, MOST_SINUSOIDS = 1 << 28 };

static hd_norm_layer declare_norm(hd_stack *stack, hd_role role, int64_t layer) {
    hd_norm_layer norm;
    hd_network *network = &stack->network;
    norm.gain = hd_network_declare(network, (hd_slot){role, HD_WEIGHT, layer, 1}, 1, network->recipe.width, 1);
    norm.bias = hd_network_declare(network, (hd_slot){role, HD_BIAS, layer, 1}, 1, network->recipe.width, 1);
    return norm;
}

/* q, k, v, out and norm are five neighbouring roles; so are up, down and norm of a feed-forward layer. */
static hd_attention_layer declare_attention(hd_stack *stack, hd_role first, int64_t layer) {
    int64_t width = stack->network.recipe.width;
    hd_attention_layer attention;
    attention.q = hd_network_declare_linear(&stack->network, first, layer, width, width);
    attention.k = hd_network_declare_linear(&stack->network, first + 1, layer, width, width);
    attention.v = hd_network_declare_linear(&stack->network, first + 2, layer, width, width);
    attention.out = hd_network_declare_linear(&stack->network, first + 3, layer, width, width);
    attention.norm = declare_norm(stack, first + 4, layer);
    return attention;
}

static hd_ffn_layer declare_ffn(hd_stack *stack, hd_role first, int64_t layer, int64_t inner) {
    int64_t width = stack->network.recipe.width;
    hd_ffn_layer ffn;
    ffn.up = hd_network_declare_linear(&stack->network, first, layer, inner, width);
    ffn.down = hd_network_declare_linear(&stack->network, first + 1, layer, width, inner);
    ffn.norm = declare_norm(stack, first + 2, layer);
    return ffn;
}

static heed_status check(heed_context *context, const hd_recipe *r) {
    if (r->width % r->encoder_heads || r->width % r->decoder_heads)
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into %lld and %lld heads",
                       (long long)r->width, (long long)r->encoder_heads, (long long)r->decoder_heads);
    if (r->encoder_layers > MOST_LAYERS || r->decoder_layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld + %lld layers: heed builds up to %d of a kind",
                       (long long)r->encoder_layers, (long long)r->decoder_layers, MOST_LAYERS);
    if (r->positions == HD_POSITIONS_SINUSOIDAL && r->max_positions > MOST_SINUSOIDS / r->width)
        return hd_fail(context, HEED_UNSUPPORTED,
                       "%lld sinusoidal positions of width %lld: heed computes up to %d numbers",
                       (long long)r->max_positions, (long long)r->width, MOST_SINUSOIDS);
    return HEED_OK;
}

/* What a network asks of the stack, in the stack's own terms. */
static hd_tensor *encode(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout) {
    return hd_stack_encode((const hd_stack *)network, pass, ids, layout);
}

static hd_tensor *decode(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                         hd_tensor *memory) {
    return hd_stack_decode((const hd_stack *)network, pass, ids, layout, memory, NULL);
}

heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    static const hd_network_class class = {encode, decode, hd_stack_decoder_open};
    hd_stack *stack;
    *network = NULL;
    HD_TRY(check(context, recipe));
    size_t encoder = (size_t)recipe->encoder_layers, decoder = (size_t)recipe->decoder_layers;
    size_t most = 16 + 16 * encoder + 26 * decoder; /* parameters; see the roles */
    HD_TRY(hd_network_new(context, &class, recipe, sizeof *stack, most, &stack));
    hd_arena *arena = &stack->network.arena;
    stack->encoder = hd_arena_alloc(arena, encoder, sizeof *stack->encoder);
    stack->decoder = hd_arena_alloc(arena, decoder, sizeof *stack->decoder);
    bool sinusoidal = recipe->positions == HD_POSITIONS_SINUSOIDAL;
    if (sinusoidal)
        stack->sinusoids = hd_arena_alloc(arena, (size_t)recipe->max_positions, (size_t)recipe->width * sizeof(float));
    if (!stack->encoder || !stack->decoder || (sinusoidal && !stack->sinusoids)) {
        hd_network_close(&stack->network);
        return HEED_MEMORY;
    }
    int64_t width = recipe->width, positions = recipe->max_positions;
    if (sinusoidal) {
        hd_sinusoids(positions, width, stack->sinusoids);
    } else {
        hd_slot of_encoder = {.role = HD_ENCODER_POSITIONS}, of_decoder = {.role = HD_DECODER_POSITIONS};
        stack->encoder_positions = hd_network_declare(&stack->network, of_encoder, positions, width, 2);
        stack->decoder_positions = hd_network_declare(&stack->network, of_decoder, positions, width, 2);
    }
    for (int64_t i = 0; i < recipe->encoder_layers; i++) {
        stack->encoder[i].attention = declare_attention(stack, HD_ENCODER_Q, i);
        stack->encoder[i].ffn = declare_ffn(stack, HD_ENCODER_FFN_UP, i, recipe->encoder_ffn_width);
    }
    for (int64_t i = 0; i < recipe->decoder_layers; i++) {
        stack->decoder[i].attention = declare_attention(stack, HD_DECODER_Q, i);
        stack->decoder[i].cross = declare_attention(stack, HD_CROSS_Q, i);
        stack->decoder[i].ffn = declare_ffn(stack, HD_DECODER_FFN_UP, i, recipe->decoder_ffn_width);
    }
    if (recipe->pre_norm) {
        stack->encoder_final_norm = declare_norm(stack, HD_ENCODER_FINAL_NORM, 0);
        stack->decoder_final_norm = declare_norm(stack, HD_DECODER_FINAL_NORM, 0);
    }
    *network = &stack->network;
    return HEED_OK;
}
