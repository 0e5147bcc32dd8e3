/* heed: Transformers in C. The one header that users include.
 *
 * Handles are opaque and are opened and closed in pairs. A function that can fail returns heed_status; the
 * reason is then one line of text in heed_context_message(context), valid until the next failing call. heed
 * never prints, exits or aborts. Text is UTF-8; invalid bytes are read as U+FFFD, as Python's
 * errors="replace" does.
 *
 * Threads. A context is used by one thread at a time, and so is every handle that was opened with it: models,
 * options, results, attention, pictures and encodings. Another thread has a context of its own, from
 * heed_context_fork or heed_context_open. Separate contexts are independent. An open model does not change:
 * with heed_model_share any number of threads use it at the same time, each through a handle of its own, and
 * get the results that one thread gets. An open tokenizer does not change either: any number of threads use
 * the same handle, each with its own context. Callbacks (logs, words, progress) are called by the thread that
 * makes the call, before the call returns; they must not use the context of that call. heed's own threads
 * exist within a call only, and of the caller's functions they call the allocator alone.
 *
 * Pairs of parameters such as `texts` and `sizes` are arrays of `count` entries. Where a comment says
 * "release with heed_free", the caller owns the text. */
#ifndef HEED_HEED_H
#define HEED_HEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; heed_version() is the library's. CMakeLists.txt reads the three numbers. */
#define HEED_VERSION_MAJOR                        0
#define HEED_VERSION_MINOR                        1
#define HEED_VERSION_PATCH                        0
#define HEED_VERSION                              HEED_VERSION_EXPAND_(HEED_VERSION_MAJOR, HEED_VERSION_MINOR, HEED_VERSION_PATCH) /* "0.1.0" */
#define HEED_VERSION_EXPAND_(major, minor, patch) HEED_VERSION_TEXT_(major, minor, patch)
#define HEED_VERSION_TEXT_(major, minor, patch)   #major "." #minor "." #patch

#define HEED_API __attribute__((visibility("default")))

/* What became of a call. */
typedef enum heed_status {
    HEED_OK = 0,
    HEED_ARGUMENT,    /* an invalid argument: an unknown setting, a value out of range */
    HEED_MEMORY,      /* an allocation failed */
    HEED_FILE,        /* the system could not open, read or write a file */
    HEED_FORMAT,      /* the contents of a file are invalid */
    HEED_UNSUPPORTED, /* a file is valid but needs a feature that heed lacks */
    HEED_LENGTH,      /* a text is longer than the model allows */
    HEED_NUMERIC,     /* an unexpected NaN or infinity */
    HEED_STOPPED      /* a callback requested a stop */
} heed_status;

/* The name of a status for programs: "out of memory", "file" and so on. The message for people is
 * heed_context_message. */
HEED_API const char *heed_status_name(heed_status status);

/* ---- context ------------------------------------------------------------------------------------------- */

/* What the calls of one thread have in common: the allocator, the log, the number of threads, and the message
 * of the last failure. */
typedef struct heed_context heed_context;

/* Allocates (pointer NULL), resizes, or frees (size 0, returns NULL); returns NULL on failure. heed calls it
 * from several threads, possibly at the same time. */
typedef void *heed_resize_function(void *user, void *pointer, size_t size);
/* Receives notes and warnings, one line per call, without a newline. */
typedef void heed_log_function(void *user, const char *line);
/* Returns true to end a long call. heed calls it often, also from threads of its own and at the same time. */
typedef bool heed_stop_function(void *user);

/* Opens a context with all cores, malloc and no log. HEED_ARGUMENT if HEED_ISA names an instruction set that
 * this machine or build lacks: *context is then still set, so that the message can be read, and must be
 * closed. */
HEED_API heed_status heed_context_open(heed_context **context);
/* Opens a context with an allocator of the caller. `resize` NULL means malloc. */
HEED_API heed_status heed_context_open_with(heed_resize_function *resize, void *user, heed_context **context);
/* A context for another thread: the same allocator, log, number of threads, arithmetic and instruction set,
 * with a message of its own. Called by the thread that uses `context`. Both are closed, in any order.
 * HEED_MEMORY. The log is then called by both threads, possibly at the same time; heed_context_set_log gives
 * the fork another. */
HEED_API heed_status heed_context_fork(heed_context *context, heed_context **fork);
HEED_API void heed_context_close(heed_context *context); /* after everything opened through it; NULL is allowed */
HEED_API const char *heed_context_message(const heed_context *context);
/* Sets the function that receives notes and warnings; NULL: none does. `user` is passed to it. */
HEED_API void heed_context_set_log(heed_context *context, heed_log_function *log, void *user);
/* Whether the log also receives details, such as the tensors of a file that a model does not use. */
HEED_API void heed_context_set_verbose(heed_context *context, int verbose);
/* Training, translation, text generation, steps of sessions, tasks for many texts, and the reading of text
 * from pipes end with HEED_STOPPED soon after `stop` returns true. NULL: never. */
HEED_API void heed_context_set_stop(heed_context *context, heed_stop_function *stop, void *user);
/* Sets the number of threads, 1 to 256; 0 means one per core. */
HEED_API heed_status heed_context_set_threads(heed_context *context, int threads);
/* Sets the arithmetic of matrix products in models that are opened afterwards: "f32" (the default) or "bf16".
 * bfloat16 is faster on CPUs with AMX or AVX512-BF16, and within about 1e-2 of f32. It is the only mode whose
 * results differ between instruction sets. HEED_ARGUMENT for another name. Training uses the `compute` of its
 * recipe instead. */
HEED_API heed_status heed_context_set_compute(heed_context *context, const char *name);
/* What becomes of special tokens, such as "</s>" or "[MASK]", that a text spells out: "parse" (the default,
 * as in Hugging Face tokenizers) takes each for the token, "text" encodes it like any other text. It applies
 * to texts that are encoded afterwards. HEED_ARGUMENT for another word. */
HEED_API heed_status heed_context_set_special_tokens(heed_context *context, const char *how);
/* The context's instruction set: "portable", "avx2", "avx512", "avx512bf16", "amx" or "neon". */
HEED_API const char *heed_context_instruction_set(const heed_context *context);
/* The number of threads that a call may use. */
HEED_API int heed_context_threads(const heed_context *context);
/* One line with the version, the bit epoch (float32 results are bit-identical within one), and the libraries
 * that heed was built with. */
HEED_API const char *heed_version(void);

/* ---- characters ---------------------------------------------------------------------------------------- */

/* Reads one character of text[0 … size) and returns its bytes, 0 for size 0. Invalid UTF-8 becomes U+FFFD,
 * one for each longest prefix of a valid sequence or each stray byte. */
HEED_API size_t heed_text_character(const char *text, size_t size, uint32_t *code);
/* True for characters that a program should not send to a terminal: C0 and C1 controls, DEL, and the controls
 * of the writing direction U+202A … U+202E and U+2066 … U+2069. Messages and notes have none; texts, labels
 * and tokens of a model may. */
HEED_API bool heed_character_is_control(uint32_t code);
/* True if a text has nothing to read: no character, or only white space and invisible characters such as
 * zero-width spaces, variation selectors and directional marks. Such a text counts as empty. A zero byte is
 * data. */
HEED_API bool heed_text_is_blank(const char *text, size_t size);
/* For "did you mean …?": whether `candidate` is spelled more like word[0 … size) than the candidates before
 * it. *edits is the fewest characters to insert, remove or replace that turn the word into one of them; set
 * it to SIZE_MAX before the first. False too for a candidate that is another word: one that takes more than a
 * third of the word's characters and one. "_" equals "-". */
HEED_API bool heed_word_is_nearer(const char *word, size_t size, const char *candidate, size_t *edits);

/* ---- options ------------------------------------------------------------------------------------------- */

/* The options of one kind of call, opened by heed_translate_options, heed_train_options and so on. Names and
 * values are those of the command line: "beams", "5". A function that takes options accepts NULL for the
 * defaults. */
typedef struct heed_options heed_options;

/* HEED_ARGUMENT for an unknown name or a value out of range; the message names the valid ones. A NULL value
 * sets a flag. */
HEED_API heed_status heed_options_set(heed_options *options, const char *name, const char *value);
/* The options as --help prints them; release with heed_free. */
HEED_API heed_status heed_options_help(const heed_options *options, char **text);
/* The name of option `index`, in the order of the help; NULL after the last. */
HEED_API const char *heed_options_name(const heed_options *options, size_t index);
/* True for an option that needs no value. */
HEED_API bool heed_options_is_flag(const heed_options *options, const char *name);
/* The kind of an option's value, "NUMBER", "FILE" or "FOLDER", or its possible values, "a|b|c"; release with
 * heed_free. *text is NULL for a flag and for an unknown name. HEED_MEMORY. */
HEED_API heed_status heed_options_argument(const heed_options *options, const char *name, char **text);
/* The line of help of an option; NULL for an unknown name. */
HEED_API const char *heed_options_about(const heed_options *options, const char *name);
HEED_API void heed_options_close(heed_options *options); /* NULL is allowed */
/* Releases text that heed returned. */
HEED_API void heed_free(heed_context *context, void *text);

/* ---- models -------------------------------------------------------------------------------------------- */

/* A handle on an open model: its weights, its tokenizer, and the settings of its folder. */
typedef struct heed_model heed_model;

/* Opens a Hugging Face folder, a shipped model by its name, or owner/name in the hub's cache: maps the
 * weights, packs them, and opens the tokenizer. HEED_FILE, HEED_FORMAT, HEED_NUMERIC or HEED_UNSUPPORTED; the
 * message names the file and the tensor or key. During the call a file of weights may be replaced or removed,
 * but not shortened in place: the system then ends the process with SIGBUS. Afterwards its files are not
 * read. */
