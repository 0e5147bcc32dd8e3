/* The keys and defaults of modeling_rope_utils.py in transformers 5.24. */
#include "models/rotary.h"

#include "models/choice.h"
#include "models/family.h"
#include "models/real.h"

#include <math.h>
#include <string.h>

/* The first name of a kind is written. With text alone, the three positions of mrope are equal. "su" is longrope in the first
 * configs of Phi-3. */
static const hd_choice kinds[] = {
    {"default", HD_ROTARY_UNSCALED}, {"linear", HD_ROTARY_LINEAR}, {"dynamic", HD_ROTARY_DYNAMIC},
    {"llama3", HD_ROTARY_LLAMA3},    {"yarn", HD_ROTARY_YARN},     {"longrope", HD_ROTARY_LONGROPE},
    {"mrope", HD_ROTARY_UNSCALED},   {"su", HD_ROTARY_LONGROPE},   {NULL, 0}};

static const char FULL[] = "full_attention", LOCAL[] = "sliding_attention";
static const char ORIGINAL[] = "original_max_position_embeddings", PART[] = "partial_rotary_factor";

/* The smallest base, and the smallest and largest number of a scaling. */
static const double LEAST_BASE = 1.0 + 1e-6, LEAST = 1e-6, MOST = 1e12;

static hd_network_side rotary_side(const hd_recipe *recipe) {
    return recipe->side[HD_DECODER].positions == HD_POSITIONS_ROTARY ? HD_DECODER : HD_ENCODER;
}

/* ---- reading ---- */

/* The objects that a config has. `scaling` is of all layers, or of those without a window; `local` is of the others. */
typedef struct objects {
    const char *key; /* of the outer one */
    hd_json outer, scaling, local;
} objects;

/* A rope_scaling that is not empty replaces rope_parameters. */
static heed_status find_objects(const hd_json *config, objects *o) {
    o->key = "rope_scaling";
    HD_TRY(hd_json_object(config, o->key, &o->outer));
    if (!json_object_size(o->outer.root)) {
        o->key = "rope_parameters";
        HD_TRY(hd_json_object(config, o->key, &o->outer));
    }
    o->scaling = o->outer;
    if (hd_json_has(&o->outer, FULL)) HD_TRY(hd_json_object(&o->outer, FULL, &o->scaling));
    return hd_json_object(&o->outer, LOCAL, &o->local);
}

static heed_status refuse_kind(const hd_json *config, const char *key, const char *kind) {
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    hd_choices_list(kinds, kind, &known);
    heed_status status = HEED_MEMORY;
    if (!known.failed)
        status = hd_fail(config->context, HEED_UNSUPPORTED,
                         "%s: \"%s\": rotary positions are scaled (%s), which heed lacks; it has %s", config->path, key,
                         kind, known.data);
    hd_buffer_close(&known);
    return status;
}

static bool is_ntk(const objects *o, unsigned rotation) {
    const char *name = json_string_value(json_object_get(o->scaling.root, "type"));
    return name && rotation & HD_ROTATION_NTK && strcmp(name, "ntk") == 0;
}

/* Of a head of d columns, frequency j of a base b that is scaled by f is (b f)^(−2j/d) / f^(2/d): linear scaling. (modeling.py of
 * Alibaba-NLP/new-impl, from its NTK-RoPE; a factor of at most 1 has no effect.) */
static heed_status read_ntk(const hd_json *config, const objects *o, int64_t width, hd_side_recipe *side) {
    hd_rotary_scaling *s = &side->rotary_scaling;
    double factor, columns = (double)hd_side_rotary_width(side, width);
    if (hd_json_has(&o->scaling, "mixed_b"))
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" has \"mixed_b\", which heed lacks", config->path,
                       o->key);
    HD_TRY(hd_json_require(&o->scaling, "factor"));
    HD_TRY(hd_json_float(&o->scaling, "factor", 1, LEAST, MOST, &factor));
    if (!(factor > 1)) return HEED_OK;
    s->kind = HD_ROTARY_LINEAR;
    s->factor = (float)pow(factor, 2 / columns);
    side->rotary_base = (float)((double)side->rotary_base * factor);
    return HEED_OK;
}

