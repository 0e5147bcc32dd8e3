/* BLEU: any bytes as a hypothesis and two references, separated by newlines. Scores are between 0 and 100, and a hypothesis
 * matches itself completely. */
#include "measure/metrics/bleu.h"

#include <stdlib.h>
#include <string.h>

static void check(bool truth) {
    if (!truth) abort();
}

static void score(heed_context *context, const hd_bleu_options *options, const char *const texts[3],
                  const size_t sizes[3]) {
    hd_bleu *bleu = NULL;
    hd_bleu_result result;
    hd_buffer line;
    hd_buffer_open(&line, context);
    check(hd_bleu_open(context, options, &bleu) == HEED_OK);
    check(hd_bleu_add(bleu, texts[0], sizes[0], texts + 1, sizes + 1, 2) == HEED_OK);
    hd_bleu_score(bleu, &result);
    check(result.score >= 0 && result.score < 100.0001);
    hd_bleu_json(bleu, &result, 1, &line);
    check(!line.failed && line.size > 0);
    int64_t matches = result.matches[0], total = result.totals[0];
    check(hd_bleu_add(bleu, texts[0], sizes[0], texts, sizes, 3) == HEED_OK);
    hd_bleu_score(bleu, &result);
    check(result.totals[0] == 2 * total && result.matches[0] == matches + total);
    hd_buffer_close(&line);
    hd_bleu_close(bleu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    heed_context *context = NULL;
    if (heed_context_open(&context) != HEED_OK) return 0;
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)(data[0] & 3),
                               .smoothing = (hd_bleu_smoothing)(data[0] >> 2 & 3),
                               .lowercase = data[0] >> 4 & 1,
                               .effective_order = data[0] >> 5 & 1};
    const char *texts[3], *at = (const char *)data + 1, *end = (const char *)data + size;
    size_t sizes[3];
    for (int i = 0; i < 3; i++) {
        const char *newline = i < 2 ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        const char *stop = newline ? newline : end;
        texts[i] = at;
        sizes[i] = (size_t)(stop - at);
        at = newline ? newline + 1 : end;
    }
    score(context, &options, texts, sizes);
    heed_context_close(context);
    return 0;
}
