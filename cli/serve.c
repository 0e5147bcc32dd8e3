/* heed serve: models over HTTP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "verbs.h"

static const char *model_name;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to serve; may be repeated (default: all that ship)", &model_name, NULL},
    COMPUTE,
};

static const command serve = {
    .name = "serve",
    .usage = "[-m MODEL ...] [options]",
    .about =
        "Answers HTTP requests on the local machine until it is stopped by Ctrl-C or SIGTERM. Endpoints of OpenAI's\n"
        "API: /v1/chat/completions and /v1/completions, also as streams, /v1/embeddings and /v1/models. Others:\n"
        "/v1/rerank, /models/NAME for the task of a model as in Hugging Face's Inference API, /health and /metrics.\n"
        "Answers are those of the other verbs for the same options and seed.\n"
        "Models of -m are opened at once. Without -m, the models that ship are opened when they are requested.\n"
        "SIGHUP reads models, keys and the log file again.\n"
        "  $ heed serve -m heed-chat --port 8080\n"
        "  $ curl http://127.0.0.1:8080/v1/chat/completions \\\n"
        "      -d '{\"messages\": [{\"role\": \"user\", \"content\": \"How do I list models?\"}]}'\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_serve_options,
    .notes = true,
};

static heed_server *volatile server;         /* NULL while it is being opened */
static volatile sig_atomic_t stop_requested; /* meanwhile */

static void handle_signal(int number) {
    if (!server)
        stop_requested = number != SIGHUP || stop_requested;
    else if (number == SIGHUP)
        heed_serve_reload(server);
    else
        heed_serve_stop(server);
}

/* A second signal to stop ends the program by the system's default handler. */
static void set_signals(void) {
    struct sigaction stop = {.sa_handler = handle_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART},
                     reload = {.sa_handler = handle_signal, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGHUP, &reload, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* of a log that nobody reads any more */
}

static heed_status open_and_run(const invocation *line, const char *const *names, size_t count) {
    const char *host = last_value(line, "host");
    heed_server *opened;
    set_signals();
    heed_status status = heed_serve_open(line->context, line->options, names, count, &opened);
    if (status != HEED_OK) return status;
    server = opened;
    if (stop_requested) heed_serve_stop(opened);
    if (!line->quiet) print_message("heed serve: http://%s:%d", host ? host : "127.0.0.1", heed_serve_port(opened));
    status = heed_serve_run(opened);
    server = NULL;
    heed_serve_close(opened);
    return status;
}

int run_serve(int count, char **words) {
    invocation line;
    int code;
    model_name = NULL;
    if (!open_invocation(&serve, count, words, &line, &code)) return code;
    const char **names = grow_memory(NULL, line.given_count + 1, sizeof *names);
    size_t models = 0;
    for (const char *name; (name = nth_value(&line, "model", models)) != NULL; models++) names[models] = name;
    if (line.text_count) {
        code = report_usage(&line, "\"%s\" is not an option; models are named with -m", line.texts[0]);
    } else {
        heed_status status = heed_context_set_compute(line.context, compute);
        if (status == HEED_OK) status = open_and_run(&line, names, models);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    }
    free(names);
    close_invocation(&line);
    return finish_output(serve.name, code);
}
