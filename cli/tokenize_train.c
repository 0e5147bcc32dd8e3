/* heed tokenize train: trains a tokenizer on text and writes its tokenizer.json. */
#include "arguments.h"
#include "verbs.h"

static const char *output;

static const own_option own[] = {
    {"output", 'o', "FILE", "tokenizer.json to write", &output, NULL},
};

static const command tokenize_train = {
    .name = "tokenize train",
    .usage = "--input FILE ... --output tokenizer.json [options]",
    .about =
        "Trains a tokenizer on text files with one text per line. Files may also be given as arguments. Kinds:\n"
        "  bpe         byte-pair encoding of translators; </s> ends a text\n"
        "  wordpiece   BERT's WordPiece, with [CLS] and [SEP] around a text; --lowercase also removes accents\n"
        "  byte-bpe    GPT-2's byte-level BPE, which encodes any text; line ends are tokens\n"
        "  characters  one token per character, line ends included\n"
        "  mask-byte-bpe  RoBERTa's byte-level BPE, with <s> and </s> around a text, and the token <mask>\n"
        "  qwen-byte-bpe  Qwen2's byte-level BPE; each digit is a token; line ends are tokens\n"
        "  unigram     T5's Unigram; </s> ends a text\n",
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
        code = report_usage(&line, "--output FILE is missing");
    } else if (!line.text_count && !was_given(&line, "input")) {
        code = report_usage(&line, "--input FILE is missing: the text to train on");
    } else {
        if (status == HEED_OK) status = heed_tokenizer_train(line.context, line.options, output);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    }
    close_invocation(&line);
    return code;
}
