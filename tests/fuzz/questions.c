/* Files of questions. A byte 0xFE separates the questions from their answers. Both are refused with a message, or give a report,
 * whose JSON is valid. Training examples of the questions have both ends of an answer. */
#include "folder.h"

#include "data/objective.h"
#include "formats/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void score(heed_context *context, bool json) {
    heed_options *options;
    char *report = NULL;
    hd_json parsed;
    check(heed_squad_options(context, &options) == HEED_OK);
    check(heed_options_set(options, "reference", in_fuzz_folder("questions")) == HEED_OK);
    heed_status status = heed_evaluate_squad(context, NULL, options, in_fuzz_folder("answers"), json, &report);
    heed_options_close(options);
    check(status == HEED_OK ? report && report[0] : !report && heed_context_message(context)[0]);
    if (status == HEED_OK && json) {
        check(hd_json_open_bytes(context, "report", report, strlen(report), HD_JSON_STRICT, &parsed) == HEED_OK);
        hd_json_close(&parsed);
    }
    heed_free(context, report);
}

static void check_example(const hd_pair *pair) {
    int firsts = 0, lasts = 0;
    check(pair->source_count == pair->target_count && pair->source_count <= 12);
    for (int32_t i = 0; i < pair->target_count; i++) {
        firsts += (pair->target[i] & HD_MARK_FIRST) != 0;
        check(lasts == 0 || !(pair->target[i] & HD_MARK_FIRST)); /* the first token is not after the last one */
        lasts += (pair->target[i] & HD_MARK_LAST) != 0;
    }
    check(firsts == 1 && lasts == 1);
}

static void read_examples(heed_context *context) {
    static heed_tokenizer *tokenizer;
    static heed_context *owner;
    const hd_objective *objective = &hd_objectives[HD_OBJECTIVE_ANSWER];
    if (!owner) check(heed_context_open(&owner) == HEED_OK);
    if (!tokenizer) check(hd_tokenizer_open(owner, GOLDEN "/squad/tokenizer.json", &tokenizer) == HEED_OK);
    const hd_corpus_options options = {.source = in_fuzz_folder("questions"),
                                       .folder = fuzz_folder,
                                       .most = 12,
                                       .stride = -1,
                                       .read = objective->read,
                                       .weight = objective->weight};
    hd_corpus corpus;
    if (hd_corpus_open(context, tokenizer, &options, &corpus) == HEED_OK)
        for (uint64_t i = 0; i < corpus.count; i++) {
            hd_pair pair = hd_corpus_get(&corpus, i);
            check_example(&pair);
        }
    hd_corpus_close(&corpus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
    const uint8_t *divide = size ? memchr(data, 0xFE, size) : NULL, *end = data + size;
    write_fuzz_file("questions", data, (size_t)((divide ? divide : end) - data));
    write_fuzz_file("answers", divide ? divide + 1 : data, divide ? (size_t)(end - divide - 1) : size);
    for (int json = 0; json < 2; json++) score(context, json);
    read_examples(context);
    heed_context_close(context);
    return 0;
}
