/* The three products of a linear layer y = x Wᵀ + b, its own and those of its two gradients, with their operands. Shared by
 * the ops that multiply by a weight. */
#ifndef HD_AUTOGRAD_LAYER_PRODUCTS_H
#define HD_AUTOGRAD_LAYER_PRODUCTS_H

#include "autograd/pass.h"

/* y [rows, out] = activation(x Wᵀ + bias), with rows first … first + out of W, where `first` is a multiple of HD_PANEL;
 * bias [out] or NULL. */
void hd_layer_output(hd_pass *pass, hd_tensor *x, hd_parameter *weight, int64_t first, int64_t out, const float *bias,
                     hd_activation activation, float *y);
/* dx [rows, in] = g W, or dx + that; g [rows, out]. */
void hd_layer_input_gradient(hd_pass *pass, int64_t rows, int64_t out, const float *g, const hd_parameter *weight,
                             bool add, float *dx);
/* d_weight [out, in] goes on with the sum gᵀ x, ascending over the rows. */
void hd_layer_weight_gradient(hd_pass *pass, int64_t out, const float *g, hd_tensor *x, const hd_parameter *weight,
                              float *d_weight);
/* total [columns] += the sum of the rows of x. */
void hd_sum_rows(hd_pass *pass, int64_t rows, int64_t columns, const float *x, float *total);

#endif
