/* Whole networks on a device whose memory the host cannot read (tests/remote_device.h): what a model gives that is opened,
 * trained for a step, trained by the trainer, observed or decoded there has the CPU's bits. */
#include "remote_device.h"
#include "small_networks.h"

#include "base/file.h"
#include "decode/saved_session.h"
#include "decode/session.h"
#include "inspect/capture.h"
#include "train/optimizer.h"

#include <stdlib.h>

enum { TEXTS = 5, TEXT_TOKENS = 9, NEW_TOKENS = 12 };

typedef struct fixture {
    opened_network opened;
    hd_buffer out; /* all that came of it */
} fixture;

static void open_fixture(fixture *f, const hd_device *device, const small_network *which, hd_open_purpose purpose) {
    *f = (fixture){.opened.context = open_context()};
    f->opened.context->device = device;
    f->opened.context->threads = 2;
    f->opened.context->small_work = 0;
    hd_buffer_open(&f->out, f->opened.context);
    open_network(&f->opened, which, purpose);
}

static void close_fixture(fixture *f) {
    hd_buffer_close(&f->out);
    close_network(&f->opened);
}

/* Runs a function on each network and device; what it puts into `out` is the same. */
static void compare(hd_open_purpose purpose, void (*run)(fixture *f)) {
    for (size_t s = 0; s < HD_COUNT(small_networks); s++) {
        fixture cpu, remote;
        open_fixture(&cpu, &hd_device_cpu, &small_networks[s], purpose);
        open_fixture(&remote, &remote_device, &small_networks[s], purpose);
        run(&cpu);
        run(&remote);
        assert_true(cpu.out.size > 0);
        assert_int_equal(cpu.out.size, remote.out.size);
        if (memcmp(cpu.out.data, remote.out.data, cpu.out.size) != 0)
            fail_msg("%s: other bits", small_networks[s].name);
        close_fixture(&cpu);
        close_fixture(&remote);
    }
}

/* ---- a step of training ---- */

static int32_t token(int64_t text, int64_t i) { return 3 + (int32_t)((5 * text + 7 * i + i * i) % 30); }

static void add_numbers(fixture *f, float *numbers, int64_t count) {
    size_t bytes = (size_t)count * sizeof *numbers;
    float *host = hd_stream_map(&f->opened.network->stream, numbers, bytes, HD_TO_READ);
    assert_non_null(host);
    hd_buffer_append(&f->out, (const char *)host, bytes);
    hd_stream_unmap(&f->opened.network->stream, host, numbers, bytes, HD_TO_READ);
}

/* The loss of all texts and its gradients. */
static double run_backward(fixture *f, hd_pass *pass) {
    int32_t ids[TEXTS * TEXT_TOKENS], targets[TEXTS * TEXT_TOKENS], starts[TEXTS + 1] = {0}, count = 0;
    const hd_network *network = f->opened.network;
    for (int text = 0; text < TEXTS; text++) {
        for (int i = 0; i < TEXT_TOKENS - text; i++, count++)
            ids[count] = token(text, i), targets[count] = token(text, i + 1);
        starts[text + 1] = count;
    }
    hd_layout layout = {TEXTS, starts, NULL, NULL};
    bool encodes = network->recipe.side[HD_ENCODER].layers > 0;
    hd_tensor *memory = encodes ? hd_network_encode(network, pass, &(hd_input){.ids = ids}, &layout) : NULL;
    hd_tensor *states = hd_network_decode(network, pass, &(hd_input){.ids = ids}, &layout, memory);
    hd_tensor *rows = hd_network_head(network, pass, states);
    hd_cross_entropy_options options = {.classes = hd_network_classes(network),
                                        .scale = 1.0f / (float)count,
                                        .smoothing = 0.1f,
                                        .bias = network->output_bias};
    double loss = 0;
    assert_ok(f->opened.context, hd_network_loss(network, pass, rows, targets, &layout, &options, &loss));
    assert_ok(f->opened.context, hd_pass_backward(pass));
    return loss;
}

