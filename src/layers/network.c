#include "layers/network.h"

#include "autograd/copying.h"

#include <math.h>
#include <string.h>

/* Memory for the layers of each side. */
static bool make_layers(hd_network *network) {
    for (int side = 0; side <= HD_SIDES; side++) {
        int64_t layers = side == HD_SHARED ? 1 : hd_max(network->recipe.side[side].layers, 1);
        size_t bytes = HD_MODULES * sizeof *network->layers[side];
        network->layers[side] = hd_arena_alloc(&network->arena, (size_t)layers, bytes);
        if (!network->layers[side]) return false;
        memset(network->layers[side], 0, (size_t)layers * bytes);
    }
    return true;
}

/* One table, or with a target vocabulary one of each side. */
static void declare_embeddings(hd_network *network) {
    const hd_recipe *recipe = &network->recipe;
    hd_slot table = {HD_SHARED, HD_MODULE_EMBEDDING, .part = HD_WHOLE, .use = HD_USE_TABLE};
    if (recipe->target_vocabulary) table.side = HD_ENCODER;
    network->source_embedding =
        hd_network_declare(network, table, recipe->vocabulary, hd_recipe_embedding_width(recipe), 2);
    network->target_embedding = network->source_embedding;
    if (!recipe->target_vocabulary) return;
    table.side = HD_DECODER;
    network->target_embedding = hd_network_declare(network, table, recipe->target_vocabulary, recipe->width, 2);
}

hd_network *hd_network_new(heed_context *context, const hd_network_class *class, const hd_recipe *recipe, size_t size) {
    /* ids past the vocabulary never occur; but a translation begins and ends */
    int64_t targets = hd_recipe_target_vocabulary(recipe);
    if (hd_recipe_translates(recipe) &&
        (recipe->eos < 0 || recipe->eos >= targets || recipe->decoder_start < 0 || recipe->decoder_start >= targets)) {
        hd_fail(context, HEED_FORMAT, "special ids (end %d, start %d) lie outside a vocabulary of %lld", recipe->eos,
                recipe->decoder_start, (long long)targets);
        return NULL;
    }
    hd_network *network = hd_alloc_zeroed(context, 1, size);
    if (!network) return NULL;
    network->class = class;
    network->context = context;
    network->recipe = *recipe;
    hd_arena_open(&network->arena, context);
    if (hd_stream_open(&network->stream, context, &network->status) != HEED_OK) {
        network->stream.device = NULL;
        hd_network_close(network);
        return NULL;
    }
    hd_stream_arena_open(&network->stream, &network->numbers);
    if (!make_layers(network)) {
        hd_network_close(network);
        return NULL;
    }
    hd_slot bias = {HD_SHARED, HD_MODULE_OUTPUT_BIAS, .part = HD_WHOLE, .use = HD_USE_FIXED};
    declare_embeddings(network);
    network->output = network->target_embedding;
    if (recipe->output_bias) network->output_bias = hd_network_declare(network, bias, 1, targets, 2);
    return network;
}

heed_status hd_network_finish(hd_network *built, hd_network **network) {
    *network = built->incomplete ? NULL : built;
    if (!*network) {
        hd_network_close(built);
        return HEED_MEMORY;
    }
    if (built->output) built->output->multiplied = true; /* which may be the table of the embedding */
    return HEED_OK;
}

void hd_network_close(hd_network *network) {
    if (!network) return;
    hd_arena_close(&network->numbers);
    hd_stream_close(&network->stream);
    hd_arena_close(&network->arena);
    hd_free(network->context, network->parameters);
    hd_free(network->context, network->slots);
    hd_free(network->context, network);
}

/* ---- declarations ---- */

hd_parameter *hd_network_declare(hd_network *network, hd_slot slot, int64_t rows, int64_t columns, int dimensions) {
    size_t needed = (size_t)network->count + 1;
    hd_parameter *parameter = hd_arena_alloc(&network->arena, 1, sizeof *parameter);
    if (!parameter ||
        !hd_grow(network->context, &network->parameters, &network->parameter_capacity, needed,
                 sizeof *network->parameters) ||
        !hd_grow(network->context, &network->slots, &network->slot_capacity, needed, sizeof *network->slots)) {
        network->incomplete = true;
        return NULL;
    }
    slot.blocks = hd_max(slot.blocks, 1);
    *parameter = (hd_parameter){.rows = rows,
                                .columns = columns,
                                .dimensions = dimensions,
                                .multiplied = slot.use == HD_USE_MATRIX && dimensions == 2,
                                .looked_up = slot.use == HD_USE_TABLE};
    hd_module_weights *layer = &hd_network_layer(network, slot.side, slot.layer)[slot.module];
    *(slot.part == HD_WHOLE ? &layer->whole : slot.part == HD_WEIGHT ? &layer->weight : &layer->bias) = parameter;
    network->parameters[network->count] = parameter;
    network->slots[network->count++] = slot;
    return parameter;
}

