/* Sessions of heed.h in files: a session that is saved and loaded again gives the results and the words that it would have given,
 * with a draft or without; and what is refused. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LANGUAGE, TRANSLATOR, RECURRENT, MODELS, KINDS = 5, TEXTS = 3, REQUESTS = KINDS * TEXTS };

static const char *const folders[MODELS] = {PROJECT "/models/shakespeare", GOLDEN "/marian",
                                            PROJECT "/models/multi30k-en-fr-gru"};

static const char *const texts[MODELS][TEXTS] = {{"ROMEO:", "ROMEO:\nO, she doth teach the torches to burn", "To be"},
                                                 {"a dog runs.", "", "a dog runs."},
                                                 {"A dog runs.", "Two men.", "A dog runs."}};

/* Options as pairs of a name and a value: of language models, and of translators. */
static const char *const options_of[2][KINDS][9] = {
    {{"max-new-tokens", "14", "prompt-lookup", "4", NULL},
     {"max-new-tokens", "9", "sample", NULL, "seed", "3", "top-k", "20", NULL},
     {"max-new-tokens", "8", "beams", "3", "best", "2", NULL},
     {"max-new-tokens", "7", "sample", "true", "best", "3", NULL},
     {"max-new-tokens", "9", "sample", "true", "best", "2", "grammar", "root ::= [a-z]+ (\" \" [a-z]+)*", NULL}},
    {{"beams", "1", NULL},
     {"beams", "4", "best", "3", "max-new-tokens", "8", NULL},
     {"beams", "1", "alignment", "true", "max-new-tokens", "6", NULL},
     {"beams", "2", "length-penalty", "0.5", NULL},
     {"beams", "2", "max-new-tokens", "9", "grammar", "root ::= [^aeiou]+", NULL}}};

/* Saved sessions of a test need not survive a power failure. */
int fsync(int descriptor);
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

static char path[] = "/tmp/heed-session-file-XXXXXX";

typedef struct fixture {
    heed_context *context;
    heed_model *models[MODELS];
} fixture;

static int set_up(void **state) {
    static fixture f;
    f.context = open_context();
    for (int m = 0; m < MODELS; m++) assert_ok(f.context, heed_model_open(f.context, folders[m], &f.models[m]));
    *state = &f;
    int file = mkstemp(path);
    return file < 0 ? 1 : close(file);
}

static int tear_down(void **state) {
    fixture *f = *state;
    for (int m = 0; m < MODELS; m++) heed_model_close(f->models[m]);
    heed_context_close(f->context);
    return unlink(path);
}

/* The words of each request, one after the other. */
typedef char words[REQUESTS][512];

static bool listen(void *user, size_t id, const char *text, size_t size) {
    char(*all)[512] = user;
    size_t used = strlen(all[id]);
    assert_true(id < REQUESTS && used + size < sizeof all[0]);
    memcpy(all[id] + used, text, size);
    all[id][used + size] = 0;
    return true;
}

static void add_all(fixture *f, heed_session *session, int model, words heard) {
    uint64_t id;
    for (int i = 0; i < REQUESTS; i++) {
        heed_options *options;
        const char *const *pair = options_of[model != LANGUAGE][i % KINDS];
        assert_ok(f->context, heed_session_options(f->context, &options));
        for (; *pair; pair += 2) assert_ok(f->context, heed_options_set(options, pair[0], pair[1]));
        const char *text = texts[model][i / KINDS];
        assert_ok(f->context, heed_session_add(session, options, text, strlen(text), (uint64_t)i, listen, heard, &id));
        assert_int_equal(id, i);
        heed_options_close(options);
    }
}

static void collect(fixture *f, heed_session *session, heed_results **results) {
    heed_results *one;
    uint64_t id;
    for (;;) {
        assert_ok(f->context, heed_session_next(session, &id, &one));
        if (!one) return;
        assert_null(results[id]);
        results[id] = one;
    }
}

