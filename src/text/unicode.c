#include "text/unicode.h"

#include <utf8proc.h>

static utf8proc_category_t category(uint32_t code) { return utf8proc_category((utf8proc_int32_t)code); }

bool hd_is_whitespace(uint32_t code) {
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static bool in_range(uint32_t code, uint32_t first, uint32_t last) { return code >= first && code <= last; }

static bool is_letter_or_digit(uint32_t code) {
    return in_range(code, '0', '9') || in_range(code, 'A', 'Z') || in_range(code, 'a', 'z');
}

bool hd_is_punctuation(uint32_t code) {
    if (code < 0x80) return code > ' ' && code < 127 && !is_letter_or_digit(code);
    utf8proc_category_t found = category(code);
    return found >= UTF8PROC_CATEGORY_PC && found <= UTF8PROC_CATEGORY_PO;
}

bool hd_is_mark(uint32_t code) {
    utf8proc_category_t found = category(code);
    return found >= UTF8PROC_CATEGORY_MN && found <= UTF8PROC_CATEGORY_ME;
}

bool hd_is_nonspacing_mark(uint32_t code) { return category(code) == UTF8PROC_CATEGORY_MN; }

bool hd_is_control(uint32_t code) {
    utf8proc_category_t found = category(code);
    return found == UTF8PROC_CATEGORY_CC || found == UTF8PROC_CATEGORY_CF || found == UTF8PROC_CATEGORY_CO;
}

/* tokenizers omits U+2B820 … U+2B91F. */
bool hd_is_chinese(uint32_t code) {
    return in_range(code, 0x4E00, 0x9FFF) || in_range(code, 0x3400, 0x4DBF) || in_range(code, 0x20000, 0x2A6DF) ||
           in_range(code, 0x2A700, 0x2B81F) || in_range(code, 0x2B920, 0x2CEAF) || in_range(code, 0xF900, 0xFAFF) ||
           in_range(code, 0x2F800, 0x2FA1F);
}

bool hd_is_numeric(uint32_t code) {
    utf8proc_category_t found = category(code);
    return found >= UTF8PROC_CATEGORY_ND && found <= UTF8PROC_CATEGORY_NO;
}

bool hd_is_word(uint32_t code) {
    if (code < 0x80) return is_letter_or_digit(code) || code == '_';
    if (code == 0x200C || code == 0x200D) return true; /* the joiners */
    utf8proc_category_t found = category(code);
    if (found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_NL) return true; /* letters, marks, Nd and Nl */
    if (found == UTF8PROC_CATEGORY_PC) return true;
    /* Symbols that are alphabetic: letters in circles and squares. */
    return in_range(code, 0x24B6, 0x24E9) || in_range(code, 0x1F130, 0x1F149) || in_range(code, 0x1F150, 0x1F169) ||
           in_range(code, 0x1F170, 0x1F189);
}

size_t hd_lowercase(uint32_t code, uint32_t out[2]) {
    if (code < 0x80) {
        out[0] = in_range(code, 'A', 'Z') ? code + 32 : code;
        return 1;
    }
    if (code == 0x130) { /* the one entry of SpecialCasing.txt that is longer and unconditional */
        out[0] = 'i', out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    return 1;
}

/* Bytes that are not visible characters are numbered from U+0100, in three runs. */
uint32_t hd_byte_character(uint8_t byte) {
    if (byte <= 0x20) return 0x100u + byte;
    if (byte >= 0x7F && byte <= 0xA0) return 0x121u + (byte - 0x7Fu);
    return byte == 0xAD ? 0x143 : byte;
}

int hd_character_byte(uint32_t code) {
    int byte = code <= 0xFF                   ? (int)code
               : in_range(code, 0x100, 0x120) ? (int)code - 0x100
               : in_range(code, 0x121, 0x142) ? (int)code - 0x121 + 0x7F
                                              : 0xAD;
    return hd_byte_character((uint8_t)byte) == code ? byte : -1;
}

int hd_cell_width(uint32_t code) { return utf8proc_charwidth((utf8proc_int32_t)code); }

int hd_combining_class(uint32_t code) {
    return code < 0x300 ? 0 : utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

size_t hd_decompose(uint32_t code, bool compatible, uint32_t out[HD_DECOMPOSED]) {
    out[0] = code;
    if (code < 0xA0) return 1;
    utf8proc_int32_t parts[HD_DECOMPOSED];
    int boundary = 0;
    utf8proc_option_t options = compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)code, parts, HD_DECOMPOSED, options, &boundary);
    if (count < 1 || count > HD_DECOMPOSED) return 1;
    for (utf8proc_ssize_t i = 0; i < count; i++) out[i] = (uint32_t)parts[i];
    return (size_t)count;
}

uint32_t hd_compose(uint32_t first, uint32_t second) {
    if (second < 0x300) return 0;
    utf8proc_int32_t pair[2] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second};
    utf8proc_ssize_t count = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return count == 1 ? (uint32_t)pair[0] : 0;
}
