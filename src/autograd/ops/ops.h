/* The ops: each takes the pass first and returns a tensor in it. On failure an op returns NULL and leaves the reason in
 * the pass; given a NULL tensor it returns NULL. One file each, with the formula and the gradient. */
#ifndef HD_AUTOGRAD_OPS_H
#define HD_AUTOGRAD_OPS_H

#include "autograd/pass.h"

/* y [tokens, width] = scale · table[ids]; ids [tokens] must lie in the table. Row `padding` of the table gets no
 * gradient (-1: none does). */
hd_tensor *hd_embed(hd_pass *pass, hd_parameter *table, const int32_t *ids, const hd_layout *layout, float scale,
                    int32_t padding);

/* y [columns of the table, count]: column i is row ids[i] of the table, so that each of y's rows reads one column of it. */
hd_tensor *hd_embed_columns(hd_pass *pass, hd_parameter *table, const int32_t *ids, int64_t count);

/* y = x + positions[position of each row]; the table is a parameter, [length + offset, width], whose row `offset` is that of
 * position 0, or `fixed` [positions, width] in device memory, with offset minus the first position there. */
hd_tensor *hd_add_positions(hd_pass *pass, hd_tensor *x, hd_parameter *table, const float *fixed, int64_t length,
                            int64_t offset);

/* Whether every row's position is below `length`; else the pass fails with HEED_LENGTH. */
bool hd_check_positions(hd_pass *pass, const hd_layout *layout, int64_t length);

/* y = residual + dropout(x); residual may be NULL. The site (hd_dropout_site) matters only when something is dropped. */
hd_tensor *hd_dropout_add(hd_pass *pass, hd_tensor *x, hd_tensor *residual, float probability, uint32_t site);

/* y [tokens, out] = activation(x weightᵀ + bias), weight [out, in]; bias may be NULL. */
hd_tensor *hd_linear(hd_pass *pass, hd_tensor *x, hd_parameter *weight, hd_parameter *bias, hd_activation activation);

/* Columns [first, first + count) of x tableᵀ + bias, first a multiple of 32; with a soft cap c > 0 they become
 * c tanh(logit / c). No gradient. */
hd_tensor *hd_score_classes(hd_pass *pass, hd_tensor *x, hd_parameter *table, const hd_parameter *bias, float soft_cap,
                            int64_t first, int64_t count);

hd_tensor *hd_activate(hd_pass *pass, hd_tensor *x, hd_activation activation);

/* y = factor · x */
hd_tensor *hd_scale(hd_pass *pass, hd_tensor *x, float factor);

/* y = a b, element by element. */
hd_tensor *hd_hadamard(hd_pass *pass, hd_tensor *a, hd_tensor *b);

/* A table of sines and cosines (layers/rotary.h). */
typedef struct hd_angles {
    const float *table;    /* device [rows, width] */
    int64_t width;         /* columns of a head that are rotated, the first ones */
    const int64_t *firsts; /* [sequences]: the position of the table's first row, in each sequence; NULL: 0 */
} hd_angles;

/* Rotary positions (Su et al., 2021): each head's columns j and j + angles.width / 2 of a row at position p of sequence s are
 * rotated as a pair by the angle whose sine and cosine are in row p − firsts[s] of the table. Positions are below `length`. */
hd_tensor *hd_rotate(hd_pass *pass, hd_tensor *x, const hd_angles *angles, int64_t length, int64_t head_width);

/* y [tokens, times · columns]: each head of `head_width` columns `times` times in a row, for queries that share keys. */
hd_tensor *hd_repeat_heads(hd_pass *pass, hd_tensor *x, int64_t head_width, int64_t times);

/* Layer norm, or with bias NULL the root-mean-square norm. */
hd_tensor *hd_norm(hd_pass *pass, hd_tensor *x, hd_parameter *gain, hd_parameter *bias, float epsilon);

/* Scores of relative positions (disentangled attention, He et al., 2021): of query i and key j also scale (q_i · keys[d] +
 * k_j · queries[d]), with d the row of the distance i − j of their positions. It outlives the pass. */
typedef struct hd_relative {
    hd_tensor *keys, *queries;  /* [table rows, columns of q]; one may be NULL */
    const int32_t *table_index; /* [2 farthest + 1]: d of each distance from −farthest on, ascending */
    int64_t farthest;
} hd_relative;

typedef struct hd_attend_options {
    int64_t heads;
    int64_t key_heads; /* of cached keys and values, each for heads / key_heads neighbours; 0: as many as heads */
    bool causal;
    /* The query at position q attends to keys k with q − window < k and, unless causal, k < q + window; 0: to all. */
    int64_t window;
    float scale;   /* of the scores; 0: 1 / √(width of a head) */
    float softcap; /* c: scores become c · tanh(score / c), after scale and bias; 0: they stay as they are */
    /* Added to the scaled scores, or NULL. HD_BIAS_BY_DISTANCE: [heads, distances], column bias_zero + k − q for positions q and
     * k, with a column for every distance from a query to a key that it may attend to without a window. HD_BIAS_DENSE: of
     * each sequence [heads, queries, keys], one after the other, in a tensor of any shape. */
    hd_tensor *bias;
    int64_t bias_row; /* HD_BIAS_… */
    int64_t bias_zero;
    const hd_relative *relative; /* or NULL; not with a bias or cached keys */
    float dropout;
    uint32_t site;     /* of the dropout (hd_dropout_site) */
    const char *where; /* "encoder", "decoder", "cross": for the observer */
    int layer;
} hd_attend_options;

