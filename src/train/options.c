#include "train/options.h"

#define F(field) offsetof(hd_train_options, field)
#define INT(name, field, initial, min, max, help) \
    { name, HD_SETTING_INT, F(field), initial, min, max, "NUMBER", help }
#define FLOAT(name, field, initial, min, max, help) \
    { name, HD_SETTING_FLOAT, F(field), initial, min, max, "NUMBER", help }
#define FILE_NAME(name, field, help) \
    { name, HD_SETTING_STRING, F(field), NULL, 0, 0, "FILE", help }
#define FLAG(name, field, help) \
    { name, HD_SETTING_BOOL, F(field), NULL, 0, 0, NULL, help }
#define CHOICE(name, field, initial, names, help) \
    { name, HD_SETTING_CHOICE, F(field), initial, 0, 0, names, help }

static const hd_setting rows[] = {
    FILE_NAME("recipe", recipe, "a file of settings, NAME = VALUE a line, read before the others"),
    FLAG("resume", resume, "go on from the folder's last checkpoint"),
    CHOICE("objective", objective, "translate", "translate|language|masked|classify|tag",
           "what is learned: translations, the next token, hidden words, a label for a text, a label for each word"),
    FILE_NAME("train-source", train_source, "text, a line each; for tag a word and its label a line"),
    FILE_NAME("train-target", train_target, "its translations, or its labels, line by line"),
    FILE_NAME("valid-source", valid_source, "the same for validation"),
    FILE_NAME("valid-target", valid_target, "the same for validation"),
    FLAG("whole-file", whole_file, "language: a file is one text, not a text a line"),
    FILE_NAME("tokenizer", tokenizer, "a tokenizer.json; without one, it is trained on the training text"),
    CHOICE("tokenizer-kind", tokenizer_kind, "auto", "auto|bpe|wordpiece|byte-bpe|characters",
           "of one that is trained; auto: byte-bpe for language, wordpiece for bert, else bpe"),
    INT("vocabulary-size", vocabulary_size, "10000", 8, 1 << 21, "tokens of a tokenizer that is trained"),
    INT("min-frequency", min_frequency, "2", 1, 1 << 30, "how often a pair must occur to be merged"),
    FLAG("lowercase", lowercase, "the tokenizer makes all letters small"),
    CHOICE("normal-form", normal_form, "none", "none|nfc|nfd|nfkc|nfkd", "Unicode normal form of the text"),
    INT("max-tokens", max_tokens, "256", 2, 1 << 20,
        "pairs with a longer side are left out; texts to be continued are cut"),
    INT("shuffle-window", shuffle_window, "1000000", 1, 1 << 30, "examples that are sorted by length at a time"),
    FLOAT("bpe-dropout", bpe_dropout, "0", 0, 0.95,
          "of the merges that make tokens, anew in every epoch, in training text only"),
    FILE_NAME("model", model,
              "a model to start from in place of a new one; labels that it does not know get a new head"),
    CHOICE("family", family, "auto", "auto|marian|pegasus|bert|gpt2|llama|heed-rnn",
           "kind of model; auto: marian to translate, gpt2 for language, else bert"),
    CHOICE("cell", cell, "lstm", "elman|gru|lstm", "of a recurrent model"),
    CHOICE("memory", memory, "bahdanau", "last|mean|concatenated|bahdanau|luong-dot|luong-general|luong-concat",
           "what a recurrent decoder is given of the source"),
    FLAG("one-direction", one_direction, "a recurrent encoder reads forwards only"),
    FLAG("crf", crf, "a recurrent model tells the labels of words together, by a conditional random field"),
    INT("width", width, "128", 1, 1 << 16, "columns of every hidden state"),
    INT("encoder-layers", encoder_layers, "4", 1, 1024, "layers of the encoder"),
    INT("decoder-layers", decoder_layers, "4", 1, 1024, "layers of the decoder"),
    INT("heads", heads, "4", 1, 1024, "attention heads"),
    INT("key-heads", key_heads, "0", 0, 1024,
        "of keys and values, where queries share them (llama); 0: as many as heads"),
    INT("ffn-width", ffn_width, "256", 1, 1 << 20, "columns inside the feed-forward layers"),
    INT("max-positions", max_positions, "512", 2, 1 << 20, "longest text in tokens"),
    CHOICE("activation", activation, "auto", "auto|linear|relu|gelu|gelu-tanh|silu|tanh|sigmoid",
           "of the feed-forward layers; auto: as the family has it, relu to translate"),
    FLAG("pre-norm", pre_norm, "norm before each sublayer, not after it"),
    FLOAT("dropout", dropout, "0.1", 0, 0.95, "of embeddings and sublayers"),
    FLOAT("attention-dropout", attention_dropout, "0", 0, 0.95, "of attention weights"),
    FLOAT("activation-dropout", activation_dropout, "0", 0, 0.95, "inside the feed-forward layers"),
    INT("seed", seed, "1", 0, 9e15, "of the first weights, the order of the data and dropout"),
    INT("steps", steps, "10000", 1, 1e12, "updates"),
    INT("epochs", epochs, "0", 0, 1e9, "passes over the data after which to stop; 0: only steps count"),
    INT("batch-tokens", batch_tokens, "4096", 1, 1 << 24, "target tokens of a batch"),
    INT("accumulate", accumulate, "1", 1, 1 << 20, "batches of an update"),
    INT("chunk-tokens", chunk_tokens, "512", 1, 1 << 24, "target tokens whose gradients are summed in one piece"),
    {"lr", HD_SETTING_DOUBLE, F(lr), "0.001", 0, 10, "NUMBER", "largest learning rate"},
    CHOICE("schedule", schedule, "inverse-square-root", "inverse-square-root|cosine|linear|constant",
           "how the learning rate falls after the warm-up"),
    INT("warmup", warmup, "1000", 0, 1e12, "steps in which the learning rate rises"),
    FLOAT("beta1", beta1, "0.9", 0, 0.99999, "Adam's decay of the mean"),
    FLOAT("beta2", beta2, "0.98", 0, 0.999999, "Adam's decay of the square"),
    FLOAT("adam-epsilon", adam_epsilon, "1e-9", 1e-30, 1, "Adam's smallest divisor"),
    FLOAT("weight-decay", weight_decay, "0", 0, 10, "decoupled, as in AdamW"),
    FLOAT("clip", clip, "0", 0, 1e9, "largest norm of a gradient; 0: any"),
    FLOAT("label-smoothing", label_smoothing, "-1", -1, 0.9,
          "share of the target spread over all tokens; -1: 0.1 to translate, else 0"),
    CHOICE("compute", compute, "f32", "f32|bf16", "arithmetic of the products; weights and sums are f32 in both"),
    FLOAT("r-drop", r_drop, "0", 0, 1000,
          "weight of what two passes with other dropout disagree on; if it is not 0, a step takes twice as long"),
    INT("log-every", log_every, "50", 1, 1e12, "steps between lines of log.jsonl"),
    INT("save-every", save_every, "500", 1, 1e12, "steps between checkpoints to resume from"),
    INT("validate-every", validate_every, "500", 1, 1e12, "steps between validations"),
    INT("patience", patience, "0", 0, 1e9, "validations without a better one after which to stop; 0: never"),
    INT("keep", keep, "0", 0, 10000, "weights kept of the last validations"),
    INT("average", average, "0", 0, 10000, "last validations whose weights are averaged at the end, if that is better"),
    CHOICE("metric", metric, "auto", "auto|loss|bleu|accuracy|span-f1",
           "what makes a validation better; auto: BLEU, loss, accuracy or span F1, as the objective is"),
    INT("valid-beams", valid_beams, "1", 1, 1024, "beams of the validation's translations"),
    CHOICE("bleu-tokenize", bleu_tokenize, "13a", "13a|intl|char|none", "how the validation's BLEU splits words"),
    FLAG("bleu-lowercase", bleu_lowercase, "the validation's BLEU ignores case"),
    CHOICE("dtype", dtype, "f32", "f32|f16|bf16", "of the finished model's weights"),
    INT("beams", beams, "5", 1, 1024, "beams that the finished model asks for"),
    FLOAT("length-penalty", length_penalty, "1", -10, 10, "length penalty that the finished model asks for"),
    FILE_NAME("card", card, "a text that becomes the finished model's README.md"),
};

const hd_option_table hd_train_table = {rows, HD_COUNT(rows), sizeof(hd_train_options)};

heed_status heed_train_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_train_table, options);
}
