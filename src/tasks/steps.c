/* The steps of a recurrent decoder, out of one pass that is looked at: what it shows is copied, only the scores are
 * computed again from its queries and keys. */
#include "base/float_environment.h"
#include "inspect/steps.h"
#include "layers/recurrent.h"
#include "tasks/encoded.h"
#include "tasks/looking.h"

#include <string.h>

enum { USUAL_CANDIDATES = 5 };

typedef struct stepping {
    hd_looking looking;
    const hd_recurrent *network;
    hd_steps *steps;
    hd_caught_rows queries, keys, contexts, states, outputs;
    hd_attention_map map;
} stepping;

static heed_status check(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    if (recipe->architecture == HD_RECURRENT && hd_recipe_translates(recipe)) return HEED_OK;
    return hd_fail(model->context, HEED_UNSUPPORTED, "steps are those of a recurrent encoder-decoder; this model is %s",
                   recipe->architecture == HD_TRANSFORMER ? "a transformer" : "recurrent, but does not translate");
}

/* What the pass showed, in the picture's memory. */
static heed_status catch (stepping *s, const hd_capture *capture) {
    hd_arena *arena = &s->steps->picture.arena;
    hd_caught_rows given, initial;
    HD_TRY(hd_capture_rows(capture, "given", arena, &given));
    HD_TRY(hd_capture_rows(capture, "initial", arena, &initial));
    HD_TRY(hd_capture_rows(capture, "state", arena, &s->states));
    HD_TRY(hd_capture_rows(capture, "output", arena, &s->outputs));
    HD_TRY(hd_capture_rows(capture, "context", arena, &s->contexts));
    HD_TRY(hd_capture_rows(capture, "query", &s->looking.scratch, &s->queries));
    HD_TRY(hd_capture_rows(capture, "keys", &s->looking.scratch, &s->keys));
    HD_TRY(hd_capture_map(capture, HD_CROSS_ATTENTION, arena, &s->map));
    s->steps->given = given.data, s->steps->given_size = given.columns;
    s->steps->initial = initial.data;
    return HEED_OK;
}

static heed_status set_scores(stepping *s, int64_t index, hd_step *step) {
    int64_t width = s->steps->width, keys = s->steps->keys;
    double *scores = hd_arena_alloc(&s->steps->picture.arena, (size_t)keys, sizeof *scores);
    if (!scores) return HEED_MEMORY;
    const float *scorer = s->network->scorer ? s->network->scorer->data : NULL;
    for (int64_t k = 0; k < keys; k++)
        scores[k] = hd_attention_score(s->queries.data + index * width, s->keys.data + k * width, scorer, width);
    step->scores = scores;
    step->weights = s->map.weights + index * keys;
    step->context = s->contexts.data + index * width;
    return HEED_OK;
}

/* The likeliest tokens, of equal ones the first: what greedy search takes stands at the top. */
static heed_status set_candidates(stepping *s, const double *probabilities, int64_t count, hd_step *step) {
    hd_arena *arena = &s->steps->picture.arena;
    const heed_tokenizer *tokenizer = s->looking.model->tokenizer;
    hd_candidate *candidates = hd_arena_alloc(arena, (size_t)s->steps->candidates, sizeof *candidates);
    int32_t *taken = hd_arena_alloc(&s->looking.scratch, (size_t)s->steps->candidates, sizeof *taken);
    if (!candidates || !taken) return HEED_MEMORY;
    for (int64_t i = 0; i < s->steps->candidates; i++) {
        int32_t best = -1;
        for (int32_t id = 0; id < count; id++) {
            bool again = id == s->network->network.recipe.pad;
            for (int64_t j = 0; j < i; j++) again |= taken[j] == id;
            if (!again && (best < 0 || probabilities[id] > probabilities[best])) best = id;
        }
        taken[i] = best;
        candidates[i] = (hd_candidate){hd_token_label(tokenizer, best, arena), probabilities[best]};
        if (!candidates[i].label) return HEED_MEMORY;
    }
    step->candidates = candidates;
    return HEED_OK;
}

