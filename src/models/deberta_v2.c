/* DeBERTa v2 and v3, mDeBERTa (He et al., 2021; He, Gao and Chen, 2021): BERT with disentangled attention to relative positions.
 * model_type: "deberta-v2" */
#include "models/choice.h"
#include "models/family.h"

#include <string.h>
#include <strings.h>

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), "128100"},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"embedding_size", HD_KEY_OPTIONAL, RECIPE(embedding_width)},
    {"num_hidden_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"intermediate_size", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "512"},
    {"type_vocab_size", HD_KEY_COUNT, ENCODER(token_types), "0"},
    {"layer_norm_eps", HD_KEY_FLOAT, ENCODER(norm_epsilon), "1e-7"},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attention_probs_dropout_prob", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "deberta.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "deberta.embeddings.position_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "deberta.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_PROJECTION, "deberta.embeddings.embed_proj"},
    {HD_MODULE_EMBEDDING_NORM, "deberta.embeddings.LayerNorm"},
    {HD_MODULE_RELATIVE_POSITIONS, "deberta.encoder.rel_embeddings.weight"},
    {HD_MODULE_RELATIVE_NORM, "deberta.encoder.LayerNorm"},
    {HD_MODULE_CONVOLUTION, "deberta.encoder.conv.conv"},
    {HD_MODULE_CONVOLUTION_NORM, "deberta.encoder.conv.LayerNorm"},
    {HD_MODULE_Q, "deberta.encoder.layer.{}.attention.self.query_proj"},
    {HD_MODULE_K, "deberta.encoder.layer.{}.attention.self.key_proj"},
    {HD_MODULE_V, "deberta.encoder.layer.{}.attention.self.value_proj"},
    {HD_MODULE_RELATIVE_Q, "deberta.encoder.layer.{}.attention.self.pos_query_proj"},
    {HD_MODULE_RELATIVE_K, "deberta.encoder.layer.{}.attention.self.pos_key_proj"},
    {HD_MODULE_OUT, "deberta.encoder.layer.{}.attention.output.dense"},
    {HD_MODULE_ATTENTION_NORM, "deberta.encoder.layer.{}.attention.output.LayerNorm"},
    {HD_MODULE_FFN_UP, "deberta.encoder.layer.{}.intermediate.dense"},
    {HD_MODULE_FFN_DOWN, "deberta.encoder.layer.{}.output.dense"},
    {HD_MODULE_FFN_NORM, "deberta.encoder.layer.{}.output.LayerNorm"},
    {HD_MODULE_HEAD_DENSE, "cls.predictions.transform.dense"},
    {HD_MODULE_HEAD_NORM, "cls.predictions.transform.LayerNorm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "cls.predictions"},
    {HD_MODULE_TOKEN_OUTPUT, "cls.predictions.decoder"},
    {HD_MODULE_POOLER, "pooler.dense"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"cls.predictions.decoder.weight", NULL};

/* The masked head of files whose "legacy" is false has the names of DeBERTa's own code. heed writes the other ones. */
static const hd_respelling respellings[] = {{"deberta.", ""},
                                            {"cls.predictions.transform.", "lm_predictions.lm_head."},
                                            {"cls.predictions.bias", "lm_predictions.lm_head.bias"},
                                            {"cls.predictions.bias", "cls.predictions.decoder.bias"},
                                            {NULL, NULL}};

static const hd_tied_pair tied[] = {{"cls.predictions.bias", "cls.predictions.decoder.bias"}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_POST;
    side->embedding_norm = true;
    side->biases = HD_BIAS_ALL;
    recipe->embedding_projection = HD_PROJECTION_BEFORE_NORM;
    recipe->eos = recipe->decoder_start = -1;
    recipe->pooling = HD_POOL_FIRST;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
}

/* ---- relative positions ---- */

/* "c2p" and "p2c"; others are ignored, as in transformers. */
static unsigned summand_of(const char *word, size_t size) {
    while (size && *word == ' ') word++, size--;
    while (size && word[size - 1] == ' ') size--;
    if (size != strlen("c2p")) return 0;
    return strncasecmp(word, "c2p", size) == 0   ? HD_RELATIVE_KEYS
           : strncasecmp(word, "p2c", size) == 0 ? HD_RELATIVE_QUERIES
                                                 : 0;
}

/* Words between bars. */
static unsigned summands_of(const char *words) {
    unsigned summands = 0;
    for (;;) {
        size_t size = strcspn(words, "|");
        summands |= summand_of(words, size);
        if (!words[size]) return summands;
        words += size + 1;
    }
}

static heed_status read_summands(const hd_json *config, unsigned *summands) {
    const char *words = "";
    hd_json list, element;
    size_t count;
    *summands = 0;
    if (!json_is_array(json_object_get(config->root, "pos_att_type"))) {
        HD_TRY(hd_json_string(config, "pos_att_type", "", &words));
        *summands = summands_of(words);
        return HEED_OK;
    }
    HD_TRY(hd_json_array(config, "pos_att_type", &list, &count));
    for (size_t i = 0; i < count; i++) {
        hd_json_element(&list, i, &element);
        const char *word = json_string_value(element.root);
        if (!word) return hd_json_expected(&element, NULL, "a string");
        if (strcmp(word, "c2p") == 0) *summands |= HD_RELATIVE_KEYS;
        if (strcmp(word, "p2c") == 0) *summands |= HD_RELATIVE_QUERIES;
    }
    return HEED_OK;
}

static heed_status read_relative(const hd_json *config, hd_side_recipe *side) {
    enum { MOST = 1 << 24 };
    bool relative, shared;
    const char *norm;
    int64_t buckets, positions;
    HD_TRY(hd_json_bool(config, "relative_attention", false, &relative));
    HD_TRY(hd_json_bool(config, "share_att_key", false, &shared));
    HD_TRY(hd_json_string(config, "norm_rel_ebd", "none", &norm));
    HD_TRY(hd_json_int(config, "position_buckets", -1, -1, MOST, &buckets));
    HD_TRY(hd_json_int(config, "max_relative_positions", -1, -1, MOST, &positions));
    HD_TRY(read_summands(config, &side->relative));
    if (relative) side->relative_positions = positions > 0 ? positions : side->max_positions;
    if (relative) side->relative_span = buckets > 0 ? buckets : 0;
    if (relative && !shared) side->relative |= HD_RELATIVE_PROJECTED;
    if (strcasecmp(norm, "layer_norm") == 0) side->relative |= HD_RELATIVE_NORM;
    if (side->relative & HD_RELATIVE_NORM || strcasecmp(norm, "none") == 0) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED,
                   "%s: \"norm_rel_ebd\" is \"%s\", and heed has none and layer_norm alone", config->path, norm);
}

