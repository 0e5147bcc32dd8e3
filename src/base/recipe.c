/* Recipe files: settings as lines of `name = value`. */
#include "base/settings.h"

#include "base/file.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

typedef struct recipe_reader {
    heed_context *context;
    const hd_setting *table;
    size_t count;
    void *settings;
    size_t *set_on;        /* [count]: line that set each row, 0 for none */
    hd_buffer name, value; /* of the current line */
} recipe_reader;

static bool is_space(char c) { return c == ' ' || c == '\t'; }

static const char *skip_spaces(const char *at, const char *end) {
    while (at < end && is_space(*at)) at++;
    return at;
}

/* The end of a line without its comment and trailing white space. */
static const char *end_of_plain(const char *start, const char *end) {
    for (const char *at = start; at < end; at++)
        if (*at == '#' && (at == start || is_space(at[-1]))) end = at;
    while (end > start && is_space(end[-1])) end--;
    return end;
}

/* Reads the quoted value at `at`, an opening quote, into reader->value. */
static heed_status read_quoted(recipe_reader *reader, const char *at, const char *end) {
    static const char escapes[] = "\"\"\\\\n\nr\rt\t"; /* pairs: a character after the backslash, its meaning */
    for (at++; at < end && *at != '"'; at++) {
        char c = *at;
        if (c == '\\') {
            size_t pair = 0;
            if (++at < end)
                while (pair + 1 < sizeof escapes - 1 && escapes[pair] != *at) pair += 2;
            if (at == end || pair + 1 >= sizeof escapes - 1)
                return hd_fail(reader->context, HEED_FORMAT, "unknown escape in quotes (known: \\\" \\\\ \\n \\r \\t)");
            c = escapes[pair + 1];
        }
        hd_buffer_byte(&reader->value, c);
    }
    if (at == end) return hd_fail(reader->context, HEED_FORMAT, "a quote is not closed");
    if (end_of_plain(at + 1, end) != at + 1)
        return hd_fail(reader->context, HEED_FORMAT, "more text after the closing quote");
    return HEED_OK;
}

static heed_status read_line(recipe_reader *reader, const char *at, size_t size, size_t number) {
    const char *end = at + size;
    if (memchr(at, 0, size)) return hd_fail(reader->context, HEED_FORMAT, "a zero byte in the text");
    at = skip_spaces(at, end);
    if (at == end || *at == '#') return HEED_OK;
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (!equals || equals == at) return hd_fail(reader->context, HEED_FORMAT, "expected `name = value`");

    hd_buffer_clear(&reader->name);
    hd_buffer_clear(&reader->value);
    const char *name_end = equals;
    while (name_end > at && is_space(name_end[-1])) name_end--;
    hd_buffer_append(&reader->name, at, (size_t)(name_end - at));
    at = skip_spaces(equals + 1, end);
    if (at < end && *at == '"')
        HD_TRY(read_quoted(reader, at, end));
    else
        hd_buffer_append(&reader->value, at, (size_t)(end_of_plain(at, end) - at));
    hd_buffer_append(&reader->value, "", 0); /* an empty value is still a string */
    if (reader->name.failed || reader->value.failed) return HEED_MEMORY;

    const hd_setting *row = hd_settings_find(reader->table, reader->count, reader->name.data);
    if (row && row->kind != HD_SETTING_LIST) {
        size_t *set_on = &reader->set_on[row - reader->table];
        if (*set_on) return hd_fail(reader->context, HEED_FORMAT, "%s was already set on line %zu", row->name, *set_on);
        *set_on = number;
    }
    return hd_settings_set(reader->context, reader->table, reader->count, reader->settings, reader->name.data,
                           reader->value.data);
}

heed_status hd_recipe_parse(heed_context *context, const hd_setting *table, size_t count, void *settings,
                            const char *path, const char *text, size_t size) {
    recipe_reader reader = {.context = context, .table = table, .count = count, .settings = settings};
    reader.set_on = hd_alloc_zeroed(context, count, sizeof *reader.set_on);
    if (!reader.set_on) return HEED_MEMORY;
    hd_buffer_open(&reader.name, context);
    hd_buffer_open(&reader.value, context);
    hd_settings_layer(table, count, settings);

    heed_status status = HEED_OK;
    const char *at = text, *end = text + size;
    at += hd_byte_order_mark(text, size);
    for (size_t number = 1; at < end && status == HEED_OK; number++) {
        size_t left = (size_t)(end - at);
        const char *newline = memchr(at, '\n', left);
        size_t length = newline ? (size_t)(newline - at) : left;
        const char *next = newline ? newline + 1 : end;
        if (length > 0 && at[length - 1] == '\r') length--;
        status = read_line(&reader, at, length, number);
        if (status != HEED_OK && status != HEED_MEMORY) {
            char place[48];
            snprintf(place, sizeof place, "line %zu", number);
            hd_fail_in(context, place);
            hd_fail_in(context, path);
        }
        at = next;
    }
    hd_buffer_close(&reader.name);
    hd_buffer_close(&reader.value);
    hd_free(context, reader.set_on);
    return status;
}

heed_status hd_recipe_read(heed_context *context, const hd_setting *table, size_t count, void *settings,
                           const char *path) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = hd_file_read(context, path, &text);
    if (status == HEED_OK)
        status = hd_recipe_parse(context, table, count, settings, path, text.size ? text.data : "", text.size);
    hd_buffer_close(&text);
    return status;
}

/* Writes a value without quotes if it reads back unchanged, else in quotes. */
static void write_text(const char *text, hd_buffer *out) {
    size_t size = strlen(text);
    bool bare =
        size > 0 && text[0] != '"' && !is_space(text[0]) && !is_space(text[size - 1]) && !strpbrk(text, "#\n\r");
    if (bare) {
        hd_buffer_append(out, text, size);
        return;
    }
    hd_buffer_byte(out, '"');
    for (; *text; text++) {
        switch (*text) {
            case '\n':
                hd_buffer_text(out, "\\n");
                break;
            case '\r':
                hd_buffer_text(out, "\\r");
                break;
            case '\t':
                hd_buffer_text(out, "\\t");
                break;
            case '"':
            case '\\':
                hd_buffer_byte(out, '\\'); /* fall through */
            default:
                hd_buffer_byte(out, *text);
        }
    }
    hd_buffer_byte(out, '"');
}

static void write_line(const char *name, const char *text, hd_buffer *out) {
    hd_buffer_text(out, name);
    hd_buffer_text(out, " = ");
    write_text(text, out);
    hd_buffer_byte(out, '\n');
}

void hd_recipe_write(const hd_setting *table, size_t count, const void *settings, hd_buffer *out) {
    for (size_t i = 0; i < count; i++) {
        const hd_setting *row = &table[i];
        const void *field = (const char *)settings + row->offset;
        if (row->kind == HD_SETTING_STRING) {
            const char *text = *(char *const *)field;
            if (text) write_line(row->name, text, out);
        } else if (row->kind == HD_SETTING_LIST) {
            const hd_string_list *list = field;
            for (size_t j = 0; j < list->count; j++) write_line(row->name, list->items[j], out);
        } else {
            hd_buffer_text(out, row->name);
            hd_buffer_text(out, " = ");
            hd_setting_value(row, settings, out);
            hd_buffer_byte(out, '\n');
        }
    }
}
