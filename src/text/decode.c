#include "text/decode.h"

#include "text/unicode.h"

#include <string.h>

void hd_strings_open(hd_strings *strings, heed_context *context) {
    *strings = (hd_strings){.context = context};
    hd_buffer_open(&strings->text, context);
}

void hd_strings_close(hd_strings *strings) {
    hd_buffer_close(&strings->text);
    hd_free(strings->context, strings->ends);
    hd_strings_open(strings, strings->context);
}

void hd_strings_end(hd_strings *strings) {
    if (strings->failed) return;
    if (strings->text.failed ||
        !hd_grow(strings->context, &strings->ends, &strings->capacity, strings->count + 1, sizeof *strings->ends))
        strings->failed = true;
    else
        strings->ends[strings->count++] = strings->text.size;
}

void hd_strings_add(hd_strings *strings, const char *text, size_t size) {
    hd_buffer_append(&strings->text, text, size);
    hd_strings_end(strings);
}

const char *hd_strings_at(const hd_strings *strings, size_t index, size_t *size) {
    size_t begin = index ? strings->ends[index - 1] : 0;
    *size = strings->ends[index] - begin;
    return strings->text.data + begin;
}

void hd_strings_append_joined(const hd_strings *strings, const char *between, hd_buffer *out) {
    for (size_t i = 0; i < strings->count; i++) {
        size_t size;
        const char *text = hd_strings_at(strings, i, &size);
        if (i) hd_buffer_text(out, between);
        hd_buffer_append(out, text, size);
    }
}

static void metaspace(const hd_token_decoder *it, bool first, const char *text, size_t size, hd_strings *to) {
    char mark[4];
    size_t mark_size = hd_utf8_encode(it->replacement, mark);
    for (size_t at = 0; at < size;) {
        if (size - at >= mark_size && memcmp(text + at, mark, mark_size) == 0) {
            if (!first || it->prepend == HD_PREPEND_NEVER) hd_buffer_byte(&to->text, ' ');
            at += mark_size;
        } else {
            hd_buffer_byte(&to->text, text[at++]);
        }
    }
    hd_strings_end(to);
}

static void strip(const hd_token_decoder *it, const char *text, size_t size, hd_strings *to) {
    char mark[4];
    size_t mark_size = hd_utf8_encode(it->replacement, mark);
    for (size_t i = 0; i < it->start && size >= mark_size && memcmp(text, mark, mark_size) == 0; i++)
        text += mark_size, size -= mark_size;
    for (size_t i = 0; i < it->stop && size >= mark_size && memcmp(text + size - mark_size, mark, mark_size) == 0; i++)
        size -= mark_size;
    hd_strings_add(to, text, size);
}

static void put_characters(const hd_character *characters, size_t count, hd_strings *to) {
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        hd_buffer_append(&to->text, bytes, hd_utf8_encode(characters[i].code, bytes));
    }
}

static void replace(const hd_token_decoder *it, const char *text, size_t size, hd_line *line, hd_matches *matches,
                    hd_strings *to) {
    hd_line_read(line, text, size);
    if (line->failed || hd_pattern_find(it->expression, line->characters, line->count, matches) != HEED_OK) {
        to->failed = true;
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < matches->count; i++) {
        put_characters(line->characters + at, matches->items[i].first - at, to);
        hd_buffer_append(&to->text, it->content, it->content_size);
        at = matches->items[i].last;
    }
    put_characters(line->characters + at, line->count - at, to);
    hd_strings_end(to);
}

static void replace_all(const hd_token_decoder *it, const hd_strings *from, hd_strings *to) {
    hd_line line;
    hd_matches matches;
    hd_line_open(&line, to->context);
    hd_matches_open(&matches, to->context);
    for (size_t i = 0; i < from->count && !to->failed; i++) {
        size_t size;
        const char *text = hd_strings_at(from, i, &size);
        replace(it, text, size, &line, &matches, to);
    }
    hd_matches_close(&matches);
    hd_line_close(&line);
}

