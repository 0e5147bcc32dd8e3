#include "text/normalize.h"

#include "text/unicode.h"

#include <string.h>

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
static void put_content(hd_codes content, const hd_character *from, size_t last, uint32_t origin, hd_line *to) {
    uint32_t start = last ? from[last - 1].start : origin, end = last ? from[last - 1].end : origin;
    for (size_t j = 0; j < content.count; j++) hd_line_put(to, content.codes[j], start, end);
}

static void replace(const hd_character *from, size_t count, uint32_t origin, const hd_pattern *pattern,
                    hd_codes content, hd_line *to) {
    hd_matches matches;
    hd_matches_open(&matches, to->context);
    if (hd_pattern_find(pattern, from, count, &matches) != HEED_OK) to->failed = true;
    size_t at = 0;
    for (size_t i = 0; i < matches.count && !to->failed; i++) {
        struct hd_match match = matches.items[i];
        hd_line_append(to, from + at, match.first - at);
        put_content(content, from, match.last, origin, to);
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
static void bert(const hd_normalizer *it, const hd_character *from, size_t count, uint32_t origin, hd_line *spare,
                 hd_line *to) {
    hd_normalizer steps[4];
    size_t number = 0;
    (void)origin; /* no step needs it */
    if (it->clean) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_CLEAN};
    if (it->chinese) steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_CHINESE};
    if (it->unaccented == HD_FLAG_NULL ? it->lowercase : it->unaccented == HD_FLAG_TRUE)
        steps[number++] = (hd_normalizer){.kind = HD_NORMALIZE_UNACCENTED};
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

/* In tokenizers the first character shares the offsets of the content before it, or those of nothing. */
static void prepend(const hd_character *from, size_t count, uint32_t origin, hd_codes content, hd_line *to) {
    size_t first = to->count;
    for (size_t j = 0; count > 0 && j < content.count; j++)
        hd_line_put(to, content.codes[j], from[0].start, from[0].end);
    hd_line_append(to, from, count);
    if (count > 0 && content.count == 0 && !to->failed)
        to->characters[first].start = to->characters[first].end = origin;
}

/* U+0000 stays. U+008F, U+009F are as in tokenizers. */
static bool nmt_drops(uint32_t code) {
    return (code >= 1 && code <= 8) || code == 0xB || (code >= 0xE && code <= 0x1F) || code == 0x7F || code == 0x8F ||
           code == 0x9F;
}

static bool nmt_replaces(uint32_t code) {
    return code == '\t' || code == '\n' || code == '\f' || code == '\r' || code == 0x1680 ||
           (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 || code == 0xFEFF ||
           code == HD_REPLACEMENT_CHARACTER;
}

static void nmt(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++)
        if (!nmt_drops(from[i].code))
            hd_line_put(to, nmt_replaces(from[i].code) ? ' ' : from[i].code, from[i].start, from[i].end);
}

static void byte_level(const hd_character *from, size_t count, hd_line *to) {
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        size_t size = hd_utf8_encode(from[i].code, bytes);
        for (size_t j = 0; j < size; j++)
            hd_line_put(to, hd_byte_character((uint8_t)bytes[j]), from[i].start, from[i].end);
    }
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* `origin`: where the text begins in the original, whatever was removed from its front. */
typedef void normalize(const hd_normalizer *it, const hd_character *from, size_t count, uint32_t origin, hd_line *spare,
                       hd_line *to);

/* A normalizer whose function takes fewer arguments. */
#define NORMALIZE(name, call)                                                                                          \
    static void name(const hd_normalizer *it, const hd_character *from, size_t count, uint32_t origin, hd_line *spare, \
                     hd_line *to) {                                                                                    \
        (void)it, (void)origin, (void)spare;                                                                           \
        call;                                                                                                          \
    }
NORMALIZE(to_nfc, normal_form(from, count, true, false, spare, to))
NORMALIZE(to_nfd, normal_form(from, count, false, false, spare, to))
NORMALIZE(to_nfkc, normal_form(from, count, true, true, spare, to))
NORMALIZE(to_nfkd, normal_form(from, count, false, true, spare, to))
NORMALIZE(to_lowercase, lowercase(from, count, to))
NORMALIZE(to_stripped, strip(from, count, it->left, it->right, to))
NORMALIZE(to_accentless, strip_accents(from, count, to))
NORMALIZE(to_replaced, replace(from, count, origin, it->pattern, it->content, to))
NORMALIZE(to_prepended, prepend(from, count, origin, it->content, to))
NORMALIZE(to_nmt, nmt(from, count, to))
NORMALIZE(to_mapped,
          (it->longest ? hd_charsmap_normalize_longest : hd_charsmap_normalize)(it->charsmap, from, count, to))
NORMALIZE(to_bytes, byte_level(from, count, to))
NORMALIZE(to_clean, clean(from, count, to))
NORMALIZE(to_separate, separate_chinese(from, count, to))
NORMALIZE(to_unaccented, remove_accents(from, count, spare, to))

#define F(field) offsetof(hd_normalizer, field)

static const struct {
    hd_component_type type;
    normalize *normalize;
} table[HD_NORMALIZERS] = {
    [HD_NORMALIZE_NFC] = {{"NFC"}, to_nfc},
    [HD_NORMALIZE_NFD] = {{"NFD"}, to_nfd},
    [HD_NORMALIZE_NFKC] = {{"NFKC"}, to_nfkc},
    [HD_NORMALIZE_NFKD] = {{"NFKD"}, to_nfkd},
    [HD_NORMALIZE_LOWERCASE] = {{"Lowercase"}, to_lowercase},
    [HD_NORMALIZE_STRIP] = {{"Strip",
                             {{"strip_left", HD_FIELD_BOOL, F(left), .fallback = true},
                              {"strip_right", HD_FIELD_BOOL, F(right), .fallback = true}}},
                            to_stripped},
    [HD_NORMALIZE_STRIP_ACCENTS] = {{"StripAccents"}, to_accentless},
    [HD_NORMALIZE_REPLACE] = {{"Replace",
                               {{"pattern", HD_FIELD_PATTERN, F(pattern)}, {"content", HD_FIELD_TEXT, F(content)}}},
                              to_replaced},
    [HD_NORMALIZE_PREPEND] = {{"Prepend", {{"prepend", HD_FIELD_TEXT, F(content)}}}, to_prepended},
    [HD_NORMALIZE_NMT] = {{"Nmt"}, to_nmt},
    [HD_NORMALIZE_PRECOMPILED] = {{"Precompiled", {{"precompiled_charsmap", HD_FIELD_CHARSMAP, F(charsmap)}}},
                                  to_mapped},
    [HD_NORMALIZE_BYTE_LEVEL] = {{"ByteLevel"}, to_bytes},
    [HD_NORMALIZE_BERT] = {{"BertNormalizer",
                            {{"clean_text", HD_FIELD_BOOL, F(clean), .fallback = true},
                             {"handle_chinese_chars", HD_FIELD_BOOL, F(chinese), .fallback = true},
                             {"strip_accents", HD_FIELD_FLAG, F(unaccented)},
                             {"lowercase", HD_FIELD_BOOL, F(lowercase), .fallback = true}}},
                           bert},
    [HD_NORMALIZE_CLEAN] = {{NULL}, to_clean},
    [HD_NORMALIZE_CHINESE] = {{NULL}, to_separate},
    [HD_NORMALIZE_UNACCENTED] = {{NULL}, to_unaccented},
};

size_t hd_normalizer_find(const char *type) {
    for (size_t i = 0; i < HD_NORMALIZERS; i++)
        if (table[i].type.name && strcmp(table[i].type.name, type) == 0) return i;
    return SIZE_MAX;
}

const hd_component_type *hd_normalizer_type(hd_normalizer_kind kind) { return &table[kind].type; }

void hd_normalize(const hd_normalizer *normalizers, size_t count, const hd_character *characters, size_t length,
                  hd_line *spare, hd_line *to) {
    if (count == 0 || length == 0) {
        hd_line_append(to, characters, length);
        return;
    }
    if (count == 1) {
        table[normalizers->kind].normalize(normalizers, characters, length, characters->start, spare, to);
        return;
    }
    hd_line source, result;
    hd_line_open(&source, to->context);
    hd_line_open(&result, to->context);
    hd_line_append(&source, characters, length);
    for (size_t i = 0; i < count && !source.failed; i++) {
        hd_line_clear(&result);
        if (source.count)
            table[normalizers[i].kind].normalize(&normalizers[i], source.characters, source.count, characters->start,
                                                 spare, &result);
        hd_line_swap(&source, &result);
    }
    hd_line_append(to, source.characters, source.count);
    to->failed = to->failed || source.failed;
    hd_line_close(&source);
    hd_line_close(&result);
}
