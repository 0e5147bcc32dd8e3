/* What a tokenizer knows of its languages (languages.h). */
#ifndef HD_TEXT_LANGUAGE_TOKENS_H
#define HD_TEXT_LANGUAGE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a tokenizer class writes its languages. */
typedef struct hd_language_style hd_language_style;

/* Of a tokenizer. */
typedef struct hd_languages {
    const hd_language_style *style; /* NULL: there are no languages */
    int32_t *ids;                   /* [count]: tokens of languages, ascending; owned by the tokenizer */
    size_t count, capacity;
    int32_t source;        /* the token in the template, of the sources' language; −1: there is none */
    const int32_t *target; /* one of `ids`: the targets' language that the files name, or NULL */
    bool legacy;           /* the class is NLLB's, and the source's token comes last */
} hd_languages;

#endif
