/* heed tokenize: text to tokens or ids, and ids to text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "complete.h"
#include "memory.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input;
static bool ids_only, decode, plain, json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model or tokenizer.json to use", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"ids", 0, NULL, "print ids instead of tokens", NULL, &ids_only},
    {"decode", 0, NULL, "read ids and print the text that they encode", NULL, &decode},
    {"no-special", 0, NULL, "add no special tokens such as </s> or [CLS]", NULL, &plain},
    {"json", 0, NULL, "print one JSON object per text: ids, tokens, and offsets in characters", NULL, &json},
};

static const command tokenize = {
    .name = "tokenize",
    .usage = "-m MODEL [options] [TEXT ...]",
    .about =
        "Prints the tokens of each TEXT, or of each line of --input or standard input, one line per text.\n"
        "heed tokenize train trains a tokenizer. Its help is heed tokenize train --help.\n",
    .words = "train",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
};

static const char *token_text(const heed_tokenizer *tokenizer, int32_t id) {
    const char *text = heed_tokenizer_token(tokenizer, id);
    return text ? text : "";
}

static void print_number(unsigned number) {
    char digits[16], *at = digits + sizeof digits;
    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    fwrite(at, 1, (size_t)(digits + sizeof digits - at), stdout);
}

static void print_tokens(const heed_tokenizer *tokenizer, const heed_encoding *encoding) {
    const int32_t *ids = heed_encoding_ids(encoding);
    for (size_t i = 0; i < heed_encoding_count(encoding); i++) {
        if (i) putchar(' ');
        if (ids_only)
            print_number((unsigned)ids[i]);
        else
            put_line_text(token_text(tokenizer, ids[i]), strlen(token_text(tokenizer, ids[i])));
    }
    putchar('\n');
}

static void print_object(const heed_tokenizer *tokenizer, const heed_encoding *encoding) {
    size_t count = heed_encoding_count(encoding);
    const int32_t *ids = heed_encoding_ids(encoding);
    const uint32_t *starts = heed_encoding_starts(encoding), *ends = heed_encoding_ends(encoding);
    fputs("{\"ids\": [", stdout);
    for (size_t i = 0; i < count; i++) printf("%s%d", i ? ", " : "", ids[i]);
    fputs("], \"tokens\": [", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        put_json_string(token_text(tokenizer, ids[i]), strlen(token_text(tokenizer, ids[i])));
    }
    fputs("], \"offsets\": [", stdout);
    for (size_t i = 0; i < count; i++) printf("%s[%u, %u]", i ? ", " : "", starts[i], ends[i]);
    fputs("]}\n", stdout);
}

/* NULL, or the reason why the text could not be encoded. `encoding` is its encoding, or NULL. */
static const char *print_text(const invocation *line, const heed_tokenizer *tokenizer, const char *text, size_t size,
                              heed_encoding *encoding) {
    if (!encoding && heed_tokenizer_encode(tokenizer, line->context, text, size, !plain, &encoding) != HEED_OK)
        return heed_context_message(line->context);
    if (json)
        print_object(tokenizer, encoding);
    else
        print_tokens(tokenizer, encoding);
    heed_encoding_close(encoding);
    return NULL;
}

/* Reads ids separated by spaces, tabs or commas; false at anything else. */
static bool read_ids(const char *text, size_t size, int32_t **ids, size_t *count) {
    const char *end = text + size;
    *ids = grow_memory(NULL, size / 2 + 1, sizeof **ids);
    *count = 0;
    while (true) {
        while (text < end && strchr(" \t,", *text) && *text) text++;
        if (text == end) return true;
        int64_t id = 0;
        const char *first = text;
        while (text < end && *text >= '0' && *text <= '9' && id <= INT32_MAX) id = id * 10 + (*text++ - '0');
        if (text == first || id > INT32_MAX || (text < end && (!*text || !strchr(" \t,", *text)))) return false;
        (*ids)[(*count)++] = (int32_t)id;
    }
}

static bool are_tokens(const heed_tokenizer *tokenizer, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!heed_tokenizer_token(tokenizer, ids[i])) return false;
    return true;
}

/* NULL, or the reason why the ids could not be decoded. */
static const char *decode_text(const invocation *line, const heed_tokenizer *tokenizer, const char *text, size_t size) {
    int32_t *ids;
    size_t count, decoded_size;
    char *decoded = NULL;
    const char *problem = NULL;
    if (!read_ids(text, size, &ids, &count))
        problem = "expected ids: whole numbers separated by spaces";
    else if (!are_tokens(tokenizer, ids, count))
        problem = "an id is not in the vocabulary";
    else if (heed_tokenizer_decode(tokenizer, line->context, ids, count, &decoded, &decoded_size) != HEED_OK)
        problem = heed_context_message(line->context);
    if (!problem && json) {
        fputs("{\"text\": ", stdout);
        put_json_string(decoded, decoded_size);
        puts("}");
    } else if (!problem) {
        put_line_text(decoded, decoded_size);
        putchar('\n');
    }
    heed_free(line->context, decoded);
    free(ids);
    return problem;
}

static int tokenize_all(const invocation *line, const heed_tokenizer *tokenizer, text_source *texts) {
    int code = EXIT_DONE;
    heed_encoding **encodings = NULL;
    while (next_texts(texts)) {
        encodings = grow_memory(encodings, texts->count, sizeof *encodings);
        if (!decode) /* each text that failed is reported below */
            heed_tokenizer_encode_all(tokenizer, line->context, texts->items, texts->sizes, texts->count, !plain,
                                      encodings);
        for (size_t i = 0; i < texts->count; i++) {
            const char *problem = NULL, *text = texts->items[i];
            if (!text)
                problem = too_long;
            else if (decode)
                problem = decode_text(line, tokenizer, text, texts->sizes[i]);
            else
                problem = print_text(line, tokenizer, text, texts->sizes[i], encodings[i]);
            if (!problem) continue;
            putchar('\n');
            report_text(texts, i, problem);
            code = EXIT_FAILED;
        }
        if (!flush_output()) break;
    }
    free(encodings);
    return texts->failed ? EXIT_FAILED : code;
}

int run_tokenize(int count, char **words) {
    bool unfinished = count == 1 && is_completing();
    if (count && !unfinished && strcmp(words[0], "train") == 0) return run_tokenize_train(count - 1, words + 1);
    invocation line;
    text_source texts;
    heed_tokenizer *tokenizer = NULL;
    int code;
    if (!open_invocation(&tokenize, count, words, &line, &code)) return code;
    if (!model_name) {
        code = report_usage(&line, "-m MODEL is missing: a folder, a shipped model's name or a tokenizer.json");
    } else if (open_texts(&line, input, &texts, &code)) {
        heed_status status = heed_tokenizer_open(line.context, model_name, &tokenizer);
        code = status == HEED_OK ? tokenize_all(&line, tokenizer, &texts) : report_failure(&line, status);
        close_texts(&texts);
    }
    heed_tokenizer_close(tokenizer);
    close_invocation(&line);
    return finish_output(tokenize.name, code);
}
