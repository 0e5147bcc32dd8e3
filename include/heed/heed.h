/* heed: transformers in C. The one header that users include.
 *
 * Handles are opaque and are opened and closed in pairs. A function that can fail returns heed_status; the reason is
 * then one line of text in heed_context_message(context), good until the next failing call. heed never prints, exits
 * or aborts. A context, and all that was opened through it, is used by one thread at a time; separate contexts are
 * independent. Text is UTF-8; invalid bytes are read as U+FFFD, as Python's errors="replace" does. */
#ifndef HEED_HEED_H
#define HEED_HEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; heed_version() is the library's. CMakeLists.txt reads the three numbers. */
#define HEED_VERSION_MAJOR 0
#define HEED_VERSION_MINOR 1
#define HEED_VERSION_PATCH 0
#define HEED_VERSION HEED_VERSION_EXPAND_(HEED_VERSION_MAJOR, HEED_VERSION_MINOR, HEED_VERSION_PATCH) /* "0.1.0" */
#define HEED_VERSION_EXPAND_(major, minor, patch) HEED_VERSION_TEXT_(major, minor, patch)
#define HEED_VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch

#define HEED_API __attribute__((visibility("default")))

typedef enum heed_status {
    HEED_OK = 0,
    HEED_ARGUMENT,    /* the call makes no sense: an unknown setting, a value out of range */
    HEED_MEMORY,      /* an allocation failed */
    HEED_FILE,        /* the system refused to open, read or write */
    HEED_FORMAT,      /* a file is not what it should be */
    HEED_UNSUPPORTED, /* a file is sound but needs what heed lacks */
    HEED_LENGTH,      /* a text is longer than the model allows */
    HEED_NUMERIC,     /* a NaN or an infinity where none may be */
    HEED_STOPPED      /* a callback asked to stop */
} heed_status;

/* "out of memory", "file", …: the kind, for programs; people read heed_context_message. */
HEED_API const char *heed_status_name(heed_status status);

/* ---- context ------------------------------------------------------------------------------------------------- */

typedef struct heed_context heed_context;

/* Allocates (pointer NULL), resizes, or frees (size 0, returns NULL); NULL on failure. heed calls it from each of its own
 * threads, perhaps at the same time. */
typedef void *heed_resize_function(void *user, void *pointer, size_t size);
/* Receives notes and warnings, a line each without its newline. */
typedef void heed_log_function(void *user, const char *line);

/* Opens a context with all cores, malloc and no log. HEED_ARGUMENT if HEED_ISA names an instruction set that this
 * machine or build lacks: *context is then still set, to be asked for the message and closed. */
HEED_API heed_status heed_context_open(heed_context **context);
/* The same, with an allocator of the caller's. `resize` NULL means malloc. */
HEED_API heed_status heed_context_open_with(heed_resize_function *resize, void *user, heed_context **context);
/* A context for another thread: the same allocator, log, number of threads, arithmetic and instruction set, with a message
 * of its own. Both are closed, in any order. HEED_MEMORY. */
HEED_API heed_status heed_context_fork(heed_context *context, heed_context **fork);
HEED_API void heed_context_close(heed_context *context); /* after all that was opened through it; NULL is fine */
HEED_API const char *heed_context_message(const heed_context *context);
HEED_API void heed_context_set_log(heed_context *context, heed_log_function *log, void *user);
/* 1 to 256; 0 means as many as there are cores. */
HEED_API heed_status heed_context_set_threads(heed_context *context, int threads);
/* "f32" (from the start) or "bf16": the arithmetic of products in models that are opened from here on. bfloat16 is faster
 * where the CPU has it (AVX512-BF16), within about 1e-2 of f32, and the one mode whose bits each instruction set has to
 * itself. HEED_ARGUMENT for another word. A training's `compute` is the recipe's. */
HEED_API heed_status heed_context_set_compute(heed_context *context, const char *name);
/* How the context computes: "portable", "avx2", "avx512", "avx512bf16" or "neon", and on how many threads. */
HEED_API const char *heed_context_instruction_set(const heed_context *context);
HEED_API int heed_context_threads(const heed_context *context);
/* One line: the version, the bit epoch (float32 results are bit-identical within one), and the libraries that heed was
 * built with. */