/* Runs a session, which is saved and loaded again after each `steps` steps; 0: never. */
static void run(fixture *f, int model, int steps, heed_results **results, words heard) {
    heed_session *session;
    memset(heard, 0, sizeof(words));
    assert_ok(f->context, heed_session_open(f->models[model], &session));
    add_all(f, session, model, heard);
    for (int i = 1; heed_session_is_busy(session); i++) {
        assert_ok(f->context, heed_session_step(session));
        collect(f, session, results);
        if (!steps || i % steps) continue;
        assert_ok(f->context, heed_session_save(session, path));
        heed_session_close(session);
        assert_ok(f->context, heed_session_load(f->models[model], path, &session));
        for (uint64_t id = 0; id < REQUESTS; id++)
            if (!results[id]) assert_ok(f->context, heed_session_listen(session, id, listen, heard));
    }
    heed_session_close(session);
}

static void assert_same(heed_results *const *found, heed_results *const *expected) {
    for (int i = 0; i < REQUESTS; i++) {
        size_t count = heed_results_alternatives(expected[i], 0);
        assert_int_equal(heed_results_alternatives(found[i], 0), count);
        for (size_t j = 0; j < count; j++) {
            float a = heed_results_score(found[i], 0, j), b = heed_results_score(expected[i], 0, j);
            assert_memory_equal(&a, &b, sizeof a);
            assert_string_equal(heed_results_text(found[i], 0, j), heed_results_text(expected[i], 0, j));
        }
    }
}

static void close_results(heed_results **results) {
    for (int i = 0; i < REQUESTS; i++) heed_results_close(results[i]);
}

static void a_saved_session_goes_on(void **state) {
    fixture *f = *state;
    static words expected_words, heard;
    for (int m = 0; m < MODELS; m++) {
        heed_results *expected[REQUESTS] = {NULL};
        run(f, m, 0, expected, expected_words);
        for (int drafted = 0; drafted <= (m != RECURRENT); drafted++) {
            heed_results *found[REQUESTS] = {NULL};
            assert_ok(f->context, heed_model_set_draft(f->models[m], drafted ? f->models[m] : NULL));
            run(f, m, 3, found, heard);
            assert_same(found, expected);
            assert_memory_equal(heard, expected_words, sizeof heard);
            close_results(found);
        }
        assert_ok(f->context, heed_model_set_draft(f->models[m], NULL));
        close_results(expected);
    }
}

static void what_cannot_be_saved_or_loaded_is_refused(void **state) {
    fixture *f = *state;
    heed_session *session;
    heed_results *results;
    uint64_t id;
    assert_ok(f->context, heed_session_open(f->models[LANGUAGE], &session));
    assert_ok(f->context, heed_session_add(session, NULL, "", 0, 0, NULL, NULL, &id));
    assert_ok(f->context, heed_session_cancel(session, id));
    assert_ok(f->context, heed_session_save(session, path));
    heed_session_close(session);
    assert_int_equal(heed_session_load(f->models[RECURRENT], path, &session), HEED_FORMAT);
    assert_null(session);
    assert_non_null(strstr(heed_context_message(f->context), ": a session of another model"));
    assert_ok(f->context, heed_session_load(f->models[LANGUAGE], path, &session));
    assert_false(heed_session_is_busy(session));
    assert_int_equal(heed_session_listen(session, id, NULL, NULL), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "no request 0 is waiting or running");
    heed_session_close(session);
    assert_ok(f->context, heed_session_open(f->models[TRANSLATOR], &session));
    assert_ok(f->context, heed_session_add(session, NULL, "", 0, 0, NULL, NULL, &id));
    while (heed_session_is_busy(session)) assert_ok(f->context, heed_session_step(session));
    assert_int_equal(heed_session_save(session, path), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context),
                        "a session with results that heed_session_next has not returned cannot be saved");
    assert_ok(f->context, heed_session_next(session, &id, &results));
    assert_ok(f->context, heed_session_save(session, path));
    heed_results_close(results);
    heed_session_close(session);
    assert_int_equal(heed_session_load(f->models[TRANSLATOR], folders[TRANSLATOR], &session), HEED_FILE);
    assert_null(session);
}

static void unfit_drafts_are_refused(void **state) {
    fixture *f = *state;
    assert_int_equal(heed_model_set_draft(f->models[LANGUAGE], f->models[TRANSLATOR]), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "the draft model translates, but the model continues texts");
    assert_int_equal(heed_model_set_draft(f->models[TRANSLATOR], f->models[RECURRENT]), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context),
                        "a recurrent network cannot be a draft model: its states cannot be taken back");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_session_goes_on),
        cmocka_unit_test(what_cannot_be_saved_or_loaded_is_refused),
        cmocka_unit_test(unfit_drafts_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
