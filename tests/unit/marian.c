/* A Marian and a Pegasus made by transformers: equal ids, hidden states, logits and generated text
 * (tests/golden/marian/make.py), and the same bits however the work is cut. */
#include "fixture.h"

#include "decode/session.h"
#include "device/cpu/kernels/kernels.h"
#include "layers/decoder.h"
#include "formats/json.h"
#include "models/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256 };

static int32_t integers[MOST];

static int64_t read_ids(const json_t *array, int32_t *out) {
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value) out[i] = (int32_t)json_integer_value(value);
    return (int64_t)json_array_size(array);
}

static void assert_rows_close(const json_t *rows, const float *data, int64_t columns) {
    size_t r, c;
    json_t *row, *value;
    json_array_foreach(rows, r, row) json_array_foreach(row, c, value) {
        double expected = json_number_value(value), found = (double)data[(int64_t)r * columns + (int64_t)c];
        if (!(fabs(expected - found) <= 1e-4))
            fail_msg("row %zu, column %zu is %.7g, expected %.7g", r, c, found, expected);
    }
}

typedef struct fixture {
    heed_context *context;
    heed_model *model;
    json_t *cases;
} fixture;

static void open_golden(fixture *f, const char *name) {
    char path[512];
    f->context = open_context();
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    assert_ok(f->context, hd_model_open(f->context, path, HD_OPEN_TO_RUN, &f->model));
    strcat(path, "/expected.json");
    f->cases = json_load_file(path, 0, NULL);
    assert_non_null(f->cases);
}

static void close_golden(fixture *f) {
    json_decref(f->cases);
    hd_model_close(f->model);
    heed_context_close(f->context);
}

static void forward(fixture *f) {
    size_t i;
    json_t *one;
    json_array_foreach(f->cases, i, one) {
        const char *text = json_string_value(json_object_get(one, "text"));
        hd_encoding encoding = {0};
        assert_ok(f->context,
                  hd_tokenizer_encode(f->model->tokenizer, f->context, text, strlen(text), true, &encoding));
        assert_int_equal(read_ids(json_object_get(one, "ids"), integers), (int64_t)encoding.count);
        assert_memory_equal(encoding.ids, integers, encoding.count * sizeof *integers);
        hd_pass pass;
        hd_pass_open(&pass, f->context, &f->model->network->arena);
        int32_t starts[] = {0, (int32_t)encoding.count};
        hd_layout sources = {.sequences = 1, .starts = starts};
        hd_tensor *memory = hd_network_encode(f->model->network, &pass, &(hd_input){.ids = encoding.ids}, &sources);
        assert_non_null(memory);
        if (json_object_get(one, "encoder"))
            assert_rows_close(json_object_get(one, "encoder"), memory->data, memory->columns);
        int32_t target_starts[] = {0, (int32_t)read_ids(json_object_get(one, "target"), integers)};
        hd_layout targets = {.sequences = 1, .starts = target_starts};
        int32_t fed[MOST]; /* the target shifted right */
        fed[0] = f->model->network->recipe.decoder_start;
        memcpy(fed + 1, integers, (size_t)(target_starts[1] - 1) * sizeof *fed);
        hd_tensor *states = hd_network_decode(f->model->network, &pass, &(hd_input){.ids = fed}, &targets, memory);
        hd_tensor *logits =
            hd_network_logits(f->model->network, &pass, states, 0, f->model->network->recipe.vocabulary);
        assert_non_null(logits);
        assert_rows_close(json_object_get(one, "logits"), logits->data, logits->columns);
        hd_pass_close(&pass);
        hd_encoding_close(&encoding);
    }
}

/* Settings by transformers' names. */
static void apply(fixture *f, const json_t *settings, hd_generation *generation) {
    static char name[] = "settings";
    hd_network *network = f->model->network;
    hd_json json = {.context = f->context, .path = name, .root = (json_t *)(uintptr_t)settings, .index = SIZE_MAX};
    assert_ok(f->context, hd_generation_parse(&json, &network->recipe, &network->arena, generation));
}

