#include "tasks/decoding.h"

#include "decode/options.h"
#include "decode/session.h"
#include "inspect/align.h"

#include <string.h>

/* ---- options ---- */

#define F(field) offsetof(hd_decoding, field)

#define LANGUAGES                                                                                     \
    {"from",     HD_SETTING_STRING,                                                                   \
     F(from),    NULL,                                                                                \
     0,          0,                                                                                   \
     "LANGUAGE", "language of the texts, as a code of the tokenizer, such as eng_Latn, en_XX or en"}, \
    {                                                                                                 \
        "to", HD_SETTING_STRING, F(to), NULL, 0, 0, "LANGUAGE",                                       \
            "language of the translations, as a code of the tokenizer"                                \
    }
#define ALIGNMENT                                                                                                      \
    {"alignment", HD_SETTING_BOOL, F(alignment), NULL, 0, 0, NULL, "word alignment in Pharaoh format: 0-0 1-2 2-1"}, { \
        "alignment-layer", HD_SETTING_INT, F(alignment_layer), "0", 0, 1 << 20, "NUMBER",                              \
            "layer whose cross-attention gives the alignment, from 1; 0 for the last but one"                          \
    }

static const hd_setting translate_rows[] = {
    LANGUAGES,
    HD_OPTION_BEAMS(F(generation)),
    HD_OPTION_BEST(F(generation)),
    HD_OPTION_MAX_NEW_TOKENS(F(generation)),
    HD_OPTIONS_SEARCH(F(generation)),
    HD_OPTIONS_WORDS(F(words)),
    HD_OPTION_KEEP_STOP(F(generation)),
    HD_OPTIONS_CONSTRAINT(F(constraint)),
    {"batch-tokens", HD_SETTING_INT, F(batch_tokens), "0", 0, 1 << 24, "NUMBER",
     "source tokens that a session translates at once; 0: a default for the model's size and the beams"},
    ALIGNMENT,
};

static const hd_setting generate_rows[] = {
    HD_OPTION_MAX_NEW_TOKENS(F(generation)), HD_OPTIONS_SAMPLING(F(generation)),
    HD_OPTION_BEAMS(F(generation)),          HD_OPTION_BEST(F(generation)),
    HD_OPTIONS_SEARCH(F(generation)),        HD_OPTIONS_WORDS(F(words)),
    HD_OPTION_KEEP_STOP(F(generation)),      HD_OPTION_PROMPT_LOOKUP(F(generation)),
    HD_OPTIONS_CONSTRAINT(F(constraint)),    HD_OPTIONS_LOG_PROBS(F(generation))};

static const hd_setting session_rows[] = {LANGUAGES,
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
const hd_option_table hd_generate_table = {generate_rows, HD_COUNT(generate_rows), sizeof(hd_decoding)};
const hd_option_table hd_session_table = {session_rows, HD_COUNT(session_rows), sizeof(hd_decoding)};

heed_status heed_translate_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_translate_table, options);
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

heed_status hd_decoding_check(const heed_model *model, const heed_options *options, hd_decoding *settings) {
    const hd_generation *g = &settings->generation;
    HD_TRY(require_sampling(model, options, g->sample));
    HD_TRY(hd_session_allow(model->context, g));
    HD_TRY(check_beams(model, options, g));
    HD_TRY(check_lengths(model, options, g));
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

heed_status hd_decoding_read(const heed_model *model, const heed_options *options, const hd_option_table *table,
                             hd_decoding *settings) {
    *settings = (hd_decoding){.generation = model->generation};
    hd_arena_open(&settings->arena, model->context);
    HD_TRY(hd_options_apply(model->context, options, table, settings));
    HD_TRY(hd_model_choose_languages(model, settings->from, settings->to, settings->side, &settings->generation));
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

heed_status hd_text_tokens_read(const heed_model *model, const hd_decoding *settings, const char *text, size_t size,
                                hd_text_tokens *prompt) {
    bool translates = hd_recipe_translates(&model->network->recipe);
    if (settings->bare)
        HD_TRY(hd_tokenizer_encode(settings->side[HD_ENCODER].tokenizer, model->context, text, size, false,
                                   &prompt->encoding));
    else
        HD_TRY(hd_side_encode(&settings->side[HD_ENCODER], model->context, text, size, &prompt->encoding));
    if (translates) HD_TRY(hd_model_check_length(model, prompt->encoding.count));
    prompt->ids = translates ? (hd_ids){prompt->encoding.ids, (int64_t)prompt->encoding.count}
                             : read_prompt(model, settings, prompt);
    return hd_model_check_ids(model, prompt->ids.ids, (size_t)prompt->ids.count);
}

void hd_text_tokens_close(hd_text_tokens *prompt) { hd_encoding_close(&prompt->encoding); }

/* ---- to answers ---- */

int64_t hd_decoding_tokens(const hd_decoding *settings, const hd_hypothesis *h, int32_t *ids) {
    int64_t count = h->count;
    if (count) memcpy(ids, h->ids, (size_t)count * sizeof *ids);
    if (h->end >= 0 && !hd_tokenizer_is_special(settings->side[HD_DECODER].tokenizer, h->end)) ids[count++] = h->end;
    return count;
}

size_t hd_decoding_text_size(const hd_decoding *settings, const hd_hypothesis *h, const hd_buffer *text,
                             size_t hidden) {
    if (!h->stop_bytes || settings->generation.keep_stop || !text->size) return text->size;
    return hd_stops_cut(&settings->generation.stop_strings, text->data, text->size, hidden);
}

heed_status hd_decoding_stopped(void *finder, const int32_t *tokens, int64_t count, size_t *bytes) {
    return hd_stop_finder_match(finder, tokens, count, bytes);
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
