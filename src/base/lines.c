#include "base/lines.h"

#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

enum { FIRST_CAPACITY = 1 << 16 };

/* ---- sequential ---------------------------------------------------------------------------------------------- */

heed_status hd_lines_open(heed_context *context, const char *path, size_t longest, hd_lines *lines) {
    bool standard = strcmp(path, "-") == 0;
    *lines = (hd_lines){.text = "", .context = context, .longest = longest, .owned = !standard};
    lines->descriptor = standard ? STDIN_FILENO : -1;
    lines->path = hd_copy_string(context, standard ? "standard input" : path);
    lines->held = hd_alloc(context, FIRST_CAPACITY, 1);
    lines->capacity = FIRST_CAPACITY;
    heed_status status = lines->path && lines->held ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && !standard) status = hd_open_to_read(context, path, &lines->descriptor);
    if (status != HEED_OK) hd_lines_close(lines);
    return status;
}

void hd_lines_close(hd_lines *lines) {
    if (lines->owned && lines->descriptor >= 0) close(lines->descriptor);
    lines->descriptor = -1;
    hd_free(lines->context, lines->path);
    hd_free(lines->context, lines->held);
    lines->path = lines->held = NULL;
    lines->text = "";
    lines->ended = true;
}

/* Reads more bytes into the buffer, and sets `ended` if there are none. One byte of the capacity is reserved for the 0
 * after the last line. */
static heed_status read_more(hd_lines *lines) {
    if (lines->start > 0) {
        memmove(lines->held, lines->held + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end + 1 == lines->capacity &&
        !hd_grow(lines->context, &lines->held, &lines->capacity, lines->capacity + 1, 1))
        return HEED_MEMORY;
    size_t count, room = lines->capacity - 1 - lines->end;
    HD_TRY(hd_read(lines->context, lines->path, lines->descriptor, lines->held + lines->end, room, &count));
    lines->end += count;
    lines->ended = count == 0;
    return HEED_OK;
}

/* Drops the byte order mark once the first three bytes are there. True when there was one: what was searched is gone. */
static bool skip_byte_order_mark(hd_lines *lines) {
    if (lines->number || lines->begun || lines->end - lines->start < 3) return false;
    size_t mark = hd_byte_order_mark(lines->held + lines->start, lines->end - lines->start);
    lines->begun = true;
    lines->start += mark;
    return mark > 0;
}

/* Sets the current line to the first `size` buffered bytes, and consumes `used` of them. */
static bool set_line(hd_lines *lines, size_t size, size_t used) {
    char *line = lines->held + lines->start;
    lines->start += used;
    lines->number++;
    lines->too_long = lines->too_long || (lines->longest && size > lines->longest);
    if (lines->keep_ends)
        size = used;
    else
        line[size] = 0;
    lines->text = lines->too_long ? "" : line;
    lines->size = lines->too_long ? 0 : size;
    return true;
}

bool hd_lines_next(hd_lines *lines) {
    lines->too_long = false;
    for (size_t searched = 0;;) {
        char *line = lines->held + lines->start;
        size_t held = lines->end - lines->start;
        char *newline = held > searched ? memchr(line + searched, '\n', held - searched) : NULL;
        if (newline) {
            size_t size = (size_t)(newline - line);
            bool carriage_return = size > 0 && line[size - 1] == '\r';
            return set_line(lines, carriage_return ? size - 1 : size, size + 1);
        }
        if (lines->ended && held > 0) return set_line(lines, held, held);
        if (lines->ended || lines->status != HEED_OK) return false;
        searched = held;
        if (lines->longest && held > lines->longest + 1) { /* one more for a "\r": the line is too long */
            lines->too_long = true;
            lines->start = lines->end - 1; /* that last byte may be a "\r" too */
            searched = 1;
        }
        lines->status = read_more(lines);
        if (lines->status != HEED_OK) return false;
        if (skip_byte_order_mark(lines)) searched = 0;
    }
}

bool hd_line_is_blank(const hd_lines *lines) { return hd_text_is_blank(lines->text, lines->size); }

/* ---- by number ----------------------------------------------------------------------------------------------- */

/* The offset after the newline that ends the line at `at`; for a last line without one, the size of the file + 1. */
static uint64_t next_start(const hd_map *map, uint64_t at) {
    const uint8_t *newline = memchr(map->data + at, '\n', map->size - at);
    return newline ? (uint64_t)(newline - map->data) + 1 : (uint64_t)map->size + 1;
}

heed_status hd_line_index_open(heed_context *context, const char *path, hd_line_index *index) {
    *index = (hd_line_index){.context = context};
    HD_TRY(hd_map_copy(context, path, &index->map));
    uint64_t first = hd_byte_order_mark((const char *)index->map.data, index->map.size);
    for (uint64_t at = first; at < index->map.size; at = next_start(&index->map, at)) index->count++;
    index->starts = hd_alloc(context, (size_t)index->count + 1, sizeof *index->starts);
    if (!index->starts) {
        hd_line_index_close(index);
        return HEED_MEMORY;
    }
    index->starts[0] = first;
    for (uint64_t i = 0; i < index->count; i++) index->starts[i + 1] = next_start(&index->map, index->starts[i]);
    return HEED_OK;
}

void hd_line_index_get(const hd_line_index *index, uint64_t number, const char **text, size_t *size) {
    const char *line = (const char *)index->map.data + index->starts[number];
    *text = line;
    *size = (size_t)(index->starts[number + 1] - index->starts[number] - 1);
    bool ends_in_newline = index->starts[number + 1] <= index->map.size;
    if (ends_in_newline && *size > 0 && line[*size - 1] == '\r') --*size;
}

void hd_line_index_close(hd_line_index *index) {
    hd_map_close(&index->map);
    hd_free(index->context, index->starts);
    index->starts = NULL;
    index->count = 0;
}
