/* Every folder of tests/golden/families against transformers: states, logits, gradients and generated tokens; and the same
 * bits with cached keys and values as without. */
#include "golden_families.h"

#include "decode/session.h"
#include "layers/decoder.h"

#include <math.h>

enum { PROJECTIONS = 2, DIGEST = 1 + PROJECTIONS };

/* ---- hash numbers ---- */

static uint32_t hash32(uint32_t x) {
    x *= 0x9e3779b1u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* In [−1, 1). */
static double coefficient(size_t i, int which) {
    return (double)hash32((uint32_t)i * 4 + (uint32_t)which) / 0x1p31 - 1;
}

/* The norm, and the sums of the products with vectors of hash numbers. */
static void digest(const float *x, size_t count, double out[DIGEST]) {
    for (int i = 0; i < DIGEST; i++) out[i] = 0;
    for (size_t i = 0; i < count; i++) {
        out[0] += (double)x[i] * (double)x[i];
        for (int k = 0; k < PROJECTIONS; k++) out[1 + k] += (double)x[i] * coefficient(i, k);
    }
    out[0] = sqrt(out[0]);
}

/* ---- against transformers ---- */

/* Rows of numbers, each within `tolerance` times the largest of all, or 1 if that is larger. */
static void assert_rows(const golden *g, const char *key, const double *found, double tolerance) {
    const json_t *rows = json_object_get(g->expected, key), *row, *value;
    double largest = 1;
    size_t i, j, at = 0;
    json_array_foreach(rows, i, row) json_array_foreach(row, j, value) largest =
        fmax(largest, fabs(json_number_value(value)));
    json_array_foreach(rows, i, row) json_array_foreach(row, j, value) {
        double expected = json_number_value(value), x = found[at++];
        if (!(fabs(x - expected) <= tolerance * largest))
            fail_msg("%s: %s of row %zu, column %zu is %.7g, expected %.7g; the largest is %.3g", g->name, key, i, j, x,
                     expected, largest);
    }
}

static void assert_digests(const golden *g, const char *key, const float *states, int64_t rows, int64_t width) {
    double *found = malloc((size_t)rows * DIGEST * sizeof *found);
    for (int64_t i = 0; i < rows; i++) digest(states + i * width, (size_t)width, found + i * DIGEST);
    assert_int_equal(rows, json_array_size(json_object_get(g->expected, key)));
    assert_rows(g, key, found, 1e-5);
    free(found);
}

static void assert_logits(const golden *g, const results *r) {
    size_t count = (size_t)(r->rows * r->classes);
    const json_t *rows = json_object_get(g->expected, "logits");
    if (!r->logits) {
        assert_null(rows);
        return;
    }
    assert_int_equal(r->rows, json_array_size(rows));
    assert_int_equal(r->classes, json_array_size(json_array_get(rows, 0)));
    double *found = malloc(count * sizeof *found);
    for (size_t i = 0; i < count; i++) found[i] = (double)r->logits[i];
    assert_rows(g, "logits", found, 1e-5);
    free(found);
}

static void assert_encoder(const golden *g, heed_model *model) {
    hd_pass pass;
    if (!translates(model)) return;
    hd_pass_open(&pass, model->context, &model->network->arena);
    const hd_tensor *states = encode(model, &pass, g);
    if (!states) fail_msg("%s: %s", g->name, heed_context_message(model->context));
    assert_digests(g, "encoder", hd_pass_download(&pass, states->data, hd_tensor_count(states)), states->rows,
                   states->columns);
    hd_pass_close(&pass);
}

static void states_and_logits(void **state) {
    golden *g = *state;
    for (int purpose = HD_OPEN_TO_RUN; purpose <= HD_OPEN_TO_TRAIN; purpose++) {
        heed_context *context = open_context();
        heed_model *model = open_golden(context, g, g->path, (hd_open_purpose)purpose);
        results r = compute(g, model);
        int64_t tokens = hd_layout_rows(translates(model) ? &g->targets.layout : &g->texts.layout);
        assert_digests(g, "states", r.states, tokens, r.width);
        assert_logits(g, &r);
        assert_encoder(g, model);
        free_results(&r);
        hd_model_close(model);
        heed_context_close(context);
    }
}

/* ---- gradients ---- */

/* Whether the loss is a cross entropy: there are classes to choose among. */
static bool chooses(const heed_model *model) {
    const hd_network *network = model->network;
    hd_head head = (hd_head)network->recipe.head;
    bool scores = hd_head_predicts_tokens(head) || hd_head_classifies(head);
    return scores && network->output->rows > 1;
}

static void lose_classes(const heed_model *model, hd_pass *pass, hd_tensor *rows) {
    const hd_network *network = model->network;
    hd_cross_entropy_options options = {
        .bias = network->output_bias, .scale = 1, .classes = hd_network_classes(network)};
    int32_t targets[MOST_TOKENS], starts[] = {0, (int32_t)rows->rows};
    double loss = 0;
    for (int32_t i = 0; i < rows->rows; i++)
        targets[i] = (int32_t)(hash32((uint32_t)i) % (uint32_t)(network->output->rows - 1));
    hd_layout texts = {1, starts, NULL, NULL};
    assert_ok(pass->context, hd_network_loss(network, pass, rows, targets, &texts, &options, &loss));
}

/* The loss is the sum of the products of these rows with hash numbers, which are therefore the gradient. */
static void lose_numbers(hd_pass *pass, hd_tensor *rows) {
    bool add;
    float *gradient = hd_gradient(pass, rows, &add);
    if (!gradient) fail_msg("%s", heed_context_message(pass->context));
    for (int64_t i = 0; i < hd_tensor_count(rows); i++) gradient[i] = (float)coefficient((size_t)i, 0);
}

static void backward(const golden *g, heed_model *model, float *gradients) {
    hd_pass pass;
    hd_pass_open(&pass, model->context, &model->network->arena);
    pass.recording = true;
    pass.gradients = gradients;
    hd_tensor *rows = head(model, &pass, g, forward(model, &pass, g));
    if (!rows) fail_msg("%s: %s", g->name, heed_context_message(model->context));
    hd_module_weights output = {.weight = model->network->output, .bias = model->network->output_bias};
    bool alone = model->network->recipe.head == HD_HEAD_NONE;
    if (chooses(model))
        lose_classes(model, &pass, rows);
    else
        lose_numbers(&pass, alone ? rows : hd_apply(&pass, &output, rows, HD_IDENTITY));
    assert_ok(model->context, hd_pass_backward(&pass));
    hd_pass_close(&pass);
}

/* Puts each parameter's gradient in the place of its numbers; zero for one that is not trained. */
static void replace_by_gradients(const golden *g, heed_model *model) {
    hd_network *network = model->network;
    hd_network_prepare_training(network);
    float *gradients = calloc((size_t)network->gradient_count, sizeof *gradients);
    backward(g, model, gradients);
    for (int64_t i = 0; i < network->count; i++) {
        const hd_parameter *p = network->parameters[i];
        size_t bytes = (size_t)hd_parameter_count(p) * sizeof *p->data;
        if (p->trained)
            memcpy(p->data, gradients + p->gradient_at, bytes);
        else
            memset(p->data, 0, bytes);
    }
    free(gradients);
}

static void assert_gradient(const golden *g, const hd_stored_tensor *stored, const json_t *expected) {
    static const char *const what[] = {"largest", "norm", "first sum", "second sum"};
    const float *numbers = stored->data;
    double found[1 + DIGEST] = {0};
    for (size_t i = 0; i < stored->count; i++) found[0] = fmax(found[0], fabs((double)numbers[i]));
    digest(numbers, stored->count, found + 1);
    if (!expected && found[0] != 0)
        fail_msg("%s: the gradient of %s is up to %g, expected none", g->name, stored->name, found[0]);
    double largest = expected ? fmax(1, json_number_value(json_array_get(expected, 0))) : 1;
    for (size_t i = 0; i < 1 + DIGEST && expected; i++) {
        double number = json_number_value(json_array_get(expected, i));
        if (!(fabs(found[i] - number) <= 1e-4 * largest))
            fail_msg("%s: gradient of %s: the %s is %.7g, expected %.7g", g->name, stored->name, what[i], found[i],
                     number);
    }
}

/* A saved model whose weights are the gradients has them under the names and in the layout of transformers. */
static void gradients(void **state) {
    golden *g = *state;
    char folder[64];
    heed_context *context = open_context();
    hd_weights *weights;
    heed_model *model = open_golden(context, g, g->path, HD_OPEN_TO_TRAIN);
    const json_t *expected = json_object_get(g->expected, "gradients");
    replace_by_gradients(g, model);
    make_folder(folder);
    assert_ok(context, hd_model_save(model, folder, HD_F32, "a card"));
    assert_ok(context, hd_weights_open(context, folder, &weights));
    size_t found = 0;
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *stored = hd_weights_at(weights, i);
        const json_t *one = json_object_get(expected, stored->name);
        assert_gradient(g, stored, one);
        found += one != NULL;
    }
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)expected, name, one) if (!hd_weights_find(weights, name))
        fail_msg("%s: no gradient of %s", g->name, name);
    assert_int_equal(found, json_object_size(expected));
    hd_weights_close(weights);
    hd_model_close(model);
    heed_context_close(context);
    remove_folder(folder);
}

