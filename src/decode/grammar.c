/* Parts of a grammar's graph are joined as in Thompson's construction of automata (1968). Characters become sequences of byte
 * ranges, so that a token may end inside a character. */
#include "decode/grammar.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

heed_status hd_grammar_open(heed_context *context, hd_grammar *g) {
    *g = (hd_grammar){.context = context, .root = -1};
    if (!hd_grow(context, &g->nodes, &g->node_capacity, 64, sizeof *g->nodes)) return HEED_MEMORY;
    g->nodes[g->node_count++] = (hd_grammar_node){.kind = HD_GRAMMAR_END};
    return HEED_OK;
}

void hd_grammar_close(hd_grammar *g) {
    for (int32_t i = 0; i < g->rule_count; i++) hd_free(g->context, g->rules[i].name);
    if (g->context) {
        hd_free(g->context, g->nodes);
        hd_free(g->context, g->rules);
        hd_free(g->context, g->slots);
    }
    *g = (hd_grammar){0};
}

/* ---- rules by name ---- */

static uint32_t hash_of(const char *name, size_t size) {
    uint32_t hash = 0x811c9dc5u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)name[i]) * 0x01000193u;
    return hash;
}

/* The slot of the rule with this name, or the empty one where it belongs. */
static int32_t *slot_of(const hd_grammar *g, const char *name, size_t size) {
    size_t i = hash_of(name, size) & (g->slot_count - 1);
    for (; g->slots[i] >= 0; i = (i + 1) & (g->slot_count - 1)) {
        const char *other = g->rules[g->slots[i]].name;
        if (strncmp(other, name, size) == 0 && other[size] == 0) break;
    }
    return &g->slots[i];
}

static bool grow_slots(hd_grammar *g) {
    if (2 * (size_t)(g->rule_count + 1) <= g->slot_count) return true;
    size_t count = hd_max(2 * (int64_t)g->slot_count, 64);
    int32_t *slots = hd_alloc(g->context, count, sizeof *slots);
    if (!slots) return false;
    memset(slots, 0xFF, count * sizeof *slots);
    hd_free(g->context, g->slots);
    g->slots = slots, g->slot_count = count;
    for (int32_t i = 0; i < g->rule_count; i++) *slot_of(g, g->rules[i].name, strlen(g->rules[i].name)) = i;
    return true;
}

int32_t hd_grammar_rule_named(hd_grammar *g, const char *name, size_t size, size_t used) {
    if (g->status != HEED_OK) return 0;
    if (!grow_slots(g) ||
        !hd_grow(g->context, &g->rules, &g->rule_capacity, (size_t)g->rule_count + 1, sizeof *g->rules)) {
        g->status = HEED_MEMORY;
        return 0;
    }
    int32_t *slot = slot_of(g, name, size);
    if (*slot >= 0) return *slot;
    char *copy = hd_copy_bytes(g->context, name, size);
    if (!copy) {
        g->status = HEED_MEMORY;
        return 0;
    }
    *slot = g->rule_count;
    g->rules[g->rule_count] = (hd_grammar_rule){copy, -1, used};
    return g->rule_count++;
}

/* ---- nodes ---- */

static int32_t add(hd_grammar *g, hd_grammar_node node) {
    if (g->status != HEED_OK) return 0;
    if (g->node_count == HD_GRAMMAR_MOST_NODES) {
        g->status = hd_fail(g->context, HEED_ARGUMENT, "the grammar has more than %d nodes", HD_GRAMMAR_MOST_NODES);
        return 0;
    }
    if (!hd_grow(g->context, &g->nodes, &g->node_capacity, (size_t)g->node_count + 1, sizeof *g->nodes)) {
        g->status = HEED_MEMORY;
        return 0;
    }
    g->nodes[g->node_count] = node;
    return g->node_count++;
}

static int32_t add_end(hd_grammar *g) { return add(g, (hd_grammar_node){.kind = HD_GRAMMAR_JUMP, .next = -1}); }

/* After a failure all numbers of nodes are 0, which stays an END. */
static void join(hd_grammar *g, int32_t end, int32_t next) {
    if (g->status == HEED_OK) g->nodes[end].next = next;
}