static void train_steps(fixture *f) {
    hd_train_options options = {.lr = 0.01f,
                                .beta1 = 0.9f,
                                .beta2 = 0.98f,
                                .adam_epsilon = 1e-9f,
                                .clip = 0.5f,
                                .weight_decay = 0.01f,
                                .steps = 3};
    hd_optimizer optimizer;
    hd_network *network = f->opened.network;
    hd_network_prepare_training(network);
    assert_ok(f->opened.context, hd_optimizer_open(&optimizer, network, &options));
    hd_pass pass;
    hd_pass_open(&pass, f->opened.context, &network->arena);
    for (int step = 1; step < 3; step++) {
        assert_ok(f->opened.context, hd_network_pack(network));
        hd_pass_reset(&pass);
        pass.recording = pass.training = true;
        pass.seed = 3, pass.step = (uint64_t)step;
        pass.gradients = hd_pass_zeros(&pass, network->gradient_count, 1);
        double loss = run_backward(f, &pass);
        hd_buffer_append(&f->out, (const char *)&loss, sizeof loss);
        optimizer.gradients = pass.gradients;
        assert_ok(f->opened.context, hd_optimizer_step(&optimizer, step));
        hd_buffer_append(&f->out, (const char *)&optimizer.norm, sizeof optimizer.norm);
    }
    hd_pass_close(&pass);
    for (int64_t i = 0; i < network->count; i++) {
        const hd_parameter *p = network->parameters[i];
        add_numbers(f, p->data, hd_parameter_count(p));
        if (p->m) add_numbers(f, p->m, hd_parameter_count(p));
        if (p->v) add_numbers(f, p->v, hd_parameter_count(p));
    }
}

static void steps_of_training_have_the_same_bits(void **state) {
    (void)state;
    compare(HD_OPEN_TO_TRAIN, train_steps);
}

/* ---- decoding ---- */

static void add_results(fixture *f, hd_session *session) {
    hd_decoded decoded;
    while (hd_session_next(session, &decoded))
        for (int64_t i = 0; i < decoded.count; i++) {
            const hd_hypothesis *h = &decoded.best[i];
            hd_buffer_append(&f->out, (const char *)&decoded.id, sizeof decoded.id);
            hd_buffer_append(&f->out, (const char *)&h->score, sizeof h->score);
            hd_buffer_append(&f->out, (const char *)h->ids, (size_t)h->count * sizeof *h->ids);
        }
}

static char session_path[] = "/tmp/heed-remote-session-XXXXXX";

/* The session goes on in another one, which was loaded from a file. */
static void reload(fixture *f, hd_session **session) {
    heed_context *context = f->opened.context;
    close(mkstemp(session_path));
    assert_ok(context, hd_session_save(*session, session_path, NULL));
    hd_session_close(*session);
    assert_ok(context, hd_session_load(context, f->opened.network, NULL, session_path, NULL, session));
    unlink(session_path);
    strcpy(strrchr(session_path, '-'), "-XXXXXX");
}

/* Greedy search, sampling and beams side by side, the second round beside texts that have begun, in a session that was loaded
 * from a file. Tokens are proposed, and texts share prefixes or sources. */
static void decode(fixture *f) {
    hd_session *session;
    hd_generation generations[TEXTS];
    int32_t ids[TEXTS][40];
    assert_ok(f->opened.context, hd_network_pack(f->opened.network));
    bool recurrent = f->opened.network->recipe.architecture == HD_RECURRENT;
    hd_session_limits limits = {.step_tokens = 20, .draft = recurrent ? NULL : f->opened.network, .least_shared = 3};
    assert_ok(f->opened.context, hd_session_open(f->opened.context, f->opened.network, &limits, &session));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TEXTS; i++) {
            hd_generation *g = &generations[i];
            hd_generation_of(&f->opened.network->recipe, g);
            g->max_new_tokens = i == 4 ? 34 : NEW_TOKENS; /* more keys than a panel has */
            g->beams = g->best = i < 2 ? 1 : i;
            g->sample = i == 1;
            if (i == 0) g->repetition_penalty = 1.3f;
            if (i == 1) g->prompt_lookup = 5;
            if (i == 1 && round) g->top_k = 5, g->temperature = 1.5f;
            if (i == 3) g->no_repeat_ngram = 2, g->repetition_penalty = 1.2f;
            if (i == 3 && round) g->no_source_ngram = 2, g->source_penalty = 1.1f;
            if (i == 0 && round) g->decay_factor = 1.1;                           /* all scores of a row are read, */
            if (i == 2 && round) g->renormalize = true, g->source_penalty = 0.8f; /* of two beams too */
            for (int j = 0; j < TEXT_TOKENS; j++) ids[i][j] = token(i % 3 + (j > 6) * i + 10 * round, j);
            hd_request request = {
                .ids = ids[i], .count = TEXT_TOKENS - i, .generation = g, .number = (uint64_t)i, .user = NULL};
            assert_ok(f->opened.context, hd_session_add(session, &request, NULL));
        }
        for (int step = 0; step < 4; step++) assert_ok(f->opened.context, hd_session_step(session));
        if (!round) reload(f, &session);
    }
    while (hd_session_is_busy(session)) assert_ok(f->opened.context, hd_session_step(session));
    add_results(f, session);
    hd_session_close(session);
}

