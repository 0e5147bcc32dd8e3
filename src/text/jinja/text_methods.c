#include "text/jinja/text_methods.h"

#include <string.h>

#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"

static bool is_given(hd_jinja_value v) { return v.kind != HD_JINJA_MISSING && v.kind != HD_JINJA_NONE; }

static hd_jinja_value piece(hd_jinja *j, hd_jinja_value of, size_t first, size_t end) {
    hd_jinja_value v = hd_jinja_text(j, of.as.text + first, end - first);
    v.markup = of.markup;
    return v;
}

hd_jinja_value hd_jinja_strip_text(hd_jinja *j, hd_jinja_value text, hd_jinja_value characters, bool left, bool right) {
    if (j->failed) return hd_jinja_missing();
    bool given = is_given(characters);
    if (given && characters.kind != HD_JINJA_STRING) return hd_jinja_fail(j, "strip arg must be None or str");
    hd_jinja_span set = {given ? characters.as.text : "", given ? characters.size : 0};
    hd_jinja_span rest = hd_jinja_strip((hd_jinja_span){text.as.text, text.size}, given ? &set : NULL, left, right);
    text.as.text = rest.text;
    text.size = (uint32_t)rest.size;
    return text;
}

/* ---- splitting ---- */

typedef struct pieces {
    hd_jinja *j;
    hd_jinja_value of;
    hd_jinja_value *items; /* [count] */
    size_t count, capacity;
} pieces;

static void add_piece(pieces *p, size_t first, size_t end) {
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 8;
        hd_jinja_value *items = hd_jinja_alloc(p->j, capacity, sizeof *items);
        if (!items) return;
        if (p->count) memcpy(items, p->items, p->count * sizeof *items);
        p->items = items;
        p->capacity = capacity;
    }
    hd_jinja_step(p->j, 1);
    p->items[p->count++] = piece(p->j, p->of, first, end);
}

static hd_jinja_value list_of(pieces *p, bool reversed) {
    hd_jinja_value list = hd_jinja_sequence(p->j, HD_JINJA_LIST, p->count);
    for (size_t i = 0; !p->j->failed && i < p->count; i++)
        list.as.list->items[i] = p->items[reversed ? p->count - 1 - i : i];
    return list;
}

static size_t skip_space(hd_jinja_value text, size_t at, bool space) {
    while (at < text.size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        if (hd_jinja_is_space(code) != space) break;
        at += bytes;
    }
    return at;
}

static size_t skip_space_back(hd_jinja_value text, size_t end, bool space) {
    while (end > 0) {
        size_t at = end - 1;
        uint32_t code;
        while (at > 0 && ((uint8_t)text.as.text[at] & 0xC0) == 0x80) at--;
        hd_utf8_decode(text.as.text + at, end - at, &code);
        if (hd_jinja_is_space(code) != space) break;
        end = at;
    }
    return end;
}

static void split_words(pieces *p, int64_t most) {
    size_t at = skip_space(p->of, 0, true);
    for (; at < p->of.size && !p->j->failed; most--) {
        size_t end = most ? skip_space(p->of, at, false) : p->of.size;
        add_piece(p, at, end);
        at = most ? skip_space(p->of, end, true) : p->of.size;
    }
}

static void split_words_back(pieces *p, int64_t most) {
    size_t end = skip_space_back(p->of, p->of.size, true);
    for (; end > 0 && !p->j->failed; most--) {
        size_t at = most ? skip_space_back(p->of, end, false) : 0;
        add_piece(p, at, end);
        end = most ? skip_space_back(p->of, at, true) : 0;
    }
}

static void split_at(pieces *p, hd_jinja_value separator, int64_t most) {
    size_t at = 0, found;
    for (; most && !p->j->failed; most--) {
        found = hd_jinja_find(p->of.as.text, p->of.size, at, separator.as.text, separator.size);
        if (found == SIZE_MAX) break;
        add_piece(p, at, found);
        at = found + separator.size;
    }
    add_piece(p, at, p->of.size);
}

static size_t find_last(const char *in, size_t size, hd_jinja_value text) {
    for (size_t at = size; at >= text.size; at--)
        if (memcmp(in + at - text.size, text.as.text, text.size) == 0) return at - text.size;
    return SIZE_MAX;
}

