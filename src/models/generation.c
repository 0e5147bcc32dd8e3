#include "models/generation.h"

#include "base/file.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

typedef enum key_kind {
    KEY_INT,       /* int64_t; least and most */
    KEY_FLOAT,     /* float; least and most */
    KEY_BOOL,      /* bool */
    KEY_IDS,       /* hd_ids: an integer or an array of them; negative ones, which no token has, are left out */
    KEY_WORDS,     /* hd_sequences: an array of arrays of ids */
    KEY_BIASES,    /* hd_sequences: an array of pairs of such an array and a number */
    KEY_FORCED,    /* hd_forced_words: an array of arrays of ids, or of arrays of those, which are alternatives */
    KEY_TEXTS,     /* hd_stop_strings: a string or an array of strings */
    KEY_START,     /* int32_t: a token; the first of these rows that a file has wins */
    KEY_EARLY,     /* int: hd_early_stopping */
    KEY_DECAY,     /* the pair decay_start and decay_factor */
    KEY_UNWRITTEN, /* no field: does not change what is generated */
    KEY_LACKING    /* no field: heed has only `neutral`, and null */
} key_kind;

typedef struct generation_key {
    const char *name;
    key_kind kind;
    size_t field;
    double least, most;
    const char *neutral; /* JSON text of a value without effect */
} generation_key;

#define F(field)   offsetof(hd_generation, field)
#define TOKEN_MOST (1 << 24)

/* Every key of GenerationConfig in transformers 5.24. */
static const generation_key keys[] = {
    {"max_length", KEY_INT, F(max_length), 1, 1 << 24, NULL},
    {"max_new_tokens", KEY_INT, F(max_new_tokens), 1, 1 << 24, NULL},
    {"min_length", KEY_INT, F(min_length), 0, 1 << 24, NULL},
    {"min_new_tokens", KEY_INT, F(min_new_tokens), 0, 1 << 24, NULL},
    {"num_beams", KEY_INT, F(beams), 1, 1024, NULL},
    {"num_return_sequences", KEY_INT, F(best), 1, 1024, NULL},
    {"early_stopping", KEY_EARLY, F(early_stopping), 0, 0, NULL},
    {"length_penalty", KEY_FLOAT, F(length_penalty), -100, 100, NULL},
    {"repetition_penalty", KEY_FLOAT, F(repetition_penalty), 1e-6, 1e6, NULL},
    {"encoder_repetition_penalty", KEY_FLOAT, F(source_penalty), 1e-6, 1e6, NULL},
    {"no_repeat_ngram_size", KEY_INT, F(no_repeat_ngram), 0, 1 << 24, NULL},
    {"encoder_no_repeat_ngram_size", KEY_INT, F(no_source_ngram), 0, 1 << 24, NULL},
    {"decoder_start_token_id", KEY_START, F(start), 0, 0, NULL},
    {"bos_token_id", KEY_START, F(start), 0, 0, NULL},
    {"eos_token_id", KEY_IDS, F(ends), 0, 0, NULL},
    {"forced_bos_token_id", KEY_IDS, F(forced_first), 0, 0, NULL},
    {"forced_eos_token_id", KEY_IDS, F(forced_last), 0, 0, NULL},
    {"suppress_tokens", KEY_IDS, F(suppressed), 0, 0, NULL},
    {"begin_suppress_tokens", KEY_IDS, F(suppressed_first), 0, 0, NULL},
    {"bad_words_ids", KEY_WORDS, F(bad_words), 0, 0, NULL},
    {"sequence_bias", KEY_BIASES, F(sequence_bias), 0, 0, NULL},
    {"exponential_decay_length_penalty", KEY_DECAY, F(decay_start), 0, 0, NULL},
    {"renormalize_logits", KEY_BOOL, F(renormalize), 0, 0, NULL},
    {"remove_invalid_values", KEY_BOOL, F(replace_invalid), 0, 0, NULL},
    {"do_sample", KEY_BOOL, F(sample), 0, 0, NULL},
    {"temperature", KEY_FLOAT, F(temperature), -1e6, 1e6, NULL},
    {"top_k", KEY_INT, F(top_k), 0, 1 << 24, NULL},
    {"top_p", KEY_FLOAT, F(top_p), 0, 1e6, NULL},
    {"min_p", KEY_FLOAT, F(min_p), 0, 1, NULL},
    {"typical_p", KEY_FLOAT, F(typical_p), -1e6, 1e6, NULL},
    {"epsilon_cutoff", KEY_FLOAT, F(epsilon_cutoff), -1e6, 1e6, NULL},
    {"eta_cutoff", KEY_FLOAT, F(eta_cutoff), -1e6, 1e6, NULL},
    {"top_h", KEY_LACKING, 0, 0, 0, NULL},
    {"guidance_scale", KEY_LACKING, 0, 0, 0, "1"},
    {"stop_strings", KEY_TEXTS, F(stop_strings), 0, 0, NULL},
    {"watermarking_config", KEY_LACKING, 0, 0, 0, NULL},
    {"token_healing", KEY_LACKING, 0, 0, 0, "false"},
    {"penalty_alpha", KEY_LACKING, 0, 0, 0, "0"},
    {"dola_layers", KEY_LACKING, 0, 0, 0, NULL},
    {"num_beam_groups", KEY_LACKING, 0, 0, 0, "1"},
    {"constraints", KEY_LACKING, 0, 0, 0, NULL},
    {"force_words_ids", KEY_FORCED, F(forced_words), 0, 0, NULL},
    {"low_memory", KEY_LACKING, 0, 0, 0, "false"},
    /* a limit of time depends on the machine */
    {"max_time", KEY_UNWRITTEN, 0, 0, 0, NULL},
    /* without groups of beams, transformers ignores it too */
    {"diversity_penalty", KEY_UNWRITTEN, 0, 0, 0, NULL},
    /* rows are never padded */
    {"pad_token_id", KEY_UNWRITTEN, 0, 0, 0, NULL},
    /* caches, compilation and what is returned besides tokens */
    {"use_cache", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"cache_implementation", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"cache_config", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"max_cache_len", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"prefill_chunk_size", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"compile_config", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"disable_compile", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"continuous_batching_config", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"output_attentions", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"output_hidden_states", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"output_scores", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"output_logits", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"return_dict_in_generate", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"transformers_version", KEY_UNWRITTEN, 0, 0, 0, NULL},
    /* an assistant proposes tokens, which the model accepts if it would have chosen them */
    {"use_mtp", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"is_assistant", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"num_assistant_tokens", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"num_assistant_tokens_schedule", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"assistant_confidence_threshold", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"prompt_lookup_num_tokens", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"max_matching_ngram_size", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"assistant_early_exit", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"assistant_lookbehind", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"target_lookbehind", KEY_UNWRITTEN, 0, 0, 0, NULL},
    {"assistant_ensemble_weight", KEY_LACKING, 0, 0, 0, NULL},
    {"speculation_type", KEY_UNWRITTEN, 0, 0, 0, NULL},
};

