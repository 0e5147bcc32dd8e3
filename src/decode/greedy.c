/* Greedy search: the likeliest token, each time. Ties go to the lowest id. */
#include "decode/decode.h"

#include <math.h>
#include <string.h>

typedef struct greedy {
    hd_decoder *decoder;
    const hd_generation *generation;
    int64_t limit;    /* tokens of a target */
    int64_t slots;    /* sentences still running */
    int64_t length;   /* tokens that each of them has, with the start token */
    int32_t *tokens;  /* [slots, limit + 1] */
    int64_t *sources; /* [slots]: whose target it is */
    double *scores;   /* [slots]: log p so far */
    int32_t *next;    /* [slots] */
    hd_continuations choices;
} greedy;

static heed_status finish(greedy *g, int64_t slot, hd_arena *kept, hd_decoded *decoded) {
    hd_decoded *d = &decoded[g->sources[slot]];
    d->best = hd_arena_alloc(kept, 1, sizeof *d->best);
    if (!d->best) return HEED_MEMORY;
    d->count = 1;
    double length = pow((double)(g->length - 1), (double)g->generation->length_penalty);
    return hd_keep_hypothesis(g->decoder, g->tokens + slot * (g->limit + 1) + 1, g->length - 1,
                              (float)(g->scores[slot] / length), kept, d->best);
}

/* Feeds the last tokens, adds the best next ones, and lets go of the sentences that are done. */
static heed_status step(greedy *g, int32_t *starts, int32_t *parents, hd_arena *kept, hd_decoded *decoded) {
    int64_t stride = g->limit + 1, running = 0;
    for (int64_t s = 0; s < g->slots; s++) {
        g->next[s] = g->tokens[s * stride + g->length - 1];
        starts[s] = (int32_t)s;
    }
    starts[g->slots] = (int32_t)g->slots;
    hd_layout layout = {.sequences = g->slots, .starts = starts};
    HD_TRY(g->decoder->class->step(g->decoder, g->next, &layout));
    HD_TRY(hd_continue(&g->choices, g->slots, g->tokens, stride, g->length));
    g->length++;
    for (int64_t s = 0; s < g->slots; s++) {
        /* where nothing may be made, the first token is, at no chance */
        hd_continuation next = g->choices.counts[s] ? g->choices.best[s] : (hd_continuation){0, -INFINITY};
        g->tokens[s * stride + g->length - 1] = next.token;
        g->scores[s] += (double)next.gain;
        if (next.token == g->decoder->eos || g->length > g->limit) {
            HD_TRY(finish(g, s, kept, decoded));
            continue;
        }
        if (running < s)
            memcpy(g->tokens + running * stride, g->tokens + s * stride, (size_t)g->length * sizeof *g->tokens);
        g->scores[running] = g->scores[s];
        g->sources[running] = g->sources[s];
        parents[running++] = (int32_t)s;
    }
    bool leaving = running < g->slots;
    g->slots = running;
    return leaving && running ? g->decoder->class->reorder(g->decoder, parents, running) : HEED_OK;
}

heed_status hd_greedy(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                      const hd_layout *sources, hd_arena *scratch, hd_arena *kept, hd_decoded *decoded) {
    size_t n = (size_t)sources->sequences;
    greedy g = {.decoder = decoder,
                .generation = generation,
                .limit = hd_decode_limit(decoder, generation),
                .slots = sources->sequences,
                .length = 1};
    g.tokens = hd_arena_alloc(scratch, n * (size_t)(g.limit + 1), sizeof *g.tokens);
    g.sources = hd_arena_alloc(scratch, n, sizeof *g.sources);
    g.scores = hd_arena_alloc(scratch, n, sizeof *g.scores);
    g.next = hd_arena_alloc(scratch, n, sizeof *g.next);
    int32_t *starts = hd_arena_alloc(scratch, n + 1, sizeof *starts),
            *parents = hd_arena_alloc(scratch, n, sizeof *parents);
    if (!g.tokens || !g.sources || !g.scores || !g.next || !starts || !parents) return HEED_MEMORY;
    HD_TRY(hd_continuations_open(&g.choices, decoder, generation, g.slots, 1, g.limit, scratch));
    for (int64_t s = 0; s < g.slots; s++) {
        g.tokens[s * (g.limit + 1)] = decoder->start;
        g.sources[s] = s;
        g.scores[s] = 0;
    }
    HD_TRY(decoder->class->start(decoder, ids, sources));
    while (g.slots) HD_TRY(step(&g, starts, parents, kept, decoded));
    return HEED_OK;
}
