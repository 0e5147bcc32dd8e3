/* How a model makes one vector of a text: pooling, dense layers and normalization after the network, prompts before it.
 * A sentence-transformers folder states them in files of its own. */
#ifndef HD_MODELS_EMBEDDING_H
#define HD_MODELS_EMBEDDING_H

#include "layers/network.h"
#include "layers/pooling.h"

enum { HD_MOST_POOLINGS = 6, HD_MOST_EMBEDDER_STEPS = 32 };

/* A step after pooling. */
typedef struct hd_embedder_step {
    bool normalizes;         /* to length 1; else a dense layer: */
    hd_module_weights dense; /* weight [out, in], bias or NULL */
    hd_activation activation;
} hd_embedder_step;

typedef struct hd_prompt {
    const char *name, *text;
} hd_prompt;

typedef struct hd_embedder {
    bool listed;                    /* by a modules.json; else the defaults of sentence-transformers */
    const char *problem;            /* why no vectors can be made; NULL: they can */
    int poolings[HD_MOST_POOLINGS]; /* hd_state_pooling: [pooling_count] vectors, joined */
    int64_t pooling_count;
    bool without_prompt; /* tokens of the prompt are not pooled */
    bool lowercase;      /* texts are lowercased before anything else */
    int64_t max_tokens;  /* texts are cut after them; 0: after what the model reads */
    hd_embedder_step steps[HD_MOST_EMBEDDER_STEPS];
    int64_t step_count;
    int64_t columns;    /* of the vectors */
    hd_prompt *prompts; /* [prompt_count] */
    size_t prompt_count;
    const hd_prompt *usual; /* the prompt of texts without another one; NULL: none */
    const char *similarity; /* the function that compares two vectors: "cosine" */
} hd_embedder;

/* The prompt of this name, or NULL. */
const hd_prompt *hd_embedder_prompt(const hd_embedder *embedder, const char *name);

#endif