void hd_generation_default(hd_generation *generation) {
    *generation = (hd_generation){.beams = 1,
                                  .best = 1,
                                  .length_penalty = 1.0f,
                                  .repetition_penalty = 1.0f,
                                  .source_penalty = 1.0f,
                                  .start = -1,
                                  .decay_factor = 1.0,
                                  .temperature = 1.0f,
                                  .top_p = 1.0f,
                                  .typical_p = 1.0f};
}

void hd_generation_of(const hd_recipe *recipe, hd_generation *generation) {
    static const int32_t starts[] = {0, 1};
    hd_generation_default(generation);
    generation->start = recipe->decoder_start;
    if (recipe->eos >= 0) generation->ends = (hd_ids){&recipe->eos, 1};
    if (recipe->pad >= 0) generation->bad_words = (hd_sequences){1, &recipe->pad, starts, NULL};
}

/* ---- forced words ---- */

static bool begins(const hd_sequences *words, int32_t a, int32_t b) {
    int32_t size = words->starts[a + 1] - words->starts[a];
    return size <= words->starts[b + 1] - words->starts[b] &&
           memcmp(words->ids + words->starts[a], words->ids + words->starts[b], (size_t)size * sizeof *words->ids) == 0;
}

bool hd_forced_words_overlap(const hd_forced_words *forced) {
    for (int64_t i = 0; i < forced->count; i++)
        for (int32_t a = forced->starts[i]; a < forced->starts[i + 1]; a++)
            for (int32_t b = forced->starts[i]; b < forced->starts[i + 1]; b++)
                if (a != b && begins(&forced->words, a, b)) return true;
    return false;
}

