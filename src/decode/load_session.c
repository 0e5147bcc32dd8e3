#include "base/file.h"
#include "base/version.h"
#include "decode/prefixes.h"
#include "decode/saved_format.h"
#include "decode/saved_generation.h"
#include "decode/saved_session.h"
#include "decode/session.h"
#include "decode/session_state.h"
#include "formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct loading {
    heed_context *context;
    const char *path;
    const hd_network *network;
    hd_session_limits limits;
    hd_session *session;
    uint64_t fingerprint; /* of the network */
    const hd_stored_tensor *slots;
    hd_search **running; /* [running_count], in the file's order */
    int64_t running_count, added_count;
    size_t running_capacity;
} loading;

static heed_status fail_damaged(const loading *from) {
    return hd_fail(from->context, HEED_FORMAT, "%s: its checksum is wrong: the file was damaged or changed",
                   from->path);
}

static heed_status read_hexadecimal(const hd_json *json, const char *key, uint64_t *out) {
    const char *text;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_string(json, key, NULL, &text));
    *out = strtoull(text, NULL, 16);
    return HEED_OK;
}

static heed_status check_version(const loading *from, const hd_json *json) {
    const char *version;
    int64_t format, bit_epoch;
    const int64_t most = (int64_t)1 << 30;
    HD_TRY(hd_json_int(json, "format", 0, 0, most, &format));
    HD_TRY(hd_json_int(json, "bit_epoch", 0, 0, most, &bit_epoch));
    HD_TRY(hd_json_string(json, "heed", NULL, &version));
    if (format == HD_SESSION_FORMAT && bit_epoch == HD_BIT_EPOCH) return HEED_OK;
    return hd_fail(from->context, HEED_FORMAT,
                   "%s: a session of format %lld and bit epoch %lld, written by heed%s%.40s; this heed reads format %d "
                   "and bit epoch %d",
                   from->path, (long long)format, (long long)bit_epoch, version ? " " : "", version ? version : "",
                   HD_SESSION_FORMAT, HD_BIT_EPOCH);
}

static heed_status check_model(loading *from, const hd_json *json) {
    uint64_t saved;
    HD_TRY(read_hexadecimal(json, "model", &saved));
    HD_TRY(hd_session_fingerprint(from->context, from->network, &from->fingerprint));
    if (saved == from->fingerprint) return HEED_OK;
    return hd_fail(from->context, HEED_FORMAT, "%s: a session of another model", from->path);
}

/* The checksum covers everything before it, and ends the file. */
static heed_status check_sum(const loading *from, const hd_map *map) {
    char sum[HD_SESSION_DIGITS + 1];
    if (map->size < HD_SESSION_DIGITS) return fail_damaged(from);
    size_t covered = map->size - HD_SESSION_DIGITS;
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_of(map->data, covered));
    return memcmp(map->data + covered, sum, HD_SESSION_DIGITS) == 0 ? HEED_OK : fail_damaged(from);
}

/* ---- a request ---- */

static heed_status read_stops(const hd_json *json, hd_arena *arena, hd_stops *out) {
    hd_json array;
    size_t count, total = 0;
    HD_TRY(hd_json_array(json, "stops", &array, &count));
    for (size_t i = 0; i < count; i++) total += json_array_size(json_array_get(array.root, i));
    int32_t *ids = hd_arena_alloc(arena, total, sizeof *ids),
            *starts = hd_arena_alloc(arena, count + 1, sizeof *starts);
    if (!ids || !starts) return HEED_MEMORY;
    starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *stop = json_array_get(array.root, i);
        size_t size = json_array_size(stop);
        int64_t id;
        if (!size) return hd_json_expected(&array, NULL, "arrays of tokens");
        for (size_t j = 0; j < size; j++) {
            if (!hd_json_value_int(json_array_get(stop, j), &id) || id < INT32_MIN || id > INT32_MAX)
                return hd_json_expected(&array, NULL, "arrays of tokens");
            ids[starts[i] + (int32_t)j] = (int32_t)id;
        }
        starts[i + 1] = starts[i] + (int32_t)size;
    }
    *out = (hd_stops){(int64_t)count, ids, starts};
    return HEED_OK;
}

