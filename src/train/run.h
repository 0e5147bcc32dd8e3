/* A training run: everything that its parts share. trainer.c leads it; new_model.c builds what is trained, batch.c makes a step's passes, checkpoint.c stops
 * and resumes it, validate.c measures it, report.c reports progress. */
#ifndef HD_TRAIN_RUN_H
#define HD_TRAIN_RUN_H

#include "models/model.h"
#include "data/batch.h"
#include "data/batches.h"
#include "measure/metrics/bleu.h"
#include "train/optimizer.h"
#include "train/tree.h"

/* Where a run stands: what a checkpoint must hold besides numbers by the million. */
typedef struct hd_run_state {
    int64_t step;               /* updates done */
    uint64_t epoch, batch;      /* of the next batch */
    double best, best_loss;     /* the best validation's metric, higher is better, and its loss, which breaks ties */
    int64_t best_step;          /* 0: none yet */
    int64_t validations, worse; /* done; and in a row without a better one */
    uint64_t tokens;            /* target tokens learned from */
} hd_run_state;

/* What runs a chunk: a context of its own, so that its threads and its message are its own, and a pass. */
typedef struct hd_worker {
    heed_context context;
    hd_pass pass;
} hd_worker;

typedef struct hd_run {
    heed_context *context; /* the run's own: its arithmetic is the recipe's, and a callback that changes the caller's
                            * threads does not change it */
    heed_context forked;   /* of the caller's context: what `context` points to */
    hd_train_options options;
    bool resume;
    const char *folder;
    hd_objective_kind objective;
    hd_metric metric; /* by which validations are compared */
    heed_model *model;
    hd_labels labels; /* of objectives that have some */
    hd_corpus train, valid;
    hd_batches batches;
    hd_optimizer optimizer;
    hd_worker *workers; /* [context->threads] */
    hd_tree tree;       /* sums the chunks' gradients */
    hd_run_state state;
    /* the last step */
    double loss; /* a token */
    int64_t step_tokens;
    char non_finite[256]; /* of a step whose loss is not finite: which examples have such a loss */
    int64_t saved_step;   /* of the checkpoint that there is; 0: none */
    /* the last validation */
    double valid_loss, score; /* score: of the metric, if it is not the loss; NaN when there was none */
    /* reporting */
    heed_progress_function *progress;
    void *user;
    double started;     /* clock */
    int64_t first_step; /* of this process */
    double seconds;     /* spent on steps, validations not counted */
    uint64_t timed_tokens;
    double logged_loss; /* summed since the last line of the log */
    int64_t logged_tokens;
} hd_run;

static inline const hd_objective *hd_run_objective(const hd_run *run) { return &hd_objectives[run->objective]; }

/* trainer.c: a run up to its first step, as the options begin or resume it. Closed by hd_run_close after success or not. */
heed_status hd_run_open(heed_context *context, const heed_options *options, const char *folder, hd_run **run);
void hd_run_close(hd_run *run);

/* The examples of an update. */
typedef struct hd_update {
    hd_pair *pairs; /* [count] */
    size_t count, capacity;
    hd_arena ids; /* of those that were made anew */
} hd_update;

void hd_update_open(hd_update *update, heed_context *context);
void hd_update_close(hd_update *update);

/* batch.c: the next `accumulate` batches, good until the update is drawn again or closed. Sets step_tokens. */
heed_status hd_run_draw(hd_run *run, hd_update *update);
/* One update's forward and backward passes over what is drawn, gradients left to the optimizer. Sets loss and
 * step_tokens. */
heed_status hd_run_batches(hd_run *run);
/* The mean loss over a corpus, in the same chunks, without gradients. */
heed_status hd_run_loss(hd_run *run, hd_corpus *corpus, double *loss);

/* checkpoint.c */
heed_status hd_checkpoint_save(hd_run *run);
/* HEED_FORMAT for a checkpoint that another heed began, which this one would not go on with to the same bits. */
heed_status hd_checkpoint_check(hd_run *run);
/* False in *found when there is none. */
heed_status hd_checkpoint_load(hd_run *run, bool *found);
/* FOLDER/weights/NAME.safetensors, for the caller to free. */
char *hd_checkpoint_weights(const hd_run *run, const char *name);
/* Saves this validation's weights and removes those that are no longer kept. */
heed_status hd_checkpoint_keep(hd_run *run);
/* The parameters become the mean of the last `average` validations' weights; false in *done when there are too few. */
heed_status hd_checkpoint_average(hd_run *run, bool *done);

/* validate.c: sets valid_loss and score; *metric is the one that counts, higher is better. */
heed_status hd_validate(hd_run *run, double *metric);

/* accuracy.c: of the network's predictions for the validation's examples, the percentage that is right, or the F1 of
 * spans. */
heed_status hd_validate_predictions(hd_run *run, double *score);

/* new_model.c: the model that the options ask for, with a tokenizer that is trained if there is none. */
heed_status hd_run_make_model(hd_run *run);
/* HEED_ARGUMENT unless models of the family that the options name have what the objective needs. */
heed_status hd_run_check_family(heed_context *context, const hd_train_options *options);

/* report.c */
heed_status hd_report_open(hd_run *run); /* log.jsonl, cut to where the run stands */
heed_status hd_report_step(hd_run *run, bool *go_on);
heed_status hd_report_validation(hd_run *run, bool better);
heed_status hd_run_export(hd_run *run); /* the finished model into the folder */

#endif
