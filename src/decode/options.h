/* The options of decoding that several calls have: rows for their tables (base/settings.h). `at` is the offset of the
 * hd_generation in a table's struct. */
#ifndef HD_DECODE_OPTIONS_H
#define HD_DECODE_OPTIONS_H

#include "base/settings.h"
#include "models/generation.h"

/* Headings of --help; the options of search, sampling and words have one each. */
#define HD_GROUP_SEARCH     "Search and penalties"
#define HD_GROUP_SAMPLING   "Further sampling"
#define HD_GROUP_WORDS      "Words and stop strings"
#define HD_GROUP_CONSTRAINT "Constrained output"
#define HD_GROUP_SPEED      "Speed"
#define HD_GROUP_LOG_PROBS  "Log-probabilities"

/* One row: the field of hd_generation, its default and limits. */
#define HD_OPTION(at, group, name, kind, field, initial, min, max, argument, help) \
    { name, kind, (at) + offsetof(hd_generation, field), initial, min, max, argument, help, NULL, 0, group }

#define HD_OPTION_BEAMS(at)                                                     \
    HD_OPTION(at, NULL, "beams", HD_SETTING_INT, beams, "1", 1, 1024, "NUMBER", \
              "hypotheses per step of a beam search; 1: greedy search")
#define HD_OPTION_BEST(at)                                                    \
    HD_OPTION(at, NULL, "best", HD_SETTING_INT, best, "1", 1, 1024, "NUMBER", \
              "number of outputs per text: the best beams, or with sampling this many samples")
#define HD_OPTION_MAX_NEW_TOKENS(at)                                                                 \
    HD_OPTION(at, NULL, "max-new-tokens", HD_SETTING_INT, max_new_tokens, "0", 0, 1 << 20, "NUMBER", \
              "longest output in tokens; 0: the model's own limit")

/* Logits processors, and what ends and ranks a beam search. */
#define HD_OPTIONS_SEARCH(at)                                                                                          \
    HD_OPTION(at, HD_GROUP_SEARCH, "min-new-tokens", HD_SETTING_INT, min_new_tokens, "0", 0, 1 << 20, "NUMBER",        \
              "shortest output in tokens: no end token comes before"),                                                 \
        HD_OPTION(at, HD_GROUP_SEARCH, "min-length", HD_SETTING_INT, min_length, "0", 0, 1 << 24, "NUMBER",            \
                  "shortest text in tokens, with the prompt or with the start token of a translation"),                \
        HD_OPTION(at, HD_GROUP_SEARCH, "length-penalty", HD_SETTING_FLOAT, length_penalty, "1", -10, 10, "NUMBER",     \
                  "exponent of the length in the score, log p / length^penalty; above 0 favours long outputs"),        \
        HD_OPTION(at, HD_GROUP_SEARCH, "early-stopping", HD_SETTING_CHOICE, early_stopping, "unlikely", 0, 0,          \
                  "unlikely|full|never",                                                                               \
                  "condition that ends a beam search; in transformers: False, True and \"never\""),                    \
        HD_OPTION(at, HD_GROUP_SEARCH, "repetition-penalty", HD_SETTING_FLOAT, repetition_penalty, "1", 0.01, 100,     \
                  "NUMBER", "divides the score of tokens that occurred before, also in the prompt; 1: none"),          \
        HD_OPTION(at, HD_GROUP_SEARCH, "presence-penalty", HD_SETTING_FLOAT, presence_penalty, "0", -2, 2, "NUMBER",   \
                  "subtracted from the scores of tokens that were generated before"),                                  \
        HD_OPTION(at, HD_GROUP_SEARCH, "frequency-penalty", HD_SETTING_FLOAT, frequency_penalty, "0", -2, 2, "NUMBER", \
                  "subtracted for each time that a token was generated before"),                                       \
        HD_OPTION(at, HD_GROUP_SEARCH, "no-repeat-ngram", HD_SETTING_INT, no_repeat_ngram, "0", 0, 1 << 20, "NUMBER",  \
                  "length of token n-grams that may not occur twice; 0: all may")

#define HD_OPTIONS_SAMPLING(at)                                                                                   \
    HD_OPTION(at, NULL, "sample", HD_SETTING_BOOL, sample, "false", 0, 0, NULL,                                   \
              "sample tokens in place of choosing the most probable"),                                            \
        HD_OPTION(at, NULL, "temperature", HD_SETTING_FLOAT, temperature, "1", 1e-3, 1e3, "NUMBER",               \
                  "logits are divided by it: above 1 samples less probable tokens"),                              \
        HD_OPTION(at, NULL, "top-k", HD_SETTING_INT, top_k, "0", 0, 1 << 24, "NUMBER",                            \
                  "sample among the k most probable tokens; 0: all"),                                             \
        HD_OPTION(at, NULL, "top-p", HD_SETTING_FLOAT, top_p, "1", 1e-6, 1, "NUMBER",                             \
                  "sample among the most probable tokens whose probabilities add up to p"),                       \
        HD_OPTION(at, HD_GROUP_SAMPLING, "min-p", HD_SETTING_FLOAT, min_p, "0", 0, 1, "NUMBER",                   \
                  "sample among tokens with at least this fraction of the largest probability"),                  \
        HD_OPTION(at, HD_GROUP_SAMPLING, "typical-p", HD_SETTING_FLOAT, typical_p, "1", 1e-6, 1, "NUMBER",        \
                  "sample among the most typical tokens whose probabilities add up to p"),                        \
        HD_OPTION(at, HD_GROUP_SAMPLING, "epsilon-cutoff", HD_SETTING_FLOAT, epsilon_cutoff, "0", 0, 1, "NUMBER", \
                  "sample among tokens of at least this probability; 0: all"),                                    \
        HD_OPTION(at, HD_GROUP_SAMPLING, "eta-cutoff", HD_SETTING_FLOAT, eta_cutoff, "0", 0, 1, "NUMBER",         \
                  "sample among tokens above a bound that falls as the entropy grows; 0: all"),                   \
        HD_OPTION(at, NULL, "seed", HD_SETTING_INT, seed, "1", 0, 9e15, "NUMBER", "random seed for sampling")

/* Proposed tokens (docs/speculation.md), which change no result. */
#define HD_OPTION_PROMPT_LOOKUP(at)                                                                     \
    HD_OPTION(at, HD_GROUP_SPEED, "prompt-lookup", HD_SETTING_INT, prompt_lookup, "0", 0, 64, "NUMBER", \
              "maximum number of tokens per step to propose from the text so far; 0: none")
/* A stop string in the text, and the log-probabilities of tokens. */
#define HD_OPTION_KEEP_STOP(at)                                                                 \
    HD_OPTION(at, HD_GROUP_WORDS, "keep-stop", HD_SETTING_BOOL, keep_stop, "false", 0, 0, NULL, \
              "keep the stop string in the text, with the rest of its last token")
#define HD_OPTIONS_LOG_PROBS(at)                                                                               \
    HD_OPTION(at, HD_GROUP_LOG_PROBS, "logprobs", HD_SETTING_BOOL, log_probs, "false", 0, 0, NULL,             \
              "print the log-probability of each generated token"),                                            \
        HD_OPTION(at, HD_GROUP_LOG_PROBS, "top-logprobs", HD_SETTING_INT, top_log_probs, "0", 0, 20, "NUMBER", \
                  "with --logprobs: also the most probable tokens in place of each")

#endif
