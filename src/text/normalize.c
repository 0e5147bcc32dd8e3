#include "text/normalize.h"

#include "text/unicode.h"

/* The normal forms work on the line in place: `code` is the character, `start` holds its change (below), and `end` its
 * combining class, until the alignment is computed at the end.
 *
 * The change of a character in the result is 1 if it is new and shares the offsets of the character before, 0 if it
 * replaces the next character of the source, and -n if it replaces the next one and swallows n more. tokenizers aligns
 * normal forms like this (NormalizedString::transform, with the changes of the crate unicode-normalization-alignments):
 * a composed character gets the offsets of its base character alone. */
typedef hd_character change;

static int change_of(const change *c) { return (int)(int32_t)c->start; }

static void decompose(const hd_character *from, size_t count, bool compatible, hd_line *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t parts[HD_DECOMPOSED];
        size_t part_count = hd_decompose(from[i].code, compatible, parts);
        for (size_t j = 0; j < part_count; j++)
            hd_line_put(out, parts[j], j > 0, (uint32_t)hd_combining_class(parts[j]));
    }
}

/* A stable counting sort of a run of marks by combining class; a run may be as long as the text. `copy` is scratch
 * [count]. */
static void sort_marks(change *marks, size_t count, change *copy) {
    size_t offsets[257] = {0};
    for (size_t i = 0; i < count; i++) offsets[marks[i].end + 1]++, copy[i] = marks[i];
    for (size_t c = 1; c < 257; c++) offsets[c] += offsets[c - 1];
    for (size_t i = 0; i < count; i++) marks[offsets[copy[i].end]++] = copy[i];
}

static void order_marks(change *text, size_t count, hd_line *spare) {
    for (size_t i = 0; i < count; i++) {
        if (text[i].end == 0) continue;
        size_t first = i;
        bool ordered = true;
        for (i++; i < count && text[i].end != 0; i++) ordered = ordered && text[i - 1].end <= text[i].end;
        if (ordered) continue;
        hd_line_clear(spare);
        hd_line_append(spare, text + first, i - first);
        if (spare->failed) return;
        sort_marks(text + first, i - first, spare->characters);
    }
}

/* Canonical composition (Unicode Standard, section 3.11, D117), in place; returns the new length. */
static size_t compose(change *text, size_t count) {
    size_t length = 0, starter = SIZE_MAX;
    uint32_t last_class = 0; /* of the marks since the starter; 0 when there are none */
    for (size_t i = 0; i < count; i++) {
        change next = text[i];
        bool blocked = starter == SIZE_MAX || (length > starter + 1 && last_class >= next.end);
        uint32_t whole = blocked ? 0 : hd_compose(text[starter].code, next.code);
        if (whole) {
            text[starter].code = whole;
            text[starter].start = (uint32_t)(change_of(&text[starter]) + change_of(&next) - 1);
            continue;
        }
        if (next.end == 0) starter = length;
        last_class = next.end;
        text[length++] = next;
    }
    return length;
}

static void align(const hd_character *from, size_t count, change *text, size_t length) {
    size_t at = 0; /* characters of the source used up */
    for (size_t i = 0; i < length; i++) {
        int moved = change_of(&text[i]);
        size_t source = moved > 0 ? at - (at > 0) : at;
        if (source >= count) source = count - 1;
        text[i].start = from[source].start;
        text[i].end = moved > 0 && at == 0 ? from[source].start : from[source].end;
        if (moved <= 0) at += 1 + (size_t)-moved;
    }
}

static bool stays(const hd_character *from, size_t count, uint32_t limit) {
    for (size_t i = 0; i < count; i++)
        if (from[i].code >= limit) return false;
    return true;
}

static void normal_form(const hd_character *from, size_t count, bool composed, bool compatible, hd_line *spare,
                        hd_line *to) {
    if (stays(from, count, compatible ? 0xA0 : composed ? 0x300 : 0xC0)) {
        hd_line_append(to, from, count);
        return;
    }
    size_t first = to->count;
    decompose(from, count, compatible, to);
    if (to->failed) return;
    change *text = to->characters + first;
    size_t length = to->count - first;
    order_marks(text, length, spare);
    if (composed) length = compose(text, length);
    align(from, count, text, length);
    to->count = first + length;
    if (spare->failed) to->failed = true;
}

static void lowercase(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++) {
        uint32_t lower[2];
        size_t length = hd_lowercase(from[i].code, lower);
        for (size_t j = 0; j < length; j++) hd_line_put(to, lower[j], from[i].start, from[i].end);
    }
}

static void strip(const hd_character *from, size_t count, bool left, bool right, hd_line *to) {
    while (left && count > 0 && hd_is_whitespace(from->code)) from++, count--;
    while (right && count > 0 && hd_is_whitespace(from[count - 1].code)) count--;
    hd_line_append(to, from, count);
}

static void strip_accents(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++)
        if (!hd_is_mark(from[i].code)) hd_line_append(to, from + i, 1);
}

/* The new characters get the offsets of the last one replaced, or of the one before an empty match. */
static void put_content(hd_codes content, const hd_character *from, size_t last, hd_line *to) {
    uint32_t start = last ? from[last - 1].start : from[0].start, end = last ? from[last - 1].end : from[0].start;
    for (size_t j = 0; j < content.count; j++) hd_line_put(to, content.codes[j], start, end);
}

