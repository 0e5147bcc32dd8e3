/* How a model likes to be decoded: generation_config.json, with transformers' names and defaults. */
#ifndef HD_MODELS_GENERATION_H
#define HD_MODELS_GENERATION_H

#include "base/context.h"

typedef enum hd_early_stopping {
    HD_STOP_UNLIKELY, /* false: when the best running hypothesis, at its present length, cannot beat the worst finished one */
    HD_STOP_FULL, /* true: as soon as there are as many finished hypotheses as beams */
    HD_STOP_NEVER /* "never": only when no running hypothesis can still win at any length */
} hd_early_stopping;

typedef struct hd_generation {
    int64_t beams;            /* 1 is greedy */
    int64_t best;             /* hypotheses returned a text, at most `beams` */
    int64_t max_new_tokens;   /* 0: as max_length says */
    int64_t max_length;       /* with the start token; 0: the model's positions */
    int early_stopping;       /* hd_early_stopping */
    float length_penalty;     /* a finished hypothesis scores log p / length^penalty */
    float repetition_penalty; /* 1: none */
    int64_t no_repeat_ngram;  /* 0: none */
    int32_t forced_eos;       /* −1: none; made at max_length */
    bool sample;              /* tokens are drawn, not chosen */
    float temperature;        /* logits are divided by it */
    int64_t top_k;            /* only so many of the likeliest tokens; 0: all */
    float top_p;              /* only the likeliest tokens that together have this probability; 1: all */
    float min_p;              /* only tokens at least this share as likely as the likeliest; 0: all */
    int64_t seed;             /* of what is drawn */
} hd_generation;

/* transformers' defaults: greedy, no penalties. */
void hd_generation_default(hd_generation *generation);
/* Reads folder/generation_config.json over the defaults; a missing file changes nothing. What heed lacks and would change
 * the result (sampling is not read: it is asked for) is HEED_UNSUPPORTED by name. */
heed_status hd_generation_read(heed_context *context, const char *folder, hd_generation *generation);
heed_status hd_generation_write(heed_context *context, const char *folder, const hd_generation *generation, int32_t pad,
                                int32_t eos, int32_t decoder_start, bool translates);

#endif
