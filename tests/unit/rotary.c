/* Rotary positions: the angles of each scaling, and equal bits in parts and in any batch. */
#include "layers_fixture.h"

#include "layers/decoder.h"
#include "layers/rotary.h"

#include <math.h>
#include <string.h>

/* The kinds of scaling with numbers that change each of them, for texts of 3 tokens in pretraining. */
static hd_rotary_scaling scaling_of(int kind) {
    hd_rotary_scaling s = {.original_positions = kind == HD_ROTARY_UNSCALED ? 0 : 3,
                           .kind = kind,
                           .factor = 4,
                           .low_frequency = 0.25f,
                           .high_frequency = 0.5f,
                           .beta_slow = 0.1f,
                           .beta_fast = 0.7f};
    for (int j = 0; j < HD_MOST_ROTARY_FACTORS; j++)
        s.short_factors[j] = 1 + 0.125f * (float)j, s.long_factors[j] = 2 + 0.5f * (float)j;
    return s;
}

static hd_recipe rotary_decoder(int kind) {
    hd_recipe recipe = translator();
    hd_side_recipe *side = &recipe.side[HD_DECODER];
    recipe.side[HD_ENCODER].layers = 0;
    side->layers = 3, side->positions = HD_POSITIONS_ROTARY, side->rotary_scaling = scaling_of(kind);
    side->head_width = 10, side->rotary_width = kind % 2 ? 6 : 0;
    hd_layer_set_add(&side->unrotated_layers, 1);
    return recipe;
}

/* The texts in parts of `step` tokens, each with the length of its text; `expected` [TOKENS, VOCABULARY]. */
static void check_steps(const hd_network *network, int32_t step, const float *expected) {
    hd_decoder *decoder;
    int32_t scored[SEQUENCES], lengths[SEQUENCES], seen[SEQUENCES] = {0}, step_ids[TOKENS], step_starts[SEQUENCES + 1];
    assert_ok(network->context, hd_network_decoder_open(network->context, network, &decoder));
    assert_ok(network->context, decoder->class->add(decoder, ids, &layout));
    for (;;) {
        int64_t scores = 0;
        step_starts[0] = 0;
        for (int s = 0; s < SEQUENCES; s++) {
            lengths[s] = starts[s + 1] - starts[s];
            int32_t count = (int32_t)hd_min(step, lengths[s] - seen[s]);
            memcpy(step_ids + step_starts[s], ids + starts[s] + seen[s], (size_t)count * sizeof *ids);
            step_starts[s + 1] = step_starts[s] + count;
            seen[s] += count;
            if (count) scored[scores++] = s;
        }
        if (!scores) break;
        float *found;
        hd_layout at = {.sequences = SEQUENCES, .starts = step_starts, .lengths = lengths};
        assert_ok(network->context, decoder->class->step(decoder, step_ids, &at, scored, scores));
        assert_ok(network->context, decoder->class->logits(decoder, 0, VOCABULARY, &found));
        for (int64_t i = 0; i < scores; i++)
            assert_memory_equal(found + i * VOCABULARY,
                                expected + (starts[scored[i]] + seen[scored[i]] - 1) * VOCABULARY,
                                VOCABULARY * sizeof *found);
    }
    decoder->class->close(decoder);
}

/* For each scaling, texts of 4 and 5 tokens, longer than those of pretraining, have the same bits alone and together, in
 * parts of any size, and whether or not their angles are stored. The scaling changes them. */
static void every_scaling_has_the_same_bits_in_parts(void **state) {
    (void)state;
    heed_context *context = open_context();
    float kept[HD_ROTARY_KINDS][TOKENS * VOCABULARY];
    for (int kind = 0; kind < HD_ROTARY_KINDS; kind++) {
        hd_recipe recipe = rotary_decoder(kind);
        hd_network *network = open(context, &recipe);
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        hd_tensor *states = run(network, &pass, NULL, &(hd_input){.ids = ids});
        const hd_tensor *logits = hd_network_logits(network, &pass, states, 0, VOCABULARY);
        memcpy(kept[kind], logits->data, sizeof kept[kind]);
        for (int s = 0; s < SEQUENCES; s++) {
            int32_t one[] = {0, starts[s + 1] - starts[s]};
            states = hd_network_decode(network, &pass, &(hd_input){.ids = ids + starts[s]},
                                       &(hd_layout){.sequences = 1, .starts = one}, NULL);
            logits = hd_network_logits(network, &pass, states, 0, VOCABULARY);
            assert_memory_equal(logits->data, kept[kind] + starts[s] * VOCABULARY,
                                (size_t)one[1] * VOCABULARY * sizeof(float));
        }
        for (int32_t step = 1; step < 6; step++) {
            if (step == 3) store_positions(network, 2);
            check_steps(network, step, kept[kind]);
        }
        hd_pass_close(&pass);
        hd_network_close(network);
        for (int other = 0; other < kind; other++) assert_memory_not_equal(kept[kind], kept[other], sizeof kept[kind]);
    }
    heed_context_close(context);
}

