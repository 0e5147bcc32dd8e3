#include "serve/messages.h"

#include <string.h>

static bool refuse(hd_fault *fault, size_t index, const char *what) {
    return hd_fault_set(fault, 400, "invalid_value", "messages", "messages[%zu]: %s", index, what);
}

static bool no_memory(hd_fault *fault) { return hd_fault_set(fault, 503, "out_of_memory", NULL, "out of memory"); }

/* The text of a list of parts. */
static json_t *join_parts(heed_context *context, const json_t *parts, size_t index, hd_fault *fault) {
    hd_buffer text;
    json_t *joined = NULL;
    bool fine = true;
    hd_buffer_open(&text, context);
    for (size_t i = 0; fine && i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i), *value = json_object_get(part, "text");
        const char *type = json_string_value(json_object_get(part, "type"));
        if (!type || strcmp(type, "text") != 0 || !json_is_string(value))
            fine = refuse(fault, index, "a part of the content is not a text");
        else
            hd_buffer_append(&text, json_string_value(value), json_string_length(value));
    }
    if (fine) joined = text.failed ? NULL : json_stringn(text.data ? text.data : "", text.size);
    if (fine && !joined) no_memory(fault);
    hd_buffer_close(&text);
    return joined;
}

static bool read_content(heed_context *context, json_t *message, size_t index, hd_fault *fault) {
    const json_t *content = json_object_get(message, "content");
    if (!content || json_is_null(content) || json_is_string(content)) return true;
    if (!json_is_array(content)) return refuse(fault, index, "the content is not a text");
    json_t *joined = join_parts(context, content, index, fault);
    if (!joined) return false;
    return json_object_set_new(message, "content", joined) == 0 || no_memory(fault);
}

/* Templates expect an object; arguments that are not one stay a string. */
static bool read_calls(json_t *message, size_t index, hd_fault *fault) {
    json_t *calls = json_object_get(message, "tool_calls");
    if (!calls || json_is_null(calls)) return true;
    if (!json_is_array(calls)) return refuse(fault, index, "\"tool_calls\" is not an array");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        json_t *function = json_object_get(json_array_get(calls, i), "function");
        const json_t *arguments = json_object_get(function, "arguments");
        if (!json_is_object(function)) return refuse(fault, index, "a tool call has no function");
        if (!json_is_string(arguments)) continue;
        json_error_t error;
        json_t *value = json_loadb(json_string_value(arguments), json_string_length(arguments), JSON_ALLOW_NUL, &error);
        if (value && json_object_set_new(function, "arguments", value) != 0) return no_memory(fault);
    }
    return true;
}

static bool read_message(heed_context *context, json_t *message, size_t index, hd_fault *fault) {
    if (!json_is_object(message)) return refuse(fault, index, "this is not an object");
    if (!json_is_string(json_object_get(message, "role"))) return refuse(fault, index, "\"role\" is missing");
    return read_content(context, message, index, fault) && read_calls(message, index, fault);
}

json_t *hd_messages_read(heed_context *context, const json_t *messages, hd_fault *fault) {
    if (!json_is_array(messages) || !json_array_size(messages)) {
        hd_fault_set(fault, 400, "invalid_type", "messages", "\"messages\" is not an array of messages");
        return NULL;
    }
    json_t *copy = json_deep_copy(messages);
    bool fine = copy || no_memory(fault);
    for (size_t i = 0; fine && i < json_array_size(copy); i++)
        fine = read_message(context, json_array_get(copy, i), i, fault);
    if (fine) return copy;
    json_decref(copy);
    return NULL;
}
