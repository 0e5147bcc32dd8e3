/* JSON schemas as grammars: each text of the grammar is JSON that the schema accepts. */
#ifndef HD_DECODE_JSON_SCHEMA_H
#define HD_DECODE_JSON_SCHEMA_H

#include "base/buffer.h"

/* Appends the grammar (grammar.h) of a schema. `name` is the schema's file, for messages. HEED_ARGUMENT names the place in
 * the schema of a keyword that heed lacks or does not know, or that no value can satisfy. */
heed_status hd_json_schema_grammar(heed_context *context, const char *name, const char *schema, size_t size,
                                   hd_buffer *grammar);
/* Appends the grammar of any JSON object. */
heed_status hd_json_object_grammar(hd_buffer *grammar);

#endif
