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
        "Answers HTTP requests on the local machine until it is stopped by Ctrl-C or SIGTERM. The endpoints are\n"
        "those of OpenAI's API: /v1/chat/completions, /v1/completions and /v1/models, with streams, and also\n"
        "/health and /metrics. Texts are those of heed chat and heed generate for the same seed. Models of -m are\n"
        "opened at once. Without -m, the models that ship are opened when they are requested. SIGHUP reads\n"
        "models, keys and the log file again.\n"
        "  $ heed serve -m heed-chat --port 8080\n"
        "  $ curl http://127.0.0.1:8080/v1/chat/completions \\\n"
        "      -d '{\"messages\": [{\"role\": \"user\", \"content\": \"How do I list models?\"}]}'\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_serve_options,
    .notes = true,
};

static heed_server *server;

static void handle_signal(int number) {
    if (number == SIGHUP)
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

int run_serve(int count, char **words) {
    invocation line;
    int code;
    model_name = NULL;
    if (!open_invocation(&serve, count, words, &line, &code)) return code;
    const char **names = grow_memory(NULL, line.given_count + 1, sizeof *names);
    size_t models = 0;
    while (nth_value(&line, "model", models)) names[models] = nth_value(&line, "model", models), models++;
    heed_status status = heed_context_set_compute(line.context, compute);
    if (line.text_count) {
        code = report_usage(&line, "\"%s\" is not an option; models are named with -m", line.texts[0]);
    } else {
        if (status == HEED_OK) status = heed_serve_open(line.context, line.options, names, models, &server);
        if (status == HEED_OK) {
            const char *host = last_value(&line, "host");
            set_signals();
            if (!line.quiet)
                print_message("heed serve: http://%s:%d", host ? host : "127.0.0.1", heed_serve_port(server));
            status = heed_serve_run(server);
        }
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
        heed_serve_close(server);
    }
    free(names);
    close_invocation(&line);
    return finish_output(serve.name, code);
}
