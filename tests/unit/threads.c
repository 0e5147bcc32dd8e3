/* One open model, many threads: each has a context of its own and a handle on the model, and gets the results of one thread
 * alone. The threads run first, so that ThreadSanitizer sees whatever the first use of an open model would write. */
#include "failing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 8 };

/* The results of one thread's calls, byte by byte. */
typedef struct record {
    char *bytes;
    size_t size, capacity;
} record;

static void add(record *r, const void *bytes, size_t size) {
    if (r->size + size > r->capacity) {
        r->capacity = 2 * (r->size + size);
        r->bytes = realloc(r->bytes, r->capacity);
        if (!r->bytes) abort();
    }
    if (size) memcpy(r->bytes + r->size, bytes, size);
    r->size += size;
}

static void add_text(record *r, const char *text) { add(r, text ? text : "none", strlen(text ? text : "none") + 1); }

static void add_results(record *r, const heed_results *results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add_text(r, heed_results_problem(results, i));
        for (size_t j = 0; j < heed_results_alternatives(results, i); j++) {
            size_t span[2];
            float score = heed_results_score(results, i, j);
            heed_results_span(results, i, j, &span[0], &span[1]);
            add_text(r, heed_results_text(results, i, j));
            add_text(r, heed_results_label(results, i, j));
            add_text(r, heed_results_alignment(results, i, j));
            add(r, &score, sizeof score);
            add(r, span, sizeof span);
        }
    }
}

/* ---- one thread ---- */

enum { TRANSLATOR, RECURRENT, LANGUAGE, CLASSIFIER, TAGGER, SMALL, MODELS };

static const char *const folders[MODELS] = {PROJECT "/models/multi30k-en-de", PROJECT "/models/multi30k-en-fr-gru",
                                            PROJECT "/models/shakespeare",    PROJECT "/models/sst2",
                                            PROJECT "/models/entities",       GOLDEN "/marian"};

typedef struct worker {
    heed_context *context;
    heed_model *models[MODELS];
    record calls[16]; /* of each call */
    int call_count;
    pthread_t thread;
    int notes, words, strays; /* callbacks, and those from another thread */
    heed_status status;       /* of the first call that failed */
} worker;

static void count_callback(worker *w, int *count) {
    ++*count;
    w->strays += !pthread_equal(pthread_self(), w->thread);
}

static void note(void *user, const char *line) {
    worker *w = user;
    (void)line;
    count_callback(w, &w->notes);
}

static bool hear(void *user, size_t index, const char *text, size_t size) {
    worker *w = user;
    (void)index, (void)text, (void)size;
    count_callback(w, &w->words);
    return true;
}

typedef heed_status options_function(heed_context *context, heed_options **options);

/* Options from pairs of a name and a value, ending with a NULL. */
static heed_options *options_of(worker *w, options_function *open, const char *const *pairs) {
    heed_options *options = NULL;
    if (open(w->context, &options) != HEED_OK) return NULL;
    for (; *pairs; pairs += 2)
        if (heed_options_set(options, pairs[0], pairs[1]) != HEED_OK) w->status = HEED_ARGUMENT;
    return options;
}

static const char *const english[] = {"A dog runs through the snow.", "Two men are cooking.", "", "A woman sings."};
static const char *const reviews[] = {"a gorgeous, witty film", "a dull and lifeless mess", "it was fine"};
static const char *const news[] = {"Angela Merkel visited Paris on Monday .", "IBM bought Red Hat ."};

#define TRY(call)                                                            \
    do {                                                                     \
        heed_status status_ = (call);                                        \
        if (status_ != HEED_OK && w->status == HEED_OK) w->status = status_; \
    } while (0)

static void translate(worker *w, record *r, int model, const char *const *pairs) {
    heed_results *results = NULL;
    heed_options *options = options_of(w, heed_translate_options, pairs);
    TRY(heed_translate(w->models[model], options, english, NULL, HD_COUNT(english), &results));
    if (results) add_results(r, results, HD_COUNT(english));
    heed_results_close(results);
    heed_options_close(options);
}