static void assert_hypothesis(fixture *f, const char *what, const json_t *expected, const hd_hypothesis *h) {
    int64_t count = read_ids(json_object_get(expected, "ids"), integers), from = 0;
    if (count && integers[0] == f->model->network->recipe.decoder_start) from = 1, count--;
    while (count && (integers[from + count - 1] == f->model->network->recipe.pad)) count--;
    if (count && integers[from + count - 1] == f->model->network->recipe.eos) count--;
    if (count != h->count || memcmp(integers + from, h->ids, (size_t)count * sizeof *integers) != 0)
        fail_msg("%s: other ids than transformers makes (%d and %d tokens)", what, (int)h->count, (int)count);
    const json_t *score = json_object_get(expected, "score");
    if (score && !(fabs(json_number_value(score) - (double)h->score) < 1e-4))
        fail_msg("%s: score %.6f, expected %.6f", what, (double)h->score, json_number_value(score));
    const char *text = json_string_value(json_object_get(expected, "text"));
    hd_buffer decoded;
    hd_buffer_open(&decoded, f->context);
    assert_ok(f->context, hd_tokenizer_decode(f->model->tokenizer, h->ids, (size_t)h->count, true, &decoded));
    if (text) assert_string_equal(decoded.data ? decoded.data : "", text);
    hd_buffer_close(&decoded);
}

static hd_decoded decode(fixture *f, hd_session *session, const int32_t *ids, int64_t count,
                         const hd_generation *generation) {
    hd_decoded decoded;
    assert_ok(f->context,
              hd_session_add(session, &(hd_request){.ids = ids, .count = count, .generation = generation}, NULL));
    while (hd_session_is_busy(session)) assert_ok(f->context, hd_session_step(session));
    assert_true(hd_session_next(session, &decoded));
    return decoded;
}

static void search(fixture *f) {
    size_t i;
    json_t *one;
    hd_session *session;
    assert_ok(f->context, hd_session_open(f->context, f->model->network, NULL, &session));
    json_array_foreach(f->cases, i, one) {
        int32_t ids[MOST];
        int64_t count = read_ids(json_object_get(one, "ids"), ids);
        hd_generation greedy = f->model->generation;
        greedy.beams = 1;
        hd_decoded decoded = decode(f, session, ids, count, &greedy);
        assert_hypothesis(f, "greedy", json_object_get(one, "greedy"), decoded.best);
        const char *name;
        json_t *run;
        json_object_foreach(json_object_get(one, "beams"), name, run) {
            hd_generation generation = f->model->generation;
            apply(f, json_object_get(run, "settings"), &generation);
            const json_t *hypotheses = json_object_get(run, "hypotheses");
            generation.best = generation.beams;
            decoded = decode(f, session, ids, count, &generation);
            assert_int_equal(decoded.count, json_array_size(hypotheses));
            for (int64_t h = 0; h < decoded.count; h++)
                assert_hypothesis(f, name, json_array_get(hypotheses, (size_t)h), &decoded.best[h]);
        }
    }
    hd_session_close(session);
}

static void equals_transformers(void **state) {
    (void)state;
    fixture f;
    open_golden(&f, "marian");
    forward(&f);
    search(&f);
    close_golden(&f);
}

static void pegasus_equals_transformers(void **state) {
    (void)state;
    fixture f;
    open_golden(&f, "pegasus");
    forward(&f);
    close_golden(&f);
}

/* ---- equal bits ---- */

enum { SENTENCES = 64, TARGET = 9 };

static int32_t target_token(int64_t sentence, int64_t position, int64_t vocabulary) {
    return (int32_t)((sentence * 7 + position * 5 + 3) % (vocabulary - 2) + 1);
}

static int32_t every_slot[3 * SENTENCES];

/* Forward of `count` tokens from `from` on through each of `slots` slots that were started in order; logits after the last
 * of them. */
