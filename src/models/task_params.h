/* The tasks that a config.json describes under "task_specific_params", as T5 and BART have them: settings of decoding, and text
 * that comes before each input. transformers 4.57's pipelines read them. */
#ifndef HD_MODELS_TASK_PARAMS_H
#define HD_MODELS_TASK_PARAMS_H

#include "models/model.h"

/* What a text becomes. */
typedef enum hd_text_task { HD_TASK_TRANSLATE, HD_TASK_SUMMARIZE, HD_TASK_REWRITE, HD_TASK_ANSWER } hd_text_task;

/* Reads "prefix" and "task_specific_params" of an encoder–decoder, whose generation settings were read. Another model has none. */
heed_status hd_task_params_read(heed_model *model, const hd_json *config);

/* The settings of a task; *params is NULL if the files have none. Names (NULL: not given) choose among several: of a translation
 * `from` and `to`, of a rewriting the style `to`. HEED_ARGUMENT for a name that no task has: the message lists those that there
 * are; and if rewriting has several styles and none was chosen. */
heed_status hd_task_params_choose(const heed_model *model, hd_text_task task, const char *from, const char *to,
                                  const hd_task_params **params);
/* Whether names choose a task of the model's config, and not a language of its tokenizer. */
bool hd_task_params_are_named(const heed_model *model, hd_text_task task);
/* Whether a text begins with the prefix of one of the model's tasks. */
bool hd_task_params_begin(const heed_model *model, const char *text, size_t size);
/* Appends the names of the languages "en to de", or of the styles, each after `before`. */
void hd_task_params_list(const heed_model *model, hd_text_task task, const char *before, hd_buffer *out);

#endif