static int32_t add_bytes(hd_grammar *g, uint8_t low, uint8_t high, int32_t next) {
    return add(g, (hd_grammar_node){.kind = HD_GRAMMAR_BYTES, .low = low, .high = high, .next = next});
}

static int32_t add_split(hd_grammar *g, int32_t next, int32_t other) {
    return add(g, (hd_grammar_node){.kind = HD_GRAMMAR_SPLIT, .next = next, .other = other});
}

hd_grammar_part hd_grammar_empty(hd_grammar *g) {
    int32_t end = add_end(g);
    return (hd_grammar_part){end, end};
}

hd_grammar_part hd_grammar_text(hd_grammar *g, const char *bytes, size_t size) {
    int32_t end = add_end(g), start = end;
    for (size_t i = size; i > 0; i--) start = add_bytes(g, (uint8_t)bytes[i - 1], (uint8_t)bytes[i - 1], start);
    return (hd_grammar_part){start, end};
}

hd_grammar_part hd_grammar_call(hd_grammar *g, int32_t rule) {
    int32_t end = add_end(g);
    return (hd_grammar_part){add(g, (hd_grammar_node){.kind = HD_GRAMMAR_CALL, .next = end, .other = rule}), end};
}

hd_grammar_part hd_grammar_then(hd_grammar *g, hd_grammar_part first, hd_grammar_part second) {
    join(g, first.end, second.start);
    return (hd_grammar_part){first.start, second.end};
}

hd_grammar_part hd_grammar_either(hd_grammar *g, hd_grammar_part first, hd_grammar_part second) {
    join(g, first.end, second.end);
    return (hd_grammar_part){add_split(g, first.start, second.start), second.end};
}

/* A loop: from the end of the body back to the split. */
static hd_grammar_part loop(hd_grammar *g, hd_grammar_part body, bool at_least_once) {
    int32_t end = add_end(g), split = add_split(g, body.start, end);
    join(g, body.end, split);
    return (hd_grammar_part){at_least_once ? body.start : split, end};
}

hd_grammar_part hd_grammar_repeat(hd_grammar *g, hd_grammar_part body, int32_t least, int32_t most) {
    if (most == 0) return hd_grammar_empty(g);
    if (least == 1 && most == 1) return body;
    if (least <= 1 && most == HD_GRAMMAR_UNBOUNDED) return loop(g, body, least == 1);
    if (least == 0 && most == 1) return hd_grammar_either(g, body, hd_grammar_empty(g));
    int32_t end = add_end(g);
    join(g, body.end, 0);
    int32_t repeat = add(
        g,
        (hd_grammar_node){.kind = HD_GRAMMAR_REPEAT, .next = end, .other = body.start, .least = least, .most = most});
    return (hd_grammar_part){repeat, end};
}

void hd_grammar_define(hd_grammar *g, int32_t rule, hd_grammar_part body) {
    if (g->status != HEED_OK) return;
    join(g, body.end, 0);
    g->rules[rule].start = body.start;
}

/* A part that is not used, such as what is repeated 0 times, ends in a JUMP to no node: it gets an END. */
static int32_t after_jumps(const hd_grammar *g, int32_t node) {
    while (g->nodes[node].kind == HD_GRAMMAR_JUMP) node = (int32_t)hd_max(g->nodes[node].next, 0);
    return node;
}

void hd_grammar_finish(hd_grammar *g) {
    for (int32_t i = 0; i < g->node_count; i++) {
        hd_grammar_node *node = &g->nodes[i];
        if (node->kind == HD_GRAMMAR_END || node->kind == HD_GRAMMAR_JUMP) continue;
        node->next = after_jumps(g, node->next);
        if (node->kind == HD_GRAMMAR_SPLIT || node->kind == HD_GRAMMAR_REPEAT)
            node->other = after_jumps(g, node->other);
    }
    for (int32_t i = 0; i < g->rule_count; i++)
        if (g->rules[i].start >= 0) g->rules[i].start = after_jumps(g, g->rules[i].start);
}

/* ---- characters ---- */

enum { FIRST_SURROGATE = 0xD800, LAST_SURROGATE = 0xDFFF, LAST_CODE = 0x10FFFF };

static int by_low(const void *a, const void *b) {
    const hd_code_range *x = a, *y = b;
    return (x->low > y->low) - (x->low < y->low);
}

