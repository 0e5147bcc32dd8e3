#include "decode/constraint_options.h"

#include "base/file.h"
#include "decode/json_schema.h"

#include <string.h>

/* ---- from options to grammars ---- */

/* A value that contains rules is a grammar, and another one a file. */
static bool has_rules(const char *value) { return strstr(value, "::=") != NULL; }

/* A value that begins with a brace is a schema, and another one a file. */
static bool is_object(const char *value) { return value[strspn(value, " \t\r\n")] == '{'; }

/* Appends the text that an option names or is. */
static heed_status read_value(heed_context *context, const char *value, bool is_text, hd_buffer *text) {
    if (!is_text) return hd_file_read(context, value, text);
    hd_buffer_text(text, value);
    return text->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status convert_schema(heed_context *context, const char *name, const char *value, hd_buffer *grammar) {
    hd_buffer schema;
    hd_buffer_open(&schema, context);
    heed_status status = read_value(context, value, is_object(value), &schema);
    if (status == HEED_OK)
        status = hd_json_schema_grammar(context, name, schema.data ? schema.data : "", schema.size, grammar);
    hd_buffer_close(&schema);
    return status;
}

/* Appends the grammar of the option that was set; `name` becomes what messages call it, or stays NULL. */
static heed_status find_grammar(heed_context *context, const hd_constraint_options *o, const char **name,
                                hd_buffer *grammar) {
    *name = NULL;
    if ((o->grammar != NULL) + (o->json_schema != NULL) + o->json_object > 1)
        return hd_fail(context, HEED_ARGUMENT, "grammar, json-schema and json-object: only one of them may be set");
    if (o->grammar) {
        *name = has_rules(o->grammar) ? "grammar" : o->grammar;
        return read_value(context, o->grammar, has_rules(o->grammar), grammar);
    }
    if (o->json_schema) {
        *name = is_object(o->json_schema) ? "json-schema" : o->json_schema;
        return convert_schema(context, *name, o->json_schema, grammar);
    }
    if (!o->json_object) return HEED_OK;
    *name = "json-object";
    return hd_json_object_grammar(grammar);
}

/* ---- constraints that are kept ---- */

void hd_constraint_list_open(hd_constraint_list *list) {
    *list = (hd_constraint_list){.count = 0};
    pthread_mutex_init(&list->lock, NULL);
}

/* Removes an entry; those after it move down. */
static void drop(hd_constraint_list *list, heed_context *context, int i) {
    hd_constraint_close(context, list->kept[i].constraint);
    hd_free(context, list->kept[i].grammar);
    list->count--;
    memmove(&list->kept[i], &list->kept[i + 1], (size_t)(list->count - i) * sizeof list->kept[i]);
}

void hd_constraint_list_close(hd_constraint_list *list, heed_context *context) {
    while (list->count) drop(list, context, list->count - 1);
    pthread_mutex_destroy(&list->lock);
}

/* The constraint of a grammar, shared; NULL: it is not in the list. */
static hd_constraint *find_kept(hd_constraint_list *list, const hd_buffer *grammar) {
    hd_constraint *found = NULL;
    pthread_mutex_lock(&list->lock);
    for (int i = 0; i < list->count && !found; i++)
        if (list->kept[i].size == grammar->size && memcmp(list->kept[i].grammar, grammar->data, grammar->size) == 0)
            found = hd_constraint_share(list->kept[i].constraint);
    pthread_mutex_unlock(&list->lock);
    return found;
}

/* Keeps a constraint in place of the oldest one. */
static heed_status keep(hd_constraint_list *list, heed_context *context, const hd_buffer *grammar,
                        hd_constraint *constraint) {
    char *copy = hd_copy_bytes(context, grammar->data, grammar->size);
    if (!copy) return HEED_MEMORY;
    pthread_mutex_lock(&list->lock);
    if (list->count == HD_KEPT_CONSTRAINTS) drop(list, context, 0);
    list->kept[list->count].grammar = copy;
    list->kept[list->count].size = grammar->size;
    list->kept[list->count++].constraint = hd_constraint_share(constraint);
    pthread_mutex_unlock(&list->lock);
    return HEED_OK;
}

heed_status hd_constraint_make(heed_context *context, const hd_constraint_target *target,
                               const hd_constraint_options *options, hd_constraint_list *list,
                               hd_constraint **constraint) {
    hd_buffer grammar;
    const char *name;
    *constraint = NULL;
    hd_buffer_open(&grammar, context);
    hd_buffer_text(&grammar, ""); /* an empty file has a text */
    heed_status status = find_grammar(context, options, &name, &grammar);
    if (status == HEED_OK && name && list) *constraint = find_kept(list, &grammar);
    if (status == HEED_OK && name && !*constraint) {
        status = hd_constraint_open(context, target, name, grammar.data, grammar.size, constraint);
        if (status == HEED_OK && list) status = keep(list, context, &grammar, *constraint);
    }
    hd_buffer_close(&grammar);
    if (status == HEED_OK) return HEED_OK;
    hd_constraint_close(context, *constraint);
    *constraint = NULL;
    return status;
}
