/* Decoders turn the texts of tokens back into one text. Each reads a list of strings and writes another; the last list
 * is joined.
 *
 * To add one: a kind here, and a row in decode.c. */
#ifndef HD_TEXT_DECODE_H
#define HD_TEXT_DECODE_H

#include "base/buffer.h"
#include "text/pre_tokenize.h"

typedef enum hd_decoder_kind {
    HD_DECODE_METASPACE,     /* `replacement` becomes a space; the first token loses it unless `prepend` is never */
    HD_DECODE_BYTE_FALLBACK, /* runs of "<0xE2>" become the characters of these bytes; with `valid_only` without what is no
                              * UTF-8, as ByT5's tokenizer decodes */
    HD_DECODE_FUSE,          /* all strings become one */
    HD_DECODE_STRIP,         /* removes up to `start` and `stop` times `replacement` at the ends of each string */
    HD_DECODE_REPLACE,       /* each match of `expression` becomes `content` */
    HD_DECODE_WORDPIECE,     /* a token loses the prefix `pattern` or gets a space before it; with `cleanup`, English
                              * punctuation and clitics lose that space */
    HD_DECODE_BYTE_LEVEL,    /* all characters are bytes (hd_character_byte); invalid UTF-8 becomes U+FFFD */
    HD_DECODE_BPE,           /* the suffix `pattern` becomes a space, or nothing in the last token */
    HD_DECODERS
} hd_decoder_kind;

typedef struct hd_token_decoder {
    hd_decoder_kind kind;
    uint32_t replacement;
    hd_prepend prepend;
    size_t start, stop;
    bool cleanup;
    bool valid_only; /* not of a file: `tokenizers` has no such decoder, and it is not saved */
    bool split, prefix_space, trim_offsets, use_regex; /* kept for saving: they are for encoding */
    char *pattern, *content;                           /* owned, with their sizes */
    size_t pattern_size, content_size;
    hd_pattern *expression; /* owned */
} hd_token_decoder;

/* A list of strings in one buffer: string i ends at ends[i]. */
typedef struct hd_strings {
    heed_context *context;
    hd_buffer text;
    size_t *ends;
    size_t count, capacity;
    bool failed;
} hd_strings;

void hd_strings_open(hd_strings *strings, heed_context *context);
void hd_strings_close(hd_strings *strings);
void hd_strings_add(hd_strings *strings, const char *text, size_t size);
/* Appends the strings to `out`, with `between` between them. */
void hd_strings_append_joined(const hd_strings *strings, const char *between, hd_buffer *out);
/* Completes the string that was appended to strings->text. */
void hd_strings_end(hd_strings *strings);
const char *hd_strings_at(const hd_strings *strings, size_t index, size_t *size);

/* By name in the file; SIZE_MAX if there is none. */
size_t hd_token_decoder_find(const char *type);
const hd_component_type *hd_token_decoder_type(hd_decoder_kind kind);

/* Appends the bytes of a token of a byte-level tokenizer, or the byte that "<0xE2>" names: a token may be a part of a
 * character. False, and nothing is appended, for a token that decoders turn into text. */
bool hd_token_decoders_spell(const hd_token_decoder *decoders, size_t count, const char *text, size_t size,
                             hd_buffer *out);
/* The byte that "<0xE2>" names, or −1. */
int hd_spelled_byte(const char *text, size_t size);
/* Appends the bytes that the characters of a byte-level token stand for; the text itself if one of them stands for none. */
void hd_spell_bytes(const char *text, size_t size, hd_buffer *out);
/* Applies a decoder of separate strings (METASPACE, STRIP, REPLACE, WORDPIECE, BPE) to each string as if it were alone:
 * the first one or not, and the last one or not. */
void hd_decode_separately(const hd_token_decoder *decoder, bool first, bool last, const hd_strings *from,
                          hd_strings *to);

/* Applies the decoders in turn; `strings` is the input and the result. */
heed_status hd_decode_tokens(const hd_token_decoder *decoders, size_t count, hd_strings *strings);

#endif
