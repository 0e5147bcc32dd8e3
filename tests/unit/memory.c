/* Memory runs out at every point of every public call. Each call runs with its nth allocation failing, alone or with all that
 * follow; it must return HEED_MEMORY with a message, or succeed with the usual result, leak nothing, leave no incomplete file,
 * and succeed when it is called again. */
#include "fixture.h"

#include "base/file.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "text/tokenizer.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- memory that runs out --------------------------------------------------------------------------------------- */

/* heed allocates through its context and Jansson through its own hooks; nothing else here allocates. */
static struct {
    bool armed, for_good; /* for good: all later allocations fail too */
    long left;            /* allocations that still succeed; below 0 all do */
    long made, held;      /* while armed: allocations requested, and blocks not freed */
} memory = {.left = -1};

static bool is_granted(bool for_good) {
    if (!memory.armed) return true;
    memory.made++;
    if (memory.left != 0) {
        if (memory.left > 0) memory.left--;
        return true;
    }
    if (!for_good) memory.left = -1;
    return false;
}

static void *resize(void *user, void *block, size_t size) {
    (void)user;
    bool armed = memory.armed;
    if (size == 0) {
        if (block && armed) memory.held--;
        free(block);
        return NULL;
    }
    if (!is_granted(memory.for_good)) return NULL;
    if (!block && armed) memory.held++;
    return realloc(block, size);
}

/* Always for good: Jansson's lexer drops a character when its text cannot grow, and continues with the next one. */
static void *jansson_malloc(size_t size) {
    if (!is_granted(true)) return NULL;
    if (memory.armed) memory.held++;
    return malloc(size);
}

static void jansson_free(void *block) {
    if (block && memory.armed) memory.held--;
    free(block);
}

static heed_status open_failing(heed_context **context) { return heed_context_open_with(resize, NULL, context); }

/* These files need not survive a power failure, and hundreds of training runs sync thousands of them. */
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

/* ---- the checks of every call ----------------------------------------------------------------------------------- */

static char folder[] = "/tmp/heed-memory-XXXXXX";

/* The results of a call, compared with those of the same call without failures. */
static char said[1 << 15];

static void say(const char *text) {
    size_t length = strlen(said);
    snprintf(said + length, sizeof said - length, "%s\n", text ? text : "none");
}

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

typedef heed_status work_function(heed_context *context);

static void check_failure(heed_context *context, heed_status status, long n) {
    const char *message = heed_context_message(context);
    if (!message[0]) fail_msg("allocation %ld fails: %s without a message", n, heed_status_name(status));
    if (status != HEED_MEMORY) fail_msg("allocation %ld fails: %s: %s", n, heed_status_name(status), message);
}

/* Runs `work` with allocation n failing. */
static void fail_one(work_function *work, work_function *afterwards, const char *expected, long n, bool for_good) {
    heed_context *context = NULL;
    assert_int_equal(open_failing(&context), HEED_OK);
    assert_ok(context, heed_context_set_threads(context, 1)); /* threads allocate in any order */
    said[0] = 0;
    memory.for_good = for_good;
    memory.left = n;
    memory.made = memory.held = 0;
    memory.armed = true;
    heed_status status = work(context);
    memory.armed = false;
    memory.left = -1;
    if (memory.held)
        fail_msg("allocation %ld fails%s: %ld blocks are left", n, for_good ? " for good" : "", memory.held);
    if (status != HEED_OK)
        check_failure(context, status, n);
    else if (strcmp(said, expected) != 0)
        fail_msg("allocation %ld fails%s, the call succeeds, and says\n%s\nnot\n%s", n, for_good ? " for good" : "",
                 said, expected);
    said[0] = 0;
    status = afterwards(context);
    if (status != HEED_OK) fail_msg("after allocation %ld failed: %s", n, heed_context_message(context));
    assert_string_equal(said, expected);
    heed_context_close(context);
}

