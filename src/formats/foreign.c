#include "formats/foreign.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json.h"

/* Weights of other programs, which may lie in a folder without any that heed reads. */
static const struct {
    const char *name, *what;
} contents[] = {
    {"tf_model.h5", "the weights are TensorFlow's"},
    {"flax_model.msgpack", "the weights are Flax's"},
    {"rust_model.ot", "the weights are rust-bert's"},
    {"consolidated.safetensors", "the weights are named in Mistral's own way"},
    {"consolidated.00.pth", "the weights are named in Meta's own way"},
    {"model.onnx", "the model is in ONNX"},
    {"gliner_config.json", "a GLiNER model, which finds entities of any kind by a head of its own"},
};

static heed_status refuse_adapter(heed_context *context, const char *path) {
    hd_json config;
    const char *kind, *base;
    HD_TRY(hd_json_open(context, path, &config));
    heed_status status = hd_json_string(&config, "peft_type", "peft", &kind);
    if (status == HEED_OK) status = hd_json_string(&config, "base_model_name_or_path", "unknown", &base);
    if (status == HEED_OK)
        status = hd_fail(context, HEED_UNSUPPORTED,
                         "%s: a %s adapter of the model \"%s\", not a model itself; heed opens a model into "
                         "which peft's merge_and_unload() has merged it",
                         path, kind, base);
    hd_json_close(&config);
    return status;
}

static bool ends_with(const char *name, const char *ending) {
    size_t length = strlen(name), size = strlen(ending);
    return length >= size && strcmp(name + length - size, ending) == 0;
}

static heed_status refuse_gguf(heed_context *context, const char *path) {
    return hd_fail(context, HEED_UNSUPPORTED,
                   "%s: a GGUF file, which heed does not read; it opens the folder that the file was converted from",
                   path);
}

/* A folder in which the first GGUF file is the model. */
static heed_status refuse_gguf_in(heed_context *context, const char *folder) {
    DIR *directory = opendir(folder); /* one that cannot be read is refused later */
    const struct dirent *entry;
    heed_status status = HEED_OK;
    while (directory && status == HEED_OK && (entry = readdir(directory))) {
        if (!ends_with(entry->d_name, ".gguf")) continue;
        char *path = hd_path_join(context, folder, entry->d_name);
        status = path ? refuse_gguf(context, path) : HEED_MEMORY;
        hd_free(context, path);
    }
    if (directory) closedir(directory);
    return status;
}

static heed_status refuse_folder(heed_context *context, const char *folder) {
    char *adapter = hd_path_join(context, folder, "adapter_config.json");
    if (!adapter) return HEED_MEMORY;
    heed_status status = hd_file_exists(adapter) ? refuse_adapter(context, adapter) : HEED_OK;
    hd_free(context, adapter);
    for (size_t i = 0; i < HD_COUNT(contents) && status == HEED_OK; i++) {
        char *path = hd_path_join(context, folder, contents[i].name);
        if (!path) return HEED_MEMORY;
        if (hd_file_exists(path))
            status = hd_fail(context, HEED_UNSUPPORTED,
                             "%s: %s, which heed does not read; it reads model.safetensors and pytorch_model.bin", path,
                             contents[i].what);
        hd_free(context, path);
    }
    return status == HEED_OK ? refuse_gguf_in(context, folder) : status;
}

static heed_status refuse_file(heed_context *context, const char *path) {
    char start[4] = "";
    int descriptor;
    size_t size;
    HD_TRY(hd_open_to_read(context, path, &descriptor));
    heed_status status = hd_read(context, path, descriptor, start, sizeof start, &size);
    close(descriptor);
    if (status != HEED_OK) return status;
    if (size == sizeof start && memcmp(start, "GGUF", sizeof start) == 0) return refuse_gguf(context, path);
    return hd_fail(context, HEED_FILE, "%s: a file, but a model is a folder with config.json and weights", path);
}

heed_status hd_foreign_refuse(heed_context *context, const char *path) {
    if (hd_folder_exists(path)) return refuse_folder(context, path);
    return hd_file_exists(path) ? refuse_file(context, path) : HEED_OK;
}
