/* Tiny models with random weights for targets that run them: one of each kind, made when an input first uses it and kept,
 * since no input changes a model. The context has one thread. */
#ifndef TESTS_FUZZ_MODELS_H
#define TESTS_FUZZ_MODELS_H

#include "models/model.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(int truth) {
    if (!truth) abort();
}

/* A WordPiece tokenizer of 40 tokens. "</s>" is 0, "[PAD]" the last. */
#define FUZZ_WORDS(post_processor)                                                                                 \
    "{\"added_tokens\":[{\"id\":0,\"content\":\"</s>\",\"special\":true},{\"id\":2,\"content\":\"[CLS]\","         \
    "\"special\":true},{\"id\":3,\"content\":\"[SEP]\",\"special\":true},{\"id\":4,\"content\":\"[MASK]\","        \
    "\"special\":true,\"lstrip\":true},{\"id\":39,\"content\":\"[PAD]\",\"special\":true}],"                       \
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"              \
    "\"post_processor\":" post_processor                                                                           \
    ",\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"                                    \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","              \
    "\"max_input_chars_per_word\":20,\"vocab\":{\"</s>\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,"      \
    "\"a\":5,\"##a\":6,\"b\":7,\"##b\":8,\"ab\":9,\"##ab\":10,\"dog\":11,\"##s\":12,\"the\":13,\".\":14,\",\":15," \
    "\"'\":16,\"e\":17,\"##e\":18,\"\u4e2d\":19,\"\u6587\":20,\"i\":21,\"##i\":22,\"o\":23,\"##o\":24,\"n\":25,"   \
    "\"##n\":26,\"1\":27,\"##1\":28,\"-\":29,\"<\":30,\"&\":31,\"\\\"\":32,\"t\":33,\"##t\":34,\"\u00e9\":35,"     \
    "\"\\u0001\":36,\"\\u001b\":37,\"\\u202e\":38,\"[PAD]\":39}}}"
