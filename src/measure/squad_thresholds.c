#include "measure/squad_thresholds.h"

#include <stdlib.h>

heed_status hd_squad_thresholds_open(heed_context *context, const char *path, hd_squad_thresholds *t) {
    HD_TRY(hd_json_open(context, path, &t->file));
    t->indices = json_object();
    return t->indices ? HEED_OK : hd_json_no_memory(context, path);
}

void hd_squad_thresholds_close(hd_squad_thresholds *t) {
    hd_free(t->file.context, t->items);
    json_decref(t->indices);
    hd_json_close(&t->file);
}

heed_status hd_squad_thresholds_add(hd_squad_thresholds *t, const char *id, bool answered, bool empty, double threshold,
                                    hd_squad_score *score) {
    heed_context *context = t->file.context;
    const json_t *probability = json_object_get(t->file.root, id);
    if (!json_is_number(probability))
        return hd_fail(context, HEED_FORMAT, "%s: question \"%.100s\" has no probability", t->file.path, id);
    if (!hd_grow(context, &t->items, &t->capacity, t->count + 1, sizeof *t->items)) return HEED_MEMORY;
    if (json_object_set_new(t->indices, id, json_integer((json_int_t)t->count)) != 0)
        return hd_json_no_memory(context, t->file.path);
    t->items[t->count++] = (hd_squad_item){
        .probability = json_number_value(probability), .score = *score, .answered = answered, .empty = empty};
    if (json_number_value(probability) > threshold) *score = answered ? (hd_squad_score){0, 0} : (hd_squad_score){1, 1};
    return HEED_OK;
}

static int by_probability(const void *a, const void *b) {
    const hd_squad_item *x = a, *y = b;
    if (x->probability != y->probability) return x->probability > y->probability ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Equal probabilities have the order of the file, on which the scripts' threshold depends. */
static void sort_items(hd_squad_thresholds *t) {
    const char *id;
    json_t *value;
    size_t place = 0;
    json_object_foreach(t->file.root, id, value) {
        const json_t *index = json_object_get(t->indices, id);
        if (index) t->items[json_integer_value(index)].place = place++;
    }
    if (t->count) qsort(t->items, t->count, sizeof *t->items, by_probability);
    json_object_clear(t->indices);
}

/* From no answer at all on, one answer after the other is given. */
static hd_squad_best find_best(const hd_squad_thresholds *t, bool f1) {
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) sum += !t->items[i].answered;
    hd_squad_best best = {.score = sum};
    for (size_t i = 0; i < t->count; i++) {
        const hd_squad_item *item = &t->items[i];
        if (item->answered)
            sum += f1 ? item->score.f1 : item->score.exact;
        else if (!item->empty)
            sum -= 1;
        if (sum > best.score) best = (hd_squad_best){sum, item->probability};
    }
    return best;
}

void hd_squad_thresholds_best(hd_squad_thresholds *t, hd_squad_best *exact, hd_squad_best *f1) {
    sort_items(t);
    *exact = find_best(t, false);
    *f1 = find_best(t, true);
}
