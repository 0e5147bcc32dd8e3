#include "text/charsmap.h"

#include "text/grapheme_data.h"
#include "text/unicode.h"

#include <string.h>

/* ---- the double array ----------------------------------------------------------------------------------------- */

#define VALUE_FLAG (1u << 31) /* of a unit that has the value of its parent */

static bool is_value(uint32_t unit) { return (unit & VALUE_FLAG) != 0; }
static bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
static uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }

/* The offset of the value's replacement; SIZE_MAX for a unit outside the array, which checked maps do not have. */
static size_t value_at(const hd_charsmap *map, size_t node) {
    return node < map->unit_count && is_value(map->units[node]) ? map->units[node] & ~VALUE_FLAG : SIZE_MAX;
}

/* Follows a byte from the node; false when no string goes on with it. */
static bool step(const hd_charsmap *map, size_t *node, uint8_t byte) {
    size_t child = *node ^ byte;
    if (byte == 0 || child >= map->unit_count) return false;
    uint32_t unit = map->units[child];
    if ((unit & (VALUE_FLAG | 0xFF)) != byte) return false;
    *node = child ^ offset_of(unit);
    return true;
}

static size_t root(const hd_charsmap *map) { return map->unit_count ? offset_of(map->units[0]) : 0; }

/* The end of the replacement at `offset`. */
static size_t end_of(const hd_charsmap *map, size_t offset) {
    const char *end = memchr(map->texts + offset, 0, map->text_size - offset);
    return end ? (size_t)(end - map->texts) : map->text_size;
}

/* The offset of the replacement for the shortest string that begins text[0 … size); SIZE_MAX for none. */
static size_t shortest(const hd_charsmap *map, const char *text, size_t size) {
    size_t node = root(map);
    for (size_t i = 0; i < size; i++) {
        size_t parent = node;
        if (!step(map, &node, (uint8_t)text[i])) return SIZE_MAX;
        if (has_value(map->units[parent ^ (uint8_t)text[i]])) return value_at(map, node);
    }
    return SIZE_MAX;
}

