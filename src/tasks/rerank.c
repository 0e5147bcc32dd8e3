/* The relevance of texts to a query: a cross-encoder reads query and text as a pair, and its one logit is the score. A language
 * model such as Qwen3-Reranker reads both in a prompt, and the score follows from the logits of "yes" and "no" as its next
 * token. */
#include "base/options.h"
#include "base/utf8.h"
#include "tasks/encoded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOGITS = 32 /* computed for a token: a panel of the output matrix */ };

typedef struct rerank_settings {
    char *instruction;
    int scores; /* 0: by the model's files; 1: sigmoid; 2: none */
} rerank_settings;

#define F(field) offsetof(rerank_settings, field)

static const hd_setting rows[] = {
    {"instruction", HD_SETTING_STRING, F(instruction), NULL, 0, 0, "TEXT",
     "definition of a relevant text, for a language model"},
    {"scores", HD_SETTING_CHOICE, F(scores), "auto", 0, 0, "auto|sigmoid|none",
     "function from logits to scores; auto: that of the model's folder"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(rerank_settings)};

heed_status heed_rerank_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct reranking {
    heed_model *model;
    rerank_settings settings;
    bool raw; /* scores are logits */
    const char *query;
    size_t query_size;
    const char *const *texts;
    const size_t *sizes; /* NULL: the texts end with a zero */
    /* of a language model: tokens of the prompt before the query and after the text, and of what is between them */
    hd_encoding before, after, between;
    hd_buffer buffer;
    int64_t most; /* tokens of all */
} reranking;

static size_t size_of(const reranking *r, size_t index) { return r->sizes ? r->sizes[index] : strlen(r->texts[index]); }

/* ---- the prompt of Qwen3-Reranker (https://huggingface.co/Qwen/Qwen3-Reranker-0.6B) ---- */

static const char system_prompt[] =
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    "provided. "
    "Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n";
static const char end_prompt[] = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
static const char usual_instruction[] = "Given a web search query, retrieve relevant passages that answer the query";

static bool append(hd_encoding *to, const hd_encoding *from, size_t count) {
    size_t total = to->count + count;
    heed_context *context = to->context;
    if (!hd_grow(context, &to->ids, &to->ids_capacity, total, sizeof *to->ids) ||
        !hd_grow(context, &to->starts, &to->starts_capacity, total, sizeof *to->starts) ||
        !hd_grow(context, &to->ends, &to->ends_capacity, total, sizeof *to->ends) ||
        !hd_grow(context, &to->types, &to->types_capacity, total, sizeof *to->types))
        return false;
    if (!count) return true;
    memcpy(to->ids + to->count, from->ids, count * sizeof *to->ids);
    memset(to->starts + to->count, 0, count * sizeof *to->starts);
    memset(to->ends + to->count, 0, count * sizeof *to->ends);
    memset(to->types + to->count, 0, count * sizeof *to->types);
    to->count = total;
    return true;
}

/* The instruction, the query and the text are encoded as one text, and cut together. *shown are its characters before those of
 * the text. */
static heed_status encode_between(reranking *r, size_t index, size_t *shown) {
    hd_buffer *out = &r->buffer;
    hd_buffer_clear(out);
    hd_buffer_format(
        out, "<Instruct>: %s\n<Query>: ", r->settings.instruction ? r->settings.instruction : usual_instruction);
    hd_buffer_append(out, r->query, r->query_size);
    hd_buffer_text(out, "\n<Document>: ");
    if (out->failed) return HEED_MEMORY;
    *shown = hd_utf8_count(out->data, out->size);
    hd_buffer_append(out, r->texts[index], size_of(r, index));
    if (out->failed) return HEED_MEMORY;
    return hd_tokenizer_encode(r->model->tokenizer, r->model->context, out->data, out->size, false, &r->between);
}

/* The tokens of one text: those of the prompt, and as many between its parts as fit. */
static heed_status encode(void *user, heed_results *results, size_t index, hd_encoding *tokens) {
    reranking *r = user;
    heed_context *context = r->model->context;
    size_t shown, kept, ends = r->before.count + r->after.count;
    HD_TRY(encode_between(r, index, &shown));
    kept = r->between.count;
    if ((int64_t)(kept + ends) > r->most) {
        kept = (int64_t)ends < r->most ? (size_t)r->most - ends : 0;
        size_t end = kept ? r->between.ends[kept - 1] : 0;
        if (end <= shown) return hd_fail(context, HEED_LENGTH, "the query leaves no tokens for the text");
        HD_TRY(hd_results_note(results, index, "cut after %zu of %zu tokens, at character %zu", kept + ends,
                               r->between.count + ends, end - shown));
    }
    tokens->context = context;
    tokens->count = 0;
    bool fine = append(tokens, &r->before, r->before.count) && append(tokens, &r->between, kept) &&
                append(tokens, &r->after, r->after.count);
    return fine ? HEED_OK : HEED_MEMORY;
}

/* Special tokens of the prompt are such whatever the context does with those of texts. */
static heed_status encode_part(const reranking *r, const char *text, hd_encoding *tokens) {
    heed_context *context = r->model->context, parsing = hd_context_fork(context, context->threads);
    parsing.special_as_text = false;
    heed_status status = hd_tokenizer_encode(r->model->tokenizer, &parsing, text, strlen(text), false, tokens);
    tokens->context = context; /* `parsing` ends here */
    return status == HEED_OK ? HEED_OK : hd_fail_as(context, &parsing, status);
}

/* ---- a language model ---- */

static heed_status open_prompt(reranking *r) {
    HD_TRY(encode_part(r, system_prompt, &r->before));
    return encode_part(r, end_prompt, &r->after);
}

static heed_status select_last(void *user, const hd_encoded *e, int32_t *selected, int64_t *count) {
    (void)user;
    *count = 1;
    selected[0] = (int32_t)e->encoding->count - 1;
    return HEED_OK;
}

/* The logits [texts] of one token, with a stride of LOGITS; *stride is set. */
static const float *logits_of(const reranking *r, hd_pass *pass, hd_tensor *states, int32_t token, int64_t *stride) {
    const hd_network *network = r->model->network;
    int64_t first = token / LOGITS * LOGITS;
    *stride = hd_min(LOGITS, network->output->rows - first);
    hd_tensor *logits = hd_network_logits(network, pass, states, first, *stride);
    const float *numbers = logits ? hd_pass_download(pass, logits->data, hd_tensor_count(logits)) : NULL;
    return numbers ? numbers + token % LOGITS : NULL;
}

/* From the states of the last tokens: one logit per text. */
static hd_tensor *score(void *user, hd_pass *pass, hd_tensor *states, const hd_selection *selected) {
    const reranking *r = user;
    const hd_ranker *ranker = r->model->ranker;
    int64_t count = selected->layout.sequences, stride, no_stride = 0;
    hd_tensor *x = hd_network_head(r->model->network, pass, states), *scores = hd_tensor_new(pass, count, 1, NULL);
    float *numbers = hd_pass_alloc(pass, (size_t)count, sizeof *numbers);
    if (!x || !scores || !numbers) return NULL;
    const float *yes = logits_of(r, pass, x, ranker->yes, &stride), *no = NULL;
    if (ranker->no >= 0 && yes) no = logits_of(r, pass, x, ranker->no, &no_stride);
    if (!yes || (ranker->no >= 0 && !no)) return NULL;
    for (int64_t i = 0; i < count; i++) numbers[i] = yes[i * stride] - (no ? no[i * no_stride] : 0.0f);
    hd_pass_upload(pass, numbers, count, scores->data);
    return scores;
}

/* ---- one text ---- */

static heed_status answer(void *user, const hd_encoded *e) {
    const reranking *r = user;
    if (!e->logits) return hd_results_problem(e->results, e->index, "the text has no tokens");
    hd_answer *one = hd_arena_alloc(&e->results->arena, 1, sizeof *one);
    const float *logit = hd_pass_download(e->pass, e->logits->data, 1);
    char *text = hd_results_copy(e->results, r->texts[e->index], size_of(r, e->index));
    double value;
    if (!one || !logit || !text) return HEED_MEMORY;
    hd_labels_score(r->raw ? HD_PROBLEM_REGRESSION : HD_PROBLEM_MANY_LABELS, logit, 1, &value);
    *one = (hd_answer){.text = text, .size = size_of(r, e->index), .score = (float)value};
    e->results->items[e->index].answers = one;
    e->results->items[e->index].count = 1;
    return HEED_OK;
}

/* ---- all of them ---- */

static int64_t longest(const heed_model *model) {
    int64_t most = hd_recipe_longest(&model->network->recipe);
    int64_t stated = model->embedder ? model->embedder->max_tokens : 0;
    return stated ? hd_min(most, stated) : most;
}

static heed_status rank_by_prompt(reranking *r, size_t count, heed_results **results) {
    hd_encoded_task task = {
        .kind = "a reranker", .select = select_last, .answer = answer, .pool = score, .encode = encode};
    hd_encoded_texts texts = {.texts = r->texts, .sizes = r->sizes, .count = count};
    r->most = longest(r->model);
    HD_TRY(open_prompt(r));
    return hd_encode_texts(r->model, &task, &texts, r, results);
}

/* The query is the first text of each pair. */
static heed_status rank_pairs(reranking *r, size_t count, heed_results **results) {
    heed_context *context = r->model->context;
    hd_encoded_task task = {HD_HEAD_CLASSIFY_TEXT, "a cross-encoder", hd_select_pooled, answer,
                            .most = longest(r->model)};
    const char **queries = hd_alloc(context, count, sizeof *queries);
    size_t *sizes = hd_alloc(context, count, sizeof *sizes), *text_sizes = hd_alloc(context, count, sizeof *text_sizes);
    heed_status status = queries && sizes && text_sizes ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; i < count && status == HEED_OK; i++) {
        queries[i] = r->texts[i] ? r->query : NULL;
        sizes[i] = r->query_size;
        text_sizes[i] = r->texts[i] ? size_of(r, i) : 0;
    }
    hd_encoded_texts pairs = {queries, sizes, r->texts, text_sizes, count};
    if (status == HEED_OK) status = hd_encode_texts(r->model, &task, &pairs, r, results);
    hd_free(context, queries);
    hd_free(context, sizes);
    hd_free(context, text_sizes);
    return status;
}

