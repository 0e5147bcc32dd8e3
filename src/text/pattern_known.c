#include "text/pattern_known.h"

#include "base/context.h"
#include "text/pattern_characters.h"

#include <pthread.h>
#include <string.h>

/* ---- classes ---------------------------------------------------------------------------------------------------- */

enum { LETTER = 1, NUMBER = 2, SPACE = 4, LINE_END = 8, MARK = 16 };

/* The sets have members up to the end of plane 3, and the variation selectors. */
enum { CODES = 0x34000, SELECTORS_FIRST = 0xE0000, SELECTORS = 0x200 };
static uint8_t classes[CODES + SELECTORS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_classes(void) {
    static const struct {
        const char *set;
        uint8_t class;
    } sets[] = {{"letter", LETTER}, {"number", NUMBER}, {"space", SPACE}, {"mark", MARK}};
    for (size_t i = 0; i < HD_COUNT(sets); i++) {
        hd_pattern_mark_set(sets[i].set, sets[i].class, 0, CODES, classes);
        hd_pattern_mark_set(sets[i].set, sets[i].class, SELECTORS_FIRST, SELECTORS, classes + CODES);
    }
    classes['\r'] |= LINE_END;
    classes['\n'] |= LINE_END;
}

static inline unsigned class_of(uint32_t code) {
    if (code < CODES) return classes[code];
    return code - SELECTORS_FIRST < SELECTORS ? classes[CODES + code - SELECTORS_FIRST] : 0;
}

/* ---- patterns --------------------------------------------------------------------------------------------------- */

/* The patterns differ in these points. */
struct hd_known_pattern {
    const char *text;
    bool space_before;   /* " ?" before letters and numbers, and clitics in lower case; else "[^\r\n\p{L}\p{N}]?"
                          * before letters, and clitics of any case */
    bool line_ends;      /* "[\r\n]*" after other characters, and "\s*[\r\n]+" */
    unsigned letters;    /* LETTER, or LETTER and MARK */
    size_t most_numbers; /* in a match */
};

#define LINE_ENDS    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define OTHER_BEFORE "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?"

static const hd_known_pattern known[] = {
    /* GPT-2, RoBERTa, BART, Whisper */
    {.text = HD_BYTE_LEVEL_PATTERN, .space_before = true, .letters = LETTER, .most_numbers = SIZE_MAX},
    /* Qwen2, Qwen3 */
    {.text = HD_QWEN_PATTERN, .line_ends = true, .letters = LETTER, .most_numbers = 1},
    /* Llama 3, GPT-4 (cl100k) */
    {.text = OTHER_BEFORE "\\p{L}+|\\p{N}{1,3}" LINE_ENDS, .line_ends = true, .letters = LETTER, .most_numbers = 3},
    /* Qwen3.5 */
    {.text = OTHER_BEFORE "[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     .line_ends = true,
     .letters = LETTER | MARK,
     .most_numbers = 1},
};

const hd_known_pattern *hd_known_pattern_of(const char *text, size_t size) {
    for (size_t i = 0; i < HD_COUNT(known); i++) {
        if (strlen(known[i].text) != size || memcmp(known[i].text, text, size) != 0) continue;
        pthread_once(&once, fill_classes);
        return &known[i];
    }
    return NULL;
}

/* ---- matching --------------------------------------------------------------------------------------------------- */

/* The part of a text from the start of a match on. */
typedef struct rest {
    const hd_character *text;
    size_t count;
} rest;

static inline unsigned class_at(rest it, size_t i) { return i < it.count ? class_of(it.text[i].code) : 0; }

/* The end of the run of members of `set` (or, with `invert`, of others) from `i` on, of at most `most`. */
static inline size_t run(rest it, size_t i, unsigned set, bool invert, size_t most) {
    size_t end = most < it.count - i ? i + most : it.count;
    while (i < end && ((class_of(it.text[i].code) & set) == 0) == invert) i++;
    return i;
}

/* In lower case; U+017F folds to "s". */
static uint32_t clitic_letter(uint32_t code, bool any_case) {
    if (!any_case) return code;
    return code == 0x17F ? 's' : code >= 'A' && code <= 'Z' ? code + 32 : code;
}

/* The length of the clitic after an apostrophe at the front, with it, or 0. */
static size_t clitic(rest it, bool any_case) {
    if (it.count < 2) return 0;
    uint32_t first = clitic_letter(it.text[1].code, any_case);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (it.count < 3) return 0;
    uint32_t second = clitic_letter(it.text[2].code, any_case);
    return (second == 'e' && (first == 'r' || first == 'v')) || (second == 'l' && first == 'l') ? 3 : 0;
}

/* "\s*[\r\n]+|\s+(?!\S)|\s+" or without its first part, in a text that begins with white space. */
static size_t spaces(const hd_known_pattern *pattern, rest it) {
    size_t end = run(it, 0, SPACE, false, SIZE_MAX);
    if (pattern->line_ends)
        for (size_t i = end; i > 0; i--)
            if (class_of(it.text[i - 1].code) & LINE_END) return i;
    return end == it.count || end == 1 ? end : end - 1; /* the last one stands before a word */
}

size_t hd_known_pattern_match(const hd_known_pattern *pattern, const hd_character *text, size_t count, size_t at) {
    const unsigned letters = pattern->letters, not_other = SPACE | NUMBER | letters;
    const rest it = {text + at, count - at};
    unsigned first = class_at(it, 0), second = class_at(it, 1);
    bool space = it.text[0].code == ' ';
    size_t length = it.text[0].code == '\'' ? clitic(it, !pattern->space_before) : 0;
    if (length) return at + length;
    bool joins = pattern->space_before ? space : !(first & (LETTER | NUMBER | LINE_END));
    if ((joins && (second & letters)) || (first & letters)) {
        length = run(it, 1, letters, false, SIZE_MAX);
    } else if (first & NUMBER) {
        length = run(it, 1, NUMBER, false, pattern->most_numbers - 1);
    } else if (pattern->space_before && space && (second & NUMBER)) {
        length = run(it, 1, NUMBER, false, SIZE_MAX);
    } else if (!(first & not_other) || (space && it.count > 1 && !(second & not_other))) {
        length = run(it, 1, not_other, true, SIZE_MAX);
        if (pattern->line_ends) length = run(it, length, LINE_END, false, SIZE_MAX);
    } else {
        length = spaces(pattern, it);
    }
    return at + length;
}
