#include "data/readers/readers.h"

#include <string.h>

static heed_status add_pair(hd_corpus_builder *b) {
    if (hd_line_is_blank(&b->source) || hd_line_is_blank(&b->target)) {
        b->empty++;
        return HEED_OK;
    }
    hd_encoding *source = &b->encoded_source, *target = &b->encoded_target;
    HD_TRY(hd_corpus_encode(b, &b->source, b->options->source, source));
    HD_TRY(hd_corpus_encode(b, &b->target, b->options->target, target));
    return hd_corpus_add(b, (hd_side){source->ids, source->count, b->source.text, b->source.size},
                         (hd_side){target->ids, target->count, b->target.text, b->target.size}, target->count);
}

heed_status hd_read_translations(hd_corpus_builder *b) {
    for (;;) {
        bool source = hd_lines_next(&b->source), target = hd_lines_next(&b->target);
        if (b->source.status != HEED_OK || b->target.status != HEED_OK) return b->context->status;
        if (!source && !target) return HEED_OK;
        if (source != target) return hd_corpus_refuse_lengths(b, source, target);
        HD_TRY(add_pair(b));
    }
}

/* ---- encoding anew ---- */

/* Replaces a side's ids by others of the same text, unless those are too many. */
static heed_status draw_side(hd_corpus *corpus, const hd_side_tokenizer *side, const char *text, int32_t size,
                             hd_random_key key, uint64_t sentence, hd_arena *arena, const int32_t **ids,
                             int32_t *count) {
    hd_encode_options options = {.add_special = true,
                                 .language = side->language,
                                 .dropout = corpus->options.bpe_dropout,
                                 .key = key,
                                 .example = sentence};
    hd_encoding *drawn = &corpus->drawn;
    HD_TRY(hd_tokenizer_encode_with(side->tokenizer, corpus->context, text, (size_t)size, &options, drawn));
    if ((int64_t)drawn->count > corpus->options.most) return HEED_OK;
    int32_t *copy = hd_arena_alloc(arena, drawn->count, sizeof *copy);
    if (!copy) return HEED_MEMORY;
    memcpy(copy, drawn->ids, drawn->count * sizeof *copy);
    *ids = copy;
    *count = (int32_t)drawn->count;
    return HEED_OK;
}

heed_status hd_draw_translation(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    if (!(corpus->options.bpe_dropout > 0)) return HEED_OK;
    hd_random_key key = hd_random_key_make(corpus->options.seed, HD_RANDOM_SEGMENT, epoch);
    const hd_side_tokenizer source = {corpus->tokenizer, 0}, *targets = &corpus->options.targets;
    HD_TRY(draw_side(corpus, &source, pair->source_text, pair->source_size, key, 2 * pair->number, arena, &pair->source,
                     &pair->source_count));
    return draw_side(corpus, targets->tokenizer ? targets : &source, pair->target_text, pair->target_size, key,
                     2 * pair->number + 1, arena, &pair->target, &pair->target_count);
}
