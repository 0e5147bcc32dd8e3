/* The options of all that is looked at and drawn: attention, steps, embeddings, positions, gradients. */
#ifndef HD_TASKS_LOOK_H
#define HD_TASKS_LOOK_H

#include "base/options.h"
#include "models/model.h"

typedef enum hd_picture_format {
    HD_PICTURE_BY_NAME,
    HD_PICTURE_TEXT,
    HD_PICTURE_SVG,
    HD_PICTURE_HTML,
    HD_PICTURE_JSON,
    HD_PICTURE_NPY
} hd_picture_format;

typedef struct hd_look {
    char *target; /* NULL: the model's own translation */
    hd_generation generation;
    bool pieces;
    int kind;            /* 0: cross-attention where there is some, else the first map; then hd_attention_kind + 1 */
    int64_t layer, head; /* from 1; 0: the mean of all */
    bool grid, lines;
    int64_t count;    /* how many words, of what is counted; 0: as many as the picture likes */
    int64_t distance; /* of gradients, in tokens; 0: as far as goes */
    int format;       /* hd_picture_format */
} hd_look;

/* What was asked for; `generation` gives the defaults of decoding, NULL: its own. The caller frees it, also after a
 * failure. */
heed_status hd_look_read(heed_context *context, const heed_options *options, const hd_generation *generation,
                         hd_look *look);
void hd_look_free(heed_context *context, hd_look *look);
/* HEED_ARGUMENT when an option was set that is not one of `names`, which end in a NULL: "grid does not go with steps". */
heed_status hd_look_allow(heed_context *context, const heed_options *options, const char *what,
                          const char *const *names);

/* Appends what the settings ask for to a buffer. */
typedef heed_status hd_draw_function(const void *what, const hd_look *look, bool color, int columns, hd_buffer *out);

/* What is drawn so, for the caller to give to heed_free; or into a file, whose name's ending is the format unless the
 * options name one. */
heed_status hd_look_draw(heed_context *context, const heed_options *options, hd_draw_function *draw, const void *what,
                         bool color, int columns, char **bytes, size_t *size);
heed_status hd_look_save(heed_context *context, const heed_options *options, hd_draw_function *draw, const void *what,
                         const char *path);

#endif
