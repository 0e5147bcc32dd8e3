/* A picture: data taken from a model that can be drawn in several formats. Each kind of picture is a struct that begins
 * with a heed_picture (steps.h, vectors.h, neighbours.h, measured.h). */
#ifndef HD_INSPECT_PICTURE_H
#define HD_INSPECT_PICTURE_H

#include "base/arena.h"
#include "base/buffer.h"

/* Each function appends to a buffer; svg and html are NULL for pictures without them. */
typedef struct hd_picture_class {
    const char *name; /* "steps are", for messages */
    heed_status (*text)(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out);
    heed_status (*svg)(const heed_picture *picture, hd_buffer *out);
    heed_status (*json)(const heed_picture *picture, hd_buffer *out);
    heed_status (*html)(const heed_picture *picture, hd_buffer *out);
} hd_picture_class;

struct heed_picture {
    const hd_picture_class *class;
    heed_context *context;
    hd_arena arena; /* of all its data */
};

/* `size` zeroed bytes that begin with a heed_picture. */
heed_status hd_picture_open(heed_context *context, const hd_picture_class *class, size_t size, void *picture);

#endif
