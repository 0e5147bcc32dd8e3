/* The kernel table: arithmetic on plain pointers, one table per instruction set, all of them equal bit for bit.
 *
 * Kernels do not allocate, fail or start threads: a caller splits outputs and gives each kernel a range of rows,
 * panels or elements. The fixed order of each sum is documented in the kernel's own file. */
#ifndef HD_KERNELS_KERNELS_H
#define HD_KERNELS_KERNELS_H

#include "base/context.h"
#include "device/types.h"

enum { HD_PAIRS_BLOCK = 16 }; /* pairs that an instruction multiplies at once (tiles.c) */

/* How a product combines with the values in C. */
typedef enum hd_product_mode {
    HD_STORE,    /* C = chain from zero */
    HD_CONTINUE, /* C = continues the chain whose value C is: the same bits as one longer product */
    HD_ADD       /* C = C + chain from zero */
} hd_product_mode;

/* C = A · B, element (r, j) one chain of fused multiply–adds over ascending k from zero.
 * A(r, k) = a[r a_row + k a_depth]; B(k, 32 p + j) = b[p b_panel + k b_depth + j], j < 32.
 * Packed panels have b_depth 32 and b_panel 32 depth, and are padded to whole panels. A plain row-major matrix
 * has b_depth its row stride and b_panel 32. */
typedef struct hd_product {
    int64_t rows, columns, depth;
    const float *a;
    int64_t a_row, a_depth;
    const void *b;
    int64_t b_depth, b_panel;
    hd_dtype b_dtype; /* HD_F32; for panels also HD_F16 or HD_BF16, widened in registers */
    float *c;         /* [rows, columns], row stride c_row */
    int64_t c_row;
    /* A and B contain pairs of bfloat16 (pair_columns, pair_rows): depth and steps count pairs. Results differ
     * between instruction sets. Chains are continued after a multiple of HD_PAIRS_BLOCK pairs. */
    bool pairs;
    hd_product_mode mode;
    const float *bias; /* [columns] or NULL, added after the chain; not with HD_ADD */
    hd_activation activation;
} hd_product;

/* One head of one sequence. Rows are strided, so that heads can be read out of [tokens, heads · width] matrices.
 * Panels are those of `pack`: of k for the scores, of v for the backward pass. */
typedef struct hd_attention {
    int64_t keys, width; /* width: of a head */
    int64_t first_query; /* absolute position of row 0 of q */
    bool one_position;   /* every row is at that position; else each is one position after the row before */
    bool causal;         /* the query at position q attends to keys k ≤ q */
    int64_t window;      /* of them those with q − window < k and, unless causal, k < q + window; 0: all */
    float scale;         /* of the scores */
    float softcap;       /* c: scores become c · tanh(score / c) after scale and bias; 0: they stay as they are */
    /* bias[bias_first + r · bias_row + k] is added to the scaled score of row r and key k, for every k from 0 to the last
     * one that is visible to the row; or NULL. */
    const float *bias;
    int64_t bias_first, bias_row;
    const float *q, *v;    /* [queries, width], [keys, width] */
    const float *k_panels; /* [keys / 32][width][32] */
    int64_t q_row, v_row;
    /* [queries, keys], stride index_row: which of the `pool_keys` keys in k_panels and v is key j of a query's; NULL: key
     * j itself. pool_keys is a multiple of 16. */
    const int32_t *index;
    int64_t index_row, pool_keys;
    /* Stride of k_panels and v from one row to the next, which is then another head of the same query; 0: rows share
     * them. Not with an index. */
    int64_t k_head_stride, v_head_stride;
    const float *prefetch_k, *prefetch_v; /* k_panels and v of the next call, to prefetch; or NULL */
    float *output;                        /* [queries, width] */
    int64_t output_row;
    float *log_sum; /* [queries], stride log_sum_row: the softmax's denominators as logarithms; or NULL */
    int64_t log_sum_row;
    hd_dropout dropout; /* of the weights; column is the key's position */
    uint64_t example;
    float *weights; /* [queries, keys] as they were before dropout, for observers; or NULL */
    /* backward only */
    const float *k, *v_panels;
    int64_t k_row;
    const float *d_output; /* same layout as output */
    float *dq, *dk, *dv;   /* same layout as q, k, v; overwritten */
    float *d_bias;         /* same layout as bias, added to, rows ascending; or NULL */
} hd_attention;

enum { HD_ATTENTION_QUERIES = 32, HD_ATTENTION_KEYS = 64 }; /* blocks; keys are blocked by absolute position */

/* A step of a cell on one row. */
typedef struct hd_cell_step {
    hd_cell cell;
    int64_t width;
    const float *x, *u; /* [gates, width]: contributions of the input and of the previous state, biases included */
    const float *h_before, *c_before; /* [width]; c is an LSTM's alone */
    float *h, *c;                     /* [width]: after the step; may be the ones before */
    float *kept;                      /* [kept, width] for the backward pass, or NULL */
    /* backward only */
    const float *dh;  /* [width] */
    float *dc;        /* [width]: of c after the step; becomes that of c before it */
    float *dx, *du;   /* [gates, width], overwritten */
    float *dh_before; /* [width], overwritten: the part that does not flow through u; may be dh */
} hd_cell_step;

