/* Constrained output: a grammar limits the next token of a text, so that the text matches it when it ends.
 *
 * The state of a text follows from its tokens alone, and states that were seen are remembered. So hypotheses carry no state:
 * beams are copied, and proposed tokens are dropped, without a call of this module. */
#ifndef HD_DECODE_CONSTRAINT_H
#define HD_DECODE_CONSTRAINT_H

#include "models/generation.h"
#include "text/token_bytes.h"

typedef struct hd_constraint hd_constraint;

/* What a constraint limits. */
typedef struct hd_constraint_target {
    const heed_tokenizer *tokenizer; /* of the generated text; must outlive the constraint */
    int64_t vocabulary;              /* tokens that the network scores */
    hd_ids ends;                     /* tokens that end a text */
    bool continues;                  /* the text follows that of the given tokens, as of a decoder-only network */
} hd_constraint_target;

/* Compiles a grammar (grammar.h); `name` is its file, for messages. HEED_ARGUMENT for one with an error, or one that no token
 * of the vocabulary can begin. */
heed_status hd_constraint_open(heed_context *context, const hd_constraint_target *target, const char *name,
                               const char *grammar, size_t size, hd_constraint **constraint);
/* A constraint has owners, each of which closes it: one at first, and one more per call of this. Returns the constraint. */
hd_constraint *hd_constraint_share(hd_constraint *constraint);
void hd_constraint_close(heed_context *context, hd_constraint *constraint); /* NULL is allowed */

/* A text: tokens [length], of which the first `given` are those of the prompt or the start. */
typedef struct hd_constrained_text {
    const int32_t *tokens;
    int64_t length, given;
    size_t cut; /* bytes at the end of its text that do not count, such as a stop string */
} hd_constrained_text;

typedef enum hd_constraint_progress {
    HD_CONSTRAINT_INCOMPLETE, /* the text does not match the grammar; more may follow */
    HD_CONSTRAINT_COMPLETE,   /* it matches, and more may follow */
    HD_CONSTRAINT_CLOSED      /* it matches, and nothing may follow */
} hd_constraint_progress;

/* The number of words of 64 bits in a set of tokens. */
size_t hd_constraint_words(const hd_constraint *constraint);

/* Several threads may call these at once. */

/* Bit i of `allowed` [words] becomes 1 if token i may come next. An end token may come if the
 * text then matches. `left`: how many tokens may still come; where possible, only those are allowed after which the text can
 * be completed with the rest. */
heed_status hd_constraint_allow(hd_constraint *constraint, heed_context *context, const hd_constrained_text *text,
                                int64_t left, uint64_t *allowed);
heed_status hd_constraint_measure(hd_constraint *constraint, heed_context *context, const hd_constrained_text *text,
                                  hd_constraint_progress *progress);

static inline bool hd_is_allowed(const uint64_t *allowed, int64_t token) {
    return allowed[token / 64] >> token % 64 & 1;
}

#endif