/* Fails the allocations of `work` in turn: the first `each` of them one by one, then about `samples` of the rest. */
static void fail_each(work_function *work, work_function *afterwards, long each, long samples) {
    char expected[sizeof said];
    for (int round = 0; round < 2; round++) { /* the first round fills the C library's own caches */
        heed_context *context = NULL;
        assert_int_equal(open_failing(&context), HEED_OK);
        assert_ok(context, heed_context_set_threads(context, 1));
        said[0] = 0;
        memory.made = memory.held = 0;
        memory.armed = true;
        heed_status status = work(context);
        memory.armed = false;
        if (status != HEED_OK) fail_msg("with memory: %s", heed_context_message(context));
        heed_context_close(context);
        memcpy(expected, said, sizeof said);
    }
    long count = memory.made, step = count > each ? (count - each) / samples + 1 : 1;
    assert_true(count > 0);
    for (long n = 0; n < count; n += n < each ? 1 : step) {
        fail_one(work, afterwards, expected, n, false);
        fail_one(work, afterwards, expected, n, true);
    }
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

static heed_status use_options(heed_context *context, heed_status (*open)(heed_context *, heed_options **)) {
    heed_options *options;
    heed_status status = open(context, &options);
    if (status != HEED_OK) {
        assert_null(options);
        return status;
    }
    char *help;
    for (size_t i = 0; heed_options_name(options, i) && status == HEED_OK; i++) {
        const char *name = heed_options_name(options, i);
        status = heed_options_set(options, name, heed_options_is_flag(options, name) ? NULL : "1");
        if (status == HEED_ARGUMENT) status = HEED_OK; /* a choice has no "1" */
    }
    if (status == HEED_OK) status = heed_options_help(options, &help);
    if (status == HEED_OK) {
        say(help);
        heed_free(context, help);
    }
    heed_options_close(options);
    return status;
}

static heed_status use_all_options(heed_context *context) {
    HD_TRY(use_options(context, heed_translate_options));
    HD_TRY(use_options(context, heed_attend_options));
    HD_TRY(use_options(context, heed_tokenizer_train_options));
    HD_TRY(use_options(context, heed_train_options));
    HD_TRY(use_options(context, heed_bleu_options));
    return use_options(context, heed_bench_options);
}

static void options(void **state) {
    (void)state;
    fail_each(use_all_options, use_all_options, 100, 100);
}

/* The context itself and its pool of threads: there is no message yet, but a status and NULL. */
static void contexts(void **state) {
    (void)state;
    for (long n = 0; n < 3; n++) {
        heed_context *context = NULL;
        memory.left = n;
        memory.held = 0;
        memory.armed = memory.for_good = true;
        heed_status status = open_failing(&context);
        if (status == HEED_OK) heed_context_close(context);
        memory.armed = false;
        assert_int_equal(status, n < 2 ? HEED_MEMORY : HEED_OK);
        assert_int_equal(memory.held, 0);
        if (status != HEED_OK) assert_null(context);
    }
    memory.left = -1;
}

/* ---- models and translations ------------------------------------------------------------------------------------ */

static heed_status translate(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"A dog runs.", "",
                                        "the the the the the the the the the the the the the the the "
                                        "the the the the the the the the the the the the the the the "
                                        "the the the the the the the the the the the the the the the",
                                        "Two men."};
    heed_options *set = NULL;
    heed_results *results = NULL;
    heed_status status = heed_translate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "beams", "3");
    if (status == HEED_OK) status = heed_options_set(set, "best", "2");
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "5");
    if (status == HEED_OK) status = heed_options_set(set, "no-repeat-ngram", "2");
    if (status == HEED_OK) status = heed_options_set(set, "alignment", NULL);
    if (status == HEED_OK) status = heed_translate(model, set, texts, NULL, HD_COUNT(texts), &results);
    if (status != HEED_OK) assert_null(results);
    for (size_t i = 0; status == HEED_OK && i < HD_COUNT(texts); i++) {
        say(heed_results_problem(results, i));
        for (size_t j = 0; j < heed_results_alternatives(results, i); j++) {
            say(heed_results_text(results, i, j));
            say(heed_results_alignment(results, i, j));
        }
    }
    heed_results_close(results);
    heed_options_close(set);
    return status;
}

