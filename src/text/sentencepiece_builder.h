/* The parts of a tokenizer that is built from a SentencePiece model and the JSON files beside it. Private to the files
 * sentencepiece_*.c. */
#ifndef HD_TEXT_SENTENCEPIECE_BUILDER_H
#define HD_TEXT_SENTENCEPIECE_BUILDER_H

#include "formats/sentencepiece.h"
#include "text/components.h"
#include "text/tokenizer_config.h"

/* What a tokenizer is built from. The components are written as those of a tokenizer.json and read as such at the end. */
typedef struct hd_builder {
    heed_context *context;
    heed_tokenizer *tokenizer;
    hd_sentencepiece model; /* a copy, whose pieces may get other texts */
    hd_tokenizer_config config;
    hd_token_settings roles[HD_ROLES];
    hd_token_list added; /* in the order in which they get ids */
    hd_token_list later; /* special tokens of the class and of the model, which come after those of the files */
    char (*names)[32];   /* owned: of numbered tokens */
    hd_buffer normalizers, pre_tokenizers, decoders; /* elements of JSON lists */
} hd_builder;

#define HD_REPLACE_SPACES    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}"
#define HD_REPLACE_UNDERLINE "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},\"content\":\" \"}"

/* Adds an element to a list of components. */
void hd_build_component(hd_buffer *list, const char *json);
void hd_build_metaspace(hd_buffer *list, const char *scheme, bool split);
/* Adds the normalizer of the model's character map; *added: it has one. */
heed_status hd_build_charsmap(hd_builder *it, bool *added);
/* Adds the pre-tokenizer and decoder Metaspace: "always" unless the option add_prefix_space is false, then `otherwise`. */
heed_status hd_build_words(hd_builder *it, bool split_whitespace, const char *otherwise);
/* Adds a piece of Unigram, with the next id; `text` of a C string; the token of a role, if it has one; those of the model
 * from `first` on. */
heed_status hd_build_piece(hd_builder *it, const char *text, size_t size, double score);
heed_status hd_build_text(hd_builder *it, const char *text, double score);
heed_status hd_build_role(hd_builder *it, hd_role role);
heed_status hd_build_pieces(hd_builder *it, size_t first);
/* Sets the index of the unknown piece. */
heed_status hd_build_set_unknown_piece(hd_builder *it, int64_t index);
/* Adds the first four pieces of the models of fairseq. */
heed_status hd_build_fairseq(hd_builder *it, hd_role first);
/* Adds a vocabulary of byte-pair encoding, after the tokens that it may have already, and its merges. `by_score`: pieces
 * with higher scores come first, and only normal ones count; else all, in the order of the model. */
heed_status hd_build_bpe(hd_builder *it, bool by_score);
heed_status hd_build_merges(hd_builder *it, bool by_score);
/* Sets the unknown token of byte-pair encoding. */
heed_status hd_build_set_unknown_token(hd_builder *it, const char *text, size_t size);
/* Reads the tokens of roles; `defaults` are the texts that a class gives them, in the order of hd_role. */
heed_status hd_build_read_roles(hd_builder *it, const char *const defaults[HD_ROLES]);
/* Some classes make a mask token that is given by its text alone include the space before it. */
void hd_build_strip_mask(hd_builder *it, bool normalized);
/* Adds the model's control symbols and, with `user_defined`, its user-defined ones to the later special tokens. */
heed_status hd_build_symbols(hd_builder *it, bool user_defined);
heed_status hd_build_later(hd_builder *it, const char *text);
/* Names tokens "<before_0>" to "<before_count-1>". */
heed_status hd_build_name_tokens(hd_builder *it, const char *before, int64_t count);
/* Adds the added tokens of the files, those of the roles, and the extra ones: of the files, else the later ones. */
heed_status hd_build_tokens(hd_builder *it);

/* The texts of a pair in a template. */
extern const char hd_first_text[], hd_second_text[];
#define HD_PARTS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }
/* Adds a template: the two texts above and tokens, in order; "" for a role without a token. NULL ends them. Without `types`
 * all token types are 0. */
heed_status hd_build_parts(hd_builder *it, bool pair, const char *const *parts, const uint32_t *types);
/* The token of a role, or "". */
const char *hd_build_role_text(const hd_builder *it, hd_role role);
/* Adds the template of the options add_bos_token and add_eos_token, both false by default. */
heed_status hd_build_marks(hd_builder *it);
heed_status hd_build_roberta_template(hd_builder *it);
heed_status hd_build_bert_template(hd_builder *it);
/* The token of a language before the text, or with `after`, after the end of the text. */
heed_status hd_build_language_template(hd_builder *it, const char *otherwise, bool after);

/* Reads the lists of components and finishes the tokenizer. */
heed_status hd_build_finish(hd_builder *it);
/* Begins: an empty tokenizer with the name for messages; and frees what is left but the tokenizer. */
heed_status hd_build_open(hd_builder *it, heed_context *context, const char *name, const hd_sentencepiece *model,
                          const hd_tokenizer_config *config);
void hd_build_close(hd_builder *it);

/* Adds what the model itself says: vocabulary, normalizers, pre-tokenizers and decoders. */
heed_status hd_build_own(hd_builder *it);
/* Its normalizers of white space; with `prefix`, a text that begins with the prefix gets another. */
void hd_build_own_spaces(hd_builder *it, bool prefix);

#endif
