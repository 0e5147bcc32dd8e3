/* How the files that read a tokenizer.json take fields and components from it. Messages name the part of the file, as
 * `where`, and the key. */
#ifndef HD_TEXT_COMPONENTS_JSON_H
#define HD_TEXT_COMPONENTS_JSON_H

#include "formats/json.h"
#include "text/parts.h"

/* HEED_FORMAT, `where: "key" is not a count`. */
heed_status hd_wrong_field(heed_context *context, const char *where, const char *key, const char *wanted);
/* HEED_UNSUPPORTED, `where "type" is not supported`. */
heed_status hd_unsupported_part(heed_context *context, const char *where, const char *type);
/* A missing or null field leaves the default that *out holds. */
heed_status hd_read_bool(heed_context *context, const json_t *object, const char *where, const char *key, bool *out);
/* A count that must be there. */
heed_status hd_read_count(heed_context *context, const json_t *object, const char *where, const char *key, size_t *out);
/* A string that must be there; it lives as long as the document. */
heed_status hd_read_string(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char **text, size_t *size);
/* A copy of a string for the caller to free; NULL for one that is missing, null or empty. */
heed_status hd_read_affix(heed_context *context, const json_t *object, const char *where, const char *key, char **out);

/* Adds the normalizers, pre-tokenizers, decoders and post-processors of `root`, the document. The vocabulary must be there. */
heed_status hd_read_parts(heed_tokenizer *tokenizer, const json_t *root);

#endif
