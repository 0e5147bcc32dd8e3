/* loss = Σ over tokens of KL(q ‖ softmax(x Eᵀ + b))        with g = scale (softmax − q):  dx = g E,  dE = gᵀ x,  db = Σ g
 *
 * A vocabulary of logits for a whole batch is the largest thing in a translator's training, so it never exists: tokens go
 * through in pieces, and each piece's logits turn into their gradient and are used up while they are in cache.
 *
 * R-Drop's pairs, row i of either half, go through together: a piece is then some tokens of both halves. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"
#include "base/parallel.h"

#include <string.h>

enum { TOKENS_A_PIECE = 128, ROWS_A_PIECE = 16 };

typedef struct piece_rows {
    const heed_context *context;
    const hd_cross_entropy_options *options;
    bool gradient;
    int64_t tokens;
    const int32_t *targets;
    float *logits;  /* [tokens, classes]; of pairs [2, tokens, classes] */
    double *losses; /* [tokens] */
} piece_rows;

static void lose_rows(void *argument, int64_t piece, int worker) {
    (void)worker;
    const piece_rows *p = argument;
    const hd_kernels *kernels = p->context->kernels;
    int64_t classes = p->options->classes;
    for (int64_t r = piece * ROWS_A_PIECE; r < hd_min((piece + 1) * ROWS_A_PIECE, p->tokens); r++) {
        float *row = p->logits + r * classes;
        if (p->options->agreement > 0)
            p->losses[r] = kernels->cross_entropy_pair(classes, row, row + p->tokens * classes, p->targets[r],
                                                       p->options->smoothing, p->options->agreement, p->options->scale);
        else
            p->losses[r] =
                p->gradient
                    ? kernels->cross_entropy(classes, row, p->targets[r], p->options->smoothing, p->options->scale)
                    : kernels->cross_entropy_loss(classes, row, p->targets[r], p->options->smoothing);
    }
}

heed_status hd_cross_entropy(hd_pass *pass, hd_tensor *x, hd_parameter *table, const int32_t *targets,
                             const hd_cross_entropy_options *options, double *loss) {
    if (!x) return pass->status;
    int64_t classes = options->classes, width = x->columns;
    if (table->columns != width)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot score rows of %lld", table->name,
                     (long long)table->rows, (long long)table->columns, (long long)width);
    if (classes > table->rows)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot choose among %lld classes", table->name,
                     (long long)table->rows, (long long)table->columns, (long long)classes);
    if (pass->status != HEED_OK) return pass->status;
    for (int64_t t = 0; t < x->rows; t++)
        if (targets[t] < 0 || targets[t] >= classes) {
            hd_pass_fail(pass, HEED_ARGUMENT, "target id %d lies outside the %lld classes", targets[t],
                         (long long)classes);
            return pass->status;
        }
    int64_t copies = options->agreement > 0 ? 2 : 1, distinct = x->rows / copies;
    bool paired = x->rows == distinct * copies;
    for (int64_t t = distinct; paired && t < x->rows; t++) paired = targets[t] == targets[t - distinct];
    if (!paired) {
        hd_pass_fail(pass, HEED_ARGUMENT, "%lld rows are not two halves with the same targets", (long long)x->rows);
        return pass->status;
    }
    float *d_table = pass->recording ? hd_pass_gradient(pass, table) : NULL, *dx = NULL;
    float *d_bias = pass->recording ? hd_pass_gradient(pass, options->bias) : NULL;
    const float *bias = options->bias ? options->bias->data : NULL;
    bool add = false;
    if (pass->recording && x->needs_gradient) dx = hd_gradient(pass, x, &add);
    int64_t most = hd_min(TOKENS_A_PIECE / copies, distinct);
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    float *logits = hd_pass_alloc(pass, (size_t)(copies * most * classes), sizeof *logits);
    double *losses = hd_pass_alloc(pass, (size_t)most, sizeof *losses);
    hd_arena_mark inner = hd_arena_here(&pass->arena);
    double sum = 0;
    for (int64_t t = 0; t < distinct; t += most, hd_arena_rewind(&pass->arena, inner)) {
        int64_t tokens = hd_min(most, distinct - t), first[] = {t, t + distinct}; /* rows of either copy */
        hd_tensor rows[2];
        for (int64_t copy = 0; copy < copies && pass->status == HEED_OK; copy++) {
            rows[copy] = (hd_tensor){.rows = tokens, .columns = width, .data = x->data + first[copy] * width};
            hd_layer_output(pass, &rows[copy], table, 0, classes, bias, HD_IDENTITY, logits + copy * tokens * classes);
        }
        if (pass->status != HEED_OK) return pass->status;
        piece_rows p = {pass->context, options, d_table || d_bias || dx, tokens, targets + t, logits, losses};
        hd_parallel_for(pass->context, (tokens + ROWS_A_PIECE - 1) / ROWS_A_PIECE, 16 * copies * tokens * classes,
                        lose_rows, &p);
        for (int64_t r = 0; r < tokens; r++) sum += losses[r];
        for (int64_t copy = 0; copy < copies; copy++) {
            const float *gradient = logits + copy * tokens * classes;
            if (dx) hd_layer_input_gradient(pass, tokens, classes, gradient, table, add, dx + first[copy] * width);
            if (d_bias) pass->context->kernels->sum_rows(tokens, classes, gradient, d_bias, 0, classes);
            if (d_table) hd_layer_weight_gradient(pass, classes, gradient, &rows[copy], table, d_table);
        }
    }
    *loss += sum;
    hd_arena_rewind(&pass->arena, mark);
    return pass->status;
}
