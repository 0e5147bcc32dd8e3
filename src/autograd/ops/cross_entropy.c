/* loss = Σ over tokens of KL(q ‖ softmax(x Eᵀ + b))        with g = scale (softmax − q):  dx = g E,  dE = gᵀ x,  db = Σ g
 *
 * A vocabulary of logits for a whole batch would be the largest thing in a translator's training, so it never exists: some
 * tokens are computed at a time, and their logits turn into their gradient and are used up while they are in cache.
 *
 * R-Drop's pairs, row i of either half, are computed together: some tokens of both halves. A soft cap c comes between the
 * logits l and the softmax: it reads c tanh(l / c), and g becomes g (1 − tanh²(l / c)). What the rows may copy (copying.h) is
 * added after the cap. */
#include "autograd/copying.h"
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"
#include "autograd/soft_cap.h"

enum { TOKENS_AT_ONCE = 128 };

typedef struct loss {
    hd_tensor *x;
    hd_parameter *table;
    const int32_t *targets;
    const hd_cross_entropy_options *options;
    int64_t copies, distinct;     /* of each answer: 2 for R-Drop; answers */
    float *dx, *d_table, *d_bias; /* or NULL */
    bool add;                     /* to dx */
    float *logits;                /* [copies, tokens at once, classes] */
    float *ratios;                /* of a soft cap: logits / cap, the same shape; else NULL */
    float *shares, *d_scores;     /* of rows that copy: [2, pairs] and [pairs]; else NULL */
    double *sum;                  /* device */
} loss;

/* Adds what the rows may copy to the logits of each copy, or takes the gradients back through it. */
static void copy_tokens(hd_pass *pass, const loss *l, int64_t first, int64_t tokens, bool backward) {
    int64_t classes = l->options->classes;
    for (int64_t copy = 0; copy < l->copies && l->x->copies; copy++) {
        hd_copied_logits to = {.copies = l->x->copies,
                               .first_row = first + copy * l->distinct,
                               .row_count = tokens,
                               .columns = classes,
                               .logits = l->logits + copy * tokens * classes,
                               .shares = l->shares};
        if (backward)
            hd_add_copies_backward(pass, &to, l->d_scores);
        else
            hd_add_copies(pass, &to);
    }
}

/* Tokens [first, first + tokens) of each copy. */
static void lose_tokens(hd_pass *pass, const loss *l, int64_t first, int64_t tokens) {
    const hd_device *device = pass->stream.device;
    int64_t classes = l->options->classes, width = l->x->columns;
    const float *bias = l->options->bias ? l->options->bias->data : NULL;
    int64_t count = l->copies * tokens * classes;
    bool gradient = l->d_table || l->d_bias || l->dx || l->d_scores;
    hd_tensor rows[2];
    for (int64_t copy = 0; copy < l->copies; copy++) {
        float *data = l->x->data + (first + copy * l->distinct) * width;
        rows[copy] = (hd_tensor){.rows = tokens, .columns = width, .data = data};
        hd_layer_output(pass, &rows[copy], l->table, 0, classes, bias, HD_IDENTITY,
                        l->logits + copy * tokens * classes);
    }
    if (pass->status != HEED_OK) return;
    if (l->ratios) hd_soft_cap(pass, count, l->options->soft_cap, l->logits, l->ratios, l->logits);
    copy_tokens(pass, l, first, tokens, false);
    device->cross_entropy(&pass->stream, &(hd_cross_entropy_call){.rows = tokens,
                                                                  .classes = classes,
                                                                  .logits = l->logits,
                                                                  .targets = l->targets + first,
                                                                  .smoothing = l->options->smoothing,
                                                                  .scale = l->options->scale,
                                                                  .agreement = l->options->agreement,
                                                                  .gradient = gradient,
                                                                  .losses = l->sum});
    if (l->d_scores) copy_tokens(pass, l, first, tokens, true);
    if (l->ratios && gradient) hd_soft_cap_backward(pass, count, l->ratios, l->logits, l->logits);
    for (int64_t copy = 0; copy < l->copies; copy++) {
        const float *g = l->logits + copy * tokens * classes;
        float *dx = l->dx ? l->dx + (first + copy * l->distinct) * width : NULL;
        if (dx) hd_layer_input_gradient(pass, tokens, classes, g, l->table, l->add, dx);
        if (l->d_bias) hd_sum_rows(pass, tokens, classes, g, l->d_bias);
        if (l->d_table) hd_layer_weight_gradient(pass, classes, g, &rows[copy], l->table, l->d_table);
    }
}

