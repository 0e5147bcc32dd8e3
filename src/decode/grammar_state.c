/* States are made as in the subset construction, on demand, with stacks as in Tomita's parsers (1985): equal stacks are one. A
 * call at the end of a rule adds nothing to the stack, so a right-recursive rule has finitely many states. */
#include "decode/grammar_state.h"

#include <stdlib.h>
#include <string.h>

/* ---- hash tables ---- */

static uint32_t mix(uint32_t hash, int32_t value) {
    hash = (hash ^ (uint32_t)value) * 0x9E3779B1u;
    return hash ^ hash >> 15;
}

static void empty_table(hd_match_table *table) {
    if (table->size) memset(table->slots, 0xFF, table->size * sizeof *table->slots);
    table->used = 0;
}

typedef uint32_t hash_index(const hd_matcher *m, int32_t index);

/* Makes room for one more index. */
static bool reserve_slot(hd_matcher *m, hd_match_table *table, hash_index *hash) {
    if (2 * (table->used + 1) <= table->size) return true;
    hd_match_table bigger = {.size = table->size ? 2 * table->size : 256, .used = table->used};
    bigger.slots = hd_alloc(m->context, bigger.size, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    memset(bigger.slots, 0xFF, bigger.size * sizeof *bigger.slots);
    for (size_t i = 0; i < table->size; i++) {
        if (table->slots[i] < 0) continue;
        size_t slot = hash(m, table->slots[i]) & (bigger.size - 1);
        while (bigger.slots[slot] >= 0) slot = (slot + 1) & (bigger.size - 1);
        bigger.slots[slot] = table->slots[i];
    }
    hd_free(m->context, table->slots);
    *table = bigger;
    return true;
}

/* ---- stacks ---- */

static uint32_t hash_stack_of(int32_t node, int32_t count, int32_t below) {
    return mix(mix(mix(7, node), count), below);
}

static uint32_t hash_stack(const hd_matcher *m, int32_t index) {
    const hd_match_stack *s = &m->stacks[index];
    return hash_stack_of(s->node, s->count, s->below);
}

static int32_t cost_with(const hd_matcher *m, int32_t node, int32_t count, int32_t below) {
    int64_t cost = hd_grammar_cost_from(m->grammar, m->costs, node, count);
    return (int32_t)hd_min(cost + m->stacks[below].cost, HD_GRAMMAR_ENDLESS);
}

/* The stack with `node` on `below`. What is only an END adds nothing. */
static int32_t push_stack(hd_matcher *m, int32_t node, int32_t count, int32_t below) {
    if (m->grammar->nodes[node].kind == HD_GRAMMAR_END) return below;
    if (!reserve_slot(m, &m->stack_table, hash_stack)) return m->failed = true, 0;
    size_t slot = hash_stack_of(node, count, below) & (m->stack_table.size - 1);
    for (int32_t i; (i = m->stack_table.slots[slot]) >= 0; slot = (slot + 1) & (m->stack_table.size - 1))
        if (m->stacks[i].node == node && m->stacks[i].count == count && m->stacks[i].below == below) return i;
    if (m->stack_count == HD_STATE_MOST_STACKS) return m->overflows = true, 0;
    if (!hd_grow(m->context, &m->stacks, &m->stack_capacity, (size_t)m->stack_count + 1, sizeof *m->stacks))
        return m->failed = true, 0;
    m->stacks[m->stack_count] = (hd_match_stack){node, count, below, cost_with(m, node, count, below)};
    m->stack_table.slots[slot] = m->stack_count;
    m->stack_table.used++;
    return m->stack_count++;
}

/* ---- the nodes that follow without a byte ---- */

static uint32_t hash_visit_of(hd_match_visit v) { return mix(mix(mix(11, v.node), v.stack), v.count); }
static uint32_t hash_visit(const hd_matcher *m, int32_t index) { return hash_visit_of(m->visits[index]); }

/* Adds a node to those to visit, once. */
static void visit(hd_matcher *m, int32_t node, int32_t stack, int32_t count) {
    hd_match_visit v = {node, stack, count};
    if (m->failed || m->overflows) return;
    if (!reserve_slot(m, &m->visit_table, hash_visit)) {
        m->failed = true;
        return;
    }
    size_t slot = hash_visit_of(v) & (m->visit_table.size - 1);
    for (int32_t i; (i = m->visit_table.slots[slot]) >= 0; slot = (slot + 1) & (m->visit_table.size - 1))
        if (memcmp(&m->visits[i], &v, sizeof v) == 0) return;
    if (m->visit_count == 8 * HD_STATE_MOST_READINGS) {
        m->overflows = true;
        return;
    }
    if (!hd_grow(m->context, &m->visits, &m->visit_capacity, (size_t)m->visit_count + 1, sizeof *m->visits)) {
        m->failed = true;
        return;
    }
    m->visits[m->visit_count] = v;
    m->visit_table.slots[slot] = m->visit_count++;
    m->visit_table.used++;
}

static void add_reading(hd_matcher *m, int32_t node, int32_t stack) {
    if (m->next_count == HD_STATE_MOST_READINGS)
        m->overflows = true;
    else if (!hd_grow(m->context, &m->next, &m->next_capacity, (size_t)m->next_count + 1, sizeof *m->next))
        m->failed = true;
    else
        m->next[m->next_count++] = (hd_match_reading){node, stack};
}

/* A REPEAT whose body has been read `count` times: it ends, or the body is read again. Without an upper limit, counts above
 * `least` are equal. */
static void visit_repeat(hd_matcher *m, const hd_match_visit *v) {
    const hd_grammar_node *n = &m->grammar->nodes[v->node];
    bool unbounded = n->most == HD_GRAMMAR_UNBOUNDED;
    if (v->count >= n->least) visit(m, n->next, v->stack, 0);
    if (!unbounded && v->count >= n->most) return;
    int32_t count = unbounded ? (int32_t)hd_min(v->count + 1, n->least) : v->count + 1;
    bool last = !unbounded && count == n->most;
    int32_t stack = last ? push_stack(m, n->next, 0, v->stack) : push_stack(m, v->node, count, v->stack);
    visit(m, n->other, stack, 0);
}

static void visit_node(hd_matcher *m, const hd_match_visit *v) {
    const hd_grammar_node *n = &m->grammar->nodes[v->node];
    const hd_match_stack *top = &m->stacks[v->stack];
    switch (n->kind) {
        case HD_GRAMMAR_END:
            if (v->stack)
                visit(m, top->node, top->below, top->count);
            else
                m->next_complete = true;
            break;
        case HD_GRAMMAR_BYTES:
            add_reading(m, v->node, v->stack);
            break;
        case HD_GRAMMAR_SPLIT:
            visit(m, n->next, v->stack, 0);
            visit(m, n->other, v->stack, 0);
            break;
        case HD_GRAMMAR_CALL:
            visit(m, m->grammar->rules[n->other].start, push_stack(m, n->next, 0, v->stack), 0);
            break;
        case HD_GRAMMAR_REPEAT:
            visit_repeat(m, v);
            break;
        case HD_GRAMMAR_JUMP:
            break;
    }
}

/* ---- states ---- */

static uint32_t hash_readings(const hd_match_reading *readings, int32_t count, bool complete) {
    uint32_t hash = mix(13, complete);
    for (int32_t i = 0; i < count; i++) hash = mix(mix(hash, readings[i].node), readings[i].stack);
    return hash;
}

static uint32_t hash_state(const hd_matcher *m, int32_t index) {
    const hd_match_state *s = &m->states[index];
    return hash_readings(m->readings + s->first, s->count, s->complete);
}

static int compare_readings(const void *a, const void *b) {
    const hd_match_reading *x = a, *y = b;
    if (x->node != y->node) return x->node > y->node ? 1 : -1;
    return (x->stack > y->stack) - (x->stack < y->stack);
}

static int32_t cost_of_readings(const hd_matcher *m) {
    int64_t least = m->next_complete ? 0 : HD_GRAMMAR_ENDLESS;
    for (int32_t i = 0; i < m->next_count; i++)
        least = hd_min(least, (int64_t)m->costs[m->next[i].node] + m->stacks[m->next[i].stack].cost);
    return (int32_t)least;
}

/* Adds a state with the readings of `next`. */
static int32_t add_state(hd_matcher *m) {
    int32_t state = m->state_count;
    if (state == HD_STATE_MOST_STATES || m->reading_count > INT32_MAX / 2) return m->overflows = true, HD_STATE_DEAD;
    if (!hd_grow(m->context, &m->states, &m->state_capacity, (size_t)state + 1, sizeof *m->states) ||
        !hd_grow(m->context, &m->successors, &m->successor_capacity, (size_t)(state + 1) * (size_t)m->classes,
                 sizeof *m->successors) ||
        !hd_grow(m->context, &m->readings, &m->reading_capacity, (size_t)(m->reading_count + m->next_count) + 1,
                 sizeof *m->readings))
        return HD_STATE_FAILED;
    if (m->next_count) memcpy(m->readings + m->reading_count, m->next, (size_t)m->next_count * sizeof *m->next);
    m->states[state] = (hd_match_state){m->reading_count, m->next_count, cost_of_readings(m), m->next_complete};
    m->reading_count += m->next_count;
    for (int32_t i = 0; i < m->classes; i++) m->successors[(int64_t)state * m->classes + i] = HD_STATE_UNKNOWN;
    return m->state_count++;
}

/* The state with the readings of `next`. */
static int32_t find_state(hd_matcher *m) {
    if (!m->next_count && !m->next_complete) return HD_STATE_DEAD;
    if (m->next_count) qsort(m->next, (size_t)m->next_count, sizeof *m->next, compare_readings);
    if (!reserve_slot(m, &m->state_table, hash_state)) return HD_STATE_FAILED;
    size_t slot = hash_readings(m->next, m->next_count, m->next_complete) & (m->state_table.size - 1);
    for (int32_t i; (i = m->state_table.slots[slot]) >= 0; slot = (slot + 1) & (m->state_table.size - 1)) {
        const hd_match_state *s = &m->states[i];
        if (s->count == m->next_count && s->complete == m->next_complete &&
            (!s->count || memcmp(m->readings + s->first, m->next, (size_t)s->count * sizeof *m->next) == 0))
            return i;
    }
    int32_t state = add_state(m);
    if (state <= HD_STATE_DEAD) return state;
    m->state_table.slots[slot] = state;
    m->state_table.used++;
    return state;
}

/* Empties the table of visits in time proportional to their number. */
static void begin_visits(hd_matcher *m) {
    for (int32_t i = 0; i < m->visit_count; i++) {
        size_t slot = hash_visit(m, i) & (m->visit_table.size - 1);
        while (m->visit_table.slots[slot] != i) slot = (slot + 1) & (m->visit_table.size - 1);
        m->visit_table.slots[slot] = -1;
    }
    m->visit_count = m->next_count = 0;
    m->visit_table.used = 0;
    m->next_complete = m->overflows = m->failed = false;
}

/* The state whose readings follow from the nodes to visit. */
static int32_t end_visits(hd_matcher *m) {
    for (int32_t i = 0; i < m->visit_count && !m->failed && !m->overflows; i++) {
        hd_match_visit v = m->visits[i];
        visit_node(m, &v);
    }
    return m->failed ? HD_STATE_FAILED : m->overflows ? HD_STATE_DEAD : find_state(m);
}

int32_t hd_matcher_compute(hd_matcher *m, int32_t state, uint8_t byte) {
    begin_visits(m);
    for (int32_t i = 0; i < m->states[state].count; i++) {
        hd_match_reading reading = m->readings[m->states[state].first + i];
        const hd_grammar_node *n = &m->grammar->nodes[reading.node];
        if (byte >= n->low && byte <= n->high) visit(m, n->next, reading.stack, 0);
    }
    int32_t next = end_visits(m);
    if (next >= HD_STATE_DEAD) m->successors[(int64_t)state * m->classes + m->class_of[byte]] = next;
    return next;
}

/* ---- opening ---- */

/* Divides the bytes into classes at the ends of all ranges. */
static void find_classes(hd_matcher *m) {
    bool begins[257] = {[0] = true};
    for (int32_t i = 0; i < m->grammar->node_count; i++) {
        const hd_grammar_node *n = &m->grammar->nodes[i];
        if (n->kind == HD_GRAMMAR_BYTES) begins[n->low] = begins[n->high + 1] = true;
    }
    for (int byte = 0; byte < 256; byte++) {
        m->classes += begins[byte];
        m->class_of[byte] = (uint8_t)(m->classes - 1);
    }
}

/* The dead state and the first one. */
static heed_status begin_states(hd_matcher *m) {
    m->stack_count = m->reading_count = m->state_count = 0;
    empty_table(&m->stack_table);
    empty_table(&m->state_table);
    if (!hd_grow(m->context, &m->stacks, &m->stack_capacity, 1, sizeof *m->stacks)) return HEED_MEMORY;
    m->stacks[m->stack_count++] = (hd_match_stack){0};
    begin_visits(m);
    if (add_state(m) == HD_STATE_FAILED) return HEED_MEMORY;
    for (int32_t i = 0; i < m->classes; i++) m->successors[i] = HD_STATE_DEAD;
    visit(m, m->grammar->rules[m->grammar->root].start, 0, 0);
    int32_t start = end_visits(m);
    if (start == HD_STATE_FAILED) return HEED_MEMORY;
    if (start != HD_STATE_START)
        return hd_fail(m->context, HEED_ARGUMENT, "the grammar has more than %d readings of a text at once",
                       HD_STATE_MOST_READINGS);
    return HEED_OK;
}

heed_status hd_matcher_open(heed_context *context, const hd_grammar *grammar, const int32_t *costs, hd_matcher *m) {
    *m = (hd_matcher){.context = context, .grammar = grammar, .costs = costs};
    find_classes(m);
    heed_status status = begin_states(m);
    if (status != HEED_OK) hd_matcher_close(m, context);
    return status;
}

void hd_matcher_close(hd_matcher *m, heed_context *context) {
    void *arrays[] = {m->stacks,
                      m->readings,
                      m->states,
                      m->successors,
                      m->visits,
                      m->next,
                      m->stack_table.slots,
                      m->state_table.slots,
                      m->visit_table.slots};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(context, arrays[i]);
    *m = (hd_matcher){0};
}

bool hd_matcher_shrink(hd_matcher *m) {
    if (m->state_count < HD_STATE_MOST_STATES / 2 && m->stack_count < HD_STATE_MOST_STACKS / 2) return false;
    begin_states(m); /* the memory for its two states exists */
    return true;
}
