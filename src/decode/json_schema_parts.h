/* The parts of the compiler of JSON schemas. Private to json_schema*.c. Each part appends the body of a rule, or an item of one,
 * in the notation of grammar.c. A failure is kept in the compiler's `status`, and makes the rest meaningless. */
#ifndef HD_DECODE_JSON_SCHEMA_PARTS_H
#define HD_DECODE_JSON_SCHEMA_PARTS_H

#include <jansson.h>

#include "base/buffer.h"

/* The rules for JSON that grammars of schemas share. */
typedef enum hd_json_rule {
    HD_JSON_WS,
    HD_JSON_VALUE,
    HD_JSON_OBJECT,
    HD_JSON_MEMBER,
    HD_JSON_ARRAY,
    HD_JSON_STRING,
    HD_JSON_CHARACTER,
    HD_JSON_PLAIN, /* a character without an escape */
    HD_JSON_NUMBER,
    HD_JSON_INTEGER,
    HD_JSON_DATE,
    HD_JSON_TIME,
    HD_JSON_UUID,
    HD_JSON_RULES
} hd_json_rule;

typedef struct hd_schema_compiler hd_schema_compiler;

/* Where a schema is in the file: a key below another place. */
typedef struct hd_schema_place {
    const struct hd_schema_place *above;
    const char *key;
} hd_schema_place;

struct hd_schema_compiler {
    heed_context *context;
    /* Appends the name of a rule for the values of a schema. */
    void (*value)(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema, hd_buffer *out);
    const char *name;
    const json_t *root;
    json_t *refs; /* owned: the name of the rule of each reference */
    json_t *made; /* owned: schemas that were merged from others */
    hd_buffer rules;
    unsigned used; /* bit i: hd_json_rule i */
    int next;      /* number of the next rule */
    int depth;
    heed_status status;
};

/* ---- json_schema_rules.c ---- */

/* Records `FILE: #/properties/a: MESSAGE`, unless there was a failure before. */
void hd_schema_fail(hd_schema_compiler *compiler, const hd_schema_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The name of a shared rule, which is then part of the grammar. */
const char *hd_schema_rule(hd_schema_compiler *compiler, hd_json_rule rule);
/* Appends the shared rules that are used. */
void hd_schema_shared_rules(unsigned used, hd_buffer *out);
/* Appends a text in quotes. */
void hd_schema_literal(const char *text, size_t size, hd_buffer *out);
/* Appends the JSON text of a value in quotes. */
void hd_schema_constant(hd_schema_compiler *compiler, const json_t *value, hd_buffer *out);
/* Appends a character of a class. */
void hd_schema_class_character(uint32_t code, hd_buffer *out);
/* Appends "{least,most}"; `most` below 0: no limit. */
void hd_schema_bounds(int64_t least, int64_t most, hd_buffer *out);
/* The number under a key, a count of at most 100000, or `otherwise`. */
int64_t hd_schema_count(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema,
                        const char *key, int64_t otherwise);

/* Whether a key says something for people alone: it is ignored. */
bool hd_schema_is_annotation(const char *key);

/* ---- one file each ---- */

void hd_schema_object(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema, hd_buffer *out);
void hd_schema_array(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema, hd_buffer *out);
void hd_schema_string(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema, hd_buffer *out);
void hd_schema_pattern(hd_schema_compiler *compiler, const hd_schema_place *place, const char *pattern, hd_buffer *out);
void hd_schema_number(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *schema, bool integer,
                      hd_buffer *out);

/* json_schema_merge.c: the schema, owned by the compiler, of the values that two accept. `skip` (may be NULL) is a key of the first one to
 * leave out. NULL after a failure. */
const json_t *hd_schema_merge(hd_schema_compiler *compiler, const hd_schema_place *place, const json_t *a,
                              const char *skip, const json_t *b);
/* Whether no text that the grammars of two schemas generate is accepted by both schemas, as far as it is known. */
bool hd_schema_disjoint(hd_schema_compiler *compiler, const json_t *a, const json_t *b);
/* The schema that a reference leads to: NULL if there is none. */
const json_t *hd_schema_find(const hd_schema_compiler *compiler, const char *reference);
/* The schema itself, or the one that it refers to by $ref alone. */
const json_t *hd_schema_follow(const hd_schema_compiler *compiler, const json_t *schema);

#endif
