/* Model folders as people have them: other names of the same weights, configs of transformers 4 and 5, text models inside of
 * multimodal folders, and folders that heed does not open, which it names with what to open instead. */
#include "failing.h"

#include "base/file.h"
#include "formats/model_folder.h"
#include "formats/widen.h"
#include "models/model.h"
#include "models/unsupported.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- folders ------------------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/heed-folders-XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return strcmp(path, folder) == 0 ? 0 : remove(path);
}

static int empty_folder(void **state) {
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) { return empty_folder(state) | rmdir(folder); }

static void write_text(const char *name, const char *text) {
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, in_folder(name), text, strlen(text)));
    heed_context_close(context);
}

/* config.json of a golden folder, for the caller to change and to give to write_config. */
static json_t *config_of(const char *golden) {
    char path[512];
    snprintf(path, sizeof path, GOLDEN "/%s/config.json", golden);
    json_t *config = json_load_file(path, 0, NULL);
    assert_non_null(config);
    return config;
}

static void write_config(json_t *config) {
    char *text = json_dumps(config, 0);
    write_text("config.json", text);
    free(text);
    json_decref(config);
}

/* How the weights of a golden folder are written. */
typedef struct change {
    const char *from, *to; /* a start of names, and what is there instead; names that lack it are kept, unless */
    const char *also_from, *also_to; /* they begin like this */
    const char *within, *replaced;   /* a part of names, and what is there instead */
    const char *extra;               /* the name of one more tensor, [2] zeros; NULL: none */
    const char *extra_of;            /* or a copy of this one */
    bool wide;                       /* floats are written in F64 */
} change;

/* The new name of a tensor, for free. */
static char *renamed(const char *name, const change *c) {
    char text[256];
    const char *part = c->within ? strstr(name, c->within) : NULL;
    if (c->from && strncmp(name, c->from, strlen(c->from)) == 0)
        snprintf(text, sizeof text, "%s%s", c->to, name + strlen(c->from));
    else if (c->also_from && strncmp(name, c->also_from, strlen(c->also_from)) == 0)
        snprintf(text, sizeof text, "%s%s", c->also_to, name + strlen(c->also_from));
    else if (part)
        snprintf(text, sizeof text, "%.*s%s%s", (int)(part - name), name, c->replaced, part + strlen(c->within));
    else
        snprintf(text, sizeof text, "%s", name);
    return strdup(text);
}

static void write_wide(hd_safetensors_writer *writer, const hd_stored_tensor *t) {
    double *wide = malloc(t->count * sizeof *wide + 1);
    assert_true(hd_narrow(HD_F64, t->data, wide, t->count));
    assert_int_equal(hd_safetensors_writer_write(writer, wide, t->count * sizeof *wide), HEED_OK);
    free(wide);
}

static void write_weights(const char *golden, const change *c) {
    enum { MOST = 100 };
    char path[512];
    heed_context *context = open_context();
    hd_safetensors *file;
    hd_declared_tensor declared[MOST];
    char *names[MOST];
    snprintf(path, sizeof path, GOLDEN "/%s/model.safetensors", golden);
    assert_ok(context, hd_safetensors_open(context, path, &file));
    size_t count = hd_safetensors_count(file);
    assert_true(count < MOST);
    for (size_t i = 0; i < count; i++) {
        const hd_stored_tensor *t = hd_safetensors_at(file, i);
        names[i] = renamed(t->name, c);
        declared[i] = (hd_declared_tensor){names[i], c->wide ? HD_F64 : t->dtype, t->dimensions, {0}};
        memcpy(declared[i].shape, t->shape, sizeof declared[i].shape);
    }
    const hd_stored_tensor *twin = c->extra_of ? hd_safetensors_find(file, c->extra_of) : NULL;
    assert_int_equal(twin != NULL, c->extra_of != NULL);
    if (c->extra) declared[count] = (hd_declared_tensor){c->extra, HD_F32, 1, {2}};
    if (twin) {
        declared[count].dimensions = twin->dimensions;
        memcpy(declared[count].shape, twin->shape, sizeof twin->shape);
    }
    hd_safetensors_writer writer;
    assert_ok(context, hd_safetensors_writer_open(context, in_folder("model.safetensors"), declared,
                                                  count + (c->extra != NULL), &writer));
    for (size_t i = 0; i < count; i++) {
        const hd_stored_tensor *t = hd_safetensors_at(file, i);
        if (c->wide)
            write_wide(&writer, t);
        else
            assert_ok(context, hd_safetensors_writer_write(&writer, t->data, t->bytes));
        free(names[i]);
    }
    if (twin)
        assert_ok(context, hd_safetensors_writer_write(&writer, twin->data, twin->bytes));
    else if (c->extra)
        assert_ok(context, hd_safetensors_writer_write(&writer, (float[2]){0}, 2 * sizeof(float)));
    assert_ok(context, hd_safetensors_writer_commit(&writer));
    hd_safetensors_close(file);
    heed_context_close(context);
}

