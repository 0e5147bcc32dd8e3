/* Training examples as token ids in a mapped file without a name, so that memory does not grow with the data, and nobody
 * else can change it. */
#ifndef HD_DATA_CORPUS_H
#define HD_DATA_CORPUS_H

#include "base/arena.h"
#include "base/file.h"
#include "base/lines.h"
#include "text/tokenizer.h"
#include "data/labels.h"

/* An example: inputs and targets, as its objective (data/objective.h) reads it.
 *   translate: both are texts, with the end token        language: source is empty; target is a segment of a text
 *   masked, tag: a label per source token, or −1         classify: target is one label
 *   answer: source is a question and a window of its context; target has a mark per source token (HD_MARK_…) */
typedef struct hd_pair {
    uint64_t number; /* in its corpus */
    const int32_t *source, *target;
    int32_t source_count, target_count;
    const char *source_text, *target_text; /* of examples that are encoded anew in every epoch; else NULL */
    int32_t source_size, target_size;      /* of the texts, in bytes */
} hd_pair;

/* The mark of a token of the objective answer: its token type, and whether it is the first or the last one of the answer. */
enum { HD_MARK_FIRST = 1, HD_MARK_LAST = 2, HD_MARK_TYPE = 4 };
static inline int32_t hd_mark_type(int32_t mark) { return mark / HD_MARK_TYPE; }

/* A measure of an example, such as its weight in a batch. */
typedef int64_t hd_pair_measure(const hd_pair *pair);

typedef struct hd_corpus hd_corpus;
typedef struct hd_corpus_builder hd_corpus_builder;

/* Reads the files that the builder's options name and adds their examples. */
typedef heed_status hd_corpus_reader(hd_corpus_builder *builder);
/* Replaces the random part of an example by this epoch's, in the arena. */
typedef heed_status hd_corpus_drawer(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair);

typedef struct hd_corpus_options {
    const char *source, *target; /* text files; target: NULL where an objective has no second one */
    const char *folder;          /* of the files that are mapped */
    hd_side_tokenizer targets;   /* how targets of translations are encoded; without a tokenizer, as sources */
    int64_t vocabulary, classes; /* ids that sources and targets may have: below these; 0: any */
    int64_t most;                /* maximum tokens per side; longer examples are left out or cut into segments */
    float bpe_dropout;           /* of translations; unless it is 0, texts are stored with the ids */
    uint64_t seed;               /* of the random part of examples */
    hd_corpus_reader *read;
    hd_corpus_drawer *draw;  /* NULL: as it is stored */
    hd_pair_measure *weight; /* of an example, when examples are cut into batches */
    bool whole_file;         /* language: a file is one text, not one per line */
    int64_t stride;          /* answer: tokens that windows of a context have in common; −1: by their length */
    const hd_labels *labels; /* for objectives with labels; else NULL */
} hd_corpus_options;

/* Offset of an example in the tokens file, in int32s, and the source line at which it begins. */
typedef struct hd_corpus_place {
    uint64_t at, line;
} hd_corpus_place;

struct hd_corpus {
    heed_context *context;
    const heed_tokenizer *tokenizer;
    hd_corpus_options options; /* its strings are not copied */
    /* int32, per example: numbers of source ids, target ids, source bytes and target bytes, then these */
    hd_map tokens;
    hd_map index;      /* one hd_corpus_place per example */
    uint64_t checksum; /* of both */
    uint64_t lines;    /* of the source file */
    uint64_t count;    /* examples */
    uint64_t targets;  /* of all examples */
    int64_t window;    /* unless 0, examples are segments of one long text, and begin this many tokens apart */
    hd_encoding drawn; /* memory for encoding */
};

/* Collects the examples that a reader adds. */
struct hd_corpus_builder {
    heed_context *context;
    const heed_tokenizer *tokenizer;
    const hd_corpus_options *options;
    hd_lines source, target;
    hd_writer tokens, index;
    hd_encoding encoded_source, encoded_target; /* memory for the readers */
    uint64_t at, count, targets, empty, long_ones;
    uint64_t line; /* of the current example, if it is not the current line; else 0 */
    int64_t window;
};

/* One side of an example. */
typedef struct hd_side {
    const int32_t *ids;
    size_t count;
    const char *text; /* stored with the ids if the text is encoded anew in every epoch */
    size_t size;
} hd_side;

/* Adds an example with this number of targets. Longer ones than options->most are counted and left out. */
heed_status hd_corpus_add(hd_corpus_builder *builder, hd_side source, hd_side target, uint64_t targets);
/* Encodes the current line. A failure names the file and the line. */
heed_status hd_corpus_encode(hd_corpus_builder *builder, const hd_lines *lines, const char *path, hd_encoding *out);
/* HEED_FORMAT, at the current line of that file. */
heed_status hd_corpus_refuse(hd_corpus_builder *builder, const hd_lines *lines, const char *path, const char *format,
                             ...) __attribute__((format(printf, 4, 5)));

/* HEED_FORMAT with the lengths of two files that should have the same number of lines. `source` and `target` say
 * whether each has another line. */
heed_status hd_corpus_refuse_lengths(hd_corpus_builder *builder, bool source, bool target);

/* Reads files and maps the result. Examples with an empty side or a long one are left out; a note gives their
 * number. HEED_FORMAT for an invalid file, or when no example is left. Tokenizer and labels must outlive the corpus;
 * the options need not. */
heed_status hd_corpus_open(heed_context *context, const heed_tokenizer *tokenizer, const hd_corpus_options *options,
                           hd_corpus *corpus);
void hd_corpus_close(hd_corpus *corpus);
hd_pair hd_corpus_get(const hd_corpus *corpus, uint64_t number);
/* The source line at which an example begins; 0 for a segment of one long text. */
uint64_t hd_corpus_line(const hd_corpus *corpus, uint64_t number);
/* The example for this epoch. Its random part is a function of (seed, epoch, number) and is allocated from the
 * arena. */
heed_status hd_corpus_draw(hd_corpus *corpus, uint64_t number, uint64_t epoch, hd_arena *arena, hd_pair *pair);

#endif
