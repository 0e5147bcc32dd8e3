#include "text/pattern.h"

#include "base/buffer.h"
#include "text/pattern_characters.h"
#include "text/pattern_known.h"
#include "text/unicode.h"

#include <string.h>

struct hd_pattern {
    heed_context *context;
    const hd_known_pattern *known; /* that it is, or NULL */
    regex_t *expression;           /* NULL when it is literal or known */
    char *where;                   /* it was found, for messages */
    char *text;                    /* [size], for saving and for messages */
    size_t size;
    bool literal;
};

/* How often one search may go back, and how many choices (40 bytes each) it may remember in a short text. The first limit
 * is that of Oniguruma, and so of tokenizers, for one position of the text. A run such as \w+ remembers a choice for each of
 * its characters, so that longer texts have more. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* so that slow patterns do not use up the time */
enum { MOST_RETRIES = 20000, MOST_RETRIES_IN_SEARCH = 50000, MOST_CHOICES = 40000, CHOICES_PER_BYTE = 2 };
#else
enum { MOST_RETRIES = 10000000, MOST_RETRIES_IN_SEARCH = 100000000, MOST_CHOICES = 4000000, CHOICES_PER_BYTE = 2 };
#endif

/* ---- grapheme clusters ------------------------------------------------------------------------------------------ */

/* Oniguruma has the classes for \X, \y and \Y in tables of its own, so the three are written out: this is \Y, a position
 * within a cluster (Unicode Standard Annex 29, rules GB3 to GB13). Look-behind of any length, which walks back to the
 * start of the text, comes last. */
#define REGIONAL "\\p{clusterregional}"
#define WITHIN_CLUSTER                                                                                     \
    "(?:(?<=\\r)(?=\\n)"                                                                                   \
    "|(?<=\\p{clusterl})(?=[\\p{clusterl}\\p{clusterv}\\p{clusterlv}\\p{clusterlvt}])"                     \
    "|(?<=[\\p{clusterlv}\\p{clusterv}])(?=[\\p{clusterv}\\p{clustert}])"                                  \
    "|(?<=[\\p{clusterlvt}\\p{clustert}])(?=\\p{clustert})"                                                \
    "|(?<=[^\\r\\n\\p{clustercontrol}])(?=[\\p{clusterextend}\\p{clustermark}\\x{200D}])"                  \
    "|(?<=\\p{clusterprepend})(?=[^\\r\\n\\p{clustercontrol}])"                                            \
    "|(?<=\\x{200D})(?=\\p{clusterpictographic})(?<=\\p{clusterpictographic}\\p{clusterextend}*\\x{200D})" \
    "|(?<=" REGIONAL ")(?=" REGIONAL ")(?<=(?:\\A|[^" REGIONAL "])" REGIONAL "(?:" REGIONAL REGIONAL ")*))"

static const char *written_out(char letter) {
    if (letter == 'X') return "(?-i:(?>\\O(?:" WITHIN_CLUSTER "\\O)*))";
    if (letter == 'Y') return "(?-i:" WITHIN_CLUSTER ")";
    return letter == 'y' ? "(?-i:(?!" WITHIN_CLUSTER "))" : NULL;
}

/* \p{Word} or \P{Word} at the front of `text` as \w or \W, or NULL. By itself, newer versions of Oniguruma take it for
 * that, older ones for [[:word:]], which lacks a few characters. *size: of the property. */
static const char *word_property(const char *text, size_t *size) {
    static const char name[] = "word";
    size_t at = 3, matched = 0;
    if (text[1] != 'p' && text[1] != 'P') return NULL;
    if (*size < 4 || text[2] != '{') return NULL;
    bool negative = text[1] == 'P';
    if (text[at] == '^') at++, negative = !negative;
    for (; at < *size && text[at] != '}'; at++) {
        if (text[at] == ' ' || text[at] == '-' || text[at] == '_') continue;
        if ((text[at] | 32) != name[matched]) return NULL; /* also past the end of the name */
        matched++;
    }
    if (at == *size || matched != 4) return NULL;
    *size = at + 1;
    return negative ? "\\W" : "\\w";
}

/* What stands for the escape at the front of `text`, or NULL; *size: at first of the text, then of the escape. */
static const char *longer_escape(const char *text, size_t *size) {
    const char *property = word_property(text, size);
    if (property) return property;
    *size = 2;
    return written_out(text[1]);
}

