/* Going on with a text. */
#include "base/float_environment.h"
#include "base/options.h"
#include "decode/decode.h"
#include "models/model.h"
#include "tasks/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define F(field) offsetof(hd_generation, field)

static const hd_setting rows[] = {
    {"max-new-tokens", HD_SETTING_INT, F(max_new_tokens), "0", 0, 1 << 20, "NUMBER",
     "longest continuation in tokens; 0: as many as the model still has positions for"},
    {"sample", HD_SETTING_BOOL, F(sample), "false", 0, 0, NULL, "draw tokens in place of choosing the likeliest"},
    {"temperature", HD_SETTING_FLOAT, F(temperature), "1", 1e-3, 1e3, "NUMBER", "above 1 draws what is less likely"},
    {"top-k", HD_SETTING_INT, F(top_k), "0", 0, 1 << 24, "NUMBER", "draw among so many likeliest tokens; 0: all"},
    {"top-p", HD_SETTING_FLOAT, F(top_p), "1", 1e-6, 1, "NUMBER",
     "draw among the likeliest tokens that have this probability together"},
    {"min-p", HD_SETTING_FLOAT, F(min_p), "0", 0, 1, "NUMBER",
     "draw among tokens at least this share as likely as the likeliest"},
    {"seed", HD_SETTING_INT, F(seed), "1", 0, 9e15, "NUMBER", "of what is drawn"},
    {"beams", HD_SETTING_INT, F(beams), "1", 1, 1024, "NUMBER", "hypotheses kept at each step; 1 is greedy"},
    {"best", HD_SETTING_INT, F(best), "1", 1, 1024, "NUMBER",
     "alternatives given for each text: the best of the beams, or so many drawn"},
    {"length-penalty", HD_SETTING_FLOAT, F(length_penalty), "1", -10, 10, "NUMBER",
     "of a beam search: scores are log p / length^penalty"},
    {"early-stopping", HD_SETTING_CHOICE, F(early_stopping), "unlikely", 0, 0, "unlikely|full|never",
     "when a beam search ends: as transformers' False, True and \"never\""},
    {"repetition-penalty", HD_SETTING_FLOAT, F(repetition_penalty), "1", 0.01, 100, "NUMBER",
     "divides the chance of tokens there were before; 1 is none"},
    {"no-repeat-ngram", HD_SETTING_INT, F(no_repeat_ngram), "0", 0, 1 << 20, "NUMBER",
     "no run of so many tokens comes twice; 0 allows all"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(hd_generation)};

heed_status heed_generate_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

static heed_status settle(const heed_model *model, const heed_options *options, hd_generation *generation) {
    *generation = model->generation;
    generation->beams = generation->best = 1; /* what is chosen for translations is nothing to go on with */
    HD_TRY(hd_options_apply(model->context, options, &table, generation));
    static const char *const of_drawing[] = {"temperature", "top-k", "top-p", "min-p", "seed"};
    for (size_t i = 0; i < HD_COUNT(of_drawing) && !generation->sample; i++)
        if (hd_options_has(options, of_drawing[i]))
            return hd_fail(model->context, HEED_ARGUMENT, "%s goes with sample: nothing is drawn without",
                           of_drawing[i]);
    if (generation->sample && generation->beams > 1)
        return hd_fail(model->context, HEED_ARGUMENT, "with several beams nothing can be drawn");
    if (!generation->sample && generation->best > generation->beams)
        return hd_fail(model->context, HEED_ARGUMENT, "best is %lld, but only %lld beams are searched",
                       (long long)generation->best, (long long)generation->beams);
    return HEED_OK;
}

/* A text at work. Words are told when they are whole: a token may hold a part of a character. */
typedef struct continuing {
    heed_model *model;
    hd_generation generation;
    uint64_t first; /* the number of the first text */
    hd_decoder *decoder;
    hd_arena scratch, kept;
    hd_encoding encoding;
    heed_words_function *words;
    void *user;
    size_t index;
    hd_buffer ids, text; /* the text's tokens and those made so far, and what they say together */
    size_t given;        /* bytes of that which the text alone says */
    size_t told;         /* bytes of it that were told, or were given */
    heed_status status;
} continuing;

/* The bytes of a text before a character that is not yet whole: its decoder writes U+FFFD there. */
static size_t whole_bytes(const char *text, size_t size) {
    while (size >= 3 && memcmp(text + size - 3, "\xef\xbf\xbd", 3) == 0) size -= 3;
    return size;
}

/* What the text and `count` tokens behind it say together: how the first of them is written depends on what is before it. */
static heed_status say(continuing *c, const int32_t *tokens, size_t count) {
    hd_buffer_append(&c->ids, (const char *)tokens, count * sizeof *tokens);
    if (c->ids.failed) return HEED_MEMORY;
    hd_buffer_clear(&c->text);
    return hd_tokenizer_decode(c->model->tokenizer, (const int32_t *)(const void *)c->ids.data,
                               c->ids.size / sizeof *tokens, true, &c->text);
}

static bool hear(void *user, int64_t source, int32_t token) {
    (void)source;
    continuing *c = user;
    c->status = say(c, &token, 1);
    if (c->status != HEED_OK) return false;
    size_t whole = whole_bytes(c->text.data ? c->text.data : "", c->text.size);
    if (whole <= c->told) return true;
    bool go_on = c->words(c->user, c->index, c->text.data + c->told, whole - c->told);
    c->told = whole;
    return go_on;
}

/* Of `count` searches that went on from a prompt of so many tokens. */
static heed_status keep_answers(continuing *c, heed_results *results, const hd_decoded *decoded, int64_t count,
                                size_t prompt) {
    hd_result *item = &results->items[c->index];
    size_t answers = 0;
    for (int64_t i = 0; i < count; i++) answers += (size_t)decoded[i].count;
    item->answers = hd_arena_alloc(&results->arena, answers, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    for (; count > 0; count--, decoded++)
        for (int64_t i = 0; i < decoded->count; i++) {
            const hd_hypothesis *h = &decoded->best[i];
            c->ids.size = prompt * sizeof *h->ids;
            HD_TRY(say(c, h->ids, (size_t)h->count));
            size_t given = hd_min(c->given, c->text.size);
            const char *text = hd_results_copy(results, c->text.data + given, c->text.size - given);
            if (!text) return HEED_MEMORY;
            item->answers[item->count++] = (hd_answer){.text = text, .score = h->score};
        }
    return HEED_OK;
}

/* Without the end that a template may have put there. An empty text begins with the token that begins texts. */
static void settle_prompt(continuing *c, int32_t *first, const int32_t **ids, size_t *count) {
    const hd_recipe *recipe = &c->model->network->recipe;
    *ids = c->encoding.ids;
    *count = c->encoding.count;
    if (*count > 1 && c->encoding.ids[*count - 1] == recipe->eos && c->encoding.ends[*count - 1] == 0) --*count;
    if (*count > 0) return;
    *first = recipe->decoder_start >= 0 ? recipe->decoder_start : 0;
    *ids = first;
    *count = 1;
}

/* The prompt as many times as something is drawn for it; each copy draws by its own number. */
static heed_status copy_prompt(continuing *c, const int32_t *ids, size_t count, int64_t copies, hd_decoding *decoding) {
    hd_layout *sources = hd_arena_alloc(&c->kept, 1, sizeof *sources);
    int32_t *all = hd_arena_alloc(&c->kept, count * (size_t)copies, sizeof *all);
    int32_t *starts = hd_arena_alloc(&c->kept, (size_t)copies + 1, sizeof *starts);
    uint64_t *examples = hd_arena_alloc(&c->kept, (size_t)copies, sizeof *examples);
    decoding->decoded = hd_arena_alloc(&c->kept, (size_t)copies, sizeof *decoding->decoded);
    if (!sources || !all || !starts || !examples || !decoding->decoded) return HEED_MEMORY;
    for (int64_t i = 0; i <= copies; i++) starts[i] = (int32_t)(i * (int64_t)count);
    for (int64_t i = 0; i < copies; i++) {
        memcpy(all + starts[i], ids, count * sizeof *ids);
        examples[i] = c->first + c->index + ((uint64_t)i << 54); /* apart from any text's */
        decoding->decoded[i] = (hd_decoded){0};
    }
    *sources = (hd_layout){.sequences = copies, .starts = starts, .examples = examples};
    decoding->ids = all;
    decoding->sources = sources;
    return HEED_OK;
}

static heed_status continue_text(continuing *c, heed_results *results, const char *text, size_t size) {
    heed_context *context = c->model->context;
    const hd_generation *generation = &c->generation;
    int64_t copies = generation->sample ? generation->best : 1;
    int32_t first;
    const int32_t *ids;
    size_t count;
    HD_TRY(hd_tokenizer_encode(c->model->tokenizer, context, text, size, true, &c->encoding));
    settle_prompt(c, &first, &ids, &count);
    int64_t seen = hd_decode_seen(c->decoder, (int64_t)count);
    if (seen < (int64_t)count)
        hd_note(context, "a text of %zu tokens is more than the model's %lld: it goes on from the last %lld", count,
                (long long)c->decoder->window, (long long)seen);
    hd_arena_reset(&c->scratch);
    hd_arena_reset(&c->kept);
    hd_buffer_clear(&c->ids);
    HD_TRY(say(c, ids, count));
    c->given = c->told = c->text.size;
    hd_listener listener = {hear, c};
    hd_decoding decoding = {.decoder = c->decoder,
                            .generation = generation,
                            .scratch = &c->scratch,
                            .kept = &c->kept,
                            .listener = c->words && copies == 1 ? &listener : NULL};
    HD_TRY(copy_prompt(c, ids, count, copies, &decoding));
    HD_TRY(hd_generate(&decoding));
    HD_TRY(c->status);
    if (c->words && c->text.size > c->told) /* a character that never became whole */
        c->words(c->user, c->index, c->text.data + c->told, c->text.size - c->told);
    return keep_answers(c, results, decoding.decoded, copies, count);
}

heed_status heed_generate(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                          size_t count, uint64_t first, heed_words_function *words, void *user,
                          heed_results **results) {
    heed_context *context = model->context;
    continuing c = {.model = model, .first = first, .words = words, .user = user};
    *results = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    HD_TRY(settle(model, options, &c.generation));
    HD_TRY(hd_results_open(context, count, results));
    hd_float_environment found = hd_float_enter();
    hd_arena_open(&c.scratch, context);
    hd_arena_open(&c.kept, context);
    hd_buffer_open(&c.ids, context);
    hd_buffer_open(&c.text, context);
    heed_status status = hd_network_decoder_open(context, model->network, &c.decoder);
    if (status == HEED_OK) status = hd_network_pack(model->network);
    for (; c.index < count && status == HEED_OK; c.index++)
        if (texts[c.index])
            status = continue_text(&c, *results, texts[c.index], sizes ? sizes[c.index] : strlen(texts[c.index]));
    if (c.decoder) c.decoder->class->close(c.decoder);
    hd_arena_close(&c.scratch);
    hd_arena_close(&c.kept);
    hd_encoding_close(&c.encoding);
    hd_buffer_close(&c.ids);
    hd_buffer_close(&c.text);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
