/* Which forced words a hypothesis of a beam search contains (transformers 4.57: generation/beam_constraints.py). A token takes
 * part in one group at a time: it continues the word that is begun, or begins a word of the first group in the list of those
 * that are missing. A token that breaks off a word puts its group at the end of the list, and begins no other word. */
#ifndef HD_DECODE_FORCED_H
#define HD_DECODE_FORCED_H

#include "base/arena.h"
#include "models/generation.h"

typedef struct hd_forced_state {
    const hd_forced_words *forced;
    int64_t longest;  /* tokens of the longest word */
    int64_t complete; /* groups of which a word was generated */
    int32_t *missing; /* [missing_count]: groups without one, in the order in which they are tried */
    int64_t missing_count;
    int32_t begun;      /* the group of which a word is begun; −1: none */
    int32_t *beginning; /* [matched]: of that word */
    int64_t matched;
} hd_forced_state;

/* Memory for a state. */
heed_status hd_forced_open(const hd_forced_words *forced, hd_arena *arena, hd_forced_state *state);
/* The state after tokens [count]. */
void hd_forced_read(hd_forced_state *state, const int32_t *tokens, int64_t count);
void hd_forced_copy(const hd_forced_state *from, hd_forced_state *to);
void hd_forced_add(hd_forced_state *state, int32_t token);
bool hd_forced_is_complete(const hd_forced_state *state);
/* The number of forced tokens that the state stands for: hypotheses with more of them are in a higher bank. */
int64_t hd_forced_bank(const hd_forced_state *state);
/* The tokens that continue the word that is begun, or begin a missing one: tokens [at most all words]. Returns their number. */
int64_t hd_forced_next(const hd_forced_state *state, int32_t *tokens);
/* Whether the token continues the word that is begun. */
bool hd_forced_continues(const hd_forced_state *state, int32_t token);

#endif
