/* An objective: what a model is trained to tell. It says how examples are read from files, which network and head it
 * needs, and which rows of the last states are scored for what. */
#ifndef HD_TRAIN_OBJECTIVE_H
#define HD_TRAIN_OBJECTIVE_H

#include "layers/network.h"
#include "data/corpus.h"

typedef enum hd_objective_kind {
    HD_OBJECTIVE_TRANSLATE, /* a text to another */
    HD_OBJECTIVE_LANGUAGE,  /* each token from those before it */
    HD_OBJECTIVE_MASKED,    /* hidden tokens from those around them */
    HD_OBJECTIVE_CLASSIFY,  /* a label for a text */
    HD_OBJECTIVE_TAG        /* a label for each word */
} hd_objective_kind;

typedef enum hd_metric {
    HD_METRIC_NATURAL, /* the objective's own */
    HD_METRIC_LOSS,
    HD_METRIC_BLEU,
    HD_METRIC_ACCURACY,
    HD_METRIC_SPAN_F1
} hd_metric;

typedef struct hd_objective {
    const char *name;
    hd_head head;
    bool encodes, decodes;
    hd_metric metric;
    hd_corpus_reader *read;
    hd_corpus_drawer *draw; /* what is random about an example, anew in every epoch; NULL: nothing */
} hd_objective;

extern const hd_objective hd_objectives[]; /* by kind */

/* Some examples, laid out for one pass: what goes in, and what is asked of it. */
typedef struct hd_laid_out {
    hd_layout sources, targets;
    int32_t *source_ids, *fed; /* fed: target ids, each in the place of the one after it */
    int32_t *rows;             /* [asked]: of the last states; NULL: all of them, or one for each text */
    int32_t *wanted;           /* [asked]: tokens or labels */
    int64_t asked;
    hd_layout texts; /* which of those asked belong to one text */
} hd_laid_out;

/* Writes the examples into the pass's arena, `copies` times all of them; a copy's numbers are others, and so is its
 * dropout. False when memory ran out. */
bool hd_lay_out(hd_pass *pass, hd_objective_kind kind, int32_t start_token, const hd_pair *pairs, int64_t distinct,
                int64_t copies, hd_laid_out *out);
/* How many answers an example asks for: what a loss is divided by. */
int64_t hd_asked_of(hd_objective_kind kind, const hd_pair *pair);
/* The last states, and of them the rows that the output's table scores, [asked, width]. */
hd_tensor *hd_ask(const hd_network *network, hd_pass *pass, const hd_laid_out *batch);

#endif
