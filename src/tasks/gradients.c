/* How far back gradients reach in a language model: the norm of the gradient of a token's loss with respect to the
 * embedding of the token at each distance before it (Hochreiter, 1991; Bengio, Simard and Frasconi, 1994; Pascanu,
 * Mikolov and Bengio, 2013).
 *
 * A window is distance + 1 tokens of a text, and the token after them is the target. Windows are sequences of a ragged
 * batch, so one backward pass through the sum of their losses gives each window its own gradients. */
#include "base/float_environment.h"
#include "inspect/measured.h"
#include "inspect/strip.h"
#include "layers/recurrent.h"
#include "tasks/inspect_settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_DISTANCE = 50,
    MOST_WINDOWS = 512, /* per model, evenly spaced in the texts */
    BATCH_TOKENS = 2048,
    NAME = 96
};

/* The tokens of all texts. */
typedef struct texts_read {
    int32_t *ids;   /* [starts[count]] */
    size_t *starts; /* [count + 1] */
    size_t count, longest;
} texts_read;

typedef struct measuring {
    heed_model *model;
    texts_read texts;
    int64_t distance;
    double *norms; /* [distance + 1]: sums over windows */
    int64_t windows;
    hd_tensor *embedding; /* of the current pass */
} measuring;

static heed_status read_texts(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                              texts_read *read) {
    heed_context *context = model->context;
    hd_encoding encoding = {0};
    size_t capacity = 0;
    read->starts = hd_alloc_zeroed(context, count + 1, sizeof *read->starts);
    heed_status status = read->starts ? HEED_OK : HEED_MEMORY;
    for (read->count = 0; read->count < count && status == HEED_OK;) {
        size_t i = read->count, at = read->starts[i];
        size_t size = sizes ? sizes[i] : strlen(texts[i]);
        status = hd_tokenizer_encode(model->tokenizer, context, texts[i], size, true, &encoding);
        if (status == HEED_OK && !hd_grow(context, &read->ids, &capacity, at + encoding.count, sizeof *read->ids))
            status = HEED_MEMORY;
        if (status != HEED_OK) break;
        if (encoding.count) memcpy(read->ids + at, encoding.ids, encoding.count * sizeof *read->ids);
        read->starts[++read->count] = at + encoding.count;
        if (encoding.count > read->longest) read->longest = encoding.count;
    }
    hd_encoding_close(&encoding);
    return status;
}

/* The windows of this distance in all texts. */
static int64_t count_windows(const texts_read *texts, int64_t distance) {
    int64_t windows = 0;
    for (size_t i = 0; i < texts->count; i++)
        windows += hd_max((int64_t)(texts->starts[i + 1] - texts->starts[i]) - distance - 1, 0);
    return windows;
}

/* The tokens of window `index` [distance + 2]. */
static const int32_t *window_at(const texts_read *texts, int64_t distance, int64_t index) {
    for (size_t i = 0;; i++) {
        int64_t here = hd_max((int64_t)(texts->starts[i + 1] - texts->starts[i]) - distance - 1, 0);
        if (index < here) return texts->ids + texts->starts[i] + index;
        index -= here;
    }
}

/* An observer: requests the gradient of the input embeddings, although no parameter is trained. */
static void observe_embedding(void *user, hd_pass *pass, const char *what, hd_tensor *x) {
    (void)pass;
    measuring *m = user;
    if (strcmp(what, "embedding") != 0) return;
    x->needs_gradient = true;
    m->embedding = x;
}