/* ---- models ------------------------------------------------------------------------------------------------------- */

static char notes[4096];
static bool verbose = true;

static void keep_note(void *user, const char *line) {
    (void)user;
    snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n", line);
}

/* The bits of the logits of a text; the notes of the opening are kept. */
static uint64_t bits_of(const char *path) {
    static const int32_t ids[] = {2, 17, 4, 30, 9, 10, 3}, starts[] = {0, HD_COUNT(ids)};
    heed_context *context = open_context();
    heed_model *model;
    notes[0] = 0;
    heed_context_set_log(context, keep_note, NULL);
    heed_context_set_verbose(context, verbose);
    assert_ok(context, hd_model_open_untokenized(context, path, HD_OPEN_TO_RUN, &model));
    hd_layout layout = {1, (int32_t *)(uintptr_t)starts, NULL, NULL};
    hd_input input = {.ids = (int32_t *)(uintptr_t)ids};
    const hd_network *network = model->network;
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    hd_tensor *states = network->recipe.side[HD_ENCODER].layers
                            ? hd_network_encode(network, &pass, &input, &layout)
                            : hd_network_decode(network, &pass, &input, &layout, NULL);
    hd_tensor *logits = hd_network_head(network, &pass, states);
    if (network->output) logits = hd_network_logits(network, &pass, logits, 0, network->output->rows);
    if (!logits) fail_msg("%s: %s", path, context->message);
    uint64_t bits = fingerprint(FINGERPRINT_OF_NOTHING, logits->data, (size_t)hd_tensor_count(logits) * sizeof(float));
    hd_pass_close(&pass);
    hd_model_close(model);
    heed_context_close(context);
    return bits;
}

static uint64_t bits_of_golden(const char *name) {
    char path[512];
    snprintf(path, sizeof path, GOLDEN "/%s", name);
    return bits_of(path);
}

/* Opening the folder fails with these words. */
static void assert_refused(const char *path, heed_status expected, const char *part) {
    heed_context *context = open_context();
    heed_model *model;
    heed_status status = hd_model_open_untokenized(context, path, HD_OPEN_TO_RUN, &model);
    const char *message = heed_context_message(context);
    if (status != expected || !strstr(message, part) || strchr(message, '\n'))
        fail_msg("%s, \"%s\", expected %s with \"%s\"", heed_status_name(status), message, heed_status_name(expected),
                 part);
    heed_context_close(context);
}

/* ---- names of weights --------------------------------------------------------------------------------------------- */

