/* Hidden states, logits and embeddings as plain arrays. */
#include "base/float_environment.h"
#include "tasks/observation.h"

#include <string.h>

/* States after some layers of a side. */
typedef struct layer_states {
    int64_t rows, columns;
    size_t capacity; /* of data, in floats */
    float *data;     /* [rows, columns] */
} layer_states;

typedef struct side_states {
    layer_states *layers; /* [count + 1] */
    int64_t count;        /* layers; −1: the model has no such side */
    int32_t *ids;         /* [id_count]: the side's input */
    size_t id_count;
} side_states;

struct heed_states {
    heed_context *context;
    heed_model *model;
    hd_arena arena;
    side_states side[HD_SIDES];
    float *logits; /* [logit_rows, classes]; NULL until heed_states_logits */
    int64_t logit_rows, classes;
    heed_status status; /* of the observer */
};

/* ---- one pass ---- */

/* Rows of one layer may come in several parts. */
static void keep_states(void *user, hd_pass *pass, int side, int64_t layers, hd_tensor *x) {
    heed_states *s = user;
    layer_states *to = &s->side[side].layers[layers];
    size_t count = (size_t)hd_tensor_count(x), kept = (size_t)(to->rows * to->columns);
    const float *numbers = s->status == HEED_OK ? hd_pass_download(pass, x->data, hd_tensor_count(x)) : NULL;
    if (!numbers || !hd_grow(s->context, &to->data, &to->capacity, kept + count, sizeof *to->data)) {
        s->status = HEED_MEMORY;
        return;
    }
    if (count) memcpy(to->data + kept, numbers, count * sizeof *numbers);
    to->rows += x->rows, to->columns = x->columns;
}

static heed_status open_side(heed_states *s, hd_network_side which, const int32_t *ids, int64_t count) {
    side_states *side = &s->side[which];
    int64_t layers = s->model->network->recipe.side[which].layers;
    side->count = layers ? layers : -1;
    if (!layers) return HEED_OK;
    side->layers = hd_arena_alloc(&s->arena, (size_t)layers + 1, sizeof *side->layers);
    side->ids = hd_arena_alloc(&s->arena, (size_t)count, sizeof *side->ids);
    if (!side->layers || !side->ids) return HEED_MEMORY;
    memset(side->layers, 0, (size_t)(layers + 1) * sizeof *side->layers);
    if (count) memcpy(side->ids, ids, (size_t)count * sizeof *ids);
    side->id_count = (size_t)count;
    return HEED_OK;
}

static heed_status check_ids(const heed_model *model, const char *what, const int32_t *ids, int64_t count,
                             int64_t vocabulary) {
    int64_t longest = hd_recipe_longest(&model->network->recipe);
    if (count < 1) return hd_fail(model->context, HEED_ARGUMENT, "%s: there are no ids", what);
    if (count > longest || count > INT32_MAX)
        return hd_fail(model->context, HEED_LENGTH, "%s: %lld tokens are more than the model's %lld", what,
                       (long long)count, (long long)longest);
    for (int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= vocabulary)
            return hd_fail(model->context, HEED_ARGUMENT, "%s: id %d is not one of the model's %lld", what, ids[i],
                           (long long)vocabulary);
    return HEED_OK;
}

/* The decoder's input of an encoder–decoder that reads one text: the text after the start token, without its last token. */
static heed_status shift_right(heed_states *s, const int32_t *ids, int64_t count, const int32_t **shifted) {
    int32_t *copy = hd_arena_alloc(&s->arena, (size_t)count, sizeof *copy);
    if (!copy) return HEED_MEMORY;
    copy[0] = hd_recipe_token_before(&s->model->network->recipe, ids, count);
    memcpy(copy + 1, ids, (size_t)(count - 1) * sizeof *copy);
    *shifted = copy;
    return copy[0] >= 0 ? HEED_OK : hd_fail(s->context, HEED_ARGUMENT, "the model has no start token: set the target");
}

static heed_status run(heed_states *s) {
    const hd_network *network = s->model->network;
    const side_states *source = &s->side[HD_ENCODER], *target = &s->side[HD_DECODER];
    const hd_observer observer = {.states = keep_states, .user = s};
    hd_pass pass;
    hd_tensor *memory = NULL;
    int32_t source_starts[] = {0, (int32_t)source->id_count}, target_starts[] = {0, (int32_t)target->id_count};
    hd_layout sources = {.sequences = 1, .starts = source_starts}, targets = {.sequences = 1, .starts = target_starts};
    hd_pass_open(&pass, s->context, NULL);
    pass.observer = &observer;
    if (source->ids) memory = hd_network_encode(network, &pass, &(hd_input){.ids = source->ids}, &sources);
    if (target->ids && pass.status == HEED_OK)
        hd_network_decode(network, &pass, &(hd_input){.ids = target->ids}, &targets, memory);
    heed_status status = pass.status == HEED_OK ? s->status : pass.status;
    hd_pass_close(&pass);
    return status;
}

