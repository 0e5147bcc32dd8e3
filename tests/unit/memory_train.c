/* Memory runs out in training, in evaluation, and in predictions of trained models (memory.h). A disk is full, and a model is
 * too large for the system. */
#include "memory.h"

#include "formats/json.h"
#include "formats/safetensors.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- training --------------------------------------------------------------------------------------------------- */

static const char *start_from; /* the folder of a model to fine-tune, or NULL */
static const char *width = "4";

/* The kind of model, and its training files. */
typedef struct lesson {
    const char *objective, *family, *source, *target;
} lesson;
static const lesson translation = {"translate", "auto", "source", "target"};
static const lesson *learned = &translation;

static bool stop_at_two(void *user, const heed_progress *progress) {
    (void)user;
    return heed_progress_step(progress) < 2;
}

static heed_status train(heed_context *context, bool resume, bool stop) {
    char source[128], target[128];
    snprintf(source, sizeof source, "%s/%s", folder, learned->source);
    if (learned->target) snprintf(target, sizeof target, "%s/%s", folder, learned->target);
    const char *const settings[][2] = {{"objective", learned->objective},
                                       {"family", learned->family},
                                       {"train-source", source},
                                       {"train-target", learned->target ? target : NULL},
                                       {"valid-source", source},
                                       {"valid-target", learned->target ? target : NULL},
                                       {"crf", strcmp(learned->objective, "tag") == 0 ? "true" : "false"},
                                       {"vocabulary-size", "24"},
                                       {"width", width},
                                       {"heads", "1"},
                                       {"ffn-width", "4"},
                                       {"encoder-layers", "1"},
                                       {"decoder-layers", "1"},
                                       {"max-positions", "24"},
                                       {"batch-tokens", "20"},
                                       {"chunk-tokens", "20"},
                                       {"log-every", "1"},
                                       {"steps", "4"},
                                       {"validate-every", "1"}, /* old weights are removed */
                                       {"save-every", "1"},
                                       {"average", "2"},
                                       {"keep", "1"},
                                       {"valid-beams", "2"},
                                       {"dtype", "bf16"}};
    heed_options *set;
    HD_TRY(heed_train_options(context, &set));
    heed_status status = HEED_OK;
    for (size_t i = 0; i < HD_COUNT(settings) && status == HEED_OK; i++)
        if (settings[i][1]) status = heed_options_set(set, settings[i][0], settings[i][1]);
    if (status == HEED_OK && resume) status = heed_options_set(set, "resume", NULL);
    if (status == HEED_OK && start_from) status = heed_options_set(set, "model", start_from);
    if (status == HEED_OK) status = heed_train(context, set, in_folder("run"), stop ? stop_at_two : NULL, NULL);
    heed_options_close(set);
    return status;
}

/* A fingerprint of a file's bytes. */
static void record_bytes(const char *name) {
    FILE *file = fopen(in_folder(name), "rb");
    uint64_t sum = 0;
    char text[32];
    for (int byte; file && (byte = fgetc(file)) != EOF;) sum = (sum ^ (uint64_t)byte) * 0x100000001B3u;
    if (file) fclose(file);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    record(file ? text : "no file");
}

static void record_run(void) {
    record_bytes("run/checkpoint.safetensors");
    record_bytes("run/model.safetensors");
    record_bytes("run/config.json");
    record_bytes("run/tokenizer.json");
}

static void clear_run(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s/run", folder);
    assert_int_equal(system(command), 0);
}

/* Stops after two steps, then resumes to the end. */
static heed_status train_twice(heed_context *context) {
    clear_run();
    heed_status status = train(context, false, true);
    if (status != HEED_STOPPED) return status;
    HD_TRY(train(context, true, false));
    record_run();
    return HEED_OK;
}

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), size = strlen(ending);
    return length >= size && strcmp(name + length - size, ending) == 0;
}

/* Every file is complete, and there are no others. */
static void check_files(heed_context *context, const char *path) {
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *name = entry->d_name;
        char *file = hd_path_join(context, path, name);
        if (strncmp(name, ".heed-", 6) == 0) fail_msg("%s is left", file);
        if (ends_in(name, ".json")) {
            hd_json json;
            assert_ok(context, hd_json_open(context, file, &json));
            hd_json_close(&json);
        } else if (ends_in(name, ".safetensors")) {
            hd_safetensors *tensors;
            assert_ok(context, hd_safetensors_open(context, file, &tensors));
            hd_safetensors_close(tensors);
        }
        hd_free(context, file);
    }
    if (directory) closedir(directory);
}