static heed_status check(hd_pass *pass, const loss *l) {
    const hd_parameter *table = l->table;
    int64_t classes = l->options->classes, rows = l->x->rows;
    if (table->columns != l->x->columns)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot score rows of %lld", table->name,
                     (long long)table->rows, (long long)table->columns, (long long)l->x->columns);
    if (classes > table->rows)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot choose among %lld classes", table->name,
                     (long long)table->rows, (long long)table->columns, (long long)classes);
    for (int64_t t = 0; t < rows && pass->status == HEED_OK; t++)
        if (l->targets[t] < 0 || l->targets[t] >= classes)
            hd_pass_fail(pass, HEED_ARGUMENT, "target id %d lies outside the %lld classes", l->targets[t],
                         (long long)classes);
    if (l->x->copies && hd_layout_rows(&l->x->copies->rows) != rows)
        hd_pass_fail(pass, HEED_ARGUMENT, "%lld rows may copy, and not %lld",
                     (long long)hd_layout_rows(&l->x->copies->rows), (long long)rows);
    bool paired = rows == l->distinct * l->copies;
    for (int64_t t = l->distinct; paired && t < rows; t++) paired = l->targets[t] == l->targets[t - l->distinct];
    if (!paired)
        hd_pass_fail(pass, HEED_ARGUMENT, "%lld rows are not two halves with the same targets", (long long)rows);
    return pass->status;
}

/* The gradient of the scores of copying, which nothing else reads. */
static void prepare_copies(hd_pass *pass, loss *l) {
    hd_tensor *scores = l->x->copies->scores;
    if (!scores->needs_gradient) return;
    float *d_scores = hd_pass_zeros(pass, scores->rows, 1);
    l->shares = hd_pass_numbers(pass, scores->rows, 2);
    l->d_scores = scores->gradient = d_scores;
}

heed_status hd_cross_entropy(hd_pass *pass, hd_tensor *x, hd_parameter *table, const int32_t *targets,
                             const hd_cross_entropy_options *options, double *sum) {
    if (!x) return pass->status;
    loss l = {.x = x, .table = table, .targets = targets, .options = options};
    l.copies = options->agreement > 0 ? 2 : 1, l.distinct = x->rows / l.copies;
    if (pass->status != HEED_OK || check(pass, &l) != HEED_OK) return pass->status;
    if (pass->recording) {
        l.d_table = hd_pass_gradient(pass, table);
        l.d_bias = hd_pass_gradient(pass, options->bias);
        l.dx = hd_gradient(pass, x, &l.add);
        if (x->copies) prepare_copies(pass, &l);
    }
    int64_t most = hd_min(TOKENS_AT_ONCE / l.copies, l.distinct);
    l.sum = (double *)hd_pass_zeros(pass, 2, 1); /* 64 bits, all zeros: 0.0 */
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    l.logits = hd_pass_numbers(pass, l.copies * most, options->classes);
    if (options->soft_cap > 0) l.ratios = hd_pass_numbers(pass, l.copies * most, options->classes);
    hd_arena_mark inner = hd_arena_here(&pass->arena);
    for (int64_t t = 0; t < l.distinct && pass->status == HEED_OK; t += most, hd_arena_rewind(&pass->arena, inner))
        lose_tokens(pass, &l, t, hd_min(most, l.distinct - t));
    hd_arena_rewind(&pass->arena, mark);
    if (pass->status == HEED_OK) hd_pass_add_loss(pass, l.sum, sum);
    return pass->status;
}
