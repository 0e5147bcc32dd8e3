#include "text/jinja/characters.h"

#include <string.h>
#include <utf8proc.h>

#include "text/unicode.h"

static utf8proc_category_t category(uint32_t code) { return utf8proc_category((utf8proc_int32_t)code); }

bool hd_jinja_is_space(uint32_t code) {
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool hd_jinja_is_line_end(uint32_t code) {
    return (code >= 10 && code <= 13) || (code >= 28 && code <= 30) || code == 0x85 || code == 0x2028 || code == 0x2029;
}

bool hd_jinja_is_printable(uint32_t code) {
    if (code < 0x7F) return code >= ' ';
    switch (category(code)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
        case UTF8PROC_CATEGORY_ZS:
            return false;
        default:
            return true;
    }
}

bool hd_jinja_is_alpha(uint32_t code) {
    if (code < 0x80) return (code | 32) >= 'a' && (code | 32) <= 'z';
    utf8proc_category_t kind = category(code);
    return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool hd_jinja_is_decimal(uint32_t code) {
    return code < 0x80 ? code >= '0' && code <= '9' : category(code) == UTF8PROC_CATEGORY_ND;
}

/* Superscripts, subscripts and circled digits have a digit's value. */
bool hd_jinja_is_digit(uint32_t code) {
    static const uint32_t ranges[][2] = {{0xB2, 0xB3},     {0xB9, 0xB9},     {0x1369, 0x1371}, {0x19DA, 0x19DA},
                                         {0x2070, 0x2070}, {0x2074, 0x2079}, {0x2080, 0x2089}, {0x2460, 0x2468},
                                         {0x2474, 0x247C}, {0x2488, 0x2490}, {0x24EA, 0x24EA}, {0x24F5, 0x24FD},
                                         {0x24FF, 0x24FF}, {0x2776, 0x277E}, {0x2780, 0x2788}, {0x278A, 0x2792}};
    if (hd_jinja_is_decimal(code)) return true;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1]) return true;
    return false;
}

bool hd_jinja_is_numeric(uint32_t code) {
    static const char han[] = "一二三四五六七八九十百千萬万億亿兆零〇壹贰叁肆伍陆柒捌玖拾佰仟廿卅";
    if (code < 0x80) return hd_jinja_is_decimal(code);
    utf8proc_category_t kind = category(code);
    if (kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO) return true;
    if (kind != UTF8PROC_CATEGORY_LO) return false;
    for (size_t at = 0; at < sizeof han - 1;) {
        uint32_t character;
        at += hd_utf8_decode(han + at, sizeof han - 1 - at, &character);
        if (character == code) return true;
    }
    return false;
}

bool hd_jinja_is_word(uint32_t code) { return code == '_' || hd_jinja_is_alpha(code) || hd_jinja_is_numeric(code); }

bool hd_jinja_is_lower(uint32_t code) {
    if (code < 0x80) return code >= 'a' && code <= 'z';
    return category(code) == UTF8PROC_CATEGORY_LL || code == 0xAA || code == 0xBA ||
           (code >= 0x2170 && code <= 0x217F) || (code >= 0x24D0 && code <= 0x24E9) || (code >= 0x2B0 && code <= 0x2B8);
}

bool hd_jinja_is_upper(uint32_t code) {
    if (code < 0x80) return code >= 'A' && code <= 'Z';
    return category(code) == UTF8PROC_CATEGORY_LU || (code >= 0x2160 && code <= 0x216F) ||
           (code >= 0x24B6 && code <= 0x24CF) || (code >= 0x1F130 && code <= 0x1F149);
}

bool hd_jinja_is_title(uint32_t code) { return code >= 0x80 && category(code) == UTF8PROC_CATEGORY_LT; }

bool hd_jinja_is_name_start(uint32_t code) {
    if (code < 0x80) return code == '_' || hd_jinja_is_alpha(code);
    return hd_jinja_is_alpha(code) || category(code) == UTF8PROC_CATEGORY_NL;
}

bool hd_jinja_is_name(uint32_t code) {
    if (hd_jinja_is_name_start(code) || hd_jinja_is_decimal(code)) return true;
    utf8proc_category_t kind = code < 0x80 ? UTF8PROC_CATEGORY_CN : category(code);
    return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_PC || code == 0xB7;
}

/* ---- mappings ---- */

static uint32_t simple_upper(uint32_t code) { return (uint32_t)utf8proc_toupper((utf8proc_int32_t)code); }
static uint32_t simple_lower(uint32_t code) { return (uint32_t)utf8proc_tolower((utf8proc_int32_t)code); }

/* Characters such as U+00DF and U+FB01, whose upper case is that of what they fold to; false for all others. */
static bool unfold(uint32_t code, uint32_t fold[3], size_t *count) {
    if (code < 0x80 || code == 0x130 || code == 0x1E9E) return false;
    *count = hd_case_fold(code, fold);
    return *count > 1;
}

size_t hd_jinja_upper(uint32_t code, uint32_t out[HD_JINJA_MAPPED]) {
    uint32_t fold[3];
    size_t count;
    out[0] = code < 0x80 ? code - (code >= 'a' && code <= 'z' ? 32 : 0) : simple_upper(code);
    if (!unfold(code, fold, &count)) return 1;
    for (size_t i = 0; i < count; i++) out[i] = simple_upper(fold[i]);
    return count;
}

size_t hd_jinja_title(uint32_t code, uint32_t out[HD_JINJA_MAPPED]) {
    uint32_t fold[3];
    size_t count;
    if (code < 0x80) return hd_jinja_upper(code, out);
    out[0] = (uint32_t)utf8proc_totitle((utf8proc_int32_t)code);
    if (out[0] != code || category(code) != UTF8PROC_CATEGORY_LL || !unfold(code, fold, &count)) return 1;
    for (size_t i = 0; i < count; i++) out[i] = i ? fold[i] : simple_upper(fold[i]);
    return count;
}

size_t hd_jinja_lower(uint32_t code, uint32_t out[HD_JINJA_MAPPED]) {
    out[0] = code < 0x80 ? code + (code >= 'A' && code <= 'Z' ? 32 : 0) : simple_lower(code);
    if (code != 0x130) return 1;
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
}

size_t hd_jinja_fold(uint32_t code, uint32_t out[HD_JINJA_MAPPED]) {
    return code < 0x80 ? hd_jinja_lower(code, out) : hd_case_fold(code, out);
}

/* ---- stripping ---- */

static bool is_stripped(uint32_t code, const hd_jinja_span *characters) {
    if (!characters) return hd_jinja_is_space(code);
    for (size_t at = 0; at < characters->size;) {
        uint32_t other;
        at += hd_utf8_decode(characters->text + at, characters->size - at, &other);
        if (other == code) return true;
    }
    return false;
}

hd_jinja_span hd_jinja_strip(hd_jinja_span it, const hd_jinja_span *characters, bool left, bool right) {
    uint32_t code;
    while (left && it.size) {
        size_t bytes = hd_utf8_decode(it.text, it.size, &code);
        if (!is_stripped(code, characters)) break;
        it.text += bytes;
        it.size -= bytes;
    }
    while (right && it.size) {
        size_t at = it.size - 1;
        while (at > 0 && ((uint8_t)it.text[at] & 0xC0) == 0x80) at--;
        hd_utf8_decode(it.text + at, it.size - at, &code);
        if (!is_stripped(code, characters)) break;
        it.size = at;
    }
    return it;
}
