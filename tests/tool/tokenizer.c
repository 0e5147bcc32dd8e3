/* Drives the tokenizer from scripts, a line at a time, before and beside the command:
 *   tokenizer encode|plain FILE    lines in; "id:start:end …" out, with or without the template's special tokens
 *   tokenizer pairs FILE           lines of two texts with a tab between them in; "id:start:end:type …" out
 *   tokenizer whole FILE           all of the input in as one text; "id:start:end …" out
 *   tokenizer decode|keep FILE     lines of ids in; text out, special tokens left out or kept; newlines become \n
 *   tokenizer exact FILE           lines of "text TAB [text]" or "TAB TAB ids" in, where \\, \t, \n and \xNN are escapes;
 *                                  "id:start:end:type ..." or text out, or "! MESSAGE"; truncates as the file says
 *   tokenizer copy FILE OUT        open and save
 *   tokenizer time|time-whole FILE ROUNDS THREADS
 *       lines in, or one text; the seconds that each round of encoding took, without reading and printing
 *   tokenizer open FILE ROUNDS     the seconds that opening took each time
 *   tokenizer train FILE KIND SIZE MINIMUM FORM LOWERCASE LIMIT
 *       lines in; a tokenizer of SIZE tokens out, from pairs seen MINIMUM times; KIND is an hd_tokenizer_kind;
 *       FORM is 0 for none, 1 to 4 for NFC, NFD, NFKC, NFKD; LIMIT on the alphabet, 0 for none */
#include "base/clock.h"
#include "base/parallel.h"
#include "text/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(heed_context *context) {
    fprintf(stderr, "%s\n", heed_context_message(context));
    return 1;
}

/* Each part of the input up to `end` is a text; with '\0', which no text has, all of it is one. */
static int encode(heed_context *context, heed_tokenizer *tokenizer, bool add_special, char end) {
    hd_encoding encoding = {0};
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getdelim(&line, &capacity, end, stdin)) >= 0;) {
        if (size && line[size - 1] == end) size--;
        if (hd_tokenizer_encode(tokenizer, context, line, (size_t)size, add_special, &encoding)) return fail(context);
        for (size_t i = 0; i < encoding.count; i++)
            printf(i ? " %d:%u:%u" : "%d:%u:%u", encoding.ids[i], encoding.starts[i], encoding.ends[i]);
        putchar('\n');
    }
    free(line);
    hd_encoding_close(&encoding);
    return 0;
}

static int encode_pairs(heed_context *context, heed_tokenizer *tokenizer) {
    hd_encoding encoding = {0};
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) >= 0;) {
        if (size && line[size - 1] == '\n') line[--size] = 0;
        char *tab = memchr(line, '\t', (size_t)size);
        if (!tab) return 2;
        hd_encode_options options = {
            .add_special = true, .second = tab + 1, .second_size = (size_t)(line + size - tab - 1)};
        if (hd_tokenizer_encode_with(tokenizer, context, line, (size_t)(tab - line), &options, &encoding))
            return fail(context);
        for (size_t i = 0; i < encoding.count; i++)
            printf(i ? " %d:%u:%u:%u" : "%d:%u:%u:%u", encoding.ids[i], encoding.starts[i], encoding.ends[i],
                   encoding.types[i]);
        putchar('\n');
    }
    free(line);
    hd_encoding_close(&encoding);
    return 0;
}

/* ---- exact: any text in a line --------------------------------------------------------------------------------- */

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

static void put_escaped(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 32 || text[i] == '\\')
            printf("\\x%02x", (unsigned)text[i]);
        else
            putchar(text[i]);
}

static heed_status exact_encode(heed_context *context, const heed_tokenizer *tokenizer, char **columns,
                                hd_encoding *encoding) {
    const hd_truncation *truncation = hd_tokenizer_truncation(tokenizer);
    hd_encode_options options = {
        .add_special = true, .second = columns[1], .truncation = truncation->present ? truncation : NULL};
    size_t size = unescape(columns[0]);
    if (columns[1]) options.second_size = unescape(columns[1]);
    HD_TRY(hd_tokenizer_encode_with(tokenizer, context, columns[0], size, &options, encoding));
    for (size_t i = 0; i < encoding->count; i++)
        printf(i ? " %d:%u:%u:%u" : "%d:%u:%u:%u", encoding->ids[i], encoding->starts[i], encoding->ends[i],
               encoding->types[i]);
    return HEED_OK;
}

