#include "tasks/decoding.h"

#include "decode/options.h"
#include "decode/session.h"
#include "inspect/align.h"
#include "text/languages.h"
#include "text/sentences.h"

#include <string.h>

/* ---- options ---- */

#define F(field) offsetof(hd_decoding, field)

#define LANGUAGES(outputs)                                                                            \
    {"from",     HD_SETTING_STRING,                                                                   \
     F(from),    NULL,                                                                                \
     0,          0,                                                                                   \
     "LANGUAGE", "language of the texts, as a code of the tokenizer, such as eng_Latn, en_XX or en"}, \
    {                                                                                                 \
        "to", HD_SETTING_STRING, F(to), NULL, 0, 0, "LANGUAGE",                                       \
            "language of the " outputs ", as a code of the tokenizer"                                 \
    }
#define ALIGNMENT                                                                                       \
    {"alignment",                                                                                       \
     HD_SETTING_BOOL,                                                                                   \
     F(alignment),                                                                                      \
     NULL,                                                                                              \
     0,                                                                                                 \
     0,                                                                                                 \
     NULL,                                                                                              \
     "word alignment in Pharaoh format: 0-0 1-2 2-1",                                                   \
     NULL,                                                                                              \
     0,                                                                                                 \
     "Word alignment"},                                                                                 \
    {                                                                                                   \
        "alignment-layer", HD_SETTING_INT, F(alignment_layer), "0", 0, 1 << 20, "NUMBER",               \
            "layer whose cross-attention gives the alignment, from 1; 0 for the last but one", NULL, 0, \
            "Word alignment"                                                                            \
    }

#define PREFIX                                                        \
    {                                                                 \
        "prefix", HD_SETTING_STRING, F(prefix), NULL, 0, 0, "TEXT",   \
            "text before each input (default: of the model's config)" \
    }
#define MAX_WORDS                                                             \
    {                                                                         \
        "max-words", HD_SETTING_INT, F(max_words), "0", 0, 1 << 20, "NUMBER", \
            "longest output in words, separated by spaces; 0: no limit"       \
    }
/* Of every call that turns texts into texts. */
#define TEXT_TO_TEXT                                                                                                  \
    PREFIX, MAX_WORDS, HD_OPTION_BEAMS(F(generation)), HD_OPTION_BEST(F(generation)),                                 \
        HD_OPTION_MAX_NEW_TOKENS(F(generation)), HD_OPTIONS_SEARCH(F(generation)), HD_OPTIONS_WORDS(F(words)),        \
        HD_OPTION_KEEP_STOP(F(generation)), HD_OPTION_PROMPT_LOOKUP(F(generation)),                                   \
        HD_OPTIONS_CONSTRAINT(F(constraint)), {                                                                       \
        "batch-tokens", HD_SETTING_INT, F(batch_tokens), "0", 0, 1 << 24, "NUMBER",                                   \
            "source tokens that a session translates at once; 0: a default for the model's size and the beams", NULL, \
            0, HD_GROUP_SPEED                                                                                         \
    }

static const hd_setting translate_rows[] = {
    LANGUAGES("translations"),
    {"document", HD_SETTING_BOOL, F(document), NULL, 0, 0, NULL,
     "translate each text as a document, sentence by sentence, and keep its layout"},
    TEXT_TO_TEXT,
    ALIGNMENT,
};

static const hd_setting summarize_rows[] = {LANGUAGES("summaries"), TEXT_TO_TEXT};

static const hd_setting rewrite_rows[] = {
    {"to", HD_SETTING_STRING, F(to), NULL, 0, 0, "STYLE", "style of the output, if the model has several"},
    TEXT_TO_TEXT,
};

static const hd_setting generate_rows[] = {
    HD_OPTION_MAX_NEW_TOKENS(F(generation)), HD_OPTIONS_SAMPLING(F(generation)),
    HD_OPTION_BEAMS(F(generation)),          HD_OPTION_BEST(F(generation)),
    HD_OPTIONS_SEARCH(F(generation)),        HD_OPTIONS_WORDS(F(words)),
    HD_OPTION_KEEP_STOP(F(generation)),      HD_OPTION_PROMPT_LOOKUP(F(generation)),
    HD_OPTIONS_CONSTRAINT(F(constraint)),    HD_OPTIONS_LOG_PROBS(F(generation))};

