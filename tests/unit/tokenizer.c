/* text: ids, offsets, decoded text and trained merges are those of Hugging Face's tokenizers
 * (golden/text/make.py), on any number of threads, for hostile files and with memory running out. */
#include "fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "text/parts.h"
#include "text/train.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- goldens -------------------------------------------------------------------------------------------------- */

static char *golden_path(const char *name, const char *suffix) {
    static char path[1024];
    snprintf(path, sizeof path, GOLDEN "/text/%s%s", name, suffix);
    return path;
}

static heed_tokenizer *open_golden(heed_context *context, const char *name) {
    heed_tokenizer *tokenizer;
    assert_ok(context, hd_tokenizer_open(context, golden_path(name, ".json"), &tokenizer));
    return tokenizer;
}

/* The bytes of one escaped column, in place; returns their number. */
static size_t unescape(char *text) {
    size_t size = 0;
    for (char *at = text; *at; size++) {
        if (*at != '\\')
            text[size] = *at++;
        else if (at[1] == 'x')
            text[size] = (char)strtol((char[]){at[2], at[3], 0}, NULL, 16), at += 4;
        else
            text[size] = at[1] == 't' ? '\t' : at[1] == 'n' ? '\n' : at[1], at += 2;
    }
    text[size] = 0;
    return size;
}

static void write_ids(const hd_encoding *encoding, hd_buffer *out) {
    hd_buffer_clear(out);
    hd_buffer_text(out, "");
    for (size_t i = 0; i < encoding->count; i++)
        hd_buffer_format(out, i ? " %d:%u:%u" : "%d:%u:%u", encoding->ids[i], encoding->starts[i], encoding->ends[i]);
}

static void check_line(heed_context *context, const heed_tokenizer *tokenizer, char *line, hd_encoding *encoding) {
    char *columns[4];
    for (int i = 0; i < 4; i++) {
        columns[i] = strsep(&line, "\t");
        assert_non_null(columns[i]);
    }
    size_t size = unescape(columns[0]);
    hd_buffer got;
    hd_buffer_open(&got, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, columns[0], size, true, encoding));
    write_ids(encoding, &got);
    if (strcmp(got.data, columns[1]) != 0) fail_msg("\"%s\"\nis   %s\nnot  %s", columns[0], got.data, columns[1]);
    for (int keep = 0; keep < 2; keep++) {
        unescape(columns[2 + keep]);
        hd_buffer_clear(&got);
        hd_buffer_text(&got, "");
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding->ids, encoding->count, !keep, &got));
        assert_string_equal(got.data, columns[2 + keep]);
    }
    hd_buffer_close(&got);
}

static const char *const goldens[] = {"marian", "nfc",        "nfkd",   "bert",  "metaspace-first", "metaspace-never",
                                      "old",    "whitespace", "merged", "llama", "ignore-merges"};

static void check_golden(heed_context *context, const char *name, const heed_tokenizer *tokenizer) {
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, golden_path(name, ".tsv"), &file));
    hd_encoding encoding = {0};
    char *rest = file.data, *line;
    int lines = 0;
    while ((line = strsep(&rest, "\n")) && rest) check_line(context, tokenizer, line, &encoding), lines++;
    assert_true(lines > 40);
    hd_encoding_close(&encoding);
    hd_buffer_close(&file);
}

static void encodes_and_decodes_as_tokenizers_does(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[i]);
        check_golden(context, goldens[i], tokenizer);
        hd_tokenizer_close(tokenizer);
    }
    heed_context_close(context);
}

static void saved_files_open_as_the_same_tokenizer(void **state) {
    (void)state;
    heed_context *context = open_context();
    char path[] = "/tmp/heed-tokenizer-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[i]);
        assert_ok(context, hd_tokenizer_save(tokenizer, context, path));
        hd_tokenizer_close(tokenizer);
        assert_ok(context, hd_tokenizer_open(context, path, &tokenizer));
        check_golden(context, goldens[i], tokenizer);
        hd_tokenizer_close(tokenizer);
    }
    unlink(path);
    heed_context_close(context);
}

