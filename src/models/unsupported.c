#include "models/unsupported.h"

#include "base/spelling.h"
#include "models/family.h"

#include <string.h>

#define EXPERTS "are mixtures of experts, which heed lacks"
#define SPEECH  "are speech models, which heed lacks"
#define IMAGES  "are image models, which heed lacks"

/* Model types by their beginning, the first that fits; why heed lacks them, or NULL; and the families that are near, the
 * nearest first. A family that heed does not open yet is skipped. */
enum { NEAR = 4 };
static const struct {
    const char *start, *reason, *near[NEAR];
} rows[] = {
    {"qwen3", NULL, {"qwen3"}},
    {"qwen", NULL, {"qwen2", "qwen3"}},
    {"mixtral", EXPERTS, {"mistral", "llama"}},
    {"dbrx", EXPERTS, {"llama"}},
    {"mistral", NULL, {"mistral", "llama"}},
    {"ministral", NULL, {"mistral", "llama"}},
    {"minimax", NULL, {"mistral", "llama"}},
    {"mimo", NULL, {"mistral", "llama"}},
    {"gemma", NULL, {"gemma3_text", "gemma2", "llama"}},
    {"gpt_oss", NULL, {"qwen3", "llama"}},
    {"gpt_neox", NULL, {"gpt_neox", "gpt2"}},
    {"gpt_neo", NULL, {"gpt_neo", "gpt2"}},
    {"gptj", NULL, {"gpt_neox", "gpt2"}},
    {"gpt", NULL, {"gpt2"}}, /* gpt_bigcode and others */
    {"codegen", NULL, {"gpt_neox", "gpt2"}},
    {"bloom", NULL, {"gpt2"}},
    {"mpt", NULL, {"gpt2"}},
    {"biogpt", NULL, {"gpt2"}},
    {"xglm", NULL, {"opt"}},
    {"phi", NULL, {"phi3", "llama"}},
    {"olmo", NULL, {"olmo2", "llama"}},
    {"granite", NULL, {"granite", "llama"}},
    {"smollm", NULL, {"smollm3", "llama"}},
    {"deepseek", NULL, {"llama"}},
    {"distilbert", NULL, {"distilbert", "bert"}},
    {"albert", NULL, {"albert", "bert"}},
    {"electra", NULL, {"electra", "bert"}},
    {"convbert", NULL, {"bert"}},
    {"mobilebert", NULL, {"bert"}},
    {"squeezebert", NULL, {"bert"}},
    {"megatron", NULL, {"bert"}},
    {"layoutlm", NULL, {"bert"}},
    {"ernie", NULL, {"bert"}},
    {"roformer", NULL, {"bert"}},
    {"gliner", "find entities of any kind by a head of their own, which heed lacks", {"bert"}},
    {"bert", NULL, {"bert"}},
    {"modernbert", NULL, {"modernbert", "bert"}},
    {"eurobert", NULL, {"modernbert", "bert"}},
    {"deberta", NULL, {"deberta-v2", "roberta"}},
    {"new", NULL, {"gte", "bert"}},
    {"jina_embeddings_v3", "have an adapter for each task, which heed lacks", {"gte", "xlm-roberta"}},
    {"jina", NULL, {"xlm-roberta", "roberta"}},
    {"mpnet", NULL, {"mpnet", "roberta"}},
    {"camembert", NULL, {"camembert", "roberta"}},
    {"xlm-roberta", NULL, {"xlm-roberta", "roberta"}},
    {"xlm", NULL, {"xlm-roberta", "roberta"}},
    {"xmod", NULL, {"xlm-roberta", "roberta"}},
    {"longformer", NULL, {"roberta"}},
    {"big_bird", NULL, {"roberta"}},
    {"luke", NULL, {"roberta"}},
    {"data2vec-text", NULL, {"roberta"}},
    {"roberta", NULL, {"roberta"}},
    {"t5", NULL, {"t5", "pegasus"}},
    {"mt5", NULL, {"mt5", "t5", "pegasus"}},
    {"umt5", NULL, {"umt5", "t5", "pegasus"}},
    {"switch", NULL, {"t5", "pegasus"}},
    {"longt5", NULL, {"t5", "pegasus"}},
    {"bart", NULL, {"bart", "marian"}},
    {"led", NULL, {"bart", "marian"}},
    {"mvp", NULL, {"bart", "marian"}},
    {"mbart", NULL, {"mbart", "pegasus"}},
    {"plbart", NULL, {"mbart", "pegasus"}},
    {"m2m", NULL, {"m2m_100", "pegasus"}},
    {"nllb", NULL, {"m2m_100", "pegasus"}},
    {"blenderbot", NULL, {"bart", "pegasus"}},
    {"bigbird_pegasus", NULL, {"pegasus"}},
    {"pegasus", NULL, {"pegasus"}},
    {"fsmt", NULL, {"marian"}},
    {"whisper", SPEECH, {NULL}},
    {"wav2vec2", SPEECH, {NULL}},
    {"hubert", SPEECH, {NULL}},
    {"wavlm", SPEECH, {NULL}},
    {"moonshine", SPEECH, {NULL}},
    {"seamless", SPEECH, {NULL}},
    {"speech", SPEECH, {NULL}},
    {"bark", SPEECH, {NULL}},
    {"clap", SPEECH, {NULL}},
    {"vit", IMAGES, {NULL}},
    {"vision", IMAGES, {NULL}}, /* vision-encoder-decoder and others */
    {"trocr", IMAGES, {NULL}},
    {"clip", IMAGES, {NULL}},
    {"siglip", IMAGES, {NULL}},
    {"blip", IMAGES, {NULL}},
    {"dino", IMAGES, {NULL}},
    {"deit", IMAGES, {NULL}},
    {"beit", IMAGES, {NULL}},
    {"swin", IMAGES, {NULL}},
    {"detr", IMAGES, {NULL}},
    {"resnet", IMAGES, {NULL}},
    {"segformer", IMAGES, {NULL}},
};

