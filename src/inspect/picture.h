/* A picture: what was seen of a model, ready to be drawn in several ways. Each kind embeds it first in a struct of its own
 * (steps.h, embeddings.h, measured.h). */
#ifndef HD_INSPECT_PICTURE_H
#define HD_INSPECT_PICTURE_H

#include "base/arena.h"
#include "base/buffer.h"

/* Each appends to a buffer. NULL: the picture is not drawn that way. */
typedef struct hd_picture_class {
    const char *name; /* "steps are": of messages */
    heed_status (*text)(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out);
    heed_status (*svg)(const heed_picture *picture, hd_buffer *out);
    heed_status (*json)(const heed_picture *picture, hd_buffer *out);
} hd_picture_class;

struct heed_picture {
    const hd_picture_class *class;
    heed_context *context;
    hd_arena arena; /* all that it holds */
};

/* `size` zeroed bytes that begin with a heed_picture. */
heed_status hd_picture_open(heed_context *context, const hd_picture_class *class, size_t size, void *picture);

#endif
