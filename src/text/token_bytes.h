/* What each token of a tokenizer adds to a decoded text. */
#ifndef HD_TEXT_TOKEN_BYTES_H
#define HD_TEXT_TOKEN_BYTES_H

#include "text/token_texts.h"

/* The texts of a tokenizer's tokens; made by the first call, and owned by the tokenizer. HEED_UNSUPPORTED names a decoder with
 * which the text of a token depends on more than its place. */
heed_status hd_tokenizer_texts(const heed_tokenizer *tokenizer, heed_context *context, const hd_token_texts **texts);

#endif
