/* Continues or translates lines as they arrive, many at once: one thread reads lines and adds requests, the other one steps and
 * prints each finished answer after the line's number. mkfifo requests && example-batch-server MODEL < requests */
#include <heed/heed.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static heed_session *session;
static atomic_bool ended; /* no line is left to add */

static void *add_lines(void *context) { /* this thread's own */
    heed_options *options = NULL;
    char *line = NULL;
    size_t capacity = 0;
    heed_status status = heed_session_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "max-new-tokens", "32");
    for (ssize_t size; status == HEED_OK && (size = getline(&line, &capacity, stdin)) > 0;) {
        size -= line[size - 1] == '\n';
        status = heed_session_add(session, options, line, (size_t)size, 0, NULL, NULL, NULL); /* ids count lines */
    }
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    ended = true;
    heed_options_close(options);
    free(line);
    return NULL;
}

static void print_finished(void) {
    heed_results *results;
    for (uint64_t id; heed_session_next(session, &id, &results) == HEED_OK && results; heed_results_close(results)) {
        const char *problem = heed_results_problem(results, 0);
        printf("%llu\t%s\n", (unsigned long long)id + 1, problem ? problem : heed_results_text(results, 0, 0));
        fflush(stdout);
    }
}

int main(int count, char **words) {
    heed_context *context, *other = NULL;
    heed_model *model = NULL;
    pthread_t adder;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, count > 1 ? words[1] : "shakespeare", &model);
    if (status == HEED_OK) status = heed_session_open(model, &session);
    if (status == HEED_OK) status = heed_context_fork(context, &other);
    bool adds = status == HEED_OK && pthread_create(&adder, NULL, add_lines, other) == 0;
    if (status == HEED_OK && !adds) status = HEED_MEMORY;
    for (; status == HEED_OK && (!ended || heed_session_is_busy(session)); print_finished())
        if ((status = heed_session_step(session)) == HEED_OK && !heed_session_is_busy(session)) usleep(1000);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    if (status != HEED_OK && adds) exit(1); /* the other thread may wait for a line */
    if (adds) pthread_join(adder, NULL);
    heed_session_close(session);
    heed_context_close(other);
    heed_model_close(model);
    heed_context_close(context);
    return status != HEED_OK;
}
