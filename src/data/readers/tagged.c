/* CoNLL's columns. A word's label is predicted at its first subword token. */
#include "data/readers/readers.h"
#include "data/readers/sentence.h"

#include <string.h>

/* The target of a word's first token is its label, that of all others −1: none. */
static heed_status add_sentence(hd_corpus_builder *b, hd_sentence *s, hd_buffer *marks) {
    hd_encoding *e = &b->encoded_source;
    const int32_t nothing = -1;
    uint64_t labelled = 0;
    HD_TRY(hd_sentence_encode(s, b->tokenizer, e));
    hd_buffer_clear(marks);
    for (size_t i = 0; i < e->count; i++) hd_buffer_append(marks, &nothing, sizeof nothing);
    if (marks->failed) return HEED_MEMORY;
    int32_t *targets = (int32_t *)(void *)marks->data;
    const char *label = s->labels.data;
    for (size_t i = 0; i < s->words; i++, label += strlen(label) + 1) {
        int32_t token = hd_sentence_first_tokens(s)[i],
                number = hd_labels_find(b->options->labels, label, strlen(label));
        if (number < 0)
            return hd_fail(b->context, HEED_FORMAT, "%s: line %llu: \"%.100s\" is not a label of the training data",
                           b->options->source, (unsigned long long)(s->line + i), label);
        if (token < 0) continue;
        targets[token] = number;
        labelled++;
    }
    b->line = s->line;
    return hd_corpus_add(b, (hd_side){.ids = e->ids, .count = e->count}, (hd_side){.ids = targets, .count = e->count},
                         labelled);
}

heed_status hd_read_tagged(hd_corpus_builder *b) {
    hd_sentence s;
    hd_buffer marks;
    hd_sentence_open(b->context, &s);
    hd_buffer_open(&marks, b->context);
    heed_status status;
    while ((status = hd_sentence_read(&s, &b->source)) == HEED_OK && s.words) {
        status = add_sentence(b, &s, &marks);
        if (status != HEED_OK) break;
    }
    hd_sentence_close(&s);
    hd_buffer_close(&marks);
    return status;
}
