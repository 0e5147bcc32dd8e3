#include "decode/saved_session.h"

#include "base/version.h"
#include "decode/saved_format.h"
#include "decode/saved_generation.h"
#include "decode/session_state.h"
#include "formats/safetensors.h"

#include <stdio.h>

enum { PROBE = 16 }; /* tokens */

/* ---- the model ---- */

static heed_status probe(hd_decoder *decoder, hd_arena *arena, hd_checksum *sum) {
    int32_t source[PROBE], target[PROBE], starts[] = {0, (int32_t)hd_min(PROBE, decoder->window)}, scored = 0;
    for (int64_t i = 0; i < PROBE; i++) {
        source[i] = (int32_t)(i * decoder->source_vocabulary / PROBE);
        target[i] = (int32_t)(i * decoder->vocabulary / PROBE);
    }
    hd_layout layout = {.sequences = 1, .starts = starts};
    float *logits;
    HD_TRY(decoder->class->add(decoder, source, &layout));
    HD_TRY(decoder->class->step(decoder, target, &layout, &scored, 1));
    HD_TRY(decoder->class->logits(decoder, 0, decoder->vocabulary, &logits));
    size_t bytes = (size_t)decoder->vocabulary * sizeof *logits;
    const float *host = hd_stream_read(decoder->stream, arena, logits, bytes);
    if (!host) return *decoder->stream->status;
    hd_checksum_add(sum, host, bytes);
    return HEED_OK;
}

heed_status hd_session_fingerprint(heed_context *context, const hd_network *network, uint64_t *fingerprint) {
    hd_checksum sum = {0};
    hd_decoder *decoder;
    hd_arena arena;
    HD_TRY(hd_network_decoder_open(context, network, &decoder));
    hd_arena_open(&arena, context);
    hd_checksum_add(&sum, &network->recipe, sizeof network->recipe);
    heed_status status = probe(decoder, &arena, &sum);
    if (status == HEED_OK) *fingerprint = hd_checksum_value(&sum);
    decoder->class->close(decoder);
    hd_arena_close(&arena);
    return status;
}

/* ---- saving ---- */

typedef struct saving {
    hd_session *session;
    heed_context *context;
    json_t *searches;
    int64_t floats; /* of all slots */
    hd_safetensors_writer writer;
} saving;

static json_t *hexadecimal(uint64_t value) {
    char text[HD_SESSION_DIGITS + 1];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    return json_string(text);
}

/* Appends to an array, which may be NULL. */
static int append(json_t *array, json_t *value) { return json_array_append_new(array, value); }

