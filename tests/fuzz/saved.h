/* What the fuzz targets of tokenizers have in common. */
#ifndef HD_TESTS_FUZZ_SAVED_H
#define HD_TESTS_FUZZ_SAVED_H

#include "text/tokenizer.h"

/* heed opens what it has written. */
static inline void check_saved_tokenizer(heed_context *context, const heed_tokenizer *tokenizer) {
    heed_tokenizer *again;
    hd_buffer json;
    hd_buffer_open(&json, context);
    if (hd_tokenizer_write(tokenizer, &json) != HEED_OK) __builtin_trap();
    if (hd_tokenizer_parse(context, "saved", json.data, json.size, &again) != HEED_OK) __builtin_trap();
    if (hd_tokenizer_size(again) != hd_tokenizer_size(tokenizer)) __builtin_trap();
    hd_tokenizer_close(again);
    hd_buffer_close(&json);
}

#endif
