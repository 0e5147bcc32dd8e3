/* Greedy search: the likeliest token, each time. Ties go to the lowest id. */
#include "base/parallel.h"
#include "decode/decode.h"

#include <math.h>

typedef struct greedy {
    hd_decoder *decoder;
    const hd_generation *generation;
    int64_t limit;    /* tokens of a target */
    int64_t slots;    /* sentences still running */
    int64_t length;   /* tokens that each of them has, with the start token */
    int32_t *tokens;  /* [slots, limit + 1] */
    int64_t *sources; /* [slots]: whose target it is */
    double *scores;   /* [slots]: log p so far */
    float *logits;    /* [slots, vocabulary] of this step */
    int32_t *next;    /* [slots] */
    float *gains;     /* [slots]: log p of next */
} greedy;

static void choose(void *argument, int64_t slot, int worker) {
    (void)worker;
    greedy *g = argument;
    const hd_decoder *decoder = g->decoder;
    float *row = g->logits + slot * decoder->vocabulary;
    hd_process_scores(decoder, g->generation, g->tokens + slot * (g->limit + 1), g->length, g->limit, row);
    int32_t best = 0;
    for (int32_t i = 1; i < decoder->vocabulary; i++)
        if (row[i] > row[best]) best = i;
    g->next[slot] = best;
    decoder->context->kernels->log_softmax(decoder->vocabulary, row, row);
    g->gains[slot] = row[best];
}

static heed_status finish(greedy *g, int64_t slot, hd_arena *arena, hd_decoded *decoded) {
    hd_decoded *d = &decoded[g->sources[slot]];
    d->best = hd_arena_alloc(arena, 1, sizeof *d->best);
    if (!d->best) return HEED_MEMORY;
    d->count = 1;
    double length = pow((double)(g->length - 1), (double)g->generation->length_penalty);
    return hd_keep_hypothesis(g->decoder, g->tokens + slot * (g->limit + 1) + 1, g->length - 1,
                              (float)(g->scores[slot] / length), arena, d->best);
}

/* Feeds the last tokens, adds the best next ones, and lets go of the sentences that are done. */
static heed_status step(greedy *g, int32_t *starts, int32_t *parents, hd_arena *arena, hd_decoded *decoded) {
    int64_t stride = g->limit + 1, kept = 0;
    for (int64_t s = 0; s < g->slots; s++) {
        g->next[s] = g->tokens[s * stride + g->length - 1];
        starts[s] = (int32_t)s;
    }
    starts[g->slots] = (int32_t)g->slots;
    hd_layout layout = {.sequences = g->slots, .starts = starts};
    HD_TRY(g->decoder->class->step(g->decoder, g->next, &layout, &g->logits));
    hd_parallel_for(g->decoder->context, g->slots, 16 * g->slots * g->decoder->vocabulary, choose, g);
    g->length++;
    for (int64_t s = 0; s < g->slots; s++) {
        g->tokens[s * stride + g->length - 1] = g->next[s];
        g->scores[s] += (double)g->gains[s];
        if (g->next[s] == g->decoder->eos || g->length > g->limit) {
            HD_TRY(finish(g, s, arena, decoded));
            continue;
        }
        for (int64_t i = 0; i < g->length; i++) g->tokens[kept * stride + i] = g->tokens[s * stride + i];
        g->scores[kept] = g->scores[s];
        g->sources[kept] = g->sources[s];
        parents[kept++] = (int32_t)s;
    }
    bool leaving = kept < g->slots;
    g->slots = kept;
    return leaving && kept ? g->decoder->class->reorder(g->decoder, parents, kept) : HEED_OK;
}

heed_status hd_greedy(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                      const hd_layout *sources, hd_arena *arena, hd_decoded *decoded) {
    size_t n = (size_t)sources->sequences;
    greedy g = {.decoder = decoder,
                .generation = generation,
                .limit = hd_decode_limit(decoder, generation),
                .slots = sources->sequences,
                .length = 1};
    g.tokens = hd_arena_alloc(arena, n * (size_t)(g.limit + 1), sizeof *g.tokens);
    g.sources = hd_arena_alloc(arena, n, sizeof *g.sources);
    g.scores = hd_arena_alloc(arena, n, sizeof *g.scores);
    g.next = hd_arena_alloc(arena, n, sizeof *g.next);
    g.gains = hd_arena_alloc(arena, n, sizeof *g.gains);
    int32_t *starts = hd_arena_alloc(arena, n + 1, sizeof *starts),
            *parents = hd_arena_alloc(arena, n, sizeof *parents);
    if (!g.tokens || !g.sources || !g.scores || !g.next || !g.gains || !starts || !parents) return HEED_MEMORY;
    for (int64_t s = 0; s < g.slots; s++) {
        g.tokens[s * (g.limit + 1)] = decoder->start;
        g.sources[s] = s;
        g.scores[s] = 0;
    }
    HD_TRY(decoder->class->start(decoder, ids, sources));
    while (g.slots) HD_TRY(step(&g, starts, parents, arena, decoded));
    return HEED_OK;
}
