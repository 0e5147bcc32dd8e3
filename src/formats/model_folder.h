/* Finds the folder of a model by the name that the user gave, and opens its config.json. */
#ifndef HD_FORMATS_MODEL_FOLDER_H
#define HD_FORMATS_MODEL_FOLDER_H

#include "formats/json.h"

/* `name` is one of the following, tried in this order:
 *   - a folder with a config.json in it, or of sentence-transformers, with a modules.json that names the folder of the
 *     Transformer, which then is the model's folder;
 *   - the name of a shipped model: a folder of that name in $HEED_MODELS, in share/heed/models of the prefix that the
 *     running program is installed in, or in the source tree's models/;
 *   - owner/name (or a bare name such as gpt2) in the Hugging Face hub's cache (hub/cache.h), at its main revision.
 * The caller frees *folder. HEED_FILE, with all folders that were searched, when there is none; *folder is then
 * NULL. */
heed_status hd_model_folder_find(heed_context *context, const char *name, char **folder);

/* The same, but a shipped model alone, and one in the hub's cache alone. */
heed_status hd_model_folder_find_shipped(heed_context *context, const char *name, char **folder);
heed_status hd_model_folder_find_cached(heed_context *context, const char *name, char **folder);

/* The names of all shipped models, sorted, each on a line, for the caller to free. */
heed_status hd_model_folder_list(heed_context *context, char **names);

/* Opens folder/config.json. *model_type is its required string "model_type", which lives as long as the config. The
 * caller closes the config. */
heed_status hd_model_config_open(heed_context *context, const char *folder, hd_json *config, const char **model_type);

#endif
