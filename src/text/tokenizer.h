/* A tokenizer: text to ids and back, as the Hugging Face tokenizers package does it from the same tokenizer.json.
 *
 * A line goes through added tokens, normalizers, pre-tokenizers, the model (byte-pair encoding or WordPiece) and a template
 * of special tokens; ids come back through decoders. An open tokenizer never changes: several threads may use it at
 * once, each with its own context and its own hd_encoding. */
#ifndef HD_TEXT_TOKENIZER_H
#define HD_TEXT_TOKENIZER_H

#include "base/buffer.h"
#include "base/random.h"


/* Opens a tokenizer.json. HEED_FORMAT when it is damaged, HEED_UNSUPPORTED when it names a component that heed lacks;
 * the message names the file and the component. The caller closes *out. */
heed_status hd_tokenizer_open(heed_context *context, const char *path, heed_tokenizer **out);
/* The same from bytes in memory; `name` stands for the path in messages. */
heed_status hd_tokenizer_parse(heed_context *context, const char *name, const char *json, size_t size,
                               heed_tokenizer **out);
void hd_tokenizer_close(heed_tokenizer *tokenizer); /* NULL is fine */
/* Writes a tokenizer.json, whole or not at all, that heed and tokenizers open. */
heed_status hd_tokenizer_save(const heed_tokenizer *tokenizer, heed_context *context, const char *path);
/* Appends the same to a buffer. */
heed_status hd_tokenizer_write(const heed_tokenizer *tokenizer, hd_buffer *out);

/* ---- text to ids ---------------------------------------------------------------------------------------------- */

/* Start from {0}, use again for text after text, close at the end. */
typedef struct hd_encoding {
    size_t count;
    int32_t *ids;            /* [count] */
    uint32_t *starts, *ends; /* [count]: the characters (code points) of the text that a token stands for; 0, 0 for
                              * those that the template put in */
    uint32_t *types;         /* [count]: token types; 0 for one text, of a pair what the template says */
    heed_context *context;   /* of the first encode; the rest is private */
    size_t ids_capacity, starts_capacity, ends_capacity, types_capacity;
    struct hd_encoding_room *room;
} hd_encoding;

void hd_encoding_close(hd_encoding *encoding);

/* Special tokens that stand in the text are found in any case; `add_special` puts in those of the template.
 * HEED_LENGTH past 2 GB, or where a pre-tokenizer's pattern gives up; else only HEED_MEMORY can happen. */
heed_status hd_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text, size_t size,
                                bool add_special, hd_encoding *out);

typedef struct hd_encode_options {
    bool add_special;
    const char *
        second; /* [second_size]: the other text of a pair, as BERT takes them; NULL for none. Its offsets are its own */
    size_t second_size;
    float dropout;     /* of BPE merges; 0 for none, 1 for characters */
    hd_random_key key; /* with dropout, the result is a function of the text, the key and … */
    uint64_t sentence; /* … this number */
} hd_encode_options;

heed_status hd_tokenizer_encode_with(const heed_tokenizer *tokenizer, heed_context *context, const char *text,
                                     size_t size, const hd_encode_options *options, hd_encoding *out);

/* Is token i a later piece of the word that the token before it belongs to? Vocabularies mark either those ("##s") or the
 * first pieces ("▁dog", "Ġdog"). */
bool hd_tokenizer_goes_on(const heed_tokenizer *tokenizer, const hd_encoding *encoding, size_t i);

/* ---- ids to text ---------------------------------------------------------------------------------------------- */

/* Appends the text of `ids` to `out`; unknown ids are left out, and with `skip_special` special tokens too. */
heed_status hd_tokenizer_decode(const heed_tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip_special,
                                hd_buffer *out);

/* ---- vocabulary ----------------------------------------------------------------------------------------------- */

size_t hd_tokenizer_size(const heed_tokenizer *tokenizer);                   /* the largest id + 1 */
int32_t hd_tokenizer_id(const heed_tokenizer *tokenizer, const char *token); /* -1 when there is none */
/* The token's text as it stands in the vocabulary ("▁dog"), owned by the tokenizer; NULL for an id that is not
 * used. */
const char *hd_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id);
bool hd_tokenizer_is_special(const heed_tokenizer *tokenizer, int32_t id);
int32_t hd_tokenizer_special(const heed_tokenizer *tokenizer, const char *token); /* the id if special, else -1 */
int32_t hd_tokenizer_mask(const heed_tokenizer *tokenizer);    /* "[MASK]" or "<mask>"; -1 when there is none */
int32_t hd_tokenizer_unknown(const heed_tokenizer *tokenizer); /* what unknown characters become; -1 when dropped */

#endif
