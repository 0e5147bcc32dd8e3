/* Greedy search: the likeliest token, each time, ties going to the lowest id. And sampling, which draws it. */
#include "decode/decode.h"

#include <math.h>
#include <string.h>

typedef struct greedy {
    const hd_decoding *decoding;
    int64_t given, limit; /* tokens that a text begins with; that may be made */
    int64_t slots;        /* texts still running */
    int64_t length;       /* tokens that each of them has, with those given */
    int64_t stride;       /* given + limit */
    int32_t *tokens;      /* [slots, stride] */
    int64_t *sources;     /* [slots]: whose target it is */
    double *scores;       /* [slots]: log p so far */
    hd_continuations choices;
    hd_sample_choice *order; /* [vocabulary], for sampling */
} greedy;

static heed_status finish(greedy *g, int64_t slot) {
    const hd_decoding *d = g->decoding;
    hd_decoded *decoded = &d->decoded[g->sources[slot]];
    decoded->best = hd_arena_alloc(d->kept, 1, sizeof *decoded->best);
    if (!decoded->best) return HEED_MEMORY;
    decoded->count = 1;
    int64_t made = g->length - g->given;
    double length = pow((double)made, (double)d->generation->length_penalty);
    return hd_keep_hypothesis(d->decoder, g->tokens + slot * g->stride + g->given, made,
                              (float)(g->scores[slot] / length), d->kept, decoded->best);
}

/* What comes next in a slot. Where nothing may be made, the first token is, at no chance. */
static hd_continuation choose(greedy *g, int64_t slot) {
    const hd_decoding *d = g->decoding;
    int64_t vocabulary = d->decoder->vocabulary;
    bool forced = d->generation->forced_eos >= 0 && g->length + 1 == g->stride;
    if (d->generation->sample && !forced)
        return hd_sample(d->generation, g->choices.rows + slot * vocabulary, vocabulary, g->length - g->given,
                         hd_layout_example(d->sources, g->sources[slot]), g->order);
    return g->choices.counts[slot] ? g->choices.best[slot] : (hd_continuation){0, -INFINITY};
}

/* Feeds the last tokens, adds the next ones, and lets go of the texts that are done. */
static heed_status step(greedy *g, int32_t *parents) {
    const hd_decoding *d = g->decoding;
    hd_decoder *decoder = d->decoder;
    int64_t running = 0, stride = g->stride, fresh = g->length == g->given ? g->given : 1;
    HD_TRY(hd_decode_step(decoder, g->slots, g->tokens, stride, g->length, fresh, d->scratch));
    HD_TRY(hd_continue(&g->choices, g->slots, g->tokens, stride, g->length));
    for (int64_t s = 0; s < g->slots; s++) {
        hd_continuation next = choose(g, s);
        g->tokens[s * stride + g->length] = next.token;
        g->scores[s] += (double)next.gain;
    }
    g->length++;
    for (int64_t s = 0; s < g->slots; s++) {
        int32_t made = g->tokens[s * stride + g->length - 1];
        bool heard = !d->listener || made == decoder->eos || d->listener->token(d->listener->user, g->sources[s], made);
        if (made == decoder->eos || g->length == stride || !heard) {
            HD_TRY(finish(g, s));
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
    return leaving && running ? decoder->class->reorder(decoder, parents, running) : HEED_OK;
}

heed_status hd_greedy(const hd_decoding *d) {
    size_t n = (size_t)d->sources->sequences;
    greedy g = {.decoding = d, .given = hd_decode_given(d), .limit = hd_decode_limit(d)};
    g.slots = d->sources->sequences;
    g.length = g.given;
    g.stride = g.given + g.limit;
    g.tokens = hd_arena_alloc(d->scratch, n * (size_t)g.stride, sizeof *g.tokens);
    g.sources = hd_arena_alloc(d->scratch, n, sizeof *g.sources);
    g.scores = hd_arena_alloc(d->scratch, n, sizeof *g.scores);
    size_t vocabulary = d->generation->sample ? (size_t)d->decoder->vocabulary : 1;
    g.order = hd_arena_alloc(d->scratch, vocabulary, sizeof *g.order);
    int32_t *parents = hd_arena_alloc(d->scratch, n, sizeof *parents);
    if (!g.tokens || !g.sources || !g.scores || !g.order || !parents) return HEED_MEMORY;
    HD_TRY(hd_continuations_open(&g.choices, d->decoder, d->generation, g.slots, 1, g.stride, d->scratch));
    for (int64_t s = 0; s < g.slots; s++) {
        memcpy(g.tokens + s * g.stride, hd_decode_beginning(d, s), (size_t)g.given * sizeof *g.tokens);
        g.sources[s] = s;
        g.scores[s] = 0;
    }
    HD_TRY(d->decoder->class->start(d->decoder, d->ids, d->sources));
    while (g.slots) HD_TRY(step(&g, parents));
    return HEED_OK;
}
