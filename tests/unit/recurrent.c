/* Recurrent networks made by PyTorch: equal logits and gradients (tests/golden/recurrent/make.py); and the same bits
 * however the work is cut. */
#include "fixture.h"

#include "formats/safetensors.h"
#include "layers/decoder.h"
#include "layers/recurrent.h"
#include "models/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 }; /* tokens and sequences */

typedef struct side {
    int32_t ids[MOST], starts[MOST];
    hd_layout layout;
} side;

typedef struct fixture {
    heed_context *context;
    hd_json json;
    side sources, wanted, fed;
    hd_network *network;
    hd_safetensors *file;
} fixture;

static void read_side(const json_t *lists, side *s) {
    size_t i, j;
    json_t *list, *id;
    int32_t at = 0;
    json_array_foreach(lists, i, list) {
        s->starts[i] = at;
        json_array_foreach(list, j, id) s->ids[at++] = (int32_t)json_integer_value(id);
    }
    s->starts[json_array_size(lists)] = at;
    s->layout = (hd_layout){(int64_t)json_array_size(lists), s->starts, NULL, NULL};
}

static void open_cases(fixture *f) {
    f->context = open_context();
    assert_ok(f->context, hd_json_open(f->context, GOLDEN "/recurrent/cases.json", &f->json));
    read_side(json_object_get(f->json.root, "sources"), &f->sources);
    read_side(json_object_get(f->json.root, "targets"), &f->wanted);
    f->fed = f->wanted;
    f->fed.layout.starts = f->fed.starts;
    for (int64_t s = 0; s < f->fed.layout.sequences; s++) {
        int32_t first = f->fed.starts[s], end = f->fed.starts[s + 1];
        memmove(f->fed.ids + first + 1, f->wanted.ids + first, (size_t)(end - first - 1) * sizeof(int32_t));
    }
}

/* The network of a case, with its weights. */
static const char *open_network(fixture *f, const json_t *one) {
    hd_json config = {.context = f->context, .path = (char *)(uintptr_t) "cases.json"};
    config.root = json_object_get(one, "config");
    hd_recipe recipe;
    assert_ok(f->context, hd_family_read(&hd_heed_rnn, &config, &recipe));
    assert_ok(f->context, hd_network_open(f->context, &recipe, &f->network));
    for (int64_t s = 0; s < f->fed.layout.sequences; s++) f->fed.ids[f->fed.starts[s]] = recipe.decoder_start;
    const char *name = json_string_value(json_object_get(one, "name"));
    char path[512];
    snprintf(path, sizeof path, "%s/recurrent/%s.safetensors", GOLDEN, name);
    assert_ok(f->context, hd_safetensors_open(f->context, path, &f->file));
    for (int64_t i = 0; i < f->network->count; i++) {
        hd_parameter *p = f->network->parameters[i];
        hd_buffer text;
        hd_buffer_open(&text, f->context);
        hd_family_weight_name(&hd_heed_rnn, &f->network->slots[i], &text);
        const hd_stored_tensor *stored = hd_safetensors_find(f->file, text.data);
        if (!stored) fail_msg("%s: no tensor %s", name, text.data);
        assert_int_equal(stored->count, hd_parameter_count(p));
        p->data = hd_arena_alloc(&f->network->arena, (size_t)stored->count, sizeof(float));
        memcpy(p->data, stored->data, (size_t)stored->count * sizeof(float));
        p->name = strcpy(hd_arena_alloc(&f->network->arena, text.size + 1, 1), text.data);
        hd_buffer_close(&text);
    }
    hd_network_prepare_training(f->network);
    return name;
}

static void close_network(fixture *f) {
    hd_network_close(f->network);
    hd_safetensors_close(f->file);
}

static void assert_close(const char *name, const char *what, const float *found, const hd_stored_tensor *stored) {
    for (int64_t i = 0; i < (int64_t)stored->count; i++) {
        float expected;
        memcpy(&expected, (const char *)stored->data + i * 4, sizeof expected);
        if (!(fabsf(found[i] - expected) <= 1e-5f * (1 + fabsf(expected))))
            fail_msg("%s: %s at %lld is %.8g, expected %.8g", name, what, (long long)i, (double)found[i],
                     (double)expected);
    }
}

