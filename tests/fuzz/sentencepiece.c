/* SentencePiece models. The first byte chooses a class of tokenizers, the rest is a model, which encodes and decodes a text if
 * it opens. Traps on a broken promise: offsets past the text, ids past the vocabulary, a tokenizer that heed saved and cannot
 * open. */
#include "saved.h"
#include "text/sentencepiece_tokenizer.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) __builtin_trap();
}

static const char *const settings[] = {
    "{}",
    "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":3}",
    "{\"tokenizer_class\":\"XLMRobertaTokenizer\"}",
    "{\"tokenizer_class\":\"CamembertTokenizer\"}",
    "{\"tokenizer_class\":\"MBart50Tokenizer\",\"src_lang\":\"de_DE\"}",
    "{\"tokenizer_class\":\"NllbTokenizer\",\"legacy_behaviour\":true,\"extra_special_tokens\":[\"eng_Latn\"]}",
    "{\"tokenizer_class\":\"AlbertTokenizer\"}",
    "{\"tokenizer_class\":\"DebertaV2Tokenizer\",\"do_lower_case\":true,\"split_by_punct\":true}",
    "{\"tokenizer_class\":\"PegasusTokenizer\",\"offset\":5}",
    "{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":true,\"add_eos_token\":true}",
    "{\"tokenizer_class\":\"GemmaTokenizer\"}",
    "{\"tokenizer_class\":\"Other\",\"added_tokens_decoder\":{\"3\":{\"content\":\"<new>\"}},\"legacy\":false}",
};

static void use(heed_context *context, const heed_tokenizer *tokenizer) {
    static const char text[] =
        " ab <s> a\xCC\x81 \xC3\xA9\xFF, ABAB\xE2\x96\x81 12\t\xEF\xBC\xA1 the dog aaaaaaaaaaaaaaaa ";
    hd_encoding encoding = {0};
    hd_buffer decoded;
    hd_buffer_open(&decoded, context);
    const hd_encode_options options = {.add_special = true, .second = text, .second_size = 9};
    heed_status status = hd_tokenizer_encode_with(tokenizer, context, text, sizeof text - 1, &options, &encoding);
    check(status == HEED_OK || status == HEED_FORMAT || status == HEED_LENGTH);
    for (size_t i = 0; i < encoding.count && status == HEED_OK; i++) {
        check(encoding.starts[i] <= encoding.ends[i] && encoding.ends[i] <= sizeof text);
        check(hd_tokenizer_token(tokenizer, encoding.ids[i]) != NULL);
    }
    if (status == HEED_OK)
        check(hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &decoded) == HEED_OK);
    hd_buffer_close(&decoded);
    hd_encoding_close(&encoding);
}

static heed_context *shared;

__attribute__((destructor)) static void close_shared(void) { heed_context_close(shared); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || (!shared && heed_context_open(&shared) != HEED_OK)) return 0;
    hd_sentencepiece model;
    hd_tokenizer_config config = {.context = shared};
    heed_tokenizer *tokenizer = NULL;
    const char *json = settings[data[0] % (sizeof settings / sizeof *settings)];
    check(hd_json_open_bytes(shared, "settings", json, strlen(json), HD_JSON_LENIENT, &config.options) == HEED_OK);
    heed_status status = hd_sentencepiece_parse(shared, "model", data + 1, size - 1, &model);
    if (status == HEED_OK) status = hd_sentencepiece_tokenizer_build(shared, "model", &model, &config, &tokenizer);
    if (status == HEED_OK) {
        use(shared, tokenizer);
        check_saved_tokenizer(shared, tokenizer);
    }
    hd_tokenizer_close(tokenizer);
    hd_tokenizer_config_close(&config);
    hd_sentencepiece_close(&model);
    return 0;
}
