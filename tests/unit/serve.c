/* The parts of `heed serve` that need no model: bodies of requests, JSON, keys, routes and exchanges; and a server in this process
 * whose clients are threads. */
#include "fixture.h"

#include "base/options.h"
#include "serve/completion.h"
#include "serve/exchange.h"
#include "serve/json_text.h"
#include "serve/keys.h"
#include "serve/routes.h"

#include <arpa/inet.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- bodies ---- */

static bool read_body(heed_context *context, const char *body, bool chat, hd_completion *request, hd_fault *fault) {
    return hd_completion_read(context, body, strlen(body), chat, request, fault);
}

/* The options that a request sets, as "name=value name=value". */
static const char *options_of(const hd_completion *request) {
    static char text[1024];
    const char *name, *value;
    text[0] = 0;
    for (size_t i = 0; hd_options_at(request->options, i, &name, &value); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", i ? " " : "", name, value ? value : "");
    return text;
}

static void a_body_becomes_texts_and_options(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_completion r;
    hd_fault fault;
    size_t size;
    assert_true(
        read_body(context,
                  "{\"model\": \"m\", \"prompt\": [\"a\", \"b\\u0000c\"], \"n\": 2, \"max_tokens\": 7, \"stop\": "
                  "[\"x\", \"y\"], \"presence_penalty\": 0.1, \"stream\": true, \"logit_bias\": {\"5\": -100}}",
                  false, &r, &fault));
    assert_string_equal(r.model, "m");
    assert_int_equal(r.n, 2);
    assert_true(r.stream && !r.chat && !r.usage && !r.log_probs);
    assert_string_equal(hd_completion_prompt(&r, 0, &size), "a");
    assert_memory_equal(hd_completion_prompt(&r, 1, &size), "b\0c", 3);
    assert_int_equal(size, 3);
    assert_null(hd_completion_prompt(&r, 2, &size));
    assert_true(hd_completion_limit(&r, 0, 16, &fault));
    assert_string_equal(options_of(&r), "stop=x stop=y logit-bias=5=-100 presence-penalty=0.1 max-new-tokens=7");
    assert_false(hd_completion_limit(&r, 6, 16, &fault));
    assert_string_equal(fault.param, "max_tokens");
    hd_completion_close(&r);
    close_context(context);
}

/* What sampling sets, by the body and by the choice of the model's files. */
static void sampling_follows_body_and_model(void **state) {
    (void)state;
    static const struct {
        const char *keys;
        bool model;
        const char *options;
    } cases[] = {{"\"n\": 1", false, "sample=false"},
                 {"\"seed\": 3", false, "sample=false"},
                 {"\"seed\": 3", true, "sample=true seed=3"},
                 {"\"temperature\": 0.7, \"seed\": 3", false, "sample=true temperature=0.7 seed=3"},
                 {"\"temperature\": 0, \"top_p\": 0.5, \"seed\": 3", true, "sample=false"},
                 {"\"top_p\": 1, \"top_k\": -1, \"seed\": 3", false, "sample=false"},
                 {"\"top_k\": 5, \"seed\": 3", false, "sample=true top_k=5 seed=3"},
                 {"\"sample\": false, \"top_k\": 5, \"seed\": 3", true, "sample=false"},
                 {"\"sample\": true, \"seed\": 0", false, "sample=true seed=0"}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        char body[256];
        hd_completion r;
        hd_fault fault;
        snprintf(body, sizeof body, "{\"prompt\": \"a\", %s}", cases[i].keys);
        assert_true(read_body(context, body, false, &r, &fault));
        assert_true(hd_completion_sample(&r, cases[i].model, &fault));
        assert_string_equal(options_of(&r), cases[i].options);
        hd_completion_close(&r);
    }
    close_context(context);
}

static void messages_are_put_in_the_form_of_templates(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_completion r;
    hd_fault fault;
    assert_true(read_body(context,
                          "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}, "
                          "{\"type\": \"text\", \"text\": \"b\"}]}, {\"role\": \"assistant\", \"content\": null, "
                          "\"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"{\\\"x\\\": 1}\"}}]}]}",
                          true, &r, &fault));
    char *text = json_dumps(r.messages, JSON_COMPACT);
    assert_string_equal(text,
                        "[{\"role\":\"user\",\"content\":\"ab\"},{\"role\":\"assistant\",\"content\":null,"
                        "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]}]");
    free(text);
    hd_completion_close(&r);
    close_context(context);
}

static void faults_name_the_key(void **state) {
    (void)state;
    static const struct {
        const char *body;
        bool chat;
        const char *param, *code;
    } cases[] = {{"{\"prompt\": \"a\", \"n\": 0}", false, "n", "invalid_value"},
                 {"{\"prompt\": \"a\", \"n\": 1.5}", false, "n", "invalid_type"},
                 {"{\"prompt\": \"a\", \"top_k\": \"5\"}", false, "top_k", "invalid_type"},
                 {"{\"prompt\": \"a\", \"tools\": []}", false, "tools", "unknown_parameter"},
                 {"{\"prompt\": \"a\", \"grammar\": \"/etc/passwd\"}", false, "grammar", "invalid_type"},
                 {"{\"prompt\": \"a\", \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": "
                  "\"/etc/passwd\"}}}",
                  false, "response_format.json_schema.schema", "invalid_type"},
                 {"{\"prompt\": \"a\", \"stop\": {}}", false, "stop", "invalid_type"},
                 {"{\"prompt\": []}", false, "prompt", "invalid_type"},
                 {"{\"prompt\": [[1]]}", false, "prompt", "unsupported"},
                 {"{\"messages\": [{\"role\": \"user\"}], \"tools\": [{}]}", true, "tools", "invalid_value"},
                 {"{\"messages\": [{\"role\": 1}]}", true, "messages", "invalid_value"},
                 {"{\"messages\": {}}", true, "messages", "invalid_type"},
                 {"{\"messages\": [{\"role\": \"user\"}], \"top_logprobs\": 2}", true, "top_logprobs", "invalid_value"},
                 {"{}", true, "messages", "missing"},
                 {"null", true, "", "invalid_json"},
                 {"[]", true, "", "invalid_type"},
                 {"{\"a\": NaN}", true, "", "invalid_json"}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_completion r;
        hd_fault fault;
        assert_false(read_body(context, cases[i].body, cases[i].chat, &r, &fault));
        assert_int_equal(fault.status, 400);
        assert_string_equal(fault.param, cases[i].param);
        assert_string_equal(fault.code, cases[i].code);
        hd_completion_close(&r);
    }
    close_context(context);
}

/* ---- memory that runs out ---- */

static long left; /* allocations that still succeed */

static void *fail_later(void *user, void *block, size_t size) {
    if (size && left-- <= 0) return NULL;
    return fixture_resize(user, block, size);
}

static void a_body_without_memory_is_a_fault(void **state) {
    (void)state;
    static const char body[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]}], "
        "\"stop\": [\"x\"], \"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
        "{\"schema\": {\"type\": \"object\"}}}}";
    bool done = false;
    for (long n = 2; !done; n++) {
        heed_context *context = NULL;
        hd_completion r;
        hd_fault fault;
        left = LONG_MAX;
        assert_int_equal(heed_context_open_with(fail_later, NULL, &context), HEED_OK);
        long before = fixture_memory.blocks;
        left = n;
        done = read_body(context, body, true, &r, &fault);
        left = LONG_MAX;
        hd_completion_close(&r);
        if (!done) assert_int_equal(fault.status, 503);
        assert_int_equal(fixture_memory.blocks, before);
        heed_context_close(context);
    }
}

