/* Networks of any recipe: rows in place of ids, dropout that is keyed by site, and equal bits with a cache and without. */
#include "layers_fixture.h"

#include "layers/decoder.h"
#include "layers/positions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- biases ---- */

static bool has_part(const hd_network *network, hd_module module, hd_part part) {
    for (int64_t i = 0; i < network->count; i++)
        if (network->slots[i].module == module && network->slots[i].part == part) return true;
    return false;
}

/* The layers of a feed-forward sublayer before and after its activation, and the output layer of a masked head. */
static void biases_are_declared_apart(void **state) {
    (void)state;
    for (unsigned parts = 0; parts < 8; parts++) {
        heed_context *context = open_context();
        bool in = parts & 1, out = parts & 2, output = parts & 4;
        hd_recipe recipe = translator();
        recipe.side[HD_DECODER].layers = 0;
        recipe.side[HD_ENCODER].gated = true;
        recipe.side[HD_ENCODER].biases = (in ? HD_BIAS_FFN_IN : 0) | (out ? HD_BIAS_FFN_OUT : 0);
        recipe.head = HD_HEAD_MASKED;
        recipe.head_output_unbiased = !output;
        hd_network *network = open(context, &recipe);
        assert_int_equal(has_part(network, HD_MODULE_FFN_UP, HD_BIAS), in);
        assert_int_equal(has_part(network, HD_MODULE_FFN_GATE, HD_BIAS), in);
        assert_int_equal(has_part(network, HD_MODULE_FFN_DOWN, HD_BIAS), out);
        assert_int_equal(has_part(network, HD_MODULE_OUTPUT_LEARNED_BIAS, HD_BIAS), output);
        assert_int_equal(network->output_bias != NULL, output);
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        hd_input input = {.ids = ids};
        hd_tensor *rows = hd_network_head(network, &pass, run(network, &pass, &input, &input));
        assert_non_null(hd_network_logits(network, &pass, rows, 0, VOCABULARY));
        hd_recipe other = recipe;
        other.head_output_unbiased = output;
        assert_false(hd_recipe_equal(&recipe, &other));
        hd_pass_close(&pass);
        hd_network_close(network);
        heed_context_close(context);
    }
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

/* ---- texts as a whole ---- */

/* The decoder of an encoder–decoder reads a text shifted right; a side alone reads it as it is. */
static void a_text_is_read_by_the_last_side(void **state) {
    (void)state;
    static const int32_t shifted[TOKENS] = {6, 3, 1, 20, 6, 7, 2, 11, 5}, rows[] = {3, 4, 8}, row_starts[] = {0, 1, 3};
    static const int32_t positions[] = {3, 0};
    const hd_selection selection = {rows, {SEQUENCES, row_starts, NULL, positions}};
    heed_context *context = open_context();
    for (int sides = 1; sides < 4; sides++) {
        hd_recipe recipe = translator();
        recipe.decoder_start = 6;
        if (!(sides & 1)) recipe.side[HD_ENCODER].layers = 0;
        if (!(sides & 2)) recipe.side[HD_DECODER].layers = 0;
        hd_network *network = open(context, &recipe);
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        const hd_tensor *expected =
            run(network, &pass, &(hd_input){.ids = ids}, &(hd_input){.ids = sides == 3 ? shifted : ids});
        const hd_tensor *all = hd_network_read(network, &pass, &(hd_input){.ids = ids}, &layout, NULL);
        const hd_tensor *some = hd_network_read(network, &pass, &(hd_input){.ids = ids}, &layout, &selection);
        assert_memory_equal(all->data, expected->data, TOKENS * WIDTH * sizeof(float));
        for (size_t i = 0; i < HD_COUNT(rows); i++)
            assert_memory_equal(some->data + i * WIDTH, expected->data + rows[i] * WIDTH, WIDTH * sizeof(float));
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
              recipes[] = {translator(), translator(), translator(), recurrent,
                           translator(), translator(), translator(), translator()};
    recipes[1].side[HD_ENCODER].positions = HD_POSITIONS_ROTARY;
    recipes[2].side[HD_ENCODER].norm_placement = HD_NORM_POST;
    recipes[4].side[HD_ENCODER].window = 2;
    recipes[5].side[HD_ENCODER].window = 2;
    hd_layer_set_add(&recipes[5].side[HD_ENCODER].global_layers, 1);
    recipes[6].side[HD_ENCODER].position_buckets = 4, recipes[6].side[HD_ENCODER].bucket_distance = 3;
    recipes[7].side[HD_ENCODER].relative_positions = 3;
    recipes[7].side[HD_ENCODER].relative = HD_RELATIVE_KEYS | HD_RELATIVE_QUERIES | HD_RELATIVE_NORM;
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

/* ---- relative positions ---- */

static void assert_unsupported(heed_context *context, const hd_recipe *recipe, const char *part) {
    hd_network *network;
    assert_int_equal(hd_network_open(context, recipe, &network), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), part));
}

static void relative_positions_that_heed_lacks_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe good = translator(), bad;
    good.side[HD_DECODER].layers = 0;
    hd_side_recipe *side = &good.side[HD_ENCODER];
    side->relative_positions = 10, side->relative_span = 16, side->relative = HD_RELATIVE_KEYS;
    hd_network_close(open(context, &good));
    bad = good;
    bad.side[HD_ENCODER].relative_positions = 9; /* the logarithm would have no range */
    assert_unsupported(context, &bad, "9 relative positions cannot be divided into 16 buckets");
    bad.side[HD_ENCODER].max_positions = 9; /* no text reaches it */
    hd_network_close(open(context, &bad));
    bad = good;
    bad.side[HD_ENCODER].relative_span = 1;
    assert_unsupported(context, &bad, "into 1 buckets");
    bad = good;
    bad.side[HD_ENCODER].relative_span = (int64_t)1 << 40;
    assert_unsupported(context, &bad, "heed builds up to");
    bad = good;
    bad.side[HD_ENCODER].key_heads = 2;
    assert_unsupported(context, &bad, "share keys");
    bad = good;
    bad.side[HD_DECODER] = bad.side[HD_ENCODER];
    assert_unsupported(context, &bad, "of a decoder");
    heed_context_close(context);
}

