/* Selects the kind of network that a recipe is built into. */
#include "layers/recurrent.h"
#include "layers/stack.h"

heed_status hd_network_open(heed_context *context, const hd_recipe *recipe, hd_network **network) {
    return recipe->architecture == HD_RECURRENT ? hd_recurrent_open(context, recipe, network)
                                                : hd_stack_open(context, recipe, network);
}
