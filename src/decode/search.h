/* A request in progress: its hypotheses, and which of their tokens the decoder's slots have processed. Greedy search
 * and sampling have one hypothesis, beam search up to `beams`. All hypotheses of a search have the same length. */
#ifndef HD_DECODE_SEARCH_H
#define HD_DECODE_SEARCH_H

#include "decode/proposals.h"
#include "decode/records.h"
#include "decode/request.h"
#include "decode/score.h"

/* The tokens that the slots of a decoder have processed. */
typedef struct hd_place {
    int64_t first; /* visible token: those before it are past the decoder's window */
    int64_t seen;  /* tokens from there on that the slots have processed */
    int64_t text;  /* tokens from there on when the slots began: the length that fixes rotary positions */
} hd_place;

typedef struct hd_search hd_search;
struct hd_search {
    hd_search *next; /* in a list of the session */
    uint64_t id, number;
    heed_context *context;
    const hd_decoder *decoder;
    hd_generation generation;
    hd_stops stops;
    void *user;
    bool (*token)(void *user, int32_t token);
    heed_status (*stopped)(void *stop_user, const int32_t *tokens, int64_t count, size_t *bytes);
    void *stop_user;
    void (*logits)(void *user, const float *logits, int64_t vocabulary);
    void (*beam)(void *user, const hd_beam_event *event);
    int32_t *source; /* [source_count], until it is encoded, or longer where logits processors read it */
    int64_t source_count;

    int64_t given, limit; /* tokens of the start or the prompt; maximum of generated tokens */
    int64_t slots;        /* running hypotheses; 0: the search is done */
    int64_t length;       /* tokens of each hypothesis, given ones included */
    int64_t capacity;
    int32_t *tokens, *spare; /* [beams, capacity]; `spare` of a beam search alone */
    float *scores;           /* [beams]: log p; of a beam search */
    double log_prob;         /* of the only hypothesis otherwise */
    hd_arena records;        /* where log-probabilities are kept */
    const hd_record **last;  /* [beams]: of the last token of each hypothesis; NULL if they are not kept */
    hd_hypothesis *finished; /* [beams], the best first */
    int64_t finished_count;
    char problem[160]; /* why a hypothesis that ended is not among the finished ones, or all are excluded; "": none */

    int64_t first_slot;
    hd_place place, draft; /* of the slots of the network, and of the session's draft */
    hd_search *leader;     /* begins with the same tokens, and processes `shared` of them for both; or NULL */
    int64_t shared;
    int64_t proposed; /* tokens after the last one that are scored in this step too; of a single hypothesis */
    hd_proposal_count *proposer; /* of these */
    hd_proposal_count lookup_count, draft_count;
    int64_t chunk;        /* tokens of each slot in this step, with proposed ones */
    hd_scoring *scorings; /* [slots, 1 + proposed]: of this step; NULL until the whole prompt is processed */
    int32_t *parents;     /* [slots] after a step: the previous slot of each; NULL: unchanged */
    bool cancelled;
    int64_t kept; /* not 0: has finished, and its slot alone is kept (hd_keep_slot); the larger, the later */
};

/* The first visible token of `length`. Past the decoder's window, half of the window is dropped at a time. */
int64_t hd_first_visible(const hd_decoder *decoder, int64_t length);
/* The most tokens that may be proposed now: while so many are added, the decoder's positions stay the same, no token is forced,
 * and the text does not reach its limit. 0 for several hypotheses, and where states cannot be taken back. */
int64_t hd_search_most_proposed(const hd_search *search, const hd_decoder *decoder, const hd_place *place);

/* Copies a request. HEED_ARGUMENT or HEED_LENGTH if it cannot be run. */
heed_status hd_search_open(heed_context *context, const hd_decoder *decoder, const hd_request *request,
                           hd_search **search);
void hd_search_close(hd_search *search);

static inline int64_t hd_search_beams(const hd_search *search) { return search->generation.beams; }
static inline int32_t *hd_search_tokens(const hd_search *search, int64_t slot) {
    return search->tokens + slot * search->capacity;
}
/* The number of generated tokens of a hypothesis, with the next one. */
static inline int64_t hd_search_made(const hd_search *search) { return search->length - search->given + 1; }
/* The tokens of which the next one must be one, whatever the network predicts; NULL: any may come. No forward pass is
 * needed for them. */
static inline const hd_ids *hd_search_forced(const hd_search *search) {
    const hd_generation *g = &search->generation;
    if (g->forced_last.count && hd_search_made(search) == search->limit) return &g->forced_last;
    return g->forced_first.count && search->length == 1 ? &g->forced_first : NULL;
}
/* The number of tokens that the slots of a search have not processed; 0 where the next token is forced, or where another
 * search processes them. */
static inline int64_t hd_search_unprocessed(const hd_search *search) {
    if (hd_search_forced(search) || search->leader) return 0;
    return search->length - search->place.first - search->place.seen;
}
/* The number of continuations per slot that a step considers. With e tokens or rules that end a text, 1 + e per beam
 * leave enough that do not end. */
static inline int64_t hd_search_continuations(const hd_search *search) {
    int64_t endings = hd_max(search->generation.ends.count, 1) + search->stops.count;
    return hd_search_beams(search) > 1 ? (1 + endings) * hd_search_beams(search) : 1;
}

/* The first `length` tokens of a hypothesis, as logits processors read them. */
void hd_search_prefix(const hd_search *search, int64_t slot, int64_t length, hd_prefix *prefix);

/* Whether a token ends texts. */
static inline bool hd_search_is_end(const hd_search *search, int32_t token) {
    return hd_ids_have(&search->generation.ends, token);
}

/* Allocates memory for the next `count` tokens of every hypothesis. */
heed_status hd_search_reserve(hd_search *search, int64_t count);
/* How a hypothesis ends. */
typedef struct hd_ending {
    bool ends;
    int64_t tokens;   /* at its end that are no part of the text: an end token or a stop sequence */
    size_t bytes;     /* of its text, from a stop string on */
    bool lacks_words; /* it lacks forced words */
} hd_ending;

/* Whether an end token, a stop sequence or a stop string ends tokens [length + 1], or the constraint, after which nothing may
 * follow. */
heed_status hd_search_ending(const hd_search *search, const int32_t *tokens, hd_ending *ending);
/* Adds a finished hypothesis: tokens [length + 1] without the given ones and without those of the ending. The best `beams`
 * are kept. One that the constraint does not match is left out, and `problem` set. `last` is the record of its last token. */
heed_status hd_search_finish(hd_search *search, const int32_t *tokens, const hd_ending *ending, float score,
                             const hd_record *last);
/* The record of the next token of a hypothesis, where log-probabilities are kept; else NULL. */
heed_status hd_search_record(hd_search *search, int64_t slot, int32_t token, const hd_record **record);
/* Records that no token may follow: the constraint and the other processors exclude all. */
void hd_search_record_dead_end(hd_search *search);

/* The next token after a scoring's prefix: the most probable one, or a random one. */
heed_status hd_greedy_choose(const hd_search *search, const hd_scoring *scoring, hd_arena *scratch,
                             hd_continuation *chosen);
/* Appends the next tokens, chosen from the continuations of each slot. Sets `slots` and `parents`, and finishes
 * hypotheses. */
heed_status hd_greedy_advance(hd_search *search, hd_arena *scratch);
heed_status hd_beam_advance(hd_search *search, hd_arena *scratch);

#endif
