/* The bytes that tokens add to a text, compared with the decoder. */
#ifndef TESTS_TOKEN_TEXTS_H
#define TESTS_TOKEN_TEXTS_H

#include "fixture.h"

#include "base/utf8.h"
#include "text/token_bytes.h"
#include "text/tokenizer.h"

#include <string.h>

/* The texts of the tokens in their places, one after another. */
static inline void join_token_texts(const hd_token_texts *texts, const int32_t *ids, size_t count, hd_buffer *out) {
    hd_token_place place = HD_TOKEN_FIRST;
    bool spaced = false;
    for (size_t i = 0; i < count; i++) {
        size_t size;
        if (!texts->visible[ids[i]]) continue;
        if (spaced) hd_buffer_byte(out, ' ');
        const char *text = hd_token_text(&texts->place[place], ids[i], &size);
        hd_buffer_append(out, text, size);
        place = HD_TOKEN_LATER;
        spaced = texts->spaced[ids[i]];
    }
}

static inline size_t check_token_sequence(heed_context *context, const heed_tokenizer *tokenizer,
                                          const hd_token_texts *texts, const int32_t *ids, size_t count,
                                          const char *name) {
    hd_buffer joined, decoded;
    hd_buffer_open(&joined, context);
    hd_buffer_open(&decoded, context);
    join_token_texts(texts, ids, count, &joined);
    assert_ok(context, hd_tokenizer_decode(tokenizer, ids, count, true, &decoded));
    size_t checked = hd_utf8_valid(joined.data ? joined.data : "", joined.size);
    if (checked &&
        (joined.size != decoded.size || (joined.size && memcmp(joined.data, decoded.data, joined.size) != 0)))
        fail_msg("%s: tokens %d … spell \"%s\", but are decoded to \"%s\"", name, ids[0], joined.data, decoded.data);
    hd_buffer_close(&joined);
    hd_buffer_close(&decoded);
    return checked;
}

/* Random tokens, and the tokens of texts: the whole and each beginning of them. */
static inline void check_token_texts(heed_context *context, const heed_tokenizer *tokenizer, const char *name) {
    static const char *const lines[] = {"{\"name\": \"Zoë\", \"n\": [1, 2.5e3]}",
                                        "日本語 🙂 naïve don't stop . Now", "a  b\n\tc", "## [x] </w> <0x41> ▁y",
                                        "she 's here , isn't she ?"};
    enum { MOST = 8, DRAWN = 3000 };
    const hd_token_texts *texts;
    heed_status status = hd_tokenizer_texts(tokenizer, context, &texts);
    if (status == HEED_UNSUPPORTED) {
        print_message("refused: %s\n", heed_context_message(context));
        return;
    }
    assert_ok(context, status);
    int32_t ids[MOST];
    size_t checked = 0;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < DRAWN; i++) {
        size_t count = 1 + (size_t)i % MOST;
        for (size_t j = 0; j < count; j++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            ids[j] = (int32_t)(random % (uint64_t)texts->ids);
        }
        checked += check_token_sequence(context, tokenizer, texts, ids, count, name);
    }
    assert_true(checked > DRAWN / 50);
    for (size_t i = 0; i < HD_COUNT(lines); i++) {
        hd_encoding e = {0};
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, lines[i], strlen(lines[i]), i % 2 == 0, &e));
        for (size_t count = 1; count <= e.count; count++)
            check_token_sequence(context, tokenizer, texts, e.ids, count, name);
        hd_encoding_close(&e);
    }
    for (int place = 0; place < HD_TOKEN_PLACES; place++) { /* sorted, with what neighbours share */
        const hd_placed_texts *p = &texts->place[place];
        for (int64_t i = 1; i < p->count; i++) {
            size_t size, next_size, shared = p->shared[i];
            const char *text = hd_token_text(p, p->sorted[i - 1], &size);
            const char *next = hd_token_text(p, p->sorted[i], &next_size);
            assert_true(shared <= size && shared <= next_size && memcmp(text, next, shared) == 0);
            assert_true(shared == size || (shared < next_size && (uint8_t)text[shared] < (uint8_t)next[shared]));
        }
    }
}

#endif
