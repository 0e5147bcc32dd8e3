#include "data/readers/readers.h"

heed_status hd_read_labelled(hd_corpus_builder *b) {
    for (;;) {
        bool text = hd_lines_next(&b->source), label = hd_lines_next(&b->target);
        if (b->source.status != HEED_OK || b->target.status != HEED_OK) return b->context->status;
        if (!text && !label) return HEED_OK;
        if (text != label) return hd_corpus_refuse_lengths(b, text, label);
        const char *name;
        size_t size;
        HD_TRY(hd_label_of_line(&b->target, false, &name, &size));
        if (hd_line_is_blank(&b->source) || !size) {
            b->empty++;
            continue;
        }
        int32_t number = hd_labels_find(b->options->labels, name, size);
        if (number < 0)
            return hd_corpus_refuse(b, &b->target, b->options->target, "\"%.*s\" is not a label of the training data",
                                    (int)(size < 100 ? size : 100), name);
        hd_encoding *e = &b->encoded_source;
        HD_TRY(hd_corpus_encode(b, &b->source, b->options->source, e));
        HD_TRY(hd_corpus_add(b, (hd_side){.ids = e->ids, .count = e->count}, (hd_side){.ids = &number, .count = 1}, 1));
    }
}
