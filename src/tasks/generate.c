/* Texts continued, many at once. */
#include "base/float_environment.h"
#include "base/options.h"
#include "decode/options.h"
#include "decode/session.h"
#include "models/model.h"
#include "tasks/results.h"
#include "text/stream.h"

#include <stdlib.h>
#include <string.h>

static const hd_setting rows[] = {HD_OPTION_MAX_NEW_TOKENS(0), HD_OPTIONS_SAMPLING(0), HD_OPTION_BEAMS(0),
                                  HD_OPTION_BEST(0), HD_OPTIONS_SEARCH(0)};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(hd_generation)};

heed_status heed_generate_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static heed_status configure(const heed_model *model, const heed_options *options, hd_generation *generation) {
    *generation = model->generation;
    HD_TRY(hd_options_apply(model->context, options, &table, generation));
    static const char *const of_sampling[] = {"temperature", "top-k", "top-p", "min-p", "seed"};
    for (size_t i = 0; i < HD_COUNT(of_sampling) && !generation->sample; i++)
        if (hd_options_has(options, of_sampling[i]))
            return hd_fail(model->context, HEED_ARGUMENT, "%s requires sample", of_sampling[i]);
    HD_TRY(hd_session_allow(model->context, generation));
    if (!generation->sample && generation->best > generation->beams)
        return hd_fail(model->context, HEED_ARGUMENT, "best is %lld, but only %lld beams are searched",
                       (long long)generation->best, (long long)generation->beams);
    return HEED_OK;
}

enum {
    HYPOTHESES_AT_ONCE = 64, /* a step reads each weight once for all of them */
    CACHED_TOKENS = 1 << 14, /* of all hypotheses: another text begins only below this bound on the caches */
    STEP_TOKENS = 512,       /* of prompts, so that hypotheses that run do not wait long for a long one */
    ALTERNATIVE_BITS = 54    /* the number of an alternative's random stream is that of its text, and its own above */
};

/* A text that is being continued. */
typedef struct continued {
    struct generating *g;
    size_t index;
    hd_buffer ids;   /* tokens of the prompt, then of what was streamed */
    size_t prompt;   /* tokens */
    size_t given;    /* bytes of the prompt's tokens as text */
    size_t streamed; /* bytes of the text that were given or streamed */
    int64_t waiting; /* requests that have not finished; 0: the struct is free */
    int64_t cached;  /* the most tokens that its hypotheses may have in the caches */
} continued;

typedef struct generating {
    heed_model *model;
    hd_generation generation;
    uint64_t first; /* the number of the first text */
    hd_session *session;
    heed_results *results;
    heed_words_function *words; /* NULL: nothing is streamed */
    void *user;
    hd_encoding encoding;
    hd_buffer text;   /* a text's tokens as text */
    continued *texts; /* [at_once] */
    size_t at_once;
    int64_t alternatives; /* hypotheses per text */
    int64_t cached;       /* of the texts that are running */
    heed_status status;   /* of streaming */
} generating;

/* ---- streaming: a token may be a part of a character, which is passed on when it is whole ---- */

/* g->text becomes the text's tokens and `count` more after them: how the first of these is written depends on those before
 * it. */
static heed_status decode(continued *c, const int32_t *tokens, size_t count) {
    hd_buffer *text = &c->g->text;
    hd_buffer_append(&c->ids, (const char *)tokens, count * sizeof *tokens);
    if (c->ids.failed) return HEED_MEMORY;
    hd_buffer_clear(text);
    return hd_tokenizer_decode(c->g->model->tokenizer, (const int32_t *)(const void *)c->ids.data,
                               c->ids.size / sizeof *tokens, true, text);
}

/* Streams what is new in g->text; false if the listener returned false. */
static bool pass_on(continued *c, bool last) {
    const generating *g = c->g;
    size_t first, end = hd_stream_next(g->text.data ? g->text.data : "", g->text.size, c->streamed, last, &first);
    c->streamed = end;
    return first == end || g->words(g->user, c->index, g->text.data + first, end - first);
}

static bool stream(void *user, int32_t token) {
    continued *c = user;
    generating *g = c->g;
    if (g->status == HEED_OK) g->status = decode(c, &token, 1);
    if (g->status != HEED_OK) return false;
    return pass_on(c, false);
}

/* ---- results ---- */

static heed_status keep_answer(continued *c, const hd_hypothesis *h, hd_answer *answer) {
    generating *g = c->g;
    c->ids.size = c->prompt * sizeof *h->ids;
    HD_TRY(decode(c, h->ids, (size_t)h->count));
    /* as in transformers, an end that is not a special token is part of the text */
    if (h->end >= 0 && !hd_tokenizer_is_special(g->model->tokenizer, h->end)) HD_TRY(decode(c, &h->end, 1));
    if (g->words) pass_on(c, true);
    size_t given = hd_min(c->given, g->text.size);
    const char *text = hd_results_copy(g->results, g->text.data + given, g->text.size - given);
    if (!text) return HEED_MEMORY;
    *answer = (hd_answer){.text = text, .size = g->text.size - given, .score = h->score};
    return HEED_OK;
}

/* The hypotheses of a beam search are the alternatives; a sample is one of them. */
static heed_status keep_answers(const hd_decoded *decoded) {
    continued *c = decoded->user;
    hd_result *item = &c->g->results->items[c->index];
    hd_answer *answers = item->answers + (decoded->number >> ALTERNATIVE_BITS);
    for (int64_t i = 0; i < decoded->count; i++) HD_TRY(keep_answer(c, &decoded->best[i], &answers[i]));
    item->count += (size_t)decoded->count;
    if (--c->waiting == 0) c->g->cached -= c->cached;
    return HEED_OK;
}