HEED_API heed_status heed_model_open(heed_context *context, const char *name, heed_model **model);
/* A second handle on an open model, for a thread that has a context of its own. Weights, tokenizer and labels
 * exist once and are freed with the last handle; handles are closed in any order, each before the context
 * that it was opened with. The weights come from the allocator of the context that opened the model, which
 * must work until then; that context itself may be closed. The model keeps the arithmetic
 * (heed_context_set_compute) that it was opened with. Any thread may call it, while `model` is open.
 * HEED_MEMORY. */
HEED_API heed_status heed_model_share(const heed_model *model, heed_context *context, heed_model **shared);
HEED_API void heed_model_close(heed_model *model); /* NULL is allowed */
/* Sets a smaller model with the same tokenizer as the draft of this handle: in the sessions that are opened
 * with it, and in the calls that generate, translate, summarize and rewrite, the draft proposes the next
 * tokens of requests with one hypothesis, and one pass of the model verifies several of them. Results do not
 * change by one bit, only the time does (speculative decoding: Leviathan, Kalman and Matias, 2023). The draft
 * stays open while the handle uses it; it may belong to another context. NULL: no draft. HEED_ARGUMENT for
 * another tokenizer, a recurrent network, or a model of another kind: the message has the difference. */
HEED_API heed_status heed_model_set_draft(heed_model *model, const heed_model *draft);
/* The folder that heed_model_open would open; release with heed_free. HEED_FILE when there is none; the
 * message lists the places that were searched. */
HEED_API heed_status heed_model_find(heed_context *context, const char *name, char **folder);
/* The names of the installed shipped models, sorted, one per line; release with heed_free. */
HEED_API heed_status heed_model_list(heed_context *context, char **names);
/* What `heed info` says of an open model, without what is in its files: lines of text or a JSON object on one
 * line, without the last newline; release with heed_free. */
HEED_API heed_status heed_model_describe(const heed_model *model, bool json, char **text);

/* The languages that a translation model translates between, one per line: names that the options "from" and
 * "to" of heed_translate take; or, if not its tokenizer but "task_specific_params" of its config.json has
 * them, pairs such as "en to de". "" if it has none. Release with heed_free. */
HEED_API heed_status heed_model_languages(const heed_model *model, char **codes);

/* Opens the options of heed_info. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_info_options(heed_context *context, heed_options **options);
/* Describes a model's folder, named as in heed_model_open, or one file of weights or tokenizer.json:
 * architecture, sizes, memory, stored tensors, tokenizer, licence. The output is that of `heed info`; release
 * with heed_free. When the model does not open, the status and the message say why, and *text has what can be
 * described, or is NULL. In JSON, "problem" is then the message. */
HEED_API heed_status heed_info(heed_context *context, const heed_options *options, const char *name, bool json,
                               char **text);
/* Opens the options of heed_convert. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_convert_options(heed_context *context, heed_options **options);
/* Writes the model folder `model` (named as in heed_model_open) to the new folder `folder`: its weights as
 * safetensors, in the element type "dtype" and in files of at most "shard-size", and all other files that
 * belong to the model. heed need not be able to run the model. Numbers are rounded to nearest even. The
 * folder appears whole or not at all. HEED_ARGUMENT if it exists and is not empty, HEED_NUMERIC for a number
 * past the largest of the element type. */
HEED_API heed_status heed_convert(heed_context *context, const heed_options *options, const char *model,
                                  const char *folder);

/* ---- the list of models, and the hub ------------------------------------------------------------------- */

/* The models that heed_model_open finds by name: those that ship, sorted by name, and then those in the hub's
 * cache of which the main revision has a config.json. */
typedef struct heed_models heed_models;

/* HEED_MEMORY. The caller closes *models before the context. */
HEED_API heed_status heed_models_open(heed_context *context, heed_models **models);
HEED_API void heed_models_close(heed_models *models); /* NULL is allowed */
HEED_API size_t heed_models_count(const heed_models *models);
/* The name of model `index`, owned by the list; NULL past the last. */
HEED_API const char *heed_models_name(const heed_models *models, size_t index);
/* The family of model `index`: the "model_type" of its config.json, or "" when that cannot be read. Owned by
 * the list; NULL past the last. */
HEED_API const char *heed_models_family(const heed_models *models, size_t index);
/* The folder of model `index`, owned by the list; NULL past the last. */
HEED_API const char *heed_models_folder(const heed_models *models, size_t index);
/* The size of its files in bytes. */
HEED_API uint64_t heed_models_bytes(const heed_models *models, size_t index);
/* Whether model `index` ships with heed; false for one in the cache of the hub. */
HEED_API bool heed_models_is_shipped(const heed_models *models, size_t index);

/* Called while files are transferred: the file's name in the repository, and the bytes so far and in total,
 * of all files of the call. Returns false to end the call with HEED_STOPPED. */
typedef bool heed_transfer_function(void *user, const char *file, uint64_t done, uint64_t total);

/* Opens the options of heed_pull. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_pull_options(heed_context *context, heed_options **options);
/* Fetches the files of the repository `name`, owner/name, from the hub into its cache, laid out as by the
 * Python package huggingface_hub, which shares it. *folder is that of the revision's files; release with
 * heed_free. Files that are in the cache are not fetched again, a broken download continues where it ended,
 * and sizes and digests are checked. By default these are the files that heed reads: configuration,
 * tokenizer, templates, model card, and weights as safetensors or else as PyTorch's .bin. The environment
 * variables are those of huggingface_hub: HF_ENDPOINT (default https://huggingface.co), HF_HOME,
 * HF_HUB_CACHE, HF_TOKEN or the token file, HF_HUB_DOWNLOAD_TIMEOUT (seconds without any byte, default 10),
 * and HF_HUB_OFFLINE, with which the folder in the cache is the result. The token is sent to the endpoint
 * alone and is in no message. Several processes may fetch the same repository at the same time. `progress`
 * may be NULL. HEED_FILE when the hub does not answer or refuses (the message says whether a token is
 * needed), or when a file cannot be written; HEED_FORMAT for an answer or a file that is not as the hub
 * describes it, and for names of files that could lead out of the folder; HEED_ARGUMENT for a name that no
 * repository has; HEED_UNSUPPORTED when libcurl is not installed; HEED_STOPPED. */
HEED_API heed_status heed_pull(heed_context *context, const heed_options *options, const char *name,
                               heed_transfer_function *progress, void *user, char **folder);
/* Opens the options of heed_push. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_push_options(heed_context *context, heed_options **options);
/* Uploads the files of a model folder to the repository `name`, owner/name, as one commit. The repository is
 * made if there is none. Files that the hub has already are not sent. Names that begin with a dot are left
 * out, and so are the checkpoint and the kept weights of a training run. *address is that of the repository
 * on the hub; release with heed_free. The token comes from HF_TOKEN or the token file. Errors are those of
 * heed_pull, and HEED_FILE for a folder without a config.json. */
HEED_API heed_status heed_push(heed_context *context, const heed_options *options, const char *folder, const char *name,
                               heed_transfer_function *progress, void *user, char **address);
/* One line with the versions of libcurl and its libraries, which heed_pull and heed_push load when they run;
 * release with heed_free. HEED_UNSUPPORTED, with the Debian package to install, when it cannot be loaded. */
HEED_API heed_status heed_hub_library(heed_context *context, char **text);

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The results of a call for an array of texts. */
typedef struct heed_results heed_results;

/* The number of alternatives of text `index`, the best first; 0 when the text could not be processed. */
HEED_API size_t heed_results_alternatives(const heed_results *results, size_t index);
/* Owned by the results; NULL when there is no such alternative. */
HEED_API const char *heed_results_text(const heed_results *results, size_t index, size_t alternative);
/* Its bytes, without the final 0; a text may contain zero bytes. */
HEED_API size_t heed_results_size(const heed_results *results, size_t index, size_t alternative);
/* The score of an alternative, as the call that made the results describes it; 0 when there is no such
 * alternative. */
HEED_API float heed_results_score(const heed_results *results, size_t index, size_t alternative);
/* The label of a classified text or of an entity, or the word predicted for a mask; NULL for other
 * results. */
HEED_API const char *heed_results_label(const heed_results *results, size_t index, size_t alternative);
/* The span of the text that an alternative is about, in characters (code points): the first, and one after
 * the last. */
HEED_API void heed_results_span(const heed_results *results, size_t index, size_t alternative, size_t *start,
                                size_t *end);
/* The id of the token that heed_fill predicts, whose text is the label; 0 for other results. */
HEED_API int32_t heed_results_label_token(const heed_results *results, size_t index, size_t alternative);
/* With the option "aggregation" of heed_tag: the position of the alternative's first token among the tokens
 * of its text, special ones included, or of its window if the option "stride" is set; 0 for other results. */
HEED_API int32_t heed_results_position(const heed_results *results, size_t index, size_t alternative);
/* With the option "alignment" of heed_translate: the word alignment "0-0 1-2 2-1", pairs of a source word and
 * a target word. Words are counted from 0 and separated by spaces. NULL without the option. Owned by the
 * results. */
HEED_API const char *heed_results_alignment(const heed_results *results, size_t index, size_t alternative);
/* The reason why text `index` has no result (for example, it is longer than the model allows), or NULL. */
HEED_API const char *heed_results_problem(const heed_results *results, size_t index);
/* What is to be known about the result of text `index` (for example, where a long text was cut), or NULL. */
HEED_API const char *heed_results_note(const heed_results *results, size_t index);
/* The vector of text `index`, of heed_embed: *columns numbers, owned by the results. NULL, and 0, when there
 * is none. */
