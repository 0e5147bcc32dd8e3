/* What this heed is: its version, and its bit epoch. */
#ifndef HD_BASE_VERSION_H
#define HD_BASE_VERSION_H

/* Goes up when a change to heed changes results on purpose: equal bits are promised within one epoch. Stated by
 * `heed --version`, checkpoints and model cards.
 *
 *     1   everything before 2
 *     2   gradients are added by a tree, and dropout is keyed by its place in the network
 *     3   the schedules linear and cosine have no step with a learning rate of 0 */
#define HD_BIT_EPOCH 3

#define HD_AS_TEXT(number) #number
#define HD_TEXT_OF(number) HD_AS_TEXT(number)

#endif
