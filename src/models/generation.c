#include "models/generation.h"

#include "base/file.h"
#include "formats/json.h"

#include <string.h>

void hd_generation_default(hd_generation *generation) {
    *generation = (hd_generation){.beams = 1,
                                  .best = 1,
                                  .length_penalty = 1.0f,
                                  .repetition_penalty = 1.0f,
                                  .forced_eos = -1,
                                  .temperature = 1.0f,
                                  .top_p = 1.0f};
}

static heed_status read_early_stopping(const hd_json *config, int *early_stopping) {
    const json_t *value = json_object_get(config->root, "early_stopping");
    if (!value || json_is_null(value)) return HEED_OK;
    if (json_is_boolean(value))
        *early_stopping = json_is_true(value) ? HD_STOP_FULL : HD_STOP_UNLIKELY;
    else if (json_is_string(value) && strcmp(json_string_value(value), "never") == 0)
        *early_stopping = HD_STOP_NEVER;
    else
        return hd_json_expected(config, "early_stopping", "true, false or \"never\"");
    return HEED_OK;
}

static heed_status read_all(const hd_json *config, hd_generation *generation) {
    double length_penalty, repetition_penalty;
    int64_t forced;
    HD_TRY(hd_json_int(config, "num_beams", generation->beams, 1, 1024, &generation->beams));
    HD_TRY(hd_json_int(config, "max_length", generation->max_length, 1, 1 << 24, &generation->max_length));
    HD_TRY(hd_json_int(config, "max_new_tokens", 0, 1, 1 << 24, &generation->max_new_tokens));
    HD_TRY(hd_json_float(config, "length_penalty", 1, -100, 100, &length_penalty));
    HD_TRY(hd_json_float(config, "repetition_penalty", 1, 1e-6, 1e6, &repetition_penalty));
    HD_TRY(hd_json_int(config, "no_repeat_ngram_size", 0, 0, 1 << 24, &generation->no_repeat_ngram));
    HD_TRY(hd_json_int(config, "forced_eos_token_id", -1, 0, 1 << 24, &forced));
    HD_TRY(read_early_stopping(config, &generation->early_stopping));
    generation->length_penalty = (float)length_penalty;
    generation->repetition_penalty = (float)repetition_penalty;
    generation->forced_eos = (int32_t)forced;
    static const char *const lacking[] = {"forced_bos_token_id", "force_words_ids",       "constraints",
                                          "suppress_tokens",     "begin_suppress_tokens", "num_beam_groups"};
    for (size_t i = 0; i < HD_COUNT(lacking); i++) {
        const json_t *value = json_object_get(config->root, lacking[i]);
        if (value && !json_is_null(value) && !(json_is_integer(value) && json_integer_value(value) == 1))
            return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is not supported", config->path, lacking[i]);
    }
    return HEED_OK;
}

heed_status hd_generation_read(heed_context *context, const char *folder, hd_generation *generation) {
    char *path = hd_path_join(context, folder, "generation_config.json");
    if (!path) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (hd_file_exists(path)) {
        hd_json config;
        status = hd_json_open(context, path, &config);
        if (status == HEED_OK) {
            status = read_all(&config, generation);
            hd_json_close(&config);
        }
    }
    hd_free(context, path);
    return status;
}

heed_status hd_generation_write(heed_context *context, const char *folder, const hd_generation *generation, int32_t pad,
                                int32_t eos, int32_t decoder_start, bool translates) {
    json_t *early = generation->early_stopping == HD_STOP_NEVER
                        ? json_string("never")
                        : json_boolean(generation->early_stopping == HD_STOP_FULL);
    json_t *config = json_pack("{s:o, s:I, s:f, s:o}", "max_length",
                               generation->max_length ? json_integer(generation->max_length) : json_null(), "num_beams",
                               (json_int_t)generation->beams, "length_penalty", (double)generation->length_penalty,
                               "early_stopping", early);
    int failed = !config;
    if (pad >= 0) {
        failed |= json_object_set_new(config, "pad_token_id", json_integer(pad));
        failed |= json_object_set_new(config, "bad_words_ids", json_pack("[[i]]", pad));
    }
    if (eos >= 0) failed |= json_object_set_new(config, "eos_token_id", json_integer(eos));
    if (translates) {
        failed |= json_object_set_new(config, "decoder_start_token_id", json_integer(decoder_start));
        failed |= json_object_set_new(config, "forced_eos_token_id", json_integer(eos));
    }
    char *path = hd_path_join(context, folder, "generation_config.json");
    heed_status status = HEED_MEMORY;
    if (failed)
        hd_json_no_memory(context, "generation_config.json");
    else if (path)
        status = hd_json_write(context, path, config);
    json_decref(config);
    hd_free(context, path);
    return status;
}