static void translate_greedily(worker *w, record *r) {
    translate(w, r, TRANSLATOR, (const char *const[]){"beams", "1", "alignment", NULL, "max-new-tokens", "16", NULL});
}

static void translate_with_beams(worker *w, record *r) {
    translate(w, r, SMALL, (const char *const[]){"beams", "4", "best", "3", NULL});
}

static void translate_recurrently(worker *w, record *r) {
    translate(w, r, RECURRENT, (const char *const[]){"beams", "2", "max-new-tokens", "16", NULL});
}

/* The first prompt is longer than the model's positions, which a note says. */
static void generate(worker *w, record *r, const char *const *pairs) {
    enum { LONG = 300 };
    char text[LONG + 1] = "";
    for (int i = 0; i < LONG; i++) text[i] = "To be, or not to be. "[i % 21];
    const char *prompts[] = {text, "ROMEO:", "KING"};
    heed_results *results = NULL;
    heed_options *options = options_of(w, heed_generate_options, pairs);
    TRY(heed_generate(w->models[LANGUAGE], options, prompts, NULL, 3, 7, hear, w, &results));
    if (results) add_results(r, results, 3);
    heed_results_close(results);
    heed_options_close(options);
}

static void generate_greedily(worker *w, record *r) {
    generate(w, r, (const char *const[]){"max-new-tokens", "12", NULL});
}

static void generate_samples(worker *w, record *r) {
    generate(w, r, (const char *const[]){"sample", NULL, "seed", "3", "top-p", "0.9", "max-new-tokens", "12", NULL});
}

static void classify(worker *w, record *r) {
    heed_results *results = NULL;
    TRY(heed_classify(w->models[CLASSIFIER], NULL, reviews, NULL, HD_COUNT(reviews), &results));
    if (results) add_results(r, results, HD_COUNT(reviews));
    heed_results_close(results);
}

static void tag(worker *w, record *r) {
    heed_results *results = NULL;
    TRY(heed_tag(w->models[TAGGER], NULL, news, NULL, HD_COUNT(news), &results));
    if (results) add_results(r, results, HD_COUNT(news));
    heed_results_close(results);
}

static void attend(worker *w, record *r) {
    heed_attention *attention = NULL;
    TRY(heed_attend(w->models[SMALL], NULL, english[0], strlen(english[0]), &attention));
    for (int64_t i = 0; attention && i < heed_attention_maps(attention); i++) {
        int64_t shape[4];
        const float *weights = heed_attention_weights(attention, i, shape);
        add_text(r, heed_attention_kind(attention, i));
        add(r, shape, sizeof shape);
        add(r, weights, (size_t)(shape[0] * shape[1] * shape[2] * shape[3]) * sizeof *weights);
    }
    heed_attention_close(attention);
}

/* A failure's message is the own context's. */
static void refuse(worker *w, record *r) {
    heed_results *results = NULL;
    heed_status status = heed_translate(w->models[CLASSIFIER], NULL, english, NULL, 1, &results);
    add(r, &status, sizeof status);
    add_text(r, heed_context_message(w->context));
}

static void (*const calls[])(worker *, record *) = {
    translate_greedily, generate_samples,      classify,         translate_with_beams, attend, refuse, tag,
    classify,           translate_recurrently, generate_greedily};

/* Every call, from call `first` on, so that different calls meet. */
static void run_calls(worker *w, int first) {
    w->thread = pthread_self();
    w->call_count = (int)HD_COUNT(calls);
    heed_context_set_log(w->context, note, w);
    for (int i = 0; i < w->call_count; i++) {
        int call = (first + i) % w->call_count;
        calls[call](w, &w->calls[call]);
    }
}

static void close_worker(worker *w) {
    for (int i = 0; i < MODELS; i++) heed_model_close(w->models[i]);
    heed_context_close(w->context);
}

static void forget(worker *w) {
    for (int i = 0; i < w->call_count; i++) free(w->calls[i].bytes);
}

