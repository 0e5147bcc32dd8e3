#include "tasks/parts.h"

#include "text/unicode.h"

#include <string.h>

void hd_text_parts_open(hd_text_parts *p, const heed_model *model, const hd_decoding *settings) {
    *p = (hd_text_parts){.model = model, .settings = settings};
    hd_arena_open(&p->arena, model->context);
}

void hd_text_parts_close(hd_text_parts *p) {
    hd_text_tokens_close(&p->tokens);
    hd_free(p->model->context, p->items);
    hd_free(p->model->context, p->breaks);
    hd_arena_close(&p->arena);
}

heed_status hd_text_parts_add(hd_text_parts *p, const hd_text_part *part) {
    if (!hd_grow(p->model->context, &p->items, &p->capacity, p->count + 1, sizeof *p->items)) return HEED_MEMORY;
    p->items[p->count++] = *part;
    return HEED_OK;
}

heed_status hd_text_parts_add_break(hd_text_parts *p, const hd_text_break *one) {
    if (!hd_grow(p->model->context, &p->breaks, &p->break_capacity, p->break_count + 1, sizeof *p->breaks))
        return HEED_MEMORY;
    p->breaks[p->break_count++] = *one;
    return HEED_OK;
}

/* ---- lengths ---- */

heed_status hd_text_parts_measure(hd_text_parts *p, const char *text, size_t size, int64_t *tokens) {
    p->tokens.encoding.count = 0;
    heed_status status = hd_text_tokens_read(p->model, p->settings, text, size, &p->tokens);
    *tokens = (int64_t)p->tokens.encoding.count;
    /* a text that is too long was encoded: its length is known */
    return status == HEED_LENGTH && *tokens > hd_model_longest(p->model) ? HEED_OK : status;
}

/* The end of the longest beginning of the text, at most `most` bytes, that ends as a clause or a word; `most` if it is one word. */
static size_t end_before(const char *text, size_t most) {
    size_t clause = 0, word = 0;
    for (size_t at = 0, bytes; at < most; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text + at, most - at, &code);
        if (hd_is_whitespace(code) && at) word = at;
        if (hd_is_whitespace(code) && at && strchr(",;:", text[at - 1])) clause = at;
    }
    if (clause > most / 2) return clause;
    return word ? word : most;
}

/* The beginning of the character that byte `at` is a part of, but at least the end of the first character. */
static size_t whole_characters(const char *text, size_t size, size_t at) {
    uint32_t code;
    size_t first = hd_utf8_decode(text, size, &code);
    while (at > first && at < size && ((unsigned char)text[at] & 0xC0) == 0x80) at--;
    return at > first ? at : first;
}

heed_status hd_text_parts_fit(hd_text_parts *p, const char *text, size_t size, size_t *fitting, size_t *next) {
    enum { TOKEN_BYTES = 32 }; /* more than a token has on average */
    int64_t tokens, longest = hd_model_longest(p->model);
    uint32_t code;
    size_t first = hd_utf8_decode(text, size, &code);
    *fitting = size;
    if (longest < (int64_t)(size / TOKEN_BYTES)) /* a long text is not encoded again for each of its parts */
        *fitting = end_before(text, whole_characters(text, size, (size_t)longest * TOKEN_BYTES));
    for (;;) {
        HD_TRY(hd_text_parts_measure(p, text, *fitting, &tokens));
        if (tokens <= longest || *fitting <= first) break;
        /* of equally long tokens as many bytes as fit, and always fewer than before */
        size_t scaled = (size_t)((double)*fitting * (double)longest / (double)tokens);
        size_t most = whole_characters(text, size, scaled < *fitting ? scaled : *fitting - 1);
        *fitting = end_before(text, most);
    }
    *next = hd_skip_whitespace(text, size, *fitting);
    return HEED_OK;
}

/* ---- outputs ---- */

/* Whether a line may end before a character of a script without spaces. */
static bool may_begin_line(uint32_t code) { return hd_is_chinese(code) || (code >= 0x3040 && code <= 0x30FF); }

/* The place of a line break in output [from, size) that is nearest to byte `place`: a space, or, without one, before an ideograph.
 * SIZE_MAX if there is none. */
static size_t nearest_place(const char *output, size_t from, size_t size, size_t place) {
    size_t best = SIZE_MAX, distance = SIZE_MAX;
    for (size_t at = from, bytes; at < size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(output + at, size - at, &code);
        size_t d = at > place ? at - place : place - at;
        bool possible = code == ' ' || (at > from && may_begin_line(code));
        if (possible && d < distance) best = at, distance = d;
    }
    return best;
}

void hd_text_parts_write(const hd_text_parts *p, const hd_text_part *part, const char *output, size_t size,
                         hd_buffer *out) {
    size_t from = 0;
    for (size_t i = 0; i < part->breaks; i++) {
        const hd_text_break *one = &p->breaks[part->first_break + i];
        size_t place = (size_t)((double)one->at * (double)size / (double)part->size);
        size_t at = nearest_place(output, from, size, place);
        if (at == SIZE_MAX) break;
        hd_buffer_append(out, output + from, at - from);
        hd_buffer_append(out, one->text, one->size);
        from = at + (output[at] == ' ');
    }
    hd_buffer_append(out, output + from, size - from);
}
