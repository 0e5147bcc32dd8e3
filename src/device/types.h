/* What calls of the device table and the CPU's kernels have in common: activations, cells, dropout, the optimizer. */
#ifndef HD_DEVICE_TYPES_H
#define HD_DEVICE_TYPES_H

#include "base/random.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

typedef enum hd_activation {
    HD_IDENTITY,
    HD_RELU,
    HD_GELU,      /* with erf */
    HD_GELU_TANH, /* "gelu_new", "gelu_pytorch_tanh" */
    HD_SILU,      /* "silu", "swish" */
    HD_TANH,
    HD_SIGMOID
} hd_activation;

/* Whether f′(x) follows from f(x) as activate_backward computes it, so that x need not be kept: for ReLU, whose output is
 * positive where its input is. */
static inline bool hd_slope_from_output(hd_activation activation) {
    return activation == HD_IDENTITY || activation == HD_RELU;
}

/* Columns of a packed panel: of a weight, and of cached keys. */
enum { HD_PANEL = 32 };

/* Dropout of the element (example, position, column): kept when its random word is >= threshold, then times scale. */
typedef struct hd_dropout {
    hd_random_key key;
    uint32_t threshold; /* p · 2^32; 0 keeps everything */
    float scale;        /* 1 / (1 − p) */
} hd_dropout;

/* One step of Adam (device/cpu/kernels/elements.c). */
typedef struct hd_adam {
    float lr, beta1, beta2, epsilon, weight_decay; /* weight_decay as in AdamW: decoupled, times lr */
    float correction1, correction2;                /* 1 / (1 − βᵗ) */
    float gradient_scale;                          /* clipping */
} hd_adam;

/* Σ exp x over a row that is read piece by piece, as a sum of exp(x − largest) in each lane. */
enum { HD_EXP_PIECE = 512 };
typedef struct hd_exp_sum {
    float largest; /* −∞ at first */
    float lanes[16];
} hd_exp_sum;

/* A recurrent cell; its gates are in PyTorch's order (device/cpu/kernels/recurrent.c). */
typedef enum hd_cell { HD_ELMAN, HD_GRU, HD_LSTM } hd_cell;

/* Gates of a cell, and rows of `kept` per step. */
static inline int64_t hd_cell_gates(hd_cell cell) { return cell == HD_LSTM ? 4 : cell == HD_GRU ? 3 : 1; }
static inline int64_t hd_cell_kept(hd_cell cell) { return cell == HD_LSTM ? 5 : cell == HD_GRU ? 4 : 0; }

#endif
