/* Sessions of heed.h: each request has the results that heed_generate or heed_translate gives its text, whatever else is in the
 * session, in which order it came, and from which thread; and what happens to requests that are cancelled or cannot run. */
#include "failing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LANGUAGE, TRANSLATOR, RECURRENT, MODELS, TEXTS = 9, KINDS = 5 };

static const char *const folders[MODELS] = {PROJECT "/models/shakespeare", GOLDEN "/marian",
                                            PROJECT "/models/multi30k-en-fr-gru"};

static const char *const texts[MODELS][TEXTS] = {
    {"ROMEO:", "To be", "", "K", "First Citizen:\nBefore", "the", "JULIET:\nO", "  ", "O Romeo, Romeo!"},
    {"a dog runs.", "stop", "", " ", "two men", "a", "a dog runs. a dog runs.", "the", "run"},
    {"A dog runs.", "Two men.", "", "A", "A woman sings a song.", "the", " ", "Dogs.", "A man in a red shirt."}};

/* Options as pairs of a name and a value, ending with a NULL: of language models, and of translators. */
static const char *const options_of[2][KINDS][13] = {
    {{"max-new-tokens", "12", NULL},
     {"max-new-tokens", "9", "sample", NULL, "seed", "3", "top-k", "20", NULL},
     {"max-new-tokens", "5", "beams", "3", "best", "2", NULL},
     {"max-new-tokens", "7", "sample", "true", "best", "3", "temperature", "0.8", NULL},
     {"max-new-tokens", "1", "repetition-penalty", "1.3", NULL}},
    {{"beams", "1", NULL},
     {"beams", "4", "best", "3", "max-new-tokens", "8", NULL},
     {"beams", "1", "alignment", "true", "max-new-tokens", "10", NULL},
     {"beams", "2", "length-penalty", "0.5", "max-new-tokens", "6", NULL},
     {"beams", "1", "max-words", "2", "prefix", "a man ", "alignment", "true", NULL}}};

typedef heed_status options_function(heed_context *context, heed_options **options);

static heed_options *open_options(heed_context *context, options_function *open, int model, int kind) {
    heed_options *options;
    const char *const *pair = options_of[model != LANGUAGE][kind];
    assert_ok(context, open(context, &options));
    for (; *pair; pair += 2) assert_ok(context, heed_options_set(options, pair[0], pair[1]));
    return options;
}

typedef struct fixture {
    heed_context *context;
    heed_model *models[MODELS];
    heed_options *options[MODELS][KINDS]; /* of sessions */
    heed_results *alone[MODELS][KINDS];   /* of heed_generate and heed_translate: [TEXTS] */
    char streams[KINDS][TEXTS][256];      /* of the language model */
} fixture;

/* Appends to the stream of text `index`. */
static bool hear(void *user, size_t index, const char *text, size_t size) {
    char(*streams)[256] = user;
    size_t used = strlen(streams[index]);
    assert_true(size > 0 && used + size < sizeof streams[0]);
    memcpy(streams[index] + used, text, size);
    streams[index][used + size] = 0;
    return true;
}