size_t hd_charsmap_longest(const hd_charsmap *map, const char *text, size_t size, const char **replacement,
                           size_t *replacement_size) {
    size_t node = root(map), found = 0;
    for (size_t i = 0; i < size; i++) {
        size_t parent = node;
        if (!step(map, &node, (uint8_t)text[i])) break;
        if (!has_value(map->units[parent ^ (uint8_t)text[i]])) continue;
        size_t offset = value_at(map, node);
        *replacement = map->texts + offset;
        *replacement_size = end_of(map, offset) - offset;
        found = i + 1;
    }
    return found;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static heed_status damaged(heed_context *context, const char *where, const char *what) {
    return hd_fail(context, HEED_FORMAT, "%s: the precompiled_charsmap is damaged: %s", where, what);
}

static bool is_boundary(const hd_charsmap *map, size_t offset) {
    return offset < map->text_size ? (map->texts[offset] & 0xC0) != 0x80 : offset == map->text_size;
}

/* Every node's children begin inside the array, and every value is a replacement. Searching cannot run in circles,
 * because each step uses up a byte of the text. */
static heed_status check_units(const hd_charsmap *map, const char *where) {
    for (size_t i = 0; i < map->unit_count; i++) {
        uint32_t unit = map->units[i];
        if (is_value(unit)) continue;
        size_t node = i ^ offset_of(unit);
        if (node >= map->unit_count) return damaged(map->context, where, "a node is outside its array");
        if (!has_value(unit)) continue;
        size_t value = value_at(map, node);
        if (value == SIZE_MAX || !is_boundary(map, value))
            return damaged(map->context, where, "a value is not the offset of a text");
    }
    return HEED_OK;
}

static uint32_t read_u32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static heed_status read_units(hd_charsmap *map, const char *where) {
    if (map->size < 4) return damaged(map->context, where, "it has no size");
    map->unit_count = read_u32(map->bytes) / 4;
    if (map->unit_count > (map->size - 4) / 4) return damaged(map->context, where, "it ends inside its array");
    map->units = hd_alloc(map->context, map->unit_count, sizeof *map->units);
    if (!map->units) return HEED_MEMORY;
    for (size_t i = 0; i < map->unit_count; i++) map->units[i] = read_u32(map->bytes + 4 + i * 4);
    map->texts = (const char *)map->bytes + 4 + map->unit_count * 4;
    map->text_size = map->size - 4 - map->unit_count * 4;
    if (!hd_utf8_valid(map->texts, map->text_size)) return damaged(map->context, where, "its texts are not UTF-8");
    return check_units(map, where);
}

/* ---- characters ----------------------------------------------------------------------------------------------- */

/* A character's kind: its class in grapheme clusters, and MAPPED if the map changes it. The classes of Hangul and of the
 * ends of lines are not in the tables. */
enum { CLASSES = 15, MAPPED = 16, LINE_FEED = HD_GRAPHEME_PICTURE + 1, RETURN, L, V, T, LV, LVT };

static int hangul(uint32_t code) {
    if (code >= 0xAC00 && code <= 0xD7A3) return (code - 0xAC00) % 28 ? LVT : LV;
    if ((code >= 0x1100 && code <= 0x115F) || (code >= 0xA960 && code <= 0xA97C)) return L;
    if ((code >= 0x1160 && code <= 0x11A7) || (code >= 0xD7B0 && code <= 0xD7C6)) return V;
    return (code >= 0x11A8 && code <= 0x11FF) || (code >= 0xD7CB && code <= 0xD7FB) ? T : HD_GRAPHEME_OTHER;
}

/* The offset of a character's replacement, or SIZE_MAX. */
static size_t find_character(const hd_charsmap *map, uint32_t code) {
    char bytes[4];
    return shortest(map, bytes, hd_utf8_encode(code, bytes));
}

static heed_status classify(hd_charsmap *map) {
    map->kinds = hd_alloc_zeroed(map->context, 0x10000, 1);
    if (!map->kinds) return HEED_MEMORY;
    for (size_t i = 0; i < HD_COUNT(hd_grapheme_runs); i++) {
        uint32_t first = hd_grapheme_runs[i] >> 3;
        uint32_t end = i + 1 < HD_COUNT(hd_grapheme_runs) ? hd_grapheme_runs[i + 1] >> 3 : 0x110000;
        for (uint32_t code = first; code < end && code < 0x10000; code++) map->kinds[code] = hd_grapheme_runs[i] & 7;
    }
    for (uint32_t code = 0x1100; code < 0x10000; code++)
        if (hangul(code)) map->kinds[code] = (uint8_t)hangul(code);
    map->kinds['\n'] = LINE_FEED;
    map->kinds['\r'] = RETURN;
    for (uint32_t code = 0; code < 0x10000; code++)
        if (!(code >= 0xD800 && code < 0xE000) && find_character(map, code) != SIZE_MAX) map->kinds[code] |= MAPPED;
    return HEED_OK;
}

/* The kind of a character beyond the first plane. */
static int find_kind(const hd_charsmap *map, uint32_t code) {
    size_t low = 0, high = HD_COUNT(hd_grapheme_runs); /* the last run that begins at or before the character */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (hd_grapheme_runs[middle] >> 3 <= code)
            low = middle;
        else
            high = middle;
    }
    return (int)(hd_grapheme_runs[low] & 7) | (find_character(map, code) != SIZE_MAX ? MAPPED : 0);
}

static int kind_of(const hd_charsmap *map, uint32_t code) {
    return code < 0x10000 ? map->kinds[code] : find_kind(map, code);
}

heed_status hd_charsmap_open(heed_context *context, const char *where, const void *bytes, size_t size,
                             hd_charsmap **out) {
    hd_charsmap *map = hd_alloc_zeroed(context, 1, sizeof *map);
    *out = NULL;
    if (!map) return HEED_MEMORY;
    map->context = context;
    map->bytes = hd_alloc(context, size, 1);
    map->size = size;
    heed_status status = map->bytes ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && size) memcpy(map->bytes, bytes, size);
    if (status == HEED_OK) status = read_units(map, where);
    if (status == HEED_OK) status = classify(map);
    if (status == HEED_OK)
        *out = map;
    else
        hd_charsmap_close(map);
    return status;
}

void hd_charsmap_close(hd_charsmap *map) {
    if (!map) return;
    hd_free(map->context, map->bytes);
    hd_free(map->context, map->units);
    hd_free(map->context, map->kinds);
    hd_free(map->context, map);
}

