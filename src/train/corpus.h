/* Training pairs as token ids in a mapped file, so that memory does not grow with the data. */
#ifndef HD_TRAIN_CORPUS_H
#define HD_TRAIN_CORPUS_H

#include "base/arena.h"
#include "base/file.h"
#include "text/tokenizer.h"

/* Both sides end with the end token. */
typedef struct hd_pair {
    uint64_t number; /* in its corpus */
    const int32_t *source, *target;
    int32_t source_count, target_count;
} hd_pair;

typedef struct hd_corpus_options {
    const char *source, *target; /* text files, a sentence a line */
    const char *folder, *name;   /* FOLDER/NAME.tokens and NAME.index are made */
    int64_t most;                /* tokens of a side; longer pairs are left out */
    float bpe_dropout;           /* of pairs that are drawn; if it is not 0, text is kept beside the ids */
    uint64_t seed;               /* of that dropout */
} hd_corpus_options;

typedef struct hd_corpus {
    heed_context *context;
    const heed_tokenizer *tokenizer;
    char *tokens_path, *index_path;
    hd_map tokens; /* int32: how many source ids, target ids, source bytes, target bytes; then those; pair after pair */
    hd_map index;  /* uint64 a pair: where it starts, in int32s */
    uint64_t count; /* pairs */
    uint64_t target_tokens;
    int64_t most;
    float bpe_dropout;
    uint64_t seed;
    hd_encoding drawn; /* room to encode in */
} hd_corpus;

/* Encodes two text files and maps the result. Pairs with an empty side or a long one are left out, and a note tells how
 * many. HEED_FORMAT, with both counts, when the files have different numbers of lines, or when nothing is left. The
 * tokenizer outlives the corpus; the options need not. */
heed_status hd_corpus_open(heed_context *context, const heed_tokenizer *tokenizer, const hd_corpus_options *options,
                           hd_corpus *corpus);
void hd_corpus_close(hd_corpus *corpus); /* and removes the files */
hd_pair hd_corpus_get(const hd_corpus *corpus, uint64_t number);
/* The pair to learn from in this epoch: with BPE-dropout it is encoded anew, into the arena, as (seed, epoch, number,
 * side) say. A side that comes out longer than `most` stays as it is. */
heed_status hd_corpus_draw(hd_corpus *corpus, uint64_t number, uint64_t epoch, hd_arena *arena, hd_pair *pair);

#endif
