#include "serve/completion_text.h"

#include <jansson.h>
#include <math.h>

#include "base/utf8.h"
#include "base/version.h"
#include "formats/json.h"
#include "serve/json_text.h"
#include "tasks/results.h"

/* ---- log-probabilities ---- */

static float log_prob_of(const heed_results *results, size_t token, size_t rank) {
    static const float least = -9999; /* OpenAI's number for a token that is not possible */
    float found = heed_results_log_prob(results, 0, 0, token, rank);
    return isfinite(found) ? found : least;
}

static void append_token(hd_buffer *out, const heed_results *results, size_t token, size_t rank) {
    size_t size;
    const char *text = heed_results_token_text(results, 0, 0, token, rank, &size);
    hd_json_text_append(out, text ? text : "", text ? size : 0);
}

static void append_chat_token(hd_buffer *out, const heed_results *results, size_t token, size_t rank) {
    size_t size;
    const char *text = heed_results_token_text(results, 0, 0, token, rank, &size);
    hd_buffer_text(out, "{\"token\":");
    append_token(out, results, token, rank);
    hd_buffer_text(out, ",\"logprob\":");
    hd_json_text_append_float(out, log_prob_of(results, token, rank));
    hd_buffer_text(out, ",\"bytes\":[");
    for (size_t i = 0; text && i < size; i++) hd_buffer_format(out, "%s%d", i ? "," : "", (unsigned char)text[i]);
    hd_buffer_byte(out, ']');
}

static bool has_token(const heed_results *results, size_t token, size_t rank) {
    return heed_results_token(results, 0, 0, token, rank) >= 0;
}

static void append_chat_log_probs(hd_buffer *out, const heed_results *results) {
    hd_buffer_text(out, "{\"content\":[");
    for (size_t i = 0; i < heed_results_tokens(results, 0, 0); i++) {
        if (i) hd_buffer_byte(out, ',');
        append_chat_token(out, results, i, 0);
        hd_buffer_text(out, ",\"top_logprobs\":[");
        for (size_t rank = 1; has_token(results, i, rank); rank++) {
            if (rank > 1) hd_buffer_byte(out, ',');
            append_chat_token(out, results, i, rank);
            hd_buffer_byte(out, '}');
        }
        hd_buffer_text(out, "]}");
    }
    hd_buffer_text(out, "],\"refusal\":null}");
}

/* An object of the most probable tokens by their texts: of equal texts the first one. */
static void append_top(hd_buffer *out, const heed_results *results, size_t token) {
    if (!has_token(results, token, 1)) {
        hd_buffer_text(out, "null");
        return;
    }
    hd_buffer_byte(out, '{');
    for (size_t rank = 1; has_token(results, token, rank); rank++) {
        if (rank > 1) hd_buffer_byte(out, ',');
        append_token(out, results, token, rank);
        hd_buffer_byte(out, ':');
        hd_json_text_append_float(out, log_prob_of(results, token, rank));
    }
    hd_buffer_byte(out, '}');
}

static void append_text_log_probs(hd_buffer *out, const heed_results *results) {
    size_t count = heed_results_tokens(results, 0, 0), offset = 0, size; /* offset: in characters */
    hd_buffer_text(out, "{\"tokens\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_token(out, results, i, 0);
    }
    hd_buffer_text(out, "],\"token_logprobs\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_json_text_append_float(out, log_prob_of(results, i, 0));
    }
    hd_buffer_text(out, "],\"top_logprobs\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_top(out, results, i);
    }
    hd_buffer_text(out, "],\"text_offset\":[");
    for (size_t i = 0; i < count; i++) {
        const char *text = heed_results_token_text(results, 0, 0, i, 0, &size);
        hd_buffer_format(out, "%s%zu", i ? "," : "", offset);
        if (text) offset += hd_utf8_count(text, size);
    }
    hd_buffer_text(out, "]}");
}

static void append_log_probs(hd_buffer *out, const hd_completion_choice *choice, const heed_results *results) {
    hd_buffer_text(out, ",\"logprobs\":");
    if (!choice->log_probs || !results)
        hd_buffer_text(out, "null");
    else if (choice->chat)
        append_chat_log_probs(out, results);
    else
        append_text_log_probs(out, results);
}

/* ---- tool calls ---- */

/* Appends one call: its arguments are JSON in a string, as in OpenAI's API. */
static heed_status append_call(hd_buffer *out, const hd_completion_choice *choice, size_t index, bool stream,
                               const json_t *call) {
    const json_t *function = json_object_get(call, "function"), *name = json_object_get(function, "name");
    hd_buffer arguments;
    hd_buffer_open(&arguments, out->context);
    heed_status status = hd_json_append(out->context, json_object_get(function, "arguments"), &arguments);
    hd_buffer_text(out, index ? ",{" : "{");
    if (stream) hd_buffer_format(out, "\"index\":%zu,", index);
    hd_buffer_format(out, "\"id\":\"call_%.16s%zu%zu\",\"type\":\"function\",\"function\":{\"name\":", choice->id,
                     choice->index, index);
    hd_json_text_append(out, json_string_value(name), json_string_length(name));
    hd_buffer_text(out, ",\"arguments\":");
    if (status == HEED_OK) hd_json_text_append(out, arguments.data, arguments.size);
    hd_buffer_text(out, "}}");
    hd_buffer_close(&arguments);
    return status;
}

