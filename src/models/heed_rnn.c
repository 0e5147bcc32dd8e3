/* heed's own kind for recurrent networks, which transformers lacks: layers/recurrent.h says what they are. One embedding is
 * shared by source, target and output. model_type: "heed-rnn" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, R(vocabulary), NULL, NULL},
    {"hidden_size", HD_KEY_INT, R(width), NULL, NULL},
    {"encoder_layers", HD_KEY_COUNT, R(encoder_layers), NULL, NULL},
    {"decoder_layers", HD_KEY_COUNT, R(decoder_layers), NULL, NULL},
    {"cell", HD_KEY_CHOICE, R(cell), NULL, "elman|gru|lstm"},
    {"bidirectional", HD_KEY_BOOL, R(bidirectional), "true", NULL},
    {"memory", HD_KEY_CHOICE, R(memory), NULL, "last|mean|concatenated|bahdanau|luong-dot|luong-general|luong-concat"},
    {"max_position_embeddings", HD_KEY_INT, R(max_positions), "512", NULL},
    {"dropout", HD_KEY_FLOAT, R(dropout), "0.1", NULL},
    {"pad_token_id", HD_KEY_ID, R(pad), "-1", NULL},
    {"eos_token_id", HD_KEY_ID, R(eos), "-1", NULL},
    {"decoder_start_token_id", HD_KEY_ID, R(decoder_start), "-1", NULL},
    {"crf", HD_KEY_BOOL, R(crf), "false", NULL},
    {"pooling", HD_KEY_CHOICE, R(pooling), "mean", "first|mean|last"},
};

static const hd_weight_name weights[] = {
    {HD_TOKEN_EMBEDDING, "embedding.weight", 0, 0, false},
    {HD_OUTPUT_BIAS, "output.bias", 0, 0, false},
    {HD_ENCODER_INPUT, "encoder.layers.{}.input", 0, 0, false},
    {HD_ENCODER_STATE, "encoder.layers.{}.state", 0, 0, false},
    {HD_ENCODER_INPUT_BACKWARDS, "encoder.layers.{}.backwards.input", 0, 0, false},
    {HD_ENCODER_STATE_BACKWARDS, "encoder.layers.{}.backwards.state", 0, 0, false},
    {HD_DECODER_INPUT, "decoder.layers.{}.input", 0, 0, false},
    {HD_DECODER_STATE, "decoder.layers.{}.state", 0, 0, false},
    {HD_DECODER_CONTEXT, "decoder.layers.{}.context", 0, 0, false},
    {HD_BRIDGE_H, "bridge.{}.h", 0, 0, false},
    {HD_BRIDGE_C, "bridge.{}.c", 0, 0, false},
    {HD_QUERY, "attention.query", 0, 0, false},
    {HD_KEY, "attention.key", 0, 0, false},
    {HD_SCORER, "attention.scorer", 0, 0, false},
    {HD_COMBINE, "combine", 0, 0, false},
    {HD_POOLER, "pooler", 0, 0, false},
    {HD_OUTPUT, "classifier", 0, 0, false},
    {HD_CRF_TRANSITIONS, "crf.transitions", 0, 0, false},
    {HD_CRF_START, "crf.start", 0, 0, false},
    {HD_CRF_END, "crf.end", 0, 0, false},
};

static void complete(hd_recipe *recipe) { recipe->architecture = HD_RECURRENT; }

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    recipe->output_bias = recipe->head == HD_HEAD_LANGUAGE;
    return HEED_OK;
}

static bool carries(const hd_recipe *recipe) {
    return recipe->architecture == HD_RECURRENT && recipe->head != HD_HEAD_MASKED &&
           recipe->output_bias == (recipe->head == HD_HEAD_LANGUAGE);
}

const hd_family hd_heed_rnn = {.model_type = "heed-rnn",
                               .architectures = {[HD_HEAD_LANGUAGE] = "HeedRecurrentModel",
                                                 [HD_HEAD_CLASSIFY_TEXT] = "HeedRecurrentForSequenceClassification",
                                                 [HD_HEAD_CLASSIFY_TOKENS] = "HeedRecurrentForTokenClassification"},
                               .keys = keys,
                               .key_count = HD_COUNT(keys),
                               .weights = weights,
                               .weight_count = HD_COUNT(weights),
                               .complete = complete,
                               .read = read,
                               .carries = carries};