static void looks_tokens_up(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "marian");
    assert_int_equal(hd_tokenizer_size(tokenizer), 300);
    assert_int_equal(hd_tokenizer_id(tokenizer, "</s>"), 0);
    assert_int_equal(hd_tokenizer_special(tokenizer, "<unk>"), 1);
    assert_int_equal(hd_tokenizer_unknown(tokenizer), 1);
    assert_int_equal(hd_tokenizer_special(tokenizer, "<pad>"), 299);
    assert_int_equal(hd_tokenizer_special(tokenizer, "a"), -1);
    assert_int_equal(hd_tokenizer_id(tokenizer, "no such token"), -1);
    assert_string_equal(hd_tokenizer_token(tokenizer, 299), "<pad>");
    assert_null(hd_tokenizer_token(tokenizer, 300));
    assert_null(hd_tokenizer_token(tokenizer, -1));
    for (int32_t id = 0; id < 300; id++)
        assert_int_equal(hd_tokenizer_id(tokenizer, hd_tokenizer_token(tokenizer, id)), id);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- training ------------------------------------------------------------------------------------------------- */

typedef struct corpus {
    const char *at;
    int limit; /* lines to give; -1 for all */
} corpus;

static heed_status next_line(void *user, const char **text, size_t *size) {
    corpus *lines = user;
    *text = NULL;
    if (!*lines->at || lines->limit-- == 0) return HEED_OK;
    *text = lines->at;
    *size = strcspn(lines->at, "\n");
    lines->at += *size + 1;
    return HEED_OK;
}

static const char *const first_specials[] = {"</s>", "<unk>"}, *const last_specials[] = {"<pad>"};

static hd_tokenizer_options marian_options(size_t size, uint64_t minimum, hd_normal_form form, bool lowercase) {
    return (hd_tokenizer_options){.vocabulary_size = size,
                                  .min_frequency = minimum,
                                  .form = form,
                                  .lowercase = lowercase,
                                  .first_specials = first_specials,
                                  .first_count = 2,
                                  .last_specials = last_specials,
                                  .last_count = 1,
                                  .unknown = "<unk>",
                                  .end_of_sentence = "</s>"};
}

static void assert_same_tokenizer(const heed_tokenizer *a, const heed_tokenizer *b) {
    assert_int_equal(hd_tokenizer_size(a), hd_tokenizer_size(b));
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(a); id++) {
        assert_string_equal(hd_tokenizer_token(a, id), hd_tokenizer_token(b, id));
        assert_int_equal(hd_tokenizer_is_special(a, id), hd_tokenizer_is_special(b, id));
    }
    assert_int_equal(a->bpe.merge_count, b->bpe.merge_count);
    assert_memory_equal(a->bpe.merges, b->bpe.merges, a->bpe.merge_count * sizeof *a->bpe.merges);
}

static void learns_the_merges_of_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    static const char *const names[] = {"trained-plain", "trained-folded", "trained-whole"};
    const hd_tokenizer_options options[] = {marian_options(500, 2, HD_FORM_NONE, false),
                                            marian_options(400, 1, HD_FORM_NFKC, true),
                                            marian_options(4000, 0, HD_FORM_NFC, false)};
    for (size_t i = 0; i < 3; i++) {
        heed_tokenizer *trained, *golden = open_golden(context, names[i]);
        corpus lines = {text.data, -1};
        assert_ok(context, hd_tokenizer_train(context, &options[i], next_line, &lines, &trained));
        assert_same_tokenizer(trained, golden);
        assert_int_equal(hd_tokenizer_id(trained, "<pad>"), hd_tokenizer_size(trained) - 1);
        hd_tokenizer_close(trained);
        hd_tokenizer_close(golden);
    }
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* Capitals, quotes, commas and hyphens come back from a trained tokenizer as they went in. */
static void trained_tokenizers_give_text_back(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text, back;
    hd_buffer_open(&text, context);
    hd_buffer_open(&back, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    hd_tokenizer_options options = marian_options(400, 2, HD_FORM_NONE, false);
    heed_tokenizer *tokenizer;
    corpus lines = {text.data, -1};
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    hd_encoding encoding = {0};
    const char *line;
    size_t size;
    lines = (corpus){text.data, -1};
    while (next_line(&lines, &line, &size) == HEED_OK && line) {
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, line, size, true, &encoding));
        assert_int_equal(encoding.ids[encoding.count - 1], 0);
        hd_buffer_clear(&back);
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &back));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, line, size);
    }
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&text);
    hd_buffer_close(&back);
    heed_context_close(context);
}

static bool stop_at_once(void *user, size_t done, size_t total) {
    (void)user, (void)done, (void)total;
    return false;
}

static heed_status no_line(void *user, const char **text, size_t *size) {
    (void)size;
    *text = NULL;
    return user ? HEED_FILE : HEED_OK;
}