static heed_status exact_decode(heed_context *context, const heed_tokenizer *tokenizer, const char *line) {
    hd_buffer text;
    int32_t *ids = malloc(strlen(line) * sizeof *ids + 1);
    size_t count = 0;
    for (char *at = (char *)line, *end; ids; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        ids[count++] = (int32_t)id;
    }
    hd_buffer_open(&text, context);
    heed_status status = hd_tokenizer_decode(tokenizer, ids, count, true, &text);
    if (status == HEED_OK) put_escaped(text.data, text.size);
    hd_buffer_close(&text);
    free(ids);
    return status;
}

static int exact(heed_context *context, heed_tokenizer *tokenizer) {
    hd_encoding encoding = {0};
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) >= 0;) {
        if (size && line[size - 1] == '\n') line[--size] = 0;
        char *rest = line, *columns[3];
        for (int i = 0; i < 3; i++) columns[i] = strsep(&rest, "\t");
        heed_status status = columns[2] ? exact_decode(context, tokenizer, columns[2])
                                        : exact_encode(context, tokenizer, columns, &encoding);
        if (status) printf("! %s", heed_context_message(context));
        putchar('\n');
    }
    free(line);
    hd_encoding_close(&encoding);
    return 0;
}

/* The lines of the input, or all of it as one text. */
typedef struct texts {
    char *bytes;
    size_t size, capacity;
    size_t *starts; /* [count + 1] */
    size_t count, start_capacity;
    const heed_tokenizer *tokenizer;
    heed_context *contexts; /* [threads] */
    hd_encoding *encodings; /* [threads] */
    int64_t *tokens;        /* [threads] */
} texts;

static void read_texts(texts *it, heed_context *context, bool whole) {
    for (size_t got = 1; got > 0; it->size += got) {
        if (!hd_grow(context, &it->bytes, &it->capacity, it->size + (1 << 16), 1)) exit(1);
        got = fread(it->bytes + it->size, 1, it->capacity - it->size, stdin);
    }
    for (size_t at = 0; at <= it->size; it->count++) {
        if (!hd_grow(context, &it->starts, &it->start_capacity, it->count + 1, sizeof *it->starts)) exit(1);
        it->starts[it->count] = at;
        if (at == it->size) break;
        const char *end = whole ? NULL : memchr(it->bytes + at, '\n', it->size - at);
        at = end ? (size_t)(end - it->bytes) + 1 : it->size;
    }
}

enum { TEXTS = 256 }; /* of one task */

static void encode_texts(void *argument, int64_t index, int worker) {
    texts *it = argument;
    for (size_t i = (size_t)index * TEXTS; i < it->count && i < (size_t)(index + 1) * TEXTS; i++) {
        hd_encoding *encoding = &it->encodings[worker];
        if (hd_tokenizer_encode(it->tokenizer, &it->contexts[worker], it->bytes + it->starts[i],
                                it->starts[i + 1] - it->starts[i], true, encoding))
            exit(fail(&it->contexts[worker]));
        it->tokens[worker] += (int64_t)encoding->count;
    }
}

static int time_encoding(heed_context *context, heed_tokenizer *tokenizer, bool whole, int rounds, int threads) {
    texts it = {.tokenizer = tokenizer};
    if (heed_context_set_threads(context, threads)) return fail(context);
    read_texts(&it, context, whole);
    it.contexts = hd_alloc(context, (size_t)threads, sizeof *it.contexts);
    it.encodings = hd_alloc_zeroed(context, (size_t)threads, sizeof *it.encodings);
    it.tokens = hd_alloc_zeroed(context, (size_t)threads, sizeof *it.tokens);
    if (!it.contexts || !it.encodings || !it.tokens) return fail(context);
    for (int i = 0; i < threads; i++) it.contexts[i] = hd_context_worker(context, 1);
    for (int i = 0; i < rounds; i++) {
        double start = hd_clock();
        hd_parallel_for(context, (int64_t)(it.count + TEXTS - 1) / TEXTS, INT64_MAX, encode_texts, &it);
        printf("%.4f ", hd_clock() - start);
    }
    int64_t tokens = 0;
    for (int i = 0; i < threads; i++) tokens += it.tokens[i], hd_encoding_close(&it.encodings[i]);
    printf("%lld tokens\n", (long long)tokens / rounds);
    hd_free(context, it.bytes);
    hd_free(context, it.starts);
    hd_free(context, it.contexts);
    hd_free(context, it.encodings);
    hd_free(context, it.tokens);
    return 0;
}