static bool hear(void *user, size_t index, const char *text, size_t size) {
    (void)user, (void)index, (void)text;
    return size > 0;
}

/* Prompts of several lengths, streamed, then with alternatives that are sampled. */
static heed_status generate(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"ROMEO:", "", "Two men of great renown", "a"};
    heed_options *set = NULL;
    heed_results *results = NULL;
    heed_status status = heed_generate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "3");
    for (int sampled = 0; sampled < 2 && status == HEED_OK; sampled++) {
        if (sampled) status = heed_options_set(set, "sample", NULL);
        if (sampled && status == HEED_OK) status = heed_options_set(set, "best", "2");
        if (status == HEED_OK)
            status = heed_generate(model, set, texts, NULL, HD_COUNT(texts), 0, hear, NULL, &results);
        if (status != HEED_OK) assert_null(results);
        for (size_t i = 0; status == HEED_OK && i < HD_COUNT(texts); i++)
            for (size_t j = 0; j < heed_results_alternatives(results, i); j++) say(heed_results_text(results, i, j));
        heed_results_close(results);
        results = NULL;
    }
    heed_options_close(set);
    return status;
}

/* Every picture of one attention, by its fingerprint. */
static heed_status draw_all(heed_context *context, heed_options *set, const heed_attention *attention) {
    static const char *const formats[] = {"text", "svg", "html", "json", "npy"};
    for (size_t i = 0; i < HD_COUNT(formats); i++) {
        char *bytes, text[32];
        size_t size;
        HD_TRY(heed_options_set(set, "format", formats[i]));
        heed_status status = heed_attention_draw(attention, set, true, 40, &bytes, &size);
        if (status != HEED_OK) {
            assert_null(bytes);
            return status;
        }
        snprintf(text, sizeof text, "%016llx", (unsigned long long)fingerprint(FINGERPRINT_OF_NOTHING, bytes, size));
        say(text);
        heed_free(context, bytes);
    }
    return HEED_OK;
}

static heed_status attend(heed_context *context, heed_model *model) {
    static const char text[] = "A (dog) runs. \xFF";
    heed_options *set = NULL;
    heed_attention *attention = NULL;
    heed_status status = heed_attend_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "beams", "2");
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "4");
    if (status == HEED_OK) status = heed_attend(model, set, text, sizeof text - 1, &attention);
    if (status != HEED_OK) assert_null(attention);
    if (status == HEED_OK) status = draw_all(context, set, attention);
    if (status == HEED_OK) status = heed_options_set(set, "lines", NULL);
    if (status == HEED_OK) status = heed_attention_save(attention, set, in_folder("lines.svg"));
    heed_attention_close(attention);
    attention = NULL;
    if (status == HEED_OK) status = heed_options_set(set, "target", "a dog");
    if (status == HEED_OK) status = heed_options_set(set, "pieces", NULL);
    if (status == HEED_OK) status = heed_options_set(set, "lines", "no");
    if (status == HEED_OK) status = heed_options_set(set, "grid", NULL);
    if (status == HEED_OK) status = heed_attend(model, set, text, sizeof text - 1, &attention);
    if (status == HEED_OK) status = draw_all(context, set, attention);
    heed_attention_close(attention);
    heed_options_close(set);
    return status;
}

static heed_status draw_picture(const heed_options *set, heed_status status, heed_picture *picture) {
    static const char *const formats[] = {"picture.txt", "picture.svg", "picture.json"};
    if (status != HEED_OK) assert_null(picture);
    for (size_t i = 0; i < 3 && status == HEED_OK; i++) status = heed_picture_save(picture, set, in_folder(formats[i]));
    heed_picture_close(picture);
    return status;
}