static int write_relative(const hd_side_recipe *side, json_t *config) {
    bool relative = side->relative_positions > 0;
    json_t *summands = json_array();
    int failed = json_object_set(config, "pos_att_type", summands);
    if (side->relative & HD_RELATIVE_QUERIES) failed |= json_array_append_new(summands, json_string("p2c"));
    if (side->relative & HD_RELATIVE_KEYS) failed |= json_array_append_new(summands, json_string("c2p"));
    json_decref(summands);
    return failed | json_object_set_new(config, "relative_attention", json_boolean(relative)) |
           json_object_set_new(config, "position_buckets",
                               json_integer(side->relative_span ? side->relative_span : -1)) |
           json_object_set_new(config, "max_relative_positions",
                               json_integer(relative ? side->relative_positions : -1)) |
           json_object_set_new(config, "share_att_key", json_boolean(!(side->relative & HD_RELATIVE_PROJECTED))) |
           json_object_set_new(config, "norm_rel_ebd",
                               json_string(side->relative & HD_RELATIVE_NORM ? "layer_norm" : "none"));
}

/* ---- the rest ---- */

/* Sizes that transformers' own weights must have. */
static heed_status check_size(const hd_json *config, const char *key, int64_t expected) {
    int64_t size;
    HD_TRY(hd_json_int(config, key, expected, 1, INT64_MAX, &size));
    if (size == expected) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is %lld, expected %lld", config->path, key,
                   (long long)size, (long long)expected);
}

static heed_status read_activation(const hd_json *config, const char *key, const char *otherwise, int *activation) {
    const char *name;
    HD_TRY(hd_json_string(config, key, otherwise, &name));
    for (const hd_choice *c = hd_activations; c->name; c++)
        if (strcmp(name, c->name) == 0) {
            *activation = c->value;
            return HEED_OK;
        }
    return hd_choice_refuse(config, key, name, hd_activations);
}

