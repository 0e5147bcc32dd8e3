/* Text in one language in, text in another out; any encoder–decoder that heed opens, whatever it was trained to rewrite. */
#ifndef HD_TASKS_TRANSLATE_H
#define HD_TASKS_TRANSLATE_H

#include "base/options.h"
#include "models/model.h"

typedef struct hd_translate_options {
    hd_generation generation;
    char *from, *to;                  /* names of languages, until they are resolved */
    hd_side_tokenizer side[HD_SIDES]; /* with their tokens */
    int64_t batch_tokens;             /* source tokens of a session at once; 0: a default for the model and the beams */
    bool alignment;                   /* word alignments beside the translations */
    int64_t alignment_layer;
} hd_translate_options;

extern const hd_option_table hd_translate_table;

/* The model's own generation config, with what `options` (may be NULL) sets. */
heed_status hd_translate_settings(const heed_model *model, const heed_options *options, hd_translate_options *settings);

/* heed_translate (heed/heed.h) with validated options. */
heed_status hd_translate(heed_model *model, const hd_translate_options *settings, const char *const *texts,
                         const size_t *sizes, size_t count, heed_results **results);

#endif
