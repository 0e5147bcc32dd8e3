#include "text/pre_tokenize.h"

#include "text/unicode.h"

/* Whether a character is a delimiter; `argument` is the one that HD_PRE_DELIMITER and Metaspace look for. */
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

/* Cuts characters [first, last) of `line`, which already holds them. */
static void split(hd_line *line, size_t first, size_t last, hd_behavior behavior, is_delimiter *is, uint32_t argument) {
    if (line->failed) return;
    const hd_character *text = line->characters;
    size_t begin = first; /* of the piece that is growing */
    bool before = false;  /* the character before was a delimiter */
    for (size_t i = first; i < last; i++) {
        bool now = is(text[i].code, argument);
        bool cut = false;
        switch (behavior) {
            case HD_REMOVED:
            case HD_ISOLATED:
                cut = now || before;
                break;
            case HD_CONTIGUOUS:
                cut = now != before;
                break;
            /* A delimiter joins the text before it; one that follows a delimiter stands alone. */
            case HD_MERGED_WITH_PREVIOUS:
                cut = before;
                break;
            /* A delimiter joins the text after it; one that is followed by a delimiter stands alone. */
            case HD_MERGED_WITH_NEXT:
                cut = now;
                break;
        }
        if (cut && i > begin) {
            bool drop = behavior == HD_REMOVED && before;
            if (!drop) hd_line_cut(line, begin, i - begin, -1);
            begin = i;
        }
        before = now;
    }
    if (!(behavior == HD_REMOVED && before)) hd_line_cut(line, begin, last - begin, -1);
}

static int run_class(uint32_t code) { return hd_is_word(code) ? 2 : hd_is_whitespace(code) ? 0 : 1; }

static void split_runs(hd_line *line, size_t first, size_t last) {
    while (first < last && !line->failed) {
        int class = run_class(line->characters[first].code);
        size_t end = first + 1;
        while (end < last && run_class(line->characters[end].code) == class) end++;
        if (class != 0) hd_line_cut(line, first, end - first, -1);
        first = end;
    }
}

static void metaspace(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_line *to) {
    size_t first = to->count;
    bool begins = text[0].code == it->replacement || text[0].code == ' ';
    bool wanted = it->prepend == HD_PREPEND_ALWAYS || (it->prepend == HD_PREPEND_FIRST && text[0].start == 0);
    if (wanted && !begins) hd_line_put(to, it->replacement, text[0].start, text[0].end);
    for (size_t i = 0; i < count; i++)
        hd_line_put(to, text[i].code == ' ' ? it->replacement : text[i].code, text[i].start, text[i].end);
    if (it->split)
        split(to, first, to->count, HD_MERGED_WITH_NEXT, is_same, it->replacement);
    else
        hd_line_cut(to, first, to->count - first, -1);
}

static void apply(const hd_pre_tokenizer *it, const hd_line *from, hd_piece piece, hd_line *to) {
    const hd_character *text = from->characters + piece.first;
    size_t first = to->count, last = first + piece.count;
    if (it->kind == HD_PRE_METASPACE) {
        metaspace(it, text, piece.count, to);
        return;
    }
    hd_line_append(to, text, piece.count);
    switch (it->kind) {
        case HD_PRE_PUNCTUATION:
            split(to, first, last, it->behavior, is_punctuation, 0);
            break;
        case HD_PRE_WHITESPACE:
            split_runs(to, first, last);
            break;
        case HD_PRE_WHITESPACE_SPLIT:
            split(to, first, last, HD_REMOVED, is_space, 0);
            break;
        case HD_PRE_DIGITS:
            split(to, first, last, it->individual ? HD_ISOLATED : HD_CONTIGUOUS, is_numeric, 0);
            break;
        case HD_PRE_DELIMITER:
            split(to, first, last, HD_REMOVED, is_same, it->replacement);
            break;
        default:
            break;
    }
}

void hd_pre_tokenize(const hd_pre_tokenizer *pre_tokenizer, const hd_line *from, hd_line *to) {
    hd_line_clear(to);
    for (size_t i = 0; i < from->piece_count && !to->failed; i++) {
        hd_piece piece = from->pieces[i];
        if (piece.id < 0) {
            apply(pre_tokenizer, from, piece, to);
        } else {
            size_t first = to->count;
            hd_line_append(to, from->characters + piece.first, piece.count);
            hd_line_cut(to, first, piece.count, piece.id);
        }
    }
}