static void training_refuses_what_makes_no_sense(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    corpus lines = {"a b\nab ab\n", -1};
    hd_tokenizer_options options = marian_options(3, 0, HD_FORM_NONE, false);
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options = marian_options(50, 0, HD_FORM_NONE, false);
    options.unknown = "<other>";
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "<other>"));
    options.unknown = "<unk>";
    options.last_specials = first_specials;
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options.last_specials = last_specials;
    options.progress = stop_at_once;
    lines = (corpus){"a b\nab ab\n", -1};
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_STOPPED);
    assert_null(tokenizer);
    options.progress = NULL;
    assert_int_equal(hd_tokenizer_train(context, &options, no_line, &options, &tokenizer), HEED_FILE);
    assert_ok(context, hd_tokenizer_train(context, &options, no_line, NULL, &tokenizer)); /* no text: specials alone */
    assert_int_equal(hd_tokenizer_size(tokenizer), 3);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void alphabet_is_limited_and_given(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    corpus lines = {"aaa aa b\xC3\xA9\n", -1};
    hd_tokenizer_options options = marian_options(7, 100, HD_FORM_NONE, false);
    options.alphabet = "\xC3\xBC";
    options.alphabet_limit = 3;
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    assert_int_equal(hd_tokenizer_size(tokenizer), 6);
    assert_string_equal(hd_tokenizer_token(tokenizer, 2), "a");
    assert_string_equal(hd_tokenizer_token(tokenizer, 3), "\xC3\xBC");
    assert_string_equal(hd_tokenizer_token(tokenizer, 4), "\xE2\x96\x81");
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- dropout, threads, length --------------------------------------------------------------------------------- */

static void dropout_is_a_function_of_its_key(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "marian");
    static const char text[] = "The red dog runs, and another garden sleeps.";
    hd_encode_options options = {.dropout = 0.3f, .key = hd_random_key_make(1, HD_RANDOM_DROPOUT, 0)};
    hd_encoding plain = {0}, a = {0}, b = {0};
    hd_buffer back;
    hd_buffer_open(&back, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, strlen(text), false, &plain));
    int differ = 0;
    for (options.sentence = 0; options.sentence < 20; options.sentence++) {
        assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &a));
        assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &b));
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.ids, b.ids, a.count * sizeof *a.ids);
        differ += a.count != plain.count;
        hd_buffer_clear(&back);
        assert_ok(context, hd_tokenizer_decode(tokenizer, a.ids, a.count, true, &back));
        assert_string_equal(back.data, text);
    }
    assert_true(differ > 10);
    options.dropout = 1;
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &a));
    assert_int_equal(a.count, strlen(text) + 1); /* each character, and the mark before the first */
    hd_buffer_close(&back);
    hd_encoding_close(&plain), hd_encoding_close(&a), hd_encoding_close(&b);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static const heed_tokenizer *shared_tokenizer;

static void encode_many_times(void *argument, int64_t piece, int worker) {
    (void)worker;
    int *wrong = argument;
    heed_context *context = NULL;
    hd_encoding encoding = {0};
    heed_context_open(&context);
    static const char text[] = "Zwei Hunde, gr\xC3\xB6\xC3\x9F und gr\xC3\xBCn </s> x";
    size_t count = 0;
    for (int i = 0; i < 100; i++) {
        if (hd_tokenizer_encode(shared_tokenizer, context, text, strlen(text), true, &encoding) != HEED_OK)
            wrong[piece]++;
        if (i && encoding.count != count) wrong[piece]++;
        count = encoding.count;
    }
    hd_encoding_close(&encoding);
    heed_context_close(context);
}

static void threads_share_a_tokenizer(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "nfkd");
    shared_tokenizer = tokenizer;
    int wrong[8] = {0};
    assert_ok(context, heed_context_set_threads(context, 4));
    hd_parallel_for(context, 8, encode_many_times, wrong);
    for (int i = 0; i < 8; i++) assert_int_equal(wrong[i], 0);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* Time must not grow with the square of a word's length, whatever it is made of: each of these would take minutes. */
