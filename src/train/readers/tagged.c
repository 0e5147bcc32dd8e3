/* CoNLL's columns: a word first and its label last in a line, an empty line between sentences. A word's first piece bears the
 * label; the others are not asked. */
#include "text/unicode.h"
#include "train/readers/readers.h"

#include <string.h>

/* The sentence at hand. */
typedef struct sentence {
    hd_buffer text;   /* its words with a space between */
    hd_buffer starts; /* uint32 a word: its first character */
    hd_buffer labels; /* int32 a word */
    hd_buffer asked;  /* int32 a token */
    uint32_t characters;
} sentence;

static heed_status add_word(hd_corpus_builder *b, sentence *s) {
    const char *label, *word = b->source.text;
    size_t size, length = strcspn(word, " \t\r");
    hd_label_of_line(&b->source, true, &label, &size);
    if (length == 0 || label <= word + length - 1)
        return hd_corpus_refuse(b, &b->source, b->options->source, "expected a word and its label");
    int32_t number = hd_labels_find(b->options->labels, label, size);
    if (number < 0)
        return hd_corpus_refuse(b, &b->source, b->options->source, "\"%.*s\" is not a label of the training data",
                                (int)(size < 100 ? size : 100), label);
    if (s->text.size) hd_buffer_byte(&s->text, ' '), s->characters++;
    hd_buffer_append(&s->starts, (const char *)&s->characters, sizeof s->characters);
    hd_buffer_append(&s->labels, (const char *)&number, sizeof number);
    hd_buffer_append(&s->text, word, length);
    s->characters += (uint32_t)hd_utf8_count(word, length);
    return s->starts.failed || s->labels.failed || s->text.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status add_sentence(hd_corpus_builder *b, sentence *s) {
    hd_encoding *e = &b->encoded_source;
    size_t words = s->labels.size / sizeof(int32_t), word = 0;
    if (!words) return HEED_OK;
    const uint32_t *starts = (const uint32_t *)(const void *)s->starts.data;
    const int32_t *labels = (const int32_t *)(const void *)s->labels.data;
    HD_TRY(hd_tokenizer_encode(b->tokenizer, b->context, s->text.data, s->text.size, true, e));
    uint64_t asked = 0;
    for (size_t i = 0; i < e->count; i++) {
        int32_t wanted = -1;
        if (e->ends[i] > e->starts[i] && word < words &&
            e->ends[i] > starts[word]) { /* the first piece of the next word */
            while (word + 1 < words && e->ends[i] > starts[word + 1]) word++;
            wanted = labels[word++];
            asked++;
        }
        hd_buffer_append(&s->asked, (const char *)&wanted, sizeof wanted);
    }
    if (s->asked.failed) return HEED_MEMORY;
    const int32_t *targets = (const int32_t *)(const void *)s->asked.data;
    HD_TRY(hd_corpus_add(b, (hd_side){.ids = e->ids, .count = e->count}, (hd_side){.ids = targets, .count = e->count},
                         asked));
    hd_buffer_clear(&s->text);
    hd_buffer_clear(&s->starts);
    hd_buffer_clear(&s->labels);
    hd_buffer_clear(&s->asked);
    s->characters = 0;
    return HEED_OK;
}

static bool is_empty(const hd_lines *lines) {
    return strspn(lines->text, " \t\r") == lines->size || strncmp(lines->text, "-DOCSTART-", 10) == 0;
}

heed_status hd_read_tagged(hd_corpus_builder *b) {
    sentence s = {.characters = 0};
    hd_buffer *buffers[] = {&s.text, &s.starts, &s.labels, &s.asked};
    for (size_t i = 0; i < HD_COUNT(buffers); i++) hd_buffer_open(buffers[i], b->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&b->source))
        status = is_empty(&b->source) ? add_sentence(b, &s) : add_word(b, &s);
    if (status == HEED_OK) status = b->source.status;
    if (status == HEED_OK) status = add_sentence(b, &s);
    for (size_t i = 0; i < HD_COUNT(buffers); i++) hd_buffer_close(buffers[i]);
    return status;
}
