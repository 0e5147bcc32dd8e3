/* Reading the components of a tokenizer.json. */
#ifndef HD_TEXT_COMPONENTS_JSON_H
#define HD_TEXT_COMPONENTS_JSON_H

#include "text/components.h"
#include "text/json_fields.h"

/* Adds the normalizers, pre-tokenizers, decoders and post-processors of the document `root`. The vocabulary must have
 * been read before. */
heed_status hd_read_components(heed_tokenizer *tokenizer, const json_t *root);

#endif