HEED_API const float *heed_results_vector(const heed_results *results, size_t index, size_t *columns);
/* Writes the indices of the texts that have an alternative to order [texts], and their number to *count: by
 * the score of the first alternative, the largest first, of equal ones the lower index first. HEED_MEMORY. */
HEED_API heed_status heed_results_rank(const heed_results *results, size_t *order, size_t *count);
/* With the option "logprobs" of text generation: the number of tokens of an alternative; else 0. */
HEED_API size_t heed_results_tokens(const heed_results *results, size_t index, size_t alternative);
/* The generated token number `token` (rank 0), or with the option "top-logprobs" n the token of rank 1 to n
 * among the most probable ones in its place; −1 if there is none. */
HEED_API int32_t heed_results_token(const heed_results *results, size_t index, size_t alternative, size_t token,
                                    size_t rank);
/* Its natural logarithm of the probability under the model's own distribution: the softmax of the logits,
 * before logits processors, temperature and sampling filters, as in OpenAI's API and vLLM. 0 for a token
 * that was forced by its position; −∞ if there is no such token. */
HEED_API float heed_results_log_prob(const heed_results *results, size_t index, size_t alternative, size_t token,
                                     size_t rank);
/* The *size bytes that it adds to a text, which may be a part of a character; owned by the results. NULL if
 * there is no such token. */
HEED_API const char *heed_results_token_text(const heed_results *results, size_t index, size_t alternative,
                                             size_t token, size_t rank, size_t *size);
HEED_API void heed_results_close(heed_results *results); /* NULL is allowed */

/* ---- translation, summaries, rewriting ----------------------------------------------------------------- */

/* Opens the options of heed_translate. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_translate_options(heed_context *context, heed_options **options);
/* Translates `count` texts of `sizes` bytes (`sizes` NULL: each text ends with a 0), many at once; neither
 * their number nor their order changes a result. Models of several languages take the options "from" and "to"
 * (heed_model_languages); the default is what the model's files choose, and HEED_ARGUMENT if they choose no
 * target language. An empty text has an empty translation. A text that is too long has a problem, and the
 * others are translated. The caller closes the results before the model.
 *
 * With the option "document", each text is a document: its sentences are translated one by one, and the
 * layout between them stays (line breaks, empty lines, indentation, markers of lists). A sentence that is too
 * long is then translated in parts, and the result has a note. The score of an alternative is the sum over
 * the sentences.
 *
 * "prefix" is text before each input. Without it, the prefix of the model's config.json is used: that of the
 * task "translation_XX_to_YY" in its "task_specific_params", which "from" XX and "to" YY choose (the first
 * one by default), else "prefix". The other settings of the task apply too. A text that begins with a prefix
 * of the model is left as it is. With "max-words", an output ends after this number of words.
 *
 * HEED_STOPPED when the context's `stop` returned true (heed_context_set_stop): *results then has the texts
 * that had finished, and for each of the others the problem "stopped". The caller closes the results in this
 * case too. */
HEED_API heed_status heed_translate(heed_model *model, const heed_options *options, const char *const *texts,
                                    const size_t *sizes, size_t count, heed_results **results);

/* Opens the options of heed_summarize. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_summarize_options(heed_context *context, heed_options **options);
/* Summarizes texts with an encoder–decoder, like heed_translate. Prefix and settings are those of the task
 * "summarization" in the model's config.json, if it has one. As in the pipeline of transformers 4.57, 4 beams
 * and at most 256 tokens are the defaults for a model whose files set neither. A text that is longer than the
 * model reads is divided into parts of whole sentences: the summaries of the parts are joined by spaces, and
 * the result has a note. The score is then the sum. */
HEED_API heed_status heed_summarize(heed_model *model, const heed_options *options, const char *const *texts,
                                    const size_t *sizes, size_t count, heed_results **results);

/* Opens the options of heed_rewrite. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_rewrite_options(heed_context *context, heed_options **options);
/* Rewrites texts with an encoder–decoder, like heed_summarize. The option "to" names a style, a task in
 * "task_specific_params" of the model's config.json that is neither a translation nor a summarization: its
 * prefix and settings apply. HEED_ARGUMENT for a style that the model lacks, and if it has several and none
 * was chosen; the message lists them. */
HEED_API heed_status heed_rewrite(heed_model *model, const heed_options *options, const char *const *texts,
                                  const size_t *sizes, size_t count, heed_results **results);
/* The styles of a model that heed_rewrite can write, one per line; "" if it has none. Release with
 * heed_free. */
HEED_API heed_status heed_model_styles(const heed_model *model, char **styles);

/* ---- text generation ----------------------------------------------------------------------------------- */

/* Receives the next words of text `index` as they are generated, `size` bytes of whole characters; returns
 * false to stop that text, whose answer is then what was generated so far. Called by the thread that called
 * heed_generate or heed_session_step; texts take turns. In a session, `index` is the id of the request. */
typedef bool heed_words_function(void *user, size_t index, const char *text, size_t size);

/* Opens the options of heed_generate. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_generate_options(heed_context *context, heed_options **options);
/* Continues `count` texts with a language model. An alternative's text is the continuation, without the
 * prompt; its score is log p / length^penalty. When a transformer's positions are full, the older half of its
 * context is dropped. Of a prompt that is longer than the positions only the end is used, and a note says so.
 * Samples depend only on the seed and on the text's number: `first` is the number of texts[0]. `words` may be
 * NULL; with several beams or alternatives it is not called. Otherwise like heed_translate, also with
 * HEED_STOPPED. */
HEED_API heed_status heed_generate(heed_model *model, const heed_options *options, const char *const *texts,
                                   const size_t *sizes, size_t count, uint64_t first, heed_words_function *words,
                                   void *user, heed_results **results);

/* Constrained output: an option of heed_generate, heed_translate and sessions limits each token, so that
 * every answer matches a form. Only one of them may be set.
 *
 * "grammar"      a grammar in llama.cpp's GBNF notation: a file, or the rules themselves, which contain "::="
 * "json-schema"  a JSON schema: a file, or the schema itself, which begins with a brace "json-object"  any
 * JSON object
 *
 * HEED_ARGUMENT, with the line and column or the place in the schema, for a grammar or schema that cannot be
 * read or that no token of the vocabulary can begin, and for a keyword that heed lacks. HEED_UNSUPPORTED for
 * a tokenizer whose tokens have no text of their own. A text that ends before it matches has a problem
 * (heed_results_problem) and no answer. docs/constrained-output.md has the notation, the keywords, and when a
 * limit of length completes the text. */

/* The distribution over the next token after a text: every token of the vocabulary with its logit, and with
 * its probability in each stage. The first stage, "model", is the softmax of the logits. Then come those of
 * these stages that change something: "processors" (logits processors, such as "logit-bias"),
 * "temperature", "top-k", "top-p", "min-p", "typical-p", "epsilon-cutoff" and "eta-cutoff", each applied
 * after the stages before it. */
typedef struct heed_next heed_next;

/* `options` are those of heed_generate_options; HEED_ARGUMENT for one that does not change the
 * distribution, such as "beams". Options of sampling need no "sample" here. HEED_UNSUPPORTED for a model
 * that is not a causal language model, HEED_LENGTH for a text that it cannot process. The caller closes
 * *next before the model. */
HEED_API heed_status heed_next_open(heed_model *model, const heed_options *options, const char *text, size_t size,
                                    heed_next **next);
HEED_API void heed_next_close(heed_next *next);          /* NULL is allowed */
HEED_API size_t heed_next_count(const heed_next *next);  /* tokens of the vocabulary */
HEED_API size_t heed_next_stages(const heed_next *next); /* stages, at least 1 */
/* The name of a stage; NULL past the last. */
HEED_API const char *heed_next_stage(const heed_next *next, size_t stage);
/* The token of rank 0 (the largest logit) to count − 1. */
HEED_API int32_t heed_next_token(const heed_next *next, size_t rank);
/* The logit of the token of a rank. */
HEED_API float heed_next_logit(const heed_next *next, size_t rank);
/* The probability of the token of a rank in a stage; 0 for a token that the stage leaves out. */
HEED_API double heed_next_probability(const heed_next *next, size_t rank, size_t stage);
/* The *size bytes that the token adds to a text, which may be a part of a character; valid until the next
 * call. NULL when out of memory, and past the last rank. */
HEED_API const char *heed_next_text(heed_next *next, size_t rank, size_t *size);

/* ---- sessions: requests that come and go --------------------------------------------------------------- */

/* Texts that a language model continues or a translator translates, many at once: each step is one forward
 * pass for all that are running. The results of a request are those that heed_generate or heed_translate
 * gives it, bit for bit, whatever else is in the session and whenever it was added.
 *
 *     while (heed_session_is_busy(session) && heed_session_step(session) == HEED_OK)
 *         while (heed_session_next(session, &id, &results) == HEED_OK && results) { ... }
 *
 * Threads. One thread steps: it also calls heed_session_next and heed_session_close, and uses the context and
 * the model that the session was opened with. Any thread may call heed_session_add, heed_session_cancel and
 * heed_session_is_busy at the same time, and so may a heed_words_function. A thread other than the stepping
 * one needs no model of its own, but passes options that it opened with a context of its own: the message of
 * a failed heed_session_add is in the context of its options. Without options, and for heed_session_cancel,
 * the stepping thread has the message in its context, and any other thread the status alone. */
typedef struct heed_session heed_session;

