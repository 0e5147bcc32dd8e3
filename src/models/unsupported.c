#include "models/unsupported.h"

#include "models/family.h"

#include <string.h>

/* Model types by their beginning, the first that fits; the families that are near, the nearest first. A family that heed does
 * not open yet is skipped. */
enum { NEAR = 4 };
static const struct {
    const char *start, *near[NEAR];
} rows[] = {
    {"qwen3", {"qwen3"}},
    {"qwen", {"qwen2", "qwen3"}},
    {"mixtral", {"mistral", "llama"}},
    {"mi", {"mistral", "llama"}}, /* mistral, ministral, minimax, mimo */
    {"gemma", {"gemma3_text", "gemma2", "llama"}},
    {"gpt_oss", {"qwen3", "llama"}},
    {"gpt", {"gpt_neox", "gpt2"}}, /* gpt_neox, gptj, gpt_neo, gpt_bigcode */
    {"codegen", {"gpt_neox", "gpt2"}},
    {"bloom", {"gpt2"}},
    {"mpt", {"gpt2"}},
    {"phi", {"phi3", "llama"}},
    {"olmo", {"olmo2", "llama"}},
    {"granite", {"granite", "llama"}},
    {"distilbert", {"distilbert", "bert"}},
    {"albert", {"albert", "bert"}},
    {"electra", {"electra", "bert"}},
    {"convbert", {"bert"}},
    {"mobilebert", {"bert"}},
    {"megatron", {"bert"}},
    {"bert", {"bert"}},
    {"nomic_bert", {"nomic_bert", "bert"}},
    {"modernbert", {"modernbert", "bert"}},
    {"deberta", {"deberta-v2", "roberta"}},
    {"new", {"gte", "bert"}},
    {"gte", {"gte", "bert"}},
    {"mpnet", {"mpnet", "roberta"}},
    {"camembert", {"camembert", "roberta"}},
    {"xlm-roberta", {"xlm-roberta", "roberta"}},
    {"xlm", {"xlm-roberta", "roberta"}},
    {"longformer", {"roberta"}},
    {"roberta", {"roberta"}},
    {"t5", {"t5", "pegasus"}},
    {"mt5", {"mt5", "t5", "pegasus"}},
    {"umt5", {"umt5", "t5", "pegasus"}},
    {"switch", {"t5", "pegasus"}},
    {"longt5", {"t5", "pegasus"}},
    {"bart", {"bart", "marian"}},
    {"mbart", {"mbart", "pegasus"}},
    {"m2m", {"m2m_100", "pegasus"}},
    {"nllb", {"m2m_100", "pegasus"}},
    {"blenderbot", {"bart", "pegasus"}},
    {"pegasus", {"pegasus"}},
    {"fsmt", {"marian"}},
};

/* Decoders of these types differ from Llama's. Others of unknown types that predict tokens are near to it. */
const char *hd_family_nearest(const char *model_type) {
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        if (strncmp(model_type, rows[i].start, strlen(rows[i].start)) != 0) continue;
        for (int j = 0; j < NEAR && rows[i].near[j]; j++)
            if (hd_family_named(rows[i].near[j])) return rows[i].near[j];
        return NULL;
    }
    return NULL;
}

/* Keys of configs with a number of experts above one. */
static bool has_experts(const hd_json *config) {
    static const char *const keys[] = {"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts",
                                       "num_experts_per_tok"};
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (json_integer_value(json_object_get(config->root, keys[i])) > 1) return true;
    return false;
}

/* A decoder of token ids, by the name of its class. */
static bool predicts_tokens(const hd_json *config) {
    const char *name = json_string_value(json_array_get(json_object_get(config->root, "architectures"), 0));
    return name && strstr(name, "ForCausalLM");
}

static heed_status refuse_with_list(const hd_json *config, const char *model_type) {
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    for (int i = 0; hd_families[i]; i++) hd_buffer_format(&known, "%s%s", i ? ", " : "", hd_families[i]->model_type);
    heed_status status = known.failed ? HEED_MEMORY
                                      : hd_fail(config->context, HEED_UNSUPPORTED,
                                                "%s: models of type \"%s\" are not supported; heed opens: %s",
                                                config->path, model_type, known.data ? known.data : "");
    hd_buffer_close(&known);
    return status;
}

heed_status hd_family_refuse(const hd_json *config, const char *model_type) {
    const char *nearest = hd_family_nearest(model_type), *reason = "are not supported";
    bool experts = has_experts(config);
    if (!nearest && (experts || predicts_tokens(config))) nearest = "llama";
    if (!nearest) return refuse_with_list(config, model_type);
    if (experts) reason = "are mixtures of experts, which heed lacks";
    return hd_fail(config->context, HEED_UNSUPPORTED,
                   "%s: models of type \"%s\" %s; the nearest that heed opens are of type \"%s\"", config->path,
                   model_type, reason, nearest);
}
