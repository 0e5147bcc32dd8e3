/* The distribution over the next token of a text: as the network predicts it, and as each step of sampling changes it. */
#include "base/float_environment.h"
#include "base/number.h"
#include "base/real.h"
#include "decode/processors.h"
#include "decode/sample.h"
#include "decode/session.h"
#include "inspect/distribution.h"
#include "inspect/label.h"
#include "tasks/decoding.h"
#include "text/spell.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STAGES = 2 + HD_SAMPLE_STAGES, TITLE = 48 }; /* those of sampling, after the model and the processors */

struct heed_next {
    heed_context *context;
    hd_arena arena;
    size_t count; /* tokens of the vocabulary */
    size_t stages;
    const char *names[MOST_STAGES];     /* [stages] */
    char titles[MOST_STAGES][TITLE];    /* [stages]: names with values, "top-k 4" */
    double *probabilities[MOST_STAGES]; /* [stages][count] */
    float *logits;                      /* [count] */
    int32_t *order;                     /* [count]: tokens by descending logit */
    hd_speller speller;
    hd_buffer text;     /* of the last heed_next_text */
    const char *prompt; /* the end of the text */
};

/* ---- options ---- */

/* Options that change the distribution over the first token that is generated. Others would have no effect. */
static bool applies(const char *name) {
    static const char *const names[] = {
        "sample",     "temperature", "top-k",  "top-p",          "min-p",      "typical-p",       "epsilon-cutoff",
        "eta-cutoff", "logit-bias",  "forbid", "min-new-tokens", "min-length", "no-repeat-ngram", "repetition-penalty"};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static heed_status configure(const heed_model *model, const heed_options *options, hd_decoding *settings) {
    HD_TRY(hd_decoding_read(model, options, &hd_generate_table, settings));
    hd_generation *g = &settings->generation;
    const char *name;
    for (size_t i = 0; options && (name = heed_options_name(options, i)) != NULL; i++)
        if (hd_options_has(options, name) && !applies(name))
            return hd_fail(model->context, HEED_ARGUMENT, "%s does not change the distribution of the next token",
                           name);
    for (int i = 0; i < HD_SAMPLE_STAGES; i++) g->sample |= hd_options_has(options, hd_sample_stage_name(i));
    g->beams = g->best = g->max_new_tokens = 1;
    g->forced_words = (hd_forced_words){0};
    g->forced_last = (hd_ids){0};
    g->stop_strings = (hd_stop_strings){0};
    g->log_probs = true;
    g->top_log_probs = 0;
    return hd_decoding_check(model, options, settings);
}

/* ---- the network's logits ---- */

static void keep_logits(void *user, const float *logits, int64_t vocabulary) {
    heed_next *n = user;
    memcpy(n->logits, logits, (size_t)vocabulary * sizeof *logits);
}

static heed_status predict(heed_model *model, const hd_decoding *settings, const hd_ids *prompt, heed_next *n) {
    hd_session *session;
    hd_generation generation = settings->generation;
    generation.sample = false; /* the token that is chosen does not matter */
    hd_request request = {
        .ids = prompt->ids, .count = prompt->count, .generation = &generation, .user = n, .logits = keep_logits};
    HD_TRY(hd_network_pack(model->network));
    HD_TRY(hd_session_open(model->context, model->network, NULL, &session));
    heed_status status = hd_session_add(session, &request, NULL);
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    hd_session_close(session);
    return status;
}

/* ---- stages ---- */

static heed_status add_stage(heed_next *n, const char *name) {
    double *probabilities = hd_arena_alloc(&n->arena, n->count, sizeof *probabilities);
    if (!probabilities) return HEED_MEMORY;
    memset(probabilities, 0, n->count * sizeof *probabilities);
    n->names[n->stages] = name;
    snprintf(n->titles[n->stages], TITLE, "%s", name);
    n->probabilities[n->stages++] = probabilities;
    return HEED_OK;
}

static heed_status add_softmax(heed_next *n, const char *name, const float *row) {
    double log_sum = hd_log_sum(row, (int64_t)n->count);
    HD_TRY(add_stage(n, name));
    for (size_t i = 0; i < n->count; i++)
        if (row[i] > -INFINITY) n->probabilities[n->stages - 1][i] = hd_exponential((double)row[i] - log_sum);
    return HEED_OK;
}

static heed_status add_sampling(heed_next *n, const hd_generation *g, const float *row, hd_sample_stage stage) {
    double total;
    hd_arena_mark mark = hd_arena_here(&n->arena);
    hd_sample_choice *choices = hd_arena_alloc(&n->arena, n->count, sizeof *choices);
    if (!choices) return HEED_MEMORY;
    for (size_t i = 0; i < n->count; i++) choices[i] = (hd_sample_choice){.logit = row[i], .token = (int32_t)i};
    int64_t count = hd_sample_filter(g, stage, choices, (int64_t)n->count, &total);
    double *kept = hd_alloc(n->context, n->count, sizeof *kept);
    if (!kept) return HEED_MEMORY;
    memset(kept, 0, n->count * sizeof *kept);
    for (int64_t i = 0; i < count; i++) kept[choices[i].token] = choices[i].weight / total;
    hd_arena_rewind(&n->arena, mark);
    heed_status status = add_stage(n, hd_sample_stage_name(stage));
    if (status == HEED_OK)
        hd_print_number(n->titles[n->stages - 1], TITLE, "%s %.4g", n->names[n->stages - 1],
                        hd_sample_stage_value(g, stage));
    if (status == HEED_OK) memcpy(n->probabilities[n->stages - 1], kept, n->count * sizeof *kept);
    hd_free(n->context, kept);
    return status;
}

static heed_status add_stages(heed_next *n, const hd_generation *g, const hd_ids *prompt) {
    hd_prefix prefix = {.generation = g, .tokens = prompt->ids, .length = prompt->count, .given = prompt->count};
    if (hd_reads_source(g)) prefix.source = *prompt;
    float *row = hd_arena_alloc(&n->arena, n->count, sizeof *row);
    if (!row) return HEED_MEMORY;
    memcpy(row, n->logits, n->count * sizeof *row);
    HD_TRY(hd_process_row(&prefix, row, (int64_t)n->count, &n->arena));
    HD_TRY(add_softmax(n, "model", n->logits));
    if (memcmp(row, n->logits, n->count * sizeof *row)) HD_TRY(add_softmax(n, "processors", row));
    for (int i = 0; i < HD_SAMPLE_STAGES && g->sample; i++)
        if (hd_sample_stage_acts(g, i)) HD_TRY(add_sampling(n, g, row, i));
    return HEED_OK;
}

static int by_logit(const void *a, const void *b) {
    const hd_sample_choice *x = a, *y = b;
    if (x->logit < y->logit || x->logit > y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

static heed_status sort_tokens(heed_next *n) {
    hd_sample_choice *choices = hd_alloc(n->context, n->count, sizeof *choices);
    if (!choices) return HEED_MEMORY;
    for (size_t i = 0; i < n->count; i++) choices[i] = (hd_sample_choice){.logit = n->logits[i], .token = (int32_t)i};
    qsort(choices, n->count, sizeof *choices, by_logit);
    for (size_t i = 0; i < n->count; i++) n->order[i] = choices[i].token;
    hd_free(n->context, choices);
    return HEED_OK;
}

/* ---- opening ---- */

/* The end of a text, for the title of a picture. */
static heed_status keep_prompt(heed_next *n, const char *text, size_t size) {
    enum { MOST = 40 }; /* characters */
    size_t first = size;
    for (int count = 0; first > 0 && count < MOST; count++) do
            first--;
        while (first > 0 && ((unsigned char)text[first] & 0xC0) == 0x80);
    const char *end = hd_text_label(&n->arena, text + first, size - first);
    char *prompt = end ? hd_arena_alloc(&n->arena, strlen(end) + 4, 1) : NULL;
    if (prompt) sprintf(prompt, "%s%s", first ? "…" : "", end);
    n->prompt = prompt;
    return prompt ? HEED_OK : HEED_MEMORY;
}

static heed_status compute(heed_model *model, const hd_decoding *settings, const char *text, size_t size,
                           heed_next *n) {
    hd_text_tokens prompt = {0};
    n->count = (size_t)hd_recipe_target_vocabulary(&model->network->recipe);
    n->logits = hd_arena_alloc(&n->arena, n->count, sizeof *n->logits);
    n->order = hd_arena_alloc(&n->arena, n->count, sizeof *n->order);
    if (!n->logits || !n->order) return HEED_MEMORY;
    HD_TRY(keep_prompt(n, text, size));
    HD_TRY(hd_speller_open(&n->speller, settings->side[HD_DECODER].tokenizer, n->context));
    heed_status status = hd_text_tokens_read(model, settings, text, size, &prompt);
    if (status == HEED_OK) status = predict(model, settings, &prompt.ids, n);
    if (status == HEED_OK) status = add_stages(n, &settings->generation, &prompt.ids);
    hd_text_tokens_close(&prompt);
    return status == HEED_OK ? sort_tokens(n) : status;
}

heed_status heed_next_open(heed_model *model, const heed_options *options, const char *text, size_t size,
                           heed_next **next) {
    heed_context *context = model->context;
    hd_decoding settings;
    *next = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    heed_next *n = hd_alloc_zeroed(context, 1, sizeof *n);
    if (!n) return HEED_MEMORY;
    n->context = context;
    hd_arena_open(&n->arena, context);
    hd_buffer_open(&n->text, context);
    hd_float_environment found = hd_float_enter();
    heed_status status = configure(model, options, &settings);
    if (status == HEED_OK) status = compute(model, &settings, text ? text : "", text ? size : 0, n);
    hd_decoding_close(context, &settings);
    hd_float_leave(found);
    if (status == HEED_OK)
        *next = n;
    else
        heed_next_close(n);
    return status;
}

void heed_next_close(heed_next *n) {
    if (!n) return;
    hd_speller_close(&n->speller);
    hd_buffer_close(&n->text);
    hd_arena_close(&n->arena);
    hd_free(n->context, n);
}

/* ---- reading ---- */

size_t heed_next_count(const heed_next *n) { return n->count; }
size_t heed_next_stages(const heed_next *n) { return n->stages; }
const char *heed_next_stage(const heed_next *n, size_t stage) { return stage < n->stages ? n->names[stage] : NULL; }
int32_t heed_next_token(const heed_next *n, size_t rank) { return rank < n->count ? n->order[rank] : -1; }

float heed_next_logit(const heed_next *n, size_t rank) {
    return rank < n->count ? n->logits[n->order[rank]] : -INFINITY;
}

double heed_next_probability(const heed_next *n, size_t rank, size_t stage) {
    return rank < n->count && stage < n->stages ? n->probabilities[stage][n->order[rank]] : 0;
}

const char *heed_next_text(heed_next *n, size_t rank, size_t *size) {
    *size = 0;
    if (rank >= n->count) return NULL;
    hd_buffer_clear(&n->text);
    if (hd_speller_add(&n->speller, n->order[rank], &n->text) != HEED_OK) return NULL;
    *size = n->text.size;
    return n->text.data ? n->text.data : "";
}

/* ---- the picture ---- */

static heed_status describe_tokens(heed_next *n, hd_distribution *d) {
    hd_arena *arena = &d->picture.arena;
    size_t rows = (size_t)d->rows;
    const char **texts = hd_arena_alloc(arena, rows, sizeof *texts),
               **labels = hd_arena_alloc(arena, rows, sizeof *labels);
    int32_t *tokens = hd_arena_alloc(arena, rows, sizeof *tokens);
    float *logits = hd_arena_alloc(arena, rows, sizeof *logits);
    if (!texts || !labels || !tokens || !logits) return HEED_MEMORY;
    for (size_t row = 0; row < rows; row++) {
        size_t size;
        const char *text = heed_next_text(n, row, &size);
        char *copy = text ? hd_arena_alloc(arena, size + 1, 1) : NULL;
        if (!copy) return HEED_MEMORY;
        memcpy(copy, text, size);
        copy[size] = 0;
        texts[row] = copy;
        labels[row] = hd_visible_label(arena, copy, size);
        if (!labels[row]) return HEED_MEMORY;
        tokens[row] = n->order[row];
        logits[row] = n->logits[n->order[row]];
    }
    d->texts = texts, d->labels = labels, d->tokens = tokens, d->logits = logits;
    return HEED_OK;
}

static heed_status describe_stages(const heed_next *n, hd_distribution *d) {
    hd_arena *arena = &d->picture.arena;
    hd_stage *stages = hd_arena_alloc(arena, n->stages, sizeof *stages);
    if (!stages) return HEED_MEMORY;
    for (size_t i = 0; i < n->stages; i++) {
        double *rows = hd_arena_alloc(arena, (size_t)d->rows, sizeof *rows);
        char *title = hd_arena_alloc(arena, TITLE, 1);
        if (!rows || !title) return HEED_MEMORY;
        memcpy(title, n->titles[i], TITLE);
        stages[i] = (hd_stage){.name = n->names[i], .title = title, .probabilities = rows};
        for (size_t rank = 0; rank < n->count; rank++) {
            double share = n->probabilities[i][n->order[rank]];
            stages[i].kept += share > 0;
            if (rank < (size_t)d->rows)
                rows[rank] = share;
            else
                stages[i].others += share;
        }
    }
    d->stages = stages, d->count = (int64_t)n->stages;
    return HEED_OK;
}

heed_status heed_inspect_next(heed_next *n, size_t count, heed_picture **picture) {
    hd_distribution *d;
    *picture = NULL;
    HD_TRY(hd_distribution_open(n->context, &d));
    d->vocabulary = (int64_t)n->count;
    d->rows = (int64_t)(count < n->count ? count : n->count);
    char *prompt = hd_arena_alloc(&d->picture.arena, strlen(n->prompt) + 1, 1);
    heed_status status = prompt ? describe_tokens(n, d) : HEED_MEMORY;
    if (status == HEED_OK) d->text = strcpy(prompt, n->prompt);
    if (status == HEED_OK) status = describe_stages(n, d);
    if (status == HEED_OK)
        *picture = &d->picture;
    else
        heed_picture_close(&d->picture);
    return status;
}
