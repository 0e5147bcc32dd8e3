/* The tokens that may come next are found by walking through the vocabulary in the order of the texts, which is a walk through
 * their prefix tree: a text whose beginning is dead is skipped with all that begin alike. The result is kept per state. */
#include "decode/constraint.h"

#include "decode/grammar_state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    MOST_SPAN = 16,        /* bytes of the tokens that hd_grammar_costs considers */
    KEPT_BYTES = 32 << 20, /* of the sets of allowed tokens that are kept */
    ANY_COST = HD_GRAMMAR_ENDLESS
};

/* The tokens that may come in a state. */
typedef struct allowed_set {
    int32_t most;   /* the largest cost of a state that one of them leads to */
    uint64_t *bits; /* [words] */
} allowed_set;

struct hd_constraint {
    _Atomic int owners;
    heed_context *context; /* of the call that opens it, and only then */
    hd_constraint_target target;
    int32_t *ends; /* those of `target` */
    const hd_token_texts *texts;
    hd_grammar grammar;
    int32_t *costs;       /* [nodes] */
    pthread_mutex_t lock; /* of what follows */
    hd_matcher matcher;
    int32_t *path;                /* [longest text + 1]: states after each byte */
    allowed_set *sets;            /* [set_count] */
    int32_t set_count, set_limit; /* sets: their bits are allocated once */
    size_t set_capacity;
    int32_t *set_of[HD_TOKEN_PLACES]; /* [states]: the state's set; −1: none */
    size_t set_of_capacity[HD_TOKEN_PLACES], set_of_count[HD_TOKEN_PLACES];
};

/* The state of a text, and where its next token stands. */
typedef struct text_state {
    int32_t state;
    hd_token_place place;
    bool spaced; /* a space comes before the next visible token */
    size_t left; /* bytes to read, at most */
} text_state;

size_t hd_constraint_words(const hd_constraint *c) { return (size_t)((c->target.vocabulary + 63) / 64); }

/* ---- the cost of what is left ---- */

/* The tokens [*first, *last) of `texts` whose texts continue a common beginning of `depth` bytes with `byte`. */
static void narrow(const hd_placed_texts *texts, size_t depth, uint8_t byte, int64_t *first, int64_t *last) {
    int64_t bounds[2];
    for (int side = 0; side < 2; side++) {
        int64_t low = *first, high = *last;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            size_t size;
            const char *text = hd_token_text(texts, texts->sorted[middle], &size);
            int order = size <= depth ? -1 : (int)(uint8_t)text[depth] - (int)byte;
            if (order < side) /* before the byte, or not after it */
                low = middle + 1;
            else
                high = middle;
        }
        bounds[side] = low;
    }
    *first = bounds[0], *last = bounds[1];
}

static bool has_text_of(const hd_token_texts *t, const hd_placed_texts *texts, int64_t first, int64_t last,
                        size_t size) {
    for (; first < last; first++) {
        size_t found;
        hd_token_text(texts, texts->sorted[first], &found);
        if (found != size) return false;
        if (!t->spaced[texts->sorted[first]]) return true;
    }
    return false;
}

/* The lengths of the tokens that spell the bytes from a node on (hd_grammar_costs). */
static uint16_t find_spans(const hd_constraint *c, int32_t node) {
    const hd_placed_texts *texts = &c->texts->place[HD_TOKEN_LATER];
    const hd_grammar_node *nodes = c->grammar.nodes;
    int64_t first = 0, last = texts->count;
    uint16_t spans = 0;
    for (size_t depth = 0; depth < MOST_SPAN && first < last; depth++, node = nodes[node].next) {
        if (nodes[node].kind != HD_GRAMMAR_BYTES || nodes[node].low != nodes[node].high) break;
        narrow(texts, depth, nodes[node].low, &first, &last);
        if (has_text_of(c->texts, texts, first, last, depth + 1)) spans |= (uint16_t)(1u << depth);
    }
    return spans;
}

static heed_status find_costs(hd_constraint *c) {
    const hd_placed_texts *texts = &c->texts->place[HD_TOKEN_LATER];
    bool single[256] = {false};
    uint16_t *spans = hd_alloc_zeroed(c->context, (size_t)c->grammar.node_count, sizeof *spans);
    c->costs = hd_alloc(c->context, (size_t)c->grammar.node_count, sizeof *c->costs);
    heed_status status = spans && c->costs ? HEED_OK : HEED_MEMORY;
    for (int64_t i = 0; i < texts->count; i++) {
        size_t size;
        const char *text = hd_token_text(texts, texts->sorted[i], &size);
        if (size == 1 && !c->texts->spaced[texts->sorted[i]]) single[(uint8_t)text[0]] = true;
    }
    for (int32_t i = 0; i < c->grammar.node_count && status == HEED_OK; i++) {
        const hd_grammar_node *n = &c->grammar.nodes[i];
        if (n->kind != HD_GRAMMAR_BYTES) continue;
        for (int byte = n->low; byte <= n->high; byte++) spans[i] |= single[byte];
        if (n->low == n->high) spans[i] = find_spans(c, i);
    }
    if (status == HEED_OK) status = hd_grammar_costs(&c->grammar, spans, c->costs);
    hd_free(c->context, spans);
    return status;
}

