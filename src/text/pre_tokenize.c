#include "text/pre_tokenize.h"

#include "text/unicode.h"

/* Is a character a delimiter? `argument` is the delimiter of HD_PRE_DELIMITER and Metaspace. */
typedef bool is_delimiter(uint32_t code, uint32_t argument);

static bool is_space(uint32_t code, uint32_t argument) {
    (void)argument;
    return hd_is_whitespace(code);
}
static bool is_punctuation(uint32_t code, uint32_t argument) {
    (void)argument;
    return hd_is_punctuation(code);
}
static bool is_numeric(uint32_t code, uint32_t argument) {
    (void)argument;
    return hd_is_numeric(code);
}
static bool is_same(uint32_t code, uint32_t argument) { return code == argument; }

/* Receives the text as stretches, delimiters and the text between them, from left to right. */
typedef struct splitter {
    hd_line *line;
    hd_behavior behavior;
    size_t begin;   /* of the current segment */
    bool delimiter; /* the last stretch was one */
} splitter;

static void finish(splitter *it, size_t last) {
    bool drop = it->behavior == HD_REMOVED && it->delimiter;
    if (!drop) hd_line_add_segment(it->line, it->begin, last - it->begin, -1);
    it->begin = last;
}

/* Begins a stretch at character `first`. */
static void stretch(splitter *it, size_t first, bool delimiter) {
    bool cut = true;
    if (it->behavior == HD_CONTIGUOUS) cut = delimiter != it->delimiter;
    /* A delimiter joins the text before it; after another delimiter it is a segment of its own. */
    if (it->behavior == HD_MERGED_WITH_PREVIOUS) cut = !delimiter || it->delimiter;
    /* A delimiter joins the text after it; before another delimiter it is a segment of its own. */
    if (it->behavior == HD_MERGED_WITH_NEXT) cut = delimiter || !it->delimiter;
    if (cut) finish(it, first);
    it->delimiter = delimiter;
}

/* Splits characters [first, last) of `line` at the members of a class. */
static void split(hd_line *line, size_t first, size_t last, hd_behavior behavior, is_delimiter *is, uint32_t argument) {
    if (line->failed) return;
    const hd_character *text = line->characters;
    splitter it = {line, behavior, first, false};
    for (size_t i = first; i < last;) {
        bool delimiter = is(text[i].code, argument);
        stretch(&it, i, delimiter);
        i++;
        while (!delimiter && i < last && !is(text[i].code, argument)) i++;
    }
    finish(&it, last);
}

/* Splits them at the matches of a pattern. */
static void split_at(hd_line *line, size_t first, size_t last, hd_behavior behavior, bool invert,
                     const hd_pattern *pattern, hd_matches *matches) {
    if (line->failed) return;
    if (hd_pattern_find(pattern, line->characters + first, last - first, matches) != HEED_OK) {
        line->failed = true;
        return;
    }
    splitter it = {line, behavior, first, false};
    size_t at = first;
    for (size_t i = 0; i < matches->count; i++) {
        struct hd_match match = matches->items[i];
        if (first + match.first > at) stretch(&it, at, invert);
        stretch(&it, first + match.first, !invert);
        at = first + match.last;
    }
    if (at < last) stretch(&it, at, invert);
    finish(&it, last);
}

static int run_class(uint32_t code) { return hd_is_word(code) ? 2 : hd_is_whitespace(code) ? 0 : 1; }

static void split_runs(hd_line *line, size_t first, size_t last) {
    while (first < last && !line->failed) {
        int class = run_class(line->characters[first].code);
        size_t end = first + 1;
        while (end < last && run_class(line->characters[end].code) == class) end++;
        if (class != 0) hd_line_add_segment(line, first, end - first, -1);
        first = end;
    }
}

static void metaspace(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_line *to) {
    size_t first = to->count;
    bool begins = text[0].code == it->replacement || text[0].code == ' ';
    bool prepend = it->prepend == HD_PREPEND_ALWAYS || (it->prepend == HD_PREPEND_FIRST && text[0].start == 0);
    if (prepend && !begins) hd_line_put(to, it->replacement, text[0].start, text[0].end);
    for (size_t i = 0; i < count; i++)
        hd_line_put(to, text[i].code == ' ' ? it->replacement : text[i].code, text[i].start, text[i].end);
    if (it->split)
        split(to, first, to->count, HD_MERGED_WITH_NEXT, is_same, it->replacement);
    else
        hd_line_add_segment(to, first, to->count - first, -1);
}