/* Frequencies and factors of modeling_rope_utils.py in transformers 5.24, with a base of 10000, heads of 8 columns and 64
 * positions. */
static const struct {
    hd_rotary_scaling scaling;
    int64_t length; /* of the text */
    double frequencies[4], attention;
} scalings[] = {
    {{.kind = HD_ROTARY_LINEAR, .factor = 4}, 64, {0.25, 0.0250000004, 0.00249999994, 0.000250000012}, 1},
    {{.original_positions = 64, .kind = HD_ROTARY_DYNAMIC, .factor = 4},
     16,
     {1, 0.100000001, 0.00999999978, 0.00100000005},
     1},
    {{.original_positions = 64, .kind = HD_ROTARY_DYNAMIC, .factor = 4},
     100,
     {1, 0.0675106421, 0.00455768639, 0.000307692302},
     1},
    {{.original_positions = 32, .kind = HD_ROTARY_LLAMA3, .factor = 8, .low_frequency = 1, .high_frequency = 4},
     64,
     {1, 0.0125000002, 0.00124999997, 0.000125000006},
     1},
    {{.original_positions = 200, .kind = HD_ROTARY_LLAMA3, .factor = 8, .low_frequency = 0.5f, .high_frequency = 8},
     64,
     {1, 0.0438028201, 0.00124999997, 0.000125000006},
     1},
    {{.original_positions = 32, .kind = HD_ROTARY_YARN, .factor = 4, .beta_slow = 1, .beta_fast = 32},
     64,
     {1, 0.0250000004, 0.00249999994, 0.000250000012},
     1.13862944},
    {{.original_positions = 16, .kind = HD_ROTARY_YARN, .beta_slow = 0.25f, .beta_fast = 2},
     64,
     {1, 0.0625, 0.00249999994, 0.000250000012},
     1.13862944},
    {{.original_positions = 400,
      .kind = HD_ROTARY_YARN,
      .factor = 4,
      .beta_slow = 1,
      .beta_fast = 32,
      .untruncated = true,
      .attention_factor = 1.5f},
     64,
     {1, 0.065056473, 0.00249999994, 0.000250000012},
     1.5},
    {{.original_positions = 32,
      .kind = HD_ROTARY_YARN,
      .factor = 40,
      .beta_slow = 1,
      .beta_fast = 32,
      .mscale = 0.5f,
      .mscale_all = 2},
     64,
     {1, 0.00249999994, 0.000250000012, 2.49999994e-05},
     0.681586146},
    {{.original_positions = 2048, .kind = HD_ROTARY_YARN, .factor = 4, .beta_slow = 1, .beta_fast = 1},
     64,
     {1, 0.100000001, 0.00999999978, 0.000250000012},
     1.13862944},
    {{.original_positions = 16,
      .kind = HD_ROTARY_LONGROPE,
      .short_factors = {1, 1.25f, 1.5f, 2},
      .long_factors = {2, 3, 5.5f, 9}},
     16,
     {1, 0.0799999982, 0.00666666683, 0.000500000024},
     1.22474487},
    {{.original_positions = 16,
      .kind = HD_ROTARY_LONGROPE,
      .short_factors = {1, 1.25f, 1.5f, 2},
      .long_factors = {2, 3, 5.5f, 9}},
     17,
     {0.5, 0.0333333351, 0.00181818183, 0.000111111112},
     1.22474487},
    {{.original_positions = 16,
      .kind = HD_ROTARY_LONGROPE,
      .factor = 32,
      .short_factors = {1, 1.25f, 1.5f, 2},
      .long_factors = {2, 3, 5.5f, 9}},
     17,
     {0.5, 0.0333333351, 0.00181818183, 0.000111111112},
     1.5},
    {{.original_positions = 16,
      .kind = HD_ROTARY_LONGROPE,
      .attention_factor = 1.25f,
      .short_factors = {1, 1.25f, 1.5f, 2},
      .long_factors = {2, 3, 5.5f, 9}},
     17,
     {0.5, 0.0333333351, 0.00181818183, 0.000111111112},
     1.25},
};

/* The angles of one position. */
static void check_angles(const hd_side_recipe *side, bool local, int64_t length, const double *frequencies,
                         double attention) {
    enum { POSITION = 7 };
    float table[8];
    hd_rotary_angles(side, 8, local, length, POSITION, 1, table);
    for (int j = 0; j < 4; j++) {
        double angle = POSITION * frequencies[j];
        assert_true(fabs((double)table[j] - attention * sin(angle)) < 2e-6);
        assert_true(fabs((double)table[4 + j] - attention * cos(angle)) < 2e-6);
    }
}

