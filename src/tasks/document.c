/* A document's sentences, and the layout between them.
 *
 * A line has an indentation, markers of lists, headings or quotations, and a content; what follows the content is white space. The
 * contents are translated, everything else is kept. A content without a letter is kept too, and so are
 * blocks of code between lines that begin with ``` or ~~~. A line continues the sentence of the
 * line before it if it has no marker and begins with a lowercase letter, as in text that is wrapped at a width. */
#include "tasks/parts.h"
#include "text/sentences.h"
#include "text/unicode.h"

#include <string.h>

typedef struct line {
    size_t start;        /* byte of the document, */
    size_t content, end; /* where its content begins and ends, */
    size_t next;         /* and the next line begins */
    bool marked;         /* before the content is more than white space */
} line;

/* ---- lines ---- */

static size_t skip_blanks(const char *text, size_t at, size_t end) {
    while (at < end) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text + at, end - at, &code);
        if (!hd_is_whitespace(code)) break;
        at += bytes;
    }
    return at;
}

/* The last byte of white space at the end is not part of the content. */
static size_t trim_end(const char *text, size_t start, size_t end) {
    size_t last = start;
    for (size_t at = start, bytes; at < end; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text + at, end - at, &code);
        if (!hd_is_whitespace(code)) last = at + bytes;
    }
    return last;
}

static bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_blank(const char *text, size_t at, size_t end) {
    return at == end || text[at] == ' ' || text[at] == '\t';
}

/* The end of "12.", "12)", "a)" or "(12)", "(a)" at byte `at`; `at` if there is none. */
static size_t skip_number(const char *text, size_t at, size_t end) {
    size_t i = at, digits = 0;
    bool bracket = i < end && text[i] == '(';
    i += bracket;
    while (i < end && is_ascii_digit(text[i]) && digits < 4) i++, digits++;
    bool letter = !digits && i < end && is_ascii_letter(text[i]);
    i += letter;
    if (!digits && !letter) return at;
    bool closed = i < end && (text[i] == ')' || (text[i] == '.' && digits && !bracket));
    return closed && is_blank(text, i + 1, end) ? i + 1 : at;
}

/* The end of a bullet, "#", "##" and so on, ">", "[x]" or "|" at byte `at`; `at` if there is none. */
static size_t skip_bullet(const char *text, size_t at, size_t end) {
    uint32_t code;
    size_t i = at, bytes = hd_utf8_decode(text + at, end - at, &code);
    static const uint32_t bullets[] = {'-',    '*',    '+',    0x2022, 0x2023, 0x2043, 0x25AA,
                                       0x25B8, 0x25CB, 0x25CF, 0x25E6, 0x2013, 0x2014, 0xB7};
    for (size_t j = 0; j < HD_COUNT(bullets); j++)
        if (code == bullets[j] && is_blank(text, at + bytes, end)) return at + bytes;
    while (i < end && text[i] == '#') i++;
    if (i > at && is_blank(text, i, end)) return i;
    if (code == '>' || code == '|') return at + 1;
    bool box = end - at >= 3 && text[at] == '[' && text[at + 2] == ']' && is_blank(text, at + 3, end);
    return box && strchr(" xX", text[at + 1]) ? at + 3 : at;
}

static size_t skip_markers(const char *text, size_t at, size_t end) {
    for (int markers = 0; at < end && markers < 16; markers++) {
        size_t after = skip_bullet(text, at, end);
        if (after == at) after = skip_number(text, at, end);
        if (after == at) break;
        at = skip_blanks(text, after, end);
    }
    return at;
}

static line read_line(const char *text, size_t size, size_t start) {
    const char *newline = memchr(text + start, '\n', size - start);
    size_t end = newline ? (size_t)(newline - text) : size;
    line l = {.start = start, .next = newline ? end + 1 : size};
    size_t indented = skip_blanks(text, start, end);
    l.content = skip_markers(text, indented, end);
    l.marked = l.content > indented;
    l.end = trim_end(text, l.content, end);
    return l;
}

static bool has_letter(const char *text, size_t start, size_t end) {
    for (size_t at = start; at < end;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, end - at, &code);
        if (hd_is_word(code) && !hd_is_numeric(code) && !hd_is_mark(code) && code != '_') return true;
    }
    return false;
}

/* Whether a line begins or ends a block of code, as in Markdown. */
static bool is_fence(const char *text, const line *l) {
    return l->end - l->content >= 3 && !l->marked &&
           (memcmp(text + l->content, "```", 3) == 0 || memcmp(text + l->content, "~~~", 3) == 0);
}

/* ---- paragraphs: lines that are read as one ---- */

typedef struct reading {
    hd_text_parts *parts;
    size_t index;
    const char *text; /* [size]: the document */
    size_t size;
    size_t kept;  /* what comes after this byte is not in a part yet */
    size_t split; /* sentences in several parts */
} reading;

/* A paragraph: the contents of its lines, joined by spaces. */
typedef struct paragraph {
    const char *text; /* [size] */
    size_t size;
    const hd_text_break *breaks; /* [break_count]: ascending */
    size_t break_count;
} paragraph;