static heed_status check_model(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    const char *name = model->folder ? model->folder : "the model";
    char verbs[HD_VERB_LIST];
    if (model->ranker && !model->ranker->problem) return HEED_OK;
    hd_model_list_verbs(model, verbs);
    if (model->ranker) return hd_fail(model->context, HEED_UNSUPPORTED, "%s%s", model->ranker->problem, verbs);
    if (recipe->head == HD_HEAD_CLASSIFY_TEXT)
        return hd_fail(model->context, HEED_UNSUPPORTED, "%s has %lld labels, expected a cross-encoder with one%s",
                       name, (long long)recipe->labels, verbs);
    return hd_fail(model->context, HEED_UNSUPPORTED, "%s is a %s, expected a cross-encoder or a language model%s", name,
                   hd_family_architecture(model->family, recipe->head), verbs);
}

static heed_status rerank(reranking *r, size_t count, heed_results **results) {
    bool pairs = r->model->network->recipe.head == HD_HEAD_CLASSIFY_TEXT;
    r->raw = r->settings.scores ? r->settings.scores == 2 : r->model->ranker->raw;
    if (pairs && r->settings.instruction)
        return hd_fail(r->model->context, HEED_ARGUMENT, "a cross-encoder takes no instruction");
    return pairs ? rank_pairs(r, count, results) : rank_by_prompt(r, count, results);
}