HEED_API const char *heed_version(void);

/* ---- options -------------------------------------------------------------------------------------------------- */

/* The options of one kind of call, made by heed_translate_options, heed_train_options and so on. Names and values are
 * those of the command line: "beams", "5". Wherever options are taken, NULL means that nothing was set. */
typedef struct heed_options heed_options;

/* HEED_ARGUMENT for an unknown name or a value out of range; the message says what there is. A NULL value sets a flag. */
HEED_API heed_status heed_options_set(heed_options *options, const char *name, const char *value);
/* The options as --help shows them, for the caller to give to heed_free. */
HEED_API heed_status heed_options_help(const heed_options *options, char **text);
/* The name of option `index`, in the order of the help; NULL past the last. */
HEED_API const char *heed_options_name(const heed_options *options, size_t index);
/* True for an option that needs no value. */
HEED_API bool heed_options_is_flag(const heed_options *options, const char *name);
/* The kind of an option's value, "NUMBER", "FILE" or "FOLDER", or its possible values, "a|b|c", for the caller to give to
 * heed_free; *text is NULL for a flag and for an unknown name. HEED_MEMORY. */
HEED_API heed_status heed_options_argument(const heed_options *options, const char *name, char **text);
/* The line of help of an option; NULL for an unknown name. */
HEED_API const char *heed_options_about(const heed_options *options, const char *name);
HEED_API void heed_options_close(heed_options *options); /* NULL is fine */
/* Gives back text that heed handed over. */
HEED_API void heed_free(heed_context *context, void *text);

/* ---- models --------------------------------------------------------------------------------------------------- */

typedef struct heed_model heed_model;

/* Opens a Hugging Face folder, a shipped model by its name, or owner/name of the hub's cache: maps the weights, packs
 * them, and opens the tokenizer. HEED_FILE, HEED_FORMAT, HEED_NUMERIC or HEED_UNSUPPORTED; the message names the file and
 * the tensor or key. */
HEED_API heed_status heed_model_open(heed_context *context, const char *name, heed_model **model);
HEED_API void heed_model_close(heed_model *model); /* NULL is fine */
/* The folder that heed_model_open would open, for heed_free. HEED_FILE when there is none; the message says where it was
 * looked for. */
HEED_API heed_status heed_model_find(heed_context *context, const char *name, char **folder);
/* The names of the shipped models that are installed, sorted, each on a line; for heed_free. */
HEED_API heed_status heed_model_list(heed_context *context, char **names);
/* What `heed info` prints, as lines of text or as a JSON object on one line, without the last newline; for heed_free. */
HEED_API heed_status heed_model_describe(const heed_model *model, bool json, char **text);

/* ---- answers -------------------------------------------------------------------------------------------------- */

/* What a call made of an array of texts. */
typedef struct heed_results heed_results;

/* How many alternatives text `index` was given, the best first; 0 when it could not be worked on. */
HEED_API size_t heed_results_alternatives(const heed_results *results, size_t index);
/* Owned by the results; NULL when there is no such alternative. */
HEED_API const char *heed_results_text(const heed_results *results, size_t index, size_t alternative);
HEED_API float heed_results_score(const heed_results *results, size_t index, size_t alternative);
/* Of a text that was classified or tagged, and of a hidden word: the label, or the word; else NULL. */
HEED_API const char *heed_results_label(const heed_results *results, size_t index, size_t alternative);
/* The characters (code points) of the text that an alternative is about, from the first to one after the last. */
HEED_API void heed_results_span(const heed_results *results, size_t index, size_t alternative, size_t *start,
                                size_t *end);
/* With the option "alignment" of heed_translate: which words of the text became which of the answer, "0-0 1-2 2-1", both
 * counted from 0 and separated by blanks; else NULL. Owned by the results. */
