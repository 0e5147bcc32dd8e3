/* Text to be continued. A line is a text of its own between two end tokens, where the vocabulary has one; a long one is cut
 * into pieces, each of which begins with the last token of the one before. Or the whole file is one text without an end, and
 * an example any piece of it. */
#include "base/buffer.h"
#include "train/readers/readers.h"

#include <string.h>

static heed_status read_line(hd_corpus_builder *b, int32_t end, hd_buffer *ids) {
    hd_encoding *e = &b->encoded_source;
    if (!b->source.size) {
        b->empty++;
        return HEED_OK;
    }
    HD_TRY(hd_corpus_encode(b, &b->source, b->options->source, e));
    hd_buffer_clear(ids);
    if (end >= 0) hd_buffer_append(ids, (const char *)&end, sizeof end);
    hd_buffer_append(ids, (const char *)e->ids, e->count * sizeof *e->ids);
    if (end >= 0 && (!e->count || e->ids[e->count - 1] != end)) hd_buffer_append(ids, (const char *)&end, sizeof end);
    if (ids->failed) return HEED_MEMORY;
    const int32_t *text = (const int32_t *)(const void *)ids->data;
    size_t most = (size_t)b->options->most, total = ids->size / sizeof *text;
    for (size_t first = 0; first + 1 < total; first += most - 1) {
        size_t count = total - first < most ? total - first : most;
        HD_TRY(hd_corpus_add(b, (hd_side){0}, (hd_side){.ids = text + first, .count = count}, count - 1));
    }
    return HEED_OK;
}

static heed_status read_lines(hd_corpus_builder *b) {
    int32_t end = hd_tokenizer_special(b->tokenizer, "</s>");
    if (end < 0) end = hd_tokenizer_special(b->tokenizer, "<|endoftext|>");
    hd_buffer ids;
    hd_buffer_open(&ids, b->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&b->source)) status = read_line(b, end, &ids);
    hd_buffer_close(&ids);
    return status == HEED_OK ? b->source.status : status;
}

typedef struct text_so_far {
    hd_buffer text, ids;
} text_so_far;

/* Encodes what has come together. It ends with a line's end, before which most tokenizers cut anyway. */
static heed_status encode_block(hd_corpus_builder *b, text_so_far *so_far) {
    hd_encoding *e = &b->encoded_source;
    if (!so_far->text.size) return HEED_OK;
    HD_TRY(hd_tokenizer_encode(b->tokenizer, b->context, so_far->text.data, so_far->text.size, false, e));
    hd_buffer_append(&so_far->ids, (const char *)e->ids, e->count * sizeof *e->ids);
    hd_buffer_clear(&so_far->text);
    return so_far->ids.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status read_all(hd_corpus_builder *b, text_so_far *so_far) {
    enum { BLOCK = 1 << 20 };
    b->source.keep_ends = true;
    while (hd_lines_next(&b->source)) {
        bool blank = b->source.text[0] == '\n' || b->source.text[0] == '\r';
        if (so_far->text.size >= BLOCK && !blank) HD_TRY(encode_block(b, so_far));
        hd_buffer_append(&so_far->text, b->source.text, b->source.size);
        if (so_far->text.failed) return HEED_MEMORY;
    }
    HD_TRY(b->source.status);
    HD_TRY(encode_block(b, so_far));
    size_t count = so_far->ids.size / sizeof(int32_t);
    if (count > INT32_MAX)
        return hd_fail(b->context, HEED_LENGTH, "%s: %zu tokens are more than one text may have", b->options->source,
                       count);
    b->window = b->options->most - 1;
    if ((int64_t)count <= b->window) return HEED_OK; /* nothing */
    hd_side text = {.ids = (const int32_t *)(const void *)so_far->ids.data, .count = count};
    return hd_corpus_add(b, (hd_side){0}, text, count - 1);
}

heed_status hd_read_language(hd_corpus_builder *b) {
    if (b->options->whole_file) {
        text_so_far so_far;
        hd_buffer_open(&so_far.text, b->context);
        hd_buffer_open(&so_far.ids, b->context);
        heed_status status = read_all(b, &so_far);
        hd_buffer_close(&so_far.text);
        hd_buffer_close(&so_far.ids);
        return status;
    }
    return read_lines(b);
}

/* The pieces of one text begin elsewhere in every epoch; the last ones, which that would push over the end, stay. */
heed_status hd_draw_language(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    (void)arena;
    if (!corpus->window) return HEED_OK;
    hd_random_key key = hd_random_key_make(corpus->options.seed, HD_RANDOM_SEGMENT, epoch);
    int64_t shift = (int64_t)hd_random_below(key, 0, (uint64_t)corpus->window);
    hd_pair last = hd_corpus_get(corpus, corpus->count - 1);
    if (pair->target + shift <= last.target) pair->target += shift;
    return HEED_OK;
}