static void other_names_are_the_same_model(void **state) {
    (void)state;
    static const struct {
        const char *golden;
        change change;
    } cases[] = {
        {"families/gpt2", {.from = "transformer.", .to = ""}},
        {"families/llama", {.from = "model.", .to = ""}},
        {"families/bert-masked", {.from = "bert.", .to = ""}},
        {"families/bert-masked", {.within = "LayerNorm.weight", .replaced = "LayerNorm.gamma"}},
        {"families/bert-masked", {.within = "LayerNorm.bias", .replaced = "LayerNorm.beta"}},
        {"families/roberta-masked", {.from = "roberta.", .to = ""}},
        {"families/opt", {.from = "model.", .to = ""}},
        {"families/albert-masked", {.from = "albert.", .to = ""}},
        {"families/albert-masked", {.within = "LayerNorm.weight", .replaced = "LayerNorm.gamma"}},
        {"families/albert-masked", {.extra = "predictions.decoder.bias", .extra_of = "predictions.bias"}},
        {"families/albert-headless", {.from = "", .to = "albert."}},
        {"families/bert-headless", {.from = "", .to = "bert."}},
        {"families/camembert-masked", {.from = "roberta.", .to = ""}},
        {"families/deberta-v2-masked", {.from = "deberta.", .to = ""}},
        {"families/deberta-v2-masked",
         {.from = "cls.predictions.transform.",
          .to = "lm_predictions.lm_head.",
          .also_from = "cls.predictions.",
          .also_to = "lm_predictions.lm_head."}},
        {"families/deberta-v2-masked",
         {.extra = "cls.predictions.decoder.weight", .extra_of = "deberta.embeddings.word_embeddings.weight"}},
        {"families/deberta-v2-headless", {.from = "", .to = "deberta."}},
        {"families/distilbert-masked", {.from = "distilbert.", .to = ""}},
        {"families/distilbert-masked", {.within = "LayerNorm.bias", .replaced = "LayerNorm.beta"}},
        {"families/distilbert-masked",
         {.extra = "vocab_projector.weight", .extra_of = "distilbert.embeddings.word_embeddings.weight"}},
        {"families/electra-masked", {.from = "electra.", .to = ""}},
        {"families/electra-masked",
         {.extra = "generator_lm_head.weight", .extra_of = "electra.embeddings.word_embeddings.weight"}},
        {"families/gpt2-headless", {.from = "", .to = "transformer."}},
        {"families/llama-answer", {.from = "transformer.", .to = "model."}},
        {"families/llama-headless", {.from = "", .to = "model."}},
        {"families/xlm-roberta-masked", {.extra = "lm_head.decoder.bias", .extra_of = "lm_head.bias"}},
        {"families/llama", {.extra = "model.layers.0.self_attn.rotary_emb.inv_freq"}},
        {"families/gpt2", {.extra = "transformer.h.0.attn.bias"}},
        {"families/gpt2", {.extra = "transformer.h.0.attn.masked_bias"}},
        {"families/bert-masked", {.extra = "bert.embeddings.position_ids"}},
        {"families/llama-grouped", {.extra = "lm_head.weight", .extra_of = "model.embed_tokens.weight"}},
        {"families/bert-masked", {.extra = "cls.predictions.decoder.bias", .extra_of = "cls.predictions.bias"}},
        {"families/bert-masked",
         {.extra = "cls.predictions.decoder.weight", .extra_of = "bert.embeddings.word_embeddings.weight"}},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        uint64_t expected = bits_of_golden(cases[i].golden);
        write_config(config_of(cases[i].golden));
        write_weights(cases[i].golden, &cases[i].change);
        if (bits_of(folder) != expected) fail_msg("case %zu has other logits", i);
        if (notes[0]) fail_msg("case %zu: %s", i, notes);
    }
}

/* Models for pretraining have a second head. They open with the other one, and the rest of the file is listed. */
static void models_for_pretraining_open(void **state) {
    (void)state;
    static const struct {
        const char *golden, *class, *extra;
    } cases[] = {{"families/bert-masked", "BertForPreTraining", "cls.seq_relationship.bias"},
                 {"families/bert-masked", "BertForPreTraining", "bert.pooler.dense.bias"},
                 {"families/albert-masked", "AlbertForPreTraining", "sop_classifier.classifier.bias"},
                 {"families/electra-headless", "ElectraForPreTraining", "discriminator_predictions.dense.bias"}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        uint64_t expected = bits_of_golden(cases[i].golden);
        json_t *config = config_of(cases[i].golden);
        json_object_set_new(config, "architectures", json_pack("[s]", cases[i].class));
        write_config(config);
        write_weights(cases[i].golden, &(change){.extra = cases[i].extra});
        if (bits_of(folder) != expected) fail_msg("%s has other logits", cases[i].class);
        assert_non_null(strstr(notes, cases[i].extra));
        assert_null(strchr(strchr(notes, '\n') + 1, '\n'));
    }
}

static void other_heads_are_refused_by_name(void **state) {
    (void)state;
    static const char *const classes[][2] = {{"families/bert-masked", "BertForNextSentencePrediction"},
                                             {"families/bert-masked", "BertLMHeadModel"},
                                             {"families/bert-masked", "BertForMultipleChoice"},
                                             {"families/roberta-masked", "RobertaForCausalLM"},
                                             {"families/electra-text", "ElectraForMultipleChoice"},
                                             {"families/opt", "OPTForTokenClassification"},
                                             {"families/llama", "LlamaForMultipleChoice"}};
    for (size_t i = 0; i < HD_COUNT(classes); i++) {
        char part[100];
        json_t *config = config_of(classes[i][0]);
        json_object_set_new(config, "architectures", json_pack("[s]", classes[i][1]));
        write_config(config);
        write_weights(classes[i][0], &(change){0});
        snprintf(part, sizeof part, "\"architectures\" names %s; of type", classes[i][1]);
        assert_refused(folder, HEED_UNSUPPORTED, part);
    }
}