HEED_API const char *heed_results_alignment(const heed_results *results, size_t index, size_t alternative);
/* Why text `index` has no answer (it is longer than the model allows, say), or NULL. */
HEED_API const char *heed_results_problem(const heed_results *results, size_t index);
HEED_API void heed_results_close(heed_results *results); /* NULL is fine */

/* ---- translation ---------------------------------------------------------------------------------------------- */

HEED_API heed_status heed_translate_options(heed_context *context, heed_options **options);
/* Translates `count` texts of `sizes` bytes each (NULL: they end in a 0), many at once; neither their number nor their
 * order changes a result. An empty text gives an empty one. A text that is too long has a problem; the others go on.
 * The caller closes the results before the model. */
HEED_API heed_status heed_translate(heed_model *model, const heed_options *options, const char *const *texts,
                                    const size_t *sizes, size_t count, heed_results **results);

/* ---- text to be continued ------------------------------------------------------------------------------------- */

/* Receives the next words of text `index` as they are made, `size` bytes of whole characters; false: stop that text there.
 * Called by the thread that called heed_generate; texts take turns. */
typedef bool heed_words_function(void *user, size_t index, const char *text, size_t size);

HEED_API heed_status heed_generate_options(heed_context *context, heed_options **options);
/* Goes on with `count` texts. An alternative's text is what was added, without the text itself; its score is log p /
 * length^penalty. A transformer that is asked for more than it has positions for slides on: when they are full it forgets
 * half of what it saw, and of a text longer than them it sees the end alone, which a note says. What is drawn for a text
 * depends on the seed and on its number alone: `first` is that of texts[0]. `words` may be NULL; with several beams or
 * alternatives it is not called. Else as heed_translate. */
HEED_API heed_status heed_generate(heed_model *model, const heed_options *options, const char *const *texts,
                                   const size_t *sizes, size_t count, uint64_t first, heed_words_function *words,
                                   void *user, heed_results **results);

/* ---- labels and hidden words ---------------------------------------------------------------------------------- */

/* Of each text every label with its probability, the likeliest first: the text of an alternative is its label too. */
HEED_API heed_status heed_classify(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                                   heed_results **results);
/* Of each text the named entities in it, in order: an alternative is the entity's words, its label without "B-" or "I-", and
 * where it stands; its score is the mean probability of its words' labels. */
HEED_API heed_status heed_tag(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                              heed_results **results);
/* The `best` likeliest words for each mask of each text, mask after mask: an alternative's label is the word, its span the
 * mask's place, its text the whole text with the word in it and, for other masks, their likeliest words. Masks are told each
 * by itself, as if the others stayed hidden. A text with no mask has a problem. */
HEED_API heed_status heed_fill(heed_model *model, const char *const *texts, const size_t *sizes, size_t count,
                               size_t best, heed_results **results);

/* ---- attention ------------------------------------------------------------------------------------------------ */

/* The attention weights of every head of every layer over one text. */
typedef struct heed_attention heed_attention;

HEED_API heed_status heed_attend_options(heed_context *context, heed_options **options);
/* Translates a text of `size` bytes, or takes the option "target" for its translation, and runs the model over both once
 * more with somebody looking on. HEED_LENGTH when one of them is longer than the model allows, HEED_UNSUPPORTED for a model
 * without attention. The caller closes *attention. */
HEED_API heed_status heed_attend(heed_model *model, const heed_options *options, const char *text, size_t size,
                                 heed_attention **attention);
HEED_API void heed_attention_close(heed_attention *attention); /* NULL is fine */

/* How many maps there are, and the kind of each: "encoder" or "decoder" (self-attention) or "cross" (the decoder's
 * attention to the encoder, and a recurrent decoder's alignment). Past the last map all of these give NULL. */
HEED_API int64_t heed_attention_maps(const heed_attention *attention);
HEED_API const char *heed_attention_kind(const heed_attention *attention, int64_t map);
/* [layers, heads, queries, keys], which `shape` is set to; a row of keys sums to 1. Owned by the attention, as the
 * labels are. */
