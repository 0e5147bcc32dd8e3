/* T5 (Raffel et al., 2020), with T5 1.1, Flan-T5, MADLAD-400 and ByT5: encoder–decoder or encoder alone, pre-norm by root mean
 * squares, no biases. There are no positions but the biases of position buckets, and scores are not scaled by the heads' width.
 * model_type: "t5" */
#include "models/family.h"

#include <string.h>

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"d_model", HD_KEY_INT, RECIPE(width), NULL},
    {"d_kv", HD_KEY_INT, BOTH(head_width), "64"},
    {"d_ff", HD_KEY_INT, BOTH(ffn_width), NULL},
    {"num_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"num_decoder_layers", HD_KEY_OPTIONAL, DECODER(layers)},
    {"num_heads", HD_KEY_INT, BOTH(heads), NULL},
    {"n_positions", HD_KEY_INT, BOTH(max_positions), "512"},
    {"relative_attention_num_buckets", HD_KEY_INT, BOTH(position_buckets), "32"},
    {"relative_attention_max_distance", HD_KEY_INT, BOTH(bucket_distance), "128"},
    {"layer_norm_epsilon", HD_KEY_FLOAT, BOTH(norm_epsilon), "1e-6"},
    {"dropout_rate", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"dropout_rate", HD_KEY_FLOAT, RECIPE(activation_dropout), "0.1"},
    {"dropout_rate", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"initializer_factor", HD_KEY_FLOAT, RECIPE(initial_spread), "1.0"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "1"},
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), "0"},
    {"is_decoder", HD_KEY_CONSTANT, 0, "false"},
    /* Both follow from it: models whose output has a table of its own do not scale the states that it scores. */
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
    {"tie_word_embeddings", HD_KEY_BOOL, RECIPE(scale_logits), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "transformer.shared.weight"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_POOLER, "classification_head.dense"},
    {HD_MODULE_TEXT_OUTPUT, "classification_head.out_proj"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
    {HD_MODULE_POSITION_BIAS, "transformer.{side}.block.{}.layer.0.SelfAttention.relative_attention_bias.weight"},
    {HD_MODULE_Q, "transformer.{side}.block.{}.layer.0.SelfAttention.q"},
    {HD_MODULE_K, "transformer.{side}.block.{}.layer.0.SelfAttention.k"},
    {HD_MODULE_V, "transformer.{side}.block.{}.layer.0.SelfAttention.v"},
    {HD_MODULE_OUT, "transformer.{side}.block.{}.layer.0.SelfAttention.o"},
    {HD_MODULE_ATTENTION_NORM, "transformer.{side}.block.{}.layer.0.layer_norm"},
    {HD_MODULE_CROSS_Q, "transformer.decoder.block.{}.layer.1.EncDecAttention.q"},
    {HD_MODULE_CROSS_K, "transformer.decoder.block.{}.layer.1.EncDecAttention.k"},
    {HD_MODULE_CROSS_V, "transformer.decoder.block.{}.layer.1.EncDecAttention.v"},
    {HD_MODULE_CROSS_OUT, "transformer.decoder.block.{}.layer.1.EncDecAttention.o"},
    {HD_MODULE_CROSS_NORM, "transformer.decoder.block.{}.layer.1.layer_norm"},
    {HD_MODULE_FFN_GATE, "transformer.encoder.block.{}.layer.1.DenseReluDense.wi_0", .only = HD_ENCODER_ONLY},
    {HD_MODULE_FFN_UP, "transformer.encoder.block.{}.layer.1.DenseReluDense.wi_1", .only = HD_ENCODER_ONLY,
     .gated = true},
    {HD_MODULE_FFN_UP, "transformer.encoder.block.{}.layer.1.DenseReluDense.wi", .only = HD_ENCODER_ONLY},
    {HD_MODULE_FFN_DOWN, "transformer.encoder.block.{}.layer.1.DenseReluDense.wo", .only = HD_ENCODER_ONLY},
    {HD_MODULE_FFN_NORM, "transformer.encoder.block.{}.layer.1.layer_norm", .only = HD_ENCODER_ONLY},
    {HD_MODULE_FFN_GATE, "transformer.decoder.block.{}.layer.2.DenseReluDense.wi_0"},
    {HD_MODULE_FFN_UP, "transformer.decoder.block.{}.layer.2.DenseReluDense.wi_1", .gated = true},
    {HD_MODULE_FFN_UP, "transformer.decoder.block.{}.layer.2.DenseReluDense.wi"},
    {HD_MODULE_FFN_DOWN, "transformer.decoder.block.{}.layer.2.DenseReluDense.wo"},
    {HD_MODULE_FFN_NORM, "transformer.decoder.block.{}.layer.2.layer_norm"},
    {HD_MODULE_FINAL_NORM, "transformer.{side}.final_layer_norm"},
};

