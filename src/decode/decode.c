#include "decode/decode.h"

#include <math.h>
#include <string.h>

int64_t hd_decode_limit(const hd_decoder *decoder, const hd_generation *generation) {
    int64_t limit = generation->max_new_tokens;
    if (!limit) limit = generation->max_length ? generation->max_length - 1 : decoder->max_positions - 1;
    return hd_max(hd_min(limit, decoder->max_positions), 1);
}

static void penalize_repetition(float penalty, const int32_t *tokens, int64_t count, float *scores) {
    for (int64_t i = 0; i < count; i++) {
        bool seen = false; /* each token is penalised once */
        for (int64_t j = 0; j < i && !seen; j++) seen = tokens[j] == tokens[i];
        float *score = &scores[tokens[i]];
        if (!seen) *score = *score < 0 ? *score * penalty : *score / penalty;
    }
}

static void forbid_repeated_ngrams(int64_t n, const int32_t *tokens, int64_t count, float *scores) {
    const int32_t *tail = tokens + count - (n - 1);
    for (int64_t i = 0; i + n <= count; i++)
        if (memcmp(tokens + i, tail, (size_t)(n - 1) * sizeof *tokens) == 0) scores[tokens[i + n - 1]] = -INFINITY;
}

void hd_process_scores(const hd_decoder *decoder, const hd_generation *generation, const int32_t *tokens, int64_t count,
                       int64_t limit, float *scores) {
    if (generation->repetition_penalty != 1.0f)
        penalize_repetition(generation->repetition_penalty, tokens, count, scores);
    if (generation->no_repeat_ngram && count + 1 >= generation->no_repeat_ngram)
        forbid_repeated_ngrams(generation->no_repeat_ngram, tokens, count, scores);
    if (decoder->pad >= 0) scores[decoder->pad] = -INFINITY;
    if (generation->forced_eos >= 0 && count == limit)
        for (int64_t i = 0; i < decoder->vocabulary; i++) scores[i] = i == generation->forced_eos ? 0.0f : -INFINITY;
}

heed_status hd_keep_hypothesis(const hd_decoder *decoder, const int32_t *tokens, int64_t count, float score,
                               hd_arena *arena, hd_hypothesis *h) {
    if (count > 0 && tokens[count - 1] == decoder->eos) count--;
    int32_t *ids = hd_arena_alloc(arena, (size_t)count, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    if (count) memcpy(ids, tokens, (size_t)count * sizeof *ids);
    *h = (hd_hypothesis){ids, count, score};
    return HEED_OK;
}

heed_status hd_generate(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                        const hd_layout *sources, hd_arena *arena, hd_decoded *decoded) {
    if (sources->sequences == 0) return HEED_OK;
    return generation->beams > 1 ? hd_beam_search(decoder, generation, ids, sources, arena, decoded)
                                 : hd_greedy(decoder, generation, ids, sources, arena, decoded);
}
