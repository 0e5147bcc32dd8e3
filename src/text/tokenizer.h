/* A tokenizer: text to ids and back, as Hugging Face tokenizers does it with the same tokenizer.json.
 *
 * A line goes through added tokens, normalizers, pre-tokenizers, the model (byte-pair encoding or WordPiece) and a
 * template of special tokens; ids go through decoders. An open tokenizer is immutable: several threads may use it at
 * once, each with its own context and its own hd_encoding. (It keeps the scratch memory of earlier calls for later ones, with
 * the words that they have encoded, for speed alone.) */
#ifndef HD_TEXT_TOKENIZER_H
#define HD_TEXT_TOKENIZER_H

#include "base/buffer.h"
#include "base/random.h"
#include "text/decode.h"
#include "text/truncate.h"

/* Opens a tokenizer.json. HEED_FORMAT when it is damaged, HEED_UNSUPPORTED when it names a component that heed lacks;
 * the message names the file and the component. The caller closes *out. */
heed_status hd_tokenizer_open(heed_context *context, const char *path, heed_tokenizer **out);
/* The same from bytes in memory; `name` stands for the path in messages. */
heed_status hd_tokenizer_parse(heed_context *context, const char *name, const char *json, size_t size,
                               heed_tokenizer **out);
void hd_tokenizer_close(heed_tokenizer *tokenizer); /* NULL is fine */
/* Lowercases texts before the other normalizers, unless one of them does. Before the tokenizer is shared. */
heed_status hd_tokenizer_lowercase(heed_tokenizer *tokenizer);
/* HEED_UNSUPPORTED for a tokenizer that cannot be written: one of Marian or M2M-100 that was opened from a vocab.json. */
heed_status hd_tokenizer_check_writable(const heed_tokenizer *tokenizer, heed_context *context);
/* Writes a tokenizer.json, whole or not at all, that heed and tokenizers open. HEED_UNSUPPORTED as above. */
heed_status hd_tokenizer_save(const heed_tokenizer *tokenizer, heed_context *context, const char *path);
/* Appends the same to a buffer. */
heed_status hd_tokenizer_write(const heed_tokenizer *tokenizer, hd_buffer *out);

/* ---- text to ids ---------------------------------------------------------------------------------------------- */

/* The tokens of a text. Initialize with {0}, reuse for any number of texts, close at the end. */
typedef struct hd_encoding {
    size_t count;
    int32_t *ids; /* [count] */
    uint32_t *starts,
        *ends;       /* [count]: offsets in the text, in characters (code points) or, with byte_offsets, in bytes;
                              * 0, 0 for tokens of the template */
    uint32_t *types; /* [count]: token types; 0 for one text, else as in the template */
    uint32_t *words; /* [count]: the number of the word in its text; HD_NO_WORD for tokens of the template */
    size_t firsts[2], counts[2]; /* the tokens of the first and the second text: [firsts[i], firsts[i] + counts[i]) */
    size_t cut[2];               /* tokens of the first and the second text that truncation left out */
    heed_context *context;       /* of the first encode; the rest is private */
    size_t ids_capacity, starts_capacity, ends_capacity, types_capacity, words_capacity;
} hd_encoding;
#define HD_NO_WORD UINT32_MAX

void hd_encoding_close(hd_encoding *encoding);

/* Special tokens in the text are recognized unless the context says otherwise; `add_special` adds those of the template. HEED_LENGTH past 2 GB, or
 * when the pattern of a pre-tokenizer exceeds its limits; else only HEED_MEMORY. */
heed_status hd_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text, size_t size,
                                bool add_special, hd_encoding *out);

/* What the file says; a limit for what a model is given. Encoding cuts no text unless its options say so. */
const hd_truncation *hd_tokenizer_truncation(const heed_tokenizer *tokenizer);

typedef struct hd_encode_options {
    bool add_special;
    bool special_as_text; /* special tokens that the text spells are encoded as text; always if the context says so */
    const char *second;   /* [second_size]: the second text of a pair, with offsets of its own; NULL for none */
    size_t second_size;
    const hd_truncation
        *truncation; /* cuts the texts, and counts in `cut` of the encoding; NULL for none. Encoding fails
                                      * with HEED_LENGTH if the strategy cannot reach the length */
    /* the token of the language (text/languages.h) in place of the template's; −1: none; 0: the template's */
    int32_t language;
    bool byte_offsets; /* offsets are in bytes of the text as it is given, also where it is not valid UTF-8 */
    float dropout;     /* BPE-dropout: 0 for none, 1 for characters only */
    hd_random_key key; /* the result with dropout is a function of the text, the key and `example` */
    uint64_t example;
} hd_encode_options;

heed_status hd_tokenizer_encode_with(const heed_tokenizer *tokenizer, heed_context *context, const char *text,
                                     size_t size, const hd_encode_options *options, hd_encoding *out);

/* How the texts of one side of a translator are encoded. */
typedef struct hd_side_tokenizer {
    const heed_tokenizer *tokenizer;
    int32_t language; /* of hd_encode_options */
} hd_side_tokenizer;

/* hd_tokenizer_encode with the template. */
heed_status hd_side_encode(const hd_side_tokenizer *side, heed_context *context, const char *text, size_t size,
                           hd_encoding *out);

/* Does token i continue the word of the token before it? Vocabularies mark either the tokens that continue a word
 * ("##s") or those that begin one ("▁dog", "Ġdog"). */
bool hd_tokenizer_continues_word(const heed_tokenizer *tokenizer, const hd_encoding *encoding, size_t i);

/* Whether the vocabulary marks the tokens that continue a word ("##s") with a prefix. */
bool hd_tokenizer_marks_continuations(const heed_tokenizer *tokenizer);

/* ---- ids to text ---------------------------------------------------------------------------------------------- */

/* Appends the text of `ids` to `out`, without unknown ids, and with `skip_special` without special tokens. */
heed_status hd_tokenizer_decode(const heed_tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip_special,
                                hd_buffer *out);
/* The same of tokens [first, end) of an encoding of this text, with all special tokens. An unknown token is the part of the text
 * that it stands for. */
heed_status hd_tokenizer_decode_range(const heed_tokenizer *tokenizer, const hd_encoding *encoding, size_t first,
                                      size_t end, const char *text, size_t size, hd_buffer *out);

/* Appends the text that the decoders make of strings, such as tokens. Without a decoder they are joined by spaces. Changes
 * `strings`. */
heed_status hd_tokenizer_join(const heed_tokenizer *tokenizer, hd_strings *strings, hd_buffer *out);

/* ---- vocabulary ----------------------------------------------------------------------------------------------- */

size_t hd_tokenizer_size(const heed_tokenizer *tokenizer);                   /* the largest id + 1 */
int32_t hd_tokenizer_id(const heed_tokenizer *tokenizer, const char *token); /* -1 when there is none */
/* The token's text in the vocabulary ("▁dog"), owned by the tokenizer; NULL for an unused id. */
const char *hd_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id);
bool hd_tokenizer_is_special(const heed_tokenizer *tokenizer, int32_t id);
int32_t hd_tokenizer_special(const heed_tokenizer *tokenizer, const char *token); /* the id if special, else -1 */
int32_t hd_tokenizer_mask(const heed_tokenizer *tokenizer); /* "[MASK]" or "<mask>"; -1 when there is none */
int32_t hd_tokenizer_unknown(
    const heed_tokenizer *tokenizer); /* the unknown token; -1 if unknown characters are dropped */

#endif
