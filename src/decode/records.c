#include "decode/records.h"

#include "base/best.h"

#include <math.h>
#include <string.h>

static void list_top(const float *raw, int64_t vocabulary, double log_sum, int64_t top, hd_continuation *best) {
    int64_t count = 0;
    for (int64_t i = 0; i < vocabulary; i++)
        if (raw[i] > -INFINITY) hd_keep_best(best, &count, top, sizeof *best, &(hd_continuation){raw[i], (int32_t)i});
    for (int64_t i = 0; i < count; i++) best[i].log_prob = (float)((double)best[i].log_prob - log_sum);
}

static heed_status open_record(hd_arena *arena, int64_t top, const hd_record *before, hd_record **record) {
    *record = hd_arena_alloc(arena, 1, sizeof(hd_record) + (size_t)(1 + top) * sizeof(hd_continuation));
    if (!*record) return HEED_MEMORY;
    (*record)->before = before;
    return HEED_OK;
}

heed_status hd_record_add(hd_arena *arena, const hd_scoring *scoring, int64_t vocabulary, int32_t token, int64_t top,
                          const hd_record *before, const hd_record **out) {
    hd_record *record;
    HD_TRY(open_record(arena, top, before, &record));
    record->tokens[0] = (hd_continuation){0, token};
    for (int64_t i = 1; i <= top; i++) record->tokens[i] = (hd_continuation){-INFINITY, -1};
    if (scoring->raw) {
        double log_sum = hd_log_sum(scoring->raw, vocabulary);
        record->tokens[0].log_prob = (float)((double)scoring->raw[token] - log_sum);
        list_top(scoring->raw, vocabulary, log_sum, top, record->tokens + 1);
    }
    *out = record;
    return HEED_OK;
}

heed_status hd_record_copy(hd_arena *arena, const hd_continuation *tokens, int64_t top, const hd_record *before,
                           const hd_record **out) {
    hd_record *record;
    HD_TRY(open_record(arena, top, before, &record));
    memcpy(record->tokens, tokens, (size_t)(1 + top) * sizeof *tokens);
    *out = record;
    return HEED_OK;
}

void hd_records_read(const hd_record *last, int64_t made, int64_t count, int64_t top, hd_continuation *tokens) {
    for (; made > count; made--) last = last->before;
    for (; count > 0; last = last->before)
        memcpy(tokens + --count * (1 + top), last->tokens, (size_t)(1 + top) * sizeof *tokens);
}