/* ---- states of texts ---- */

/* The bytes that a token adds, and what it leaves to the next one. NULL: it has none, and leaves all as it is. */
static const char *text_of(const hd_constraint *c, text_state *s, int32_t token, size_t *size) {
    if (token < 0 || token >= c->texts->ids || !c->texts->visible[token]) return NULL;
    const char *text = hd_token_text(&c->texts->place[s->place], token, size);
    s->place = HD_TOKEN_LATER;
    s->spaced = c->texts->spaced[token];
    return text;
}

static void step_bytes(hd_matcher *m, text_state *s, const char *bytes, size_t size) {
    for (size_t i = 0; i < size && s->left && s->state > HD_STATE_DEAD; i++, s->left--)
        s->state = hd_matcher_step(m, s->state, (uint8_t)bytes[i]);
}

/* The space that the last token left to the next one. */
static void step_space(hd_constraint *c, text_state *s) {
    if (s->spaced) step_bytes(&c->matcher, s, " ", 1);
    s->spaced = false;
}

static void step_token(hd_constraint *c, text_state *s, int32_t token) {
    size_t size;
    text_state before = *s;
    const char *text = text_of(c, s, token, &size);
    if (!text) return;
    step_space(c, &before);
    step_bytes(&c->matcher, &before, text, size);
    s->state = before.state, s->left = before.left;
}

/* The bytes that the tokens of a text add after its beginning. */
static size_t count_bytes(const hd_constraint *c, const hd_constrained_text *text, text_state s) {
    size_t bytes = 0, size;
    for (int64_t i = text->given; i < text->length; i++) {
        bool spaced = s.spaced;
        if (text_of(c, &s, text->tokens[i], &size)) bytes += size + spaced;
    }
    return bytes;
}

/* The state after a text's tokens; of the given ones only the place counts. HEED_MEMORY alone. */
static heed_status find_state(hd_constraint *c, const hd_constrained_text *text, text_state *s) {
    size_t size;
    *s = (text_state){.state = HD_STATE_START, .left = SIZE_MAX};
    for (int64_t i = 0; i < text->given && c->target.continues; i++) text_of(c, s, text->tokens[i], &size);
    if (text->cut) {
        size_t bytes = count_bytes(c, text, *s);
        s->left = bytes - (text->cut < bytes ? text->cut : bytes);
    }
    for (int64_t i = text->given; i < text->length; i++) step_token(c, s, text->tokens[i]);
    return s->state == HD_STATE_FAILED ? HEED_MEMORY : HEED_OK;
}

static bool is_complete(const hd_constraint *c, int32_t state) {
    return state > HD_STATE_DEAD && c->matcher.states[state].complete;
}

/* ---- allowed tokens ---- */

