/* A map from strings of bytes to numbers, for finding all keys that begin a text: a double-array trie (Aoe, "An Efficient
 * Digital Search Algorithm by Using a Double-Array Structure", 1989). A step costs one load of 8 bytes. */
#ifndef HD_TEXT_TRIE_H
#define HD_TEXT_TRIE_H

#include "base/context.h"

/* A node. Its child by byte c is node `base` ^ c if that one's `label` says so; `base` is never shared. */
typedef struct hd_trie_node {
    uint32_t base;
    uint32_t label : 9;  /* HD_TRIE_USED + the byte that leads to it; 0 for a free one */
    uint32_t value : 23; /* of the key that ends here, + 1; 0 for none */
} hd_trie_node;
enum { HD_TRIE_USED = 0x100, HD_TRIE_ROOT = 0, HD_TRIE_VALUES = (1 << 23) - 1 };

typedef struct hd_trie {
    heed_context *context;
    hd_trie_node *nodes; /* [count], a multiple of 256, so that a child's index is always inside */
    size_t count, capacity;
} hd_trie;

typedef struct hd_trie_key {
    const char *text;
    uint32_t size;
    uint32_t value; /* below HD_TRIE_VALUES */
} hd_trie_key;

/* Builds the trie of `keys`, which are sorted in place; of equal keys the one with the highest value counts. Empty keys
 * are left out. */
heed_status hd_trie_build(heed_context *context, hd_trie_key *keys, size_t count, hd_trie *trie);
void hd_trie_close(hd_trie *trie); /* zeros are fine */

/* The node that byte `byte` leads to from `node`, or HD_TRIE_ROOT for none: no byte leads to the root. */
static inline uint32_t hd_trie_step(const hd_trie *trie, uint32_t node, uint8_t byte) {
    uint32_t child = trie->nodes[node].base ^ byte;
    return trie->nodes[child].label == (HD_TRIE_USED | byte) ? child : HD_TRIE_ROOT;
}

#endif
