/* The post-processors: TemplateProcessing, which special tokens stand around one text, or around two, and what type each
 * part has (BertProcessing and RobertaProcessing are templates with a name of their own); and before it ByteLevel, which
 * takes white space out of the offsets. */
#ifndef HD_TEXT_TEMPLATE_H
#define HD_TEXT_TEMPLATE_H

#include "base/context.h"

/* A name that templates use, and the ids it stands for. */
typedef struct hd_template_special {
    char *name;   /* owned */
    int32_t *ids; /* owned, [count] */
    size_t count;
} hd_template_special;

typedef struct hd_template_item {
    enum { HD_TEMPLATE_SPECIAL, HD_TEMPLATE_FIRST_TEXT, HD_TEMPLATE_SECOND_TEXT } kind;
    size_t special; /* index, for HD_TEMPLATE_SPECIAL */
    uint32_t type;  /* the segment, for models with token types */
} hd_template_item;

typedef struct hd_template {
    heed_context *context;
    bool present; /* false: no special tokens; of two texts the first has type 0, the second 1 */
    hd_template_special *specials;
    size_t special_count, special_capacity;
    hd_template_item *single, *pair;
    size_t single_count, single_capacity, pair_count, pair_capacity;
    bool trims;        /* offsets leave out white space at a token's ends, … */
    bool prefix_space; /* … but for one space in front of the first, which the pre-tokenizer may have put there */
} hd_template;

void hd_template_open(hd_template *template, heed_context *context);
void hd_template_close(hd_template *template);
/* Takes over name and ids, also on failure. */
heed_status hd_template_add_special(hd_template *template, hd_template_special special);
/* The same for one token; copies its name. */
heed_status hd_template_add_token(hd_template *template, const char *name, int32_t id);
heed_status hd_template_add(hd_template *template, bool pair, hd_template_item item);
/* Adds what tokenizers' notation says: "[CLS] $A [SEP] $B:1 [SEP]:1", where each special token was added before. */
heed_status hd_template_add_text(hd_template *template, bool pair, const char *text);
/* The index of a special by its name, or SIZE_MAX. */
size_t hd_template_find(const hd_template *template, const char *name);

#endif