/* ---- JSON, keys, routes ---- */

static void json_text_is_escaped(void **state) {
    (void)state;
    static const char text[] = "a\"\\\n\x01\0\xff\xc3\xa9";
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_json_text_append(&out, text, sizeof text - 1);
    assert_string_equal(out.data, "\"a\\\"\\\\\\n\\u0001\\u0000\xef\xbf\xbd\xc3\xa9\"");
    hd_buffer_close(&out);
    close_context(context);
}

static void keys_are_lines_of_a_file(void **state) {
    (void)state;
    char path[] = "/tmp/heed-keys-XXXXXX";
    heed_context *context = open_context();
    hd_serve_keys *keys;
    int file = mkstemp(path);
    assert_true(write(file, "one\n\n  two \r\n", 13) == 13);
    close(file);
    assert_int_equal(hd_serve_keys_open(context, path, &keys), HEED_OK);
    static const char *const wrong[] = {NULL, "", "on", "ones", "one\n", "three", "one two"};
    assert_true(hd_serve_keys_allow(keys, "one") && hd_serve_keys_allow(keys, "two"));
    for (size_t i = 0; i < HD_COUNT(wrong); i++) assert_false(hd_serve_keys_allow(keys, wrong[i]));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(hd_serve_keys_renew(keys, context), HEED_FORMAT);
    assert_true(hd_serve_keys_allow(keys, "one")); /* as before */
    hd_serve_keys_close(keys);
    assert_int_equal(hd_serve_keys_open(context, NULL, &keys), HEED_OK);
    assert_true(hd_serve_keys_allow(keys, NULL));
    hd_serve_keys_close(keys);
    unlink(path);
    close_context(context);
}

