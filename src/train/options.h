/* The options of a training run, from flags, a recipe file, or both. */
#ifndef HD_TRAIN_OPTIONS_H
#define HD_TRAIN_OPTIONS_H

#include "base/options.h"

/* Properties of an option, in its row's flags. */
enum {
    HD_TRAIN_MAY_CHANGE = 1, /* on resumption: it does not change what was computed so far */
    HD_TRAIN_NEW_MODEL = 2,  /* describes a new model; has no effect on one to start from */
    HD_TRAIN_OF_CALL = 4     /* belongs to this call, not to the run's recipe */
};

typedef enum hd_schedule { HD_INVERSE_SQUARE_ROOT, HD_COSINE, HD_LINEAR, HD_CONSTANT } hd_schedule;
typedef enum hd_compute { HD_COMPUTE_F32, HD_COMPUTE_BF16 } hd_compute;

typedef struct hd_train_options {
    char *recipe; /* a file read before the other options */
    bool resume;
    int objective; /* hd_objective_kind */
    /* data */
    bool whole_file;
    char *train_source, *train_target, *valid_source, *valid_target;
    int tokenizer_kind; /* hd_tokenizer_kind + 1; 0: the objective's own */
    char *tokenizer;    /* a tokenizer.json; NULL: one is trained on the training data */
    int64_t vocabulary_size, min_frequency;
    bool lowercase;
    int normal_form;
    int64_t max_tokens; /* longer pairs are left out */
    int64_t stride;     /* answer: tokens that windows of a context have in common; −1: by their length */
    int64_t shuffle_window;
    float bpe_dropout;
    /* model */
    char *model;      /* the model to start from; NULL: a new one */
    int family;       /* 1 + index in hd_families; 0: the objective's own */
    int cell, memory; /* hd_cell, hd_memory_kind */
    bool self_attention, one_direction, copy, crf;
    int64_t key_heads;
    int64_t width, encoder_layers, decoder_layers, heads, ffn_width, max_positions;
    int activation; /* hd_activation + 1; 0: the family's own */
    bool pre_norm;
    float dropout, attention_dropout, activation_dropout;
    /* optimisation */
    int64_t seed, steps, epochs, batch_tokens, accumulate, chunk_tokens;
    double lr;
    int schedule;
    int64_t warmup;
    float beta1, beta2, adam_epsilon, weight_decay, clip, label_smoothing, r_drop;
    /* reports and validations */
    int64_t log_every, save_every, validate_every, patience, keep, average;
    int metric;  /* hd_metric */
    int compute; /* hd_compute */
    int64_t valid_beams;
    int bleu_tokenize;
    bool bleu_lowercase;
    /* the finished model */
    int dtype; /* hd_dtype */
    int64_t beams;
    float length_penalty;
    char *card;
} hd_train_options;

extern const hd_option_table hd_train_table;

#endif
