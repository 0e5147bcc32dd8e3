#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

/* Blocks of 256 nodes; a node's children are in one block. Free nodes of blocks before the last few are given up, so that
 * finding a base takes bounded time. */
enum { BLOCK = 256, OPEN_BLOCKS = 16 };
#define NO_NODE UINT32_MAX

/* The keys from `first` to `last` share the path to `node`, which has `depth` bytes. */
typedef struct branch {
    uint32_t node;
    size_t first, last, depth;
} branch;

typedef struct builder {
    hd_trie *trie;
    const hd_trie_key *keys;
    branch *stack;
    size_t stack_count, stack_capacity;
    struct place {
        uint32_t previous, next; /* free nodes, in ascending order; NO_NODE at the ends */
        bool based;              /* is this base in use? */
    } * places;                  /* [trie->count] */
    size_t place_capacity;
    uint32_t first_free, last_free;
} builder;

static int compare(const void *a, const void *b) {
    const hd_trie_key *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    if (order) return order;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static void take(builder *it, uint32_t node) {
    struct place *place = &it->places[node];
    if (place->previous == NO_NODE)
        it->first_free = place->next;
    else
        it->places[place->previous].next = place->next;
    if (place->next == NO_NODE)
        it->last_free = place->previous;
    else
        it->places[place->next].previous = place->previous;
}

static void set_free(builder *it, uint32_t node) {
    it->places[node] = (struct place){it->last_free, NO_NODE, false};
    if (it->last_free == NO_NODE)
        it->first_free = node;
    else
        it->places[it->last_free].next = node;
    it->last_free = node;
}

static heed_status add_block(builder *it) {
    hd_trie *trie = it->trie;
    size_t first = trie->count, count = first + BLOCK;
    if (count >= NO_NODE) return hd_fail(trie->context, HEED_FORMAT, "the vocabulary is too large for its index");
    if (!hd_grow(trie->context, &trie->nodes, &trie->capacity, count, sizeof *trie->nodes) ||
        !hd_grow(trie->context, &it->places, &it->place_capacity, count, sizeof *it->places))
        return HEED_MEMORY;
    memset(trie->nodes + first, 0, BLOCK * sizeof *trie->nodes);
    trie->count = count;
    for (size_t node = first; node < count; node++) set_free(it, (uint32_t)node);
    while (it->first_free + BLOCK * OPEN_BLOCKS < count) take(it, it->first_free);
    return HEED_OK;
}

static bool fits(const builder *it, uint32_t base, const uint8_t *labels, size_t count) {
    if (it->places[base].based) return false;
    for (size_t i = 0; i < count; i++)
        if (it->trie->nodes[base ^ labels[i]].label) return false;
    return true;
}

/* A base whose children by `labels` are all free. */
static heed_status find_base(builder *it, const uint8_t *labels, size_t count, uint32_t *base) {
    for (uint32_t node = it->first_free; node != NO_NODE; node = it->places[node].next) {
        *base = node ^ labels[0];
        if (fits(it, *base, labels, count)) return HEED_OK;
    }
    *base = (uint32_t)it->trie->count ^ labels[0];
    return add_block(it);
}

static heed_status push(builder *it, branch next) {
    if (!hd_grow(it->trie->context, &it->stack, &it->stack_capacity, it->stack_count + 1, sizeof next))
        return HEED_MEMORY;
    it->stack[it->stack_count++] = next;
    return HEED_OK;
}

/* Places the children of a node. */
static heed_status expand(builder *it, branch at) {
    uint8_t labels[BLOCK];
    size_t count = 0, firsts[BLOCK + 1];
    for (; at.first < at.last && it->keys[at.first].size == at.depth; at.first++)
        if (at.depth) it->trie->nodes[at.node].value = (it->keys[at.first].value + 1) & HD_TRIE_VALUES;
    if (at.first == at.last) return HEED_OK;
    for (size_t i = at.first; i < at.last; i++) {
        uint8_t label = (uint8_t)it->keys[i].text[at.depth];
        if (count && labels[count - 1] == label) continue;
        firsts[count] = i;
        labels[count++] = label;
    }
    firsts[count] = at.last;
    uint32_t base;
    HD_TRY(find_base(it, labels, count, &base));
    it->places[base].based = true;
    it->trie->nodes[at.node].base = base;
    for (size_t i = 0; i < count; i++) {
        it->trie->nodes[base ^ labels[i]].label = (HD_TRIE_USED | labels[i]) & 0x1FF;
        take(it, base ^ labels[i]);
    }
    for (size_t i = count; i-- > 0;)
        HD_TRY(push(it, (branch){base ^ labels[i], firsts[i], firsts[i + 1], at.depth + 1}));
    return HEED_OK;
}

static heed_status build(builder *it, size_t count) {
    HD_TRY(add_block(it));
    /* No byte leads to the root, and a node without children, whose base is 0, has none by mistake. */
    it->trie->nodes[HD_TRIE_ROOT].label = HD_TRIE_USED;
    it->places[0].based = true;
    take(it, HD_TRIE_ROOT);
    HD_TRY(push(it, (branch){HD_TRIE_ROOT, 0, count, 0}));
    while (it->stack_count) HD_TRY(expand(it, it->stack[--it->stack_count]));
    return HEED_OK;
}

heed_status hd_trie_build(heed_context *context, hd_trie_key *keys, size_t count, hd_trie *trie) {
    *trie = (hd_trie){.context = context};
    builder it = {.trie = trie, .keys = keys, .first_free = NO_NODE, .last_free = NO_NODE};
    if (count) qsort(keys, count, sizeof *keys, compare);
    heed_status status = build(&it, count);
    hd_free(context, it.stack);
    hd_free(context, it.places);
    if (status != HEED_OK) hd_trie_close(trie);
    return status;
}

void hd_trie_close(hd_trie *trie) {
    hd_free(trie->context, trie->nodes);
    *trie = (hd_trie){.context = trie->context};
}
