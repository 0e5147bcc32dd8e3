/* Building a stack from its recipe: which parameters there are, and their shapes. */
#include "layers/positions.h"
#include "layers/stack.h"

/* What no model needs, and a damaged config may ask for: building it would take all memory, or hours. */
enum { MOST_LAYERS = 1 << 12, MOST_SINUSOIDS = 1 << 28 };

/* q, k, v, out and norm are five neighbouring roles; so are up, down and norm of a feed-forward layer. */
static hd_attention_layer declare_attention(hd_stack *stack, hd_role first, int64_t layer, int64_t key_width) {
    hd_network *network = &stack->network;
    int64_t width = network->recipe.width;
    hd_attention_layer attention;
    attention.q = hd_network_declare_linear(network, first, layer, width, width);
    attention.k = hd_network_declare_linear(network, first + 1, layer, key_width, width);
    attention.v = hd_network_declare_linear(network, first + 2, layer, key_width, width);
    attention.out = hd_network_declare_linear(network, first + 3, layer, width, width);
    attention.norm = hd_network_declare_norm(network, first + 4, layer);
    return attention;
}

static hd_ffn_layer declare_ffn(hd_stack *stack, hd_role first, hd_role gate, int64_t layer, int64_t inner) {
    hd_network *network = &stack->network;
    int64_t width = network->recipe.width;
    hd_ffn_layer ffn = {0};
    ffn.up = hd_network_declare_linear(network, first, layer, inner, width);
    if (network->recipe.gated) ffn.gate = hd_network_declare_linear(network, gate, layer, inner, width);
    ffn.down = hd_network_declare_linear(network, first + 1, layer, width, inner);
    ffn.norm = hd_network_declare_norm(network, first + 2, layer);
    return ffn;
}

static bool divides(int64_t heads, int64_t width) { return heads > 0 && width % heads == 0; }

static heed_status check(heed_context *context, const hd_recipe *r) {
    if ((r->encoder_layers && !divides(r->encoder_heads, r->width)) ||
        (r->decoder_layers && !divides(r->decoder_heads, r->width)))
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into %lld and %lld heads",
                       (long long)r->width, (long long)r->encoder_heads, (long long)r->decoder_heads);
    if (r->key_heads && !divides(r->key_heads, r->decoder_heads))
        return hd_fail(context, HEED_UNSUPPORTED, "%lld heads of queries cannot share %lld of keys",
                       (long long)r->decoder_heads, (long long)r->key_heads);
    if (r->positions == HD_POSITIONS_ROTARY && (r->encoder_layers || r->width / r->decoder_heads % 2))
        return hd_fail(context, HEED_UNSUPPORTED,
                       "rotary positions are for a decoder alone, with heads of an even width");
    if (r->encoder_layers > MOST_LAYERS || r->decoder_layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld + %lld layers: heed builds up to %d of a kind",
                       (long long)r->encoder_layers, (long long)r->decoder_layers, MOST_LAYERS);
    if (r->positions != HD_POSITIONS_LEARNED && r->max_positions > MOST_SINUSOIDS / r->width)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld fixed positions of width %lld: heed computes up to %d numbers",
                       (long long)r->max_positions, (long long)r->width, MOST_SINUSOIDS);
    return HEED_OK;
}

/* Tables besides the one of tokens, and the norm behind them. */
static void declare_embedding(hd_stack *stack) {
    hd_network *network = &stack->network;
    const hd_recipe *recipe = &network->recipe;
    hd_slot of_encoder = {.role = HD_ENCODER_POSITIONS}, of_decoder = {.role = HD_DECODER_POSITIONS};
    hd_slot of_types = {.role = HD_TOKEN_TYPES};
    bool learned = recipe->positions == HD_POSITIONS_LEARNED;
    if (learned && recipe->encoder_layers)
        stack->encoder_positions = hd_network_declare(network, of_encoder, recipe->max_positions, recipe->width, 2);
    if (learned && recipe->decoder_layers)
        stack->decoder_positions = hd_network_declare(network, of_decoder, recipe->max_positions, recipe->width, 2);
    if (recipe->token_types)
        stack->token_types = hd_network_declare(network, of_types, recipe->token_types, recipe->width, 2);
    if (recipe->embedding_norm) stack->embedding_norm = hd_network_declare_norm(network, HD_EMBEDDING_NORM, 0);
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
    size_t most = 16 + 18 * encoder + 28 * decoder; /* parameters; see the roles */
    HD_TRY(hd_network_new(context, &class, recipe, sizeof *stack, most, &stack));
    hd_arena *arena = &stack->network.arena;
    stack->encoder = hd_arena_alloc(arena, encoder, sizeof *stack->encoder);
    stack->decoder = hd_arena_alloc(arena, decoder, sizeof *stack->decoder);
    bool sinusoidal = recipe->positions == HD_POSITIONS_SINUSOIDAL, rotary = recipe->positions == HD_POSITIONS_ROTARY;
    int64_t width = recipe->width, positions = recipe->max_positions, inner = recipe->encoder_ffn_width;
    int64_t head_width = rotary ? width / recipe->decoder_heads : 0;
    size_t table = (size_t)positions * sizeof(float);
    if (sinusoidal) stack->sinusoids = hd_arena_alloc(arena, (size_t)width, table);
    if (rotary) stack->angles = hd_arena_alloc(arena, (size_t)head_width, table);
    if (!stack->encoder || !stack->decoder || (sinusoidal && !stack->sinusoids) || (rotary && !stack->angles)) {
        hd_network_close(&stack->network);
        return HEED_MEMORY;
    }
    if (sinusoidal) hd_sinusoids(positions, width, 10000, stack->sinusoids);
    if (rotary) hd_sinusoids(positions, head_width, (double)recipe->rotary_base, stack->angles);
    declare_embedding(stack);
    for (int64_t i = 0; i < recipe->encoder_layers; i++) {
        stack->encoder[i].attention = declare_attention(stack, HD_ENCODER_Q, i, width);
        stack->encoder[i].ffn = declare_ffn(stack, HD_ENCODER_FFN_UP, HD_ENCODER_FFN_GATE, i, inner);
    }
    int64_t key_width = recipe->key_heads ? width / recipe->decoder_heads * recipe->key_heads : width;
    for (int64_t i = 0; i < recipe->decoder_layers; i++) {
        stack->decoder[i].attention = declare_attention(stack, HD_DECODER_Q, i, key_width);
        if (recipe->encoder_layers) stack->decoder[i].cross = declare_attention(stack, HD_CROSS_Q, i, width);
        stack->decoder[i].ffn =
            declare_ffn(stack, HD_DECODER_FFN_UP, HD_DECODER_FFN_GATE, i, recipe->decoder_ffn_width);
    }
    if (recipe->pre_norm && recipe->encoder_layers)
        stack->encoder_final_norm = hd_network_declare_norm(&stack->network, HD_ENCODER_FINAL_NORM, 0);
    if (recipe->pre_norm && recipe->decoder_layers)
        stack->decoder_final_norm = hd_network_declare_norm(&stack->network, HD_DECODER_FINAL_NORM, 0);
    hd_network_declare_head(&stack->network);
    *network = &stack->network;
    return HEED_OK;
}
