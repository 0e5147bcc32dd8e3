/* The JSON files of a model folder. The first byte says which file the rest is: 'c' config.json, 'g' generation_config.json,
 * 'i' model.safetensors.index.json; the other files are those of the golden model. The folder is refused with a message, or it
 * opens, and the model is described and translates a word. Of a sentence-transformers folder: 'm' modules.json, 'p' the config
 * of its pooling, 'd' of its dense layer, 'b' sentence_bert_config.json, 's' config_sentence_transformers.json. Then a word
 * becomes a vector, unless the folder or a module is refused. */
#include "folder.h"

#include "base/context.h"
#include "formats/weights.h"

#include <string.h>
#include <sys/stat.h>

#define EMBED_WORDS "37" /* rows of the golden embedding */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {"config.json", "generation_config.json", "tokenizer.json"};

static void open_model(heed_context *context) {
    heed_model *model;
    if (heed_model_open(context, fuzz_folder, &model) != HEED_OK) {
        check(!model && heed_context_message(context)[0]);
        return;
    }
    char *text;
    for (int json = 0; json < 2; json++) {
        check(heed_model_describe(model, json, &text) == HEED_OK && text[0]);
        heed_free(context, text);
    }
    heed_options *options;
    heed_results *results;
    const char *word = "dog";
    check(heed_translate_options(context, &options) == HEED_OK);
    check(heed_options_set(options, "max-new-tokens", "3") == HEED_OK);
    check(heed_options_set(options, "beams", "2") == HEED_OK);
    heed_status status = heed_translate(model, options, &word, NULL, 1, &results);
    check(status == HEED_OK || heed_context_message(context)[0]);
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
}

static void open_weights(heed_context *context) {
    hd_weights *weights;
    if (hd_weights_open(context, fuzz_folder, &weights) != HEED_OK) {
        check(!weights && heed_context_message(context)[0]);
        return;
    }
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *tensor = hd_weights_at(weights, i);
        check(hd_weights_find(weights, tensor->name) == tensor);
    }
    hd_weights_close(weights);
}

static void describe(heed_context *context) {
    char *text;
    for (int json = 0; json < 2; json++) {
        heed_status status = heed_info(context, NULL, fuzz_folder, json, &text);
        check(status == HEED_OK ? text && text[0] : heed_context_message(context)[0] != 0);
        heed_free(context, text);
    }
}

static void embed(heed_context *context) {
    heed_model *model;
    if (heed_model_open(context, fuzz_folder, &model) != HEED_OK) {
        check(!model && heed_context_message(context)[0]);
        return;
    }
    heed_results *results;
    const char *words[] = {"dog",
                           "dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog"};
    heed_status status = heed_embed(model, NULL, words, NULL, HD_COUNT(words), &results);
    check((status == HEED_OK) == (results != NULL) && (results || heed_context_message(context)[0]));
    for (size_t i = 0; results && i < HD_COUNT(words); i++) {
        size_t columns;
        check((heed_results_vector(results, i, &columns) != NULL) != (heed_results_problem(results, i) != NULL));
    }
    heed_results_close(results);
    heed_model_close(model);
}

static void write_text(const char *name, const char *text) {
    unlink(in_fuzz_folder(name));
    write_fuzz_file(name, text, strlen(text));
}

/* The files of a sentence-transformers folder but for the fuzzed one. */
static const struct {
    char kind;
    const char *name, *text;
} sentence_files[] = {
    {'m', "modules.json",
     "[{\"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"}, {\"path\": \"1_Pooling\", \"type\": "
     "\"sentence_transformers.models.Pooling\"}, {\"path\": \"2_Dense\", \"type\": "
     "\"sentence_transformers.models.Dense\"}]"},
    {'p', "1_Pooling/config.json", "{\"pooling_mode\": \"mean\"}"},
    {'d', "2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 6}"},
    {'b', "sentence_bert_config.json", "{\"max_seq_length\": 16}"},
    {'s', "config_sentence_transformers.json", "{}"},
};

static bool is_sentence_file(char kind) {
    bool found = false;
    for (size_t i = 0; i < HD_COUNT(sentence_files); i++) found |= sentence_files[i].kind == kind;
    return found;
}

static void remove_sentence_files(void) {
    for (size_t i = 0; i < HD_COUNT(sentence_files); i++) unlink(in_fuzz_folder(sentence_files[i].name));
}

static void run_sentence_folder(heed_context *context, char kind, const uint8_t *data, size_t size) {
    static const char *const links[][2] = {{"model.safetensors", GOLDEN "/embed/bert.safetensors"},
                                           {"tokenizer.json", GOLDEN "/embed/tokenizer.json"},
                                           {"2_Dense/model.safetensors", GOLDEN "/embed/dense.safetensors"}};
    mkdir(in_fuzz_folder("1_Pooling"), 0755);
    mkdir(in_fuzz_folder("2_Dense"), 0755);
    for (size_t i = 0; i < HD_COUNT(links); i++) {
        unlink(in_fuzz_folder(links[i][0]));
        link_fuzz_file(links[i][0], links[i][1]);
    }
    unlink(in_fuzz_folder("generation_config.json"));
    write_text(
        "config.json",
        "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"vocab_size\": " EMBED_WORDS
        ", \"hidden_size\": 16, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"intermediate_size\": 24, "
        "\"max_position_embeddings\": 32}");
    for (size_t i = 0; i < HD_COUNT(sentence_files); i++) {
        if (sentence_files[i].kind != kind) {
            write_text(sentence_files[i].name, sentence_files[i].text);
            continue;
        }
        unlink(in_fuzz_folder(sentence_files[i].name));
        write_fuzz_file(sentence_files[i].name, data, size);
    }
    embed(context);
    describe(context);
    remove_sentence_files();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
    if (is_sentence_file((char)data[0])) {
        run_sentence_folder(context, (char)data[0], data + 1, size - 1);
        heed_context_close(context);
        return 0;
    }
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        unlink(in_fuzz_folder(files[i]));
        char golden[512];
        snprintf(golden, sizeof golden, "%s/marian/%s", GOLDEN, files[i]);
        link_fuzz_file(files[i], golden);
    }
    unlink(in_fuzz_folder("model.safetensors"));
    const char *changed = data[0] == 'g'   ? "generation_config.json"
                          : data[0] == 'i' ? "model.safetensors.index.json"
                                           : "config.json";
    if (data[0] == 'i') {
        unlink(in_fuzz_folder("a"));
        unlink(in_fuzz_folder("b"));
        link_fuzz_file("a", GOLDEN "/formats/every.safetensors");
        link_fuzz_file("b", GOLDEN "/formats/odd.safetensors");
    } else {
        link_fuzz_file("model.safetensors", GOLDEN "/marian/model.safetensors");
    }
    unlink(in_fuzz_folder(changed));
    write_fuzz_file(changed, data + 1, size - 1);
    if (data[0] == 'i')
        open_weights(context);
    else
        open_model(context);
    if (data[0] != 'i') describe(context);
    heed_context_close(context);
    return 0;
}
