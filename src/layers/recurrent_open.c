/* Builds a recurrent network from its recipe: parameters and their shapes. */
#include "layers/recurrent.h"

/* Larger than any model: a damaged config could request it. */
enum { MOST_LAYERS = 1 << 10, MOST_CONCATENATED = 1 << 12 };

/* A linear layer of gates · out rows: one matrix per gate, concatenated along the rows. */
static void declare_gates(hd_network *r, hd_slot slot, int64_t out, int64_t in, bool bias) {
    slot.blocks = hd_cell_gates((hd_cell)r->recipe.cell);
    hd_network_declare_linear(r, slot, slot.blocks * out, in, bias);
}

static void declare_cell(hd_network *r, hd_network_side side, int64_t layer, bool backwards, int64_t out, int64_t in) {
    hd_slot input = {side, backwards ? HD_MODULE_CELL_INPUT_BACKWARDS : HD_MODULE_CELL_INPUT, .layer = layer};
    hd_slot state = {side, backwards ? HD_MODULE_CELL_STATE_BACKWARDS : HD_MODULE_CELL_STATE, .layer = layer};
    declare_gates(r, input, out, in, true);
    declare_gates(r, state, out, out, true);
}

/* A memory that can be a state: one vector, and no cell state. */
static bool is_state(const hd_recipe *r) {
    return (r->memory == HD_MEMORY_LAST || r->memory == HD_MEMORY_MEAN) && r->cell != HD_LSTM;
}

static heed_status check(heed_context *context, const hd_recipe *r) {
    if (r->direct_states && hd_recipe_translates(r) && !is_state(r))
        return hd_fail(context, HEED_UNSUPPORTED, "\"direct_states\" of an %s with the memory \"%s\"",
                       hd_choice_title(hd_cells, r->cell), hd_choice_title(hd_memories, r->memory));
    if (r->self_attends && hd_recipe_translates(r))
        return hd_fail(context, HEED_UNSUPPORTED, "\"self_attention\" of an encoder-decoder");
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
    if (hd_recipe_copies(r) && !hd_recipe_attends(r))
        return hd_fail(context, HEED_UNSUPPORTED,
                       "\"copy\" of a network with the memory \"%s\": copying needs attention",
                       hd_choice_title(hd_memories, r->memory));
    return HEED_OK;
}

static void declare_attention(hd_network *r) {
    const hd_recipe *recipe = &r->recipe;
    int64_t width = recipe->width;
    bool additive = recipe->memory == HD_MEMORY_BAHDANAU || recipe->memory == HD_MEMORY_LUONG_CONCAT;
    hd_slot context = {HD_DECODER, HD_MODULE_CONTEXT}, query = {HD_DECODER, HD_MODULE_QUERY};
    hd_slot key = {HD_DECODER, HD_MODULE_KEY};
    hd_slot scorer = {HD_DECODER, HD_MODULE_SCORER, .part = HD_WHOLE, .use = HD_USE_MATRIX};
    declare_gates(r, context, width, width, false);
    if (additive) hd_network_declare_linear(r, query, width, width, true);
    if (additive || recipe->memory == HD_MEMORY_LUONG_GENERAL) hd_network_declare_linear(r, key, width, width, false);
    if (additive) hd_network_declare(r, scorer, 1, width, 1);
}

/* Attention of a decoder alone to its own states: score h · W k (Luong, Pham and Manning, 2015). */
static void declare_self_attention(hd_network *r) {
    int64_t width = r->recipe.width;
    hd_network_declare_linear(r, (hd_slot){HD_DECODER, HD_MODULE_KEY}, width, width, false);
    hd_network_declare_linear(r, (hd_slot){HD_DECODER, HD_MODULE_COMBINE}, width, 2 * width, true);
}

static void declare_encoder(hd_network *r) {
    const hd_recipe *recipe = &r->recipe;
    int64_t width = recipe->width, out = recipe->bidirectional ? width / 2 : width;
    for (int64_t i = 0; i < recipe->side[HD_ENCODER].layers; i++) {
        declare_cell(r, HD_ENCODER, i, false, out, width);
        if (recipe->bidirectional) declare_cell(r, HD_ENCODER, i, true, out, width);
    }
}

static void declare_decoder(hd_network *r) {
    const hd_recipe *recipe = &r->recipe;
    int64_t width = recipe->width, layers = recipe->side[HD_DECODER].layers;
    for (int64_t i = 0; i < layers; i++) declare_cell(r, HD_DECODER, i, false, width, width);
    if (recipe->self_attends && layers) declare_self_attention(r);
    if (!hd_recipe_translates(recipe) || recipe->direct_states) return;
    int64_t given = recipe->memory == HD_MEMORY_CONCATENATED ? hd_recipe_max_positions(recipe) * width : width;
    for (int64_t i = 0; i < layers; i++) {
        hd_slot h = {HD_DECODER, HD_MODULE_BRIDGE_H, .layer = i}, c = {HD_DECODER, HD_MODULE_BRIDGE_C, .layer = i};
        hd_network_declare_linear(r, h, width, given, true);
        if (recipe->cell == HD_LSTM) hd_network_declare_linear(r, c, width, given, true);
    }
    bool attends = hd_recipe_attends(recipe);
    if (attends) declare_attention(r);
    hd_slot combine = {HD_DECODER, HD_MODULE_COMBINE}, copy = {HD_DECODER, HD_MODULE_COPY};
    hd_network_declare_linear(r, combine, width, attends ? 2 * width : width, true);
    if (hd_recipe_copies(recipe)) hd_network_declare_linear(r, copy, width, width, true);
}

static hd_tensor *encode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         const hd_selection *selection) {
    return hd_select(pass, hd_recurrent_encode(network, pass, input, layout), selection);
}

static hd_tensor *decode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         hd_tensor *memory) {
    return hd_recurrent_decode(network, pass, input, layout, memory);
}

heed_status hd_recurrent_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    static const hd_network_class class = {encode, decode, hd_recurrent_decoder_open};
    *network = NULL;
    HD_TRY(check(context, recipe));
    hd_network *r = hd_network_new(context, &class, recipe, sizeof *r);
    if (!r) return context->status;
    declare_encoder(r);
    declare_decoder(r);
    hd_network_declare_head(r);
    return hd_network_finish(r, network);
}
