/* Vectors of texts: the last states of each text are pooled and go through the steps of its sentence-transformers folder. */
#include "base/options.h"
#include "base/utf8.h"
#include "tasks/embedding.h"
#include "tasks/encoded.h"

#include <string.h>

typedef struct embed_options {
    char *prompt, *prompt_name;
    int64_t dims;
    bool normalize;
    int role; /* hd_text_role */
} embed_options;

#define F(field) offsetof(embed_options, field)
#define VECTORS  "Prompts and vectors"

static const hd_setting rows[] = {
    {"prompt-name", HD_SETTING_STRING, F(prompt_name), NULL, 0, 0, "NAME",
     "prompt of the model's folder before each text, such as query or document", NULL, 0, VECTORS},
    {"prompt", HD_SETTING_STRING, F(prompt), NULL, 0, 0, "TEXT",
     "text before each text, in place of the folder's prompts", NULL, 0, VECTORS},
    {"as", HD_SETTING_CHOICE, F(role), "text", 0, 0, HD_TEXT_ROLES,
     "without a prompt: the folder's usual one, or that of queries or documents", NULL, 0, VECTORS},
    {"dims", HD_SETTING_INT, F(dims), "0", 0, 1 << 24, "NUMBER",
     "numbers of each vector that are kept, the first ones; 0 for all", NULL, 0, VECTORS},
    {"normalize", HD_SETTING_BOOL, F(normalize), NULL, 0, 0, NULL, "vectors of length 1", NULL, 0, VECTORS},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(embed_options)};

heed_status heed_embed_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct embedding {
    heed_model *model;
    const hd_embedder *embedder;
    embed_options settings;
    const char *prompt;    /* "": none */
    int64_t prompt_tokens; /* that are not pooled */
    hd_arena arena;        /* of texts with a prompt */
} embedding;

/* ---- prompts ---- */

static heed_status refuse_name(const heed_model *model, const char *name) {
    const hd_embedder *embedder = model->embedder;
    hd_buffer known;
    hd_buffer_open(&known, model->context);
    for (size_t i = 0; i < embedder->prompt_count; i++)
        hd_buffer_format(&known, "%s%s", i ? ", " : "", embedder->prompts[i].name);
    heed_status status = hd_fail(model->context, HEED_ARGUMENT, "the model has no prompt \"%s\"; it has %s", name,
                                 known.size ? known.data : "none");
    hd_buffer_close(&known);
    return status;
}

heed_status hd_embedding_find_prompt(const heed_model *model, const char *name, const hd_prompt **prompt) {
    *prompt = hd_embedder_prompt(model->embedder, name);
    return *prompt ? HEED_OK : refuse_name(model, name);
}

const hd_prompt *hd_embedding_prompt(const hd_embedder *embedder, hd_text_role role) {
    static const char *const of_query[] = {"query", NULL}, *const of_document[] = {"document", "passage", "corpus",
                                                                                   NULL};
    const hd_prompt *prompt = NULL;
    const char *const *name = role == HD_ROLE_QUERY ? of_query : of_document;
    for (; role != HD_ROLE_TEXT && *name && !prompt; name++) prompt = hd_embedder_prompt(embedder, *name);
    return prompt ? prompt : embedder->usual;
}

static heed_status find_prompt(embedding *e) {
    const embed_options *settings = &e->settings;
    const hd_prompt *prompt = hd_embedding_prompt(e->embedder, (hd_text_role)settings->role);
    if (settings->prompt && settings->prompt_name)
        return hd_fail(e->model->context, HEED_ARGUMENT, "prompt and prompt-name exclude each other");
    if (settings->prompt_name) HD_TRY(hd_embedding_find_prompt(e->model, settings->prompt_name, &prompt));
    e->prompt = settings->prompt ? settings->prompt : prompt ? prompt->text : "";
    return HEED_OK;
}