static void split_at_back(pieces *p, hd_jinja_value separator, int64_t most) {
    size_t end = p->of.size, found;
    for (; most && !p->j->failed; most--) {
        found = find_last(p->of.as.text, end, separator);
        if (found == SIZE_MAX) break;
        add_piece(p, found + separator.size, end);
        end = found;
    }
    add_piece(p, 0, end);
}

hd_jinja_value hd_jinja_split(hd_jinja *j, hd_jinja_value text, hd_jinja_value separator, int64_t most,
                              bool from_right) {
    pieces p = {.j = j, .of = text};
    if (j->failed || !hd_jinja_step(j, text.size / 16)) return hd_jinja_missing();
    if (!is_given(separator)) {
        from_right ? split_words_back(&p, most) : split_words(&p, most);
    } else if (separator.kind != HD_JINJA_STRING) {
        return hd_jinja_fail(j, "must be str or None, not %s", hd_jinja_type(separator));
    } else if (!separator.size) {
        return hd_jinja_fail(j, "empty separator");
    } else {
        from_right ? split_at_back(&p, separator, most) : split_at(&p, separator, most);
    }
    return list_of(&p, from_right);
}

hd_jinja_value hd_jinja_split_lines(hd_jinja *j, hd_jinja_value text, bool keep_ends) {
    pieces p = {.j = j, .of = text};
    size_t first = 0;
    for (size_t at = 0, bytes; at < text.size && !j->failed; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        if (!hd_jinja_is_line_end(code)) continue;
        size_t end = at;
        if (code == '\r' && at + 1 < text.size && text.as.text[at + 1] == '\n') bytes = 2;
        add_piece(&p, first, keep_ends ? at + bytes : end);
        first = at + bytes;
    }
    if (first < text.size) add_piece(&p, first, text.size);
    return list_of(&p, false);
}

hd_jinja_value hd_jinja_partition(hd_jinja *j, hd_jinja_value text, hd_jinja_value separator, bool last) {
    if (j->failed) return hd_jinja_missing();
    if (!separator.size) return hd_jinja_fail(j, "empty separator");
    size_t at = last ? find_last(text.as.text, text.size, separator)
                     : hd_jinja_find(text.as.text, text.size, 0, separator.as.text, separator.size);
    hd_jinja_value out = hd_jinja_sequence(j, HD_JINJA_TUPLE, 3), empty = piece(j, text, 0, 0);
    if (j->failed) return out;
    hd_jinja_value *items = out.as.list->items;
    if (at == SIZE_MAX) {
        items[0] = last ? empty : text;
        items[1] = empty;
        items[2] = last ? text : empty;
    } else {
        items[0] = piece(j, text, 0, at);
        items[1] = piece(j, text, at, at + separator.size);
        items[2] = piece(j, text, at + separator.size, text.size);
    }
    return out;
}

/* ---- replacing and joining ---- */

hd_jinja_value hd_jinja_replace(hd_jinja *j, hd_jinja_value text, hd_jinja_value old, hd_jinja_value new,
                                int64_t most) {
    hd_buffer out;
    size_t at = 0;
    if (j->failed || !hd_jinja_step(j, text.size / 16)) return hd_jinja_missing();
    hd_buffer_open(&out, j->context);
    for (; most && hd_jinja_check_size(j, &out); most--) {
        size_t found = hd_jinja_find(text.as.text, text.size, at, old.as.text, old.size);
        if (found == SIZE_MAX) break;
        hd_buffer_append(&out, text.as.text + at, found - at);
        hd_buffer_append(&out, new.as.text, new.size);
        at = found + old.size;
        if (old.size) continue;
        if (at == text.size) break;
        uint32_t code; /* an empty text is before each character */
        size_t bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        hd_buffer_append(&out, text.as.text + at, bytes);
        at += bytes;
    }
    hd_buffer_append(&out, text.as.text + at, text.size - at);
    hd_jinja_value v = hd_jinja_take(j, &out);
    v.markup = text.markup;
    return v;
}