static hd_tensor *decode(const fixture *f, hd_pass *pass, const side *sources, const side *fed) {
    hd_tensor *memory = f->network->recipe.side[HD_ENCODER].layers
                            ? hd_network_encode(f->network, pass, &(hd_input){.ids = sources->ids}, &sources->layout)
                            : NULL;
    return hd_network_decode(f->network, pass, &(hd_input){.ids = fed->ids}, &fed->layout, memory);
}

static void check_gradients(fixture *f, const char *name) {
    hd_pass pass;
    hd_pass_open(&pass, f->context, &f->network->arena);
    pass.recording = pass.training = true;
    pass.gradients = calloc((size_t)f->network->gradient_count, sizeof(float));
    double loss = 0;
    hd_cross_entropy_options options = {.classes = f->network->recipe.vocabulary, .scale = 1};
    hd_tensor *states = decode(f, &pass, &f->sources, &f->fed);
    assert_ok(f->context, hd_cross_entropy(&pass, states, f->network->output, f->wanted.ids, &options, &loss));
    assert_ok(f->context, hd_pass_backward(&pass));
    for (int64_t i = 0; i < f->network->count; i++) {
        const hd_parameter *p = f->network->parameters[i];
        char key[256];
        snprintf(key, sizeof key, "gradient.%s", p->name);
        if (p->trained) assert_close(name, key, pass.gradients + p->gradient_at, hd_safetensors_find(f->file, key));
    }
    free(pass.gradients);
    hd_pass_close(&pass);
}

/* Logits of all target tokens, and in `alone` those of each sentence alone. */
static void check_logits(fixture *f, const char *name) {
    int64_t vocabulary = f->network->recipe.vocabulary;
    size_t row = (size_t)vocabulary * sizeof(float);
    hd_pass pass, alone;
    hd_pass_open(&pass, f->context, &f->network->arena);
    hd_pass_open(&alone, f->context, &f->network->arena);
    hd_tensor *logits = hd_network_logits(f->network, &pass, decode(f, &pass, &f->sources, &f->fed), 0, vocabulary);
    assert_non_null(logits);
    assert_close(name, "logit", logits->data, hd_safetensors_find(f->file, "logits"));
    for (int64_t s = 0; s < f->fed.layout.sequences; s++) {
        int32_t source = f->sources.starts[s], target = f->fed.starts[s], count = f->fed.starts[s + 1] - target;
        side one = {.starts = {0, f->sources.starts[s + 1] - source}}, fed = {.starts = {0, count}};
        memcpy(one.ids, f->sources.ids + source, (size_t)one.starts[1] * sizeof(int32_t));
        memcpy(fed.ids, f->fed.ids + target, (size_t)count * sizeof(int32_t));
        one.layout = (hd_layout){1, one.starts, NULL, NULL};
        fed.layout = (hd_layout){1, fed.starts, NULL, NULL};
        hd_pass_reset(&alone);
        hd_tensor *found = hd_network_logits(f->network, &alone, decode(f, &alone, &one, &fed), 0, vocabulary);
        assert_memory_equal(found->data, logits->data + target * vocabulary, (size_t)count * row);
    }
    hd_pass_close(&pass);
    hd_pass_close(&alone);
}

static void expect_logits(hd_decoder *decoder, const char *name, const float *expected, const int32_t *rows,
                          int64_t slots) {
    float *found;
    assert_int_equal(decoder->class->logits(decoder, 0, decoder->vocabulary, &found), HEED_OK);
    for (int64_t s = 0; s < slots; s++)
        if (memcmp(found + s * decoder->vocabulary, expected + rows[s] * decoder->vocabulary,
                   (size_t)decoder->vocabulary * sizeof(float)) != 0)
            fail_msg("%s: slot %lld has other logits than row %d of the batch", name, (long long)s, rows[s]);
}

