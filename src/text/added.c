#include "text/added.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

void hd_added_open(hd_added *added, heed_context *context) { *added = (hd_added){.context = context}; }

void hd_added_close(hd_added *added) {
    for (size_t i = 0; i < added->count; i++) hd_free(added->context, added->tokens[i].pattern.codes);
    hd_free(added->context, added->tokens);
    hd_free(added->context, added->raw);
    hd_free(added->context, added->normalized);
    hd_added_open(added, added->context);
}

heed_status hd_added_add(hd_added *added, hd_added_token token) {
    if (!hd_grow(added->context, &added->tokens, &added->capacity, added->count + 1, sizeof token)) {
        hd_free(added->context, token.pattern.codes);
        return HEED_MEMORY;
    }
    added->tokens[added->count++] = token;
    return HEED_OK;
}

void hd_added_replace(hd_added *added, size_t index, hd_added_token token) {
    hd_free(added->context, added->tokens[index].pattern.codes);
    added->tokens[index] = token;
}

/* By their characters, a pattern before those that it is the front of; equal ones as listed. */
static int compare(const void *a, const void *b, void *tokens) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    hd_codes x = ((const hd_added_token *)tokens)[left].pattern, y = ((const hd_added_token *)tokens)[right].pattern;
    for (size_t i = 0; i < x.count && i < y.count; i++)
        if (x.codes[i] != y.codes[i]) return x.codes[i] < y.codes[i] ? -1 : 1;
    if (x.count != y.count) return x.count < y.count ? -1 : 1;
    return left < right ? -1 : left > right;
}

static heed_status order(hd_added *added, bool normalized, uint32_t **out, size_t *count, uint8_t first[256]) {
    *out = hd_alloc(added->context, added->count, sizeof **out);
    *count = 0;
    if (!*out) return HEED_MEMORY;
    for (size_t i = 0; i < added->count; i++)
        if (added->tokens[i].normalized == normalized && added->tokens[i].pattern.count)
            (*out)[(*count)++] = (uint32_t)i;
    if (*count) qsort_r(*out, *count, sizeof **out, compare, added->tokens);
    memset(first, 0, 256);
    for (size_t i = 0; i < *count; i++) first[added->tokens[(*out)[i]].pattern.codes[0] & 255] = 1;
    return HEED_OK;
}

heed_status hd_added_finish(hd_added *added) {
    HD_TRY(order(added, false, &added->raw, &added->raw_count, added->raw_first));
    return order(added, true, &added->normalized, &added->normalized_count, added->normalized_first);
}

/* The first of list[low … high) whose pattern has at `place` a character of at least `code`. Their patterns agree before
 * it, and are longer. */
static size_t lower_bound(const hd_added *added, const uint32_t *list, size_t low, size_t high, size_t place,
                          uint32_t code) {
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (added->tokens[list[middle]].pattern.codes[place] < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token that begins at text[0], or NULL: each character narrows down the patterns that begin like the text, so
 * that many tokens with the same front cost no more. */
static const hd_added_token *match(const hd_added *added, const uint32_t *list, size_t list_count,
                                   const hd_character *text, size_t count) {
    const hd_added_token *longest = NULL;
    size_t low = 0, high = list_count;
    for (size_t place = 0; place < count && low < high; place++) {
        low = lower_bound(added, list, low, high, place, text[place].code);
        high = lower_bound(added, list, low, high, place, text[place].code + 1);
        if (low == high || added->tokens[list[low]].pattern.count != place + 1) continue;
        longest = &added->tokens[list[low]];
        while (low < high && added->tokens[list[low]].pattern.count == place + 1) low++;
    }
    return longest;
}

/* Where a language code such as ">>fra<<" in front of a text ends; 0: there is none. */
static size_t code_end(const hd_character *text, size_t count) {
    if (count < 4 || text[0].code != '>' || text[1].code != '>') return 0;
    for (size_t i = 2; i + 1 < count; i++)
        if (text[i].code == '<' && text[i + 1].code == '<') return i + 2;
    return 0;
}

/* Adds a segment of plain text; with `begins`, an unknown language code in front of it is a token. */
static void add_text(const hd_added *added, bool begins, hd_line *line, size_t first, size_t count) {
    size_t end = begins && added->has_codes ? code_end(line->characters + first, count) : 0;
    if (end) hd_line_add_segment(line, first, end, added->unknown_code);
    hd_line_add_segment(line, first + end, count - end, -1);
}

void hd_added_split(const hd_added *added, bool normalized, bool special_as_text, hd_line *line, size_t first,
                    size_t count) {
    const uint32_t *list = normalized ? added->normalized : added->raw;
    size_t list_count = normalized ? added->normalized_count : added->raw_count;
    const uint8_t *firsts = normalized ? added->normalized_first : added->raw_first;
    size_t begin = first, last = first + count; /* `begin`: where the text after the last token begins */
    bool after_leading = false;                 /* the last token was */
    if (line->failed) return;
    for (size_t i = first; list_count && i < last;) {
        const hd_character *text = line->characters;
        while (i < last && !firsts[text[i].code & 255]) i++;
        if (i == last) break;
        const hd_added_token *token = match(added, list, list_count, text + i, last - i);
        if (!token) {
            i++;
            continue;
        }
        size_t from = i, to = i + token->pattern.count;
        if (token->leading && (from > begin || after_leading)) {
            i++;
            continue;
        }
        i = to;
        if (special_as_text && token->special) continue;
        if (token->single_word &&
            ((from > first && hd_is_word(text[from - 1].code)) || (to < last && hd_is_word(text[to].code))))
            continue;
        /* As in tokenizers, a token that begins in the white space of the token before it overlaps that token. */
        if (token->lstrip && from < begin) from = begin;
        while (token->lstrip && from > begin && hd_is_whitespace(text[from - 1].code)) from--;
        while (token->rstrip && to < last && hd_is_whitespace(text[to].code)) to++;
        if (from > begin) add_text(added, !normalized && !after_leading, line, begin, from - begin);
        if (to > from) hd_line_add_segment(line, from, to - from, token->id);
        begin = to;
        after_leading = token->leading;
    }
    add_text(added, !normalized && !after_leading, line, begin, last - begin);
}
