/* The tokens of a text, and the words that they belong to. */
#ifndef HD_INSPECT_WORDS_H
#define HD_INSPECT_WORDS_H

#include "base/arena.h"
#include "text/tokenizer.h"

/* Words are separated by white space, and punctuation at their ends is a word of its own: "(dog)." is three. A special
 * token is a word of its own. Labels hold no control characters. */
typedef struct hd_words {
    int64_t tokens, words, spaced_words;
    const char **token_labels; /* [tokens]: as in the vocabulary, "▁dog" */
    const char **word_labels;  /* [words]: as in the text */
    int32_t *word;             /* [tokens]: the word that each belongs to; ascending */
    int32_t *spaced_word; /* [tokens]: the same, of words separated by white space alone; −1 for special tokens */
} hd_words;

/* The words of a text and its encoding; memory comes from the arena, also below. */
heed_status hd_words_of_text(const heed_tokenizer *tokenizer, const char *text, size_t size,
                             const hd_encoding *encoding, hd_arena *arena, hd_words *words);
/* The words of generated ids and of the text that they decode to. */
heed_status hd_words_of_ids(const heed_tokenizer *tokenizer, const int32_t *ids, int64_t count, hd_arena *arena,
                            hd_words *words);

/* A token as in the vocabulary, without control characters; NULL when memory ran out. */
const char *hd_token_label(const heed_tokenizer *tokenizer, int32_t id, hd_arena *arena);

/* joined [query_groups, key_groups] is weights [queries, keys] summed over the keys of a group and averaged over its
 * queries. Queries and keys whose group is −1 are left out; a group without queries is all zeros. */
void hd_join_weights(const float *weights, int64_t queries, int64_t keys, const int32_t *query_group,
                     int64_t query_groups, const int32_t *key_group, int64_t key_groups, float *joined);

#endif
