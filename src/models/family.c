#include "models/family.h"

#include "base/number.h"
#include "models/choice.h"
#include "models/model.h"
#include "models/real.h"
#include "models/rotary.h"

#include <string.h>

/* ---- names of weights ---- */

/* Whether a row is the name of a slot of its module. */
static bool names_slot(const hd_weight_name *weight, const hd_slot *slot) {
    bool names_side =
        weight->only == HD_ANY_SIDE || slot->side == (weight->only == HD_ENCODER_ONLY ? HD_ENCODER : HD_DECODER);
    return names_side && (!weight->gated || slot->gated);
}

const hd_weight_name *hd_family_other_weight(const hd_family *family, const hd_slot *slot, int which) {
    int found = 0;
    for (; family && !found; family = family->base)
        for (size_t i = 0; i < family->weight_count; i++) {
            const hd_weight_name *weight = &family->weights[i];
            if (weight->module != slot->module || !names_slot(weight, slot)) continue;
            if (found++ == which) return weight;
        }
    return NULL;
}

const hd_weight_name *hd_family_weight(const hd_family *family, const hd_slot *slot) {
    return hd_family_other_weight(family, slot, 0);
}

const char *hd_family_architecture(const hd_family *family, int head) {
    return family->architectures[head] ? family->architectures[head] : "unknown";
}

void hd_weight_name_of(const hd_weight_name *weight, const hd_slot *slot, hd_buffer *out) {
    static const char *const endings[] = {[HD_WHOLE] = "", [HD_WEIGHT] = ".weight", [HD_BIAS] = ".bias"};
    const char *name = weight ? weight->name : "", *brace;
    for (; (brace = strchr(name, '{')) != NULL; name = strchr(brace, '}') + 1) {
        hd_buffer_append(out, name, (size_t)(brace - name));
        if (brace[1] == '}')
            hd_buffer_format(out, "%lld", (long long)slot->layer);
        else
            hd_buffer_text(out, slot->side == HD_ENCODER ? "encoder" : "decoder");
    }
    hd_buffer_text(out, name);
    hd_buffer_text(out, endings[slot->part]);
}

void hd_family_weight_name(const hd_family *family, const hd_slot *slot, hd_buffer *out) {
    hd_weight_name_of(hd_family_weight(family, slot), slot, out);
}

static const char *prefix_of(const hd_family *family) {
    while (family && !family->prefix) family = family->base;
    return family ? family->prefix : "";
}

/* What a file of a model with this head has in place of the prefix. */
static const char *stored_prefix(const hd_family *family, int head) {
    const char *prefix = head == HD_HEAD_NONE ? "" : prefix_of(family);
    for (; family; family = family->base)
        if (family->prefixes[head]) return family->prefixes[head];
    return prefix;
}

void hd_family_stored_name(const hd_family *family, int head, const hd_slot *slot, hd_buffer *out) {
    const char *prefix = prefix_of(family);
    size_t length = strlen(prefix);
    hd_buffer name;
    hd_buffer_open(&name, out->context);
    hd_family_weight_name(family, slot, &name);
    bool starts = name.data && strncmp(name.data, prefix, length) == 0;
    if (starts) hd_buffer_text(out, stored_prefix(family, head));
    if (name.data) hd_buffer_text(out, name.data + (starts ? length : 0));
    out->failed |= name.failed;
    hd_buffer_close(&name);
}

bool hd_family_names_alike(const hd_family *family, const hd_slot *a, const hd_slot *b) {
    const hd_weight_name *one = hd_family_weight(family, a), *other = hd_family_weight(family, b);
    return one && other && a->side == b->side && a->layer == b->layer && a->part == b->part &&
           one->part == other->part && strcmp(one->name, other->name) == 0;
}

static void replace(hd_buffer *name, const hd_respelling *respelling) {
    const char *found = name->data ? strstr(name->data, respelling->now) : NULL;
    if (!found) return;
    size_t before = (size_t)(found - name->data);
    hd_buffer out;
    hd_buffer_open(&out, name->context);
    hd_buffer_append(&out, name->data, before);
    hd_buffer_text(&out, respelling->other);
    hd_buffer_text(&out, found + strlen(respelling->now));
    hd_buffer_close(name);
    *name = out;
}

