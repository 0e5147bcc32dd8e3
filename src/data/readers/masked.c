/* Masked language modelling (Devlin et al., 2018): each word is chosen with a probability of 15%, all of its subword tokens
 * with it; of these, 80% become the mask, 10% any token, and 10% stay as they are. */
#include "data/readers/readers.h"

/* An example stores the kind of each token instead of its target. */
enum { SPECIAL = -1, BEGINS_A_WORD = 1, CONTINUES_A_WORD = 0 };

heed_status hd_read_masked(hd_corpus_builder *b) {
    hd_buffer marks;
    hd_buffer_open(&marks, b->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&b->source)) {
        hd_encoding *e = &b->encoded_source;
        if (hd_line_is_blank(&b->source)) {
            b->empty++;
            continue;
        }
        status = hd_corpus_encode(b, &b->source, b->options->source, e);
        hd_buffer_clear(&marks);
        for (size_t i = 0; status == HEED_OK && i < e->count; i++) {
            int32_t mark = hd_tokenizer_is_special(b->tokenizer, e->ids[i])  ? SPECIAL
                           : hd_tokenizer_continues_word(b->tokenizer, e, i) ? CONTINUES_A_WORD
                                                                             : BEGINS_A_WORD;
            hd_buffer_append(&marks, (const char *)&mark, sizeof mark);
        }
        if (marks.failed) status = HEED_MEMORY;
        const int32_t *kinds = (const int32_t *)(const void *)marks.data;
        if (status == HEED_OK)
            status = hd_corpus_add(b, (hd_side){.ids = e->ids, .count = e->count},
                                   (hd_side){.ids = kinds, .count = e->count}, e->count);
    }
    hd_buffer_close(&marks);
    return status == HEED_OK ? b->source.status : status;
}

heed_status hd_draw_masked(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    hd_random_key key = hd_random_key_make(corpus->options.seed, HD_RANDOM_MASK, epoch);
    int32_t mask = hd_tokenizer_mask(corpus->tokenizer), size = (int32_t)hd_tokenizer_size(corpus->tokenizer);
    if (corpus->options.vocabulary) size = (int32_t)hd_min(size, corpus->options.vocabulary);
    size_t count = (size_t)pair->source_count;
    int32_t *ids = hd_arena_alloc(arena, count, sizeof *ids), *targets = hd_arena_alloc(arena, count, sizeof *targets);
    if (!ids || !targets) return HEED_MEMORY;
    bool chosen = false;
    for (size_t i = 0; i < count; i++) {
        enum { CHOOSE, CHANGE, OTHER }; /* columns of the random numbers */
        uint32_t position = (uint32_t)i;
        int32_t kind = pair->target[i];
        if (kind == BEGINS_A_WORD) chosen = hd_random_uniform(key, CHOOSE, position, pair->number) < 0.15f;
        ids[i] = pair->source[i];
        targets[i] = chosen && kind != SPECIAL ? ids[i] : -1;
        if (targets[i] < 0) continue;
        float change = hd_random_uniform(key, CHANGE, position, pair->number);
        if (change < 0.8f)
            ids[i] = mask;
        else if (change < 0.9f)
            ids[i] = (int32_t)(hd_random_uniform(key, OTHER, position, pair->number) * (float)size);
    }
    pair->source = ids;
    pair->target = targets;
    return HEED_OK;
}
