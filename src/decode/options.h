/* The options of decoding that several calls have: rows for their tables (base/settings.h). `at` is the offset of the
 * hd_generation in a table's struct. */
#ifndef HD_DECODE_OPTIONS_H
#define HD_DECODE_OPTIONS_H

#include "base/settings.h"
#include "models/generation.h"

#define HD_OPTION_AT(at, field) (at) + offsetof(hd_generation, field)

#define HD_OPTION_BEAMS(at)                                                       \
    {                                                                             \
        "beams", HD_SETTING_INT, HD_OPTION_AT(at, beams), "1", 1, 1024, "NUMBER", \
            "hypotheses per step of a beam search; 1: greedy search"              \
    }
#define HD_OPTION_BEST(at)                                                      \
    {                                                                           \
        "best", HD_SETTING_INT, HD_OPTION_AT(at, best), "1", 1, 1024, "NUMBER", \
            "alternatives per text: the best of the beams, or as many samples"  \
    }
#define HD_OPTION_MAX_NEW_TOKENS(at)                                                                   \
    {                                                                                                  \
        "max-new-tokens", HD_SETTING_INT, HD_OPTION_AT(at, max_new_tokens), "0", 0, 1 << 20, "NUMBER", \
            "longest output in tokens; 0: the model's own limit"                                       \
    }
#define HD_OPTION_LENGTH_PENALTY(at)                                                                  \
    {                                                                                                 \
        "length-penalty", HD_SETTING_FLOAT, HD_OPTION_AT(at, length_penalty), "1", -10, 10, "NUMBER", \
            "scores are log p / length^penalty: above 0 favours long outputs"                         \
    }
#define HD_OPTION_EARLY_STOPPING(at)                                                                  \
    {                                                                                                 \
        "early-stopping", HD_SETTING_CHOICE, HD_OPTION_AT(at, early_stopping), "unlikely", 0, 0,      \
            "unlikely|full|never", "end of a beam search: as transformers' False, True and \"never\"" \
    }
#define HD_OPTION_REPETITION_PENALTY(at)                                                                        \
    {                                                                                                           \
        "repetition-penalty", HD_SETTING_FLOAT, HD_OPTION_AT(at, repetition_penalty), "1", 0.01, 100, "NUMBER", \
            "divides the probability of tokens that occurred before; 1: none"                                   \
    }
#define HD_OPTION_NO_REPEAT_NGRAM(at)                                                                    \
    {                                                                                                    \
        "no-repeat-ngram", HD_SETTING_INT, HD_OPTION_AT(at, no_repeat_ngram), "0", 0, 1 << 20, "NUMBER", \
            "length of token n-grams that may not occur twice; 0: all may"                               \
    }

/* Logits processors, and what ends and ranks a beam search. */
#define HD_OPTIONS_SEARCH(at)                                                                     \
    HD_OPTION_LENGTH_PENALTY(at), HD_OPTION_EARLY_STOPPING(at), HD_OPTION_REPETITION_PENALTY(at), \
        HD_OPTION_NO_REPEAT_NGRAM(at)

#define HD_OPTIONS_SAMPLING(at)                                                                            \
    {"sample",                                                                                             \
     HD_SETTING_BOOL,                                                                                      \
     HD_OPTION_AT(at, sample),                                                                             \
     "false",                                                                                              \
     0,                                                                                                    \
     0,                                                                                                    \
     NULL,                                                                                                 \
     "sample tokens in place of choosing the most probable"},                                              \
        {"temperature",                                                                                    \
         HD_SETTING_FLOAT,                                                                                 \
         HD_OPTION_AT(at, temperature),                                                                    \
         "1",                                                                                              \
         1e-3,                                                                                             \
         1e3,                                                                                              \
         "NUMBER",                                                                                         \
         "logits are divided by it: above 1 samples less probable tokens"},                                \
        {"top-k",                                                                                          \
         HD_SETTING_INT,                                                                                   \
         HD_OPTION_AT(at, top_k),                                                                          \
         "0",                                                                                              \
         0,                                                                                                \
         1 << 24,                                                                                          \
         "NUMBER",                                                                                         \
         "sample among the k most probable tokens; 0: all"},                                               \
        {"top-p",                                                                                          \
         HD_SETTING_FLOAT,                                                                                 \
         HD_OPTION_AT(at, top_p),                                                                          \
         "1",                                                                                              \
         1e-6,                                                                                             \
         1,                                                                                                \
         "NUMBER",                                                                                         \
         "sample among the most probable tokens whose probabilities add up to p"},                         \
        {"min-p",                                                                                          \
         HD_SETTING_FLOAT,                                                                                 \
         HD_OPTION_AT(at, min_p),                                                                          \
         "0",                                                                                              \
         0,                                                                                                \
         1,                                                                                                \
         "NUMBER",                                                                                         \
         "sample among tokens with at least this fraction of the largest probability"},                    \
    {                                                                                                      \
        "seed", HD_SETTING_INT, HD_OPTION_AT(at, seed), "1", 0, 9e15, "NUMBER", "random seed for sampling" \
    }

#endif
