/* A request is one or several texts of an engine's session: each answer to each prompt is one. They are added by the thread that
 * read the request, and finish on the engine's thread; the last one of both completes the answer. */
#include "serve/completion_job.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "serve/completion.h"
#include "serve/completion_text.h"
#include "serve/json_text.h"
#include "tasks/chat.h"
#include "tasks/results.h"

enum { MOST_TEXTS = 2048, ALTERNATIVE_BITS = 54, TEXT_TOKENS = 16 };

typedef struct job job;

/* An answer to a prompt. */
typedef struct part {
    job *job;
    hd_engine_text text;
    hd_completion_choice choice;
    size_t prompt;    /* index */
    hd_buffer answer; /* the choice, of a request without a stream */
    bool begun;       /* text was streamed */
} part;

struct job {
    const hd_serve_state *state;
    hd_exchange *exchange;
    heed_context context; /* of the thread that finishes texts */
    hd_completion request;
    char model[128];
    hd_engine *engine;
    part *parts; /* [count] */
    size_t count, sampled;
    bool task;            /* the answer has the form of the task "text-generation" */
    _Atomic size_t left;  /* parts that have not finished, and 1 while parts are added */
    _Atomic bool stopped; /* the remaining parts are dropped */
    pthread_mutex_t lock;
    hd_fault fault; /* the first one: under the lock */
    /* Of the engine's thread: */
    hd_buffer event;
    bool streams; /* the stream has begun */
    size_t prompt_tokens, generated;
    char *note; /* of the conversation; NULL: none */
};

/* ---- the end ---- */

static void fail(job *j, const hd_fault *fault) {
    pthread_mutex_lock(&j->lock);
    if (!j->fault.status) j->fault = *fault;
    pthread_mutex_unlock(&j->lock);
    j->stopped = true;
}

static void close_job(job *j) {
    heed_context context = hd_context_worker(&j->context, 1);
    for (size_t i = 0; i < j->count; i++) hd_buffer_close(&j->parts[i].answer);
    hd_completion_close(&j->request);
    hd_buffer_close(&j->event);
    hd_free(&context, j->parts);
    hd_free(&context, j->note);
    pthread_mutex_destroy(&j->lock);
    hd_exchange_release(j->exchange);
    hd_free(&context, j);
}

static void append_notes(const job *j, hd_buffer *out) {
    if (!j->note) return;
    hd_buffer_text(out, ",\"notes\":[");
    hd_json_text_append(out, j->note, strlen(j->note));
    hd_buffer_byte(out, ']');
}

/* The lists of each prompt's texts, or the list of the only one. */
static void append_task(const job *j, hd_buffer *out) {
    bool nested = json_is_array(j->request.prompts);
    hd_buffer_text(out, nested ? "[[" : "[");
    for (size_t i = 0; i < j->count; i++) {
        if (i) hd_buffer_text(out, i % j->sampled ? "," : "],[");
        hd_buffer_append(out, j->parts[i].answer.data, j->parts[i].answer.size);
    }
    hd_buffer_text(out, nested ? "]]\n" : "]\n");
}

static void append_completion(const job *j, hd_buffer *out) {
    hd_completion_head(out, j->request.chat, false, j->exchange->id, j->state->created, j->model);
    hd_buffer_text(out, ",\"choices\":[");
    for (size_t i = 0; i < j->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_buffer_append(out, j->parts[i].answer.data, j->parts[i].answer.size);
    }
    hd_buffer_text(out, "],");
    hd_completion_usage(out, j->prompt_tokens, j->generated);
    append_notes(j, out);
    hd_buffer_text(out, "}\n");
}

static void reply(job *j) {
    hd_buffer *out = &j->event;
    hd_buffer_clear(out);
    (j->task ? append_task : append_completion)(j, out);
    if (out->failed) {
        hd_fault fault;
        hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
        hd_exchange_fail(j->exchange, &fault);
        return;
    }
    hd_exchange_reply(j->exchange, 200, "application/json", out->data, out->size);
}

static void begin_event(job *j) {
    hd_buffer_clear(&j->event);
    hd_buffer_text(&j->event, "data: ");
    hd_completion_head(&j->event, j->request.chat, true, j->exchange->id, j->state->created, j->model);
    hd_buffer_text(&j->event, ",\"choices\":[");
}