/* A forward and a backward pass over windows [first, end) of `chosen`. */
static heed_status measure_batch(measuring *m, hd_pass *pass, int64_t all, int64_t chosen, int64_t first, int64_t end) {
    const hd_network *network = m->model->network;
    int64_t tokens = m->distance + 1, windows = end - first;
    int32_t *ids = hd_pass_alloc(pass, (size_t)(windows * tokens), sizeof *ids);
    int32_t *starts = hd_pass_alloc(pass, (size_t)windows + 1, sizeof *starts);
    int32_t *lasts = hd_pass_alloc(pass, (size_t)windows, sizeof *lasts);
    int32_t *targets = hd_pass_alloc(pass, (size_t)windows, sizeof *targets);
    if (!ids || !starts || !lasts || !targets) return HEED_MEMORY;
    for (int64_t w = 0; w < windows; w++) {
        const int32_t *window = window_at(&m->texts, m->distance, (first + w) * all / chosen);
        memcpy(ids + w * tokens, window, (size_t)tokens * sizeof *ids);
        starts[w] = (int32_t)(w * tokens);
        lasts[w] = (int32_t)((w + 1) * tokens - 1);
        targets[w] = window[tokens];
    }
    starts[windows] = (int32_t)(windows * tokens);
    hd_layout layout = {windows, starts, NULL, NULL};
    double loss = 0;
    hd_cross_entropy_options options = {
        .classes = hd_network_classes(network), .scale = 1, .bias = network->output_bias};
    hd_tensor *states = hd_network_decode(network, pass, &(hd_input){.ids = ids}, &layout, NULL);
    hd_tensor *rows = hd_network_head(network, pass, hd_gather(pass, states, lasts, windows, 1, NULL));
    if (!rows) return pass->status;
    HD_TRY(hd_network_loss(network, pass, rows, targets, &layout, &options, &loss));
    HD_TRY(hd_pass_backward(pass));
    if (!m->embedding || !m->embedding->gradient) return HEED_OK;
    const float *gradient = hd_pass_download(pass, m->embedding->gradient, hd_tensor_count(m->embedding));
    if (!gradient) return pass->status;
    int64_t width = m->embedding->columns;
    for (int64_t w = 0; w < windows; w++)
        for (int64_t d = 0; d < tokens; d++) m->norms[d] += hd_vector_norm(gradient + (lasts[w] - d) * width, width);
    return HEED_OK;
}

static heed_status measure_windows(measuring *m) {
    heed_context *context = m->model->context;
    int64_t all = count_windows(&m->texts, m->distance), batch = hd_max(BATCH_TOKENS / (m->distance + 1), 1);
    m->windows = hd_min(all, MOST_WINDOWS);
    hd_observer observer = {.tensor = observe_embedding, .user = m};
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    heed_status status = hd_network_pack(m->model->network);
    for (int64_t first = 0; first < m->windows && status == HEED_OK; first += batch) {
        hd_pass_reset(&pass);
        pass.recording = true;
        pass.observer = &observer;
        m->embedding = NULL;
        status = measure_batch(m, &pass, all, m->windows, first, hd_min(first + batch, m->windows));
    }
    hd_pass_close(&pass);
    return status;
}

static heed_status choose_distance(measuring *m, const hd_inspect_settings *settings) {
    heed_context *context = m->model->context;
    int64_t of_texts = (int64_t)m->texts.longest - 2,
            of_model = hd_recipe_max_positions(&m->model->network->recipe) - 1;
    int64_t most = hd_min(of_texts, of_model);
    if (of_texts < 1) return hd_fail(context, HEED_ARGUMENT, "gradients need a text of at least 3 tokens");
    if (settings->distance > most)
        return hd_fail(context, HEED_ARGUMENT, "distance is %lld, but the longest that the %s allow is %lld tokens",
                       (long long)settings->distance, of_texts < of_model ? "texts" : "model's positions",
                       (long long)most);
    m->distance = settings->distance ? settings->distance : hd_min(most, DEFAULT_DISTANCE);
    return HEED_OK;
}

