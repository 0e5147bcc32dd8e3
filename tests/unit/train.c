/* Training: it learns, and ends in the same bits for any number of threads, any instruction set and any
 * interruption. A tiny translator spells numbers: "four two" → "42". */
#include "fixture.h"

#include "base/file.h"
#include "base/version.h"
#include "device/cpu/kernels/kernels.h"
#include "models/model.h"
#include "tasks/results.h"
#include "tasks/translate.h"
#include "data/objective.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 300, STEPS = 12 };

#define EPOCH HD_TEXT_OF(HD_BIT_EPOCH)

static heed_context *context;
static char folder[] = "/tmp/heed-train-XXXXXX";

static char *in_folder(const char *name) {
    char *path = hd_path_join(context, folder, name);
    assert_non_null(path);
    return path;
}

static void write_text(const char *name, bool words) {
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (int i = 0; i < PAIRS; i++) {
        int length = 1 + i % 5;
        for (int j = 0; j < length; j++) {
            int digit = (i * 7 + j * (3 + i % 11) + i / 13) % 10;
            if (words)
                hd_buffer_format(&text, "%s%s", j ? " " : "", digits[digit]);
            else
                hd_buffer_format(&text, "%d", digit);
        }
        hd_buffer_byte(&text, '\n');
    }
    char *path = in_folder(name);
    assert_ok(context, hd_file_write(context, path, text.data, text.size));
    hd_free(context, path);
    hd_buffer_close(&text);
}

static bool stop_at(void *user, const heed_progress *progress) {
    return heed_progress_step(progress) < *(int64_t *)user;
}

/* Trains into `name` with the usual tiny settings and the pairs of names and values that follow, until NULL. */
static heed_status train(const char *name, int64_t stop, ...) {
    heed_options *options;
    assert_ok(context, heed_train_options(context, &options));
    char *source = in_folder("source"), *target = in_folder("target"), *to = in_folder(name);
    const char *const usual[][2] = {{"train-source", source},
                                    {"train-target", target},
                                    {"valid-source", source},
                                    {"valid-target", target},
                                    {"vocabulary-size", "60"},
                                    {"width", "32"},
                                    {"heads", "2"},
                                    {"ffn-width", "48"},
                                    {"encoder-layers", "1"},
                                    {"decoder-layers", "2"},
                                    {"max-positions", "64"},
                                    {"batch-tokens", "300"},
                                    {"chunk-tokens", "40"},
                                    {"lr", "0.01"},
                                    {"warmup", "5"},
                                    {"steps", "12"},
                                    {"clip", "1"},
                                    {"validate-every", "6"},
                                    {"save-every", "4"},
                                    {"average", "2"},
                                    {"weight-decay", "0.01"},
                                    {"attention-dropout", "0.1"}};
    for (size_t i = 0; i < HD_COUNT(usual); i++)
        assert_ok(context, heed_options_set(options, usual[i][0], usual[i][1]));
    va_list arguments;
    va_start(arguments, stop);
    for (const char *key; (key = va_arg(arguments, const char *));)
        assert_ok(context, heed_options_set(options, key, va_arg(arguments, const char *)));
    va_end(arguments);
    heed_status status = heed_train(context, options, to, stop ? stop_at : NULL, &stop);
    heed_options_close(options);
    hd_free(context, source);
    hd_free(context, target);
    hd_free(context, to);
    return status;
}

static void read_file(const char *name, const char *file, hd_buffer *out) {
    char *run = in_folder(name), *path = hd_path_join(context, run, file);
    hd_buffer_open(out, context);
    assert_ok(context, hd_file_read(context, path, out));
    hd_free(context, path);
    hd_free(context, run);
}

static bool same_file(const char *a, const char *b, const char *file) {
    hd_buffer x, y;
    read_file(a, file, &x);
    read_file(b, file, &y);
    bool same = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    hd_buffer_close(&x);
    hd_buffer_close(&y);
    return same;
}