/* All options of decoding: those of heed_generate_options and heed_translate_options, but for the size of
 * batches and "document". An option that the model has no use for is refused when a request is added. */
HEED_API heed_status heed_session_options(heed_context *context, heed_options **options);
/* Opens a session of a language model or a translation model, a Transformer or recurrent. The settings of the
 * model's context (heed_context_set_special_tokens) apply to the whole session as they are now. The caller
 * closes the session before the model. HEED_UNSUPPORTED for a model of another kind, HEED_MEMORY. */
HEED_API heed_status heed_session_open(heed_model *model, heed_session **session);
/* Adds a text of `size` bytes, which is copied like the options (NULL: those of the model's files). It begins
 * in a later step, in the order of adding, as soon as the caches have space for it. `number` is, with the
 * option "seed", the key of its random numbers: requests with the same text, options and number have the same
 * samples. `words` (may be NULL) is called as in heed_generate, with the request's id. *id (may be NULL)
 * identifies the request; ids begin at 0 and are not used twice.
 *
 * HEED_ARGUMENT or HEED_UNSUPPORTED for options that the model cannot run, HEED_MEMORY. What is wrong with
 * the text itself, such as its length, is the problem of its results (heed_results_problem). */
HEED_API heed_status heed_session_add(heed_session *session, const heed_options *options, const char *text, size_t size,
                                      uint64_t number, heed_words_function *words, void *user, uint64_t *id);
/* Drops a request: it will have no results. HEED_ARGUMENT if it has finished, was cancelled, or never was. */
HEED_API heed_status heed_session_cancel(heed_session *session, uint64_t id);
/* Whether there is a request that has neither finished nor been cancelled. */
HEED_API bool heed_session_is_busy(const heed_session *session);
/* Runs one step. Some requests read a part of their prompts (at most 512 tokens of all), the others generate
 * one token for each of their hypotheses. Without a request it does nothing. HEED_STOPPED, without a step,
 * when the context's `stop` returns true: the session remains as it was. After any other failure
 * (HEED_MEMORY, HEED_UNSUPPORTED) it can only be closed. */
HEED_API heed_status heed_session_step(heed_session *session);
/* The results of a request that has finished and was not returned yet, in the order of finishing: the answers
 * are those of text 0. *results is NULL if there is none. The caller closes the results before the session's
 * context; they may outlive the session. */
HEED_API heed_status heed_session_next(heed_session *session, uint64_t *id, heed_results **results);
/* Writes the unfinished requests to a file, with all that the next step depends on: texts, options,
 * tokens, and what the model has computed for them. The session stays as it is. The stepping thread calls
 * it between steps, after heed_session_next has returned all results: else HEED_ARGUMENT. The file
 * appears whole or not at all. HEED_FILE, HEED_MEMORY, or the status of a step that failed. */
HEED_API heed_status heed_session_save(const heed_session *session, const char *path);
/* Opens a session from such a file. Its results have the bits that the saved session would have had, and
 * requests keep their ids. Options that name files, such as "grammar", are read again. HEED_FORMAT for a
 * damaged file, one of another format or bit epoch, or one of another model: the message has the reason.
 * Otherwise like heed_session_open. Listeners are not saved: set them again with heed_session_listen. The
 * draft is that of the handle (heed_model_set_draft). */
HEED_API heed_status heed_session_load(heed_model *model, const char *path, heed_session **session);
/* Sets the listener of a request that has not finished, as in heed_session_add. Its first call has the
 * text since the last call before the session was saved. The stepping thread calls it. HEED_ARGUMENT for
 * a request that is not in the session, HEED_MEMORY. */
HEED_API heed_status heed_session_listen(heed_session *session, uint64_t id, heed_words_function *words, void *user);
/* Drops what is unfinished. No other thread may use the session any more. NULL is allowed. */
HEED_API void heed_session_close(heed_session *session);

/* ---- chat ---------------------------------------------------------------------------------------------- */

/* A conversation: messages that the model's chat template turns into a text, and the model continues. The
 * template is a program in the language of jinja2 that comes with the model: chat_template.jinja, or
 * "chat_template" of tokenizer_config.json. heed renders it as transformers 5.24 does, within limits on its
 * steps, memory and output. A conversation is used by one thread at a time. */
typedef struct heed_chat heed_chat;

/* Opens a conversation without messages. It is closed before the model. HEED_UNSUPPORTED for a model that is
 * not a causal language model, HEED_MEMORY. */
HEED_API heed_status heed_chat_open(heed_model *model, heed_chat **chat);
/* The same without a model, to render messages: reads the chat templates and the special tokens of a folder,
 * or of a model that is named as in heed_model_open. HEED_FILE, HEED_FORMAT, HEED_MEMORY. */
HEED_API heed_status heed_chat_open_template(heed_context *context, const char *name, heed_chat **chat);
HEED_API void heed_chat_close(heed_chat *chat); /* NULL is allowed */
/* Uses text[0 … size) as the template; messages name it `name`. With `text` NULL, the model's own again.
 * HEED_FORMAT for an invalid template, with the line. */
HEED_API heed_status heed_chat_set_template(heed_chat *chat, const char *name, const char *text, size_t size);
/* Sets a variable of the template, such as "enable_thinking", to a JSON value of `size` bytes; NULL removes
 * it. "tools" and "documents" are lists, with the fields that transformers expects. HEED_FORMAT for invalid
 * JSON, HEED_ARGUMENT for "messages" and "add_generation_prompt". */
HEED_API heed_status heed_chat_set(heed_chat *chat, const char *name, const char *json, size_t size);
/* Adds a message of `size` bytes with the role "system", "user", "assistant", "tool" or another one of the
 * template. HEED_FORMAT for text that is not UTF-8, HEED_MEMORY. */
HEED_API heed_status heed_chat_add(heed_chat *chat, const char *role, const char *text, size_t size);
/* Adds one message, a JSON object with "role" and usually "content", or a JSON array of messages. Other keys,
 * such as "tool_calls", are passed to the template. HEED_FORMAT. */
HEED_API heed_status heed_chat_add_json(heed_chat *chat, const char *json, size_t size);
/* Removes all messages, or all but the system message that begins the conversation. */
HEED_API void heed_chat_reset(heed_chat *chat, bool keep_system);
HEED_API size_t heed_chat_count(const heed_chat *chat); /* messages */
/* The messages as a JSON array on one line; release with heed_free. */
HEED_API heed_status heed_chat_messages(heed_chat *chat, char **json);
/* The text that the template renders from the messages, *size bytes and a final 0, with what begins an answer
 * if `add_generation_prompt`; release with heed_free. HEED_UNSUPPORTED for a model without a template,
 * HEED_FORMAT with the template's line for what the template refuses, such as two messages of one role. */
HEED_API heed_status heed_chat_render(heed_chat *chat, bool add_generation_prompt, char **text, size_t *size);
/* Answers the last message, and adds the answer as a message of the assistant. `options` are those of
 * heed_generate_options; `words` (may be NULL) is called as in heed_generate, and the answer is text 0 of the
 * results. Special tokens of the rendered text are recognized, and none are added. If the conversation and
 * the answer exceed the model's context, the oldest turns after the system message are left out, and a note
 * says so. What was computed is kept until the conversation is closed, and the next answer computes only new
 * tokens. HEED_LENGTH if the last message alone is too long; else as heed_chat_render and heed_generate. */
HEED_API heed_status heed_chat_answer(heed_chat *chat, const heed_options *options, heed_words_function *words,
                                      void *user, heed_results **results);
/* The tool calls in an answer of `size` bytes, as a JSON array of OpenAI's objects {"type": "function",
 * "function": {"name", "arguments"}}; release with heed_free. "[]" if there is none. It reads the formats of
 * Hermes and Qwen (<tool_call>), GLM, Mistral ([TOOL_CALLS]), Llama 3.1 (<|python_tag|>, or JSON alone) and
 * Phi-4. HEED_MEMORY. */
HEED_API heed_status heed_chat_tool_calls(heed_context *context, const char *text, size_t size, char **json);

/* ---- classification, named-entity recognition, masked words -------------------------------------------- */

/* Opens the options of heed_classify. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_classify_options(heed_context *context, heed_options **options);
/* Classifies each text: every label with its probability, or of a regression model its number, the largest
 * first; with the option "top" as many of them. As in transformers, "problem_type" and the number of labels
 * in the model's config decide how scores are computed, unless the option "scores" names a function. An
 * alternative's text is its label. A text that is longer than the model has a problem; with the option
 * "truncate" it is cut and its result has a note with the place.
 *
 * With the option "label", which may be set several times, the labels are these (zero-shot classification),
 * and the model is one of natural language inference: one with a label whose name begins with "entail", else
 * HEED_UNSUPPORTED. A label is as probable as its hypothesis follows from the text. The hypothesis is the
 * option "template" with the label in place of {}. The probabilities of a text's labels have the sum 1; with
 * "multi-label" each is that of entailment against contradiction. Scores and order are those of the
 * zero-shot-classification pipeline of transformers. A long text is cut, with a note. HEED_ARGUMENT for a
 * template without {}, and for options that exclude each other. */
HEED_API heed_status heed_classify(heed_model *model, const heed_options *options, const char *const *texts,
                                   const size_t *sizes, size_t count, heed_results **results);
/* The same for pairs of texts, such as a premise and a hypothesis: `texts` and `seconds`, which `sizes` and
 * `second_sizes` belong to; NULL sizes: the texts end with a 0. The model's tokenizer joins a pair by its
 * template, with token types where the model has them. With "truncate", tokens are removed from the longer
 * text. HEED_ARGUMENT with the option "label". */