/* "shakespeare (LSTM)": the folder's name without its path, and the kind of network, unless the name is that: "Elman". */
static const char *name_model(const heed_model *model, hd_arena *arena) {
    const hd_recipe *recipe = &model->network->recipe;
    const char *folder = model->folder ? model->folder : "model";
    size_t end = strlen(folder), first;
    while (end > 1 && folder[end - 1] == '/') end--;
    for (first = end; first > 0 && folder[first - 1] != '/';) first--;
    const char *kind = recipe->architecture == HD_RECURRENT ? hd_choice_title(hd_cells, recipe->cell) : "Transformer";
    char *name = hd_arena_alloc(arena, NAME, 1);
    if (name && end - first == strlen(kind) && strncasecmp(folder + first, kind, end - first) == 0)
        snprintf(name, NAME, "%s", kind);
    else if (name)
        snprintf(name, NAME, "%.*s (%s)", (int)hd_min((int64_t)(end - first), 60), folder + first, kind);
    return name;
}

static heed_status measure(heed_model *model, const hd_inspect_settings *settings, const char *const *texts,
                           const size_t *sizes, size_t count, hd_arena *arena, hd_series *series) {
    measuring m = {.model = model};
    if (model->network->context->bf16)
        return hd_fail(model->context, HEED_UNSUPPORTED, "gradients are measured in f32 only: leave out compute bf16");
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    heed_status status = read_texts(model, texts, sizes, count, &m.texts);
    if (status == HEED_OK) status = choose_distance(&m, settings);
    double *x = NULL;
    if (status == HEED_OK) {
        x = hd_arena_alloc(arena, (size_t)m.distance + 1, sizeof *x);
        m.norms = hd_arena_alloc(arena, (size_t)m.distance + 1, sizeof *m.norms);
        if (!x || !m.norms) status = HEED_MEMORY;
    }
    for (int64_t d = 0; status == HEED_OK && d <= m.distance; d++) x[d] = (double)d, m.norms[d] = 0;
    if (status == HEED_OK) status = measure_windows(&m);
    for (int64_t d = 0; status == HEED_OK && d <= m.distance; d++) m.norms[d] /= (double)m.windows;
    hd_free(model->context, m.texts.ids);
    hd_free(model->context, m.texts.starts);
    HD_TRY(status);
    *series = (hd_series){name_model(model, arena), x, m.norms, m.distance + 1};
    return series->name ? HEED_OK : HEED_MEMORY;
}

static heed_status make_gradients(heed_model *const *models, size_t model_count, const hd_inspect_settings *settings,
                                  const char *const *texts, const size_t *sizes, size_t count, hd_measured *measured) {
    hd_arena *arena = &measured->picture.arena;
    hd_series *series = hd_arena_alloc(arena, model_count, sizeof *series);
    if (!series) return HEED_MEMORY;
    for (size_t i = 0; i < model_count; i++) {
        heed_status status = measure(models[i], settings, texts, sizes, count, arena, &series[i]);
        if (status != HEED_OK)
            return model_count > 1 && models[i]->folder ? hd_fail_in(models[i]->context, models[i]->folder) : status;
    }
    measured->curves = (hd_curves){.title = "How far back the error reaches",
                                   .x_title = "tokens before the last",
                                   .y_title = "mean norm of the gradient of the next token's loss",
                                   .series = series,
                                   .count = (int64_t)model_count,
                                   .logarithmic = true};
    measured->x_name = "distances", measured->y_name = "norms";
    return HEED_OK;
}

heed_status heed_inspect_gradients(heed_model *const *models, size_t model_count, const heed_options *options,
                                   const char *const *texts, const size_t *sizes, size_t count,
                                   heed_picture **picture) {
    static const char *const allowed[] = {"format", "distance", NULL};
    heed_context *context = models[0]->context;
    hd_inspect_settings settings;
    hd_measured *measured = NULL;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(context, options, NULL, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(context, options, "gradients", allowed);
    if (status == HEED_OK) status = hd_measured_open(context, &measured);
    hd_float_environment found = hd_float_enter();
    if (status == HEED_OK) status = make_gradients(models, model_count, &settings, texts, sizes, count, measured);
    hd_float_leave(found);
    hd_inspect_settings_free(context, &settings);
    if (status == HEED_OK)
        *picture = &measured->picture;
    else if (measured)
        heed_picture_close(&measured->picture);
    return status;
}