/* The number of the row of a model type; HD_COUNT(rows): there is none. */
static size_t row_of(const char *model_type) {
    size_t i = 0;
    while (i < HD_COUNT(rows) && strncmp(model_type, rows[i].start, strlen(rows[i].start)) != 0) i++;
    return i;
}

static const char *nearest_by_spelling(const char *model_type) {
    const char *nearest = NULL;
    size_t edits = SIZE_MAX;
    for (int i = 0; hd_families[i]; i++)
        if (hd_is_nearer(model_type, strlen(model_type), hd_families[i]->model_type, &edits))
            nearest = hd_families[i]->model_type;
    return nearest;
}

const char *hd_family_nearest(const char *model_type) {
    size_t row = row_of(model_type);
    if (row == HD_COUNT(rows)) return nearest_by_spelling(model_type);
    for (int i = 0; i < NEAR && rows[row].near[i]; i++)
        if (hd_family_named(rows[row].near[i])) return rows[row].near[i];
    return NULL;
}

/* Keys of configs with a number of experts above one. */
static bool has_experts(const hd_json *config) {
    static const char *const keys[] = {"num_experts",     "num_local_experts", "n_routed_experts",   "n_experts",
                                       "moe_num_experts", "num_moe_experts",   "num_experts_per_tok"};
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (json_integer_value(json_object_get(config->root, keys[i])) > 1) return true;
    return false;
}

/* A decoder of token ids, by the name of its class. */
static bool predicts_tokens(const hd_json *config) {
    const char *name = json_string_value(json_array_get(json_object_get(config->root, "architectures"), 0));
    return name && strstr(name, "ForCausalLM");
}

static heed_status refuse_with_list(const hd_json *config, const char *model_type, const char *reason) {
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    for (int i = 0; hd_families[i]; i++) hd_buffer_format(&known, "%s%s", i ? ", " : "", hd_families[i]->model_type);
    heed_status status = HEED_MEMORY;
    if (!known.failed)
        status = hd_fail(config->context, HEED_UNSUPPORTED, "%s: models of type \"%s\" %s; heed opens: %s",
                         config->path, model_type, reason, known.data);
    hd_buffer_close(&known);
    return status;
}

/* Decoders of unknown types are near to Llama. */
heed_status hd_family_refuse(const hd_json *config, const char *model_type) {
    size_t row = row_of(model_type);
    const char *nearest = hd_family_nearest(model_type), *reason = row < HD_COUNT(rows) ? rows[row].reason : NULL;
    bool experts = has_experts(config);
    if (experts) reason = EXPERTS;
    if (!nearest && !(reason && !experts) && (experts || predicts_tokens(config))) nearest = "llama";
    if (!reason) reason = "are not supported";
    if (!nearest) return refuse_with_list(config, model_type, reason);
    return hd_fail(config->context, HEED_UNSUPPORTED,
                   "%s: models of type \"%s\" %s; the nearest that heed opens are of type \"%s\"", config->path,
                   model_type, reason, nearest);
}