static const float *feed(fixture *f, hd_decoder *decoder, int64_t first, int64_t slots, int64_t from, int64_t count) {
    static int32_t ids[SENTENCES * TARGET], starts[SENTENCES + 1];
    const hd_recipe *recipe = &f->model->network->recipe;
    starts[0] = 0;
    for (int64_t s = 0; s < slots; s++) {
        every_slot[s] = (int32_t)s;
        for (int64_t i = 0; i < count; i++)
            ids[starts[s] + i] =
                from + i == 0 ? recipe->decoder_start : target_token(first + s, from + i, recipe->vocabulary);
        starts[s + 1] = starts[s] + (int32_t)count;
    }
    hd_layout layout = {.sequences = slots, .starts = starts};
    float *logits;
    assert_ok(f->context, decoder->class->step(decoder, ids, &layout, every_slot, slots));
    assert_ok(f->context, decoder->class->logits(decoder, 0, recipe->vocabulary, &logits));
    return logits;
}

static void add(fixture *f, hd_decoder *decoder, int64_t first, int64_t sentences) {
    static int32_t ids[SENTENCES * 40], starts[SENTENCES + 1];
    starts[0] = 0;
    for (int64_t s = 0; s < sentences; s++) {
        int64_t length = 1 + (first + s) * 5 % 37;
        for (int64_t i = 0; i < length; i++)
            ids[starts[s] + i] = target_token(first + s, i + 20, f->model->network->recipe.vocabulary);
        starts[s + 1] = starts[s] + (int32_t)length;
    }
    hd_layout sources = {.sequences = sentences, .starts = starts};
    assert_ok(f->context, decoder->class->add(decoder, ids, &sources));
}

static void start(fixture *f, hd_decoder *decoder, int64_t first, int64_t sentences) {
    assert_ok(f->context, decoder->class->reorder(decoder, NULL, 0));
    add(f, decoder, first, sentences);
}

/* Sentences that join a session when others have left, some of them longer than any before and more than have left. */
static void join(fixture *f, hd_decoder *decoder, const char *expected, size_t row) {
    enum { STAYING = 3, JOINING = 30, FED = 2 };
    static const int32_t staying[STAYING] = {1, 4, 6};
    static int32_t ids[(STAYING + JOINING) * TARGET], starts[STAYING + JOINING + 1];
    const hd_recipe *recipe = &f->model->network->recipe;
    start(f, decoder, 0, 8);
    feed(f, decoder, 0, 8, 0, FED);
    assert_ok(f->context, decoder->class->reorder(decoder, staying, STAYING));
    add(f, decoder, 20, JOINING);
    for (int s = 0; s < STAYING + JOINING; s++) every_slot[s] = s;
    for (int s = 0, at = 0; s < STAYING + JOINING; s++, starts[s] = at)
        for (int i = s < STAYING ? FED : 0; i < TARGET; i++)
            ids[at++] = i ? target_token(s < STAYING ? staying[s] : 20 + s - STAYING, i, recipe->vocabulary)
                          : recipe->decoder_start;
    float *logits;
    hd_layout layout = {STAYING + JOINING, starts, NULL, NULL};
    assert_ok(f->context, decoder->class->step(decoder, ids, &layout, every_slot, STAYING + JOINING));
    assert_ok(f->context, decoder->class->logits(decoder, 0, recipe->vocabulary, &logits));
    for (size_t s = 0; s < STAYING; s++)
        assert_memory_equal((char *)logits + s * row, expected + (size_t)staying[s] * row, row);
    assert_memory_equal((char *)logits + STAYING * row, expected + 20 * row, JOINING * row);
}

/* In step i only slots of which i is a multiple of s mod 3 + 1 have a token, and of these only those with their last token
 * are scored. */