static heed_status look_inside(heed_context *context, heed_model *model) {
    heed_picture *picture = NULL;
    heed_options *set = NULL;
    HD_TRY(heed_attend_options(context, &set));
    heed_status status = heed_inspect_embeddings(model, set, "a dog runs", 10, &picture);
    status = draw_picture(set, status, picture);
    if (status == HEED_OK) status = heed_options_set(set, "count", "3");
    if (status == HEED_OK) {
        status = heed_inspect_positions(model, set, &picture);
        status = draw_picture(set, status, picture);
    }
    heed_options_close(set);
    return status;
}

static heed_status describe(heed_context *context, heed_model *model) {
    char *text;
    for (int json = 0; json < 2; json++) {
        heed_status status = heed_model_describe(model, json, &text);
        if (status != HEED_OK) {
            assert_null(text);
            return status;
        }
        say(text);
        heed_free(context, text);
    }
    return HEED_OK;
}

static heed_status open_and_close(heed_context *context, const char *name) {
    heed_model *model;
    heed_status status = heed_model_open(context, name, &model);
    if (status == HEED_OK)
        status = describe(context, model);
    else
        assert_null(model);
    heed_model_close(model);
    return status;
}

/* With a model that was opened without failures. */
static heed_status with_model_at(heed_context *context, const char *path,
                                 heed_status (*work)(heed_context *, heed_model *)) {
    heed_model *model;
    bool armed = memory.armed;
    memory.armed = false;
    assert_ok(context, heed_model_open(context, path, &model));
    memory.armed = armed;
    heed_status status = work(context, model);
    memory.armed = false;
    heed_model_close(model);
    memory.armed = armed;
    return status;
}

static heed_status with_model(heed_context *context, heed_status (*work)(heed_context *, heed_model *)) {
    return with_model_at(context, GOLDEN "/marian", work);
}

static heed_status use_marian(heed_context *context) { return open_and_close(context, GOLDEN "/marian"); }
static heed_status use_pegasus(heed_context *context) { return open_and_close(context, GOLDEN "/pegasus"); }
static heed_status use_shards(heed_context *context) { return open_and_close(context, in_folder("shards")); }
static heed_status only_describe(heed_context *context) { return with_model(context, describe); }
static heed_status only_translate(heed_context *context) { return with_model(context, translate); }
static heed_status only_generate(heed_context *context) {
    return with_model_at(context, PROJECT "/models/shakespeare", generate);
}
static heed_status only_attend(heed_context *context) { return with_model(context, attend); }
static heed_status only_look_inside(heed_context *context) { return with_model(context, look_inside); }

static heed_status find_none(heed_context *context) {
    heed_model *model;
    heed_status status = heed_model_open(context, "no/such-model", &model);
    assert_null(model);
    if (status != HEED_FILE) return status;
    say(heed_context_message(context));
    return HEED_OK;
}

static void models(void **state) {
    (void)state;
    fail_each(use_marian, use_marian, 50, 30);
    fail_each(use_pegasus, use_pegasus, 0, 20);
    fail_each(use_shards, use_shards, 0, 30);
    fail_each(only_describe, only_describe, 200, 1);
    fail_each(find_none, find_none, 100, 1);
}

static void translations(void **state) {
    (void)state;
    fail_each(only_translate, only_translate, 100, 40);
}

static void continuations(void **state) {
    (void)state;
    fail_each(only_generate, only_generate, 20, 20);
}

static void attentions(void **state) {
    (void)state;
    fail_each(only_attend, only_attend, 100, 100);
    fail_each(only_look_inside, only_look_inside, 100, 100);
}

/* ---- tokenizers ------------------------------------------------------------------------------------------------- */