static const char *const aliases[] = {"transformer.encoder.embed_tokens.weight",
                                      "transformer.decoder.embed_tokens.weight", "lm_head.weight", NULL};

/* Only classes that classify have the prefix. */
static const hd_respelling respellings[] = {{"transformer.", ""}, {NULL, NULL}};

static const hd_tied_pair tied[] = {
    {"transformer.shared.weight", "transformer.encoder.embed_tokens.weight"},
    {"transformer.shared.weight", "transformer.decoder.embed_tokens.weight"},
    {"transformer.encoder.embed_tokens.weight", "transformer.decoder.embed_tokens.weight"},
    {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        side->positions = HD_POSITIONS_NONE;
        side->norm = HD_NORM_RMS;
        side->norm_placement = HD_NORM_PRE;
        side->final_norm = true;
        side->score_scale = 1;
        side->activation = HD_RELU;
    }
    recipe->pad_trained = true;
    recipe->pooling = HD_POOL_LAST;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
    recipe->head_activation = HD_TANH;
}

/* "relu", or with a gate "gated-gelu", which means GELU by tanh. What is written beside it wins. */
static heed_status read_activation(const hd_json *config, hd_recipe *recipe) {
    static const char gate[] = "gated-";
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    const char *layer, *name = hd_activation_name((hd_activation)side->activation);
    HD_TRY(hd_json_string(config, "feed_forward_proj", NULL, &layer));
    if (layer) {
        side->gated = strncmp(layer, gate, strlen(gate)) == 0;
        name = strcmp(layer, "gated-gelu") == 0 ? "gelu_new" : side->gated ? layer + strlen(gate) : layer;
    }
    HD_TRY(hd_json_string(config, "dense_act_fn", name, &name));
    HD_TRY(hd_json_bool(config, "is_gated_act", side->gated, &side->gated));
    const hd_choice *choice = hd_activations;
    while (choice->name && strcmp(choice->name, name) != 0) choice++;
    if (!choice->name)
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"feed_forward_proj\" is \"%s\", which heed lacks",
                       config->path, name);
    side->activation = choice->value;
    recipe->side[HD_DECODER].activation = side->activation, recipe->side[HD_DECODER].gated = side->gated;
    return HEED_OK;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    HD_TRY(read_activation(config, recipe));
    HD_TRY(hd_json_bool(config, "scale_decoder_outputs", recipe->scale_logits, &recipe->scale_logits));
    if (recipe->head == HD_HEAD_CLASSIFY_TOKENS || recipe->head == HD_HEAD_NONE)
        recipe->side[HD_DECODER].layers = 0;
    else if (!recipe->side[HD_DECODER].layers)
        recipe->side[HD_DECODER].layers = recipe->side[HD_ENCODER].layers;
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    const char *name = hd_activation_name((hd_activation)side->activation);
    const char *layer = side->activation == HD_GELU_TANH ? "gelu" : name;
    bool translates = hd_recipe_translates(recipe);
    return json_object_set_new(config, "feed_forward_proj", json_sprintf("%s%s", side->gated ? "gated-" : "", layer)) |
           json_object_set_new(config, "dense_act_fn", json_string(name)) |
           json_object_set_new(config, "is_gated_act", json_boolean(side->gated)) |
           json_object_set_new(config, "is_encoder_decoder", json_boolean(translates));
}

/* Without a head, as far as the embedding scores tokens. */
static const hd_other_class classes[] = {
    {"T5WithLMHeadModel", HD_HEAD_LANGUAGE}, {"T5Model", HD_HEAD_LANGUAGE}, {NULL, HD_HEAD_NONE}};

const hd_family hd_t5 = {.model_type = "t5",
                         .architectures = {[HD_HEAD_LANGUAGE] = "T5ForConditionalGeneration",
                                           [HD_HEAD_CLASSIFY_TEXT] = "T5ForSequenceClassification",
                                           [HD_HEAD_CLASSIFY_TOKENS] = "T5ForTokenClassification",
                                           [HD_HEAD_ANSWER] = "T5ForQuestionAnswering",
                                           [HD_HEAD_NONE] = "T5EncoderModel"},
                         .classes = classes,
                         .prefix = "transformer.",
                         .prefixes = {[HD_HEAD_LANGUAGE] = "", [HD_HEAD_ANSWER] = ""},
                         .respellings = respellings,
                         .keys = keys,
                         .key_count = HD_COUNT(keys),
                         .weights = weights,
                         .weight_count = HD_COUNT(weights),
                         .aliases = aliases,
                         .tied = tied,
                         .tied_if_missing = true,
                         .complete = complete,
                         .read = read,
                         .write = write};
