/* The rules for JSON, and what the compiler of schemas writes often. */
#include "decode/json_schema_parts.h"

#include "base/number.h"
#include "decode/grammar.h"
#include "formats/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define USES(rule) (1u << HD_JSON_##rule)

/* Numbers have so many digits at most that every reader holds them; texts end, since white space does. An escape \u is never a
 * lone surrogate or a zero byte, which readers refuse. Days exist in their month. */
static const struct {
    const char *name, *body;
    unsigned uses;
} rules[HD_JSON_RULES] = {
    [HD_JSON_WS] = {"ws", "| \" \" | \"\\n\" [ \\t]{0,20}", 0},
    [HD_JSON_VALUE] = {"value", "object | array | string | number | \"true\" | \"false\" | \"null\"",
                       USES(OBJECT) | USES(ARRAY) | USES(STRING) | USES(NUMBER)},
    [HD_JSON_OBJECT] = {"object", "\"{\" ws (member (ws \",\" ws member)* ws)? \"}\"", USES(WS) | USES(MEMBER)},
    [HD_JSON_MEMBER] = {"member", "string ws \":\" ws value", USES(STRING) | USES(WS) | USES(VALUE)},
    [HD_JSON_ARRAY] = {"array", "\"[\" ws (value (ws \",\" ws value)* ws)? \"]\"", USES(WS) | USES(VALUE)},
    [HD_JSON_STRING] = {"string", "\"\\\"\" character* \"\\\"\"", USES(CHARACTER)},
    [HD_JSON_CHARACTER] =
        {"character",
         "plain | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" (\"000\" [1-9a-fA-F] | \"00\" [1-9a-fA-F] [0-9a-fA-F]"
         " | \"0\" [1-9a-fA-F] [0-9a-fA-F]{2} | [1-9a-cA-CefEF] [0-9a-fA-F]{3}"
         " | [dD] [0-7] [0-9a-fA-F]{2}"
         " | [dD] [89abAB] [0-9a-fA-F]{2} \"\\\\u\" [dD] [c-fC-F] [0-9a-fA-F]{2}))",
         USES(PLAIN)},
    [HD_JSON_PLAIN] = {"plain", "[^\"\\\\\\x00-\\x1F\\x7F]", 0},
    [HD_JSON_NUMBER] = {"number", "integer (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?", USES(INTEGER)},
    [HD_JSON_INTEGER] = {"integer", "\"-\"? (\"0\" | [1-9] [0-9]{0,15})", 0},
    [HD_JSON_DATE] = {"date",
                      "[1-9] [0-9]{3} \"-\" ((\"0\" [13578] | \"1\" [02]) \"-\" (\"0\" [1-9] | [12] [0-9] | \"3\" [01])"
                      " | (\"0\" [469] | \"11\") \"-\" (\"0\" [1-9] | [12] [0-9] | \"30\")"
                      " | \"02-\" (\"0\" [1-9] | \"1\" [0-9] | \"2\" [0-8]))"
                      " | ([1-9] [0-9] (\"0\" [48] | [2468] [048] | [13579] [26])"
                      " | ([2468] [048] | [13579] [26]) \"00\") \"-02-29\"",
                      0},
    [HD_JSON_TIME] = {"time",
                      "([01] [0-9] | \"2\" [0-3]) \":\" [0-5] [0-9] \":\" [0-5] [0-9] (\".\" [0-9]{1,6})?"
                      " (\"Z\" | [-+] ([01] [0-9] | \"2\" [0-3]) \":\" [0-5] [0-9])",
                      0},
    [HD_JSON_UUID] = {"uuid", "[0-9a-fA-F]{8} (\"-\" [0-9a-fA-F]{4}){3} \"-\" [0-9a-fA-F]{12}", 0},
};

const char *hd_schema_rule(hd_schema_compiler *c, hd_json_rule rule) {
    c->used |= 1u << rule;
    return rules[rule].name;
}

void hd_schema_shared_rules(unsigned used, hd_buffer *out) {
    for (unsigned before = 0; used != before;) {
        before = used;
        for (int i = 0; i < HD_JSON_RULES; i++)
            if (used >> i & 1) used |= rules[i].uses;
    }
    for (int i = 0; i < HD_JSON_RULES; i++)
        if (used >> i & 1) hd_buffer_format(out, "%s ::= %s\n", rules[i].name, rules[i].body);
}

bool hd_schema_is_annotation(const char *key) {
    static const char *const names[] = {"title",    "description", "default",    "examples", "deprecated",
                                        "readOnly", "writeOnly",   "$schema",    "$id",      "$comment",
                                        "$defs",    "definitions", "$vocabulary"};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (strcmp(key, names[i]) == 0) return true;
    return false;
}

/* ---- errors ---- */

/* Appends "/properties/a". */
static void append_place(const hd_schema_place *place, hd_buffer *out) {
    if (!place) return;
    append_place(place->above, out);
    hd_buffer_format(out, "%s%.100s", place->above ? "/" : "", place->key);
}

void hd_schema_fail(hd_schema_compiler *c, const hd_schema_place *place, const char *format, ...) {
    char message[512];
    va_list arguments;
    if (c->status != HEED_OK) return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hd_buffer where;
    hd_buffer_open(&where, c->context);
    append_place(place, &where);
    c->status =
        where.failed ? HEED_MEMORY : hd_fail(c->context, HEED_ARGUMENT, "%s: %.300s: %s", c->name, where.data, message);
    hd_buffer_close(&where);
}

/* ---- texts ---- */

void hd_schema_literal(const char *text, size_t size, hd_buffer *out) {
    hd_buffer_byte(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\') hd_buffer_byte(out, '\\');
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            hd_buffer_format(out, "\\x%02X", (unsigned)text[i]);
        else
            hd_buffer_byte(out, text[i]);
    }
    hd_buffer_byte(out, '"');
}

void hd_schema_constant(hd_schema_compiler *c, const json_t *value, hd_buffer *out) {
    hd_buffer text;
    hd_buffer_open(&text, c->context);
    if (c->status == HEED_OK) c->status = hd_json_append(c->context, value, &text);
    if (c->status == HEED_OK) hd_schema_literal(text.data, text.size, out);
    hd_buffer_close(&text);
}

void hd_schema_class_character(uint32_t code, hd_buffer *out) {
    if (code == '\\' || code == ']' || code == '[' || code == '^' || code == '-')
        hd_buffer_format(out, "\\%c", (int)code);
    else if (code >= 0x20 && code < 0x7F)
        hd_buffer_byte(out, (char)code);
    else if (code < 0x10000)
        hd_buffer_format(out, "\\u%04X", code);
    else
        hd_buffer_format(out, "\\U%08X", code);
}

void hd_schema_bounds(int64_t least, int64_t most, hd_buffer *out) {
    if (most < 0)
        hd_buffer_format(out, "{%lld,}", (long long)least);
    else
        hd_buffer_format(out, "{%lld,%lld}", (long long)least, (long long)most);
}

int64_t hd_schema_count(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, const char *key,
                        int64_t otherwise) {
    const json_t *value = json_object_get(schema, key);
    int64_t count;
    if (!value) return otherwise;
    if (hd_json_value_int(value, &count) && count >= 0 && count <= HD_GRAMMAR_MOST_REPEATS) return count;
    hd_schema_fail(c, place, "\"%s\" is not a whole number from 0 to %d", key, HD_GRAMMAR_MOST_REPEATS);
    return otherwise;
}
