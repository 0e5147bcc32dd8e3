#include "text/jinja/jinja.h"

#include <string.h>

#include "base/utf8.h"
#include "text/jinja/execute.h"
#include "text/jinja/parse.h"
#include "text/jinja/print.h"
#include "text/jinja/scope.h"

struct hd_chat_template {
    heed_context *context;
    char *name;
    char *source; /* [source_size], as it was given */
    size_t source_size;
    hd_jinja memory; /* of the tree */
    hd_jinja_node *tree;
};

/* ---- parsing ---- */

/* Replaces invalid UTF-8, makes all line ends '\n', and drops the last one. */
static hd_jinja_value normalize(hd_jinja *j, const char *text, size_t size) {
    hd_buffer out;
    hd_buffer_open(&out, j->context);
    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t code;
        char utf8[4];
        bytes = hd_utf8_decode(text + at, size - at, &code);
        if (code == '\r') {
            hd_buffer_byte(&out, '\n');
            if (at + 1 < size && text[at + 1] == '\n') bytes = 2;
        } else {
            hd_buffer_append(&out, utf8, hd_utf8_encode(code, utf8));
        }
    }
    if (out.size && out.data[out.size - 1] == '\n') out.size--;
    return hd_jinja_take(j, &out);
}

static void open_memory(hd_jinja *j, heed_context *context) {
    *j = (hd_jinja){.context = context};
    hd_arena_open(&j->arena, context);
}

/* The message of a failure: the name of the template, the line, and the reason. */
static heed_status report(const hd_chat_template *template, const hd_jinja *j, heed_context *context) {
    if (!j->message || j->status == HEED_MEMORY) return HEED_MEMORY;
    return hd_fail(context, j->status, "%s: line %u: %s", template->name, j->line ? j->line : 1, j->message);
}

static heed_status parse(hd_chat_template *template, const char *text, size_t size) {
    hd_jinja *j = &template->memory;
    hd_jinja_value source = normalize(j, text, size);
    if (!j->failed) template->tree = hd_jinja_parse(j, source.as.text, source.size);
    if (!j->failed) hd_jinja_resolve_scopes(j, template->tree);
    return j->failed ? report(template, j, template->context) : HEED_OK;
}

heed_status hd_chat_template_open(heed_context *context, const char *name, const char *text, size_t size,
                                  hd_chat_template **out) {
    *out = NULL;
    if (size > HD_CHAT_TEMPLATE_BYTES)
        return hd_fail(context, HEED_FORMAT, "%s: a template of more than %d bytes", name, HD_CHAT_TEMPLATE_BYTES);
    hd_chat_template *template = hd_alloc_zeroed(context, 1, sizeof *template);
    if (!template) return HEED_MEMORY;
    template->context = context;
    open_memory(&template->memory, context);
    template->name = hd_copy_string(context, name);
    template->source = hd_copy_bytes(context, text, size);
    template->source_size = size;
    heed_status status = template->name && template->source ? parse(template, text, size) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = template;
    else
        hd_chat_template_close(template);
    return status;
}

void hd_chat_template_close(hd_chat_template *template) {
    if (!template) return;
    heed_context *context = template->context;
    hd_arena_close(&template->memory.arena);
    hd_free(context, template->name);
    hd_free(context, template->source);
    hd_free(context, template);
}

const char *hd_chat_template_text(const hd_chat_template *template, size_t *size) {
    *size = template->source_size;
    return template->source;
}

/* ---- rendering ---- */

static hd_jinja_value value_of(hd_jinja *j, const json_t *json);

static hd_jinja_value dict_of(hd_jinja *j, const json_t *json) {
    const char *key;
    json_t *item;
    hd_jinja_value dict = hd_jinja_dict_open(j, json_object_size(json));
    json_object_foreach((json_t *)(uintptr_t)json, key, item) {
        if (j->failed) break;
        hd_jinja_dict_set(j, dict.as.dict, hd_jinja_text(j, key, strlen(key)), value_of(j, item));
    }
    return dict;
}

static hd_jinja_value list_of(hd_jinja *j, const json_t *json) {
    size_t i;
    json_t *item;
    hd_jinja_value list = hd_jinja_sequence(j, HD_JINJA_LIST, json_array_size(json));
    json_array_foreach(json, i, item) {
        if (j->failed) break;
        list.as.list->items[i] = value_of(j, item);
    }
    return list;
}

static hd_jinja_value value_of(hd_jinja *j, const json_t *json) {
    if (j->failed) return hd_jinja_missing();
    switch (json_typeof(json)) {
        case JSON_TRUE:
            return hd_jinja_bool(true);
        case JSON_FALSE:
            return hd_jinja_bool(false);
        case JSON_INTEGER:
            return hd_jinja_int(json_integer_value(json));
        case JSON_REAL:
            return hd_jinja_float(json_real_value(json));
        case JSON_STRING:
            return hd_jinja_text(j, json_string_value(json), json_string_length(json));
        case JSON_NULL:
            return hd_jinja_none();
        default:
            break;
    }
    if (!hd_jinja_enter(j)) return hd_jinja_missing();
    hd_jinja_value v = json_is_object(json) ? dict_of(j, json) : list_of(j, json);
    hd_jinja_leave(j);
    return v;
}

static void set_clock(hd_jinja *j, const hd_chat_template_clock *clock) {
    struct timespec now;
    if (clock) {
        j->now = clock->now;
        j->microseconds = clock->microseconds;
    } else if (clock_gettime(CLOCK_REALTIME, &now) == 0) {
        localtime_r(&now.tv_sec, &j->now);
        j->microseconds = now.tv_nsec / 1000;
    }
}

heed_status hd_chat_template_render(const hd_chat_template *template, heed_context *context, const json_t *variables,
                                    const hd_chat_template_clock *clock, hd_buffer *out, char **raised) {
    hd_jinja j;
    if (raised) *raised = NULL;
    open_memory(&j, context);
    set_clock(&j, clock);
    j.out = out;
    j.variables = dict_of(&j, variables);
    if (!j.failed) hd_jinja_execute(&j, template->tree);
    if (!j.failed) hd_jinja_check_size(&j, out);
    heed_status status = HEED_OK;
    if (j.failed) status = report(template, &j, context);
    if (j.failed && j.message && raised && !(*raised = hd_copy_string(context, j.message))) status = HEED_MEMORY;
    hd_arena_close(&j.arena);
    return status;
}