static heed_status set_words(stepping *s, hd_pass *pass) {
    const hd_network *network = &s->network->network;
    int64_t count = hd_network_classes(network), width = s->steps->width;
    hd_tensor *outputs = hd_tensor_wrap(pass, s->outputs.rows, width, s->outputs.data, NULL);
    hd_tensor *logits = hd_network_logits(network, pass, outputs, 0, network->output->rows);
    double *probabilities = hd_pass_alloc(pass, (size_t)count, sizeof *probabilities);
    if (!logits || !probabilities) return pass->status;
    for (int64_t i = 0; i < s->steps->count; i++) {
        hd_step *step = &s->steps->steps[i];
        hd_probabilities(logits->data + i * logits->columns, count, probabilities);
        HD_TRY(set_candidates(s, probabilities, count, step));
        step->made = (hd_candidate){s->looking.made_words.piece_labels[i], probabilities[s->looking.made[i]]};
    }
    return HEED_OK;
}

static heed_status fill(stepping *s) {
    const hd_recipe *recipe = &s->network->network.recipe;
    hd_steps *steps = s->steps;
    const hd_looking *l = &s->looking;
    steps->source = l->source_text, steps->target = l->target_text;
    steps->cell = hd_choice_title(hd_cells, recipe->cell);
    steps->memory = hd_choice_title(hd_memories, recipe->memory);
    steps->attends = hd_recipe_attends(recipe), steps->looks_first = recipe->memory == HD_MEMORY_BAHDANAU;
    steps->layers = recipe->side[HD_DECODER].layers, steps->width = recipe->width;
    steps->keys = (int64_t)l->source.count, steps->key_labels = l->source_words.piece_labels;
    steps->count = l->fed_count;
    steps->candidates =
        hd_min(l->look->count ? l->look->count : USUAL_CANDIDATES, hd_network_classes(&s->network->network) - 1);
    steps->steps = hd_arena_alloc(&steps->picture.arena, (size_t)steps->count, sizeof *steps->steps);
    if (!steps->steps) return HEED_MEMORY;
    for (int64_t i = 0; i < steps->count; i++) {
        steps->steps[i] = (hd_step){.read = l->fed_words.piece_labels[i],
                                    .state = s->states.data + i * steps->width,
                                    .output = s->outputs.data + i * steps->width};
        if (steps->attends) HD_TRY(set_scores(s, i, &steps->steps[i]));
    }
    hd_pass pass;
    hd_pass_open(&pass, l->model->context, &l->model->network->arena);
    heed_status status = set_words(s, &pass);
    hd_pass_close(&pass);
    return status;
}

static heed_status look(stepping *s) {
    hd_capture capture;
    hd_capture_open(&capture, s->looking.model->context);
    heed_status status = hd_looking_run(&s->looking, &capture);
    if (status == HEED_OK) status = catch (s, &capture);
    hd_capture_close(&capture);
    return status == HEED_OK ? fill(s) : status;
}

static heed_status make_steps(heed_model *model, const hd_look *settings, const char *text, size_t size,
                              heed_picture **picture) {
    stepping s = {.network = (const hd_recurrent *)model->network};
    HD_TRY(hd_steps_open(model->context, &s.steps));
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_looking_open(model, settings, text, size, &s.steps->picture.arena, &s.looking);
    if (status == HEED_OK) status = look(&s);
    hd_looking_close(&s.looking);
    hd_float_leave(found);
    if (status == HEED_OK)
        *picture = &s.steps->picture;
    else
        heed_picture_close(&s.steps->picture);
    return status;
}

heed_status heed_inspect_steps(heed_model *model, const heed_options *options, const char *text, size_t size,
                               heed_picture **picture) {
    static const char *const allowed[] = {"target", "beams", "max-new-tokens", "count", "format", NULL};
    hd_look settings;
    *picture = NULL;
    heed_status status = hd_look_read(model->context, options, &model->generation, &settings);
    if (status == HEED_OK) status = hd_look_allow(model->context, options, "steps", allowed);
    if (status == HEED_OK) status = check(model);
    if (status == HEED_OK) status = make_steps(model, &settings, text, size, picture);
    hd_look_free(model->context, &settings);
    return status;
}