/* ---- eight ---- */

typedef struct start {
    worker *worker;
    heed_model *const *models;
    int number;
    pthread_barrier_t *all_opened;
} start;

static void *run_thread(void *argument) {
    start *s = argument;
    worker *w = s->worker;
    for (int i = 0; i < MODELS; i++) TRY(heed_model_share(s->models[i], w->context, &w->models[i]));
    pthread_barrier_wait(s->all_opened);
    if (w->status == HEED_OK) run_calls(w, s->number);
    close_worker(w);
    return NULL;
}

/* The context and the handles that opened the models are closed while the threads run. */
static void run_threads(worker *workers) {
    heed_context *context =
        NULL; /* its memory is freed with the last of its forks, so open_context does not count it */
    assert_int_equal(heed_context_open(&context), HEED_OK);
    heed_model *models[MODELS];
    pthread_t threads[THREADS];
    pthread_barrier_t all_opened;
    start starts[THREADS];
    for (int i = 0; i < MODELS; i++) assert_ok(context, heed_model_open(context, folders[i], &models[i]));
    assert_int_equal(pthread_barrier_init(&all_opened, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_ok(context, heed_context_fork(context, &workers[i].context));
        assert_ok(context, heed_context_set_threads(workers[i].context, 1 + i % 2));
        starts[i] = (start){&workers[i], models, i, &all_opened};
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &starts[i]), 0);
    }
    pthread_barrier_wait(&all_opened);
    for (int i = 0; i < MODELS; i++) heed_model_close(models[i]);
    heed_context_close(context);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&all_opened);
}

static void run_alone(worker *w) {
    w->context = open_context();
    w->context->threads = 1;
    for (int i = 0; i < MODELS; i++) assert_ok(w->context, heed_model_open(w->context, folders[i], &w->models[i]));
    run_calls(w, 0);
    if (w->status != HEED_OK) fail_msg("%s", heed_context_message(w->context));
    close_worker(w);
}

static void threads_get_the_results_of_one(void **state) {
    (void)state;
    static worker workers[THREADS], alone;
    run_threads(workers);
    run_alone(&alone);
    assert_true(alone.notes > 0 && alone.words > 0);
    assert_int_equal(alone.strays, 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].status, HEED_OK);
        assert_int_equal(workers[i].notes, alone.notes);
        assert_int_equal(workers[i].words, alone.words);
        assert_int_equal(workers[i].strays, 0);
        for (int j = 0; j < alone.call_count; j++) {
            assert_true(alone.calls[j].size > 4);
            assert_int_equal(workers[i].calls[j].size, alone.calls[j].size);
            assert_memory_equal(workers[i].calls[j].bytes, alone.calls[j].bytes, alone.calls[j].size);
        }
        forget(&workers[i]);
    }
    forget(&alone);
}

/* Handles are closed in any order, and the last one frees the model, with the allocator that it was opened with. */
static void handles_close_in_any_order(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        failing_allocator allocator = {.left = -1}, other = {.left = -1};
        heed_context *context, *second;
        heed_model *model, *shared;
        assert_int_equal(heed_context_open_with(failing_resize, &allocator, &context), HEED_OK);
        assert_int_equal(heed_context_open_with(failing_resize, &other, &second), HEED_OK);
        assert_ok(context, heed_model_open(context, folders[SMALL], &model));
        other.left = 0;
        assert_int_equal(heed_model_share(model, second, &shared), HEED_MEMORY);
        assert_null(shared);
        other.left = -1;
        assert_ok(second, heed_model_share(model, second, &shared));
        heed_model_close(order ? shared : model);
        if (order == 0) heed_context_close(context);
        assert_true(allocator.held > 10);
        heed_model_close(order ? model : shared);
        if (order == 1) heed_context_close(context);
        heed_context_close(second);
        assert_int_equal(allocator.held, 0);
        assert_int_equal(other.held, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_get_the_results_of_one),
                                       cmocka_unit_test(handles_close_in_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
