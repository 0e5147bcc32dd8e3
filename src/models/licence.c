/* The licence of a model: "license" in the front matter of README.md, as on the Hugging Face hub, else the first line of its
 * licence file. */
#include "base/file.h"
#include "models/info.h"

#include <string.h>

static size_t line_length(const char *line) { return strcspn(line, "\n"); }

static const char *next_line(const char *line) {
    line += line_length(line);
    return *line ? line + 1 : line;
}

/* Appends what is left of a line without blanks, quotes and brackets around it. */
static void append_value(const char *value, size_t size, hd_buffer *out) {
    static const char around[] = " \t\r\"'[]-";
    while (size && strchr(around, value[0])) value++, size--;
    while (size && strchr(around, value[size - 1])) size--;
    hd_buffer_append(out, value, size);
}

/* Appends the value of `key` in the front matter between two lines "---": on its line, or as a list below. */
static void append_key(const char *card, const char *key, hd_buffer *out) {
    size_t size = strlen(key);
    for (const char *line = next_line(card); *line && strncmp(line, "---", 3) != 0; line = next_line(line)) {
        if (strncmp(line, key, size) != 0 || line[size] != ':') continue;
        append_value(line + size + 1, line_length(line) - size - 1, out);
        const char *below = next_line(line);
        if (!out->size && below[strspn(below, " ")] == '-' && strncmp(below, "---", 3) != 0)
            append_value(below, line_length(below), out);
        return;
    }
}

static void read_front_matter(const char *card, hd_buffer *out) {
    hd_buffer name;
    if (strncmp(card, "---\n", 4) != 0 && strncmp(card, "---\r\n", 5) != 0) return;
    hd_buffer_open(&name, out->context);
    append_key(card, "license", out);
    append_key(card, "license_name", &name);
    if (name.size && out->size) hd_buffer_format(out, " (%s)", name.data);
    out->failed |= name.failed;
    hd_buffer_close(&name);
}

static void read_first_line(const char *text, hd_buffer *out) {
    while (*text && strspn(text, " \t\r\n")) text += strspn(text, " \t\r\n");
    size_t size = line_length(text);
    while (size && strchr(" \t\r", text[size - 1])) size--;
    hd_buffer_append(out, text, size);
}

heed_status hd_licence_find(heed_context *context, const char *folder, hd_buffer *out) {
    static const struct {
        const char *name;
        void (*read)(const char *text, hd_buffer *out);
    } files[] = {{"README.md", read_front_matter}, {"LICENSE", read_first_line}, {"LICENSE.txt", read_first_line},
                 {"LICENSE.md", read_first_line},  {"LICENCE", read_first_line}, {"COPYING", read_first_line}};
    for (size_t i = 0; i < HD_COUNT(files) && !out->size; i++) {
        hd_buffer text;
        char *path = hd_path_join(context, folder, files[i].name);
        if (!path) return HEED_MEMORY;
        hd_buffer_open(&text, context);
        heed_status status = hd_file_exists(path) ? hd_file_read(context, path, &text) : HEED_OK;
        if (status == HEED_OK && text.size) files[i].read(text.data, out);
        hd_buffer_close(&text);
        hd_free(context, path);
        if (status == HEED_MEMORY) return status;
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}
