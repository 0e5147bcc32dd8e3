#include "text/unicode.h"

#include "text/unicode_data.h"
#include "text/unicode_scripts.h"

#include <utf8proc.h>
static bool in_range(uint32_t code, uint32_t first, uint32_t last) { return code >= first && code <= last; }

static bool is_letter_or_digit(uint32_t code) {
    return in_range(code, '0', '9') || in_range(code, 'A', 'Z') || in_range(code, 'a', 'z');
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

/* Is the code point in a set given by its limits? It is if an odd number of them is not above it. */
static bool is_in(const uint32_t *limits, size_t count, uint32_t code) {
    size_t first = 0, last = count;
    while (first < last) {
        size_t middle = (first + last) / 2;
        if (limits[middle] <= code)
            first = middle + 1;
        else
            last = middle;
    }
    return first % 2 == 1;
}

#define IS_IN(limits, code) is_in(limits, sizeof(limits) / sizeof *(limits), code)

bool hd_is_whitespace(uint32_t code) {
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
    return IS_IN(hd_whitespace_limits, code);
}

size_t hd_skip_whitespace(const char *text, size_t size, size_t at) {
    while (at < size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text + at, size - at, &code);
        if (!hd_is_whitespace(code)) break;
        at += bytes;
    }
    return at;
}

bool hd_is_punctuation(uint32_t code) {
    if (code < 0x80) return code > ' ' && code < 127 && !is_letter_or_digit(code);
    return IS_IN(hd_punctuation_limits, code);
}

bool hd_is_mark(uint32_t code) { return code >= 0x300 && IS_IN(hd_mark_limits, code); }

bool hd_is_nonspacing_mark(uint32_t code) { return code >= 0x300 && IS_IN(hd_nonspacing_mark_limits, code); }

bool hd_is_control(uint32_t code) {
    if (code < 0x80) return hd_is_terminal_control(code);
    return IS_IN(hd_control_limits, code);
}

/* tokenizers omits U+2B820 … U+2B91F. */
bool hd_is_chinese(uint32_t code) {
    return in_range(code, 0x4E00, 0x9FFF) || in_range(code, 0x3400, 0x4DBF) || in_range(code, 0x20000, 0x2A6DF) ||
           in_range(code, 0x2A700, 0x2B81F) || in_range(code, 0x2B920, 0x2CEAF) || in_range(code, 0xF900, 0xFAFF) ||
           in_range(code, 0x2F800, 0x2FA1F);
}

bool hd_is_numeric(uint32_t code) {
    if (code < 0x80) return in_range(code, '0', '9');
    return IS_IN(hd_numeric_limits, code);
}

int hd_script(uint32_t code) {
    size_t first = 0, last = sizeof hd_script_runs / sizeof *hd_script_runs;
    while (last - first > 1) { /* the last run that begins at or before the code */
        size_t middle = (first + last) / 2;
        if (hd_script_runs[middle].first <= code)
            first = middle;
        else
            last = middle;
    }
    return (int)hd_script_runs[first].script;
}

bool hd_is_word(uint32_t code) {
    if (code < 0x80) return is_letter_or_digit(code) || code == '_';
    return IS_IN(hd_rust_word_limits, code);
}

bool hd_is_pattern_word(uint32_t code) {
    if (code < 0x80) return is_letter_or_digit(code) || code == '_';
    return IS_IN(hd_pattern_word_limits, code);
}

/* ---- case ------------------------------------------------------------------------------------------------------- */

/* The character that `code` maps to; itself outside of all runs. */
static uint32_t mapped(const struct hd_mapping_run *runs, size_t count, uint32_t code) {
    size_t first = 0, last = count;
    while (first < last) { /* the first run that does not end before it */
        size_t middle = (first + last) / 2;
        if (runs[middle].last < code)
            first = middle + 1;
        else
            last = middle;
    }
    if (first == count || code < runs[first].first || (code - runs[first].first) % runs[first].step != 0) return code;
    return code + (uint32_t)runs[first].difference;
}

