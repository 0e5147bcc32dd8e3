#include "data/readers/sentence.h"

#include "text/unicode.h"
#include "data/labels.h"

#include <string.h>

void hd_sentence_open(heed_context *context, hd_sentence *s) {
    *s = (hd_sentence){.words = 0};
    hd_buffer *buffers[] = {&s->text, &s->starts, &s->labels, &s->first_tokens};
    for (size_t i = 0; i < HD_COUNT(buffers); i++) hd_buffer_open(buffers[i], context);
}

void hd_sentence_close(hd_sentence *s) {
    hd_buffer *buffers[] = {&s->text, &s->starts, &s->labels, &s->first_tokens};
    for (size_t i = 0; i < HD_COUNT(buffers); i++) hd_buffer_close(buffers[i]);
}

static heed_status add_word(hd_sentence *s, const hd_lines *lines) {
    const char *label, *word = lines->text;
    size_t size, length = strcspn(word, " \t\r");
    HD_TRY(hd_label_of_line(lines, true, &label, &size));
    if (memchr(word, 0, lines->size))
        return hd_fail(lines->context, HEED_FORMAT, "%s: line %llu: a zero byte in the text", lines->path,
                       (unsigned long long)lines->number);
    if (length == 0 || label <= word + length - 1)
        return hd_fail(lines->context, HEED_FORMAT, "%s: line %llu: expected a word and its label", lines->path,
                       (unsigned long long)lines->number);
    if (s->words++)
        hd_buffer_byte(&s->text, ' '), s->characters++;
    else
        s->line = lines->number;
    hd_buffer_append(&s->starts, &s->characters, sizeof s->characters);
    hd_buffer_append(&s->labels, label, size);
    hd_buffer_byte(&s->labels, 0);
    hd_buffer_append(&s->text, word, length);
    s->characters += (uint32_t)hd_utf8_count(word, length);
    return s->starts.failed || s->labels.failed || s->text.failed ? HEED_MEMORY : HEED_OK;
}

static bool is_empty(const hd_lines *lines) {
    return hd_line_is_blank(lines) || strncmp(lines->text, "-DOCSTART-", 10) == 0;
}

heed_status hd_sentence_read(hd_sentence *s, hd_lines *lines) {
    hd_buffer_clear(&s->text);
    hd_buffer_clear(&s->starts);
    hd_buffer_clear(&s->labels);
    s->words = 0;
    s->characters = 0;
    while (hd_lines_next(lines)) {
        if (!is_empty(lines))
            HD_TRY(add_word(s, lines));
        else if (s->words)
            return HEED_OK;
    }
    return lines->status;
}

heed_status hd_sentence_find_first_tokens(hd_sentence *s, const hd_encoding *e) {
    const uint32_t *starts = (const uint32_t *)(const void *)s->starts.data;
    const int32_t none = -1;
    size_t word = 0;
    hd_buffer_clear(&s->first_tokens);
    for (size_t i = 0; i < e->count && word < s->words; i++) {
        if (e->ends[i] == e->starts[i] || e->ends[i] <= starts[word])
            continue; /* of the template, or of the word before */
        int32_t token = (int32_t)i;
        for (; word + 1 < s->words && e->ends[i] > starts[word + 1]; word++)
            hd_buffer_append(&s->first_tokens, &none, sizeof none);
        hd_buffer_append(&s->first_tokens, &token, sizeof token);
        word++;
    }
    for (; word < s->words; word++) hd_buffer_append(&s->first_tokens, &none, sizeof none);
    return s->first_tokens.failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_sentence_encode(hd_sentence *s, const heed_tokenizer *tokenizer, hd_encoding *e) {
    HD_TRY(hd_tokenizer_encode(tokenizer, s->text.context, s->text.data, s->text.size, true, e));
    return hd_sentence_find_first_tokens(s, e);
}
