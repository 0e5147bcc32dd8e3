/* Hidden states, logits and embeddings as arrays: of every folder of tests/golden/families those of transformers
 * (tests/golden/states), of texts those of their ids, and of recurrent networks those that the head reads. */
#include "golden_families.h"

#include "failing.h"

#include <math.h>

/* ---- against transformers ---- */

static double coefficient(size_t i, int which) {
    uint32_t x = ((uint32_t)i * 4 + (uint32_t)which) * 0x9e3779b1u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return (double)(x ^ x >> 16) / 0x1p31 - 1;
}

/* The norm, and the sums of the products with two vectors of hash numbers, as digest in tests/golden/families/measure.py. */
static void assert_digest(const char *name, const char *side, int64_t layer, const float *x, size_t count,
                          const json_t *expected) {
    double found[3] = {0}, largest = 1;
    for (size_t i = 0; i < count; i++) {
        found[0] += (double)x[i] * (double)x[i];
        for (int k = 0; k < 2; k++) found[1 + k] += (double)x[i] * coefficient(i, k);
    }
    found[0] = sqrt(found[0]);
    for (size_t i = 0; i < 3; i++) largest = fmax(largest, fabs(json_number_value(json_array_get(expected, i))));
    for (size_t i = 0; i < 3; i++) {
        double number = json_number_value(json_array_get(expected, i));
        if (!(fabs(found[i] - number) <= 1e-5 * largest))
            fail_msg("%s: number %zu of the %s's states after %lld layers is %.8g, expected %.8g", name, i, side,
                     (long long)layer, found[i], number);
    }
}

static void assert_side(const char *name, const heed_states *states, const char *side, const json_t *layers) {
    int64_t count = heed_states_layers(states, side), shape[2];
    size_t ids;
    assert_int_equal(count + 1, json_array_size(layers));
    assert_non_null(heed_states_ids(states, side, &ids));
    for (int64_t i = 0; i <= count; i++) {
        const float *numbers = heed_states_layer(states, side, i, shape);
        assert_non_null(numbers);
        assert_int_equal(shape[0], ids);
        assert_digest(name, side, i, numbers, (size_t)(shape[0] * shape[1]), json_array_get(layers, (size_t)i));
    }
    assert_null(heed_states_layer(states, side, count + 1, shape));
    assert_null(heed_states_layer(states, side, -1, shape));
}

static void assert_logits(const golden *g, heed_context *context, heed_states *states) {
    const json_t *expected = json_object_get(g->expected, "logits");
    const float *logits;
    int64_t shape[2];
    heed_status status = heed_states_logits(states, &logits, shape);
    if (!expected) {
        if (status != HEED_OK) assert_int_equal(status, HEED_UNSUPPORTED);
        return;
    }
    assert_ok(context, status);
    for (int64_t i = 0; i < shape[0]; i++) {
        const json_t *row = json_array_get(expected, (size_t)i);
        assert_int_equal(shape[1], json_array_size(row));
        for (int64_t j = 0; j < shape[1]; j++) {
            double number = json_number_value(json_array_get(row, (size_t)j));
            assert_true(fabs((double)logits[i * shape[1] + j] - number) <= 1e-5 * fmax(1, fabs(number)) + 1e-5);
        }
    }
}

static json_t *transformers;

static void states_equal_those_of_transformers(void **state) {
    golden *g = *state;
    heed_context *context = open_context();
    heed_states *states;
    heed_model *model = open_golden(context, g, g->path, HD_OPEN_TO_RUN);
    const json_t *expected = json_object_get(transformers, g->name), *all = json_object_get(expected, "all");
    if (!expected) fail_msg("%s is not in tests/golden/states: run make.py there", g->name);
    bool two = translates(model);
    assert_ok(context, heed_inspect_ids(model, g->texts.ids, (size_t)g->texts.starts[1], two ? g->targets.ids : NULL,
                                        two ? (size_t)g->targets.starts[1] : 0, &states));
    if (all)
        assert_side(g->name, states, model->network->recipe.side[HD_DECODER].layers ? "decoder" : "encoder", all);
    else
        for (int i = 0; i < 2; i++)
            assert_side(g->name, states, i ? "decoder" : "encoder",
                        json_object_get(expected, i ? "decoder" : "encoder"));
    assert_logits(g, context, states);
    assert_int_equal(heed_states_layers(states, "middle"), -1);
    heed_states_close(states);
    hd_model_close(model);
    heed_context_close(context);
}

