/* Reading the fields of a tokenizer.json. Messages name the part of the file, `where`, and the key. */
#ifndef HD_TEXT_JSON_FIELDS_H
#define HD_TEXT_JSON_FIELDS_H

#include "base/context.h"
#include "formats/json.h"

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
/* A required string of exactly one character. */
heed_status hd_read_character(heed_context *context, const json_t *object, const char *where, const char *key,
                              uint32_t *out);
/* The index in `names`, which NULL ends; a missing or null field leaves the default. */
heed_status hd_read_choice(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char *const *names, int *out);
/* A copy of an optional string, which the caller frees; NULL when it is missing, null or empty. */
heed_status hd_read_affix(heed_context *context, const json_t *object, const char *where, const char *key, char **out);

#endif