/* Multi-head attention without its projections: y [queries, width] from q [queries, width], k and v [keys, width]. The
 * sequences of q's layout attend to the first ones of k's, one to one. */
hd_tensor *hd_attend(hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *v, const hd_attend_options *options);
/* The same on cached keys, cached[sequence], the first of which is at position 0; no gradient. */
hd_tensor *hd_attend_cached(hd_pass *pass, hd_tensor *q, const hd_keys *cached, const hd_attend_options *options);

/* Additive attention: y [queries, value width] from q [queries, width], k [keys, width] and values [keys, value width];
 * scorer [width]. The sequences of q's layout attend to the first ones of k's, one to one. */
hd_tensor *hd_attend_additive(hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *values, hd_parameter *scorer);

/* y [pairs, 1]: the products of each row of q [queries, width] with each row of k [keys, width] of the same sequence: of each
 * sequence [queries, keys], one after the other. */
hd_tensor *hd_pair_scores(hd_pass *pass, hd_tensor *q, hd_tensor *k);

/* Sequences in the order of their lengths, the longest first: those that a step still runs are then the first ones. */
typedef struct hd_by_length {
    int64_t steps;          /* the longest sequence's rows */
    const int32_t *order;   /* [sequences] */
    const int32_t *running; /* [steps + 1]: sequences longer than the step */
} hd_by_length;

/* False when memory ran out. */
bool hd_order_by_length(hd_pass *pass, const hd_layout *layout, hd_by_length *sequences);

/* What a recurrent layer hands on: a row a sequence. c is an LSTM's alone; NULL stands for zeros. */
typedef struct hd_recurrent_state {
    hd_tensor *h, *c; /* [sequences, width] */
} hd_recurrent_state;

/* A recurrent layer's states y [tokens, width] of x [tokens, gates · width], what the input gives to each gate; weight
 * [gates · width, width] and bias [gates · width], which may be NULL, are the state's. Goes through each sequence from its
 * first row on, or backwards from its last. *state is what it begins with, and becomes what it ends with. */
hd_tensor *hd_recur(hd_pass *pass, hd_cell cell, hd_tensor *x, hd_parameter *weight, hd_parameter *bias, bool backwards,
                    hd_recurrent_state *state);

/* y [count / together, together · columns]: rows of x, `together` of them side by side; row −1 is zeros. rows [count]
 * outlives the pass. */
hd_tensor *hd_gather(hd_pass *pass, hd_tensor *x, const int32_t *rows, int64_t count, int64_t together,
                     const hd_layout *layout);
/* The same numbers as rows of `columns`, [rows · columns of x / columns, columns]; no layout. */
hd_tensor *hd_reshape(hd_pass *pass, hd_tensor *x, int64_t columns);
/* y = [a | b], with a's layout. */
hd_tensor *hd_join_columns(hd_pass *pass, hd_tensor *a, hd_tensor *b);
/* The parts one below the other. */
hd_tensor *hd_join_rows(hd_pass *pass, hd_tensor *const *parts, int64_t count, const hd_layout *layout);
/* y [sequences, columns]: the mean of each sequence's rows. */
hd_tensor *hd_mean(hd_pass *pass, hd_tensor *x);

typedef struct hd_cross_entropy_options {
    int64_t classes;    /* the first `classes` rows of the table are the choices */
    float smoothing;    /* ε of the smoothed target */
    float scale;        /* of the gradient: 1 / the tokens of the whole step */
    hd_parameter *bias; /* [classes], added to the logits; NULL: none */
    float agreement;    /* α of R-Drop, and then the rows are pairs; 0: each is by itself */
    float soft_cap;     /* c: logits become c tanh(logit / c); 0: none */
} hd_cross_entropy_options;

/* The loss over logits x tableᵀ, with what x may copy (autograd/copying.h): the sum over tokens of
 * KL(smoothed target ‖ softmax), unscaled, is added to *loss. Logits exist for some rows at a time only; when the pass records, the gradients of x and the
 * table are made on the way.
 * With agreement α, row i of the first half and row i of the second are two answers p and q to one question and have one
 * target; each pair adds α (KL(p ‖ q) + KL(q ‖ p)) / 2 to the two losses (R-Drop, Liang et al., 2021). */
heed_status hd_cross_entropy(hd_pass *pass, hd_tensor *x, hd_parameter *table, const int32_t *targets,
                             const hd_cross_entropy_options *options, double *loss);

/* What a conditional random field knows besides the logits of each row (ops/crf.c). */
typedef struct hd_crf {
    hd_parameter *transitions, *start, *end; /* [labels, labels] from and to, [labels], [labels] */
} hd_crf;

/* Adds log Z − score of the labels, summed over sequences and unscaled, to *loss, and when the pass records makes the
 * gradients times scale. logits [rows, labels], which nothing else reads; labels [rows]; the layout says which rows are a
 * sequence. */
heed_status hd_crf_loss(hd_pass *pass, hd_tensor *logits, const hd_crf *crf, const int32_t *labels,
                        const hd_layout *layout, float scale, double *loss);
/* The best labels [rows] of each sequence (Viterbi, 1967); of equal ones those with the lowest last labels. */
heed_status hd_crf_best(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf, const hd_layout *layout,
                        int32_t *labels);

/* Adds the cross entropies of the first and the last row of each sequence's answer, unscaled, to *loss, and when the pass records
 * makes the gradients times scale. logits [rows, 2], which nothing else reads; targets [sequences, 2] are rows within the
 * sequence. A sequence without rows has no loss. */
heed_status hd_ends_loss(hd_pass *pass, hd_tensor *logits, const int32_t *targets, const hd_layout *layout, float scale,
                         double *loss);

#endif