/* Additive attention of one query (additive.c). */
typedef struct hd_additive_attention {
    int64_t keys, width, value_width;
    const float *q, *k, *scorer; /* [width], [keys, width], [width] */
    const float *values;         /* [keys, value_width] */
    float *weights;              /* [keys] */
    float *output;               /* [value_width] */
    /* backward only */
    const float *d_output; /* [value_width] */
    float *dq, *d_scorer;  /* [width], overwritten */
    float *dk, *d_values;  /* [keys, width], [keys, value_width], added to */
} hd_additive_attention;

/* Scores of relative positions for one head of one sequence (relative.c). Rows are strided, as those of hd_attention. */
typedef struct hd_relative_scores {
    int64_t queries, keys, width; /* width: of a head */
    int64_t first_query;          /* its position, where that of the first key is 0 */
    /* By distance from a query to a key, query − key, which may be negative: the row of the tables. It ascends. */
    const int32_t *table_index;
    float scale;
    const float *q, *k; /* [queries, width], [keys, width] */
    int64_t q_row, k_row;
    const float *key_panels, *query_panels; /* tables as panels, [rows / 32][width][32]; NULL: there is none */
    float *scores;                          /* [queries, keys] */
    int64_t block_row;                      /* rows of the tables, rounded up to panels */
    /* backward only */
    const float *position_keys, *position_queries; /* [rows, width], stride table_row; NULL: there is none */
    int64_t table_row;
    const float *d_scores;                       /* [queries, keys] */
    float *dq, *dk;                              /* added to, as q and k */
    float *d_position_keys, *d_position_queries; /* added to, as the tables; NULL: not needed */
} hd_relative_scores;

/* Floats of scratch that the kernels of relative positions need. */
static inline size_t hd_relative_scratch(int64_t block_row) { return HD_ATTENTION_QUERIES * (size_t)block_row; }

/* Floats of scratch that the attention kernels need for heads of this width and an index into this number of keys. */
static inline size_t hd_attention_scratch(int64_t width, int64_t pool_keys) {
    return HD_ATTENTION_QUERIES * (3 * HD_ATTENTION_KEYS + (size_t)width + 4 + (size_t)pool_keys) +
           (size_t)pool_keys / HD_PANEL + 1;
}

/* The index of column j among the 32 elements of a depth of a panel. Of bfloat16, columns j and j + 16 are the halves of a
 * 32-bit word: each becomes a float by one operation, a shift or a mask. */
static inline int64_t hd_panel_element(hd_dtype dtype, int64_t j) { return dtype == HD_BF16 ? j % 16 * 2 + j / 16 : j; }

