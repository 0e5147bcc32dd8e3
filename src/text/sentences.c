#include "text/sentences.h"

#include "text/unicode.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- characters ---- */

static bool has_code(const uint32_t *codes, size_t count, uint32_t code) {
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code) return true;
    return false;
}

/* Full stops that may also end an abbreviation or stand for something left out: ATerm of Annex 29, and the ellipsis. */
static bool is_stop(uint32_t code) { return code == '.' || code == 0x2024 || code == 0x2026 || code == 0xFE52; }

/* Marks that end sentences in scripts without spaces. */
static bool is_wide_end(uint32_t code) {
    static const uint32_t marks[] = {0x3002, 0xFF01, 0xFF0E, 0xFF1F, 0xFF61, 0xFE52};
    return has_code(marks, COUNT(marks), code);
}

static bool is_end(uint32_t code) {
    static const uint32_t marks[] = {'!',    '?',    0x0589, 0x061D, 0x061E, 0x061F, 0x06D4, 0x0700, 0x0701,
                                     0x0702, 0x07F9, 0x0964, 0x0965, 0x104A, 0x104B, 0x1362, 0x1367, 0x1368,
                                     0x17D4, 0x17D5, 0x203C, 0x203D, 0x2047, 0x2048, 0x2049};
    return is_stop(code) || is_wide_end(code) || has_code(marks, COUNT(marks), code);
}

/* Quotation marks and brackets that may follow the mark. */
static bool is_close(uint32_t code) {
    static const uint32_t marks[] = {'"',    '\'',   ')',    ']',    '}',    0xAB,   0xBB,   0x2018,
                                     0x2019, 0x201C, 0x201D, 0x2039, 0x203A, 0x300B, 0x300D, 0x300F,
                                     0x3011, 0xFF09, 0xFF3D, 0xFF63, '*',    '_'};
    return has_code(marks, COUNT(marks), code);
}

/* Punctuation after which a sentence goes on: SContinue of Annex 29. */
static bool is_continuing(uint32_t code) {
    static const uint32_t marks[] = {',', ':', ';', '-', 0x2013, 0x2014, 0x060C, 0x3001, 0xFF0C, 0xFF1A};
    return has_code(marks, COUNT(marks), code);
}

static bool is_line_end(uint32_t code) {
    return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* Its own lowercase, and that of another character. */
static bool is_lowercase(uint32_t code) {
    uint32_t lower[2], fold[3], other;
    if (hd_lowercase(code, lower) != 1 || lower[0] != code) return false;
    size_t count = hd_case_fold(code, fold);
    return count > 1 || hd_case_unfold(fold, count, &other, 1) > 0;
}

static bool is_letter(uint32_t code) { return hd_is_word(code) && !hd_is_numeric(code) && code != '_'; }

static bool is_digit(uint32_t code) { return code >= '0' && code <= '9'; }

/* ---- abbreviations ---- */

/* Before a full stop, in lowercase. Such as "etc", which may also end a sentence, are left to the rule of the next letter. */
static const char *const abbreviations[] = {
    /* English */ "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "sr",
    "jr",
    "st",
    "mt",
    "rev",
    "hon",
    "gen",
    "col",
    "capt",
    "lt",
    "sgt",
    "gov",
    "sen",
    "rep",
    "vs",
    "approx",
    "dept",
    "cf",
    "viz",
    "al",
    "jan",
    "feb",
    "aug",
    "sept",
    "oct",
    "nov",
    "dec",
    /* German */ "bzw",
    "ca",
    "str",
    "vgl",
    "evtl",
    "ggf",
    "inkl",
    "zzgl",
    "hrsg",
    "bspw",
    "sog",
    "geb",
    "gest",
    /* French, Spanish, Italian, Dutch */ "mme",
    "mlle",
    "mgr",
    "sra",
    "srta",
    "dra",
    "dott",
    "mevr",
    "dhr",
    "bijv"};
/* The same before a number. */
static const char *const numbered[] = {"no", "nos", "nr",  "fig", "figs", "vol", "vols", "p",
                                       "pp", "art", "sec", "ch",  "eq",   "abb", "kap"};

static const char *const months[] = {"januar", "jänner", "februar",   "märz",    "april",    "mai",      "juni",
                                     "juli",   "august", "september", "oktober", "november", "dezember", "jahrhundert"};

/* Appends a character in lowercase; false if the word would be too long for any list. */
static bool append_lower(char *word, size_t *size, size_t capacity, uint32_t code) {
    uint32_t lower[2];
    size_t count = hd_lowercase(code, lower);
    for (size_t i = 0; i < count; i++) {
        if (*size + 5 > capacity) return false;
        *size += hd_utf8_encode(lower[i], word + *size);
    }
    word[*size] = 0;
    return true;
}

/* The word at byte `at`, letters alone or with full stops between, in lowercase; "" if it is too long. */
static void read_word(const char *text, size_t size, size_t at, bool dots, char *word, size_t capacity) {
    size_t used = 0;
    word[0] = 0;
    while (at < size) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        if (!is_letter(code) && !(dots && code == '.')) break;
        if (append_lower(word, &used, capacity, code)) continue;
        word[0] = 0;
        return;
    }
}