static void replace(const hd_character *from, size_t count, const hd_pattern *pattern, hd_codes content, hd_line *to) {
    hd_matches matches;
    hd_matches_open(&matches, to->context);
    if (hd_pattern_find(pattern, from, count, &matches) != HEED_OK) to->failed = true;
    size_t at = 0;
    for (size_t i = 0; i < matches.count && !to->failed; i++) {
        struct hd_match match = matches.items[i];
        hd_line_append(to, from + at, match.first - at);
        put_content(content, from, match.last, to);
        at = match.last;
    }
    hd_line_append(to, from + at, count - at);
    hd_matches_close(&matches);
}

static void clean(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++) {
        uint32_t code = from[i].code;
        bool space = code == '\t' || code == '\n' || code == '\r'; /* control characters that become spaces */
        if (code == HD_REPLACEMENT_CHARACTER || (!space && hd_is_control(code))) continue;
        hd_line_put(to, space || hd_is_whitespace(code) ? ' ' : code, from[i].start, from[i].end);
    }
}

static void separate_chinese(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++) {
        bool chinese = hd_is_chinese(from[i].code);
        if (chinese) hd_line_put(to, ' ', from[i].start, from[i].end);
        hd_line_append(to, from + i, 1);
        if (chinese) hd_line_put(to, ' ', from[i].start, from[i].end);
    }
}

static void remove_accents(const hd_character *from, size_t count, hd_line *spare, hd_line *to) {
    size_t first = to->count, kept = first;
    normal_form(from, count, false, false, spare, to);
    if (to->failed) return;
    for (size_t i = first; i < to->count; i++)
        if (!hd_is_nonspacing_mark(to->characters[i].code)) to->characters[kept++] = to->characters[i];
    to->count = kept;
}

/* What the steps of `it` make of an ASCII character that stays; 0 for other characters. */
static inline uint32_t bert_ascii(const hd_normalizer *it, uint32_t code) {
    if (code < ' ') return it->clean && (code == '\t' || code == '\n' || code == '\r') ? ' ' : 0;
    if (code >= 127) return 0;
    return it->lowercase && code >= 'A' && code <= 'Z' ? code + 32 : code;
}

/* Only the runs between such characters, which may have marks to order, go through the steps. */
static void bert(const hd_normalizer *it, const hd_character *from, size_t count, hd_line *spare, hd_line *to) {
    hd_normalizer steps[4];
    size_t number = 0;
    if (it->clean) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_CLEAN};
    if (it->chinese) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_CHINESE};
    if (it->unaccented) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_UNACCENTED};
    if (it->lowercase) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_LOWERCASE};
    hd_line_reserve(to, count);
    for (size_t i = 0; i < count && !to->failed;) {
        uint32_t code;
        for (; i < count && (code = bert_ascii(it, from[i].code)); i++)
            hd_line_put(to, code, from[i].start, from[i].end);
        size_t first = i;
        while (i < count && !bert_ascii(it, from[i].code)) i++;
        hd_normalize(steps, number, from + first, i - first, spare, to);
    }
}

static void prepend(const hd_character *from, size_t count, hd_codes content, hd_line *to) {
    for (size_t j = 0; count > 0 && j < content.count; j++)
        hd_line_put(to, content.codes[j], from[0].start, from[0].end);
    hd_line_append(to, from, count);
}

static void apply(const hd_normalizer *normalizer, const hd_character *from, size_t count, hd_line *spare,
                  hd_line *to) {
    switch (normalizer->kind) {
        case HD_NORMALIZE_NFC:
            normal_form(from, count, true, false, spare, to);
            break;
        case HD_NORMALIZE_NFD:
            normal_form(from, count, false, false, spare, to);
            break;
        case HD_NORMALIZE_NFKC:
            normal_form(from, count, true, true, spare, to);
            break;
        case HD_NORMALIZE_NFKD:
            normal_form(from, count, false, true, spare, to);
            break;
        case HD_NORMALIZE_LOWERCASE:
            lowercase(from, count, to);
            break;
        case HD_NORMALIZE_STRIP:
            strip(from, count, normalizer->left, normalizer->right, to);
            break;
        case HD_NORMALIZE_STRIP_ACCENTS:
            strip_accents(from, count, to);
            break;
        case HD_NORMALIZE_REPLACE:
            replace(from, count, normalizer->pattern, normalizer->content, to);
            break;
        case HD_NORMALIZE_PREPEND:
            prepend(from, count, normalizer->content, to);
            break;
        case HD_NORMALIZE_BERT:
            bert(normalizer, from, count, spare, to);
            break;
        case HD_NORMALIZE_CLEAN:
            clean(from, count, to);
            break;
        case HD_NORMALIZE_CHINESE:
            separate_chinese(from, count, to);
            break;
        case HD_NORMALIZE_UNACCENTED:
            remove_accents(from, count, spare, to);
            break;
    }
}

void hd_normalize(const hd_normalizer *normalizers, size_t count, const hd_character *characters, size_t length,
                  hd_line *spare, hd_line *to) {
    if (count == 0 || length == 0) {
        hd_line_append(to, characters, length);
        return;
    }
    if (count == 1) {
        apply(normalizers, characters, length, spare, to);
        return;
    }
    hd_line source, result;
    hd_line_open(&source, to->context);
    hd_line_open(&result, to->context);
    hd_line_append(&source, characters, length);
    for (size_t i = 0; i < count && !source.failed; i++) {
        hd_line_clear(&result);
        if (source.count) apply(&normalizers[i], source.characters, source.count, spare, &result);
        hd_line_swap(&source, &result);
    }
    hd_line_append(to, source.characters, source.count);
    to->failed = to->failed || source.failed;
    hd_line_close(&source);
    hd_line_close(&result);
}