#define FUZZ_BERT_POST "{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\",3]}"
#define FUZZ_END_POST                                                                                             \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":" \
    "{\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":"      \
    "{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":{\"</s>\":{\"id\":\"</s>\",\"ids\":[0],\"tokens\":"        \
    "[\"</s>\"]}}}"
/* Bytes: tokens are often parts of a character, and many bytes have none. */
#define FUZZ_BYTES                                                                                                     \
    "{\"added_tokens\":[{\"id\":0,\"content\":\"</s>\",\"special\":true}],\"pre_tokenizer\":{\"type\":\"ByteLevel\","  \
    "\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":{"         \
    "\"</s>\":0,\"\u0120\":1,\"a\":2,\"b\":3,\"\u0120a\":4,\"\u0120ab\":5,\"\u00c3\":6,\"\u00a9\":7,\"\u0109\":8,"     \
    "\"\u010a\":9,\"\u0120\u0120\":10,\"'\":11,\"s\":12,\"\u00e2\":13,\"\u0138\":14,\"\u0123\":15,\"\u00ff\":16,"      \
    "\"\u00f0\":17,\"\u0141\":18,\"\u013a\":19,\"\u0122\":20,\"\u00bd\":21,\"\u00bf\":22,\"\u00ef\":23,\"\u0100\":24," \
    "\"<\":25,\"/\":26,\">\":27,\"\\\"\":28,\"&\":29,\"\u0161\":30,\"ab\":31},\"merges\":[[\"\u0120\",\"a\"],"         \
    "[\"\u0120a\",\"b\"],[\"\u0120\",\"\u0120\"],[\"a\",\"b\"]]}}"

#define FUZZ_BERT                                                                            \
    "\"vocab_size\":40,\"hidden_size\":8,\"num_hidden_layers\":1,\"num_attention_heads\":2," \
    "\"intermediate_size\":16,\"max_position_embeddings\":24,\"pad_token_id\":39,"
#define FUZZ_RECURRENT                                                                                                \
    "\"hidden_size\":8,\"decoder_layers\":1,\"max_position_embeddings\":16,\"eos_token_id\":0,\"decoder_start_token_" \
    "id\":"

typedef struct fuzz_kind {
    const char *name; /* the first letter identifies it in an input */
    const hd_family *family;
    const char *config, *tokenizer;
} fuzz_kind;

static const fuzz_kind fuzz_kinds[] = {
    {"translator", &hd_marian,
     "{\"vocab_size\":40,\"d_model\":8,\"encoder_layers\":1,\"encoder_attention_heads\":2,\"encoder_ffn_dim\":16,"
     "\"decoder_layers\":2,\"decoder_attention_heads\":2,\"decoder_ffn_dim\":16,\"max_position_embeddings\":24,"
     "\"activation_function\":\"relu\",\"scale_embedding\":true,\"pad_token_id\":39,\"eos_token_id\":0,"
     "\"decoder_start_token_id\":39}",
     FUZZ_WORDS(FUZZ_END_POST)},
    {"recurrent translator", &hd_heed_rnn,
     "{\"vocab_size\":40,\"encoder_layers\":1,\"cell\":\"gru\",\"memory\":\"bahdanau\",\"pad_token_id\":"
     "39," FUZZ_RECURRENT "39}",
     FUZZ_WORDS(FUZZ_END_POST)},
    {"concatenated memory", &hd_heed_rnn,
     "{\"vocab_size\":40,\"encoder_layers\":1,\"cell\":\"lstm\",\"memory\":\"concatenated\",\"pad_token_id\":39,"
     "\"bidirectional\":false," FUZZ_RECURRENT "39}",
     FUZZ_WORDS(FUZZ_END_POST)},
    {"gpt2", &hd_gpt2,
     "{\"vocab_size\":32,\"n_positions\":12,\"n_embd\":8,\"n_layer\":1,\"n_head\":2,\"bos_token_id\":0,"
     "\"eos_token_id\":0}",
     FUZZ_BYTES},
    {"llama", &hd_llama,
     "{\"vocab_size\":32,\"hidden_size\":8,\"intermediate_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
     "\"num_key_value_heads\":2,\"max_position_embeddings\":80,\"eos_token_id\":0}",
     FUZZ_BYTES},
    {"network, recurrent", &hd_heed_rnn,
     "{\"vocab_size\":32,\"encoder_layers\":0,\"cell\":\"lstm\",\"memory\":\"last\"," FUZZ_RECURRENT "0}", FUZZ_BYTES},
    {"masked", &hd_bert, "{" FUZZ_BERT "\"architectures\":[\"BertForMaskedLM\"]}", FUZZ_WORDS(FUZZ_BERT_POST)},
    {"one label", &hd_bert,
     "{" FUZZ_BERT "\"architectures\":[\"BertForSequenceClassification\"],\"id2label\":{\"0\":\"\\u001b[2J\",\"1\":"
     "\"\",\"2\":\"a\\nb\"}}",
     FUZZ_WORDS(FUZZ_BERT_POST)},
    {"several labels", &hd_bert,
     "{" FUZZ_BERT "\"architectures\":[\"BertForSequenceClassification\"],\"problem_type\":"
     "\"multi_label_classification\",\"id2label\":{\"0\":\"x\",\"1\":\"y\"}}",
     FUZZ_WORDS(FUZZ_BERT_POST)},
    {"value", &hd_bert,
     "{" FUZZ_BERT "\"architectures\":[\"BertForSequenceClassification\"],\"problem_type\":\"regression\","
     "\"id2label\":{\"0\":\"x\"}}",
     FUZZ_WORDS(FUZZ_BERT_POST)},
    {"entities", &hd_bert,
     "{" FUZZ_BERT "\"architectures\":[\"BertForTokenClassification\"],\"id2label\":{\"0\":\"O\",\"1\":\"B-X\",\"2\":"
     "\"I-X\",\"3\":\"E-Y\",\"4\":\"S-\",\"5\":\"L\",\"6\":\"\",\"7\":\"e-mail\"}}",
     FUZZ_WORDS(FUZZ_BERT_POST)},
    {"jointly predicted entities", &hd_heed_rnn,
     "{\"vocab_size\":40,\"hidden_size\":8,\"encoder_layers\":1,\"decoder_layers\":0,\"cell\":\"gru\",\"memory\":"
     "\"last\","
     "\"crf\":true,\"architectures\":[\"HeedRecurrentForTokenClassification\"],\"id2label\":{\"0\":\"O\",\"1\":\"B-X\","
     "\"2\":\"I-X\"}}",
     FUZZ_WORDS("null")},
};
enum { FUZZ_GENERATING = 6, FUZZ_KINDS = sizeof fuzz_kinds / sizeof *fuzz_kinds }; /* the first ones generate */

static heed_context *fuzz_context;
static heed_model *fuzz_models[FUZZ_KINDS];

__attribute__((destructor)) static void close_fuzz_models(void) {
    for (size_t i = 0; i < FUZZ_KINDS; i++) hd_model_close(fuzz_models[i]);
    heed_context_close(fuzz_context);
}

/* Larger weights than those of a new model: its scores would all be nearly equal. */
static inline void spread_fuzz_weights(hd_network *network) {
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = network->parameters[i];
        hd_use use = network->slots[i].use;
        for (int64_t j = 0; (use == HD_USE_MATRIX || use == HD_USE_TABLE) && j < hd_parameter_count(p); j++)
            p->data[j] *= 3;
    }
}

static inline heed_model *make_fuzz_model(const fuzz_kind *kind) {
    hd_json config;
    hd_recipe recipe;
    heed_tokenizer *tokenizer;
    heed_model *model;
    heed_context *context = fuzz_context;
    check(hd_json_open_bytes(context, kind->name, kind->config, strlen(kind->config), HD_JSON_STRICT, &config) == 0);
    check(hd_family_read(kind->family, &config, &recipe) == HEED_OK);
    check(hd_tokenizer_parse(context, kind->name, kind->tokenizer, strlen(kind->tokenizer), &tokenizer) == HEED_OK);
    check(hd_model_make(context, kind->family, &recipe, tokenizer, 1, &model) == HEED_OK);
    check(hd_labels_read(&config, model) == HEED_OK);
    spread_fuzz_weights(model->network);
    check(hd_network_pack(model->network) == HEED_OK);
    hd_json_close(&config);
    return model;
}

/* The model whose kind has this number, counted past the last one again. */
static inline heed_model *fuzz_model(size_t number) {
    number %= FUZZ_KINDS;
    if (!fuzz_context) {
        check(heed_context_open(&fuzz_context) == HEED_OK);
        check(heed_context_set_threads(fuzz_context, 1) == HEED_OK);
    }
    if (!fuzz_models[number]) fuzz_models[number] = make_fuzz_model(&fuzz_kinds[number]);
    return fuzz_models[number];
}

/* ---- options ---- */

/* Sets options from lines "name=value" or "name" up to an empty line, except numbers above `most`, which may take long.
 * Returns what follows the empty line. The text ends with a 0 at `end`. */
static inline char *read_fuzz_options(heed_options *options, char *at, char *end, double most) {
    for (char *newline; at < end && *at != '\n'; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) newline = end;
        *newline = 0;
        char *value = strchr(at, '=');
        if (value) *value++ = 0;
        if (!value || !(strtod(value, NULL) > most)) {
            heed_status status = heed_options_set(options, at, value);
            check(status == HEED_OK || (status == HEED_ARGUMENT && heed_context_message(fuzz_context)[0]));
        }
        if (newline == end) return end;
    }
    return at < end ? at + 1 : end;
}

#endif