static void send_event(job *j) {
    if (!j->streams) hd_exchange_begin(j->exchange);
    j->streams = true;
    hd_exchange_write(j->exchange, j->event.data ? j->event.data : "", j->event.size);
}

static void end_event(job *j) {
    hd_buffer_text(&j->event, j->request.usage ? "],\"usage\":null}\n\n" : "]}\n\n");
    send_event(j);
}

static void end_stream(job *j) {
    if (j->request.usage || j->note) {
        begin_event(j);
        hd_buffer_text(&j->event, "],");
        hd_completion_usage(&j->event, j->prompt_tokens, j->generated);
        append_notes(j, &j->event);
        hd_buffer_text(&j->event, "}\n\n");
        send_event(j);
    }
    hd_buffer_clear(&j->event);
    hd_buffer_text(&j->event, "data: [DONE]\n\n");
    send_event(j);
    hd_exchange_finish(j->exchange);
}

/* One part, or the adding of parts, has finished. */
static void leave(job *j) {
    if (atomic_fetch_sub(&j->left, 1) > 1) return;
    if (j->engine)
        hd_serve_models_release(j->state->models, j->engine); /* before the client can send another request */
    j->exchange->prompt_tokens = j->prompt_tokens;
    j->exchange->tokens = j->generated;
    if (!j->fault.status && j->event.failed) hd_fault_from(&j->fault, HEED_MEMORY, NULL, "out of memory");
    if (j->fault.status)
        hd_exchange_fail(j->exchange, &j->fault);
    else if (j->request.stream)
        end_stream(j);
    else
        reply(j);
    close_job(j);
}

/* ---- parts: on the engine's thread ---- */

static bool continues(void *user) {
    const part *p = user;
    hd_fault fault;
    if (p->job->stopped) return false;
    bool waits = hd_exchange_waits(p->job->exchange, &fault);
    if (!waits) fail(p->job, &fault);
    return waits;
}

/* Whether the text of the answer is sent while it grows: tool calls are recognized in the whole text, and log-probabilities
 * are complete with it. */
static bool is_live(const part *p) { return p->job->request.stream && !p->choice.tools && !p->choice.log_probs; }

static const char *echo_of(const part *p, size_t *size) {
    *size = 0;
    return p->job->request.echo ? hd_completion_prompt(&p->job->request, p->prompt, size) : "";
}

static void stream_text(part *p, const char *text, size_t size) {
    begin_event(p->job);
    hd_choice_append_text(&p->job->event, &p->choice, !p->begun, text, size);
    end_event(p->job);
    p->begun = true;
}

static void begin_stream(part *p) {
    size_t size;
    const char *echo = echo_of(p, &size);
    if (!p->begun && (p->choice.chat || size)) stream_text(p, echo, size);
}

static bool stream(void *user, size_t index, const char *text, size_t size) {
    part *p = user;
    (void)index;
    begin_stream(p);
    stream_text(p, text, size);
    return true;
}

static heed_status finish(part *p, const heed_results *results) {
    job *j = p->job;
    size_t size;
    const char *echo = echo_of(p, &size);
    if (j->task) return hd_choice_append_task(&p->answer, echo, size, results);
    if (!j->request.stream) return hd_choice_append(&p->answer, &p->choice, echo, size, results);
    begin_stream(p);
    begin_event(j);
    HD_TRY(hd_choice_append_end(&j->event, &p->choice, !is_live(p), results));
    end_event(j);
    return HEED_OK;
}

/* A problem of the text, such as its length. */
static void fail_text(job *j, const char *problem) {
    hd_fault fault;
    hd_fault_set(&fault, 400, "invalid_prompt", j->request.chat ? "messages" : "prompt", "%s", problem);
    fail(j, &fault);
}

