/* A decoding session's limits, its requests and their results. */
#ifndef HD_DECODE_REQUEST_H
#define HD_DECODE_REQUEST_H

#include "layers/network.h"
#include "models/generation.h"

typedef struct hd_session hd_session;

typedef struct hd_session_limits {
    /* Maximum number of tokens per step. Prompts that do not fit beside the running hypotheses are cut into chunks.
     * Every step has at least one token of each running hypothesis and of one prompt. Sources to encode, which
     * cannot be cut, have the same limit. 0: no limit. */
    int64_t step_tokens;
    /* A smaller network with the same tokens, which proposes the next tokens of requests with one hypothesis: no result changes.
     * It must outlive the session and be packed. NULL: none. */
    const hd_network *draft;
    /* Prompts that begin with so many equal tokens compute them once; 0: 32. */
    int64_t least_shared;
    /* The keys and values, or the state, of so many requests that finished last are kept: prompts that begin with their tokens
     * compute them once. Of requests with one hypothesis of a decoder-only network. A session in a file has none. 0: none. */
    int64_t kept;
} hd_session_limits;

/* Token sequences that end a text: sequence i is ids[starts[i]] … ids[starts[i + 1]], at least one token. They are
 * not part of the result. */
typedef struct hd_stops {
    int64_t count;
    const int32_t *ids;
    const int32_t *starts; /* [count + 1], from 0 */
} hd_stops;

/* What a step of a beam search does with a continuation of a hypothesis. */
typedef enum hd_beam_fate { HD_BEAM_KEPT, HD_BEAM_FINISHED, HD_BEAM_PRUNED } hd_beam_fate;
typedef struct hd_beam_event {
    int64_t step;   /* the number of its token, from 1 */
    int64_t parent; /* the hypothesis that it continues: its number among those that the step before kept, from 0 */
    int32_t token;
    hd_beam_fate fate; /* a search that ends drops those that its last step kept */
    float log_prob;    /* the score of the hypothesis with this token: a sum of log-probabilities */
    float score;       /* of a finished one: log p / length^penalty */
} hd_beam_event;

/* A text to decode: copied when it is added. */
typedef struct hd_request {
    const int32_t *ids; /* [count]: the source; of a decoder-only network the prompt, at least one token */
    int64_t count;
    const hd_generation *generation; /* sampling, beams, penalties, the limit of length, the seed */
    uint64_t number;                 /* with the seed, the key of this text's random numbers */
    hd_stops stops;                  /* besides the network's end token */
    void *user;                      /* passed back with the result and with each token */
    /* Called with each token as it is generated, the end excluded, by the thread that steps the session; returns
     * false to stop. It may add and cancel requests. NULL: not called; nor is it for a beam search. */
    bool (*token)(void *user, int32_t token);
    /* Whether a stop string ends a text of tokens [count], the given ones included: sets *bytes to the length of the text from
     * the stop string on, 0 to continue. Called after each token of each hypothesis. A failure ends the step. NULL: none does. */
    heed_status (*stopped)(void *stop_user, const int32_t *tokens, int64_t count, size_t *bytes);
    void *stop_user;
    /* Called with the network's logits [vocabulary] of each next token, where log-probabilities are kept and there is one
     * hypothesis. NULL: not called. */
    void (*logits)(void *user, const float *logits, int64_t vocabulary);
    /* Called by a beam search with each continuation that a step considers, the best first. NULL: not called. */
    void (*beam)(void *user, const hd_beam_event *event);
} hd_request;

/* A finished target, without the start token and without the tokens that ended it. */
typedef struct hd_hypothesis {
    float score; /* log p / length^penalty; the length includes the tokens that ended it */
    int32_t *ids;
    int64_t count;
    int32_t end;       /* the end token that ended it; −1: the limit of length, a stop sequence or a stop string */
    size_t stop_bytes; /* of its text, from the stop string that ended it on; 0: none did */
    bool lacks_words;  /* the search ended without some forced words */
    const struct hd_record
        *last;    /* the log-probabilities (decode/records.h) of `made` tokens; NULL: they are not kept */
    int64_t made; /* generated tokens, with those that ended it */
} hd_hypothesis;

typedef struct hd_decoded {
    uint64_t id, number;
    void *user;
    const hd_hypothesis *best; /* [count], the best first */
    int64_t count;             /* 0, in a beam search: all scores of the network are NaN */
    int64_t shared;            /* first tokens of the prompt that another request had processed */
    const char *problem;       /* why no text matches the constraint of the request, with `count` 0; else NULL */
} hd_decoded;

#endif
