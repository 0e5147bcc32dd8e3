/* Adam with clipping over all of a stack's parameters, and the schedules of its learning rate. */
#ifndef HD_TRAIN_OPTIMIZER_H
#define HD_TRAIN_OPTIMIZER_H

#include "layers/stack.h"
#include "train/options.h"

typedef struct hd_optimizer {
    hd_stack *stack;
    const hd_train_options *options;
    double power1, power2; /* β₁ᵗ and β₂ᵗ, by repeated multiplication: the same everywhere */
    double norm;           /* of the last gradient, before clipping */
    double *sums;          /* a sum of squares for each piece of each parameter */
    size_t sums_capacity;
} hd_optimizer;

/* Moments from the stack's arena, all zero. */
heed_status hd_optimizer_open(hd_optimizer *optimizer, hd_stack *stack, const hd_train_options *options);
void hd_optimizer_close(hd_optimizer *optimizer);
/* The learning rate of step 1, 2, …: a linear warm-up, then the schedule. */
double hd_learning_rate(const hd_train_options *options, int64_t step);
/* Adds up the uses of each parameter in order, clips, steps, and leaves the gradients zero. HEED_NUMERIC, with nothing
 * changed, when the gradient is not finite. */
heed_status hd_optimizer_step(hd_optimizer *optimizer, int64_t step);

#endif