/* An interrupted run is resumed to the same bits. */
static heed_status go_on_training(heed_context *context) {
    check_files(context, in_folder("run"));
    check_files(context, in_folder("run/weights"));
    HD_TRY(train(context, hd_file_exists(in_folder("run/recipe.ini")), false));
    record_run();
    return HEED_OK;
}

static void training(void **state) {
    (void)state;
    fail_each(train_twice, go_on_training, 0, 40);
}

static void fine_tuning(void **state) {
    (void)state;
    start_from = GOLDEN "/marian";
    fail_each(train_twice, go_on_training, 0, 8);
    start_from = NULL;
}

/* The results of a tagger: words with the mean probabilities of their tokens. */
static heed_status tag_words(heed_context *context, heed_model *model, const char *const *texts, size_t count,
                             heed_results **results) {
    heed_options *set;
    HD_TRY(heed_tag_options(context, &set));
    heed_status status = heed_options_set(set, "aggregation", "average");
    if (status == HEED_OK) status = heed_tag(model, set, texts, NULL, count, results);
    heed_options_close(set);
    return status;
}

/* Answers of a context that takes several windows. */
static heed_status answer_questions(heed_context *context, heed_model *model, heed_results **results) {
    const char *const questions[] = {"where?", "one", "two"};
    const char *const contexts[] = {"one two three four one two three four one two three four", "One ONE one", " "};
    heed_options *set;
    *results = NULL;
    HD_TRY(heed_answer_options(context, &set));
    heed_status status = heed_options_set(set, "top", "2");
    if (status == HEED_OK) status = heed_options_set(set, "no-answer", NULL);
    if (status == HEED_OK) status = heed_options_set(set, "stride", "2");
    if (status == HEED_OK) status = heed_answer(model, set, questions, NULL, contexts, NULL, 3, results);
    heed_options_close(set);
    return status;
}

/* The results of classifiers, taggers and language models. */
static heed_status predict(heed_context *context, heed_model *model, heed_results **results) {
    const char *const texts[] = {"one two", "three", ""}, *const masked[] = {"[MASK] one [MASK]", "three"};
    if (strcmp(learned->objective, "answer") == 0) return answer_questions(context, model, results);
    if (strcmp(learned->objective, "classify") == 0) return heed_classify(model, NULL, texts, NULL, 3, results);
    heed_options *set;
    *results = NULL;
    if (strcmp(learned->objective, "tag") == 0) {
        HD_TRY(heed_tag(model, NULL, texts, NULL, 3, results));
        heed_results_close(*results);
        *results = NULL;
        return tag_words(context, model, texts, 3, results);
    }
    if (strcmp(learned->objective, "masked") == 0) {
        HD_TRY(heed_fill_options(context, &set));
        heed_status status = heed_options_set(set, "top", "3");
        if (status == HEED_OK) status = heed_options_set(set, "target", "one");
        if (status == HEED_OK) status = heed_options_set(set, "target", "onetwo");
        if (status == HEED_OK) status = heed_options_set(set, "keep-masks", NULL);
        if (status == HEED_OK) status = heed_fill(model, set, masked, NULL, 2, results);
        heed_options_close(set);
        return status;
    }
    HD_TRY(heed_generate_options(context, &set));
    heed_status status = heed_options_set(set, "max-new-tokens", "4");
    if (status == HEED_OK) status = heed_options_set(set, "sample", "true");
    if (status == HEED_OK) status = heed_options_set(set, "top-p", "0.9");
    if (status == HEED_OK) status = heed_options_set(set, "best", "2");
    if (status == HEED_OK) status = heed_generate(model, set, texts, NULL, 3, 0, NULL, NULL, results);
    heed_options_close(set);
    return status;
}

static heed_status answer(heed_context *context) {
    heed_model *model;
    heed_results *results;
    HD_TRY(heed_model_open(context, in_folder("run"), &model));
    heed_status status = predict(context, model, &results);
    for (size_t i = 0; status == HEED_OK && i < 3; i++)
        for (size_t j = 0; j < 4; j++) record(heed_results_text(results, i, j));
    heed_results_close(results);
    heed_model_close(model);
    return status;
}

