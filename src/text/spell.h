/* The bytes that single tokens add to a text. */
#ifndef HD_TEXT_SPELL_H
#define HD_TEXT_SPELL_H

#include "text/tokenizer.h"

/* Decoders treat the first token of a text differently: a token is therefore decoded after the tokens of a prefix, as in
 * transformers' StopStringCriteria. One thread at a time uses a speller. */
typedef struct hd_speller {
    const heed_tokenizer *tokenizer;
    hd_encoding base;  /* of the prefix */
    hd_buffer shown;   /* the prefix, decoded */
    hd_buffer decoded; /* scratch */
} hd_speller;

/* The tokenizer outlives the speller. The caller closes it, also after a failure. */
heed_status hd_speller_open(hd_speller *speller, const heed_tokenizer *tokenizer, heed_context *context);
void hd_speller_close(hd_speller *speller);
/* Appends the bytes of a token, which may be a part of a character. Special tokens have their names. */
heed_status hd_speller_add(hd_speller *speller, int32_t id, hd_buffer *out);

#endif
