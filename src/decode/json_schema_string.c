/* Strings: their lengths and formats. */
#include "decode/json_schema_parts.h"

#include <string.h>

static const struct {
    const char *name;
    hd_json_rule first, second; /* the second one follows a T */
} formats[] = {{"date", HD_JSON_DATE, HD_JSON_RULES},
               {"time", HD_JSON_TIME, HD_JSON_RULES},
               {"date-time", HD_JSON_DATE, HD_JSON_TIME},
               {"uuid", HD_JSON_UUID, HD_JSON_RULES}};

static void compile_format(hd_schema_compiler *c, const hd_schema_place *place, const json_t *format, hd_buffer *out) {
    for (size_t i = 0; json_is_string(format) && i < HD_COUNT(formats); i++) {
        if (strcmp(json_string_value(format), formats[i].name) != 0) continue;
        hd_buffer_format(out, "\"\\\"\" %s", hd_schema_rule(c, formats[i].first));
        if (formats[i].second != HD_JSON_RULES)
            hd_buffer_format(out, " \"T\" %s", hd_schema_rule(c, formats[i].second));
        hd_buffer_text(out, " \"\\\"\"");
        return;
    }
    hd_schema_fail(c, place, "heed lacks the format \"%.100s\"",
                   json_is_string(format) ? json_string_value(format) : "");
}

void hd_schema_string(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    const json_t *pattern = json_object_get(schema, "pattern"), *format = json_object_get(schema, "format");
    int64_t least = hd_schema_count(c, place, schema, "minLength", 0);
    int64_t most = hd_schema_count(c, place, schema, "maxLength", -1);
    bool sized = json_object_get(schema, "minLength") || json_object_get(schema, "maxLength");
    if ((pattern && format) || (sized && (pattern || format))) {
        hd_schema_fail(c, place, "heed has one of \"pattern\", \"format\" and a length");
    } else if (most >= 0 && least > most) {
        hd_schema_fail(c, place, "\"minLength\" is larger than \"maxLength\"");
    } else if (pattern && !json_is_string(pattern)) {
        hd_schema_fail(c, place, "\"pattern\" is not a string");
    } else if (pattern) {
        hd_schema_pattern(c, place, json_string_value(pattern), out);
    } else if (format) {
        compile_format(c, place, format, out);
    } else if (!sized) {
        hd_buffer_text(out, hd_schema_rule(c, HD_JSON_STRING));
    } else {
        hd_buffer_format(out, "\"\\\"\" %s", hd_schema_rule(c, HD_JSON_CHARACTER));
        hd_schema_bounds(least, most, out);
        hd_buffer_text(out, " \"\\\"\"");
    }
}
