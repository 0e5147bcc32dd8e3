/* Greedy search: the likeliest token, each time, ties going to the lowest id. And sampling, which draws it. */
#include "decode/decode.h"

#include <math.h>
#include <string.h>

typedef struct greedy {
    const hd_decoding *decoding;
    int64_t given, limit; /* tokens that a text begins with; that may be made */
    int64_t slots;        /* texts still running */
    int64_t running;      /* tokens of their sources */
    int64_t stride;       /* given + limit */
    int32_t *tokens;      /* [slots, stride] */
    int64_t *lengths;     /* [slots]: tokens so far, with those given */
    int64_t *sources;     /* [slots]: whose target it is */
    double *scores;       /* [slots]: log p so far */
    int32_t *parents;     /* [slots]: which slot it was before */
    hd_continuations choices;
    hd_sample_choice *order; /* [vocabulary], for sampling */
} greedy;

static heed_status finish(greedy *g, int64_t slot) {
    const hd_decoding *d = g->decoding;
    hd_decoded *decoded = &d->decoded[g->sources[slot]];
    decoded->best = hd_arena_alloc(d->kept, 1, sizeof *decoded->best);
    if (!decoded->best) return HEED_MEMORY;
    decoded->count = 1;
    int64_t made = g->lengths[slot] - g->given;
    double length = pow((double)made, (double)d->generation->length_penalty);
    return hd_keep_hypothesis(d->decoder, g->tokens + slot * g->stride + g->given, made,
                              (float)(g->scores[slot] / length), d->kept, decoded->best);
}

/* What comes next in a slot. Where nothing may be made, the first token is, at no chance. */
static hd_continuation choose(greedy *g, int64_t slot) {
    const hd_decoding *d = g->decoding;
    int64_t vocabulary = d->decoder->vocabulary;
    bool forced = d->generation->forced_eos >= 0 && g->lengths[slot] + 1 == g->stride;
    if (d->generation->sample && !forced)
        return hd_sample(d->generation, g->choices.rows + slot * vocabulary, vocabulary, g->lengths[slot] - g->given,
                         hd_layout_example(d->sources, g->sources[slot]), g->order);
    return g->choices.counts[slot] ? g->choices.best[slot] : (hd_continuation){0, -INFINITY};
}

/* Tokens of a source; an empty one counts as one, so that there are never more slots than tokens. */
static int64_t source_tokens(const greedy *g, int64_t source) {
    const int32_t *starts = g->decoding->sources->starts;
    return hd_max(starts[source + 1] - starts[source], 1);
}

/* Lets new texts in where others have left, some at a time: their sources are encoded together. */
static heed_status refill(greedy *g) {
    const hd_decoding *d = g->decoding;
    int64_t first, count;
    if (g->slots && 4 * g->running > 3 * d->supply->tokens) return HEED_OK;
    HD_TRY(hd_decode_take(d, g->running, &first, &count));
    for (int64_t source = first; source < first + count; source++, g->slots++) {
        memcpy(g->tokens + g->slots * g->stride, hd_decode_beginning(d, source), (size_t)g->given * sizeof *g->tokens);
        g->lengths[g->slots] = g->given;
        g->sources[g->slots] = source;
        g->scores[g->slots] = 0;
        g->running += source_tokens(g, source);
    }
    return HEED_OK;
}

/* Feeds the last tokens, adds the next ones, and lets go of the texts that are done. */
static heed_status step(greedy *g) {
    const hd_decoding *d = g->decoding;
    hd_decoder *decoder = d->decoder;
    int64_t staying = 0, stride = g->stride;
    HD_TRY(hd_decode_step(d, g->slots, g->tokens, stride, g->lengths));
    HD_TRY(hd_continue(&g->choices, g->slots, g->tokens, stride, g->lengths));
    for (int64_t s = 0; s < g->slots; s++) {
        hd_continuation next = choose(g, s);
        g->tokens[s * stride + g->lengths[s]++] = next.token;
        g->scores[s] += (double)next.gain;
        bool heard = !d->listener || next.token == decoder->eos ||
                     d->listener->token(d->listener->user, g->sources[s], next.token);
        if (next.token == decoder->eos || g->lengths[s] == stride || !heard) {
            HD_TRY(finish(g, s));
            g->running -= source_tokens(g, g->sources[s]);
            continue;
        }
        if (staying < s)
            memcpy(g->tokens + staying * stride, g->tokens + s * stride, (size_t)g->lengths[s] * sizeof *g->tokens);
        g->lengths[staying] = g->lengths[s];
        g->scores[staying] = g->scores[s];
        g->sources[staying] = g->sources[s];
        g->parents[staying++] = (int32_t)s;
    }
    bool leaving = staying < g->slots;
    g->slots = staying;
    return leaving ? decoder->class->reorder(decoder, g->parents, staying) : HEED_OK;
}

heed_status hd_greedy(const hd_decoding *d) {
    size_t n = (size_t)(d->supply ? hd_min(d->supply->tokens, d->sources->sequences) : d->sources->sequences);
    greedy g = {.decoding = d, .given = hd_decode_given(d), .limit = hd_decode_limit(d)};
    g.stride = g.given + g.limit;
    g.tokens = hd_arena_alloc(d->scratch, n * (size_t)g.stride, sizeof *g.tokens);
    g.lengths = hd_arena_alloc(d->scratch, n, sizeof *g.lengths);
    g.sources = hd_arena_alloc(d->scratch, n, sizeof *g.sources);
    g.scores = hd_arena_alloc(d->scratch, n, sizeof *g.scores);
    g.parents = hd_arena_alloc(d->scratch, n, sizeof *g.parents);
    size_t vocabulary = d->generation->sample ? (size_t)d->decoder->vocabulary : 1;
    g.order = hd_arena_alloc(d->scratch, vocabulary, sizeof *g.order);
    if (!g.tokens || !g.lengths || !g.sources || !g.scores || !g.order || !g.parents) return HEED_MEMORY;
    HD_TRY(hd_continuations_open(&g.choices, d->decoder, d->generation, (int64_t)n, 1, g.stride, d->scratch));
    HD_TRY(refill(&g));
    while (g.slots) {
        HD_TRY(step(&g));
        if (d->supply) HD_TRY(refill(&g));
    }
    return HEED_OK;
}
