/* The lengths of the shortest texts of a grammar, and checks that follow from them. */
#include "decode/grammar.h"

#include <string.h>

static int32_t sum(int64_t a, int64_t b) { return (int32_t)hd_min(a + b, HD_GRAMMAR_ENDLESS); }

int32_t hd_grammar_cost_from(const hd_grammar *g, const int32_t *costs, int32_t node, int32_t count) {
    const hd_grammar_node *n = &g->nodes[node];
    if (n->kind != HD_GRAMMAR_REPEAT) return costs[node];
    int64_t left = hd_max(n->least - count, 0);
    return left ? sum(hd_min(left * costs[n->other], HD_GRAMMAR_ENDLESS), costs[n->next]) : costs[n->next];
}

/* The least cost over the tokens that begin at a BYTES node. */
static int32_t cost_of_bytes(const hd_grammar *g, const uint16_t *spans, const int32_t *costs, int32_t node) {
    int32_t least = HD_GRAMMAR_ENDLESS, next = g->nodes[node].next;
    for (unsigned span = spans ? spans[node] : 1; span; span >>= 1, next = g->nodes[next].next)
        if (span & 1) least = (int32_t)hd_min(least, sum(1, costs[next]));
    return least;
}

static int32_t cost_of(const hd_grammar *g, const uint16_t *spans, const int32_t *costs, int32_t node) {
    const hd_grammar_node *n = &g->nodes[node];
    switch (n->kind) {
        case HD_GRAMMAR_END:
            return 0;
        case HD_GRAMMAR_BYTES:
            return cost_of_bytes(g, spans, costs, node);
        case HD_GRAMMAR_SPLIT:
            return (int32_t)hd_min(costs[n->next], costs[n->other]);
        case HD_GRAMMAR_CALL:
            return g->rules[n->other].start < 0 ? HD_GRAMMAR_ENDLESS
                                                : sum(costs[g->rules[n->other].start], costs[n->next]);
        case HD_GRAMMAR_REPEAT:
            return hd_grammar_cost_from(g, costs, node, 0);
        case HD_GRAMMAR_JUMP:
            break;
    }
    return HD_GRAMMAR_ENDLESS;
}

/* Costs only fall from round to round; rounds alternate in direction, since rules may be defined in either order. */
heed_status hd_grammar_costs(const hd_grammar *g, const uint16_t *spans, int32_t *costs) {
    for (int32_t i = 0; i < g->node_count; i++) costs[i] = HD_GRAMMAR_ENDLESS;
    bool changed = true;
    for (int round = 0; changed; round++) {
        changed = false;
        if (hd_is_stopped(g->context)) return hd_check_stop(g->context);
        for (int32_t i = 0; i < g->node_count; i++) {
            int32_t node = round % 2 ? i : g->node_count - 1 - i, cost = cost_of(g, spans, costs, node);
            if (cost >= costs[node]) continue;
            costs[node] = cost;
            changed = true;
        }
    }
    return HEED_OK;
}

/* ---- checks ---- */

typedef struct checking {
    const hd_grammar *g;
    int32_t *costs;      /* [nodes]: in bytes */
    int32_t *stack;      /* [nodes] */
    int32_t *visited;    /* [nodes]: 1 + the last rule whose search visited it */
    int32_t (*edges)[2]; /* [edge_count]: a rule, and one that a text of it may begin with */
    size_t edge_count, edge_capacity;
    bool *safe; /* [rules]: does not begin with itself, nor with a rule that does */
} checking;

static int32_t push(checking *c, int32_t depth, int32_t node, int32_t mark) {
    if (c->visited[node] == mark) return depth;
    c->visited[node] = mark;
    c->stack[depth] = node;
    return depth + 1;
}

static bool add_edge(checking *c, int32_t from, int32_t to) {
    if (!hd_grow(c->g->context, &c->edges, &c->edge_capacity, c->edge_count + 1, sizeof *c->edges)) return false;
    c->edges[c->edge_count][0] = from;
    c->edges[c->edge_count++][1] = to;
    return true;
}