/* States are the same in a batch of texts of other lengths, of which each needs other rows of the table. */
static void relative_states_do_not_depend_on_the_batch(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].layers = 0;
    hd_side_recipe *side = &recipe.side[HD_ENCODER];
    side->positions = HD_POSITIONS_NONE;
    side->relative_positions = 12, side->relative_span = 4;
    side->relative = HD_RELATIVE_KEYS | HD_RELATIVE_QUERIES | HD_RELATIVE_PROJECTED | HD_RELATIVE_NORM;
    hd_network *network = open(context, &recipe);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    const hd_tensor *all = hd_network_encode(network, &pass, &(hd_input){.ids = ids}, &layout);
    if (!all) fail_msg("%s", context->message);
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t own[] = {0, starts[s + 1] - starts[s]};
        hd_layout alone = {1, own, NULL, NULL};
        const hd_tensor *one = hd_network_encode(network, &pass, &(hd_input){.ids = ids + starts[s]}, &alone);
        assert_memory_equal(one->data, all->data + starts[s] * WIDTH, (size_t)(own[1] * WIDTH) * sizeof(float));
    }
    hd_pass_close(&pass);
    hd_network_close(network);
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

static void check_cache(heed_context *context, const hd_recipe *recipe, const char *what) {
    hd_network *network = open(context, recipe);
    int64_t tokens = hd_recipe_target_vocabulary(recipe);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    hd_tensor *states = run(network, &pass, &(hd_input){.ids = ids}, &(hd_input){.ids = ids});
    const hd_tensor *logits = hd_network_logits(network, &pass, states, 0, tokens);
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
        assert_ok(context, decoder->class->logits(decoder, 0, tokens, &found));
        for (int s = 0; s < SEQUENCES; s++)
            if (memcmp(found + s * tokens, expected + (starts[s] + at) * tokens, (size_t)tokens * sizeof(float)))
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
                    side->positions = (norm + placement + i) % 5;
                    side->position_offset = side->positions == HD_POSITIONS_LEARNED            ? 2
                                            : side->positions == HD_POSITIONS_SINUSOIDAL_APART ? 3
                                                                                               : 0;
                    side->pads_unplaced = side->positions == HD_POSITIONS_SINUSOIDAL_APART;
                    side->key_heads = 2, side->head_width = 10;
                    side->query_key_norm = placement % 3, side->final_norm = placement != 0;
                    side->first_unnormed = placement == HD_NORM_PRE, side->embedding_norm = norm % 2;
                    side->gated = (norm + placement) % 2;
                    side->biases = 1u << (norm + placement) % 5;
                    side->position_buckets = (norm + placement + i) % 2 ? 4 : 0, side->bucket_distance = 3;
                    side->bucket_per_layer = norm % 2;
                }
                recipe.scale_logits = norm % 2;
                if (placement % 2) recipe.logit_scale = 0.3f, recipe.logit_softcap = 0.7f;
                if (alone) recipe.side[HD_ENCODER].layers = 0;
                snprintf(what, sizeof what, "norm %d, placement %d, alone %d", norm, placement, alone);
                check_cache(context, &recipe, what);
            }
    heed_context_close(context);
}

