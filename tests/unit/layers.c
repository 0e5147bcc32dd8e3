/* Networks of any recipe: rows in place of ids, dropout that is keyed by site, and equal bits with a cache and without. */
#include "fixture.h"

#include "layers/decoder.h"
#include "layers/stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 23, WIDTH = 24, TOKENS = 9, SEQUENCES = 2 };

static const int32_t ids[TOKENS] = {3, 1, 20, 7, 7, 2, 11, 5, 9}, starts[SEQUENCES + 1] = {0, 4, TOKENS};
static const hd_layout layout = {SEQUENCES, starts, NULL, NULL};

static const hd_side_recipe usual = {.layers = 2,
                                     .heads = 4,
                                     .ffn_width = 40,
                                     .max_positions = 16,
                                     .activation = HD_GELU,
                                     .norm_epsilon = 1e-5f,
                                     .biases = HD_BIAS_ALL,
                                     .rotary_base = 10000,
                                     .scale_embedding = true};

static hd_recipe translator(void) {
    return (hd_recipe){.vocabulary = VOCABULARY, .width = WIDTH, .side = {usual, usual}, .pad = 0, .eos = 1};
}

static hd_network *open(heed_context *context, const hd_recipe *recipe) {
    hd_network *network;
    assert_ok(context, hd_network_open(context, recipe, &network));
    for (int64_t i = 0; i < network->count; i++) network->parameters[i]->name = "a parameter";
    assert_ok(context, hd_network_initialize(network, 5));
    for (int64_t i = 0; i < network->count; i++) { /* so that gains and shifts count */
        hd_parameter *p = network->parameters[i];
        for (int64_t j = 0; p->rows == 1 && j < p->columns; j++) p->data[j] += 0.01f * (float)(j % 7 - 3);
    }
    return network;
}

static hd_tensor *run(const hd_network *network, hd_pass *pass, const hd_input *source, const hd_input *target) {
    bool encodes = network->recipe.side[HD_ENCODER].layers, decodes = network->recipe.side[HD_DECODER].layers;
    hd_tensor *memory = encodes ? hd_network_encode(network, pass, source, &layout) : NULL;
    hd_tensor *states = decodes ? hd_network_decode(network, pass, target, &layout, memory) : memory;
    if (!states) fail_msg("%s", network->context->message);
    return states;
}

/* ---- rows ---- */

static void rows_of_the_embedding_give_the_states_of_ids(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe recurrent = {.architecture = HD_RECURRENT,
                           .vocabulary = VOCABULARY,
                           .width = WIDTH,
                           .side = {{.layers = 1, .max_positions = 16}, {.layers = 2, .max_positions = 16}},
                           .cell = HD_GRU,
                           .memory = HD_MEMORY_BAHDANAU},
              recipes[] = {translator(), recurrent};
    for (size_t i = 0; i < HD_COUNT(recipes); i++) {
        hd_network *network = open(context, &recipes[i]);
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        hd_input by_id = {.ids = ids}, by_row = {0};
        const hd_tensor *expected = run(network, &pass, &by_id, &by_id);
        bool scaled = recipes[i].side[HD_ENCODER].scale_embedding;
        by_row.rows = hd_embed(&pass, network->source_embedding, ids, &layout, scaled ? sqrtf(WIDTH) : 1.0f, 0);
        const hd_tensor *found = run(network, &pass, &by_row, &by_row);
        assert_memory_equal(found->data, expected->data, TOKENS * WIDTH * sizeof(float));
        by_row.rows = hd_reshape(&pass, by_row.rows, WIDTH / 2);
        assert_null(hd_network_encode(network, &pass, &by_row, &layout));
        assert_int_equal(pass.status, HEED_ARGUMENT);
        hd_pass_close(&pass);
        hd_network_close(network);
    }
    heed_context_close(context);
}

/* ---- some rows ---- */