/* A decoding session gives the same bits as the batch, a token or several at a time, with slots copied and dropped. */
static void check_decoder(fixture *f, const char *name) {
    hd_pass pass;
    hd_pass_open(&pass, f->context, &f->network->arena);
    int64_t vocabulary = f->network->recipe.vocabulary;
    float *expected = hd_network_logits(f->network, &pass, decode(f, &pass, &f->sources, &f->fed), 0, vocabulary)->data;
    hd_decoder *decoder;
    assert_ok(f->context, hd_network_decoder_open(f->context, f->network, &decoder));
    for (int again = 0; again < 2; again++) { /* a session can be started anew */
        const int32_t *starts = f->fed.starts;
        assert_ok(f->context, decoder->class->reorder(decoder, NULL, 0));
        assert_ok(f->context, decoder->class->add(decoder, f->sources.ids, &f->sources.layout));
        /* targets are 5, 2, 4 and 7 long: feed 2, 1, 1 and 3 tokens */
        int32_t counts[] = {0, 2, 3, 4, 7}, ids[MOST], rows[MOST], at = 0;
        for (int s = 0; s < 4; s++) {
            rows[s] = starts[s] + counts[s + 1] - counts[s] - 1;
            for (int i = 0; i < counts[s + 1] - counts[s]; i++) ids[at++] = f->fed.ids[starts[s] + i];
        }
        hd_layout layout = {4, counts, NULL, NULL};
        int32_t parents[] = {0, 0, 2, 3, 3, 3}, one_each[] = {0, 1, 2, 3, 4, 5, 6};
        assert_ok(f->context, decoder->class->step(decoder, ids, &layout, one_each, 4));
        expect_logits(decoder, name, expected, rows, 4);
        /* sentence 0 twice, 1 gone, 2 once, 3 three times */
        assert_ok(f->context, decoder->class->reorder(decoder, parents, 6));
        for (int s = 0; s < 6; s++) ids[s] = f->fed.ids[rows[parents[s]] + 1];
        layout = (hd_layout){6, one_each, NULL, NULL};
        assert_ok(f->context, decoder->class->step(decoder, ids, &layout, one_each, 6));
        int32_t next[6];
        for (int s = 0; s < 6; s++) next[s] = rows[parents[s]] + 1;
        expect_logits(decoder, name, expected, next, 6);
        /* sentence 2 and one of 3 stay, and all join them: 1 and 1, and 2, 1, 1 and 3 tokens, the second slot idle first */
        int32_t staying[] = {2, 4}, together[] = {0, 1, 1, 3, 4, 5, 8}, alone[] = {0, 0, 1, 1, 1, 1, 1};
        int32_t after[] = {next[2] + 1, next[4] + 1}, all_but_one[] = {0, 2, 3, 4, 5};
        assert_ok(f->context, decoder->class->reorder(decoder, staying, 2));
        assert_ok(f->context, decoder->class->add(decoder, f->sources.ids, &f->sources.layout));
        at = 0;
        ids[at++] = f->fed.ids[after[0]];
        for (int s = 0; s < 4; s++)
            for (int i = 0; i < counts[s + 1] - counts[s]; i++) ids[at++] = f->fed.ids[starts[s] + i];
        layout = (hd_layout){6, together, NULL, NULL};
        assert_ok(f->context, decoder->class->step(decoder, ids, &layout, all_but_one, 5));
        int32_t last[] = {after[0], rows[0], rows[1], rows[2], rows[3]};
        expect_logits(decoder, name, expected, last, 5);
        layout = (hd_layout){6, alone, NULL, NULL};
        assert_ok(f->context, decoder->class->step(decoder, &f->fed.ids[after[1]], &layout, one_each + 1, 1));
        expect_logits(decoder, name, expected, after + 1, 1);
    }
    decoder->class->close(decoder);
    hd_pass_close(&pass);
}

/* The same of a decoder alone: a prompt of several tokens, a copy of its slot, and single tokens. */
static void check_prompts(fixture *f, const char *name) {
    if (f->network->recipe.side[HD_ENCODER].layers) return;
    hd_pass pass;
    hd_pass_open(&pass, f->context, &f->network->arena);
    int64_t vocabulary = f->network->recipe.vocabulary;
    float *expected = hd_network_logits(f->network, &pass, decode(f, &pass, &f->sources, &f->fed), 0, vocabulary)->data;
    hd_decoder *decoder;
    const int32_t *starts = f->fed.starts, last = 3; /* its target has 7 tokens */
    int32_t prompt[] = {0, 0, 0, 0, 4}, one[] = {0, 0, 0, 0, 1}, scored[] = {3, 4}, pair[] = {0, 0, 0, 0, 1, 2};
    assert_ok(f->context, hd_network_decoder_open(f->context, f->network, &decoder));
    assert_ok(f->context, decoder->class->add(decoder, NULL, &f->sources.layout));
    hd_layout layout = {4, prompt, NULL, NULL};
    assert_ok(f->context, decoder->class->step(decoder, f->fed.ids + starts[last], &layout, scored, 1));
    int32_t row = starts[last] + 3;
    expect_logits(decoder, name, expected, &row, 1);
    layout = (hd_layout){4, one, NULL, NULL};
    assert_ok(f->context, decoder->class->step(decoder, f->fed.ids + row + 1, &layout, scored, 1));
    row++;
    expect_logits(decoder, name, expected, &row, 1);
    int32_t parents[] = {0, 1, 2, 3, 3}, ids[] = {f->fed.ids[row + 1], f->fed.ids[row + 1]},
            rows[] = {row + 1, row + 1};
    assert_ok(f->context, decoder->class->reorder(decoder, parents, 5));
    layout = (hd_layout){5, pair, NULL, NULL};
    assert_ok(f->context, decoder->class->step(decoder, ids, &layout, scored, 2));
    expect_logits(decoder, name, expected, rows, 2);
    decoder->class->close(decoder);
    hd_pass_close(&pass);
}

