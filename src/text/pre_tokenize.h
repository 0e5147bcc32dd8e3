/* Pre-tokenizers: where the text may not be joined across. Each reads the pieces of a line and writes smaller
 * ones.
 *
 * Three shapes cover them: delimiters are the members of a character class (Punctuation, WhitespaceSplit, Digits …) or
 * the matches of a pattern (Split, ByteLevel), and a `cutter` does with them what `behavior` says; runs of like
 * characters (Whitespace) go through `split_runs`; and Metaspace and ByteLevel rewrite the text.
 *
 * To add one: a kind here, its case in pre_tokenize.c, its name in tokenizer_json.c and tokenizer_save.c. */
#ifndef HD_TEXT_PRE_TOKENIZE_H
#define HD_TEXT_PRE_TOKENIZE_H

#include "text/line.h"
#include "text/pattern.h"

typedef enum hd_pre_tokenizer_kind {
    HD_PRE_METASPACE,   /* `replacement` for spaces and, by `prepend`, in front; then, with `split`, cut before each */
    HD_PRE_PUNCTUATION, /* by `behavior` */
    HD_PRE_WHITESPACE,  /* runs of \w, runs of what is neither \w nor white; white space goes */
    HD_PRE_WHITESPACE_SPLIT, /* white space goes */
    HD_PRE_DIGITS,           /* numeric characters apart, each alone when `individual` */
    HD_PRE_DELIMITER,        /* the character `replacement` goes */
    HD_PRE_SPLIT,     /* at the matches of `pattern`, or with `invert` at what lies between them, by `behavior` */
    HD_PRE_BYTE_LEVEL /* with `prefix_space` a space in front; cut into the matches of `pattern` if there is one; then
                              * each byte of the text becomes a character (hd_byte_character) */
} hd_pre_tokenizer_kind;

typedef enum hd_prepend { HD_PREPEND_ALWAYS, HD_PREPEND_FIRST, HD_PREPEND_NEVER } hd_prepend;

/* What becomes of a delimiter. "the-final--countdown" on '-' gives */
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
    hd_pattern *pattern; /* owned */
} hd_pre_tokenizer;

/* How GPT-2 cuts text, and ByteLevel with it: English clitics, and letters, numbers and the rest apart, each with the space
 * before it. */
#define HD_BYTE_LEVEL_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Cuts the pieces of `from` into `to`, which is cleared first. Check `to->failed`. */
void hd_pre_tokenize(const hd_pre_tokenizer *pre_tokenizer, const hd_line *from, hd_line *to);

#endif
