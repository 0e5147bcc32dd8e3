/* The device table: whole-tensor operations and the memory they work on. Ops and layers call it; a device implements it
 * by slicing work over threads (cpu/) or by launching kernels on a stream.
 *
 * The contract:
 *
 * Memory. Numbers are in device memory: float pointers in call structs, and the doubles and indices that a call says it
 *   writes there. A host must not read or write device memory, except through `upload` and `download`. Where
 *   `host_memory` is set, device memory is host memory and `hd_pass_download` returns the pointer itself. Integer arrays
 *   (ids, rows, starts, positions, layouts, cached keys), parameters' structs and call structs are host memory; a call has
 *   copied them before it returns. Zero rows or columns are allowed everywhere, and then pointers may be NULL.
 *   `upload` has copied its bytes when it returns. `free` ignores NULL. Threads whose streams are of one device may pass device
 *   memory to each other when the stream that wrote it has been waited for.
 * Alignment. Memory from `alloc` serves any scalar; arenas align their parts to 64 bytes. Calls accept any float-aligned
 *   pointer, such as a row inside a matrix.
 * Aliasing. Outputs do not overlap inputs unless the call says that they may be the same. Calls on elements (add, scale,
 *   multiply, activate, activate_backward, dropout_add, rotate) may write any of their inputs in place.
 * Order. Calls of one stream act as if they ran one after the other. Calls of different streams have no order.
 * Blocking. `wait` and `download` alone wait for earlier calls; every other call of a stream may return before
 *   it has run. `free` takes effect in the stream's order. `pack` belongs to no stream and may block: numbers that it
 *   reads have been waited for.
 * Errors. Calls return nothing. The first failure of a stream is put into *stream->status, on the thread that uses the
 *   stream: at once by a device that runs calls at once, else by the next `wait` or `download`. Later calls then do
 *   nothing useful, and nothing harmful. Arguments are checked by the ops, not here.
 * Weights. A parameter's packed form is opaque and belongs to its device. `pack` makes it, in the element type that the
 *   weight is stored in; a packed matrix gives its product (`product`), its transposed product (`input_gradient`) and its
 *   rows (`embed`, `add_positions`), a table that is not multiplied its rows alone.
 *   A product reads its other factor as an operand: x itself where `operand_count` is 0, else what `make_operand` makes.
 * Sums over tokens. Calls that sum over rows (weight, bias, gain, embedding and position gradients, losses) take `chunks`
 *   and write one partial sum per chunk, `stride` floats apart (losses: one double per chunk, side by side). A sum ascends
 *   over the rows of its chunk and is added to what its place holds, as the call says; places begin as zeros. Without
 *   chunks ({0}) all rows are one chunk. `add` and `accumulate` add partial sums.
 * Observers are called by ops between calls of the table; that is the one place where a forward pass may download.
 *
 * Every operation has the same bits on every device (docs/design.md): a call's comment names the order of its sums where
 * the kernel's file does not. */
#ifndef HD_DEVICE_DEVICE_H
#define HD_DEVICE_DEVICE_H

#include "base/arena.h"
#include "device/types.h"
#include "tensor/parameter.h"

typedef struct hd_device hd_device;

/* Where calls are queued. On the CPU it is the context: its threads and kernels. One thread uses a stream at a time. */
typedef struct hd_stream {
    const hd_device *device;
    heed_context *context;
    heed_status *status; /* where the first failure goes; the owner clears it */
    hd_arena scratch;    /* the device's own, for what a call needs while it runs */
    void *queue;         /* the device's own */
} hd_stream;

/* Which rows belong to which chunk. */
typedef struct hd_chunks {
    int64_t count;         /* 0: one chunk of all rows */
    const int32_t *starts; /* [count + 1], in rows */
    int64_t stride;        /* from one chunk's partial sum to the next, in floats */
} hd_chunks;

/* ---- elements ---- */

/* y = 0 */
typedef struct hd_zero_call {
    int64_t count;
    float *y;
} hd_zero_call;

/* y = a + b */
typedef struct hd_add_call {
    int64_t count;
    const float *a, *b;
    float *y;
} hd_add_call;