static const hd_setting session_rows[] = {LANGUAGES("translations"),
                                          PREFIX,
                                          MAX_WORDS,
                                          HD_OPTION_MAX_NEW_TOKENS(F(generation)),
                                          HD_OPTIONS_SAMPLING(F(generation)),
                                          HD_OPTION_BEAMS(F(generation)),
                                          HD_OPTION_BEST(F(generation)),
                                          HD_OPTIONS_SEARCH(F(generation)),
                                          HD_OPTION_PROMPT_LOOKUP(F(generation)),
                                          HD_OPTIONS_WORDS(F(words)),
                                          HD_OPTION_KEEP_STOP(F(generation)),
                                          HD_OPTIONS_LOG_PROBS(F(generation)),
                                          HD_OPTIONS_CONSTRAINT(F(constraint)),
                                          ALIGNMENT};

const hd_option_table hd_translate_table = {translate_rows, HD_COUNT(translate_rows), sizeof(hd_decoding)};
const hd_option_table hd_summarize_table = {summarize_rows, HD_COUNT(summarize_rows), sizeof(hd_decoding)};
const hd_option_table hd_rewrite_table = {rewrite_rows, HD_COUNT(rewrite_rows), sizeof(hd_decoding)};
const hd_option_table hd_generate_table = {generate_rows, HD_COUNT(generate_rows), sizeof(hd_decoding)};
const hd_option_table hd_answer_table = {translate_rows, HD_COUNT(translate_rows), sizeof(hd_decoding)};
const hd_option_table hd_session_table = {session_rows, HD_COUNT(session_rows), sizeof(hd_decoding)};

heed_status heed_translate_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_translate_table, options);
}

heed_status heed_summarize_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_summarize_table, options);
}

heed_status heed_rewrite_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_rewrite_table, options);
}

heed_status heed_generate_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_generate_table, options);
}

heed_status heed_session_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_session_table, options);
}

/* ---- options that would have no effect, and settings that contradict each other ---- */

static heed_status require_sampling(const heed_model *model, const heed_options *options, bool samples) {
    static const char *const of_sampling[] = {"temperature", "top-k",          "top-p",      "min-p",
                                              "typical-p",   "epsilon-cutoff", "eta-cutoff", "seed"};
    for (size_t i = 0; i < HD_COUNT(of_sampling) && !samples; i++)
        if (hd_options_has(options, of_sampling[i]))
            return hd_fail(model->context, HEED_ARGUMENT, "%s requires sample", of_sampling[i]);
    return HEED_OK;
}

static heed_status check_beams(const heed_model *model, const heed_options *options, const hd_generation *g) {
    int64_t vocabulary = hd_recipe_target_vocabulary(&model->network->recipe);
    if (g->beams > vocabulary)
        return hd_fail(model->context, HEED_ARGUMENT, "beams is %lld, but the model has only %lld tokens",
                       (long long)g->beams, (long long)vocabulary);
    if (!g->sample && g->best > g->beams)
        return hd_fail(model->context, HEED_ARGUMENT, "best is %lld, but only %lld beams are searched",
                       (long long)g->best, (long long)g->beams);
    if (g->beams == 1 && hd_options_has(options, "early-stopping"))
        return hd_fail(model->context, HEED_ARGUMENT, "early-stopping requires beams of at least 2");
    return HEED_OK;
}

static heed_status check_lengths(const heed_model *model, const heed_options *options, const hd_generation *g) {
    if (!hd_options_has(options, "min-new-tokens") || !g->max_new_tokens || g->min_new_tokens <= g->max_new_tokens)
        return HEED_OK;
    return hd_fail(model->context, HEED_ARGUMENT, "min-new-tokens is %lld, but max-new-tokens is %lld",
                   (long long)g->min_new_tokens, (long long)g->max_new_tokens);
}

static heed_status check_texts(const heed_model *model, const hd_decoding *settings) {
    bool translates = hd_recipe_translates(&model->network->recipe);
    if (!translates && (settings->prefix || settings->max_words))
        return hd_fail(model->context, HEED_ARGUMENT, "%s has no effect with a language model",
                       settings->prefix ? "prefix" : "max-words");
    if (settings->document && (settings->alignment || settings->max_words))
        return hd_fail(model->context, HEED_ARGUMENT,
                       "%s does not apply to a document, whose sentences are translated one by one",
                       settings->alignment ? "alignment" : "max-words");
    return HEED_OK;
}