static void assert_same_file(const char *a, const char *b, const char *file) {
    if (!same_file(a, b, file)) fail_msg("%s of %s and of %s differ", file, a, b);
}

/* Checkpoints contain weights, moments and the position in the data: the whole state of a run. */
static void assert_same_bits(const char *a, const char *b) {
    assert_same_file(a, b, "checkpoint.safetensors");
    assert_same_file(a, b, "model.safetensors");
}

static int set_up(void **state) {
    (void)state;
    if (heed_context_open(&context) != HEED_OK || !mkdtemp(folder)) return -1;
    write_text("source", true);
    write_text("target", false);
    return train("plain", 0, NULL) == HEED_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    int removed = system(command);
    heed_context_close(context);
    return removed;
}

/* A step has about eight chunks. They run one by one; side by side, with the last ones side by side too or one by one on all
 * threads; and with many more threads than chunks, as a large model's do, one by one on all threads. */
static void threads_change_nothing(void **state) {
    (void)state;
    static const int counts[] = {1, 2, 3, 5, 11, 32};
    int before = context->threads;
    int64_t small_work = context->small_work;
    context->small_work = 0; /* these shapes are */
    for (size_t i = 0; i < HD_COUNT(counts); i++) {
        char name[16];
        snprintf(name, sizeof name, "threads-%d", counts[i]);
        assert_ok(context, heed_context_set_threads(context, counts[i]));
        assert_ok(context, train(name, 0, NULL));
        assert_same_bits("plain", name);
    }
    context->threads = before;
    context->small_work = small_work;
}

/* Lines of equal length, in windows of one batch each: two batches of ten lines are the examples of one of twenty, in the
 * same order, and all that a step's chunks depend on. */
static void batches_of_a_step_change_nothing(void **state) {
    (void)state;
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (int i = 0; i < PAIRS; i++) hd_buffer_format(&text, "%04d\n", i * 37 % 10000);
    char *path = in_folder("even");
    assert_ok(context, hd_file_write(context, path, text.data, text.size));
    hd_buffer_close(&text);
    for (int cut = 0; cut < 2; cut++)
        assert_ok(context,
                  train(cut ? "cut-step" : "whole-step", 0, "train-source", path, "train-target", path, "valid-source",
                        path, "valid-target", path, "min-frequency", "1000000", "chunk-tokens", "13", "batch-tokens",
                        "1000", "shuffle-window", cut ? "10" : "20", "accumulate", cut ? "2" : "1", NULL));
    assert_same_file("whole-step", "cut-step", "model.safetensors");
    hd_free(context, path);
}

static void instruction_sets_change_nothing(void **state) {
    (void)state;
    const hd_kernels *before = context->kernels;
    for (int i = 0; hd_kernels_at(i); i++) {
        context->kernels = hd_kernels_at(i);
        assert_ok(context, train(context->kernels->name, 0, NULL));
        assert_same_bits("plain", context->kernels->name);
    }
    context->kernels = before;
}

/* In bfloat16 the bits are each instruction set's own, but still do not depend on the threads. */
static void bf16_learns_alike_on_any_threads(void **state) {
    (void)state;
    int before = context->threads;
    for (int threads = 1; threads <= 4; threads++) {
        char name[16];
        snprintf(name, sizeof name, "bf16-%d", threads);
        assert_ok(context, heed_context_set_threads(context, threads));
        assert_ok(context, train(name, 0, "compute", "bf16", NULL));
        assert_same_bits("bf16-1", name);
        assert_false(context->bf16);
    }
    context->threads = before;
    assert_int_equal(train("bf16-stopped", 5, "compute", "bf16", NULL), HEED_STOPPED);
    assert_ok(context, train("bf16-stopped", 0, "resume", "true", NULL));
    assert_same_bits("bf16-1", "bf16-stopped");
}

/* The weights that "plain" came to, after the file's header: its length in 8 bytes, and itself. */
static void every_machine_ends_in_these_bits(void **state) {
    (void)state;
    hd_buffer file;
    read_file("plain", "model.safetensors", &file);
    uint64_t header;
    memcpy(&header, file.data, sizeof header);
    size_t start = sizeof header + (size_t)header;
    assert_true(start < file.size);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, file.data + start, file.size - start), 0x73ee3a219cbd5599u);
    hd_buffer_close(&file);
}