static void long_words_take_no_time(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char *const units[] = {"a", "the", "garden", "\xCC\x81\xCC\xA3", "\xF0\x9F\x98\x80", "\xE2\x96\x81",
                                        "<s"};
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_encoding encoding = {0};
    double start = hd_clock();
    for (size_t g = 0; g < HD_COUNT(goldens); g++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[g]);
        for (size_t i = 0; i < HD_COUNT(units); i++) {
            hd_buffer_clear(&text);
            while (text.size < 100000) hd_buffer_text(&text, units[i]);
            assert_ok(context, hd_tokenizer_encode(tokenizer, context, text.data, text.size, true, &encoding));
        }
        hd_tokenizer_close(tokenizer);
    }
    assert_true(hd_clock() - start < 60);
    hd_encoding_close(&encoding);
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* ---- hostile files -------------------------------------------------------------------------------------------- */

#define MODEL(vocabulary, merges) "{\"model\":{\"type\":\"BPE\",\"vocab\":" vocabulary ",\"merges\":" merges "}}"
#define PART(key, value)          "{\"" key "\":" value ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}"

static const struct {
    const char *json;
    heed_status status;
    const char *says;
} hostile[] = {
    {"", HEED_FORMAT, "line 1"},
    {"not JSON", HEED_FORMAT, "line 1"},
    {"[]", HEED_FORMAT, "\"model\" is missing"},
    {"{\"model\":3}", HEED_FORMAT, "\"model\" is missing"},
    {"{\"model\":{\"type\":\"WordPiece\"}}", HEED_UNSUPPORTED, "model \"WordPiece\" is not supported"},
    {"{\"model\":{\"type\":7}}", HEED_FORMAT, "\"type\" is not a string"},
    {MODEL("[]", "[]"), HEED_FORMAT, "\"vocab\" is not an object"},
    {MODEL("{\"a\":\"0\"}", "[]"), HEED_FORMAT, "the id of token \"a\" is not an integer"},
    {MODEL("{\"a\":-1}", "[]"), HEED_FORMAT, "token \"a\" has id -1"},
    {MODEL("{\"a\":4194304}", "[]"), HEED_FORMAT, "token \"a\" has id 4194304"},
    {MODEL("{\"a\":9223372036854775807}", "[]"), HEED_FORMAT, "token \"a\" has id"},
    {MODEL("{\"a\":99999999999999999999}", "[]"), HEED_FORMAT, "too big"},
    {MODEL("{\"a\":1,\"b\":1}", "[]"), HEED_FORMAT, "id 1 belongs to \"a\" and to \"b\""},
    {MODEL("{\"a\":1,\"a\":2}", "[]"), HEED_FORMAT, "duplicate"},
    {MODEL("{\"a\":0}", "{}"), HEED_FORMAT, "\"merges\" is not a list"},
    {MODEL("{\"a\":0}", "[\"a\"]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[\"a a a\"]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[[\"a\",3]]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[[\"a\",\"a\"]]"), HEED_FORMAT, "merge 0 makes \"aa\""},
    {MODEL("{\"a\":0,\"aa\":1}", "[[\"a\",\"a\"],[\"a\",\"b\"]]"), HEED_FORMAT, "merge 1 makes \"ab\""},
    {"{\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{},\"merges\":[]}}", HEED_FORMAT, "unk_token \"?\""},
    {"{\"model\":{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}}", HEED_UNSUPPORTED, "\"dropout\""},
    {"{\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\",\"vocab\":{},\"merges\":[]}}", HEED_UNSUPPORTED,
     "\"end_of_word_suffix\" is not supported"},
    {"{\"model\":{\"type\":\"BPE\",\"fuse_unk\":1,\"vocab\":{},\"merges\":[]}}", HEED_FORMAT,
     "\"fuse_unk\" is not true or false"},
    {PART("normalizer", "{}"), HEED_FORMAT, "normalizer has no \"type\""},
    {PART("normalizer", "{\"type\":\"Precompiled\"}"), HEED_UNSUPPORTED, "normalizer \"Precompiled\" is not supported"},
    {PART("normalizer", "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a\"},\"content\":\"\"}"), HEED_UNSUPPORTED,
     "regular expression"},
    {PART("normalizer", "{\"type\":\"Replace\",\"pattern\":\"a\",\"content\":\"\"}"), HEED_FORMAT,
     "\"String\" is not a string"},
    {PART("normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\"}]}"), HEED_FORMAT,
     "\"normalizers\" is not a list"},
    {PART("pre_tokenizer", "{\"type\":\"ByteLevel\"}"), HEED_UNSUPPORTED,
     "pre_tokenizer \"ByteLevel\" is not supported"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\"}"), HEED_FORMAT, "\"replacement\" is not a string"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"__\"}"), HEED_FORMAT,
     "\"replacement\" is not one character"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"x\"}"), HEED_FORMAT,
     "\"x\""},
    {PART("pre_tokenizer", "{\"type\":\"Punctuation\",\"behavior\":[]}"), HEED_FORMAT, "\"behavior\""},
    {PART("decoder", "{\"type\":\"WordPiece\"}"), HEED_UNSUPPORTED, "decoder \"WordPiece\" is not supported"},
    {PART("decoder", "{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}"), HEED_FORMAT,
     "\"start\" is not a count"},
    {PART("post_processor", "{\"type\":\"RobertaProcessing\"}"), HEED_UNSUPPORTED,
     "post_processor \"RobertaProcessing\""},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}],\"pair\":[]}"),
     HEED_FORMAT, "names \"x\""},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"pair\":[]}"),
     HEED_FORMAT, "\"single\""},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"special_tokens\":{\"x\":{\"ids\":[1]}},\"single\":[],\"pair\":[]}"),
     HEED_FORMAT, "an id that the vocabulary lacks"},
    {PART("added_tokens", "{}"), HEED_FORMAT, "\"added_tokens\" is not a list"},
    {PART("added_tokens", "[{\"id\":1}]"), HEED_FORMAT, "\"content\" is not a string"},
    {PART("added_tokens", "[{\"id\":1,\"content\":\"\"}]"), HEED_FORMAT, "an added token is empty"},
    {PART("added_tokens", "[{\"id\":1,\"content\":\"a\"}]"), HEED_FORMAT, "in the vocabulary it has 0"},
    {PART("added_tokens", "[{\"id\":0,\"content\":\"b\"}]"), HEED_FORMAT, "id 0 belongs to"},
    {PART("added_tokens", "[{\"id\":-5,\"content\":\"b\"}]"), HEED_FORMAT, "id -5"},
};