/* That of v2-xlarge and v2-xxlarge. transformers computes with an odd number of tokens alone. */
static heed_status read_convolution(const hd_json *config, hd_side_recipe *side) {
    int64_t groups;
    HD_TRY(hd_json_int(config, "conv_kernel_size", 0, INT32_MIN, INT32_MAX, &side->convolution));
    side->convolution = hd_max(side->convolution, 0);
    if (!side->convolution) return HEED_OK;
    HD_TRY(hd_json_int(config, "conv_groups", 1, 1, INT32_MAX, &groups));
    if (groups != 1 || side->convolution % 2 == 0)
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"conv_kernel_size\" is %lld and \"conv_groups\" %lld; heed has odd sizes and one group",
                       config->path, (long long)side->convolution, (long long)groups);
    return read_activation(config, "conv_act", "tanh", &side->convolution_activation);
}

static int write_convolution(const hd_side_recipe *side, json_t *config) {
    const char *activation = hd_activation_name((hd_activation)side->convolution_activation);
    if (!side->convolution) return 0;
    return json_object_set_new(config, "conv_kernel_size", json_integer(side->convolution)) |
           json_object_set_new(config, "conv_act", json_string(activation));
}

/* The masked head has the activation of the layers. */
static heed_status read_head(const hd_json *config, hd_recipe *recipe) {
    bool legacy;
    if (recipe->head == HD_HEAD_MASKED) {
        recipe->head_activation = recipe->side[HD_ENCODER].activation;
        HD_TRY(hd_json_bool(config, "legacy", true, &legacy));
        if (!legacy) recipe->untied = false;
    }
    if (recipe->head != HD_HEAD_CLASSIFY_TEXT) return HEED_OK;
    return read_activation(config, "pooler_hidden_act", "gelu", &recipe->head_activation);
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    bool placed;
    HD_TRY(hd_json_bool(config, "position_biased_input", true, &placed));
    side->positions = placed ? HD_POSITIONS_LEARNED : HD_POSITIONS_NONE;
    if (recipe->embedding_width == recipe->width) recipe->embedding_width = 0;
    if (recipe->width) {
        HD_TRY(check_size(config, "pooler_hidden_size", recipe->width));
        if (side->heads) HD_TRY(check_size(config, "attention_head_size", recipe->width / side->heads));
    }
    HD_TRY(read_relative(config, side));
    HD_TRY(read_convolution(config, side));
    return read_head(config, recipe);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    int failed =
        json_object_set_new(config, "position_biased_input", json_boolean(side->positions != HD_POSITIONS_NONE));
    if (recipe->head == HD_HEAD_CLASSIFY_TEXT)
        failed |= json_object_set_new(config, "pooler_hidden_act",
                                      json_string(hd_activation_name((hd_activation)recipe->head_activation)));
    if (recipe->head == HD_HEAD_MASKED) failed |= json_object_set_new(config, "legacy", json_true());
    return failed | write_relative(side, config) | write_convolution(side, config);
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_deberta_v2 = {
    .model_type = "deberta-v2",
    .architectures = {[HD_HEAD_MASKED] = "DebertaV2ForMaskedLM",
                      [HD_HEAD_CLASSIFY_TEXT] = "DebertaV2ForSequenceClassification",
                      [HD_HEAD_CLASSIFY_TOKENS] = "DebertaV2ForTokenClassification",
                      [HD_HEAD_ANSWER] = "DebertaV2ForQuestionAnswering",
                      [HD_HEAD_NONE] = "DebertaV2Model"},
    .prefix = "deberta.",
    .keys = keys,
    .key_count = HD_COUNT(keys),
    .weights = weights,
    .weight_count = HD_COUNT(weights),
    .respellings = respellings,
    .aliases = aliases,
    .tied = tied,
    .fresh =
        "{\"relative_attention\": true, \"pos_att_type\": [\"p2c\", \"c2p\"], \"position_buckets\": 256,"
        " \"norm_rel_ebd\": \"layer_norm\", \"share_att_key\": true, \"position_biased_input\": false}",
    .tokenizer = &tokenizer,
    .complete = complete,
    .read = read,
    .write = write};
