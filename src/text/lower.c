#include "text/lower.h"

#include <utf8proc.h>

#include "base/context.h"
#include "text/unicode.h"

static utf8proc_category_t category(uint32_t c) { return utf8proc_category((utf8proc_int32_t)c); }

/* Case_Ignorable of the Unicode Standard, section 3.13: marks, formats, modifiers and characters that may occur
 * inside words. */
static bool is_case_ignorable(uint32_t c) {
    static const uint32_t inside_words[] = {'\'',   '.',    ':',    0xB7,   0x387,  0x55F,  0x5F4,  0x2018, 0x2019,
                                            0x2024, 0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
    for (size_t i = 0; i < HD_COUNT(inside_words); i++)
        if (c == inside_words[i]) return true;
    switch (category(c)) {
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_SK:
            return true;
        default:
            return false;
    }
}

/* Cased, of those that are not case-ignorable: letters with case, and the numerals and enclosed letters that have it. */
static bool is_cased(uint32_t c) {
    switch (category(c)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
            return true;
        default:
            break;
    }
    return c == 0xAA || c == 0xBA || (c >= 0x2160 && c <= 0x217F) || (c >= 0x24B6 && c <= 0x24E9) ||
           (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

/* Whether the sigma at `at` ends a word: it follows a cased letter and does not precede one (Final_Sigma of
 * SpecialCasing.txt). */
static bool is_final_sigma(const uint32_t *points, size_t count, size_t at) {
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(points[before - 1])) before--;
    if (before == 0 || !is_cased(points[before - 1])) return false;
    while (after < count && is_case_ignorable(points[after])) after++;
    return after == count || !is_cased(points[after]);
}

size_t hd_lowercase_text(const uint32_t *points, size_t count, uint32_t *out) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (points[i] == 0x3A3)
            out[size++] = is_final_sigma(points, count, i) ? 0x3C2 : 0x3C3;
        else
            size += hd_lowercase(points[i], out + size);
    }
    return size;
}