bool hd_family_respell(const hd_family *family, unsigned set, hd_buffer *name) {
    unsigned bit = 0;
    for (const hd_family *f = family; f; f = f->base)
        for (const hd_respelling *r = f->respellings; r && r->now; r++, bit++)
            if (set >> bit & 1u) replace(name, r);
    return set >> bit == 0;
}

/* ---- keys ---- */

/* Does a descendant of f that leads to `family` have a key of this name? */
static bool is_replaced(const hd_family *family, const hd_family *f, const char *key) {
    for (; family != f; family = family->base)
        for (size_t i = 0; i < family->key_count; i++)
            if (strcmp(family->keys[i].name, key) == 0) return true;
    return false;
}

static heed_status read_choice(const hd_json *config, const hd_config_key *key, int *value) {
    const char *name;
    HD_TRY(hd_json_string(config, key->name, key->otherwise, &name));
    for (const hd_choice *c = key->choices; c->name && name; c++)
        if (strcmp(name, c->name) == 0) {
            *value = c->value;
            return HEED_OK;
        }
    return hd_choice_refuse(config, key->name, name ? name : "null", key->choices);
}

/* A key whose value heed takes for granted. */
static heed_status check_constant(const hd_json *config, const hd_config_key *key) {
    if (!hd_json_has(config, key->name)) return HEED_OK;
    json_t *expected = json_loads(key->otherwise, JSON_DECODE_ANY, NULL);
    if (!expected) return hd_json_no_memory(config->context, config->path);
    bool same = json_equal(expected, json_object_get(config->root, key->name)) == 1;
    json_decref(expected);
    if (same) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is something other than %s, which heed lacks",
                   config->path, key->name, key->otherwise);
}

/* The default of a number or a boolean, from its JSON text. */
static double default_of(const hd_config_key *key) {
    double number = 0;
    if (!key->otherwise) return number;
    if (strcmp(key->otherwise, "true") == 0) return 1;
    hd_read_double(key->otherwise, &number);
    return number;
}

/* A single id may be in an array, as transformers allows. null is not the same as a missing key: there is no such token. */
static heed_status read_id(const hd_json *config, const hd_config_key *key, int64_t otherwise, int32_t *id) {
    const json_t *value = json_object_get(config->root, key->name);
    int64_t integer = -1;
    bool several = json_is_array(value) && (key->kind == HD_KEY_IDS || json_array_size(value) < 2);
    if (several && json_array_size(value) && !hd_json_value_int(json_array_get(value, 0), &integer))
        return hd_json_expected(config, key->name, "an integer or an array of them");
    if (json_is_null(value)) otherwise = -1;
    if (!several) HD_TRY(hd_json_int(config, key->name, otherwise, INT32_MIN, 1 << 24, &integer));
    if (integer > 1 << 24) return hd_json_expected(config, key->name, "ids of at most 16777216");
    *id = (int32_t)hd_max(integer, -1);
    return HEED_OK;
}

static heed_status read_field(const hd_json *config, const hd_config_key *key, char *field) {
    double number = default_of(key);
    int64_t integer;
    switch (key->kind) {
        case HD_KEY_INT:
        case HD_KEY_OPTIONAL:
        case HD_KEY_COUNT:
            HD_TRY(hd_json_int(config, key->name, (int64_t)number, key->kind != HD_KEY_COUNT, 1 << 24, &integer));
            memcpy(field, &integer, sizeof integer);
            return HEED_OK;
        case HD_KEY_ID:
        case HD_KEY_IDS: {
            int32_t id = -1;
            HD_TRY(read_id(config, key, (int64_t)number, &id));
            memcpy(field, &id, sizeof id);
            return HEED_OK;
        }
        case HD_KEY_FLOAT: {
            HD_TRY(hd_json_float(config, key->name, number, 0, 1e30, &number));
            float value = (float)number;
            memcpy(field, &value, sizeof value);
            return HEED_OK;
        }
        case HD_KEY_SCALE:
        case HD_KEY_INVERSE: {
            HD_TRY(hd_json_float(config, key->name, number, 1e-30, 1e30, &number));
            float value = (float)(key->kind == HD_KEY_INVERSE ? 1 / number : number);
            memcpy(field, &value, sizeof value);
            return HEED_OK;
        }
        case HD_KEY_BOOL:
        case HD_KEY_NOT: {
            bool value;
            HD_TRY(hd_json_bool(config, key->name, number != 0, &value));
            value ^= key->kind == HD_KEY_NOT;
            memcpy(field, &value, sizeof value);
            return HEED_OK;
        }
        case HD_KEY_CHOICE: {
            int choice = 0;
            HD_TRY(read_choice(config, key, &choice));
            memcpy(field, &choice, sizeof choice);
            return HEED_OK;
        }
        case HD_KEY_BIDIRECTIONAL:
            return HEED_OK; /* read at the end (turn_side) */
        case HD_KEY_CONSTANT:
            return check_constant(config, key);
    }
    return HEED_OK;
}

