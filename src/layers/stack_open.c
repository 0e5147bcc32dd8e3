/* Builds a stack from its recipe: parameters and their shapes. */
#include "layers/convolution.h"
#include "layers/positions.h"
#include "layers/relative.h"
#include "layers/rotary.h"
#include "layers/stack.h"

/* Larger than any model. A damaged config could request it, and building it would take all memory, or hours. */
enum { MOST_LAYERS = 1 << 12, MOST_HEADS = 1 << 16, MOST_HEAD_WIDTH = 1 << 16 };

enum { MOST_BUCKETS = 1 << 16 };

enum { MOST_STORED = 1 << 20 }; /* numbers of fixed positions: 4 MiB, which take some 10 ms */

/* ---- unsupported recipes ---- */

static heed_status check_attention(heed_context *context, const hd_side_recipe *side, int64_t width) {
    if (side->heads < 1 || side->heads > MOST_HEADS || (!side->head_width && width % side->heads))
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into %lld heads", (long long)width,
                       (long long)side->heads);
    if (side->head_width > MOST_HEAD_WIDTH)
        return hd_fail(context, HEED_UNSUPPORTED, "heads of %lld columns: heed builds up to %d",
                       (long long)side->head_width, MOST_HEAD_WIDTH);
    if (side->heads % hd_side_key_heads(side))
        return hd_fail(context, HEED_UNSUPPORTED, "%lld heads of queries cannot share %lld of keys",
                       (long long)side->heads, (long long)side->key_heads);
    if (side->window && side->layers > HD_SET_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld layers with a window of attention: heed builds up to %d",
                       (long long)side->layers, HD_SET_LAYERS);
    return HEED_OK;
}

static heed_status check_positions(heed_context *context, const hd_side_recipe *side, int64_t width) {
    if (side->positions == HD_POSITIONS_ROTARY) HD_TRY(hd_rotary_check(context, side, width));
    if (side->position_offset && side->positions != HD_POSITIONS_LEARNED &&
        side->positions != HD_POSITIONS_SINUSOIDAL_APART)
        return hd_fail(context, HEED_UNSUPPORTED, "only learned positions have an offset");
    if (side->pads_unplaced && !side->position_offset)
        return hd_fail(context, HEED_UNSUPPORTED, "no position comes before the first, for padding tokens");
    return hd_relative_positions_check(context, side);
}

static heed_status check_buckets(heed_context *context, const hd_side_recipe *side, bool two_sided) {
    int64_t buckets = side->position_buckets, exact = (two_sided ? buckets / 2 : buckets) / 2;
    if (buckets && (exact < 1 || buckets > MOST_BUCKETS))
        return hd_fail(context, HEED_UNSUPPORTED, "%lld position buckets: heed builds %d to %d", (long long)buckets,
                       two_sided ? 4 : 2, MOST_BUCKETS);
    if (buckets && side->bucket_distance <= exact)
        return hd_fail(context, HEED_UNSUPPORTED, "a distance of %lld is too short for %lld position buckets",
                       (long long)side->bucket_distance, (long long)buckets);
    return HEED_OK;
}

static heed_status check_side(heed_context *context, const hd_recipe *recipe, hd_network_side which) {
    const hd_side_recipe *side = &recipe->side[which];
    int64_t width = recipe->width;
    if (!side->layers) return HEED_OK;
    if (side->layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld layers: heed builds up to %d on a side",
                       (long long)side->layers, MOST_LAYERS);
    HD_TRY(check_attention(context, side, width));
    if (side->first_unnormed && side->norm_placement != HD_NORM_PRE)
        return hd_fail(context, HEED_UNSUPPORTED, "only a pre-norm side can lack the first layer's norm");
    HD_TRY(check_buckets(context, side, which == HD_ENCODER));
    if (side->stored_layers < 0 || side->stored_layers > side->layers)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld layers cannot share the weights of %lld",
                       (long long)side->layers, (long long)side->stored_layers);
    if (side->stored_layers && side->first_unnormed)
        return hd_fail(context, HEED_UNSUPPORTED, "layers that share weights have the same norms");
    if (side->convolution && which == HD_DECODER)
        return hd_fail(context, HEED_UNSUPPORTED, "a convolution of a decoder, which heed lacks");
    HD_TRY(hd_convolution_check(context, side));
    return check_positions(context, side, width);
}

