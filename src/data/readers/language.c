/* Language modelling. Each line is a text between two end tokens, if the vocabulary has one. A long line is cut into
 * segments, each of which begins with the last token of the one before. Or the whole file is one text without an
 * end, and examples are segments of it. */
#include "text/unicode.h"
#include "data/readers/readers.h"

#include <string.h>

int32_t hd_text_end(const heed_tokenizer *tokenizer) {
    int32_t end = hd_tokenizer_special(tokenizer, "</s>");
    return end >= 0 ? end : hd_tokenizer_special(tokenizer, "<|endoftext|>");
}

heed_status hd_enclose_text(const hd_encoding *e, int32_t end, hd_buffer *ids) {
    hd_buffer_clear(ids);
    if (end >= 0) hd_buffer_append(ids, (const char *)&end, sizeof end);
    hd_buffer_append(ids, (const char *)e->ids, e->count * sizeof *e->ids);
    if (end >= 0 && (!e->count || e->ids[e->count - 1] != end)) hd_buffer_append(ids, (const char *)&end, sizeof end);
    return ids->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status read_line(hd_corpus_builder *b, int32_t end, hd_buffer *ids) {
    hd_encoding *e = &b->encoded_source;
    if (hd_line_is_blank(&b->source)) {
        b->empty++;
        return HEED_OK;
    }
    HD_TRY(hd_corpus_encode(b, &b->source, b->options->source, e));
    HD_TRY(hd_enclose_text(e, end, ids));
    const int32_t *text = (const int32_t *)(const void *)ids->data;
    size_t most = (size_t)b->options->most, total = ids->size / sizeof *text;
    for (size_t first = 0; first + 1 < total; first += most - 1) {
        size_t count = total - first < most ? total - first : most;
        HD_TRY(hd_corpus_add(b, (hd_side){0}, (hd_side){.ids = text + first, .count = count}, count - 1));
    }
    return HEED_OK;
}

static heed_status read_lines(hd_corpus_builder *b) {
    int32_t end = hd_text_end(b->tokenizer);
    hd_buffer ids;
    hd_buffer_open(&ids, b->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&b->source)) status = read_line(b, end, &ids);
    hd_buffer_close(&ids);
    return status == HEED_OK ? b->source.status : status;
}

/* Encodes the lines collected so far. The block ends with a line's end, before which most tokenizers cut anyway. */
static heed_status encode_block(const heed_tokenizer *tokenizer, hd_encoding *e, hd_buffer *block, hd_whole_text *out) {
    if (!block->size) return HEED_OK;
    HD_TRY(hd_tokenizer_encode(tokenizer, block->context, block->data, block->size, false, e));
    size_t first = !out->ids.size && e->count ? e->ends[0] : 0;
    out->bytes += block->size - hd_utf8_offset(block->data, block->size, first);
    out->characters += hd_utf8_count(block->data, block->size) - first;
    hd_buffer_append(&out->ids, (const char *)e->ids, e->count * sizeof *e->ids);
    hd_buffer_clear(block);
    return out->ids.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status read_blocks(const heed_tokenizer *tokenizer, hd_lines *lines, hd_encoding *e, hd_buffer *block,
                               hd_whole_text *out) {
    enum { BLOCK = 1 << 20 };
    lines->keep_ends = true;
    while (hd_lines_next(lines)) {
        bool blank = lines->text[0] == '\n' || lines->text[0] == '\r';
        if (block->size >= BLOCK && !blank) HD_TRY(encode_block(tokenizer, e, block, out));
        hd_buffer_append(block, lines->text, lines->size);
        if (block->failed) return HEED_MEMORY;
    }
    HD_TRY(lines->status);
    HD_TRY(encode_block(tokenizer, e, block, out));
    if (out->ids.size / sizeof(int32_t) <= INT32_MAX) return HEED_OK;
    return hd_fail(block->context, HEED_LENGTH, "%s: %zu tokens are more than one text may have", lines->path,
                   out->ids.size / sizeof(int32_t));
}

heed_status hd_read_whole_text(heed_context *context, const heed_tokenizer *tokenizer, hd_lines *lines,
                               hd_encoding *room, hd_whole_text *out) {
    *out = (hd_whole_text){.bytes = 0};
    hd_buffer_open(&out->ids, context);
    hd_buffer block;
    hd_buffer_open(&block, context);
    heed_status status = read_blocks(tokenizer, lines, room, &block, out);
    hd_buffer_close(&block);
    return status;
}

static heed_status add_whole_text(hd_corpus_builder *b, const hd_buffer *ids) {
    size_t count = ids->size / sizeof(int32_t);
    b->window = b->options->most - 1;
    if ((int64_t)count <= b->window) return HEED_OK; /* nothing */
    hd_side text = {.ids = (const int32_t *)(const void *)ids->data, .count = count};
    return hd_corpus_add(b, (hd_side){0}, text, count - 1);
}

heed_status hd_read_language(hd_corpus_builder *b) {
    if (!b->options->whole_file) return read_lines(b);
    hd_whole_text whole;
    heed_status status = hd_read_whole_text(b->context, b->tokenizer, &b->source, &b->encoded_source, &whole);
    if (status == HEED_OK) status = add_whole_text(b, &whole.ids);
    hd_buffer_close(&whole.ids);
    return status;
}

/* In each epoch, the segments of one text are shifted by a random offset. The last ones, which would pass the end,
 * are not shifted. */
heed_status hd_draw_language(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    (void)arena;
    if (!corpus->window) return HEED_OK;
    hd_random_key key = hd_random_key_make(corpus->options.seed, HD_RANDOM_SEGMENT, epoch);
    int64_t shift = (int64_t)hd_random_below(key, 0, (uint64_t)corpus->window);
    hd_pair last = hd_corpus_get(corpus, corpus->count - 1);
    if (pair->target + shift <= last.target) pair->target += shift;
    return HEED_OK;
}
