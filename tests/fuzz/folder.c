/* The JSON files of a model folder. The first byte says which file the rest is: 'c' config.json, 'g' generation_config.json,
 * 'i' model.safetensors.index.json; the other files are those of the golden model. The folder is refused with a message, or it
 * opens, and the model is described and translates a word. */
#include "folder.h"

#include "base/context.h"
#include "formats/weights.h"

#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
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
    heed_context_close(context);
    return 0;
}