static heed_status read_kind(const hd_json *config, const objects *o, unsigned rotation, int *kind) {
    const char *name;
    HD_TRY(hd_json_string(&o->scaling, "type", "default", &name));
    HD_TRY(hd_json_string(&o->scaling, "rope_type", name, &name));
    const hd_choice *found = kinds;
    while (found->name && strcmp(found->name, name) != 0) found++;
    *kind = found->value;
    bool lacks = !found->name;
    if (rotation & HD_ROTATION_LONGROPE) {
        if (*kind == HD_ROTARY_YARN) *kind = HD_ROTARY_LONGROPE;
        lacks |= *kind != HD_ROTARY_UNSCALED && *kind != HD_ROTARY_LONGROPE;
    }
    return lacks ? refuse_kind(config, o->key, name) : HEED_OK;
}

static heed_status read_number(const hd_json *object, const char *key, double otherwise, double least, float *number) {
    double value;
    HD_TRY(hd_json_float(object, key, otherwise, least, MOST, &value));
    *number = (float)value;
    return HEED_OK;
}

static heed_status require_number(const hd_json *object, const char *key, float *number) {
    HD_TRY(hd_json_require(object, key));
    return read_number(object, key, 0, LEAST, number);
}

/* A null or zero is the default. */
static heed_status read_beta(const hd_json *object, const char *key, float otherwise, float *beta) {
    HD_TRY(read_number(object, key, 0, 0, beta));
    if (!(*beta > 0)) *beta = otherwise;
    return HEED_OK;
}

static heed_status read_yarn(const hd_json *object, hd_rotary_scaling *s) {
    bool truncate;
    HD_TRY(read_beta(object, "beta_fast", 32, &s->beta_fast));
    HD_TRY(read_beta(object, "beta_slow", 1, &s->beta_slow));
    HD_TRY(read_number(object, "mscale", 0, 0, &s->mscale));
    HD_TRY(read_number(object, "mscale_all_dim", 0, 0, &s->mscale_all));
    HD_TRY(hd_json_bool(object, "truncate", true, &truncate));
    s->untruncated = !truncate;
    return HEED_OK;
}

static heed_status read_factors(const hd_json *object, const char *key, int64_t pairs, float *factors) {
    hd_json array;
    size_t count;
    HD_TRY(hd_json_require(object, key));
    HD_TRY(hd_json_array(object, key, &array, &count));
    if ((int64_t)count != pairs || pairs > HD_MOST_ROTARY_FACTORS)
        return hd_fail(object->context, HEED_UNSUPPORTED, "%s: \"%s\" has %zu factors for %lld frequencies of up to %d",
                       object->path, key, count, (long long)pairs, HD_MOST_ROTARY_FACTORS);
    for (size_t j = 0; j < count; j++) {
        hd_json element;
        hd_json_element(&array, j, &element);
        double value = json_is_number(element.root) ? json_number_value(element.root) : 0;
        if (!(value >= LEAST && value <= MOST)) return hd_json_expected(&element, NULL, "a number above 0");
        factors[j] = (float)value;
    }
    return HEED_OK;
}

/* The longest text of pretraining: a key of the config, of the scaling, or the longest text. */
static heed_status read_original(const hd_json *config, const hd_json *object, const hd_side_recipe *side,
                                 int64_t *original) {
    int64_t otherwise = *original;
    if (!otherwise) HD_TRY(hd_json_int(object, ORIGINAL, side->max_positions, 2, 1 << 24, &otherwise));
    return hd_json_int(config, ORIGINAL, otherwise, 2, 1 << 24, original);
}

/* The numbers of the kind; the others stay 0. */
static heed_status read_numbers(const hd_json *config, const hd_json *object, int64_t width, hd_side_recipe *side) {
    hd_rotary_scaling *s = &side->rotary_scaling;
    int64_t pairs = (hd_side_rotary_width(side, width) + 1) / 2;
    switch ((hd_rotary_kind)s->kind) {
        case HD_ROTARY_LINEAR:
            return require_number(object, "factor", &s->factor);
        case HD_ROTARY_DYNAMIC:
            s->original_positions = side->max_positions;
            return require_number(object, "factor", &s->factor);
        case HD_ROTARY_LLAMA3:
            HD_TRY(require_number(object, "factor", &s->factor));
            HD_TRY(require_number(object, "low_freq_factor", &s->low_frequency));
            HD_TRY(require_number(object, "high_freq_factor", &s->high_frequency));
            return read_original(config, object, side, &s->original_positions);
        case HD_ROTARY_YARN:
            HD_TRY(read_yarn(object, s));
            break;
        case HD_ROTARY_LONGROPE:
            HD_TRY(read_factors(object, "short_factor", pairs, s->short_factors));
            HD_TRY(read_factors(object, "long_factor", pairs, s->long_factors));
            break;
        default:
            return HEED_OK;
    }
    HD_TRY(read_number(object, "factor", 0, LEAST, &s->factor));
    HD_TRY(read_number(object, "attention_factor", 0, LEAST, &s->attention_factor));
    return read_original(config, object, side, &s->original_positions);
}