/* y += parts[0], then parts[1], … */
typedef struct hd_accumulate_call {
    int64_t count, part_count;
    const float *const *parts; /* host [part_count] of device pointers */
    float *y;
} hd_accumulate_call;

/* y = factor x, or fma(factor, x, y) */
typedef struct hd_scale_call {
    int64_t count;
    float factor;
    const float *x;
    float *y;
    bool add;
} hd_scale_call;

/* y = a b, or fma(a, b, y) */
typedef struct hd_multiply_call {
    int64_t count;
    const float *a, *b;
    float *y;
    bool add;
} hd_multiply_call;

typedef struct hd_activate_call {
    hd_activation activation;
    int64_t count;
    const float *x;
    float *y;
} hd_activate_call;

/* dx = dy f′(x), or dx + that */
typedef struct hd_activate_backward_call {
    hd_activation activation;
    int64_t count;
    const float *x, *dy;
    float *dx;
    bool add;
} hd_activate_backward_call;

/* One optimizer step on a parameter. */
typedef struct hd_adam_call {
    hd_adam adam;
    int64_t count;
    const float *gradient;
    float *m, *v, *parameter;
} hd_adam_call;

/* Sums of squares of pieces of `piece` elements, the last one shorter. */
typedef struct hd_sum_of_squares_call {
    int64_t count, piece;
    const float *x;
    double *sums; /* device [count / piece, rounded up] */
} hd_sum_of_squares_call;

/* The first index whose element is infinite or NaN, or −1. */
typedef struct hd_find_non_finite_call {
    int64_t count;
    const float *x;
    int64_t *index; /* device */
} hd_find_non_finite_call;

/* ---- rows ---- */

/* Row r of y = row r of x, or y + x; strides in floats. */
typedef struct hd_copy_call {
    int64_t rows, columns;
    const float *x;
    int64_t x_row;
    float *y;
    int64_t y_row;
    bool add;
} hd_copy_call;

/* y = x; they may overlap. */
typedef struct hd_move_call {
    int64_t count;
    const float *x;
    float *y;
} hd_move_call;

/* Row i of y = row rows[i] of x; −1: zeros. */
typedef struct hd_gather_call {
    int64_t count, columns;
    const int32_t *rows; /* host [count] */
    const float *x;
    float *y; /* [count, columns] */
} hd_gather_call;

/* Row rows[i] of y = row i of x, or y + x with i ascending; −1: nothing. Without add, rows are distinct. */
typedef struct hd_scatter_call {
    int64_t count, columns;
    const int32_t *rows; /* host [count] */
    const float *x;      /* [count, columns] */
    float *y;
    bool add;
} hd_scatter_call;

/* total += Σ over rows from zero */
typedef struct hd_sum_rows_call {
    int64_t rows, columns;
    const float *x;
    hd_chunks chunks;
    float *total; /* [columns] per chunk */
} hd_sum_rows_call;

/* y = residual + dropout(x); residual may be NULL. Random words are keyed by (example, position, column). */
typedef struct hd_dropout_add_call {
    hd_dropout dropout;
    hd_layout layout;
    int64_t columns;
    const float *x, *residual;
    float *y;
} hd_dropout_add_call;

/* Rotary positions of the first `width` columns of each head of each row; the other columns are copied. A row at position p
 * of sequence s takes row p − firsts[s] of `table` [rows, width]; firsts NULL: row p. sign −1: back. */
typedef struct hd_rotate_call {
    hd_layout layout;
    int64_t columns, head_width, width;
    const float *table;
    const int64_t *firsts; /* [sequences], in host memory */
    float sign;
    const float *x;
    float *y;
} hd_rotate_call;

/* Layer norm, or with bias NULL the root-mean-square norm. */
typedef struct hd_norm_call {
    int64_t rows, columns;
    float epsilon;
    const float *x, *gain, *bias;
    float *y;
    float *statistics; /* [rows, 2] or [rows] for the backward pass; or NULL */
} hd_norm_call;

