#include "text/line.h"

#include "text/unicode.h"

#include <string.h>

void hd_line_open(hd_line *line, heed_context *context) { *line = (hd_line){.context = context}; }

void hd_line_close(hd_line *line) {
    hd_free(line->context, line->characters);
    hd_free(line->context, line->segments);
    hd_line_open(line, line->context);
}

void hd_line_clear(hd_line *line) {
    line->count = line->segment_count = 0;
    line->failed = false;
}

static bool reserve(hd_line *line, size_t more) {
    size_t needed;
    if (!hd_add(line->count, more, &needed) || needed > UINT32_MAX) needed = SIZE_MAX; /* offsets have 32 bits */
    if (!line->failed && !hd_grow(line->context, &line->characters, &line->capacity, needed, sizeof *line->characters))
        line->failed = true;
    return !line->failed;
}

void hd_line_append(hd_line *line, const hd_character *characters, size_t count) {
    if (count == 0 || !reserve(line, count)) return;
    memcpy(line->characters + line->count, characters, count * sizeof *characters);
    line->count += count;
}

void hd_line_put(hd_line *line, uint32_t code, uint32_t start, uint32_t end) {
    if (!reserve(line, 1)) return;
    line->characters[line->count++] = (hd_character){code, start, end};
}

void hd_line_add_segment(hd_line *line, size_t first, size_t count, int32_t id) {
    if (count == 0 || line->failed) return;
    if (!hd_grow(line->context, &line->segments, &line->segment_capacity, line->segment_count + 1,
                 sizeof *line->segments)) {
        line->failed = true;
        return;
    }
    line->segments[line->segment_count++] = (hd_segment){(uint32_t)first, (uint32_t)count, id};
}

void hd_line_read(hd_line *line, const char *text, size_t size) {
    hd_line_clear(line);
    for (size_t at = 0; at < size && !line->failed;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        hd_line_put(line, code, (uint32_t)line->count, (uint32_t)line->count + 1);
    }
    hd_line_add_segment(line, 0, line->count, -1);
}

heed_status hd_codes_read(heed_context *context, const char *text, size_t size, hd_codes *out) {
    *out = (hd_codes){0};
    if (size == 0) return HEED_OK;
    out->codes = hd_alloc(context, size, sizeof *out->codes); /* no more characters than bytes */
    if (!out->codes) return HEED_MEMORY;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(text + at, size - at, &out->codes[out->count++]);
    return HEED_OK;
}
