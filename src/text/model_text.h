/* The vocabulary and the merges of a tokenizer.json, read from its text. Large files consist of them, and as a tree of JSON
 * values they take several times as long to read.
 *
 * Only the plain form that tokenizers itself writes is read here. Whatever is not in that form (a repeated key, an invalid
 * string, a number that is no id) makes a function return false, and the caller reads the whole file as a tree, which gives
 * the right result or the right message. */
#ifndef HD_TEXT_MODEL_TEXT_H
#define HD_TEXT_MODEL_TEXT_H

#include "base/buffer.h"

/* A part of the text that is still to be read. */
typedef struct hd_json_range {
    const char *at, *end; /* `at` is NULL when there is none */
    bool begun;
} hd_json_range;

/* Finds the value of "vocab", an object, and that of "merges", an array, in the object "model" of a document, and writes the
 * document with {} and [] in their place to `rest`. The rest is not checked. */
bool hd_model_text_find(const char *json, size_t size, hd_json_range *vocabulary, hd_json_range *merges,
                        hd_buffer *rest);

/* A string; its text is that of the document, or, with escapes, is in `text`. */
typedef struct hd_model_string {
    const char *bytes; /* [size] */
    size_t size;
    hd_buffer text;
} hd_model_string;

/* The next entry of an object of ids. *more is false at the end of the object. */
bool hd_model_text_entry(hd_json_range *range, hd_model_string *token, int64_t *id, bool *more);
/* Splits "a b", in sides[0], at its only space; false if there is none or another one. */
bool hd_split_merge(hd_model_string sides[2]);
/* The next element of an array of merges: two strings, or one with a single space in it. */
bool hd_model_text_merge(hd_json_range *range, hd_model_string sides[2], bool *more);

#endif
