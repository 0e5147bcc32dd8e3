/* Texts continued by a language model. */
#ifndef HD_TASKS_GENERATE_H
#define HD_TASKS_GENERATE_H

#include "tasks/decoding.h"

/* heed_generate (heed/heed.h) with settings of hd_decoding_open. With HEED_STOPPED there are results too. */
heed_status hd_generate(heed_model *model, const hd_decoding *settings, const char *const *texts, const size_t *sizes,
                        size_t count, uint64_t first, heed_words_function *words, void *user, heed_results **results);

#endif