static void for_all_cases(void (*check)(fixture *f, const char *name), bool with_encoder) {
    fixture f;
    memset(&f, 0, sizeof f);
    open_cases(&f);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(f.json.root, "cases"), i, one) {
        const char *name = open_network(&f, one);
        if (f.network->recipe.side[HD_ENCODER].layers || !with_encoder) check(&f, name);
        close_network(&f);
    }
    hd_json_close(&f.json);
    heed_context_close(f.context);
}

static void logits_are_pytorchs(void **state) {
    (void)state;
    for_all_cases(check_logits, false);
}
static void gradients_are_pytorchs(void **state) {
    (void)state;
    for_all_cases(check_gradients, false);
}
static void sessions_are_batches(void **state) {
    (void)state;
    for_all_cases(check_decoder, true);
    for_all_cases(check_prompts, false);
}

/* A memory that is not one vector, and one without a cell state, cannot be a decoder's first state. */
static void states_that_are_not_vectors_are_refused(void **state) {
    (void)state;
    static const struct {
        int cell, memory;
        bool fits;
    } cases[] = {{HD_GRU, HD_MEMORY_LAST, true},       {HD_ELMAN, HD_MEMORY_MEAN, true},
                 {HD_LSTM, HD_MEMORY_LAST, false},     {HD_GRU, HD_MEMORY_BAHDANAU, false},
                 {HD_GRU, HD_MEMORY_LUONG_DOT, false}, {HD_GRU, HD_MEMORY_CONCATENATED, false}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_network *network;
        hd_recipe recipe = {.vocabulary = 11, .width = 8, .architecture = HD_RECURRENT, .cell = cases[i].cell};
        recipe.memory = cases[i].memory, recipe.direct_states = true;
        for (int side = 0; side < HD_SIDES; side++)
            recipe.side[side] = (hd_side_recipe){.layers = 1, .max_positions = 16};
        heed_status status = hd_network_open(context, &recipe, &network);
        assert_int_equal(status, cases[i].fits ? HEED_OK : HEED_UNSUPPORTED);
        if (!cases[i].fits) assert_non_null(strstr(heed_context_message(context), "\"direct_states\" of "));
        hd_network_close(network);
    }
    heed_context_close(context);
}

/* The states of one vector are not kept for a decoder to copy from. */
static void copying_without_attention_is_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int memory = HD_MEMORY_LAST; memory <= HD_MEMORY_LUONG_CONCAT; memory++) {
        hd_network *network;
        hd_recipe recipe = {.vocabulary = 11, .width = 8, .architecture = HD_RECURRENT, .copies = true};
        recipe.memory = memory;
        for (int side = 0; side < HD_SIDES; side++)
            recipe.side[side] = (hd_side_recipe){.layers = 1, .max_positions = 16};
        bool fits = hd_recipe_attends(&recipe);
        assert_int_equal(hd_network_open(context, &recipe, &network), fits ? HEED_OK : HEED_UNSUPPORTED);
        if (!fits) assert_non_null(strstr(heed_context_message(context), ": copying needs attention"));
        hd_network_close(network);
    }
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_are_pytorchs), cmocka_unit_test(gradients_are_pytorchs),
                                       cmocka_unit_test(sessions_are_batches),
                                       cmocka_unit_test(states_that_are_not_vectors_are_refused),
                                       cmocka_unit_test(copying_without_attention_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
