/* The steps of an attention head, from one observed pass: queries, keys, values and weights are copied from the pass; products,
 * scores and the weighted sum are computed again from them. */
#include "tasks/head_steps.h"

#include "base/float_environment.h"
#include "base/number.h"
#include "inspect/head_steps.h"
#include "inspect/steps.h"
#include "inspect/step_labels.h"
#include "layers/positions.h"
#include "layers/stack.h"
#include "tasks/observation.h"

#include <math.h>
#include <string.h>

typedef struct reading {
    hd_observation observation;
    const hd_network *network;
    hd_head_steps *steps;
    const hd_side_recipe *side;              /* of the queries */
    const hd_words *query_words, *key_words; /* their tokens */
    hd_captured_rows queries, keys, values;  /* of all layers */
    hd_attention_map map;
} reading;

/* ---- which head, which query ---- */

static heed_status check_number(heed_context *context, const char *noun, int64_t number, int64_t count) {
    if (number <= count) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%s is %lld, but there %s %lld", noun, (long long)number,
                   count == 1 ? "is" : "are", (long long)count);
}

/* The kind of attention; without the option cross-attention, if there is any. */
static heed_status choose_kind(reading *r) {
    const hd_recipe *recipe = &r->network->recipe;
    const hd_inspect_settings *settings = r->observation.settings;
    bool encodes = recipe->side[HD_ENCODER].layers, decodes = recipe->side[HD_DECODER].layers;
    hd_attention_kind kind = settings->kind       ? (hd_attention_kind)(settings->kind - 1)
                             : encodes && decodes ? HD_CROSS_ATTENTION
                             : encodes            ? HD_ENCODER_ATTENTION
                                                  : HD_DECODER_ATTENTION;
    bool lacks = kind == HD_ENCODER_ATTENTION   ? !encodes
                 : kind == HD_DECODER_ATTENTION ? !decodes
                                                : !encodes || !decodes;
    heed_context *context = r->observation.model->context;
    if (lacks) return hd_fail(context, HEED_ARGUMENT, "the model has no %s attention", hd_attention_names[kind]);
    r->side = &recipe->side[kind == HD_ENCODER_ATTENTION ? HD_ENCODER : HD_DECODER];
    if (kind != HD_CROSS_ATTENTION && r->side->relative_positions)
        return hd_fail(context, HEED_UNSUPPORTED,
                       "the scores of this model depend on relative positions, which steps lack");
    r->steps->kind = kind;
    HD_TRY(check_number(context, "layer", settings->layer, r->side->layers));
    return check_number(context, "head", settings->head, r->side->heads);
}

/* The tokens of the rows of each kind of attention. */
static void choose_words(reading *r) {
    hd_observation *o = &r->observation;
    const struct {
        const hd_words *queries, *keys;
    } sides[HD_ATTENTION_KINDS] = {{&o->source_words, &o->source_words},
                                   {&o->decoder_words, &o->decoder_words},
                                   {&o->predicted_words, &o->source_words}};
    r->query_words = sides[r->steps->kind].queries, r->key_words = sides[r->steps->kind].keys;
}

/* The first token of a word, or a token, by its text; −1 if there is none. */
static int64_t find_token(const hd_words *words, const char *text) {
    for (int64_t i = 0; i < words->tokens; i++) {
        const char *label = words->token_labels[i];
        bool begins = !i || words->word[i] != words->word[i - 1];
        if (strcmp(label, text) == 0 || strcmp(hd_step_token(label), text) == 0) return i;
        if (begins && words->word[i] >= 0 && strcmp(words->word_labels[words->word[i]], text) == 0) return i;
    }
    return -1;
}

static bool has_letter(const char *label) {
    for (const char *c = hd_step_token(label); *c; c++)
        if ((*c | 32) >= 'a' && (*c | 32) <= 'z')
            return true;
        else if (*c & 0x80)
            return true;
    return false;
}