int64_t hd_forced_words_shortest(const hd_forced_words *forced) {
    const int32_t *starts = forced->words.starts;
    int64_t all = 0;
    for (int64_t i = 0; i < forced->count; i++) {
        int64_t shortest = INT64_MAX;
        for (int32_t a = forced->starts[i]; a < forced->starts[i + 1]; a++)
            shortest = hd_min(shortest, starts[a + 1] - starts[a]);
        all += shortest;
    }
    return all;
}

/* ---- reading ---- */

/* A file that is read. */
typedef struct reading {
    const hd_json *json;
    const hd_recipe *recipe;
    hd_arena *arena;
    hd_generation *generation;
} reading;

/* Records the first setting that heed lacks; `what` may be empty. */
static heed_status record_lacking(const reading *r, const char *key, const char *what) {
    hd_buffer text;
    if (r->generation->lacking) return HEED_OK;
    hd_buffer_open(&text, r->json->context);
    hd_buffer_format(&text, "%s: \"%s\"%s, which heed lacks", r->json->path, key, what);
    char *kept = text.failed ? NULL : hd_arena_alloc(r->arena, text.size + 1, 1);
    if (kept) memcpy(kept, text.data, text.size + 1);
    hd_buffer_close(&text);
    r->generation->lacking = kept;
    return kept ? HEED_OK : HEED_MEMORY;
}

static heed_status check_neutral(const reading *r, const generation_key *key) {
    if (!hd_json_has(r->json, key->name)) return HEED_OK;
    const json_t *value = json_object_get(r->json->root, key->name);
    json_t *neutral = key->neutral ? json_loads(key->neutral, JSON_DECODE_ANY, NULL) : NULL;
    if (key->neutral && !neutral) return hd_json_no_memory(r->json->context, r->json->path);
    bool same = neutral && (json_equal(neutral, value) || (json_is_number(neutral) && json_is_number(value) &&
                                                           !(json_number_value(neutral) < json_number_value(value)) &&
                                                           !(json_number_value(neutral) > json_number_value(value))));
    json_decref(neutral);
    return same ? HEED_OK : record_lacking(r, key->name, " is set");
}

static heed_status read_early_stopping(const hd_json *json, int *early_stopping) {
    const json_t *value = json_object_get(json->root, "early_stopping");
    if (!value || json_is_null(value)) return HEED_OK;
    if (json_is_boolean(value))
        *early_stopping = json_is_true(value) ? HD_STOP_FULL : HD_STOP_UNLIKELY;
    else if (json_is_string(value) && strcmp(json_string_value(value), "never") == 0)
        *early_stopping = HD_STOP_NEVER;
    else
        return hd_json_expected(json, "early_stopping", "true, false or \"never\"");
    return HEED_OK;
}

/* Appends the ids of an array, or a single one. False if one is not an integer. */
static bool add_ids(const json_t *value, int32_t *ids, int64_t *count) {
    int64_t id, length = json_is_array(value) ? (int64_t)json_array_size(value) : 1;
    for (int64_t i = 0; i < length; i++) {
        if (!hd_json_value_int(json_is_array(value) ? json_array_get(value, (size_t)i) : value, &id)) return false;
        if (id >= 0) ids[(*count)++] = (int32_t)hd_min(id, INT32_MAX);
    }
    return true;
}

