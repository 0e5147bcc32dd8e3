/* The bytes that tokens add to a text: together they are what the decoder makes of the tokens, for every kind of decoder. */
#include "token_texts.h"

#include <stdio.h>

static const char *const files[] = {"text/affixes",
                                    "text/bert",
                                    "text/characters",
                                    "text/gpt2",
                                    "text/ignore-merges",
                                    "text/llama-3",
                                    "text/llama",
                                    "text/marian",
                                    "text/merged",
                                    "text/metaspace-first",
                                    "text/metaspace-never",
                                    "text/old",
                                    "text/roberta",
                                    "text/trained-byte-bpe",
                                    "text/trained-characters",
                                    "text/trained-plain",
                                    "text/trained-wordpiece",
                                    "text/trained-wordpiece-cased",
                                    "text/whitespace"};

static void they_are_what_the_decoder_writes(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        char path[512];
        heed_context *context = open_context();
        heed_tokenizer *tokenizer;
        snprintf(path, sizeof path, GOLDEN "/%s.json", files[i]);
        assert_ok(context, hd_tokenizer_open(context, path, &tokenizer));
        check_token_texts(context, tokenizer, files[i]);
        hd_tokenizer_close(tokenizer);
        heed_context_close(context);
    }
}

/* A vocabulary with a space, words with and without marks, bytes and a special token. */
#define VOCABULARY                                                                                                    \
    "\"vocab\": {\"<s>\": 0, \"\\u2581a\": 1, \"b\": 2, \"\\u2581\": 3, \"<0xC3>\": 4, \"<0xA9>\": 5, \"c</w>\": 6, " \
    "\"##d\": 7, \",\": 8, \"'s\": 9, \" e\": 10, \"\\u00c3\\u013b\": 11, \"\\u0120f\": 12, \"</w>\": 13, \" \": 14}"

static const struct {
    const char *decoder;
    bool refused;
} decoders[] = {
    {"null", false},
    {"{\"type\": \"ByteLevel\"}", false},
    {"{\"type\": \"Metaspace\", \"replacement\": \"\\u2581\", \"prepend_scheme\": \"always\"}", false},
    {"{\"type\": \"Metaspace\", \"replacement\": \"\\u2581\", \"prepend_scheme\": \"never\"}", false},
    {"{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}", false},
    {"{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": false}", false},
    {"{\"type\": \"BPEDecoder\", \"suffix\": \"</w>\"}", false},
    {"{\"type\": \"Fuse\"}", false},
    {"{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"\\u2581\"}, "
     "\"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" "
     "\", "
     "\"start\": 1, \"stop\": 0}]}",
     false},
    {"{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 1}, "
     "{\"type\": \"Fuse\"}]}",
     false},
    {"{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", "
     "\"start\": 0, "
     "\"stop\": 1}]}",
     true},
    {"{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": "
     "\"ab\"}, \"content\": \"c\"}]}",
     true},
    {"{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, {\"type\": \"WordPiece\", \"prefix\": "
     "\"##\", "
     "\"cleanup\": true}]}",
     true},
};

static void every_decoder_is_exact_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(decoders); i++) {
        heed_context *context = open_context();
        heed_tokenizer *tokenizer;
        const hd_token_texts *texts;
        char json[4000];
        snprintf(
            json, sizeof json,
            "{\"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"single_word\": false, \"lstrip\": false, "
            "\"rstrip\": false, \"normalized\": false, \"special\": true}], \"normalizer\": null, \"pre_tokenizer\": "
            "null, \"post_processor\": null, \"decoder\": %s, \"model\": {\"type\": \"WordLevel\", %s, \"unk_token\": "
            "\"b\"}}",
            decoders[i].decoder, VOCABULARY);
        assert_ok(context, hd_tokenizer_parse(context, "crafted", json, strlen(json), &tokenizer));
        heed_status status = hd_tokenizer_texts(tokenizer, context, &texts);
        assert_int_equal(status, decoders[i].refused ? HEED_UNSUPPORTED : HEED_OK);
        if (status == HEED_OK) check_token_texts(context, tokenizer, decoders[i].decoder);
        hd_tokenizer_close(tokenizer);
        heed_context_close(context);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(they_are_what_the_decoder_writes),
                                              cmocka_unit_test(every_decoder_is_exact_or_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
