/* libFuzzer: tokenizer.json files, texts and training. The first byte chooses: 'j', the rest is a tokenizer.json, which
 * encodes and decodes a text if it opens; 't', the rest is a corpus to train on; else the rest is a text for one of the
 * tokenizers below. Traps where a promise is broken: offsets past the text, ids past the vocabulary, a tokenizer that
 * heed saved and cannot open. */
#include "base/buffer.h"
#include "text/train.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODEL                                                                                                      \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"fuse_unk\":true,\"byte_fallback\":true,\"vocab\":{\"?\":0," \
    "\"\u2581\":1,\"a\":2,"                                                                                        \
    "\"b\":3,\"ab\":4,\"\u2581ab\":5,\"abab\":6,\"aa\":7,\"<0xC3>\":8,\"<0xA9>\":9,\"e\":10,\"\u0301\":11},"       \
    "\"merges\":[[\"a\",\"b\"],[\"\u2581\",\"ab\"],[\"ab\",\"ab\"],[\"a\",\"a\"]]}}"
#define ADDED                                                                                                    \
    "\"added_tokens\":[{\"id\":20,\"content\":\"<s>\",\"special\":true,\"lstrip\":true},{\"id\":21,\"content\":" \
    "\"aB\","                                                                                                    \
    "\"special\":false,\"single_word\":true,\"rstrip\":true}],"

static const char *const tokenizers[] = {
    "{" ADDED
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
    "\"prepend_scheme\":\"always\"},{\"type\":\"Punctuation\"}]},\"decoder\":{\"type\":\"Metaspace\",\"replacement\":"
    "\"\u2581\"}," MODEL,
    "{" ADDED
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\"},{\"type\":\"NFKC\"},{\"type\":"
    "\"Lowercase\"}]},"
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":"
    "\"Strip\","
    "\"content\":\"a\",\"start\":1,\"stop\":2}]}," MODEL,
    "{" ADDED
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"},"
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"ab\"},\"content\":\"b "
    "\"},{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}]},"
    "\"pre_tokenizer\":{\"type\":\"Whitespace\"}," MODEL,
    "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
    "\"Digits\","
    "\"individual_digits\":true},{\"type\":\"Punctuation\",\"behavior\":\"MergedWithPrevious\"},{\"type\":"
    "\"Metaspace\","
    "\"replacement\":\"_\",\"prepend_scheme\":\"first\",\"split\":false}]}," MODEL,
};

static void check(bool holds) {
    if (!holds) __builtin_trap();
}

static void use(heed_context *context, const heed_tokenizer *tokenizer, const char *text, size_t size) {
    hd_encoding encoding = {0};
    hd_buffer decoded;
    hd_buffer_open(&decoded, context);
    hd_encode_options options = {.add_special = true, .key = hd_random_key_make(size, HD_RANDOM_DROPOUT, 0)};
    for (int i = 0; i < 2; i++, options.dropout = 0.5f) {
        check(hd_tokenizer_encode_with(tokenizer, context, text, size, &options, &encoding) == HEED_OK);
        for (size_t j = 0; j < encoding.count; j++) {
            check(encoding.starts[j] <= encoding.ends[j] && encoding.ends[j] <= size);
            check(hd_tokenizer_token(tokenizer, encoding.ids[j]) != NULL);
        }
        check(hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, i, &decoded) == HEED_OK);
    }
    hd_buffer_close(&decoded);
    hd_encoding_close(&encoding);
}

/* What heed writes, heed opens. */
static void write_again(heed_context *context, const heed_tokenizer *tokenizer) {
    heed_tokenizer *again;
    hd_buffer json;
    hd_buffer_open(&json, context);
    check(hd_tokenizer_write(tokenizer, &json) == HEED_OK);
    check(hd_tokenizer_parse(context, "saved", json.data, json.size, &again) == HEED_OK);
    check(hd_tokenizer_size(again) == hd_tokenizer_size(tokenizer));
    hd_tokenizer_close(again);
    hd_buffer_close(&json);
}

typedef struct corpus {
    const char *at, *end;
} corpus;

static heed_status next_line(void *user, const char **text, size_t *size) {
    corpus *lines = user;
    *text = NULL;
    if (lines->at == lines->end) return HEED_OK;
    const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    *text = lines->at;
    *size = (size_t)((newline ? newline : lines->end) - lines->at);
    lines->at = newline ? newline + 1 : lines->end;
    return HEED_OK;
}

static void train(heed_context *context, const char *text, size_t size) {
    static const char *const first[] = {"</s>", "<unk>"}, *const last[] = {"<pad>"};
    hd_tokenizer_options options = {.vocabulary_size = 40 + size % 50,
                                    .min_frequency = size % 3,
                                    .form = (hd_normal_form)(size % 5),
                                    .lowercase = size % 2,
                                    .alphabet_limit = size % 7 ? 0 : 5,
                                    .first_specials = first,
                                    .first_count = 2,
                                    .last_specials = last,
                                    .last_count = 1,
                                    .unknown = "<unk>",
                                    .end_of_sentence = "</s>"};
    corpus lines = {text, text + size};
    heed_tokenizer *tokenizer;
    check(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer) == HEED_OK);
    write_again(context, tokenizer);
    use(context, tokenizer, text, size);
    hd_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    const char *text = (const char *)data + 1;
    heed_tokenizer *tokenizer = NULL;
    if (data[0] == 't') {
        train(context, text, size - 1);
    } else if (data[0] == 'j') {
        static const char line[] =
            " ab <s> a\xCC\x81 \xC3\xA9\xFF, ABAB\xE2\x96\x81 12 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        if (hd_tokenizer_parse(context, "file", text, size - 1, &tokenizer) == HEED_OK) {
            write_again(context, tokenizer);
            use(context, tokenizer, line, strlen(line));
        }
    } else {
        const char *json = tokenizers[data[0] % (sizeof tokenizers / sizeof *tokenizers)];
        check(hd_tokenizer_parse(context, "own", json, strlen(json), &tokenizer) == HEED_OK);
        use(context, tokenizer, text, size - 1);
    }
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
    return 0;
}