/* dx, or dx + that. `layer`: layer norm, else root mean square. */
typedef struct hd_norm_backward_call {
    bool layer, add;
    int64_t rows, columns;
    const float *x, *statistics, *gain, *dy;
    float *dx;
} hd_norm_backward_call;

/* d_gain += Σ dy x̂, d_bias += Σ dy, over rows from zero; either may be NULL. */
typedef struct hd_norm_gradient_call {
    bool layer;
    int64_t rows, columns;
    const float *x, *statistics, *dy;
    hd_chunks chunks;
    float *d_gain, *d_bias;
} hd_norm_gradient_call;

/* Row s of y = the mean of sequence s; of an empty one 0. */
typedef struct hd_mean_call {
    hd_layout layout;
    int64_t columns;
    const float *x;
    float *y; /* [sequences, columns] */
} hd_mean_call;

/* dx of each row = dy / n of its sequence, or fma(1 / n, dy, dx). */
typedef struct hd_mean_backward_call {
    hd_layout layout;
    int64_t columns;
    const float *dy;
    float *dx;
    bool add;
} hd_mean_backward_call;

/* Each head of x `times` times in a row. */
typedef struct hd_repeat_heads_call {
    int64_t heads, head_width, times; /* heads: of all rows */
    const float *x;
    float *y; /* [heads, times, head_width] */
} hd_repeat_heads_call;

/* dx += the sum over a head's repetitions, ascending. */
typedef struct hd_repeat_heads_backward_call {
    int64_t heads, head_width, times;
    const float *dy;
    float *dx;
} hd_repeat_heads_backward_call;

/* ---- tables ---- */

/* Row i of y = scale · row ids[i] of the table. */
typedef struct hd_embed_call {
    const hd_parameter *table;
    int64_t rows;
    const int32_t *ids; /* host [rows] */
    float scale;
    float *y;
} hd_embed_call;

/* gradient[id] = fma(scale, Σ dy over the rows with that id, ascending, gradient[id]); not of id `padding`. dy is used up. */
typedef struct hd_embed_backward_call {
    int64_t rows, columns;
    const int32_t *ids; /* host [rows] */
    float scale;
    int32_t padding;
    float *dy;
    hd_chunks chunks;
    float *gradient; /* [ids, columns] per chunk */
} hd_embed_backward_call;

/* y = x + row offset + p of the table at position p, or row offset + p of `fixed` [positions, columns]. */
typedef struct hd_add_positions_call {
    hd_layout layout;
    int64_t columns;
    const hd_parameter *table;
    int64_t offset;
    const float *fixed;
    const float *x;
    float *y;
} hd_add_positions_call;

/* gradient[position] += dy, sequences ascending. Chunks begin at sequences. */
typedef struct hd_add_positions_backward_call {
    hd_layout layout;
    int64_t columns;
    const float *dy;
    hd_chunks chunks;
    float *gradient; /* [positions, columns] per chunk */
} hd_add_positions_backward_call;

/* ---- products ---- */

/* Parameters to be packed. */
typedef struct hd_pack_call {
    hd_parameter *const *parameters; /* [count] */
    int64_t count;
    /* Called on any thread for stored bytes that need not stay in memory; they may be read again. NULL: nothing. */
    void (*release)(const void *bytes, size_t size);
} hd_pack_call;

/* What an operand is for. */
typedef enum hd_operand { HD_OF_PRODUCT, HD_OF_INPUT_GRADIENT, HD_OF_WEIGHT_GRADIENT } hd_operand;

/* The form of x [rows, columns] that products with the weight read. */
typedef struct hd_make_operand_call {
    const hd_parameter *weight;
    hd_operand operand;
    int64_t rows, columns;
    const float *x;
    float *y; /* [operand_count] */
} hd_make_operand_call;

/* y [rows, out] = activation(x Wᵀ + bias), with rows first … first + out of W; `first` is a multiple of HD_PANEL. */
typedef struct hd_product_call {
    const hd_parameter *weight;
    int64_t rows, first, out;
    const float *x;    /* operand of [rows, in] */
    const float *bias; /* [out] or NULL */
    hd_activation activation;
    float *y;
} hd_product_call;