/* A note lists what is not used, but not what is equal to something that is. */
static void extra_tensors_are_noted(void **state) {
    (void)state;
    uint64_t expected = bits_of_golden("families/gpt2");
    write_config(config_of("families/gpt2"));
    write_weights("families/gpt2", &(change){.extra = "transformer.h.7.ln_1.weight"});
    assert_true(bits_of(folder) == expected);
    assert_non_null(strstr(notes, "/model.safetensors: tensor \"transformer.h.7.ln_1.weight\" [2] is not used\n"));
    assert_null(strchr(strchr(notes, '\n') + 1, '\n'));
    write_config(config_of("families/llama-grouped")); /* tied */
    write_weights("families/llama-grouped", &(change){.extra = "attn.biased"});
    verbose = false;
    bits_of(folder);
    assert_string_equal(notes, "");
    verbose = true;
    bits_of(folder);
    assert_non_null(strstr(notes, "\"attn.biased\""));
    assert_null(strchr(strchr(notes, '\n') + 1, '\n'));
}

/* Old files of T5 have a bias that no version of transformers reads. */
static void tensors_without_a_use_are_not_noted(void **state) {
    (void)state;
    static const char extra[] = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
    uint64_t expected = bits_of_golden("families/t5");
    write_config(config_of("families/t5"));
    write_weights("families/t5", &(change){.extra = extra});
    assert_true(bits_of(folder) == expected);
    assert_string_equal(notes, "");
}

/* Weights of other floats are converted; others than floats are not weights. */
static void any_floats_are_weights(void **state) {
    (void)state;
    static const char *const goldens[] = {"families/gpt2", "families/llama", "families/bert-masked"};
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        uint64_t expected = bits_of_golden(goldens[i]);
        write_config(config_of(goldens[i]));
        write_weights(goldens[i], &(change){.wide = true});
        assert_true(bits_of(folder) == expected);
    }
    heed_context *context = open_context();
    const hd_declared_tensor embedding = {"transformer.wte.weight", HD_I32, 2, {37, 24}};
    static const int32_t zeros[37 * 24];
    hd_safetensors_writer writer;
    write_config(config_of("families/gpt2"));
    assert_ok(context, hd_safetensors_writer_open(context, in_folder("model.safetensors"), &embedding, 1, &writer));
    assert_ok(context, hd_safetensors_writer_write(&writer, zeros, sizeof zeros));
    assert_ok(context, hd_safetensors_writer_commit(&writer));
    heed_context_close(context);
    assert_refused(folder, HEED_UNSUPPORTED, "tensor \"transformer.wte.weight\" is I32, expected floats");
}

/* ---- configs ------------------------------------------------------------------------------------------------------ */

/* {"model_type": "llava", "text_config": the golden's} */
static json_t *nested_config(const char *golden) {
    json_t *text = config_of(golden);
    json_object_del(text, "architectures");
    json_t *config = json_pack("{s:s, s:[s], s:{}, s:o}", "model_type", "llava", "architectures",
                               "LlavaForConditionalGeneration", "vision_config", "text_config", text);
    assert_non_null(config);
    return config;
}

static void text_models_inside_are_used(void **state) {
    (void)state;
    static const change layouts[] = {
        {.from = "model.", .to = "model.language_model."},
        {.from = "model.", .to = "language_model.model.", .also_from = "lm_head", .also_to = "language_model.lm_head"},
        {.from = "model.", .to = "model.text_model."},
        {.from = "", .to = "language_model."},
        {.from = "model.", .to = "language_model."},
        {.extra = "vision_tower.embeddings.weight"},
    };
    static const char *const goldens[] = {"families/llama", "families/llama-grouped"};
    for (size_t g = 0; g < HD_COUNT(goldens); g++) {
        uint64_t expected = bits_of_golden(goldens[g]);
        for (size_t i = 0; i < HD_COUNT(layouts); i++) {
            write_config(nested_config(goldens[g]));
            write_weights(goldens[g], &layouts[i]);
            if (bits_of(folder) != expected) fail_msg("layout %zu of %s has other logits", i, goldens[g]);
            assert_non_null(strstr(
                notes, "/config.json: \"llava\" is a multimodal model; its text model, \"llama\", is used alone\n"));
            assert_int_equal(strstr(notes, "vision_tower") != NULL, layouts[i].extra != NULL);
        }
    }
}

