#include "formats/hub/select.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Of the names of files, without their folders. */
static const char *const useful[] = {
    "*.json",  "*.txt",      "*.md",     "*.jinja",  "*.model", "*.spm",         "*.bpe",
    "*.vocab", "*.tiktoken", "LICENSE*", "LICENCE*", "NOTICE*", "*.safetensors",
};
static const char *const pytorch[] = {"pytorch_model.bin", "pytorch_model-*.bin", "adapter_model.bin"};
/* Copies of the weights under other names, such as model.fp16.safetensors, and records of training. */
static const char *const useless[] = {"consolidated*.safetensors", "model.*.safetensors", "trainer_state.json"};
/* Of folders, at any depth. */
static const char *const foreign[] = {"onnx", "openvino", "coreml", "tflite",       "flax", "tf", "tensorflow",
                                      "gguf", "original", "runs",   "checkpoint-*", "logs", ".*"};

static bool matches_any(const char *name, const char *const *patterns, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], name, FNM_NOESCAPE) == 0) return true;
    return false;
}

/* Is the file in a folder of another framework? */
static bool is_foreign(const char *path) {
    char component[256];
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        size_t size = (size_t)(slash - path);
        if (size >= sizeof component) return true;
        memcpy(component, path, size);
        component[size] = 0;
        if (matches_any(component, foreign, HD_COUNT(foreign))) return true;
    }
    return false;
}

static size_t folder_size(const char *path) { return (size_t)(hd_path_name(path) - path); }

/* Is there a selected file of safetensors in the folder that this file is in? */
static bool has_safetensors(const hd_hub_files *files, const char *path) {
    size_t size = folder_size(path);
    for (size_t i = 0; i < files->count; i++) {
        const hd_hub_file *file = &files->items[i];
        if (file->selected && folder_size(file->path) == size && strncmp(file->path, path, size) == 0 &&
            fnmatch("*.safetensors", file->path, FNM_NOESCAPE) == 0)
            return true;
    }
    return false;
}

static void select_useful(hd_hub_files *files) {
    for (size_t i = 0; i < files->count; i++) {
        hd_hub_file *file = &files->items[i];
        const char *name = hd_path_name(file->path);
        file->selected = !is_foreign(file->path) && matches_any(name, useful, HD_COUNT(useful)) &&
                         !matches_any(name, useless, HD_COUNT(useless));
    }
    for (size_t i = 0; i < files->count; i++) {
        hd_hub_file *file = &files->items[i];
        if (!is_foreign(file->path) && matches_any(hd_path_name(file->path), pytorch, HD_COUNT(pytorch)))
            file->selected = !has_safetensors(files, file->path);
    }
}

void hd_hub_select(hd_hub_files *files, const hd_string_list *patterns) {
    if (!patterns->count) {
        select_useful(files);
        return;
    }
    for (size_t i = 0; i < files->count; i++)
        files->items[i].selected =
            matches_any(files->items[i].path, (const char *const *)patterns->items, patterns->count);
}