/* dx [rows, in] = g W, with the first `out` rows of W; or dx + that. */
typedef struct hd_input_gradient_call {
    const hd_parameter *weight;
    int64_t rows, out;
    const float *g; /* operand of [rows, out] */
    float *dx;
    bool add;
} hd_input_gradient_call;

/* d_weight [out, in] goes on with the chain gᵀ x, ascending over the rows. Several chunks only where operand_count is 0. */
typedef struct hd_weight_gradient_call {
    const hd_parameter *weight;
    int64_t rows, out;
    const float *g, *x; /* operands of [rows, out] and [rows, in] */
    hd_chunks chunks;
    float *d_weight; /* [out, in] per chunk */
} hd_weight_gradient_call;

/* ---- attention ---- */

/* Cached keys and values of one sequence (layers/cache.h). */
typedef struct hd_keys {
    int64_t keys;
    float *k_panels; /* [key heads][panels_stride]: panels of 32 keys */
    float *v;        /* [key heads][v_stride]: [keys, width] */
    int64_t panels_stride, v_stride;
    const int32_t *index; /* host [keys]: which of `pool_keys` keys each is; NULL: in order */
    int64_t pool_keys;    /* a multiple of 16 */
} hd_keys;

/* The rows of sequence s of k and v become the last keys and values of cached[s]. */
typedef struct hd_cache_keys_call {
    int64_t columns, heads; /* heads: of the keys */
    hd_layout layout;
    const float *k, *v;    /* [rows, columns] */
    const hd_keys *cached; /* host [sequences]: with these rows; each index is in one sequence alone */
} hd_cache_keys_call;

/* Rows of a bias: by the distance from the query to the key, or a matrix per sequence and head. */
enum { HD_BIAS_BY_DISTANCE = -1, HD_BIAS_DENSE = 0 };

/* Multi-head attention: head h of sequence s is softmax(cap(scale q kᵀ + bias)) v on columns [h width, (h + 1) width), with
 * cap(x) = softcap · tanh(x / softcap). Queries are at the positions of their layout, and keys at those of theirs; cached keys
 * begin at position 0. The query at position q attends to the keys at positions k with k ≤ q if the attention is causal; with
 * a window also q − window < k and, unless causal, k < q + window. Where it attends to none, y is 0. Other keys are not read
 * or computed, but for those in the same block of 64. */
typedef struct hd_attention_call {
    int64_t columns, heads;
    int64_t key_heads; /* of cached keys, each for heads / key_heads neighbours; 0: as many as heads */
    bool causal;
    int64_t window; /* 0: all keys */
    float scale;
    float softcap; /* 0: none */
    /* Device, or NULL. HD_BIAS_BY_DISTANCE: [heads, bias_columns], the same for all sequences: column bias_zero + k − q of row h
     * for positions q and k. There is a column for every distance from a query to a key that it may attend to without a
     * window. HD_BIAS_DENSE: [heads, queries, keys] of sequence 0, then of sequence 1, …. */
    const float *bias;
    int64_t bias_row; /* HD_BIAS_… */
    int64_t bias_zero, bias_columns;
    hd_dropout dropout;
    hd_layout queries, keys; /* keys: not with `cached` */
    const hd_keys *cached;   /* host [sequences] in place of k and v, or NULL */
    const float *q, *k, *v;  /* [queries, columns], [keys, columns] */
    float *y;                /* [queries, columns] */
    float *log_sums;         /* [queries, heads] for the backward pass, or NULL */
    float **weights;         /* host [sequences · heads] of device [queries, keys]: before dropout; or NULL */
} hd_attention_call;

typedef struct hd_attention_backward_call {
    hd_attention_call forward; /* its y and log_sums are read */
    const float *dy;
    float *dq, *dk, *dv; /* written; zeros for keys of sequences past those of queries */
    /* As the bias, added to; or NULL. By distance one per chunk: the sum ascends over the chunk's sequences, and in each over its
     * queries. Chunks are of rows of queries and begin at sequences. Of a dense bias there are no sums, and `chunks` is not
     * read. */
    float *d_bias;
    hd_chunks chunks;
} hd_attention_backward_call;