static void angles_are_those_of_transformers(void **state) {
    (void)state;
    static const double unscaled[] = {1, 0.1, 0.01, 0.001}, local[] = {1, 1.0 / 8, 1.0 / 64, 1.0 / 512};
    hd_side_recipe side = {.heads = 1, .max_positions = 64, .positions = HD_POSITIONS_ROTARY, .rotary_base = 10000};
    check_angles(&side, false, 64, unscaled, 1);
    for (size_t i = 0; i < HD_COUNT(scalings); i++) {
        side.rotary_scaling = scalings[i].scaling, side.local_rotary_base = 0;
        check_angles(&side, i % 2, scalings[i].length, scalings[i].frequencies, scalings[i].attention);
        side.local_rotary_base = 4096; /* not scaled */
        check_angles(&side, false, scalings[i].length, scalings[i].frequencies, scalings[i].attention);
        check_angles(&side, true, scalings[i].length, local, 1);
    }
}

/* An odd rotary width w: frequency j is base^(−2j/w), and the last pair has a column more. */
static void a_part_of_a_head_may_be_odd(void **state) {
    (void)state;
    hd_side_recipe side = {.heads = 1,
                           .head_width = 12,
                           .max_positions = 64,
                           .positions = HD_POSITIONS_ROTARY,
                           .rotary_base = 32,
                           .rotary_width = 5};
    static const double frequencies[] = {1, 0.25, 0.0625};
    float table[6];
    assert_int_equal(hd_rotary_columns(&side, 12), 6);
    hd_rotary_angles(&side, 12, false, 9, 8, 1, table);
    for (int j = 0; j < 3; j++) assert_true(fabs((double)table[j] - sin(8 * frequencies[j])) < 1e-6);
}

/* Rotary fields of which no table can be made. */
static void rotary_recipes_are_checked(void **state) {
    (void)state;
    static const struct {
        int kind;
        size_t field; /* of the side */
        float number;
    } cases[] = {
        {HD_ROTARY_LINEAR, offsetof(hd_side_recipe, rotary_scaling.factor), 0},
        {HD_ROTARY_LINEAR, offsetof(hd_side_recipe, rotary_scaling.factor), 1e-7f},
        {HD_ROTARY_LINEAR, offsetof(hd_side_recipe, rotary_scaling.factor), NAN},
        {HD_ROTARY_DYNAMIC, offsetof(hd_side_recipe, rotary_scaling.factor), 1e30f},
        {HD_ROTARY_LLAMA3, offsetof(hd_side_recipe, rotary_scaling.high_frequency), 0.25f},
        {HD_ROTARY_YARN, offsetof(hd_side_recipe, rotary_scaling.beta_fast), 0},
        {HD_ROTARY_LONGROPE, offsetof(hd_side_recipe, rotary_scaling.short_factors[4]), 0},
        {HD_ROTARY_LONGROPE, offsetof(hd_side_recipe, rotary_scaling.long_factors[0]), 0},
        {HD_ROTARY_UNSCALED, offsetof(hd_side_recipe, rotary_base), 1},
        {HD_ROTARY_UNSCALED, offsetof(hd_side_recipe, local_rotary_base), 0.5f},
    };
    heed_context *context = open_context();
    hd_network *network;
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe = rotary_decoder(cases[i].kind);
        recipe.side[HD_DECODER].rotary_width = 0;
        memcpy((char *)&recipe.side[HD_DECODER] + cases[i].field, &cases[i].number, sizeof(float));
        if (hd_network_open(context, &recipe, &network) == HEED_OK) fail_msg("case %zu is built", i);
    }
    static const int64_t widths[][2] = {{9, 0}, {10, 11}, {9, 9}, {2, 0}};
    for (size_t i = 0; i < HD_COUNT(widths); i++) {
        hd_recipe recipe = rotary_decoder(HD_ROTARY_DYNAMIC);
        recipe.side[HD_DECODER].head_width = widths[i][0], recipe.side[HD_DECODER].rotary_width = widths[i][1];
        if (hd_network_open(context, &recipe, &network) == HEED_OK) fail_msg("width %zu is built", i);
    }
    hd_recipe recipe = rotary_decoder(HD_ROTARY_YARN);
    recipe.side[HD_DECODER].rotary_scaling.original_positions = 1;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_FORMAT);
    recipe = rotary_decoder(HD_ROTARY_KINDS);
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    recipe = rotary_decoder(HD_ROTARY_LONGROPE);
    recipe.side[HD_DECODER].head_width = 2 * HD_MOST_ROTARY_FACTORS + 2;
    recipe.side[HD_DECODER].rotary_width = 0;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scaling_has_the_same_bits_in_parts),
        cmocka_unit_test(angles_are_those_of_transformers),
        cmocka_unit_test(a_part_of_a_head_may_be_odd),
        cmocka_unit_test(rotary_recipes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