static hd_slot part_of(hd_slot slot, hd_part part, hd_use use) {
    slot.part = part, slot.use = use;
    return slot;
}

void hd_network_declare_linear(hd_network *network, hd_slot slot, int64_t out, int64_t in, bool bias) {
    hd_network_declare(network, part_of(slot, HD_WEIGHT, HD_USE_MATRIX), out, in, 2);
    if (bias) hd_network_declare(network, part_of(slot, HD_BIAS, HD_USE_SHIFT), 1, out, 1);
}

void hd_network_declare_convolution(hd_network *network, hd_slot slot, int64_t out, int64_t in, int64_t kernel) {
    hd_network_declare_linear(network, slot, out, in * kernel, true);
    hd_parameter *weight = hd_network_layer(network, slot.side, slot.layer)[slot.module].weight;
    if (weight) weight->kernel = kernel;
}

float *hd_network_map(hd_network *network, int64_t count, float **host) {
    float *numbers = hd_arena_alloc(&network->numbers, (size_t)count, sizeof *numbers);
    *host = numbers ? hd_stream_map(&network->stream, numbers, (size_t)count * sizeof *numbers, HD_TO_WRITE) : NULL;
    if (*host) return numbers;
    network->incomplete = true;
    return NULL;
}

void hd_network_unmap(hd_network *network, float *host, float *numbers, int64_t count) {
    hd_stream_unmap(&network->stream, host, numbers, (size_t)count * sizeof *numbers, HD_TO_WRITE);
    if (network->status != HEED_OK) network->incomplete = true;
}

/* A vector that is not a parameter of the model; all elements are `value`. */
static hd_parameter *constant(hd_network *network, int64_t width, float value) {
    hd_parameter *parameter = hd_arena_alloc(&network->arena, 1, sizeof *parameter);
    float *host, *data = hd_network_map(network, width, &host);
    if (!parameter || !data) {
        network->incomplete = true;
        hd_network_unmap(network, host, data, width);
        return NULL;
    }
    for (int64_t i = 0; i < width; i++) host[i] = value;
    hd_network_unmap(network, host, data, width);
    *parameter = (hd_parameter){.name = "a constant", .rows = 1, .columns = width, .dimensions = 1, .data = data};
    return parameter;
}

void hd_network_declare_norm(hd_network *network, hd_slot slot, int64_t width, hd_norm_kind kind, float epsilon) {
    hd_module_weights *norm = &hd_network_layer(network, slot.side, slot.layer)[slot.module];
    hd_use gain = kind == HD_NORM_RMS_PLUS_ONE ? HD_USE_SHIFT : HD_USE_GAIN;
    norm->epsilon = epsilon;
    hd_network_declare(network, part_of(slot, HD_WEIGHT, gain), 1, width, 1);
    if (kind == HD_NORM_LAYER) hd_network_declare(network, part_of(slot, HD_BIAS, HD_USE_SHIFT), 1, width, 1);
    if (kind == HD_NORM_LAYER_UNSHIFTED) norm->bias = constant(network, width, 0.0f);
    if (kind == HD_NORM_RMS_PLUS_ONE) norm->one = constant(network, width, 1.0f);
}

/* ---- initialization ---- */

/* The random stream of a slot; UINT64_MAX if it has none. */
static uint64_t stream_of(const hd_slot *slot) {
#define HD_NUMBERS(name, encoder, decoder) {encoder, decoder},
    static const int16_t numbers[HD_MODULES][2] = {HD_EACH_MODULE(HD_NUMBERS, -1)};
#undef HD_NUMBERS
    int16_t number = numbers[slot->module][slot->side == HD_DECODER];
    if (number < 0) return UINT64_MAX;
    return (uint64_t)slot->layer << 16 | (uint64_t)number << 8 | (uint64_t)slot->part;
}

