/* The tokenizer functions of heed/heed.h. */
#include "base/file.h"
#include "base/lines.h"
#include "base/options.h"
#include "base/parallel.h"
#include "formats/model_folder.h"
#include "text/folder.h"
#include "text/line.h"
#include "text/train.h"
#include "text/vocabulary.h"

#include <string.h>

struct heed_encoding {
    heed_context *context;
    hd_encoding tokens;
};

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* A folder may have a tokenizer but no model. */
heed_status heed_tokenizer_open(heed_context *context, const char *name, heed_tokenizer **tokenizer) {
    char *folder;
    bool found;
    *tokenizer = NULL;
    if (hd_file_exists(name) && !hd_folder_exists(name)) return hd_tokenizer_open(context, name, tokenizer);
    HD_TRY(hd_tokenizer_find_in_folder(context, name, &found));
    if (found) return hd_tokenizer_open_folder(context, name, tokenizer);
    HD_TRY(hd_model_folder_find(context, name, &folder));
    heed_status status = hd_tokenizer_open_folder(context, folder, tokenizer);
    hd_free(context, folder);
    return status;
}

void heed_tokenizer_close(heed_tokenizer *tokenizer) { hd_tokenizer_close(tokenizer); }

size_t heed_tokenizer_size(const heed_tokenizer *tokenizer) { return hd_tokenizer_size(tokenizer); }

const char *heed_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id) {
    return hd_tokenizer_token(tokenizer, id);
}

/* ---- text to ids and back --------------------------------------------------------------------------------------- */

heed_status heed_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text, size_t size,
                                  bool special, heed_encoding **out) {
    *out = NULL;
    heed_encoding *encoding = hd_alloc_zeroed(context, 1, sizeof *encoding);
    if (!encoding) return HEED_MEMORY;
    encoding->context = context;
    heed_status status = hd_tokenizer_encode(tokenizer, context, text, size, special, &encoding->tokens);
    if (status == HEED_OK)
        *out = encoding;
    else
        heed_encoding_close(encoding);
    return status;
}

typedef struct encode_work {
    const heed_tokenizer *tokenizer;
    heed_context *context;
    const char *const *texts;
    const size_t *sizes;
    size_t count;
    bool special;
    heed_encoding **encodings;
} encode_work;

enum { TASK_TEXTS = 16 };

static void encode_some(void *argument, int64_t index, int worker) {
    const encode_work *it = argument;
    size_t first = (size_t)index * TASK_TEXTS, last = it->count - first < TASK_TEXTS ? it->count : first + TASK_TEXTS;
    heed_context context = hd_context_worker(it->context, 1);
    (void)worker;
    for (size_t i = first; i < last; i++) {
        it->encodings[i] = NULL;
        if (!it->texts[i] || heed_tokenizer_encode(it->tokenizer, &context, it->texts[i], it->sizes[i], it->special,
                                                   &it->encodings[i]) != HEED_OK)
            continue;
        it->encodings[i]->context = it->encodings[i]->tokens.context = it->context; /* that closes it */
    }
}

heed_status heed_tokenizer_encode_all(const heed_tokenizer *tokenizer, heed_context *context, const char *const *texts,
                                      const size_t *sizes, size_t count, bool special, heed_encoding **encodings) {
    encode_work work = {tokenizer, context, texts, sizes, count, special, encodings};
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += texts[i] ? sizes[i] : 0;
    hd_parallel_for(context, (int64_t)((count + TASK_TEXTS - 1) / TASK_TEXTS), (int64_t)bytes * 100, encode_some,
                    &work);
    for (size_t i = 0; i < count; i++)
        if (texts[i] && !encodings[i]) /* again, for the message */
            HD_TRY(heed_tokenizer_encode(tokenizer, context, texts[i], sizes[i], special, &encodings[i]));
    return HEED_OK;
}

void heed_encoding_close(heed_encoding *encoding) {
    if (!encoding) return;
    hd_encoding_close(&encoding->tokens);
    hd_free(encoding->context, encoding);
}

size_t heed_encoding_count(const heed_encoding *encoding) { return encoding->tokens.count; }
const int32_t *heed_encoding_ids(const heed_encoding *encoding) { return encoding->tokens.ids; }
const uint32_t *heed_encoding_starts(const heed_encoding *encoding) { return encoding->tokens.starts; }
const uint32_t *heed_encoding_ends(const heed_encoding *encoding) { return encoding->tokens.ends; }

heed_status heed_tokenizer_decode(const heed_tokenizer *tokenizer, heed_context *context, const int32_t *ids,
                                  size_t count, char **text, size_t *size) {
    hd_buffer out;
    *text = NULL;
    *size = 0;
    hd_buffer_open(&out, context);
    heed_status status = hd_tokenizer_decode(tokenizer, ids, count, true, &out);
    *size = out.size;
    if (status == HEED_OK) *text = hd_buffer_take(&out);
    hd_buffer_close(&out);
    return status == HEED_OK && !*text ? HEED_MEMORY : status;
}