static void stopping_changes_nothing(void **state) {
    (void)state;
    assert_int_equal(train("stopped", 5, NULL), HEED_STOPPED);
    assert_int_equal(train("stopped", 10, "resume", "true", NULL), HEED_STOPPED);
    assert_ok(context, train("stopped", 0, "resume", "true", NULL));
    assert_same_bits("plain", "stopped");
}

/* The names of a run's kept weights, ascending, with a space after each. */
static void list_weights(const char *name, char *list, size_t size) {
    char command[160], *run = in_folder(name);
    snprintf(command, sizeof command, "ls %s/weights 2>/dev/null | sed 's/.safetensors$//' | tr '\\n' ' '", run);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    list[fread(list, 1, size - 1, pipe)] = 0;
    assert_int_equal(pclose(pipe), 0);
    hd_free(context, run);
}

/* Validations every 2 of 7 steps, and at the end: the weights of the last ones are kept, and no others. */
static void the_last_weights_are_kept(void **state) {
    (void)state;
    static const struct {
        const char *keep, *average, *kept;
    } cases[] = {{"0", "0", ""},
                 {"1", "0", "step-00000007 "},
                 {"0", "1", "step-00000007 "},
                 {"3", "2", "step-00000004 step-00000006 step-00000007 "},
                 {"2", "3", "step-00000004 step-00000006 step-00000007 "},
                 {"4", "0", "step-00000002 step-00000004 step-00000006 step-00000007 "},
                 {"5", "0", "step-00000002 step-00000004 step-00000006 step-00000007 "}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        char name[16], list[256];
        snprintf(name, sizeof name, "keep-%zu", i);
        assert_ok(context, train(name, 0, "steps", "7", "validate-every", "2", "keep", cases[i].keep, "average",
                                 cases[i].average, "encoder-layers", "1", "decoder-layers", "1", "width", "16", NULL));
        list_weights(name, list, sizeof list);
        assert_string_equal(list, cases[i].kept);
    }
    /* an average of three differs from the last weights, and from an average of one, which is the last weights */
    assert_same_file("keep-0", "keep-2", "model.safetensors");
    assert_same_file("keep-0", "keep-1", "model.safetensors");
    assert_false(same_file("keep-0", "keep-3", "model.safetensors"));
    assert_false(same_file("keep-3", "keep-4", "model.safetensors"));
}

static void assert_other_bits(const char *a, const char *b) {
    if (same_file(a, b, "model.safetensors")) fail_msg("%s and %s end in the same bits", a, b);
}

/* A setting that changes what is learned; threads and stops still change no bit of it. */
static void check_regularizer(const char *setting, const char *value) {
    char whole[32], pieces[32];
    snprintf(whole, sizeof whole, "%s-whole", setting);
    snprintf(pieces, sizeof pieces, "%s-pieces", setting);
    assert_ok(context, train(whole, 0, setting, value, NULL));
    assert_other_bits("plain", whole);
    int before = context->threads;
    context->threads = before == 1 ? 2 : 1;
    assert_int_equal(train(pieces, 5, setting, value, NULL), HEED_STOPPED);
    context->threads = before;
    assert_int_equal(train(pieces, 10, "resume", "true", NULL), HEED_STOPPED);
    assert_ok(context, train(pieces, 0, "resume", "true", NULL));
    assert_same_bits(whole, pieces);
}

static void bpe_dropout_is_by_epoch_and_pair(void **state) {
    (void)state;
    check_regularizer("bpe-dropout", "0.3");
}

static double first_loss(const char *name, const char *setting, const char *value) {
    assert_ok(context, train(name, 0, "steps", "1", "log-every", "1", setting, value, NULL));
    hd_buffer log;
    read_file(name, "log.jsonl", &log);
    const char *loss = strstr(log.data, "\"loss\":");
    assert_non_null(loss);
    double number = strtod(loss + strlen("\"loss\":"), NULL);
    hd_buffer_close(&log);
    return number;
}