/* Copies an expression with \X, \y, \Y and \p{Word} written out; *found if there were any. */
static void write_out(const char *text, size_t size, hd_buffer *out, bool *found) {
    *found = false;
    size_t depth = 0; /* of brackets, within which these letters stand for themselves */
    for (size_t i = 0, length; i < size; i += length) {
        length = size - i;
        if (text[i] == '\\' && length > 1) {
            const char *longer = longer_escape(text + i, &length);
            if (depth) longer = NULL, length = 2;
            if (longer)
                hd_buffer_text(out, longer);
            else
                hd_buffer_append(out, text + i, length);
            *found = *found || longer;
            continue;
        }
        length = 1;
        bool first = depth && i > 0 && (text[i - 1] == '[' || (text[i - 1] == '^' && i > 1 && text[i - 2] == '['));
        if (text[i] == '[') depth++;
        if (text[i] == ']' && depth && !first) depth--;
        hd_buffer_byte(out, text[i]);
    }
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* How many bytes of it a message shows. */
static int shown_size(const hd_pattern *it) {
    size_t size = it->size < 200 ? it->size : 200;
    while (size < it->size && size > 0 && (it->text[size] & 0xC0) == 0x80) size--;
    return (int)size;
}

static heed_status compile(hd_pattern *it, const char *text, size_t size, bool clusters) {
    OnigErrorInfo details;
    const OnigUChar *bytes = (const OnigUChar *)text;
    OnigEncoding encoding = hd_pattern_encoding();
    onig_free(it->expression);
    it->expression = NULL;
    hd_pattern_characters_begin(it->context, clusters);
    int error =
        onig_new(&it->expression, bytes, bytes + size, ONIG_OPTION_NONE, encoding, ONIG_SYNTAX_ONIGURUMA, &details);
    hd_pattern_characters_end();
    if (error == ONIG_NORMAL) return HEED_OK;
    it->expression = NULL;
    if (error == ONIGERR_MEMORY) return hd_fail(it->context, HEED_MEMORY, "out of memory");
    OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN] = {0};
    onig_error_code_to_str(message, error, &details);
    return hd_fail(it->context, HEED_FORMAT, "%s: the regular expression \"%.*s\": %s", it->where, shown_size(it),
                   it->text, (const char *)message);
}

static heed_status compile_clusters(hd_pattern *it) {
    hd_buffer longer;
    bool found;
    hd_buffer_open(&longer, it->context);
    write_out(it->text, it->size, &longer, &found);
    heed_status status = longer.failed ? HEED_MEMORY : HEED_OK;
    if (status == HEED_OK && found) status = compile(it, longer.data, longer.size, true);
    hd_buffer_close(&longer);
    return status;
}

static heed_status compile_expression(hd_pattern *it) {
    if (memmem(it->text, it->size, "(?y", 3))
        return hd_fail(it->context, HEED_UNSUPPORTED, "%s: the regular expression \"%.*s\": (?y is not supported",
                       it->where, shown_size(it), it->text);
    HD_TRY(compile(it, it->text, it->size, false));
    return compile_clusters(it);
}

heed_status hd_pattern_open(heed_context *context, const char *where, const char *text, size_t size, bool literal,
                            hd_pattern **out) {
    *out = NULL;
    hd_pattern *it = hd_alloc_zeroed(context, 1, sizeof *it);
    if (!it) return HEED_MEMORY;
    *it = (hd_pattern){.context = context, .size = size, .literal = literal};
    if (!literal) it->known = hd_known_pattern_of(text, size);
    it->text = hd_copy_bytes(context, text, size);
    it->where = hd_copy_string(context, where);
    heed_status status = it->text && it->where ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && !literal && !it->known) status = compile_expression(it);
    if (status == HEED_OK)
        *out = it;
    else
        hd_pattern_close(it);
    return status;
}

void hd_pattern_close(hd_pattern *pattern) {
    if (!pattern) return;
    onig_free(pattern->expression);
    hd_free(pattern->context, pattern->text);
    hd_free(pattern->context, pattern->where);
    hd_free(pattern->context, pattern);
}

const char *hd_pattern_text(const hd_pattern *pattern, size_t *size) {
    *size = pattern->size;
    return pattern->text;
}

bool hd_pattern_is_literal(const hd_pattern *pattern) { return pattern->literal; }

/* ---- finding ---------------------------------------------------------------------------------------------------- */

void hd_matches_open(hd_matches *matches, heed_context *context) { *matches = (hd_matches){.context = context}; }

void hd_matches_close(hd_matches *matches) {
    hd_free(matches->context, matches->items);
    hd_free(matches->context, matches->bytes);
    if (matches->region) onig_region_free(matches->region, 1);
    if (matches->limits) onig_free_match_param(matches->limits);
    hd_matches_open(matches, matches->context);
}

static bool add(hd_matches *matches, size_t first, size_t last) {
    if (!hd_grow(matches->context, &matches->items, &matches->capacity, matches->count + 1, sizeof *matches->items))
        return false;
    matches->items[matches->count++] = (struct hd_match){first, last};
    return true;
}

