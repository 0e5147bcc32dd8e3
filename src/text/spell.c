#include "text/spell.h"

#include "text/components.h"

#include <string.h>

static const char prefix[] = "abcdef"; /* as in transformers */
enum { PREFIX_SIZE = sizeof prefix - 1, MOST_TOKENS = 4 * PREFIX_SIZE };

static heed_status decode(const hd_speller *s, const int32_t *ids, size_t count, hd_buffer *out) {
    hd_buffer_clear(out);
    return hd_tokenizer_decode(s->tokenizer, ids, count, false, out);
}

heed_status hd_speller_open(hd_speller *s, const heed_tokenizer *tokenizer, heed_context *context) {
    *s = (hd_speller){.tokenizer = tokenizer};
    hd_buffer_open(&s->decoded, context);
    hd_buffer_open(&s->shown, context);
    HD_TRY(hd_tokenizer_encode(tokenizer, context, prefix, PREFIX_SIZE, false, &s->base));
    if (s->base.count > MOST_TOKENS) s->base.count = MOST_TOKENS;
    return decode(s, s->base.ids, s->base.count, &s->shown);
}

void hd_speller_close(hd_speller *s) {
    hd_encoding_close(&s->base);
    if (s->decoded.context) hd_buffer_close(&s->decoded);
    if (s->shown.context) hd_buffer_close(&s->shown);
}

/* The end of the prefix in a decoded text. A tokenizer that lacks its characters may write it in another way. */
static size_t after_prefix(const hd_speller *s) {
    const hd_buffer *text = &s->decoded, *shown = &s->shown;
    for (size_t at = 0; at + PREFIX_SIZE <= text->size; at++)
        if (memcmp(text->data + at, prefix, PREFIX_SIZE) == 0) return at + PREFIX_SIZE;
    bool same = shown->size && shown->size <= text->size && memcmp(text->data, shown->data, shown->size) == 0;
    return same ? shown->size : 0;
}

heed_status hd_speller_add(hd_speller *s, int32_t id, hd_buffer *out) {
    int32_t ids[MOST_TOKENS + 1];
    const char *token = hd_tokenizer_token(s->tokenizer, id);
    if (!token) return HEED_OK;
    if (hd_token_decoders_spell(s->tokenizer->decoders, s->tokenizer->decoder_count, token, strlen(token), out))
        return out->failed ? HEED_MEMORY : HEED_OK;
    if (s->base.count) memcpy(ids, s->base.ids, s->base.count * sizeof *ids);
    ids[s->base.count] = id;
    HD_TRY(decode(s, ids, s->base.count + 1, &s->decoded));
    size_t first = after_prefix(s);
    if (!first) HD_TRY(decode(s, &id, 1, &s->decoded));
    if (s->decoded.size > first) hd_buffer_append(out, s->decoded.data + first, s->decoded.size - first);
    return out->failed ? HEED_MEMORY : HEED_OK;
}
