/* What the tests of the text room share: the goldens of golden/text/make.py, and lines to train on. */
#ifndef TESTS_TEXT_GOLDENS_H
#define TESTS_TEXT_GOLDENS_H

#include "fixture.h"

#include "base/file.h"
#include "text/parts.h"
#include "text/train.h"

#include <stdio.h>
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

typedef struct corpus {
    const char *at;
    int limit; /* lines to give; -1 for all */
} corpus;

static inline heed_status next_line(void *user, const char **text, size_t *size) {
    corpus *lines = user;
    *text = NULL;
    if (!*lines->at || lines->limit-- == 0) return HEED_OK;
    *text = lines->at;
    *size = strcspn(lines->at, "\n");
    lines->at += *size + 1;
    return HEED_OK;
}

static const char *const first_specials[] = {"</s>", "<unk>"}, *const last_specials[] = {"<pad>"};

static inline hd_tokenizer_options marian_options(size_t size, uint64_t minimum, hd_normal_form form, bool lowercase) {
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

#endif