static heed_status observe(heed_states *s, const int32_t *ids, int64_t count, const int32_t *target,
                           int64_t target_count) {
    const hd_recipe *recipe = &s->model->network->recipe;
    bool both = hd_recipe_translates(recipe);
    HD_TRY(check_ids(s->model, "source", ids, count, recipe->vocabulary));
    if (target && !both) return hd_fail(s->context, HEED_ARGUMENT, "target needs an encoder-decoder");
    if (target) HD_TRY(check_ids(s->model, "target", target, target_count, hd_recipe_target_vocabulary(recipe)));
    if (both && !target) {
        HD_TRY(shift_right(s, ids, count, &target));
        HD_TRY(check_ids(s->model, "target", target, count, hd_recipe_target_vocabulary(recipe)));
        target_count = count;
    }
    HD_TRY(open_side(s, HD_ENCODER, ids, count));
    HD_TRY(open_side(s, HD_DECODER, both ? target : ids, both ? target_count : count));
    return run(s);
}

static heed_status open_states(heed_model *model, heed_states **states) {
    heed_states *s = *states = hd_alloc_zeroed(model->context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    s->context = model->context;
    s->model = model;
    for (int i = 0; i < HD_SIDES; i++) s->side[i].count = -1;
    hd_arena_open(&s->arena, s->context);
    return hd_network_pack(model->network);
}

void heed_states_close(heed_states *s) {
    if (!s) return;
    for (int i = 0; i < HD_SIDES; i++)
        for (int64_t l = 0; s->side[i].layers && l <= s->side[i].count; l++)
            hd_free(s->context, s->side[i].layers[l].data);
    hd_free(s->context, s->logits);
    hd_arena_close(&s->arena);
    hd_free(s->context, s);
}

static heed_status finish(heed_status status, heed_states **states) {
    if (status == HEED_OK) return HEED_OK;
    heed_states_close(*states);
    *states = NULL;
    return status;
}

heed_status heed_inspect_ids(heed_model *model, const int32_t *ids, size_t count, const int32_t *target,
                             size_t target_count, heed_states **states) {
    hd_float_environment found = hd_float_enter();
    heed_status status = open_states(model, states);
    if (status == HEED_OK) status = observe(*states, ids, (int64_t)count, target, (int64_t)target_count);
    hd_float_leave(found);
    return finish(status, states);
}

/* An encoder–decoder that classifies reads its text on both sides. */
static bool reads_twice(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    return hd_recipe_translates(recipe) && !hd_model_predicts(model, HD_HEAD_LANGUAGE, true, true);
}

static heed_status observe_twice(heed_states *s, const char *text, size_t size) {
    hd_encoding encoding = {0};
    heed_status status = hd_tokenizer_encode(s->model->tokenizer, s->context, text, size, true, &encoding);
    if (status == HEED_OK) status = observe(s, encoding.ids, (int64_t)encoding.count, NULL, 0);
    hd_encoding_close(&encoding);
    return status;
}

static heed_status observe_text(heed_states *s, const hd_inspect_settings *settings, const char *text, size_t size) {
    hd_observation o;
    if (reads_twice(s->model) && !settings->target) return observe_twice(s, text, size);
    heed_status status = hd_observation_open(s->model, settings, text, size, &s->arena, &o);
    if (status == HEED_OK)
        status =
            observe(s, o.source.ids, (int64_t)o.source.count, o.translates ? o.decoder_ids : NULL, o.decoder_count);
    hd_observation_close(&o);
    return status;
}

heed_status heed_inspect_states(heed_model *model, const heed_options *options, const char *text, size_t size,
                                heed_states **states) {
    static const char *const allowed[] = {"target", "beams", "max-new-tokens", NULL};
    hd_inspect_settings settings;
    *states = NULL;
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_inspect_settings_read(model->context, options, &model->generation, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(model->context, options, "hidden states", allowed);
    if (status == HEED_OK) status = open_states(model, states);
    if (status == HEED_OK) status = observe_text(*states, &settings, text, size);
    hd_inspect_settings_free(model->context, &settings);
    hd_float_leave(found);
    return finish(status, states);
}

/* ---- reading ---- */

static const side_states *find_side(const heed_states *s, const char *side) {
    if (strcmp(side, "encoder") == 0) return &s->side[HD_ENCODER];
    return strcmp(side, "decoder") == 0 ? &s->side[HD_DECODER] : NULL;
}

int64_t heed_states_layers(const heed_states *s, const char *side) {
    const side_states *found = find_side(s, side);
    return found ? found->count : -1;
}

const float *heed_states_layer(const heed_states *s, const char *side, int64_t layer, int64_t shape[2]) {
    const side_states *found = find_side(s, side);
    if (!found || layer < 0 || layer > found->count) return NULL;
    const layer_states *states = &found->layers[layer];
    shape[0] = states->rows, shape[1] = states->columns;
    return states->data;
}

const int32_t *heed_states_ids(const heed_states *s, const char *side, size_t *count) {
    const side_states *found = find_side(s, side);
    *count = found ? found->id_count : 0;
    return found ? found->ids : NULL;
}

/* ---- logits ---- */

/* The last states of the network, as the rows of one text. */
static hd_tensor *last_states(const heed_states *s, hd_pass *pass) {
    const side_states *top = &s->side[s->side[HD_DECODER].count >= 0 ? HD_DECODER : HD_ENCODER];
    const layer_states *last = &top->layers[top->count];
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, 2, sizeof *starts);
    if (!layout || !starts) return NULL;
    starts[0] = 0, starts[1] = (int32_t)last->rows;
    *layout = (hd_layout){.sequences = 1, .starts = starts};
    hd_tensor *x = hd_tensor_new(pass, last->rows, last->columns, layout);
    if (x) hd_pass_upload(pass, last->data, hd_tensor_count(x), x->data);
    return x;
}

static heed_status compute_logits(heed_states *s, hd_pass *pass) {
    const hd_network *network = s->model->network;
    const side_states *text = &s->side[s->side[HD_ENCODER].ids ? HD_ENCODER : HD_DECODER];
    hd_tensor *states = last_states(s, pass);
    if (states && (int64_t)text->id_count == states->rows)
        states = hd_network_select_pooled(network, pass, states, text->ids);
    hd_tensor *rows = hd_network_head(network, pass, states);
    hd_tensor *logits = rows ? hd_network_logits(network, pass, rows, 0, network->output->rows) : NULL;
    const float *numbers = logits ? hd_pass_download(pass, logits->data, hd_tensor_count(logits)) : NULL;
    if (!numbers) return pass->status;
    s->logits = hd_alloc(s->context, (size_t)hd_tensor_count(logits), sizeof *s->logits);
    if (!s->logits) return HEED_MEMORY;
    memcpy(s->logits, numbers, (size_t)hd_tensor_count(logits) * sizeof *numbers);
    s->logit_rows = logits->rows, s->classes = logits->columns;
    return HEED_OK;
}

heed_status heed_states_logits(heed_states *s, const float **logits, int64_t shape[2]) {
    *logits = NULL, shape[0] = shape[1] = 0;
    if (!s->model->network->output)
        return hd_fail(s->context, HEED_UNSUPPORTED, "%s has no head, so it gives no logits",
                       s->model->folder ? s->model->folder : "the model");
    if (!s->logits) {
        hd_pass pass;
        hd_float_environment found = hd_float_enter();
        hd_pass_open(&pass, s->context, NULL);
        heed_status status = compute_logits(s, &pass);
        hd_pass_close(&pass);
        hd_float_leave(found);
        HD_TRY(status);
    }
    *logits = s->logits, shape[0] = s->logit_rows, shape[1] = s->classes;
    return HEED_OK;
}

/* ---- embeddings ---- */

static heed_status copy_rows(heed_context *context, const hd_parameter *table, float *rows) {
    enum { AT_ONCE = 1024 };
    int32_t ids[AT_ONCE];
    for (int64_t first = 0, count; first < table->rows; first += count) {
        count = hd_min(table->rows - first, AT_ONCE);
        for (int64_t i = 0; i < count; i++) ids[i] = (int32_t)(first + i);
        HD_TRY(hd_network_rows(context, table, ids, count, rows + first * table->columns));
    }
    return HEED_OK;
}

heed_status heed_model_embeddings(heed_model *model, const char *side, float **rows, int64_t shape[2]) {
    heed_context *context = model->context;
    const hd_network *network = model->network;
    *rows = NULL, shape[0] = shape[1] = 0;
    bool decoder = strcmp(side, "decoder") == 0;
    if (!decoder && strcmp(side, "encoder") != 0)
        return hd_fail(context, HEED_ARGUMENT, "side is \"%.60s\", expected encoder or decoder", side);
    const hd_parameter *table = decoder ? network->target_embedding : network->source_embedding;
    HD_TRY(hd_network_pack(model->network));
    float *copy = hd_alloc(context, (size_t)(table->rows * table->columns), sizeof *copy);
    if (!copy) return HEED_MEMORY;
    hd_float_environment found = hd_float_enter();
    heed_status status = copy_rows(context, table, copy);
    hd_float_leave(found);
    if (status == HEED_OK)
        *rows = copy, shape[0] = table->rows, shape[1] = table->columns;
    else
        hd_free(context, copy);
    return status;
}
