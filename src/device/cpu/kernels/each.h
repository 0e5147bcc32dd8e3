/* Included by each kernel source: lanes, and the declarations of this instruction set's copies of all kernels. */
#ifndef HD_KERNELS_EACH_H
#define HD_KERNELS_EACH_H

#include "device/cpu/kernels/functions.h"
#include "device/cpu/kernels/kernels.h"
#include "device/cpu/kernels/lanes.h"
#include "device/cpu/kernels/philox.h"

/* HD_KERNELS(K): every kernel's name, once. Laid out by hand: clang-format would move one name at each call. */
/* clang-format off */
#define HD_KERNELS(K) K(product) HD_OTHER_KERNELS(K)
#define HD_OTHER_KERNELS(K)                                                                                     \
    K(pack) K(pair_columns) K(pair_rows)                                                                        \
    K(add) K(scale) K(add_scaled) K(multiply) K(rotate) K(activate) K(activate_backward) K(sum_of_squares) K(find_non_finite) K(adam) \
    K(dropout_row) K(layer_norm) K(layer_norm_backward) K(layer_norm_backward_gain) K(rms_norm)                 \
    K(rms_norm_backward) K(rms_norm_backward_gain) K(dot_rows) K(sum_rows)                                      \
    K(add_exponentials) K(log_of_sum) K(find_above) K(cross_entropy) K(cross_entropy_pair) K(cross_entropy_loss) \
    K(attention) K(attention_backward) K(additive_attention) K(additive_attention_backward)                     \
    K(relative_scores) K(relative_scores_backward) K(add_copies)                                                             \
    K(cell) K(cell_backward) K(multiply_add_peak)
/* clang-format on */

/* An entry of the table that is not listed would be NULL. */
#define HD_ONE(kernel) +1
_Static_assert(sizeof(hd_kernels) == (1 HD_KERNELS(HD_ONE)) * sizeof(void (*)(void)), "HD_KERNELS lists every kernel");

#define HD_DECLARE(kernel) extern __typeof__(*((hd_kernels *)0)->kernel) HD_KERNEL(kernel);
HD_KERNELS(HD_DECLARE)

#endif
