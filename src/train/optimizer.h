/* Adam with clipping over all of a network's parameters, and the schedules of its learning rate. */
#ifndef HD_TRAIN_OPTIMIZER_H
#define HD_TRAIN_OPTIMIZER_H

#include "layers/network.h"
#include "train/options.h"

typedef struct hd_optimizer {
    hd_network *network;
    const hd_train_options *options;
    const float *gradients; /* device [network->gradient_count], to be set before a step */
    double power1, power2;  /* β₁ᵗ and β₂ᵗ, by repeated multiplication: the same everywhere */
    double norm;            /* of the last gradient, before clipping */
    double *sums;           /* device [pieces of all that is trained]: sums of squares */
} hd_optimizer;

/* Moments in the network's device memory, all zero. */
heed_status hd_optimizer_open(hd_optimizer *optimizer, hd_network *network, const hd_train_options *options);
/* The learning rate of step 1, 2, …: a linear warm-up, then the schedule. */
double hd_learning_rate(const hd_train_options *options, int64_t step);
/* Clips, and takes a step down the gradients. HEED_NUMERIC, with nothing changed, when they are not finite. */
heed_status hd_optimizer_step(hd_optimizer *optimizer, int64_t step);

#endif