static void sessions_have_the_same_bits(void **state) {
    (void)state;
    compare(HD_OPEN_TO_RUN, decode);
    compare(HD_OPEN_TO_TRAIN, decode);
}

/* Bytes that a step of one text downloads. */
static void check_downloads(const small_network *which, const hd_generation *generation, size_t bytes_per_step) {
    fixture f;
    hd_generation own = *generation, of_recipe;
    hd_session *session;
    int32_t ids[TEXT_TOKENS];
    for (int i = 0; i < TEXT_TOKENS; i++) ids[i] = token(1, i);
    open_fixture(&f, &remote_device, which, HD_OPEN_TO_RUN);
    heed_context *context = f.opened.context;
    assert_ok(context, hd_network_pack(f.opened.network));
    assert_ok(context, hd_session_open(context, f.opened.network, NULL, &session));
    hd_generation_of(&f.opened.network->recipe, &of_recipe);
    own.start = of_recipe.start, own.ends = of_recipe.ends, own.bad_words = of_recipe.bad_words;
    hd_request request = {.ids = ids, .count = TEXT_TOKENS, .generation = &own};
    assert_ok(context, hd_session_add(session, &request, NULL));
    while (hd_session_is_busy(session)) {
        size_t before = remote.downloaded;
        assert_ok(context, hd_session_step(session));
        assert_in_range(remote.downloaded - before, 1, bytes_per_step);
    }
    hd_session_close(session);
    close_fixture(&f);
}

/* A step downloads the tokens that it found and no logits, but for sampling among all tokens. */
static void steps_download_what_they_found(void **state) {
    (void)state;
    for (size_t s = 0; s < HD_COUNT(small_networks); s++) {
        hd_generation g;
        hd_generation_default(&g);
        g.max_new_tokens = NEW_TOKENS;
        g.repetition_penalty = 1.3f;
        check_downloads(&small_networks[s], &g, sizeof(hd_token_score));
        g.beams = g.best = 2, g.no_repeat_ngram = 2;
        check_downloads(&small_networks[s], &g, 2 * 2 * 2 * sizeof(hd_token_score));
        g.beams = g.best = 1, g.sample = true, g.top_k = 3;
        check_downloads(&small_networks[s], &g, 4 * sizeof(hd_token_score));
    }
}

/* ---- observers ---- */

static void observe(fixture *f) {
    hd_capture capture;
    hd_arena arena;
    hd_attention_map map;
    hd_captured_rows rows;
    int32_t ids[TEXT_TOKENS];
    for (int i = 0; i < TEXT_TOKENS; i++) ids[i] = token(1, i);
    hd_arena_open(&arena, f->opened.context);
    hd_capture_open(&capture, f->opened.context);
    assert_ok(f->opened.context, hd_network_pack(f->opened.network));
    assert_ok(f->opened.context, hd_capture_run(&capture, f->opened.network, ids, TEXT_TOKENS, ids, TEXT_TOKENS));
    for (int kind = 0; kind < HD_ATTENTION_KINDS; kind++) {
        assert_ok(f->opened.context, hd_capture_map(&capture, (hd_attention_kind)kind, &arena, &map));
        size_t cells = (size_t)(map.layers * map.heads * map.queries * map.keys);
        hd_buffer_append(&f->out, (const char *)map.weights, cells * sizeof(float));
    }
    assert_ok(f->opened.context, hd_capture_rows(&capture, "embedding", &arena, &rows));
    assert_true(rows.rows > 0);
    hd_buffer_append(&f->out, (const char *)rows.data, (size_t)(rows.rows * rows.columns) * sizeof(float));
    hd_capture_close(&capture);
    hd_arena_close(&arena);
}

