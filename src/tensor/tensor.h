/* Tensors: matrices of float32 rows, and the ragged layout that says which rows belong to which sequence. */
#ifndef HD_TENSOR_TENSOR_H
#define HD_TENSOR_TENSOR_H

#include "base/context.h"

/* The rows of a ragged batch: sequence s owns rows starts[s] … starts[s+1]. There is no padding.
 * Sums over tokens in a backward pass ascend over the rows. */
typedef struct hd_layout {
    int64_t sequences;
    const int32_t *starts;    /* [sequences + 1], starts[0] = 0 */
    const uint64_t *examples; /* [sequences]: numbers that key the random streams, or NULL for 0, 1, 2 … */
    const int32_t *positions; /* [sequences]: absolute position of each first row, or NULL for 0 */
    /* [sequences]: tokens of the text that each sequence is a part of, or NULL: the text ends with the sequence */
    const int32_t *lengths;
} hd_layout;

static inline int64_t hd_layout_rows(const hd_layout *layout) { return layout->starts[layout->sequences]; }
static inline int64_t hd_layout_position(const hd_layout *layout, int64_t sequence) {
    return layout->positions ? layout->positions[sequence] : 0;
}
static inline int64_t hd_layout_length(const hd_layout *layout, int64_t sequence) {
    return layout->lengths
               ? layout->lengths[sequence]
               : hd_layout_position(layout, sequence) + layout->starts[sequence + 1] - layout->starts[sequence];
}
static inline uint64_t hd_layout_example(const hd_layout *layout, int64_t sequence) {
    return layout->examples ? layout->examples[sequence] : (uint64_t)sequence;
}
static inline int64_t hd_layout_longest(const hd_layout *layout) {
    int64_t longest = 0;
    for (int64_t s = 0; s < layout->sequences; s++)
        longest = hd_max(longest, layout->starts[s + 1] - layout->starts[s]);
    return longest;
}

/* Rows in a pass's device arena. The struct is host memory. */
typedef struct hd_tensor {
    int64_t rows, columns;
    float *data;             /* device [rows, columns] */
    float *gradient;         /* device [rows, columns], NULL until something flows back */
    const hd_layout *layout; /* outlives the pass */
    bool needs_gradient;
    const int32_t *ids;             /* host [rows]: of an encoder's states the tokens, as long as the pass; else NULL */
    const struct hd_copies *copies; /* of a decoder's states what they may copy (autograd/copying.h), or NULL */
    /* What products read in place of data (device/device.h: operands), NULL until needed. */
    const float *product_operand, *gradient_operand;
} hd_tensor;

#endif
