/* Sentences of CoNLL's columns: a word first and its label last in a line, an empty line between sentences. */
#ifndef HD_DATA_SENTENCE_H
#define HD_DATA_SENTENCE_H

#include "base/lines.h"
#include "text/tokenizer.h"

typedef struct hd_sentence {
    size_t words;           /* 0: there is none */
    uint64_t line;          /* of the first; the others follow */
    hd_buffer text;         /* the words with a blank between */
    hd_buffer starts;       /* uint32 a word: its first character */
    hd_buffer labels;       /* a word's label and a 0, one after the other */
    hd_buffer first_tokens; /* one int32 per word, by hd_sentence_encode */
    uint32_t characters;
} hd_sentence;

void hd_sentence_open(heed_context *context, hd_sentence *sentence);
void hd_sentence_close(hd_sentence *sentence);
/* Reads the next sentence of a file; no words at its end. HEED_FORMAT for a word without a label. */
heed_status hd_sentence_read(hd_sentence *sentence, hd_lines *lines);
/* Encodes the text and finds each word's first token, which predicts the word's label; −1 for a word without tokens. */
heed_status hd_sentence_encode(hd_sentence *sentence, const heed_tokenizer *tokenizer, hd_encoding *encoding);
/* The same for an existing encoding. */
heed_status hd_sentence_find_first_tokens(hd_sentence *sentence, const hd_encoding *encoding);

static inline const int32_t *hd_sentence_first_tokens(const hd_sentence *s) {
    return (const int32_t *)(const void *)s->first_tokens.data;
}

#endif
