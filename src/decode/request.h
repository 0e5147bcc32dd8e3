/* What a decoding session is given and what it gives back. */
#ifndef HD_DECODE_REQUEST_H
#define HD_DECODE_REQUEST_H

#include "models/generation.h"

/* Token sequences that end a text, sequence i being ids[starts[i]] … ids[starts[i + 1]]: each of one token or more, none
 * of which belongs to the result. */
typedef struct hd_stops {
    int64_t count;
    const int32_t *ids;
    const int32_t *starts; /* [count + 1], from 0 */
} hd_stops;

/* A text to decode: copied when it is added. */
typedef struct hd_request {
    const int32_t *ids; /* [count]: the source; of a decoder-only network the prompt, at least one token */
    int64_t count;
    const hd_generation *generation; /* sampling, beams, penalties, the limit of length, the seed */
    uint64_t number;                 /* with the seed, the key of this text's random numbers */
    hd_stops stops;                  /* besides the network's end token */
    void *user;                      /* comes back with the result and with each token */
    /* Called with each token as it is made, the end left out, by the thread that steps the session; false: stop there.
     * NULL, or of a beam search: not called. It may add and cancel requests. */
    bool (*token)(void *user, int32_t token);
} hd_request;

/* A finished target, without the start and without what ended it. */
typedef struct hd_hypothesis {
    float score; /* log p / length^penalty, the length counting what ended it */
    int32_t *ids;
    int64_t count;
} hd_hypothesis;

typedef struct hd_decoded {
    uint64_t id, number;
    void *user;
    const hd_hypothesis *best; /* [count], the best first */
    int64_t count;             /* 0: no score of the network is a number */
} hd_decoded;

#endif