static heed_status check_embedding(heed_context *context, const hd_recipe *recipe) {
    bool of_tokens = recipe->embedding_projection == HD_PROJECTION_TOKENS;
    const hd_side_recipe *side = &recipe->side[of_tokens ? HD_DECODER : HD_ENCODER];
    if (!hd_recipe_projects(recipe)) return HEED_OK;
    if (hd_recipe_translates(recipe) || !side->layers || hd_is_sinusoidal(side))
        return hd_fail(context, HEED_UNSUPPORTED,
                       "embeddings of a width of their own are for %ss alone, without sinusoidal positions",
                       of_tokens ? "decoder" : "encoder");
    return HEED_OK;
}

/* ---- parameters ---- */

/* The side being declared. */
typedef struct building {
    hd_network *network;
    const hd_side_recipe *recipe;
    hd_network_side side;
    int64_t layer;
} building;

static hd_slot slot_of(const building *b, hd_module module) { return (hd_slot){b->side, module, .layer = b->layer}; }

static void declare_linear(const building *b, hd_module module, int64_t out, int64_t in, unsigned bias) {
    hd_network_declare_linear(b->network, slot_of(b, module), out, in, (b->recipe->biases & bias) != 0);
}

static void declare_norm(const building *b, hd_module module, int64_t width) {
    hd_network_declare_norm(b->network, slot_of(b, module), width, (hd_norm_kind)b->recipe->norm,
                            b->recipe->norm_epsilon);
}

static void declare_norms(const building *b, hd_module norm, hd_module after, bool lacks_norm) {
    int placement = b->recipe->norm_placement;
    int64_t width = b->network->recipe.width;
    if (placement != HD_NORM_AFTER && !lacks_norm) declare_norm(b, norm, width);
    if (placement == HD_NORM_BOTH || placement == HD_NORM_AFTER) declare_norm(b, after, width);
}

/* A module of self-attention, or the same one of cross-attention. */
static hd_module of_attention(bool cross, hd_module module) {
    return cross ? module + (HD_MODULE_CROSS_Q - HD_MODULE_Q) : module;
}
_Static_assert(HD_MODULE_CROSS_AFTER_NORM - HD_MODULE_ATTENTION_AFTER_NORM == HD_MODULE_CROSS_Q - HD_MODULE_Q,
               "cross-attention has the modules of self-attention in the same order");

static void declare_relative_projections(const building *b) {
    const hd_side_recipe *side = b->recipe;
    int64_t width = b->network->recipe.width, query_width = side->heads * hd_side_head_width(side, width);
    if (!side->relative_positions || !(side->relative & HD_RELATIVE_PROJECTED)) return;
    if (side->relative & HD_RELATIVE_KEYS) declare_linear(b, HD_MODULE_RELATIVE_K, query_width, width, HD_BIAS_K);
    if (side->relative & HD_RELATIVE_QUERIES) declare_linear(b, HD_MODULE_RELATIVE_Q, query_width, width, HD_BIAS_Q);
}

static void declare_attention(const building *b, bool cross, bool lacks_norm) {
    const hd_side_recipe *side = b->recipe;
    int64_t width = b->network->recipe.width, head_width = hd_side_head_width(side, width);
    int64_t query_width = side->heads * head_width, key_width = hd_side_key_heads(side) * head_width;
    declare_linear(b, of_attention(cross, HD_MODULE_Q), query_width, width, HD_BIAS_Q);
    declare_linear(b, of_attention(cross, HD_MODULE_K), key_width, width, HD_BIAS_K);
    declare_linear(b, of_attention(cross, HD_MODULE_V), key_width, width, HD_BIAS_V);
    declare_linear(b, of_attention(cross, HD_MODULE_OUT), width, query_width, HD_BIAS_OUT);
    if (!cross) declare_relative_projections(b);
    if (side->query_key_norm != HD_QUERY_KEY_PLAIN) {
        bool rows = side->query_key_norm == HD_QUERY_KEY_ROWS;
        declare_norm(b, of_attention(cross, HD_MODULE_Q_NORM), rows ? query_width : head_width);
        declare_norm(b, of_attention(cross, HD_MODULE_K_NORM), rows ? key_width : head_width);
    }
    declare_norms(b, of_attention(cross, HD_MODULE_ATTENTION_NORM), of_attention(cross, HD_MODULE_ATTENTION_AFTER_NORM),
                  lacks_norm);
}