/* What relative positions add to attention's scores (disentangled attention, He et al., 2021): of head h, query i and key j,
 * scale (q_i · position_keys[d] + k_j · position_queries[d]), with d the row of the distance i − j of their positions
 * (device/cpu/kernels/relative.c). */
typedef struct hd_relative_scores_call {
    int64_t columns, heads;
    hd_layout queries, keys; /* with as many sequences */
    float scale;
    int64_t farthest, table_rows; /* distances are −farthest … farthest */
    const int32_t
        *table_index;   /* host [2 farthest + 1]: the row of each distance, ascending, from that of −farthest on */
    const float *q, *k; /* [queries, columns], [keys, columns] */
    const float *position_keys, *position_queries; /* [table_rows, columns]; one may be NULL */
    float *scores;                                 /* of each sequence [heads, queries, keys], one after the other */
} hd_relative_scores_call;

typedef struct hd_relative_scores_backward_call {
    hd_relative_scores_call forward;             /* its scores are not read */
    const float *d_scores;                       /* as the scores */
    float *dq, *dk;                              /* [queries, columns], [keys, columns], added to */
    hd_chunks chunks;                            /* of queries; begin at sequences */
    float *d_position_keys, *d_position_queries; /* [table_rows, columns] per chunk, added to; NULL: not needed */
} hd_relative_scores_backward_call;

/* Additive attention of the queries of sequence s to its keys: Σ weight_j value_j, weights the softmax of
 * scorer · tanh(q + k_j) (device/cpu/kernels/additive.c). */
typedef struct hd_additive_attention_call {
    int64_t width, value_width;
    hd_layout queries, keys;
    const float *q, *k, *values, *scorer;
    float **weights; /* host [sequences] of device [queries, keys] */
    float *y;        /* [queries, value_width] */
} hd_additive_attention_call;

typedef struct hd_additive_attention_backward_call {
    hd_additive_attention_call forward; /* its y and weights are read */
    const float *dy;
    float *dq, *d_scorers; /* [queries, width], written; the scorer's gradient is the sum of the rows of d_scorers */
    float *dk, *d_values;  /* added to */
} hd_additive_attention_backward_call;

/* ---- copying ---- */

/* The products of each row of q with each row of k of the same sequence (device/cpu/kernels/rows.c). */
typedef struct hd_pair_scores_call {
    int64_t columns;
    hd_layout queries, keys; /* with as many sequences */
    const float *q, *k;      /* [queries, columns], [keys, columns] */
    float *scores;           /* of each sequence [queries, keys], one after the other */
} hd_pair_scores_call;

/* Sums ascend over the sequence's keys, or its queries. */
typedef struct hd_pair_scores_backward_call {
    hd_pair_scores_call forward; /* its scores are not read */
    const float *d_scores;       /* as the scores */
    float *dq, *dk;              /* [queries, columns], [keys, columns], added to; NULL: not needed */
} hd_pair_scores_backward_call;

/* Rows of logits whose sequences have tokens to copy (device/cpu/kernels/copying.c). */
typedef struct hd_add_copies_call {
    hd_layout rows, sources;       /* of all rows; with as many sequences */
    const int32_t *ids;            /* host [tokens of the sources] */
    const float *scores;           /* of each sequence [rows, tokens], one after the other */
    int64_t first_row, row_count;  /* the rows of the logits, among all */
    int64_t first_token, columns;  /* their tokens: first_token … first_token + columns */
    float *logits;                 /* [row_count, columns]; with the copies afterwards */
    float *shares;                 /* of all scores [2, scores] for the gradient, those of these rows are written; or NULL */
} hd_add_copies_call;

typedef struct hd_add_copies_backward_call {
    hd_add_copies_call forward; /* its logits are the gradients of those with the copies, and become those without */
    float *d_scores;            /* as the scores, added to */
} hd_add_copies_backward_call;

/* ---- recurrent cells ---- */