static heed_status read_ids(const reading *r, const generation_key *key, hd_ids *out) {
    const json_t *value = json_object_get(r->json->root, key->name);
    size_t most = json_is_array(value) ? json_array_size(value) : 1;
    int32_t *ids = hd_arena_alloc(r->arena, most, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    int64_t count = 0;
    if (!add_ids(value, ids, &count)) return hd_json_expected(r->json, key->name, "an integer or an array of them");
    *out = (hd_ids){ids, 0};
    for (int64_t i = 0; i < count; i++) /* each once: some processors would otherwise change the score twice */
        if (!hd_ids_have(out, ids[i])) ids[out->count++] = ids[i];
    return HEED_OK;
}

/* The ids of element i, without or with its bias; NULL where there are none. */
static const json_t *sequence_of(const json_t *list, size_t i, bool biased) {
    const json_t *element = json_array_get(list, i);
    const json_t *ids = biased ? json_array_get(element, 0) : element;
    bool valid = json_array_size(ids) > 0 && (!biased || json_is_number(json_array_get(element, 1)));
    return valid ? ids : NULL;
}

static heed_status check_tokens(const reading *r, const generation_key *key, const int32_t *ids, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (ids[i] >= hd_recipe_target_vocabulary(r->recipe))
            return record_lacking(r, key->name, " has a token that the model lacks");
    return HEED_OK;
}

static bool same_sequence(const hd_sequences *s, int64_t a, int64_t b) {
    int32_t count = s->starts[a + 1] - s->starts[a];
    return count == s->starts[b + 1] - s->starts[b] &&
           memcmp(s->ids + s->starts[a], s->ids + s->starts[b], (size_t)count * sizeof *s->ids) == 0;
}

/* Of several biases of one sequence the last one counts, as in transformers; the others become −0, which changes nothing. */
static void keep_last_biases(const hd_sequences *s, float *biases) {
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t j = i + 1; j < s->count; j++)
            if (same_sequence(s, i, j)) biases[i] = -0.0f;
}

static heed_status read_sequences(const reading *r, const generation_key *key, bool biased, hd_sequences *out) {
    const char *expected = biased ? "an array of [[id, …], bias]" : "an array of arrays of ids";
    const json_t *list = json_object_get(r->json->root, key->name);
    size_t count = json_array_size(list), most = 0;
    if (!json_is_array(list)) return hd_json_expected(r->json, key->name, expected);
    for (size_t i = 0; i < count; i++) most += json_array_size(sequence_of(list, i, biased));
    int32_t *ids = hd_arena_alloc(r->arena, most, sizeof *ids);
    int32_t *starts = hd_arena_alloc(r->arena, count + 1, sizeof *starts);
    float *biases = hd_arena_alloc(r->arena, count, sizeof *biases);
    if (!ids || !starts || !biases) return HEED_MEMORY;
    int64_t at = 0;
    starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *sequence = sequence_of(list, i, biased);
        if (!sequence || !add_ids(sequence, ids, &at) || at != starts[i] + (int64_t)json_array_size(sequence))
            return hd_json_expected(r->json, key->name, expected);
        starts[i + 1] = (int32_t)at;
        biases[i] = biased ? (float)json_number_value(json_array_get(json_array_get(list, i), 1)) : -INFINITY;
    }
    *out = (hd_sequences){(int64_t)count, ids, starts, biased ? biases : NULL};
    if (biased) keep_last_biases(out, biases);
    return check_tokens(r, key, ids, at);
}

/* Counts the groups, the words and the tokens of force_words_ids; false if it is something else. */
static bool measure_forced(const json_t *list, size_t *words, size_t *tokens) {
    size_t i, j;
    const json_t *group, *word;
    if (json_array_size(list) == 0) return false;
    json_array_foreach(list, i, group) {
        bool nested = json_is_array(json_array_get(group, 0));
        *words += nested ? json_array_size(group) : 1;
        if (json_array_size(group) == 0) return false;
        if (!nested) *tokens += json_array_size(group);
        if (!nested) continue;
        json_array_foreach(group, j, word) {
            if (json_array_size(word) == 0) return false;
            *tokens += json_array_size(word);
        }
    }
    return true;
}

/* One group: a word, or an array of alternatives. False if a token is not an id. */
static bool add_group(const json_t *group, int32_t *ids, int32_t *starts, int64_t *word, int64_t *at) {
    bool nested = json_is_array(json_array_get(group, 0));
    for (size_t i = 0; i < (nested ? json_array_size(group) : 1); i++) {
        const json_t *tokens = nested ? json_array_get(group, i) : group;
        if (!add_ids(tokens, ids, at) || *at != starts[*word] + (int64_t)json_array_size(tokens)) return false;
        starts[++*word] = (int32_t)*at;
    }
    return true;
}

