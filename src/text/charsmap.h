/* The character map of a SentencePiece model, the normalizer Precompiled of Hugging Face tokenizers: a trie of strings of
 * UTF-8 and what each is replaced by.
 *
 * The stored form is a size in bytes, that many bytes of a double array (darts-clone, https://github.com/s-yata/darts-clone),
 * and replacements that each end in a zero byte; the array's values are offsets of replacements. */
#ifndef HD_TEXT_CHARSMAP_H
#define HD_TEXT_CHARSMAP_H

#include "base/buffer.h"
#include "text/line.h"

typedef struct hd_charsmap {
    heed_context *context;
    uint8_t *bytes; /* [size]: the stored form */
    size_t size;
    uint32_t *units; /* [unit_count]: the double array */
    size_t unit_count;
    const char *texts; /* [text_size]: the replacements, in `bytes` */
    size_t text_size;
    uint8_t *kinds; /* [0x10000]: what is known of the characters of the first plane (charsmap.c) */
} hd_charsmap;

/* Copies the stored form. HEED_FORMAT when it is damaged; `where` names it. */
heed_status hd_charsmap_open(heed_context *context, const char *where, const void *bytes, size_t size,
                             hd_charsmap **out);
/* The same in base64, as in a tokenizer.json. */
heed_status hd_charsmap_open_text(heed_context *context, const char *where, const char *text, size_t size,
                                  hd_charsmap **out);
void hd_charsmap_close(hd_charsmap *map); /* NULL is fine */
/* Appends the stored form in base64. */
void hd_charsmap_write(const hd_charsmap *map, hd_buffer *out);

/* Appends the normalized characters as tokenizers does it, with its oddities: the map sees grapheme clusters of at most
 * five bytes, and then single characters; the shortest match counts and stands for all of the cluster; characters
 * that are removed at the beginning move the offsets of what follows. Check `to->failed`. */
void hd_charsmap_normalize(const hd_charsmap *map, const hd_character *from, size_t count, hd_line *to);

/* The same as sentencepiece does it: the longest match counts, whatever the clusters, and each character of its replacement has
 * the offsets of all of it. */
void hd_charsmap_normalize_longest(const hd_charsmap *map, const hd_character *from, size_t count, hd_line *to);

/* The longest match at the beginning of text[0 … size), as sentencepiece normalizes: the bytes that it has, and its
 * replacement; 0 for none. */
size_t hd_charsmap_longest(const hd_charsmap *map, const char *text, size_t size, const char **replacement,
                           size_t *replacement_size);

#endif
