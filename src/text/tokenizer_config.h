/* What the JSON files beside an old tokenizer say: tokenizer_config.json, special_tokens_map.json, added_tokens.json, and the
 * model's config.json. All may be missing. The meaning is that of transformers 5.24, tokenization_utils_base.py. */
#ifndef HD_TEXT_TOKENIZER_CONFIG_H
#define HD_TEXT_TOKENIZER_CONFIG_H

#include "formats/json.h"
#include "text/tokenizer.h"

typedef struct hd_tokenizer_config {
    heed_context *context;
    hd_json options, specials, added, model; /* root is NULL where the file is missing */
} hd_tokenizer_config;

/* The roles of special tokens, in the order in which transformers adds them to a vocabulary. */
typedef enum hd_role { HD_BOS, HD_EOS, HD_UNKNOWN, HD_SEPARATOR, HD_PAD, HD_CLASS, HD_MASK, HD_ROLES } hd_role;

/* An added token; its text lives as long as the config. NULL: there is none. */
typedef struct hd_token_settings {
    const char *text;
    size_t size;
    bool single_word, lstrip, rstrip, normalized, special;
    bool plain; /* given by its text alone */
} hd_token_settings;

typedef struct hd_token_list {
    hd_token_settings *items; /* [count] */
    size_t count, capacity;
    size_t fixed; /* items that keep their settings */
} hd_token_list;

heed_status hd_tokenizer_config_open(heed_context *context, const char *folder, hd_tokenizer_config *config);
void hd_tokenizer_config_close(hd_tokenizer_config *config);

/* "T5Tokenizer" of "tokenizer_class" without a final "Fast", in *size bytes; NULL when no file names a class. */
const char *hd_tokenizer_config_class(const hd_tokenizer_config *config, size_t *size);
/* The config's "model_type", or "". */
const char *hd_tokenizer_config_model_type(const hd_tokenizer_config *config);
/* Options of tokenizer_config.json; a missing or null one gives `otherwise`. */
heed_status hd_tokenizer_config_bool(const hd_tokenizer_config *config, const char *key, bool otherwise, bool *out);
heed_status hd_tokenizer_config_int(const hd_tokenizer_config *config, const char *key, int64_t otherwise, int64_t most,
                                    int64_t *out);
heed_status hd_tokenizer_config_string(const hd_tokenizer_config *config, const char *key, const char *otherwise,
                                       const char **out);

/* A token given by its text, as a special token. */
hd_token_settings hd_token_settings_of(const char *text);
/* The token of a role; `otherwise` is the text that it has when no file says anything, NULL for none. */
heed_status hd_tokenizer_config_role(const hd_tokenizer_config *config, hd_role role, const char *otherwise,
                                     hd_token_settings *out);
/* The text that added_tokens_decoder gives the id; NULL where it has none. */
const char *hd_tokenizer_config_listed(const hd_tokenizer_config *config, int64_t id, size_t *size);
/* Appends the added tokens that the files list, by id. */
heed_status hd_tokenizer_config_added(const hd_tokenizer_config *config, hd_token_list *list);
/* Appends the tokens of "extra_special_tokens" or "additional_special_tokens" and of other keys that end in "_token";
 * *found says whether one of the two lists exists. */
heed_status hd_tokenizer_config_extra(const hd_tokenizer_config *config, hd_token_list *list, bool *found);

/* Appends a token; if the list has its text already, the settings are replaced, but not those of the first `fixed` items. */
heed_status hd_token_list_add(heed_context *context, hd_token_list *list, hd_token_settings token);

#endif