/* One step of `count` sequences, row i of h, c and u each (device/cpu/kernels/recurrent.c). */
typedef struct hd_cell_call {
    hd_cell cell;
    int64_t count, width;
    const int32_t *rows; /* host [count]: the token of each in x, y and kept */
    const float *x;      /* [tokens, gates · width] */
    const float *u;      /* [count, gates · width] */
    float *h, *c;        /* [count, width]: the state, before and after */
    float *y;            /* [tokens, width] */
    float *kept;         /* [tokens, kept · width], or NULL */
} hd_cell_call;

typedef struct hd_cell_backward_call {
    hd_cell cell;
    int64_t count, width;
    const int32_t *rows;     /* host [count] */
    const int32_t *previous; /* host [count]: the tokens of the step before; NULL at the first step */
    const int32_t *order;    /* host [count]: the sequence of each, a row of first_c */
    const float *first_c;    /* [sequences, width], or NULL for zeros */
    const float *before;     /* [tokens, width]: h before each token */
    const float *y, *kept;
    const float *dy; /* [tokens, width] or NULL: added to dh first */
    float *dh,
        *dc;   /* [count, width]: of the state after the step; become those before it, but for what goes through u */
    float *dx; /* [tokens, gates · width], written */
    float *du; /* [count, gates · width], written */
    float *du_rows; /* [tokens, gates · width]: du by tokens too; NULL: not */
} hd_cell_backward_call;

/* ---- losses and predictions ---- */

/* KL divergence from the smoothed target of each row's softmax (device/cpu/kernels/softmax.c). */
typedef struct hd_cross_entropy_call {
    int64_t rows, classes;
    float *logits; /* [rows, classes]; with agreement [2, rows, classes]. With `gradient` they become gradients */
    const int32_t *targets; /* host [rows] */
    float smoothing, scale; /* scale: of the gradient */
    float agreement;        /* α of R-Drop; 0: none */
    bool gradient;          /* agreement always writes it */
    hd_chunks chunks;
    double *losses; /* device [chunks]: each row's loss is added, ascending */
} hd_cross_entropy_call;

/* A linear-chain conditional random field over the rows of each sequence (autograd/ops/crf.c). */
typedef struct hd_crf_field {
    int64_t labels;
    hd_layout layout;
    const float *logits;                    /* [rows, labels] */
    const float *transitions, *start, *end; /* [labels, labels] from and to, [labels], [labels] */
} hd_crf_field;

/* log Z − score of each sequence's targets, in double precision. Sums ascend over the sequences of a chunk, and in each over
 * its rows; each summand of a parameter's gradient is rounded to float32 before it is added. */
typedef struct hd_crf_loss_call {
    hd_crf_field field;
    const int32_t *targets;                 /* host [rows] */
    float scale;                            /* of the gradients */
    hd_chunks chunks;                       /* begin at sequences */
    double *losses;                         /* device [chunks]: each sequence's loss is added */
    float *d_logits;                        /* [rows, labels], written; NULL: no gradients */
    float *d_transitions, *d_start, *d_end; /* as the field's, per chunk, added to; each may be NULL */
} hd_crf_loss_call;

/* The labels with the highest score of each sequence (Viterbi, 1967); of equal ones those with the lowest last labels. */
typedef struct hd_crf_best_call {
    hd_crf_field field;
    int32_t *best; /* device [rows] */
} hd_crf_best_call;

/* The cross entropy of each sequence's two targets, in double precision: column 0 of the logits scores each row of the sequence
 * as the first of an answer, column 1 as the last (autograd/ops/ends.c). Sums ascend over the sequences of a chunk. */
typedef struct hd_ends_loss_call {
    hd_layout layout;
    const float *logits;    /* [rows, 2] */
    const int32_t *targets; /* host [sequences, 2], rows within the sequence */
    float scale;            /* of the gradients */
    hd_chunks chunks;       /* begin at sequences */
    double *losses;         /* device [chunks]: each sequence's losses are added */
    float *d_logits;        /* [rows, 2], written; NULL: no gradients */
} hd_ends_loss_call;

/* ---- decoding ---- */

