/* M2M-100 (Fan et al., 2021) and NLLB (Costa-jussà et al., 2022): as Pegasus, with the sinusoids of tensor2tensor, counted from
 * the padding token's id + 1, and without a bias of the output. model_type: "m2m_100" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"activation_function", HD_KEY_CHOICE, BOTH(activation), "relu", hd_activations},
    {"scale_embedding", HD_KEY_BOOL, BOTH(scale_embedding), "true"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "2"},
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), "2"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_FINAL_NORM, "model.{side}.layer_norm"},
};

static void complete(hd_recipe *recipe) {
    recipe->output_bias = false;
    for (int i = 0; i < HD_SIDES; i++) {
        recipe->side[i].positions = HD_POSITIONS_SINUSOIDAL_APART;
        recipe->side[i].norm_placement = HD_NORM_PRE;
        recipe->side[i].final_norm = true;
    }
}

/* Rows of transformers' table of positions besides those that the config counts. The table must have a row for the padding token,
 * after which positions begin. */
enum { MORE_ROWS = 2 };

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    if (recipe->pad < 0)
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"pad_token_id\" is null, but positions begin after the padding token", config->path);
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        side->position_offset = recipe->pad + 1;
        side->pads_unplaced = true;
        side->max_positions += MORE_ROWS - side->position_offset;
    }
    return hd_family_check_positions(config, recipe);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    return json_object_set_new(config, "max_position_embeddings",
                               json_integer(side->max_positions + side->position_offset - MORE_ROWS));
}

const hd_family hd_m2m_100 = {
    .model_type = "m2m_100",
    .architectures = {[HD_HEAD_LANGUAGE] = "M2M100ForConditionalGeneration", [HD_HEAD_NONE] = "M2M100Model"},
    .base = &hd_bart_common,
    .keys = keys,
    .key_count = HD_COUNT(keys),
    .weights = weights,
    .weight_count = HD_COUNT(weights),
    .complete = complete,
    .read = read,
    .write = write};
