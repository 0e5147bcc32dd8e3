/* Label names: "id2label" of a config. */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LABELS = 1 << 16 };

heed_status hd_labels_count(const hd_json *config, int64_t *count) {
    const json_t *names = json_object_get(config->root, "id2label");
    *count = json_is_object(names) ? (int64_t)json_object_size(names) : 0;
    HD_TRY(hd_json_int(config, "num_labels", *count ? *count : 2, 1, MOST_LABELS, count));
    return HEED_OK;
}

static heed_status set(heed_model *model, int64_t i, const char *name) {
    size_t size = strlen(name) + 1;
    model->labels[i] = hd_arena_alloc(&model->network->arena, size, 1);
    if (!model->labels[i]) return HEED_MEMORY;
    memcpy(model->labels[i], name, size);
    return HEED_OK;
}

static heed_status open_labels(heed_model *model) {
    size_t count = (size_t)model->network->recipe.labels;
    model->labels = hd_arena_alloc(&model->network->arena, count, sizeof *model->labels);
    return model->labels ? HEED_OK : HEED_MEMORY;
}

heed_status hd_labels_read(const hd_json *config, heed_model *model) {
    int64_t count = model->network->recipe.labels;
    if (!count) return HEED_OK;
    HD_TRY(open_labels(model));
    const json_t *names = json_object_get(config->root, "id2label");
    for (int64_t i = 0; i < count; i++) {
        char number[32], plain[40];
        snprintf(number, sizeof number, "%lld", (long long)i);
        snprintf(plain, sizeof plain, "LABEL_%lld", (long long)i); /* as transformers calls those without a name */
        const char *name = json_string_value(json_object_get(names, number));
        if (json_is_object(names) && !name)
            return hd_fail(config->context, HEED_FORMAT, "%s: \"id2label\" has no name for label %lld", config->path,
                           (long long)i);
        HD_TRY(set(model, i, name ? name : plain));
    }
    return HEED_OK;
}

heed_status hd_labels_set(heed_model *model, const char *const *labels) {
    HD_TRY(open_labels(model));
    for (int64_t i = 0; i < model->network->recipe.labels; i++) HD_TRY(set(model, i, labels[i]));
    return HEED_OK;
}

int hd_labels_write(const heed_model *model, json_t *config) {
    if (!model->labels) return 0;
    json_t *names = json_object(), *ids = json_object();
    int failed = 0;
    for (int64_t i = 0; i < model->network->recipe.labels; i++) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i);
        failed |= json_object_set_new(names, number, json_string(model->labels[i]));
        failed |= json_object_set_new(ids, model->labels[i], json_integer(i));
    }
    failed |= json_object_set_new(config, "id2label", names);
    return failed | json_object_set_new(config, "label2id", ids);
}