/* The selected rows of the encoder's states have the bits of all of them, whatever the last layer leaves out. */
static void selected_rows_have_the_same_bits(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const int32_t rows[][3] = {{0, 4}, {1, 3, 8}, {2, 5, 6}, {8}, {0}};
    static const int32_t row_starts[][SEQUENCES + 1] = {{0, 1, 2}, {0, 2, 3}, {0, 1, 3}, {0, 0, 1}, {0, 0, 0}};
    static const int32_t positions[][SEQUENCES] = {{0, 0}, {1, 4}, {2, 1}, {0, 4}, {0, 0}};
    hd_recipe recurrent = {.architecture = HD_RECURRENT,
                           .vocabulary = VOCABULARY,
                           .width = WIDTH,
                           .side = {{.layers = 1, .max_positions = 16}, {.layers = 1, .max_positions = 16}},
                           .cell = HD_GRU,
                           .memory = HD_MEMORY_BAHDANAU},
              recipes[] = {translator(), translator(), translator(), recurrent};
    recipes[1].side[HD_ENCODER].positions = HD_POSITIONS_ROTARY;
    recipes[2].side[HD_ENCODER].norm_placement = HD_NORM_POST;
    for (size_t i = 0; i < HD_COUNT(recipes); i++) {
        hd_network *network = open(context, &recipes[i]);
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        hd_input input = {.ids = ids};
        const hd_tensor *all = hd_network_encode(network, &pass, &input, &layout);
        for (size_t j = 0; j < HD_COUNT(rows); j++) {
            hd_selection selection = {rows[j], {SEQUENCES, row_starts[j], NULL, positions[j]}};
            const hd_tensor *found = hd_network_encode_rows(network, &pass, &input, &layout, &selection);
            if (!found) fail_msg("%s", context->message);
            assert_int_equal(found->rows, row_starts[j][SEQUENCES]);
            for (int64_t r = 0; r < found->rows; r++)
                assert_memory_equal(found->data + r * WIDTH, all->data + rows[j][r] * WIDTH, WIDTH * sizeof(float));
        }
        hd_pass_close(&pass);
        hd_network_close(network);
    }
    heed_context_close(context);
}

/* ---- first values ---- */

/* A seed gives the same model in every version, and no two parameters of a model begin alike. */
static void no_two_slots_have_one_random_stream(void **state) {
    (void)state;
#define NUMBERS(name, encoder, decoder) {encoder, decoder},
    static const int numbers[HD_MODULES][HD_SIDES] = {HD_EACH_MODULE(NUMBERS, -1)};
    int users[256] = {0};
    for (int i = 0; i < HD_MODULES; i++)
        for (int side = 0; side < HD_SIDES; side++) {
            bool other = i == HD_MODULE_TEXT_OUTPUT || i == HD_MODULE_TOKEN_OUTPUT || i == HD_MODULE_ANSWER_OUTPUT ||
                         i == HD_MODULE_STORED_POOLER;
            if (numbers[i][side] == -1 || other) continue;
            assert_in_range(numbers[i][side], 0, 255);
            assert_int_equal(users[numbers[i][side]]++, 0);
        }
    /* one model has one of the four output layers, and one of the two poolers */
    assert_int_equal(numbers[HD_MODULE_ANSWER_OUTPUT][0], numbers[HD_MODULE_OUTPUT][0]);
    assert_int_equal(numbers[HD_MODULE_STORED_POOLER][0], numbers[HD_MODULE_POOLER][0]);
    assert_int_equal(numbers[HD_MODULE_TOKEN_OUTPUT][0], numbers[HD_MODULE_OUTPUT][0]);
    assert_int_equal(numbers[HD_MODULE_TEXT_OUTPUT][0], numbers[HD_MODULE_OUTPUT][0]);
}

/* ---- dropout ---- */

static void copy_states(heed_context *context, const hd_recipe *recipe, float *states) {
    hd_network *network = open(context, recipe);
    for (int64_t i = 0; i < network->count; i++) { /* the encoder's second layer gives what it takes */
        const hd_slot *slot = &network->slots[i];
        hd_parameter *p = network->parameters[i];
        bool last = slot->module == HD_MODULE_OUT || slot->module == HD_MODULE_FFN_DOWN;
        if (slot->side == HD_ENCODER && slot->layer == 1 && last)
            memset(p->data, 0, (size_t)hd_parameter_count(p) * sizeof *p->data);
    }
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    pass.training = true;
    pass.seed = 3, pass.step = 4;
    memcpy(states, run(network, &pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids})->data,
           TOKENS * WIDTH * sizeof *states);
    hd_pass_close(&pass);
    hd_network_close(network);
}

