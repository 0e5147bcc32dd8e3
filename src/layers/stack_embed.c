/* The input of a Transformer's first layer: read from hd_stack_embed upwards. */
#include "layers/stack_embed.h"

#include <string.h>

/* Without types, every token is of the first one. */
static const int32_t *types_of(hd_pass *pass, const hd_input *input, int64_t count, int64_t rows) {
    int32_t *first = input->types ? NULL : hd_pass_alloc(pass, (size_t)count, sizeof *first);
    if (first) memset(first, 0, (size_t)count * sizeof *first);
    for (int64_t i = 0; input->types && i < count; i++)
        if (input->types[i] < 0 || input->types[i] >= rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "a token of type %d, but the model has %lld types",
                                input->types[i], (long long)rows);
    return input->types ? input->types : first;
}

static hd_tensor *add_types(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, const hd_input *input) {
    hd_parameter *table = hd_stack_layer(at)[HD_MODULE_TOKEN_TYPES].whole;
    const int32_t *types = x ? types_of(pass, input, x->rows, table->rows) : NULL;
    if (!types) return NULL;
    return hd_dropout_add(pass, hd_embed(pass, table, types, x->layout, 1.0f, -1), x, 0.0f, 0);
}

/* The position of each token, where padding tokens have the one before the first and are not counted. A decoder counts
 * them, since its tokens come one by one: so does the cache of transformers. */
static int32_t *count_positions(const hd_stack_place *at, hd_pass *pass, const hd_layout *layout, const int32_t *ids) {
    int32_t *rows = hd_pass_alloc(pass, (size_t)hd_layout_rows(layout), sizeof *rows);
    int32_t offset = (int32_t)at->side->position_offset;
    if (!rows || !hd_check_positions(pass, layout, at->side->max_positions)) return NULL;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int32_t next = offset + (int32_t)hd_layout_position(layout, s);
        for (int64_t r = layout->starts[s]; r < layout->starts[s + 1]; r++) {
            bool pads = ids[r] == at->recipe->pad;
            rows[r] = pads ? offset - 1 : next;
            next += !pads || at->which == HD_DECODER;
        }
    }
    return rows;
}

/* Sinusoids [tokens, width] of these positions; zeros for the one before the first. */
static hd_tensor *sinusoids_of(const hd_stack_place *at, hd_pass *pass, const hd_layout *layout, const int32_t *rows) {
    hd_tensor *y = hd_tensor_new(pass, hd_layout_rows(layout), at->recipe->width, layout);
    size_t bytes = y ? (size_t)hd_tensor_count(y) * sizeof *y->data : 0;
    float *host = y ? hd_stream_map(&pass->stream, y->data, bytes, HD_TO_WRITE) : NULL;
    if (!host) return NULL;
    memset(host, 0, bytes);
    for (int64_t r = 0; r < y->rows; r++)
        if (rows[r] >= at->side->position_offset) hd_sinusoids_apart(rows[r], 1, y->columns, host + r * y->columns);
    hd_stream_unmap(&pass->stream, host, y->data, bytes, HD_TO_WRITE);
    return y;
}

static hd_tensor *add_counted_positions(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, const int32_t *ids) {
    int32_t *rows = x ? count_positions(at, pass, x->layout, ids) : NULL;
    hd_parameter *table = hd_stack_layer(at)[HD_MODULE_POSITIONS].whole;
    if (!rows) return NULL;
    hd_tensor *y = table ? hd_embed(pass, table, rows, x->layout, 1.0f, (int32_t)at->side->position_offset - 1)
                         : sinusoids_of(at, pass, x->layout, rows);
    return hd_dropout_add(pass, y, x, 0.0f, 0);
}

static bool has_padding(const hd_stack_place *at, const hd_input *input, const hd_layout *layout) {
    for (int64_t r = 0; at->side->pads_unplaced && input->ids && r < hd_layout_rows(layout); r++)
        if (input->ids[r] == at->recipe->pad) return true;
    return false;
}

static bool adds_positions(const hd_side_recipe *side) {
    return side->positions != HD_POSITIONS_ROTARY && side->positions != HD_POSITIONS_NONE;
}

/* From the width of embeddings to the network's, where they differ and this is the place of the projection. */
static hd_tensor *project(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, hd_projection here) {
    const hd_module_weights *layer = &hd_stack_layer(at)[HD_MODULE_EMBEDDING_PROJECTION];
    hd_projection projection = (hd_projection)at->recipe->embedding_projection;
    if (projection == HD_PROJECTION_ALWAYS) projection = HD_PROJECTION_AFTER_NORM;
    return layer->weight && projection == here ? hd_apply(pass, layer, x, HD_IDENTITY) : x;
}

hd_tensor *hd_stack_embed(const hd_stack_place *at, hd_pass *pass, const hd_input *input, const hd_layout *layout) {
    const hd_module_weights *layer = hd_stack_layer(at);
    hd_parameter *table = at->which == HD_ENCODER ? at->network->source_embedding : at->network->target_embedding;
    float scale = hd_side_embedding_scale(at->side, at->recipe->width);
    hd_tensor *x = hd_embed_input(at->network, pass, table, input, layout, scale);
    hd_pass_show(pass, "embedding", x);
    if (layer[HD_MODULE_TOKEN_TYPES].whole) x = add_types(at, pass, x, input);
    x = project(at, pass, x, HD_PROJECTION_TOKENS);
    if (has_padding(at, input, layout))
        x = add_counted_positions(at, pass, x, input->ids);
    else if (adds_positions(at->side))
        x = hd_add_positions(pass, x, layer[HD_MODULE_POSITIONS].whole, at->fixed.positions, at->side->max_positions,
                             at->fixed.positions ? -at->fixed.first : at->side->position_offset);
    x = project(at, pass, x, HD_PROJECTION_BEFORE_NORM);
    x = hd_apply_norm(pass, &layer[HD_MODULE_EMBEDDING_NORM], x);
    x = hd_dropout_add(pass, x, NULL, at->recipe->dropout, hd_stack_site(at, HD_SITE_EMBEDDING, HD_SITE_OUTPUT));
    return project(at, pass, x, HD_PROJECTION_AFTER_NORM);
}

hd_tensor *hd_stack_project_states(const hd_stack_place *at, hd_pass *pass, hd_tensor *x) {
    const hd_module_weights *layer = &hd_network_layer(at->network, at->which, 0)[HD_MODULE_STATE_PROJECTION];
    return layer->weight ? hd_apply(pass, layer, x, HD_IDENTITY) : x;
}