static void set_bit(uint64_t *bits, int64_t i, bool value) {
    uint64_t bit = (uint64_t)1 << i % 64;
    bits[i / 64] = value ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

/* Sets the bits of the tokens whose texts lead from a state to one of a cost below `limit`. Returns their number, or −1. */
static int64_t walk(hd_constraint *c, const text_state *from, int32_t limit, uint64_t *bits, int32_t *most) {
    const hd_placed_texts *texts = &c->texts->place[from->place];
    int64_t found = 0;
    size_t alive = 0; /* bytes of the last text that was not skipped whose states are in `path` */
    c->path[0] = from->state;
    for (int64_t i = 0; i < texts->count; i++) {
        if (texts->shared[i] > alive) continue;
        size_t size;
        int32_t token = texts->sorted[i], state = HD_STATE_START;
        const char *text = hd_token_text(texts, token, &size);
        for (alive = texts->shared[i]; alive < size; alive++) {
            state = hd_matcher_step(&c->matcher, c->path[alive], (uint8_t)text[alive]);
            if (state <= HD_STATE_DEAD) break;
            c->path[alive + 1] = state;
        }
        if (state == HD_STATE_FAILED) return -1;
        if (alive < size || token >= c->target.vocabulary) continue;
        int32_t cost = c->matcher.states[c->path[size]].cost;
        if (cost >= limit) continue;
        set_bit(bits, token, true);
        *most = (int32_t)hd_max(*most, cost);
        found++;
    }
    return found;
}

/* Allows the end tokens where the text is complete, with the text of the end token if it has one. Returns how many are. */
static int64_t allow_ends(hd_constraint *c, const text_state *from, uint64_t *bits) {
    int64_t found = 0;
    for (int64_t i = 0; i < c->target.ends.count; i++) {
        int32_t end = c->target.ends.ids[i];
        if (end < 0 || end >= c->target.vocabulary) continue;
        text_state s = *from;
        step_token(c, &s, end);
        set_bit(bits, end, is_complete(c, s.state));
        found += is_complete(c, s.state);
    }
    return found;
}

/* The tokens that may come: those after which the text can be completed at a cost below `limit`. Returns their number, or
 * −1. */
static int64_t find_allowed(hd_constraint *c, const text_state *s, int32_t limit, uint64_t *bits, int32_t *most) {
    text_state after = *s;
    memset(bits, 0, hd_constraint_words(c) * sizeof *bits);
    *most = 0;
    step_space(c, &after);
    if (after.state == HD_STATE_FAILED) return -1;
    int64_t found = after.state > HD_STATE_DEAD ? walk(c, &after, limit, bits, most) : 0;
    return found < 0 ? -1 : found + allow_ends(c, s, bits);
}

/* Those after which tokens are known to complete the text; without such ones, all that the grammar allows. */
static heed_status fill_set(hd_constraint *c, const text_state *s, allowed_set *set) {
    int64_t found = find_allowed(c, s, ANY_COST, set->bits, &set->most);
    if (found == 0) found = find_allowed(c, s, ANY_COST + 1, set->bits, &set->most);
    return found < 0 ? HEED_MEMORY : HEED_OK;
}

static void forget_sets(hd_constraint *c) {
    c->set_count = 0;
    for (int place = 0; place < HD_TOKEN_PLACES; place++) c->set_of_count[place] = 0;
}

/* An unused set; all others are dropped if there are too many. */
static allowed_set *new_set(hd_constraint *c, heed_context *context) {
    if (c->set_count == c->set_limit) forget_sets(c);
    size_t capacity = c->set_capacity, needed = (size_t)c->set_count + 1;
    if (!hd_grow(context, &c->sets, &c->set_capacity, needed, sizeof *c->sets)) return NULL;
    if (c->set_capacity > capacity) memset(c->sets + capacity, 0, (c->set_capacity - capacity) * sizeof *c->sets);
    allowed_set *set = &c->sets[c->set_count];
    if (!set->bits) set->bits = hd_alloc(context, hd_constraint_words(c), sizeof *set->bits);
    return set->bits ? set : NULL;
}

/* The place of the number of a state's set. */
static int32_t *set_number(hd_constraint *c, heed_context *context, const text_state *s) {
    size_t *count = &c->set_of_count[s->place], needed = (size_t)s->state + 1;
    if (!hd_grow(context, &c->set_of[s->place], &c->set_of_capacity[s->place], needed, sizeof *c->set_of[s->place]))
        return NULL;
    for (; *count < needed; ++*count) c->set_of[s->place][*count] = -1;
    return &c->set_of[s->place][s->state];
}

/* The set of a state in which no space is left to the next token. */
static heed_status find_set(hd_constraint *c, heed_context *context, const text_state *s, const allowed_set **set) {
    int32_t *number = set_number(c, context, s);
    if (!number) return HEED_MEMORY;
    if (*number < 0) {
        allowed_set *new = new_set(c, context);
        if (new && c->set_count == 0) number = set_number(c, context, s); /* all were dropped */
        if (!new || !number) return HEED_MEMORY;
        HD_TRY(fill_set(c, s, new));
        *number = c->set_count++;
    }
    *set = &c->sets[*number];
    return HEED_OK;
}

/* After a token that leaves a space to the next one, sets are not kept: few vocabularies have such tokens. */
static heed_status allow(hd_constraint *c, heed_context *context, const text_state *s, int64_t left, uint64_t *bits) {
    size_t bytes = hd_constraint_words(c) * sizeof *bits;
    allowed_set own = {.bits = bits};
    const allowed_set *set = &own;
    int32_t most;
    memset(bits, 0, bytes);
    if (s->state <= HD_STATE_DEAD) return HEED_OK;
    HD_TRY(s->spaced ? fill_set(c, s, &own) : find_set(c, context, s, &set));
    if (set->most >= left && set->most < ANY_COST) {
        int64_t found = find_allowed(c, s, (int32_t)hd_max(left, 0), bits, &most);
        if (found < 0) return HEED_MEMORY;
        if (found > 0) return HEED_OK;
        if (s->spaced) return fill_set(c, s, &own);
    }
    if (!s->spaced) memcpy(bits, set->bits, bytes);
    return HEED_OK;
}

/* ---- calls ---- */

static void begin_call(hd_constraint *c, heed_context *context) {
    pthread_mutex_lock(&c->lock);
    c->matcher.context = context;
    if (hd_matcher_shrink(&c->matcher)) forget_sets(c);
}

heed_status hd_constraint_allow(hd_constraint *c, heed_context *context, const hd_constrained_text *text, int64_t left,
                                uint64_t *allowed) {
    text_state s;
    begin_call(c, context);
    heed_status status = find_state(c, text, &s);
    if (status == HEED_OK) status = allow(c, context, &s, left, allowed);
    pthread_mutex_unlock(&c->lock);
    return status;
}

heed_status hd_constraint_measure(hd_constraint *c, heed_context *context, const hd_constrained_text *text,
                                  hd_constraint_progress *progress) {
    text_state s;
    begin_call(c, context);
    heed_status status = find_state(c, text, &s);
    *progress = HD_CONSTRAINT_INCOMPLETE;
    if (status == HEED_OK && is_complete(c, s.state))
        *progress = c->matcher.states[s.state].count ? HD_CONSTRAINT_COMPLETE : HD_CONSTRAINT_CLOSED;
    pthread_mutex_unlock(&c->lock);
    return status;
}

/* ---- opening ---- */

/* HEED_ARGUMENT if no token may be the first one. */
static heed_status check_start(hd_constraint *c, const char *name) {
    for (int place = 0; place < HD_TOKEN_PLACES; place++) {
        text_state s = {.state = HD_STATE_START, .place = (hd_token_place)place, .left = SIZE_MAX};
        const allowed_set *set;
        HD_TRY(find_set(c, c->context, &s, &set));
        for (size_t i = 0; i < hd_constraint_words(c); i++)
            if (set->bits[i]) return HEED_OK;
    }
    if (c->target.ends.count == 0 && is_complete(c, HD_STATE_START)) return HEED_OK;
    return hd_fail(c->context, HEED_ARGUMENT, "%s: no token of the vocabulary begins a text of the grammar", name);
}

static heed_status open_parts(hd_constraint *c, const char *name, const char *grammar, size_t size) {
    int64_t longest = 0;
    HD_TRY(hd_tokenizer_texts(c->target.tokenizer, c->context, &c->texts));
    HD_TRY(hd_grammar_parse(c->context, name, grammar, size, &c->grammar));
    HD_TRY(find_costs(c));
    heed_status status = hd_matcher_open(c->context, &c->grammar, c->costs, &c->matcher);
    if (status == HEED_ARGUMENT) hd_fail_in(c->context, name);
    HD_TRY(status);
    for (int place = 0; place < HD_TOKEN_PLACES; place++) longest = hd_max(longest, c->texts->place[place].longest);
    c->path = hd_alloc(c->context, (size_t)longest + 1, sizeof *c->path);
    if (!c->path) return HEED_MEMORY;
    size_t bytes = hd_constraint_words(c) * sizeof(uint64_t);
    c->set_limit = (int32_t)hd_max(KEPT_BYTES / (int64_t)hd_max((int64_t)bytes, 1), 16);
    return check_start(c, name);
}

static heed_status copy_ends(hd_constraint *c, const hd_ids *ends) {
    c->ends = hd_alloc(c->context, (size_t)ends->count, sizeof *c->ends);
    if (!c->ends) return HEED_MEMORY;
    if (ends->count) memcpy(c->ends, ends->ids, (size_t)ends->count * sizeof *c->ends);
    c->target.ends.ids = c->ends;
    return HEED_OK;
}

heed_status hd_constraint_open(heed_context *context, const hd_constraint_target *target, const char *name,
                               const char *grammar, size_t size, hd_constraint **constraint) {
    hd_constraint *c = hd_alloc_zeroed(context, 1, sizeof *c);
    *constraint = NULL;
    if (!c) return HEED_MEMORY;
    c->owners = 1;
    c->context = context;
    c->target = *target;
    pthread_mutex_init(&c->lock, NULL);
    heed_status status = copy_ends(c, &target->ends);
    if (status == HEED_OK) status = open_parts(c, name, grammar, size);
    if (status == HEED_OK)
        *constraint = c;
    else
        hd_constraint_close(context, c);
    return status;
}

hd_constraint *hd_constraint_share(hd_constraint *c) {
    c->owners++;
    return c;
}

void hd_constraint_close(heed_context *context, hd_constraint *c) {
    if (!c || --c->owners) return;
    for (size_t i = 0; i < c->set_capacity; i++) hd_free(context, c->sets[i].bits);
    for (int place = 0; place < HD_TOKEN_PLACES; place++) hd_free(context, c->set_of[place]);
    hd_free(context, c->sets);
    hd_free(context, c->path);
    hd_free(context, c->costs);
    hd_free(context, c->ends);
    hd_matcher_close(&c->matcher, context);
    if (c->grammar.context) c->grammar.context = context;
    hd_grammar_close(&c->grammar);
    pthread_mutex_destroy(&c->lock);
    hd_free(context, c);
}
