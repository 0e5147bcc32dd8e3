#define PCRE2_CODE_UNIT_WIDTH 32
#include "text/pattern.h"

#include <pcre2.h>
#include <string.h>

struct hd_pattern {
    heed_context *context;
    pcre2_general_context *memory;
    pcre2_code *code;
    char *text; /* [size], for saving and for messages */
    size_t size;
    bool literal;
};

/* The pattern (((a{99}){999}){999}){9} needs hundreds of megabytes. */
enum { MOST_BYTES = 1 << 26 };

static void *allocate(size_t size, void *context) {
    if (size <= MOST_BYTES) return hd_alloc(context, 1, size);
    hd_fail(context, HEED_LENGTH, "a regular expression needs %zu bytes of memory; the limit is %d", size, MOST_BYTES);
    return NULL;
}
static void release(void *pointer, void *context) { hd_free(context, pointer); }

/* ---- opening -------------------------------------------------------------------------------------------------- */

/* To Oniguruma && is the intersection of classes and \h a hexadecimal digit; PCRE2 accepts both with another
 * meaning. */
static heed_status refuse_other_syntax(heed_context *context, const char *where, const char *text, size_t size) {
    static const char *const others[] = {"&&", "\\h", "\\H"};
    for (size_t i = 0; i < HD_COUNT(others); i++)
        if (memmem(text, size, others[i], 2))
            return hd_fail(context, HEED_UNSUPPORTED, "%s: a regular expression with \"%s\" is not supported", where,
                           others[i]);
    return HEED_OK;
}

static heed_status compile(hd_pattern *it, const char *where) {
    hd_codes codes;
    int error = 0;
    PCRE2_SIZE place = 0;
    HD_TRY(hd_codes_read(it->context, it->text, it->size, &codes));
    pcre2_compile_context *settings = pcre2_compile_context_create(it->memory);
    if (settings) {
        pcre2_set_newline(settings, PCRE2_NEWLINE_LF);
        uint32_t options =
            PCRE2_UTF | (it->literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C);
        static const uint32_t empty[1];
        it->code = pcre2_compile(codes.count ? codes.codes : empty, codes.count, options, &error, &place, settings);
        pcre2_compile_context_free(settings);
    }
    hd_free(it->context, codes.codes);
    if (it->code) return HEED_OK;
    if (!settings || error == PCRE2_ERROR_HEAP_FAILED)
        return it->context->status; /* allocate() has recorded the message */
    PCRE2_UCHAR wide[128] = {0};
    char message[128] = {0};
    pcre2_get_error_message(error, wide, HD_COUNT(wide)); /* ASCII, in wide characters */
    for (size_t i = 0; i + 1 < HD_COUNT(message) && wide[i]; i++) message[i] = (char)wide[i];
    return hd_fail(it->context, HEED_FORMAT, "%s: the regular expression \"%.200s\": %s at character %zu", where,
                   it->text, message, (size_t)place);
}

heed_status hd_pattern_open(heed_context *context, const char *where, const char *text, size_t size, bool literal,
                            hd_pattern **out) {
    *out = NULL;
    if (!literal) HD_TRY(refuse_other_syntax(context, where, text, size));
    hd_pattern *it = hd_alloc_zeroed(context, 1, sizeof *it);
    if (!it) return HEED_MEMORY;
    *it = (hd_pattern){.context = context, .size = size, .literal = literal};
    it->text = hd_copy_bytes(context, text, size);
    it->memory = pcre2_general_context_create(allocate, release, context);
    heed_status status = it->text && it->memory ? compile(it, where) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = it;
    else
        hd_pattern_close(it);
    return status;
}

void hd_pattern_close(hd_pattern *pattern) {
    if (!pattern) return;
    pcre2_code_free(pattern->code);
    pcre2_general_context_free(pattern->memory);
    hd_free(pattern->context, pattern->text);
    hd_free(pattern->context, pattern);
}

const char *hd_pattern_text(const hd_pattern *pattern, size_t *size) {
    *size = pattern->size;
    return pattern->text;
}

bool hd_pattern_is_literal(const hd_pattern *pattern) { return pattern->literal; }

/* ---- finding -------------------------------------------------------------------------------------------------- */

void hd_matches_open(hd_matches *matches, heed_context *context) { *matches = (hd_matches){.context = context}; }

void hd_matches_close(hd_matches *matches) {
    hd_free(matches->context, matches->items);
    hd_free(matches->context, matches->codes);
    pcre2_match_data_free(matches->block);
    pcre2_general_context_free(matches->memory);
    hd_matches_open(matches, matches->context);
}

static bool reserve(hd_matches *matches, size_t count) {
    if (!matches->memory) matches->memory = pcre2_general_context_create(allocate, release, matches->context);
    if (matches->memory && !matches->block) matches->block = pcre2_match_data_create(1, matches->memory);
    return matches->block &&
           hd_grow(matches->context, &matches->codes, &matches->code_capacity, count, sizeof *matches->codes);
}

static bool add(hd_matches *matches, size_t first, size_t last) {
    if (!hd_grow(matches->context, &matches->items, &matches->capacity, matches->count + 1, sizeof *matches->items))
        return false;
    matches->items[matches->count++] = (struct hd_match){first, last};
    return true;
}

heed_status hd_pattern_find(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches) {
    matches->count = 0;
    if (count == 0) return HEED_OK;
    if (!reserve(matches, count)) return HEED_MEMORY;
    /* PCRE2's \s includes U+180E, which is no longer a space in Unicode or Oniguruma; U+200B has its category
     * instead. */
    for (size_t i = 0; i < count; i++)
        matches->codes[i] = text[i].code == 0x180E && !pattern->literal ? 0x200B : text[i].code;
    size_t last = SIZE_MAX; /* end of the previous match */
    for (size_t at = 0; at <= count;) {
        int found = pcre2_match(pattern->code, matches->codes, count, at, PCRE2_NO_UTF_CHECK, matches->block, NULL);
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found == PCRE2_ERROR_NOMEMORY) return matches->context->status;
        if (found < 0)
            return hd_fail(matches->context, HEED_LENGTH,
                           "the pattern \"%.200s\" of the pre_tokenizer takes too many steps in %zu characters",
                           pattern->text, count);
        const PCRE2_SIZE *place = pcre2_get_ovector_pointer(matches->block);
        if (place[1] < place[0] || place[0] < at) break; /* \K in a lookaround, which some versions of PCRE2 allow */
        at = place[1];
        if (place[0] == place[1] && place[1] == last) { /* no empty match directly after a match */
            at++;
            continue;
        }
        last = place[1];
        if (!add(matches, place[0], place[1])) return HEED_MEMORY;
    }
    return HEED_OK;
}