static float first_value(const hd_network *network, const hd_parameter *p, const hd_slot *slot, hd_random_key key,
                         uint64_t stream, int64_t row, int64_t column) {
    switch (slot->use) {
        case HD_USE_GAIN:
            return 1.0f;
        case HD_USE_SHIFT:
            return 0.0f;
        case HD_USE_FIXED:
            return column == network->recipe.pad ? -10000.0f : 0.0f;
        case HD_USE_TABLE:
            if (slot->module == HD_MODULE_EMBEDDING && row == network->recipe.pad && !network->recipe.pad_trained)
                return 0.0f;
            return hd_random_normal(key, (uint32_t)column, (uint32_t)row, stream) / sqrtf((float)p->columns);
        case HD_USE_MATRIX:
            break;
    }
    float bound = sqrtf(6.0f / (float)(p->rows / slot->blocks + p->columns));
    return bound * (2.0f * hd_random_uniform(key, (uint32_t)column, (uint32_t)row, stream) - 1.0f);
}

heed_status hd_network_initialize(hd_network *network, uint64_t seed) {
    hd_random_key key = hd_random_key_make(seed, HD_RANDOM_INITIALIZE, 0);
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = network->parameters[i];
        hd_use use = network->slots[i].use;
        uint64_t stream = stream_of(&network->slots[i]);
        if (stream == UINT64_MAX && (use == HD_USE_MATRIX || use == HD_USE_TABLE))
            return hd_fail(network->context, HEED_UNSUPPORTED, "\"%s\" has no random stream to begin from", p->name);
        float *host;
        p->data = hd_network_map(network, hd_parameter_count(p), &host);
        if (!p->data) return HEED_MEMORY;
        for (int64_t r = 0; r < p->rows; r++)
            for (int64_t c = 0; c < p->columns; c++)
                host[r * p->columns + c] = first_value(network, p, &network->slots[i], key, stream, r, c);
        hd_network_unmap(network, host, p->data, hd_parameter_count(p));
    }
    return network->status;
}

void hd_network_prepare_training(hd_network *network) {
    network->gradient_count = 0;
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = network->parameters[i];
        p->trained = network->slots[i].use != HD_USE_FIXED;
        if (!p->trained) continue;
        p->gradient_at = network->gradient_count;
        network->gradient_count += (hd_parameter_count(p) + 15) / 16 * 16; /* whole cache lines */
    }
}

/* Whether a parameter's packed form is missing, or older than its data. */
static bool must_be_packed(const hd_parameter *p) {
    bool read = p->multiplied || (p->looked_up && !p->data);
    return read && (!p->packed || p->packed_stale);
}

heed_status hd_network_pack_mapped(hd_network *network, void (*release)(const void *bytes, size_t size)) {
    heed_context *context = network->context;
    hd_pack_call call = {.release = release};
    for (int64_t i = 0; i < network->count; i++) call.count += must_be_packed(network->parameters[i]);
    if (!call.count) return HEED_OK;
    hd_parameter **parameters = hd_alloc(context, (size_t)call.count, sizeof *parameters);
    if (!parameters) return HEED_MEMORY;
    for (int64_t i = 0, at = 0; i < network->count; i++)
        if (must_be_packed(network->parameters[i])) parameters[at++] = network->parameters[i];
    call.parameters = parameters;
    heed_status status = context->device->pack(context, &network->arena, &call);
    hd_free(context, parameters);
    return status;
}

heed_status hd_network_pack(hd_network *network) { return hd_network_pack_mapped(network, NULL); }

heed_status hd_network_rows(heed_context *context, const hd_parameter *table, const int32_t *ids, int64_t count,
                            float *rows) {
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    hd_stream *stream = &pass.stream;
    float *numbers = hd_pass_numbers(&pass, count, table->columns);
    if (numbers) {
        stream->device->embed(stream, &(hd_embed_call){table, count, ids, 1.0f, numbers});
        stream->device->download(stream, (size_t)(count * table->columns) * sizeof *rows, numbers, rows);
    }
    heed_status status = pass.status;
    hd_pass_close(&pass);
    return status;
}

/* ---- layers ---- */

hd_tensor *hd_apply(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x, hd_activation activation) {
    return hd_linear(pass, x, layer->weight, layer->bias, activation);
}

/* a + b. Sums are taken over sequences; rows without a layout, as heads are, count as one. */
static hd_tensor *add(hd_pass *pass, hd_tensor *a, hd_tensor *b) {
    if (!a || !b || a->layout) return hd_dropout_add(pass, a, b, 0.0f, 0);
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, 2, sizeof *starts);
    if (!layout || !starts) return NULL;
    starts[0] = 0, starts[1] = (int32_t)a->rows;
    *layout = (hd_layout){1, starts, NULL, NULL};
    a->layout = layout;
    return hd_dropout_add(pass, a, b, 0.0f, 0);
}

