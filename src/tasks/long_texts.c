/* A text that is longer than the model reads, in parts of whole sentences. */
#include "tasks/parts.h"
#include "text/sentences.h"

/* A sentence, or a part of one that is too long by itself. */
typedef struct unit {
    size_t start, end; /* bytes of the text; white space follows to the next one */
    int64_t tokens;
} unit;

typedef struct units {
    unit *items;
    size_t count, capacity;
    int64_t tokens; /* of all */
} units;

static heed_status add_unit(hd_text_parts *p, units *found, const char *text, size_t start, size_t end) {
    int64_t tokens;
    HD_TRY(hd_text_parts_measure(p, text + start, end - start, &tokens));
    if (!hd_grow(p->model->context, &found->items, &found->capacity, found->count + 1, sizeof *found->items))
        return HEED_MEMORY;
    found->items[found->count++] = (unit){start, end, tokens};
    found->tokens += tokens;
    return HEED_OK;
}

static heed_status find_units(hd_text_parts *p, const char *text, size_t size, units *found) {
    size_t next, fitting, after;
    for (size_t start = 0; start < size; start = next) {
        size_t end = hd_sentence_end(text, size, start, &next);
        for (; start < end; start += after) {
            HD_TRY(hd_text_parts_fit(p, text + start, end - start, &fitting, &after));
            HD_TRY(add_unit(p, found, text, start, start + fitting));
        }
    }
    return HEED_OK;
}

/* The number of parts from `first` on that one window has: as many as fit, but no more than an equal share of the tokens. The sum
 * of the parts' tokens counts those of the template and of the prefix for each part, so it is an upper bound in general; a window
 * is measured nevertheless. */
static heed_status fill_window(hd_text_parts *p, const units *found, const char *text, size_t first, int64_t share,
                               size_t *count) {
    int64_t sum = 0, tokens, longest = hd_model_longest(p->model);
    *count = 0;
    for (size_t i = first; i < found->count; i++) {
        const unit *one = &found->items[i];
        if (*count && (sum >= share || sum + one->tokens > longest)) break;
        sum += one->tokens;
        ++*count;
    }
    for (; *count > 1; --*count) {
        size_t start = found->items[first].start, end = found->items[first + *count - 1].end;
        HD_TRY(hd_text_parts_measure(p, text + start, end - start, &tokens));
        if (tokens <= longest) return HEED_OK;
    }
    return HEED_OK;
}

static heed_status add_windows(hd_text_parts *p, const units *found, size_t index, const char *text) {
    int64_t longest = hd_model_longest(p->model), windows = (found->tokens + longest - 1) / longest;
    int64_t share = (found->tokens + windows - 1) / windows;
    size_t count;
    for (size_t first = 0; first < found->count; first += count) {
        HD_TRY(fill_window(p, found, text, first, share, &count));
        size_t start = found->items[first].start, end = found->items[first + count - 1].end;
        hd_text_part part = {
            .index = index, .before = " ", .before_size = first > 0, .text = text + start, .size = end - start};
        HD_TRY(hd_text_parts_add(p, &part));
    }
    return HEED_OK;
}

heed_status hd_text_parts_add_text(hd_text_parts *p, size_t index, const char *text, size_t size, int64_t *tokens) {
    units found = {0};
    HD_TRY(hd_text_parts_measure(p, text, size, tokens));
    if (*tokens <= hd_model_longest(p->model))
        return hd_text_parts_add(p, &(hd_text_part){.index = index, .before = "", .text = text, .size = size});
    heed_status status = find_units(p, text, size, &found);
    if (status == HEED_OK) status = add_windows(p, &found, index, text);
    hd_free(p->model->context, found.items);
    return status;
}
