/* Lines of text files, and training pairs made of them. The first byte is the longest line allowed; a byte 0xFE in the rest
 * separates the source text from the target text. Sequential reading and reading by number give the same lines, a corpus
 * contains the encoded lines, and files of different lengths are refused. Every objective reads them. */
#include "folder.h"

#include "base/lines.h"
#include "base/utf8.h"
#include "data/objective.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char tokenizer_json[] =
    "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{\"?\":0,\"a\":1,\"b\":2,\"ab\":3,\" "
    "\":4,\"[MASK]\":5},"
    "\"merges\":[[\"a\",\"b\"]]}}";

enum { MOST = 6 }; /* most tokens per side of a pair */

/* Sequential reading and reading by number agree on every line. Returns the number of lines. */
static uint64_t read_both_ways(heed_context *context, const char *path, size_t longest) {
    hd_lines lines;
    hd_line_index index;
    check(hd_lines_open(context, path, longest, &lines) == HEED_OK);
    check(hd_line_index_open(context, path, &index) == HEED_OK);
    uint64_t count = 0;
    while (hd_lines_next(&lines)) {
        const char *text;
        size_t size;
        check(count < index.count && lines.number == count + 1);
        hd_line_index_get(&index, count++, &text, &size);
        check(lines.too_long == (longest && size > longest));
        check(lines.text[lines.size] == 0);
        if (!lines.too_long) check(lines.size == size && memcmp(lines.text, text, size) == 0);
    }
    check(lines.status == HEED_OK && count == index.count);
    hd_lines_close(&lines);
    hd_line_index_close(&index);
    return count;
}

static void compare(heed_context *context, const heed_tokenizer *tokenizer, const hd_corpus *corpus, const char *source,
                    const char *target) {
    hd_line_index files[2];
    hd_encoding encoded[2] = {{0}, {0}};
    check(hd_line_index_open(context, source, &files[0]) == HEED_OK);
    check(hd_line_index_open(context, target, &files[1]) == HEED_OK);
    uint64_t number = 0;
    for (uint64_t i = 0; i < files[0].count; i++) {
        bool kept = true;
        for (int side = 0; side < 2; side++) {
            const char *text;
            size_t size;
            hd_line_index_get(&files[side], i, &text, &size);
            check(hd_tokenizer_encode(tokenizer, context, text, size, true, &encoded[side]) == HEED_OK);
            kept = kept && !hd_text_is_blank(text, size) && encoded[side].count <= MOST;
        }
        if (!kept) continue;
        check(number < corpus->count);
        hd_pair pair = hd_corpus_get(corpus, number++);
        check((size_t)pair.source_count == encoded[0].count && (size_t)pair.target_count == encoded[1].count);
        check(!pair.source_count || memcmp(pair.source, encoded[0].ids, encoded[0].count * sizeof(int32_t)) == 0);
        check(!pair.target_count || memcmp(pair.target, encoded[1].ids, encoded[1].count * sizeof(int32_t)) == 0);
    }
    check(number == corpus->count);
    for (int side = 0; side < 2; side++) {
        hd_encoding_close(&encoded[side]);
        hd_line_index_close(&files[side]);
    }
}

/* Every example, as stored and as drawn, has ids in the vocabulary and labels in range. */
static void check_examples(hd_corpus *corpus, hd_objective_kind kind, int32_t vocabulary, int32_t labels) {
    hd_arena drawn;
    hd_arena_open(&drawn, corpus->context);
    for (uint64_t i = 0; i < corpus->count; i++) {
        hd_pair pair;
        check(hd_corpus_draw(corpus, i, 1, &drawn, &pair) == HEED_OK);
        check(pair.source_count <= MOST && pair.target_count <= MOST + 1);
        check(hd_objectives[kind].target_count(&pair) <= hd_max(pair.source_count, pair.target_count));
        for (int32_t j = 0; j < pair.source_count; j++) check(pair.source[j] >= 0 && pair.source[j] < vocabulary);
        for (int32_t j = 0; j < pair.target_count; j++) check(pair.target[j] >= -1 && pair.target[j] < labels);
    }
    hd_arena_close(&drawn);
}

static void read_for(heed_context *context, const heed_tokenizer *tokenizer, hd_objective_kind kind, bool whole_file,
                     const char *source, const char *target) {
    hd_labels labels = {0};
    int32_t vocabulary = (int32_t)hd_tokenizer_size(tokenizer);
    const hd_objective *objective = &hd_objectives[kind];
    bool by_word = objective->labels == HD_LABELS_OF_WORDS;
    heed_status status =
        objective->labels ? hd_labels_collect(context, by_word ? source : target, by_word, &labels) : HEED_OK;
    check(status == HEED_OK || status == HEED_FORMAT);
    hd_corpus corpus = {0};
    hd_corpus_options options = {.source = source,
                                 .target = objective->two_files ? target : NULL,
                                 .folder = fuzz_folder,
                                 .most = MOST,
                                 .read = objective->read,
                                 .draw = objective->draw,
                                 .weight = objective->weight,
                                 .whole_file = whole_file,
                                 .labels = &labels};
    if (status == HEED_OK) {
        status = hd_corpus_open(context, tokenizer, &options, &corpus);
        check(status == HEED_OK || (status == HEED_FORMAT && heed_context_message(context)[0]));
    }
    if (status == HEED_OK)
        check_examples(&corpus, kind, vocabulary, objective->labels ? (int32_t)labels.count : vocabulary);
    hd_corpus_close(&corpus);
    hd_labels_close(context, &labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    make_fuzz_folder();
    const uint8_t *text = data + 1, *divide = memchr(text, 0xFE, size - 1), *end = data + size;
    write_fuzz_file("source", text, (size_t)((divide ? divide : end) - text));
    write_fuzz_file("target", divide ? divide + 1 : text, divide ? (size_t)(end - divide - 1) : size - 1);
    const char *source = in_fuzz_folder("source"), *target = in_fuzz_folder("target");
    uint64_t count = read_both_ways(context, source, data[0]);
    bool same_count = read_both_ways(context, target, data[0]) == count;
    heed_tokenizer *tokenizer;
    check(hd_tokenizer_parse(context, "own", tokenizer_json, strlen(tokenizer_json), &tokenizer) == HEED_OK);
    hd_corpus corpus;
    hd_corpus_options options = {.source = source,
                                 .target = target,
                                 .folder = fuzz_folder,
                                 .most = MOST,
                                 .read = hd_objectives[HD_OBJECTIVE_TRANSLATE].read,
                                 .weight = hd_objectives[HD_OBJECTIVE_TRANSLATE].weight};
    heed_status status = hd_corpus_open(context, tokenizer, &options, &corpus);
    check(status == HEED_OK || (status == HEED_FORMAT && heed_context_message(context)[0]));
    check(same_count || status == HEED_FORMAT);
    if (status == HEED_OK) compare(context, tokenizer, &corpus, source, target);
    hd_corpus_close(&corpus);
    for (int kind = 0; hd_objective_name(kind); kind++)
        read_for(context, tokenizer, (hd_objective_kind)kind, false, source, target);
    read_for(context, tokenizer, HD_OBJECTIVE_LANGUAGE, true, source, target);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
    return 0;
}
