/* Trains a whole tokenizer from lines of text: the components, the vocabulary and the merges. */
#ifndef HD_TEXT_TRAIN_H
#define HD_TEXT_TRAIN_H

#include "text/tokenizer.h"

typedef enum hd_normal_form { HD_FORM_NONE, HD_FORM_NFC, HD_FORM_NFD, HD_FORM_NFKC, HD_FORM_NFKD } hd_normal_form;

typedef struct hd_tokenizer_options {
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
    const char *unknown;         /* one of the special tokens; NULL: unknown characters are dropped */
    const char *end_of_sentence; /* the one that the template appends; NULL for no template */
    /* How far the merging is; false stops it with HEED_STOPPED. May be NULL. */
    bool (*progress)(void *user, size_t tokens, size_t vocabulary_size);
    void *user;
} hd_tokenizer_options;

/* Gives the next line, good until the next call; *text NULL after the last. */
typedef heed_status hd_next_line(void *user, const char **text, size_t *size);

/* Spaces become "▁", which also begins each line, and words are cut before it and around punctuation:
 * Metaspace, then Punctuation. For the layout of Marian's translators give first_specials {"</s>", "<unk>"},
 * last_specials {"<pad>"}. Memory grows with the distinct words. The same lines and options give the same
 * tokenizer. HEED_ARGUMENT when the options do not fit together. The caller closes *out. */
heed_status hd_tokenizer_train(heed_context *context, const hd_tokenizer_options *options, hd_next_line *next,
                               void *lines, heed_tokenizer **out);

#endif
