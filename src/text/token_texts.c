#include "text/token_texts.h"

#include <stdlib.h>
#include <string.h>

void hd_token_texts_close(hd_token_texts *t) {
    if (!t) return;
    for (int place = 0; place < HD_TOKEN_PLACES; place++) {
        hd_placed_texts *p = &t->place[place];
        hd_buffer_close(&p->bytes);
        hd_free(t->context, p->ends);
        hd_free(t->context, p->sorted);
        hd_free(t->context, p->shared);
    }
    hd_free(t->context, t->visible);
    hd_free(t->context, t->spaced);
    hd_free(t->context, t);
}

/* ---- the order of the texts ---- */

typedef struct entry {
    const char *text;
    size_t size;
    int32_t id;
} entry;

static int by_text(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    if (order) return order;
    if (x->size != y->size) return x->size > y->size ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static uint32_t count_shared(const entry *a, const entry *b) {
    uint32_t shared = 0;
    while (shared < a->size && shared < b->size && a->text[shared] == b->text[shared]) shared++;
    return shared;
}

heed_status hd_token_texts_sort(const hd_token_texts *t, hd_placed_texts *p) {
    heed_context *context = t->context;
    int64_t ids = t->ids;
    entry *entries = hd_alloc(context, (size_t)ids, sizeof *entries);
    p->sorted = hd_alloc(context, (size_t)ids, sizeof *p->sorted);
    p->shared = hd_alloc(context, (size_t)ids, sizeof *p->shared);
    if (!entries || !p->sorted || !p->shared) {
        hd_free(context, entries);
        return HEED_MEMORY;
    }
    for (int32_t id = 0; id < ids; id++) {
        entry e = {.id = id};
        e.text = hd_token_text(p, id, &e.size);
        if (!e.size || !t->visible[id]) continue;
        entries[p->count++] = e;
        p->longest = hd_max(p->longest, (int64_t)e.size);
    }
    if (p->count) qsort(entries, (size_t)p->count, sizeof *entries, by_text);
    for (int64_t i = 0; i < p->count; i++) {
        p->sorted[i] = entries[i].id;
        p->shared[i] = i ? count_shared(&entries[i - 1], &entries[i]) : 0;
    }
    hd_free(context, entries);
    return HEED_OK;
}
