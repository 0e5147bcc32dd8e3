#include "text/model_text.h"

#include <string.h>

#include "base/utf8.h"

/* ---- characters ------------------------------------------------------------------------------------------------- */

static void skip_space(hd_json_range *it) {
    while (it->at < it->end && (*it->at == ' ' || *it->at == '\n' || *it->at == '\r' || *it->at == '\t')) it->at++;
}

/* Skips white space and then this character; false if it is another one. */
static bool skip_character(hd_json_range *it, char character) {
    skip_space(it);
    if (it->at == it->end || *it->at != character) return false;
    it->at++;
    return true;
}

static bool is_next(hd_json_range *it, char character) {
    skip_space(it);
    return it->at < it->end && *it->at == character;
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

static bool read_hexadecimal(hd_json_range *it, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        if (it->at == it->end) return false;
        char c = *it->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (uint32_t)((c | 32) - 'a' + 10);
        else
            return false;
        *code = *code << 4 | digit;
    }
    return true;
}

/* A \u escape, or two for a character past U+FFFF; U+0000 is left to the tree. */
static bool read_code(hd_json_range *it, hd_buffer *text) {
    uint32_t code, low;
    char bytes[4];
    if (!read_hexadecimal(it, &code) || code == 0 || (code >= 0xDC00 && code < 0xE000)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
        if (it->end - it->at < 6 || it->at[0] != '\\' || it->at[1] != 'u') return false;
        it->at += 2;
        if (!read_hexadecimal(it, &low) || low < 0xDC00 || low >= 0xE000) return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    hd_buffer_append(text, bytes, hd_utf8_encode(code, bytes));
    return true;
}

static bool read_escape(hd_json_range *it, hd_buffer *text) {
    static const char escapes[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
    if (it->at == it->end) return false;
    char c = *it->at++;
    if (c == 'u') return read_code(it, text);
    const char *found = c ? strchr(escapes, c) : NULL;
    if (found) hd_buffer_byte(text, characters[found - escapes]);
    return found != NULL;
}

/* Moves to the next quote, backslash or control character; *ascii becomes false at a byte past ASCII. */
static bool find_end(hd_json_range *it, bool *ascii) {
    for (; it->at < it->end; it->at++) {
        unsigned char c = (unsigned char)*it->at;
        if (c == '"' || c == '\\') return true;
        if (c < 32) return false;
        if (c >= 128) *ascii = false;
    }
    return false;
}

static bool read_string(hd_json_range *it, hd_model_string *string) {
    bool ascii = true;
    if (!skip_character(it, '"')) return false;
    const char *first = it->at;
    if (!find_end(it, &ascii)) return false;
    string->bytes = first;
    string->size = (size_t)(it->at - first);
    if (*it->at == '\\') {
        hd_buffer_clear(&string->text);
        while (*it->at == '\\') {
            hd_buffer_append(&string->text, first, (size_t)(it->at - first));
            it->at++;
            if (!read_escape(it, &string->text)) return false;
            first = it->at;
            if (!find_end(it, &ascii)) return false;
        }
        hd_buffer_append(&string->text, first, (size_t)(it->at - first));
        if (string->text.failed) return false;
        string->bytes = string->text.data;
        string->size = string->text.size;
    }
    it->at++;
    return ascii || hd_utf8_valid(string->bytes, string->size);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool skip_string(hd_json_range *it) {
    for (it->at++; it->at < it->end && *it->at != '"'; it->at++)
        if (*it->at == '\\' && ++it->at == it->end) return false;
    return it->at++ < it->end;
}

/* Skips a value whose brackets are in balance. */
static bool skip_value(hd_json_range *it) {
    size_t depth = 0;
    skip_space(it);
    while (it->at < it->end) {
        char c = *it->at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) return true;
        if (c == '"') {
            if (!skip_string(it)) return false;
            continue;
        }
        if (c == '{' || c == '[') depth++;
        if (c == '}' || c == ']') depth--;
        it->at++;
    }
    return false;
}

/* The key of the next entry of an object, up to its value. *more is false at the end of the object. */
static bool next_key(hd_json_range *it, hd_json_range *key, bool *more) {
    bool first = !it->begun;
    it->begun = true;
    if (first && !skip_character(it, '{')) return false;
    *more = first ? !is_next(it, '}') : is_next(it, ',');
    if (!*more) return skip_character(it, '}');
    if (!first) it->at++;
    if (!is_next(it, '"')) return false;
    key->at = it->at + 1;
    if (!skip_string(it)) return false;
    key->end = it->at - 1;
    /* A key that is spelled in another way is not compared. */
    bool plain = !memchr(key->at, '\\', (size_t)(key->end - key->at)) && skip_character(it, ':');
    skip_space(it);
    return plain;
}

static bool has_name(hd_json_range key, const char *name) {
    return (size_t)(key.end - key.at) == strlen(name) && memcmp(key.at, name, strlen(name)) == 0;
}

/* The vocabulary and the merges of the object that begins at it->at; false if one of them is repeated. */
static bool find_in_model(hd_json_range *it, hd_json_range parts[2]) {
    static const char *const names[2] = {"vocab", "merges"};
    hd_json_range model = {.at = it->at, .end = it->end}, key = {0};
    for (bool more = true;;) {
        if (!next_key(&model, &key, &more)) return false;
        it->at = model.at;
        if (!more) return true;
        const char *first = model.at;
        if (!skip_value(&model)) return false;
        for (int i = 0; i < 2; i++) {
            if (!has_name(key, names[i])) continue;
            if (parts[i].at) return false;
            parts[i] = (hd_json_range){.at = first, .end = model.at};
        }
    }
}

static bool find_in_file(hd_json_range file, hd_json_range parts[2]) {
    hd_json_range key = {0};
    bool found = false;
    for (bool more = true;;) {
        if (!next_key(&file, &key, &more)) return false;
        if (!more) return found;
        bool model = has_name(key, "model");
        if ((model && found) || !(model ? find_in_model(&file, parts) : skip_value(&file))) return false;
        found = found || model;
    }
}

bool hd_model_text_find(const char *json, size_t size, hd_json_range *vocabulary, hd_json_range *merges,
                        hd_buffer *rest) {
    hd_json_range file = {.at = json + hd_byte_order_mark(json, size), .end = json + size}, parts[2] = {{0}};
    if (!find_in_file(file, parts) || !parts[0].at || *parts[0].at != '{') return false;
    if (parts[1].at && *parts[1].at != '[') return false;
    *vocabulary = parts[0];
    *merges = parts[1];
    bool swapped = parts[1].at && parts[1].at < parts[0].at;
    const char *from = json;
    for (int i = 0; i < 2; i++) {
        hd_json_range part = parts[swapped ? 1 - i : i];
        if (!part.at) continue;
        hd_buffer_append(rest, from, (size_t)(part.at - from));
        hd_buffer_text(rest, *part.at == '{' ? "{}" : "[]");
        from = part.end;
    }
    hd_buffer_append(rest, from, (size_t)(json + size - from));
    return !rest->failed;
}

/* ---- the vocabulary and the merges ------------------------------------------------------------------------------ */

static bool read_id(hd_json_range *it, int64_t *id) {
    skip_space(it);
    const char *first = it->at;
    for (*id = 0; it->at < it->end && *it->at >= '0' && *it->at <= '9' && it->at - first < 10; it->at++)
        *id = *id * 10 + (*it->at - '0');
    return it->at > first && (*first != '0' || it->at - first == 1);
}

/* Enters the collection, or goes to its next item. */
static bool next_item(hd_json_range *range, char open, char close, bool *more) {
    bool first = !range->begun;
    range->begun = true;
    if (first && !skip_character(range, open)) return false;
    *more = first ? !is_next(range, close) : is_next(range, ',');
    if (*more) return first || skip_character(range, ',');
    if (!skip_character(range, close)) return false;
    skip_space(range);
    return range->at == range->end;
}

bool hd_model_text_entry(hd_json_range *range, hd_model_string *token, int64_t *id, bool *more) {
    if (!next_item(range, '{', '}', more)) return false;
    return !*more || (read_string(range, token) && skip_character(range, ':') && read_id(range, id));
}

bool hd_split_merge(hd_model_string sides[2]) {
    const char *space = memchr(sides[0].bytes, ' ', sides[0].size);
    if (!space) return false;
    sides[1].bytes = space + 1;
    sides[1].size = (size_t)(sides[0].bytes + sides[0].size - sides[1].bytes);
    sides[0].size = (size_t)(space - sides[0].bytes);
    return !memchr(sides[1].bytes, ' ', sides[1].size);
}

bool hd_model_text_merge(hd_json_range *range, hd_model_string sides[2], bool *more) {
    if (!next_item(range, '[', ']', more)) return false;
    if (!*more) return true;
    if (is_next(range, '"')) return read_string(range, &sides[0]) && hd_split_merge(sides);
    return skip_character(range, '[') && read_string(range, &sides[0]) && skip_character(range, ',') &&
           read_string(range, &sides[1]) && skip_character(range, ']');
}
