/* Documents: any text is divided into sentences, all of it is kept, and a document whose sentences are their own translation is
 * the same document. */
#include "models/model.h"
#include "tasks/parts.h"
#include "text/sentences.h"

#include <heed/heed.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static heed_context *context;
static heed_model *model;
static hd_decoding settings;

static void open_once(void) {
    if (model) return;
    if (heed_context_open(&context) != HEED_OK || heed_model_open(context, GOLDEN "/marian", &model) != HEED_OK ||
        hd_decoding_open(model, NULL, &hd_translate_table, &settings) != HEED_OK)
        abort();
}

static void check_sentences(const char *text, size_t size) {
    size_t next;
    for (size_t start = 0; start < size; start = next) {
        size_t end = hd_sentence_end(text, size, start, &next);
        if (end < start || next < end || next <= start || next > size) abort();
    }
    if (hd_words_end(text, size, 3) > size || hd_words_whole(text, size) > (int64_t)size) abort();
}

static void check_document(const char *text, size_t size) {
    hd_text_parts parts;
    hd_buffer whole;
    size_t tail, split;
    hd_text_parts_open(&parts, model, &settings);
    hd_buffer_open(&whole, context);
    heed_status status = hd_text_parts_add_document(&parts, 0, text, size, &tail, &split);
    if (status != HEED_OK && status != HEED_LENGTH) abort();
    for (size_t i = 0; i < parts.count; i++) {
        hd_buffer_append(&whole, parts.items[i].before, parts.items[i].before_size);
        hd_text_parts_write(&parts, &parts.items[i], parts.items[i].text, parts.items[i].size, &whole);
    }
    if (status == HEED_OK) {
        hd_buffer_append(&whole, text + tail, size - tail);
        if (whole.failed || whole.size != size || (size && memcmp(whole.data, text, size) != 0)) abort();
    }
    hd_buffer_close(&whole);
    hd_text_parts_close(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* of the exact size: reading past it is found */
    open_once();
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    check_sentences(text, size);
    check_document(text, size);
    free(text);
    return 0;
}