static heed_status open_search(loading *from, const hd_json *json, hd_search **search) {
    hd_session *s = from->session;
    hd_generation generation;
    hd_json object;
    hd_ids ids;
    int64_t id;
    hd_request request = {.generation = &generation};
    HD_TRY(hd_json_object(json, "generation", &object));
    HD_TRY(hd_saved_generation_read(&object, s->decoder->vocabulary, &s->loaded, &generation));
    HD_TRY(hd_saved_ids_read(json, "ids", s->decoder->source_vocabulary, &s->loaded, &ids));
    HD_TRY(read_stops(json, &s->loaded, &request.stops));
    HD_TRY(read_hexadecimal(json, "number", &request.number));
    HD_TRY(hd_json_int(json, "id", -1, 0, (int64_t)s->next_id - 1, &id));
    if (id < 0) return hd_json_expected(json, "id", NULL);
    request.ids = ids.ids, request.count = ids.count;
    HD_TRY(hd_search_open(s->context, s->decoder, &request, search));
    (*search)->id = (uint64_t)id;
    return HEED_OK;
}

static heed_status read_count(const hd_json *json, const char *key, hd_proposal_count *count) {
    int64_t numbers[3];
    size_t found;
    HD_TRY(hd_json_ints(json, key, 0, (int64_t)1 << 30, numbers, HD_COUNT(numbers), &found));
    if (found != HD_COUNT(numbers) || numbers[0] < 1) return hd_json_expected(json, key, "three integers");
    *count = (hd_proposal_count){numbers[0], numbers[1], numbers[2]};
    return HEED_OK;
}

/* The log-probabilities of `made` tokens. */
static heed_status read_records(const hd_json *array, hd_search *search, int64_t made, int64_t vocabulary,
                                const hd_record **last) {
    int64_t width = 1 + search->generation.top_log_probs, id, bits;
    hd_continuation *tokens = hd_arena_alloc(&search->records, (size_t)width, sizeof *tokens);
    if (!tokens) return HEED_MEMORY;
    *last = NULL;
    if ((int64_t)json_array_size(array->root) != 2 * made * width)
        return hd_json_expected(array, NULL, "log-probabilities of the tokens");
    for (int64_t i = 0; i < made * width; i++) {
        if (!hd_json_value_int(json_array_get(array->root, (size_t)(2 * i)), &id) || id < -1 || id >= vocabulary ||
            !hd_json_value_int(json_array_get(array->root, (size_t)(2 * i + 1)), &bits) || bits < 0 ||
            bits > UINT32_MAX)
            return hd_json_expected(array, NULL, "log-probabilities of the tokens");
        tokens[i % width].token = (int32_t)id;
        memcpy(&tokens[i % width].log_prob, &(uint32_t){(uint32_t)bits}, sizeof tokens->log_prob);
        if (i % width == width - 1) HD_TRY(hd_record_copy(&search->records, tokens, width - 1, *last, last));
    }
    return HEED_OK;
}

static heed_status read_slot_records(const loading *from, const hd_json *json, hd_search *search) {
    hd_json array, one;
    size_t count;
    HD_TRY(hd_json_array(json, "records", &array, &count));
    if ((int64_t)count != (search->last ? search->slots : 0))
        return hd_json_expected(&array, NULL, "those of each hypothesis");
    for (size_t i = 0; i < count; i++) {
        hd_json_element(&array, i, &one);
        HD_TRY(read_records(&one, search, search->length - search->given, from->session->decoder->vocabulary,
                            &search->last[i]));
    }
    return HEED_OK;
}