/* The last token with a letter that is not a special one. */
static int64_t default_token(const hd_words *words) {
    for (int64_t i = words->tokens - 1; i >= 0; i--)
        if (words->spaced_word[i] >= 0 && has_letter(words->token_labels[i])) return i;
    return words->tokens - 1;
}

static heed_status choose_query(reading *r) {
    const char *text = r->observation.settings->word;
    const hd_words *words = r->query_words;
    int64_t number, found = text ? find_token(words, text) : default_token(words);
    if (found < 0 && hd_read_int(text, &number) && number >= 1 && number <= words->tokens) found = number - 1;
    if (found < 0)
        return hd_fail(r->observation.model->context, HEED_ARGUMENT,
                       "word is \"%.60s\", expected a word of the text or a number from 1 to %lld", text,
                       (long long)words->tokens);
    r->steps->index = found;
    r->steps->label = words->token_labels[found];
    return HEED_OK;
}

/* ---- numbers ---- */

/* Rows of the chosen layer of what all layers reported. */
static const float *rows_of(const reading *r, const hd_captured_rows *all) {
    int64_t rows = all->rows / r->side->layers;
    return all->data + (r->steps->layer - 1) * rows * all->columns;
}

/* Biases of position buckets: of the layer, or those of layer 0 that all share. NULL: there are none. */
static const hd_parameter *bias_table(const reading *r) {
    hd_network_side side = r->steps->kind == HD_ENCODER_ATTENTION ? HD_ENCODER : HD_DECODER;
    if (r->steps->kind == HD_CROSS_ATTENTION) return NULL;
    int64_t layer = r->side->bucket_per_layer ? hd_side_stored_layer(r->side, r->steps->layer - 1) : 0;
    return hd_network_layer(r->network, side, layer)[HD_MODULE_POSITION_BIAS].whole;
}

static heed_status set_biases(reading *r) {
    const hd_parameter *table = bias_table(r);
    hd_head_steps *s = r->steps;
    float *row;
    if (!table) return HEED_OK;
    s->biased = true;
    if (!(row = hd_arena_alloc(&r->observation.scratch, (size_t)table->columns, sizeof *row))) return HEED_MEMORY;
    for (int64_t k = 0; k < s->count; k++) {
        int32_t bucket = hd_position_bucket(k - s->index, r->side->position_buckets, r->side->bucket_distance,
                                            s->kind == HD_ENCODER_ATTENTION);
        HD_TRY(hd_network_rows(r->observation.model->context, table, &bucket, 1, row));
        s->keys[k].bias = (double)row[s->head - 1];
    }
    return HEED_OK;
}

/* Whether the query attends to the key at index k. */
static bool is_visible(const hd_head_steps *s, int64_t k) {
    int64_t distance = s->index - k;
    if (s->causal && distance < 0) return false;
    return !s->window || (distance < s->window && -distance < s->window);
}

static void set_score(const hd_head_steps *s, hd_head_key *key) {
    double cap = (double)s->softcap;
    key->product = hd_attention_score(s->query, key->key, NULL, s->width);
    key->scaled = key->product * (double)s->scale;
    key->score = key->scaled + key->bias;
    if (cap > 0) key->score = cap * tanh(key->score / cap);
}

static heed_status set_keys(reading *r) {
    hd_head_steps *s = r->steps;
    hd_arena *arena = &s->picture.arena;
    const float *keys = rows_of(r, &r->keys) + (s->key_head - 1) * s->width;
    const float *values = rows_of(r, &r->values) + (s->key_head - 1) * s->width;
    const float *weights =
        r->map.weights + (((s->layer - 1) * s->heads + s->head - 1) * r->map.queries + s->index) * r->map.keys;
    s->count = r->key_words->tokens;
    s->query = rows_of(r, &r->queries) + s->index * r->queries.columns + (s->head - 1) * s->width;
    s->keys = hd_arena_alloc(arena, (size_t)s->count, sizeof *s->keys);
    if (!s->keys) return HEED_MEMORY;
    for (int64_t k = 0; k < s->count; k++) {
        bool masked = !is_visible(s, k);
        s->keys[k] = (hd_head_key){.label = r->key_words->token_labels[k],
                                   .key = keys + k * r->keys.columns,
                                   .value = values + k * r->values.columns,
                                   .masked = masked,
                                   .weight = masked ? 0 : (double)weights[k]};
    }
    HD_TRY(set_biases(r));
    for (int64_t k = 0; k < s->count; k++) set_score(s, &s->keys[k]);
    return HEED_OK;
}