HEED_API const float *heed_attention_weights(const heed_attention *attention, int64_t map, int64_t shape[4]);
HEED_API const char *heed_attention_query(const heed_attention *attention, int64_t map, int64_t index);
HEED_API const char *heed_attention_key(const heed_attention *attention, int64_t map, int64_t index);
HEED_API const char *heed_attention_source(const heed_attention *attention); /* the text */
HEED_API const char *heed_attention_target(const heed_attention *attention); /* its translation, or "" */

/* Draws what the options (the same ones) ask for, in their "format": lines of text, SVG, HTML, JSON or .npy. Text is in
 * 24-bit colour if `color`, and at most `columns` wide where that can be (0: any width). *bytes, [*size] and a 0, are for
 * heed_free. HEED_ARGUMENT for a kind, layer or head that is not there. */
HEED_API heed_status heed_attention_draw(const heed_attention *attention, const heed_options *options, bool color,
                                         int columns, char **bytes, size_t *size);
/* The same into a file, whole or not at all; its name's ending (.svg, .html, .json, .npy, else text) is the format, unless
 * the options name one. */
HEED_API heed_status heed_attention_save(const heed_attention *attention, const heed_options *options,
                                         const char *path);

/* ---- pictures of what is inside -------------------------------------------------------------------------------- */

/* What was seen of a model, to be drawn. Their options are those of heed_attend_options; one that does not go with a
 * picture is refused with HEED_ARGUMENT. The caller closes each picture before its models. */
typedef struct heed_picture heed_picture;

/* The steps of a recurrent decoder while it translates a text of `size` bytes: its states, scores over the encoder's states,
 * contexts, and the words that come out. HEED_UNSUPPORTED for a model that is not a recurrent encoder-decoder, HEED_LENGTH
 * as heed_attend. */
HEED_API heed_status heed_inspect_steps(heed_model *model, const heed_options *options, const char *text, size_t size,
                                        heed_picture **picture);
/* The embeddings of a text's tokens, each once, or with `text` NULL those of the first words of the vocabulary: a strip of
 * each, and their two principal components. HEED_LENGTH for more than 512 tokens. */
HEED_API heed_status heed_inspect_embeddings(heed_model *model, const heed_options *options, const char *text,
                                             size_t size, heed_picture **picture);
/* What tells a transformer where a token stands: its table of positions, or the sines and cosines of rotary ones.
 * HEED_UNSUPPORTED for a recurrent model, which has none. */
HEED_API heed_status heed_inspect_positions(heed_model *model, const heed_options *options, heed_picture **picture);
/* The words whose embeddings have the largest cosines with a word's. HEED_ARGUMENT when it is not a token. */
HEED_API heed_status heed_inspect_nearest(heed_model *model, const heed_options *options, const char *word,
                                          heed_picture **picture);
/* Of each language model one curve: the norm of the gradient of a token's loss with respect to the embedding of the token d
 * places before, against d, as the mean of windows of the `count` texts (`sizes` as in heed_translate). At least one model;
 * all were opened through one context. HEED_ARGUMENT for texts that are too short, HEED_UNSUPPORTED for another kind of
 * model. */
HEED_API heed_status heed_inspect_gradients(heed_model *const *models, size_t model_count, const heed_options *options,
                                            const char *const *texts, const size_t *sizes, size_t count,
                                            heed_picture **picture);
HEED_API void heed_picture_close(heed_picture *picture); /* NULL is fine */

/* Draws it as heed_attention_draw and heed_attention_save draw: as lines of text, SVG or JSON. HEED_ARGUMENT for a format
 * that it does not have. */
HEED_API heed_status heed_picture_draw(const heed_picture *picture, const heed_options *options, bool color,
                                       int columns, char **bytes, size_t *size);
HEED_API heed_status heed_picture_save(const heed_picture *picture, const heed_options *options, const char *path);

/* ---- tokenizers ----------------------------------------------------------------------------------------------- */

typedef struct heed_tokenizer heed_tokenizer;

