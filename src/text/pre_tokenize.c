#include "text/pre_tokenize.h"

#include "text/json_fields.h"
#include "text/unicode.h"

#include <string.h>

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

static void metaspace(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_matches *matches,
                      hd_line *to) {
    size_t first = to->count;
    (void)matches;
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

/* Words without white space, split at punctuation. */
static void split_bert(hd_line *line, size_t first, size_t last) {
    while (first < last && !line->failed) {
        size_t end = first;
        while (end < last && !hd_is_whitespace(line->characters[end].code)) end++;
        split(line, first, end, HD_ISOLATED, is_punctuation, 0);
        first = end + 1;
    }
}

/* Spaces and unassigned characters belong to the script before them; tokenizers drops them at the front. */
static void split_scripts(hd_line *line, size_t first, size_t last) {
    int script = HD_SCRIPT_ANY;
    size_t begin = last;
    for (size_t i = first; i < last; i++) {
        int next = hd_script(line->characters[i].code);
        if (next == HD_SCRIPT_ANY || next == script) continue;
        if (begin < last) hd_line_add_segment(line, begin, i - begin, -1);
        begin = i;
        script = next;
    }
    hd_line_add_segment(line, begin, last - begin, -1);
}

static void split_lengths(hd_line *line, size_t first, size_t last, size_t length) {
    for (size_t size; first < last; first += size) {
        size = last - first < length ? last - first : length;
        hd_line_add_segment(line, first, size, -1);
    }
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

const char *const hd_prepend_schemes[] = {"always", "first", "never", NULL};

heed_status hd_read_old_prepend(heed_context *context, const json_t *object, const char *where, hd_prepend *prepend) {
    bool add_prefix_space = true;
    HD_TRY(hd_read_bool(context, object, where, "add_prefix_space", &add_prefix_space));
    if (add_prefix_space) return HEED_OK;
    if (json_is_string(json_object_get(object, "prepend_scheme")) && *prepend != HD_PREPEND_NEVER)
        return hd_fail(context, HEED_FORMAT, "%s: \"add_prefix_space\" contradicts \"prepend_scheme\"", where);
    *prepend = HD_PREPEND_NEVER;
    return HEED_OK;
}

static heed_status read_metaspace(heed_context *context, const json_t *object, const char *where, void *component) {
    return hd_read_old_prepend(context, object, where, &((hd_pre_tokenizer *)component)->prepend);
}

static heed_status check_length(heed_context *context, const json_t *object, const char *where, void *component) {
    (void)object;
    size_t length = ((hd_pre_tokenizer *)component)->length;
    return length ? HEED_OK : hd_wrong_field(context, where, "length", "a positive count");
}

/* Splits characters [first, last) of a line into segments. */
typedef void split_function(const hd_pre_tokenizer *it, size_t first, size_t last, hd_matches *matches, hd_line *line);
/* Appends the characters and segments that a segment becomes to another line. */
typedef void rewrite_function(const hd_pre_tokenizer *it, const hd_character *text, size_t count, hd_matches *matches,
                              hd_line *to);

#define SPLIT(name, call)                                                                                         \
    static void name(const hd_pre_tokenizer *it, size_t first, size_t last, hd_matches *matches, hd_line *line) { \
        (void)it, (void)matches;                                                                                  \
        call;                                                                                                     \
    }
SPLIT(at_punctuation, split(line, first, last, it->behavior, is_punctuation, 0))
SPLIT(at_runs, split_runs(line, first, last))
SPLIT(at_spaces, split(line, first, last, HD_REMOVED, is_space, 0))
SPLIT(at_digits, split(line, first, last, it->individual ? HD_ISOLATED : HD_CONTIGUOUS, is_numeric, 0))
SPLIT(at_delimiters, split(line, first, last, HD_REMOVED, is_same, it->replacement))
SPLIT(at_spaces_and_punctuation, split_bert(line, first, last))
SPLIT(at_scripts, split_scripts(line, first, last))
SPLIT(at_lengths, split_lengths(line, first, last, it->length))
SPLIT(at_matches, split_at(line, first, last, it->behavior, it->invert, it->pattern, matches))

#define F(field) offsetof(hd_pre_tokenizer, field)

static const char *const behaviors[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous", NULL};
static const char *const byte_level_pattern[] = {HD_BYTE_LEVEL_PATTERN, NULL};

static const struct {
    hd_component_type type;
    split_function *split; /* NULL if it rewrites the characters */
    rewrite_function *rewrite;
} table[HD_PRE_TOKENIZERS] = {
    [HD_PRE_METASPACE] = {{"Metaspace",
                           {{"replacement", HD_FIELD_CHARACTER, F(replacement)},
                            {"prepend_scheme", HD_FIELD_CHOICE, F(prepend), .choices = hd_prepend_schemes},
                            {"split", HD_FIELD_BOOL, F(split), .fallback = true}},
                           read_metaspace},
                          .rewrite = metaspace},
    [HD_PRE_PUNCTUATION] =
        {{"Punctuation", {{"behavior", HD_FIELD_CHOICE, F(behavior), .fallback = HD_ISOLATED, .choices = behaviors}}},
         at_punctuation},
    [HD_PRE_WHITESPACE] = {{"Whitespace"}, at_runs},
    [HD_PRE_WHITESPACE_SPLIT] = {{"WhitespaceSplit"}, at_spaces},
    [HD_PRE_DIGITS] = {{"Digits", {{"individual_digits", HD_FIELD_BOOL, F(individual)}}}, at_digits},
    [HD_PRE_DELIMITER] = {{"CharDelimiterSplit", {{"delimiter", HD_FIELD_CHARACTER, F(replacement)}}}, at_delimiters},
    [HD_PRE_BERT] = {{"BertPreTokenizer"}, at_spaces_and_punctuation},
    [HD_PRE_SCRIPTS] = {{"UnicodeScripts"}, at_scripts},
    [HD_PRE_FIXED_LENGTH] = {{"FixedLength", {{"length", HD_FIELD_COUNT, F(length), .fallback = 5}}, check_length},
                             at_lengths},
    [HD_PRE_SPLIT] = {{"Split",
                       {{"pattern", HD_FIELD_PATTERN, F(pattern)},
                        {"behavior", HD_FIELD_CHOICE, F(behavior), .fallback = HD_ISOLATED, .choices = behaviors},
                        {"invert", HD_FIELD_BOOL, F(invert)}}},
                      at_matches},
    [HD_PRE_BYTE_LEVEL] = {{"ByteLevel",
                            {{"add_prefix_space", HD_FIELD_BOOL, F(prefix_space), .fallback = true},
                             {"trim_offsets", HD_FIELD_BOOL, F(trim_offsets), .fallback = true},
                             {"use_regex", HD_FIELD_FIXED_PATTERN, F(pattern), .fallback = true,
                              .choices = byte_level_pattern}}},
                           .rewrite = byte_level},
};

size_t hd_pre_tokenizer_find(const char *type) {
    for (size_t i = 0; i < HD_PRE_TOKENIZERS; i++)
        if (strcmp(table[i].type.name, type) == 0) return i;
    return SIZE_MAX;
}

const hd_component_type *hd_pre_tokenizer_type(hd_pre_tokenizer_kind kind) { return &table[kind].type; }

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* Rewrites the segments from `line` into `spare`, and exchanges the two. */
static void rewrite_all(const hd_pre_tokenizer *it, hd_matches *matches, hd_line *line, hd_line *spare) {
    hd_line_clear(spare);
    for (size_t i = 0; i < line->segment_count && !spare->failed; i++) {
        hd_segment segment = line->segments[i];
        const hd_character *text = line->characters + segment.first;
        if (segment.id < 0) {
            table[it->kind].rewrite(it, text, segment.count, matches, spare);
        } else {
            size_t first = spare->count;
            hd_line_append(spare, text, segment.count);
            hd_line_add_segment(spare, first, segment.count, segment.id);
        }
    }
    hd_line_swap(line, spare);
}

/* Splits the segments of `line`, whose characters stay; the old segments move to `spare`. */
static void split_all(const hd_pre_tokenizer *it, hd_matches *matches, hd_line *line, hd_line *spare) {
    hd_line_swap_segments(line, spare);
    line->segment_count = 0;
    for (size_t i = 0; i < spare->segment_count && !line->failed; i++) {
        hd_segment segment = spare->segments[i];
        if (segment.id < 0)
            table[it->kind].split(it, segment.first, (size_t)segment.first + segment.count, matches, line);
        else
            hd_line_add_segment(line, segment.first, segment.count, segment.id);
    }
}

void hd_pre_tokenize(const hd_pre_tokenizer *pre_tokenizer, hd_matches *matches, hd_line *line, hd_line *spare) {
    if (line->failed) return;
    if (table[pre_tokenizer->kind].split)
        split_all(pre_tokenizer, matches, line, spare);
    else
        rewrite_all(pre_tokenizer, matches, line, spare);
}
