/* A training run: the data that its parts share. trainer.c runs it; new_model.c builds the model, batch.c makes a
 * step's passes, checkpoint.c stops and resumes it, validate.c measures it, report.c reports progress. */
#ifndef HD_TRAIN_RUN_H
#define HD_TRAIN_RUN_H

#include "models/model.h"
#include "data/batch.h"
#include "data/batches.h"
#include "measure/metrics/bleu.h"
#include "train/optimizer.h"
#include "train/tree.h"

/* The state of a run: everything in a checkpoint besides weights and moments. */
typedef struct hd_run_state {
    int64_t step;               /* updates done */
    uint64_t epoch, batch;      /* of the next batch */
    double best, best_loss;     /* the best validation's metric, higher is better, and its loss, which breaks ties */
    int64_t best_step;          /* 0: none yet */
    int64_t validations, worse; /* done; and consecutive ones without a better result */
    uint64_t tokens;            /* target tokens trained on */
    int64_t validated;          /* step of the last validation */
    double logged_loss;         /* summed since the last line of the log */
    int64_t logged_tokens;
} hd_run_state;

enum { HD_RUN_FILES = 8 }; /* at least as many as hd_model_file names */

typedef struct hd_file_identity {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds; /* modified */
} hd_file_identity;

/* folder.c: the folder of a run, locked, and which of its files are the run's own. */
typedef struct hd_run_folder {
    char *path;                           /* a copy */
    size_t existed;                       /* length of the part of the path that existed before */
    int folder, lock;                     /* descriptors; 0: not open, not locked */
    bool begun;                           /* this run made the folder's files */
    bool exported;                        /* the folder has a model of this process */
    bool card_changed;                    /* by the user: README.md is kept */
    hd_file_identity files[HD_RUN_FILES]; /* the model's files when the run last wrote or checked them; 0: missing */
} hd_run_folder;

/* Resources for running a chunk: a context, for separate threads and messages, and a pass. */
typedef struct hd_worker {
    heed_context context;
    hd_pass pass;
} hd_worker;

typedef struct hd_run {
    /* the run's own: it has the recipe's arithmetic, and a callback that changes the caller's threads does not change it */
    heed_context *context;
    heed_context forked; /* of the caller's context; `context` refers to it */
    hd_train_options options;
    bool resume;
    const char *folder;
    hd_run_folder files;
    uint64_t recipe_sum, old_recipe_sum; /* checksums of recipe.ini, and of what a resumed run found there */
    uint64_t data_sum;                   /* of the training examples, as the checkpoint has it; 0: no checkpoint */
    hd_objective_kind objective;
    hd_metric metric; /* the metric that compares validations */
    heed_model *model;
    hd_labels labels; /* for objectives with labels */
    hd_corpus train, valid;
    hd_batches batches;
    hd_optimizer optimizer;
    hd_worker *workers; /* [context->threads] */
    hd_tree tree;       /* sums the chunks' gradients */
    hd_run_state state;
    /* the last step */
    double loss; /* per token */
    int64_t step_tokens;
    char non_finite[256]; /* of a step whose loss is not finite: the examples with such a loss */
    int64_t saved_step;   /* of the last checkpoint; 0: none */
    /* the last validation */
    double valid_loss, score; /* score: of the metric, if it is not the loss; NaN when there was none */
    uint64_t valid_sum;       /* checksum of the validation's texts, once they were read; else 0 */
    /* reporting */
    heed_progress_function *progress;
    void *user;
    double started;     /* clock */
    int64_t first_step; /* of this process */
    double seconds;     /* spent on steps, validations not counted */
    uint64_t timed_tokens;
} hd_run;

static inline const hd_objective *hd_run_objective(const hd_run *run) { return &hd_objectives[run->objective]; }

/* trainer.c: opens a run up to its first step, new or resumed. Close it with hd_run_close after success or failure. */
heed_status hd_run_open(heed_context *context, const heed_options *options, const char *folder, hd_run **run);
void hd_run_close(hd_run *run);

