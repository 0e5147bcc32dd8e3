/* The options of heed attend: attention maps, steps, embeddings, positions, gradients. */
#ifndef HD_TASKS_INSPECT_SETTINGS_H
#define HD_TASKS_INSPECT_SETTINGS_H

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

typedef struct hd_inspect_settings {
    char *target; /* NULL: the model's own translation */
    hd_generation generation;
    bool pieces;         /* label subword tokens instead of words */
    int kind;            /* 0: cross-attention if there is any, else the first map; then hd_attention_kind + 1 */
    int64_t layer, head; /* from 1; 0: the mean of all */
    char *word;          /* of the steps of a head: the query; NULL: the last word */
    bool grid, lines;
    int64_t count;    /* words, positions or candidates to show; 0: the default of the picture */
    int64_t distance; /* of gradients, in tokens; 0: the default */
    int format;       /* hd_picture_format */
} hd_inspect_settings;

/* Reads the options; `generation` gives the defaults of decoding (NULL: heed's own). The caller frees the settings,
 * also after a failure. */
heed_status hd_inspect_settings_read(heed_context *context, const heed_options *options,
                                     const hd_generation *generation, hd_inspect_settings *settings);
void hd_inspect_settings_free(heed_context *context, hd_inspect_settings *settings);
/* HEED_ARGUMENT when an option was set that is not one of `names`, a list that ends in NULL: "grid does not go with
 * steps". */
heed_status hd_inspect_settings_allow(heed_context *context, const heed_options *options, const char *what,
                                      const char *const *names);

/* Appends a picture to a buffer, in the format of the settings. */
typedef heed_status hd_draw_function(const void *what, const hd_inspect_settings *settings, bool color, int columns,
                                     hd_buffer *out);

/* Draws into memory that the caller gives to heed_free, or into a file, whose extension decides the format unless the
 * options name one. */
heed_status hd_inspect_draw(heed_context *context, const heed_options *options, hd_draw_function *draw,
                            const void *what, bool color, int columns, char **bytes, size_t *size);
heed_status hd_inspect_save(heed_context *context, const heed_options *options, hd_draw_function *draw,
                            const void *what, const char *path);

#endif