/* ---- long texts ---- */

enum { LONG = 170, PREFILL = 90 }; /* tokens of a text; of its first step */

static int32_t token(int64_t at) { return 1 + (int32_t)((at * at + 3 * at) % (VOCABULARY - 1)); }

/* Logits [LONG, VOCABULARY] of a text, without a cache. */
static void run_long(const hd_network *network, hd_pass *pass, float *logits) {
    static const int32_t one_start[] = {0, LONG};
    const hd_layout one = {1, one_start, NULL, NULL};
    int32_t text[LONG];
    for (int64_t i = 0; i < LONG; i++) text[i] = token(i);
    hd_tensor *states = hd_network_decode(network, pass, &(hd_input){.ids = text}, &one, NULL);
    const hd_tensor *all = hd_network_logits(network, pass, states, 0, VOCABULARY);
    if (!all) fail_msg("%s", network->context->message);
    memcpy(logits, all->data, LONG * VOCABULARY * sizeof *logits);
}

/* Steps `rows` tokens through each slot, from position `at` on; slots of `strays` get other tokens. The logits of the others
 * are expected. */
static void step_slots(hd_decoder *decoder, int64_t slots, int64_t at, int64_t rows, unsigned strays,
                       const float *expected) {
    int32_t step_ids[LONG * 3], step_starts[8] = {0}, scored[8];
    for (int64_t s = 0; s < slots; s++) {
        for (int64_t i = 0; i < rows; i++) {
            bool strays_here = strays >> s & 1;
            step_ids[s * rows + i] = strays_here ? token(at + i + 5 * s) : token(at + i);
        }
        step_starts[s + 1] = (int32_t)((s + 1) * rows), scored[s] = (int32_t)s;
    }
    float *found;
    const hd_layout step = {slots, step_starts, NULL, NULL};
    assert_ok(decoder->context, decoder->class->step(decoder, step_ids, &step, scored, slots));
    assert_ok(decoder->context, decoder->class->logits(decoder, 0, VOCABULARY, &found));
    for (int64_t s = 0; s < slots; s++)
        if (!(strays >> s & 1) &&
            memcmp(found + s * VOCABULARY, expected + (at + rows - 1) * VOCABULARY, VOCABULARY * sizeof *found) != 0)
            fail_msg("slot %d: other logits at position %d", (int)s, (int)(at + rows - 1));
}