/* Opens a tokenizer.json, or the one of a model, called as in heed_model_open. */
HEED_API heed_status heed_tokenizer_open(heed_context *context, const char *name, heed_tokenizer **tokenizer);
HEED_API void heed_tokenizer_close(heed_tokenizer *tokenizer);        /* NULL is fine */
HEED_API size_t heed_tokenizer_size(const heed_tokenizer *tokenizer); /* the largest id + 1 */
/* The token's text, "▁dog"; NULL when the id is not used. Owned by the tokenizer. */
HEED_API const char *heed_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id);

/* Ids, and for each the first character (code point) of the text that it stands for and the one after its last. */
typedef struct heed_encoding heed_encoding;

/* `special` adds what the tokenizer's template adds (</s>). The caller closes the encoding. */
HEED_API heed_status heed_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text,
                                           size_t size, bool special, heed_encoding **encoding);
HEED_API size_t heed_encoding_count(const heed_encoding *encoding);
HEED_API const int32_t *heed_encoding_ids(const heed_encoding *encoding);     /* [count] */
HEED_API const uint32_t *heed_encoding_starts(const heed_encoding *encoding); /* [count] */
HEED_API const uint32_t *heed_encoding_ends(const heed_encoding *encoding);   /* [count] */
HEED_API void heed_encoding_close(heed_encoding *encoding);                   /* NULL is fine */
/* The text of ids, special tokens left out; for heed_free. */
HEED_API heed_status heed_tokenizer_decode(const heed_tokenizer *tokenizer, heed_context *context, const int32_t *ids,
                                           size_t count, char **text);

HEED_API heed_status heed_tokenizer_train_options(heed_context *context, heed_options **options);
/* Trains a tokenizer of the kind that option "kind" names on lines of text files (option "input", as often as there are
 * files) and writes it as a tokenizer.json to `path`. */
HEED_API heed_status heed_tokenizer_train(heed_context *context, const heed_options *options, const char *path);

/* ---- training ------------------------------------------------------------------------------------------------- */

/* How a training stands. */
typedef struct heed_progress heed_progress;

HEED_API int64_t heed_progress_step(const heed_progress *progress);
HEED_API int64_t heed_progress_steps(const heed_progress *progress); /* of the whole training */
HEED_API double heed_progress_value(const heed_progress *progress,
                                    const char *name); /* "loss", "lr", "tokens_per_second",
                                                            "seconds_left", "validation_loss", "bleu"; NaN when unknown */
/* One line for people, without a newline; good until the callback returns. */
HEED_API const char *heed_progress_line(const heed_progress *progress);
/* False asks the training to save a checkpoint and stop: the call then returns HEED_STOPPED. */
typedef bool heed_progress_function(void *user, const heed_progress *progress);

HEED_API heed_status heed_train_options(heed_context *context, heed_options **options);
/* Trains a model in `folder`, from the first step or, with the option "resume", from its last checkpoint, to the same
 * bits as without the stop. The finished model is that folder. `progress` may be NULL. */
HEED_API heed_status heed_train(heed_context *context, const heed_options *options, const char *folder,
                                heed_progress_function *progress, void *user);

/* ---- evaluation and measuring --------------------------------------------------------------------------------- */

HEED_API heed_status heed_bleu_options(heed_context *context, heed_options **options);
/* Corpus BLEU of a file of translations ("-": standard input) against the references (option "reference", one or more
 * files), as sacreBLEU computes and prints it: a line of text, or a JSON object; for heed_free. */
HEED_API heed_status heed_evaluate_bleu(heed_context *context, const heed_options *options, const char *translations,
                                        bool json, char **report);

/* The same for each bucket of sentences of like length, in words between blanks of the option "source" or else of the first
 * reference, and for each of `count` files of translations: a table, or a JSON object {"lengths_of", "series": [FILE],
 * "buckets": [{"from", "to", "sentences", "mean_length", "bleu": [of each file]}], "bleu", "signature"}; for heed_free. If
 * `picture` is not NULL, the curves are drawn into that file, as SVG, whole or not at all. */
HEED_API heed_status heed_evaluate_bleu_by_length(heed_context *context, const heed_options *options,
                                                  const char *const *files, size_t count, bool json,
                                                  const char *picture, char **report);

