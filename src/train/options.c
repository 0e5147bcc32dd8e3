#include "train/options.h"

#include "data/objective.h"
#include "measure/metrics/bleu_tokenize.h"
#include "models/family.h"
#include "text/train.h"

/* ---- the names of choices, by their values ---- */

#define CHOICES(function, ...)                                                   \
    static const char *function(int value) {                                     \
        static const char *const names[] = {__VA_ARGS__};                        \
        return value >= 0 && value < (int)HD_COUNT(names) ? names[value] : NULL; \
    }

CHOICES(schedules, [HD_INVERSE_SQUARE_ROOT] = "inverse-square-root", [HD_COSINE] = "cosine", [HD_LINEAR] = "linear",
        [HD_CONSTANT] = "constant")
CHOICES(compute_modes, [HD_COMPUTE_F32] = "f32", [HD_COMPUTE_BF16] = "bf16")
CHOICES(weight_types, [HD_F32] = "f32", [HD_F16] = "f16", [HD_BF16] = "bf16")
CHOICES(normal_forms, [HD_FORM_NONE] = "none", [HD_FORM_NFC] = "nfc", [HD_FORM_NFD] = "nfd", [HD_FORM_NFKC] = "nfkc",
        [HD_FORM_NFKD] = "nfkd")
CHOICES(tokenizer_kinds, "auto", [1 + HD_KIND_BPE] = "bpe", [1 + HD_KIND_WORDPIECE] = "wordpiece",
        [1 + HD_KIND_BYTE_BPE] = "byte-bpe", [1 + HD_KIND_CHARACTERS] = "characters",
        [1 + HD_KIND_MASK_BYTE_BPE] = "mask-byte-bpe", [1 + HD_KIND_QWEN_BYTE_BPE] = "qwen-byte-bpe")
static const char *families(int value) {
    return value == 0 ? "auto" : value > 0 && hd_families[value - 1] ? hd_families[value - 1]->model_type : NULL;
}
CHOICES(cells, [HD_ELMAN] = "elman", [HD_GRU] = "gru", [HD_LSTM] = "lstm")
CHOICES(memories, [HD_MEMORY_LAST] = "last", [HD_MEMORY_MEAN] = "mean", [HD_MEMORY_CONCATENATED] = "concatenated",
        [HD_MEMORY_BAHDANAU] = "bahdanau", [HD_MEMORY_LUONG_DOT] = "luong-dot",
        [HD_MEMORY_LUONG_GENERAL] = "luong-general", [HD_MEMORY_LUONG_CONCAT] = "luong-concat")
CHOICES(activations, "auto", [1 + HD_IDENTITY] = "linear", [1 + HD_RELU] = "relu", [1 + HD_GELU] = "gelu",
        [1 + HD_GELU_TANH] = "gelu-tanh", [1 + HD_SILU] = "silu", [1 + HD_TANH] = "tanh", [1 + HD_SIGMOID] = "sigmoid")

/* ---- the table ---- */

#define F(field) offsetof(hd_train_options, field)
#define INT(name, field, initial, min, max, group, flags, help) \
    { name, HD_SETTING_INT, F(field), initial, min, max, "NUMBER", help, NULL, flags, group }
#define FLOAT(name, field, initial, min, max, group, flags, help) \
    { name, HD_SETTING_FLOAT, F(field), initial, min, max, "NUMBER", help, NULL, flags, group }
#define FILE_NAME(name, field, group, flags, help) \
    { name, HD_SETTING_STRING, F(field), NULL, 0, 0, "FILE", help, NULL, flags, group }
#define FLAG(name, field, group, flags, help) \
    { name, HD_SETTING_BOOL, F(field), NULL, 0, 0, NULL, help, NULL, flags, group }
#define CHOICE(name, field, initial, names, group, flags, help) \
    { name, HD_SETTING_CHOICE, F(field), initial, 0, 0, NULL, help, names, flags, group }

enum { FREE = HD_TRAIN_MAY_CHANGE, NEW = HD_TRAIN_NEW_MODEL, CALL = HD_TRAIN_OF_CALL };

/* Headings of --help. */
#define COMMON         NULL
#define DATA           "Data"
#define TOKENIZER      "Tokenizer"
#define ARCHITECTURE   "Architecture of a new model"
#define REGULARIZATION "Regularization"
#define OPTIMIZATION   "Optimization"
#define VALIDATION     "Validation and checkpoints"
#define FINISHED       "Finished model"

