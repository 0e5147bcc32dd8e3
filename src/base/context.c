#include "base/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

heed_status hd_fail(heed_context *context, heed_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context->message, sizeof context->message, format, arguments);
    va_end(arguments);
    hd_text_make_visible(context->message);
    context->status = status;
    return status;
}

heed_status hd_fail_in(heed_context *context, const char *prefix) {
    char message[sizeof context->message];
    memcpy(message, context->message, sizeof message);
    return hd_fail(context, context->status, "%s: %s", prefix, message);
}

heed_status hd_fail_as(heed_context *context, const heed_context *forked, heed_status status) {
    return hd_fail(context, status, "%s", forked->message);
}

void hd_note(heed_context *context, const char *format, ...) {
    if (!context->log) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    hd_text_make_visible(line);
    context->log(context->log_user, line);
}

heed_status hd_check_stop(heed_context *context) {
    return hd_is_stopped(context) ? hd_fail(context, HEED_STOPPED, "stopped") : HEED_OK;
}

void *hd_resize(heed_context *context, void *pointer, size_t count, size_t size) {
    size_t bytes;
    if (!hd_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX) {
        hd_fail(context, HEED_MEMORY, "%zu elements of %zu bytes are more than memory can hold", count, size);
        return NULL;
    }
    void *result = context->resize(context->resize_user, pointer, bytes ? bytes : 1);
    if (!result) hd_fail(context, HEED_MEMORY, "out of memory: %zu bytes requested", bytes);
    return result;
}

void *hd_alloc(heed_context *context, size_t count, size_t size) { return hd_resize(context, NULL, count, size); }

void *hd_alloc_zeroed(heed_context *context, size_t count, size_t size) {
    void *result = hd_alloc(context, count, size);
    if (result) memset(result, 0, count * size);
    return result;
}

void hd_free(heed_context *context, void *pointer) {
    if (pointer) context->resize(context->resize_user, pointer, 0);
}

char *hd_copy_bytes(heed_context *context, const char *bytes, size_t size) {
    char *copy = hd_alloc(context, size + 1, 1);
    if (!copy) return NULL;
    if (size) memcpy(copy, bytes, size);
    copy[size] = 0;
    return copy;
}

char *hd_copy_string(heed_context *context, const char *text) { return hd_copy_bytes(context, text, strlen(text)); }

bool hd_grow(heed_context *context, void *array, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return true;
    size_t wanted = *capacity < 8 ? 16 : *capacity * 2;
    if (wanted < needed) wanted = needed;
    void *pointer;
    memcpy(&pointer, array, sizeof pointer);
    pointer = hd_resize(context, pointer, wanted, size);
    if (!pointer) return false;
    memcpy(array, &pointer, sizeof pointer);
    *capacity = wanted;
    return true;
}

/* ---- the public interface ---- */

void heed_free(heed_context *context, void *text) { hd_free(context, text); }

const char *heed_context_message(const heed_context *context) { return context ? context->message : "out of memory"; }

void heed_context_set_log(heed_context *context, heed_log_function *log, void *user) {
    context->log = log;
    context->log_user = user;
}

void heed_context_set_verbose(heed_context *context, int verbose) { context->verbose = verbose != 0; }

void heed_context_set_stop(heed_context *context, heed_stop_function *stop, void *user) {
    context->stop = stop;
    context->stop_user = user;
}

heed_status heed_context_set_special_tokens(heed_context *context, const char *how) {
    bool text = strcmp(how, "text") == 0;
    if (!text && strcmp(how, "parse") != 0)
        return hd_fail(context, HEED_ARGUMENT, "special-tokens is \"%.60s\", expected parse or text", how);
    context->special_as_text = text;
    return HEED_OK;
}

heed_status heed_context_set_compute(heed_context *context, const char *name) {
    bool bf16 = strcmp(name, "bf16") == 0;
    if (!bf16 && strcmp(name, "f32") != 0)
        return hd_fail(context, HEED_ARGUMENT, "compute is \"%s\", expected f32 or bf16", name);
    context->bf16 = bf16;
    return HEED_OK;
}

int heed_context_threads(const heed_context *context) { return context->threads; }

const char *heed_status_name(heed_status status) {
    static const char *const names[] = {"ok",          "argument", "out of memory", "file",   "format",
                                        "unsupported", "length",   "numeric",       "stopped"};
    return (size_t)status < HD_COUNT(names) ? names[status] : "unknown";
}
