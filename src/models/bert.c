/* BERT (Devlin et al., 2018). Encoder only, post-norm, learned positions, a norm after the embedding. model_type: "bert" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"num_hidden_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"intermediate_size", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "512"},
    {"type_vocab_size", HD_KEY_INT, ENCODER(token_types), "2"},
    {"layer_norm_eps", HD_KEY_FLOAT, ENCODER(norm_epsilon), "1e-12"},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attention_probs_dropout_prob", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"position_embedding_type", HD_KEY_CONSTANT, 0, "\"absolute\""},
    {"is_decoder", HD_KEY_CONSTANT, 0, "false"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "bert.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "bert.embeddings.position_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "bert.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "bert.embeddings.LayerNorm"},
    {HD_MODULE_Q, "bert.encoder.layer.{}.attention.self.query"},
    {HD_MODULE_K, "bert.encoder.layer.{}.attention.self.key"},
    {HD_MODULE_V, "bert.encoder.layer.{}.attention.self.value"},
    {HD_MODULE_OUT, "bert.encoder.layer.{}.attention.output.dense"},
    {HD_MODULE_ATTENTION_NORM, "bert.encoder.layer.{}.attention.output.LayerNorm"},
    {HD_MODULE_FFN_UP, "bert.encoder.layer.{}.intermediate.dense"},
    {HD_MODULE_FFN_DOWN, "bert.encoder.layer.{}.output.dense"},
    {HD_MODULE_FFN_NORM, "bert.encoder.layer.{}.output.LayerNorm"},
    {HD_MODULE_HEAD_DENSE, "cls.predictions.transform.dense"},
    {HD_MODULE_HEAD_NORM, "cls.predictions.transform.LayerNorm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "cls.predictions"},
    {HD_MODULE_TOKEN_OUTPUT, "cls.predictions.decoder"},
    {HD_MODULE_POOLER, "bert.pooler.dense"},
    {HD_MODULE_STORED_POOLER, "bert.pooler.dense"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"cls.predictions.decoder.weight", NULL};

/* Checkpoints converted from TensorFlow use other names for gain and shift. Some files lack the prefix. */
static const hd_respelling respellings[] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                            {"LayerNorm.bias", "LayerNorm.beta"},
                                            {"bert.", ""},
                                            {"cls.predictions.bias", "cls.predictions.decoder.bias"},
                                            {NULL, NULL}};

static const hd_tied_pair tied[] = {{"cls.predictions.bias", "cls.predictions.decoder.bias"}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->positions = HD_POSITIONS_LEARNED;
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_POST;
    side->embedding_norm = true;
    side->biases = HD_BIAS_ALL;
    recipe->eos = recipe->decoder_start = -1;
    recipe->pooling = HD_POOL_FIRST;
    if (recipe->head != HD_HEAD_CLASSIFY_TEXT) return;
    recipe->head_dense = true;
    recipe->head_activation = HD_TANH;
}

/* What is also stored for predicting the next sentence is not used. */
static const hd_other_class classes[] = {{"BertForPreTraining", HD_HEAD_MASKED}, {NULL, HD_HEAD_NONE}};

/* The masked head has the activation of the layers. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    if (recipe->head == HD_HEAD_MASKED) recipe->head_activation = recipe->side[HD_ENCODER].activation;
    return HEED_OK;
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_bert = {.model_type = "bert",
                           .architectures = {[HD_HEAD_MASKED] = "BertForMaskedLM",
                                             [HD_HEAD_CLASSIFY_TEXT] = "BertForSequenceClassification",
                                             [HD_HEAD_CLASSIFY_TOKENS] = "BertForTokenClassification",
                                             [HD_HEAD_ANSWER] = "BertForQuestionAnswering",
                                             [HD_HEAD_NONE] = "BertModel"},
                           .classes = classes,
                           .prefix = "bert.",
                           .respellings = respellings,
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .aliases = aliases,
                           .tied = tied,
                           .tokenizer = &tokenizer,
                           .complete = complete,
                           .read = read};
