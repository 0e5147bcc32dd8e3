/* The steps of a recurrent decoder, from one observed pass: everything is copied from the pass but the scores, which
 * are computed again from its queries and keys. */
#include "autograd/copying.h"
#include "base/best.h"
#include "base/float_environment.h"
#include "base/real.h"
#include "inspect/steps.h"
#include "layers/recurrent.h"
#include "tasks/head_steps.h"
#include "tasks/observation.h"

#include <string.h>

enum { DEFAULT_CANDIDATES = 5 };

typedef struct stepping {
    hd_observation observation;
    const hd_network *network;
    hd_steps *steps;
    hd_captured_rows queries, keys, contexts, states, outputs, copies;
    hd_attention_map map;
} stepping;

static heed_status check(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    if (hd_recipe_translates(recipe)) return HEED_OK;
    return hd_fail(
        model->context, HEED_UNSUPPORTED,
        "steps need a Transformer or a recurrent encoder-decoder, but the model is a recurrent network without "
        "a decoder for translation");
}

/* Copies what was captured into the picture's memory. */
static heed_status copy_captured(stepping *s, const hd_capture *capture) {
    hd_arena *arena = &s->steps->picture.arena;
    hd_captured_rows memory, initial, encoder;
    HD_TRY(hd_capture_rows(capture, "encoder state", arena, &encoder));
    HD_TRY(hd_capture_rows(capture, "given", arena, &memory));
    HD_TRY(hd_capture_rows(capture, "initial", arena, &initial));
    HD_TRY(hd_capture_rows(capture, "state", arena, &s->states));
    HD_TRY(hd_capture_rows(capture, "output", arena, &s->outputs));
    HD_TRY(hd_capture_rows(capture, "copies", &s->observation.scratch, &s->copies));
    HD_TRY(hd_capture_rows(capture, "context", arena, &s->contexts));
    HD_TRY(hd_capture_rows(capture, "query", &s->observation.scratch, &s->queries));
    HD_TRY(hd_capture_rows(capture, "keys", &s->observation.scratch, &s->keys));
    HD_TRY(hd_capture_map(capture, HD_CROSS_ATTENTION, arena, &s->map));
    s->steps->memory_vector = memory.data, s->steps->memory_size = memory.columns;
    s->steps->initial = initial.data;
    s->steps->encoder = encoder.data;
    return HEED_OK;
}

static heed_status set_scores(stepping *s, const float *scorer, int64_t index, hd_step *step) {
    int64_t width = s->steps->width, keys = s->steps->keys;
    double *scores = hd_arena_alloc(&s->steps->picture.arena, (size_t)keys, sizeof *scores);
    if (!scores) return HEED_MEMORY;
    for (int64_t k = 0; k < keys; k++)
        scores[k] = hd_attention_score(s->queries.data + index * width, s->keys.data + k * width, scorer, width);
    step->scores = scores;
    step->weights = s->map.weights + index * keys;
    step->context = s->contexts.data + index * width;
    return HEED_OK;
}

static heed_status set_all_scores(stepping *s, hd_pass *pass) {
    const hd_parameter *scorer = hd_network_layer(s->network, HD_DECODER, 0)[HD_MODULE_SCORER].whole;
    const float *numbers = scorer ? hd_pass_download(pass, scorer->data, hd_parameter_count(scorer)) : NULL;
    if (scorer && !numbers) return pass->status;
    for (int64_t i = 0; i < s->steps->count; i++) HD_TRY(set_scores(s, numbers, i, &s->steps->steps[i]));
    return HEED_OK;
}

/* The tokens with the largest logits, of equal ones the lowest id, so that the first is the choice of greedy search. */
static heed_status set_candidates(stepping *s, const float *logits, const double *probabilities, int64_t count,
                                  hd_step *step) {
    hd_arena *arena = &s->steps->picture.arena;
    int64_t most = s->steps->candidates, found = 0;
    hd_prediction *candidates = hd_arena_alloc(arena, (size_t)most, sizeof *candidates);
    hd_ranked *ranked = hd_arena_alloc(&s->observation.scratch, (size_t)most, sizeof *ranked);
    if (!candidates || !ranked) return HEED_MEMORY;
    for (int64_t id = 0; id < count; id++)
        if (id != s->network->recipe.pad)
            hd_keep_best(ranked, &found, most, sizeof *ranked, &(hd_ranked){logits[id], (int32_t)id});
    for (int64_t i = 0; i < most; i++) {
        const char *label = hd_token_label(s->observation.side[HD_DECODER].tokenizer, ranked[i].item, arena);
        if (!label) return HEED_MEMORY;
        candidates[i] = (hd_prediction){label, probabilities[ranked[i].item]};
    }
    step->candidates = candidates;
    return HEED_OK;
}

static const hd_layout *one_sequence(hd_pass *pass, int64_t rows) {
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, 2, sizeof *starts);
    if (!layout || !starts) return NULL;
    starts[0] = 0, starts[1] = (int32_t)rows;
    *layout = (hd_layout){.sequences = 1, .starts = starts};
    return layout;
}

