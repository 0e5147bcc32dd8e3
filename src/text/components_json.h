/* Reading a tokenizer.json: fields and components. Messages name the part of the file, `where`, and the key. */
#ifndef HD_TEXT_COMPONENTS_JSON_H
#define HD_TEXT_COMPONENTS_JSON_H

#include "formats/json.h"
#include "text/components.h"

/* HEED_FORMAT, `where: "key" is not a count`. */
heed_status hd_wrong_field(heed_context *context, const char *where, const char *key, const char *expected);
/* HEED_UNSUPPORTED, `where "type" is not supported`. */
heed_status hd_unsupported_component(heed_context *context, const char *where, const char *type);
/* A missing or null field leaves the default that *out holds. */
heed_status hd_read_bool(heed_context *context, const json_t *object, const char *where, const char *key, bool *out);
/* A required count. */
heed_status hd_read_count(heed_context *context, const json_t *object, const char *where, const char *key, size_t *out);
/* A required string; it lives as long as the document. */
heed_status hd_read_string(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char **text, size_t *size);
/* A copy of an optional string, which the caller frees; NULL when it is missing, null or empty. */
heed_status hd_read_affix(heed_context *context, const json_t *object, const char *where, const char *key, char **out);

/* Adds the normalizers, pre-tokenizers, decoders and post-processors of the document `root`. The vocabulary must have
 * been read before. */
heed_status hd_read_components(heed_tokenizer *tokenizer, const json_t *root);

#endif
