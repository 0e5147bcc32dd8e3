/* BERT (Devlin et al., 2018). Encoder only, post-norm, learned positions, a norm after the embedding. model_type: "bert" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, R(vocabulary), NULL, NULL},
    {"hidden_size", HD_KEY_INT, R(width), NULL, NULL},
    {"num_hidden_layers", HD_KEY_INT, R(encoder_layers), NULL, NULL},
    {"num_attention_heads", HD_KEY_INT, R(encoder_heads), NULL, NULL},
    {"intermediate_size", HD_KEY_INT, R(encoder_ffn_width), NULL, NULL},
    {"hidden_act", HD_KEY_ACTIVATION, R(activation), "gelu", NULL},
    {"max_position_embeddings", HD_KEY_INT, R(max_positions), "512", NULL},
    {"type_vocab_size", HD_KEY_INT, R(token_types), "2", NULL},
    {"layer_norm_eps", HD_KEY_FLOAT, R(norm_epsilon), "1e-12", NULL},
    {"hidden_dropout_prob", HD_KEY_FLOAT, R(dropout), "0.1", NULL},
    {"attention_probs_dropout_prob", HD_KEY_FLOAT, R(attention_dropout), "0.1", NULL},
    {"initializer_range", HD_KEY_FLOAT, R(initial_spread), "0.02", NULL},
    {"pad_token_id", HD_KEY_ID, R(pad), "0", NULL},
    {"position_embedding_type", HD_KEY_CONSTANT, 0, "\"absolute\"", NULL},
    {"is_decoder", HD_KEY_CONSTANT, 0, "false", NULL},
    {"tie_word_embeddings", HD_KEY_CONSTANT, 0, "true", NULL},
};

static const hd_weight_name weights[] = {
    {HD_TOKEN_EMBEDDING, "bert.embeddings.word_embeddings.weight", 0, 0, false},
    {HD_ENCODER_POSITIONS, "bert.embeddings.position_embeddings.weight", 0, 0, false},
    {HD_TOKEN_TYPES, "bert.embeddings.token_type_embeddings.weight", 0, 0, false},
    {HD_EMBEDDING_NORM, "bert.embeddings.LayerNorm", 0, 0, false},
    {HD_ENCODER_Q, "bert.encoder.layer.{}.attention.self.query", 0, 0, false},
    {HD_ENCODER_K, "bert.encoder.layer.{}.attention.self.key", 0, 0, false},
    {HD_ENCODER_V, "bert.encoder.layer.{}.attention.self.value", 0, 0, false},
    {HD_ENCODER_OUT, "bert.encoder.layer.{}.attention.output.dense", 0, 0, false},
    {HD_ENCODER_ATTENTION_NORM, "bert.encoder.layer.{}.attention.output.LayerNorm", 0, 0, false},
    {HD_ENCODER_FFN_UP, "bert.encoder.layer.{}.intermediate.dense", 0, 0, false},
    {HD_ENCODER_FFN_DOWN, "bert.encoder.layer.{}.output.dense", 0, 0, false},
    {HD_ENCODER_FFN_NORM, "bert.encoder.layer.{}.output.LayerNorm", 0, 0, false},
    {HD_HEAD_DENSE, "cls.predictions.transform.dense", 0, 0, false},
    {HD_HEAD_NORM, "cls.predictions.transform.LayerNorm", 0, 0, false},
    {HD_OUTPUT_LEARNED_BIAS, "cls.predictions", 0, 0, false},
    {HD_POOLER, "bert.pooler.dense", 0, 0, false},
    {HD_OUTPUT, "classifier", 0, 0, false},
};

static const char *const aliases[] = {"cls.predictions.decoder.weight", NULL};

static void complete(hd_recipe *recipe) {
    recipe->positions = HD_POSITIONS_LEARNED;
    recipe->embedding_norm = true;
    recipe->eos = recipe->decoder_start = -1;
    recipe->pooling = HD_POOL_FIRST;
}

static bool carries(const hd_recipe *r) {
    return r->architecture == HD_TRANSFORMER && r->head != HD_HEAD_LANGUAGE && !r->decoder_layers &&
           r->positions == HD_POSITIONS_LEARNED && !r->pre_norm && r->embedding_norm && r->token_types &&
           !r->rms_norm && !r->gated && !r->without_biases && !r->untied && !r->scale_embedding && !r->output_bias &&
           !r->crf && r->pooling == HD_POOL_FIRST;
}

const hd_family hd_bert = {.model_type = "bert",
                           .architectures = {[HD_HEAD_MASKED] = "BertForMaskedLM",
                                             [HD_HEAD_CLASSIFY_TEXT] = "BertForSequenceClassification",
                                             [HD_HEAD_CLASSIFY_TOKENS] = "BertForTokenClassification"},
                           .prefix = "bert.",
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .aliases = aliases,
                           .complete = complete,
                           .carries = carries};