static void hostile_files_are_refused_by_name(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(hostile); i++) {
        heed_tokenizer *tokenizer;
        heed_status status =
            hd_tokenizer_parse(context, "x/t.json", hostile[i].json, strlen(hostile[i].json), &tokenizer);
        const char *message = heed_context_message(context);
        if (status != hostile[i].status || strncmp(message, "x/t.json: ", 10) != 0 || !strstr(message, hostile[i].says))
            fail_msg("%s: status %d, \"%s\"", hostile[i].json, status, message);
        assert_null(tokenizer);
    }
    heed_tokenizer *tokenizer;
    assert_int_equal(hd_tokenizer_open(context, "/no/such/file", &tokenizer), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "/no/such/file"));
    heed_context_close(context);
}

static void truncated_files_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, golden_path("llama", ".json"), &file));
    while (file.size && file.data[file.size - 1] != '}') file.size--;
    for (size_t size = 0; size < file.size; size += 37) {
        heed_tokenizer *tokenizer;
        assert_int_equal(hd_tokenizer_parse(context, "t", file.data, size, &tokenizer), HEED_FORMAT);
    }
    hd_buffer_close(&file);
    heed_context_close(context);
}

static void holes_in_the_ids_are_fine(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char json[] = MODEL("{\"a\":5,\"b\":2}", "[]");
    heed_tokenizer *tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_tokenizer_parse(context, "t", json, strlen(json), &tokenizer));
    assert_int_equal(hd_tokenizer_size(tokenizer), 6);
    assert_null(hd_tokenizer_token(tokenizer, 3));
    assert_ok(context, hd_tokenizer_decode(tokenizer, (int32_t[]){3, 5, -1, 2, 999, INT32_MAX}, 6, true, &text));
    assert_string_equal(text.data, "a b");
    hd_buffer_close(&text);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- memory that runs out ------------------------------------------------------------------------------------- */

static long allocations_left;

static void *failing_resize(void *user, void *pointer, size_t size) {
    (void)user;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return allocations_left-- > 0 ? realloc(pointer, size) : NULL;
}

static heed_status open_and_use(heed_context *context, hd_encoding *encoding, hd_buffer *text,
                                heed_tokenizer **tokenizer) {
    static const char line[] = "The gr\xC3\xBCn dog [M] runs </s> zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    HD_TRY(hd_tokenizer_open(context, golden_path("bert", ".json"), tokenizer));
    HD_TRY(hd_tokenizer_encode(*tokenizer, context, line, strlen(line), true, encoding));
    return hd_tokenizer_decode(*tokenizer, encoding->ids, encoding->count, false, text);
}