/* A config that is read; that of a new model may lack sizes. */
typedef struct reading {
    const hd_family *family;
    const hd_json *config;
    hd_recipe *recipe;
    bool fresh;
    const hd_token_ids *ids; /* of a new model, in place of the config's; may be NULL */
} reading;

/* The key under the name that the config has for it. */
static hd_config_key as_stored(const reading *r, const hd_config_key *key) {
    hd_config_key stored = *key;
    if (hd_json_has(r->config, key->name)) return stored;
    for (const hd_family *f = r->family; f; f = f->base)
        for (const hd_respelling *o = f->other_keys; o && o->now; o++)
            if (strcmp(o->now, key->name) == 0 && hd_json_has(r->config, o->other)) stored.name = o->other;
    return stored;
}

static heed_status read_key(const reading *r, const hd_config_key *in_table) {
    hd_config_key stored = as_stored(r, in_table), *key = &stored;
    char *field = (char *)r->recipe + (key->field & ~HD_OF_BOTH_SIDES);
    bool required = !key->otherwise && key->kind != HD_KEY_OPTIONAL;
    if (required && r->fresh && !hd_json_has(r->config, key->name)) return HEED_OK;
    if (required) HD_TRY(hd_json_require(r->config, key->name));
    HD_TRY(read_field(r->config, key, field));
    return key->field & HD_OF_BOTH_SIDES ? read_field(r->config, key, field + sizeof(hd_side_recipe)) : HEED_OK;
}

static heed_status read_keys(const reading *r, const hd_family *f) {
    if (f->base) HD_TRY(read_keys(r, f->base));
    for (size_t i = 0; i < f->key_count; i++)
        if (!is_replaced(r->family, f, f->keys[i].name)) HD_TRY(read_key(r, &f->keys[i]));
    return HEED_OK;
}

static void complete(const hd_family *f, hd_recipe *recipe) {
    if (f->base) complete(f->base, recipe);
    if (f->complete) f->complete(recipe);
}

static unsigned rotation_of(const hd_family *family) {
    while (family && !family->rotation) family = family->base;
    return family ? family->rotation : 0;
}

/* The key by which the decoder becomes an encoder; NULL: the family has none. */
static const hd_config_key *bidirectional_key(const hd_family *family) {
    for (; family; family = family->base)
        for (size_t i = 0; i < family->key_count; i++)
            if (family->keys[i].kind == HD_KEY_BIDIRECTIONAL) return &family->keys[i];
    return NULL;
}

static void swap_sides(hd_recipe *recipe) {
    hd_side_recipe decoder = recipe->side[HD_DECODER];
    recipe->side[HD_DECODER] = recipe->side[HD_ENCODER];
    recipe->side[HD_ENCODER] = decoder;
}

static heed_status turn_side(const reading *r) {
    const hd_config_key *key = bidirectional_key(r->family);
    bool bidirectional = false;
    if (key) HD_TRY(hd_json_bool(r->config, key->name, false, &bidirectional));
    if (bidirectional) swap_sides(r->recipe);
    return HEED_OK;
}

static heed_status read_rest(const reading *r, const hd_family *f) {
    if (f->base) HD_TRY(read_rest(r, f->base));
    return f->read ? f->read(r->config, r->recipe) : HEED_OK;
}