HEED_API heed_status heed_classify_pairs(heed_model *model, const heed_options *options, const char *const *texts,
                                         const size_t *sizes, const char *const *seconds, const size_t *second_sizes,
                                         size_t count, heed_results **results);
/* Opens the options of heed_tag. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_tag_options(heed_context *context, heed_options **options);
/* Named-entity recognition: the entities of each text, in order. An alternative has the entity's words as its
 * text, the kind of its label ("PER" of "B-PER"; the tags B, I, E, S, L and U are known), and the span; its
 * score is the mean probability of its words' labels. Adjacent entities are separate where the labels say so.
 * As in transformers, text and span are those of the entity's tokens: the first may include the space before
 * it. Other values of the option "aggregation" give what the token-classification pipeline of transformers
 * returns with that aggregation_strategy: "none", each token that has not one of the labels "ignore", or
 * "simple", "first", "average" and "max", groups of tokens or of words.
 *
 * A text that is longer than the model is read in windows. The option "stride" is the number of tokens that
 * two windows have in common; −1, the default, is a quarter of a window. A token has the prediction of the
 * window in which it is farthest from a border, so entities over the borders of windows are whole. With both
 * "stride" and another aggregation, windows are separate texts, and of overlapping entities the longest one
 * is kept, as in transformers. HEED_ARGUMENT for a stride that is not smaller than a window. */
HEED_API heed_status heed_tag(heed_model *model, const heed_options *options, const char *const *texts,
                              const size_t *sizes, size_t count, heed_results **results);
/* Opens the options of heed_fill. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_fill_options(heed_context *context, heed_options **options);
/* Predicts the most probable words, as many as the option "top" says, for each mask of each text. An
 * alternative's label is the word, its span is that of the mask, and its text is the whole text with this
 * word and the most probable words for the other masks. Each mask is predicted independently, while the
 * others stay masked. A text without a mask has a problem. The option "target" is a word to choose among, in
 * place of the whole vocabulary; of a word that is not a token, the first token is used, and the log says so.
 * HEED_ARGUMENT if no target has a token. With "keep-masks", the text of several masks has the other masks
 * and the special tokens, as in transformers. A text that is longer than the model is read in windows. */
HEED_API heed_status heed_fill(heed_model *model, const heed_options *options, const char *const *texts,
                               const size_t *sizes, size_t count, heed_results **results);

/* ---- question answering -------------------------------------------------------------------------------- */

/* Opens the options of heed_answer. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_answer_options(heed_context *context, heed_options **options);
/* Answers `count` questions, each from its context. `question_sizes` and `context_sizes` are in bytes; NULL:
 * the texts end with a 0. Neither their number nor their order changes a result.
 *
 * A model with a question answering head (Devlin et al., 2018) returns parts of the context, as the pipeline
 * "question-answering" of transformers 4.57 does, the most probable first. A context that is longer than
 * a window of the model is read in windows that overlap. An alternative's span is in characters of the
 * context. Its score is the probability of its first token times that of its last one; scores of equal texts
 * are added. With the option "no-answer", one alternative may be the empty text, with the span 0, 0: the
 * context does not answer the question. Its score is the smallest one of all windows.
 *
 * An encoder-decoder reads "question: ... context: ...", after the prefix of this task in its config. A model
 * with a chat template answers one message, and another causal language model continues the context, the
 * question and "Answer:" up to the end of the line. The score of what they generate is the geometric mean of
 * the probabilities of its tokens, exp of the score of heed_translate. The span is its first place in the
 * context, 0, 0 if it is not there.
 *
 * An empty question, an empty context, and a question that leaves no space for the context in a window have a
 * problem, and the others are answered. HEED_ARGUMENT for a window that is longer than the model allows,
 * HEED_UNSUPPORTED for a model of another kind, HEED_STOPPED. The caller closes the results before the
 * model. */
HEED_API heed_status heed_answer(heed_model *model, const heed_options *options, const char *const *questions,
                                 const size_t *question_sizes, const char *const *contexts,
                                 const size_t *context_sizes, size_t count, heed_results **results);

/* ---- vectors of texts ---------------------------------------------------------------------------------- */

/* Opens the options of heed_embed. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_embed_options(heed_context *context, heed_options **options);
/* One vector per text (heed_results_vector), as sentence-transformers makes it from the same folder: the
 * model's last states are pooled, then go through the folder's dense layers and normalization. A folder
 * without a modules.json has the mean of the states (Reimers and Gurevych, 2019). A prompt of the folder may
 * come before each text. A text that is too long is cut, and its result has a note. HEED_UNSUPPORTED for an
 * encoder-decoder, and for a folder with a module that heed lacks. */
HEED_API heed_status heed_embed(heed_model *model, const heed_options *options, const char *const *texts,
                                const size_t *sizes, size_t count, heed_results **results);
/* The similarity of firsts[i] and seconds[i], as the score of text i: that of their vectors, made with the
 * options of heed_embed. `metric` is "cosine", "dot", "euclidean" or "manhattan" (negative distances), or
 * NULL for the "similarity_fn_name" of the model's folder, as in sentence-transformers. Errors are those of
 * heed_embed, and HEED_ARGUMENT for another metric. */
HEED_API heed_status heed_similarity(heed_model *model, const heed_options *options, const char *metric,
                                     const char *const *firsts, const size_t *first_sizes, const char *const *seconds,
                                     const size_t *second_sizes, size_t count, heed_results **results);

/* A .npy file of NumPy that is being written, a row per vector. */
typedef struct heed_vector_writer heed_vector_writer;
/* Begins a file, which appears whole or not at all, with numbers of type "f32" (or NULL) or "f16". The file
 * cannot be a pipe. HEED_FILE, HEED_MEMORY, HEED_ARGUMENT for another type. */
HEED_API heed_status heed_vectors_create(heed_context *context, const char *path, const char *dtype,
                                         heed_vector_writer **writer);
/* Adds a row. HEED_ARGUMENT if it has other `columns` than the rows before, HEED_NUMERIC for a number that is
 * too large for f16, HEED_FILE, HEED_MEMORY. */
HEED_API heed_status heed_vectors_add(heed_vector_writer *writer, const float *vector, size_t columns);
/* Completes the file. HEED_FILE. */
HEED_API heed_status heed_vectors_finish(heed_vector_writer *writer);
/* Removes a file that is not complete. NULL is allowed. */
HEED_API void heed_vectors_close(heed_vector_writer *writer);
/* Reads the matrix of a .npy file, shape[0] rows of shape[1] numbers in 16, 32 or 64 bits, as float32;
 * release with heed_free. HEED_FILE, HEED_MEMORY, HEED_FORMAT for a damaged file, HEED_UNSUPPORTED for one of
 * other numbers or dimensions, or stored by columns. */
HEED_API heed_status heed_vectors_read(heed_context *context, const char *path, float **numbers, int64_t shape[2]);

/* ---- search -------------------------------------------------------------------------------------------- */

/* Vectors to be searched, with the lines of text that they are of. The search is exact: it computes the
 * product of a query with every vector. An index file is mapped and not read into memory, so that opening it
 * takes no time; while it is open it may be replaced, but not shortened in place. An index belongs to its
 * context, and does not change. */
typedef struct heed_index heed_index;
/* Receives the lines so far and in total; returns false to end the call with HEED_STOPPED. */
typedef bool heed_index_function(void *user, uint64_t done, uint64_t total);

/* Opens the options of the calls that build or check an index. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_index_options(heed_context *context, heed_options **options);
/* Builds the index of the lines of the file `texts` with the vectors of heed_embed, writes it to `path`,
 * which appears whole or not at all, and opens it. `path` NULL: to a file without a name in TMPDIR. Without a
 * prompt, the prompt is the one that encode_document of sentence-transformers chooses. The log gets a note of
 * each line that is cut or has no vector; the latter, and lines without text, are never found. `progress` may
 * be NULL. The caller closes *index. Errors are those of heed_embed, HEED_FILE, HEED_FORMAT for an empty
 * file, HEED_UNSUPPORTED for a model whose folder names another metric than cosine and dot. */
HEED_API heed_status heed_index_build(heed_model *model, const heed_options *options, const char *texts,
                                      heed_index_function *progress, void *user, const char *path, heed_index **index);
/* The same of vectors [count, columns], without text; the metric "auto" is cosine. */
HEED_API heed_status heed_index_build_vectors(heed_context *context, const heed_options *options, const float *vectors,
                                              size_t count, size_t columns, const char *path, heed_index **index);
/* Opens an index file. HEED_FILE, HEED_MEMORY, HEED_FORMAT for one that is damaged or of another format. */
HEED_API heed_status heed_index_open(heed_context *context, const char *path, heed_index **index);
HEED_API void heed_index_close(heed_index *index); /* NULL is allowed */
/* HEED_ARGUMENT unless heed_index_build would make these vectors of the same lines: the message says what
 * differs. "dtype" counts only if it was set. *changed is true if the file `texts` (NULL: not compared) is
 * not the one that was indexed. */
HEED_API heed_status heed_index_check(const heed_index *index, heed_model *model, const heed_options *options,
                                      const char *texts, bool *changed);
HEED_API size_t heed_index_rows(const heed_index *index);    /* the number of vectors */
HEED_API size_t heed_index_columns(const heed_index *index); /* numbers of each */
/* The line of a vector, *size bytes without its end, not followed by a 0; owned by the index. NULL past the
 * last, and in an index without text. */
HEED_API const char *heed_index_text(const heed_index *index, size_t row, size_t *size);
/* Copies a stored vector to vector [columns]; of length 1 in a cosine index, and NaN for a line without one.
 * HEED_ARGUMENT past the last row. */
