/* Pre-tokenizers split text at positions that tokens may not cross. Each reads the segments of a line and writes
 * smaller ones.
 *
 * There are three types. Some split at delimiters, which are the members of a character class (Punctuation,
 * WhitespaceSplit, Digits …) or the matches of a pattern (Split, ByteLevel), and a `splitter` treats them as `behavior`
 * says. Whitespace splits into runs of characters of one class (`split_runs`). Metaspace and ByteLevel also rewrite the
 * text.
 *
 * To add one: a kind here, and a row in pre_tokenize.c. */
#ifndef HD_TEXT_PRE_TOKENIZE_H
#define HD_TEXT_PRE_TOKENIZE_H

#include "text/component_type.h"
#include "text/line.h"
#include "text/pattern.h"
#include "text/pattern_known.h"

typedef enum hd_pre_tokenizer_kind {
    HD_PRE_METASPACE,   /* spaces become `replacement`, also prepended by `prepend`; with `split`, splits before each */
    HD_PRE_PUNCTUATION, /* splits at punctuation, as `behavior` says */
    HD_PRE_WHITESPACE,  /* runs of \w, and runs of other characters but white space, which is removed */
    HD_PRE_WHITESPACE_SPLIT, /* removes white space */
    HD_PRE_DIGITS,           /* separates runs of digits, or each digit when `individual` */
    HD_PRE_DELIMITER,        /* splits at the character `replacement` and removes it */
    HD_PRE_BERT,             /* removes white space and separates each punctuation character */
    HD_PRE_SCRIPTS,          /* between scripts such as Latin and Greek */
    HD_PRE_FIXED_LENGTH,     /* after each `length` characters */
    HD_PRE_SPLIT,            /* at the matches of `pattern`, or with `invert` between them, as `behavior` says */
    HD_PRE_BYTE_LEVEL, /* adds a space in front with `prefix_space`; splits at the matches of `pattern`, if any; then
                       * replaces bytes by characters (hd_byte_character) */
    HD_PRE_TOKENIZERS
} hd_pre_tokenizer_kind;

typedef enum hd_prepend { HD_PREPEND_ALWAYS, HD_PREPEND_FIRST, HD_PREPEND_NEVER } hd_prepend;

/* What happens to a delimiter. "the-final--countdown" split at '-' gives: */
typedef enum hd_behavior {
    HD_REMOVED,              /* the | final | countdown */
    HD_ISOLATED,             /* the | - | final | - | - | countdown */
    HD_MERGED_WITH_PREVIOUS, /* the- | final- | - | countdown */
    HD_MERGED_WITH_NEXT,     /* the | -final | - | -countdown */
    HD_CONTIGUOUS            /* the | - | final | -- | countdown */
} hd_behavior;

typedef struct hd_pre_tokenizer {
    hd_pre_tokenizer_kind kind;
    uint32_t replacement;
    hd_prepend prepend;
    hd_behavior behavior;
    bool split, individual, invert, prefix_space;
    bool trim_offsets; /* kept for saving: the post-processor's is used */
    size_t length;
    hd_pattern *pattern; /* owned */
} hd_pre_tokenizer;

/* By name in the file; SIZE_MAX if there is none. */
size_t hd_pre_tokenizer_find(const char *type);
const hd_component_type *hd_pre_tokenizer_type(hd_pre_tokenizer_kind kind);

/* The values of prepend_scheme, which the decoder Metaspace has too. */
extern const char *const hd_prepend_schemes[];
/* Older files have add_prefix_space in place of prepend_scheme. */
heed_status hd_read_old_prepend(heed_context *context, const json_t *object, const char *where, hd_prepend *prepend);

/* Splits the segments of `line`. `matches` and `spare` are scratch. Check line->failed. */
void hd_pre_tokenize(const hd_pre_tokenizer *pre_tokenizer, hd_matches *matches, hd_line *line, hd_line *spare);

#endif