static void outer_configs_count(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    json_t *config = nested_config("families/llama-grouped");
    json_object_set_new(config, "eos_token_id", json_integer(7)); /* the text's is 2 */
    json_object_set_new(json_object_get(config, "text_config"), "tie_word_embeddings", json_false());
    write_config(config);
    write_weights("families/llama-grouped", &(change){0});
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model));
    assert_int_equal(model->network->recipe.eos, 7);
    assert_false(model->network->recipe.untied); /* the file has no output table */
    hd_model_close(model);

    config = nested_config("families/llama-grouped"); /* tied where either says so */
    json_object_set_new(config, "tie_word_embeddings", json_true());
    json_object_set_new(json_object_get(config, "text_config"), "tie_word_embeddings", json_false());
    write_config(config);
    write_weights("families/llama-grouped",
                  &(change){.extra = "lm_head.weight", .extra_of = "model.embed_tokens.weight"});
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model));
    assert_false(model->network->recipe.untied);
    hd_model_close(model);
    heed_context_close(context);

    config = nested_config("families/llama");
    json_object_set_new(config, "quantization_config", json_pack("{s:s}", "quant_method", "awq"));
    write_config(config);
    assert_refused(folder, HEED_UNSUPPORTED,
                   "the weights are quantized by awq, which heed lacks; it opens the model that");
    config = nested_config("families/llama");
    json_object_del(json_object_get(config, "text_config"), "hidden_size");
    write_config(config);
    assert_refused(folder, HEED_FORMAT, "/config.json: \"text_config.hidden_size\" is missing");
    config = nested_config("families/llama");
    json_object_del(json_object_get(config, "text_config"), "model_type");
    write_config(config);
    assert_refused(folder, HEED_UNSUPPORTED, "models of type");
}

static heed_status open_verbosely(heed_context *context) {
    heed_model *model;
    assert_ok(context, heed_context_set_threads(context, 1));
    heed_context_set_log(context, keep_note, NULL);
    heed_context_set_verbose(context, 1);
    notes[0] = 0;
    heed_status status = hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model);
    if (status == HEED_OK) hd_model_close(model);
    return status;
}

static void failing_allocations(void **state) {
    (void)state;
    json_t *config = nested_config("families/gpt2");
    json_object_set_new(config, "model_type", json_string("wrapper"));
    write_config(config);
    write_weights("families/gpt2", &(change){.from = "", .to = "language_model.", .extra = "x"});
    fail_each_allocation(open_verbosely);
}

/* As transformers: rope_scaling replaces rope_parameters; the base is there or beside it. */
static void rotation_of_both_versions(void **state) {
    (void)state;
    static const struct {
        const char *keys;
        float base;
        const char *part;
    } cases[] = {
        {"{}", 10000, NULL},
        {"{\"rope_theta\": 500}", 500, NULL},
        {"{\"rope_parameters\": {\"rope_theta\": 600, \"rope_type\": \"default\"}}", 600, NULL},
        {"{\"rope_theta\": 500, \"rope_parameters\": {\"rope_theta\": 600}}", 600, NULL},
        {"{\"rope_theta\": 500, \"rope_parameters\": {\"rope_type\": \"default\"}}", 500, NULL},
        {"{\"rope_theta\": 500, \"rope_scaling\": null}", 500, NULL},
        {"{\"rope_theta\": 500, \"rope_scaling\": {}, \"rope_parameters\": {\"rope_theta\": 600}}", 600, NULL},
        {"{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 1.0}}", 500, NULL},
        {"{\"rope_scaling\": {\"rope_type\": \"default\"}, \"rope_parameters\": {\"rope_theta\": 600}}", 10000, NULL},
        {"{\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [1, 1, 2]}}", 500, NULL},
        {"{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 700, \"rope_type\": \"default\"}}}", 700, NULL},
        {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}}", 10000, NULL},
        {"{\"rope_scaling\": {\"type\": \"linear\"}}", 0, "\"rope_scaling.factor\" is missing"},
        {"{\"rope_parameters\": {\"rope_type\": \"proportional\"}}", 0,
         "\"rope_parameters\": rotary positions are scaled (proportional), which heed lacks; it has default, linear, "},
        {"{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"llama3\", \"factor\": 8.0}}}", 0,
         "\"rope_parameters.full_attention.low_freq_factor\" is missing"},
        {"{\"rope_scaling\": {\"type\": \"lama3\"}}", 0, "yarn, longrope, mrope, su; the nearest is llama3"},
        {"{\"rope_theta\": 1}", 0, "\"rope_theta\" is 1, expected a number above 1"},
        {"{\"partial_rotary_factor\": 0.5}", 0, "\"partial_rotary_factor\" is 0.5, which heed lacks"},
        {"{\"rope_parameters\": {\"rope_theta\": 0.5}}", 0, "\"rope_parameters.rope_theta\" is 0.5"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_context *context = open_context();
        json_t *config = config_of("families/llama"), *keys = json_loads(cases[i].keys, 0, NULL);
        assert_non_null(keys);
        json_object_del(config, "rope_parameters");
        json_object_update(config, keys);
        json_decref(keys);
        static char path[] = "config.json";
        hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
        hd_recipe recipe;
        heed_status status = hd_family_read(&hd_llama, &json, &recipe);
        if (cases[i].part) {
            if (status == HEED_OK || !strstr(heed_context_message(context), cases[i].part))
                fail_msg("case %zu: %s", i, heed_context_message(context));
        } else {
            assert_ok(context, status);
            if (memcmp(&recipe.side[HD_DECODER].rotary_base, &cases[i].base, sizeof(float)) != 0)
                fail_msg("case %zu: %g", i, (double)recipe.side[HD_DECODER].rotary_base);
        }
        json_decref(config);
        heed_context_close(context);
    }
}

