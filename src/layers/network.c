#include "layers/network.h"

#include "layers/recurrent.h"
#include "layers/stack.h"

#include <math.h>
#include <string.h>

heed_status hd_network_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    return recipe->architecture == HD_RECURRENT ? hd_recurrent_open(context, recipe, network)
                                                : hd_stack_open(context, recipe, network);
}

heed_status hd_network_new(heed_context *context, const hd_network_class *class, const hd_recipe *recipe, size_t size,
                           size_t most, void *out) {
    *(hd_network **)out = NULL;
    int32_t least = hd_recipe_translates(recipe) ? 0 : -1; /* a translation begins and ends */
    if (recipe->pad >= recipe->vocabulary || recipe->eos < least || recipe->eos >= recipe->vocabulary ||
        recipe->decoder_start < least || recipe->decoder_start >= recipe->vocabulary)
        return hd_fail(context, HEED_FORMAT, "special ids (pad %d, end %d, start %d) lie outside a vocabulary of %lld",
                       recipe->pad, recipe->eos, recipe->decoder_start, (long long)recipe->vocabulary);
    hd_network *network = hd_alloc_zeroed(context, 1, size);
    if (!network) return HEED_MEMORY;
    network->class = class;
    network->context = context;
    network->recipe = *recipe;
    hd_arena_open(&network->arena, context);
    most += 12; /* for tables and head */
    network->parameters = hd_arena_alloc(&network->arena, most, sizeof *network->parameters);
    network->slots = hd_arena_alloc(&network->arena, most, sizeof *network->slots);
    if (!network->parameters || !network->slots) {
        hd_network_close(network);
        return HEED_MEMORY;
    }
    hd_slot table = {.role = HD_TOKEN_EMBEDDING, .part = HD_WHOLE}, bias = {.role = HD_OUTPUT_BIAS, .part = HD_WHOLE};
    network->source_embedding = hd_network_declare(network, table, recipe->vocabulary, recipe->width, 2);
    network->target_embedding = network->output = network->source_embedding;
    if (recipe->output_bias) network->output_bias = hd_network_declare(network, bias, 1, recipe->vocabulary, 2);
    *(hd_network **)out = network;
    return HEED_OK;
}

void hd_network_close(hd_network *network) {
    if (!network) return;
    hd_arena_close(&network->arena);
    hd_free(network->context, network);
}

hd_parameter *hd_network_declare(hd_network *network, hd_slot slot, int64_t rows, int64_t columns, int dimensions) {
    hd_parameter *parameter = &network->parameters[network->count];
    slot.blocks = hd_max(slot.blocks, 1);
    network->slots[network->count++] = slot;
    *parameter = (hd_parameter){.rows = rows, .columns = columns, .dimensions = dimensions};
    return parameter;
}

/* One statement a parameter: their order is the order of sums over all of them, and must not be the compiler's choice. */
hd_linear_layer hd_network_declare_linear(hd_network *network, hd_role role, int64_t layer, int64_t out, int64_t in) {
    hd_linear_layer linear;
    linear.weight = hd_network_declare(network, (hd_slot){role, HD_WEIGHT, layer, 1}, out, in, 2);
    linear.bias = NULL;
    if (!network->recipe.without_biases)
        linear.bias = hd_network_declare(network, (hd_slot){role, HD_BIAS, layer, 1}, 1, out, 1);
    return linear;
}

hd_norm_layer hd_network_declare_norm(hd_network *network, hd_role role, int64_t layer) {
    int64_t width = network->recipe.width;
    hd_norm_layer norm;
    norm.gain = hd_network_declare(network, (hd_slot){role, HD_WEIGHT, layer, 1}, 1, width, 1);
    norm.bias = NULL;
    if (!network->recipe.rms_norm)
        norm.bias = hd_network_declare(network, (hd_slot){role, HD_BIAS, layer, 1}, 1, width, 1);
    return norm;
}

