/* A pass: one run of a model over one batch. It owns the arenas of activations, the tape (in training), the random stream,
 * and a sticky status, so that layer code reads as mathematics and is checked once, at the end. */
#ifndef HD_AUTOGRAD_PASS_H
#define HD_AUTOGRAD_PASS_H

#include "base/arena.h"
#include "base/random.h"
#include "device/device.h"
#include "tensor/tensor.h"

typedef struct hd_pass hd_pass;

/* An entry of the tape. An op embeds it first in a struct with what its backward needs. */
typedef struct hd_node {
    struct hd_node *previous;
    void (*backward)(hd_pass *pass, struct hd_node *node);
} hd_node;

/* Observes a pass while it runs. Functions that are not needed are NULL. */
typedef struct hd_observer {
    /* Attention weights, host [queries, keys] of one sequence and head. */
    void (*attention)(void *user, const char *where, int layer, int64_t sequence, int head, int64_t queries,
                      int64_t keys, const float *weights);
    /* A tensor that a layer has made and calls `what`, before anything reads it. hd_pass_download gives its numbers. */
    void (*tensor)(void *user, hd_pass *pass, const char *what, hd_tensor *x);
    /* The hidden states [tokens, width] of a side of the network after so many of its layers; 0: the embeddings. A recurrent
     * decoder that attends reports them one token at a time. */
    void (*states)(void *user, hd_pass *pass, int side, int64_t layers, hd_tensor *x);
    void *user;
} hd_observer;

/* A loss that is on the device until the host waits for it. */
typedef struct hd_pending_loss {
    struct hd_pending_loss *next;
    const double *from; /* device */
    double *to;
} hd_pending_loss;

struct hd_pass {
    heed_context *context;
    hd_stream stream;
    hd_arena arena;    /* device memory: activations, gradients, what ops need on the way */
    hd_arena host;     /* structs, ids, layouts; taken back by hd_pass_reset alone */
    hd_arena *packing; /* memory of weights that are packed when they are first needed; NULL: they are packed */
    hd_node *tape;     /* the last op first */
    bool recording;    /* keep a tape */
    bool training;     /* apply dropout */
    uint64_t seed, step;
    float *gradients;            /* device block that parameters' gradients are added to, or NULL */
    const hd_observer *observer; /* or NULL */
    hd_pending_loss *losses;     /* still on the device */
    heed_status status;          /* of the first op that failed, and of the stream */
};

/* The pass must not move in memory: its stream points at its status. `packing` is an arena that lives as long as the
 * parameters, or NULL for a pass that only reads them. */
void hd_pass_open(hd_pass *pass, heed_context *context, hd_arena *packing);
/* Forgets all tensors and the tape; keeps the memory for the next run. */
void hd_pass_reset(hd_pass *pass);
void hd_pass_close(hd_pass *pass);

/* Host memory that lives until the pass is reset; NULL, with the status set, when there is none. */
void *hd_pass_alloc(hd_pass *pass, size_t count, size_t size);
/* Device memory of rows · columns uninitialised floats, until the arena is rewound or the pass reset. */
float *hd_pass_numbers(hd_pass *pass, int64_t rows, int64_t columns);
/* The same, of zeros. */
float *hd_pass_zeros(hd_pass *pass, int64_t rows, int64_t columns);
/* `count` floats of device memory as host memory that lives until the pass is reset: a copy, or the memory itself where it
 * is the host's. Waits for the device. NULL, with the status set, on failure. */
float *hd_pass_download(hd_pass *pass, const float *numbers, int64_t count);
/* Puts host numbers into device memory; those of hd_pass_download may be changed and go back to where they are from. */
void hd_pass_upload(hd_pass *pass, const float *host, int64_t count, float *numbers);
/* Waits until every call has run and every loss has arrived; returns the pass's status. */
heed_status hd_pass_wait(hd_pass *pass);

/* Shows a tensor to the observer; NULL is not shown. Returns it. */
static inline hd_tensor *hd_pass_show(hd_pass *pass, const char *what, hd_tensor *x) {
    if (x && pass->observer && pass->observer->tensor) pass->observer->tensor(pass->observer->user, pass, what, x);
    return x;
}
/* The same for hidden states. */
static inline hd_tensor *hd_pass_show_states(hd_pass *pass, int side, int64_t layers, hd_tensor *x) {
    if (x && pass->observer && pass->observer->states)
        pass->observer->states(pass->observer->user, pass, side, layers, x);
    return x;
}
/* An op's refusal: records the message and the status; returns NULL for `return hd_pass_fail(…)`. */
void *hd_pass_fail(hd_pass *pass, heed_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An uninitialised tensor. */
hd_tensor *hd_tensor_new(hd_pass *pass, int64_t rows, int64_t columns, const hd_layout *layout);
/* A tensor on rows that exist already, in device memory. */
hd_tensor *hd_tensor_wrap(hd_pass *pass, int64_t rows, int64_t columns, float *data, const hd_layout *layout);
static inline int64_t hd_tensor_count(const hd_tensor *tensor) { return tensor->rows * tensor->columns; }

/* A dropout site: each has a random stream of its own. It says where in the network dropout is applied, never which
 * parameter that belongs to or how many sites came before: side (2 bits), depth (18 bits), the module and the site within the
 * module (8 and 4 bits). */
static inline uint32_t hd_dropout_site(unsigned side, int64_t depth, unsigned module, unsigned within) {
    return (side & 3u) << 30 | ((uint32_t)depth & 0x3ffffu) << 12 | (module & 0xffu) << 4 | (within & 15u);
}
/* The dropout of a site; keeps everything unless the pass is training. */
hd_dropout hd_pass_dropout(const hd_pass *pass, float probability, uint32_t site);

/* The end of an op: returns its output, or NULL when the pass has failed. Copies `op`, a struct of `size` bytes that
 * begins with an hd_node, to the tape when the pass keeps one and the output needs a gradient. */
hd_tensor *hd_pass_record(hd_pass *pass, hd_tensor *output, const void *op, size_t size,
                          void (*backward)(hd_pass *, hd_node *));
/* Where a gradient goes: the tensor's buffer, made on first use. *add says whether it already has a value; if not, all of
 * it is to be written. NULL when the tensor needs none or memory ran out. */
float *hd_gradient(hd_pass *pass, hd_tensor *tensor, bool *add);
/* Gives a whole buffer as (a summand of) the tensor's gradient; the giver does not use it again. */
void hd_gradient_give(hd_pass *pass, hd_tensor *tensor, float *buffer);
/* Where the pass adds up the gradient of a parameter; NULL if it has none, or if there is no parameter. A parameter
 * that is used in several places has one sum, in the order of the tape. */
float *hd_pass_gradient(const hd_pass *pass, const hd_parameter *parameter);
/* Packs the parameter for products if it is not packed, which several passes must not do at once. False, with the pass's
 * status set, when memory ran out or the pass only reads weights. */
bool hd_pass_pack(hd_pass *pass, hd_parameter *parameter);
/* Adds the double at `from`, in device memory, to *to: at once when the device runs calls at once or the pass keeps no
 * tape, else when the host next waits, at the latest at the end of hd_pass_backward. */
void hd_pass_add_loss(hd_pass *pass, const double *from, double *to);

/* Runs the tape backward, from the gradients that its last op (a loss) or the caller has put in place, and waits. */
heed_status hd_pass_backward(hd_pass *pass);

#endif