hd_tensor *hd_apply_norm(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x) {
    if (!layer->weight) return x;
    hd_tensor *y = hd_norm(pass, x, layer->weight, layer->bias, layer->epsilon);
    return layer->one ? add(pass, y, hd_norm(pass, x, layer->one, NULL, layer->epsilon)) : y;
}

hd_tensor *hd_select(hd_pass *pass, hd_tensor *x, const hd_selection *selection) {
    if (!selection) return x;
    return hd_gather(pass, x, selection->rows, hd_layout_rows(&selection->layout), 1, &selection->layout);
}

hd_tensor *hd_embed_input(const hd_network *network, hd_pass *pass, hd_parameter *table, const hd_input *input,
                          const hd_layout *layout, float scale) {
    int32_t untrained = network->recipe.pad_trained ? -1 : network->recipe.pad;
    if (input->ids) return hd_embed(pass, table, input->ids, layout, scale, untrained);
    if (!input->rows) return NULL;
    int64_t width = hd_recipe_embedding_width(&network->recipe);
    if (input->rows->columns != width || input->rows->rows != hd_layout_rows(layout))
        return hd_pass_fail(pass, HEED_ARGUMENT, "an input of [%lld, %lld] is not %lld rows of the model's width %lld",
                            (long long)input->rows->rows, (long long)input->rows->columns,
                            (long long)hd_layout_rows(layout), (long long)width);
    hd_tensor *x = hd_reshape(pass, input->rows, input->rows->columns);
    if (x) x->layout = layout;
    return x;
}

/* transformers finds the last token by the number of those that are not padding. */
int32_t hd_recipe_token_before(const hd_recipe *recipe, const int32_t *ids, int64_t count) {
    if (!recipe->starts_with_last || !count) return recipe->decoder_start;
    int64_t last = -1;
    for (int64_t i = 0; i < count; i++) last += ids[i] != recipe->pad;
    return ids[last < 0 ? count - 1 : last];
}

/* Each text after the token from which its decoder starts, without its last token. */
static const int32_t *shift_right(const hd_network *network, hd_pass *pass, const int32_t *ids,
                                  const hd_layout *layout) {
    int32_t *shifted = hd_pass_alloc(pass, (size_t)hd_layout_rows(layout), sizeof *shifted);
    for (int64_t s = 0; shifted && s < layout->sequences; s++) {
        int32_t start = layout->starts[s], end = layout->starts[s + 1];
        for (int32_t r = start; r < end; r++)
            shifted[r] = r == start ? hd_recipe_token_before(&network->recipe, ids + start, end - start) : ids[r - 1];
    }
    return shifted;
}

hd_tensor *hd_network_read(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                           const hd_selection *selection) {
    const hd_recipe *recipe = &network->recipe;
    if (!recipe->side[HD_DECODER].layers) return hd_network_encode_rows(network, pass, input, layout, selection);
    if (!recipe->side[HD_ENCODER].layers)
        return hd_select(pass, hd_network_decode(network, pass, input, layout, NULL), selection);
    if (!input->ids) return hd_pass_fail(pass, HEED_ARGUMENT, "an encoder–decoder reads a text of token ids");
    hd_tensor *memory = hd_network_encode(network, pass, input, layout);
    hd_input shifted = {.ids = shift_right(network, pass, input->ids, layout)};
    if (!memory || !shifted.ids) return NULL;
    return hd_select(pass, hd_network_decode(network, pass, &shifted, layout, memory), selection);
}

hd_tensor *hd_scale_states(const hd_network *network, hd_pass *pass, hd_tensor *states) {
    float scale = hd_recipe_logit_scale(&network->recipe);
    return scale < 1 || scale > 1 ? hd_scale(pass, states, scale) : states;
}

hd_tensor *hd_network_logits(const hd_network *network, hd_pass *pass, hd_tensor *states, int64_t first,
                             int64_t count) {
    const hd_recipe *recipe = &network->recipe;
    hd_tensor *logits = hd_score_classes(pass, hd_scale_states(network, pass, states), network->output,
                                         network->output_bias, hd_recipe_soft_cap(recipe), first, count);
    if (!logits || !hd_recipe_copies(recipe)) return logits;
    if (!states->copies) return hd_pass_fail(pass, HEED_UNSUPPORTED, "these states do not say what they may copy");
    hd_add_copies(pass, &(hd_copied_logits){.copies = states->copies,
                                            .row_count = states->rows,
                                            .first_token = first,
                                            .columns = count,
                                            .logits = logits->data});
    return logits;
}
