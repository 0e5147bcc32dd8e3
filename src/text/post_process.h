/* Post-processors put special tokens around one text or two, give each part a type, and may remove white space from the
 * offsets. They run in turn: each receives the pieces that the one before made, at first the texts.
 *
 * What they make does not depend on the texts, so it is computed once: an arrangement. */
#ifndef HD_TEXT_POST_PROCESS_H
#define HD_TEXT_POST_PROCESS_H

#include "text/component_type.h"
#include "text/template.h"

typedef enum hd_post_kind {
    HD_POST_TEMPLATE,
    HD_POST_BERT,       /* [CLS] A [SEP], [CLS] A [SEP] B [SEP]; `around` */
    HD_POST_ROBERTA,    /* <s> A </s>, <s> A </s> </s> B </s>, all of type 0; trims too; `around` */
    HD_POST_BYTE_LEVEL, /* trims */
    HD_POST_PROCESSORS
} hd_post_kind;

/* A token as a post-processor names it. */
typedef struct hd_named_token {
    char *name; /* owned */
    int32_t id;
} hd_named_token;

typedef struct hd_post_processor {
    hd_post_kind kind;
    hd_template template; /* owned */
    hd_named_token cls, sep;
    bool trims; /* offsets exclude white space at a token's ends */
    /* if `trims`: but for one space before the first token, which the pre-tokenizer may have added */
    bool prefix_space;
    bool use_regex; /* kept for saving */
} hd_post_processor;

/* By name in the file; SIZE_MAX if there is none. */
size_t hd_post_processor_find(const char *type);
const hd_component_type *hd_post_processor_type(hd_post_kind kind);
void hd_post_processor_close(heed_context *context, hd_post_processor *it);

/* A special token, or all tokens of a text. */
typedef struct hd_arranged {
    enum { HD_ARRANGED_FIRST, HD_ARRANGED_SECOND, HD_ARRANGED_SPECIAL } kind; /* the texts first: kind is their index */
    int32_t id;                                                               /* of the special token */
    uint32_t type;                                                            /* token type (segment id) */
} hd_arranged;

/* One removal of white space from offsets. */
typedef struct hd_trim {
    bool prefix_space;
    bool begins[2]; /* no special token is in the same piece before the text */
} hd_trim;

typedef struct hd_arrangement {
    hd_arranged *items; /* [count] */
    size_t count, capacity;
    hd_trim *trims; /* [trim_count], in order */
    size_t trim_count, trim_capacity;
    size_t special_count; /* special tokens, as tokenizers counts them to truncate texts */
} hd_arrangement;

/* What the processors make of one text or, with `pair`, of two. HEED_UNSUPPORTED if a template receives neither one
 * piece nor two. The caller closes *out, also on failure. */
heed_status hd_post_arrange(heed_context *context, const hd_post_processor *processors, size_t count, bool pair,
                            bool add_special, hd_arrangement *out);
void hd_arrangement_close(heed_context *context, hd_arrangement *it);

#endif