static heed_status read_forced(const reading *r, const generation_key *key, hd_forced_words *out) {
    const char *expected = "an array of arrays of ids, or of arrays of such arrays";
    const json_t *list = json_object_get(r->json->root, key->name);
    size_t count = json_array_size(list), words = 0, tokens = 0;
    if (!measure_forced(list, &words, &tokens)) return hd_json_expected(r->json, key->name, expected);
    int32_t *ids = hd_arena_alloc(r->arena, tokens, sizeof *ids);
    int32_t *starts = hd_arena_alloc(r->arena, words + 1, sizeof *starts);
    int32_t *groups = hd_arena_alloc(r->arena, count + 1, sizeof *groups);
    if (!ids || !starts || !groups) return HEED_MEMORY;
    int64_t word = 0, at = 0;
    starts[0] = groups[0] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!add_group(json_array_get(list, i), ids, starts, &word, &at))
            return hd_json_expected(r->json, key->name, expected);
        groups[i + 1] = (int32_t)word;
    }
    *out = (hd_forced_words){(int64_t)count, {word, ids, starts, NULL}, groups};
    if (hd_forced_words_overlap(out))
        return record_lacking(r, key->name, " has an alternative that begins another one");
    return check_tokens(r, key, ids, at);
}

static bool add_text(const reading *r, const json_t *value, const char **text, size_t *size) {
    *size = json_string_length(value);
    char *copy = *size ? hd_arena_alloc(r->arena, *size + 1, 1) : NULL;
    if (copy) memcpy(copy, json_string_value(value), *size + 1);
    *text = copy;
    return copy;
}

static heed_status read_texts(const reading *r, const generation_key *key, hd_stop_strings *out) {
    const json_t *list = json_object_get(r->json->root, key->name);
    size_t count = json_is_array(list) ? json_array_size(list) : 1;
    const char **texts = hd_arena_alloc(r->arena, count, sizeof *texts);
    size_t *sizes = hd_arena_alloc(r->arena, count, sizeof *sizes);
    if (!texts || !sizes) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_is_array(list) ? json_array_get(list, i) : list;
        if (json_string_length(value) == 0)
            return hd_json_expected(r->json, key->name, "a string or an array of strings that are not empty");
        if (!add_text(r, value, &texts[i], &sizes[i])) return HEED_MEMORY;
    }
    *out = (hd_stop_strings){(int64_t)count, texts, sizes};
    return HEED_OK;
}

static heed_status read_start(const reading *r, const generation_key *key) {
    int64_t id;
    if (!hd_json_has(r->json, key->name) || r->generation->start >= 0) return HEED_OK;
    HD_TRY(hd_json_int(r->json, key->name, -1, INT32_MIN, TOKEN_MOST, &id));
    r->generation->start = (int32_t)hd_max(id, -1);
    return HEED_OK;
}

static heed_status read_decay(const reading *r, const generation_key *key) {
    const json_t *pair = json_object_get(r->json->root, key->name);
    const json_t *factor = json_array_get(pair, 1);
    int64_t start;
    if (json_array_size(pair) != 2 || !hd_json_value_int(json_array_get(pair, 0), &start) || !json_is_number(factor) ||
        start < INT32_MIN || start > INT32_MAX)
        return hd_json_expected(r->json, key->name, "an array of an integer and a number");
    r->generation->decay_start = start;
    r->generation->decay_factor = json_number_value(factor);
    return HEED_OK;
}

static heed_status read_key(const reading *r, const generation_key *key) {
    void *field = (char *)r->generation + key->field;
    double number;
    switch (key->kind) {
        case KEY_INT:
            return hd_json_int(r->json, key->name, 0, (int64_t)key->least, (int64_t)key->most, field);
        case KEY_FLOAT:
            HD_TRY(hd_json_float(r->json, key->name, 0, key->least, key->most, &number));
            *(float *)field = (float)number;
            return HEED_OK;
        case KEY_BOOL:
            return hd_json_bool(r->json, key->name, false, field);
        case KEY_IDS:
            return read_ids(r, key, field);
        case KEY_WORDS:
        case KEY_BIASES:
            return read_sequences(r, key, key->kind == KEY_BIASES, field);
        case KEY_FORCED:
            return read_forced(r, key, field);
        case KEY_TEXTS:
            return read_texts(r, key, field);
        case KEY_START:
            return read_start(r, key);
        case KEY_EARLY:
            return read_early_stopping(r->json, field);
        case KEY_DECAY:
            return read_decay(r, key);
        case KEY_UNWRITTEN:
            return HEED_OK;
        case KEY_LACKING:
            return check_neutral(r, key);
    }
    return HEED_OK;
}

