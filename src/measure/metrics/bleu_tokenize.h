/* The tokenizers of sacreBLEU (Post, "A call for clarity in reporting BLEU scores", 2018). A score is only
 * comparable with scores of the same tokenization, so these reproduce sacrebleu 2.6.0 exactly, oddities included. */
#ifndef HD_MEASURE_METRICS_BLEU_TOKENIZE_H
#define HD_MEASURE_METRICS_BLEU_TOKENIZE_H

#include "base/context.h"

typedef enum hd_bleu_tokenizer {
    HD_BLEU_13A,  /* that of NIST's mteval-v13a and of WMT: separates ASCII punctuation, keeps numbers whole */
    HD_BLEU_INTL, /* that of mteval-v14: the same idea for all of Unicode's punctuation and symbols */
    HD_BLEU_CHAR, /* each character */
    HD_BLEU_NONE  /* white space alone */
} hd_bleu_tokenizer;

/* "13a", "intl", "char", "none". */
const char *hd_bleu_tokenizer_name(hd_bleu_tokenizer tokenizer);
/* The same as an option's choices: NULL past the last. */
const char *hd_bleu_tokenizer_option(int tokenizer);

/* A segment being tokenized. The memory is reused for the next segment. */
typedef struct hd_bleu_text {
    heed_context *context;
    uint32_t *points; /* [count] code points; after hd_bleu_tokenize, tokens with white space between them */
    size_t count, capacity;
    uint32_t *spare; /* [spare_capacity]: output of a pass, before the two are swapped */
    size_t spare_capacity;
} hd_bleu_text;

void hd_bleu_text_open(hd_bleu_text *text, heed_context *context);
void hd_bleu_text_close(hd_bleu_text *text);
/* Reads UTF-8 (invalid bytes become U+FFFD), lowercases it if `lowercase` is set (Python's str.lower), drops
 * trailing white space, and tokenizes. HEED_MEMORY. */
heed_status hd_bleu_tokenize(hd_bleu_text *text, hd_bleu_tokenizer tokenizer, bool lowercase, const char *bytes,
                             size_t size);
/* The next token at or after *at, which is advanced past it; false when there is none. */
bool hd_bleu_next_token(const hd_bleu_text *text, size_t *at, const uint32_t **token, size_t *size);

#endif