static const hd_setting rows[] = {
    FILE_NAME("recipe", recipe, COMMON, CALL,
              "file of options, one NAME = VALUE per line; options given here override it"),
    FLAG("resume", resume, COMMON, CALL, "continue from the folder's last checkpoint"),
    CHOICE("objective", objective, "translate", hd_objective_name, COMMON, 0,
           "task to learn: translation, language modelling, masked language modelling, text classification, tagging, "
           "question answering"),
    FILE_NAME("train-source", train_source, COMMON, 0,
              "training text, one per line; for tag one word and its label per line; for answer questions and contexts "
              "as SQuAD's "
              "JSON, or one JSON object per line"),
    FILE_NAME("train-target", train_target, COMMON, 0, "translations or labels of train-source, line by line"),
    FILE_NAME("valid-source", valid_source, COMMON, 0, "validation text, in the format of train-source"),
    FILE_NAME("valid-target", valid_target, COMMON, 0, "translations or labels of valid-source, line by line"),
    FLAG("whole-file", whole_file, DATA, 0, "language: each file is one text, not one text per line"),
    FILE_NAME("tokenizer", tokenizer, TOKENIZER, NEW,
              "tokenizer.json; without one, a tokenizer is trained on the training text"),
    CHOICE("tokenizer-kind", tokenizer_kind, "auto", tokenizer_kinds, TOKENIZER, NEW,
           "kind of tokenizer to train; auto: byte-bpe for language, wordpiece for bert, mask-byte-bpe for roberta, "
           "qwen-byte-bpe for qwen2, "
           "else bpe"),
    INT("vocabulary-size", vocabulary_size, "10000", 8, 1 << 21, TOKENIZER, NEW,
        "number of tokens of the tokenizer to train"),
    INT("min-frequency", min_frequency, "2", 1, 1 << 30, TOKENIZER, 0,
        "occurrences that a pair of tokens needs to be merged"),
    FLAG("lowercase", lowercase, TOKENIZER, 0, "lowercase all text in the tokenizer"),
    CHOICE("normal-form", normal_form, "none", normal_forms, TOKENIZER, 0,
           "Unicode normalization form in the tokenizer"),
    INT("max-tokens", max_tokens, "256", 2, 1 << 20, DATA, 0,
        "maximum tokens of a source or target; longer examples are left out, or cut for language, or into windows for "
        "answer"),
    INT("stride", stride, "-1", -1, 1 << 20, DATA, 0,
        "answer: tokens that windows of a long context have in common; -1: 128, or half of a short window"),
    INT("shuffle-window", shuffle_window, "1000000", 1, 1 << 30, DATA, 0,
        "number of examples that are sorted by length together"),
    FLOAT("bpe-dropout", bpe_dropout, "0", 0, 0.95, TOKENIZER, 0,
          "share of merges skipped in training text, chosen at random in each epoch"),
    {"model", HD_SETTING_STRING, F(model), NULL, 0, 0, "MODEL",
     "model to fine-tune in place of a new one; it gets a new head for labels that it lacks", NULL, 0, COMMON},
    {"family", HD_SETTING_CHOICE, F(family), "auto", 0, 0, "TYPE",
     "model type, such as bert, llama or t5; auto: marian for translate, gpt2 for language, else bert", families, NEW,
     COMMON},
    CHOICE("cell", cell, "lstm", cells, ARCHITECTURE, NEW, "recurrent cell of heed-rnn"),
    CHOICE("memory", memory, "bahdanau", memories, ARCHITECTURE, NEW,
           "heed-rnn: encoder information passed to the decoder, one context vector or attention"),
    FLAG("self-attention", self_attention, ARCHITECTURE, NEW,
         "heed-rnn, language: each state attends to itself and those before it"),
    FLAG("one-direction", one_direction, ARCHITECTURE, NEW, "heed-rnn: encoder that reads forwards only"),
    FLAG("copy", copy, ARCHITECTURE, NEW,
         "heed-rnn, translate: decoder that may copy tokens of the source; needs attention"),
    FLAG("crf", crf, ARCHITECTURE, 0, "heed-rnn, tag: conditional random field over the labels"),
    INT("width", width, "128", 1, 1 << 16, ARCHITECTURE, NEW, "width of every hidden state"),
    INT("encoder-layers", encoder_layers, "4", 1, 1024, ARCHITECTURE, NEW, "encoder layers"),
    INT("decoder-layers", decoder_layers, "4", 1, 1024, ARCHITECTURE, NEW, "decoder layers"),
    INT("heads", heads, "4", 1, 1024, ARCHITECTURE, NEW, "attention heads"),
    INT("key-heads", key_heads, "0", 0, 1024, ARCHITECTURE, NEW,
        "heads of keys and values, each shared by several query heads; 0: as many as heads"),
    INT("ffn-width", ffn_width, "256", 1, 1 << 20, ARCHITECTURE, NEW, "width inside the feed-forward layers"),
    INT("max-positions", max_positions, "512", 2, 1 << 20, ARCHITECTURE, NEW, "longest text in tokens"),
    CHOICE("activation", activation, "auto", activations, ARCHITECTURE, NEW,
           "activation of the feed-forward layers; auto: that of the family, relu for translate"),
    FLAG("pre-norm", pre_norm, ARCHITECTURE, NEW, "layer norm before each sublayer, not after it"),
    FLOAT("dropout", dropout, "0.1", 0, 0.95, REGULARIZATION, 0, "dropout rate on embeddings and sublayer outputs"),
    FLOAT("attention-dropout", attention_dropout, "0", 0, 0.95, REGULARIZATION, 0, "dropout rate on attention weights"),
    FLOAT("activation-dropout", activation_dropout, "0", 0, 0.95, REGULARIZATION, 0,
          "dropout rate inside the feed-forward layers"),
    INT("seed", seed, "1", 0, 9e15, OPTIMIZATION, 0, "random seed for initial weights, data order and dropout"),
    INT("steps", steps, "10000", 1, 1e12, COMMON, FREE, "weight updates"),
    INT("epochs", epochs, "0", 0, 1e9, COMMON, FREE, "passes over the data after which to stop; 0: no limit"),
    INT("batch-tokens", batch_tokens, "4096", 1, 1 << 24, COMMON, 0, "target tokens per batch"),
    INT("accumulate", accumulate, "1", 1, 1 << 20, OPTIMIZATION, 0, "batches per weight update"),
    INT("chunk-tokens", chunk_tokens, "512", 1, 1 << 24, OPTIMIZATION, 0,
        "target tokens per chunk, the part of a batch whose gradients one pass sums"),
    {"lr", HD_SETTING_DOUBLE, F(lr), "0.001", 0, 10, "NUMBER", "peak learning rate", NULL, FREE, COMMON},
    CHOICE("schedule", schedule, "inverse-square-root", schedules, OPTIMIZATION, FREE,
           "learning rate schedule after the warm-up"),
    INT("warmup", warmup, "1000", 0, 1e12, OPTIMIZATION, FREE, "warm-up steps, in which the learning rate rises"),
    FLOAT("beta1", beta1, "0.9", 0, 0.99999, OPTIMIZATION, 0, "Adam's decay rate of the mean"),
    FLOAT("beta2", beta2, "0.98", 0, 0.999999, OPTIMIZATION, 0, "Adam's decay rate of the mean square"),
    FLOAT("adam-epsilon", adam_epsilon, "1e-9", 1e-30, 1, OPTIMIZATION, 0, "Adam's epsilon, added to the divisor"),
    FLOAT("weight-decay", weight_decay, "0", 0, 10, REGULARIZATION, FREE, "decoupled weight decay, as in AdamW"),
    FLOAT("clip", clip, "0", 0, 1e9, OPTIMIZATION, FREE, "gradient norm limit; 0: none"),
    FLOAT("label-smoothing", label_smoothing, "-1", -1, 0.9, REGULARIZATION, 0,
          "share of the target spread over all tokens; -1: 0.1 for translate, else 0"),
    CHOICE("compute", compute, "f32", compute_modes, OPTIMIZATION, FREE,
           "arithmetic of matrix products; weights and sums are f32 in both"),
    FLOAT("r-drop", r_drop, "0", 0, 1000, REGULARIZATION, 0,
          "weight of the R-Drop loss, which compares two passes with different dropout; doubles the time per step"),
    INT("log-every", log_every, "50", 1, 1e12, VALIDATION, FREE, "steps between lines of log.jsonl"),
    INT("save-every", save_every, "500", 1, 1e12, VALIDATION, FREE, "steps between checkpoints"),
    INT("validate-every", validate_every, "500", 1, 1e12, VALIDATION, 0, "steps between validations"),
    INT("patience", patience, "0", 0, 1e9, VALIDATION, FREE,
        "validations without improvement after which to stop; 0: never"),
    INT("keep", keep, "0", 0, 10000, VALIDATION, 0, "number of last validations whose weights are kept"),
    INT("average", average, "0", 0, 10000, VALIDATION, FREE,
        "number of last validations whose weights are averaged at the end; the mean is saved if its score is better"),
    CHOICE("metric", metric, "auto", hd_metric_option, VALIDATION, 0,
           "metric that compares validations; auto: bleu, loss, accuracy, span-f1 or answer-f1, by objective"),
    INT("valid-beams", valid_beams, "1", 1, 1024, VALIDATION, 0, "beams for the translations of a validation"),
    CHOICE("bleu-tokenize", bleu_tokenize, "13a", hd_bleu_tokenizer_option, VALIDATION, 0,
           "tokenization of the validation's BLEU"),
    FLAG("bleu-lowercase", bleu_lowercase, VALIDATION, 0, "case-insensitive BLEU in validation"),
    CHOICE("dtype", dtype, "f32", weight_types, FINISHED, FREE, "element type of the finished model's weights"),
    INT("beams", beams, "5", 1, 1024, FINISHED, FREE, "recommended beams, written into the finished model"),
    FLOAT("length-penalty", length_penalty, "1", -10, 10, FINISHED, FREE,
          "recommended length penalty, written into the finished model"),
    FILE_NAME("card", card, FINISHED, FREE, "model card, copied to the finished model's README.md"),
};

const hd_option_table hd_train_table = {rows, HD_COUNT(rows), sizeof(hd_train_options)};

heed_status heed_train_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_train_table, options);
}
