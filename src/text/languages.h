/* The languages of a multilingual translator's tokenizer: the tokens that name them, and where these stand. The rules are those
 * of the tokenizer classes of transformers 5.24, and of SMaLL-100's own class. */
#ifndef HD_TEXT_LANGUAGES_H
#define HD_TEXT_LANGUAGES_H

#include "text/language_tokens.h"
#include "text/tokenizer_config.h"

/* The place of the target language's token; the source language's is in the template. */
typedef enum hd_language_rule {
    HD_LANGUAGE_FORCED, /* the first token of the translation (mBART-50, M2M-100, NLLB) */
    HD_LANGUAGE_STARTS, /* the token that starts the decoder (mBART) */
    HD_LANGUAGE_PREFIX  /* before the source, in place of the source language's (SMaLL-100, Marian) */
} hd_language_rule;

/* Whether folders of models of this type may have languages. */
bool hd_languages_of_type(const char *model_type);
/* Finds the languages of a new tokenizer, whose folder says the rest, and makes the template of its class. */
heed_status hd_languages_open(heed_tokenizer *tokenizer, const hd_tokenizer_config *config);
/* NULL: the tokenizer has no languages. */
const hd_languages *hd_tokenizer_languages(const heed_tokenizer *tokenizer);

hd_language_rule hd_languages_rule(const hd_languages *languages);
/* The token of the language that a user calls `name` ("fra_Latn"; "fr" or "__fr__"), one of `ids`; NULL: there is none. */
const int32_t *hd_language_find(const heed_tokenizer *tokenizer, const char *name);
/* The language whose name begins most like `name`. */
int32_t hd_language_nearest(const heed_tokenizer *tokenizer, const char *name);
/* Appends what a user calls the language of a token. */
void hd_language_name(const heed_tokenizer *tokenizer, int32_t id, hd_buffer *out);
/* Writes the keys of tokenizer_config.json; not 0: out of memory. */
int hd_languages_write(const heed_tokenizer *tokenizer, json_t *config);

#endif
