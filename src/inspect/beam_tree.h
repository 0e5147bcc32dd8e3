/* A beam search as a tree: each step's continuations, which of them were kept, finished or pruned, and their scores. */
#ifndef HD_INSPECT_BEAM_TREE_H
#define HD_INSPECT_BEAM_TREE_H

#include "decode/request.h"
#include "inspect/picture.h"

/* A hypothesis: a token after those of its parent. */
typedef struct hd_beam_node {
    int64_t parent; /* the index of a node before it; −1 for the root, which has no token */
    int64_t step;   /* number of the token, from 1; of the root 0 */
    const char *label;
    int32_t token;
    hd_beam_fate fate;
    float log_prob; /* the sum of the log-probabilities of all its tokens */
    float score;    /* of a finished one: log p / length^penalty */
    int64_t result; /* 1: the best output of the search, 2: the next one; 0: none of the outputs */
    bool on_path;   /* the best output begins with it */
} hd_beam_node;

typedef struct hd_beam_tree {
    heed_picture picture;
    const char *source, *target; /* the text, and the best output */
    int64_t beams, steps;
    double length_penalty;
    const hd_beam_node *nodes; /* [count]: the root, then step by step, in each step by descending log p */
    int64_t count;
} hd_beam_tree;

heed_status hd_beam_tree_open(heed_context *context, hd_beam_tree **tree);

#endif
