#include "serve/fault.h"

#include <stdio.h>

#include "serve/json_text.h"

bool hd_fault_set(hd_fault *fault, int status, const char *code, const char *param, const char *format, ...) {
    va_list arguments;
    *fault = (hd_fault){.status = status, .code = code};
    snprintf(fault->param, sizeof fault->param, "%s", param ? param : "");
    va_start(arguments, format);
    vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    return false;
}

bool hd_fault_from(hd_fault *fault, heed_status status, const char *param, const char *message) {
    static const struct {
        int status;
        const char *code;
    } rows[] = {[HEED_ARGUMENT] = {400, "invalid_value"},
                [HEED_MEMORY] = {503, "out_of_memory"},
                [HEED_FILE] = {500, "file"},
                [HEED_FORMAT] = {400, "invalid_value"},
                [HEED_UNSUPPORTED] = {400, "unsupported"},
                [HEED_LENGTH] = {400, "context_length_exceeded"},
                [HEED_NUMERIC] = {500, "not_a_number"},
                [HEED_STOPPED] = {503, "stopped"}};
    return hd_fault_set(fault, rows[status].status, rows[status].code, param, "%s", message);
}

static const char *type_of(int status) {
    switch (status) {
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 429:
            return "rate_limit_error";
        default:
            return status < 500 ? "invalid_request_error" : "server_error";
    }
}

void hd_fault_write(const hd_fault *fault, hd_buffer *out) {
    hd_buffer_text(out, "{\"error\":{\"message\":");
    hd_json_text_append(out, fault->message, strlen(fault->message));
    hd_buffer_format(out, ",\"type\":\"%s\",\"param\":", type_of(fault->status));
    hd_json_text_append_or_null(out, fault->param[0] ? fault->param : NULL);
    hd_buffer_text(out, ",\"code\":");
    hd_json_text_append_or_null(out, fault->code);
    hd_buffer_text(out, "}}");
}
