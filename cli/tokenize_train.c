/* heed tokenize train: a tokenizer.json from text. */
#include "arguments.h"
#include "verbs.h"

static const char *output;

static const own_option own[] = {
    {"output", 'o', "FILE", "the tokenizer.json to write", &output, NULL},
};

static const command tokenize_train = {
    .name = "tokenize train",
    .usage = "--input FILE ... --output tokenizer.json [options]",
    .about =
        "Trains a tokenizer on text files, a text a line. Files may also stand by themselves. Its kinds:\n"
        "  bpe         byte-pair encoding, as translators have it; </s> ends a text\n"
        "  wordpiece   BERT's, with [CLS] and [SEP] around a text; --lowercase takes accents away too\n"
        "  byte-bpe    GPT-2's, of bytes, so that no text is unknown; line ends are learned\n"
        "  characters  each character is a token, line ends too\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_tokenizer_train_options,
};

int run_tokenize_train(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&tokenize_train, count, words, &line, &code)) return code;
    heed_status status = HEED_OK;
    for (size_t i = 0; i < line.text_count && status == HEED_OK; i++)
        status = heed_options_set(line.options, "input", line.texts[i]);
    if (!output) {
        code = report_usage(&line, "where to? --output FILE is missing");
    } else if (!line.text_count && !was_given(&line, "input")) {
        code = report_usage(&line, "no text to learn from: --input FILE is missing");
    } else {
        if (status == HEED_OK) status = heed_tokenizer_train(line.context, line.options, output);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    }
    close_invocation(&line);
    return code;
}
