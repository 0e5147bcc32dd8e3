/* The keys and defaults of transformers 5.24. */
#include "models/layer_types.h"

#include <string.h>

static const char TYPES[] = "layer_types", FULL[] = "full_attention", SLIDING[] = "sliding_attention";
static const char WINDOW[] = "sliding_window", SWITCH[] = "use_sliding_window", FIRST[] = "max_window_layers";

enum { MOST = 1 << 24, MOST_LISTED = 1 << 12 };

/* ---- the window ---- */

heed_status hd_window_read(const hd_json *config, const char *key, int64_t otherwise, hd_side_recipe *side) {
    bool none = json_is_null(json_object_get(config->root, key)); /* which is not the same as a missing key */
    return hd_json_int(config, key, none ? 0 : otherwise, 1, MOST, &side->window);
}

/* ---- the layers ---- */

void hd_layer_types_every(hd_side_recipe *side, int64_t every, int64_t which) {
    side->global_layers = (hd_layer_set){{0}};
    for (int64_t i = which; i < HD_SET_LAYERS; i += every) hd_layer_set_add(&side->global_layers, i);
}

static heed_status read_type(const hd_json *config, const json_t *type, int64_t layer, hd_side_recipe *side) {
    const char *name = json_string_value(type);
    bool full = name && strcmp(name, FULL) == 0;
    if (!full && (!name || strcmp(name, SLIDING) != 0))
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" has %s, which heed lacks; it has %s and %s",
                       config->path, TYPES, name ? name : "an unknown kind", FULL, SLIDING);
    if (!full && !side->window)
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" has %s, but there is no window", config->path,
                       TYPES, SLIDING);
    if (full) hd_layer_set_add(&side->global_layers, layer);
    return HEED_OK;
}

heed_status hd_layer_types_read(const hd_json *config, hd_side_recipe *side) {
    hd_json types;
    size_t count;
    if (!hd_json_has(config, TYPES)) return HEED_OK;
    HD_TRY(hd_json_array(config, TYPES, &types, &count));
    if ((int64_t)count != side->layers)
        return hd_fail(config->context, HEED_FORMAT, "%s: \"%s\" has %zu types for %lld layers", config->path, TYPES,
                       count, (long long)side->layers);
    side->global_layers = (hd_layer_set){{0}};
    for (size_t i = 0; i < count; i++) HD_TRY(read_type(config, json_array_get(types.root, i), (int64_t)i, side));
    return HEED_OK;
}

int hd_layer_types_write(const hd_side_recipe *side, json_t *config) {
    json_t *types = json_array();
    int failed = 0;
    for (int64_t i = 0; i < hd_min(side->layers, MOST_LISTED); i++)
        failed |= json_array_append_new(types, json_string(hd_side_window(side, i) ? SLIDING : FULL));
    return failed | json_object_set_new(config, TYPES, types);
}

/* ---- a window with a switch ---- */

heed_status hd_switched_window_read(const hd_json *config, hd_side_recipe *side) {
    bool on;
    int64_t first;
    HD_TRY(hd_json_bool(config, SWITCH, false, &on));
    HD_TRY(hd_window_read(config, WINDOW, 4096, side));
    HD_TRY(hd_json_int(config, FIRST, 28, 0, MOST, &first));
    if (!on) side->window = 0;
    side->global_layers = (hd_layer_set){{0}};
    for (int64_t i = 0; i < hd_min(first, HD_SET_LAYERS); i++) hd_layer_set_add(&side->global_layers, i);
    return hd_layer_types_read(config, side);
}

/* The first layer with a window. */
static int64_t find_first(const hd_side_recipe *side) {
    int64_t first = 0;
    while (first < hd_min(side->layers, HD_SET_LAYERS) && !hd_side_window(side, first)) first++;
    return first;
}

int hd_switched_window_write(const hd_side_recipe *side, json_t *config) {
    int failed = json_object_set_new(config, SWITCH, json_boolean(side->window != 0));
    if (!side->window) return failed;
    return failed | json_object_set_new(config, WINDOW, json_integer(side->window)) |
           json_object_set_new(config, FIRST, json_integer(find_first(side))) | hd_layer_types_write(side, config);
}
