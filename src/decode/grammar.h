/* A grammar that a generated text must match, as a graph over the bytes of UTF-8. grammar_parse.c reads one in the notation
 * of llama.cpp's GBNF; json_schema.c writes that notation.
 *
 * Each rule is a part of the graph. A path from its first node to an END spells a text of the rule. A CALL continues in another
 * rule and then at its own `next`, so the graph is a recursive transition network, and a text is matched with stacks of nodes
 * (grammar_state.h). */
#ifndef HD_DECODE_GRAMMAR_H
#define HD_DECODE_GRAMMAR_H

#include "base/buffer.h"

typedef enum hd_grammar_kind {
    HD_GRAMMAR_END,    /* the end of a rule, or of the body of a REPEAT */
    HD_GRAMMAR_BYTES,  /* a byte from `low` to `high`, then `next` */
    HD_GRAMMAR_SPLIT,  /* `next` or `other` */
    HD_GRAMMAR_JUMP,   /* `next`; none is left once a grammar is finished */
    HD_GRAMMAR_CALL,   /* a text of rule `other`, then `next` */
    HD_GRAMMAR_REPEAT, /* the body from node `other` to an END, `least` to `most` times, then `next` */
} hd_grammar_kind;

enum {
    HD_GRAMMAR_UNBOUNDED = -1,        /* `most` of a REPEAT without an upper limit */
    HD_GRAMMAR_MOST_REPEATS = 100000, /* the largest bound in braces */
    HD_GRAMMAR_MOST_NODES = 1 << 20
};

typedef struct hd_grammar_node {
    hd_grammar_kind kind;
    uint8_t low, high;
    int32_t next, other;
    int32_t least, most;
} hd_grammar_node;

typedef struct hd_grammar_rule {
    char *name;    /* owned */
    int32_t start; /* its first node; −1: not defined */
    size_t used;   /* the byte of the grammar's text where its name is first */
} hd_grammar_rule;

typedef struct hd_grammar {
    heed_context *context;
    hd_grammar_node *nodes; /* [node_count]; node 0 is an END */
    int32_t node_count;
    size_t node_capacity;
    hd_grammar_rule *rules; /* [rule_count] */
    int32_t rule_count;
    size_t rule_capacity;
    int32_t *slots; /* [slot_count]: rules by the hash of their names; −1: empty */
    size_t slot_count;
    int32_t root;       /* the rule "root" */
    heed_status status; /* the first failure of a function that adds to the grammar */
} hd_grammar;

/* Parses a grammar (grammar_parse.c). `name` is its file, for messages. HEED_ARGUMENT names the line and the column of an
 * error; also for a rule that is not defined, begins with itself (left recursion) or never ends. After a failure nothing needs
 * closing. */
heed_status hd_grammar_parse(heed_context *context, const char *name, const char *text, size_t size,
                             hd_grammar *grammar);
void hd_grammar_close(hd_grammar *grammar); /* zeros are fine */

/* ---- building --------------------------------------------------------------------------------------------------- */

/* A part of the graph: from node `start` to node `end`, a JUMP without a `next`. */
typedef struct hd_grammar_part {
    int32_t start, end;
} hd_grammar_part;

/* Code points from `low` to `high`. */
typedef struct hd_code_range {
    uint32_t low, high;
} hd_code_range;

heed_status hd_grammar_open(heed_context *context, hd_grammar *grammar);
/* The number of the rule with this name, which is added if there is none. */
int32_t hd_grammar_rule_named(hd_grammar *grammar, const char *name, size_t size, size_t used);

hd_grammar_part hd_grammar_empty(hd_grammar *grammar);
hd_grammar_part hd_grammar_text(hd_grammar *grammar, const char *bytes, size_t size);
/* One character of the sorted ranges, which do not overlap. */
hd_grammar_part hd_grammar_set(hd_grammar *grammar, const hd_code_range *ranges, size_t count);
hd_grammar_part hd_grammar_call(hd_grammar *grammar, int32_t rule);
hd_grammar_part hd_grammar_then(hd_grammar *grammar, hd_grammar_part first, hd_grammar_part second);
hd_grammar_part hd_grammar_either(hd_grammar *grammar, hd_grammar_part first, hd_grammar_part second);
hd_grammar_part hd_grammar_repeat(hd_grammar *grammar, hd_grammar_part body, int32_t least, int32_t most);
void hd_grammar_define(hd_grammar *grammar, int32_t rule, hd_grammar_part body);
/* Removes the JUMPs. */
void hd_grammar_finish(hd_grammar *grammar);

/* Sorts ranges, joins those that touch, and leaves out surrogates, which UTF-8 lacks. `negated`: the characters that are in none
 * of them. `ranges` has room for 2 more. Returns their number. */
size_t hd_code_ranges_normalize(hd_code_range *ranges, size_t count, bool negated);

/* ---- checks and costs (grammar_cost.c) -------------------------------------------------------------------------- */

enum { HD_GRAMMAR_ENDLESS = 1 << 30 }; /* the cost of a part without an end */

/* costs[i] is the least number of tokens from node i to the END of its rule or body, as far as it is known that tokens spell
 * it: bit k of spans[i] is set if one token spells the k + 1 bytes from BYTES node i on. `spans` NULL: the least number of
 * bytes. */
heed_status hd_grammar_costs(const hd_grammar *grammar, const uint16_t *spans, int32_t *costs);
/* The cost from node `node` on, of which the body has been read `count` times if it is a REPEAT. */
int32_t hd_grammar_cost_from(const hd_grammar *grammar, const int32_t *costs, int32_t node, int32_t count);

/* A rule that cannot be matched. */
typedef struct hd_grammar_problem {
    int32_t rule;
    const char *text; /* NULL: there is none */
} hd_grammar_problem;

/* Finds a rule that is not defined or begins with itself, or one that root uses and that never ends. HEED_MEMORY alone. */
heed_status hd_grammar_check(const hd_grammar *grammar, hd_grammar_problem *problem);

#endif