/* A prompt in parts, then beams that share keys, some of which stray and are dropped. */
static void check_long(heed_context *context, const hd_recipe *recipe) {
    static const int64_t parts[] = {1, 63, 2, 24}; /* of the prompt */
    static const int32_t copies[] = {0, 0, 0}, dropped[] = {1, 1, 0}, last[] = {2};
    static float expected[LONG * VOCABULARY];
    hd_network *network = open(context, recipe);
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    run_long(network, &pass, expected);
    hd_decoder *decoder;
    assert_ok(context, hd_network_decoder_open(context, network, &decoder));
    assert_ok(context, decoder->class->add(decoder, NULL, &(hd_layout){.sequences = 1}));
    int64_t at = 0;
    for (size_t i = 0; i < HD_COUNT(parts); at += parts[i++]) step_slots(decoder, 1, at, parts[i], 0, expected);
    assert_int_equal(at, PREFILL);
    for (; at < 100; at++) step_slots(decoder, 1, at, 1, 0, expected); /* keys in order */
    assert_ok(context, decoder->class->reorder(decoder, copies, 3));
    for (; at < 130; at++) step_slots(decoder, 3, at, 1, 4, expected); /* keys in lists */
    assert_ok(context, decoder->class->reorder(decoder, dropped, 3));
    for (; at < 150; at++) step_slots(decoder, 3, at, 1, 0, expected);
    assert_ok(context, decoder->class->reorder(decoder, last, 1));
    for (; at < LONG; at++) step_slots(decoder, 1, at, 1, 0, expected);
    decoder->class->close(decoder);
    hd_pass_close(&pass);
    hd_network_close(network);
}

/* Over blocks of 64 keys and beyond windows. */
static void caches_parts_and_beams_change_no_bit(void **state) {
    (void)state;
    static const struct {
        int64_t window, key_heads;
        float scale, softcap;
        int64_t buckets;
    } kinds[] = {{0, 0, 0, 0, 0},       {7, 0, 0, 0, 0},    {70, 1, 0, 0, 0},       {33, 2, 0.7f, 0.9f, 0},
                 {0, 0, 1.0f, 0.5f, 0}, {0, 0, 1.0f, 0, 8}, {33, 2, 0.7f, 0.9f, 12}};
    for (int threads = 1; threads < 4; threads += 2)
        for (size_t i = 0; i < HD_COUNT(kinds); i++)
            for (int global = 0; global < 2; global++) {
                heed_context *context = open_context();
                context->threads = threads, context->small_work = 0;
                hd_recipe recipe = translator();
                hd_side_recipe *side = &recipe.side[HD_DECODER];
                recipe.side[HD_ENCODER].layers = 0;
                side->layers = 3, side->max_positions = LONG;
                side->positions = global ? HD_POSITIONS_ROTARY : HD_POSITIONS_LEARNED;
                side->window = kinds[i].window, side->key_heads = kinds[i].key_heads;
                side->score_scale = kinds[i].scale, side->score_softcap = kinds[i].softcap;
                side->position_buckets = kinds[i].buckets, side->bucket_distance = 100;
                side->bucket_per_layer = global;
                if (global) hd_layer_set_add(&side->global_layers, 1);
                check_long(context, &recipe);
                heed_context_close(context);
            }
}

/* A decoder with a vocabulary of its own has its own embedding, whose rows are its logits', and knows no other ids. */
static void a_decoder_may_have_its_own_vocabulary(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int untied = 0; untied < 2; untied++)
        for (int64_t targets = 21; targets < 40; targets += 9) {
            hd_recipe recipe = translator();
            recipe.target_vocabulary = targets, recipe.untied = untied, recipe.output_bias = true;
            check_cache(context, &recipe, "own vocabulary");
            hd_network *network = open(context, &recipe);
            assert_ptr_not_equal(network->source_embedding, network->target_embedding);
            assert_int_equal(network->source_embedding->rows, VOCABULARY);
            assert_int_equal(network->target_embedding->rows, targets);
            assert_int_equal(network->output->rows, targets);
            assert_int_equal(network->output == network->target_embedding, !untied);
            assert_int_equal(hd_network_classes(network), targets);
            assert_memory_not_equal(network->source_embedding->data + WIDTH, network->target_embedding->data + WIDTH,
                                    WIDTH * sizeof(float));
            for (int j = 0; j < WIDTH; j++) assert_true(network->target_embedding->data[j] == 0); /* of pad */
            int32_t last = (int32_t)targets - 1, past = (int32_t)targets, start[] = {0, 1};
            hd_layout one = {1, start, NULL, NULL};
            hd_pass pass;
            hd_pass_open(&pass, context, &network->arena);
            hd_tensor *memory = hd_network_encode(network, &pass, &(hd_input){.ids = ids}, &one);
            assert_non_null(hd_network_decode(network, &pass, &(hd_input){.ids = &last}, &one, memory));
            assert_null(hd_network_decode(network, &pass, &(hd_input){.ids = &past}, &one, memory));
            hd_pass_close(&pass);
            hd_network_close(network);
        }
    hd_recipe recipe = translator();
    hd_network *network;
    recipe.target_vocabulary = 21, recipe.eos = 22;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_FORMAT);
    heed_context_close(context);
}

