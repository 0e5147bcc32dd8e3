#include "decode/decode.h"

#include <string.h>

int64_t hd_decode_limit(const hd_decoder *decoder, const hd_generation *generation) {
    int64_t limit = generation->max_new_tokens;
    if (!limit) limit = generation->max_length ? generation->max_length - 1 : decoder->max_positions - 1;
    return hd_max(hd_min(limit, decoder->max_positions), 1);
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

heed_status hd_generate(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                        const hd_layout *sources, hd_arena *scratch, hd_arena *kept, hd_decoded *decoded) {
    if (sources->sequences == 0) return HEED_OK;
    return generation->beams > 1 ? hd_beam_search(decoder, generation, ids, sources, scratch, kept, decoded)
                                 : hd_greedy(decoder, generation, ids, sources, scratch, kept, decoded);
}
