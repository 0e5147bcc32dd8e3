#include "serve/option_json.h"

#include <string.h>

#include "base/number.h"
#include "base/options.h"

void hd_print_real(double number, char text[32]) {
    double back = 0;
    for (int digits = 15; digits <= 17; digits++) {
        hd_print_number(text, 32, "%.*g", digits, number);
        if (hd_read_double(text, &back) && back == number) return;
    }
}

/* NULL for a value that is no text, number or flag. */
static const char *text_of(const json_t *value, char number[32]) {
    const char *text = json_string_value(value);
    if (text) return strlen(text) == json_string_length(value) ? text : NULL;
    if (json_is_boolean(value)) return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value)) {
        hd_print_number(number, 32, "%lld", (long long)json_integer_value(value));
        return number;
    }
    if (!json_is_real(value)) return NULL;
    hd_print_real(json_real_value(value), number);
    return number;
}

static bool set_one(heed_options *options, const char *name, const char *option, const json_t *value, hd_fault *fault) {
    char number[32];
    const char *text = text_of(value, number);
    if (!text)
        return hd_fault_set(fault, 400, "invalid_type", name, "\"%s\" is neither a string, a number, true nor false",
                            name);
    heed_status status = heed_options_set(options, option, text);
    return status == HEED_OK || hd_fault_from(fault, status, name, hd_options_context(options)->message);
}

bool hd_option_set_json(heed_options *options, const char *name, const char *option, const json_t *value,
                        hd_fault *fault) {
    if (!json_is_array(value)) return set_one(options, name, option, value, fault);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!set_one(options, name, option, json_array_get(value, i), fault)) return false;
    return true;
}