/* The part of a head that is rotated: transformers rounds it down. */
static heed_status read_part(const hd_json *config, const objects *o, unsigned rotation, int64_t width,
                             hd_side_recipe *side) {
    double part = 1;
    int64_t head_width = hd_side_head_width(side, width);
    HD_TRY(hd_json_float(config, PART, part, 0, 1, &part));
    HD_TRY(hd_json_float(&o->scaling, PART, part, 0, 1, &part));
    if (!(part < 1)) return HEED_OK;
    if (!(rotation & HD_ROTATION_PARTIAL))
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is %g, which heed lacks for this type of model",
                       config->path, PART, part);
    side->rotary_width = (int64_t)((double)head_width * part);
    if (side->rotary_width) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is %g, which is no column of heads of %lld",
                   config->path, PART, part, (long long)head_width);
}

static heed_status read_base(const hd_json *config, const hd_json *object, const char *key, float *base) {
    double value;
    HD_TRY(hd_json_float(object, "rope_theta", (double)*base, LEAST_BASE, MOST, &value));
    if (!(value >= LEAST_BASE && value <= MOST))
        return hd_fail(config->context, HEED_FORMAT, "%s: \"%s\" is %g, expected a number above 1", config->path, key,
                       value);
    *base = (float)value;
    return HEED_OK;
}

/* Layers with a window have a base of their own and no scaling. */
static heed_status read_local(const hd_json *config, const objects *o, hd_side_recipe *side) {
    const char *kind;
    HD_TRY(hd_json_string(&o->local, "type", "default", &kind));
    HD_TRY(hd_json_string(&o->local, "rope_type", kind, &kind));
    if (strcmp(kind, "default") != 0)
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"%s.%s\": rotary positions of layers with a window are scaled (%s), which heed lacks",
                       config->path, o->key, LOCAL, kind);
    return read_base(config, &o->local, "rope_local_base_freq", &side->local_rotary_base);
}

/* transformers has no limit of a text's length. A scaling is made for texts that are longer than those of pretraining by its
 * factor; the config's limit may still be the original one. */
static void raise_limit(hd_side_recipe *side) {
    const hd_rotary_scaling *s = &side->rotary_scaling;
    if (s->kind != HD_ROTARY_DYNAMIC && s->kind != HD_ROTARY_YARN) return;
    double longest = fmin((double)s->original_positions * (double)s->factor, 1 << 24);
    side->max_positions = hd_max(side->max_positions, (int64_t)longest);
}

heed_status hd_rotary_read(const hd_json *config, unsigned rotation, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[rotary_side(recipe)];
    objects o;
    HD_TRY(find_objects(config, &o));
    HD_TRY(read_base(config, &o.scaling, "rope_theta", &side->rotary_base));
    if (is_ntk(&o, rotation)) return read_ntk(config, &o, recipe->width, side);
    HD_TRY(read_kind(config, &o, rotation, &side->rotary_scaling.kind));
    HD_TRY(read_part(config, &o, rotation, recipe->width, side));
    HD_TRY(read_numbers(config, &o.scaling, recipe->width, side));
    if (rotation & HD_ROTATION_LAYERS) HD_TRY(read_local(config, &o, side));
    raise_limit(side);
    return HEED_OK;
}

/* ---- writing ---- */

static int set_number(json_t *object, const char *key, float number) {
    return number > 0 ? json_object_set_new(object, key, hd_family_real(number)) : 0;
}

