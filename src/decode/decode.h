/* Decoding: from encoded sources to the best target sequences, on the interface of layers/decoder.h alone. */
#ifndef HD_DECODE_DECODE_H
#define HD_DECODE_DECODE_H

#include "layers/decoder.h"
#include "models/generation.h"

/* A finished target, without the start token and without the end token. */
typedef struct hd_hypothesis {
    const int32_t *ids;
    int64_t count;
    float score; /* log p / length^penalty, the length counting the end token */
} hd_hypothesis;

/* The hypotheses of one source, the best first. */
typedef struct hd_decoded {
    hd_hypothesis *best;
    int64_t count;
} hd_decoded;

/* Is told each token that greedy search or sampling makes, as it is made; false: stop there. */
typedef struct hd_listener {
    bool (*token)(void *user, int64_t source, int32_t token);
    void *user;
} hd_listener;

/* Hands out sources, so that several decoders can share them. */
typedef struct hd_supply {
    /* How many are taken from *first on: as many as have no more than so many tokens together, an empty one counting as
     * one; with `any` the first has any length. 0: none are left, or none fits. */
    int64_t (*take)(void *user, int64_t tokens, bool any, int64_t *first);
    void *user;
    int64_t tokens; /* that are to be decoded at once */
} hd_supply;

/* What is to be decoded, and where what comes of it goes. */
typedef struct hd_decoding {
    hd_decoder *decoder;
    const hd_generation *generation;
    const int32_t *ids;          /* of the sources; of a decoder alone, the texts to go on with, all of one length */
    const hd_layout *sources;    /* its examples number what is drawn */
    hd_arena *scratch, *kept;    /* of what is needed on the way, and of what is decoded */
    hd_decoded *decoded;         /* [sources] */
    const hd_listener *listener; /* or NULL */
    const hd_supply *supply;     /* which sources are this decoder's; NULL: all, at once */
} hd_decoding;

/* Decodes many sources at once; one that is done leaves the batch, and with one beam the next of the supply takes its place.
 * One beam is greedy search, or sampling, more are beam search with transformers' rules (decode/beam.c). */
heed_status hd_generate(const hd_decoding *decoding);

/* ---- between the files of this room --------------------------------------------------------------------------- */

/* What hypotheses begin with: the start token, or a text that is gone on with. */
static inline int64_t hd_decode_given(const hd_decoding *d) {
    return d->decoder->continues ? d->sources->starts[1] : 1;
}
/* Those tokens of a source. */
static inline const int32_t *hd_decode_beginning(const hd_decoding *d, int64_t source) {
    return d->decoder->continues ? d->ids + d->sources->starts[source] : &d->decoder->start;
}
/* The most tokens of a target, those given not counted. */
int64_t hd_decode_limit(const hd_decoding *decoding);
/* So many of `length` tokens a decoder still sees: all, up to its window, and past it the last half of it or more. */
int64_t hd_decode_seen(const hd_decoder *decoder, int64_t length);
/* Takes sources from the supply, or all of them, and adds them to the decoder's slots; `running` are the tokens of those
 * that there are. They are *count from *first on. */
heed_status hd_decode_take(const hd_decoding *decoding, int64_t running, int64_t *first, int64_t *count);
/* Feeds the last token of each of the slots, or all that are given where a slot has no others, or all that it goes on to see
 * where its window slides; tokens [slots, stride], lengths [slots] so far. */
heed_status hd_decode_step(const hd_decoding *decoding, int64_t slots, const int32_t *tokens, int64_t stride,
                           const int64_t *lengths);

/* A token that may come next, and its log-probability as the options have changed it. */
typedef struct hd_continuation {
    int32_t token;
    float gain;
} hd_continuation;

/* A token that may be drawn. */
typedef struct hd_sample_choice {
    float logit;
    int32_t token;
    double weight; /* e^(logit − largest) */
} hd_sample_choice;

/* The best next tokens of each slot: what greedy and beam search choose from. */
typedef struct hd_continuations {
    hd_decoder *decoder;
    const hd_generation *generation;
    int64_t most, limit;   /* tokens looked for in a row; tokens of a hypothesis, with those given */
    hd_continuation *best; /* [slots, most], the best first; of equal ones that with the lowest id */
    int64_t *counts;       /* [slots] */
    hd_exp_sum *sums;      /* [slots] */
    float *held;           /* [slots, limit]: logits of tokens that the repetition penalty changes; NULL without one */
    float *rows;           /* [slots, vocabulary]: all logits, for sampling; else NULL */
} hd_continuations;

/* Memory for so many slots. */
heed_status hd_continuations_open(hd_continuations *continuations, hd_decoder *decoder, const hd_generation *generation,
                                  int64_t slots, int64_t most, int64_t limit, hd_arena *arena);
/* After a step of the decoder. tokens [slots, stride] are those so far, lengths [slots], with those given. The
 * options: no pad, repetition penalty, no repeated n-grams, a forced end; what may not be made is left out. With `most`
 * 1 they act on logits, else on log-probabilities, as in transformers. */
heed_status hd_continue(hd_continuations *continuations, int64_t slots, const int32_t *tokens, int64_t stride,
                        const int64_t *lengths);

heed_status hd_greedy(const hd_decoding *decoding); /* and sampling */
heed_status hd_beam_search(const hd_decoding *decoding);

/* Draws a token from a row of logits [vocabulary], which is changed on the way: the number-th of the text that has this
 * example number. `order` [vocabulary] is scratch. The log-probability is that among the tokens that could be drawn. */
hd_continuation hd_sample(const hd_generation *generation, float *logits, int64_t vocabulary, int64_t number,
                          uint64_t example, hd_sample_choice *order);

/* Copies a target into `kept` as hypothesis `h`; tokens [count] without the start token, a final eos is left out. */
heed_status hd_keep_hypothesis(const hd_decoder *decoder, const int32_t *tokens, int64_t count, float score,
                               hd_arena *kept, hd_hypothesis *h);

#endif
