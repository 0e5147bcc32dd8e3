/* An objective: what a model learns to predict. One row of hd_objectives defines how its examples are read from
 * files, its network and head, its targets, its metrics and its options. */
#ifndef HD_DATA_OBJECTIVE_H
#define HD_DATA_OBJECTIVE_H

#include "data/corpus.h"
#include "models/family.h"
#include "text/train.h"

typedef enum hd_objective_kind {
    HD_OBJECTIVE_TRANSLATE, /* a text from another */
    HD_OBJECTIVE_LANGUAGE,  /* each token from those before it */
    HD_OBJECTIVE_MASKED,    /* masked tokens from those around them */
    HD_OBJECTIVE_CLASSIFY,  /* a label for a text */
    HD_OBJECTIVE_TAG,       /* a label for each word */
    HD_OBJECTIVE_ANSWER     /* the span of a context that answers a question */
} hd_objective_kind;

typedef enum hd_metric {
    HD_METRIC_AUTO, /* the objective's own */
    HD_METRIC_LOSS,
    HD_METRIC_BLEU,
    HD_METRIC_ACCURACY,
    HD_METRIC_SPAN_F1,
    HD_METRIC_EXACT_MATCH, /* of answers */
    HD_METRIC_ANSWER_F1
} hd_metric;

typedef struct hd_metric_names {
    const char *option; /* as an option's value */
    const char *key;    /* in log.jsonl */
    const char *name;   /* for people */
} hd_metric_names;

extern const hd_metric_names hd_metrics[]; /* by hd_metric */

/* The source of the training data's labels. */
typedef enum hd_label_place {
    HD_LABELS_NONE,
    HD_LABELS_OF_LINES, /* one per line of the target file */
    HD_LABELS_OF_WORDS  /* the last column of the source file */
} hd_label_place;

/* Output arrays for one example's part of a batch. */
typedef struct hd_target_room {
    int32_t start_token;  /* the decoder's first input */
    int32_t first_row;    /* of the example's source in the encoder's states */
    int32_t *targets;     /* [target_count(pair)] */
    int32_t *types;       /* [source_count], with `typed` */
    int32_t *decoder_ids; /* [decoder_count(pair)] */
    int32_t *rows;        /* [target_count(pair)]: the encoder's states that predict the targets */
} hd_target_room;

typedef void hd_target_writer(const hd_pair *pair, const hd_target_room *room);

typedef struct hd_objective {
    const char *name; /* as an option's value */
    /* the network */
    hd_head head;
    bool encodes, decodes;
    const hd_family *family;          /* of a new model, unless the options name one */
    const hd_family *pre_norm_family; /* the same with pre-norm; NULL: that family */
    /* files */
    bool two_files; /* train-source and train-target; else train-source alone */
    bool two_texts; /* both files are text that the tokenizer is trained on */
    bool questions; /* files of questions and contexts (readers/questions.h); examples are windows of contexts */
    hd_label_place labels;
    hd_corpus_reader *read;
    hd_corpus_drawer *draw;  /* the random part of an example, anew in every epoch; NULL: there is none */
    hd_pair_measure *weight; /* of an example when examples are cut into batches and chunks */
    /* an example is a segment of a text: its last token is only a target. Validation text is cut in the same way, without
     * randomness. */
    bool cuts_texts;
    /* inputs and targets */
    hd_pair_measure *target_count;  /* divisor of losses */
    hd_pair_measure *decoder_count; /* decoder inputs; NULL without a decoder */
    hd_target_writer *write;
    bool typed;  /* sources are pairs of texts, with token types */
    bool by_row; /* targets belong to chosen rows of the encoder's states; else to all of them, or to each text */
    /* options that apply, and defaults */
    bool whole_file, bpe_dropout, r_drop, crf, beams;
    float label_smoothing;
    hd_tokenizer_kind tokenizer; /* of a new model, unless its family has its own */
    const char *const *special;  /* tokens that it needs, NULL at the end; one of them is enough with any_special */
    bool any_special,
        starts_with_pad; /* starts_with_pad: the decoder's first input is the pad token, not the end token */
    /* measures */
    hd_metric metric;       /* compares validations, higher is better */
    unsigned metrics;       /* 1 << hd_metric for each that applies */
    const char *perplexity; /* the key that `evaluate perplexity` reports; NULL: it does not apply */
    /* model card */
    const char *pipeline, *examples, *targets, *target; /* targets, target: "target tokens seen …", "loss per token" */
} hd_objective;

extern const hd_objective hd_objectives[]; /* by kind */

/* The name of an objective or metric as an option's value; NULL past the last. */
const char *hd_objective_name(int index);
const char *hd_metric_option(int index);

#endif