heed_status hd_decoding_check(const heed_model *model, const heed_options *options, hd_decoding *settings) {
    const hd_generation *g = &settings->generation;
    HD_TRY(require_sampling(model, options, g->sample));
    HD_TRY(hd_session_allow(model->context, g));
    HD_TRY(check_beams(model, options, g));
    HD_TRY(check_lengths(model, options, g));
    HD_TRY(check_texts(model, settings));
    if (hd_options_has(options, "top-logprobs") && !g->log_probs)
        return hd_fail(model->context, HEED_ARGUMENT, "top-logprobs requires logprobs");
    if (hd_options_has(options, "keep-stop") && !g->stop_strings.count)
        return hd_fail(model->context, HEED_ARGUMENT, "keep-stop requires stop");
    return settings->alignment ? hd_align_layer(model, settings->alignment_layer, &settings->alignment_layer) : HEED_OK;
}

/* ---- opening ---- */

static heed_status open_constraint(const heed_model *model, hd_constraint_list *list, hd_decoding *settings) {
    const hd_recipe *recipe = &model->network->recipe;
    hd_constraint_target target = {.tokenizer = settings->side[HD_DECODER].tokenizer,
                                   .vocabulary = hd_recipe_target_vocabulary(recipe),
                                   .ends = settings->generation.ends,
                                   .continues = !hd_recipe_translates(recipe)};
    return hd_constraint_make(model->context, &target, &settings->constraint, list, &settings->generation.constraint);
}

static hd_text_task task_of(const hd_option_table *table) {
    return table == &hd_summarize_table ? HD_TASK_SUMMARIZE
           : table == &hd_rewrite_table ? HD_TASK_REWRITE
           : table == &hd_answer_table  ? HD_TASK_ANSWER
                                        : HD_TASK_TRANSLATE;
}

/* The last value of an option; NULL: it was not set. */
static const char *value_of(const heed_options *options, const char *wanted) {
    const char *name, *value, *found = NULL;
    for (size_t i = 0; hd_options_at(options, i, &name, &value); i++)
        if (strcmp(name, wanted) == 0) found = value;
    return found;
}

/* Those of the pipelines of transformers 4.57, for what neither the model's files nor options choose. */
static void set_defaults(const hd_chosen *chosen, hd_generation *g) {
    enum { BEAMS = 4, NEW_TOKENS = 256 };
    if (!chosen->beams && !g->sample) g->beams = BEAMS;
    if (!chosen->length) g->max_new_tokens = NEW_TOKENS;
}

/* Begins with the settings of the task; *named: `from` and `to` have chosen it, and are no languages of the tokenizer. */
static heed_status choose_task(const heed_model *model, const heed_options *options, hd_text_task task,
                               hd_decoding *settings, bool *named) {
    const char *from = value_of(options, "from"), *to = value_of(options, "to");
    const hd_task_params *params = NULL;
    bool codes = model->tokenizer && hd_tokenizer_languages(model->tokenizer);
    *named = hd_task_params_are_named(model, task) && !(codes && task == HD_TASK_TRANSLATE);
    if (task == HD_TASK_REWRITE && to && !*named)
        return hd_fail(model->context, HEED_ARGUMENT, "%s has no styles, so \"to\" has no effect",
                       model->folder ? model->folder : "the model");
    settings->before = model->prefix ? model->prefix : "";
    settings->keeps_prefixes = !from && !to;
    if (codes && task == HD_TASK_TRANSLATE) return HEED_OK;
    bool prefixed = task == HD_TASK_REWRITE && !to && hd_options_has(options, "prefix"); /* no style is needed */
    if (!prefixed || !*named) HD_TRY(hd_task_params_choose(model, task, from, to, &params));
    if (params) settings->generation = params->generation, settings->before = params->prefix;
    if (task == HD_TASK_SUMMARIZE || task == HD_TASK_REWRITE)
        set_defaults(params ? &params->chosen : &model->chosen, &settings->generation);
    return HEED_OK;
}

heed_status hd_decoding_read(const heed_model *model, const heed_options *options, const hd_option_table *table,
                             hd_decoding *settings) {
    bool named = false;
    *settings = (hd_decoding){.generation = model->generation, .before = ""};
    hd_arena_open(&settings->arena, model->context);
    if (hd_recipe_translates(&model->network->recipe))
        HD_TRY(choose_task(model, options, task_of(table), settings, &named));
    HD_TRY(hd_options_apply(model->context, options, table, settings));
    if (settings->prefix) settings->before = settings->prefix, settings->keeps_prefixes = false;
    HD_TRY(hd_model_choose_languages(model, named ? NULL : settings->from, named ? NULL : settings->to, settings->side,
                                     &settings->generation));
    return hd_word_options_resolve(model, settings->side[HD_DECODER].tokenizer, &settings->words, &settings->arena,
                                   &settings->generation);
}

