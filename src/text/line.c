#include "text/line.h"

#include "text/unicode.h"

#include <string.h>

enum { READ_BYTES = 4096 }; /* decoded at a time */

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

bool hd_line_reserve(hd_line *line, size_t more) {
    size_t needed;
    if (!hd_add(line->count, more, &needed) || needed > UINT32_MAX) needed = SIZE_MAX; /* offsets have 32 bits */
    if (!line->failed && !hd_grow(line->context, &line->characters, &line->capacity, needed, sizeof *line->characters))
        line->failed = true;
    return !line->failed;
}

bool hd_line_reserve_segment(hd_line *line) {
    if (!hd_grow(line->context, &line->segments, &line->segment_capacity, line->segment_count + 1,
                 sizeof *line->segments))
        line->failed = true;
    return !line->failed;
}

void hd_line_append(hd_line *line, const hd_character *characters, size_t count) {
    if (count == 0 || !hd_line_reserve(line, count)) return;
    memcpy(line->characters + line->count, characters, count * sizeof *characters);
    line->count += count;
}

void hd_line_read(hd_line *line, const char *text, size_t size) {
    hd_line_clear(line);
    for (size_t at = 0; at < size && !line->failed;) {
        size_t block = size - at < READ_BYTES ? size : at + READ_BYTES;
        if (!hd_line_reserve(line, block - at)) break; /* no more characters than bytes */
        hd_character *characters = line->characters;
        uint32_t count = (uint32_t)line->count;
        for (; at < block; count++) {
            uint32_t code = (uint8_t)text[at];
            if (code < 0x80)
                at++;
            else
                at += hd_utf8_decode(text + at, size - at, &code);
            characters[count] = (hd_character){code, count, count + 1};
        }
        line->count = count;
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
