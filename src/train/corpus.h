/* Training pairs as token ids in a mapped file, so that memory does not grow with the data. */
#ifndef HD_TRAIN_CORPUS_H
#define HD_TRAIN_CORPUS_H

#include "base/file.h"
#include "text/tokenizer.h"

/* Both end with the end token. */
typedef struct hd_pair {
    const int32_t *source, *target;
    int32_t source_count, target_count;
} hd_pair;

typedef struct hd_corpus {
    heed_context *context;
    char *tokens_path, *index_path;
    hd_map tokens;  /* int32: source count, target count, source ids, target ids; pair after pair */
    hd_map index;   /* uint64 a pair: where it starts, in int32s */
    uint64_t count; /* pairs */
    uint64_t target_tokens;
} hd_corpus;

/* Encodes two text files into FOLDER/NAME.tokens and NAME.index and maps them. Pairs with an empty side or one of more
 * than `most` tokens are left out, and a note tells how many. HEED_FORMAT, with both counts, when the files have different
 * numbers of lines, or when nothing is left. */
heed_status hd_corpus_open(heed_context *context, const heed_tokenizer *tokenizer, const char *source,
                           const char *target, const char *folder, const char *name, int64_t most, hd_corpus *corpus);
void hd_corpus_close(hd_corpus *corpus); /* and removes the files */
hd_pair hd_corpus_get(const hd_corpus *corpus, uint64_t number);

#endif
