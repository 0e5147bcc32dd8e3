/* Matching a text with a grammar, byte by byte. A state is a set of readings: places in the grammar where the text may go on,
 * each with the stack of nodes that follow. States are numbered, and their successors are computed once, so that a byte mostly
 * costs one load. */
#ifndef HD_DECODE_GRAMMAR_STATE_H
#define HD_DECODE_GRAMMAR_STATE_H

#include "decode/grammar.h"

enum {
    HD_STATE_DEAD = 0,     /* no text of the grammar begins like this */
    HD_STATE_START = 1,    /* before the first byte */
    HD_STATE_FAILED = -1,  /* memory ran out; the context has the message */
    HD_STATE_UNKNOWN = -2, /* of a successor: not computed yet */
    HD_STATE_MOST_READINGS = 4096,
    HD_STATE_MOST_STATES = 1 << 17,
    HD_STATE_MOST_STACKS = 1 << 20
};

/* A stack: go on at `node`, then with the stack `below`. A REPEAT has read its body `count` times. */
typedef struct hd_match_stack {
    int32_t node, count, below;
    int32_t cost; /* of all that follows */
} hd_match_stack;

/* A byte of BYTES node `node` may come, and then the stack. */
typedef struct hd_match_reading {
    int32_t node, stack;
} hd_match_reading;

typedef struct hd_match_state {
    int32_t first, count; /* readings, sorted */
    int32_t cost;         /* the least tokens that complete the text (grammar.h) */
    bool complete;        /* the text is one of the grammar */
} hd_match_state;

/* A hash table of indices; −1: empty. */
typedef struct hd_match_table {
    int32_t *slots; /* [size], a power of two */
    size_t size, used;
} hd_match_table;

/* A node that is to be visited. */
typedef struct hd_match_visit {
    int32_t node, stack, count;
} hd_match_visit;

typedef struct hd_matcher {
    heed_context *context; /* of the present call */
    const hd_grammar *grammar;
    const int32_t *costs;  /* [nodes]; borrowed */
    uint8_t class_of[256]; /* bytes of one class are in the same ranges of the grammar */
    int32_t classes;
    hd_match_stack *stacks; /* [stack_count]; 0 is the empty one */
    hd_match_reading *readings;
    hd_match_state *states; /* [state_count] */
    int32_t *successors;    /* [state_count, classes] */
    int32_t stack_count, reading_count, state_count;
    size_t stack_capacity, reading_capacity, state_capacity, successor_capacity;
    hd_match_table stack_table, state_table, visit_table;
    hd_match_visit *visits; /* [visit_count]: while a state is computed */
    hd_match_reading *next; /* [next_count] */
    int32_t visit_count, next_count;
    size_t visit_capacity, next_capacity;
    bool next_complete, overflows, failed;
} hd_matcher;

/* The grammar and its costs must outlive the matcher. */
heed_status hd_matcher_open(heed_context *context, const hd_grammar *grammar, const int32_t *costs,
                            hd_matcher *matcher);
void hd_matcher_close(hd_matcher *matcher, heed_context *context);
/* Forgets the states, if there are so many that a call might reach the limits. True: numbers of states have a new meaning. */
bool hd_matcher_shrink(hd_matcher *matcher);
/* The state after a byte, when it is not known yet. A state with too many readings is dead. */
int32_t hd_matcher_compute(hd_matcher *matcher, int32_t state, uint8_t byte);

/* The state after a byte: HD_STATE_DEAD if it may not come, or HD_STATE_FAILED. */
static inline int32_t hd_matcher_step(hd_matcher *m, int32_t state, uint8_t byte) {
    int32_t next = m->successors[(int64_t)state * m->classes + m->class_of[byte]];
    return next == HD_STATE_UNKNOWN ? hd_matcher_compute(m, state, byte) : next;
}

#endif
