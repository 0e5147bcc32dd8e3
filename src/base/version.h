/* What this heed is: its version, and its bit epoch. */
#ifndef HD_BASE_VERSION_H
#define HD_BASE_VERSION_H

/* Goes up when a change to heed changes results on purpose: equal bits are promised within one epoch. Stated by
 * `heed --version`, checkpoints and model cards. 1 is everything before gradients were added by a tree and dropout was
 * keyed by its place in the network. */
#define HD_BIT_EPOCH 2

#define HD_AS_TEXT(number) #number
#define HD_TEXT_OF(number) HD_AS_TEXT(number)

#endif