/* ---- texts ---- */

static void assert_same_states(const heed_states *a, const heed_states *b) {
    for (int s = 0; s < 2; s++) {
        const char *side = s ? "decoder" : "encoder";
        int64_t layers = heed_states_layers(a, side), shape[2], other[2];
        assert_int_equal(layers, heed_states_layers(b, side));
        for (int64_t i = 0; i <= layers; i++) {
            const float *x = heed_states_layer(a, side, i, shape), *y = heed_states_layer(b, side, i, other);
            assert_memory_equal(shape, other, sizeof shape);
            assert_memory_equal(x, y, (size_t)(shape[0] * shape[1]) * sizeof *x);
        }
    }
}

/* The states of a text are those of its ids, and both sides have the shapes that heed.h states. */
static void texts_have_the_states_of_their_ids(void **state) {
    (void)state;
    static const struct {
        const char *folder, *text, *target;
        int64_t encoder, decoder; /* layers */
    } cases[] = {{PROJECT "/models/shakespeare", "To be", NULL, -1, 6},
                 {PROJECT "/models/sst2", "a good film", NULL, 4, -1},
                 {PROJECT "/models/multi30k-en-de", "A dog runs.", "Ein Hund.", 6, 6},
                 {PROJECT "/models/multi30k-en-de", "A dog runs.", NULL, 6, 6},
                 {PROJECT "/models/multi30k-en-fr-gru", "A dog runs.", NULL, 1, 1}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_context *context = open_context();
        heed_model *model;
        heed_options *options;
        heed_states *of_text, *of_ids;
        size_t count, target_count;
        assert_ok(context, heed_model_open(context, cases[i].folder, &model));
        assert_ok(context, heed_attend_options(context, &options));
        if (cases[i].target) assert_ok(context, heed_options_set(options, "target", cases[i].target));
        assert_ok(context, heed_inspect_states(model, options, cases[i].text, strlen(cases[i].text), &of_text));
        assert_int_equal(heed_states_layers(of_text, "encoder") > 0, cases[i].encoder > 0);
        assert_int_equal(heed_states_layers(of_text, "decoder") > 0, cases[i].decoder > 0);
        const char *only = cases[i].encoder > 0 ? "encoder" : "decoder";
        bool two = cases[i].encoder > 0 && cases[i].decoder > 0;
        const int32_t *ids = heed_states_ids(of_text, only, &count);
        const int32_t *target = heed_states_ids(of_text, "decoder", &target_count);
        assert_ok(context, heed_inspect_ids(model, ids, count, two ? target : NULL, target_count, &of_ids));
        assert_same_states(of_text, of_ids);
        heed_states_close(of_ids);
        heed_states_close(of_text);
        heed_options_close(options);
        heed_model_close(model);
        heed_context_close(context);
    }
}

/* What the head reads are the last states, for a recurrent decoder too: greedy search continues with the largest logit. */
static void the_largest_logit_is_the_next_token(void **state) {
    (void)state;
    static const char *const folders[] = {PROJECT "/models/shakespeare", PROJECT "/models/multi30k-en-fr-gru"};
    for (size_t i = 0; i < HD_COUNT(folders); i++) {
        heed_context *context = open_context();
        heed_model *model;
        heed_options *options;
        heed_states *states;
        int64_t shape[2];
        size_t count;
        const float *logits;
        assert_ok(context, heed_model_open(context, folders[i], &model));
        assert_ok(context, heed_attend_options(context, &options));
        assert_ok(context, heed_options_set(options, "beams", "1"));
        assert_ok(context, heed_inspect_states(model, options, "A dog runs.", 11, &states));
        const int32_t *ids = heed_states_ids(states, "decoder", &count);
        assert_ok(context, heed_states_logits(states, &logits, shape));
        assert_int_equal(shape[0], count);
        for (size_t r = 0; i == 1 && r + 1 < count; r++) {
            const float *row = logits + (int64_t)r * shape[1];
            int64_t best = 0;
            for (int64_t j = 1; j < shape[1]; j++)
                if (row[j] > row[best]) best = j;
            assert_int_equal(best, ids[r + 1]);
        }
        heed_states_close(states);
        heed_options_close(options);
        heed_model_close(model);
        heed_context_close(context);
    }
}

