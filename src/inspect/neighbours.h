/* The words whose embeddings have the largest cosine similarity with that of a word. */
#ifndef HD_INSPECT_NEIGHBOURS_H
#define HD_INSPECT_NEIGHBOURS_H

#include "inspect/picture.h"

typedef struct hd_neighbour {
    const char *word;
    double cosine;
} hd_neighbour;

typedef struct hd_neighbours {
    heed_picture picture;
    const char *word;
    hd_neighbour *nearest; /* [count], the nearest first */
    int64_t count;
} hd_neighbours;

heed_status hd_neighbours_open(heed_context *context, hd_neighbours **neighbours);

#endif
