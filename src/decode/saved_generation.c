#include "decode/saved_generation.h"

#include <string.h>

enum { INTEGER, CHOICE, FLOAT, DOUBLE, BOOL, TOKEN, IDS, FORCED, SEQUENCES, GROUPS, STRINGS, CONSTANT };

#define FIELD(kind, name, least, most) \
    { #name, kind, offsetof(hd_generation, name), sizeof(((hd_generation *)0)->name), least, most }
#define SIZE ((int64_t)1 << 24) /* as in generation_config.json */

const hd_saved_field hd_saved_fields[] = {
    FIELD(INTEGER, beams, 1, 1024),
    FIELD(INTEGER, best, 1, 1024),
    FIELD(INTEGER, max_new_tokens, 0, SIZE),
    FIELD(INTEGER, max_length, 0, SIZE),
    FIELD(INTEGER, min_new_tokens, 0, SIZE),
    FIELD(INTEGER, min_length, 0, SIZE),
    FIELD(CHOICE, early_stopping, HD_STOP_UNLIKELY, HD_STOP_NEVER),
    FIELD(FLOAT, length_penalty, 0, 0),
    FIELD(FLOAT, repetition_penalty, 0, 0),
    FIELD(FLOAT, presence_penalty, 0, 0),
    FIELD(FLOAT, frequency_penalty, 0, 0),
    FIELD(FLOAT, source_penalty, 0, 0),
    FIELD(INTEGER, no_repeat_ngram, 0, SIZE),
    FIELD(INTEGER, no_source_ngram, 0, SIZE),
    FIELD(TOKEN, start, 0, 0),
    FIELD(IDS, ends, 0, 0),
    FIELD(FORCED, forced_first, 0, 0),
    FIELD(FORCED, forced_last, 0, 0),
    FIELD(IDS, suppressed, 0, 0),
    FIELD(IDS, suppressed_first, 0, 0),
    FIELD(SEQUENCES, bad_words, 0, 0),
    FIELD(SEQUENCES, sequence_bias, 0, 0),
    FIELD(GROUPS, forced_words, 0, 0),
    FIELD(STRINGS, stop_strings, 0, 0),
    FIELD(BOOL, keep_stop, 0, 0),
    FIELD(BOOL, log_probs, 0, 0),
    FIELD(INTEGER, top_log_probs, 0, 1024),
    FIELD(INTEGER, decay_start, INT32_MIN, INT32_MAX),
    FIELD(DOUBLE, decay_factor, 0, 0),
    FIELD(BOOL, renormalize, 0, 0),
    FIELD(BOOL, replace_invalid, 0, 0),
    FIELD(BOOL, sample, 0, 0),
    FIELD(FLOAT, temperature, 0, 0),
    FIELD(INTEGER, top_k, 0, SIZE),
    FIELD(FLOAT, top_p, 0, 0),
    FIELD(FLOAT, min_p, 0, 0),
    FIELD(FLOAT, typical_p, 0, 0),
    FIELD(FLOAT, epsilon_cutoff, 0, 0),
    FIELD(FLOAT, eta_cutoff, 0, 0),
    FIELD(INTEGER, seed, INT64_MIN, INT64_MAX),
    FIELD(INTEGER, prompt_lookup, 0, SIZE),
    FIELD(CONSTANT, constraint, 0, 0), /* NULL: hd_session_attach_request */
    FIELD(CONSTANT, lacking, 0, 0),    /* NULL: hd_session_allow */
};
const size_t hd_saved_field_count = HD_COUNT(hd_saved_fields);

/* ---- numbers and lists ---- */

json_t *hd_saved_float_write(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return json_integer((json_int_t)bits);
}

json_t *hd_saved_double_write(double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return json_integer((json_int_t)bits);
}

heed_status hd_saved_float_read(const hd_json *json, const char *key, float *out) {
    int64_t bits;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_int(json, key, 0, 0, UINT32_MAX, &bits));
    memcpy(out, &(uint32_t){(uint32_t)bits}, sizeof *out);
    return HEED_OK;
}

heed_status hd_saved_double_read(const hd_json *json, const char *key, double *out) {
    int64_t bits;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_int(json, key, 0, INT64_MIN, INT64_MAX, &bits));
    memcpy(out, &bits, sizeof *out);
    return HEED_OK;
}