heed_status hd_decoding_open(const heed_model *model, const heed_options *options, const hd_option_table *table,
                             hd_decoding *settings) {
    return hd_decoding_open_with(model, options, table, NULL, settings);
}

heed_status hd_decoding_open_with(const heed_model *model, const heed_options *options, const hd_option_table *table,
                                  hd_constraint_list *constraints, hd_decoding *settings) {
    HD_TRY(hd_decoding_read(model, options, table, settings));
    HD_TRY(hd_decoding_check(model, options, settings));
    return open_constraint(model, constraints, settings);
}

void hd_decoding_close(heed_context *context, hd_decoding *settings) {
    hd_settings_free(context, session_rows, HD_COUNT(session_rows), settings);
    hd_constraint_close(context, settings->generation.constraint);
    settings->generation.constraint = NULL;
    settings->arena.context = context; /* the one that it was opened with may be closed */
    hd_arena_close(&settings->arena);
}

/* ---- from texts ---- */

/* The text without the end that a template may have added. An empty text begins with the token that begins texts. */
static hd_ids read_prompt(const heed_model *model, const hd_decoding *settings, hd_text_tokens *prompt) {
    const hd_encoding *encoding = &prompt->encoding;
    size_t count = encoding->count;
    bool added = count > 1 && !settings->bare && encoding->ends[count - 1] == 0;
    if (added && encoding->ids[count - 1] == model->network->recipe.eos) --count;
    if (count) return (hd_ids){encoding->ids, (int64_t)count};
    prompt->start = settings->generation.start >= 0 ? settings->generation.start : 0;
    return (hd_ids){&prompt->start, 1};
}

const char *hd_decoding_prefix(const heed_model *model, const hd_decoding *settings, const char *text, size_t size) {
    return settings->keeps_prefixes && hd_task_params_begin(model, text, size) ? "" : settings->before;
}

/* The text with its prefix; that of the caller if there is none. */
static heed_status add_prefix(heed_context *context, const char *prefix, const char **text, size_t *size,
                              hd_buffer *out) {
    if (!prefix[0]) return HEED_OK;
    if (!out->context) hd_buffer_open(out, context);
    hd_buffer_clear(out);
    hd_buffer_text(out, prefix);
    hd_buffer_append(out, *text, *size);
    if (out->failed) return HEED_MEMORY;
    *text = out->data, *size = out->size;
    return HEED_OK;
}

heed_status hd_text_tokens_read(const heed_model *model, const hd_decoding *settings, const char *text, size_t size,
                                hd_text_tokens *prompt) {
    bool translates = hd_recipe_translates(&model->network->recipe);
    if (settings->bare) {
        HD_TRY(hd_tokenizer_encode(settings->side[HD_ENCODER].tokenizer, model->context, text, size, false,
                                   &prompt->encoding));
    } else {
        HD_TRY(
            add_prefix(model->context, hd_decoding_prefix(model, settings, text, size), &text, &size, &prompt->text));
        HD_TRY(hd_side_encode(&settings->side[HD_ENCODER], model->context, text, size, &prompt->encoding));
    }
    if (translates) HD_TRY(hd_model_check_length(model, prompt->encoding.count));
    prompt->ids = translates ? (hd_ids){prompt->encoding.ids, (int64_t)prompt->encoding.count}
                             : read_prompt(model, settings, prompt);
    return hd_model_check_ids(model, prompt->ids.ids, (size_t)prompt->ids.count);
}

void hd_text_tokens_close(hd_text_tokens *prompt) {
    hd_encoding_close(&prompt->encoding);
    if (prompt->text.context) hd_buffer_close(&prompt->text);
}

/* ---- alignments ---- */

heed_status hd_decoding_align(heed_context *context, const heed_model *model, const hd_decoding *settings,
                              const char *text, size_t size, const int32_t *ids, int64_t count, hd_buffer *out) {
    hd_buffer source = {0};
    const char *prefix = hd_decoding_prefix(model, settings, text, size);
    heed_status status = add_prefix(context, prefix, &text, &size, &source);
    hd_align_options options = {.layer = settings->alignment_layer,
                                .skipped = hd_words_whole(prefix, strlen(prefix)),
                                .most = settings->max_words ? settings->max_words : INT64_MAX};
    if (status == HEED_OK)
        status =
            hd_align(context, model, settings->side, settings->generation.start, &options, text, size, ids, count, out);
    if (source.context) hd_buffer_close(&source);
    return status;
}