static void r_drop_is_by_pair(void **state) {
    (void)state;
    check_regularizer("r-drop", "5");
    double alone = first_loss("r-drop-light", "r-drop", "1e-9"),
           together = first_loss("r-drop-heavy", "r-drop", "1000");
    if (!(together > alone + 0.1)) fail_msg("the two passes do not differ: %f, %f", alone, together);
    assert_true(fabs(alone - first_loss("no-r-drop", "r-drop", "0")) < 0.1); /* a mean over both passes */
}

static void both_go_together(void **state) {
    (void)state;
    assert_ok(context, train("both", 0, "bpe-dropout", "0.3", "r-drop", "5", "accumulate", "2", NULL));
    assert_int_equal(train("both-stopped", 5, "bpe-dropout", "0.3", "r-drop", "5", "accumulate", "2", NULL),
                     HEED_STOPPED);
    assert_ok(context, train("both-stopped", 0, "resume", "true", NULL));
    assert_same_bits("both", "both-stopped");
    assert_other_bits("both", "r-drop-whole");
    assert_other_bits("both", "bpe-dropout-whole");
    assert_int_equal(train("both", 0, "resume", "true", "r-drop", "4", NULL), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "r-drop"));
}

/* Every epoch cuts the words of a pair in another way, which reads as the same text; too long a side stays as it was. */
static void pairs_are_drawn(void **state) {
    (void)state;
    char *path = in_folder("plain/tokenizer.json"), *source = in_folder("source"), *target = in_folder("target");
    heed_tokenizer *tokenizer;
    assert_ok(context, hd_tokenizer_open(context, path, &tokenizer));
    const hd_objective *objective = &hd_objectives[HD_OBJECTIVE_TRANSLATE];
    hd_corpus_options options = {.source = source,
                                 .target = target,
                                 .folder = folder,
                                 .most = 20,
                                 .bpe_dropout = 0.5f,
                                 .seed = 1,
                                 .read = objective->read,
                                 .draw = objective->draw,
                                 .weight = objective->weight};
    hd_corpus corpus;
    assert_ok(context, hd_corpus_open(context, tokenizer, &options, &corpus));
    hd_arena ids;
    hd_arena_open(&ids, context);
    hd_buffer text, drawn;
    hd_buffer_open(&text, context);
    hd_buffer_open(&drawn, context);
    int other = 0, kept = 0;
    for (uint64_t i = 0; i < corpus.count; i++) {
        hd_pair plain = hd_corpus_get(&corpus, i), first, second, again;
        assert_ok(context, hd_corpus_draw(&corpus, i, 0, &ids, &first));
        assert_ok(context, hd_corpus_draw(&corpus, i, 1, &ids, &second));
        assert_ok(context, hd_corpus_draw(&corpus, i, 0, &ids, &again));
        assert_int_equal(first.number, i);
        assert_int_equal(first.source_count, again.source_count);
        assert_memory_equal(first.source, again.source, (size_t)first.source_count * sizeof(int32_t));
        assert_in_range(first.source_count, 1, 20);
        kept += first.source == plain.source;
        other += first.source_count != second.source_count;
        hd_buffer_clear(&text);
        hd_buffer_clear(&drawn);
        assert_ok(context, hd_tokenizer_decode(tokenizer, plain.target, (size_t)plain.target_count, false, &text));
        assert_ok(context, hd_tokenizer_decode(tokenizer, first.target, (size_t)first.target_count, false, &drawn));
        assert_int_equal(text.size, drawn.size);
        assert_memory_equal(text.data, drawn.data, text.size);
    }
    assert_true(other > PAIRS / 4);
    assert_true(kept > 0);
    hd_buffer_close(&text);
    hd_buffer_close(&drawn);
    hd_arena_close(&ids);
    hd_corpus_close(&corpus);
    hd_tokenizer_close(tokenizer);
    hd_free(context, path);
    hd_free(context, source);
    hd_free(context, target);
}