/* Which scores of a row's tokens are compared. */
typedef enum hd_token_scores {
    HD_CHANGED_LOGITS,       /* for sampling */
    HD_SOFTMAX_AFTER_CHANGE, /* log-softmax of the changed logits: for greedy search */
    HD_SOFTMAX_BEFORE_CHANGE /* changed log-softmax: for beam search */
} hd_token_scores;

/* A change to the score of one token: the bias is added (−0: nothing changes; −∞: the token is excluded), then what is
 * below 0 is multiplied by the penalty, and what is not is divided by it, and then the reduction is subtracted. */
typedef struct hd_score_change {
    int32_t token;
    float bias, penalty, reduction;
} hd_score_change;

typedef struct hd_token_score {
    float score;
    int32_t token;
} hd_token_score;

/* What one row of logits is searched for. */
typedef struct hd_best_row {
    hd_token_scores scores;
    int64_t most;         /* tokens to find */
    hd_token_score *best; /* device [most] */
    float *logits;        /* device [vocabulary]: gets all changed logits; or NULL. With HD_CHANGED_LOGITS alone */
    /* host: bit i of the vocabulary is 1 if token i may be found, and else its score becomes −∞ with the changes; NULL: all may */
    const uint64_t *allowed;
    float *raw; /* device [vocabulary]: gets all logits as they come; or NULL */
} hd_best_row;

/* The tokens with the highest scores of each row, in descending order. The logits of all rows come a range of tokens at a
 * time, in ascending order from 0: a call per range, each but the last of a multiple of HD_EXP_PIECE tokens. After the call for
 * the last range, `best` has its results; until then it holds what was found so far, as `sums` and `changed` do.
 * Between equal scores the lower token comes first; scores that the subtraction of log Σ exp makes equal keep the order of
 * their logits. Scores of −∞ and NaN are left out: where there are too few others, scores are −∞ and tokens −1.
 * Sums of exponentials are added HD_EXP_PIECE tokens at a time (device/cpu/kernels/softmax.c). */
typedef struct hd_best_tokens_call {
    int64_t rows, vocabulary;
    int64_t first, columns;         /* the range of tokens: first … first + columns */
    float *logits;                  /* [rows, columns], used up */
    const hd_best_row *row;         /* host [rows] */
    const hd_score_change *changes; /* host [change_starts[rows]]: those of a row by ascending token, one per token */
    const int32_t *change_starts;   /* host [rows + 1] */
    hd_exp_sum *sums;               /* device [rows] */
    float *changed;                 /* device [change_starts[rows]]: logits of HD_SOFTMAX_BEFORE_CHANGE */
} hd_best_tokens_call;

/* ---- vectors ---- */

/* y = q xᵀ: products of whole vectors (device/cpu/kernels/rows.c). x may also be a mapped file where memory is the host's. */
typedef struct hd_dot_rows_call {
    int64_t queries, rows, columns;
    const float *q; /* [queries, columns] */
    hd_dtype dtype; /* HD_F32 or HD_F16 */
    const void *x;  /* [rows, columns] of `dtype` */
    float *y;       /* [queries, rows] */
} hd_dot_rows_call;

typedef struct hd_row_score {
    int64_t row;
    float score;
} hd_row_score;

/* The rows with the largest products of hd_dot_rows_call for each query, in descending order. Between equal products the lower
 * row comes first. Products that are NaN or −∞ are left out: where there are too few others, rows are −1 and scores −∞. */
typedef struct hd_nearest_rows_call {
    int64_t queries, rows, columns, most;
    const float *q; /* [queries, columns] */
    hd_dtype dtype; /* HD_F32 or HD_F16 */
    const void *x;  /* [rows, columns] of `dtype` */
    hd_row_score *best; /* device [queries, most] */
} hd_nearest_rows_call;

