/* The settings of decoding: generation_config.json, with transformers' names and defaults. */
#ifndef HD_MODELS_GENERATION_H
#define HD_MODELS_GENERATION_H

#include "base/context.h"

typedef enum hd_early_stopping {
    HD_STOP_UNLIKELY, /* false: when the best running hypothesis, at its present length, cannot beat the worst finished one */
    HD_STOP_FULL, /* true: when the number of finished hypotheses reaches the number of beams */
    HD_STOP_NEVER /* "never": only when no running hypothesis can still win at any length */
} hd_early_stopping;

typedef struct hd_generation {
    int64_t beams;            /* 1 is greedy */
    int64_t best;             /* hypotheses returned per text, at most `beams`; or samples */
    int64_t max_new_tokens;   /* 0: as max_length says */
    int64_t max_length;       /* with the start token; 0: the model's positions */
    int early_stopping;       /* hd_early_stopping */
    float length_penalty;     /* a finished hypothesis scores log p / length^penalty */
    float repetition_penalty; /* 1: none */
    int64_t no_repeat_ngram;  /* 0: none */
    int32_t forced_eos;       /* token at max_length; −1: none */
    bool sample;              /* draw tokens at random in place of choosing the most probable */
    float temperature;        /* logits are divided by it */
    int64_t top_k;            /* sample among the k most probable tokens; 0: all */
    float top_p;              /* sample among the most probable tokens that add up to this probability; 1: all */
    float min_p;              /* sample among tokens with at least this fraction of the largest probability; 0: all */
    int64_t seed;             /* random seed for sampling */
} hd_generation;

/* transformers' defaults: greedy, no penalties. */
void hd_generation_default(hd_generation *generation);
/* Reads folder/generation_config.json over the defaults; a missing file changes nothing. A setting that heed lacks and that
 * would change the result is HEED_UNSUPPORTED by name. Settings of sampling are not read: sampling is an option. */
heed_status hd_generation_read(heed_context *context, const char *folder, hd_generation *generation);
heed_status hd_generation_write(heed_context *context, const char *folder, const hd_generation *generation, int32_t pad,
                                int32_t eos, int32_t decoder_start, bool translates);

#endif