/* Either key, or both, or neither states the element type; the file's own counts. */
static void element_types_of_both_versions(void **state) {
    (void)state;
    uint64_t expected = bits_of_golden("families/llama");
    for (int keys = 0; keys < 4; keys++) {
        json_t *config = config_of("families/llama");
        json_object_del(config, "dtype");
        if (keys & 1) json_object_set_new(config, "dtype", json_string("float16"));
        if (keys & 2) json_object_set_new(config, "torch_dtype", json_string("bfloat16"));
        write_config(config);
        write_weights("families/llama", &(change){0});
        assert_true(bits_of(folder) == expected);
    }
}

/* As transformers, which initializes them as zeros. If one layer has one, they are missing from the others. */
static void biases_that_no_layer_has_are_zero(void **state) {
    (void)state;
    static const char *const goldens[] = {"families/llama", "families/qwen3"};
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        uint64_t expected = bits_of_golden(goldens[i]);
        json_t *config = config_of(goldens[i]);
        json_object_set_new(config, "attention_bias", json_true());
        json_object_set_new(config, "mlp_bias", json_true());
        write_config(config);
        write_weights(goldens[i], &(change){0});
        assert_true(bits_of(folder) == expected);
        assert_non_null(strstr(notes, "the config states biases that no layer has; they are zero\n"));
        write_weights(goldens[i], &(change){.extra = "model.layers.1.self_attn.q_proj.bias"});
        assert_refused(folder, HEED_FORMAT, "tensor \"model.layers.0.self_attn.q_proj.bias\" is missing");
    }
    json_t *config = config_of("families/bert-masked");
    write_config(config);
    write_weights("families/bert-masked", &(change){.within = "query.bias", .replaced = "query.zzz"});
    assert_refused(folder, HEED_FORMAT, "query.bias\" is missing");
}

/* ---- an encoder-decoder with an output table of its own ------------------------------------------------------------ */

static void untied_translators_have_two_tables(void **state) {
    (void)state;
    static int32_t ids[2][32], starts[2][2];
    static const char *const sides[] = {"source", "target"};
    heed_context *context = open_context();
    heed_model *model;
    json_t *expected = json_load_file(GOLDEN "/untied/marian-untied/expected.json", 0, NULL), *row, *value;
    assert_non_null(expected);
    size_t i, j;
    for (int side = 0; side < 2; side++) {
        json_array_foreach(json_object_get(expected, sides[side]), i, value) ids[side][i] =
            (int32_t)json_integer_value(value);
        starts[side][1] = (int32_t)json_array_size(json_object_get(expected, sides[side]));
    }
    assert_ok(context, hd_model_open_untokenized(context, GOLDEN "/untied/marian-untied", HD_OPEN_TO_RUN, &model));
    assert_true(model->network->recipe.untied);
    const hd_network *network = model->network;
    hd_layout layouts[] = {{1, starts[0], NULL, NULL}, {1, starts[1], NULL, NULL}};
    hd_input inputs[] = {{.ids = ids[0]}, {.ids = ids[1]}};
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    hd_tensor *states = hd_network_encode(network, &pass, &inputs[0], &layouts[0]);
    states = hd_network_decode(network, &pass, &inputs[1], &layouts[1], states);
    hd_tensor *logits =
        hd_network_logits(network, &pass, hd_network_head(network, &pass, states), 0, network->output->rows);
    assert_non_null(logits);
    json_array_foreach(json_object_get(expected, "logits"), i, row) json_array_foreach(row, j, value) {
        double found = (double)logits->data[(int64_t)i * logits->columns + (int64_t)j];
        if (!(fabs(found - json_number_value(value)) <= 1e-5 * (1 + fabs(found))))
            fail_msg("row %zu, column %zu is %.7g, expected %.7g", i, j, found, json_number_value(value));
    }
    hd_pass_close(&pass);
    hd_model_close(model);
    json_decref(expected);
    heed_context_close(context);
}

