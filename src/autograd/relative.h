/* Attention with scores of relative positions (hd_relative of ops.h). The scores [heads, queries, keys] exist for a few
 * sequences at a time, and the backward pass computes them again. */
#ifndef HD_AUTOGRAD_RELATIVE_H
#define HD_AUTOGRAD_RELATIVE_H

#include "autograd/ops/ops.h"

/* Whether the tables have the columns of q, and rows for the distances of all queries and keys; else the pass fails. k is NULL
 * where keys are cached. */
bool hd_relative_check(hd_pass *pass, const hd_relative *relative, const hd_tensor *q, const hd_tensor *k);
/* The device's attention with these scores as the bias. */
void hd_relative_attention(hd_pass *pass, const hd_relative *relative, const hd_attention_call *call);
/* Its gradient: of q, k and v into the call's arrays, and of the tables. */
void hd_relative_attention_backward(hd_pass *pass, const hd_relative *relative, const hd_attention_backward_call *call);

#endif
