/* A request on its way: its hypotheses, and what of them the decoder's slots have seen. Greedy search and sampling have one
 * hypothesis, beam search up to `beams`. All hypotheses of a search have the same length. */
#ifndef HD_DECODE_SEARCH_H
#define HD_DECODE_SEARCH_H

#include "decode/request.h"
#include "decode/score.h"

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
    int32_t *source; /* [source_count], until it is encoded */
    int64_t source_count;

    int64_t given, limit; /* tokens that hypotheses begin with: the start token or the prompt; most tokens to make */
    int64_t slots;        /* hypotheses that run; 0: the search is done */
    int64_t length;       /* tokens of each, with those given */
    int64_t capacity;
    int32_t *tokens, *spare; /* [beams, capacity]; `spare` of a beam search alone */
    float *scores;           /* [beams]: log p; of a beam search */
    double log_prob;         /* of the only hypothesis otherwise */
    hd_hypothesis *finished; /* [beams], the best first */
    int64_t finished_count;

    int64_t first_slot;
    int64_t first_visible; /* tokens before it are past the decoder's window */
    int64_t seen;          /* tokens from there on that the slots have seen */
    int64_t chunk;         /* tokens of each slot in this step */
    hd_scoring *scorings;  /* [slots]: of this step; NULL while a prompt is not through */
    int32_t *parents;      /* [slots] after a step: which of its slots each was before; NULL: the same */
    bool cancelled;
};

/* Which token is the first that is visible when there are `length`: past the window, half of it is dropped at a time. */
int64_t hd_first_visible(const hd_decoder *decoder, int64_t length);

/* Copies a request. HEED_ARGUMENT or HEED_LENGTH for one that cannot be run. */
heed_status hd_search_open(heed_context *context, const hd_decoder *decoder, const hd_request *request,
                           hd_search **search);
void hd_search_close(hd_search *search);

static inline int64_t hd_search_beams(const hd_search *search) { return search->generation.beams; }
static inline int32_t *hd_search_tokens(const hd_search *search, int64_t slot) {
    return search->tokens + slot * search->capacity;
}
/* Tokens of a hypothesis that the search has made, with its next one. */
static inline int64_t hd_search_made(const hd_search *search) { return search->length - search->given + 1; }
/* Is the next token a forced end, whatever the network predicts? It costs nothing. */
static inline bool hd_search_is_forced(const hd_search *search) {
    return search->generation.forced_eos >= 0 && hd_search_made(search) == search->limit;
}
/* Continuations of each slot that a step looks at. With e ways to end, 1 + e for each beam are enough for as many to run. */
static inline int64_t hd_search_continuations(const hd_search *search) {
    return hd_search_beams(search) > 1 ? (2 + search->stops.count) * hd_search_beams(search) : 1;
}

/* Makes room for the next token of every hypothesis. */
heed_status hd_search_reserve(hd_search *search);
/* How many of the last tokens of tokens [length + 1] end the text: the end token, or a stop sequence; 0: it goes on. */
int64_t hd_search_ending(const hd_search *search, const int32_t *tokens);
/* Adds a finished hypothesis, tokens [length + 1] without what was given and without `ending` tokens; `beams` are kept. */
heed_status hd_search_finish(hd_search *search, const int32_t *tokens, int64_t ending, float score);

/* Appends the next tokens, given the continuations of each slot: sets `slots` and `parents`, and finishes hypotheses. */
heed_status hd_greedy_advance(hd_search *search, hd_arena *scratch);
heed_status hd_beam_advance(hd_search *search, hd_arena *scratch);

#endif