/* A child process is killed; resuming from what it left ends in the same bits. */
static void a_kill_changes_nothing(void **state) {
    (void)state;
    for (int delay = 1; delay <= 64; delay *= 4) {
        char name[16];
        snprintf(name, sizeof name, "killed-%d", delay);
        pid_t child = fork();
        if (child == 0) {
            train(name, 0, NULL);
            _exit(0);
        }
        usleep((useconds_t)delay * 2000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        char *run = in_folder(name), *recipe = hd_path_join(context, run, "recipe.ini");
        assert_ok(context, train(name, 0, hd_file_exists(recipe) ? "resume" : "seed",
                                 hd_file_exists(recipe) ? "true" : "1", NULL));
        hd_free(context, run);
        hd_free(context, recipe);
        assert_same_bits("plain", name);
    }
}

/* A file-size limit simulates a full disk: the previous checkpoint stays valid, and resuming from it reaches the
 * same bits. */
static void a_full_disk_loses_nothing(void **state) {
    (void)state;
    assert_int_equal(train("full", 5, NULL), HEED_STOPPED);
    hd_buffer before, after;
    read_file("full", "checkpoint.safetensors", &before);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){before.size / 2, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    heed_status status = train("full", 0, "resume", "true", NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "checkpoint.safetensors"));
    read_file("full", "checkpoint.safetensors", &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    hd_buffer_close(&before);
    hd_buffer_close(&after);
    assert_ok(context, train("full", 0, "resume", "true", NULL));
    assert_same_bits("plain", "full");
}

static void refusals(void **state) {
    (void)state;
    assert_int_equal(train("plain", 0, NULL), HEED_ARGUMENT); /* the folder has a training run */
    assert_int_equal(train("plain", 0, "resume", "true", "beta1", "0.5", NULL), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "beta1"));
    char *short_file = in_folder("short");
    assert_ok(context, hd_file_write(context, short_file, "one\ntwo\n", 8));
    assert_int_equal(train("uneven", 0, "train-target", short_file, NULL), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "300 lines"));
    assert_non_null(strstr(heed_context_message(context), "has 2"));
    hd_free(context, short_file);
    assert_int_equal(train("heads", 0, "heads", "3", NULL), HEED_UNSUPPORTED);
    assert_int_equal(train("missing", 0, "train-source", "/no/such/file", NULL), HEED_FILE);
}

static char *state_of(hd_buffer *checkpoint, const char *key) {
    char *at = memmem(checkpoint->data, checkpoint->size, key, strlen(key));
    assert_non_null(at);
    return at;
}

/* Stops a run after its first checkpoint, and refuses to resume it with `key` of the state replaced. */
static void refuse_checkpoint(const char *name, const char *key, const char *instead, const char *message) {
    hd_buffer checkpoint;
    assert_int_equal(train(name, 5, NULL), HEED_STOPPED);
    read_file(name, "checkpoint.safetensors", &checkpoint);
    memcpy(state_of(&checkpoint, key), instead, strlen(instead));
    char *run = in_folder(name), *path = hd_path_join(context, run, "checkpoint.safetensors");
    assert_ok(context, hd_file_write(context, path, checkpoint.data, checkpoint.size));
    assert_int_equal(train(name, 0, "resume", "true", NULL), HEED_FORMAT);
    const char *found = heed_context_message(context);
    if (!strstr(found, path) || !strstr(found, message)) fail_msg("%s", found);
    hd_buffer_close(&checkpoint);
    hd_free(context, path);
    hd_free(context, run);
}