/* Adds a range without surrogates. */
static size_t keep(hd_code_range *ranges, size_t count, hd_code_range range) {
    if (range.low > range.high || range.low > LAST_CODE) return count;
    if (range.low <= LAST_SURROGATE && range.high >= FIRST_SURROGATE) {
        hd_code_range before = {range.low, FIRST_SURROGATE - 1}, after = {LAST_SURROGATE + 1, range.high};
        if (range.low < FIRST_SURROGATE) ranges[count++] = before;
        if (range.high > LAST_SURROGATE) ranges[count++] = after;
        return count;
    }
    ranges[count++] = range;
    return count;
}

/* Sorts ranges and joins those that touch. */
static size_t join_ranges(hd_code_range *ranges, size_t count) {
    size_t kept = 0;
    if (count) qsort(ranges, count, sizeof *ranges, by_low);
    for (size_t i = 0; i < count; i++) {
        if (kept && ranges[i].low <= ranges[kept - 1].high + 1)
            ranges[kept - 1].high = ranges[i].high > ranges[kept - 1].high ? ranges[i].high : ranges[kept - 1].high;
        else
            ranges[kept++] = ranges[i];
    }
    return kept;
}

/* What lies between sorted ranges; one more than they are, at most. */
static size_t negate(hd_code_range *ranges, size_t count) {
    uint32_t next = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        hd_code_range range = ranges[i];
        if (range.low > next) ranges[kept++] = (hd_code_range){next, range.low - 1};
        next = range.high + 1;
    }
    if (next <= LAST_CODE) ranges[kept++] = (hd_code_range){next, LAST_CODE};
    return kept;
}

size_t hd_code_ranges_normalize(hd_code_range *ranges, size_t count, bool negated) {
    count = join_ranges(ranges, count);
    if (negated) count = negate(ranges, count);
    for (size_t i = 0; i < count; i++) {
        hd_code_range parts[2];
        size_t kept = keep(parts, 0, ranges[i]);
        if (kept != 1) memmove(ranges + i + kept, ranges + i + 1, (count - i - 1) * sizeof *ranges);
        memcpy(ranges + i, parts, kept * sizeof *ranges);
        count += kept - 1;
        i += kept - 1;
    }
    return count;
}

/* A set of characters while its byte sequences are added. */
typedef struct set {
    hd_grammar *g;
    int32_t end, start; /* start −1: no sequence yet */
} set;

/* A sequence of bytes, each from that of `low` to that of `high`. */
static void add_sequence(set *s, uint32_t low, uint32_t high) {
    char first[4], last[4];
    size_t size = hd_utf8_encode(low, first);
    int32_t node = s->end;
    hd_utf8_encode(high, last);
    for (size_t i = size; i > 0; i--) node = add_bytes(s->g, (uint8_t)first[i - 1], (uint8_t)last[i - 1], node);
    s->start = s->start < 0 ? node : add_split(s->g, s->start, node);
}

/* Splits a range of characters of one length until each continuation byte is one range that does not depend on the bytes
 * before it. */
static void add_range(set *s, uint32_t low, uint32_t high) {
    static const uint32_t last_of_length[] = {0x7F, 0x7FF, 0xFFFF};
    for (size_t i = 0; i < HD_COUNT(last_of_length); i++)
        if (low <= last_of_length[i] && high > last_of_length[i]) {
            add_range(s, low, last_of_length[i]);
            add_range(s, last_of_length[i] + 1, high);
            return;
        }
    for (uint32_t mask = 0x3F; high > 0x7F && mask <= 0x3FFFF; mask = mask << 6 | 0x3F) {
        if ((low & ~mask) == (high & ~mask)) continue;
        uint32_t split = (low & mask) != 0 ? (low | mask) + 1 : (high & mask) != mask ? high & ~mask : 0;
        if (!split) continue;
        add_range(s, low, split - 1);
        add_range(s, split, high);
        return;
    }
    add_sequence(s, low, high);
}

hd_grammar_part hd_grammar_set(hd_grammar *g, const hd_code_range *ranges, size_t count) {
    set s = {g, add_end(g), -1};
    for (size_t i = 0; i < count; i++) add_range(&s, ranges[i].low, ranges[i].high);
    return (hd_grammar_part){s.start < 0 ? 0 : s.start, s.end};
}