static heed_status set_output(hd_head_steps *s) {
    float *output = hd_arena_alloc(&s->picture.arena, (size_t)s->width, sizeof *output);
    if (!output) return HEED_MEMORY;
    for (int64_t i = 0; i < s->width; i++) {
        double sum = 0;
        for (int64_t k = 0; k < s->count; k++) sum += s->keys[k].weight * (double)s->keys[k].value[i];
        output[i] = (float)sum;
    }
    s->output = output;
    return HEED_OK;
}

static void describe_head(reading *r) {
    const hd_inspect_settings *settings = r->observation.settings;
    const hd_side_recipe *side = r->side;
    hd_head_steps *s = r->steps;
    int64_t width = r->network->recipe.width;
    bool crosses = s->kind == HD_CROSS_ATTENTION;
    s->source = r->observation.source_text, s->target = r->observation.target_text;
    s->layer = settings->layer ? settings->layer : 1, s->layers = side->layers;
    s->head = settings->head ? settings->head : 1, s->heads = side->heads;
    s->key_heads = hd_side_key_heads(side);
    s->key_head = (s->head - 1) / (s->heads / s->key_heads) + 1;
    s->width = hd_side_head_width(side, width), s->model_width = width;
    s->rotated =
        !crosses && side->positions == HD_POSITIONS_ROTARY && !hd_layer_set_has(&side->unrotated_layers, s->layer - 1);
    s->normalized = side->query_key_norm != HD_QUERY_KEY_PLAIN;
    s->causal = s->kind == HD_DECODER_ATTENTION;
    s->window = crosses ? 0 : hd_side_window(side, s->layer - 1);
    s->scale = hd_side_score_scale(side, width), s->softcap = side->score_softcap;
}

/* ---- the pass ---- */

static heed_status copy_captured(reading *r, const hd_capture *capture) {
    hd_arena *arena = &r->steps->picture.arena;
    const hd_shown_heads *names = &hd_shown_head_names[r->steps->kind];
    HD_TRY(hd_capture_rows(capture, names->query, arena, &r->queries));
    HD_TRY(hd_capture_rows(capture, names->key, arena, &r->keys));
    HD_TRY(hd_capture_rows(capture, names->value, arena, &r->values));
    return hd_capture_map(capture, r->steps->kind, &r->observation.scratch, &r->map);
}

static heed_status observe(reading *r) {
    hd_capture capture;
    hd_capture_open(&capture, r->observation.model->context);
    heed_status status = hd_observation_run(&r->observation, &capture);
    if (status == HEED_OK) status = copy_captured(r, &capture);
    hd_capture_close(&capture);
    HD_TRY(status);
    HD_TRY(set_keys(r));
    return set_output(r->steps);
}

static heed_status read_text(reading *r) {
    HD_TRY(choose_kind(r));
    choose_words(r);
    describe_head(r);
    HD_TRY(choose_query(r));
    return observe(r);
}

heed_status hd_make_head_steps(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                               heed_picture **picture) {
    reading r = {.network = model->network};
    HD_TRY(hd_head_steps_open(model->context, &r.steps));
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_observation_open(model, settings, text, size, &r.steps->picture.arena, &r.observation);
    if (status == HEED_OK) status = read_text(&r);
    hd_observation_close(&r.observation);
    hd_float_leave(found);
    if (status == HEED_OK)
        *picture = &r.steps->picture;
    else
        heed_picture_close(&r.steps->picture);
    return status;
}
