#include "serve/call.h"

#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "models/model.h"
#include "serve/json_text.h"
#include "tasks/results.h"

enum { MOST_TEXTS = 4096 };

static bool no_memory(hd_fault *fault) { return hd_fault_from(fault, HEED_MEMORY, NULL, "out of memory"); }

/* Before the client has its answer and can send another request. */
static void release_model(hd_call *c) {
    if (c->engine) hd_serve_models_release(c->state->models, c->engine);
    c->engine = NULL;
}

void hd_call_close(hd_call *c) {
    heed_context own = hd_context_worker(&c->context, 1);
    release_model(c);
    heed_options_close(c->options);
    hd_json_close(&c->json);
    void *arrays[] = {(void *)c->texts, (void *)c->seconds, c->sizes, c->second_sizes, c->key};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(&own, arrays[i]);
    hd_exchange_release(c->exchange);
    hd_free(&own, c);
}

void hd_call_fail(hd_call *c, hd_exchange *exchange, const hd_fault *fault) {
    if (c) release_model(c);
    hd_exchange_fail(exchange, fault);
    if (c) hd_call_close(c);
}

hd_call *hd_call_open(const hd_serve_state *state, heed_context *context, hd_exchange *exchange, hd_fault *fault) {
    hd_call *c = hd_alloc_zeroed(context, 1, sizeof *c);
    if (!c) {
        no_memory(fault);
        return NULL;
    }
    c->state = state;
    c->exchange = exchange;
    c->context = hd_context_worker(context, 1);
    hd_exchange_hold(exchange);
    heed_status status = hd_json_open_bytes(&c->context, "the body", exchange->body.data ? exchange->body.data : "",
                                            exchange->body.size, HD_JSON_LENIENT, &c->json);
    if (status == HEED_OK && json_is_object(c->json.root)) return c;
    if (status == HEED_OK)
        hd_fault_set(fault, 400, "invalid_type", NULL, "the body is not a JSON object");
    else
        hd_fault_from(fault, status, NULL, c->context.message);
    if (status == HEED_FORMAT) fault->code = "invalid_json";
    hd_call_close(c);
    return NULL;
}

/* ---- the model ---- */

bool hd_call_runs(const hd_call *c, const char *verb) {
    const char *name;
    for (size_t i = 0; (name = hd_model_verb(hd_engine_model(c->engine), i)) != NULL; i++)
        if (strcmp(name, verb) == 0) return true;
    return false;
}

bool hd_call_find(hd_call *c, heed_context *context, const char *model, hd_fault *fault) {
    size_t index = hd_serve_models_find(c->state->models, model, fault);
    if (index == SIZE_MAX) return false;
    snprintf(c->model, sizeof c->model, "%s", hd_serve_models_name(c->state->models, index));
    snprintf(c->exchange->model, sizeof c->exchange->model, "%s", c->model);
    c->engine = hd_serve_models_acquire(c->state->models, context, index, fault);
    return c->engine;
}

bool hd_call_choose(hd_call *c, const hd_call_kind *kind, hd_fault *fault) {
    char list[HD_VERB_LIST];
    hd_model_list_verbs(hd_engine_model(c->engine), list);
    if (!hd_call_runs(c, kind->verb))
        return hd_fault_set(fault, 400, "unsupported", "model", "the model \"%s\" cannot %s%s", c->model, kind->verb,
                            list);
    heed_status status = kind->open_options(&c->context, &c->options);
    return status == HEED_OK || hd_fault_from(fault, status, NULL, c->context.message);
}

/* ---- texts ---- */

static bool open_texts(hd_call *c, const char *param, size_t count, bool pairs, hd_fault *fault) {
    if (count > MOST_TEXTS)
        return hd_fault_set(fault, 400, "invalid_value", param, "%zu texts are more than %d", count, MOST_TEXTS);
    c->problem_param = param;
    c->texts = hd_alloc(&c->context, count, sizeof *c->texts);
    c->sizes = hd_alloc(&c->context, count, sizeof *c->sizes);
    if (pairs) {
        c->seconds = hd_alloc(&c->context, count, sizeof *c->seconds);
        c->second_sizes = hd_alloc(&c->context, count, sizeof *c->second_sizes);
    }
    bool fine = c->texts && c->sizes && (!pairs || (c->seconds && c->second_sizes));
    return fine || no_memory(fault);
}

static void add_text(hd_call *c, const json_t *text) {
    c->texts[c->count] = json_string_value(text);
    c->sizes[c->count++] = json_string_length(text);
}