static void a_layer_more_changes_no_other_mask(void **state) {
    (void)state;
    heed_context *context = open_context();
    float one[TOKENS * WIDTH], two[TOKENS * WIDTH], other[TOKENS * WIDTH];
    hd_recipe recipe = translator();
    recipe.dropout = 0.2f, recipe.attention_dropout = 0.1f, recipe.activation_dropout = 0.1f;
    recipe.side[HD_ENCODER].norm_placement = HD_NORM_PRE;
    copy_states(context, &recipe, two);
    recipe.side[HD_ENCODER].layers = 1;
    copy_states(context, &recipe, one);
    assert_memory_equal(one, two, sizeof one);
    recipe.activation_dropout = 0;
    copy_states(context, &recipe, other);
    assert_memory_not_equal(one, other, sizeof one);
    heed_context_close(context);
}

static void sites_differ(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    pass.training = true;
    uint32_t sites[] = {hd_dropout_site(HD_ENCODER, 0, 0, 0), hd_dropout_site(HD_DECODER, 0, 0, 0),
                        hd_dropout_site(HD_ENCODER, 1, 0, 0), hd_dropout_site(HD_ENCODER, 0, 1, 0),
                        hd_dropout_site(HD_ENCODER, 0, 0, 1), hd_dropout_site(HD_SHARED, 4095, 255, 15)};
    for (size_t i = 0; i < HD_COUNT(sites); i++)
        for (size_t j = 0; j < i; j++) {
            hd_random_key a = hd_pass_dropout(&pass, 0.5f, sites[i]).key,
                          b = hd_pass_dropout(&pass, 0.5f, sites[j]).key;
            assert_memory_not_equal(&a, &b, sizeof a);
        }
    hd_pass_close(&pass);
    heed_context_close(context);
}

/* ---- any recipe, with a cache and without ---- */

/* Fixed positions from this one on are computed by the passes that need them. */
static void store_positions(hd_network *network, int64_t length) {
    hd_stack_side *side = ((hd_stack *)network)->side;
    for (int i = 0; i < HD_SIDES; i++) side[i].length = hd_min(side[i].length, length);
}

static void check_cache(heed_context *context, const hd_recipe *recipe, const char *what) {
    hd_network *network = open(context, recipe);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    hd_tensor *states = run(network, &pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids});
    const hd_tensor *logits = hd_network_logits(network, &pass, states, 0, VOCABULARY);
    if (!logits) fail_msg("%s: %s", what, context->message);
    const float *expected = logits->data;
    hd_decoder *decoder;
    store_positions(network, 2); /* later ones are computed in a step */
    assert_ok(context, hd_network_decoder_open(context, network, &decoder));
    assert_ok(context, decoder->class->add(decoder, ids, &layout));
    for (int32_t at = 0; at < 4; at++) {
        int32_t step_ids[SEQUENCES], step_starts[SEQUENCES + 1] = {0, 1, 2}, scored[SEQUENCES] = {0, 1};
        for (int s = 0; s < SEQUENCES; s++) step_ids[s] = ids[starts[s] + at];
        float *found;
        hd_layout step = {SEQUENCES, step_starts, NULL, NULL};
        assert_ok(context, decoder->class->step(decoder, step_ids, &step, scored, SEQUENCES));
        assert_ok(context, decoder->class->logits(decoder, 0, VOCABULARY, &found));
        for (int s = 0; s < SEQUENCES; s++)
            if (memcmp(found + s * VOCABULARY, expected + (starts[s] + at) * VOCABULARY, VOCABULARY * sizeof(float)))
                fail_msg("%s: other logits with a cache", what);
    }
    decoder->class->close(decoder);
    hd_pass_close(&pass);
    hd_network_close(network);
}

static void every_recipe_decodes_with_a_cache(void **state) {
    (void)state;
    heed_context *context = open_context();
    char what[64];
    for (int norm = 0; norm < HD_NORM_KINDS; norm++)
        for (int placement = 0; placement < HD_NORM_PLACEMENTS; placement++)
            for (int alone = 0; alone < 2; alone++) {
                hd_recipe recipe = translator();
                for (int i = 0; i < HD_SIDES; i++) {
                    hd_side_recipe *side = &recipe.side[i];
                    side->norm = norm, side->norm_placement = placement;
                    side->positions = (norm + placement + i) % 4, side->position_offset = side->positions == 1 ? 2 : 0;
                    side->key_heads = 2, side->head_width = 10;
                    side->query_key_norm = placement % 2, side->final_norm = placement != 0;
                    side->first_unnormed = placement == HD_NORM_PRE, side->embedding_norm = norm % 2;
                    side->gated = (norm + placement) % 2;
                    side->biases = 1u << (norm + placement) % 5;
                }
                if (placement % 2) recipe.logit_scale = 0.3f, recipe.logit_softcap = 0.7f;
                if (alone) recipe.side[HD_ENCODER].layers = 0;
                snprintf(what, sizeof what, "norm %d, placement %d, alone %d", norm, placement, alone);
                check_cache(context, &recipe, what);
            }
    heed_context_close(context);
}

