#include "models/nested.h"

#include "models/family.h"

/* As transformers' GenerationConfig.from_model_config: the outer config's own values come first. */
static heed_status inherit(const hd_json *config, const hd_json *text) {
    static const char *const keys[] = {"bos_token_id", "eos_token_id", "pad_token_id", "quantization_config",
                                       "compression_config"};
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (hd_json_has(config, keys[i]) &&
            json_object_set(text->root, keys[i], json_object_get(config->root, keys[i])) != 0)
            return hd_json_no_memory(config->context, config->path);
    /* Tied where either says so. */
    if (json_is_true(json_object_get(config->root, "tie_word_embeddings")) &&
        json_object_set_new(text->root, "tie_word_embeddings", json_true()) != 0)
        return hd_json_no_memory(config->context, config->path);
    return HEED_OK;
}

heed_status hd_nested_find(const hd_json *config, hd_json *text, const char **model_type) {
    const char *outer = *model_type, *inner;
    *text = (hd_json){0};
    if (hd_family_named(outer) || !hd_json_has(config, "text_config")) return HEED_OK;
    hd_json found;
    HD_TRY(hd_json_object(config, "text_config", &found));
    if (!hd_json_has(&found, "model_type")) return HEED_OK; /* the outer type is refused */
    HD_TRY(hd_json_string(&found, "model_type", NULL, &inner));
    HD_TRY(inherit(config, &found));
    hd_note(config->context, "%s: \"%s\" is a multimodal model; its text model, \"%s\", is used alone", config->path,
            outer, inner);
    *text = found;
    *model_type = inner;
    return HEED_OK;
}
