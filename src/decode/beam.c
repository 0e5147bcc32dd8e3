/* Beam search with transformers' rules, many sentences at once.
 *
 * A sentence has up to B running hypotheses. A step scores every continuation by log p so far plus log p of the token, and
 * looks at the 2B best. Those that end (the end token, or the length limit) and are among the first B become finished,
 * scored log p / length^penalty; the B best of those that do not end run on. B finished ones are kept, the best. A
 * sentence is done when it has B finished and no running one can be expected to beat the worst of them
 * (hd_early_stopping), or when everything has reached the limit. Then it leaves the batch.
 *
 * Ties go to the earlier hypothesis, then to the larger logit, then to the lower id. */
#include "decode/decode.h"

#include <math.h>
#include <string.h>

typedef struct candidate {
    float score;  /* log p with the token */
    int32_t slot; /* the hypothesis it continues */
    int32_t token;
} candidate;

typedef struct finished {
    float score;
    int64_t count;
    int32_t *tokens; /* [limit], without those given */
} finished;

typedef struct sentence {
    int64_t source;
    int64_t first, running; /* its slots: first … first + running */
    finished *finished;     /* [beams], the best first */
    int64_t finished_count;
} sentence;

typedef struct search {
    const hd_decoding *decoding;
    const hd_generation *generation;
    int64_t beams, given, limit; /* limit: of the tokens made */
    int64_t length;              /* tokens of every running hypothesis, with those given */
    int64_t *lengths;            /* [slots]: the same, for each */
    int64_t stride;              /* given + limit */
    sentence *sentences;         /* [active] */
    int64_t active, slots;
    int32_t *tokens, *spare;        /* [slots, stride] */
    float *scores;                  /* [slots]: log p */
    hd_continuations continuations; /* 2 beams of each slot */
    candidate *merged;              /* [2 beams] of one sentence */
    int32_t *next, *parents;        /* [slots] */
    float *next_scores;             /* [slots] */
} search;

/* Puts c in its place among the best `most`, after its equals; returns how many there are now. */
static int64_t insert(candidate *best, int64_t count, int64_t most, candidate c) {
    int64_t place = count;
    if (count == most && !(c.score > best[most - 1].score)) return count;
    if (count == most) place = most - 1;
    while (place > 0 && c.score > best[place - 1].score) {
        best[place] = best[place - 1];
        place--;
    }
    best[place] = c;
    return count < most ? count + 1 : count;
}

/* The score of a hypothesis of `length` tokens, as float arithmetic in transformers gives it. */
static float normalize(const search *s, float score, int64_t length) {
    return score / (float)pow((double)length, (double)s->generation->length_penalty);
}

/* Tokens that a hypothesis has made with its next one. */
static int64_t made(const search *s) { return s->length - s->given + 1; }

static void finish(search *s, sentence *one, const candidate *c) {
    finished new = {.score = normalize(s, c->score, made(s)), .count = made(s)};
    int64_t place = one->finished_count;
    if (place == s->beams) {
        if (!(new.score > one->finished[place - 1].score)) return;
        place--;
    } else
        one->finished_count++;
    new.tokens = one->finished[place].tokens; /* the memory of the one that falls out */
    while (place > 0 && new.score > one->finished[place - 1].score) {
        one->finished[place] = one->finished[place - 1];
        place--;
    }
    memcpy(new.tokens, s->tokens + c->slot * s->stride + s->given, (size_t)(new.count - 1) * sizeof *new.tokens);
    new.tokens[new.count - 1] = c->token;
    one->finished[place] = new;
}

/* Is there no use in going on? `best` is log p of the best running hypothesis, with its next token. */
static bool is_done(const search *s, const sentence *one, int64_t running, float best) {
    if (running == 0) return true;
    if (one->finished_count < s->beams) return false;
    if (s->generation->early_stopping == HD_STOP_FULL) return true;
    bool at_limit = s->generation->early_stopping == HD_STOP_NEVER && s->generation->length_penalty > 0;
    float reachable = normalize(s, best, at_limit ? s->limit : made(s));
    return !(reachable > one->finished[s->beams - 1].score);
}

/* Merges a sentence's candidates and writes its next running hypotheses from slot `at` on; returns how many. */
static int64_t advance_sentence(search *s, sentence *one, int64_t at) {
    int64_t most = 2 * s->beams, count = 0, running = 0;
    int32_t eos = s->decoding->decoder->eos;
    for (int64_t slot = one->first; slot < one->first + one->running; slot++)
        for (int64_t i = 0; i < s->continuations.counts[slot]; i++) {
            const hd_continuation *c = &s->continuations.best[slot * most + i];
            count = insert(s->merged, count, most, (candidate){s->scores[slot] + c->gain, (int32_t)slot, c->token});
        }
    for (int64_t i = 0; i < count; i++) {
        const candidate *c = &s->merged[i];
        bool ends = c->token == eos || made(s) >= s->limit;
        if (ends && i < s->beams) finish(s, one, c);
        if (ends || running == s->beams) continue;
        s->parents[at + running] = c->slot;
        s->next[at + running] = c->token;
        s->next_scores[at + running] = c->score;
        running++;
    }
    return is_done(s, one, running, s->next_scores[at]) ? 0 : running;
}