json_t *hd_saved_ids_write(const int32_t *ids, int64_t count) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < count && !failed; i++) failed = json_array_append_new(array, json_integer(ids[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

/* Integers of an array from index `first` on, in [0, vocabulary). */
static heed_status read_ids(const hd_json *array, size_t first, size_t count, int64_t vocabulary, int32_t *ids) {
    for (size_t i = first; i < count; i++) {
        int64_t id;
        if (!hd_json_value_int(json_array_get(array->root, i), &id) || id < 0 || id >= vocabulary)
            return hd_json_expected(array, NULL, "tokens of the model");
        ids[i - first] = (int32_t)id;
    }
    return HEED_OK;
}

heed_status hd_saved_ids_into(const hd_json *array, int64_t vocabulary, int32_t *ids) {
    return read_ids(array, 0, json_array_size(array->root), vocabulary, ids);
}

heed_status hd_saved_ids_read(const hd_json *json, const char *key, int64_t vocabulary, hd_arena *arena, hd_ids *out) {
    hd_json array;
    size_t count;
    HD_TRY(hd_json_array(json, key, &array, &count));
    int32_t *ids = hd_arena_alloc(arena, count, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    *out = (hd_ids){ids, (int64_t)count};
    return read_ids(&array, 0, count, vocabulary, ids);
}

/* A sequence is an array of its bias, which is null where there are none, and its tokens. */
static json_t *sequences_write(const hd_sequences *s) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < s->count && !failed; i++) {
        json_t *one = hd_saved_ids_write(s->ids + s->starts[i], s->starts[i + 1] - s->starts[i]);
        failed = !one || json_array_insert_new(one, 0, s->biases ? hd_saved_float_write(s->biases[i]) : json_null());
        if (failed)
            json_decref(one);
        else
            failed = json_array_append_new(array, one);
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static heed_status read_bias(const hd_json *one, float *bias) {
    int64_t bits;
    if (!hd_json_value_int(json_array_get(one->root, 0), &bits) || bits < 0 || bits > UINT32_MAX)
        return hd_json_expected(one, NULL, "a bias and tokens");
    memcpy(bias, &(uint32_t){(uint32_t)bits}, sizeof *bias);
    return HEED_OK;
}

/* The sequences of an array from index `first` on. */
static heed_status sequences_from(const hd_json *array, size_t first, hd_arena *arena, hd_sequences *out) {
    hd_json one;
    size_t all = json_array_size(array->root), count = all > first ? all - first : 0, total = 0;
    for (size_t i = 0; i < count; i++) total += json_array_size(json_array_get(array->root, first + i));
    int32_t *ids = hd_arena_alloc(arena, total, sizeof *ids),
            *starts = hd_arena_alloc(arena, count + 1, sizeof *starts);
    float *biases = hd_arena_alloc(arena, count, sizeof *biases);
    if (!ids || !starts || !biases) return HEED_MEMORY;
    bool biased = count && !json_is_null(json_array_get(json_array_get(array->root, first), 0));
    starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        hd_json_element(array, first + i, &one);
        size_t size = json_array_size(one.root);
        if (size < 2) return hd_json_expected(&one, NULL, "a bias and tokens");
        if (biased) HD_TRY(read_bias(&one, &biases[i]));
        HD_TRY(read_ids(&one, 1, size, INT32_MAX, ids + starts[i]));
        starts[i + 1] = starts[i] + (int32_t)size - 1;
    }
    *out = (hd_sequences){(int64_t)count, ids, starts, biased ? biases : NULL};
    return HEED_OK;
}

static heed_status sequences_read(const hd_json *json, const char *key, hd_arena *arena, hd_sequences *out) {
    hd_json array;
    size_t count;
    HD_TRY(hd_json_array(json, key, &array, &count));
    return sequences_from(&array, 0, arena, out);
}

/* An array of the starts of groups, and then their words. */
static json_t *groups_write(const hd_forced_words *forced) {
    json_t *array = sequences_write(&forced->words);
    json_t *starts = hd_saved_ids_write(forced->starts, forced->count ? forced->count + 1 : 0);
    if (array && starts && json_array_insert(array, 0, starts) == 0) {
        json_decref(starts);
        return array;
    }
    json_decref(array), json_decref(starts);
    return NULL;
}

/* Each group has a word at least, and all words are in one. */
static bool are_groups(const int32_t *starts, int64_t count, int64_t words) {
    for (int64_t i = 0; i < count; i++)
        if (starts[i] >= starts[i + 1]) return false;
    return starts[0] == 0 && starts[count] == words;
}

static heed_status groups_read(const hd_json *json, const char *key, hd_arena *arena, hd_forced_words *out) {
    hd_json array, first;
    size_t count;
    HD_TRY(hd_json_array(json, key, &array, &count));
    hd_json_element(&array, 0, &first);
    size_t starts_count = json_array_size(first.root);
    int32_t *starts = hd_arena_alloc(arena, starts_count + 1, sizeof *starts);
    if (!starts) return HEED_MEMORY;
    if (!json_is_array(first.root)) return hd_json_expected(json, key, "groups of words");
    HD_TRY(read_ids(&first, 0, starts_count, INT32_MAX, starts));
    *out = (hd_forced_words){.count = starts_count ? (int64_t)starts_count - 1 : 0, .starts = starts};
    HD_TRY(sequences_from(&array, 1, arena, &out->words));
    if (!starts_count) starts[0] = 0;
    return are_groups(starts, out->count, out->words.count) ? HEED_OK : hd_json_expected(json, key, "groups of words");
}

/* A string is an array of its bytes, which need not be valid UTF-8. */
static json_t *strings_write(const hd_stop_strings *strings) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < strings->count && !failed; i++) {
        json_t *bytes = json_array();
        for (size_t j = 0; j < strings->sizes[i]; j++)
            failed |= json_array_append_new(bytes, json_integer((unsigned char)strings->texts[i][j]));
        failed |= json_array_append_new(array, bytes);
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static heed_status string_read(const hd_json *bytes, hd_arena *arena, const char **text, size_t *size) {
    *size = json_array_size(bytes->root);
    char *copy = hd_arena_alloc(arena, *size + 1, 1);
    if (!copy) return HEED_MEMORY;
    for (size_t i = 0; i < *size; i++) {
        int64_t byte;
        if (!hd_json_value_int(json_array_get(bytes->root, i), &byte) || byte < 0 || byte > 255)
            return hd_json_expected(bytes, NULL, "bytes");
        copy[i] = (char)byte;
    }
    copy[*size] = 0;
    *text = copy;
    return *size ? HEED_OK : hd_json_expected(bytes, NULL, "bytes");
}

static heed_status strings_read(const hd_json *json, const char *key, hd_arena *arena, hd_stop_strings *out) {
    hd_json array, one;
    size_t count;
    HD_TRY(hd_json_array(json, key, &array, &count));
    const char **texts = hd_arena_alloc(arena, count, sizeof *texts);
    size_t *sizes = hd_arena_alloc(arena, count, sizeof *sizes);
    if (!texts || !sizes) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        hd_json_element(&array, i, &one);
        HD_TRY(string_read(&one, arena, &texts[i], &sizes[i]));
    }
    *out = (hd_stop_strings){(int64_t)count, texts, sizes};
    return HEED_OK;
}

/* ---- fields ---- */

static json_t *write_field(const hd_saved_field *f, const hd_generation *g) {
    const char *at = (const char *)g + f->offset;
    int64_t integer = 0;
    int choice;
    float number;
    double wide;
    hd_ids ids;
    hd_sequences sequences;
    hd_forced_words forced;
    hd_stop_strings strings;
    switch (f->kind) {
        case INTEGER:
            memcpy(&integer, at, sizeof integer);
            return json_integer((json_int_t)integer);
        case CHOICE:
        case TOKEN:
            memcpy(&choice, at, sizeof choice);
            return json_integer(choice);
        case FLOAT:
            memcpy(&number, at, sizeof number);
            return hd_saved_float_write(number);
        case DOUBLE:
            memcpy(&wide, at, sizeof wide);
            return hd_saved_double_write(wide);
        case BOOL:
            return json_boolean(*at);
        case IDS:
        case FORCED:
            memcpy(&ids, at, sizeof ids);
            return hd_saved_ids_write(ids.ids, ids.count);
        case SEQUENCES:
            memcpy(&sequences, at, sizeof sequences);
            return sequences_write(&sequences);
        case GROUPS:
            memcpy(&forced, at, sizeof forced);
            return groups_write(&forced);
        case STRINGS:
            memcpy(&strings, at, sizeof strings);
            return strings_write(&strings);
        default:
            return json_null();
    }
}

json_t *hd_saved_generation_write(const hd_generation *generation) {
    json_t *object = json_object();
    int failed = !object;
    for (size_t i = 0; i < HD_COUNT(hd_saved_fields) && !failed; i++)
        failed = json_object_set_new(object, hd_saved_fields[i].name, write_field(&hd_saved_fields[i], generation));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static heed_status read_field(const hd_json *json, const hd_saved_field *f, int64_t vocabulary, hd_arena *arena,
                              hd_generation *g) {
    void *at = (char *)g + f->offset;
    int64_t integer;
    if (f->kind == CONSTANT) return HEED_OK;
    HD_TRY(hd_json_require(json, f->name));
    switch (f->kind) {
        case INTEGER:
            return hd_json_int(json, f->name, 0, f->least, f->most, at);
        case CHOICE:
        case TOKEN:
            HD_TRY(hd_json_int(json, f->name, 0, f->kind == TOKEN ? -1 : f->least,
                               f->kind == TOKEN ? INT32_MAX : f->most, &integer));
            memcpy(at, &(int){(int)integer}, sizeof(int));
            return HEED_OK;
        case FLOAT:
            return hd_saved_float_read(json, f->name, at);
        case DOUBLE:
            return hd_saved_double_read(json, f->name, at);
        case BOOL:
            return hd_json_bool(json, f->name, false, at);
        case SEQUENCES:
            return sequences_read(json, f->name, arena, at);
        case GROUPS:
            return groups_read(json, f->name, arena, at);
        case STRINGS:
            return strings_read(json, f->name, arena, at);
        default:
            return hd_saved_ids_read(json, f->name, f->kind == FORCED ? vocabulary : INT32_MAX, arena, at);
    }
}

heed_status hd_saved_generation_read(const hd_json *json, int64_t vocabulary, hd_arena *arena,
                                     hd_generation *generation) {
    hd_generation_default(generation);
    for (size_t i = 0; i < HD_COUNT(hd_saved_fields); i++)
        HD_TRY(read_field(json, &hd_saved_fields[i], vocabulary, arena, generation));
    return HEED_OK;
}
