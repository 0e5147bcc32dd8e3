/* Builds a recurrent network from its recipe: parameters and their shapes. */
#include "layers/recurrent.h"

/* Larger than any model: a damaged config could request it. */
enum { MOST_LAYERS = 1 << 10, MOST_CONCATENATED = 1 << 12 };

const hd_choice hd_cells[] = {
    {"elman", HD_ELMAN, "Elman"}, {"gru", HD_GRU, "GRU"}, {"lstm", HD_LSTM, "LSTM"}, {NULL, 0, NULL}};

const hd_choice hd_memories[] = {{"last", HD_MEMORY_LAST, "last state"},
                                 {"mean", HD_MEMORY_MEAN, "mean of states"},
                                 {"concatenated", HD_MEMORY_CONCATENATED, "concatenated states"},
                                 {"bahdanau", HD_MEMORY_BAHDANAU, "Bahdanau's attention"},
                                 {"luong-dot", HD_MEMORY_LUONG_DOT, "Luong's attention (dot)"},
                                 {"luong-general", HD_MEMORY_LUONG_GENERAL, "Luong's attention (general)"},
                                 {"luong-concat", HD_MEMORY_LUONG_CONCAT, "Luong's attention (concat)"},
                                 {NULL, 0, NULL}};

/* A linear layer of gates · out rows: one matrix per gate, concatenated along the rows. */
static hd_linear_layer declare_gates(hd_recurrent *r, hd_slot slot, int64_t out, int64_t in, bool bias) {
    slot.blocks = hd_cell_gates((hd_cell)r->network.recipe.cell);
    return hd_network_declare_linear(&r->network, slot, slot.blocks * out, in, bias);
}

static hd_cell_layer declare_cell(hd_recurrent *r, hd_network_side side, int64_t layer, bool backwards, int64_t out,
                                  int64_t in) {
    hd_slot input = {side, backwards ? HD_MODULE_CELL_INPUT_BACKWARDS : HD_MODULE_CELL_INPUT, .layer = layer};
    hd_slot state = {side, backwards ? HD_MODULE_CELL_STATE_BACKWARDS : HD_MODULE_CELL_STATE, .layer = layer};
    hd_cell_layer cell;
    cell.input = declare_gates(r, input, out, in, true);
    cell.state = declare_gates(r, state, out, out, true);
    return cell;
}

static heed_status check(heed_context *context, const hd_recipe *r) {
    if (r->bidirectional && r->width % 2)
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into two directions",
                       (long long)r->width);
    if (r->side[HD_ENCODER].layers > MOST_LAYERS || r->side[HD_DECODER].layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld + %lld layers: heed builds up to %d recurrent ones of a kind",
                       (long long)r->side[HD_ENCODER].layers, (long long)r->side[HD_DECODER].layers, MOST_LAYERS);
    if (hd_recipe_translates(r) && r->memory == HD_MEMORY_CONCATENATED &&
        hd_recipe_max_positions(r) > MOST_CONCATENATED)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld concatenated states: heed supports up to %d",
                       (long long)hd_recipe_max_positions(r), MOST_CONCATENATED);
    return HEED_OK;
}

static void declare_attention(hd_recurrent *r) {
    const hd_recipe *recipe = &r->network.recipe;
    int64_t width = recipe->width;
    bool additive = recipe->memory == HD_MEMORY_BAHDANAU || recipe->memory == HD_MEMORY_LUONG_CONCAT;
    hd_slot context = {HD_DECODER, HD_MODULE_CONTEXT}, query = {HD_DECODER, HD_MODULE_QUERY};
    hd_slot key = {HD_DECODER, HD_MODULE_KEY};
    hd_slot scorer = {HD_DECODER, HD_MODULE_SCORER, .part = HD_WHOLE, .use = HD_USE_MATRIX};
    r->context = declare_gates(r, context, width, width, false);
    if (additive) r->query = hd_network_declare_linear(&r->network, query, width, width, true);
    if (additive || recipe->memory == HD_MEMORY_LUONG_GENERAL)
        r->key = hd_network_declare_linear(&r->network, key, width, width, false);
    if (additive) r->scorer = hd_network_declare(&r->network, scorer, 1, width, 1);
}

