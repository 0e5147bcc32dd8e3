/* Trains a whole tokenizer from lines of text: the components, the vocabulary and the merges. */
#ifndef HD_TEXT_TRAIN_H
#define HD_TEXT_TRAIN_H

#include "text/tokenizer.h"

typedef enum hd_normal_form { HD_FORM_NONE, HD_FORM_NFC, HD_FORM_NFD, HD_FORM_NFKC, HD_FORM_NFKD } hd_normal_form;

typedef enum hd_tokenizer_kind {
    /* Marian's: spaces become "▁", also at the beginning of a line; words are split before it and around punctuation */
    HD_KIND_BPE,
    /* BERT's: words are split at white space, punctuation and around Chinese characters, tokens inside a word begin
     * with "##"; `lowercase` also strips accents */
    HD_KIND_WORDPIECE,
    /* GPT-2's: words by its pattern, as bytes, all 256 of which are tokens, so that no text is unknown */
    HD_KIND_BYTE_BPE,
    /* each character is a token, including line ends; no merges */
    HD_KIND_CHARACTERS,
    /* RoBERTa's: GPT-2's byte-level BPE with a mask and tokens around a text */
    HD_KIND_MASK_BYTE_BPE,
    /* Qwen2's: GPT-2's after NFC, with words by another pattern, in which each digit is one */
    HD_KIND_QWEN_BYTE_BPE,
    /* T5's: words are split at white space and begin with "▁"; pieces by their probability */
    HD_KIND_UNIGRAM
} hd_tokenizer_kind;

typedef struct hd_tokenizer_options {
    hd_tokenizer_kind kind;
    size_t vocabulary_size; /* including special tokens; fewer when the text has no more pairs */
    uint64_t min_frequency; /* of merged pairs */
    size_t alphabet_limit;  /* the most frequent characters only; 0 for all */
    const char *alphabet;   /* characters to include even if they do not occur; NULL for none */
    hd_normal_form form;
    bool lowercase;                    /* after the normal form */
    const char *const *first_specials; /* special tokens with the first ids, in order */
    size_t first_count;
    const char *const *last_specials; /* special tokens with the last ids, in order */
    size_t last_count;
    const char *left_strip;    /* the special token that includes white space before it; NULL: none */
    const char *unknown;       /* one of the special tokens; NULL: unknown characters are dropped */
    const char *single, *pair; /* the template for one text and for two, "$A </s>" (template.h); NULL for none */
    /* Called now and then; returning false stops training with HEED_STOPPED. May be NULL. */
    bool (*progress)(void *user, size_t tokens, size_t vocabulary_size);
    void *user;
} hd_tokenizer_options;

/* A kind with its usual special tokens and template: Marian's ("</s>" and "<unk>" first, "<pad>" last, "$A </s>"),
 * BERT's ([PAD] [UNK] [CLS] [SEP] [MASK]), GPT-2's (<|endoftext|>), RoBERTa's (<s> <pad> </s> <unk> <mask>), and for
 * characters <|endoftext|> and <unk>. The caller sets the other fields, which are zero. */
hd_tokenizer_options hd_tokenizer_options_of(hd_tokenizer_kind kind);
/* Does this kind have tokens for line ends? If so, hd_next_line gives lines with their ends. */
bool hd_tokenizer_learns_line_ends(hd_tokenizer_kind kind);

/* Returns the next line, valid until the next call; *text is NULL after the last. */
typedef heed_status hd_next_line(void *user, const char **text, size_t *size);

/* Memory grows with the number of distinct words. Equal lines and options give equal tokenizers. HEED_ARGUMENT when the
 * options contradict each other. The caller closes *out. */
heed_status hd_tokenizer_train(heed_context *context, const hd_tokenizer_options *options, hd_next_line *next,
                               void *lines, heed_tokenizer **out);

#endif