/* The suffix of a word becomes a space, or nothing in the last token. An empty suffix is found around each character. */
static void end_words(const hd_token_decoder *it, bool last, const char *text, size_t size, hd_strings *to) {
    for (size_t at = 0;;) {
        bool found = size - at >= it->pattern_size && memcmp(text + at, it->pattern, it->pattern_size) == 0;
        hd_buffer_append(&to->text, " ", found && !last);
        if (found && it->pattern_size) {
            at += it->pattern_size;
            continue;
        }
        if (at == size) break;
        uint32_t code;
        size_t length = hd_utf8_decode(text + at, size - at, &code);
        hd_buffer_append(&to->text, text + at, length);
        at += length;
    }
    hd_strings_end(to);
}

/* Replaces each `from` by `to`, which is not longer, in place; returns the new size. */
static size_t shorten(char *text, size_t size, const char *from, const char *to) {
    size_t from_size = strlen(from), to_size = strlen(to), kept = 0;
    for (size_t at = 0; at < size;) {
        if (size - at >= from_size && memcmp(text + at, from, from_size) == 0) {
            memcpy(text + kept, to, to_size);
            at += from_size, kept += to_size;
        } else {
            text[kept++] = text[at++];
        }
    }
    return kept;
}

static void wordpiece(const hd_token_decoder *it, bool first, const char *text, size_t size, hd_strings *to) {
    static const char *const cleanups[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                              {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                              {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    size_t begin = to->text.size;
    bool continues = it->pattern_size <= size && memcmp(text, it->pattern, it->pattern_size) == 0;
    if (!first && !continues) hd_buffer_byte(&to->text, ' ');
    if (!first && continues) text += it->pattern_size, size -= it->pattern_size;
    hd_buffer_append(&to->text, text, size);
    for (size_t i = 0; it->cleanup && !to->text.failed && to->text.size > begin && i < HD_COUNT(cleanups); i++)
        to->text.size = begin + shorten(to->text.data + begin, to->text.size - begin, cleanups[i][0], cleanups[i][1]);
    hd_strings_end(to);
}

void hd_spell_bytes(const char *text, size_t size, hd_buffer *out) {
    size_t begin = out->size;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        int byte = hd_character_byte(code);
        if (byte < 0) {
            out->size = begin;
            hd_buffer_append(out, text, size);
            return;
        }
        hd_buffer_byte(out, (char)byte);
    }
}

static void byte_level(const hd_strings *from, hd_strings *to) {
    hd_buffer bytes;
    hd_buffer_open(&bytes, to->context);
    for (size_t i = 0; i < from->count; i++) {
        size_t size;
        const char *text = hd_strings_at(from, i, &size);
        hd_spell_bytes(text, size, &bytes);
    }
    for (size_t at = 0; at < bytes.size;) {
        uint32_t code;
        char character[4];
        at += hd_utf8_decode(bytes.data + at, bytes.size - at, &code);
        hd_buffer_append(&to->text, character, hd_utf8_encode(code, character));
    }
    to->failed = to->failed || bytes.failed;
    hd_strings_end(to);
    hd_buffer_close(&bytes);
}

static int hexadecimal(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hd_spelled_byte(const char *text, size_t size) {
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    int high = hexadecimal(text[3]), low = hexadecimal(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The characters of these bytes, without what is no UTF-8. */
static void add_valid(const hd_buffer *bytes, hd_strings *to) {
    for (size_t at = 0, size; at < bytes->size; at += size) {
        uint32_t code;
        size = hd_utf8_decode(bytes->data + at, bytes->size - at, &code);
        if (hd_utf8_valid(bytes->data + at, size)) hd_buffer_append(&to->text, bytes->data + at, size);
    }
    hd_strings_end(to);
}

/* A run of bytes becomes one string if it is valid UTF-8, else one U+FFFD per byte. */
static void flush_bytes(const hd_token_decoder *it, hd_buffer *bytes, hd_strings *to) {
    if (bytes->failed) to->failed = true;
    if (bytes->size == 0) return;
    if (hd_utf8_valid(bytes->data, bytes->size)) {
        hd_strings_add(to, bytes->data, bytes->size);
    } else if (it->valid_only) {
        add_valid(bytes, to);
    } else {
        for (size_t i = 0; i < bytes->size; i++) hd_strings_add(to, "\xEF\xBF\xBD", 3);
    }
    hd_buffer_clear(bytes);
}

static void byte_fallback(const hd_token_decoder *it, const hd_strings *from, hd_strings *to) {
    hd_buffer bytes;
    hd_buffer_open(&bytes, to->context);
    for (size_t i = 0; i < from->count; i++) {
        size_t size;
        const char *text = hd_strings_at(from, i, &size);
        int byte = hd_spelled_byte(text, size);
        if (byte >= 0) {
            hd_buffer_byte(&bytes, (char)byte);
            continue;
        }
        flush_bytes(it, &bytes, to);
        hd_strings_add(to, text, size);
    }
    flush_bytes(it, &bytes, to);
    hd_buffer_close(&bytes);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static heed_status read_metaspace(heed_context *context, const json_t *object, const char *where, void *component) {
    return hd_read_old_prepend(context, object, where, &((hd_token_decoder *)component)->prepend);
}

/* Set by heed's own description of ByT5's tokenizer alone. */
static heed_status read_valid_only(heed_context *context, const json_t *object, const char *where, void *component) {
    (void)context, (void)where;
    ((hd_token_decoder *)component)->valid_only = json_is_true(json_object_get(object, "valid_only"));
    return HEED_OK;
}

typedef void decode(const hd_token_decoder *it, const hd_strings *from, hd_strings *to);

/* A decoder of all strings together. */
#define DECODE(name, call)                                                                 \
    static void name(const hd_token_decoder *it, const hd_strings *from, hd_strings *to) { \
        (void)it;                                                                          \
        call;                                                                              \
    }
/* A decoder of each string `text` [size], of index i. */
#define DECODE_EACH(name, call)                                                            \
    static void name(const hd_token_decoder *it, const hd_strings *from, hd_strings *to) { \
        for (size_t i = 0; i < from->count; i++) {                                         \
            size_t size;                                                                   \
            const char *text = hd_strings_at(from, i, &size);                              \
            call;                                                                          \
        }                                                                                  \
    }
DECODE_EACH(each_metaspace, metaspace(it, i == 0, text, size, to))
DECODE(all_byte_fallback, byte_fallback(it, from, to))
DECODE(all_fused, hd_strings_add(to, from->text.data, from->text.size))
DECODE_EACH(each_stripped, strip(it, text, size, to))
DECODE_EACH(each_wordpiece, wordpiece(it, i == 0, text, size, to))
DECODE(all_byte_level, byte_level(from, to))
DECODE_EACH(each_word_end, end_words(it, i + 1 == from->count, text, size, to))

#define F(field) offsetof(hd_token_decoder, field)

static const struct {
    hd_component_type type;
    decode *decode;
} table[HD_DECODERS] = {
    [HD_DECODE_METASPACE] = {{"Metaspace",
                              {{"replacement", HD_FIELD_CHARACTER, F(replacement)},
                               {"prepend_scheme", HD_FIELD_CHOICE, F(prepend), .choices = hd_prepend_schemes},
                               {"split", HD_FIELD_BOOL, F(split), .fallback = true}},
                              read_metaspace},
                             each_metaspace},
    [HD_DECODE_BYTE_FALLBACK] = {{"ByteFallback", .read_more = read_valid_only}, all_byte_fallback},
    [HD_DECODE_FUSE] = {{"Fuse"}, all_fused},
    [HD_DECODE_STRIP] = {{"Strip",
                          {{"content", HD_FIELD_CHARACTER, F(replacement)},
                           {"start", HD_FIELD_COUNT, F(start)},
                           {"stop", HD_FIELD_COUNT, F(stop)}}},
                         each_stripped},
    [HD_DECODE_REPLACE] = {{"Replace",
                            {{"pattern", HD_FIELD_PATTERN, F(expression)},
                             {"content", HD_FIELD_BYTES, F(content), F(content_size)}}},
                           replace_all},
    [HD_DECODE_WORDPIECE] = {{"WordPiece",
                              {{"prefix", HD_FIELD_BYTES, F(pattern), F(pattern_size)},
                               {"cleanup", HD_FIELD_BOOL, F(cleanup), .fallback = true}}},
                             each_wordpiece},
    [HD_DECODE_BYTE_LEVEL] = {{"ByteLevel",
                               {{"add_prefix_space", HD_FIELD_BOOL, F(prefix_space), .fallback = true},
                                {"trim_offsets", HD_FIELD_BOOL, F(trim_offsets), .fallback = true},
                                {"use_regex", HD_FIELD_BOOL, F(use_regex), .fallback = true}}},
                              all_byte_level},
    [HD_DECODE_BPE] = {{"BPEDecoder", {{"suffix", HD_FIELD_BYTES, F(pattern), F(pattern_size)}}}, each_word_end},
};

size_t hd_token_decoder_find(const char *type) {
    for (size_t i = 0; i < HD_DECODERS; i++)
        if (strcmp(table[i].type.name, type) == 0) return i;
    return SIZE_MAX;
}

const hd_component_type *hd_token_decoder_type(hd_decoder_kind kind) { return &table[kind].type; }

static bool have_kind(const hd_token_decoder *decoders, size_t count, hd_decoder_kind kind) {
    for (size_t i = 0; i < count; i++)
        if (decoders[i].kind == kind) return true;
    return false;
}

bool hd_token_decoders_spell(const hd_token_decoder *decoders, size_t count, const char *text, size_t size,
                             hd_buffer *out) {
    if (have_kind(decoders, count, HD_DECODE_BYTE_FALLBACK)) {
        int byte = hd_spelled_byte(text, size);
        if (byte >= 0) hd_buffer_byte(out, (char)byte);
        return byte >= 0;
    }
    if (!have_kind(decoders, count, HD_DECODE_BYTE_LEVEL)) return false;
    hd_spell_bytes(text, size, out);
    return true;
}

void hd_decode_separately(const hd_token_decoder *it, bool first, bool last, const hd_strings *from, hd_strings *to) {
    if (it->kind == HD_DECODE_REPLACE) replace_all(it, from, to);
    for (size_t i = 0; i < from->count && it->kind != HD_DECODE_REPLACE && !to->failed; i++) {
        size_t size;
        const char *text = hd_strings_at(from, i, &size);
        if (it->kind == HD_DECODE_METASPACE) metaspace(it, first, text, size, to);
        if (it->kind == HD_DECODE_STRIP) strip(it, text, size, to);
        if (it->kind == HD_DECODE_WORDPIECE) wordpiece(it, first, text, size, to);
        if (it->kind == HD_DECODE_BPE) end_words(it, last, text, size, to);
    }
}

heed_status hd_decode_tokens(const hd_token_decoder *decoders, size_t count, hd_strings *strings) {
    hd_strings result;
    hd_strings_open(&result, strings->context);
    for (size_t i = 0; i < count && !strings->failed; i++) {
        hd_buffer_clear(&result.text);
        result.count = 0;
        table[decoders[i].kind].decode(&decoders[i], strings, &result);
        hd_strings kept = *strings;
        *strings = result;
        result = kept;
    }
    hd_strings_close(&result);
    return strings->failed ? strings->context->status : HEED_OK;
}
