#include "text/wordlevel.h"

#include "text/unicode.h"

void hd_wordlevel_open(hd_wordlevel *model, heed_context *context) {
    *model = (hd_wordlevel){.context = context, .unknown = -1};
}

void hd_wordlevel_close(hd_wordlevel *model) {
    hd_free(model->context, model->missing_unknown);
    hd_wordlevel_open(model, model->context);
}

heed_status hd_wordlevel_encode(const hd_wordlevel *model, const hd_vocabulary *vocabulary, const hd_character *word,
                                size_t count, hd_word_scratch *scratch) {
    scratch->count = 0;
    if (count == 0) return HEED_OK;
    hd_buffer_clear(&scratch->text);
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        hd_buffer_append(&scratch->text, bytes, hd_utf8_encode(word[i].code, bytes));
    }
    if (scratch->text.failed ||
        !hd_grow(scratch->context, &scratch->symbols, &scratch->symbol_capacity, 1, sizeof *scratch->symbols))
        return HEED_MEMORY;
    int32_t id = hd_vocabulary_find_model(vocabulary, scratch->text.data, scratch->text.size);
    if (id < 0 && model->missing_unknown) return hd_vocabulary_missing(scratch->context, model->missing_unknown);
    scratch->symbols[0] = (hd_symbol){.id = id < 0 ? model->unknown : id, .count = (uint32_t)count};
    scratch->count = 1;
    return HEED_OK;
}