static void spell_character(hd_character character, hd_line *line) {
    char bytes[4];
    size_t size = hd_utf8_encode(character.code, bytes);
    for (size_t j = 0; j < size; j++)
        hd_line_put(line, hd_byte_character((uint8_t)bytes[j]), character.start, character.end);
}

/* Rewrites the segments from index `segment` on as byte characters, at the end of the line. */
static void spell_bytes(hd_line *line, size_t segment) {
    if (!hd_line_reserve(line, line->count)) return; /* enough for ASCII */
    for (; segment < line->segment_count && !line->failed; segment++) {
        hd_segment old = line->segments[segment];
        size_t first = line->count;
        for (size_t i = old.first; i < (size_t)old.first + old.count; i++) {
            hd_character character = line->characters[i];
            if (character.code > ' ' && character.code < 127) /* visible ASCII characters stand for themselves */
                hd_line_put(line, character.code, character.start, character.end);
            else
                spell_character(character, line);
        }
        line->segments[segment] = (hd_segment){(uint32_t)first, (uint32_t)(line->count - first), -1};
    }
}

static void byte_level(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_matches *matches,
                       hd_line *to) {
    size_t first = to->count, segment = to->segment_count;
    if (it->prefix_space && text[0].code != ' ') hd_line_put(to, ' ', text[0].start, text[0].end);
    hd_line_append(to, text, count);
    if (it->pattern)
        split_at(to, first, to->count, HD_ISOLATED, false, it->pattern, matches);
    else
        hd_line_add_segment(to, first, to->count - first, -1);
    spell_bytes(to, segment);
}

static void rewrite(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_matches *matches,
                    hd_line *to) {
    if (it->kind == HD_PRE_METASPACE)
        metaspace(it, text, count, to);
    else
        byte_level(it, text, count, matches, to);
}

/* Rewrites the segments from `line` into `spare`, and exchanges the two. */
static void rewrite_all(const hd_pre_tokenizer *it, hd_matches *matches, hd_line *line, hd_line *spare) {
    hd_line_clear(spare);
    for (size_t i = 0; i < line->segment_count && !spare->failed; i++) {
        hd_segment segment = line->segments[i];
        const hd_character *text = line->characters + segment.first;
        if (segment.id < 0) {
            rewrite(it, text, segment.count, matches, spare);
        } else {
            size_t first = spare->count;
            hd_line_append(spare, text, segment.count);
            hd_line_add_segment(spare, first, segment.count, segment.id);
        }
    }
    hd_line_swap(line, spare);
}

static void split_segment(const hd_pre_tokenizer *it, size_t first, size_t last, hd_matches *matches, hd_line *line) {
    switch (it->kind) {
        case HD_PRE_PUNCTUATION:
            split(line, first, last, it->behavior, is_punctuation, 0);
            break;
        case HD_PRE_WHITESPACE:
            split_runs(line, first, last);
            break;
        case HD_PRE_WHITESPACE_SPLIT:
            split(line, first, last, HD_REMOVED, is_space, 0);
            break;
        case HD_PRE_DIGITS:
            split(line, first, last, it->individual ? HD_ISOLATED : HD_CONTIGUOUS, is_numeric, 0);
            break;
        case HD_PRE_DELIMITER:
            split(line, first, last, HD_REMOVED, is_same, it->replacement);
            break;
        case HD_PRE_SPLIT:
            split_at(line, first, last, it->behavior, it->invert, it->pattern, matches);
            break;
        default:
            break;
    }
}

/* Splits the segments of `line`, whose characters stay; the old segments move to `spare`. */
static void split_all(const hd_pre_tokenizer *it, hd_matches *matches, hd_line *line, hd_line *spare) {
    hd_line_swap_segments(line, spare);
    line->segment_count = 0;
    for (size_t i = 0; i < spare->segment_count && !line->failed; i++) {
        hd_segment segment = spare->segments[i];
        if (segment.id < 0)
            split_segment(it, segment.first, segment.first + segment.count, matches, line);
        else
            hd_line_add_segment(line, segment.first, segment.count, segment.id);
    }
}

void hd_pre_tokenize(const hd_pre_tokenizer *pre_tokenizer, hd_matches *matches, hd_line *line, hd_line *spare) {
    if (line->failed) return;
    if (pre_tokenizer->kind == HD_PRE_METASPACE || pre_tokenizer->kind == HD_PRE_BYTE_LEVEL)
        rewrite_all(pre_tokenizer, matches, line, spare);
    else
        split_all(pre_tokenizer, matches, line, spare);
}