/* What the outputs may copy, from the captured scores. */
static bool set_copies(const stepping *s, hd_pass *pass, hd_tensor *outputs) {
    const hd_layout *rows = one_sequence(pass, s->steps->count), *source = one_sequence(pass, s->steps->keys);
    hd_copies *copies = hd_pass_alloc(pass, 1, sizeof *copies);
    hd_tensor *scores = hd_tensor_new(pass, s->copies.rows, 1, NULL);
    if (!outputs || !rows || !source || !copies || !scores) return false;
    hd_pass_upload(pass, s->copies.data, s->copies.rows, scores->data);
    *copies = (hd_copies){*rows, *source, s->observation.source.ids, scores};
    outputs->copies = copies;
    return true;
}

static heed_status set_predictions(stepping *s, hd_pass *pass) {
    const hd_network *network = s->network;
    int64_t count = hd_network_classes(network), width = s->steps->width;
    hd_tensor *outputs = hd_tensor_new(pass, s->outputs.rows, width, NULL);
    if (outputs) hd_pass_upload(pass, s->outputs.data, s->outputs.rows * width, outputs->data);
    if (hd_recipe_copies(&network->recipe) && !set_copies(s, pass, outputs)) return pass->status;
    hd_tensor *logits = hd_network_logits(network, pass, outputs, 0, network->output->rows);
    double *probabilities = hd_pass_alloc(pass, (size_t)count, sizeof *probabilities);
    const float *numbers = logits ? hd_pass_download(pass, logits->data, hd_tensor_count(logits)) : NULL;
    if (!numbers || !probabilities) return pass->status;
    for (int64_t i = 0; i < s->steps->count; i++) {
        hd_step *step = &s->steps->steps[i];
        const float *row = numbers + i * logits->columns;
        hd_softmax(row, count, probabilities);
        HD_TRY(set_candidates(s, row, probabilities, count, step));
        step->predicted =
            (hd_prediction){s->observation.predicted_words.token_labels[i], probabilities[s->observation.predicted[i]]};
    }
    return HEED_OK;
}

static heed_status fill(stepping *s) {
    const hd_recipe *recipe = &s->network->recipe;
    hd_steps *steps = s->steps;
    const hd_observation *o = &s->observation;
    steps->source = o->source_text, steps->target = o->target_text;
    steps->two_ways = recipe->bidirectional, steps->direct = recipe->direct_states;
    steps->cell = hd_choice_title(hd_cells, recipe->cell);
    steps->memory = hd_choice_title(hd_memories, recipe->memory);
    steps->attends = hd_recipe_attends(recipe), steps->attends_first = recipe->memory == HD_MEMORY_BAHDANAU;
    steps->layers = recipe->side[HD_DECODER].layers, steps->width = recipe->width;
    steps->keys = (int64_t)o->source.count, steps->key_labels = o->source_words.token_labels;
    steps->count = o->decoder_count;
    steps->candidates =
        hd_min(o->settings->count ? o->settings->count : DEFAULT_CANDIDATES, hd_network_classes(s->network) - 1);
    steps->steps = hd_arena_alloc(&steps->picture.arena, (size_t)steps->count, sizeof *steps->steps);
    if (!steps->steps) return HEED_MEMORY;
    for (int64_t i = 0; i < steps->count; i++) {
        steps->steps[i] = (hd_step){.read = o->decoder_words.token_labels[i],
                                    .state = s->states.data + i * steps->width,
                                    .output = s->outputs.data + i * steps->width};
    }
    hd_pass pass;
    hd_pass_open(&pass, o->model->context, NULL);
    heed_status status = steps->attends ? set_all_scores(s, &pass) : HEED_OK;
    if (status == HEED_OK) status = set_predictions(s, &pass);
    hd_pass_close(&pass);
    return status;
}

static heed_status observe(stepping *s) {
    hd_capture capture;
    hd_capture_open(&capture, s->observation.model->context);
    heed_status status = hd_observation_run(&s->observation, &capture);
    if (status == HEED_OK) status = copy_captured(s, &capture);
    hd_capture_close(&capture);
    return status == HEED_OK ? fill(s) : status;
}

static heed_status make_steps(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                              heed_picture **picture) {
    stepping s = {.network = model->network};
    HD_TRY(hd_steps_open(model->context, &s.steps));
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_observation_open(model, settings, text, size, &s.steps->picture.arena, &s.observation);
    if (status == HEED_OK) status = observe(&s);
    hd_observation_close(&s.observation);
    hd_float_leave(found);
    if (status == HEED_OK)
        *picture = &s.steps->picture;
    else
        heed_picture_close(&s.steps->picture);
    return status;
}

heed_status heed_inspect_steps(heed_model *model, const heed_options *options, const char *text, size_t size,
                               heed_picture **picture) {
    static const char *const of_cells[] = {"target", "beams", "max-new-tokens", "count", "format", NULL};
    static const char *const of_heads[] = {"target", "beams", "max-new-tokens", "kind", "layer",
                                           "head",   "word",  "format",         NULL};
    bool recurrent = model->network->recipe.architecture == HD_RECURRENT;
    hd_inspect_settings settings;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, &model->generation, &settings);
    if (status == HEED_OK)
        status = hd_inspect_settings_allow(model->context, options,
                                           recurrent ? "steps of a recurrent network" : "steps of an attention head",
                                           recurrent ? of_cells : of_heads);
    if (status == HEED_OK && recurrent) status = check(model);
    if (status == HEED_OK)
        status = recurrent ? make_steps(model, &settings, text, size, picture)
                           : hd_make_head_steps(model, &settings, text, size, picture);
    hd_inspect_settings_free(model->context, &settings);
    return status;
}