enum {
    LOWERCASE_RUNS = sizeof hd_lowercase_runs / sizeof *hd_lowercase_runs,
    FOLD_RUNS = sizeof hd_fold_runs / sizeof *hd_fold_runs,
    LONG_FOLDS = sizeof hd_long_folds / sizeof *hd_long_folds
};

size_t hd_lowercase(uint32_t code, uint32_t out[2]) {
    if (code < 0x80) {
        out[0] = in_range(code, 'A', 'Z') ? code + 32 : code;
        return 1;
    }
    if (code == 0x130) { /* the one entry of SpecialCasing.txt that is longer and unconditional */
        out[0] = 'i', out[1] = 0x307;
        return 2;
    }
    out[0] = mapped(hd_lowercase_runs, LOWERCASE_RUNS, code);
    return 1;
}

static size_t long_fold_size(const uint32_t fold[3]) { return fold[2] ? 3 : 2; }

size_t hd_case_fold(uint32_t code, uint32_t out[3]) {
    out[0] = code;
    if (code < 0x80) {
        if (in_range(code, 'A', 'Z')) out[0] = code + 32;
        return 1;
    }
    for (size_t i = 0; i < LONG_FOLDS && hd_long_folds[i].code <= code; i++) {
        if (hd_long_folds[i].code != code) continue;
        for (size_t j = 0; j < 3; j++) out[j] = hd_long_folds[i].fold[j];
        return long_fold_size(out);
    }
    out[0] = mapped(hd_fold_runs, FOLD_RUNS, code);
    return 1;
}

static bool folds_to(const struct hd_long_fold *row, const uint32_t *fold, size_t count) {
    if (long_fold_size(row->fold) != count) return false;
    for (size_t i = 0; i < count; i++)
        if (row->fold[i] != fold[i]) return false;
    return true;
}

size_t hd_case_unfold(const uint32_t *fold, size_t count, uint32_t *out, size_t most) {
    size_t found = 0;
    for (size_t i = 0; count > 1 && i < LONG_FOLDS && found < most; i++)
        if (folds_to(&hd_long_folds[i], fold, count)) out[found++] = hd_long_folds[i].code;
    for (size_t i = 0; count == 1 && i < FOLD_RUNS && found < most; i++) {
        const struct hd_mapping_run *run = &hd_fold_runs[i];
        uint32_t code = fold[0] - (uint32_t)run->difference;
        if (in_range(code, run->first, run->last) && (code - run->first) % run->step == 0) out[found++] = code;
    }
    return found;
}

void hd_case_fold_each(void (*call)(uint32_t code, void *user), void *user) {
    for (size_t i = 0; i < FOLD_RUNS; i++)
        for (uint32_t code = hd_fold_runs[i].first; code <= hd_fold_runs[i].last; code += hd_fold_runs[i].step)
            call(code, user);
    for (size_t i = 0; i < LONG_FOLDS; i++) call(hd_long_folds[i].code, user);
}

/* ---- bytes and terminals ---------------------------------------------------------------------------------------- */

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

/* ---- normal forms ----------------------------------------------------------------------------------------------- */

/* Decompositions and combining classes of an assigned character never change. So utf8proc, from the version that the
 * build asks for on, gives those of tokenizers for each character that tokenizers knows; others are left alone. */
static bool is_known(uint32_t code) { return IS_IN(hd_normalized_limits, code); }

int hd_combining_class(uint32_t code) {
    return code < 0x300 || !is_known(code) ? 0 : utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

size_t hd_decompose(uint32_t code, bool compatible, uint32_t out[HD_DECOMPOSED]) {
    out[0] = code;
    if (code < 0xA0 || !is_known(code)) return 1;
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
    return count == 1 && is_known((uint32_t)pair[0]) ? (uint32_t)pair[0] : 0;
}
