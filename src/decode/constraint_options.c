#include "decode/constraint_options.h"

#include "base/file.h"
#include "decode/json_schema.h"

#include <string.h>

/* A value that contains rules is a grammar, and another one a file. */
static bool has_rules(const char *value) { return strstr(value, "::=") != NULL; }

/* A value that begins with a brace is a schema, and another one a file. */
static bool is_object(const char *value) { return value[strspn(value, " \t\r\n")] == '{'; }

/* Appends the text that an option names or is; `name` becomes what messages call it. */
static heed_status read_value(heed_context *context, const char *value, bool is_text, const char *option,
                              const char **name, hd_buffer *text) {
    *name = is_text ? option : value;
    if (!is_text) return hd_file_read(context, value, text);
    hd_buffer_text(text, value);
    return text->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status compile_schema(heed_context *context, const hd_constraint_target *target, const char *value,
                                  hd_constraint **constraint) {
    hd_buffer schema, grammar;
    const char *name;
    hd_buffer_open(&schema, context);
    hd_buffer_open(&grammar, context);
    heed_status status = read_value(context, value, is_object(value), "json-schema", &name, &schema);
    if (status == HEED_OK)
        status = hd_json_schema_grammar(context, name, schema.data ? schema.data : "", schema.size, &grammar);
    if (status == HEED_OK) status = hd_constraint_open(context, target, name, grammar.data, grammar.size, constraint);
    hd_buffer_close(&schema);
    hd_buffer_close(&grammar);
    return status;
}

static heed_status compile_grammar(heed_context *context, const hd_constraint_target *target, const char *value,
                                   hd_constraint **constraint) {
    hd_buffer text;
    const char *name;
    hd_buffer_open(&text, context);
    heed_status status = read_value(context, value, has_rules(value), "grammar", &name, &text);
    if (status == HEED_OK)
        status = hd_constraint_open(context, target, name, text.data ? text.data : "", text.size, constraint);
    hd_buffer_close(&text);
    return status;
}

static heed_status compile_object(heed_context *context, const hd_constraint_target *target,
                                  hd_constraint **constraint) {
    hd_buffer grammar;
    hd_buffer_open(&grammar, context);
    heed_status status = hd_json_object_grammar(&grammar);
    if (status == HEED_OK)
        status = hd_constraint_open(context, target, "json-object", grammar.data, grammar.size, constraint);
    hd_buffer_close(&grammar);
    return status;
}

heed_status hd_constraint_make(heed_context *context, const hd_constraint_target *target,
                               const hd_constraint_options *options, hd_constraint **constraint) {
    *constraint = NULL;
    if ((options->grammar != NULL) + (options->json_schema != NULL) + options->json_object > 1)
        return hd_fail(context, HEED_ARGUMENT, "grammar, json-schema and json-object: only one of them may be set");
    if (options->grammar) return compile_grammar(context, target, options->grammar, constraint);
    if (options->json_schema) return compile_schema(context, target, options->json_schema, constraint);
    return options->json_object ? compile_object(context, target, constraint) : HEED_OK;
}
