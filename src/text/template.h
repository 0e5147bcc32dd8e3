/* The post-processor TemplateProcessing: which special tokens stand around one text, or around two. */
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
    bool present; /* false: no post-processor */
    hd_template_special *specials;
    size_t special_count, special_capacity;
    hd_template_item *single, *pair;
    size_t single_count, single_capacity, pair_count, pair_capacity;
} hd_template;

void hd_template_open(hd_template *template, heed_context *context);
void hd_template_close(hd_template *template);
/* Takes over name and ids, also on failure. */
heed_status hd_template_add_special(hd_template *template, hd_template_special special);
heed_status hd_template_add(hd_template *template, bool pair, hd_template_item item);
/* The index of a special by its name, or SIZE_MAX. */
size_t hd_template_find(const hd_template *template, const char *name);

#endif