/* The examples of an update. */
typedef struct hd_update {
    hd_pair *pairs; /* [count] */
    size_t count, capacity;
    hd_arena ids; /* of those that are encoded anew */
} hd_update;

void hd_update_open(hd_update *update, heed_context *context);
void hd_update_close(hd_update *update);

/* batch.c: the next `accumulate` batches, valid until the next call or close. Sets step_tokens. */
heed_status hd_run_draw(hd_run *run, hd_update *update);
/* One update's forward and backward passes; the gradients are left to the optimizer. Sets loss and step_tokens. */
heed_status hd_run_batches(hd_run *run);
/* The mean loss over a corpus, in the same chunks, without gradients. */
heed_status hd_run_loss(hd_run *run, hd_corpus *corpus, double *loss);

/* folder.c. Locks the folder of a run to be resumed. HEED_ARGUMENT if it has none, HEED_FILE if another process trains in
 * it. */
heed_status hd_run_lock(hd_run *run);
/* Makes and locks the folder of a new run. HEED_ARGUMENT if it has a file that the run would write. */
heed_status hd_run_claim(hd_run *run);
/* HEED_ARGUMENT for a recipe or a file of the model that is not as heed wrote it, when a run is resumed. Without a
 * checkpoint to vouch for the recipe, the folder's record must. */
heed_status hd_run_check_folder(hd_run *run, bool checkpoint);
/* Writes recipe.ini. */
heed_status hd_run_write_recipe(hd_run *run, const char *text, size_t size);
/* HEED_FILE if the next export would overwrite a file that another program changed; README.md is kept instead. */
heed_status hd_run_check_export(hd_run *run);
/* The model's files that are there now are the run's own, but for a card that the user changed. */
void hd_run_own_files(hd_run *run);
/* Records the checksums of the run's own files, or, with `writing`, that they are about to change. */
heed_status hd_run_record(hd_run *run, bool writing);
/* Unlocks; removes what a new run made if it has neither a checkpoint nor a model. */
void hd_run_release(hd_run *run);
/* Removes the files that a run leaves in a folder, but not checkpoints of `keep`. */
void hd_run_remove_files(const char *folder);

/* checkpoint.c */
heed_status hd_checkpoint_save(hd_run *run);
/* HEED_FORMAT for a damaged checkpoint, one of another recipe than recipe.ini, or one of another heed, if resuming it would not
 * give the same bits. */
heed_status hd_checkpoint_check(hd_run *run, bool *found);
/* False in *found when there is none. */
heed_status hd_checkpoint_load(hd_run *run, bool *found);
/* FOLDER/weights/NAME.safetensors, for the caller to free. */
char *hd_checkpoint_weights(const hd_run *run, const char *name);
/* Saves this validation's weights and removes files that are not needed any more. */
heed_status hd_checkpoint_keep(hd_run *run);
/* Sets the parameters to the mean of the last `average` validations' weights; *done is false when there are too few. */
heed_status hd_checkpoint_average(hd_run *run, bool *done);

/* validate.c: sets valid_loss and score; *metric compares validations, higher is better. */
heed_status hd_validate(hd_run *run, double *metric);

/* accuracy.c: the percentage of correct predictions for the validation's examples, or the F1 of spans. */
heed_status hd_validate_predictions(hd_run *run, double *score);

/* new_model.c: the model that the options describe; a tokenizer is trained if there is none. */
heed_status hd_run_make_model(hd_run *run);
/* HEED_ARGUMENT unless the options' family has models with the head and sides that the objective needs. */
heed_status hd_run_check_family(heed_context *context, const hd_train_options *options);

/* report.c */
heed_status hd_report_open(hd_run *run);                      /* log.jsonl, truncated to the run's step */
heed_status hd_report_step(hd_run *run);                      /* adds to log.jsonl */
heed_status hd_report_progress(hd_run *run, bool *continues); /* calls the progress function */
heed_status hd_report_validation(hd_run *run, bool better);
heed_status hd_run_export(hd_run *run); /* writes the finished model into the folder */

#endif
