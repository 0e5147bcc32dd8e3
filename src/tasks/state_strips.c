/* Hidden states of a text's tokens as strips. */
#include "base/float_environment.h"
#include "inspect/step_labels.h"
#include "inspect/vectors.h"
#include "tasks/observation.h"

#include <stdio.h>
#include <string.h>

enum { TITLE = 160 };

/* The side whose states are drawn. */
static heed_status choose_side(const heed_model *model, const hd_inspect_settings *settings, hd_network_side *side) {
    const hd_recipe *recipe = &model->network->recipe;
    bool decoder = settings->kind == 2 || (settings->kind == 0 && !recipe->side[HD_ENCODER].layers);
    *side = decoder ? HD_DECODER : HD_ENCODER;
    if (settings->kind == 3) return hd_fail(model->context, HEED_ARGUMENT, "states are of the encoder or the decoder");
    if (recipe->side[*side].layers) return HEED_OK;
    return hd_fail(model->context, HEED_ARGUMENT, "the model has no %s", decoder ? "decoder" : "encoder");
}

static heed_status set_labels(const hd_words *words, hd_vectors *v) {
    const char **labels = hd_arena_alloc(&v->picture.arena, (size_t)words->tokens, sizeof *labels);
    if (!labels) return HEED_MEMORY;
    for (int64_t i = 0; i < words->tokens; i++) labels[i] = hd_step_token(words->token_labels[i]);
    v->labels = labels;
    return HEED_OK;
}

static heed_status set_states(const heed_states *states, const char *side, int64_t layer, hd_vectors *v) {
    int64_t shape[2], last = heed_states_layers(states, side);
    if (layer > last)
        return hd_fail(v->picture.context, HEED_ARGUMENT, "layer is %lld, but there %s %lld", (long long)layer,
                       last == 1 ? "is" : "are", (long long)last);
    if (!layer) layer = last;
    const float *numbers = heed_states_layer(states, side, layer, shape);
    size_t count = (size_t)(shape[0] * shape[1]);
    float *values = hd_arena_alloc(&v->picture.arena, count, sizeof *values);
    char *title = hd_arena_alloc(&v->picture.arena, TITLE, 1);
    if (!values || !title) return HEED_MEMORY;
    memcpy(values, numbers, count * sizeof *values);
    snprintf(title, TITLE, "Hidden states of the %s after layer %lld of %lld", side, (long long)layer, (long long)last);
    v->values = values, v->rows = shape[0], v->columns = shape[1], v->title = title, v->what = "states";
    return HEED_OK;
}

static heed_status observe(heed_model *model, const hd_inspect_settings *settings, hd_observation *o, hd_vectors *v) {
    hd_network_side side;
    heed_states *states = NULL;
    HD_TRY(choose_side(model, settings, &side));
    HD_TRY(heed_inspect_ids(model, o->source.ids, o->source.count, o->translates ? o->decoder_ids : NULL,
                            (size_t)o->decoder_count, &states));
    heed_status status = set_states(states, side == HD_DECODER ? "decoder" : "encoder", settings->layer, v);
    heed_states_close(states);
    HD_TRY(status);
    return set_labels(side == HD_DECODER ? &o->decoder_words : &o->source_words, v);
}

static heed_status make(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                        heed_picture **picture) {
    hd_vectors *v;
    hd_observation o;
    HD_TRY(hd_vectors_open(model->context, &v));
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_observation_open(model, settings, text, size, &v->picture.arena, &o);
    if (status == HEED_OK) status = observe(model, settings, &o, v);
    hd_observation_close(&o);
    hd_float_leave(found);
    if (status == HEED_OK)
        *picture = &v->picture;
    else
        heed_picture_close(&v->picture);
    return status;
}

heed_status heed_inspect_state_strips(heed_model *model, const heed_options *options, const char *text, size_t size,
                                      heed_picture **picture) {
    static const char *const allowed[] = {"target", "beams", "max-new-tokens", "kind", "layer", "format", NULL};
    hd_inspect_settings settings;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, &model->generation, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(model->context, options, "hidden states", allowed);
    if (status == HEED_OK) status = make(model, &settings, text, size, picture);
    hd_inspect_settings_free(model->context, &settings);
    return status;
}
