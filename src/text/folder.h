/* Opens the tokenizer of a model folder, whatever files it is stored in. */
#ifndef HD_TEXT_FOLDER_H
#define HD_TEXT_FOLDER_H

#include "text/tokenizer.h"

/* Opens the tokenizer of the files in `folder`: a tokenizer.json if there is one, else older files (folder.c lists
 * them). HEED_FILE when the folder has none of them; the message lists the names. The caller closes *out. */
heed_status hd_tokenizer_open_folder(heed_context *context, const char *folder, heed_tokenizer **out);
/* The tokenizer of a translator's targets, if the folder has another one for them; else *out is NULL. */
heed_status hd_tokenizer_open_target(heed_context *context, const char *folder, heed_tokenizer **out);
/* Whether `folder` has the files of a tokenizer. */
heed_status hd_tokenizer_find_in_folder(heed_context *context, const char *folder, bool *found);

#endif