/* Whether line `b` continues a sentence of line `a`. */
static bool is_continued(const char *text, const line *a, const line *b) {
    if (b->marked || is_fence(text, b) || !has_letter(text, a->content, a->end)) return false;
    return hd_text_begins_lowercase(text + b->content, b->end - b->content);
}

/* The first break at byte `at` or after it. */
static size_t find_break(const paragraph *p, size_t at) {
    size_t low = 0, high = p->break_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->breaks[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds bytes [start, end) of a paragraph, all of one sentence, which come after `before`. */
static heed_status add_part(reading *r, const paragraph *p, size_t start, size_t end, const char *before,
                            size_t before_size) {
    hd_text_parts *parts = r->parts;
    hd_text_part part = {.index = r->index,
                         .before = before,
                         .before_size = before_size,
                         .text = p->text + start,
                         .size = end - start,
                         .first_break = parts->break_count};
    for (size_t i = find_break(p, start + 1); i < p->break_count && p->breaks[i].at < end; i++) {
        hd_text_break one = p->breaks[i];
        one.at -= start;
        HD_TRY(hd_text_parts_add_break(parts, &one));
        part.breaks++;
    }
    return hd_text_parts_add(parts, &part);
}

/* What stands between two sentences or parts of one: a line break with its indentation, else the white space. */
static void find_between(const paragraph *p, size_t end, size_t next, const char **before, size_t *size) {
    size_t i = find_break(p, end);
    *before = p->text + end, *size = next - end;
    if (i < p->break_count && p->breaks[i].at < next) *before = p->breaks[i].text, *size = p->breaks[i].size;
}

static heed_status add_sentence(reading *r, const paragraph *p, size_t start, size_t end, const char *before,
                                size_t before_size) {
    size_t fitting, next;
    bool split = false;
    for (; start < end; start += next) {
        HD_TRY(hd_text_parts_fit(r->parts, p->text + start, end - start, &fitting, &next));
        HD_TRY(add_part(r, p, start, start + fitting, before, before_size));
        find_between(p, start + fitting, start + next, &before, &before_size);
        split |= start + next < end;
    }
    r->split += split;
    return HEED_OK;
}

static heed_status add_paragraph(reading *r, const paragraph *p, const char *before, size_t before_size) {
    size_t next;
    for (size_t start = 0; start < p->size; start = next) {
        size_t end = hd_sentence_end(p->text, p->size, start, &next);
        HD_TRY(add_sentence(r, p, start, end, before, before_size));
        find_between(p, end, next, &before, &before_size);
    }
    return HEED_OK;
}

/* The lines from `first` on that are read as one: their number, and the bytes of their contents. */
static size_t count_lines(const reading *r, const line *first, size_t *bytes) {
    line a = *first;
    size_t count = 1;
    *bytes = a.end - a.content;
    while (a.next < r->size) {
        line b = read_line(r->text, r->size, a.next);
        if (!is_continued(r->text, &a, &b)) break;
        *bytes += 1 + b.end - b.content;
        a = b;
        count++;
    }
    return count;
}

/* Joins the lines; *last is the last one. */
static heed_status join_lines(const reading *r, const line *first, size_t count, size_t bytes, paragraph *p,
                              line *last) {
    char *joined = hd_arena_alloc(&r->parts->arena, bytes + 1, 1);
    hd_text_break *breaks = hd_arena_alloc(&r->parts->arena, count, sizeof *breaks);
    if (!joined || !breaks) return HEED_MEMORY;
    *p = (paragraph){.text = joined, .breaks = breaks, .break_count = count - 1};
    *last = *first;
    for (size_t i = 0; i < count; i++) {
        if (i) {
            line b = read_line(r->text, r->size, last->next);
            breaks[i - 1] = (hd_text_break){p->size, r->text + last->end, b.content - last->end};
            joined[p->size++] = ' ';
            *last = b;
        }
        memcpy(joined + p->size, r->text + last->content, last->end - last->content);
        p->size += last->end - last->content;
    }
    return HEED_OK;
}

static heed_status add_lines(reading *r, const line *first, size_t *next) {
    size_t bytes, count = count_lines(r, first, &bytes);
    paragraph p = {.text = r->text + first->content, .size = bytes};
    line last = *first;
    if (count > 1) HD_TRY(join_lines(r, first, count, bytes, &p, &last));
    *next = last.next;
    if (!has_letter(p.text, 0, p.size)) return HEED_OK; /* kept, as what follows the last part */
    HD_TRY(add_paragraph(r, &p, r->text + r->kept, first->content - r->kept));
    r->kept = last.end;
    return HEED_OK;
}

heed_status hd_text_parts_add_document(hd_text_parts *parts, size_t index, const char *text, size_t size, size_t *tail,
                                       size_t *split) {
    reading r = {.parts = parts, .index = index, .text = text, .size = size};
    size_t next;
    bool code = false; /* in a block of code, which is kept */
    for (size_t start = 0; start < size; start = next) {
        line first = read_line(text, size, start);
        bool fence = is_fence(text, &first);
        next = first.next;
        if (!fence && !code) HD_TRY(add_lines(&r, &first, &next));
        code ^= fence;
    }
    *tail = r.kept;
    *split = r.split;
    return HEED_OK;
}
