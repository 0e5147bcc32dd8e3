#include "tasks/answer_tokens.h"

#include "decode/records.h"

static heed_status add_token(hd_speller *speller, hd_buffer *text, heed_results *results, const hd_continuation *from,
                             hd_scored_token *to) {
    hd_buffer_clear(text);
    if (from->token >= 0) HD_TRY(hd_speller_add(speller, from->token, text));
    const char *copy = hd_results_copy(results, text->data, text->size);
    *to = (hd_scored_token){from->token, from->log_prob, copy, text->size};
    return copy ? HEED_OK : HEED_MEMORY;
}

/* Tokens from the stop string on are no part of the text. */
static int64_t count_kept(const hd_scored_token *items, int64_t count, int64_t width, size_t stop_bytes) {
    size_t after = 0;
    while (count > 0 && after + items[(count - 1) * width].size <= stop_bytes) after += items[--count * width].size;
    return count;
}

static heed_status make(const hd_generation *g, const hd_hypothesis *h, int64_t count, hd_speller *speller,
                        hd_buffer *text, heed_results *results, hd_answer_tokens *out) {
    int64_t width = 1 + g->top_log_probs;
    hd_continuation *read = hd_arena_alloc(&results->arena, (size_t)(count * width), sizeof *read);
    hd_scored_token *items = hd_arena_alloc(&results->arena, (size_t)(count * width), sizeof *items);
    if (!read || !items) return HEED_MEMORY;
    hd_records_read(h->last, h->made, count, g->top_log_probs, read);
    for (int64_t i = 0; i < count * width; i++) HD_TRY(add_token(speller, text, results, &read[i], &items[i]));
    if (h->stop_bytes && !g->keep_stop) count = count_kept(items, count, width, h->stop_bytes);
    *out = (hd_answer_tokens){(size_t)count, (size_t)g->top_log_probs, items};
    return HEED_OK;
}

heed_status hd_answer_tokens_make(const hd_generation *g, const hd_hypothesis *h, int64_t count,
                                  const heed_tokenizer *tokenizer, heed_results *results, hd_answer_tokens *tokens) {
    hd_speller speller;
    hd_buffer text;
    hd_buffer_open(&text, results->context);
    heed_status status = hd_speller_open(&speller, tokenizer, results->context);
    if (status == HEED_OK) status = make(g, h, count, &speller, &text, results, tokens);
    hd_speller_close(&speller);
    hd_buffer_close(&text);
    return status;
}
