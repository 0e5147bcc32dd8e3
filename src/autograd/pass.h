/* A pass: one run of a model over one batch. It owns the activations' arena, the tape (when something is to be learned),
 * the random stream, and a sticky status, so that layer code reads as mathematics and is checked once, at the end. */
#ifndef HD_AUTOGRAD_PASS_H
#define HD_AUTOGRAD_PASS_H

#include "base/arena.h"
#include "base/random.h"
#include "device/cpu/kernels/kernels.h"
#include "device/cpu/pack.h"
#include "tensor/tensor.h"

typedef struct hd_pass hd_pass;

/* An entry of the tape. An op embeds it first in a struct with what its backward needs. */
typedef struct hd_node {
    struct hd_node *previous;
    void (*backward)(hd_pass *pass, struct hd_node *node);
} hd_node;

/* Looks on as a pass is made. What it is not there for is NULL. */
typedef struct hd_observer {
    /* Attention weights, [queries, keys] of one sequence and head. */
    void (*attention)(void *user, const char *where, int layer, int64_t sequence, int head, int64_t queries,
                      int64_t keys, const float *weights);
    /* A tensor that a layer has made and calls `what`, before anything is made of it. */
    void (*tensor)(void *user, const char *what, hd_tensor *x);
    void *user;
} hd_observer;

struct hd_pass {
    heed_context *context;
    hd_arena arena;    /* activations, gradients, scratch */
    hd_arena *weights; /* where panels that are wanted for the first time are put: the model's arena */
    hd_node *tape;     /* the last op first */
    bool recording;    /* keep a tape */
    bool training;     /* drop out */
    uint64_t seed, step;
    float *gradients;            /* the block that parameters' gradients are added to, or NULL */
    const hd_observer *observer; /* or NULL */
    heed_status status;          /* of the first op that failed */
};

void hd_pass_open(hd_pass *pass, heed_context *context, hd_arena *weights);
/* Forgets all tensors and the tape; keeps the memory for the next run. */
void hd_pass_reset(hd_pass *pass);
void hd_pass_close(hd_pass *pass);

/* Arena memory that lives until the pass is reset; NULL, with the status set, when there is none. */
void *hd_pass_alloc(hd_pass *pass, size_t count, size_t size);
/* Shows a tensor to who looks on; NULL is not shown. Returns it. */
static inline hd_tensor *hd_pass_show(hd_pass *pass, const char *what, hd_tensor *x) {
    if (x && pass->observer && pass->observer->tensor) pass->observer->tensor(pass->observer->user, what, x);
    return x;
}
/* An op's refusal: records the message and the status; returns NULL for `return hd_pass_fail(…)`. */
void *hd_pass_fail(hd_pass *pass, heed_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An uninitialised tensor. */
hd_tensor *hd_tensor_new(hd_pass *pass, int64_t rows, int64_t columns, const hd_layout *layout);
/* A tensor on rows that someone else made, as ops are given them in tests and by layers. */
hd_tensor *hd_tensor_wrap(hd_pass *pass, int64_t rows, int64_t columns, float *data, const hd_layout *layout);

/* A dropout site: each has a random stream of its own. It says where in the network dropout is applied, never which
 * parameter that belongs to or how many sites came before: side (2 bits), depth (18 bits), the module and the site within the
 * module (8 and 4 bits). */
static inline uint32_t hd_dropout_site(unsigned side, int64_t depth, unsigned module, unsigned within) {
    return (side & 3u) << 30 | ((uint32_t)depth & 0x3ffffu) << 12 | (module & 0xffu) << 4 | (within & 15u);
}
/* The dropout of a site; keeps everything unless the pass is training. */
hd_dropout hd_pass_dropout(const hd_pass *pass, float probability, uint32_t site);

/* Puts an op of `size` bytes on the tape; NULL when the pass keeps none, memory ran out, or the output needs no
 * gradient (the caller has set output->needs_gradient). */
void *hd_pass_record(hd_pass *pass, const hd_tensor *output, size_t size, void (*backward)(hd_pass *, hd_node *));
/* Where a gradient goes: the tensor's buffer, made on first use. *add says whether it already holds something; if not,
 * all of it is to be written. NULL when the tensor needs none or memory ran out. */
float *hd_gradient(hd_pass *pass, hd_tensor *tensor, bool *add);
/* Gives a whole buffer as (a summand of) the tensor's gradient; the giver does not use it again. */
void hd_gradient_give(hd_pass *pass, hd_tensor *tensor, float *buffer);
/* Where the pass adds up the gradient of a parameter; NULL if it wants none, or if there is no parameter. A parameter
 * that is used in several places has one sum, in the order of the tape. */
float *hd_pass_gradient(const hd_pass *pass, const hd_parameter *parameter);
/* The parameter's rows in float32: its data, or for a frozen one a copy made in the pass's arena. NULL when memory ran
 * out. */
const float *hd_pass_rows(hd_pass *pass, const hd_parameter *parameter);
/* The parameter's panels, packed now if need be, which several passes must not do at once. NULL when memory ran out. */
const void *hd_pass_panels(hd_pass *pass, hd_parameter *parameter);

/* Runs the tape backward, from the gradients that its last op (a loss) or the caller has put in place. */
heed_status hd_pass_backward(hd_pass *pass);

#endif
