/* GPT-Neo (Black et al., 2021). Decoder only, pre-norm, learned positions; scores are not scaled, and every second layer has a
 * window of attention. model_type: "gpt_neo" */
#include "models/family.h"
#include "models/layer_types.h"

#include <string.h>

enum { WINDOW = 256 };

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"num_layers", HD_KEY_INT, DECODER(layers), NULL},
    {"num_heads", HD_KEY_INT, DECODER(heads), NULL},
    {"intermediate_size", HD_KEY_OPTIONAL, DECODER(ffn_width)},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "2048"},
    {"window_size", HD_KEY_INT, DECODER(window), "256"},
    {"activation_function", HD_KEY_CHOICE, DECODER(activation), "gelu_new", hd_activations},
    {"layer_norm_epsilon", HD_KEY_FLOAT, DECODER(norm_epsilon), "1e-5"},
    {"embed_dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"resid_dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "50256"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "50256"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "-1"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "transformer.wte.weight"},
    {HD_MODULE_POSITIONS, "transformer.wpe.weight"},
    {HD_MODULE_Q, "transformer.h.{}.attn.attention.q_proj"},
    {HD_MODULE_K, "transformer.h.{}.attn.attention.k_proj"},
    {HD_MODULE_V, "transformer.h.{}.attn.attention.v_proj"},
    {HD_MODULE_OUT, "transformer.h.{}.attn.attention.out_proj"},
    {HD_MODULE_ATTENTION_NORM, "transformer.h.{}.ln_1"},
    {HD_MODULE_FFN_UP, "transformer.h.{}.mlp.c_fc"},
    {HD_MODULE_FFN_DOWN, "transformer.h.{}.mlp.c_proj"},
    {HD_MODULE_FFN_NORM, "transformer.h.{}.ln_2"},
    {HD_MODULE_FINAL_NORM, "transformer.ln_f"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_TEXT_OUTPUT, "score"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

/* Some files lack the prefix. */
static const hd_respelling respellings[] = {{"transformer.", ""}, {NULL, NULL}};

static const char TYPES[] = "attention_types", LAYERS[] = "attention_layers", GLOBAL[] = "global", LOCAL[] = "local";

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    side->positions = HD_POSITIONS_LEARNED;
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_PRE;
    side->final_norm = true;
    side->biases = HD_BIAS_OUT | HD_BIAS_FFN;
    side->score_scale = 1;
    hd_family_score_last(recipe);
}

/* ---- kinds of attention ---- */

/* The kinds of the layers from *layer on. */
static heed_status read_kinds(const hd_json *config, const char *key, const json_t *kinds, hd_side_recipe *side,
                              int64_t *layer) {
    size_t i;
    json_t *kind;
    json_array_foreach(kinds, i, kind) {
        const char *name = json_string_value(kind);
        bool global = name && strcmp(name, GLOBAL) == 0;
        if (!global && (!name || strcmp(name, LOCAL) != 0))
            return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" has %s, which heed lacks; it has %s and %s",
                           config->path, key, name ? name : "an unknown kind", GLOBAL, LOCAL);
        if (global) hd_layer_set_add(&side->global_layers, *layer);
        ++*layer;
    }
    return HEED_OK;
}

static heed_status check_count(const hd_json *config, const char *key, const hd_side_recipe *side, int64_t count) {
    if (count == side->layers) return HEED_OK;
    return hd_fail(config->context, HEED_FORMAT, "%s: \"%s\" has %lld kinds of attention for %lld layers", config->path,
                   key, (long long)count, (long long)side->layers);
}

/* [[["global", "local"], 12]]: these two kinds, twelve times. */
static heed_status read_types(const hd_json *config, hd_side_recipe *side) {
    hd_json types;
    size_t count;
    int64_t layer = 0, times = 0;
    HD_TRY(hd_json_array(config, TYPES, &types, &count));
    side->global_layers = (hd_layer_set){{0}};
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(types.root, i), *kinds = json_array_get(item, 0);
        bool integer = hd_json_value_int(json_array_get(item, 1), &times);
        if (!integer || !json_array_size(kinds) || times < 0 || times > side->layers)
            return hd_json_expected(config, TYPES, "kinds of attention with a number of times");
        for (int64_t j = 0; j < times && layer <= side->layers; j++)
            HD_TRY(read_kinds(config, TYPES, kinds, side, &layer));
    }
    return check_count(config, TYPES, side, layer);
}

/* The list that follows from the types. A file may have it too. */
static heed_status check_layers(const hd_json *config, const hd_side_recipe *side) {
    hd_side_recipe listed = *side;
    int64_t count = 0, equal = 0;
    if (!hd_json_has(config, LAYERS)) return HEED_OK;
    listed.global_layers = (hd_layer_set){{0}};
    HD_TRY(read_kinds(config, LAYERS, json_object_get(config->root, LAYERS), &listed, &count));
    HD_TRY(check_count(config, LAYERS, side, count));
    while (equal < count && hd_side_window(&listed, equal) == hd_side_window(side, equal)) equal++;
    if (equal == count) return HEED_OK;
    return hd_fail(config->context, HEED_FORMAT, "%s: \"%s\" and \"%s\" have other kinds for layer %lld", config->path,
                   LAYERS, TYPES, (long long)equal);
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    if (!side->ffn_width) side->ffn_width = 4 * recipe->width;
    hd_layer_types_every(side, 2, 0);
    if (hd_json_has(config, TYPES)) HD_TRY(read_types(config, side));
    return check_layers(config, side);
}

/* All layers as one list that occurs once. */
static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    json_t *kinds = json_array();
    int failed = 0;
    for (int64_t i = 0; i < hd_min(side->layers, HD_SET_LAYERS); i++)
        failed |= json_array_append_new(kinds, json_string(hd_side_window(side, i) ? LOCAL : GLOBAL));
    if (!side->window) failed |= json_object_set_new(config, "window_size", json_integer(WINDOW));
    return failed | json_object_set_new(config, TYPES, json_pack("[[o, i]]", kinds, 1));
}

const hd_family hd_gpt_neo = {.model_type = "gpt_neo",
                              .architectures = {[HD_HEAD_LANGUAGE] = "GPTNeoForCausalLM",
                                                [HD_HEAD_CLASSIFY_TEXT] = "GPTNeoForSequenceClassification",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "GPTNeoForTokenClassification",
                                                [HD_HEAD_ANSWER] = "GPTNeoForQuestionAnswering",
                                                [HD_HEAD_NONE] = "GPTNeoModel"},
                              .prefix = "transformer.",
                              .respellings = respellings,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .weights = weights,
                              .weight_count = HD_COUNT(weights),
                              .aliases = aliases,
                              .complete = complete,
                              .read = read,
                              .write = write};
