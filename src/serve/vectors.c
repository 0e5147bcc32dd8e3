#include "serve/vectors.h"

#include <string.h>

#include "serve/call.h"
#include "serve/json_text.h"
#include "serve/option_json.h"
#include "tasks/results.h"

static heed_status run_embed(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_embed(model, call->options, call->texts, call->sizes, call->count, results);
}

static const hd_call_kind embed = {"embed", heed_embed_options, run_embed, false};

/* Refuses keys that are not in `known`, which ends with NULL. */
static bool check_keys(const hd_call *c, const char *const *known, hd_fault *fault) {
    const char *name;
    json_t *value;
    json_object_foreach(c->json.root, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0) i++;
        if (!known[i]) return hd_fault_set(fault, 400, "unknown_parameter", name, "unknown key \"%.60s\"", name);
    }
    return true;
}

static const json_t *value_of(const hd_call *c, const char *name) {
    const json_t *value = json_object_get(c->json.root, name);
    return json_is_null(value) ? NULL : value;
}

static const char *model_of(const hd_call *c) { return json_string_value(value_of(c, "model")); }

/* ---- embeddings ---- */

static void append_base64(hd_buffer *out, const unsigned char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    hd_buffer_byte(out, '"');
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned long group = (unsigned long)bytes[i] << 16 | (left > 1 ? (unsigned long)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? bytes[i + 2] : 0);
        char text[4] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};
        hd_buffer_append(out, text, sizeof text);
    }
    hd_buffer_byte(out, '"');
}

static void append_numbers(hd_buffer *out, const float *numbers, size_t count) {
    hd_buffer_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_json_text_append_float(out, numbers[i]);
    }
    hd_buffer_byte(out, ']');
}

