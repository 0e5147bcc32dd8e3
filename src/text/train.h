/* Trains a whole tokenizer from lines of text: the components, the vocabulary and the merges. */
#ifndef HD_TEXT_TRAIN_H
#define HD_TEXT_TRAIN_H

#include "text/tokenizer.h"

typedef enum hd_normal_form { HD_FORM_NONE, HD_FORM_NFC, HD_FORM_NFD, HD_FORM_NFKC, HD_FORM_NFKD } hd_normal_form;

typedef enum hd_tokenizer_kind {
    HD_KIND_BPE, /* spaces become "▁", which also begins each line; words are cut before it and around punctuation */
    HD_KIND_WORDPIECE, /* BERT's: words at white space and punctuation, Chinese characters apart, tokens inside a word
                        * begin with "##"; with `lowercase` accents go too */
    HD_KIND_BYTE_BPE,  /* GPT-2's: words by its pattern, of bytes, so that no text is unknown; all 256 are tokens */
    HD_KIND_CHARACTERS /* each character is a token, line ends too; nothing is merged */
} hd_tokenizer_kind;

typedef struct hd_tokenizer_options {
    hd_tokenizer_kind kind;
    size_t vocabulary_size; /* with all special tokens; fewer when the text gives no more */
    uint64_t min_frequency; /* of a pair that is merged */
    size_t alphabet_limit;  /* the most frequent characters only; 0 for all */
    const char *alphabet;   /* characters to have in any case; NULL for none */
    hd_normal_form form;
    bool lowercase;                    /* after the normal form */
    const char *const *first_specials; /* take the first ids, in order */
    size_t first_count;
    const char *const *last_specials; /* take the last ids, in order */
    size_t last_count;
    const char *unknown;       /* one of the special tokens; NULL: unknown characters are dropped */
    const char *single, *pair; /* the template for one text and for two, "$A </s>" (template.h); NULL for none */
    /* How far the merging is; false stops it with HEED_STOPPED. May be NULL. */
    bool (*progress)(void *user, size_t tokens, size_t vocabulary_size);
    void *user;
} hd_tokenizer_options;

/* A kind with the special tokens and the template that it has elsewhere: Marian's ("</s>" and "<unk>" first, "<pad>" last, "$A
 * </s>"), BERT's ([PAD] [UNK] [CLS] [SEP] [MASK]), GPT-2's (<|endoftext|>), and for characters <|endoftext|> and <unk>. The
 * rest is zero, for the caller to set. */
hd_tokenizer_options hd_tokenizer_options_of(hd_tokenizer_kind kind);
/* Kinds whose tokens are made of line ends too want lines with their ends. */
bool hd_tokenizer_learns_line_ends(hd_tokenizer_kind kind);

/* Gives the next line, good until the next call; *text NULL after the last. */
typedef heed_status hd_next_line(void *user, const char **text, size_t *size);

/* Memory grows with the distinct words. The same lines and options give the same tokenizer. HEED_ARGUMENT when the options
 * do not fit together. The caller closes *out. */
heed_status hd_tokenizer_train(heed_context *context, const hd_tokenizer_options *options, hd_next_line *next,
                               void *lines, heed_tokenizer **out);

#endif