static heed_status train_and_save(heed_context *context, const char *text, const char *path,
                                  heed_tokenizer **tokenizer) {
    hd_tokenizer_options options = marian_options(60, 1, HD_FORM_NFKC, true);
    corpus lines = {text, 6};
    HD_TRY(hd_tokenizer_train(context, &options, next_line, &lines, tokenizer));
    return hd_tokenizer_save(*tokenizer, context, path);
}

static void every_failed_allocation_comes_back(void **state) {
    (void)state;
    char path[] = "/tmp/heed-tokenizer-XXXXXX";
    close(mkstemp(path));
    heed_context *plain = open_context();
    hd_buffer text;
    hd_buffer_open(&text, plain);
    assert_ok(plain, hd_file_read(plain, golden_path("corpus", ".txt"), &text));
    for (int kind = 0; kind < 2; kind++) {
        heed_status status = HEED_MEMORY;
        for (long n = 0; status != HEED_OK; n += n < 300 ? 1 : 7) {
            heed_context *context;
            allocations_left = 1000000;
            assert_int_equal(heed_context_open_with(failing_resize, NULL, &context), HEED_OK);
            heed_tokenizer *tokenizer = NULL;
            hd_encoding encoding = {0};
            hd_buffer decoded;
            hd_buffer_open(&decoded, context);
            allocations_left = n;
            status = kind ? train_and_save(context, text.data, path, &tokenizer)
                          : open_and_use(context, &encoding, &decoded, &tokenizer);
            assert_true(status == HEED_OK || status == HEED_MEMORY);
            if (status == HEED_MEMORY) assert_non_null(strstr(heed_context_message(context), "memory"));
            hd_encoding_close(&encoding);
            hd_buffer_close(&decoded);
            hd_tokenizer_close(tokenizer);
            heed_context_close(context);
            assert_true(n < 100000);
        }
    }
    hd_buffer_close(&text);
    heed_context_close(plain);
    unlink(path);
}

/* ---- Unicode -------------------------------------------------------------------------------------------------- */

static void broken_utf8_becomes_replacement_characters(void **state) {
    (void)state; /* the counts are those of bytes.decode("utf-8", "replace") */
    static const struct {
        const char *bytes;
        size_t characters;
    } cases[] = {{"\xff", 1},
                 {"\xc0\xaf", 2},
                 {"\xe2\x82", 1},
                 {"\xe2\x82"
                  "a",
                  2},
                 {"\xed\xa0\x80", 3},
                 {"\xf0\x9f\x98", 1},
                 {"\xf0\x8f\x98\x80", 4},
                 {"\xf4\x90\x80\x80", 4},
                 {"\xe0\x9f\x80", 3},
                 {"\xf0\x9f\x98\x80", 1},
                 {"\x80", 1}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        size_t size = strlen(cases[i].bytes), count = 0;
        for (size_t at = 0; at < size; count++) {
            uint32_t code;
            at += hd_utf8_decode(cases[i].bytes + at, size - at, &code);
            assert_true(at <= size);
        }
        assert_int_equal(count, cases[i].characters);
    }
    for (uint32_t code = 0; code < 0x110000; code++) {
        if (code >= 0xD800 && code < 0xE000) continue;
        char bytes[4];
        uint32_t back;
        size_t size = hd_utf8_encode(code, bytes);
        assert_int_equal(hd_utf8_decode(bytes, size, &back), size);
        assert_int_equal(back, code);
    }
    assert_true(hd_utf8_valid("a\xEF\xBF\xBD", 4));
    assert_false(hd_utf8_valid("a\xEF\xBF", 3));
    assert_false(hd_utf8_valid("\x80", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_as_tokenizers_does),
        cmocka_unit_test(saved_files_open_as_the_same_tokenizer),
        cmocka_unit_test(looks_tokens_up),
        cmocka_unit_test(learns_the_merges_of_tokenizers),
        cmocka_unit_test(trained_tokenizers_give_text_back),
        cmocka_unit_test(training_refuses_what_makes_no_sense),
        cmocka_unit_test(alphabet_is_limited_and_given),
        cmocka_unit_test(dropout_is_a_function_of_its_key),
        cmocka_unit_test(threads_share_a_tokenizer),
        cmocka_unit_test(long_words_take_no_time),
        cmocka_unit_test(hostile_files_are_refused_by_name),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(holes_in_the_ids_are_fine),
        cmocka_unit_test(every_failed_allocation_comes_back),
        cmocka_unit_test(broken_utf8_becomes_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