/* The hypotheses of a search that runs: all of one length, which has not reached the limit. */
static heed_status read_hypotheses(loading *from, const hd_json *json, hd_search *search) {
    hd_json slots, scores, one;
    size_t count, score_count;
    HD_TRY(hd_json_array(json, "slots", &slots, &count));
    HD_TRY(hd_json_array(json, "scores", &scores, &score_count));
    bool beams = search->scores;
    if (count < 1 || count > (size_t)hd_search_beams(search) || score_count != (beams ? count : 0))
        return hd_json_expected(&slots, NULL, "a hypothesis for each beam at most");
    size_t made = json_array_size(json_array_get(slots.root, 0));
    if ((int64_t)made >= search->limit) return hd_json_expected(&slots, NULL, "texts shorter than their limit");
    search->slots = 1; /* has the prompt */
    HD_TRY(hd_search_reserve(search, (int64_t)made));
    for (size_t i = 1; i < count; i++)
        memcpy(hd_search_tokens(search, (int64_t)i), search->tokens, (size_t)search->given * sizeof *search->tokens);
    for (size_t i = 0; i < count; i++) {
        int32_t *tokens = hd_search_tokens(search, (int64_t)i) + search->given;
        hd_json_element(&slots, i, &one);
        if (json_array_size(one.root) != made) return hd_json_expected(&one, NULL, "as many tokens as the others have");
        HD_TRY(hd_saved_ids_into(&one, from->session->decoder->vocabulary, tokens));
        int64_t bits;
        if (!beams) continue;
        if (!hd_json_value_int(json_array_get(scores.root, i), &bits) || bits < 0 || bits > UINT32_MAX)
            return hd_json_expected(&scores, NULL, "scores");
        memcpy(&search->scores[i], &(uint32_t){(uint32_t)bits}, sizeof *search->scores);
    }
    search->slots = (int64_t)count;
    search->length += (int64_t)made;
    return read_slot_records(from, json, search);
}

/* How a hypothesis ended, and its log-probabilities. */
static heed_status read_ending(const loading *from, const hd_json *json, hd_search *search, hd_hypothesis *h) {
    int64_t stop_bytes;
    hd_json records;
    size_t count;
    HD_TRY(hd_json_int(json, "stop_bytes", 0, 0, INT64_MAX, &stop_bytes));
    HD_TRY(hd_json_bool(json, "lacks_words", false, &h->lacks_words));
    HD_TRY(hd_json_int(json, "made", h->count, h->count, search->limit, &h->made));
    HD_TRY(hd_json_array(json, "records", &records, &count));
    h->stop_bytes = (size_t)stop_bytes;
    h->last = NULL;
    if (!search->last) return HEED_OK;
    return read_records(&records, search, h->made, from->session->decoder->vocabulary, &h->last);
}

static heed_status read_finished(const loading *from, const hd_json *json, hd_search *search) {
    hd_json array, one;
    size_t count;
    HD_TRY(hd_json_array(json, "finished", &array, &count));
    if (count > (size_t)hd_search_beams(search))
        return hd_json_expected(&array, NULL, "a result for each beam at most");
    for (size_t i = 0; i < count; i++) {
        hd_hypothesis *h = &search->finished[i];
        int64_t end;
        hd_ids ids;
        hd_json_element(&array, i, &one);
        if (!json_is_object(one.root)) return hd_json_expected(&one, NULL, "an object");
        HD_TRY(hd_saved_float_read(&one, "score", &h->score));
        HD_TRY(hd_json_int(&one, "end", -1, -1, from->session->decoder->vocabulary - 1, &end));
        HD_TRY(hd_saved_ids_read(&one, "ids", from->session->decoder->vocabulary, &from->session->loaded, &ids));
        if (ids.count > search->limit) return hd_json_expected(&one, "ids", "texts up to their limit");
        h->ids = hd_alloc(from->context, (size_t)ids.count, sizeof *h->ids);
        if (!h->ids) return HEED_MEMORY;
        if (ids.count) memcpy(h->ids, ids.ids, (size_t)ids.count * sizeof *h->ids);
        h->count = ids.count, h->end = (int32_t)end;
        search->finished_count++;
        HD_TRY(read_ending(from, &one, search, h));
    }
    return HEED_OK;
}