static bool is_gain(hd_role role, hd_part part) {
    return part == HD_WEIGHT &&
           (role == HD_ENCODER_FINAL_NORM || role == HD_DECODER_FINAL_NORM || role == HD_ENCODER_ATTENTION_NORM ||
            role == HD_ENCODER_FFN_NORM || role == HD_DECODER_ATTENTION_NORM || role == HD_CROSS_NORM ||
            role == HD_DECODER_FFN_NORM || role == HD_EMBEDDING_NORM || role == HD_HEAD_NORM);
}

static float first_value(const hd_network *network, const hd_parameter *p, const hd_slot *slot, hd_random_key key,
                         int64_t row, int64_t column) {
    uint64_t number = (uint64_t)slot->layer << 16 | (uint64_t)slot->role << 8 | (uint64_t)slot->part;
    if (slot->role == HD_CRF_TRANSITIONS || slot->role == HD_CRF_START || slot->role == HD_CRF_END) return 0.0f;
    if (slot->role == HD_OUTPUT_BIAS) return column == network->recipe.pad ? -10000.0f : 0.0f;
    if (slot->part == HD_WHOLE && p->dimensions == 2) {
        if (slot->role == HD_TOKEN_EMBEDDING && row == network->recipe.pad) return 0.0f;
        return hd_random_normal(key, (uint32_t)column, (uint32_t)row, number) / sqrtf((float)p->columns);
    }
    if (p->dimensions == 1 && slot->part != HD_WHOLE) return is_gain(slot->role, slot->part) ? 1.0f : 0.0f;
    float bound = sqrtf(6.0f / (float)(p->rows / slot->blocks + p->columns));
    return bound * (2.0f * hd_random_uniform(key, (uint32_t)column, (uint32_t)row, number) - 1.0f);
}

heed_status hd_network_initialize(hd_network *network, uint64_t seed) {
    hd_random_key key = hd_random_key_make(seed, HD_RANDOM_INITIALIZE, 0);
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = &network->parameters[i];
        p->data = hd_arena_alloc(&network->arena, (size_t)hd_parameter_count(p), sizeof *p->data);
        if (!p->data) return HEED_MEMORY;
        for (int64_t r = 0; r < p->rows; r++)
            for (int64_t c = 0; c < p->columns; c++)
                p->data[r * p->columns + c] = first_value(network, p, &network->slots[i], key, r, c);
    }
    return HEED_OK;
}

void hd_network_train(hd_network *network) {
    network->gradient_count = 0;
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = &network->parameters[i];
        p->trained = network->slots[i].role != HD_OUTPUT_BIAS;
        if (!p->trained) continue;
        p->gradient_at = network->gradient_count;
        network->gradient_count += (hd_parameter_count(p) + 15) / 16 * 16; /* whole cache lines */
    }
}

bool hd_network_multiplies(const hd_network *network, int64_t index) {
    hd_role role = network->slots[index].role;
    bool looked_up = role == HD_OUTPUT_BIAS || role == HD_ENCODER_POSITIONS || role == HD_DECODER_POSITIONS ||
                     role == HD_TOKEN_TYPES || role == HD_CRF_TRANSITIONS ||
                     (role == HD_TOKEN_EMBEDDING && network->output != network->source_embedding);
    return network->parameters[index].dimensions == 2 && !looked_up;
}

heed_status hd_network_pack(hd_network *network) {
    for (int64_t i = 0; i < network->count; i++) {
        if (!hd_network_multiplies(network, i)) continue;
        HD_TRY(hd_parameter_pack(network->context, &network->arena, &network->parameters[i], HD_F32));
    }
    return HEED_OK;
}

hd_tensor *hd_network_logits(const hd_network *network, hd_pass *pass, hd_tensor *states, int64_t first,
                             int64_t count) {
    return hd_score_classes(pass, states, network->output, network->output_bias, first, count);
}
