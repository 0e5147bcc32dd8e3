#include "train/tree.h"

#include <string.h>

/* ---- doubles ---- */

void hd_tree_sum_add(hd_tree_sum *sum, double leaf) {
    int level = 0;
    for (; sum->count >> level & 1; level++) leaf = sum->levels[level] + leaf;
    sum->levels[level] = leaf;
    sum->count++;
}

double hd_tree_sum_total(const hd_tree_sum *sum) {
    double total = 0;
    bool any = false;
    for (int level = 0; level < 64; level++) {
        if (!(sum->count >> level & 1)) continue;
        total = any ? sum->levels[level] + total : sum->levels[level];
        any = true;
    }
    return total;
}

/* ---- blocks ---- */

void hd_tree_open(hd_tree *tree, hd_arena *arena, int64_t block_size) {
    *tree = (hd_tree){.arena = arena, .block_size = block_size};
    pthread_mutex_init(&tree->lock, NULL);
}

void hd_tree_close(hd_tree *tree) {
    if (!tree->arena) return;
    hd_free(tree->arena->context, tree->unused);
    hd_free(tree->arena->context, tree->waiting);
    pthread_mutex_destroy(&tree->lock);
}

static int64_t parents(int64_t nodes) { return (nodes + 1) / 2; }

heed_status hd_tree_begin(hd_tree *tree, int64_t leaves) {
    int64_t nodes = leaves;
    for (int64_t n = leaves; n > 1; n = parents(n)) nodes += parents(n);
    if (tree->root) tree->unused[tree->unused_count++] = tree->root;
    tree->root = NULL;
    tree->leaves = leaves;
    if (!hd_grow(tree->arena->context, &tree->waiting, &tree->waiting_capacity, (size_t)nodes, sizeof *tree->waiting))
        return HEED_MEMORY;
    memset(tree->waiting, 0, (size_t)nodes * sizeof *tree->waiting);
    return HEED_OK;
}

/* With the lock held. There is room for every block among the unused ones, so that giving one back cannot fail. */
static float *make_block(hd_tree *tree) {
    if (!hd_grow(tree->arena->context, &tree->unused, &tree->unused_capacity, (size_t)tree->blocks + 1,
                 sizeof *tree->unused))
        return NULL;
    float *block = hd_arena_alloc(tree->arena, (size_t)tree->block_size, sizeof *block);
    if (block) tree->blocks++;
    return block;
}

float *hd_tree_take(hd_tree *tree) {
    pthread_mutex_lock(&tree->lock);
    float *block = tree->unused_count ? tree->unused[--tree->unused_count] : make_block(tree);
    pthread_mutex_unlock(&tree->lock);
    return block;
}

static void give_back(hd_tree *tree, float *block) {
    pthread_mutex_lock(&tree->lock);
    tree->unused[tree->unused_count++] = block;
    pthread_mutex_unlock(&tree->lock);
}

/* The finished sibling of a node, which stops waiting; or NULL, and the node waits. */
static float *meet(hd_tree *tree, int64_t node, int64_t sibling, float *block) {
    pthread_mutex_lock(&tree->lock);
    float *other = tree->waiting[sibling];
    if (other)
        tree->waiting[sibling] = NULL;
    else
        tree->waiting[node] = block;
    pthread_mutex_unlock(&tree->lock);
    return other;
}

void hd_tree_put(hd_tree *tree, hd_stream *stream, int64_t leaf, float *block) {
    int64_t level = 0; /* where its nodes begin */
    for (int64_t i = leaf, n = tree->leaves; n > 1; level += n, n = parents(n), i /= 2) {
        int64_t sibling = i ^ 1;
        if (sibling >= n) continue; /* no right-hand child */
        float *other = meet(tree, level + i, level + sibling, block);
        if (!other) return;
        float *left = i < sibling ? block : other, *right = i < sibling ? other : block;
        stream->device->add(stream, &(hd_add_call){tree->block_size, left, right, left});
        stream->device->wait(stream); /* before another thread's stream reads the sum, or writes the block */
        give_back(tree, right);
        block = left;
    }
    tree->root = block;
}