/* Evaluation of a trained model on its training data. */
static heed_status score_as(heed_context *context, heed_model *model, bool json, heed_options **set, char **report) {
    char source[128], target[128];
    const char *files[] = {source};
    snprintf(source, sizeof source, "%s", in_folder(learned->source));
    snprintf(target, sizeof target, "%s", in_folder(learned->target ? learned->target : ""));
    if (strcmp(learned->objective, "answer") == 0)
        return heed_evaluate_squad(context, model, NULL, source, json, report);
    if (strcmp(learned->objective, "tag") == 0)
        return heed_evaluate_span_f1(context, model, NULL, source, json, report);
    if (strcmp(learned->objective, "classify") == 0) {
        HD_TRY(heed_accuracy_options(context, set));
        HD_TRY(heed_options_set(*set, "reference", target));
        return heed_evaluate_accuracy(context, model, *set, source, json, report);
    }
    if (!learned->target) return heed_evaluate_perplexity(model, NULL, files, 1, json, report);
    HD_TRY(heed_perplexity_options(context, set));
    HD_TRY(heed_options_set(*set, "source", source));
    HD_TRY(heed_options_set(*set, "target", target));
    return heed_evaluate_perplexity(model, *set, NULL, 0, json, report);
}

static heed_status score(heed_context *context) {
    heed_model *model;
    HD_TRY(heed_model_open(context, in_folder("run"), &model));
    heed_status status = HEED_OK;
    for (int json = 0; json < 2 && status == HEED_OK; json++) {
        heed_options *set = NULL;
        char *report = NULL;
        status = score_as(context, model, json, &set, &report);
        if (report) record(report);
        heed_free(context, report);
        heed_options_close(set);
    }
    heed_model_close(model);
    return status;
}

/* Pictures of trained models: steps of a translation model, gradients of a language model, nearest words. */
static heed_status draw_for(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"one two three four five six seven eight"};
    heed_picture *picture = NULL;
    heed_options *set = NULL;
    HD_TRY(heed_attend_options(context, &set));
    heed_status status;
    if (strcmp(learned->objective, "translate") == 0) {
        status = heed_options_set(set, "max-new-tokens", "3");
        if (status == HEED_OK) status = heed_inspect_steps(model, set, "one two", 7, &picture);
    } else {
        status = heed_inspect_nearest(model, set, "e", &picture);
        if (status == HEED_OK) status = heed_picture_save(picture, set, in_folder("picture.txt"));
        heed_picture_close(picture);
        picture = NULL;
        if (status == HEED_OK) status = heed_inspect_gradients(&model, 1, set, texts, NULL, 1, &picture);
    }
    status = draw_picture(set, status, picture);
    heed_options_close(set);
    return status;
}

static heed_status draw(heed_context *context) {
    heed_model *model;
    HD_TRY(heed_model_open(context, in_folder("run"), &model));
    heed_status status = draw_for(context, model);
    heed_model_close(model);
    return status;
}

static void other_lessons(void **state) {
    (void)state;
    static const lesson lessons[] = {
        {"language", "gpt2", "source", NULL},     {"language", "llama", "source", NULL},
        {"language", "heed-rnn", "source", NULL}, {"masked", "bert", "source", NULL},
        {"classify", "bert", "source", "target"}, {"tag", "heed-rnn", "tagged", NULL},
        {"answer", "bert", "questions", NULL},    {"translate", "heed-rnn", "source", "target"}};
    for (size_t i = 0; i < HD_COUNT(lessons); i++) {
        learned = &lessons[i];
        fail_each(train_twice, go_on_training, 0, 6);
        if (strcmp(learned->objective, "translate") != 0) fail_each(answer, answer, 20, 20);
        fail_each(score, score, 20, 20);
        if (strcmp(learned->objective, "language") == 0 || strcmp(learned->objective, "translate") == 0)
            fail_each(draw, draw, 20, 20);
    }
    learned = &translation;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* A file-size limit simulates a full disk, early or late in training. */
static void a_full_disk(void **state) {
    (void)state;
    static const rlim_t limits[] = {0, 20, 100, 250, 600, 1500, 2200, 3500, 5000, 8000};
    char expected[sizeof recorded];
    struct rlimit old;
    heed_context *context = NULL;
    int refused = 0;
    assert_ok(context, open_failing(&context));
    recorded[0] = 0;
    assert_ok(context, train_twice(context));
    memcpy(expected, recorded, sizeof recorded);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < HD_COUNT(limits); i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], old.rlim_max}), 0);
        heed_status status = train_twice(context);
        setrlimit(RLIMIT_FSIZE, &old);
        if (status != HEED_OK && (status != HEED_FILE || !strstr(heed_context_message(context), "File too large")))
            fail_msg("at %d bytes: %s", (int)limits[i], heed_context_message(context));
        refused += status != HEED_OK;
        recorded[0] = 0;
        assert_ok(context, go_on_training(context));
        assert_string_equal(recorded, expected);
    }
    assert_true(refused > 5);
    heed_context_close(context);
}