/* ---- training --------------------------------------------------------------------------------------------------- */

typedef struct train_options {
    hd_string_list input;
    int64_t vocabulary_size, min_frequency, alphabet_limit;
    int kind; /* hd_tokenizer_kind */
    int form; /* hd_normal_form */
    bool lowercase;
} train_options;

#define F(field) offsetof(train_options, field)

static const hd_setting rows[] = {
    {"input", HD_SETTING_LIST, F(input), NULL, 0, 0, "FILE", "training text, or - for standard input"},
    {"kind", HD_SETTING_CHOICE, F(kind), "bpe", 0, 0,
     "bpe|wordpiece|byte-bpe|characters|mask-byte-bpe|qwen-byte-bpe|unigram",
     "algorithm and conventions: Marian's, BERT's, GPT-2's, single characters, RoBERTa's, Qwen2's or T5's"},
    {"vocabulary-size", HD_SETTING_INT, F(vocabulary_size), "10000", 8, HD_VOCABULARY_LIMIT, "NUMBER",
     "number of tokens, including special tokens"},
    {"min-frequency", HD_SETTING_INT, F(min_frequency), "2", 1, 1 << 30, "NUMBER",
     "minimum count of a pair to be merged"},
    {"alphabet-limit", HD_SETTING_INT, F(alphabet_limit), "0", 0, 0x110000, "NUMBER",
     "keep only this many of the most frequent characters; 0 for all"},
    {"normal-form", HD_SETTING_CHOICE, F(form), "none", 0, 0, "none|nfc|nfd|nfkc|nfkd",
     "Unicode normal form of the text"},
    {"lowercase", HD_SETTING_BOOL, F(lowercase), NULL, 0, 0, NULL, "lowercase the text"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(train_options)};

heed_status heed_tokenizer_train_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* The lines of several files, one file after the other. */
typedef struct file_lines {
    heed_context *context;
    const hd_string_list *files;
    size_t file; /* index of the open one; `count` at the end */
    bool keep_ends;
    bool open;
    hd_lines lines;
} file_lines;

static heed_status next_line(void *user, const char **text, size_t *size) {
    file_lines *reader = user;
    *text = NULL;
    for (; reader->file < reader->files->count; reader->file++) {
        const char *path = reader->files->items[reader->file];
        if (!reader->open) HD_TRY(hd_lines_open(reader->context, path, HD_LINE_BYTES, &reader->lines));
        reader->open = true;
        reader->lines.keep_ends = reader->keep_ends;
        if (hd_lines_next(&reader->lines)) {
            if (reader->lines.too_long)
                return hd_fail(reader->context, HEED_LENGTH, "%s: line %llu has more than %d bytes", path,
                               (unsigned long long)reader->lines.number, HD_LINE_BYTES);
            *text = reader->lines.text;
            *size = reader->lines.size;
            return HEED_OK;
        }
        heed_status status = reader->lines.status;
        hd_lines_close(&reader->lines);
        reader->open = false;
        HD_TRY(status);
    }
    return HEED_OK;
}

static heed_status train(heed_context *context, const train_options *settings, heed_tokenizer **tokenizer) {
    if (!settings->input.count) return hd_fail(context, HEED_ARGUMENT, "no training text: input is not set");
    hd_tokenizer_options options = hd_tokenizer_options_of((hd_tokenizer_kind)settings->kind);
    options.vocabulary_size = (size_t)settings->vocabulary_size;
    options.min_frequency = (uint64_t)settings->min_frequency;
    options.alphabet_limit = (size_t)settings->alphabet_limit;
    options.form = (hd_normal_form)settings->form;
    options.lowercase = settings->lowercase;
    file_lines reader = {
        .context = context, .files = &settings->input, .keep_ends = hd_tokenizer_learns_line_ends(options.kind)};
    heed_status status = hd_tokenizer_train(context, &options, next_line, &reader, tokenizer);
    if (reader.open) hd_lines_close(&reader.lines);
    return status;
}

heed_status heed_tokenizer_train(heed_context *context, const heed_options *options, const char *path) {
    train_options settings = {0};
    heed_tokenizer *tokenizer = NULL;
    heed_status status = hd_settings_default(context, rows, HD_COUNT(rows), &settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &settings);
    if (status == HEED_OK) status = train(context, &settings, &tokenizer);
    if (status == HEED_OK) status = hd_tokenizer_save(tokenizer, context, path);
    hd_tokenizer_close(tokenizer);
    hd_settings_free(context, rows, HD_COUNT(rows), &settings);
    return status;
}