/* Gradients of all parameters, of which those of a translator's embedding depend on the positions of both sides. */
static float *gradients_of(heed_context *context, const hd_recipe *recipe, int64_t stored, int64_t *count) {
    static const int32_t targets[TOKENS] = {1, 20, 7, 7, 2, 11, 5, 9, 3};
    hd_network *network = open(context, recipe);
    if (stored >= 0) store_positions(network, stored);
    hd_network_prepare_training(network);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    *count = network->gradient_count;
    float *gradients = calloc((size_t)*count, sizeof *gradients);
    assert_non_null(gradients);
    pass.recording = pass.training = true;
    pass.gradients = gradients;
    hd_tensor *states = run(network, &pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids});
    hd_cross_entropy_options options = {.scale = 1, .classes = hd_network_classes(network)};
    double loss = 0;
    assert_ok(context, hd_network_loss(network, &pass, states, targets, &layout, &options, &loss));
    assert_ok(context, hd_pass_backward(&pass));
    hd_pass_close(&pass);
    hd_network_close(network);
    return gradients;
}

/* Whether positions are stored or computed, and how many the model has, changes no bit; millions of them are not computed
 * when a network is opened. */
static void positions_may_be_stored_or_computed(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int kind = 0; kind < 2; kind++) {
        hd_recipe recipe = translator();
        for (int i = 0; i < HD_SIDES; i++)
            recipe.side[i].positions = kind ? HD_POSITIONS_ROTARY : HD_POSITIONS_SINUSOIDAL;
        int64_t count;
        float *expected = gradients_of(context, &recipe, -1, &count);
        for (int64_t stored = 0; stored < 8; stored++) {
            if (stored == 4)
                for (int i = 0; i < HD_SIDES; i++) recipe.side[i].max_positions = (int64_t)1 << 40;
            float *found = gradients_of(context, &recipe, stored, &count);
            assert_memory_equal(found, expected, (size_t)count * sizeof *found);
            free(found);
        }
        free(expected);
    }
    heed_context_close(context);
}

/* ---- logits ---- */

static hd_tensor *logits_of(const hd_network *network, hd_pass *pass) {
    hd_tensor *states = run(network, pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids});
    hd_tensor *rows = hd_network_head(network, pass, states);
    return hd_network_logits(network, pass, rows, 0, network->output->rows);
}

/* Σ −log softmax(logits)[target] */
static double loss_of(const float *logits, const int32_t *targets) {
    double loss = 0;
    for (int64_t r = 0; r < TOKENS; r++) {
        double sum = 0;
        for (int64_t j = 0; j < VOCABULARY; j++) sum += exp((double)logits[r * VOCABULARY + j]);
        loss += log(sum) - (double)logits[r * VOCABULARY + targets[r]];
    }
    return loss;
}

static void assert_scaled(const hd_network *network, hd_pass *pass, const float *plain, double scale, double cap) {
    static const int32_t targets[TOKENS] = {1, 20, 7, 7, 2, 11, 5, 9, 3};
    const float *found = logits_of(network, pass)->data;
    for (int64_t i = 0; i < TOKENS * VOCABULARY; i++) {
        double expected = scale * (double)plain[i];
        if (cap > 0) expected = cap * tanh(expected / cap);
        if (!(fabs((double)found[i] - expected) < 1e-5 * (1 + fabs(expected))))
            fail_msg("logit %d is %.9g, expected %.9g", (int)i, (double)found[i], expected);
    }
    double loss = 0;
    hd_tensor *states = run(network, pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids});
    hd_cross_entropy_options options = {.classes = VOCABULARY, .bias = network->output_bias};
    hd_tensor *rows = hd_network_head(network, pass, states);
    assert_ok(network->context, hd_network_loss(network, pass, rows, targets, &layout, &options, &loss));
    assert_true(fabs(loss - loss_of(found, targets)) < 1e-4);
}