static heed_status encode(heed_context *context, const heed_tokenizer *tokenizer, const char *line) {
    heed_encoding *encoding;
    char *text, number[16];
    size_t size;
    HD_TRY(heed_tokenizer_encode(tokenizer, context, line, strlen(line), true, &encoding));
    const int32_t *ids = heed_encoding_ids(encoding);
    for (size_t i = 0; i < heed_encoding_count(encoding); i++) {
        snprintf(number, sizeof number, "%d", ids[i]);
        say(number);
    }
    heed_status status = heed_tokenizer_decode(tokenizer, context, ids, heed_encoding_count(encoding), &text, &size);
    heed_encoding_close(encoding);
    if (status != HEED_OK) {
        assert_null(text);
        return status;
    }
    say(text);
    heed_free(context, text);
    return HEED_OK;
}

static heed_status use_tokenizer(heed_context *context, const char *name) {
    heed_tokenizer *tokenizer;
    heed_status status = heed_tokenizer_open(context, name, &tokenizer);
    if (status != HEED_OK) {
        assert_null(tokenizer);
        return status;
    }
    status = encode(context, tokenizer,
                    "Zwei \xC3\x84pfel, e\xCC\x81 \xFF\xE2\x96\x81 abababab <s> 1234567890 \xF0\x9F\x90\xB6!");
    heed_tokenizer_close(tokenizer);
    return status;
}

static heed_status use_folded(heed_context *context) {
    return use_tokenizer(context, GOLDEN "/text/trained-folded.json");
}
static heed_status use_llama(heed_context *context) { return use_tokenizer(context, GOLDEN "/text/llama.json"); }
static heed_status use_bert(heed_context *context) { return use_tokenizer(context, GOLDEN "/text/bert.json"); }
static heed_status use_models_own(heed_context *context) { return use_tokenizer(context, GOLDEN "/marian"); }

static heed_status train_tokenizer(heed_context *context) {
    heed_options *set;
    HD_TRY(heed_tokenizer_train_options(context, &set));
    const char *path = in_folder("tokenizer.json");
    heed_status status = heed_options_set(set, "input", in_folder("source"));
    if (status == HEED_OK) status = heed_options_set(set, "input", in_folder("target"));
    if (status == HEED_OK) status = heed_options_set(set, "vocabulary-size", "40");
    if (status == HEED_OK) status = heed_options_set(set, "normal-form", "nfkc");
    if (status == HEED_OK) status = heed_options_set(set, "lowercase", NULL);
    if (status == HEED_OK) status = heed_options_set(set, "alphabet-limit", "8");
    if (status == HEED_OK) status = heed_tokenizer_train(context, set, path);
    heed_options_close(set);
    return status == HEED_OK ? use_tokenizer(context, path) : status;
}

static void tokenizers(void **state) {
    (void)state;
    fail_each(use_folded, use_folded, 50, 40);
    fail_each(use_llama, use_llama, 50, 40);
    fail_each(use_bert, use_bert, 50, 40);
    fail_each(use_models_own, use_models_own, 50, 20);
    fail_each(train_tokenizer, train_tokenizer, 100, 60);
}

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
                                       {"validate-every", "2"},
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
static void say_bytes(const char *name) {
    FILE *file = fopen(in_folder(name), "rb");
    uint64_t sum = 0;
    char text[32];
    for (int byte; file && (byte = fgetc(file)) != EOF;) sum = (sum ^ (uint64_t)byte) * 0x100000001B3u;
    if (file) fclose(file);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    say(file ? text : "no file");
}

