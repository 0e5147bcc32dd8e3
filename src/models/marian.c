/* Marian (Junczys-Dowmunt et al., 2018), the Transformer of 2017: encoder–decoder, post-norm, sinusoidal positions, and one
 * embedding shared by source, target and output, or one for the source and one for the other two. model_type: "marian" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"normalize_before", HD_KEY_CONSTANT, 0, "false"},
    {"add_final_layer_norm", HD_KEY_CONSTANT, 0, "false"},
};

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    enum { MOST_TOKENS = 1 << 24 };
    bool shared;
    int64_t targets;
    HD_TRY(hd_json_bool(config, "share_encoder_decoder_embeddings", true, &shared));
    HD_TRY(hd_json_int(config, "decoder_vocab_size", recipe->vocabulary, 0, MOST_TOKENS, &targets));
    if (!shared) recipe->target_vocabulary = targets ? targets : recipe->vocabulary;
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    json_int_t targets = (json_int_t)recipe->target_vocabulary;
    int failed = json_object_set_new(config, "share_encoder_decoder_embeddings", json_boolean(!targets));
    return targets ? failed | json_object_set_new(config, "decoder_vocab_size", json_integer(targets)) : failed;
}

const hd_family hd_marian = {.model_type = "marian",
                             .architectures = {[HD_HEAD_LANGUAGE] = "MarianMTModel", [HD_HEAD_NONE] = "MarianModel"},
                             .base = &hd_bart_common,
                             .keys = keys,
                             .key_count = HD_COUNT(keys),
                             .read = read,
                             .write = write};
