#include "decode/decode.h"

#include <string.h>

int64_t hd_decode_limit(const hd_decoding *d) {
    const hd_generation *generation = d->generation;
    int64_t given = hd_decode_given(d), limit = generation->max_new_tokens;
    if (!limit) limit = (generation->max_length ? generation->max_length : d->decoder->max_positions) - given;
    /* the last token made is not fed */
    return hd_max(hd_min(limit, d->decoder->max_positions + 1 - given), 1);
}

heed_status hd_decode_step(hd_decoder *decoder, int64_t slots, const int32_t *tokens, int64_t stride, int64_t length,
                           int64_t fresh, hd_arena *scratch) {
    hd_arena_mark mark = hd_arena_here(scratch);
    int32_t *ids = hd_arena_alloc(scratch, (size_t)(slots * fresh), sizeof *ids);
    int32_t *starts = hd_arena_alloc(scratch, (size_t)slots + 1, sizeof *starts);
    if (!ids || !starts) return HEED_MEMORY;
    for (int64_t i = 0; i < slots; i++) {
        starts[i] = (int32_t)(i * fresh);
        memcpy(ids + i * fresh, tokens + i * stride + length - fresh, (size_t)fresh * sizeof *ids);
    }
    starts[slots] = (int32_t)(slots * fresh);
    heed_status status = decoder->class->step(decoder, ids, &(hd_layout){.sequences = slots, .starts = starts});
    hd_arena_rewind(scratch, mark);
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
    return decoding->generation->beams > 1 ? hd_beam_search(decoding) : hd_greedy(decoding);
}