static void observers_see_the_same_bits(void **state) {
    (void)state;
    compare(HD_OPEN_TO_RUN, observe);
}

/* ---- the trainer ---- */

static char folder[] = "/tmp/heed-remote-XXXXXX";

static char *in_folder(heed_context *context, const char *name) {
    char *path = hd_path_join(context, folder, name);
    assert_non_null(path);
    return path;
}

static void write_text(heed_context *context, const char *path, bool words) {
    static const char *const digits[] = {"zero", "one", "two", "three", "four", "five", "six", "seven"};
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (int i = 0; i < 80; i++) {
        for (int j = 0; j < 1 + i % 4; j++) {
            int digit = (i * 7 + j * 3 + i / 13) % 8;
            if (words)
                hd_buffer_format(&text, "%s%s", j ? " " : "", digits[digit]);
            else
                hd_buffer_format(&text, "%d", digit);
        }
        hd_buffer_byte(&text, '\n');
    }
    assert_ok(context, hd_file_write(context, path, text.data, text.size));
    hd_buffer_close(&text);
}

/* A new model trained, validated, averaged, stopped and resumed. */
static void train_in(const hd_device *device, const char *name, hd_buffer *out, heed_context *context) {
    heed_context *own = open_context();
    own->device = device;
    own->threads = 2;
    own->small_work = 0;
    char *source = in_folder(own, "source"), *target = in_folder(own, "target"), *to = in_folder(own, name);
    write_text(own, source, true);
    write_text(own, target, false);
    const char *const settings[][2] = {{"train-source", source}, {"train-target", target},  {"valid-source", source},
                                       {"valid-target", target}, {"vocabulary-size", "60"}, {"width", "32"},
                                       {"heads", "2"},           {"ffn-width", "48"},       {"encoder-layers", "1"},
                                       {"decoder-layers", "1"},  {"max-positions", "64"},   {"batch-tokens", "200"},
                                       {"chunk-tokens", "30"},   {"warmup", "3"},           {"validate-every", "2"},
                                       {"save-every", "2"},      {"average", "2"},          {"r-drop", "1"}};
    for (int part = 0; part < 2; part++) {
        heed_options *options;
        assert_ok(own, heed_train_options(own, &options));
        for (size_t i = 0; i < HD_COUNT(settings); i++)
            assert_ok(own, heed_options_set(options, settings[i][0], settings[i][1]));
        assert_ok(own, heed_options_set(options, "steps", part ? "6" : "4"));
        if (part) assert_ok(own, heed_options_set(options, "resume", "true"));
        assert_ok(own, heed_train(own, options, to, NULL, NULL));
        heed_options_close(options);
    }
    static const char *const files[] = {"checkpoint.safetensors", "model.safetensors"};
    hd_buffer_open(out, context);
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        char *path = hd_path_join(context, to, files[i]);
        assert_ok(context, hd_file_read(context, path, out));
        hd_free(context, path);
    }
    hd_free(own, source);
    hd_free(own, target);
    hd_free(own, to);
    heed_context_close(own);
}

static void training_runs_have_the_same_bits(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer expected, found;
    assert_non_null(mkdtemp(folder));
    train_in(&hd_device_cpu, "cpu", &expected, context);
    train_in(&remote_device, "remote", &found, context);
    assert_int_equal(expected.size, found.size);
    assert_memory_equal(expected.data, found.data, found.size);
    hd_buffer_close(&expected);
    hd_buffer_close(&found);
    heed_context_close(context);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_training_have_the_same_bits), cmocka_unit_test(sessions_have_the_same_bits),
        cmocka_unit_test(steps_download_what_they_found),       cmocka_unit_test(observers_see_the_same_bits),
        cmocka_unit_test(training_runs_have_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