/* ---- texts ---- */

/* The encoded text without the end that a template may have added. An empty text begins with the token that begins
 * texts. */
static void find_prompt(const generating *g, int32_t *start, const int32_t **ids, size_t *count) {
    const hd_recipe *recipe = &g->model->network->recipe;
    *ids = g->encoding.ids;
    *count = g->encoding.count;
    if (*count > 1 && g->encoding.ids[*count - 1] == recipe->eos && g->encoding.ends[*count - 1] == 0) --*count;
    if (*count > 0) return;
    *start = g->generation.start >= 0 ? g->generation.start : 0;
    *ids = start;
    *count = 1;
}

static void note_length(generating *g, int64_t count) {
    int64_t visible = hd_session_visible(g->session, count);
    if (visible < count)
        hd_note(g->model->context,
                "a text of %lld tokens is more than the model's %lld: only the last %lld are its context",
                (long long)count, (long long)hd_recipe_longest(&g->model->network->recipe), (long long)visible);
}

/* The most tokens of one text in the caches. A recurrent network, whose texts have any length, caches none. */
static int64_t most_cached(const generating *g, int64_t prompt) {
    int64_t longest = hd_recipe_longest(&g->model->network->recipe), new_tokens = g->generation.max_new_tokens;
    if (longest == INT64_MAX) return 0;
    return g->alternatives * (new_tokens ? hd_min(prompt + new_tokens, longest) : longest);
}

static heed_status add_text(generating *g, continued *c, size_t index, const char *text, size_t size) {
    const hd_generation *generation = &g->generation;
    int32_t start;
    const int32_t *ids;
    heed_status status = hd_tokenizer_encode(g->model->tokenizer, g->model->context, text, size, true, &g->encoding);
    if (status == HEED_LENGTH) return hd_results_problem(g->results, index, g->model->context->message);
    HD_TRY(status);
    find_prompt(g, &start, &ids, &c->prompt);
    if (hd_model_check_ids(g->model, ids, c->prompt) != HEED_OK)
        return hd_results_problem(g->results, index, g->model->context->message);
    note_length(g, (int64_t)c->prompt);
    c->g = g;
    c->index = index;
    c->ids.size = 0;
    HD_TRY(decode(c, ids, c->prompt));
    c->given = c->streamed = g->text.size;
    hd_result *item = &g->results->items[index];
    item->answers = hd_arena_alloc(&g->results->arena, (size_t)generation->best, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    hd_request request = {.ids = ids,
                          .count = (int64_t)c->prompt,
                          .generation = generation,
                          .number = g->first + index,
                          .user = c,
                          .token = g->words ? stream : NULL};
    for (int64_t copies = generation->sample ? generation->best : 1; c->waiting < copies; c->waiting++) {
        HD_TRY(hd_session_add(g->session, &request, NULL));
        request.number += (uint64_t)1 << ALTERNATIVE_BITS;
    }
    c->cached = most_cached(g, (int64_t)c->prompt);
    g->cached += c->cached;
    return HEED_OK;
}

static continued *find_free(const generating *g) {
    if (g->cached >= CACHED_TOKENS) return NULL;
    for (size_t i = 0; i < g->at_once; i++)
        if (g->texts[i].waiting == 0) return &g->texts[i];
    return NULL;
}

static heed_status generate_all(generating *g, const char *const *texts, const size_t *sizes, size_t count) {
    hd_decoded decoded;
    continued *c;
    for (size_t next = 0; next < count || hd_session_is_busy(g->session);) {
        for (; next < count && (c = find_free(g)); next++)
            if (texts[next]) HD_TRY(add_text(g, c, next, texts[next], sizes ? sizes[next] : strlen(texts[next])));
        HD_TRY(hd_session_step(g->session));
        HD_TRY(g->status);
        while (hd_session_next(g->session, &decoded)) HD_TRY(keep_answers(&decoded));
    }
    return HEED_OK;
}

static heed_status open_generating(generating *g, size_t count) {
    heed_context *context = g->model->context;
    g->alternatives = hd_max(g->generation.beams, g->generation.best);
    if (g->generation.best > 1) g->words = NULL;
    size_t at_once = (size_t)hd_max(HYPOTHESES_AT_ONCE / g->alternatives, 1);
    if (at_once > count) at_once = count;
    g->texts = hd_alloc_zeroed(context, at_once, sizeof *g->texts);
    if (!g->texts) return HEED_MEMORY;
    while (g->at_once < at_once) hd_buffer_open(&g->texts[g->at_once++].ids, context);
    HD_TRY(hd_session_open(context, g->model->network, &(hd_session_limits){STEP_TOKENS}, &g->session));
    return hd_network_pack(g->model->network);
}

static void close_generating(generating *g) {
    hd_session_close(g->session);
    for (size_t i = 0; i < g->at_once; i++) hd_buffer_close(&g->texts[i].ids);
    hd_free(g->model->context, g->texts);
    hd_encoding_close(&g->encoding);
    hd_buffer_close(&g->text);
}

heed_status heed_generate(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                          size_t count, uint64_t first, heed_words_function *words, void *user,
                          heed_results **results) {
    heed_context *context = model->context;
    generating g = {.model = model, .first = first, .words = words, .user = user};
    *results = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    HD_TRY(configure(model, options, &g.generation));
    HD_TRY(hd_results_check(context, texts, count));
    HD_TRY(hd_results_open(context, count, results));
    g.results = *results;
    hd_buffer_open(&g.text, context);
    hd_float_environment found = hd_float_enter();
    heed_status status = open_generating(&g, count);
    if (status == HEED_OK) status = generate_all(&g, texts, sizes, count);
    close_generating(&g);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