/* Of tokens alone: logits of labels are as they were. */
static void logits_are_scaled_and_capped(void **state) {
    (void)state;
    static const struct {
        int head;
        float scale, cap, expected_scale, expected_cap;
    } cases[] = {{HD_HEAD_LANGUAGE, 0.25f, 0, 0.25f, 0}, {HD_HEAD_LANGUAGE, 0, 0.5f, 1, 0.5f},
                 {HD_HEAD_LANGUAGE, 3, 2, 3, 2},         {HD_HEAD_LANGUAGE, 1, 0, 1, 0},
                 {HD_HEAD_MASKED, 0, 2, 1, 2},           {HD_HEAD_CLASSIFY_TOKENS, 3, 2, 1, 0}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe = translator(), changed;
        recipe.head = cases[i].head, recipe.labels = VOCABULARY;
        if (cases[i].head != HD_HEAD_LANGUAGE) recipe.side[HD_DECODER].layers = 0;
        changed = recipe;
        changed.logit_scale = cases[i].scale, changed.logit_softcap = cases[i].cap;
        bool same = !(cases[i].expected_scale > 1) && !(cases[i].expected_scale < 1) && !(cases[i].expected_cap > 0);
        assert_int_equal(hd_recipe_equal(&recipe, &changed), same);
        hd_network *plain = open(context, &recipe), *network = open(context, &changed);
        hd_pass one, two;
        hd_pass_open(&one, context, &plain->arena);
        hd_pass_open(&two, context, &network->arena);
        assert_scaled(network, &two, logits_of(plain, &one)->data, (double)cases[i].expected_scale,
                      (double)cases[i].expected_cap);
        hd_pass_close(&one);
        hd_pass_close(&two);
        hd_network_close(plain);
        hd_network_close(network);
    }
    heed_context_close(context);
}

/* Without positions, the order of the tokens changes nothing for an encoder; texts longer than the model's are refused. */
static void an_encoder_without_positions_is_blind_to_order(void **state) {
    (void)state;
    static const int32_t turned[TOKENS] = {7, 20, 1, 3, 9, 5, 11, 2, 7};
    heed_context *context = open_context();
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].layers = 0, recipe.side[HD_ENCODER].positions = HD_POSITIONS_NONE;
    hd_network *network = open(context, &recipe);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    const float *forwards = run(network, &pass, &(hd_input){.ids = ids}, NULL)->data;
    const float *backwards = run(network, &pass, &(hd_input){.ids = turned}, NULL)->data;
    for (int64_t s = 0; s < SEQUENCES; s++)
        for (int64_t r = starts[s]; r < starts[s + 1]; r++)
            for (int64_t j = 0; j < WIDTH; j++) {
                int64_t other = starts[s] + starts[s + 1] - 1 - r;
                assert_true(fabsf(forwards[r * WIDTH + j] - backwards[other * WIDTH + j]) < 1e-5f);
            }
    network->recipe.side[HD_ENCODER].max_positions = 4;
    assert_null(hd_network_encode(network, &pass, &(hd_input){.ids = ids}, &layout));
    assert_int_equal(pass.status, HEED_LENGTH);
    hd_pass_close(&pass);
    hd_network_close(network);
    heed_context_close(context);
}

static void what_no_forward_code_has_is_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_network *network;
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].window = 4;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    assert_string_equal(heed_context_message(context), "attention to a window of 4 keys, which heed lacks");
    recipe = translator(), recipe.side[HD_ENCODER].key_heads = 3;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    recipe = translator(), recipe.side[HD_ENCODER].heads = 5;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    assert_null(network);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_embedding_give_the_states_of_ids),
        cmocka_unit_test(selected_rows_have_the_same_bits),
        cmocka_unit_test(no_two_slots_have_one_random_stream),
        cmocka_unit_test(a_layer_more_changes_no_other_mask),
        cmocka_unit_test(sites_differ),
        cmocka_unit_test(every_recipe_decodes_with_a_cache),
        cmocka_unit_test(positions_may_be_stored_or_computed),
        cmocka_unit_test(logits_are_scaled_and_capped),
        cmocka_unit_test(an_encoder_without_positions_is_blind_to_order),
        cmocka_unit_test(what_no_forward_code_has_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