static void declare_ffn(const building *b) {
    int64_t width = b->network->recipe.width, inner = b->recipe->ffn_width;
    hd_slot up = slot_of(b, HD_MODULE_FFN_UP);
    up.gated = b->recipe->gated;
    hd_network_declare_linear(b->network, up, inner, width, (b->recipe->biases & HD_BIAS_FFN_IN) != 0);
    if (b->recipe->gated) declare_linear(b, HD_MODULE_FFN_GATE, inner, width, HD_BIAS_FFN_IN);
    declare_linear(b, HD_MODULE_FFN_DOWN, width, inner, HD_BIAS_FFN_OUT);
    declare_norms(b, HD_MODULE_FFN_NORM, HD_MODULE_FFN_AFTER_NORM, false);
}

static void declare_table(const building *b, hd_module module, int64_t rows, int64_t columns) {
    hd_slot slot = slot_of(b, module);
    slot.part = HD_WHOLE, slot.use = HD_USE_TABLE;
    hd_network_declare(b->network, slot, rows, columns, 2);
}

static void declare_relative_positions(const building *b) {
    int64_t width = b->network->recipe.width, rows = hd_side_relative_rows(b->recipe);
    if (rows) declare_table(b, HD_MODULE_RELATIVE_POSITIONS, rows, width);
    if (b->recipe->relative & HD_RELATIVE_NORM) declare_norm(b, HD_MODULE_RELATIVE_NORM, width);
}

/* Norm and projection of the embeddings. */
static void declare_embedding(const building *b) {
    const hd_recipe *recipe = &b->network->recipe;
    bool projected_first = recipe->embedding_projection == HD_PROJECTION_BEFORE_NORM ||
                           recipe->embedding_projection == HD_PROJECTION_TOKENS;
    int64_t width = hd_recipe_embedding_width(recipe);
    if (b->recipe->embedding_norm) declare_norm(b, HD_MODULE_EMBEDDING_NORM, projected_first ? recipe->width : width);
    if (hd_recipe_projects(recipe))
        hd_network_declare_linear(b->network, slot_of(b, HD_MODULE_EMBEDDING_PROJECTION), recipe->width, width,
                                  !projected_first);
}

static void declare_convolution(const building *b) {
    int64_t width = b->network->recipe.width, kernel = b->recipe->convolution;
    if (!kernel) return;
    hd_network_declare_convolution(b->network, slot_of(b, HD_MODULE_CONVOLUTION), width, width, kernel);
    declare_norm(b, HD_MODULE_CONVOLUTION_NORM, width);
}

static void declare_layers(building *b) {
    bool crosses = b->side == HD_DECODER && b->network->recipe.side[HD_ENCODER].layers;
    int64_t layers = b->recipe->stored_layers ? b->recipe->stored_layers : b->recipe->layers;
    for (b->layer = 0; b->layer < layers; b->layer++) {
        if (b->recipe->position_buckets && (b->layer == 0 || b->recipe->bucket_per_layer))
            declare_table(b, HD_MODULE_POSITION_BIAS, b->recipe->position_buckets, b->recipe->heads);
        declare_attention(b, false, b->layer == 0 && b->recipe->first_unnormed);
        if (crosses) declare_attention(b, true, false);
        declare_ffn(b);
    }
    b->layer = 0;
}

/* Of the last states, back to the width of embeddings. */
static void declare_state_projection(const building *b) {
    const hd_recipe *recipe = &b->network->recipe;
    int64_t width = hd_recipe_state_width(recipe);
    if (width == recipe->width) return;
    hd_network_declare_linear(b->network, slot_of(b, HD_MODULE_STATE_PROJECTION), width, recipe->width, false);
}

/* ---- fixed positions ---- */

/* The angles of texts whose angles do not depend on their length. */
static float *make_angles(hd_network *network, const hd_side_recipe *side, bool local, int64_t length) {
    int64_t width = network->recipe.width, columns = hd_rotary_columns(side, width);
    float *host, *table = hd_network_map(network, length * columns, &host);
    if (table) hd_rotary_angles(side, width, local, length, 0, length, host);
    hd_network_unmap(network, host, table, length * columns);
    return table;
}