static int decode(heed_context *context, heed_tokenizer *tokenizer, bool skip_special) {
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) >= 0) {
        int32_t *ids = malloc(strlen(line) * sizeof *ids + 1);
        size_t count = 0;
        for (char *at = line, *end; ids; at = end) {
            long id = strtol(at, &end, 10);
            if (end == at) break;
            ids[count++] = (int32_t)id;
        }
        hd_buffer text;
        hd_buffer_open(&text, context);
        if (hd_tokenizer_decode(tokenizer, ids, count, skip_special, &text)) return fail(context);
        for (size_t i = 0; i < text.size; i++)
            if (text.data[i] == '\n')
                fputs("\\n", stdout);
            else
                putchar(text.data[i]);
        putchar('\n');
        hd_buffer_close(&text);
        free(ids);
    }
    free(line);
    return 0;
}

static int time_opening(heed_context *context, const char *path, int rounds) {
    for (int i = 0; i < rounds; i++) {
        heed_tokenizer *tokenizer;
        double start = hd_clock();
        if (hd_tokenizer_open(context, path, &tokenizer)) return fail(context);
        printf("%.4f%c", hd_clock() - start, i + 1 < rounds ? ' ' : '\n');
        hd_tokenizer_close(tokenizer);
    }
    return 0;
}

typedef struct input {
    bool keep_ends;
    char *line;
    size_t capacity;
} input;

static heed_status next_line(void *user, const char **text, size_t *size) {
    input *in = user;
    ssize_t length = getline(&in->line, &in->capacity, stdin);
    if (length > 0 && in->line[length - 1] == '\n' && !in->keep_ends) length--;
    *text = length < 0 ? NULL : in->line;
    *size = length < 0 ? 0 : (size_t)length;
    return HEED_OK;
}

static int train(heed_context *context, char **words) {
    hd_tokenizer_options options = hd_tokenizer_options_of((hd_tokenizer_kind)atoi(words[1]));
    options.vocabulary_size = strtoul(words[2], NULL, 10);
    options.min_frequency = strtoul(words[3], NULL, 10);
    options.form = (hd_normal_form)atoi(words[4]);
    options.lowercase = atoi(words[5]) != 0;
    options.alphabet_limit = strtoul(words[6], NULL, 10);
    input in = {.keep_ends = hd_tokenizer_learns_line_ends(options.kind)};
    heed_tokenizer *tokenizer;
    double start = hd_clock();
    if (hd_tokenizer_train(context, &options, next_line, &in, &tokenizer)) return fail(context);
    fprintf(stderr, "%zu tokens in %.2f s\n", hd_tokenizer_size(tokenizer), hd_clock() - start);
    free(in.line);
    int result = hd_tokenizer_save(tokenizer, context, words[0]) ? fail(context) : 0;
    hd_tokenizer_close(tokenizer);
    return result;
}

int main(int count, char **words) {
    heed_context *context;
    heed_tokenizer *tokenizer;
    if (count < 3) return 2;
    if (heed_context_open(&context)) return 1;
    if (strcmp(words[1], "train") == 0 && count == 9) {
        int result = train(context, words + 2);
        heed_context_close(context);
        return result;
    }
    if (hd_tokenizer_open(context, words[2], &tokenizer)) return fail(context);
    int result = 2;
    if (strcmp(words[1], "encode") == 0 || strcmp(words[1], "plain") == 0)
        result = encode(context, tokenizer, words[1][0] == 'e', '\n');
    if (strcmp(words[1], "whole") == 0) result = encode(context, tokenizer, true, 0);
    if (strcmp(words[1], "pairs") == 0) result = encode_pairs(context, tokenizer);
    if (strcmp(words[1], "decode") == 0 || strcmp(words[1], "keep") == 0)
        result = decode(context, tokenizer, words[1][0] == 'd');
    if (strcmp(words[1], "exact") == 0) result = exact(context, tokenizer);
    bool whole = strcmp(words[1], "time-whole") == 0;
    if ((whole || strcmp(words[1], "time") == 0) && count == 5)
        result = time_encoding(context, tokenizer, whole, atoi(words[3]), atoi(words[4]));
    if (strcmp(words[1], "open") == 0 && count == 4) result = time_opening(context, words[2], atoi(words[3]));
    if (strcmp(words[1], "copy") == 0 && count > 3)
        result = hd_tokenizer_save(tokenizer, context, words[3]) ? fail(context) : 0;
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
    return result;
}
