/* Parts of `heed info` (info.c). Each adds keys to the object of a description; not 0: out of memory. */
#ifndef HD_MODELS_INFO_H
#define HD_MODELS_INFO_H

#include "models/model.h"

/* licence.c: appends the licence that a folder states; nothing if it states none. */
heed_status hd_licence_find(heed_context *context, const char *folder, hd_buffer *out);

/* info_tokenizer.c: the components of a tokenizer.json in the folder (or of that file itself), whether heed can run them or
 * not; else of the open tokenizer, which may be NULL. */
heed_status hd_info_tokenizer(heed_context *context, const char *path, const heed_tokenizer *tokenizer, json_t *object);

/* info_model.c: verbs, context length, memory and vectors of an open model; and what a config says of a model that does not
 * open. */
int hd_info_model(const heed_model *model, json_t *object);
int hd_info_config(const hd_json *config, json_t *object);

#endif