/* ---- to answers ---- */

int64_t hd_decoding_tokens(const hd_decoding *settings, const hd_hypothesis *h, int32_t *ids) {
    int64_t count = h->count;
    if (count) memcpy(ids, h->ids, (size_t)count * sizeof *ids);
    if (h->end >= 0 && !hd_tokenizer_is_special(settings->side[HD_DECODER].tokenizer, h->end)) ids[count++] = h->end;
    return count;
}

size_t hd_decoding_text_size(const hd_decoding *settings, const hd_hypothesis *h, const hd_buffer *text,
                             size_t hidden) {
    size_t size = text->size;
    if (!h->stop_bytes || !size) return size;
    if (hd_decoding_cuts(settings)) size = hd_stops_cut(&settings->generation.stop_strings, text->data, size, hidden);
    if (settings->max_words) size = hd_words_end(text->data, size, settings->max_words);
    return size;
}

heed_status hd_text_ends_open(hd_text_ends *ends, heed_context *context, const hd_decoding *settings) {
    *ends = (hd_text_ends){.settings = settings};
    hd_buffer_open(&ends->text, context);
    const hd_stop_strings *stops = &settings->generation.stop_strings;
    if (!stops->count) return HEED_OK;
    return hd_stop_finder_open(&ends->finder, settings->side[HD_DECODER].tokenizer, context, stops);
}

void hd_text_ends_close(hd_text_ends *ends) {
    if (!ends->settings) return;
    if (ends->finder.stops) hd_stop_finder_close(&ends->finder);
    hd_buffer_close(&ends->text);
}

/* Whether the text of the tokens has begun a word over the limit. */
static heed_status exceed_words(hd_text_ends *ends, const int32_t *tokens, int64_t count, size_t *bytes) {
    hd_buffer *text = &ends->text;
    hd_buffer_clear(text);
    HD_TRY(hd_tokenizer_decode(ends->settings->side[HD_DECODER].tokenizer, tokens, (size_t)count, true, text));
    if (text->size) *bytes = text->size - hd_words_end(text->data, text->size, ends->settings->max_words);
    return HEED_OK;
}

heed_status hd_decoding_stopped(void *user, const int32_t *tokens, int64_t count, size_t *bytes) {
    hd_text_ends *ends = user;
    *bytes = 0;
    if (ends->finder.stops) HD_TRY(hd_stop_finder_match(&ends->finder, tokens, count, bytes));
    return !*bytes && ends->settings->max_words ? exceed_words(ends, tokens, count, bytes) : HEED_OK;
}

heed_status hd_decoding_note_words(heed_results *results, size_t index, const hd_hypothesis *h) {
    static const char note[] = "a text lacks forced words: the beam search reached its maximum length without them";
    if (!h->lacks_words || results->items[index].note) return HEED_OK;
    hd_note(results->context, "%s", note);
    return hd_results_note(results, index, "%s", note);
}

/* Whether the constraint, if there is one, accepts the empty text. */
static heed_status accepts_nothing(const hd_decoding *settings, heed_context *context, bool *accepts) {
    hd_constraint_progress progress;
    *accepts = true;
    if (!settings->generation.constraint) return HEED_OK;
    HD_TRY(hd_constraint_measure(settings->generation.constraint, context, &(hd_constrained_text){0}, &progress));
    *accepts = progress != HD_CONSTRAINT_INCOMPLETE;
    return HEED_OK;
}

heed_status hd_decoding_answer_blank(const hd_decoding *settings, heed_results *results, size_t index) {
    hd_result *item = &results->items[index];
    bool accepts;
    HD_TRY(accepts_nothing(settings, results->context, &accepts));
    if (!accepts)
        return hd_results_problem(results, index,
                                  "the translation of an empty text is empty, which the constraint excludes");
    item->answers = hd_arena_alloc(&results->arena, 1, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    item->answers[0] = (hd_answer){.text = "", .alignment = settings->alignment ? "" : NULL};
    item->count = 1;
    return HEED_OK;
}

heed_status hd_decoding_no_answer(heed_results *results, size_t index) {
    return hd_results_problem(results, index, "no score that the model gives is a number");
}