HEED_API heed_status heed_index_vector(const heed_index *index, size_t row, float *vector);
/* In place of a row where fewer are found. */
#define HEED_NO_ROW SIZE_MAX
/* Finds the `most` rows with the largest scores for each of `count` queries [count, columns]: rows and scores
 * [count, most], in descending order, of equal scores the lower row first. A score is the cosine of two
 * vectors, or in an index of the metric "dot" their product. Its bits depend on the two vectors alone. Where
 * fewer are found, rows are HEED_NO_ROW and scores −∞. HEED_NUMERIC for a query that is not finite,
 * HEED_MEMORY, HEED_STOPPED. */
HEED_API heed_status heed_index_search(const heed_index *index, const float *queries, size_t count, size_t most,
                                       size_t *rows, float *scores);

/* ---- ranking ------------------------------------------------------------------------------------------- */

/* Opens the options of heed_rerank. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_rerank_options(heed_context *context, heed_options **options);
/* The relevance of each text to a query of `query_size` bytes, as the score of the text's one alternative. A
 * cross-encoder (a classifier with one label) reads the query and a text as a pair. A language model such as
 * Qwen3-Reranker reads both in that model's prompt, and its logit is that of the token "yes" less that of
 * "no", or those of the folder's module LogitScore. A score is the sigmoid of the logit, or the logit itself,
 * as CrossEncoder of sentence-transformers 6.2 reads from the folder. A text that is too long is cut, and its
 * result has a note. A text does not change the scores of the others. heed_results_rank sorts the texts.
 * HEED_UNSUPPORTED for another model, HEED_ARGUMENT for an instruction that the model cannot use. */
HEED_API heed_status heed_rerank(heed_model *model, const heed_options *options, const char *query, size_t query_size,
                                 const char *const *texts, const size_t *sizes, size_t count, heed_results **results);

/* ---- groups of texts ----------------------------------------------------------------------------------- */

/* Groups of vectors. Groups are numbered from 0 by descending size. */
typedef struct heed_clusters heed_clusters;

/* Opens the options of heed_cluster. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_cluster_options(heed_context *context, heed_options **options);
/* Groups vectors [count, columns] by k-means: the best of several runs (option "starts") from centers of
 * k-means++ (Arthur and Vassilvitskii, 2007). Without the option "clusters", the number of groups is the one
 * with the largest mean silhouette (Rousseeuw, 1987) of at most 2,048 of the vectors. A vector that is not
 * finite has no group. The bits of the result do not depend on the number of threads. The caller closes
 * *clusters before the context. HEED_ARGUMENT for more groups than vectors, HEED_MEMORY, HEED_STOPPED. */
HEED_API heed_status heed_cluster(heed_context *context, const heed_options *options, const float *vectors,
                                  size_t count, size_t columns, heed_clusters **clusters);
HEED_API void heed_clusters_close(heed_clusters *clusters);        /* NULL is allowed */
HEED_API size_t heed_clusters_count(const heed_clusters *clusters); /* the number of groups */
/* The silhouette by which the number of groups was chosen; NaN if it was not chosen. */
HEED_API double heed_clusters_silhouette(const heed_clusters *clusters);
/* The group of a vector; −1 if it has none. */
HEED_API int32_t heed_clusters_group(const heed_clusters *clusters, size_t row);
/* The distance of a vector to the center of its group; NaN if it has none. */
HEED_API double heed_clusters_distance(const heed_clusters *clusters, size_t row);
HEED_API size_t heed_clusters_size(const heed_clusters *clusters, size_t group); /* vectors of a group */
/* The vector that is nearest to the center of a group; HEED_NO_ROW past the last. */
HEED_API size_t heed_clusters_nearest(const heed_clusters *clusters, size_t group);
/* Finds the characteristic words of each group in the texts of its vectors, one per vector, of `sizes` bytes
 * (NULL: each text ends with a 0): those with the largest c-TF-IDF (Grootendorst, 2022) that are at least
 * twice as frequent in the group as in the others. A text may be NULL. HEED_MEMORY. */
HEED_API heed_status heed_clusters_name(heed_clusters *clusters, const char *const *texts, const size_t *sizes);
/* The word of a rank, from 0, of at most 16; owned by the clusters. NULL past the last, and without
 * heed_clusters_name. */
HEED_API const char *heed_clusters_word(const heed_clusters *clusters, size_t group, size_t rank);
/* Draws the vectors along their two principal components, in the colours of their groups, into an SVG file,
 * which appears whole or not at all. HEED_ARGUMENT without a vector, HEED_FILE, HEED_MEMORY. */
HEED_API heed_status heed_clusters_save_map(const heed_clusters *clusters, const char *path);

/* ---- hidden states, logits and embeddings as arrays ---------------------------------------------------- */

/* The hidden states of one forward pass over one text, as output_hidden_states gives them in transformers,
 * and the logits that follow from the last ones. Arrays are float32, row by row, and belong to the handle. */
typedef struct heed_states heed_states;

/* Runs the model once on a text of `size` bytes, with the special tokens of its tokenizer. An encoder–decoder
 * also reads a target: the option "target", or the model's own translation (options "beams" and
 * "max-new-tokens"), after the token that starts it; one that classifies texts reads the text on both sides.
 * Options are those of heed_attend_options; another one is refused with HEED_ARGUMENT, and so is an empty
 * text. HEED_LENGTH for a text or target that is longer than the model allows, HEED_MEMORY. The caller closes
 * *states before the model. */
HEED_API heed_status heed_inspect_states(heed_model *model, const heed_options *options, const char *text, size_t size,
                                         heed_states **states);
/* The same for `count` token ids, at least one, to which nothing is added. `target` are the decoder's ids of
 * an encoder–decoder, its start token first (decoder_input_ids in transformers). With `target` NULL it reads
 * the start token and all ids but the last. HEED_ARGUMENT for an id that is not in the vocabulary. */
HEED_API heed_status heed_inspect_ids(heed_model *model, const int32_t *ids, size_t count, const int32_t *target,
                                      size_t target_count, heed_states **states);
/* The layers of a side, "encoder" or "decoder"; −1 if the model has no such side. An encoder-only model has
 * the first, a decoder-only model the second. */
HEED_API int64_t heed_states_layers(const heed_states *states, const char *side);
/* The states after `layer` layers of a side, [tokens, width], which `shape` is set to: 0 are the embeddings
 * that enter the first layer, with positions, scale and norm; 1 are the outputs of the first layer, and so
 * on. The last ones, number heed_states_layers, include the norm that follows the last layer, if there is
 * one: they are last_hidden_state in transformers. The last ones of a recurrent decoder with attention are
 * its last layer's states combined with the context. NULL for a layer or side that does not exist. */
HEED_API const float *heed_states_layer(const heed_states *states, const char *side, int64_t layer, int64_t shape[2]);
/* The token ids of a side, one per row of its states. NULL, and 0, for a side that does not exist. */
HEED_API const int32_t *heed_states_ids(const heed_states *states, const char *side, size_t *count);
/* The outputs of the model's head for the last states, before any softmax: [tokens, vocabulary] of a language
 * model, masked language model or translation model, [tokens, labels] of a model that labels tokens,
 * [1, labels] of one that classifies texts, [tokens, 2] (start, end) of one that answers questions. They are
 * computed in the first call. HEED_UNSUPPORTED for a model without a head, HEED_MEMORY. */
HEED_API heed_status heed_states_logits(heed_states *states, const float **logits, int64_t shape[2]);
HEED_API void heed_states_close(heed_states *states); /* NULL is allowed */

/* A copy of the embedding matrix [vocabulary, width] of a side, "encoder" or "decoder", which `shape` is set
 * to; release with heed_free. Both sides of most models have the same one. HEED_ARGUMENT for another side,
 * HEED_MEMORY. */
HEED_API heed_status heed_model_embeddings(heed_model *model, const char *side, float **rows, int64_t shape[2]);

/* ---- attention ----------------------------------------------------------------------------------------- */

/* The attention weights of every head of every layer over one text. */
typedef struct heed_attention heed_attention;

/* Opens the options of heed_attend, of the pictures of attention, and of the functions heed_inspect_*. The
 * caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_attend_options(heed_context *context, heed_options **options);
/* Translates a text of `size` bytes, or takes the option "target" as its translation, and runs the model on
 * both once more to capture its attention weights. HEED_LENGTH when one of them is longer than the model
 * allows, HEED_UNSUPPORTED for a model without attention. The caller closes *attention. */
HEED_API heed_status heed_attend(heed_model *model, const heed_options *options, const char *text, size_t size,
                                 heed_attention **attention);
HEED_API void heed_attention_close(heed_attention *attention); /* NULL is allowed */

/* The number of maps. */
HEED_API int64_t heed_attention_maps(const heed_attention *attention);
/* The kind of a map: "encoder" or "decoder" (self-attention) or "cross" (cross-attention, and a recurrent
 * decoder's alignment). NULL past the last map. */
HEED_API const char *heed_attention_kind(const heed_attention *attention, int64_t map);
/* The weights of a map as [layers, heads, queries, keys], which `shape` is set to. The weights of a query sum
 * to 1 (Vaswani and others, 2017; of a recurrent decoder Bahdanau and others, 2015, or Luong and others,
 * 2015). Owned by the attention; NULL past the last map. */
HEED_API const float *heed_attention_weights(const heed_attention *attention, int64_t map, int64_t shape[4]);
/* The label of a query, row `index`: a word, or a token if the options say so. Owned by the attention; NULL
 * past the last. */