/* A checkpoint of an older or newer heed is refused by name, with advice. */
static void checkpoints_of_other_heeds_are_refused(void **state) {
    (void)state;
    refuse_checkpoint("no-format", "\"format\":3", "\"former\":3", "a checkpoint of format 1 and bit epoch " EPOCH);
    refuse_checkpoint("no-epoch", "\"bit_epoch\"", "\"but_epoch\"",
                      "format 3 and bit epoch 1, written by heed " HEED_VERSION);
    refuse_checkpoint("new-epoch", "\"bit_epoch\":" EPOCH, "\"bit_epoch\":9", "format 3 and bit epoch 9");
    refuse_checkpoint("new-format", "\"format\":3", "\"format\":4", "finish the run with the heed that began it");
}

/* log.jsonl without the values that depend on the clock. */
static char *read_log(const char *name) {
    hd_buffer log, out;
    read_file(name, "log.jsonl", &log);
    hd_buffer_open(&out, context);
    for (char *at = log.data; *at;) {
        char *speed = strstr(at, "\"tokens_per_second\":");
        hd_buffer_append(&out, at, speed ? (size_t)(speed - at) : strlen(at));
        at = speed ? speed + strcspn(speed, ",}") : at + strlen(at);
    }
    hd_buffer_close(&log);
    return hd_buffer_take(&out);
}

static void assert_same_log(const char *a, const char *b) {
    char *x = read_log(a), *y = read_log(b);
    if (strcmp(x, y) != 0) fail_msg("the logs of %s and %s differ:\n%s\n%s", a, b, x, y);
    hd_free(context, x);
    hd_free(context, y);
}

/* A line of the log covers steps before and after the stop; the last validation comes after the last step. */
static void logs_go_on(void **state) {
    (void)state;
    const char *const set[] = {"log-every", "4", "validate-every", "5", "average", "0"};
#define SETTINGS set[0], set[1], set[2], set[3], set[4], set[5], NULL
    assert_ok(context, train("log", 0, SETTINGS));
    assert_int_equal(train("log-stopped", 6, SETTINGS), HEED_STOPPED);
    assert_int_equal(train("log-stopped", 11, "resume", "true", SETTINGS), HEED_STOPPED);
    assert_ok(context, train("log-stopped", 0, "resume", "true", SETTINGS));
    assert_same_log("log", "log-stopped");
    assert_ok(context, train("log-stopped", 0, "resume", "true", SETTINGS)); /* the whole run once more */
    assert_same_log("log", "log-stopped");
    assert_same_bits("log", "log-stopped");
#undef SETTINGS
}

static bool stop_after(void *user) {
    int *left = user;
    return __atomic_fetch_sub(left, 1, __ATOMIC_RELAXED) <= 0;
}

/* A stop is noticed while data is read, within steps and within validations; whenever it comes, resuming ends in the same
 * bits. */
static void stops_at_any_moment_change_nothing(void **state) {
    (void)state;
    bool early = false, late = false;
    int before = context->threads;
    for (int calls = 1; calls < 4000; calls += 1 + calls / 3) {
        char name[24];
        int left = calls;
        snprintf(name, sizeof name, "moment-%d", calls);
        context->threads = calls % 2 + 1;
        heed_context_set_stop(context, stop_after, &left);
        heed_status status = train(name, 0, NULL);
        heed_context_set_stop(context, NULL, NULL);
        char *run = in_folder(name);
        bool begun = hd_folder_exists(run);
        hd_free(context, run);
        if (status == HEED_OK) break;
        assert_int_equal(status, HEED_STOPPED);
        early = early || !begun;
        late = late || begun;
        assert_ok(context, train(name, 0, begun ? "resume" : "seed", begun ? "true" : "1", NULL));
        assert_same_bits("plain", name);
        assert_same_log("plain", name);
    }
    assert_true(early && late);
    context->threads = before;
}