/* *calls is NULL if the answer has none. */
static heed_status find_calls(heed_context *context, const hd_completion_choice *choice, const heed_results *results,
                              json_t **calls) {
    char *json;
    *calls = NULL;
    if (!choice->tools) return HEED_OK;
    HD_TRY(heed_chat_tool_calls(context, heed_results_text(results, 0, 0), heed_results_size(results, 0, 0), &json));
    *calls = json_loads(json, JSON_ALLOW_NUL, NULL);
    hd_free(context, json);
    if (!*calls) return hd_json_no_memory(context, "tool calls");
    if (!json_array_size(*calls)) {
        json_decref(*calls);
        *calls = NULL;
    }
    return HEED_OK;
}

static heed_status append_calls(hd_buffer *out, const hd_completion_choice *choice, bool stream, const json_t *calls) {
    heed_status status = HEED_OK;
    hd_buffer_text(out, ",\"tool_calls\":[");
    for (size_t i = 0; i < json_array_size(calls) && status == HEED_OK; i++)
        status = append_call(out, choice, i, stream, json_array_get(calls, i));
    hd_buffer_byte(out, ']');
    return status;
}

static const char *reason_of(const heed_results *results, const json_t *calls) {
    return calls ? "tool_calls" : results->items[0].answers[0].ended ? "stop" : "length";
}

/* ---- choices ---- */

/* Appends text[size] and the answer as one string. */
static heed_status append_joined(hd_buffer *out, const char *text, size_t size, const heed_results *results) {
    hd_buffer whole;
    hd_buffer_open(&whole, out->context);
    hd_buffer_append(&whole, text, size);
    hd_buffer_append(&whole, heed_results_text(results, 0, 0), heed_results_size(results, 0, 0));
    hd_json_text_append(out, whole.data ? whole.data : "", whole.size);
    heed_status status = whole.failed ? HEED_MEMORY : HEED_OK;
    hd_buffer_close(&whole);
    return status;
}

heed_status hd_choice_append_task(hd_buffer *out, const char *before, size_t before_size, const heed_results *results) {
    hd_buffer_text(out, "{\"generated_text\":");
    heed_status status = append_joined(out, before, before_size, results);
    hd_buffer_byte(out, '}');
    return status;
}

heed_status hd_choice_append(hd_buffer *out, const hd_completion_choice *choice, const char *before, size_t before_size,
                             const heed_results *results) {
    const char *text = heed_results_text(results, 0, 0);
    size_t size = heed_results_size(results, 0, 0);
    json_t *calls;
    HD_TRY(find_calls(out->context, choice, results, &calls));
    heed_status status = HEED_OK;
    hd_buffer_format(out, "{\"index\":%zu,", choice->index);
    if (choice->chat) {
        hd_buffer_text(out, "\"message\":{\"role\":\"assistant\",\"content\":");
        if (calls)
            hd_buffer_text(out, "null");
        else
            hd_json_text_append(out, text, size);
        hd_buffer_text(out, ",\"refusal\":null");
        if (calls) status = append_calls(out, choice, false, calls);
        hd_buffer_byte(out, '}');
    } else {
        hd_buffer_text(out, "\"text\":");
        status = append_joined(out, before, before_size, results);
    }
    append_log_probs(out, choice, results);
    hd_buffer_format(out, ",\"finish_reason\":\"%s\"}", reason_of(results, calls));
    json_decref(calls);
    return status;
}

void hd_choice_append_text(hd_buffer *out, const hd_completion_choice *choice, bool first, const char *text,
                           size_t size) {
    hd_buffer_format(out, "{\"index\":%zu,%s", choice->index, choice->chat ? "\"delta\":{" : "\"text\":");
    if (choice->chat && first) hd_buffer_text(out, "\"role\":\"assistant\",");
    if (choice->chat) hd_buffer_text(out, "\"content\":");
    hd_json_text_append(out, text, size);
    if (choice->chat) hd_buffer_byte(out, '}');
    hd_buffer_text(out, ",\"logprobs\":null,\"finish_reason\":null}");
}

heed_status hd_choice_append_end(hd_buffer *out, const hd_completion_choice *choice, bool whole,
                                 const heed_results *results) {
    json_t *calls;
    HD_TRY(find_calls(out->context, choice, results, &calls));
    heed_status status = HEED_OK;
    size_t size = whole && !calls ? heed_results_size(results, 0, 0) : 0;
    const char *text = heed_results_text(results, 0, 0);
    hd_buffer_format(out, "{\"index\":%zu,%s", choice->index, choice->chat ? "\"delta\":{" : "\"text\":");
    if (!choice->chat || size) {
        if (choice->chat) hd_buffer_text(out, "\"content\":");
        hd_json_text_append(out, text, size);
    }
    if (calls) {
        hd_buffer_text(out, "\"content\":null");
        status = append_calls(out, choice, true, calls);
    }
    if (choice->chat) hd_buffer_byte(out, '}');
    append_log_probs(out, choice, whole ? results : NULL);
    hd_buffer_format(out, ",\"finish_reason\":\"%s\"}", reason_of(results, calls));
    json_decref(calls);
    return status;
}

/* ---- around choices ---- */

void hd_completion_head(hd_buffer *out, bool chat, bool stream, const char *id, int64_t created, const char *model) {
    const char *object = !chat ? "text_completion" : stream ? "chat.completion.chunk" : "chat.completion";
    hd_buffer_format(out, "{\"id\":\"%s-%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", chat ? "chatcmpl" : "cmpl",
                     id, object, (long long)created);
    hd_json_text_append(out, model, strlen(model));
    hd_buffer_format(out, ",\"system_fingerprint\":\"heed-%s-%d\"", HEED_VERSION, HD_BIT_EPOCH);
}

void hd_completion_usage(hd_buffer *out, size_t prompt, size_t generated) {
    hd_buffer_format(out, "\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}", prompt,
                     generated, prompt + generated);
}
