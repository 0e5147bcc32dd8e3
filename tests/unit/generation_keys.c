/* Each key of generation_config.json with values of every kind: what is read, refused by its name, or noted as lacking, as in
 * tests/golden/models/generation.txt (golden.h). Values that change nothing are not listed there. */
#include "golden.h"

#include "models/generation.h"

#include <string.h>
#include <unistd.h>

static const char *const names[] = {"assistant_confidence_threshold",
                                    "assistant_early_exit",
                                    "assistant_ensemble_weight",
                                    "assistant_lookbehind",
                                    "bad_words_ids",
                                    "begin_suppress_tokens",
                                    "bos_token_id",
                                    "cache_config",
                                    "cache_implementation",
                                    "compile_config",
                                    "constraints",
                                    "continuous_batching_config",
                                    "decoder_start_token_id",
                                    "disable_compile",
                                    "diversity_penalty",
                                    "do_sample",
                                    "dola_layers",
                                    "early_stopping",
                                    "encoder_no_repeat_ngram_size",
                                    "encoder_repetition_penalty",
                                    "eos_token_id",
                                    "epsilon_cutoff",
                                    "eta_cutoff",
                                    "exponential_decay_length_penalty",
                                    "force_words_ids",
                                    "forced_bos_token_id",
                                    "forced_eos_token_id",
                                    "guidance_scale",
                                    "is_assistant",
                                    "length_penalty",
                                    "low_memory",
                                    "max_cache_len",
                                    "max_length",
                                    "max_matching_ngram_size",
                                    "max_new_tokens",
                                    "max_time",
                                    "min_length",
                                    "min_new_tokens",
                                    "min_p",
                                    "no_repeat_ngram_size",
                                    "num_assistant_tokens",
                                    "num_assistant_tokens_schedule",
                                    "num_beam_groups",
                                    "num_beams",
                                    "num_return_sequences",
                                    "output_attentions",
                                    "output_hidden_states",
                                    "output_logits",
                                    "output_scores",
                                    "pad_token_id",
                                    "penalty_alpha",
                                    "prefill_chunk_size",
                                    "prompt_lookup_num_tokens",
                                    "remove_invalid_values",
                                    "renormalize_logits",
                                    "repetition_penalty",
                                    "return_dict_in_generate",
                                    "sequence_bias",
                                    "speculation_type",
                                    "stop_strings",
                                    "suppress_tokens",
                                    "target_lookbehind",
                                    "temperature",
                                    "token_healing",
                                    "top_h",
                                    "top_k",
                                    "top_p",
                                    "transformers_version",
                                    "typical_p",
                                    "use_cache",
                                    "use_mtp",
                                    "watermarking_config",
                                    "force_bos_token_to_be_generated",
                                    "no_such_key"};

static const char *const values[] = {"null",
                                     "true",
                                     "false",
                                     "0",
                                     "1",
                                     "-1",
                                     "2",
                                     "0.5",
                                     "15",
                                     "16",
                                     "1000000",
                                     "1000001",
                                     "16777216",
                                     "16777217",
                                     "-2147483649",
                                     "1e300",
                                     "\"never\"",
                                     "\"quantized\"",
                                     "[3]",
                                     "[]",
                                     "[3, 4, -1]",
                                     "[16]",
                                     "[\"a\"]",
                                     "[2, 1.5]",
                                     "[2.5, 1.5]",
                                     "[3000000000, 1.5]",
                                     "[[1, 2], [3]]",
                                     "[[16]]",
                                     "[[]]",
                                     "[[-1]]",
                                     "[[[1, 2], 0.5], [[3], -2]]",
                                     "[[[1], \"a\"]]",
                                     "{}"};

/* Nothing here must survive a power failure. */
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

