/* CoNLL's columns. A word's first piece bears its label; the others are not asked. */
#include "data/readers/readers.h"
#include "data/readers/sentence.h"

#include <string.h>

/* In the place of targets each first piece has its word's label, the others −1. */
static heed_status add_sentence(hd_corpus_builder *b, hd_sentence *s, hd_buffer *wanted) {
    hd_encoding *e = &b->encoded_source;
    const int32_t nothing = -1;
    uint64_t asked = 0;
    HD_TRY(hd_sentence_encode(s, b->tokenizer, e));
    hd_buffer_clear(wanted);
    for (size_t i = 0; i < e->count; i++) hd_buffer_append(wanted, &nothing, sizeof nothing);
    if (wanted->failed) return HEED_MEMORY;
    int32_t *targets = (int32_t *)(void *)wanted->data;
    const char *label = s->labels.data;
    for (size_t i = 0; i < s->words; i++, label += strlen(label) + 1) {
        int32_t piece = hd_sentence_pieces(s)[i], number = hd_labels_find(b->options->labels, label, strlen(label));
        if (number < 0)
            return hd_fail(b->context, HEED_FORMAT, "%s: line %llu: \"%.100s\" is not a label of the training data",
                           b->options->source, (unsigned long long)(s->line + i), label);
        if (piece < 0) continue;
        targets[piece] = number;
        asked++;
    }
    b->line = s->line;
    return hd_corpus_add(b, (hd_side){.ids = e->ids, .count = e->count}, (hd_side){.ids = targets, .count = e->count},
                         asked);
}

heed_status hd_read_tagged(hd_corpus_builder *b) {
    hd_sentence s;
    hd_buffer wanted;
    hd_sentence_open(b->context, &s);
    hd_buffer_open(&wanted, b->context);
    heed_status status;
    while ((status = hd_sentence_read(&s, &b->source)) == HEED_OK && s.words) {
        status = add_sentence(b, &s, &wanted);
        if (status != HEED_OK) break;
    }
    hd_sentence_close(&s);
    hd_buffer_close(&wanted);
    return status;
}
