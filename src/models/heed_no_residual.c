/* A Transformer without residual connections, to show what they are for (docs/tour/10-residuals.md): otherwise as Pegasus, which
 * has its norms before the sublayers. transformers lacks it. model_type: "heed-no-residual" */
#include "models/family.h"

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) recipe->side[i].no_residual = true;
}

const hd_family hd_heed_no_residual = {.model_type = "heed-no-residual",
                                       .architectures = {[HD_HEAD_LANGUAGE] = "HeedNoResidualForConditionalGeneration"},
                                       .base = &hd_pegasus,
                                       .complete = complete};
