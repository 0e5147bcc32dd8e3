/* What a tokenizer is made of. For the files of this module only. */
#ifndef HD_TEXT_PARTS_H
#define HD_TEXT_PARTS_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/decode.h"
#include "text/normalize.h"
#include "text/pre_tokenize.h"
#include "text/template.h"
#include "text/vocabulary.h"
#include "text/wordpiece.h"

/* A Sequence in the file is a list here; a single component is a list of one, null an empty one. */
struct heed_tokenizer {
    heed_context *context; /* that it was opened with; owns its memory */
    hd_vocabulary vocabulary;
    enum { HD_MODEL_BPE, HD_MODEL_WORDPIECE } model; /* the one of the two that is used */
    hd_bpe bpe;
    hd_wordpiece wordpiece;
    hd_added added;
    hd_normalizer *normalizers;
    size_t normalizer_count, normalizer_capacity;
    hd_pre_tokenizer *pre_tokenizers;
    size_t pre_tokenizer_count, pre_tokenizer_capacity;
    hd_token_decoder *decoders;
    size_t decoder_count, decoder_capacity;
    hd_template template;
};

/* An empty tokenizer, to be filled and then finished; NULL when memory is out. */
heed_tokenizer *hd_tokenizer_new(heed_context *context);
/* Builds the tables that encoding needs. */
heed_status hd_tokenizer_finish(heed_tokenizer *tokenizer);

heed_status hd_tokenizer_add_normalizer(heed_tokenizer *tokenizer, hd_normalizer normalizer); /* takes it over */
heed_status hd_tokenizer_add_pre_tokenizer(heed_tokenizer *tokenizer,
                                           hd_pre_tokenizer pre_tokenizer);                /* takes it over */
heed_status hd_tokenizer_add_decoder(heed_tokenizer *tokenizer, hd_token_decoder decoder); /* takes it over */
/* An added token, by a content that may or may not be in the vocabulary already. */
heed_status hd_tokenizer_add_token(heed_tokenizer *tokenizer, const char *text, size_t size, int64_t id,
                                   hd_added_token token);

/* Normalizes and pre-tokenizes without looking for added tokens: what a trainer counts. Two lines to work in; the
 * result is in *line. Check line->failed. */
void hd_tokenizer_words(const heed_tokenizer *tokenizer, const char *text, size_t size, hd_line *line, hd_line *spare);

#endif