static void routes_are_found(void **state) {
    (void)state;
    hd_fault fault;
    assert_non_null(hd_route_find("POST", "/v1/completions", &fault));
    assert_non_null(hd_route_find("GET", "/v1/models/a/b", &fault));
    assert_null(hd_route_find("GET", "/v1/models/", &fault));
    assert_int_equal(fault.status, 404);
    assert_null(hd_route_find("GET", "/v1/completions", &fault));
    assert_int_equal(fault.status, 405);
}

/* ---- exchanges ---- */

static int resumed;
static void count_resume(hd_exchange *exchange) {
    (void)exchange;
    resumed++;
}

static void an_answer_resumes_the_connection(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_exchange *e = hd_exchange_open(context);
    hd_fault fault;
    e->resume = count_resume;
    e->suspended = true;
    resumed = 0;
    hd_exchange_begin(e);
    hd_exchange_write(e, "data: 1\n\n", 9);
    assert_int_equal(resumed, 1); /* the HTTP thread is at work until it suspends the connection again */
    assert_true(hd_exchange_waits(e, &fault));
    hd_fault_set(&fault, 500, NULL, NULL, "x");
    hd_exchange_fail(e, &fault);
    assert_string_equal(e->out.data,
                        "data: 1\n\ndata: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"param\":null,"
                        "\"code\":null}}\n\n");
    assert_true(e->finished && e->status == 200);
    e->deadline = 1e-9;
    assert_false(hd_exchange_waits(e, &fault));
    assert_int_equal(fault.status, 504);
    e->gone = true;
    assert_false(hd_exchange_waits(e, &fault));
    assert_int_equal(fault.status, 499);
    hd_exchange_release(e);
    close_context(context);
}

/* ---- a server in this process ---- */

enum { CLIENTS = 6, REQUESTS = 8, TOKENS = 6 };

typedef struct client {
    pthread_t thread;
    int port, number;
    char answers[REQUESTS][2048]; /* with their heads */
} client;

/* Sends a request, and reads the answer until the server closes the connection. */
static void send_request(int port, const char *path, const char *body, char answer[2048]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char head[512];
    size_t size = 0;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(s, (struct sockaddr *)&address, sizeof address) != 0) abort();
    int length =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                 path, strlen(body));
    if (send(s, head, (size_t)length, 0) < 0 || send(s, body, strlen(body), 0) < 0) abort();
    for (ssize_t got; size < 2047 && (got = recv(s, answer + size, 2047 - size, 0)) > 0;) size += (size_t)got;
    answer[size] = 0;
    close(s);
}

static void *run_client(void *user) {
    client *c = user;
    for (int i = 0; i < REQUESTS; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"prompt\": \"%c%d:\", \"max_tokens\": %d, \"temperature\": 0.8, \"seed\": %d}",
                 'A' + c->number, i, TOKENS, i);
        send_request(c->port, "/v1/completions", body, c->answers[i]);
    }
    return NULL;
}