/* A forced token must be one that the model can score. */
static heed_status check_forced(const reading *r, const char *key, const hd_ids *forced) {
    for (int64_t i = 0; i < forced->count; i++)
        if (forced->ids[i] >= hd_recipe_target_vocabulary(r->recipe))
            return record_lacking(r, key, " is a token that the model lacks");
    return HEED_OK;
}

heed_status hd_generation_parse(const hd_json *json, const hd_recipe *recipe, hd_arena *arena,
                                hd_generation *generation) {
    enum { TOP_K = 50 };
    reading r = {json, recipe, arena, generation};
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (hd_json_has(json, keys[i].name)) HD_TRY(read_key(&r, &keys[i]));
    if (hd_json_has(json, "do_sample") && generation->sample && !hd_json_has(json, "top_k"))
        generation->top_k = TOP_K; /* transformers' default */
    const json_t *cache = json_object_get(json->root, "cache_implementation");
    if (json_is_string(cache) && strcmp(json_string_value(cache), "quantized") == 0)
        HD_TRY(record_lacking(&r, "cache_implementation", " is \"quantized\""));
    HD_TRY(check_forced(&r, "forced_bos_token_id", &generation->forced_first));
    return check_forced(&r, "forced_eos_token_id", &generation->forced_last);
}

/* What an old BART's config says in place of forced_bos_token_id. */
static heed_status read_old_forced(const hd_json *config, hd_arena *arena, hd_generation *generation) {
    bool forced;
    int64_t bos;
    HD_TRY(hd_json_bool(config, "force_bos_token_to_be_generated", false, &forced));
    if (!forced) return HEED_OK;
    HD_TRY(hd_json_int(config, "bos_token_id", -1, 0, TOKEN_MOST, &bos));
    int32_t *ids = hd_arena_alloc(arena, 1, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    ids[0] = (int32_t)bos;
    generation->forced_first = (hd_ids){ids, bos >= 0};
    return HEED_OK;
}

void hd_generation_choose(const hd_json *json, hd_chosen *chosen) {
    chosen->beams |= hd_json_has(json, "num_beams");
    chosen->length |= hd_json_has(json, "max_length") || hd_json_has(json, "max_new_tokens");
}

heed_status hd_generation_read(const char *folder, const hd_json *config, const hd_recipe *recipe, hd_arena *arena,
                               hd_generation *generation, hd_chosen *chosen) {
    char *path = hd_path_join(config->context, folder, "generation_config.json");
    hd_json own = {0};
    if (!path) return HEED_MEMORY;
    bool has_own = hd_file_exists(path);
    heed_status status = has_own ? hd_json_open(config->context, path, &own) : HEED_OK;
    hd_generation_default(generation);
    if (status == HEED_OK) status = hd_generation_parse(has_own ? &own : config, recipe, arena, generation);
    if (status == HEED_OK && !has_own) status = read_old_forced(config, arena, generation);
    if (generation->start < 0) generation->start = recipe->decoder_start;
    if (status == HEED_OK) hd_generation_choose(has_own ? &own : config, chosen);
    hd_json_close(&own);
    hd_free(config->context, path);
    return status;
}

/* ---- writing ---- */

static json_t *ids_array(const int32_t *ids, int64_t count) {
    json_t *array = json_array();
    int failed = 0;
    for (int64_t i = 0; i < count; i++) failed |= json_array_append_new(array, json_integer(ids[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *sequences_array(const hd_sequences *s) {
    json_t *array = json_array();
    int failed = 0;
    for (int64_t i = 0; i < s->count; i++) {
        json_t *ids = ids_array(s->ids + s->starts[i], s->starts[i + 1] - s->starts[i]);
        json_t *element = s->biases ? json_pack("[o, f]", ids, (double)s->biases[i]) : ids;
        failed |= json_array_append_new(array, element);
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

/* A group of one word is written as the word. */
static json_t *forced_array(const hd_forced_words *forced) {
    json_t *array = json_array();
    int failed = 0;
    for (int64_t i = 0; i < forced->count; i++) {
        hd_sequences group = forced->words;
        group.count = forced->starts[i + 1] - forced->starts[i];
        group.starts += forced->starts[i];
        json_t *words = sequences_array(&group);
        bool single = group.count == 1 && words;
        json_t *value = single ? json_incref(json_array_get(words, 0)) : words;
        failed |= json_array_append_new(array, value);
        if (single) json_decref(words);
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *texts_array(const hd_stop_strings *texts) {
    json_t *array = json_array();
    int failed = 0;
    for (int64_t i = 0; i < texts->count; i++)
        failed |= json_array_append_new(array, json_stringn(texts->texts[i], texts->sizes[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *early_value(int early_stopping) {
    return early_stopping == HD_STOP_NEVER ? json_string("never") : json_boolean(early_stopping == HD_STOP_FULL);
}

/* NULL: out of memory. json_null(): there is nothing to write. */
static json_t *value_of(const generation_key *key, const hd_generation *generation, const hd_generation *otherwise) {
    const char *field = (const char *)generation + key->field, *usual = (const char *)otherwise + key->field;
    const hd_ids *ids = (const hd_ids *)(const void *)field;
    const hd_sequences *sequences = (const hd_sequences *)(const void *)field;
    int64_t integer;
    float number;
    switch (key->kind) {
        case KEY_INT:
            memcpy(&integer, field, sizeof integer);
            return memcmp(field, usual, sizeof integer) ? json_integer(integer) : json_null();
        case KEY_FLOAT:
            memcpy(&number, field, sizeof number);
            return memcmp(field, usual, sizeof number) ? json_real((double)number) : json_null();
        case KEY_BOOL:
            return memcmp(field, usual, sizeof(bool)) ? json_boolean(!!*field) : json_null();
        case KEY_EARLY:
            return generation->early_stopping ? early_value(generation->early_stopping) : json_null();
        case KEY_IDS:
            return ids->count == 1 ? json_integer(ids->ids[0])
                   : ids->count    ? ids_array(ids->ids, ids->count)
                                   : json_null();
        case KEY_WORDS:
        case KEY_BIASES:
            return sequences->count ? sequences_array(sequences) : json_null();
        case KEY_FORCED:
            return generation->forced_words.count ? forced_array(&generation->forced_words) : json_null();
        case KEY_TEXTS:
            return generation->stop_strings.count ? texts_array(&generation->stop_strings) : json_null();
        case KEY_DECAY:
            return generation->decay_factor > 1 || generation->decay_factor < 1
                       ? json_pack("[I, f]", (json_int_t)generation->decay_start, generation->decay_factor)
                       : json_null();
        case KEY_START:
        case KEY_UNWRITTEN:
        case KEY_LACKING:
            break;
    }
    return json_null();
}

static int write_rest(const hd_generation *generation, json_t *config) {
    hd_generation otherwise;
    int failed = 0;
    hd_generation_default(&otherwise);
    for (size_t i = 0; i < HD_COUNT(keys); i++) {
        json_t *value = value_of(&keys[i], generation, &otherwise);
        if (json_is_null(value) || json_object_get(config, keys[i].name))
            json_decref(value);
        else
            failed |= json_object_set_new(config, keys[i].name, value);
    }
    return failed;
}

heed_status hd_generation_write(heed_context *context, const char *folder, const hd_generation *generation,
                                const hd_recipe *recipe) {
    json_t *config = json_pack("{s:o, s:I, s:f, s:o}", "max_length",
                               generation->max_length ? json_integer(generation->max_length) : json_null(), "num_beams",
                               (json_int_t)generation->beams, "length_penalty", (double)generation->length_penalty,
                               "early_stopping", early_value(generation->early_stopping));
    int failed = !config;
    if (recipe->pad >= 0) failed |= json_object_set_new(config, "pad_token_id", json_integer(recipe->pad));
    if (!failed && generation->bad_words.count)
        failed |= json_object_set_new(config, "bad_words_ids", sequences_array(&generation->bad_words));
    if (!failed && generation->ends.count == 1)
        failed |= json_object_set_new(config, "eos_token_id", json_integer(generation->ends.ids[0]));
    if (recipe->side[HD_ENCODER].layers)
        failed |= json_object_set_new(config, "decoder_start_token_id", json_integer(generation->start)) |
                  (generation->forced_last.count == 0 &&
                   json_object_set_new(config, "forced_eos_token_id", json_integer(recipe->eos)) != 0);
    failed |= write_rest(generation, config);
    char *path = hd_path_join(context, folder, "generation_config.json");
    heed_status status = HEED_MEMORY;
    if (failed)
        hd_json_no_memory(context, "generation_config.json");
    else if (path)
        status = hd_json_write(context, path, config);
    json_decref(config);
    hd_free(context, path);
    return status;
}