hd_jinja_value hd_jinja_join(hd_jinja *j, hd_jinja_value separator, hd_jinja_value items, bool any) {
    hd_buffer out;
    size_t count;
    hd_jinja_value list = hd_jinja_open(j, items, &count);
    hd_buffer_open(&out, j->context);
    for (size_t i = 0; i < count && hd_jinja_check_size(j, &out); i++) {
        hd_jinja_value item = hd_jinja_at(j, list, i);
        if (i) hd_buffer_append(&out, separator.as.text, separator.size);
        if (!any && item.kind != HD_JINJA_STRING)
            hd_jinja_fail(j, "sequence item %zu: expected str instance, %s found", i, hd_jinja_type(item));
        hd_jinja_print(j, item, &out);
    }
    hd_jinja_value v = hd_jinja_take(j, &out);
    v.markup = separator.markup && !any;
    return v;
}

/* ---- padding ---- */

hd_jinja_value hd_jinja_justify(hd_jinja *j, hd_jinja_value text, int64_t width, hd_jinja_value fill, char align) {
    size_t length = 0, fill_length = 1;
    if (j->failed) return hd_jinja_missing();
    if (fill.kind == HD_JINJA_MISSING) fill = HD_JINJA_LITERAL(j, " ");
    if (fill.kind != HD_JINJA_STRING || !hd_jinja_length(fill, &fill_length) || fill_length != 1)
        return hd_jinja_fail(j, "The fill character must be exactly one character long");
    hd_jinja_length(text, &length);
    if (width <= (int64_t)length) return text;
    size_t missing = (size_t)width - length, left = align == '<' ? 0 : missing;
    if (align == '^') left = missing / 2 + (missing & (size_t)width & 1);
    if (missing > HD_JINJA_BYTES / 4) return hd_jinja_fail(j, "a text of %lld characters", (long long)width);
    char *bytes = hd_jinja_alloc(j, missing * fill.size + text.size, 1), *at = bytes;
    if (!bytes) return hd_jinja_missing();
    for (size_t i = 0; i < left; i++, at += fill.size) memcpy(at, fill.as.text, fill.size);
    if (text.size) memcpy(at, text.as.text, text.size);
    at += text.size;
    for (size_t i = left; i < missing; i++, at += fill.size) memcpy(at, fill.as.text, fill.size);
    hd_jinja_value v = hd_jinja_text(j, bytes, (size_t)(at - bytes));
    v.markup = text.markup;
    return v;
}

hd_jinja_value hd_jinja_zero_fill(hd_jinja *j, hd_jinja_value text, int64_t width) {
    bool sign = text.size && (text.as.text[0] == '+' || text.as.text[0] == '-');
    hd_jinja_value digits = sign ? piece(j, text, 1, text.size) : text;
    digits = hd_jinja_justify(j, digits, width - sign, HD_JINJA_LITERAL(j, "0"), '>');
    return sign && !j->failed ? hd_jinja_join_two(j, piece(j, text, 0, 1), digits) : digits;
}

hd_jinja_value hd_jinja_expand_tabs(hd_jinja *j, hd_jinja_value text, int64_t width) {
    hd_buffer out;
    int64_t column = 0;
    hd_buffer_open(&out, j->context);
    for (size_t at = 0, bytes; at < text.size && hd_jinja_check_size(j, &out); at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        if (code == '\t') {
            int64_t spaces = width > 0 ? width - column % width : 0;
            if (!hd_jinja_step(j, (size_t)spaces)) break;
            for (int64_t i = 0; i < spaces; i++) hd_buffer_byte(&out, ' ');
            column += spaces;
        } else {
            hd_buffer_append(&out, text.as.text + at, bytes);
            column = code == '\n' || code == '\r' ? 0 : column + 1;
        }
    }
    return hd_jinja_take(j, &out);
}

hd_jinja_value hd_jinja_part(hd_jinja *j, hd_jinja_value text, hd_jinja_value start, hd_jinja_value end,
                             size_t *offset) {
    size_t length = 0;
    *offset = 0;
    if (j->failed) return hd_jinja_missing();
    hd_jinja_length(text, &length);
    hd_jinja_value part = hd_jinja_slice(j, text, start, end, hd_jinja_none());
    if (hd_jinja_is_whole(start)) {
        int64_t first = start.as.integer < 0 ? start.as.integer + (int64_t)length : start.as.integer;
        *offset = first < 0 ? 0 : (size_t)first;
        /* nothing is found past the end, not even an empty text */
        if (first > (int64_t)length) part.kind = HD_JINJA_MISSING;
    }
    return part;
}
