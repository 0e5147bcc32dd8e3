/* heed's own kind for recurrent networks, which transformers lacks: layers/recurrent.h says what they are. One embedding is
 * shared by source and target, and by the output unless it has a table of its own. model_type: "heed-rnn" */
#include "layers/recurrent.h"
#include "models/family.h"

static const hd_choice poolings[] = {{"first", HD_POOL_FIRST}, {"mean", HD_POOL_MEAN}, {"last", HD_POOL_LAST}, {NULL}};

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"encoder_layers", HD_KEY_COUNT, ENCODER(layers), NULL},
    {"decoder_layers", HD_KEY_COUNT, DECODER(layers), NULL},
    {"cell", HD_KEY_CHOICE, RECIPE(cell), NULL, hd_cells},
    {"bidirectional", HD_KEY_BOOL, RECIPE(bidirectional), "true"},
    {"memory", HD_KEY_CHOICE, RECIPE(memory), NULL, hd_memories},
    {"max_position_embeddings", HD_KEY_INT, BOTH(max_positions), "512"},
    {"dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "-1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "-1"},
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), "-1"},
    {"crf", HD_KEY_BOOL, RECIPE(crf), "false"},
    {"pooling", HD_KEY_CHOICE, RECIPE(pooling), "mean", poolings},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "embedding.weight"},
    {HD_MODULE_OUTPUT_BIAS, "output.bias"},
    {HD_MODULE_TOKEN_OUTPUT, "output"},
    {HD_MODULE_CELL_INPUT, "{side}.layers.{}.input"},
    {HD_MODULE_CELL_STATE, "{side}.layers.{}.state"},
    {HD_MODULE_CELL_INPUT_BACKWARDS, "encoder.layers.{}.backwards.input"},
    {HD_MODULE_CELL_STATE_BACKWARDS, "encoder.layers.{}.backwards.state"},
    {HD_MODULE_CONTEXT, "decoder.layers.{}.context"},
    {HD_MODULE_BRIDGE_H, "bridge.{}.h"},
    {HD_MODULE_BRIDGE_C, "bridge.{}.c"},
    {HD_MODULE_QUERY, "attention.query"},
    {HD_MODULE_KEY, "attention.key"},
    {HD_MODULE_SCORER, "attention.scorer"},
    {HD_MODULE_COMBINE, "combine"},
    {HD_MODULE_COPY, "copy"},
    {HD_MODULE_POOLER, "pooler"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},
    {HD_MODULE_CRF_TRANSITIONS, "crf.transitions"},
    {HD_MODULE_CRF_START, "crf.start"},
    {HD_MODULE_CRF_END, "crf.end"},
};

static void complete(hd_recipe *recipe) { recipe->architecture = HD_RECURRENT; }

/* Keys that most networks lack. Those of "direct_states" and of an output table of their own were trained by other programs. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    bool tied;
    recipe->output_bias = recipe->head == HD_HEAD_LANGUAGE;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
    recipe->head_activation = HD_TANH;
    HD_TRY(hd_json_bool(config, "direct_states", false, &recipe->direct_states));
    HD_TRY(hd_json_bool(config, "self_attention", false, &recipe->self_attends));
    HD_TRY(hd_json_bool(config, "copy", false, &recipe->copies));
    HD_TRY(hd_json_bool(config, "tie_word_embeddings", true, &tied));
    recipe->untied = !tied;
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    int failed = 0;
    if (recipe->direct_states) failed |= json_object_set_new(config, "direct_states", json_true());
    if (recipe->self_attends) failed |= json_object_set_new(config, "self_attention", json_true());
    if (recipe->copies) failed |= json_object_set_new(config, "copy", json_true());
    if (recipe->untied) failed |= json_object_set_new(config, "tie_word_embeddings", json_false());
    return failed;
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
                               .write = write};