/* The settings as they are written, without line ends and indents. */
static void append_written(heed_context *context, const char *folder, const hd_generation *g, const hd_recipe *recipe,
                           hd_buffer *out) {
    char path[128];
    hd_buffer text;
    snprintf(path, sizeof path, "%s/generation_config.json", folder);
    hd_buffer_open(&text, context);
    assert_ok(context, hd_generation_write(context, folder, g, recipe));
    assert_ok(context, hd_file_read(context, path, &text));
    unlink(path);
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != '\n' && text.data[i] != ' ') hd_buffer_byte(out, text.data[i]);
    hd_buffer_close(&text);
}

/* What the key with this value leads to. */
static void describe_case(heed_context *context, const char *folder, const char *name, const char *value,
                          hd_buffer *out) {
    static char path[] = "generation_config.json";
    const hd_recipe recipe = {.vocabulary = 16, .pad = 15, .eos = 2, .decoder_start = 1};
    hd_arena arena;
    hd_generation g;
    json_t *root = json_object();
    hd_arena_open(&arena, context);
    json_object_set_new(root, name, json_loads(value, JSON_DECODE_ANY, NULL));
    hd_json json = {.context = context, .path = path, .root = root, .index = SIZE_MAX};
    hd_generation_default(&g);
    heed_status status = hd_generation_parse(&json, &recipe, &arena, &g);
    if (status != HEED_OK)
        hd_buffer_format(out, "%s: %s", heed_status_name(status), heed_context_message(context));
    else if (g.lacking)
        hd_buffer_text(out, g.lacking);
    else
        append_written(context, folder, &g, &recipe, out);
    if (status == HEED_OK && g.start >= 0) hd_buffer_format(out, " start %d", g.start);
    json_decref(root);
    hd_arena_close(&arena);
}

static void keys_are_read_refused_or_lacking(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    hd_buffer out, unchanged;
    assert_non_null(mkdtemp(folder));
    hd_buffer_open(&out, context), hd_buffer_open(&unchanged, context);
    describe_case(context, folder, "no_such_key", "null", &unchanged);
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        hd_buffer before, now;
        hd_buffer_open(&before, context), hd_buffer_open(&now, context);
        for (size_t j = 0; j < HD_COUNT(values); j++) { /* values with the same consequence share a line */
            hd_buffer_clear(&now);
            describe_case(context, folder, names[i], values[j], &now);
            bool same = j && strcmp(now.data, before.data) == 0;
            const char *what = strcmp(now.data, unchanged.data) == 0 ? "no effect" : now.data;
            if (same)
                hd_buffer_format(&out, " %s", values[j]);
            else
                hd_buffer_format(&out, "%s\n  %s\n    %s", j ? "" : names[i], what, values[j]);
            hd_buffer_clear(&before);
            hd_buffer_text(&before, now.data);
        }
        hd_buffer_byte(&out, '\n');
        hd_buffer_close(&before), hd_buffer_close(&now);
    }
    assert_golden("models/generation.txt", &out);
    assert_int_equal(rmdir(folder), 0);
    hd_buffer_close(&out), hd_buffer_close(&unchanged);
    heed_context_close(context);
}

/* Two keys that heed lacks: the first is named, whole. */
static void the_first_lacking_key_is_named(void **state) {
    (void)state;
    static char path[] = "folder/generation_config.json";
    const hd_recipe recipe = {.vocabulary = 16, .pad = 15, .eos = 2, .decoder_start = 1};
    heed_context *context = open_context();
    hd_arena arena;
    hd_generation g;
    hd_arena_open(&arena, context);
    json_t *root = json_pack("{s:f, s:[s], s:f}", "guidance_scale", 2.5, "stop_strings", "x", "top_h", 0.5);
    hd_json json = {.context = context, .path = path, .root = root, .index = SIZE_MAX};
    hd_generation_default(&g);
    assert_ok(context, hd_generation_parse(&json, &recipe, &arena, &g));
    assert_string_equal(g.lacking, "folder/generation_config.json: \"top_h\" is set, which heed lacks");
    json_decref(root);
    hd_arena_close(&arena);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_refused_or_lacking),
        cmocka_unit_test(the_first_lacking_key_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