/* Sinusoids whose frequencies are half − 1 steps apart: the formula of transformers' M2M-100, from the given position on. */
static void sinusoids_apart(void **state) {
    (void)state;
    enum { MOST = 9, ROWS = 3 };
    for (int64_t width = 2; width <= MOST; width++) {
        float table[ROWS * MOST];
        hd_side_recipe side = usual;
        side.positions = HD_POSITIONS_SINUSOIDAL_APART, side.position_offset = 2;
        hd_fixed_positions(&side, width, 5, ROWS, table);
        int64_t half = width / 2;
        for (int64_t i = 0; i < ROWS; i++)
            for (int64_t j = 0; j < width; j++) {
                double angle = (double)(7 + i) * pow(10000, -(double)(j % half) / (double)hd_max(half - 1, 1));
                double expected = j == 2 * half ? 0 : j < half ? sin(angle) : cos(angle);
                assert_true(fabs((double)table[i * width + j] - expected) < 1e-6);
            }
    }
}

/* A padding token adds zeros. An encoder counts no position for it, so that the others have theirs. */
static void padding_tokens_have_no_position(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const int32_t padded[] = {3, 0, 20}, plain[] = {3, 20}, padded_starts[] = {0, 3}, plain_starts[] = {0, 2};
    static const hd_layout of_padded = {1, padded_starts, NULL, NULL}, of_plain = {1, plain_starts, NULL, NULL};
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].layers = 0;
    recipe.head = HD_HEAD_NONE;
    hd_side_recipe *side = &recipe.side[HD_ENCODER];
    side->positions = HD_POSITIONS_SINUSOIDAL_APART, side->position_offset = 1, side->pads_unplaced = true;
    side->layers = 1;
    hd_network *network = open(context, &recipe);
    for (int64_t i = 0; i < network->count; i++) /* states are embeddings */
        if (network->slots[i].module == HD_MODULE_OUT || network->slots[i].module == HD_MODULE_FFN_DOWN)
            memset(network->parameters[i]->data, 0, (size_t)hd_parameter_count(network->parameters[i]) * sizeof(float));
    hd_pass pass;
    hd_pass_open(&pass, context, &network->arena);
    const hd_tensor *a = hd_network_encode(network, &pass, &(hd_input){.ids = padded}, &of_padded);
    const hd_tensor *b = hd_network_encode(network, &pass, &(hd_input){.ids = plain}, &of_plain);
    if (!a || !b) fail_msg("%s", context->message);
    assert_memory_equal(a->data, b->data, WIDTH * sizeof(float));
    assert_memory_equal(a->data + 2 * WIDTH, b->data + WIDTH, WIDTH * sizeof(float));
    hd_pass_close(&pass);
    hd_network_close(network);
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
    static const hd_position_kind kinds[] = {HD_POSITIONS_SINUSOIDAL, HD_POSITIONS_ROTARY,
                                             HD_POSITIONS_SINUSOIDAL_APART};
    for (size_t kind = 0; kind < HD_COUNT(kinds); kind++) {
        hd_recipe recipe = translator();
        for (int i = 0; i < HD_SIDES; i++) {
            recipe.side[i].positions = kinds[kind];
            recipe.side[i].position_offset = kinds[kind] == HD_POSITIONS_SINUSOIDAL_APART ? 2 : 0;
        }
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

/* Sets say something of a side's own layers alone, and windows of the layers that are not global. */
static void equal_windows_are_equal_recipes(void **state) {
    (void)state;
    hd_recipe a = translator(), b = translator();
    hd_side_recipe *side = &b.side[HD_DECODER];
    hd_layer_set_add(&side->global_layers, 1);
    assert_true(hd_recipe_equal(&a, &b)); /* there is no window */
    side->window = 5;
    assert_false(hd_recipe_equal(&a, &b));
    hd_layer_set_add(&side->global_layers, 0);
    assert_true(hd_recipe_equal(&a, &b)); /* every layer is global */
    side->global_layers = (hd_layer_set){{0}};
    a = b;
    hd_layer_set_add(&side->global_layers, 200);
    assert_true(hd_recipe_equal(&a, &b)); /* there is no such layer */
    side->score_scale = 1 / sqrtf(WIDTH / 4);
    assert_true(hd_recipe_equal(&a, &b)); /* the same as 0 */
    side->score_scale = 1;
    assert_false(hd_recipe_equal(&a, &b));
    for (int64_t layer = 0; layer < 300; layer += 13) {
        hd_layer_set set = {{0}};
        hd_layer_set_add(&set, layer);
        for (int64_t i = 0; i < 300; i++) assert_int_equal(hd_layer_set_has(&set, i), i == layer && i < HD_SET_LAYERS);
    }
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
        bool by_width;
    } cases[] = {{HD_HEAD_LANGUAGE, 0, 0, 0.5f / 2.4494897f, 0, true},
                 {HD_HEAD_LANGUAGE, 4, 0, 2 / 2.4494897f, 0, true},
                 {HD_HEAD_LANGUAGE, 0.25f, 0, 0.25f, 0},
                 {HD_HEAD_LANGUAGE, 0, 0.5f, 1, 0.5f},
                 {HD_HEAD_LANGUAGE, 3, 2, 3, 2},
                 {HD_HEAD_LANGUAGE, 1, 0, 1, 0},
                 {HD_HEAD_MASKED, 0, 2, 1, 2},
                 {HD_HEAD_CLASSIFY_TOKENS, 3, 2, 1, 0}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe = translator(), changed;
        recipe.head = cases[i].head, recipe.labels = VOCABULARY;
        if (cases[i].head != HD_HEAD_LANGUAGE) recipe.side[HD_DECODER].layers = 0;
        changed = recipe;
        changed.logit_scale = cases[i].scale, changed.logit_softcap = cases[i].cap;
        changed.scale_logits = cases[i].by_width;
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

/* Without positions, the order of the tokens changes nothing for an encoder, and texts may be of any length. */
static void an_encoder_without_positions_is_blind_to_order(void **state) {
    (void)state;
    static const int32_t turned[TOKENS] = {7, 20, 1, 3, 9, 5, 11, 2, 7};
    heed_context *context = open_context();
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].layers = 0, recipe.side[HD_ENCODER].positions = HD_POSITIONS_NONE;
    recipe.side[HD_ENCODER].max_positions = 4;
    assert_true(hd_recipe_longest(&recipe) == INT64_MAX);
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
    hd_pass_close(&pass);
    hd_network_close(network);
    heed_context_close(context);
}

/* A feed-forward layer that outputs zeros leaves the sum of a residual connection as it was. Without one, zeros are all that
 * remains. */
static void a_residual_connection_keeps_the_input(void **state) {
    (void)state;
    for (int without = 0; without < 2; without++) {
        heed_context *context = open_context();
        hd_recipe recipe = translator();
        hd_side_recipe *side = &recipe.side[HD_ENCODER];
        recipe.side[HD_DECODER].layers = 0;
        side->layers = 1, side->norm_placement = HD_NORM_PRE, side->no_residual = without;
        hd_network *network = open(context, &recipe);
        const hd_module_weights *down = &hd_network_layer(network, HD_ENCODER, 0)[HD_MODULE_FFN_DOWN];
        memset(down->weight->data, 0, (size_t)(down->weight->rows * down->weight->columns) * sizeof(float));
        memset(down->bias->data, 0, WIDTH * sizeof(float));
        hd_pass pass;
        hd_pass_open(&pass, context, &network->arena);
        const float *states = run(network, &pass, &(hd_input){.ids = ids}, NULL)->data;
        for (int64_t i = 0; i < TOKENS * WIDTH; i++) assert_true(without ? states[i] == 0 : states[i] != 0);
        hd_pass_close(&pass);
        hd_network_close(network);
        heed_context_close(context);
    }
}

static void what_no_forward_code_has_is_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_network *network;
    hd_recipe recipe = translator();
    recipe.side[HD_DECODER].window = 4, recipe.side[HD_DECODER].layers = HD_SET_LAYERS + 1;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    assert_string_equal(heed_context_message(context), "257 layers with a window of attention: heed builds up to 256");
    recipe = translator(), recipe.side[HD_ENCODER].key_heads = 3;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    recipe = translator(), recipe.side[HD_ENCODER].heads = 5;
    assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
    static const struct {
        int64_t buckets, distance;
        int side;
    } buckets[] = {{1, 8, HD_DECODER}, {3, 8, HD_ENCODER},  {8, 4, HD_DECODER},
                   {8, 2, HD_ENCODER}, {-4, 8, HD_DECODER}, {1 << 20, 1 << 24, HD_ENCODER}};
    for (size_t i = 0; i < HD_COUNT(buckets); i++) {
        recipe = translator();
        hd_side_recipe *side = &recipe.side[buckets[i].side];
        side->position_buckets = buckets[i].buckets, side->bucket_distance = buckets[i].distance;
        assert_int_equal(hd_network_open(context, &recipe, &network), HEED_UNSUPPORTED);
        assert_non_null(strstr(heed_context_message(context), "position buckets"));
    }
    assert_null(network);
    heed_context_close(context);
}