static void declare_encoder(hd_recurrent *r) {
    const hd_recipe *recipe = &r->network.recipe;
    int64_t width = recipe->width, out = recipe->bidirectional ? width / 2 : width;
    for (int64_t i = 0; i < recipe->side[HD_ENCODER].layers; i++) {
        r->encoder[i] = declare_cell(r, HD_ENCODER, i, false, out, width);
        if (r->encoder_backwards) r->encoder_backwards[i] = declare_cell(r, HD_ENCODER, i, true, out, width);
    }
}

static void declare_decoder(hd_recurrent *r) {
    const hd_recipe *recipe = &r->network.recipe;
    int64_t width = recipe->width, layers = recipe->side[HD_DECODER].layers;
    for (int64_t i = 0; i < layers; i++) r->decoder[i] = declare_cell(r, HD_DECODER, i, false, width, width);
    if (!hd_recipe_translates(recipe)) return;
    int64_t given = recipe->memory == HD_MEMORY_CONCATENATED ? hd_recipe_max_positions(recipe) * width : width;
    for (int64_t i = 0; i < layers; i++) {
        hd_slot h = {HD_DECODER, HD_MODULE_BRIDGE_H, .layer = i}, c = {HD_DECODER, HD_MODULE_BRIDGE_C, .layer = i};
        r->bridge_h[i] = hd_network_declare_linear(&r->network, h, width, given, true);
        if (r->bridge_c) r->bridge_c[i] = hd_network_declare_linear(&r->network, c, width, given, true);
    }
    bool attends = hd_recipe_attends(recipe);
    if (attends) declare_attention(r);
    hd_slot combine = {HD_DECODER, HD_MODULE_COMBINE};
    r->combine = hd_network_declare_linear(&r->network, combine, width, attends ? 2 * width : width, true);
}

static hd_tensor *encode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout) {
    return hd_recurrent_encode((const hd_recurrent *)network, pass, input, layout);
}

static hd_tensor *decode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         hd_tensor *memory) {
    return hd_recurrent_decode((const hd_recurrent *)network, pass, input, layout, memory);
}

heed_status hd_recurrent_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    static const hd_network_class class = {encode, decode, hd_recurrent_decoder_open};
    *network = NULL;
    HD_TRY(check(context, recipe));
    hd_recurrent *r = (hd_recurrent *)hd_network_new(context, &class, recipe, sizeof *r);
    if (!r) return context->status;
    hd_arena *arena = &r->network.arena;
    size_t encoder = (size_t)recipe->side[HD_ENCODER].layers, decoder = (size_t)recipe->side[HD_DECODER].layers;
    r->encoder = hd_arena_alloc(arena, encoder, sizeof *r->encoder);
    r->decoder = hd_arena_alloc(arena, decoder, sizeof *r->decoder);
    r->bridge_h = hd_arena_alloc(arena, decoder, sizeof *r->bridge_h);
    if (recipe->bidirectional) r->encoder_backwards = hd_arena_alloc(arena, encoder, sizeof *r->encoder_backwards);
    if (recipe->cell == HD_LSTM) r->bridge_c = hd_arena_alloc(arena, decoder, sizeof *r->bridge_c);
    if (!r->encoder || !r->decoder || !r->bridge_h || (recipe->bidirectional && !r->encoder_backwards) ||
        (recipe->cell == HD_LSTM && !r->bridge_c))
        r->network.incomplete = true;
    if (!r->network.incomplete) {
        declare_encoder(r);
        declare_decoder(r);
        hd_network_declare_head(&r->network);
    }
    return hd_network_finish(&r->network, network);
}
