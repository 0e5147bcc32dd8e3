/* The post-processor TemplateProcessing puts special tokens around one text or around two, and gives each part a type. */
#ifndef HD_TEXT_TEMPLATE_H
#define HD_TEXT_TEMPLATE_H

#include "base/context.h"

/* A special token of a template: its name and ids. */
typedef struct hd_template_special {
    char *name;   /* owned */
    int32_t *ids; /* owned, [count] */
    size_t count;
} hd_template_special;

typedef struct hd_template_item {
    enum { HD_TEMPLATE_SPECIAL, HD_TEMPLATE_FIRST_TEXT, HD_TEMPLATE_SECOND_TEXT } kind;
    size_t special; /* index, for HD_TEMPLATE_SPECIAL */
    uint32_t type;  /* token type (segment id) */
} hd_template_item;

typedef struct hd_template {
    heed_context *context;
    hd_template_special *specials;
    size_t special_count, special_capacity;
    hd_template_item *single, *pair;
    size_t single_count, single_capacity, pair_count, pair_capacity;
} hd_template;

void hd_template_open(hd_template *template, heed_context *context);
void hd_template_close(hd_template *template);
/* Takes ownership of name and ids, also on failure. */
heed_status hd_template_add_special(hd_template *template, hd_template_special special);
/* The same for one token; copies its name. */
heed_status hd_template_add_token(hd_template *template, const char *name, int32_t id);
heed_status hd_template_add(hd_template *template, bool pair, hd_template_item item);
/* Parses the notation of tokenizers, "[CLS] $A [SEP] $B:1 [SEP]:1"; all its special tokens must have been added
 * before. */
heed_status hd_template_add_text(hd_template *template, bool pair, const char *text);
/* The index of a special by its name, or SIZE_MAX. */
size_t hd_template_find(const hd_template *template, const char *name);

#endif
