/* Normalizers rewrite the text before it is tokenized. For each character that they write they keep the offsets of the
 * characters of the original that it stands for, as Hugging Face tokenizers does, so that offsets always refer to the
 * original text.
 *
 * To add one: a kind here, and a row in normalize.c. */
#ifndef HD_TEXT_NORMALIZE_H
#define HD_TEXT_NORMALIZE_H

#include "text/charsmap.h"
#include "text/component_type.h"
#include "text/pattern.h"

typedef enum hd_normalizer_kind {
    HD_NORMALIZE_NFC,
    HD_NORMALIZE_NFD,
    HD_NORMALIZE_NFKC,
    HD_NORMALIZE_NFKD,
    HD_NORMALIZE_LOWERCASE,
    HD_NORMALIZE_STRIP,         /* white space at the ends: `left`, `right` */
    HD_NORMALIZE_STRIP_ACCENTS, /* drops all marks; meant to follow NFD or NFKD */
    HD_NORMALIZE_REPLACE,       /* each `pattern` becomes `content` */
    HD_NORMALIZE_PREPEND,       /* `content` before any text that is not empty */
    HD_NORMALIZE_PRECOMPILED,   /* the character map `charsmap`; with `longest` as sentencepiece reads it */
    HD_NORMALIZE_NMT, /* drops most control characters; other white space and some invisible ones become spaces */
    HD_NORMALIZE_BYTE_LEVEL, /* each byte becomes a character (hd_byte_character) */
    HD_NORMALIZE_BERT,       /* those of the three steps below that are set, then `lowercase` */
    HD_NORMALIZE_CLEAN,      /* drops control characters and U+FFFD; all white space becomes a space */
    HD_NORMALIZE_CHINESE,    /* a space on both sides of each ideograph */
    HD_NORMALIZE_UNACCENTED, /* NFD, then drops nonspacing marks */
    HD_NORMALIZERS
} hd_normalizer_kind;

typedef struct hd_normalizer {
    hd_normalizer_kind kind;
    bool left, right, longest;
    bool clean, chinese, lowercase;
    hd_flag unaccented;    /* null: as `lowercase` */
    hd_pattern *pattern;   /* owned */
    hd_codes content;      /* owned */
    hd_charsmap *charsmap; /* owned */
} hd_normalizer;

/* By name in the file; SIZE_MAX if there is none. */
size_t hd_normalizer_find(const char *type);
const hd_component_type *hd_normalizer_type(hd_normalizer_kind kind);

/* Applies the normalizers in turn and appends the result to `to`, without segments. `spare` is scratch. Check
 * `to->failed`. */
void hd_normalize(const hd_normalizer *normalizers, size_t count, const hd_character *characters, size_t length,
                  hd_line *spare, hd_line *to);

#endif
