/* Which files of a repository a pull fetches. */
#ifndef HD_FORMATS_HUB_SELECT_H
#define HD_FORMATS_HUB_SELECT_H

#include "base/settings.h"
#include "formats/hub/answers.h"

/* Sets `selected` of each file. With patterns: the files whose path matches one of them, where "*" also matches slashes, as in
 * huggingface_hub. Without: what heed reads. That is configuration, tokenizers, templates, the model card and the licence;
 * and weights as safetensors or, in a folder without such, as PyTorch's .bin. Folders of other frameworks are left out. */
void hd_hub_select(hd_hub_files *files, const hd_string_list *patterns);

#endif