/* A table per side, or one per layer; a recipe without buckets is the same whatever else it says of them. */
static void position_buckets_have_tables(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int per_layer = 0; per_layer < 2; per_layer++) {
        hd_recipe recipe = translator(), other = recipe;
        other.side[HD_DECODER].bucket_distance = 5, other.side[HD_DECODER].bucket_per_layer = true;
        assert_true(hd_recipe_equal(&recipe, &other));
        recipe.side[HD_DECODER].position_buckets = 6, recipe.side[HD_DECODER].bucket_distance = 9;
        assert_false(hd_recipe_equal(&recipe, &other));
        recipe.side[HD_DECODER].bucket_per_layer = per_layer;
        hd_network *network = open(context, &recipe);
        for (int64_t layer = 0; layer < 2; layer++) {
            const hd_parameter *table = hd_network_layer(network, HD_DECODER, layer)[HD_MODULE_POSITION_BIAS].whole;
            assert_int_equal(table != NULL, layer == 0 || per_layer);
            assert_null(hd_network_layer(network, HD_ENCODER, layer)[HD_MODULE_POSITION_BIAS].whole);
            if (table) assert_true(table->rows == 6 && table->columns == 4);
        }
        hd_network_close(network);
    }
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biases_are_declared_apart),
        cmocka_unit_test(rows_of_the_embedding_give_the_states_of_ids),
        cmocka_unit_test(a_text_is_read_by_the_last_side),
        cmocka_unit_test(selected_rows_have_the_same_bits),
        cmocka_unit_test(relative_positions_that_heed_lacks_are_refused),
        cmocka_unit_test(relative_states_do_not_depend_on_the_batch),
        cmocka_unit_test(no_two_slots_have_one_random_stream),
        cmocka_unit_test(a_layer_more_changes_no_other_mask),
        cmocka_unit_test(sites_differ),
        cmocka_unit_test(every_recipe_decodes_with_a_cache),
        cmocka_unit_test(caches_parts_and_beams_change_no_bit),
        cmocka_unit_test(equal_windows_are_equal_recipes),
        cmocka_unit_test(a_decoder_may_have_its_own_vocabulary),
        cmocka_unit_test(sinusoids_apart),
        cmocka_unit_test(padding_tokens_have_no_position),
        cmocka_unit_test(positions_may_be_stored_or_computed),
        cmocka_unit_test(logits_are_scaled_and_capped),
        cmocka_unit_test(an_encoder_without_positions_is_blind_to_order),
        cmocka_unit_test(a_residual_connection_keeps_the_input),
        cmocka_unit_test(what_no_forward_code_has_is_refused),
        cmocka_unit_test(position_buckets_have_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
