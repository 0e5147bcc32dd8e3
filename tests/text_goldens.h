/* Shared by the tests of the text module: the goldens of golden/text/make.py, and lines to train on. */
#ifndef TESTS_TEXT_GOLDENS_H
#define TESTS_TEXT_GOLDENS_H

#include "fixture.h"

#include "base/file.h"
#include "text/components.h"
#include "text/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *golden_path(const char *name, const char *suffix) {
    static char path[1024];
    snprintf(path, sizeof path, GOLDEN "/text/%s%s", name, suffix);
    return path;
}

static inline heed_tokenizer *open_golden(heed_context *context, const char *name) {
    heed_tokenizer *tokenizer;
    assert_ok(context, hd_tokenizer_open(context, golden_path(name, ".json"), &tokenizer));
    return tokenizer;
}

/* The bytes of one escaped column, in place; returns their number. */
static inline size_t unescape(char *text) {
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

typedef struct corpus {
    const char *at;
    int limit; /* number of lines; -1 for all */
    bool ends; /* with their line ends */
} corpus;

static inline heed_status next_line(void *user, const char **text, size_t *size) {
    corpus *lines = user;
    *text = NULL;
    if (!*lines->at || lines->limit-- == 0) return HEED_OK;
    *text = lines->at;
    *size = strcspn(lines->at, "\n");
    lines->at += *size + 1;
    *size += lines->ends;
    return HEED_OK;
}

static inline hd_tokenizer_options kind_options(hd_tokenizer_kind kind, size_t size, uint64_t minimum) {
    hd_tokenizer_options options = hd_tokenizer_options_of(kind);
    options.vocabulary_size = size;
    options.min_frequency = minimum;
    return options;
}

static inline hd_tokenizer_options marian_options(size_t size, uint64_t minimum, hd_normal_form form, bool lowercase) {
    hd_tokenizer_options options = kind_options(HD_KIND_BPE, size, minimum);
    options.form = form;
    options.lowercase = lowercase;
    return options;
}

#endif