/* HD_DEVICE_CALLS(C): the name of every operation, once. hd_NAME_call is its argument. */
/* clang-format off */
#define HD_DEVICE_CALLS(C)                                                                                       \
    C(zero) C(add) C(accumulate) C(scale) C(multiply) C(activate) C(activate_backward)                           \
    C(adam) C(sum_of_squares) C(find_non_finite)                                                                 \
    C(copy) C(move) C(gather) C(scatter) C(sum_rows) C(dropout_add) C(rotate) C(norm) C(norm_backward) C(norm_gradient)  \
    C(mean) C(mean_backward) C(repeat_heads) C(repeat_heads_backward)                                            \
    C(embed) C(embed_backward) C(add_positions) C(add_positions_backward)                                        \
    C(make_operand) C(product) C(input_gradient) C(weight_gradient)                                              \
    C(cache_keys) C(attention) C(attention_backward) C(additive_attention) C(additive_attention_backward)                      \
    C(relative_scores) C(relative_scores_backward) C(pair_scores) C(pair_scores_backward) C(add_copies) C(add_copies_backward)                                                              \
    C(cell) C(cell_backward) C(cross_entropy) C(crf_loss) C(crf_best) C(ends_loss) C(best_tokens)                \
    C(dot_rows) C(nearest_rows)
/* clang-format on */

struct hd_device {
    const char *name;
    bool host_memory; /* device memory is host memory, and calls have run when they return */
    /* Logits that decoding computes at once, about: so many that those of best_tokens are still in a cache. */
    int64_t logits_at_once;

    /* stream->device, context and status are set. */
    heed_status (*open)(hd_stream *stream);
    void (*close)(hd_stream *stream); /* after all calls have run */
    void (*wait)(hd_stream *stream);

    void *(*alloc)(hd_stream *stream, size_t bytes); /* NULL when there is none, with the context's message set */
    void (*free)(hd_stream *stream, void *memory);
    void (*upload)(hd_stream *stream, size_t bytes, const void *host, void *memory);
    void (*download)(hd_stream *stream, size_t bytes, const void *memory, void *host);

    /* Makes or renews the packed forms of parameters from their data or stored numbers; what is stored is not read
     * afterwards. The arena is host memory that lives as long as the parameters. HEED_NUMERIC for a stored number that is
     * not finite. Not for several threads at once. */
    heed_status (*pack)(heed_context *context, hd_arena *arena, const hd_pack_call *call);
    /* Floats that an operand of x [rows, columns] takes for products with the packed weight; 0: x itself is one. */
    int64_t (*operand_count)(const hd_parameter *weight, hd_operand operand, int64_t rows, int64_t columns);

#define HD_DECLARE_CALL(name) void (*name)(hd_stream * stream, const hd_##name##_call *call);
    HD_DEVICE_CALLS(HD_DECLARE_CALL)
#undef HD_DECLARE_CALL
};

extern const hd_device hd_device_cpu;

/* Opens a stream of the context's device, which reports failures to *status. */
heed_status hd_stream_open(hd_stream *stream, heed_context *context, heed_status *status);
void hd_stream_close(hd_stream *stream);
/* Records a failure unless there was one before. */
static inline void hd_stream_fail(hd_stream *stream, heed_status status) {
    if (*stream->status == HEED_OK) *stream->status = status;
}
/* An arena of device memory. The stream outlives it. */
void hd_stream_arena_open(hd_stream *stream, hd_arena *arena);

/* Bytes of device memory for a host that only reads: the memory itself where it is the host's, else a copy in the arena.
 * Waits. NULL, with the stream's status set, on failure. */
const void *hd_stream_read(hd_stream *stream, hd_arena *host, const void *memory, size_t bytes);
/* Device memory as host memory, until hd_stream_unmap: the memory itself where it is the host's, else a copy. For writing
 * alone its contents are undefined. NULL, with the stream's status set, on failure. */
enum { HD_TO_READ = 1, HD_TO_WRITE = 2 };
void *hd_stream_map(hd_stream *stream, const void *memory, size_t bytes, unsigned access);
/* What was mapped for writing arrives in `memory` before the call returns. `host` may be NULL. */
void hd_stream_unmap(hd_stream *stream, void *host, void *memory, size_t bytes, unsigned access);

/* The call of the table for one parameter on the context's device. */
heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter);

#endif
