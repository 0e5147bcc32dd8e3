/* The components of a tokenizer. Private to this module and its tests. */
#ifndef HD_TEXT_COMPONENTS_H
#define HD_TEXT_COMPONENTS_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/decode.h"
#include "text/language_tokens.h"
#include "text/normalize.h"
#include "text/post_process.h"
#include "text/pre_tokenize.h"
#include "text/truncate.h"
#include "text/unigram.h"
#include "text/vocabulary.h"
#include "text/wordlevel.h"
#include "text/wordpiece.h"

#include <pthread.h>

/* A Sequence in the file is a list here, a single component a list of one, null an empty list. */
struct heed_tokenizer {
    heed_context *context; /* that it was opened with; its memory comes from it */
    char *name;            /* owned, or NULL: of the file, for messages about texts */
    hd_vocabulary vocabulary;
    enum {
        HD_MODEL_BPE,
        HD_MODEL_WORDPIECE,
        HD_MODEL_WORDLEVEL,
        HD_MODEL_UNIGRAM
    } model; /* which of the next is in use */
    hd_bpe bpe;
    hd_wordpiece wordpiece;
    hd_wordlevel wordlevel;
    hd_unigram unigram;
    hd_added added;
    int64_t next_added; /* 1 + the highest id of an added token */
    hd_normalizer *normalizers;
    size_t normalizer_count, normalizer_capacity;
    hd_pre_tokenizer *pre_tokenizers;
    size_t pre_tokenizer_count, pre_tokenizer_capacity;
    hd_token_decoder *decoders;
    size_t decoder_count, decoder_capacity;
    bool decodes; /* it has a decoder, if only an empty list; else decoded tokens are joined by spaces */
    hd_post_processor *post_processors;
    size_t post_processor_count, post_processor_capacity;
    hd_arrangement arrangements[2][2]; /* what they make: [of a pair][with special tokens] */
    hd_truncation truncation;
    hd_padding padding;
    hd_languages languages;
    pthread_mutex_t lock;             /* of `idle` and `texts` */
    struct hd_encoding_scratch *idle; /* scratch memory that no call uses now */
    struct hd_token_texts *texts;     /* owned; NULL until they are used */
};

/* An empty tokenizer: add components, then call hd_tokenizer_finish. NULL when memory ran out. */
heed_tokenizer *hd_tokenizer_new(heed_context *context);
/* Builds the tables that encoding needs. */
heed_status hd_tokenizer_finish(heed_tokenizer *tokenizer);

/* Add a component and take ownership of what it points to, also on failure. */
heed_status hd_tokenizer_add_normalizer(heed_tokenizer *tokenizer, hd_normalizer normalizer);
heed_status hd_tokenizer_add_pre_tokenizer(heed_tokenizer *tokenizer, hd_pre_tokenizer pre_tokenizer);
heed_status hd_tokenizer_add_decoder(heed_tokenizer *tokenizer, hd_token_decoder decoder);
heed_status hd_tokenizer_add_post_processor(heed_tokenizer *tokenizer, hd_post_processor post_processor);
/* Makes it the only post-processor of a finished tokenizer. */
heed_status hd_tokenizer_set_post_processor(heed_tokenizer *tokenizer, hd_post_processor post_processor);
/* Adds an added token. Its id is that of the vocabulary if it is there, else the next free one; an empty token
 * is left out. So does tokenizers, whatever id the file says. */
heed_status hd_tokenizer_add_token(heed_tokenizer *tokenizer, const char *text, size_t size, hd_added_token token);

/* Normalizes and pre-tokenizes without added tokens; the segments of *line are the words that a trainer counts. `spare`
 * is scratch. Check line->failed. */
void hd_tokenizer_words(const heed_tokenizer *tokenizer, const char *text, size_t size, hd_line *line, hd_line *spare);

#endif
