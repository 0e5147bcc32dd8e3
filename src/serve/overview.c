#include "serve/overview.h"

#include <stdio.h>
#include <string.h>

#include "serve/json_text.h"

static void reply(hd_exchange *exchange, const char *type, const hd_buffer *out) {
    hd_fault fault;
    if (!out->failed) {
        hd_exchange_reply(exchange, 200, type, out->data ? out->data : "", out->size);
        return;
    }
    hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
    hd_exchange_fail(exchange, &fault);
}

void hd_serve_health(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    static const char text[] = "{\"status\":\"ok\"}\n";
    (void)state, (void)context;
    hd_exchange_reply(exchange, 200, "application/json", text, sizeof text - 1);
}

static void append_model(const hd_serve_state *state, size_t index, hd_buffer *out) {
    const char *name = hd_serve_models_name(state->models, index);
    hd_buffer_text(out, "{\"id\":");
    hd_json_text_append(out, name, strlen(name));
    hd_buffer_format(out, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"heed\"}", (long long)state->created);
}

void hd_serve_model_list(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_buffer_text(&out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < hd_serve_models_count(state->models); i++) {
        if (i) hd_buffer_byte(&out, ',');
        append_model(state, i, &out);
    }
    hd_buffer_text(&out, "]}\n");
    reply(exchange, "application/json", &out);
    hd_buffer_close(&out);
}

void hd_serve_model(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    static const char prefix[] = "/v1/models/";
    hd_fault fault;
    hd_buffer out;
    size_t index = hd_serve_models_find(state->models, exchange->path + sizeof prefix - 1, &fault);
    if (index == SIZE_MAX) {
        hd_exchange_fail(exchange, &fault);
        return;
    }
    hd_buffer_open(&out, context);
    append_model(state, index, &out);
    hd_buffer_byte(&out, '\n');
    reply(exchange, "application/json", &out);
    hd_buffer_close(&out);
}

/* ---- metrics ---- */

/* Resident bytes of the process; 0: unknown. */
static long long resident_bytes(void) {
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%*s %lld", &pages) != 1) pages = 0;
    fclose(file);
    return pages * 4096;
}

static void append_models(const hd_serve_state *state, const char *name, const char *type, const char *help,
                          long long (*number)(const hd_engine_counts *counts, int64_t bytes), hd_buffer *out) {
    hd_buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    for (size_t i = 0; i < hd_serve_models_count(state->models); i++) {
        hd_engine_counts counts;
        int64_t bytes;
        if (!hd_serve_models_state(state->models, i, &counts, &bytes)) continue;
        hd_buffer_format(out, "%s{model=", name);
        const char *model = hd_serve_models_name(state->models, i);
        hd_json_text_append(out, model, strlen(model));
        hd_buffer_format(out, "} %lld\n", number(&counts, bytes));
    }
}

static long long steps_of(const hd_engine_counts *c, int64_t bytes) { return (void)bytes, (long long)c->steps; }
static long long texts_of(const hd_engine_counts *c, int64_t bytes) { return (void)bytes, (long long)c->step_texts; }
static long long running_of(const hd_engine_counts *c, int64_t bytes) { return (void)bytes, (long long)c->running; }
static long long waiting_of(const hd_engine_counts *c, int64_t bytes) { return (void)bytes, (long long)c->waiting; }
static long long bytes_of(const hd_engine_counts *c, int64_t bytes) { return (void)c, (long long)bytes; }

void hd_serve_metrics_text(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_serve_metrics_write(state->metrics, &out);
    append_models(state, "heed_model_steps_total", "counter", "decoding steps", steps_of, &out);
    append_models(state, "heed_model_step_texts_total", "counter",
                  "texts of all decoding steps; by steps: the mean batch size", texts_of, &out);
    append_models(state, "heed_model_texts", "gauge", "texts that are being decoded", running_of, &out);
    append_models(state, "heed_model_calls_waiting", "gauge", "calls that have not begun", waiting_of, &out);
    append_models(state, "heed_model_bytes", "gauge", "bytes of the weights of open models", bytes_of, &out);
    hd_buffer_format(&out,
                     "# HELP process_resident_memory_bytes resident memory\n"
                     "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n",
                     resident_bytes());
    reply(exchange, "text/plain; version=0.0.4; charset=utf-8", &out);
    hd_buffer_close(&out);
}