/* Tokens of the prompt with those of the template before it; a last special token is one of the template after it. */
static heed_status count_prompt(embedding *e) {
    hd_encoding encoding = {0};
    if (!e->prompt[0] || !e->embedder->without_prompt) return HEED_OK;
    heed_status status =
        hd_tokenizer_encode(e->model->tokenizer, e->model->context, e->prompt, strlen(e->prompt), true, &encoding);
    e->prompt_tokens = (int64_t)encoding.count;
    if (encoding.count && hd_tokenizer_is_special(e->model->tokenizer, encoding.ids[encoding.count - 1]))
        e->prompt_tokens--;
    hd_encoding_close(&encoding);
    return status;
}

/* Puts the prompt before each text: with [count] and with_sizes [count]. */
static heed_status add_prompt(embedding *e, const char *const *texts, const size_t *sizes, size_t count,
                              const char **with, size_t *with_sizes) {
    size_t length = strlen(e->prompt);
    for (size_t i = 0; i < count; i++) {
        with[i] = NULL;
        if (!texts[i]) continue;
        size_t size = sizes ? sizes[i] : strlen(texts[i]), total;
        if (hd_text_is_blank(texts[i], size)) size = 0;
        char *joined = hd_add(length, size, &total) ? hd_arena_alloc(&e->arena, total, 1) : NULL;
        if (!joined) return HEED_MEMORY;
        memcpy(joined, e->prompt, length);
        if (size) memcpy(joined + length, texts[i], size);
        with[i] = joined;
        with_sizes[i] = total;
    }
    return HEED_OK;
}

/* ---- one batch ---- */

/* The rows that are pooled: all but the prompt's, or the only one that is read. */
static heed_status select_rows(void *user, const hd_encoded *encoded, int32_t *selected, int64_t *count) {
    const embedding *e = user;
    const hd_embedder *s = e->embedder;
    int64_t first = e->prompt_tokens, end = (int64_t)encoded->encoding->count;
    if (s->pooling_count == 1 && s->poolings[0] == HD_STATES_FIRST) end = hd_min(end, first + 1);
    if (s->pooling_count == 1 && s->poolings[0] == HD_STATES_LAST) first = hd_max(first, end - 1);
    *count = hd_max(end - first, 0);
    for (int64_t i = 0; i < *count; i++) selected[i] = (int32_t)(first + i);
    return HEED_OK;
}

static hd_tensor *pool_rows(const embedding *e, hd_pass *pass, const hd_tensor *states, const hd_layout *texts) {
    const hd_embedder *s = e->embedder;
    int64_t width = states->columns, columns = s->pooling_count * width;
    const float *numbers = hd_pass_download(pass, states->data, hd_tensor_count(states));
    hd_tensor *pooled = hd_tensor_new(pass, texts->sequences, columns, NULL);
    float *vectors = hd_pass_alloc(pass, (size_t)(texts->sequences * columns), sizeof *vectors);
    double *sums = hd_pass_alloc(pass, (size_t)width, sizeof *sums);
    if (!numbers || !pooled || !vectors || !sums) return NULL;
    for (int64_t t = 0; t < texts->sequences; t++)
        for (int64_t i = 0; i < s->pooling_count; i++)
            hd_pool_states((hd_state_pooling)s->poolings[i], numbers + texts->starts[t] * width,
                           texts->starts[t + 1] - texts->starts[t], width, hd_layout_position(texts, t), sums,
                           vectors + t * columns + i * width);
    hd_pass_upload(pass, vectors, texts->sequences * columns, pooled->data);
    return pooled;
}

static hd_tensor *normalize_rows(hd_pass *pass, hd_tensor *x) {
    float *numbers = x ? hd_pass_download(pass, x->data, hd_tensor_count(x)) : NULL;
    if (!numbers) return NULL;
    for (int64_t r = 0; r < x->rows; r++) hd_normalize_vector(numbers + r * x->columns, x->columns);
    hd_pass_upload(pass, numbers, hd_tensor_count(x), x->data);
    return x;
}

static hd_tensor *pool(void *user, hd_pass *pass, hd_tensor *states, const hd_selection *selected) {
    const embedding *e = user;
    hd_tensor *x = pool_rows(e, pass, states, &selected->layout);
    for (int64_t i = 0; i < e->embedder->step_count; i++) {
        const hd_embedder_step *step = &e->embedder->steps[i];
        x = step->normalizes ? normalize_rows(pass, x) : hd_apply(pass, &step->dense, x, step->activation);
    }
    return x;
}