bool hd_call_read_texts(hd_call *c, const char *param, const json_t *value, hd_fault *fault) {
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (!value || json_is_null(value)) return hd_fault_set(fault, 400, "missing", param, "\"%s\" is missing", param);
    if (!count) return hd_fault_set(fault, 400, "invalid_value", param, "\"%s\" is an empty list", param);
    if (!open_texts(c, param, count, false, fault)) return false;
    c->single = !json_is_array(value);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = c->single ? value : json_array_get(value, i);
        if (!json_is_string(text))
            return hd_fault_set(fault, 400, "invalid_type", param, "\"%s\" is not a string or a list of strings",
                                param);
        add_text(c, text);
    }
    return true;
}

bool hd_call_read_pair(hd_call *c, const char *param, const json_t *first, const json_t *second, hd_fault *fault) {
    if (!json_is_string(first) || !json_is_string(second))
        return hd_fault_set(fault, 400, "invalid_type", param, "\"%s\" does not have two strings", param);
    if (!open_texts(c, param, 1, true, fault)) return false;
    c->single = true;
    c->seconds[0] = json_string_value(second);
    c->second_sizes[0] = json_string_length(second);
    add_text(c, first);
    return true;
}

/* ---- on the engine's thread ---- */

static bool continues(void *user) {
    const hd_call *c = user;
    hd_fault fault;
    return hd_exchange_waits(c->exchange, &fault);
}

/* The first problem of a text makes the request fail. */
static bool check_results(const hd_call *c, const heed_results *results, size_t first, hd_fault *fault) {
    for (size_t i = 0; i < c->count; i++) {
        const char *problem = heed_results_problem(results, first + i);
        if (problem && c->single) return hd_fault_set(fault, 400, "invalid_text", c->problem_param, "%s", problem);
        if (problem) return hd_fault_set(fault, 400, "invalid_text", c->problem_param, "text %zu: %s", i + 1, problem);
    }
    return true;
}

static bool reply(hd_call *c, const heed_results *results, size_t first, hd_fault *fault) {
    hd_buffer out;
    if (!check_results(c, results, first, fault)) return false;
    for (size_t i = 0; i < c->count; i++) c->exchange->prompt_tokens += results->items[first + i].prompt;
    hd_buffer_open(&out, &c->context);
    heed_status status = c->write(c, results, first, &out);
    hd_buffer_byte(&out, '\n');
    if (out.failed) status = HEED_MEMORY;
    if (status == HEED_OK) hd_exchange_reply(c->exchange, 200, "application/json", out.data, out.size);
    hd_buffer_close(&out);
    return status == HEED_OK || hd_fault_from(fault, status, NULL, c->context.message);
}

static void done(void *user, const heed_results *results, size_t first, heed_status status, const char *message) {
    hd_call *c = user;
    hd_fault fault = {0};
    release_model(c);
    bool answered = results && reply(c, results, first, &fault);
    if (!results && status != HEED_OK) hd_fault_from(&fault, status, NULL, message);
    if (!results && status == HEED_OK && hd_exchange_waits(c->exchange, &fault))
        hd_fault_set(&fault, 503, "stopped", NULL, "the call was given up");
    if (!answered) hd_exchange_fail(c->exchange, &fault);
    hd_call_close(c);
}

/* ---- starting ---- */

/* The verb and the options that were set: calls with equal keys may be run as one. NULL: alone. */
static char *make_key(const hd_call *c, const hd_call_kind *kind, heed_context *context) {
    const char *name, *value;
    hd_buffer key;
    if (kind->alone) return NULL;
    hd_buffer_open(&key, context);
    hd_buffer_text(&key, kind->verb);
    for (size_t i = 0; hd_options_at(c->options, i, &name, &value); i++) {
        hd_buffer_format(&key, " %s=", name);
        hd_json_text_append_or_null(&key, value);
    }
    char *text = hd_buffer_take(&key);
    hd_buffer_close(&key);
    return text;
}

void hd_call_start(hd_call *c, const hd_call_kind *kind) {
    c->key = make_key(c, kind, &c->context);
    c->request = (hd_engine_call){.key = c->key,
                                  .texts = c->texts,
                                  .seconds = c->seconds,
                                  .sizes = c->sizes,
                                  .second_sizes = c->second_sizes,
                                  .count = c->count,
                                  .options = c->options,
                                  .run = kind->run,
                                  .continues = continues,
                                  .done = done,
                                  .user = c,
                                  .detail = c->detail};
    hd_engine_call_add(c->engine, &c->request);
}
