#include "text/template.h"

#include <string.h>

void hd_template_open(hd_template *template, heed_context *context) { *template = (hd_template){.context = context}; }

void hd_template_close(hd_template *template) {
    for (size_t i = 0; i < template->special_count; i++) {
        hd_free(template->context, template->specials[i].name);
        hd_free(template->context, template->specials[i].ids);
    }
    hd_free(template->context, template->specials);
    hd_free(template->context, template->single);
    hd_free(template->context, template->pair);
    hd_template_open(template, template->context);
}

heed_status hd_template_add_special(hd_template *template, hd_template_special special) {
    if (special.name && special.ids &&
        hd_grow(template->context, &template->specials, &template->special_capacity, template->special_count + 1,
                sizeof special)) {
        template->specials[template->special_count++] = special;
        return HEED_OK;
    }
    hd_free(template->context, special.name);
    hd_free(template->context, special.ids);
    return HEED_MEMORY;
}

heed_status hd_template_add_token(hd_template *template, const char *name, int32_t id) {
    hd_template_special special = {hd_copy_string(template->context, name), hd_alloc(template->context, 1, sizeof id),
                                   1};
    if (special.ids) special.ids[0] = id;
    return hd_template_add_special(template, special);
}

heed_status hd_template_add(hd_template *template, bool pair, hd_template_item item) {
    hd_template_item **items = pair ? &template->pair : &template->single;
    size_t *count = pair ? &template->pair_count : &template->single_count;
    size_t *capacity = pair ? &template->pair_capacity : &template->single_capacity;
    if (!hd_grow(template->context, items, capacity, *count + 1, sizeof item)) return HEED_MEMORY;
    (*items)[(*count)++] = item;
    return HEED_OK;
}

size_t hd_template_find(const hd_template *template, const char *name) {
    for (size_t i = 0; i < template->special_count; i++)
        if (strcmp(template->specials[i].name, name) == 0) return i;
    return SIZE_MAX;
}

/* Parses one word of the notation, of `size` bytes. */
static heed_status add_word(hd_template *template, bool pair, const char *word, size_t size) {
    hd_template_item item = {.kind = HD_TEMPLATE_SPECIAL};
    if (size > 2 && word[size - 2] == ':') {
        item.type = (uint32_t)(word[size - 1] - '0');
        size -= 2;
    }
    if (size == 2 && memcmp(word, "$A", 2) == 0) {
        item.kind = HD_TEMPLATE_FIRST_TEXT;
    } else if (size == 2 && memcmp(word, "$B", 2) == 0) {
        item.kind = HD_TEMPLATE_SECOND_TEXT;
    } else {
        while (item.special < template->special_count &&
               (strlen(template->specials[item.special].name) != size ||
                memcmp(template->specials[item.special].name, word, size) != 0))
            item.special++;
        if (item.special == template->special_count)
            return hd_fail(template->context, HEED_ARGUMENT,
                           "\"%.*s\" of the template is not one of the special tokens", (int)size, word);
    }
    return hd_template_add(template, pair, item);
}

heed_status hd_template_add_text(hd_template *template, bool pair, const char *text) {
    for (size_t size; *(text += strspn(text, " ")); text += size) {
        size = strcspn(text, " ");
        HD_TRY(add_word(template, pair, text, size));
    }
    return HEED_OK;
}