static heed_status answer(void *user, const hd_encoded *encoded) {
    const embedding *e = user;
    heed_results *results = encoded->results;
    if (!encoded->logits) return hd_results_problem(results, encoded->index, "the text has no tokens");
    int64_t columns = encoded->logits->columns;
    if (e->settings.dims) columns = hd_min(columns, e->settings.dims);
    float *vector = hd_arena_alloc(&results->arena, (size_t)columns, sizeof *vector);
    const float *numbers = hd_pass_download(encoded->pass, encoded->logits->data, encoded->logits->columns);
    if (!vector || !numbers) return HEED_MEMORY;
    memcpy(vector, numbers, (size_t)columns * sizeof *vector);
    if (e->settings.normalize) hd_normalize_vector(vector, columns);
    results->items[encoded->index].vector = vector;
    results->items[encoded->index].columns = (size_t)columns;
    return HEED_OK;
}

/* ---- all of them ---- */

heed_status hd_embedding_check(const heed_model *model) {
    const hd_embedder *embedder = model->embedder;
    const char *name = model->folder ? model->folder : "the model";
    char verbs[HD_VERB_LIST];
    hd_model_list_verbs(model, verbs);
    if (!embedder)
        return hd_fail(model->context, HEED_UNSUPPORTED,
                       "%s is an encoder-decoder, expected an encoder or a decoder alone%s", name, verbs);
    if (embedder->problem) return hd_fail(model->context, HEED_UNSUPPORTED, "%s", embedder->problem);
    if (!embedder->listed)
        hd_note(model->context, "%s: has no modules.json; a vector is the mean of the text's states", name);
    return HEED_OK;
}

static heed_status check_dims(const embedding *e) {
    if (e->settings.dims <= e->embedder->columns) return HEED_OK;
    return hd_fail(e->model->context, HEED_ARGUMENT, "dims is %lld, but the vectors have %lld numbers",
                   (long long)e->settings.dims, (long long)e->embedder->columns);
}

static heed_status embed(embedding *e, const char *const *texts, const size_t *sizes, size_t count,
                         heed_results **results) {
    heed_context *context = e->model->context;
    int64_t longest = hd_recipe_longest(&e->model->network->recipe);
    hd_encoded_task task = {.kind = "a model of texts", .select = select_rows, .answer = answer, .pool = pool};
    task.most = e->embedder->max_tokens ? hd_min(e->embedder->max_tokens, longest) : longest;
    task.skipped = hd_utf8_count(e->prompt, strlen(e->prompt));
    HD_TRY(hd_results_check(context, texts, count));
    hd_encoded_texts given = {.texts = texts, .sizes = sizes, .count = count};
    if (!e->prompt[0]) return hd_encode_texts(e->model, &task, &given, e, results);
    const char **with = hd_arena_alloc(&e->arena, count, sizeof *with);
    size_t *with_sizes = hd_arena_alloc(&e->arena, count, sizeof *with_sizes);
    if (!with || !with_sizes) return HEED_MEMORY;
    HD_TRY(add_prompt(e, texts, sizes, count, with, with_sizes));
    given.texts = with, given.sizes = with_sizes;
    return hd_encode_texts(e->model, &task, &given, e, results);
}

heed_status heed_embed(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                       size_t count, heed_results **results) {
    embedding e = {.model = model, .embedder = model->embedder};
    *results = NULL;
    heed_status status = hd_settings_default(model->context, rows, HD_COUNT(rows), &e.settings);
    hd_arena_open(&e.arena, model->context);
    if (status == HEED_OK) status = hd_options_apply(model->context, options, &table, &e.settings);
    if (status == HEED_OK) status = hd_embedding_check(model);
    if (status == HEED_OK) status = check_dims(&e);
    if (status == HEED_OK) status = find_prompt(&e);
    if (status == HEED_OK) status = count_prompt(&e);
    if (status == HEED_OK) status = embed(&e, texts, sizes, count, results);
    hd_arena_close(&e.arena);
    hd_settings_free(model->context, rows, HD_COUNT(rows), &e.settings);
    return status;
}
