/* The common formats, each tried in turn:
 *
 *     <tool_call>{"name": "f", "arguments": {…}}</tool_call>       Hermes, Qwen2.5, Qwen3
 *     <tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value>      GLM-4.5
 *     [TOOL_CALLS] [{"name": "f", "arguments": {…}}]                Mistral
 *     [TOOL_CALLS]f[ARGS]{…}                                        Mistral, newer
 *     <|python_tag|>{"name": "f", "parameters": {…}}                Llama 3.1, also without the tag
 *     functools[{"name": "f", "arguments": {…}}]                    Phi-4
 *     {"name": "f", "arguments": {…}} as the whole text, or a list of such objects */
#include "tasks/tool_calls.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "formats/json.h"

typedef struct span {
    const char *at, *end;
} span;

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static span trim(span s) {
    while (s.at < s.end && is_space(*s.at)) s.at++;
    while (s.at < s.end && is_space(s.end[-1])) s.end--;
    return s;
}

/* Whether `mark` is in the span: what is before it and what follows. */
static bool find(span s, const char *mark, span *before, span *after) {
    size_t size = strlen(mark);
    const char *at = s.at < s.end ? memmem(s.at, (size_t)(s.end - s.at), mark, size) : NULL;
    if (!at) return false;
    *before = (span){s.at, at};
    *after = (span){at + size, s.end};
    return true;
}

/* The JSON value that begins the span, and where it ends; NULL if there is none. */
static json_t *read_value(span *s) {
    json_error_t error;
    *s = trim(*s);
    if (s->at == s->end || !strchr("{[", *s->at)) return NULL;
    json_t *value = json_loadb(s->at, (size_t)(s->end - s->at), JSON_DISABLE_EOF_CHECK, &error);
    if (value) s->at += error.position;
    return value;
}

/* Appends a call; 0 unless memory runs out. Takes the arguments. */
static int add_call(json_t *calls, json_t *name, json_t *arguments) {
    if (!json_is_object(arguments)) {
        json_decref(arguments);
        arguments = json_object();
    }
    return json_array_append_new(
        calls, json_pack("{s:s, s:{s:O, s:o}}", "type", "function", "function", "name", name, "arguments", arguments));
}

/* Appends what an object, or each object of a list, calls: {"name", "arguments" or "parameters"}, or the same under
 * "function". Arguments may be a text of JSON. */
static int add_calls(json_t *calls, json_t *value) {
    size_t i;
    json_t *one;
    int failed = 0;
    if (json_is_array(value)) {
        json_array_foreach(value, i, one) failed |= json_is_object(one) ? add_calls(calls, one) : 0;
        return failed;
    }
    json_t *function = json_object_get(value, "function");
    if (json_is_object(function)) value = function;
    json_t *name = json_object_get(value, "name"), *arguments = json_object_get(value, "arguments");
    if (!arguments) arguments = json_object_get(value, "parameters");
    if (!json_is_string(name) || !arguments) return 0;
    arguments = json_is_string(arguments) ? json_loads(json_string_value(arguments), 0, NULL) : json_incref(arguments);
    return add_call(calls, name, arguments);
}

static int add_text(json_t *calls, span text) {
    json_t *value = read_value(&text);
    int failed = value ? add_calls(calls, value) : 0;
    json_decref(value);
    return failed;
}

/* name<arg_key>k</arg_key><arg_value>v</arg_value>… */
static int add_tagged(json_t *calls, span text) {
    span name, rest, key, item, skipped;
    if (!find(text, "<arg_key>", &name, &rest)) name = text, rest = (span){text.end, text.end};
    name = trim(name);
    json_t *arguments = json_object();
    int failed = !arguments;
    while (!failed && rest.at < rest.end) {
        if (!find(rest, "</arg_key>", &key, &rest) || !find(rest, "<arg_value>", &skipped, &rest) ||
            !find(rest, "</arg_value>", &item, &rest))
            break;
        key = trim(key), item = trim(item);
        json_t *value = json_loadb(item.at, (size_t)(item.end - item.at), JSON_DECODE_ANY, NULL);
        if (!value) value = json_stringn(item.at, (size_t)(item.end - item.at));
        failed |= json_object_setn_new(arguments, key.at, (size_t)(key.end - key.at), value);
        if (!find(rest, "<arg_key>", &skipped, &rest)) break;
    }
    json_t *text_name = json_stringn(name.at, (size_t)(name.end - name.at));
    failed |= !text_name;
    if (!failed && name.at < name.end)
        failed |= add_call(calls, text_name, arguments);
    else
        json_decref(arguments);
    json_decref(text_name);
    return failed;
}

/* name[ARGS]{…}, as often as it comes */
static int add_named(json_t *calls, span text) {
    span name, rest;
    int failed = 0;
    while (!failed && find(text, "[ARGS]", &name, &rest)) {
        name = trim(name);
        json_t *arguments = read_value(&rest), *text_name = json_stringn(name.at, (size_t)(name.end - name.at));
        if (!arguments || !text_name) {
            json_decref(arguments);
            json_decref(text_name);
            return 0;
        }
        failed |= add_call(calls, text_name, arguments);
        json_decref(text_name);
        span skipped, next = trim(rest);
        text = find(next, "[TOOL_CALLS]", &skipped, &rest) ? rest : next;
    }
    return failed;
}

static int read_calls(json_t *calls, span text) {
    span before, after, inside;
    int failed = 0;
    if (find(text, "<tool_call>", &before, &after)) {
        do {
            if (!find(after, "</tool_call>", &inside, &text)) inside = after, text = (span){after.end, after.end};
            inside = trim(inside);
            failed |= inside.at < inside.end && *inside.at == '{' ? add_text(calls, inside) : add_tagged(calls, inside);
        } while (!failed && find(text, "<tool_call>", &before, &after));
        return failed;
    }
    if (find(text, "[TOOL_CALLS]", &before, &after)) {
        after = trim(after);
        return after.at < after.end && *after.at == '[' ? add_text(calls, after) : add_named(calls, after);
    }
    if (find(text, "<|python_tag|>", &before, &after)) return add_text(calls, after);
    text = trim(text);
    if (find(text, "functools[", &before, &after) && before.at == before.end) text.at = after.at - 1;
    /* several objects one after the other, as Llama 3.1 writes them */
    while (text.at < text.end && !failed) {
        json_t *value = read_value(&text);
        if (!value) break;
        failed |= add_calls(calls, value);
        json_decref(value);
        text = trim(text);
        if (text.at < text.end && *text.at == ';') text.at++;
    }
    return failed;
}

heed_status hd_tool_calls_read(heed_context *context, const char *text, size_t size, char **json) {
    hd_buffer out;
    json_t *calls = json_array();
    heed_status status = HEED_OK;
    if (!calls || read_calls(calls, (span){text, text + size}) != 0) status = hd_json_no_memory(context, "tool calls");
    hd_buffer_open(&out, context);
    if (status == HEED_OK) status = hd_json_append(context, calls, &out);
    if (status == HEED_OK && !(*json = hd_buffer_take(&out))) status = HEED_MEMORY;
    hd_buffer_close(&out);
    json_decref(calls);
    return status;
}