/* The first match, in bytes, at or after byte `at`; *found if there is one. */
static heed_status search(const hd_pattern *pattern, hd_matches *matches, size_t at, bool *found,
                          struct hd_match *match) {
    const char *text = matches->bytes;
    size_t size = matches->size;
    if (pattern->literal) {
        const char *here = pattern->size ? memmem(text + at, size - at, pattern->text, pattern->size) : text + at;
        *found = here != NULL;
        if (here) *match = (struct hd_match){(size_t)(here - text), (size_t)(here - text) + pattern->size};
        return HEED_OK;
    }
    const OnigUChar *bytes = (const OnigUChar *)text;
    OnigRegion *region = matches->region;
    int place = onig_search_with_param(pattern->expression, bytes, bytes + size, bytes + at, bytes + size, region,
                                       ONIG_OPTION_NONE, matches->limits);
    *found = place >= 0;
    if (place == ONIG_MISMATCH) return HEED_OK;
    if (place == ONIGERR_MEMORY) return hd_fail(matches->context, HEED_MEMORY, "out of memory");
    if (place < 0)
        return hd_fail(matches->context, HEED_LENGTH,
                       "%s: the pattern \"%.*s\" takes too many steps in a text of %zu bytes", pattern->where,
                       shown_size(pattern), pattern->text, size);
    *match = (struct hd_match){(size_t)region->beg[0], (size_t)region->end[0]};
    if (match->first > match->last || match->first < at)
        return hd_fail(matches->context, HEED_UNSUPPORTED, "%s: the pattern \"%.*s\" moves the start of a match back",
                       pattern->where, shown_size(pattern), pattern->text);
    return HEED_OK;
}

/* Turns offsets in bytes, which ascend, into characters. */
static void count_characters(hd_matches *matches) {
    size_t byte = 0, character = 0;
    const char *text = matches->bytes;
    for (size_t i = 0; i < matches->count * 2; i++) {
        size_t *limit = i % 2 ? &matches->items[i / 2].last : &matches->items[i / 2].first;
        for (; byte < *limit; byte++) character += (text[byte] & 0xC0) != 0x80;
        *limit = character;
    }
}

static size_t character_size(const char *text, size_t size) {
    uint32_t code;
    return size ? hd_utf8_decode(text, size, &code) : 1;
}

static bool set_limits(hd_matches *matches) {
    if (!matches->limits && !(matches->limits = onig_new_match_param())) return false;
    size_t choices = matches->size * CHOICES_PER_BYTE;
    onig_initialize_match_param(matches->limits);
    onig_set_retry_limit_in_match_of_match_param(matches->limits, MOST_RETRIES);
    onig_set_retry_limit_in_search_of_match_param(matches->limits, MOST_RETRIES_IN_SEARCH);
    onig_set_match_stack_limit_size_of_match_param(matches->limits,
                                                   choices > MOST_CHOICES ? (unsigned)choices : MOST_CHOICES);
    return true;
}

/* Writes the text in UTF-8. */
static heed_status spell(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches) {
    size_t most;
    if (!hd_multiply(count, 4, &most)) most = SIZE_MAX;
    if (!hd_grow(matches->context, &matches->bytes, &matches->byte_capacity, most, 1)) return HEED_MEMORY;
    if (!matches->region && !(matches->region = onig_region_new()))
        return hd_fail(matches->context, HEED_MEMORY, "out of memory");
    matches->size = 0;
    for (size_t i = 0; i < count; i++) matches->size += hd_utf8_encode(text[i].code, matches->bytes + matches->size);
    if (matches->size > INT32_MAX)
        return hd_fail(matches->context, HEED_LENGTH, "%s: a text of %zu bytes is too long", pattern->where,
                       matches->size);
    return set_limits(matches) ? HEED_OK : hd_fail(matches->context, HEED_MEMORY, "out of memory");
}

static heed_status find_known(const hd_known_pattern *pattern, const hd_character *text, size_t count,
                              hd_matches *matches) {
    for (size_t at = 0, end; at < count; at = end) {
        end = hd_known_pattern_match(pattern, text, count, at);
        if (!add(matches, at, end)) return HEED_MEMORY;
    }
    return HEED_OK;
}

heed_status hd_pattern_find(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches) {
    matches->count = 0;
    if (count == 0) return HEED_OK;
    if (pattern->known) return find_known(pattern->known, text, count, matches);
    HD_TRY(spell(pattern, text, count, matches));
    size_t last = SIZE_MAX; /* end of the previous match */
    for (size_t at = 0; at <= matches->size;) {
        bool found;
        struct hd_match match = {0};
        HD_TRY(search(pattern, matches, at, &found, &match));
        if (!found) break;
        at = match.last;
        if (match.first == match.last && match.last == last) { /* no empty match directly after a match */
            at += character_size(matches->bytes + at, matches->size - at);
            continue;
        }
        last = match.last;
        if (!add(matches, match.first, match.last)) return HEED_MEMORY;
    }
    count_characters(matches);
    return HEED_OK;
}