/* A model that is too large for the memory of the system. */
static void too_large_a_model(void **state) {
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* sanitizers reserve the address space */
#endif
    enum { MORE_BYTES = 1 << 26 };
    long pages = 0;
    struct rlimit old;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) skip();
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    heed_context *context = NULL;
    assert_ok(context, open_failing(&context));
    clear_run();
    width = "2048";
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MORE_BYTES;
    assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){most, old.rlim_max}), 0);
    heed_status status = train(context, false, false);
    setrlimit(RLIMIT_AS, &old);
    width = "4";
    assert_int_equal(status, HEED_MEMORY);
    assert_non_null(strstr(heed_context_message(context), "out of memory"));
    clear_run();
    heed_context_close(context);
}

/* ---- evaluating and measuring ----------------------------------------------------------------------------------- */

static heed_status evaluate(heed_context *context) {
    heed_options *set;
    char *report;
    HD_TRY(heed_bleu_options(context, &set));
    heed_status status = heed_options_set(set, "reference", in_folder("source"));
    if (status == HEED_OK) status = heed_options_set(set, "reference", in_folder("target"));
    if (status == HEED_OK) status = heed_options_set(set, "tokenize", "intl");
    for (int json = 0; json < 2 && status == HEED_OK; json++) {
        status = heed_evaluate_bleu(context, set, in_folder("target"), json, &report);
        if (status != HEED_OK) assert_null(report);
        if (status != HEED_OK) break;
        record(report);
        heed_free(context, report);
    }
    const char *const series[] = {in_folder("target"), in_folder("source")};
    for (int json = 0; json < 2 && status == HEED_OK; json++) {
        status = heed_evaluate_bleu_by_length(context, set, series, 2, json, in_folder("curve.svg"), &report);
        if (status != HEED_OK) break;
        record(report);
        heed_free(context, report);
    }
    heed_options_close(set);
    return status;
}

static void ignore_line(void *user, const char *line) { (void)user, (void)line; }

static heed_status measure(heed_context *context) {
    heed_options *set;
    HD_TRY(heed_bench_options(context, &set));
    heed_status status = heed_options_set(set, "model", GOLDEN "/marian");
    if (status == HEED_OK) status = heed_options_set(set, "input", in_folder("source"));
    if (status == HEED_OK) status = heed_options_set(set, "runs", "1");
    if (status == HEED_OK) status = heed_options_set(set, "beams", "1");
    if (status == HEED_OK) status = heed_bench(context, set, "translate", ignore_line, NULL);
    heed_options_close(set);
    return status;
}

static void evaluating(void **state) {
    (void)state;
    fail_each(evaluate, evaluate, 100, 100);
}

static void measuring(void **state) {
    (void)state;
    fail_each(measure, measure, 0, 15);
}

static int set_up_texts(void **state) {
    static const char questions[] =
        "{\"question\": \"where\", \"context\": \"one two three four one two three\", \"answers\": [\"four\"]}\n"
        "{\"question\": \"who\", \"context\": \"three two\", \"answers\": {\"text\": [], \"answer_start\": []}}\n";
    static const char tagged[] = "one B-A\ntwo O\n\nthree B-A\n\nthree O\ntwo B-A\none O\n";
    if (set_up(state) != 0) return -1;
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, in_folder("tagged"), tagged, sizeof tagged - 1));
    assert_ok(context, hd_file_write(context, in_folder("questions"), questions, sizeof questions - 1));
    heed_context_close(context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training),          cmocka_unit_test(fine_tuning), cmocka_unit_test(a_full_disk),
        cmocka_unit_test(too_large_a_model), cmocka_unit_test(evaluating),  cmocka_unit_test(measuring),
        cmocka_unit_test(other_lessons),
    };
    return cmocka_run_group_tests(tests, set_up_texts, tear_down);
}