static int set_up(void **state) {
    static fixture f;
    f.context = open_context();
    for (int m = 0; m < MODELS; m++) {
        assert_ok(f.context, heed_model_open(f.context, folders[m], &f.models[m]));
        for (int k = 0; k < KINDS; k++) {
            bool language = m == LANGUAGE;
            heed_options *options =
                open_options(f.context, language ? heed_generate_options : heed_translate_options, m, k);
            if (language)
                assert_ok(f.context, heed_generate(f.models[m], options, texts[m], NULL, TEXTS, 5, hear, f.streams[k],
                                                   &f.alone[m][k]));
            else
                assert_ok(f.context, heed_translate(f.models[m], options, texts[m], NULL, TEXTS, &f.alone[m][k]));
            heed_options_close(options);
            f.options[m][k] = open_options(f.context, heed_session_options, m, k);
        }
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    for (int m = 0; m < MODELS; m++) {
        for (int k = 0; k < KINDS; k++) {
            heed_options_close(f->options[m][k]);
            heed_results_close(f->alone[m][k]);
        }
        heed_model_close(f->models[m]);
    }
    heed_context_close(f->context);
    return 0;
}

static void assert_same_text(const char *found, const char *expected) {
    assert_int_equal(!found, !expected);
    if (found) assert_string_equal(found, expected);
}

static void assert_same_results(const heed_results *found, const heed_results *expected, size_t index) {
    size_t count = heed_results_alternatives(expected, index);
    assert_same_text(heed_results_problem(found, 0), heed_results_problem(expected, index));
    assert_int_equal(heed_results_alternatives(found, 0), count);
    for (size_t i = 0; i < count; i++) {
        float score = heed_results_score(found, 0, i), other = heed_results_score(expected, index, i);
        assert_int_equal(heed_results_size(found, 0, i), heed_results_size(expected, index, i));
        assert_same_text(heed_results_text(found, 0, i), heed_results_text(expected, index, i));
        assert_same_text(heed_results_alignment(found, 0, i), heed_results_alignment(expected, index, i));
        assert_memory_equal(&score, &other, sizeof score);
    }
}

/* ---- one thread ---- */

/* Adds request i of an order that mixes texts and options. */
static void add_request(fixture *f, heed_session *session, int model, int i, char (*streams)[256]) {
    int kind = i % KINDS, text = i / KINDS % TEXTS;
    uint64_t id;
    assert_ok(f->context,
              heed_session_add(session, f->options[model][kind], texts[model][text], strlen(texts[model][text]),
                               5 + (uint64_t)text, streams ? hear : NULL, streams, &id));
    assert_int_equal(id, i);
}

/* Closes the results that there are; returns their number. */
static int compare_finished(fixture *f, heed_session *session, int model, bool *finished) {
    heed_results *results;
    uint64_t id;
    int count = 0;
    for (; heed_session_next(session, &id, &results) == HEED_OK && results; count++) {
        assert_in_range(id, 0, KINDS * TEXTS - 1);
        assert_false(finished[id]);
        finished[id] = true;
        assert_same_results(results, f->alone[model][id % KINDS], id / KINDS);
        heed_results_close(results);
    }
    assert_null(results);
    return count;
}

/* All requests at the beginning, or one more in each step. */
static void run_requests(fixture *f, int model, bool at_once) {
    static char streams[KINDS * TEXTS][256];
    bool finished[KINDS * TEXTS] = {false};
    int added = 0, count = 0;
    heed_session *session;
    memset(streams, 0, sizeof streams);
    assert_ok(f->context, heed_session_open(f->models[model], &session));
    assert_false(heed_session_is_busy(session));
    assert_ok(f->context, heed_session_step(session));
    while (added < KINDS * TEXTS || heed_session_is_busy(session)) {
        for (int most = at_once ? KINDS * TEXTS : added + 3; added < KINDS * TEXTS && added < most; added++)
            add_request(f, session, model, added, streams);
        assert_ok(f->context, heed_session_step(session));
        count += compare_finished(f, session, model, finished);
    }
    assert_int_equal(count, KINDS * TEXTS);
    for (int i = 0; i < KINDS * TEXTS && model == LANGUAGE; i++)
        assert_string_equal(streams[i], f->streams[i % KINDS][i / KINDS]);
    heed_session_close(session);
}

static void requests_have_the_results_of_their_texts_alone(void **state) {
    for (int model = 0; model < MODELS; model++)
        for (int at_once = 0; at_once < 2; at_once++) run_requests(*state, model, at_once);
}

/* ---- one thread steps while others add ---- */

enum { ADDERS = 3 };

typedef struct adder {
    fixture *f;
    heed_session *session;
    heed_context *context;
    int number, refused;
    uint64_t ids[KINDS * TEXTS];
    _Atomic int *adding;
} adder;

/* Every request once, of the language model. Some are cancelled, which succeeds if they have not finished. */
static void *add_all(void *argument) {
    adder *a = argument;
    heed_options *options[KINDS], *wrong;
    for (int k = 0; k < KINDS; k++) options[k] = open_options(a->context, heed_session_options, LANGUAGE, k);
    if (heed_session_options(a->context, &wrong) != HEED_OK || heed_options_set(wrong, "to", "fr") != HEED_OK) abort();
    for (int i = 0; i < KINDS * TEXTS; i++) {
        const char *text = texts[LANGUAGE][i / KINDS];
        uint64_t extra;
        if (heed_session_add(a->session, options[i % KINDS], text, strlen(text), 5 + (uint64_t)i / KINDS, NULL, NULL,
                             &a->ids[i]) != HEED_OK)
            abort();
        if (i % 4 == 0) {
            if (heed_session_add(a->session, NULL, text, strlen(text), 0, NULL, NULL, &extra) != HEED_OK) abort();
            heed_session_cancel(a->session, extra);
        }
        if (heed_session_add(a->session, wrong, text, strlen(text), 0, NULL, NULL, NULL) == HEED_ARGUMENT)
            a->refused += strstr(heed_context_message(a->context), "language codes") != NULL;
        heed_session_is_busy(a->session);
    }
    for (int k = 0; k < KINDS; k++) heed_options_close(options[k]);
    heed_options_close(wrong);
    --*a->adding;
    return NULL;
}

static int compare_with_adders(const adder *adders, uint64_t id, const heed_results *results) {
    for (int i = 0; i < ADDERS; i++)
        for (int j = 0; j < KINDS * TEXTS; j++)
            if (adders[i].ids[j] == id) {
                assert_same_results(results, adders[i].f->alone[LANGUAGE][j % KINDS], (size_t)j / KINDS);
                return 1;
            }
    return 0; /* one that was cancelled too late */
}

static void threads_add_while_one_steps(void **state) {
    fixture *f = *state;
    static adder adders[ADDERS];
    pthread_t threads[ADDERS];
    _Atomic int adding = ADDERS;
    heed_session *session;
    enum { MOST = 2 * ADDERS * KINDS * TEXTS };
    static heed_results *results[MOST];
    static uint64_t ids[MOST];
    int count = 0, found = 0;
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    for (int i = 0; i < ADDERS; i++) {
        adders[i] = (adder){.f = f, .session = session, .number = i, .adding = &adding};
        assert_ok(f->context, heed_context_fork(f->context, &adders[i].context));
        assert_int_equal(pthread_create(&threads[i], NULL, add_all, &adders[i]), 0);
    }
    while (adding || heed_session_is_busy(session)) {
        assert_ok(f->context, heed_session_step(session));
        while (heed_session_next(session, &ids[count], &results[count]) == HEED_OK && results[count])
            assert_in_range(++count, 0, MOST - 1);
    }
    for (int i = 0; i < ADDERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < count; i++) found += compare_with_adders(adders, ids[i], results[i]);
    assert_int_equal(found, ADDERS * KINDS * TEXTS);
    for (int i = 0; i < count; i++) heed_results_close(results[i]);
    heed_session_close(session);
    for (int i = 0; i < ADDERS; i++) {
        assert_int_equal(adders[i].refused, KINDS * TEXTS);
        heed_context_close(adders[i].context);
    }
}

/* ---- cancelling and stopping ---- */

typedef struct listener {
    heed_session *session;
    heed_context *context;
    uint64_t other; /* a request to cancel with the first word */
    int calls;
    bool goes_on;
    heed_status status;
} listener;

static bool interrupt(void *user, size_t index, const char *text, size_t size) {
    listener *l = user;
    (void)index, (void)text, (void)size;
    if (l->calls++ == 0) l->status = heed_session_cancel(l->session, l->other);
    return l->goes_on;
}

static uint64_t add_text(fixture *f, heed_session *session, const char *text, heed_words_function *words, void *user) {
    uint64_t id;
    assert_ok(f->context, heed_session_add(session, f->options[LANGUAGE][0], text, strlen(text), 5, words, user, &id));
    return id;
}

static int run_all(fixture *f, heed_session *session, uint64_t *last, size_t *size) {
    int count = 0;
    heed_results *results;
    while (heed_session_is_busy(session)) assert_ok(f->context, heed_session_step(session));
    for (; heed_session_next(session, last, &results) == HEED_OK && results; count++) {
        *size = heed_results_size(results, 0, 0);
        heed_results_close(results);
    }
    return count;
}

static void cancelled_requests_have_no_results(void **state) {
    fixture *f = *state;
    heed_session *session;
    uint64_t last;
    size_t size;
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    uint64_t a = add_text(f, session, "ROMEO:", NULL, NULL), b = add_text(f, session, "To be", NULL, NULL);
    assert_ok(f->context, heed_session_cancel(session, a)); /* it waits */
    assert_ok(f->context, heed_session_step(session));
    assert_ok(f->context, heed_session_cancel(session, b)); /* it runs */
    assert_false(heed_session_is_busy(session));
    assert_int_equal(heed_session_cancel(session, b), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "no request 1 is waiting or running");
    uint64_t c = add_text(f, session, "K", NULL, NULL);
    assert_int_equal(run_all(f, session, &last, &size), 1);
    assert_int_equal(last, c);
    assert_int_equal(heed_session_cancel(session, c), HEED_ARGUMENT); /* it has finished */
    assert_int_equal(heed_session_cancel(session, 99), HEED_ARGUMENT);
    /* a listener cancels its own request, and another one */
    listener l = {.session = session, .context = f->context, .goes_on = true};
    l.other = add_text(f, session, "ROMEO:", interrupt, &l);
    assert_int_equal(run_all(f, session, &last, &size), 0);
    assert_int_equal(l.status, HEED_OK);
    l.calls = 0;
    uint64_t d = add_text(f, session, "ROMEO:", interrupt, &l);
    l.other = add_text(f, session, "To be", NULL, NULL);
    assert_int_equal(run_all(f, session, &last, &size), 1);
    assert_int_equal(last, d);
    assert_int_equal(size, 12);
    heed_session_close(session);
}

static void a_listener_stops_its_text(void **state) {
    fixture *f = *state;
    heed_session *session;
    uint64_t last;
    size_t size;
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    listener l = {.session = session, .context = f->context, .other = 99};
    add_text(f, session, "ROMEO:", interrupt, &l);
    assert_int_equal(run_all(f, session, &last, &size), 1);
    assert_int_equal(size, 1);
    heed_session_close(session);
}

static bool is_stopped(void *user) {
    int *left = user;
    return --*left < 0;
}

/* A stop leaves the session as it is. */
static void a_stop_ends_the_step_alone(void **state) {
    fixture *f = *state;
    heed_session *session;
    heed_results *results;
    uint64_t id;
    int left = 3;
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    add_request(f, session, LANGUAGE, 0, NULL);
    heed_context_set_stop(f->context, is_stopped, &left);
    heed_status status = HEED_OK;
    while (status == HEED_OK) status = heed_session_step(session);
    assert_int_equal(status, HEED_STOPPED);
    assert_string_equal(heed_context_message(f->context), "stopped");
    heed_context_set_stop(f->context, NULL, NULL);
    while (heed_session_is_busy(session)) assert_ok(f->context, heed_session_step(session));
    assert_ok(f->context, heed_session_next(session, &id, &results));
    assert_same_results(results, f->alone[LANGUAGE][0], 0);
    heed_results_close(results);
    heed_session_close(session);
}

static bool only_second(void *user, size_t index, const char *text, size_t size) {
    (void)user, (void)text, (void)size;
    return index == 1;
}

/* Of a call that is stopped, the texts that had finished have their answers. */
static void a_stopped_call_keeps_what_has_finished(void **state) {
    fixture *f = *state;
    heed_results *results;
    heed_options *options;
    int left = 8;
    assert_ok(f->context, heed_generate_options(f->context, &options));
    assert_ok(f->context, heed_options_set(options, "max-new-tokens", "40"));
    heed_context_set_stop(f->context, is_stopped, &left);
    assert_int_equal(
        heed_generate(f->models[LANGUAGE], options, texts[LANGUAGE], NULL, 2, 5, only_second, NULL, &results),
        HEED_STOPPED);
    heed_context_set_stop(f->context, NULL, NULL);
    assert_non_null(results);
    assert_null(heed_results_problem(results, 0));
    assert_int_equal(heed_results_size(results, 0, 0), 1);
    assert_string_equal(heed_results_problem(results, 1), "stopped");
    assert_int_equal(heed_results_alternatives(results, 1), 0);
    heed_results_close(results);
    heed_options_close(options);
}

/* ---- what cannot run ---- */

static void bad_requests_are_refused_or_have_a_problem(void **state) {
    fixture *f = *state;
    heed_session *session;
    heed_options *options, *others;
    heed_results *results;
    uint64_t id;
    char text[1 << 12] = "";
    for (int i = 0; i < 900; i++) strcat(text, "dog ");
    assert_ok(f->context, heed_session_open(f->models[TRANSLATOR], &session));
    assert_ok(f->context, heed_session_add(session, NULL, text, strlen(text), 0, NULL, NULL, &id));
    assert_true(heed_session_is_busy(session));
    assert_ok(f->context, heed_session_step(session));
    assert_false(heed_session_is_busy(session));
    assert_ok(f->context, heed_session_next(session, NULL, &results));
    assert_non_null(strstr(heed_results_problem(results, 0), "tokens are more than the model's"));
    assert_int_equal(heed_results_alternatives(results, 0), 0);
    heed_results_close(results);

    assert_ok(f->context, heed_session_options(f->context, &options));
    assert_ok(f->context, heed_options_set(options, "best", "5"));
    assert_ok(f->context, heed_options_set(options, "beams", "2"));
    assert_int_equal(heed_session_add(session, options, "a", 1, 0, NULL, NULL, NULL), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "best is 5, but only 2 beams are searched");
    assert_ok(f->context, heed_translate_options(f->context, &others));
    assert_int_equal(heed_session_add(session, others, "a", 1, 0, NULL, NULL, NULL), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "these options belong to another call");
    heed_options_close(others);
    heed_options_close(options);
    assert_false(heed_session_is_busy(session));
    heed_session_close(session);
}

/* Of a prompt that is longer than the positions the end is used, and a note says so. */
static void long_prompts_have_a_note(void **state) {
    fixture *f = *state;
    heed_session *session;
    heed_results *results;
    char text[601] = "";
    memset(text, 'a', 600);
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    assert_ok(f->context, heed_session_add(session, f->options[LANGUAGE][0], text, 600, 0, NULL, NULL, NULL));
    while (heed_session_is_busy(session)) assert_ok(f->context, heed_session_step(session));
    assert_ok(f->context, heed_session_next(session, NULL, &results));
    assert_string_equal(heed_results_note(results, 0),
                        "a text of 600 tokens is more than the model's 256: only the last 216 are its context");
    heed_results_close(results);
    heed_session_close(session);
}

static void other_models_have_no_session(void **state) {
    fixture *f = *state;
    heed_model *model;
    heed_session *session;
    assert_ok(f->context, heed_model_open(f->context, PROJECT "/models/sst2", &model));
    assert_int_equal(heed_session_open(model, &session), HEED_UNSUPPORTED);
    assert_null(session);
    assert_non_null(
        strstr(heed_context_message(f->context), "expected a causal language model or a translation model"));
    heed_model_close(model);
}

/* ---- memory ---- */

/* More requests than run at once, streamed, with beams and samples; one is cancelled, and some are left unfinished. */
static heed_status run_short_of_memory(heed_context *context) {
    heed_model *model;
    heed_session *session = NULL;
    heed_options *options[KINDS] = {NULL};
    heed_results *results;
    static char streams[64][256];
    failing_allocator *allocator = context->resize_user;
    long left = allocator->left;
    allocator->left = -1;
    assert_ok(context, heed_model_open(context, folders[LANGUAGE], &model));
    for (int k = 0; k < KINDS; k++) options[k] = open_options(context, heed_session_options, LANGUAGE, k);
    allocator->left = left;
    memset(streams, 0, sizeof streams);
    heed_status status = heed_session_open(model, &session);
    for (int i = 0; status == HEED_OK && i < 2 * KINDS; i++)
        status = heed_session_add(session, options[i % KINDS], "K", 1, 7, hear, streams, NULL);
    if (status == HEED_OK) status = heed_session_step(session);
    if (status == HEED_OK) status = heed_session_cancel(session, 3);
    for (int i = 0; status == HEED_OK && i < 6; i++) status = heed_session_step(session);
    while (status == HEED_OK && heed_session_next(session, NULL, &results) == HEED_OK && results)
        heed_results_close(results);
    if (status != HEED_OK) assert_true(heed_context_message(context)[0]);
    heed_session_close(session);
    for (int k = 0; k < KINDS; k++) heed_options_close(options[k]);
    heed_model_close(model);
    return status;
}

static void running_out_of_memory_leaks_nothing(void **state) {
    (void)state;
    fail_each_allocation(run_short_of_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_the_results_of_their_texts_alone),
        cmocka_unit_test(threads_add_while_one_steps),
        cmocka_unit_test(cancelled_requests_have_no_results),
        cmocka_unit_test(a_listener_stops_its_text),
        cmocka_unit_test(a_stop_ends_the_step_alone),
        cmocka_unit_test(a_stopped_call_keeps_what_has_finished),
        cmocka_unit_test(bad_requests_are_refused_or_have_a_problem),
        cmocka_unit_test(long_prompts_have_a_note),
        cmocka_unit_test(other_models_have_no_session),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
