/* tokenizer.json files, texts and training. After a first byte 'j' the rest is a tokenizer.json, which encodes and decodes a
 * text if it opens; after 't' to 'z' a corpus to train on, one letter per kind; else a text for one of the tokenizers
 * below. Traps on a broken promise: offsets past the text, ids past the vocabulary, a tokenizer that heed saved and cannot
 * open. */
#include "saved.h"
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

#define BYTES                                                                                                   \
    "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"\u0120\":0,\"a\":1,\"b\":2,\"\u0120a\":3," \
    "\"\u0120ab\":4,\"\u00c3\":5,\"\u00a9\":6,\"\u0109\":7,\"\u010a\":8,\"\u0120\u0120\":9,\"'\":10,\"s\":11}," \
    "\"merges\":[[\"\u0120\",\"a\"],[\"\u0120a\",\"b\"],[\"\u0120\",\"\u0120\"]]}}"

/* Contents of files, and paths. */
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
    /* BERT's */
    "{" ADDED
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"<s>\",13],\"sep\":[\"?\",0]},"
    "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"continuing_subword_prefix\":\"##\","
    "\"max_input_chars_per_word\":12,\"vocab\":{\"?\":0,\"a\":1,\"##a\":2,\"ab\":3,\"##ab\":4,\"##abab\":5,\".\":6,"
    "\"'\":7,\"b\":8,\"##b\":9,\"e\":10,\"##\":11,\"\u4e2d\":12}}}",
    /* RoBERTa's */
    "{" ADDED
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"<s>\",12],\"sep\":[\"aB\",13],\"trim_offsets\":true,"
    "\"add_prefix_space\":true}," BYTES,
    /* Llama 3's */
    "{" ADDED
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"behavior\":\"Isolated\","
    "\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"}},"
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},"
    "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}," BYTES,
    /* words with a prefix inside and a suffix at the end, split at empty and other matches */
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
    "\"behavior\":\"MergedWithNext\",\"invert\":true},{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?=[A-Z])|b*\"},"
    "\"behavior\":\"Contiguous\"}]},\"decoder\":{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"},"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"fuse_unk\":true,\"continuing_subword_prefix\":\"##\","
    "\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"?\":0,\"a\":1,\"##b\":2,\"ab\":3,\"##b</w>\":4,\"ab</"
    "w>\":5,\"##a\":6,"
    "\"a</w>\":7,\"##ab\":8},\"merges\":[[\"a\",\"##b\"],[\"a\",\"##b</w>\"],[\"##a\",\"##b\"]]}}",
    /* Unigram, with a character map, and with bytes for unknown text */
    GOLDEN "/sentencepiece/mapped/tokenizer.json",
    GOLDEN "/sentencepiece/bytes/tokenizer.json",
};

static void check(bool holds) {
    if (!holds) __builtin_trap();
}

static void use(heed_context *context, const heed_tokenizer *tokenizer, const char *text, size_t size) {
    hd_encoding encoding = {0};
    hd_buffer decoded;
    hd_buffer_open(&decoded, context);
    hd_encode_options options = {.add_special = true, .key = hd_random_key_make(size, HD_RANDOM_DROPOUT, 0)};
    for (int i = 0; i < 3; i++, options.dropout = i == 1 ? 0.5f : 0) {
        if (i == 2) options.second = text, options.second_size = size / 2;
        heed_status status = hd_tokenizer_encode_with(tokenizer, context, text, size, &options, &encoding);
        /* A pattern may exceed its limits, and a vocabulary may lack the unknown token. */
        check(status == HEED_OK || status == HEED_LENGTH || status == HEED_FORMAT || status == HEED_UNSUPPORTED);
        if (status != HEED_OK) break;
        for (size_t j = 0; j < encoding.count; j++) {
            check(encoding.starts[j] <= encoding.ends[j] && encoding.ends[j] <= size);
            check(hd_tokenizer_token(tokenizer, encoding.ids[j]) != NULL);
        }
        status = hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, i > 0, &decoded);
        check(status == HEED_OK || status == HEED_LENGTH || status == HEED_UNSUPPORTED);
    }
    hd_buffer_close(&decoded);
    hd_encoding_close(&encoding);
}

typedef struct corpus {
    const char *at, *end;
    bool ends; /* lines include their ends */
} corpus;

static heed_status next_line(void *user, const char **text, size_t *size) {
    corpus *lines = user;
    *text = NULL;
    if (lines->at == lines->end) return HEED_OK;
    const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    *text = lines->at;
    *size = (size_t)((newline ? newline : lines->end) - lines->at);
    lines->at = newline ? newline + 1 : lines->end;
    if (lines->ends) *size = (size_t)(lines->at - *text);
    return HEED_OK;
}

static void train(heed_context *context, hd_tokenizer_kind kind, const char *text, size_t size) {
    hd_tokenizer_options options = hd_tokenizer_options_of(kind);
    options.vocabulary_size =
        (kind >= HD_KIND_BYTE_BPE && kind != HD_KIND_CHARACTERS && kind != HD_KIND_UNIGRAM ? 250 : 40) + size % 50;
    options.min_frequency = size % 3;
    options.form = (hd_normal_form)(size % 5);
    options.lowercase = size % 2;
    options.alphabet_limit = size % 7 ? 0 : 5;
    corpus lines = {text, text + size, hd_tokenizer_learns_line_ends(kind)};
    heed_tokenizer *tokenizer;
    heed_status status = hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer);
    if (kind == HD_KIND_UNIGRAM && status == HEED_ARGUMENT) return; /* more characters than tokens */
    check(status == HEED_OK);
    check_saved_tokenizer(context, tokenizer);
    use(context, tokenizer, text, size);
    hd_tokenizer_close(tokenizer);
}

/* The tokenizers above and their context, opened once: what an input does not change need not be made for each. */
static heed_context *shared;
static heed_tokenizer *opened[sizeof tokenizers / sizeof *tokenizers];

static const heed_tokenizer *own_tokenizer(size_t number) {
    if (!opened[number]) {
        const char *json = tokenizers[number];
        heed_status status = json[0] == '{' ? hd_tokenizer_parse(shared, "own", json, strlen(json), &opened[number])
                                            : hd_tokenizer_open(shared, json, &opened[number]);
        check(status == HEED_OK);
    }
    return opened[number];
}

__attribute__((destructor)) static void close_all(void) {
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) hd_tokenizer_close(opened[i]);
    heed_context_close(shared);
}

static void parse(heed_context *context, const char *json, size_t size) {
    static const char line[] =
        " ab <s> a\xCC\x81 \xC3\xA9\xFF, ABAB\xE2\x96\x81 12 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    heed_tokenizer *tokenizer;
    if (hd_tokenizer_parse(context, "file", json, size, &tokenizer) != HEED_OK) return;
    check_saved_tokenizer(context, tokenizer);
    use(context, tokenizer, line, strlen(line));
    hd_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || (!shared && heed_context_open(&shared) != HEED_OK)) return 0;
    const char *text = (const char *)data + 1;
    if (data[0] >= 't' && data[0] <= 'z')
        train(shared, (hd_tokenizer_kind)(data[0] - 't'), text, size - 1);
    else if (data[0] == 'j')
        parse(shared, text, size - 1);
    else
        use(shared, own_tokenizer(data[0] % (sizeof tokenizers / sizeof *tokenizers)), text, size - 1);
    return 0;
}