static void idle(fixture *f, hd_decoder *decoder, const char *expected, size_t row) {
    enum { SLOTS = 12 };
    int32_t ids[SLOTS], starts[SLOTS + 1] = {0}, scored[SLOTS], lengths[SLOTS] = {0};
    const hd_recipe *recipe = &f->model->network->recipe;
    start(f, decoder, 0, SLOTS);
    for (int step = 0, done = 0; done < SLOTS; step++) {
        int scores = 0, at = 0;
        for (int s = 0; s < SLOTS; s++) {
            if (step % (s % 3 + 1) == 0 && lengths[s] < TARGET) {
                ids[at++] = lengths[s] ? target_token(s, lengths[s], recipe->vocabulary) : recipe->decoder_start;
                if (++lengths[s] == TARGET) scored[scores++] = s;
            }
            starts[s + 1] = at;
        }
        if (!at) continue;
        float *logits;
        assert_ok(f->context,
                  decoder->class->step(decoder, ids, &(hd_layout){SLOTS, starts, NULL, NULL}, scored, scores));
        if (!scores) continue;
        assert_ok(f->context, decoder->class->logits(decoder, 0, recipe->vocabulary, &logits));
        for (int i = 0; i < scores; i++)
            assert_memory_equal((char *)logits + (size_t)i * row, expected + (size_t)scored[i] * row, row);
        done += scores;
    }
}

/* Logits of 64 sentences in one call are compared with: single sentences, one token per step, chunks, rewound slots,
 * copied slots, slots added later or idle beside others, one thread, every kernel table, and fingerprints of other
 * machines. */
static void batches_and_caches_change_no_bit(void **state) {
    (void)state;
    fixture f;
    open_golden(&f, "marian");
    size_t row = (size_t)f.model->network->recipe.vocabulary * sizeof(float);
    hd_decoder *decoder;
    assert_ok(f.context, hd_network_decoder_open(f.context, f.model->network, &decoder));
    start(&f, decoder, 0, SENTENCES);
    char *expected = malloc(SENTENCES * row);
    memcpy(expected, feed(&f, decoder, 0, SENTENCES, 0, TARGET), SENTENCES * row);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, expected, SENTENCES * row), 0xca49f5cba6cd0d55u);
    const hd_kernels *best = f.context->kernels;
    for (int table = 0; hd_kernels_at(table); table++) {
        f.context->kernels = hd_kernels_at(table);
        f.context->threads = 1 + table % 2;
        f.context->small_work = 0;
        for (int64_t s = 0; s < SENTENCES; s += 9) {
            start(&f, decoder, s, 1);
            assert_memory_equal(feed(&f, decoder, s, 1, 0, TARGET), expected + (size_t)s * row, row);
            start(&f, decoder, s, 1);
            for (int64_t i = 0; i + 1 < TARGET; i++) feed(&f, decoder, s, 1, i, 1);
            assert_memory_equal(feed(&f, decoder, s, 1, TARGET - 1, 1), expected + (size_t)s * row, row);
            decoder->class->rewind(decoder, 0, 4);
            feed(&f, decoder, s, 1, 4, 3);
            assert_memory_equal(feed(&f, decoder, s, 1, 7, TARGET - 7), expected + (size_t)s * row, row);
        }
        start(&f, decoder, 0, SENTENCES);
        feed(&f, decoder, 0, SENTENCES, 0, 2);
        int32_t parents[2 * SENTENCES];
        for (int i = 0; i < 40; i++) parents[i] = 10 + i / 2; /* sentences 10 … 29, twice */
        assert_ok(f.context, decoder->class->reorder(decoder, parents, 40));
        for (int i = 0; i < 20; i++) parents[i] = 2 * i + 1;
        assert_ok(f.context, decoder->class->reorder(decoder, parents, 20));
        assert_memory_equal(feed(&f, decoder, 10, 20, 2, TARGET - 2), expected + 10 * row, 20 * row);
        join(&f, decoder, expected, row);
        idle(&f, decoder, expected, row);
    }
    f.context->kernels = best;
    free(expected);
    decoder->class->close(decoder);
    close_golden(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(pegasus_equals_transformers),
        cmocka_unit_test(batches_and_caches_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