HEED_API const char *heed_attention_query(const heed_attention *attention, int64_t map, int64_t index);
/* The label of a key, column `index`. Owned by the attention; NULL past the last. */
HEED_API const char *heed_attention_key(const heed_attention *attention, int64_t map, int64_t index);
HEED_API const char *heed_attention_source(const heed_attention *attention); /* the text */
HEED_API const char *heed_attention_target(const heed_attention *attention); /* its translation, or "" */

/* Draws the maps that the options (of heed_attend_options) select, in their "format": lines of text, SVG,
 * HTML, JSON or .npy. Text is in 24-bit colour if `color`, and at most `columns` wide if possible (0: any
 * width). *bytes has *size bytes and a final 0; release with heed_free. HEED_ARGUMENT for a kind, layer or
 * head that the model does not have. */
HEED_API heed_status heed_attention_draw(const heed_attention *attention, const heed_options *options, bool color,
                                         int columns, char **bytes, size_t *size);
/* Draws into a file, which is written completely or not at all. The ending of its name (.svg, .html, .json,
 * .npy, else text) selects the format, unless the options name one. */
HEED_API heed_status heed_attention_save(const heed_attention *attention, const heed_options *options,
                                         const char *path);

/* ---- other pictures of a model ------------------------------------------------------------------------- */

/* A picture of a model's inside, ready to be drawn. Options are those of heed_attend_options; one that does
 * not apply to a picture is refused with HEED_ARGUMENT. The caller closes each picture before its models. */
typedef struct heed_picture heed_picture;

/* The architecture of the model of this name, a name as in heed_model_open: its modules in the order of
 * computation, with their shapes and numbers of parameters. The weights are not read. The picture is not
 * bound to a model; it is drawn without options. Errors are those of heed_model_open. */
HEED_API heed_status heed_inspect_architecture(heed_context *context, const char *name, heed_picture **picture);
/* The steps of a recurrent encoder-decoder while it translates a text of `size` bytes: its states, its
 * attention scores over the encoder's states, context vectors, and predicted words; or of a Transformer the
 * steps of one attention head, which the options "kind", "layer", "head" and "word" select: a query, keys and
 * values, products, scores, weights, and their weighted sum. HEED_UNSUPPORTED for a recurrent model that is
 * not an encoder-decoder and for scores with relative positions, HEED_LENGTH as for heed_attend. */
HEED_API heed_status heed_inspect_steps(heed_model *model, const heed_options *options, const char *text, size_t size,
                                        heed_picture **picture);
/* The hidden states of a text's tokens after a layer ("layer"; by default the last one), one strip per token:
 * of the encoder, or with "kind" decoder and for models without an encoder those of the decoder, which first
 * translates if it is a translator. HEED_LENGTH as for heed_attend. */
HEED_API heed_status heed_inspect_state_strips(heed_model *model, const heed_options *options, const char *text,
                                               size_t size, heed_picture **picture);
/* The embeddings of a text's tokens, each once, or with `text` NULL those of the first words of the
 * vocabulary: one strip per embedding, and their two principal components. HEED_LENGTH for more than 512
 * tokens. */
HEED_API heed_status heed_inspect_embeddings(heed_model *model, const heed_options *options, const char *text,
                                             size_t size, heed_picture **picture);
/* The positional encoding of a transformer: its table of positions, or the sines and cosines of rotary
 * positions. HEED_UNSUPPORTED for a recurrent model, which has none. */
HEED_API heed_status heed_inspect_positions(heed_model *model, const heed_options *options, heed_picture **picture);
/* The words whose embeddings have the largest cosine similarity with that of `word`. HEED_ARGUMENT when
 * `word` is not a token. */
HEED_API heed_status heed_inspect_nearest(heed_model *model, const heed_options *options, const char *word,
                                          heed_picture **picture);
/* One curve per language model: the norm of the gradient of a token's loss with respect to the embedding of
 * the token d positions before it, against d, as the mean over windows of the `count` texts (`sizes` as in
 * heed_translate). At least one model; all were opened through one context. HEED_ARGUMENT for texts that are
 * too short, HEED_UNSUPPORTED for a model of another kind. */
HEED_API heed_status heed_inspect_gradients(heed_model *const *models, size_t model_count, const heed_options *options,
                                            const char *const *texts, const size_t *sizes, size_t count,
                                            heed_picture **picture);
/* The distribution over the next token as bars: a row for each of the `count` most probable tokens, a column
 * for each stage. A token that a stage leaves out has a dashed outline there. No options apply. The picture
 * is independent of *next. HEED_MEMORY. */
HEED_API heed_status heed_inspect_next(heed_next *next, size_t count, heed_picture **picture);
/* The beam search of one text as a tree: the continuations that each step considers, which of them it keeps,
 * finishes and prunes, and their scores, which are those of heed_results_score. `options` are those of
 * heed_translate_options for an encoder-decoder, of heed_generate_options for a causal language model;
 * HEED_ARGUMENT for less than 2 or more than 16 beams. HEED_LENGTH, HEED_NUMERIC as for these calls. */
HEED_API heed_status heed_inspect_beams(heed_model *model, const heed_options *options, const char *text, size_t size,
                                        heed_picture **picture);
HEED_API void heed_picture_close(heed_picture *picture); /* NULL is allowed */

/* Draws a picture like heed_attention_draw, as lines of text, SVG or JSON.
 * HEED_ARGUMENT for a format that the picture does not have. */
HEED_API heed_status heed_picture_draw(const heed_picture *picture, const heed_options *options, bool color,
                                       int columns, char **bytes, size_t *size);
/* Draws into a file, which is written completely or not at all. The ending of its name selects the format,
 * unless the options name one. */
HEED_API heed_status heed_picture_save(const heed_picture *picture, const heed_options *options, const char *path);

/* ---- tokenizers ---------------------------------------------------------------------------------------- */

/* Turns text into token ids and back, as the tokenizers of Hugging Face do with the same tokenizer.json. */
typedef struct heed_tokenizer heed_tokenizer;

/* Opens a tokenizer.json file, or the tokenizer of a model, named as in heed_model_open. */
HEED_API heed_status heed_tokenizer_open(heed_context *context, const char *name, heed_tokenizer **tokenizer);
HEED_API void heed_tokenizer_close(heed_tokenizer *tokenizer);        /* NULL is allowed */
HEED_API size_t heed_tokenizer_size(const heed_tokenizer *tokenizer); /* the largest id + 1 */
/* The token's text, "▁dog"; NULL when the id is not used. Owned by the tokenizer. */
HEED_API const char *heed_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id);

/* The ids of a text, and for each id its span in the text: the first character (code point) and one after the
 * last. */
typedef struct heed_encoding heed_encoding;

/* `special` adds the special tokens of the tokenizer's template, such as </s>. The caller closes the
 * encoding. */
HEED_API heed_status heed_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text,
                                           size_t size, bool special, heed_encoding **encoding);
/* The same for several texts, on the threads of the context. encodings[i] is NULL where texts[i] is NULL or
 * failed; the status and the message are those of the first text that failed. The caller closes each
 * encoding, also after a failure. */
HEED_API heed_status heed_tokenizer_encode_all(const heed_tokenizer *tokenizer, heed_context *context,
                                               const char *const *texts, const size_t *sizes, size_t count,
                                               bool special, heed_encoding **encodings);
/* The number of tokens. */
HEED_API size_t heed_encoding_count(const heed_encoding *encoding);
/* The ids [count], owned by the encoding. */
HEED_API const int32_t *heed_encoding_ids(const heed_encoding *encoding);
/* The first characters of the tokens' spans [count], owned by the encoding; 0 for a token of the template. */
HEED_API const uint32_t *heed_encoding_starts(const heed_encoding *encoding);
/* One after the last characters of the tokens' spans [count], owned by the encoding. */
HEED_API const uint32_t *heed_encoding_ends(const heed_encoding *encoding);
HEED_API void heed_encoding_close(heed_encoding *encoding); /* NULL is allowed */
/* The text of ids, without special tokens, *size bytes and a final 0; release with heed_free. */
HEED_API heed_status heed_tokenizer_decode(const heed_tokenizer *tokenizer, heed_context *context, const int32_t *ids,
                                           size_t count, char **text, size_t *size);

/* Opens the options of heed_tokenizer_train. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_tokenizer_train_options(heed_context *context, heed_options **options);
/* Trains a tokenizer of the kind that option "kind" names on the lines of text files (option "input", once
 * per file) and writes it as a tokenizer.json to `path`. */
HEED_API heed_status heed_tokenizer_train(heed_context *context, const heed_options *options, const char *path);

/* ---- training ------------------------------------------------------------------------------------------ */

/* The state of a training run. */
typedef struct heed_progress heed_progress;

/* The number of the last step, from 1. */
HEED_API int64_t heed_progress_step(const heed_progress *progress);
HEED_API int64_t heed_progress_steps(const heed_progress *progress); /* of the whole run */
/* A number by its name: "loss", "lr", "tokens_per_second", "seconds_left", "validation_loss" or "bleu"; NaN
 * when it is unknown. */
HEED_API double heed_progress_value(const heed_progress *progress, const char *name);
/* One line for people, without a newline; valid until the callback returns. */
HEED_API const char *heed_progress_line(const heed_progress *progress);
/* Returns false to save a checkpoint and stop; heed_train then returns HEED_STOPPED. */
typedef bool heed_progress_function(void *user, const heed_progress *progress);