/* ---- generated text ---- */

/* Returns the score. Prompts are processed in parts of up to `part` tokens; 0: at once. */
static float assert_generated(const golden *g, heed_model *model, const json_t *row, const char *search, int64_t beams,
                              int64_t part) {
    size_t text = (size_t)json_integer_value(json_object_get(row, "text")), i;
    const json_t *ids = json_object_get(row, search), *value;
    hd_generation generation;
    hd_session *session;
    hd_decoded decoded;
    hd_generation_default(&generation);
    generation.start = model->network->recipe.decoder_start;
    generation.beams = beams;
    generation.max_new_tokens = (int64_t)json_array_size(ids);
    hd_request request = {.ids = g->texts.ids + g->texts.starts[text],
                          .count = g->texts.starts[text + 1] - g->texts.starts[text],
                          .generation = &generation};
    assert_ok(model->context, hd_session_open(model->context, model->network, &(hd_session_limits){part}, &session));
    assert_ok(model->context, hd_session_add(session, &request, NULL));
    while (hd_session_is_busy(session)) assert_ok(model->context, hd_session_step(session));
    assert_true(hd_session_next(session, &decoded));
    assert_int_equal(decoded.best[0].count, json_array_size(ids));
    json_array_foreach(ids, i, value) if (decoded.best[0].ids[i] != (int32_t)json_integer_value(value))
        fail_msg("%s: %s, text %zu: token %zu is %d, expected %d", g->name, search, text, i, decoded.best[0].ids[i],
                 (int)json_integer_value(value));
    float score = decoded.best[0].score;
    hd_session_close(session);
    return score;
}

