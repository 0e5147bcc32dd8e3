/* The options that constrain a text: rows for tables, and what they compile to. */
#ifndef HD_DECODE_CONSTRAINT_OPTIONS_H
#define HD_DECODE_CONSTRAINT_OPTIONS_H

#include <pthread.h>

#include "decode/constraint.h"
#include "decode/options.h"

typedef struct hd_constraint_options {
    char *grammar, *json_schema; /* a file, or the text itself; NULL: none */
    bool json_object;
} hd_constraint_options;

#define HD_CONSTRAINT_OPTION(at, name, kind, field, argument, help)                                     \
    {                                                                                                   \
        name, kind, (at) + offsetof(hd_constraint_options, field), NULL, 0, 0, argument, help, NULL, 0, \
            HD_GROUP_CONSTRAINT                                                                         \
    }
/* `at` is the offset of the hd_constraint_options in a table's struct. */
#define HD_OPTIONS_CONSTRAINT(at)                                                                                 \
    HD_CONSTRAINT_OPTION(at, "grammar", HD_SETTING_STRING, grammar, "FILE",                                       \
                         "grammar in GBNF notation that the output must match: a file, or the rules themselves"), \
        HD_CONSTRAINT_OPTION(at, "json-schema", HD_SETTING_STRING, json_schema, "FILE",                           \
                             "JSON schema that the output must match: a file, or an object"),                     \
        HD_CONSTRAINT_OPTION(at, "json-object", HD_SETTING_BOOL, json_object, NULL,                               \
                             "restricts the output to a JSON object")

/* The constraints that requests with one target used last: equal grammars are compiled once. Several threads may use a list. */
enum { HD_KEPT_CONSTRAINTS = 16 };
typedef struct hd_constraint_list {
    pthread_mutex_t lock;
    struct {
        char *grammar; /* [size] */
        size_t size;
        hd_constraint *constraint;
    } kept[HD_KEPT_CONSTRAINTS]; /* [count], the last one used last */
    int count;
} hd_constraint_list;

void hd_constraint_list_open(hd_constraint_list *list);
void hd_constraint_list_close(hd_constraint_list *list, heed_context *context);

/* Compiles the option that was set, or finds its constraint in `list` (may be NULL). *constraint is NULL if none was. The
 * caller closes it. HEED_ARGUMENT for two of them, and as hd_constraint_open. */
heed_status hd_constraint_make(heed_context *context, const hd_constraint_target *target,
                               const hd_constraint_options *options, hd_constraint_list *list,
                               hd_constraint **constraint);

#endif
