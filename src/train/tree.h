/* Sums in the order of a fixed binary tree: node (l, i) = node (l−1, 2i) + node (l−1, 2i+1), and a node without a
 * right-hand child is its left-hand child unchanged. The leaves are numbered from 0. So the bits of a sum depend on the
 * leaves alone, never on the threads or machines that added them, or on when each leaf was ready. */
#ifndef HD_TRAIN_TREE_H
#define HD_TRAIN_TREE_H

#include "device/device.h"

#include <pthread.h>

/* A sum of doubles whose leaves come in order: a binary counter, level l holds a whole subtree of 2^l leaves. */
typedef struct hd_tree_sum {
    double levels[64];
    uint64_t count; /* leaves so far; bit l: level l is in use */
} hd_tree_sum;

void hd_tree_sum_add(hd_tree_sum *sum, double leaf);
double hd_tree_sum_total(const hd_tree_sum *sum); /* 0 without leaves */

/* A sum of gradients whose leaves, a block of floats each, come in any order and from several threads. When both children
 * of a node are there, the thread that brought the second adds them. If each thread takes the lowest leaf that is left,
 * at most threads · (⌈log₂ leaves⌉ + 1) blocks exist. */
typedef struct hd_tree {
    hd_arena *arena;      /* device memory of the blocks; in a step only the tree allocates from it */
    int64_t block_size;   /* floats */
    pthread_mutex_t lock; /* guards all that follows */
    float **unused;       /* [unused_count]: blocks */
    size_t unused_count, unused_capacity;
    int64_t blocks;  /* made so far */
    float **waiting; /* [nodes]: finished nodes that wait for their sibling, level by level; else NULL */
    int64_t leaves;
    size_t waiting_capacity;
    float *root; /* the finished sum */
} hd_tree;

void hd_tree_open(hd_tree *tree, hd_arena *arena, int64_t block_size);
void hd_tree_close(hd_tree *tree);
/* Begins a sum of so many leaves; the root of the sum before becomes an unused block. */
heed_status hd_tree_begin(hd_tree *tree, int64_t leaves);
/* A block for a leaf, with any contents; NULL when memory ran out. */
float *hd_tree_take(hd_tree *tree);
/* Hands in a leaf that has been waited for. Additions run on the thread's stream. */
void hd_tree_put(hd_tree *tree, hd_stream *stream, int64_t leaf, float *block);

#endif
