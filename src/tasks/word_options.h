/* Options of decoding whose values are words: biases of words, forbidden, forced and stop words, forced first and last tokens.
 * They become tokens of the model's vocabulary. */
#ifndef HD_TASKS_WORD_OPTIONS_H
#define HD_TASKS_WORD_OPTIONS_H

#include "decode/options.h"
#include "models/model.h"

typedef struct hd_word_options {
    hd_string_list logit_bias, forbid, force, stop;
    char *forced_bos, *forced_eos;
} hd_word_options;

/* The rows of a table; `at` is the offset of the words in the table's struct. */
#define HD_WORD_OPTION(at, name, kind, field, argument, help) \
    { name, kind, (at) + offsetof(hd_word_options, field), NULL, 0, 0, argument, help, NULL, 0, HD_GROUP_WORDS }
#define HD_OPTIONS_WORDS(at)                                                                                   \
    HD_WORD_OPTION(at, "logit-bias", HD_SETTING_LIST, logit_bias, "WORD=NUMBER,...",                           \
                   "added to the scores of words or token ids"),                                               \
        HD_WORD_OPTION(at, "forbid", HD_SETTING_LIST, forbid, "TEXT", "word or phrase that is not generated"), \
        HD_WORD_OPTION(at, "force", HD_SETTING_LIST, force, "TEXT|TEXT...",                                    \
                       "word or phrase that a beam search must generate, or one of several"),                  \
        HD_WORD_OPTION(at, "stop", HD_SETTING_LIST, stop, "TEXT", "stop string: the text ends before it"),     \
        HD_WORD_OPTION(at, "forced-bos", HD_SETTING_STRING, forced_bos, "TOKEN",                               \
                       "first token of a translation, as text or id; none: any"),                              \
        HD_WORD_OPTION(at, "forced-eos", HD_SETTING_STRING, forced_eos, "TOKEN",                               \
                       "token at the maximum length, as text or id; none: any")

/* Adds the words to the settings, as tokens of the tokenizer of the target side. A bias replaces that of the model's files for
 * the same tokens; forbidden, forced and stop words are added to those of the files. All memory is of the arena. HEED_ARGUMENT
 * for a word that the vocabulary lacks, an empty word, and a bias without a number. */
heed_status hd_word_options_resolve(const heed_model *model, const heed_tokenizer *tokenizer,
                                    const hd_word_options *words, hd_arena *arena, hd_generation *generation);

#endif