static void done(void *user, const heed_results *results, heed_status status, const char *message) {
    part *p = user;
    job *j = p->job;
    hd_fault fault;
    if (results && heed_results_problem(results, 0)) {
        fail_text(j, heed_results_problem(results, 0));
    } else if (results && !j->stopped) {
        const hd_result *item = &results->items[0];
        if (p->choice.index % j->sampled == 0) j->prompt_tokens += item->prompt;
        j->generated += item->answers[0].generated;
        if (item->note && !j->note) j->note = hd_copy_string(&j->context, item->note);
        status = finish(p, results);
        message = j->context.message;
    }
    if (status != HEED_OK && hd_fault_from(&fault, status, NULL, message) == false) fail(j, &fault);
    leave(j);
}

/* ---- adding ---- */

static bool open_parts(job *j, heed_context *context, size_t prompts, hd_fault *fault) {
    if (prompts * j->sampled > MOST_TEXTS)
        return hd_fault_set(fault, 400, "invalid_value", "n",
                            "%zu prompts with %zu answers each are more than %d texts", prompts, j->sampled,
                            MOST_TEXTS);
    j->parts = hd_alloc_zeroed(context, prompts * j->sampled, sizeof *j->parts);
    if (!j->parts) return hd_fault_from(fault, HEED_MEMORY, NULL, "out of memory");
    j->count = prompts * j->sampled;
    for (size_t i = 0; i < j->count; i++) {
        part *p = &j->parts[i];
        *p = (part){.job = j,
                    .prompt = i / j->sampled,
                    .choice = {.index = i,
                               .chat = j->request.chat,
                               .log_probs = j->request.log_probs,
                               .tools = j->request.tools != NULL,
                               .id = j->exchange->id}};
        p->text =
            (hd_engine_text){.words = is_live(p) ? stream : NULL, .continues = continues, .done = done, .user = p};
        hd_buffer_open(&p->answer, &j->context);
    }
    return true;
}

/* Adds the answers to one prompt. Their random numbers are those of `heed generate --samples`. */
static bool add_prompt(job *j, heed_context *context, size_t index, const char *text, size_t size, hd_fault *fault) {
    for (size_t i = 0; i < j->sampled; i++) {
        uint64_t number = index + ((uint64_t)i << ALTERNATIVE_BITS);
        part *p = &j->parts[index * j->sampled + i];
        atomic_fetch_add(&j->left, 1);
        heed_status status =
            hd_engine_add(j->engine, j->request.options, text, size, number, j->request.chat, &p->text);
        if (status == HEED_OK) continue;
        atomic_fetch_sub(&j->left, 1);
        return hd_fault_from(fault, status, NULL, context->message);
    }
    return true;
}

static bool add_prompts(job *j, heed_context *context, hd_fault *fault) {
    size_t size, count = 0;
    while (hd_completion_prompt(&j->request, count, &size)) count++;
    if (!open_parts(j, context, count, fault)) return false;
    for (size_t i = 0; i < count; i++) {
        const char *text = hd_completion_prompt(&j->request, i, &size);
        if (!add_prompt(j, context, i, text, size, fault)) return false;
    }
    return true;
}

/* ---- chat ---- */

static heed_status set_variable(heed_chat *chat, heed_context *context, const char *name, const json_t *value) {
    hd_buffer json;
    if (!value) return HEED_OK;
    hd_buffer_open(&json, context);
    heed_status status = hd_json_append(context, value, &json);
    if (status == HEED_OK) status = heed_chat_set(chat, name, json.data, json.size);
    hd_buffer_close(&json);
    return status;
}

static heed_status fill_chat(heed_chat *chat, heed_context *context, const hd_completion *request) {
    const char *name;
    json_t *value;
    hd_buffer json;
    HD_TRY(set_variable(chat, context, "tools", request->tools));
    HD_TRY(set_variable(chat, context, "reasoning_effort", request->effort));
    json_object_foreach((json_t *)(uintptr_t)request->variables, name, value)
        HD_TRY(set_variable(chat, context, name, value));
    hd_buffer_open(&json, context);
    heed_status status = hd_json_append(context, request->messages, &json);
    if (status == HEED_OK) status = heed_chat_add_json(chat, json.data, json.size);
    hd_buffer_close(&json);
    return status;
}