static void say_run(void) {
    say_bytes("run/checkpoint.safetensors");
    say_bytes("run/model.safetensors");
    say_bytes("run/config.json");
    say_bytes("run/tokenizer.json");
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
    say_run();
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
    say_run();
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

/* The results of classifiers, taggers and language models. */
static heed_status ask(heed_context *context, heed_model *model, heed_results **results) {
    const char *const texts[] = {"one two", "three", ""}, *const masked[] = {"[MASK] one [MASK]", "three"};
    if (strcmp(learned->objective, "classify") == 0) return heed_classify(model, texts, NULL, 3, results);
    if (strcmp(learned->objective, "tag") == 0) return heed_tag(model, texts, NULL, 3, results);
    if (strcmp(learned->objective, "masked") == 0) return heed_fill(model, masked, NULL, 2, 3, results);
    heed_options *set;
    *results = NULL;
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
    heed_status status = ask(context, model, &results);
    for (size_t i = 0; status == HEED_OK && i < 3; i++)
        for (size_t j = 0; j < 4; j++) say(heed_results_text(results, i, j));
    heed_results_close(results);
    heed_model_close(model);
    return status;
}

/* Evaluation of a trained model on its training data. */
static heed_status judge_as(heed_context *context, heed_model *model, bool json, heed_options **set, char **report) {
    char source[128], target[128];
    const char *files[] = {source};
    snprintf(source, sizeof source, "%s", in_folder(learned->source));
    snprintf(target, sizeof target, "%s", in_folder(learned->target ? learned->target : ""));
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

static heed_status judge(heed_context *context) {
    heed_model *model;
    HD_TRY(heed_model_open(context, in_folder("run"), &model));
    heed_status status = HEED_OK;
    for (int json = 0; json < 2 && status == HEED_OK; json++) {
        heed_options *set = NULL;
        char *report = NULL;
        status = judge_as(context, model, json, &set, &report);
        if (report) say(report);
        heed_free(context, report);
        heed_options_close(set);
    }
    heed_model_close(model);
    return status;
}

/* Pictures of trained models: steps of a translation model, gradients of a language model, nearest words. */
static heed_status look_at(heed_context *context, heed_model *model) {
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

static heed_status look(heed_context *context) {
    heed_model *model;
    HD_TRY(heed_model_open(context, in_folder("run"), &model));
    heed_status status = look_at(context, model);
    heed_model_close(model);
    return status;
}

static void other_lessons(void **state) {
    (void)state;
    static const lesson lessons[] = {
        {"language", "gpt2", "source", NULL},         {"language", "llama", "source", NULL},
        {"language", "heed-rnn", "source", NULL},     {"masked", "bert", "source", NULL},
        {"classify", "bert", "source", "target"},     {"tag", "heed-rnn", "tagged", NULL},
        {"translate", "heed-rnn", "source", "target"}};
    for (size_t i = 0; i < HD_COUNT(lessons); i++) {
        learned = &lessons[i];
        fail_each(train_twice, go_on_training, 0, 6);
        if (strcmp(learned->objective, "translate") != 0) fail_each(answer, answer, 20, 20);
        fail_each(judge, judge, 20, 20);
        if (strcmp(learned->objective, "language") == 0 || strcmp(learned->objective, "translate") == 0)
            fail_each(look, look, 20, 20);
    }
    learned = &translation;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* A file-size limit simulates a full disk, early or late in training. */
static void a_full_disk(void **state) {
    (void)state;
    static const rlim_t limits[] = {0, 20, 100, 250, 600, 1500, 2200, 3500, 5000, 8000};
    char expected[sizeof said];
    struct rlimit old;
    heed_context *context = NULL;
    int refused = 0;
    assert_ok(context, open_failing(&context));
    said[0] = 0;
    assert_ok(context, train_twice(context));
    memcpy(expected, said, sizeof said);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < HD_COUNT(limits); i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], old.rlim_max}), 0);
        heed_status status = train_twice(context);
        setrlimit(RLIMIT_FSIZE, &old);
        if (status != HEED_OK && (status != HEED_FILE || !strstr(heed_context_message(context), "File too large")))
            fail_msg("at %d bytes: %s", (int)limits[i], heed_context_message(context));
        refused += status != HEED_OK;
        said[0] = 0;
        assert_ok(context, go_on_training(context));
        assert_string_equal(said, expected);
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
        say(report);
        heed_free(context, report);
    }
    const char *const series[] = {in_folder("target"), in_folder("source")};
    for (int json = 0; json < 2 && status == HEED_OK; json++) {
        status = heed_evaluate_bleu_by_length(context, set, series, 2, json, in_folder("curve.svg"), &report);
        if (status != HEED_OK) break;
        say(report);
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

/* ---- the files -------------------------------------------------------------------------------------------------- */

/* The weights of the golden model in two shards. */
static void write_shards(heed_context *context) {
    hd_safetensors *file;
    hd_safetensors_writer writer;
    assert_ok(context, hd_folder_make(context, in_folder("shards")));
    assert_ok(context, hd_safetensors_open(context, GOLDEN "/marian/model.safetensors", &file));
    size_t count = hd_safetensors_count(file), half = count / 2;
    json_t *map = json_object();
    for (int shard = 0; shard < 2; shard++) {
        hd_declared_tensor declared[256] = {0};
        size_t first = shard ? half : 0, end = shard ? count : half;
        assert_true(end - first <= HD_COUNT(declared));
        for (size_t i = first; i < end; i++) {
            const hd_stored_tensor *tensor = hd_safetensors_at(file, i);
            hd_declared_tensor *d = &declared[i - first];
            *d = (hd_declared_tensor){.name = tensor->name, .dtype = tensor->dtype, .dimensions = tensor->dimensions};
            memcpy(d->shape, tensor->shape, sizeof d->shape);
            json_object_set_new(map, tensor->name, json_string(shard ? "two" : "one"));
        }
        assert_ok(context, hd_safetensors_writer_open(context, in_folder(shard ? "shards/two" : "shards/one"), declared,
                                                      end - first, &writer));
        for (size_t i = first; i < end; i++)
            assert_ok(context, hd_safetensors_writer_write(&writer, hd_safetensors_at(file, i)->data,
                                                           hd_safetensors_at(file, i)->bytes));
        assert_ok(context, hd_safetensors_writer_commit(&writer));
    }
    json_t *index = json_pack("{s:o}", "weight_map", map);
    assert_ok(context, hd_json_write(context, in_folder("shards/model.safetensors.index.json"), index));
    json_decref(index);
    hd_safetensors_close(file);
    assert_int_equal(symlink(GOLDEN "/marian/config.json", in_folder("shards/config.json")), 0);
    assert_int_equal(symlink(GOLDEN "/marian/tokenizer.json", in_folder("shards/tokenizer.json")), 0);
}

static int set_up(void **state) {
    (void)state;
    static const char source[] = "one two\nthree\ntwo three one\none\nfour two\nthree four\n";
    static const char target[] = "12\n3\n231\n1\n42\n34\n";
    if (!mkdtemp(folder)) return -1;
    json_set_alloc_funcs(jansson_malloc, jansson_free);
    unsetenv("HEED_MODELS");
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, in_folder("source"), source, sizeof source - 1));
    assert_ok(context, hd_file_write(context, in_folder("target"), target, sizeof target - 1));
    static const char tagged[] = "one B-A\ntwo O\n\nthree B-A\n\nthree O\ntwo B-A\none O\n";
    assert_ok(context, hd_file_write(context, in_folder("tagged"), tagged, sizeof tagged - 1));
    write_shards(context);
    heed_context_close(context);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts),     cmocka_unit_test(options),           cmocka_unit_test(models),
        cmocka_unit_test(translations), cmocka_unit_test(continuations),     cmocka_unit_test(attentions),
        cmocka_unit_test(tokenizers),   cmocka_unit_test(training),          cmocka_unit_test(fine_tuning),
        cmocka_unit_test(a_full_disk),  cmocka_unit_test(too_large_a_model), cmocka_unit_test(evaluating),
        cmocka_unit_test(measuring),    cmocka_unit_test(other_lessons),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