static void *run_server(void *server) {
    heed_serve_run(server);
    return NULL;
}

static void check_answers(heed_context *context, heed_model *model, const client *c) {
    for (int i = 0; i < REQUESTS; i++) {
        char prompt[16], seed[16], tokens[16];
        const char *const text = prompt;
        heed_options *options;
        heed_results *results;
        hd_buffer expected;
        snprintf(prompt, sizeof prompt, "%c%d:", 'A' + c->number, i);
        snprintf(seed, sizeof seed, "%d", i);
        snprintf(tokens, sizeof tokens, "%d", TOKENS);
        assert_ok(context, heed_generate_options(context, &options));
        const char *const set[][2] = {
            {"sample", NULL}, {"temperature", "0.8"}, {"seed", seed}, {"max-new-tokens", tokens}};
        for (size_t k = 0; k < HD_COUNT(set); k++) assert_ok(context, heed_options_set(options, set[k][0], set[k][1]));
        assert_ok(context, heed_generate(model, options, &text, NULL, 1, 0, NULL, NULL, &results));
        hd_buffer_open(&expected, context);
        hd_buffer_text(&expected, "\"text\":");
        hd_json_text_append(&expected, heed_results_text(results, 0, 0), heed_results_size(results, 0, 0));
        if (!strstr(c->answers[i], expected.data)) fail_msg("%s is not in %s", expected.data, c->answers[i]);
        hd_buffer_close(&expected);
        heed_results_close(results);
        heed_options_close(options);
    }
}

static void threads_get_the_texts_of_heed_generate(void **state) {
    (void)state;
    static const char *const models[] = {"shakespeare"};
    static client clients[CLIENTS];
    heed_context *context = open_context(), *other;
    heed_options *options;
    heed_server *server;
    heed_model *model;
    pthread_t runner;
    assert_ok(context, heed_serve_options(context, &options));
    assert_ok(context, heed_options_set(options, "port", "0"));
    assert_ok(context, heed_serve_open(context, options, models, 1, &server));
    pthread_create(&runner, NULL, run_server, server);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].port = heed_serve_port(server), clients[i].number = i;
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i].thread, NULL);
    heed_serve_stop(server);
    pthread_join(runner, NULL);
    heed_serve_close(server);
    heed_options_close(options);
    other = open_context();
    assert_ok(other, heed_model_open(other, "shakespeare", &model));
    for (int i = 0; i < CLIENTS; i++) check_answers(other, model, &clients[i]);
    heed_model_close(model);
    close_context(other);
    close_context(context);
}

static void wrong_servers_are_refused(void **state) {
    (void)state;
    static const char *const twice[] = {"shakespeare", "shakespeare"}, *const none[] = {"no-such-model"};
    heed_context *context = open_context();
    heed_options *options;
    heed_server *server;
    assert_ok(context, heed_serve_options(context, &options));
    assert_ok(context, heed_options_set(options, "port", "0"));
    assert_int_equal(heed_serve_open(context, options, twice, 2, &server), HEED_ARGUMENT);
    assert_int_equal(heed_serve_open(context, options, none, 1, &server), HEED_FILE);
    assert_null(server);
    assert_ok(context, heed_options_set(options, "host", "example.org"));
    assert_int_equal(heed_serve_open(context, options, twice, 1, &server), HEED_ARGUMENT);
    heed_options_close(options);
    close_context(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_body_becomes_texts_and_options),
                                       cmocka_unit_test(sampling_follows_body_and_model),
                                       cmocka_unit_test(messages_are_put_in_the_form_of_templates),
                                       cmocka_unit_test(faults_name_the_key),
                                       cmocka_unit_test(a_body_without_memory_is_a_fault),
                                       cmocka_unit_test(json_text_is_escaped),
                                       cmocka_unit_test(keys_are_lines_of_a_file),
                                       cmocka_unit_test(routes_are_found),
                                       cmocka_unit_test(an_answer_resumes_the_connection),
                                       cmocka_unit_test(threads_get_the_texts_of_heed_generate),
                                       cmocka_unit_test(wrong_servers_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