/* ---- base64 --------------------------------------------------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes text[0 … size) into `out`; false unless it is whole groups of four digits with the right padding. */
static bool decode_base64(const char *text, size_t size, uint8_t *out, size_t *out_size) {
    *out_size = 0;
    if (size % 4) return false;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t group = 0;
        size_t padding = i + 4 < size ? 0 : (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=');
        for (size_t j = 0; j < 4; j++) {
            int value = j < 4 - padding ? digit_value(text[i + j]) : 0;
            if (value < 0) return false;
            group = group << 6 | (uint32_t)value;
        }
        if (group & ((1u << padding * 8) - 1)) return false; /* bits after the last byte */
        for (size_t j = 0; j < 3 - padding; j++) out[(*out_size)++] = (uint8_t)(group >> (16 - 8 * j));
    }
    return true;
}

heed_status hd_charsmap_open_text(heed_context *context, const char *where, const char *text, size_t size,
                                  hd_charsmap **out) {
    size_t decoded;
    *out = NULL;
    uint8_t *bytes = hd_alloc(context, size / 4 + 1, 3);
    if (!bytes) return HEED_MEMORY;
    heed_status status =
        decode_base64(text, size, bytes, &decoded) ? HEED_OK : damaged(context, where, "it is not base64");
    if (status == HEED_OK) status = hd_charsmap_open(context, where, bytes, decoded, out);
    hd_free(context, bytes);
    return status;
}

void hd_charsmap_write(const hd_charsmap *map, hd_buffer *out) {
    for (size_t i = 0; i < map->size; i += 3) {
        size_t left = map->size - i < 3 ? map->size - i : 3;
        uint32_t group = 0;
        char text[4] = "====";
        for (size_t j = 0; j < 3; j++) group = group << 8 | (j < left ? map->bytes[i + j] : 0);
        for (size_t j = 0; j <= left; j++) text[j] = digits[group >> (18 - 6 * j) & 63];
        hd_buffer_append(out, text, 4);
    }
}

/* ---- normalizing ---------------------------------------------------------------------------------------------- */

/* The characters written so far. Each one replaces the next character of the source and swallows as many more as are too
 * many, or it is new and has the offsets of the character before. */
typedef struct output {
    const hd_character *from;
    size_t at; /* characters of the source used up */
    hd_line *to;
    size_t begin; /* of the text in `to` */
    bool is_new;  /* the last character is */
} output;

static void put(output *it, uint32_t code, bool is_new) {
    hd_character source = it->from[is_new ? it->at - 1 : it->at];
    hd_line_put(it->to, code, source.start, source.end);
    it->at += !is_new;
    it->is_new = is_new;
}

/* Removes characters, as part of the one before: if that one is new, it replaces the first of them. At the beginning, where
 * there is none, tokenizers forgets them, and what follows has offsets that are too low. */
static void remove_characters(output *it, size_t count) {
    hd_line *to = it->to;
    if (to->count == it->begin) return;
    if (it->is_new && !to->failed) {
        to->characters[to->count - 1].start = it->from[it->at].start;
        to->characters[to->count - 1].end = it->from[it->at].end;
        it->is_new = false;
    }
    it->at += count;
}

/* Writes the replacement at `offset` for `old_count` characters. */
static void put_replacement(const hd_charsmap *map, output *it, size_t offset, size_t old_count) {
    size_t size = end_of(map, offset) - offset, new_count = 0;
    for (size_t at = 0; at < size; new_count++) {
        uint32_t code;
        at += hd_utf8_decode(map->texts + offset + at, size - at, &code);
        put(it, code, new_count >= old_count);
    }
    if (new_count < old_count) remove_characters(it, old_count - new_count);
}

/* Is there no boundary of clusters between two characters (Unicode Standard Annex 29)? `pictured`: the first ends
 * "picture, any number of Extend, joiner". */
