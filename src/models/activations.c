#include "models/family.h"

const hd_choice hd_activations[] = {{"relu", HD_RELU},          {"gelu", HD_GELU},
                                    {"gelu_new", HD_GELU_TANH}, {"gelu_pytorch_tanh", HD_GELU_TANH},
                                    {"silu", HD_SILU},          {"swish", HD_SILU},
                                    {"tanh", HD_TANH},          {"sigmoid", HD_SIGMOID},
                                    {"linear", HD_IDENTITY},    {NULL}};

const char *hd_activation_name(hd_activation activation) {
    const char *name = hd_choice_name(hd_activations, (int)activation);
    return name ? name : "unknown";
}