heed_status heed_rerank(heed_model *model, const heed_options *options, const char *query, size_t query_size,
                        const char *const *texts, const size_t *sizes, size_t count, heed_results **results) {
    heed_context *context = model->context;
    reranking r = {.model = model, .query = query, .query_size = query_size, .texts = texts, .sizes = sizes};
    *results = NULL;
    hd_buffer_open(&r.buffer, context);
    heed_status status = hd_settings_default(context, rows, HD_COUNT(rows), &r.settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &r.settings);
    if (status == HEED_OK) status = check_model(model);
    if (status == HEED_OK) status = hd_results_check(context, texts, count);
    if (status == HEED_OK) status = rerank(&r, count, results);
    hd_encoding_close(&r.before);
    hd_encoding_close(&r.after);
    hd_encoding_close(&r.between);
    hd_buffer_close(&r.buffer);
    hd_settings_free(context, rows, HD_COUNT(rows), &r.settings);
    return status;
}

/* ---- the order ---- */

typedef struct ranked {
    float score;
    size_t index;
} ranked;

/* The largest score first; NaN last. */
static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (isnan(x->score) != isnan(y->score)) return isnan(x->score) ? 1 : -1;
    if (x->score < y->score || x->score > y->score) return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

heed_status heed_results_rank(const heed_results *results, size_t *order, size_t *count) {
    ranked *all = hd_alloc(results->context, results->count, sizeof *all);
    *count = 0;
    if (!all) return HEED_MEMORY;
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].count) all[(*count)++] = (ranked){results->items[i].answers[0].score, i};
    if (*count) qsort(all, *count, sizeof *all, by_score);
    for (size_t i = 0; i < *count; i++) order[i] = all[i].index;
    hd_free(results->context, all);
    return HEED_OK;
}