static void append_usage(hd_buffer *out, const hd_call *c) {
    size_t tokens = c->exchange->prompt_tokens;
    hd_buffer_format(out, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", tokens, tokens);
}

static heed_status write_embeddings(const hd_call *c, const heed_results *results, size_t first, hd_buffer *out) {
    hd_buffer_text(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < c->count; i++) {
        size_t columns;
        const float *numbers = heed_results_vector(results, first + i, &columns);
        hd_buffer_format(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "", i);
        if (c->flag) /* as little-endian float32; so are the machines that heed runs on */
            append_base64(out, (const unsigned char *)numbers, columns * sizeof *numbers);
        else
            append_numbers(out, numbers, columns);
        hd_buffer_byte(out, '}');
    }
    hd_buffer_text(out, "],\"model\":");
    hd_json_text_append(out, c->model, strlen(c->model));
    append_usage(out, c);
    return HEED_OK;
}

static bool read_embeddings(hd_call *c, heed_context *context, hd_fault *fault) {
    static const char *const known[] = {"model", "input", "encoding_format", "dimensions", "user", "prompt_name", NULL};
    const json_t *format = value_of(c, "encoding_format"), *dims = value_of(c, "dimensions"),
                 *prompt = value_of(c, "prompt_name");
    const char *name = format ? json_string_value(format) : "float";
    if (!check_keys(c, known, fault)) return false;
    if (!name || (strcmp(name, "float") != 0 && strcmp(name, "base64") != 0))
        return hd_fault_set(fault, 400, "invalid_value", "encoding_format",
                            "\"encoding_format\" is neither \"float\" nor \"base64\"");
    c->flag = strcmp(name, "base64") == 0;
    c->write = write_embeddings;
    return hd_call_find(c, context, model_of(c), fault) && hd_call_choose(c, &embed, fault) &&
           (!dims || hd_option_set_json(c->options, "dimensions", "dims", dims, fault)) &&
           (!prompt || hd_option_set_json(c->options, "prompt_name", "prompt-name", prompt, fault)) &&
           hd_call_read_texts(c, "input", value_of(c, "input"), fault);
}

void hd_serve_embeddings(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_fault fault = {0};
    hd_call *c = hd_call_open(state, context, exchange, &fault);
    if (c && read_embeddings(c, context, &fault))
        hd_call_start(c, &embed);
    else
        hd_call_fail(c, exchange, &fault);
}

/* ---- ranking ---- */

/* `detail` is the query. */
static heed_status run_rerank(heed_model *model, const hd_engine_call *call, heed_results **results) {
    const json_t *query = call->detail;
    return heed_rerank(model, call->options, json_string_value(query), json_string_length(query), call->texts,
                       call->sizes, call->count, results);
}

static const hd_call_kind rerank = {"rerank", heed_rerank_options, run_rerank, true};

/* The form of text-embeddings-inference: a list. */
static void append_rank_entry(hd_buffer *out, const hd_call *c, size_t index, float score) {
    hd_buffer_format(out, "{\"index\":%zu,\"score\":", index);
    hd_json_text_append_float(out, score);
    if (c->flag) {
        hd_buffer_text(out, ",\"text\":");
        hd_json_text_append(out, c->texts[index], c->sizes[index]);
    }
    hd_buffer_byte(out, '}');
}

/* The form of Jina and Cohere: objects in "results". */
static void append_result(hd_buffer *out, const hd_call *c, size_t index, float score) {
    hd_buffer_format(out, "{\"index\":%zu,\"relevance_score\":", index);
    hd_json_text_append_float(out, score);
    if (c->flag) {
        hd_buffer_text(out, ",\"document\":{\"text\":");
        hd_json_text_append(out, c->texts[index], c->sizes[index]);
        hd_buffer_byte(out, '}');
    }
    hd_buffer_byte(out, '}');
}

static heed_status write_ranking(const hd_call *c, const heed_results *results, size_t first, hd_buffer *out) {
    bool list = value_of(c, "texts") != NULL;
    size_t *order = hd_alloc(out->context, c->count, sizeof *order), count;
    if (!order) return HEED_MEMORY;
    heed_status status = heed_results_rank(results, order, &count); /* a call alone: `first` is 0 */
    size_t most = c->number && (size_t)c->number < count ? (size_t)c->number : count;
    hd_buffer_text(out, list ? "[" : "{\"results\":[");
    for (size_t i = 0; status == HEED_OK && i < most; i++) {
        if (i) hd_buffer_byte(out, ',');
        (list ? append_rank_entry : append_result)(out, c, order[i], heed_results_score(results, first + order[i], 0));
    }
    hd_buffer_byte(out, ']');
    if (!list) {
        hd_buffer_text(out, ",\"model\":");
        hd_json_text_append(out, c->model, strlen(c->model));
        append_usage(out, c);
    }
    hd_free(out->context, order);
    return status;
}

/* Documents may be objects with a text: they are replaced by it. */
static const json_t *documents_of(hd_call *c, const char **param) {
    json_t *documents = json_object_get(c->json.root, "documents");
    *param = "documents";
    if (json_object_get(c->json.root, "texts")) {
        *param = "texts";
        return json_object_get(c->json.root, "texts");
    }
    for (size_t i = 0; i < json_array_size(documents); i++) {
        json_t *text = json_object_get(json_array_get(documents, i), "text");
        if (text) json_array_set(documents, i, text);
    }
    return documents;
}

static bool set_raw(hd_call *c, hd_fault *fault) {
    heed_status status = heed_options_set(c->options, "scores", "none");
    return status == HEED_OK || hd_fault_from(fault, status, "raw_scores", "out of memory");
}

static bool read_rerank(hd_call *c, heed_context *context, hd_fault *fault) {
    static const char *const known[] = {
        "model",      "query",    "documents",          "texts", "top_n", "return_documents", "return_text",
        "raw_scores", "truncate", "max_tokens_per_doc", NULL};
    const char *param;
    const json_t *documents = documents_of(c, &param), *top = value_of(c, "top_n");
    c->detail = value_of(c, "query");
    c->write = write_ranking;
    c->flag = json_is_true(value_of(c, "return_documents")) || json_is_true(value_of(c, "return_text"));
    if (!check_keys(c, known, fault)) return false;
    if (!json_is_string((const json_t *)c->detail))
        return hd_fault_set(fault, 400, "invalid_type", "query", "\"query\" is not a string");
    if (top && (!hd_json_value_int(top, &c->number) || c->number < 1))
        return hd_fault_set(fault, 400, "invalid_value", "top_n", "\"top_n\" is not a positive integer");
    if (!json_is_array(documents))
        return hd_fault_set(fault, 400, "invalid_type", param, "\"%s\" is not a list of strings", param);
    return hd_call_find(c, context, model_of(c), fault) && hd_call_choose(c, &rerank, fault) &&
           (!json_is_true(value_of(c, "raw_scores")) || set_raw(c, fault)) &&
           hd_call_read_texts(c, param, documents, fault);
}

void hd_serve_rerank(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_fault fault = {0};
    hd_call *c = hd_call_open(state, context, exchange, &fault);
    if (c && read_rerank(c, context, &fault))
        hd_call_start(c, &rerank);
    else
        hd_call_fail(c, exchange, &fault);
}