static const char *known_heads(const hd_family *family, hd_buffer *out) {
    for (int i = HD_HEADS - 1; i >= 0; i--)
        if (family->architectures[i]) hd_buffer_format(out, "%s%s", out->size ? ", " : "", family->architectures[i]);
    return out->data ? out->data : "nothing";
}

/* Whether a name is that of a model that predicts tokens, or may do so by its embedding. A family's language model opens such
 * a folder, as in transformers, whatever the class is called. */
static bool predicts_tokens(const char *name) {
    static const char *const endings[] = {"Model", "ForCausalLM", "ForConditionalGeneration"};
    size_t length = strlen(name);
    for (size_t i = 0; i < HD_COUNT(endings); i++) {
        size_t size = strlen(endings[i]);
        if (length >= size && strcmp(name + length - size, endings[i]) == 0) return true;
    }
    return false;
}

/* The head, by the name of the architecture; where none is named, the family's first. */
static heed_status read_head(const hd_family *family, const hd_json *config, int *head) {
    const char *name = json_string_value(json_array_get(json_object_get(config->root, "architectures"), 0));
    for (int i = HD_HEADS - 1; i >= 0; i--) {
        if (!family->architectures[i]) continue;
        *head = i;
        if (name && strcmp(name, family->architectures[i]) == 0) return HEED_OK;
    }
    if (!name) return HEED_OK;
    for (const hd_other_class *c = family->classes; c && c->name; c++) {
        *head = (int)c->head;
        if (strcmp(name, c->name) == 0) return HEED_OK;
    }
    *head = HD_HEAD_LANGUAGE;
    if (family->architectures[HD_HEAD_LANGUAGE] && predicts_tokens(name)) return HEED_OK;
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    heed_status status =
        hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"architectures\" names %s; of type \"%s\" heed opens %s",
                config->path, name, family->model_type, known_heads(family, &known));
    hd_buffer_close(&known);
    return status;
}

/* How weights are quantized, as the config states it; NULL: it does not. */
static const char *quantization_method(const json_t *value) {
    const char *method = json_string_value(json_object_get(value, "quant_method"));
    if (method || !json_is_object(value)) return method;
    /* before quant_method there was one library alone */
    bool bits = json_object_get(value, "load_in_8bit") || json_object_get(value, "load_in_4bit");
    return bits ? "bitsandbytes" : NULL;
}

/* Keys of any family that change how weights are read. */
static heed_status check_weights(const hd_json *config) {
    static const char *const lacking[] = {"quantization_config", "compression_config", "pruned_heads"};
    for (size_t i = 0; i < HD_COUNT(lacking); i++) {
        const json_t *value = json_object_get(config->root, lacking[i]);
        const char *method = quantization_method(value);
        if (!value || json_is_null(value) || (json_is_object(value) && !json_object_size(value))) continue;
        if (method)
            return hd_fail(config->context, HEED_UNSUPPORTED,
                           "%s: \"%s\": the weights are quantized by %s, which heed lacks; it opens the model that was "
                           "quantized",
                           config->path, lacking[i], method);
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\", which heed lacks", config->path, lacking[i]);
    }
    return HEED_OK;
}

/* How many labels a config has. */
static heed_status count_labels(const hd_json *config, int64_t *count) {
    enum { MOST_LABELS = 1 << 16 };
    const json_t *names = json_object_get(config->root, "id2label");
    *count = json_is_object(names) ? (int64_t)json_object_size(names) : 0;
    HD_TRY(hd_json_int(config, "num_labels", *count ? *count : 2, 1, MOST_LABELS, count));
    return HEED_OK;
}

static heed_status read_recipe(const reading *r) {
    *r->recipe = (hd_recipe){0};
    HD_TRY(check_weights(r->config));
    HD_TRY(read_head(r->family, r->config, &r->recipe->head));
    complete(r->family, r->recipe);
    HD_TRY(read_keys(r, r->family));
    if (r->ids) {
        r->recipe->pad = r->ids->pad;
        r->recipe->eos = r->ids->eos;
        r->recipe->decoder_start = r->ids->decoder_start;
    }
    if (hd_head_classifies((hd_head)r->recipe->head)) HD_TRY(count_labels(r->config, &r->recipe->labels));
    unsigned rotation = rotation_of(r->family);
    if (rotation) HD_TRY(hd_rotary_read(r->config, rotation, r->recipe));
    HD_TRY(read_rest(r, r->family));
    return turn_side(r);
}