/* ---- what is refused ---- */

static void bad_ids_are_refused(void **state) {
    (void)state;
    static const int32_t fine[] = {1, 2, 3}, large[] = {1, 1 << 20}, negative[] = {-1}, many[4096] = {1};
    heed_context *context = open_context();
    heed_model *model;
    heed_states *states;
    heed_options *options;
    assert_ok(context, heed_model_open(context, PROJECT "/models/shakespeare", &model));
    assert_int_equal(heed_inspect_ids(model, large, 2, NULL, 0, &states), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "id 1048576 is not one of the model's"));
    assert_null(states);
    assert_int_equal(heed_inspect_ids(model, negative, 1, NULL, 0, &states), HEED_ARGUMENT);
    assert_int_equal(heed_inspect_ids(model, fine, 0, NULL, 0, &states), HEED_ARGUMENT);
    assert_int_equal(heed_inspect_ids(model, many, 4096, NULL, 0, &states), HEED_LENGTH);
    assert_int_equal(heed_inspect_ids(model, fine, 3, fine, 3, &states), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "target needs an encoder-decoder");
    assert_int_equal(heed_inspect_states(model, NULL, " ", 1, &states), HEED_ARGUMENT);
    assert_ok(context, heed_attend_options(context, &options));
    assert_ok(context, heed_options_set(options, "grid", NULL));
    assert_int_equal(heed_inspect_states(model, options, "a", 1, &states), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "grid does not go with hidden states");
    assert_null(states);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- embeddings ---- */

static void the_embedding_matrix_has_a_row_per_token(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    float *rows;
    int64_t shape[2];
    assert_ok(context, heed_model_open(context, PROJECT "/models/multi30k-en-fr-gru", &model));
    for (int side = 0; side < 2; side++) {
        const hd_parameter *table = side ? model->network->target_embedding : model->network->source_embedding;
        assert_ok(context, heed_model_embeddings(model, side ? "decoder" : "encoder", &rows, shape));
        assert_int_equal(shape[0], table->rows);
        assert_int_equal(shape[1], table->columns);
        for (int32_t id = 0; id < shape[0]; id += 1013) {
            float row[1024];
            assert_ok(context, hd_network_rows(context, table, &id, 1, row));
            assert_memory_equal(row, rows + id * shape[1], (size_t)shape[1] * sizeof *row);
        }
        heed_free(context, rows);
    }
    assert_int_equal(heed_model_embeddings(model, "both", &rows, shape), HEED_ARGUMENT);
    assert_null(rows);
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- memory ---- */

static heed_status inspect_short_of_memory(heed_context *context) {
    heed_model *model;
    heed_states *states = NULL;
    failing_allocator *allocator = context->resize_user;
    long left = allocator->left;
    int64_t shape[2];
    float *rows = NULL;
    const float *logits;
    allocator->left = -1;
    assert_ok(context, heed_model_open(context, GOLDEN "/marian", &model));
    allocator->left = left;
    heed_status status = heed_inspect_states(model, NULL, "a dog", 5, &states);
    if (status == HEED_OK) status = heed_states_logits(states, &logits, shape);
    if (status == HEED_OK) status = heed_model_embeddings(model, "encoder", &rows, shape);
    if (status != HEED_OK) assert_true(heed_context_message(context)[0]);
    heed_free(context, rows);
    heed_states_close(states);
    heed_model_close(model);
    return status;
}

static void running_out_of_memory_leaks_nothing(void **state) {
    (void)state;
    fail_each_allocation(inspect_short_of_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_the_states_of_their_ids),
        cmocka_unit_test(the_largest_logit_is_the_next_token),
        cmocka_unit_test(bad_ids_are_refused),
        cmocka_unit_test(the_embedding_matrix_has_a_row_per_token),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };
    static const golden_check checks[] = {{"states", states_equal_those_of_transformers}};
    transformers = json_load_file(GOLDEN "/states/states.json", 0, NULL);
    int failed = run_golden_checks("states of transformers", checks, HD_COUNT(checks));
    json_decref(transformers);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