static heed_status keep(search *s, const sentence *one) {
    hd_arena *kept = s->decoding->kept;
    hd_decoded *d = &s->decoding->decoded[one->source];
    d->count = hd_min(hd_max(s->generation->best, 1), one->finished_count);
    d->best = hd_arena_alloc(kept, (size_t)d->count, sizeof *d->best);
    if (!d->best) return HEED_MEMORY;
    for (int64_t i = 0; i < d->count; i++) {
        const finished *f = &one->finished[i];
        HD_TRY(hd_keep_hypothesis(s->decoding->decoder, f->tokens, f->count, f->score, kept, &d->best[i]));
    }
    return HEED_OK;
}

static heed_status step(search *s) {
    hd_decoder *decoder = s->decoding->decoder;
    int64_t stride = s->stride, active = 0, slots = 0;
    for (int64_t i = 0; i < s->slots; i++) s->lengths[i] = s->length;
    HD_TRY(hd_decode_step(s->decoding, s->slots, s->tokens, stride, s->lengths));
    HD_TRY(hd_continue(&s->continuations, s->slots, s->tokens, stride, s->lengths));
    for (int64_t i = 0; i < s->active; i++) {
        sentence *one = &s->sentences[i];
        int64_t running = advance_sentence(s, one, slots);
        if (running == 0) {
            HD_TRY(keep(s, one));
            continue;
        }
        one->first = slots, one->running = running;
        s->sentences[active++] = *one;
        slots += running;
    }
    for (int64_t i = 0; i < slots; i++) {
        memcpy(s->spare + i * stride, s->tokens + s->parents[i] * stride, (size_t)s->length * sizeof *s->tokens);
        s->spare[i * stride + s->length] = s->next[i];
        s->scores[i] = s->next_scores[i];
    }
    int32_t *tokens = s->tokens;
    s->tokens = s->spare, s->spare = tokens;
    s->length++;
    s->active = active, s->slots = slots;
    return decoder->class->reorder(decoder, s->parents, slots);
}

/* One slot a sentence at first: the beams open at the first step. */
static heed_status prepare(search *s, int64_t first, int64_t sources) {
    const hd_decoding *d = s->decoding;
    hd_arena *scratch = d->scratch;
    size_t n = (size_t)sources, beams = (size_t)s->beams, slots = n * beams, stride = (size_t)s->stride;
    s->sentences = hd_arena_alloc(scratch, n, sizeof *s->sentences);
    finished *lists = hd_arena_alloc(scratch, slots, sizeof *lists);
    int32_t *finished_tokens = hd_arena_alloc(scratch, slots, (size_t)s->limit * sizeof *finished_tokens);
    s->tokens = hd_arena_alloc(scratch, slots, stride * sizeof *s->tokens);
    s->spare = hd_arena_alloc(scratch, slots, stride * sizeof *s->spare);
    s->lengths = hd_arena_alloc(scratch, slots, sizeof *s->lengths);
    s->scores = hd_arena_alloc(scratch, slots, sizeof *s->scores);
    s->next_scores = hd_arena_alloc(scratch, slots, sizeof *s->next_scores);
    s->merged = hd_arena_alloc(scratch, 2 * beams, sizeof *s->merged);
    s->next = hd_arena_alloc(scratch, slots, sizeof *s->next);
    s->parents = hd_arena_alloc(scratch, slots, sizeof *s->parents);
    if (!s->sentences || !lists || !finished_tokens || !s->tokens || !s->spare || !s->lengths || !s->scores ||
        !s->next_scores || !s->merged || !s->next || !s->parents)
        return HEED_MEMORY;
    HD_TRY(hd_continuations_open(&s->continuations, d->decoder, d->generation, sources * s->beams, 2 * s->beams,
                                 s->stride, scratch));
    for (size_t i = 0; i < slots; i++) lists[i].tokens = finished_tokens + i * (size_t)s->limit;
    for (int64_t i = 0; i < sources; i++) {
        s->sentences[i] =
            (sentence){.source = first + i, .first = i, .running = 1, .finished = lists + (size_t)i * beams};
        memcpy(s->tokens + i * s->stride, hd_decode_beginning(d, first + i), (size_t)s->given * sizeof *s->tokens);
        s->scores[i] = 0;
    }
    s->active = s->slots = sources;
    s->length = s->given;
    return HEED_OK;
}

heed_status hd_beam_search(const hd_decoding *d) {
    search s = {.decoding = d,
                .generation = d->generation,
                .beams = d->generation->beams,
                .given = hd_decode_given(d),
                .limit = hd_decode_limit(d)};
    s.stride = s.given + s.limit;
    hd_arena_mark mark = hd_arena_here(d->scratch);
    for (int64_t first, count;;) { /* a batch of the supply after the other */
        HD_TRY(hd_decode_take(d, 0, &first, &count));
        if (!count) return HEED_OK;
        HD_TRY(prepare(&s, first, count));
        while (s.slots) HD_TRY(step(&s));
        hd_arena_rewind(d->scratch, mark);
        if (!d->supply) return HEED_OK;
    }
}