static bool joins(int first, int second, bool pictured) {
    if (first == RETURN && second == LINE_FEED) return true;
    if (first == RETURN || first == LINE_FEED || first == HD_GRAPHEME_CONTROL) return false;
    if (second == RETURN || second == LINE_FEED || second == HD_GRAPHEME_CONTROL) return false;
    if (second == HD_GRAPHEME_EXTEND || second == HD_GRAPHEME_MARK || first == HD_GRAPHEME_PREPEND) return true;
    if (first == L && (second == L || second == V || second == LV || second == LVT)) return true;
    if ((first == LV || first == V) && (second == V || second == T)) return true;
    if ((first == LVT || first == T) && second == T) return true;
    return pictured && second == HD_GRAPHEME_PICTURE;
}

static size_t encoded_size(uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

/* The number of characters of the cluster at `from`; its bytes are written to `text`, up to five, and counted in *size up
 * to six. */
static size_t cluster(const hd_charsmap *map, const hd_character *from, size_t count, char text[8], size_t *size) {
    enum { JOINER = 0x200D };
    int last = kind_of(map, from[0].code) & CLASSES;
    bool picture = last == HD_GRAPHEME_PICTURE, pictured = false; /* "picture, any number of Extend" so far */
    size_t length = 1;
    *size = hd_utf8_encode(from[0].code, text);
    for (; length < count; length++) {
        int kind = kind_of(map, from[length].code) & CLASSES;
        if (!joins(last, kind, pictured)) break;
        pictured = picture && from[length].code == JOINER;
        picture = kind == HD_GRAPHEME_PICTURE || (picture && kind == HD_GRAPHEME_EXTEND);
        last = kind;
        size_t more = encoded_size(from[length].code);
        if (*size + more <= 5)
            *size += hd_utf8_encode(from[length].code, text + *size);
        else
            *size = 6;
    }
    return length;
}

static void normalize_cluster(const hd_charsmap *map, const hd_character *from, size_t length, const char *text,
                              size_t size, output *it) {
    size_t found = size < 6 ? shortest(map, text, size) : SIZE_MAX;
    if (found != SIZE_MAX) {
        put_replacement(map, it, found, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        found = kind_of(map, from[i].code) & MAPPED ? find_character(map, from[i].code) : SIZE_MAX;
        if (found != SIZE_MAX)
            put_replacement(map, it, found, 1);
        else
            put(it, from[i].code, false);
    }
}

/* Kinds of characters that begin no cluster of several characters, whatever follows but for marks. */
static bool is_plain(int kind) { return kind == HD_GRAPHEME_OTHER; }

void hd_charsmap_normalize(const hd_charsmap *map, const hd_character *from, size_t count, hd_line *to) {
    output it = {from, 0, to, to->count, false};
    for (size_t i = 0; i < count && !to->failed;) {
        /* A run of characters that stay; the last one may belong to a mark. */
        size_t run = i;
        while (run < count && is_plain(kind_of(map, from[run].code))) run++;
        if (run < count && run > i) run--;
        if (run > i && it.at == i) {
            hd_line_append(to, from + i, run - i);
            it.at = i = run;
            it.is_new = false;
            continue;
        }
        for (; i < run; i++) put(&it, from[i].code, false);
        if (i == count) break;
        char text[8];
        size_t size, length = cluster(map, from + i, count - i, text, &size);
        normalize_cluster(map, from + i, length, text, size, &it);
        i += length;
    }
}

/* The number of characters of the longest match at `from`; 0 for none. */
static size_t longest_match(const hd_charsmap *map, const hd_character *from, size_t count, size_t *offset) {
    size_t node = root(map), found = 0;
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        size_t size = hd_utf8_encode(from[i].code, bytes), parent = node;
        for (size_t j = 0; j < size; j++) {
            parent = node;
            if (!step(map, &node, (uint8_t)bytes[j])) return found;
        }
        if (!has_value(map->units[parent ^ (uint8_t)bytes[size - 1]])) continue;
        *offset = value_at(map, node);
        found = i + 1;
    }
    return found;
}

void hd_charsmap_normalize_longest(const hd_charsmap *map, const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count && !to->failed;) {
        size_t offset = 0, length = longest_match(map, from + i, count - i, &offset);
        if (length == 0) {
            hd_line_append(to, from + i++, 1);
            continue;
        }
        size_t size = end_of(map, offset) - offset;
        for (size_t at = 0; at < size;) {
            uint32_t code;
            at += hd_utf8_decode(map->texts + offset + at, size - at, &code);
            hd_line_put(to, code, from[i].start, from[i + length - 1].end);
        }
        i += length;
    }
}