/* ---- folders that are refused -------------------------------------------------------------------------------------- */

static void foreign_folders_are_named(void **state) {
    static const struct {
        const char *file, *contents, *part;
    } cases[] = {
        {"adapter_config.json", "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"owner/base\"}",
         "/adapter_config.json: a LORA adapter of the model \"owner/base\", not a model itself"},
        {"adapter_config.json", "{}", "a peft adapter of the model \"unknown\""},
        {"adapter_config.json", "{", "/adapter_config.json: line 1"},
        {"model-q4.gguf", "GGUF", "/model-q4.gguf: a GGUF file, which heed does not read"},
        {"tf_model.h5", "", "/tf_model.h5: the weights are TensorFlow's, which heed does not read"},
        {"flax_model.msgpack", "", "the weights are Flax's"},
        {"model.onnx", "", "the model is in ONNX"},
        {"gliner_config.json", "{}", "/gliner_config.json: a GLiNER model, which finds entities of any kind"},
        {"consolidated.00.pth", "", "the weights are named in Meta's own way"},
        {"readme", "", ""},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++)
        for (int with_config = 0; with_config < 2; with_config++) {
            empty_folder(state);
            if (with_config) write_config(config_of("families/llama"));
            write_text(cases[i].file, cases[i].contents);
            const char *part = cases[i].part;
            if (!part[0]) part = with_config ? "has neither model.safetensors" : "the folder has no config.json";
            heed_status status = !cases[i].part[0]        ? HEED_FILE
                                 : strstr(part, "line 1") ? HEED_FORMAT
                                                          : HEED_UNSUPPORTED;
            assert_refused(folder, status, part);
        }
    empty_folder(state);
    write_text("a.gguf", "GGUF\3");
    assert_refused(in_folder("a.gguf"), HEED_UNSUPPORTED, "/a.gguf: a GGUF file");
    write_text("model.safetensors", "short");
    assert_refused(in_folder("model.safetensors"), HEED_FILE,
                   "/model.safetensors: a file, but a model is a folder with config.json and weights");
    write_text("empty", "");
    assert_refused(in_folder("empty"), HEED_FILE, "/empty: a file, but");
}

