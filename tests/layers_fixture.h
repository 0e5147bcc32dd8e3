/* Small networks of any recipe, and two texts for them. */
#ifndef TESTS_LAYERS_FIXTURE_H
#define TESTS_LAYERS_FIXTURE_H

#include "fixture.h"

#include "layers/stack.h"

enum { VOCABULARY = 23, WIDTH = 24, TOKENS = 9, SEQUENCES = 2 };

static const int32_t ids[TOKENS] = {3, 1, 20, 7, 7, 2, 11, 5, 9}, starts[SEQUENCES + 1] = {0, 4, TOKENS};
static const hd_layout layout = {SEQUENCES, starts, NULL, NULL};

static const hd_side_recipe usual = {.layers = 2,
                                     .heads = 4,
                                     .ffn_width = 40,
                                     .max_positions = 16,
                                     .activation = HD_GELU,
                                     .norm_epsilon = 1e-5f,
                                     .biases = HD_BIAS_ALL,
                                     .rotary_base = 10000,
                                     .scale_embedding = true};

static inline hd_recipe translator(void) {
    return (hd_recipe){.vocabulary = VOCABULARY, .width = WIDTH, .side = {usual, usual}, .pad = 0, .eos = 1};
}

static inline hd_network *open(heed_context *context, const hd_recipe *recipe) {
    hd_network *network;
    assert_ok(context, hd_network_open(context, recipe, &network));
    for (int64_t i = 0; i < network->count; i++) network->parameters[i]->name = "a parameter";
    assert_ok(context, hd_network_initialize(network, 5));
    for (int64_t i = 0; i < network->count; i++) { /* so that gains and shifts count */
        hd_parameter *p = network->parameters[i];
        for (int64_t j = 0; p->rows == 1 && j < p->columns; j++) p->data[j] += 0.01f * (float)(j % 7 - 3);
    }
    return network;
}

static inline hd_tensor *run(const hd_network *network, hd_pass *pass, const hd_input *source, const hd_input *target) {
    bool encodes = network->recipe.side[HD_ENCODER].layers, decodes = network->recipe.side[HD_DECODER].layers;
    hd_tensor *memory = encodes ? hd_network_encode(network, pass, source, &layout) : NULL;
    hd_tensor *states = decodes ? hd_network_decode(network, pass, target, &layout, memory) : memory;
    if (!states) fail_msg("%s", network->context->message);
    return states;
}

/* Fixed positions from this one on are computed by the passes that need them. */
static inline void store_positions(hd_network *network, int64_t length) {
    hd_stack_side *side = ((hd_stack *)network)->side;
    for (int i = 0; i < HD_SIDES; i++) side[i].length = hd_min(side[i].length, length);
}

#endif
