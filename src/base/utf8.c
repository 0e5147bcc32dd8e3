#include "base/utf8.h"

#include <heed/heed.h>
#include <string.h>

/* The length of a sequence by its first byte, and the range of its second byte; all others are 80 … BF. Overlong forms,
 * surrogates and code points past U+10FFFF all show in the second byte (Unicode Standard, table 3-7). */
static size_t sequence_length(uint8_t lead, uint8_t *low, uint8_t *high) {
    *low = 0x80, *high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    if (lead < 0xE0) return 2;
    if (lead == 0xE0) *low = 0xA0;
    if (lead == 0xED) *high = 0x9F;
    if (lead < 0xF0) return 3;
    if (lead == 0xF0) *low = 0x90;
    if (lead == 0xF4) *high = 0x8F;
    return 4;
}

size_t hd_utf8_decode(const char *text, size_t size, uint32_t *code) {
    const uint8_t *bytes = (const uint8_t *)text;
    uint8_t low, high;
    size_t length = sequence_length(bytes[0], &low, &high);
    if (length == 1) {
        *code = bytes[0];
        return 1;
    }
    *code = HD_REPLACEMENT_CHARACTER;
    if (length == 0) return 1;
    uint32_t value = bytes[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (i == size || bytes[i] < low || bytes[i] > high) return i;
        value = value << 6 | (bytes[i] & 0x3Fu);
        low = 0x80, high = 0xBF;
    }
    *code = value;
    return length;
}

size_t hd_utf8_encode(uint32_t code, char bytes[4]) {
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(code | (length == 2 ? 0xC0u : length == 3 ? 0xE0u : 0xF0u));
    return length;
}

bool hd_utf8_valid(const char *text, size_t size) {
    static const char replacement[] = "\xEF\xBF\xBD";
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t code;
        length = hd_utf8_decode(text + at, size - at, &code);
        if (code != HD_REPLACEMENT_CHARACTER) continue;
        if (length != 3) return false;
        for (size_t i = 0; i < 3; i++)
            if (text[at + i] != replacement[i]) return false;
    }
    return true;
}

size_t hd_utf8_count(const char *text, size_t size) {
    size_t count = 0;
    uint32_t code;
    for (size_t at = 0; at < size; count++) at += hd_utf8_decode(text + at, size - at, &code);
    return count;
}

size_t hd_utf8_offset(const char *text, size_t size, size_t number) {
    size_t at = 0;
    uint32_t code;
    for (; at < size && number; number--) at += hd_utf8_decode(text + at, size - at, &code);
    return at;
}

static bool in_ranges(uint32_t code, const uint32_t (*ranges)[2], size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > ranges[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= ranges[low][0];
}

/* White_Space, Default_Ignorable_Code_Point and the category Cf of Unicode 17, without Prepended_Concatenation_Mark:
 * those characters of Cf are visible. */
static const uint32_t invisible[][2] = {
    {0x0009, 0x000D}, {0x0020, 0x0020}, {0x0085, 0x0085},   {0x00A0, 0x00A0},   {0x00AD, 0x00AD},   {0x034F, 0x034F},
    {0x061C, 0x061C}, {0x115F, 0x1160}, {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200F},
    {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool hd_is_invisible(uint32_t code) { return in_ranges(code, invisible, sizeof invisible / sizeof invisible[0]); }

bool hd_text_is_blank(const char *text, size_t size) {
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += hd_utf8_decode(text + at, size - at, &code);
        if (!hd_is_invisible(code)) return false;
    }
    return true;
}

bool hd_is_terminal_control(uint32_t code) {
    return code < 32 || (code >= 127 && code < 160) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

void hd_text_make_visible(char *text) {
    char *to = text;
    size_t size = strlen(text);
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t code;
        length = hd_utf8_decode(text + at, size - at, &code);
        if (hd_is_terminal_control(code) || !hd_utf8_valid(text + at, length)) {
            *to++ = '?';
            continue;
        }
        memmove(to, text + at, length);
        to += length;
    }
    *to = 0;
}

size_t hd_byte_order_mark(const char *text, size_t size) {
    static const char mark[] = "\xEF\xBB\xBF";
    return size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
}

/* ---- the public interface ---- */

size_t heed_text_character(const char *text, size_t size, uint32_t *code) {
    *code = 0;
    return size ? hd_utf8_decode(text, size, code) : 0;
}

bool heed_character_is_control(uint32_t code) { return hd_is_terminal_control(code); }

bool heed_text_is_blank(const char *text, size_t size) { return hd_text_is_blank(text, size); }
