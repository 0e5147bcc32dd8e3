/* The bytes that each token adds to a decoded text. They are exact where hd_tokenizer_decode writes U+FFFD: a token may be a
 * part of a character. */
#ifndef HD_TEXT_TOKEN_TEXTS_H
#define HD_TEXT_TOKEN_TEXTS_H

#include "base/buffer.h"

/* Where a token stands. */
typedef enum hd_token_place {
    HD_TOKEN_FIRST, /* no token before it has a text */
    HD_TOKEN_LATER,
    HD_TOKEN_PLACES
} hd_token_place;

/* The texts of the tokens in one place. Tokens without text are left out: special ones, unused ids, and those that add
 * nothing. */
typedef struct hd_placed_texts {
    hd_buffer bytes;
    size_t *ends;    /* [ids]: the text of token i ends there in `bytes`, and begins where that of token i − 1 ends */
    int32_t *sorted; /* [count]: tokens in the order of their texts */
    uint32_t *shared; /* [count]: bytes that a text shares with the one before it in this order */
    int64_t count, longest;
} hd_placed_texts;

typedef struct hd_token_texts {
    heed_context *context;
    int64_t ids;
    hd_placed_texts place[HD_TOKEN_PLACES];
    bool *visible; /* [ids]: the token is decoded, if only to an empty text */
    bool *spaced;  /* [ids]: a space follows if another visible token does, as after "</w>" */
} hd_token_texts;

static inline const char *hd_token_text(const hd_placed_texts *texts, int32_t id, size_t *size) {
    size_t begin = id ? texts->ends[id - 1] : 0;
    *size = texts->ends[id] - begin;
    return texts->bytes.data + begin;
}

/* Sorts the tokens by the texts that `ends` and `bytes` have. */
heed_status hd_token_texts_sort(const hd_token_texts *texts, hd_placed_texts *placed);
void hd_token_texts_close(hd_token_texts *texts); /* NULL is allowed */

#endif