heed_status hd_family_read(const hd_family *family, const hd_json *config, hd_recipe *recipe) {
    return read_recipe(&(reading){family, config, recipe, false, NULL});
}

static const char *fresh_values(const hd_family *family) {
    for (; family; family = family->base)
        if (family->fresh) return family->fresh;
    return "{}";
}

/* A config that is in no file. */
static hd_json unnamed_config(heed_context *context, json_t *root) {
    static char name[] = "a new config";
    return (hd_json){.context = context, .path = name, .root = root, .index = SIZE_MAX};
}

heed_status hd_family_default(heed_context *context, const hd_family *family, hd_head head, const hd_token_ids *ids,
                              hd_recipe *recipe) {
    if (!family->architectures[head])
        return hd_fail(context, HEED_UNSUPPORTED, "models of type \"%s\" have no such head", family->model_type);
    hd_json config = unnamed_config(context, json_loads(fresh_values(family), 0, NULL));
    heed_status status = HEED_OK;
    if (json_object_set_new(config.root, "architectures", json_pack("[s]", family->architectures[head])) != 0)
        status = hd_json_no_memory(context, config.path);
    if (status == HEED_OK) status = read_recipe(&(reading){family, &config, recipe, true, ids});
    json_decref(config.root);
    return status;
}

static json_t *value_of(const hd_config_key *key, const hd_recipe *recipe) {
    const char *field = (const char *)recipe + (key->field & ~HD_OF_BOTH_SIDES);
    switch (key->kind) {
        case HD_KEY_INT:
        case HD_KEY_OPTIONAL:
        case HD_KEY_COUNT: {
            int64_t integer;
            memcpy(&integer, field, sizeof integer);
            return json_integer(integer);
        }
        case HD_KEY_ID:
        case HD_KEY_IDS: {
            int32_t id;
            memcpy(&id, field, sizeof id);
            return id < 0 ? json_null() : json_integer(id);
        }
        case HD_KEY_FLOAT:
        case HD_KEY_SCALE: {
            float value;
            memcpy(&value, field, sizeof value);
            return hd_family_real(value);
        }
        case HD_KEY_INVERSE: {
            float value;
            memcpy(&value, field, sizeof value);
            return hd_family_real(value > 0 ? 1 / value : 0);
        }
        case HD_KEY_BOOL:
        case HD_KEY_NOT: {
            bool value;
            memcpy(&value, field, sizeof value);
            return json_boolean(value != (key->kind == HD_KEY_NOT));
        }
        case HD_KEY_CHOICE: {
            int value = 0;
            memcpy(&value, field, sizeof value);
            const char *name = hd_choice_name(key->choices, value);
            return name ? json_string(name) : json_null(); /* null is read as the default */
        }
        case HD_KEY_BIDIRECTIONAL:
            return json_false(); /* or true, later */
        case HD_KEY_CONSTANT:
            return json_loads(key->otherwise, JSON_DECODE_ANY, NULL);
    }
    return NULL;
}

/* Whether to omit an optional number that is 0. transformers would read a null as a value. */
static bool is_left_out(const hd_config_key *key, const hd_recipe *recipe) {
    int64_t integer = 1;
    if (key->kind == HD_KEY_OPTIONAL) memcpy(&integer, (const char *)recipe + key->field, sizeof integer);
    return integer == 0;
}

static int write_keys(const hd_family *family, const hd_family *f, const hd_recipe *recipe, json_t *config) {
    int failed = f->base ? write_keys(family, f->base, recipe, config) : 0;
    for (size_t i = 0; i < f->key_count; i++) {
        const hd_config_key *key = &f->keys[i];
        if (!is_replaced(family, f, key->name) && !is_left_out(key, recipe))
            failed |= json_object_set_new(config, key->name, value_of(key, recipe));
    }
    return failed;
}

static int write_rest(const hd_family *f, const hd_recipe *recipe, json_t *config) {
    int failed = f->base ? write_rest(f->base, recipe, config) : 0;
    return f->write ? failed | f->write(recipe, config) : failed;
}