static void assert_both_generated(const golden *g, heed_model *model, const json_t *row, const char *search,
                                  int64_t beams) {
    float whole = assert_generated(g, model, row, search, beams, 0);
    float parts = assert_generated(g, model, row, search, beams, 7);
    assert_memory_equal(&whole, &parts, sizeof whole);
}

static void generated(void **state) {
    golden *g = *state;
    heed_context *context = open_context();
    heed_model *model = open_golden(context, g, g->path, HD_OPEN_TO_RUN);
    const json_t *rows = json_object_get(g->expected, "generated"), *row;
    size_t i;
    if (!rows && model->network->recipe.head == HD_HEAD_LANGUAGE) fail_msg("%s: no tokens are expected", g->name);
    json_array_foreach(rows, i, row) {
        assert_both_generated(g, model, row, "greedy", 1);
        assert_both_generated(g, model, row, "beams", 4);
    }
    hd_model_close(model);
    heed_context_close(context);
}

/* ---- cached keys and values ---- */

/* A text in steps of `chunk` tokens: the logits after each step are those of the whole text at once. */
static void assert_cached(const golden *g, heed_model *model, const results *whole, int64_t text, int64_t chunk) {
    const side_input *input = translates(model) ? &g->targets : &g->texts;
    int32_t first = input->starts[text], count = input->starts[text + 1] - first, scored = 0;
    int32_t source[] = {0, translates(model) ? g->texts.starts[text + 1] - g->texts.starts[text] : 0};
    hd_decoder *decoder;
    assert_ok(model->context, hd_network_decoder_open(model->context, model->network, &decoder));
    assert_ok(model->context,
              decoder->class->add(decoder, g->texts.ids + g->texts.starts[text], &(hd_layout){1, source, NULL, NULL}));
    for (int32_t at = 0; at < count; at += (int32_t)chunk) {
        int32_t starts[] = {0, (int32_t)hd_min(chunk, count - at)}, end = at + starts[1];
        float *logits;
        hd_layout layout = {.sequences = 1, .starts = starts, .lengths = &count};
        assert_ok(model->context, decoder->class->step(decoder, input->ids + first + at, &layout, &scored, 1));
        assert_ok(model->context, decoder->class->logits(decoder, 0, whole->classes, &logits));
        const float *expected = whole->logits + (first + end - 1) * whole->classes;
        if (memcmp(logits, expected, (size_t)whole->classes * sizeof *logits) != 0)
            fail_msg("%s: text %lld in steps of %lld tokens: the bits after token %d differ", g->name, (long long)text,
                     (long long)chunk, end - 1);
    }
    decoder->class->close(decoder);
}

static void cached_equals_uncached(void **state) {
    static const int64_t chunks[] = {1, 7, 63, 65};
    golden *g = *state;
    heed_context *context = open_context();
    heed_model *model = open_golden(context, g, g->path, HD_OPEN_TO_RUN);
    if (model->network->recipe.head == HD_HEAD_LANGUAGE) {
        results whole = compute(g, model);
        for (size_t c = 0; c < HD_COUNT(chunks); c++)
            for (int64_t text = 0; text < g->texts.layout.sequences; text++)
                assert_cached(g, model, &whole, text, chunks[c]);
        free_results(&whole);
    }
    hd_model_close(model);
    heed_context_close(context);
}

int main(void) {
    static const golden_check checks[] = {{"states and logits", states_and_logits},
                                          {"gradients", gradients},
                                          {"generated", generated},
                                          {"cached", cached_equals_uncached}};
    return run_golden_checks("families", checks, HD_COUNT(checks));
}