/* A place within the text and the window; the last token of each hypothesis has not been processed. */
static heed_status read_place(const loading *from, const hd_json *json, hd_search *search) {
    const hd_decoder *decoder = from->session->decoder;
    hd_place *place = &search->place;
    HD_TRY(hd_json_int(json, "first", 0, 0, decoder->class->rewind ? search->length - 1 : 0, &place->first));
    int64_t visible = search->length - place->first;
    HD_TRY(hd_json_int(json, "seen", 0, 0, hd_min(visible - 1, decoder->window), &place->seen));
    return hd_json_int(json, "text", visible, 1, visible, &place->text);
}

static heed_status read_progress(loading *from, const hd_json *json, hd_search_state state, hd_search *search) {
    HD_TRY(hd_saved_double_read(json, "log_prob", &search->log_prob));
    HD_TRY(read_finished(from, json, search));
    HD_TRY(read_count(json, "lookup", &search->lookup_count));
    HD_TRY(read_count(json, "draft", &search->draft_count));
    if (state != HD_SEARCH_RUNNING) return HEED_OK;
    HD_TRY(read_hypotheses(from, json, search));
    HD_TRY(read_place(from, json, search));
    if (!hd_grow(from->context, &from->running, &from->running_capacity, (size_t)from->running_count + 1,
                 sizeof *from->running))
        return HEED_MEMORY;
    from->running[from->running_count++] = search;
    return HEED_OK;
}

static heed_status read_search(loading *from, const hd_json *json) {
    hd_session *s = from->session;
    hd_search *search = NULL;
    int64_t state;
    if (!json_is_object(json->root)) return hd_json_expected(json, NULL, "an object");
    HD_TRY(hd_json_int(json, "state", -1, HD_SEARCH_RUNNING, HD_SEARCH_FINISHED, &state));
    if (state < 0) return hd_json_expected(json, "state", NULL);
    HD_TRY(open_search(from, json, &search));
    heed_status status = read_progress(from, json, (hd_search_state)state, search);
    if (status == HEED_OK && state == HD_SEARCH_FINISHED && !search->finished_count && hd_search_beams(search) == 1)
        status = hd_json_expected(json, "finished", "a result");
    if (status == HEED_OK && state == HD_SEARCH_RUNNING && from->added_count)
        status = hd_json_expected(json, "state", "those that run before those that wait");
    if (status != HEED_OK) {
        hd_search_close(search);
        return status;
    }
    from->added_count += state == HD_SEARCH_ADDED;
    hd_session_push(state == HD_SEARCH_FINISHED ? &s->finished : &s->added, search);
    return HEED_OK;
}

/* ---- the slots ---- */

static heed_status check_slots(const loading *from) {
    const hd_decoder *decoder = from->session->decoder;
    int64_t floats = 0;
    for (int64_t i = 0; i < from->running_count; i++)
        floats += from->running[i]->slots * decoder->class->saved_count(decoder, from->running[i]->place.seen);
    const hd_stored_tensor *slots = from->slots;
    if (slots && slots->dtype == HD_F32 && slots->bytes == (size_t)floats * sizeof(float)) return HEED_OK;
    return hd_fail(from->context, HEED_FORMAT, "%s: \"slots\" does not have the %lld numbers of the requests",
                   from->path, (long long)floats);
}

