/* Stop strings: texts that end a generated text. A stop string may begin in one token and end in another, or inside a token;
 * tokens are therefore compared by the bytes that they add to a text, as in transformers' StopStringCriteria. */
#ifndef HD_TEXT_STOPS_H
#define HD_TEXT_STOPS_H

#include "text/spell.h"

typedef struct hd_stop_strings {
    int64_t count;
    const char *const *texts; /* [count], none empty */
    const size_t *sizes;      /* [count] */
} hd_stop_strings;

/* Finds stop strings at the end of tokens. One thread at a time uses a finder. */
typedef struct hd_stop_finder {
    const hd_stop_strings *stops;
    hd_speller speller;
    hd_buffer tail; /* the text of the last tokens */
    size_t longest; /* bytes of the longest stop string */
} hd_stop_finder;

/* `stops` and the tokenizer outlive the finder. The caller closes it, also after a failure. */
heed_status hd_stop_finder_open(hd_stop_finder *finder, const heed_tokenizer *tokenizer, heed_context *context,
                                const hd_stop_strings *stops);
void hd_stop_finder_close(hd_stop_finder *finder);
/* Whether a stop string ends inside the last of tokens [count]: *bytes is the number of bytes from its beginning to the end of
 * the text, of several stop strings from the first one; 0: none does. */
heed_status hd_stop_finder_match(hd_stop_finder *finder, const int32_t *ids, int64_t count, size_t *bytes);

/* The length of the text without the first stop string that ends after byte `given`, and without what follows it; at least
 * `given`. The whole size if there is none. */
size_t hd_stops_cut(const hd_stop_strings *stops, const char *text, size_t size, size_t given);
/* The number of bytes at the end of a text that may be the beginning of a stop string. */
size_t hd_stops_begun(const hd_stop_strings *stops, const char *text, size_t size);

#endif