static bool is_listed(const char *const *list, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], word) == 0) return true;
    return false;
}

/* The first byte of the word that ends before `end`: letters, digits, and full stops between. */
static size_t word_start(const char *text, size_t start, size_t end) {
    size_t at = end;
    while (at > start) {
        size_t before = at - 1;
        uint32_t code;
        while (before > start && ((unsigned char)text[before] & 0xC0) == 0x80) before--;
        hd_utf8_decode(text + before, at - before, &code);
        if (!is_letter(code) && !is_digit(code) && code != '.') break;
        at = before;
    }
    return at;
}

/* Whether the full stop at byte `stop` belongs to the word before it. */
static bool is_abbreviated(const char *text, size_t size, size_t start, size_t stop) {
    char word[32], next[32];
    size_t first = word_start(text, start, stop);
    if (first == stop) return false;
    bool number = is_digit((uint32_t)(unsigned char)text[first]);
    if (number && stop - first <= 2) {
        read_word(text, size, hd_skip_whitespace(text, size, stop + 1), false, next, sizeof next);
        return is_listed(months, COUNT(months), next);
    }
    read_word(text, stop, first, true, word, sizeof word);
    if (!word[0] || number) return false;
    const char *dot = strrchr(word, '.'), *last = dot ? dot + 1 : word;
    bool initial = hd_utf8_count(last, strlen(last)) == 1 && strcmp(word, "i") != 0;
    size_t after = hd_skip_whitespace(text, size, stop + 1);
    if (after < size && is_digit((uint32_t)(unsigned char)text[after]) && is_listed(numbered, COUNT(numbered), word))
        return true;
    return initial || is_listed(abbreviations, COUNT(abbreviations), word);
}

/* ---- sentences ---- */

bool hd_text_begins_lowercase(const char *text, size_t size) {
    for (size_t at = 0; at < size;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        if (is_line_end(code) || is_end(code)) return false;
        if (is_letter(code) || is_digit(code)) return is_lowercase(code);
    }
    return false;
}

/* What follows the marks at the end of a sentence. */
typedef struct ending {
    size_t end, next;  /* the sentence ends before `end`; white space reaches to `next` */
    bool wide, closed; /* the marks have one of a script without spaces, and a closing quotation mark or bracket */
    bool spaced;       /* white space or the text's end follows */
} ending;

static ending read_ending(const char *text, size_t size, size_t at) {
    ending e = {.end = at};
    while (e.end < size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text + e.end, size - e.end, &code);
        if (!is_end(code) && !is_close(code)) break;
        e.wide |= is_wide_end(code);
        e.closed |= is_close(code);
        e.end += bytes;
    }
    e.next = hd_skip_whitespace(text, size, e.end);
    e.spaced = e.next > e.end || e.end == size;
    return e;
}

/* Whether a sentence ends at the marks that begin at byte `mark`. */
static bool ends_sentence(const char *text, size_t size, size_t start, size_t mark, uint32_t code, const ending *e) {
    uint32_t after = 0;
    if (!e->spaced) return e->wide;
    if (e->next < size) hd_utf8_decode(text + e->next, size - e->next, &after);
    if (is_continuing(after) && (after != '-' || e->next + 1 >= size || text[e->next + 1] != ' ')) return false;
    if (is_stop(code) || e->closed)
        if (hd_text_begins_lowercase(text + e->next, size - e->next)) return false;
    bool alone = e->end == mark + 1; /* no other mark, quotation mark or bracket follows */
    return code != '.' || !alone || e->next == size || !is_abbreviated(text, size, start, mark);
}

size_t hd_sentence_end(const char *text, size_t size, size_t start, size_t *next) {
    size_t at = start;
    while (at < size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text + at, size - at, &code);
        if (is_line_end(code)) {
            *next = hd_skip_whitespace(text, size, at);
            return at;
        }
        if (!is_end(code)) {
            at += bytes;
            continue;
        }
        ending e = read_ending(text, size, at);
        bool line = e.next > e.end && memchr(text + e.end, '\n', e.next - e.end);
        if (line || ends_sentence(text, size, start, at, code, &e)) {
            *next = e.next;
            return e.end;
        }
        at = e.end;
    }
    *next = size;
    return size;
}

/* ---- words ---- */

size_t hd_words_end(const char *text, size_t size, int64_t most) {
    int64_t words = 0;
    bool inside = false;
    size_t end = 0;
    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text + at, size - at, &code);
        if (hd_is_whitespace(code)) {
            inside = false;
            continue;
        }
        bool begins = !inside || hd_is_chinese(code);
        if (begins && ++words > most) return end;
        inside = !hd_is_chinese(code);
        end = at + bytes;
    }
    return size;
}

int64_t hd_words_whole(const char *text, size_t size) {
    int64_t words = 0;
    bool inside = false;
    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text + at, size - at, &code);
        bool space = hd_is_whitespace(code);
        words += space && inside;
        inside = !space;
    }
    return words;
}