typedef struct hd_kernels {
    const char *name; /* "portable", "avx2", "avx512", "neon" */

    /* matrix product: rows [row, row_end), panels [panel, panel_end) of C */
    void (*product)(const hd_product *product, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end);
    /* Packs rows [32 panel, 32 panel_end) of `weight` [columns, depth] (row stride `stride`), the layout of a linear
     * layer's weight, into panels of the transposed matrix: panels[p][k][e] = weight[32 p + j][k], where e is
     * hd_panel_element(dtype, j); zeros past the last column. Panels have the dtype of `weight`. */
    void (*pack)(const void *weight, hd_dtype dtype, int64_t stride, int64_t columns, int64_t depth, void *panels,
                 int64_t panel, int64_t panel_end);
    /* x [rows, columns] in bfloat16 as pairs (pairs.c): of neighbouring columns, [rows, columns / 2], the layout of
     * an A by rows and of what `pack` packs; of neighbouring rows, [rows / 2, columns], the layout of an A by columns and
     * of a plain B. */
    void (*pair_columns)(int64_t rows, int64_t columns, const float *x, float *pairs);
    void (*pair_rows)(int64_t rows, int64_t columns, const float *x, float *pairs);

    /* elements */
    void (*add)(int64_t count, const float *a, const float *b, float *y);      /* y = a + b */
    void (*scale)(int64_t count, float factor, const float *x, float *y);      /* y = factor x */
    void (*add_scaled)(int64_t count, float factor, const float *x, float *y); /* y = fma(factor, x, y) */
    /* y = a b, or fma(a, b, y) */
    void (*multiply)(int64_t count, const float *a, const float *b, float *y, bool add);
    /* Pairs (x_j, x_{j + width/2}) rotated by angles whose sines, then cosines, are in table [width]; `sign` −1: back */
    void (*rotate)(int64_t width, const float *table, float sign, const float *x, float *y);
    void (*activate)(hd_activation activation, int64_t count, const float *x, float *y);
    /* dx = dy · slope(x), or dx + that */
    void (*activate_backward)(hd_activation activation, int64_t count, const float *x, const float *dy, float *dx,
                              bool add);
    double (*sum_of_squares)(int64_t count, const float *x);
    int64_t (*find_non_finite)(int64_t count, const float *x); /* first index, or -1 */
    void (*adam)(const hd_adam *adam, int64_t count, const float *gradient, float *m, float *v, float *parameter);

    /* rows of `width` columns */
    /* y = residual + dropout(x); residual may be NULL, y may be x or residual */
    void (*dropout_row)(const hd_dropout *dropout, uint64_t example, uint32_t position, int64_t width, const float *x,
                        const float *residual, float *y);
    /* y = (x − mean) / √(variance + ε) · gain + bias; keeps mean and 1/√… a row in statistics [rows, 2] unless NULL */
    void (*layer_norm)(int64_t rows, int64_t width, float epsilon, const float *x, const float *gain, const float *bias,
                       float *y, float *statistics);
    void (*layer_norm_backward)(int64_t rows, int64_t width, const float *x, const float *statistics, const float *gain,
                                const float *dy, float *dx, bool add);
    /* Columns [column, column_end) of d_gain = Σ dy x̂ and d_bias = Σ dy over rows ascending, added to what is there;
     * either may be NULL */
    void (*layer_norm_backward_gain)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                     const float *dy, float *d_gain, float *d_bias, int64_t column, int64_t column_end);
    /* y = x / √(mean of squares + ε) · gain; statistics [rows] */
    void (*rms_norm)(int64_t rows, int64_t width, float epsilon, const float *x, const float *gain, float *y,
                     float *statistics);
    void (*rms_norm_backward)(int64_t rows, int64_t width, const float *x, const float *statistics, const float *gain,
                              const float *dy, float *dx, bool add);
    void (*rms_norm_backward_gain)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                   const float *dy, float *d_gain, int64_t column, int64_t column_end);
    /* y[r] = Σ x[r, j] q[j]: of x [rows, width] in `dtype`, HD_F32 or HD_F16 */
    void (*dot_rows)(int64_t rows, int64_t width, hd_dtype dtype, const void *x, const float *q, float *y);
    /* Columns [column, column_end) of total += Σ over rows ascending from zero */
    void (*sum_rows)(int64_t rows, int64_t width, const float *x, float *total, int64_t column, int64_t column_end);
    /* Adds exp x of a piece of a row, at most HD_EXP_PIECE columns, to the row's sum; returns the largest of them. Every
     * piece but a row's last is HD_EXP_PIECE columns. */
    float (*add_exponentials)(int64_t count, const float *x, hd_exp_sum *sum);
    float (*log_of_sum)(const hd_exp_sum *sum);
    /* The first index at which x is above the bound, or `count`. */
    int64_t (*find_above)(int64_t count, const float *x, float bound);
    /* A row of logits becomes its gradient, scale · (softmax − smoothed target), in place; returns the loss
     * Σ q (log q − log p), the KL divergence from the smoothed target q, unscaled. */
    double (*cross_entropy)(int64_t width, float *logits, int64_t target, float smoothing, float scale);
    /* R-Drop: two rows of logits a and b that choose the same target become their gradients of scale times
     * loss(a) + loss(b) + agreement · (KL(p ‖ q) + KL(q ‖ p)) / 2, p and q their softmaxes; returns that, unscaled. */
    double (*cross_entropy_pair)(int64_t width, float *a, float *b, int64_t target, float smoothing, float agreement,
                                 float scale);
    /* The loss of a single row. */
    double (*cross_entropy_loss)(int64_t width, const float *logits, int64_t target, float smoothing);

    /* attention of the first `queries` rows of q; the backward pass does not support an index */
    void (*attention)(const hd_attention *attention, int64_t queries, float *scratch);
    void (*attention_backward)(const hd_attention *attention, int64_t queries, float *scratch);

    void (*relative_scores)(const hd_relative_scores *call, float *scratch);
    void (*relative_scores_backward)(const hd_relative_scores *call, float *scratch);

    void (*additive_attention)(const hd_additive_attention *attention);
    void (*additive_attention_backward)(const hd_additive_attention *attention);

    /* Logits of the tokens first … first + columns with those that are copied: of token w log(exp l_w + Σ exp score_j) over
     * the places j with id w. shares [2, count] becomes exp(score_j − the new logit of its token), and the same of the logit
     * before; of places without a column 0. NULL: not needed. */
    void (*add_copies)(int64_t count, const int32_t *ids, const float *scores, int64_t first, int64_t columns,
                       float *logits, float *shares);

    /* recurrent cells */
    void (*cell)(const hd_cell_step *step);
    void (*cell_backward)(const hd_cell_step *step);

    /* Fused multiply–adds in registers, `rounds` times; returns the number of operations. */
    double (*multiply_add_peak)(int64_t rounds, float *result);
} hd_kernels;

/* Selects the table called `name` for the context, or the best one for this machine if `name` is NULL or "".
 * HEED_ARGUMENT lists the available tables. */
heed_status hd_kernels_select(heed_context *context, const char *name);
/* The i-th table of this build that this machine can run, portable first; NULL past the last. */
const hd_kernels *hd_kernels_at(int i);

#endif
