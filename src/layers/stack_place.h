/* Arguments of the Transformer's forward code in one pass, shared by stack.c, stack_embed.c and stack_positions.c. */
#ifndef HD_LAYERS_STACK_PLACE_H
#define HD_LAYERS_STACK_PLACE_H

#include "layers/network.h"
#include "layers/positions.h"
#include "layers/relative.h"
#include "layers/rotary.h"

/* Fixed positions of a side, in device memory: sinusoids [length, width], or the angles of rotary positions [length, rotary
 * width]. A model of very long texts stores the first ones alone; a pass that needs others computes its own. */
typedef struct hd_stack_side {
    float *positions;
    float *local; /* the angles of layers with a base of their own; NULL: there are none */
    int64_t first, length;
} hd_stack_side;

typedef struct hd_stack_place {
    const hd_network *network;
    const hd_recipe *recipe;
    const hd_side_recipe *side;
    hd_stack_side fixed;    /* the positions of this pass, if they are fixed */
    hd_angles angles[2];    /* of rotary positions in this pass; [1]: in layers with a base of their own */
    hd_distances distances; /* of relative positions in this pass */
    hd_network_side which;
    int64_t layer;
    const hd_selection *selection; /* in the last layer: the rows whose states are read; NULL: all */
    int64_t length;                /* the end of all positions of this pass */
    hd_tensor *bias;               /* of the scores, by distance (position_bias), shared by all layers; NULL: none */
} hd_stack_place;

static inline const hd_module_weights *hd_stack_layer(const hd_stack_place *at) {
    return hd_network_layer(at->network, at->which, hd_side_stored_layer(at->side, at->layer));
}

static inline uint32_t hd_stack_site(const hd_stack_place *at, unsigned module, unsigned within) {
    return hd_dropout_site(at->which, at->layer, module, within);
}

#endif
