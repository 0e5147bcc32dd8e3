/* The options that constrain a text: rows for tables, and what they compile to. */
#ifndef HD_DECODE_CONSTRAINT_OPTIONS_H
#define HD_DECODE_CONSTRAINT_OPTIONS_H

#include "base/settings.h"
#include "decode/constraint.h"

typedef struct hd_constraint_options {
    char *grammar, *json_schema; /* a file, or the text itself; NULL: none */
    bool json_object;
} hd_constraint_options;

#define HD_CONSTRAINT_OPTION(at, name, kind, field, argument, help) \
    { name, kind, (at) + offsetof(hd_constraint_options, field), NULL, 0, 0, argument, help }
/* `at` is the offset of the hd_constraint_options in a table's struct. */
#define HD_OPTIONS_CONSTRAINT(at)                                                           \
    HD_CONSTRAINT_OPTION(at, "grammar", HD_SETTING_STRING, grammar, "FILE",                 \
                         "grammar in GBNF that the text must match: a file, or rules"),     \
        HD_CONSTRAINT_OPTION(at, "json-schema", HD_SETTING_STRING, json_schema, "FILE",     \
                             "JSON schema that the text must match: a file, or an object"), \
        HD_CONSTRAINT_OPTION(at, "json-object", HD_SETTING_BOOL, json_object, NULL, "the text must be a JSON object")

/* Compiles the option that was set. *constraint is NULL if none was. HEED_ARGUMENT for two of them, and as
 * hd_constraint_open. */
heed_status hd_constraint_make(heed_context *context, const hd_constraint_target *target,
                               const hd_constraint_options *options, hd_constraint **constraint);

#endif
