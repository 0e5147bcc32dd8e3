/* Marian (Junczys-Dowmunt et al., 2018), the Transformer of 2017: encoder–decoder, post-norm, sinusoidal positions, one
 * embedding shared by source, target and output. model_type: "marian" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"share_encoder_decoder_embeddings", HD_KEY_CONSTANT, 0, "true"},
    {"normalize_before", HD_KEY_CONSTANT, 0, "false"},
    {"add_final_layer_norm", HD_KEY_CONSTANT, 0, "false"},
};

const hd_family hd_marian = {.model_type = "marian",
                             .architectures = {[HD_HEAD_LANGUAGE] = "MarianMTModel"},
                             .base = &hd_bart_common,
                             .keys = keys,
                             .key_count = HD_COUNT(keys)};
