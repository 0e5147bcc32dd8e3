/* From what the user called a model to the folder it lies in, and that folder's config.json. */
#ifndef HD_FORMATS_MODEL_FOLDER_H
#define HD_FORMATS_MODEL_FOLDER_H

#include "formats/json.h"

/* `name` is one of these, tried in this order:
 *   - a folder with a config.json in it;
 *   - the name of a shipped model: a folder of that name in $HEED_MODELS, in share/heed/models of the prefix that the
 *     running program is installed in, or in the source tree's models/;
 *   - owner/name (or a bare name such as gpt2) in the Hugging Face hub's cache, at its main revision. The cache is
 *     $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that is set.
 * *folder is for the caller to free. HEED_FILE, with a line that says where it was looked for, when it is in none;
 * *folder is then NULL. */
heed_status hd_model_folder_find(heed_context *context, const char *name, char **folder);

/* The names of all shipped models, sorted, each on a line, for the caller to free. */
heed_status hd_model_folder_list(heed_context *context, char **names);

/* Opens folder/config.json and requires that it has the string "model_type", which *model_type is then set to; it
 * lives as long as the config, which the caller closes. */
heed_status hd_model_config_open(heed_context *context, const char *folder, hd_json *config, const char **model_type);

#endif