static json_t *stops_write(const hd_stops *stops) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < stops->count; i++)
        failed |=
            append(array, hd_saved_ids_write(stops->ids + stops->starts[i], stops->starts[i + 1] - stops->starts[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

/* The generated tokens of each hypothesis. */
static json_t *slots_write(const hd_search *s) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < s->slots; i++)
        failed |= append(array, hd_saved_ids_write(hd_search_tokens(s, i) + s->given, s->length - s->given));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *scores_write(const hd_search *s) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < s->slots && s->scores; i++) failed |= append(array, hd_saved_float_write(s->scores[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

/* The log-probabilities of the last `made` tokens: for each its number, that of the token and of the most probable ones. */
static json_t *records_write(const hd_search *s, const hd_record *last, int64_t made) {
    json_t *array = json_array();
    int64_t width = 1 + s->generation.top_log_probs, count = last ? made * width : 0;
    hd_continuation *tokens = hd_alloc(s->context, (size_t)count, sizeof *tokens);
    int failed = !array || !tokens;
    if (!failed && last) hd_records_read(last, made, made, width - 1, tokens);
    for (int64_t i = 0; i < count && !failed; i++)
        failed = append(array, json_integer(tokens[i].token)) | append(array, hd_saved_float_write(tokens[i].log_prob));
    hd_free(s->context, tokens);
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *slot_records_write(const hd_search *s) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < s->slots && s->last; i++)
        failed |= append(array, records_write(s, s->last[i], s->length - s->given));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *hypotheses_write(const hd_search *s) {
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < s->finished_count; i++) {
        const hd_hypothesis *h = &s->finished[i];
        failed |=
            append(array, json_pack("{s:o, s:o, s:i, s:I, s:b, s:I, s:o}", "score", hd_saved_float_write(h->score),
                                    "ids", hd_saved_ids_write(h->ids, h->count), "end", (int)h->end, "stop_bytes",
                                    (json_int_t)h->stop_bytes, "lacks_words", (int)h->lacks_words, "made",
                                    (json_int_t)h->made, "records", records_write(s, h->last, h->made)));
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static json_t *count_write(const hd_proposal_count *count) {
    return json_pack("[I, I, I]", (json_int_t)count->tokens, (json_int_t)count->pause, (json_int_t)count->paused);
}

static heed_status add_search(void *user, const hd_search *s, hd_search_state state) {
    saving *to = user;
    bool continues = s->decoder->continues;
    const int32_t *ids = continues ? s->tokens : s->source;
    json_t *object = json_pack(
        "{s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "state", (int)state, "id",
        (json_int_t)s->id, "number", hexadecimal(s->number), "generation", hd_saved_generation_write(&s->generation),
        "stops", stops_write(&s->stops), "ids", hd_saved_ids_write(ids, continues ? s->given : s->source_count),
        "slots", slots_write(s), "records", slot_records_write(s), "scores", scores_write(s), "log_prob",
        hd_saved_double_write(s->log_prob), "finished", hypotheses_write(s), "first", (json_int_t)s->place.first,
        "seen", (json_int_t)s->place.seen, "text", (json_int_t)s->place.text, "lookup", count_write(&s->lookup_count),
        "draft", count_write(&s->draft_count));
    if (!object || append(to->searches, object)) return hd_json_no_memory(to->context, "session");
    if (state == HD_SEARCH_RUNNING) to->floats += s->slots * s->decoder->class->saved_count(s->decoder, s->place.seen);
    return HEED_OK;
}

static heed_status write_state(saving *to, hd_buffer *out) {
    hd_session *s = to->session;
    if (!s->fingerprint) HD_TRY(hd_session_fingerprint(to->context, s->network, &s->fingerprint));
    HD_TRY(hd_for_searches(s, add_search, to));
    json_t *state = json_pack("{s:i, s:i, s:s, s:o, s:I, s:I, s:I, s:O}", "format", HD_SESSION_FORMAT, "bit_epoch",
                              HD_BIT_EPOCH, "heed", HEED_VERSION, "model", hexadecimal(s->fingerprint), "step_tokens",
                              (json_int_t)s->limits.step_tokens, "least_shared", (json_int_t)s->limits.least_shared,
                              "next_id", (json_int_t)s->next_id, "searches", to->searches);
    heed_status status = state ? hd_json_append(to->context, state, out) : hd_json_no_memory(to->context, "session");
    hd_buffer_byte(out, '\n');
    json_decref(state);
    return status == HEED_OK && out->failed ? HEED_MEMORY : status;
}

static heed_status add_slots(void *user, const hd_search *search, hd_search_state state) {
    saving *to = user;
    hd_decoder *decoder = to->session->decoder;
    size_t count = (size_t)decoder->class->saved_count(decoder, search->place.seen);
    if (state != HD_SEARCH_RUNNING || !count) return HEED_OK;
    float *saved = hd_alloc(to->context, count, sizeof *saved);
    heed_status status = saved ? HEED_OK : HEED_MEMORY;
    for (int64_t i = 0; i < search->slots && status == HEED_OK; i++) {
        status = decoder->class->save(decoder, search->first_slot + i, saved);
        if (status == HEED_OK) status = hd_safetensors_writer_write(&to->writer, saved, count * sizeof *saved);
    }
    hd_free(to->context, saved);
    return status;
}

static heed_status write_tensors(saving *to, const hd_buffer *caller, const hd_buffer *state) {
    char sum[HD_SESSION_DIGITS + 1];
    HD_TRY(hd_for_searches(to->session, add_slots, to));
    if (caller && caller->size) HD_TRY(hd_safetensors_writer_write(&to->writer, caller->data, caller->size));
    HD_TRY(hd_safetensors_writer_write(&to->writer, state->data, state->size));
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_value(&to->writer.writer.checksum));
    HD_TRY(hd_safetensors_writer_write(&to->writer, sum, HD_SESSION_DIGITS));
    return hd_safetensors_writer_commit(&to->writer);
}

static heed_status write_file(saving *to, const char *path, const hd_buffer *caller, const hd_buffer *state) {
    const hd_declared_tensor tensors[] = {
        {.name = "slots", .dtype = HD_F32, .dimensions = 1, .shape = {to->floats}},
        {.name = "caller", .dtype = HD_U8, .dimensions = 1, .shape = {caller ? (int64_t)caller->size : 0}},
        {.name = "state", .dtype = HD_U8, .dimensions = 1, .shape = {(int64_t)state->size + HD_SESSION_DIGITS}}};
    HD_TRY(hd_safetensors_writer_open(to->context, path, tensors, HD_COUNT(tensors), &to->writer));
    heed_status status = write_tensors(to, caller, state);
    if (status != HEED_OK) hd_safetensors_writer_abandon(&to->writer);
    return status;
}

heed_status hd_session_save(hd_session *session, const char *path, const hd_buffer *caller) {
    saving to = {.session = session, .context = session->context};
    hd_buffer state;
    HD_TRY(session->status);
    hd_buffer_open(&state, to.context);
    to.searches = json_array();
    heed_status status = to.searches ? write_state(&to, &state) : hd_json_no_memory(to.context, path);
    if (status == HEED_OK) status = write_file(&to, path, caller, &state);
    json_decref(to.searches);
    hd_buffer_close(&state);
    return status;
}
