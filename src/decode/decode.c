#include "decode/decode.h"

#include <string.h>

/* Which token is the first that is still seen when there are `length`: past the window, half of it is let go at a time. */
static int64_t first_seen(const hd_decoder *decoder, int64_t length) {
    int64_t half = hd_max(decoder->window / 2, 1), over = length - decoder->window;
    return over > 0 ? (over + half - 1) / half * half : 0;
}

int64_t hd_decode_seen(const hd_decoder *decoder, int64_t length) { return length - first_seen(decoder, length); }

int64_t hd_decode_limit(const hd_decoding *d) {
    const hd_generation *generation = d->generation;
    const hd_decoder *decoder = d->decoder;
    int64_t given = hd_decode_given(d), limit = generation->max_new_tokens;
    if (!limit)
        limit =
            (generation->max_length ? generation->max_length : decoder->max_positions) - hd_decode_seen(decoder, given);
    /* a translation has no window that could slide; the last token made is not fed */
    if (!decoder->continues) limit = hd_min(limit, decoder->max_positions + 1 - given);
    return hd_max(limit, 1);
}

heed_status hd_decode_take(const hd_decoding *d, int64_t running, int64_t *first, int64_t *count) {
    *first = 0;
    *count = d->sources->sequences;
    if (d->supply) *count = d->supply->take(d->supply->user, d->supply->tokens - running, running == 0, first);
    if (!*count) return HEED_OK;
    hd_arena_mark mark = hd_arena_here(d->scratch);
    const int32_t *starts = d->sources->starts + *first;
    int32_t *own = hd_arena_alloc(d->scratch, (size_t)*count + 1, sizeof *own);
    if (!own) return HEED_MEMORY;
    for (int64_t i = 0; i <= *count; i++) own[i] = starts[i] - starts[0];
    hd_layout sources = {.sequences = *count, .starts = own};
    heed_status status = d->decoder->class->add(d->decoder, d->ids + starts[0], &sources);
    hd_arena_rewind(d->scratch, mark);
    return status;
}

/* How many of a slot's tokens are to be fed: those given, then the last, and all that are seen when the window slides: they
 * get other positions, for which the slot forgets what it knew. */
static int64_t count_fresh(const hd_decoding *d, int64_t slot, int64_t length) {
    hd_decoder *decoder = d->decoder;
    int64_t first = first_seen(decoder, length);
    if (length == hd_decode_given(d)) return length - first;
    if (first == first_seen(decoder, length - 1)) return 1;
    decoder->class->rewind(decoder, slot, 0);
    return length - first;
}

heed_status hd_decode_step(const hd_decoding *d, int64_t slots, const int32_t *tokens, int64_t stride,
                           const int64_t *lengths) {
    hd_arena_mark mark = hd_arena_here(d->scratch);
    int32_t *starts = hd_arena_alloc(d->scratch, (size_t)slots + 1, sizeof *starts);
    if (!starts) return HEED_MEMORY;
    starts[0] = 0;
    for (int64_t i = 0; i < slots; i++) starts[i + 1] = starts[i] + (int32_t)count_fresh(d, i, lengths[i]);
    int32_t *ids = hd_arena_alloc(d->scratch, (size_t)starts[slots], sizeof *ids);
    int32_t *scored = hd_arena_alloc(d->scratch, (size_t)slots, sizeof *scored);
    if (!ids || !scored) return HEED_MEMORY;
    for (int64_t i = 0; i < slots; i++) {
        int64_t fresh = starts[i + 1] - starts[i];
        scored[i] = (int32_t)i;
        memcpy(ids + starts[i], tokens + i * stride + lengths[i] - fresh, (size_t)fresh * sizeof *ids);
    }
    hd_layout layout = {.sequences = slots, .starts = starts};
    heed_status status = d->decoder->class->step(d->decoder, ids, &layout, scored, slots);
    hd_arena_rewind(d->scratch, mark);
    return status;
}

heed_status hd_keep_hypothesis(const hd_decoder *decoder, const int32_t *tokens, int64_t count, float score,
                               hd_arena *kept, hd_hypothesis *h) {
    if (count > 0 && tokens[count - 1] == decoder->eos) count--;
    int32_t *ids = hd_arena_alloc(kept, (size_t)count, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    if (count) memcpy(ids, tokens, (size_t)count * sizeof *ids);
    *h = (hd_hypothesis){ids, count, score};
    return HEED_OK;
}

heed_status hd_generate(const hd_decoding *decoding) {
    if (decoding->sources->sequences == 0) return HEED_OK;
    HD_TRY(decoding->decoder->class->reorder(decoding->decoder, NULL, 0)); /* whatever it did before */
    return decoding->generation->beams > 1 ? hd_beam_search(decoding) : hd_greedy(decoding);
}