HEED_API heed_status heed_perplexity_options(heed_context *context, heed_options **options);
/* How likely a model finds text. e to the mean loss of its tokens, that loss in nats, and the whole loss in bits by the bytes
 * and by the characters that those tokens stand for, which models of different tokenizers can be compared by: a line of text,
 * or a JSON object {"perplexity", "loss", "bits_per_byte", "bits_per_character", "tokens", "bytes", "characters"}; for
 * heed_free.
 * A decoder is asked for each token of `count` files of text: of a line between two end tokens, where the vocabulary has one,
 * which then also count as a byte (the line's end); or of a whole file (option "whole-file"), of which the first token is
 * only given. A window is given `window` tokens at most, and the next begins `stride` tokens later; a token is asked for in
 * the first window that has it, so that it has between window − stride + 1 and window tokens before it, or all there are.
 * An encoder–decoder is asked for its options' "target", given "source", and takes no files. A masked model is asked for each
 * token of a line with that one hidden: "pseudo_perplexity" (Salazar et al., 2020).
 * Empty lines are left out. HEED_LENGTH for a line that is too long for a model without windows, HEED_UNSUPPORTED for a model
 * that scores no words. */
HEED_API heed_status heed_evaluate_perplexity(heed_model *model, const heed_options *options, const char *const *files,
                                              size_t count, bool json, char **report);

HEED_API heed_status heed_accuracy_options(heed_context *context, heed_options **options);
/* How many labels of texts are right, one a line in the option "reference": those of a file of labels ("-": standard input;
 * what stands behind a tab is not looked at), or those that a model gives to the texts of a file, where `model` is not NULL.
 * Accuracy, the mean of all labels' F1, and of each label precision, recall and F1: lines of text in percent, or as parts of 1
 * a JSON object {"accuracy", "macro_f1", "number", "labels": {LABEL: {"precision", "recall", "f1", "number"}}, "confusion":
 * {"labels", "counts": [of each wanted label, how often each was found]}}; for heed_free. A label that the model lacks, and a
 * text too long for it, count as wrong; a note says so. HEED_FORMAT for a label that is not UTF-8 text, HEED_LENGTH for more
 * than 10,000 different ones. */
HEED_API heed_status heed_evaluate_accuracy(heed_context *context, heed_model *model, const heed_options *options,
                                            const char *file, bool json, char **report);

HEED_API heed_status heed_span_f1_options(heed_context *context, heed_options **options);
/* The same for spans of words, such as named entities, in files of CoNLL's columns, a word first and its label last in a line:
 * the labels of `file` against those of the option "reference", or with a model, its labels against those of `file`. A span is
 * right when its first word, its last and its type are, as seqeval and conlleval count. Precision, recall and F1 of each type
 * and of all: lines of text in percent, or as parts of 1 seqeval's object {TYPE: {"precision", "recall", "f1", "number"},
 * "overall_precision", "overall_recall", "overall_f1", "overall_accuracy"}. HEED_FORMAT when the files' words differ. */
HEED_API heed_status heed_evaluate_span_f1(heed_context *context, heed_model *model, const heed_options *options,
                                           const char *file, bool json, char **report);

HEED_API heed_status heed_training_options(heed_context *context, heed_options **options);
/* How trainings went: for each of `count` folders of heed_train the numbers that its log.jsonl has under one name (option
 * "curve") against the step, as curves of text, or a JSON object {"curve", "trainings": [{"folder", "step": [], "value": []}]};
 * for heed_free. If `picture` is not NULL, the curves are drawn into that file, as SVG, whole or not at all. HEED_FORMAT where
 * no line has that name. */
HEED_API heed_status heed_evaluate_training(heed_context *context, const heed_options *options,
                                            const char *const *folders, size_t count, bool json, const char *picture,
                                            char **report);

HEED_API heed_status heed_bench_options(heed_context *context, heed_options **options);
/* Measures `what` ("machine", "kernels", "train", "translate") and reports it line by line to `line` as it goes. */
HEED_API heed_status heed_bench(heed_context *context, const heed_options *options, const char *what,
                                heed_log_function *line, void *user);

#ifdef __cplusplus
}
#endif

#endif