/* Renders the conversation by a handle of this thread's own. */
static heed_status render(job *j, heed_context *context, hd_buffer *prompt) {
    heed_model *model;
    heed_chat *chat = NULL;
    int64_t limit = j->request.max_new_tokens;
    HD_TRY(heed_model_share(hd_engine_model(j->engine), context, &model));
    if (!limit) limit = model->generation.max_new_tokens;
    heed_status status = heed_chat_open(model, &chat);
    if (status == HEED_OK) status = fill_chat(chat, context, &j->request);
    if (status == HEED_OK) status = hd_chat_prompt(chat, limit, prompt);
    heed_chat_close(chat);
    heed_model_close(model);
    return status;
}

/* Keeps the first note of a call. */
static void keep_note(void *user, const char *line) {
    job *j = user;
    if (!j->note) j->note = hd_copy_string(&j->context, line);
}

static bool add_chat(job *j, heed_context *context, hd_fault *fault) {
    hd_buffer prompt;
    hd_buffer_open(&prompt, context);
    heed_context_set_log(context, keep_note, j);
    heed_status status = render(j, context, &prompt);
    heed_context_set_log(context, NULL, NULL);
    bool fine = status == HEED_OK || hd_fault_from(fault, status, "messages", context->message);
    fine = fine && open_parts(j, context, 1, fault) &&
           add_prompt(j, context, 0, prompt.data ? prompt.data : "", prompt.size, fault);
    hd_buffer_close(&prompt);
    return fine;
}

/* ---- the endpoints ---- */

static bool prepare(job *j, heed_context *context, hd_fault *fault) {
    hd_completion *r = &j->request;
    const hd_serve_state *state = j->state;
    size_t index = hd_serve_models_find(state->models, r->model, fault);
    if (index == SIZE_MAX) return false;
    snprintf(j->model, sizeof j->model, "%s", hd_serve_models_name(state->models, index));
    snprintf(j->exchange->model, sizeof j->exchange->model, "%s", j->model);
    j->engine = hd_serve_models_acquire(state->models, context, index, fault);
    if (!j->engine) return false;
    if (!hd_engine_decodes(j->engine))
        return hd_fault_set(fault, 400, "unsupported", "model", "the model \"%s\" does not generate text", j->model);
    if (!hd_completion_sample(r, hd_engine_model(j->engine)->generation.sample, fault) ||
        !hd_completion_limit(r, state->max_tokens, r->chat ? 0 : TEXT_TOKENS, fault))
        return false;
    j->sampled = (size_t)r->n;
    return r->chat ? add_chat(j, context, fault) : add_prompts(j, context, fault);
}

static void answer(job *j, heed_context *context, const char *body, size_t size, bool chat) {
    hd_fault fault = {0};
    bool fine = hd_completion_read(context, body, size, chat, &j->request, &fault) && prepare(j, context, &fault);
    /* the options are this thread's, and the session has copied them; the engine's thread closes the rest */
    heed_options_close(j->request.options);
    j->request.options = NULL;
    j->request.context = j->request.json.context = &j->context;
    if (!fine) fail(j, &fault);
    leave(j);
}

/* NULL: the exchange has the fault. */
static job *open_job(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_fault fault;
    job *j = hd_alloc_zeroed(context, 1, sizeof *j);
    if (!j) {
        hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
        hd_exchange_fail(exchange, &fault);
        return NULL;
    }
    j->state = state;
    j->exchange = exchange;
    hd_exchange_hold(exchange);
    j->context = hd_context_worker(context, 1);
    j->left = 1;
    pthread_mutex_init(&j->lock, NULL);
    hd_buffer_open(&j->event, &j->context);
    return j;
}

static void answer_body(const hd_serve_state *state, heed_context *context, hd_exchange *exchange, bool chat) {
    job *j = open_job(state, context, exchange);
    if (j) answer(j, context, exchange->body.data ? exchange->body.data : "", exchange->body.size, chat);
}

void hd_serve_completions(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    answer_body(state, context, exchange, false);
}

void hd_serve_chat_completions(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    answer_body(state, context, exchange, true);
}

void hd_serve_text_generation(const hd_serve_state *state, heed_context *context, hd_exchange *exchange,
                              const char *body, size_t size) {
    job *j = open_job(state, context, exchange);
    if (!j) return;
    j->task = true;
    answer(j, context, body, size, false);
}
