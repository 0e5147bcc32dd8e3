/* The endpoints /v1/embeddings, /v1/rerank and /rerank. */
#ifndef HD_SERVE_VECTORS_H
#define HD_SERVE_VECTORS_H

#include "serve/state.h"

hd_serve_function hd_serve_embeddings, hd_serve_rerank;

#endif