static int set_factors(json_t *object, const char *key, int64_t pairs, const float *factors) {
    json_t *array = json_array();
    int failed = 0;
    for (int64_t j = 0; j < hd_min(pairs, HD_MOST_ROTARY_FACTORS); j++)
        failed |= json_array_append_new(array, hd_family_real(factors[j]));
    return json_object_set_new(object, key, array) | failed;
}

static int set_yarn(json_t *object, const hd_rotary_scaling *s) {
    int failed = set_number(object, "beta_fast", s->beta_fast) | set_number(object, "beta_slow", s->beta_slow) |
                 set_number(object, "mscale", s->mscale) | set_number(object, "mscale_all_dim", s->mscale_all);
    if (!(s->factor > 0)) failed |= json_object_set_new(object, "factor", json_null()); /* the key is required */
    return s->untruncated ? json_object_set_new(object, "truncate", json_false()) | failed : failed;
}

/* A new object with the kind under the given key, and its numbers. */
static json_t *scaling_object(unsigned rotation, const hd_recipe *recipe, const char *kind_key) {
    const hd_side_recipe *side = &recipe->side[rotary_side(recipe)];
    const hd_rotary_scaling *s = &side->rotary_scaling;
    json_t *object = json_object();
    const char *name = hd_choice_name(kinds, s->kind);
    int64_t pairs = (hd_side_rotary_width(side, recipe->width) + 1) / 2;
    int failed = json_object_set_new(object, kind_key, json_string(name ? name : "unknown"));
    if (s->kind != HD_ROTARY_UNSCALED) failed |= set_number(object, "factor", s->factor);
    if (s->kind == HD_ROTARY_LLAMA3)
        failed |= set_number(object, "low_freq_factor", s->low_frequency) |
                  set_number(object, "high_freq_factor", s->high_frequency);
    if (s->kind == HD_ROTARY_YARN) failed |= set_yarn(object, s);
    if (s->kind == HD_ROTARY_LONGROPE)
        failed |= set_factors(object, "short_factor", pairs, s->short_factors) |
                  set_factors(object, "long_factor", pairs, s->long_factors);
    if (s->kind == HD_ROTARY_YARN || s->kind == HD_ROTARY_LONGROPE)
        failed |= set_number(object, "attention_factor", s->attention_factor);
    bool original = s->kind != HD_ROTARY_UNSCALED && s->kind != HD_ROTARY_LINEAR && s->kind != HD_ROTARY_DYNAMIC;
    if (original && !(rotation & HD_ROTATION_LONGROPE))
        failed |= json_object_set_new(object, ORIGINAL, json_integer(s->original_positions));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* The part of a head that is read as the same number of columns. */
static double part_of(const hd_side_recipe *side, int64_t width) {
    double head_width = (double)hd_side_head_width(side, width), part = (double)side->rotary_width / head_width;
    return (int64_t)(head_width * part) < side->rotary_width ? nextafter(part, 1) : part;
}

/* rope_parameters, of both kinds of layers if they are apart. */
static json_t *parameters_object(unsigned rotation, const hd_recipe *recipe) {
    const hd_side_recipe *side = &recipe->side[rotary_side(recipe)];
    json_t *object = scaling_object(rotation, recipe, "rope_type");
    int failed = json_object_set_new(object, "rope_theta", hd_family_real(side->rotary_base));
    if (side->rotary_width) failed |= json_object_set_new(object, PART, json_real(part_of(side, recipe->width)));
    if (rotation & HD_ROTATION_LAYERS)
        object = json_pack("{s:o, s:{s:s, s:o}}", FULL, object, LOCAL, "rope_type", "default", "rope_theta",
                           hd_family_real(side->local_rotary_base));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* Versions 4 and 5 of transformers read different keys. */
int hd_rotary_write(unsigned rotation, const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[rotary_side(recipe)];
    const hd_rotary_scaling *s = &side->rotary_scaling;
    int failed = json_object_set_new(config, "rope_parameters", parameters_object(rotation, recipe));
    if (s->kind != HD_ROTARY_UNSCALED)
        failed |= json_object_set_new(config, "rope_scaling", scaling_object(rotation, recipe, "type"));
    if (side->rotary_width) failed |= json_object_set_new(config, PART, json_real(part_of(side, recipe->width)));
    if (s->kind == HD_ROTARY_DYNAMIC)
        failed |= json_object_set_new(config, "max_position_embeddings", json_integer(s->original_positions));
    return failed;
}