/* Every slot gets what it had processed; then searches that have processed nothing may wait for others. */
static heed_status load_slots(const loading *from) {
    hd_session *s = from->session;
    hd_decoder *decoder = s->decoder;
    HD_TRY(hd_session_begin(s, from->running_count));
    HD_TRY(check_slots(from));
    const char *at = (const char *)from->slots->data;
    for (int64_t i = 0; i < from->running_count; i++) {
        const hd_search *search = from->running[i];
        size_t bytes = (size_t)decoder->class->saved_count(decoder, search->place.seen) * sizeof(float);
        for (int64_t j = 0; j < search->slots && search->place.seen; j++, at += bytes)
            HD_TRY(decoder->class->load(decoder, search->first_slot + j, search->place.seen, at));
    }
    for (int64_t i = 0; i < s->running_count; i++) hd_find_leader(decoder, s->running, i, s->limits.least_shared);
    return HEED_OK;
}

/* ---- the file ---- */

static heed_status read_limits(const loading *from, const hd_json *json, hd_session_limits *limits) {
    int64_t step_tokens, least_shared;
    HD_TRY(hd_json_int(json, "step_tokens", INT32_MAX, 1, INT32_MAX, &step_tokens));
    HD_TRY(hd_json_int(json, "least_shared", INT32_MAX, 1, INT64_MAX, &least_shared));
    *limits = from->limits;
    if (!limits->step_tokens) limits->step_tokens = step_tokens;
    if (!limits->least_shared) limits->least_shared = least_shared;
    return HEED_OK;
}

static heed_status read_session(loading *from, const hd_json *json) {
    hd_session_limits limits;
    hd_json array, one;
    size_t count;
    int64_t next_id;
    HD_TRY(check_model(from, json));
    HD_TRY(read_limits(from, json, &limits));
    HD_TRY(hd_session_open(from->context, from->network, &limits, &from->session));
    HD_TRY(hd_json_int(json, "next_id", 0, 0, INT64_MAX, &next_id));
    from->session->fingerprint = from->fingerprint;
    from->session->next_id = (uint64_t)next_id;
    HD_TRY(hd_json_array(json, "searches", &array, &count));
    for (size_t i = 0; i < count; i++) {
        hd_json_element(&array, i, &one);
        HD_TRY(read_search(from, &one));
    }
    return load_slots(from);
}

/* The version comes first: other formats may have no checksum. */
static heed_status read_state(loading *from, const hd_map *map, const hd_safetensors *file) {
    const hd_stored_tensor *state = hd_safetensors_find(file, "state");
    if (!state || state->dtype != HD_U8)
        return hd_fail(from->context, HEED_FORMAT, "%s: \"state\" is missing: this is no session", from->path);
    const char *end = memchr(state->data, '\n', state->bytes);
    size_t size = end ? (size_t)(end - (const char *)state->data) : state->bytes;
    hd_json json;
    HD_TRY(hd_json_open_bytes(from->context, from->path, state->data, size, HD_JSON_STRICT, &json));
    heed_status status = check_version(from, &json);
    if (status == HEED_OK) status = check_sum(from, map);
    from->slots = hd_safetensors_find(file, "slots");
    if (status == HEED_OK) status = read_session(from, &json);
    hd_json_close(&json);
    return status;
}

heed_status hd_session_load(heed_context *context, const hd_network *network, const hd_session_limits *limits,
                            const char *path, hd_buffer *caller, hd_session **session) {
    loading from = {.context = context, .path = path, .network = network};
    hd_safetensors *file = NULL;
    hd_map map;
    *session = NULL;
    if (limits) from.limits = *limits;
    HD_TRY(hd_map_open(context, path, &map));
    heed_status status = hd_safetensors_open_bytes(context, path, map.data, map.size, &file);
    if (status == HEED_OK) status = read_state(&from, &map, file);
    const hd_stored_tensor *own = status == HEED_OK && caller ? hd_safetensors_find(file, "caller") : NULL;
    if (own) hd_buffer_append(caller, own->data, own->bytes);
    if (own && caller->failed) status = HEED_MEMORY;
    hd_safetensors_close(file);
    hd_map_close(&map);
    hd_free(context, from.running);
    if (status == HEED_OK)
        *session = from.session;
    else
        hd_session_close(from.session);
    return status;
}
