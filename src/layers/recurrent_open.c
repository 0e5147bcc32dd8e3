/* Building a recurrent network from its recipe: which parameters there are, and their shapes. */
#include "layers/recurrent.h"

/* What no model needs, and a damaged config may ask for. */
enum { MOST_LAYERS = 1 << 10, MOST_SIDE_BY_SIDE = 1 << 12 };

const char *const hd_cell_titles[HD_LSTM + 1] = {"Elman", "GRU", "LSTM"};
const char *const hd_memory_titles[HD_MEMORY_LUONG_CONCAT + 1] = {"last state",
                                                                  "mean of states",
                                                                  "states side by side",
                                                                  "Bahdanau's attention",
                                                                  "Luong's attention (dot)",
                                                                  "Luong's attention (general)",
                                                                  "Luong's attention (concat)"};

/* A layer of gates · out rows, `gates` matrices one below the other. */
static hd_linear_layer declare_gates(hd_recurrent *r, hd_role role, int64_t layer, int64_t out, int64_t in) {
    int64_t gates = hd_cell_gates((hd_cell)r->network.recipe.cell);
    hd_linear_layer linear;
    linear.weight = hd_network_declare(&r->network, (hd_slot){role, HD_WEIGHT, layer, gates}, gates * out, in, 2);
    linear.bias = hd_network_declare(&r->network, (hd_slot){role, HD_BIAS, layer, gates}, 1, gates * out, 1);
    return linear;
}

/* The gates of the input and of the state are neighbouring roles. */
static hd_cell_layer declare_cell(hd_recurrent *r, hd_role first, int64_t layer, int64_t out, int64_t in) {
    hd_cell_layer cell;
    cell.input = declare_gates(r, first, layer, out, in);
    cell.state = declare_gates(r, first + 1, layer, out, out);
    return cell;
}

static heed_status check(heed_context *context, const hd_recipe *r) {
    if (r->bidirectional && r->width % 2)
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into two directions",
                       (long long)r->width);
    if (r->encoder_layers > MOST_LAYERS || r->decoder_layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld + %lld layers: heed builds up to %d recurrent ones of a kind",
                       (long long)r->encoder_layers, (long long)r->decoder_layers, MOST_LAYERS);
    if (hd_recipe_translates(r) && r->memory == HD_MEMORY_CONCATENATED && r->max_positions > MOST_SIDE_BY_SIDE)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld states side by side: heed lays out up to %d",
                       (long long)r->max_positions, MOST_SIDE_BY_SIDE);
    return HEED_OK;
}

static void declare_attention(hd_recurrent *r) {
    const hd_recipe *recipe = &r->network.recipe;
    int64_t width = recipe->width;
    bool additive = recipe->memory == HD_MEMORY_BAHDANAU || recipe->memory == HD_MEMORY_LUONG_CONCAT;
    hd_slot context = {HD_DECODER_CONTEXT, HD_WEIGHT, 0, hd_cell_gates((hd_cell)recipe->cell)};
    r->context = hd_network_declare(&r->network, context, context.blocks * width, width, 2);
    if (additive) r->query = hd_network_declare_linear(&r->network, HD_QUERY, 0, width, width);
    if (additive || recipe->memory == HD_MEMORY_LUONG_GENERAL)
        r->key.weight = hd_network_declare(&r->network, (hd_slot){HD_KEY, HD_WEIGHT, 0, 1}, width, width, 2);
    if (additive) r->scorer = hd_network_declare(&r->network, (hd_slot){HD_SCORER, HD_WHOLE, 0, 1}, 1, width, 1);
}

static void declare_decoder(hd_recurrent *r) {
    const hd_recipe *recipe = &r->network.recipe;
    int64_t width = recipe->width;
    for (int64_t i = 0; i < recipe->decoder_layers; i++)
        r->decoder[i] = declare_cell(r, HD_DECODER_INPUT, i, width, width);
    if (!hd_recipe_translates(recipe)) return;
    int64_t given = recipe->memory == HD_MEMORY_CONCATENATED ? recipe->max_positions * width : width;
    for (int64_t i = 0; i < recipe->decoder_layers; i++) {
        r->bridge_h[i] = hd_network_declare_linear(&r->network, HD_BRIDGE_H, i, width, given);
        if (r->bridge_c) r->bridge_c[i] = hd_network_declare_linear(&r->network, HD_BRIDGE_C, i, width, given);
    }
    bool attends = hd_recipe_attends(recipe);
    if (attends) declare_attention(r);
    r->combine = hd_network_declare_linear(&r->network, HD_COMBINE, 0, width, attends ? 2 * width : width);
}

static hd_tensor *encode(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout) {
    return hd_recurrent_encode((const hd_recurrent *)network, pass, ids, layout);
}

static hd_tensor *decode(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                         hd_tensor *memory) {
    return hd_recurrent_decode((const hd_recurrent *)network, pass, ids, layout, memory);
}

heed_status hd_recurrent_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    static const hd_network_class class = {encode, decode, hd_recurrent_decoder_open};
    hd_recurrent *r;
    *network = NULL;
    HD_TRY(check(context, recipe));
    size_t encoder = (size_t)recipe->encoder_layers, decoder = (size_t)recipe->decoder_layers;
    HD_TRY(hd_network_new(context, &class, recipe, sizeof *r, 16 + 8 * (encoder + decoder), &r));
    hd_arena *arena = &r->network.arena;
    r->encoder = hd_arena_alloc(arena, encoder, sizeof *r->encoder);
    r->decoder = hd_arena_alloc(arena, decoder, sizeof *r->decoder);
    r->bridge_h = hd_arena_alloc(arena, decoder, sizeof *r->bridge_h);
    if (recipe->bidirectional) r->encoder_backwards = hd_arena_alloc(arena, encoder, sizeof *r->encoder_backwards);
    if (recipe->cell == HD_LSTM) r->bridge_c = hd_arena_alloc(arena, decoder, sizeof *r->bridge_c);
    if (!r->encoder || !r->decoder || !r->bridge_h || (recipe->bidirectional && !r->encoder_backwards) ||
        (recipe->cell == HD_LSTM && !r->bridge_c)) {
        hd_network_close(&r->network);
        return HEED_MEMORY;
    }
    int64_t width = recipe->width, out = recipe->bidirectional ? width / 2 : width;
    for (int64_t i = 0; i < recipe->encoder_layers; i++) {
        r->encoder[i] = declare_cell(r, HD_ENCODER_INPUT, i, out, width);
        if (r->encoder_backwards) r->encoder_backwards[i] = declare_cell(r, HD_ENCODER_INPUT_BACKWARDS, i, out, width);
    }
    declare_decoder(r);
    hd_network_declare_head(&r->network);
    *network = &r->network;
    return HEED_OK;
}