static void weights_that_are_no_weights(void **state) {
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    static const struct {
        const char *file, *contents, *part;
    } cases[] = {
        {"model.safetensors", pointer, "/model.safetensors: a Git LFS pointer, not the file itself"},
        {"pytorch_model.bin", pointer, "/pytorch_model.bin: a Git LFS pointer"},
        {"pytorch_model.bin", "\x80\2cposix\nsystem\nX\2", "not a PyTorch file"},
        {"pytorch_model.bin", "", "/pytorch_model.bin: not a PyTorch file"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": \"../w.bin\"}}",
         "\"weight_map.x\" is \"../w.bin\", expected the name of a file beside the index"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": \"/tmp/w.bin\"}}",
         "expected the name of a file beside"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": \"..\"}}", "expected the name of a file beside"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": \"w.bin\"}}",
         "/pytorch_model.bin.index.json: the shard \"w.bin\" with tensor \"x\" is missing"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": null}}", "\"weight_map.x\" is missing"},
        {"pytorch_model.bin.index.json", "{\"weight_map\": {\"x\": 3}}", "\"weight_map.x\" is 3, expected a string"},
        {"pytorch_model.bin.index.json", "{}", "\"weight_map\" is missing"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        empty_folder(state);
        write_config(config_of("families/llama"));
        write_text(cases[i].file, cases[i].contents);
        assert_refused(folder, strstr(cases[i].part, "shard") ? HEED_FILE : HEED_FORMAT, cases[i].part);
    }
}

static void other_families_are_named(void **state) {
    static const struct {
        const char *config, *part;
    } cases[] = {
        {"{\"model_type\": \"mixtral\", \"num_local_experts\": 8}",
         "models of type \"mixtral\" are mixtures of experts, which heed lacks; the nearest that heed opens are of "
         "type \""},
        {"{\"model_type\": \"qwen3_moe\", \"num_experts\": 128}",
         "\"qwen3_moe\" are mixtures of experts, which heed lacks; the nearest that heed opens are of type \"qwen3\""},
        {"{\"model_type\": \"unheard_moe\", \"n_routed_experts\": 64}", "of type \"llama\""},
        {"{\"model_type\": \"qwen3_5\"}",
         "\"qwen3_5\" are not supported; the nearest that heed opens are of type \"qwen3\""},
        {"{\"model_type\": \"unheard\", \"architectures\": [\"UnheardForCausalLM\"]}", "of type \"llama\""},
        {"{\"model_type\": \"unheard\"}", "\"unheard\" are not supported; heed opens: albert, "},
        {"{\"model_type\": \"whisper\", \"architectures\": [\"WhisperForCausalLM\"]}",
         "\"whisper\" are speech models, which heed lacks; heed opens: albert, "},
        {"{\"model_type\": \"clip_text_model\"}", "are image models, which heed lacks; heed opens: "},
        {"{\"model_type\": \"gpt_oss\", \"num_local_experts\": 32}",
         "\"gpt_oss\" are mixtures of experts, which heed lacks; the nearest that heed opens are of type \"qwen3\""},
        {"{\"model_type\": \"dbrx\"}", "\"dbrx\" are mixtures of experts, which heed lacks; the nearest"},
        {"{\"model_type\": \"deepseek_v3\", \"n_routed_experts\": 256}",
         "are mixtures of experts, which heed lacks; the nearest that heed opens are of type \"llama\""},
        {"{\"model_type\": \"jina_embeddings_v3\"}",
         "\"jina_embeddings_v3\" have an adapter for each task, which heed lacks"},
        {"{\"model_type\": \"gliner\"}", "by a head of their own, which heed lacks; the nearest that heed opens are"},
        {"{\"model_type\": \"lama\"}", "\"lama\" are not supported; the nearest that heed opens are of type \"llama\""},
        {"{\"model_type\": \"mariam\"}", "the nearest that heed opens are of type \"marian\""},
        {"{\"model_type\": \"unheard_vl\", \"text_config\": {\"model_type\": \"unheard_text\"}}",
         "\"unheard_text\" are"},
    };
    empty_folder(state);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        write_text("config.json", cases[i].config);
        assert_refused(folder, HEED_UNSUPPORTED, cases[i].part);
    }
    assert_string_equal(hd_family_nearest("bert-like"), "bert");
    assert_null(hd_family_nearest("whisper"));
}

static void quantized_folders_are_named(void **state) {
    static const struct {
        const char *key, *value, *part;
    } cases[] = {
        {"quantization_config", "{\"quant_method\": \"gptq\", \"bits\": 4}",
         "\"quantization_config\": the weights are quantized by gptq"},
        {"quantization_config", "{\"load_in_8bit\": true}", "quantized by bitsandbytes"},
        {"quantization_config", "{\"bits\": 4}", "\"quantization_config\", which heed lacks"},
        {"compression_config", "{\"quant_method\": \"compressed-tensors\"}",
         "\"compression_config\": the weights are quantized by "},
        {"quantization_config", "{}", NULL},
        {"quantization_config", "null", NULL},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        empty_folder(state);
        json_t *config = config_of("families/llama");
        json_object_set_new(config, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        write_config(config);
        write_weights("families/llama", &(change){0});
        if (cases[i].part)
            assert_refused(folder, HEED_UNSUPPORTED, cases[i].part);
        else
            bits_of(folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(other_names_are_the_same_model, empty_folder),
        cmocka_unit_test_teardown(models_for_pretraining_open, empty_folder),
        cmocka_unit_test_teardown(other_heads_are_refused_by_name, empty_folder),
        cmocka_unit_test_teardown(extra_tensors_are_noted, empty_folder),
        cmocka_unit_test_teardown(tensors_without_a_use_are_not_noted, empty_folder),
        cmocka_unit_test_teardown(any_floats_are_weights, empty_folder),
        cmocka_unit_test_teardown(text_models_inside_are_used, empty_folder),
        cmocka_unit_test_teardown(outer_configs_count, empty_folder),
        cmocka_unit_test_teardown(failing_allocations, empty_folder),
        cmocka_unit_test(rotation_of_both_versions),
        cmocka_unit_test_teardown(element_types_of_both_versions, empty_folder),
        cmocka_unit_test_teardown(biases_that_no_layer_has_are_zero, empty_folder),
        cmocka_unit_test(untied_translators_have_two_tables),
        cmocka_unit_test_teardown(foreign_folders_are_named, empty_folder),
        cmocka_unit_test_teardown(weights_that_are_no_weights, empty_folder),
        cmocka_unit_test_teardown(other_families_are_named, empty_folder),
        cmocka_unit_test_teardown(quantized_folders_are_named, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