json_t *hd_family_write(heed_context *context, const hd_family *family, const hd_recipe *given) {
    json_t *config = json_object();
    hd_recipe copy = *given, *recipe = &copy;
    const hd_config_key *key = bidirectional_key(family);
    bool bidirectional = key && !given->side[HD_DECODER].layers;
    if (bidirectional) swap_sides(recipe);
    int failed = json_object_set_new(config, "model_type", json_string(family->model_type));
    failed |=
        json_object_set_new(config, "architectures", json_pack("[s]", hd_family_architecture(family, recipe->head)));
    failed |= write_keys(family, family, recipe, config);
    if (bidirectional) failed |= json_object_set_new(config, key->name, json_true());
    unsigned rotation = rotation_of(family);
    if (rotation) failed |= hd_rotary_write(rotation, recipe, config);
    failed |= write_rest(family, recipe, config);
    if (!failed) return config;
    json_decref(config);
    hd_fail(context, HEED_MEMORY, "out of memory while a config was written");
    return NULL;
}

/* ---- what a family can carry ---- */

/* A config as a reader has it: with the number of labels, which are written by their names (hd_labels_write). */
static heed_status write_and_read(heed_context *context, const hd_family *family, const hd_recipe *recipe,
                                  hd_recipe *back) {
    hd_json config = unnamed_config(context, hd_family_write(context, family, recipe));
    if (!config.root) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (json_object_set_new(config.root, "num_labels", json_integer(recipe->labels)) != 0)
        status = hd_json_no_memory(context, config.path);
    if (status == HEED_OK) status = hd_family_read(family, &config, back);
    json_decref(config.root);
    return status;
}

heed_status hd_family_carries(heed_context *context, const hd_family *family, const hd_recipe *recipe, bool *carries) {
    hd_recipe back;
    *carries = false;
    if (recipe->head < 0 || recipe->head >= HD_HEADS || !family->architectures[recipe->head]) return HEED_OK;
    heed_status status = write_and_read(context, family, recipe, &back);
    if (status == HEED_MEMORY) return status;
    *carries = status == HEED_OK && hd_recipe_equal(recipe, &back);
    return HEED_OK;
}

heed_status hd_family_change_head(heed_context *context, const hd_family *family, hd_head head, int64_t labels,
                                  hd_recipe *recipe) {
    hd_recipe other = *recipe, back;
    if (!family->architectures[head])
        return hd_fail(context, HEED_UNSUPPORTED, "models of type \"%s\" have no such head", family->model_type);
    other.head = (int)head;
    other.labels = labels;
    HD_TRY(write_and_read(context, family, &other, &back));
    hd_recipe_copy_head(&back, recipe);
    recipe->labels = labels;
    return HEED_OK;
}

void hd_family_score_last(hd_recipe *recipe) {
    recipe->pooling = HD_POOL_LAST;
    recipe->head_output_unbiased = recipe->head == HD_HEAD_CLASSIFY_TEXT;
}

heed_status hd_family_check_positions(const hd_json *config, hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        if (!side->position_offset || side->max_positions >= 1) continue;
        if (hd_json_has(config, "max_position_embeddings"))
            return hd_fail(config->context, HEED_FORMAT,
                           "%s: \"max_position_embeddings\" leaves no position after token %d", config->path,
                           recipe->pad);
        side->max_positions = 1;
    }
    return HEED_OK;
}

heed_status hd_family_has(heed_context *context, const hd_family *family, hd_head head, bool encoder, bool decoder,
                          bool *has) {
    enum { SMALL = 8 };
    hd_recipe recipe;
    *has = false;
    if (!family->architectures[head]) return HEED_OK;
    HD_TRY(hd_family_default(context, family, head, NULL, &recipe));
    recipe.vocabulary = recipe.width = SMALL;
    recipe.labels = hd_head_classifies(head) ? SMALL : 0;
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe.side[i];
        side->layers = (i == HD_ENCODER ? encoder : decoder) ? 1 : 0;
        side->heads = 1;
        side->ffn_width = SMALL;
        side->max_positions = SMALL;
    }
    return hd_family_carries(context, family, &recipe, has);
}
