/* Text in one language in, text in another out; any encoder–decoder that heed opens, whatever it was trained to rewrite. */
#ifndef HD_TASKS_TRANSLATE_H
#define HD_TASKS_TRANSLATE_H

#include "tasks/decoding.h"

/* heed_translate (heed/heed.h) with settings of hd_decoding_open. With HEED_STOPPED there are results too. */
heed_status hd_translate(heed_model *model, const hd_decoding *settings, const char *const *texts, const size_t *sizes,
                         size_t count, heed_results **results);

#endif