/* Any byte of the checkpoint or the recipe that differs is refused. */
static void changed_bytes_are_refused(void **state) {
    (void)state;
    static const char *const files[] = {"checkpoint.safetensors", "recipe.ini"};
    assert_int_equal(train("damaged", 5, NULL), HEED_STOPPED);
    char *run = in_folder("damaged");
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        hd_buffer file;
        read_file("damaged", files[i], &file);
        char *path = hd_path_join(context, run, files[i]);
        for (size_t at = 0; at < file.size; at += 1 + file.size / 40) {
            file.data[at] ^= 1;
            assert_ok(context, hd_file_write(context, path, file.data, file.size));
            heed_status status = train("damaged", 0, "resume", "true", NULL);
            const char *message = heed_context_message(context);
            if (status == HEED_OK || status == HEED_STOPPED || !strstr(message, path))
                fail_msg("byte %zu of %s: %s", at, files[i], message);
            file.data[at] ^= 1;
        }
        assert_ok(context, hd_file_write(context, path, file.data, file.size));
        hd_free(context, path);
        hd_buffer_close(&file);
    }
    hd_free(context, run);
    assert_ok(context, train("damaged", 0, "resume", "true", NULL));
    assert_same_bits("plain", "damaged");
}

/* Enough steps to spell the training examples; then batch composition and caches change no translation. */
static void learns(void **state) {
    (void)state;
    assert_ok(context, train("learned", 0, "steps", "400", "validate-every", "100", "batch-tokens", "600", "dropout",
                             "0", "attention-dropout", "0", "lr", "0.005", "warmup", "50", "average", "0",
                             "label-smoothing", "0", NULL));
    char *path = in_folder("learned");
    heed_model *model;
    assert_ok(context, hd_model_open(context, path, HD_OPEN_TO_RUN, &model));
    hd_free(context, path);
    hd_buffer sources, targets;
    read_file(".", "source", &sources);
    read_file(".", "target", &targets);
    const char *texts[PAIRS];
    size_t sizes[PAIRS];
    int right = 0;
    char *line = sources.data;
    for (int i = 0; i < PAIRS; i++) {
        texts[i] = line;
        sizes[i] = (size_t)(strchr(line, '\n') - line);
        line += sizes[i] + 1;
    }
    hd_decoding settings;
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    heed_results *together, *alone;
    settings.batch_tokens = 1000;
    assert_ok(context, hd_translate(model, &settings, texts, sizes, PAIRS, &together));
    settings.batch_tokens = 1;
    assert_ok(context, hd_translate(model, &settings, texts, sizes, PAIRS, &alone));
    line = targets.data;
    for (size_t i = 0; i < PAIRS; i++) {
        size_t length = (size_t)(strchr(line, '\n') - line);
        const char *text = heed_results_text(together, i, 0);
        right += strlen(text) == length && memcmp(text, line, length) == 0;
        line += length + 1;
        assert_string_equal(text, heed_results_text(alone, i, 0));
        float a = heed_results_score(together, i, 0), b = heed_results_score(alone, i, 0);
        assert_memory_equal(&a, &b, sizeof a);
    }
    if (right < PAIRS * 95 / 100) fail_msg("only %d of %d are right", right, PAIRS);
    heed_results_close(together);
    heed_results_close(alone);
    hd_buffer_close(&sources);
    hd_buffer_close(&targets);
    hd_model_close(model);
}

/* unit-train [TEST]: all tests, or those whose names match. */
int main(int count, char **arguments) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(batches_of_a_step_change_nothing),
        cmocka_unit_test(instruction_sets_change_nothing),
        cmocka_unit_test(bf16_learns_alike_on_any_threads),
        cmocka_unit_test(every_machine_ends_in_these_bits),
        cmocka_unit_test(stopping_changes_nothing),
        cmocka_unit_test(the_last_weights_are_kept),
        cmocka_unit_test(bpe_dropout_is_by_epoch_and_pair),
        cmocka_unit_test(r_drop_is_by_pair),
        cmocka_unit_test(both_go_together),
        cmocka_unit_test(pairs_are_drawn),
        cmocka_unit_test(a_kill_changes_nothing),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(refusals),
        cmocka_unit_test(checkpoints_of_other_heeds_are_refused),
        cmocka_unit_test(logs_go_on),
        cmocka_unit_test(stops_at_any_moment_change_nothing),
        cmocka_unit_test(changed_bytes_are_refused),
        cmocka_unit_test(learns),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