/* Finds the rules that a text of `rule` may begin with. */
static bool find_edges(checking *c, int32_t rule) {
    const hd_grammar *g = c->g;
    int32_t mark = rule + 1, depth = push(c, 0, g->rules[rule].start, mark);
    while (depth) {
        int32_t node = c->stack[--depth];
        const hd_grammar_node *n = &g->nodes[node];
        bool repeats = n->kind == HD_GRAMMAR_REPEAT, calls = n->kind == HD_GRAMMAR_CALL;
        if (calls && !add_edge(c, rule, n->other)) return false;
        int32_t body = calls ? g->rules[n->other].start : n->other;
        bool empty = repeats ? n->least == 0 || c->costs[body] == 0 : calls && c->costs[body] == 0;
        if (n->kind == HD_GRAMMAR_SPLIT || empty) depth = push(c, depth, n->next, mark);
        if (n->kind == HD_GRAMMAR_SPLIT || repeats) depth = push(c, depth, n->other, mark);
    }
    return true;
}

/* A rule that begins with itself; −1: none. */
static int32_t find_left_recursion(const checking *c) {
    const hd_grammar *g = c->g;
    bool changed = true;
    while (changed) {
        changed = false;
        for (int32_t i = 0; i < g->rule_count; i++) c->stack[i] = !c->safe[i];
        for (size_t i = 0; i < c->edge_count; i++)
            if (!c->safe[c->edges[i][1]]) c->stack[c->edges[i][0]] = 0;
        for (int32_t i = 0; i < g->rule_count; i++)
            if (c->stack[i]) c->safe[i] = changed = true;
    }
    int32_t rule = 0;
    while (rule < g->rule_count && c->safe[rule]) rule++;
    if (rule == g->rule_count) return -1;
    /* each rule that is left begins with such a rule: so many steps end in a cycle */
    for (int32_t i = 0; i < g->rule_count; i++)
        for (size_t j = 0; j < c->edge_count; j++)
            if (c->edges[j][0] == rule && !c->safe[c->edges[j][1]]) {
                rule = c->edges[j][1];
                break;
            }
    return rule;
}

/* A rule that root uses and that never ends; −1: none. */
static int32_t find_endless(checking *c) {
    const hd_grammar *g = c->g;
    int32_t mark = g->rule_count + 1, start = g->rules[g->root].start, depth = push(c, 0, start, mark);
    if (c->costs[start] == HD_GRAMMAR_ENDLESS) return g->root;
    while (depth) {
        const hd_grammar_node *n = &g->nodes[c->stack[--depth]];
        if (n->kind == HD_GRAMMAR_END) continue;
        depth = push(c, depth, n->next, mark);
        int32_t other = n->other;
        if (n->kind == HD_GRAMMAR_BYTES) continue;
        if (n->kind == HD_GRAMMAR_CALL) other = g->rules[n->other].start;
        if (n->kind == HD_GRAMMAR_CALL && c->costs[other] == HD_GRAMMAR_ENDLESS) return n->other;
        depth = push(c, depth, other, mark);
    }
    return -1;
}

static heed_status check(checking *c, hd_grammar_problem *problem) {
    const hd_grammar *g = c->g;
    for (int32_t i = 0; i < g->rule_count; i++)
        if (g->rules[i].start < 0) {
            *problem = (hd_grammar_problem){i, "is not defined"};
            return HEED_OK;
        }
    HD_TRY(hd_grammar_costs(g, NULL, c->costs));
    for (int32_t i = 0; i < g->rule_count; i++)
        if (!find_edges(c, i)) return HEED_MEMORY;
    int32_t rule = find_left_recursion(c);
    if (rule >= 0) {
        *problem = (hd_grammar_problem){rule, "begins with itself (left recursion)"};
        return HEED_OK;
    }
    rule = find_endless(c);
    if (rule >= 0) *problem = (hd_grammar_problem){rule, "accepts no text: it never ends"};
    return HEED_OK;
}

heed_status hd_grammar_check(const hd_grammar *g, hd_grammar_problem *problem) {
    heed_context *context = g->context;
    size_t nodes = (size_t)g->node_count, rules = (size_t)g->rule_count;
    checking c = {.g = g,
                  .costs = hd_alloc(context, nodes, sizeof *c.costs),
                  .stack = hd_alloc(context, (size_t)hd_max(g->node_count, g->rule_count), sizeof *c.stack),
                  .visited = hd_alloc_zeroed(context, nodes, sizeof *c.visited),
                  .safe = hd_alloc_zeroed(context, rules, sizeof *c.safe)};
    *problem = (hd_grammar_problem){-1, NULL};
    heed_status status = c.costs && c.stack && c.visited && c.safe ? check(&c, problem) : HEED_MEMORY;
    hd_free(context, c.costs);
    hd_free(context, c.stack);
    hd_free(context, c.visited);
    hd_free(context, c.safe);
    hd_free(context, c.edges);
    return status;
}