static void make_rotation(hd_stack *stack, hd_network_side which) {
    hd_network *network = &stack->network;
    const hd_side_recipe *side = &network->recipe.side[which];
    int64_t stored = MOST_STORED / hd_rotary_columns(side, network->recipe.width);
    int64_t length = hd_min(hd_min(side->max_positions, stored), hd_rotary_turn(side));
    if (length < 1) return;
    stack->side[which] = (hd_stack_side){.length = length};
    stack->side[which].positions = make_angles(network, side, false, length);
    if (side->local_rotary_base > 0) stack->side[which].local = make_angles(network, side, true, length);
}

/* Both sides of a translator usually have the same table. */
static void make_sinusoids(hd_stack *stack, hd_network_side which) {
    hd_network *network = &stack->network;
    const hd_side_recipe *side = &network->recipe.side[which], *encoder = &network->recipe.side[HD_ENCODER];
    int64_t columns = network->recipe.width, length = hd_min(side->max_positions, MOST_STORED / columns);
    if (length < 1) return;
    bool shared = which == HD_DECODER && encoder->positions == side->positions &&
                  encoder->position_offset == side->position_offset && stack->side[HD_ENCODER].length >= length;
    stack->side[which] = (hd_stack_side){.positions = stack->side[HD_ENCODER].positions, .length = length};
    if (shared) return;
    float *host, *table = hd_network_map(network, length * columns, &host);
    if (table) hd_fixed_positions(side, columns, 0, length, host);
    hd_network_unmap(network, host, table, length * columns);
    stack->side[which].positions = table;
}

static void make_fixed_positions(hd_stack *stack, hd_network_side which) {
    const hd_side_recipe *side = &stack->network.recipe.side[which];
    if (hd_is_sinusoidal(side)) make_sinusoids(stack, which);
    if (side->positions == HD_POSITIONS_ROTARY) make_rotation(stack, which);
}

/* ---- the class ---- */

static hd_tensor *encode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         const hd_selection *selection) {
    return hd_stack_run((const hd_stack *)network, HD_ENCODER, pass, input, layout, NULL, NULL, selection);
}

static hd_tensor *decode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         hd_tensor *memory) {
    return hd_stack_run((const hd_stack *)network, HD_DECODER, pass, input, layout, memory, NULL, NULL);
}

/* The order of declarations is that of sums over all parameters: tables of both sides, layers of both, final norms. */
static void declare(hd_stack *stack) {
    hd_network *network = &stack->network;
    building sides[HD_SIDES];
    int64_t embedding = hd_recipe_position_width(&network->recipe);
    for (int i = 0; i < HD_SIDES; i++) sides[i] = (building){network, &network->recipe.side[i], (hd_network_side)i, 0};
    for (int i = 0; i < HD_SIDES; i++) {
        const hd_side_recipe *r = sides[i].recipe;
        if (r->layers && r->positions == HD_POSITIONS_LEARNED)
            declare_table(&sides[i], HD_MODULE_POSITIONS, r->max_positions + r->position_offset, embedding);
    }
    for (int i = 0; i < HD_SIDES; i++) {
        const hd_side_recipe *r = sides[i].recipe;
        if (r->layers && r->token_types) declare_table(&sides[i], HD_MODULE_TOKEN_TYPES, r->token_types, embedding);
        if (r->layers) declare_embedding(&sides[i]);
        if (r->layers) declare_relative_positions(&sides[i]);
        if (r->layers) declare_convolution(&sides[i]);
        if (r->layers) make_fixed_positions(stack, (hd_network_side)i);
    }
    for (int i = 0; i < HD_SIDES; i++) declare_layers(&sides[i]);
    for (int i = 0; i < HD_SIDES; i++)
        if (sides[i].recipe->layers && sides[i].recipe->final_norm)
            declare_norm(&sides[i], HD_MODULE_FINAL_NORM, network->recipe.width);
    declare_state_projection(&sides[HD_DECODER]);
    hd_network_declare_head(network);
}

heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    static const hd_network_class class = {encode, decode, hd_stack_decoder_open};
    *network = NULL;
    for (int i = 0; i < HD_SIDES; i++) HD_TRY(check_side(context, recipe, (hd_network_side)i));
    HD_TRY(check_embedding(context, recipe));
    if (recipe->side[HD_DECODER].relative_positions)
        return hd_fail(context, HEED_UNSUPPORTED, "relative positions of a decoder, which heed lacks");
    hd_stack *stack = (hd_stack *)hd_network_new(context, &class, recipe, sizeof *stack);
    if (!stack) return context->status;
    declare(stack);
    return hd_network_finish(&stack->network, network);
}