/* Opens the options of heed_train. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_train_options(heed_context *context, heed_options **options);
/* Trains a model in `folder`, from the first step or, with the option "resume", from its last checkpoint. A
 * resumed run ends with exactly the same weights as an uninterrupted one. The finished model is that folder.
 * `progress` may be NULL. HEED_ARGUMENT for a folder with files that the run would overwrite, HEED_FILE while
 * another process trains in it. */
HEED_API heed_status heed_train(heed_context *context, const heed_options *options, const char *folder,
                                heed_progress_function *progress, void *user);

/* ---- serving ------------------------------------------------------------------------------------------- */

/* An HTTP server that answers requests with models, as OpenAI's API does (docs/serve.md). Each open model has
 * a session that one thread steps with all requests, so that answers are those of heed_generate and
 * heed_chat_answer, bit for bit, whatever the load. */
typedef struct heed_server heed_server;

/* Opens the options of heed_serve_open. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_serve_options(heed_context *context, heed_options **options);
/* Opens the `count` models, named as in heed_model_open, listens, and answers requests from now on, on
 * threads of its own. With the option "memory", models that do not fit are opened when they are requested.
 * Without names, the shipped models are, each when it is requested. If systemd has passed a socket to the
 * process (sd_listen_fds), that is the one to listen on. The caller closes *server. Errors are those of
 * heed_model_open, HEED_ARGUMENT for two models of one name, HEED_FILE for a port that cannot be listened
 * on, HEED_UNSUPPORTED when libmicrohttpd is not installed. */
HEED_API heed_status heed_serve_open(heed_context *context, const heed_options *options, const char *const *models,
                                     size_t count, heed_server **server);
/* The port that it listens on. */
HEED_API int heed_serve_port(const heed_server *server);
/* Returns after heed_serve_stop, or when the context's `stop` returned true. New requests are then refused,
 * and those in progress have the time of the option "grace" to finish. */
HEED_API heed_status heed_serve_run(heed_server *server);
/* Makes heed_serve_run return. Any thread and a signal handler may call it. */
HEED_API void heed_serve_stop(heed_server *server);
/* Makes heed_serve_run read the API keys again, open the log again, and open each model again with its next
 * request. Any thread and a signal handler may call it. */
HEED_API void heed_serve_reload(heed_server *server);
/* Gives up requests in progress. NULL is allowed. */
HEED_API void heed_serve_close(heed_server *server);
/* One line with the version of libmicrohttpd, which heed_serve_open loads; release with heed_free.
 * HEED_UNSUPPORTED, with the Debian package to install, when it cannot be loaded. */
HEED_API heed_status heed_serve_library(heed_context *context, char **text);

/* ---- evaluation and benchmarks ------------------------------------------------------------------------- */

/* Opens the options of heed_evaluate_bleu and heed_evaluate_bleu_by_length. The caller closes *options.
 * HEED_MEMORY. */
HEED_API heed_status heed_bleu_options(heed_context *context, heed_options **options);
/* Corpus BLEU of a file of translations ("-": standard input) against the references (option "reference", one
 * or more files), as sacreBLEU computes and prints it (Papineni and others, 2002; Post, 2018): a line of
 * text, or a JSON object; release with heed_free. */
HEED_API heed_status heed_evaluate_bleu(heed_context *context, const heed_options *options, const char *translations,
                                        bool json, char **report);

/* BLEU for each bucket of sentences of similar length and each of `count` files of translations. The length
 * is the number of space-separated words of the option "source", or of the first reference. The report is a
 * table, or a JSON object {"lengths_of", "series": [FILE], "buckets": [{"from", "to", "sentences",
 * "mean_length", "bleu": [of each file]}], "bleu", "signature"}; release with heed_free. If `picture` is not
 * NULL, the curves are drawn into that SVG file, which is written completely or not at all. */
HEED_API heed_status heed_evaluate_bleu_by_length(heed_context *context, const heed_options *options,
                                                  const char *const *files, size_t count, bool json,
                                                  const char *picture, char **report);

/* Opens the options of heed_evaluate_perplexity. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_perplexity_options(heed_context *context, heed_options **options);
/* The perplexity of a model on text (exp of the mean loss per token), the loss in nats per token, bits per
 * byte and bits per character. The last two can be compared between models with different tokenizers. The
 * report is a line of text, or a JSON object {"perplexity", "loss", "bits_per_byte", "bits_per_character",
 * "tokens", "bytes", "characters"}; release with heed_free. A decoder predicts each token of `count` files of
 * text. Each line begins and ends with an end token, if the vocabulary has one; the final one is predicted
 * and counts as one byte, the line's end. With the option "whole-file", a file is one text, and all its
 * tokens but the first are predicted. A window has at most `window` tokens, and the next window begins
 * `stride` tokens later. A token is predicted in the first window that contains it, so its context has
 * between window − stride + 1 and window tokens, or all tokens before it if there are fewer. An
 * encoder–decoder predicts the option "target", given "source", and takes no files. A masked language model
 * predicts each token of a line while that token is masked: "pseudo_perplexity" (Salazar et al., 2020). Empty
 * lines are skipped. A line that is too long for a model without windows is left out, and a note names it.
 * HEED_UNSUPPORTED for a model that predicts no tokens. */
HEED_API heed_status heed_evaluate_perplexity(heed_model *model, const heed_options *options, const char *const *files,
                                              size_t count, bool json, char **report);

/* Opens the options of heed_evaluate_accuracy. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_accuracy_options(heed_context *context, heed_options **options);
/* The accuracy of predicted labels against the option "reference", a file with one label per line. If `model`
 * is NULL, `file` ("-": standard input) has one predicted label per line; text after a tab is ignored.
 * Otherwise `file` has one text per line, and the model predicts the labels. The report has accuracy, macro
 * F1, and precision, recall and F1 of each label: lines of text in percent, or a JSON object of fractions
 * {"accuracy", "macro_f1", "number", "labels": {LABEL: {"precision", "recall", "f1", "number"}}, "confusion":
 * {"labels", "counts": [[a row per true label, a column per predicted label]]}}; release with heed_free. A
 * label that the model lacks, and a text that is too long for it, count as wrong, and a note says so.
 * HEED_FORMAT for a label that is not UTF-8 text, HEED_LENGTH for more than 10,000 different labels. */
HEED_API heed_status heed_evaluate_accuracy(heed_context *context, heed_model *model, const heed_options *options,
                                            const char *file, bool json, char **report);

/* Opens the options of heed_evaluate_span_f1. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_span_f1_options(heed_context *context, heed_options **options);
/* Precision, recall and F1 of labelled spans of words, such as named entities, in files in CoNLL format: one
 * word per line, first the word, last its label. Without a model, the labels of `file` are compared with
 * those of the option "reference"; with a model, its predicted labels are compared with those of `file`. A
 * span is correct if its first word, last word and type are correct, as in seqeval 1.2.2, which reads labels
 * in the schemes IO, BIO, IOE and BIOES. The type is "PER" in the label "B-PER"; without "-" it is all but
 * the first character. The report has one line per type and one for all, in percent, or is seqeval's JSON
 * object of fractions {TYPE: {"precision", "recall", "f1", "number"}, "overall_precision", "overall_recall",
 * "overall_f1", "overall_accuracy"}. HEED_FORMAT when the files' words differ. */
HEED_API heed_status heed_evaluate_span_f1(heed_context *context, heed_model *model, const heed_options *options,
                                           const char *file, bool json, char **report);

/* Opens the options of heed_evaluate_squad. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_squad_options(heed_context *context, heed_options **options);
/* Exact match and F1 of answers to questions, as the evaluation scripts of SQuAD 1.1 (Rajpurkar et al.,
 * 2016) and 2.0 (Rajpurkar et al., 2018) compute them. Questions come in SQuAD's JSON, or as one JSON
 * object {"question", "context", "answers"} per line. With a model, it answers the questions of `file`. If
 * `model` is NULL, `file` ("-": standard input) has the answers to the questions of the option
 * "reference": a JSON object of answers by the "id" of the questions, or one answer per line in their
 * order. An answer that is missing counts as wrong, and a note says so. The report has percentages: lines
 * of text, or the JSON object of the script, {"exact_match", "f1"} of version 1.1, and of version 2.0
 * {"exact", "f1", "total", "HasAns_exact", "HasAns_f1", "HasAns_total", "NoAns_exact", "NoAns_f1",
 * "NoAns_total"}; release with heed_free. HEED_FORMAT for a file that is not as described, and when the
 * numbers of questions and of lines differ. */
HEED_API heed_status heed_evaluate_squad(heed_context *context, heed_model *model, const heed_options *options,
                                         const char *file, bool json, char **report);

/* Opens the options of heed_evaluate_training. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_training_options(heed_context *context, heed_options **options);
/* Plots one value (option "curve") of the log.jsonl of training runs against the step, one curve for each of
 * `count` folders of heed_train: as text, or a JSON object {"curve", "trainings": [{"folder", "step": [],
 * "value": []}]}; release with heed_free. If `picture` is not NULL, the curves are drawn into that SVG file,
 * which is written completely or not at all. HEED_FORMAT if no line of the log has that name. */
HEED_API heed_status heed_evaluate_training(heed_context *context, const heed_options *options,
                                            const char *const *folders, size_t count, bool json, const char *picture,
                                            char **report);

/* Opens the options of heed_bench. The caller closes *options. HEED_MEMORY. */
HEED_API heed_status heed_bench_options(heed_context *context, heed_options **options);
/* Runs the benchmark `what` ("machine", "kernels", "train", "translate") and calls `line` for each line of
 * the report. */
HEED_API heed_status heed_bench(heed_context *context, const heed_options *options, const char *what,
                                heed_log_function *line, void *user);

#ifdef __cplusplus
}
#endif

#endif
