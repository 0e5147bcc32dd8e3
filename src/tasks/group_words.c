#include "tasks/group_words.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 64 /* bytes; others are data, not words */ };

/* One occurrence. */
typedef struct occurrence {
    const char *word; /* [size] */
    uint32_t size;
    int32_t group;
} occurrence;

typedef struct weighted {
    double weight;
    const occurrence *word;
} weighted;

typedef struct counting {
    heed_context *context;
    hd_arena memory; /* of the words' bytes */
    occurrence *items;
    size_t count, capacity;
} counting;

/* ---- words of a text ---- */

static heed_status add_word(counting *c, const char *word, size_t size, size_t characters, int32_t group) {
    if (characters < 2 || size > LONGEST_WORD) return HEED_OK;
    if (!hd_grow(c->context, &c->items, &c->capacity, c->count + 1, sizeof *c->items)) return HEED_MEMORY;
    char *copy = hd_arena_alloc(&c->memory, size, 1);
    if (!copy) return HEED_MEMORY;
    memcpy(copy, word, size);
    c->items[c->count++] = (occurrence){copy, (uint32_t)size, group};
    return HEED_OK;
}

static heed_status add_text(counting *c, const char *text, size_t size, int32_t group) {
    char word[LONGEST_WORD + 8];
    size_t length = 0, characters = 0;
    for (size_t at = 0; at <= size;) {
        uint32_t code = ' ', lower[2];
        at += at < size ? hd_utf8_decode(text + at, size - at, &code) : 1;
        if (code != HD_REPLACEMENT_CHARACTER && hd_is_word(code)) {
            size_t count = hd_lowercase(code, lower);
            for (size_t i = 0; i < count && length <= LONGEST_WORD; i++)
                length += hd_utf8_encode(lower[i], word + length);
            characters++;
            continue;
        }
        HD_TRY(add_word(c, word, length, characters, group));
        length = characters = 0;
    }
    return HEED_OK;
}

/* ---- weights ---- */

static int compare_words(const occurrence *x, const occurrence *y) {
    int order = memcmp(x->word, y->word, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static int by_word(const void *a, const void *b) {
    const occurrence *x = a, *y = b;
    int order = compare_words(x, y);
    return order ? order : (x->group > y->group) - (x->group < y->group);
}

/* Inserts a word among the best of its group; equal weights keep their order, that of the words. */
static void keep(weighted *best, size_t most, weighted new) {
    size_t i = most;
    while (i > 0 && (!best[i - 1].word || best[i - 1].weight < new.weight)) i--;
    if (i == most) return;
    memmove(best + i + 1, best + i, (most - i - 1) * sizeof *best);
    best[i] = new;
}

/* The occurrences [first, end) are of one word, group by group. */
static void weigh(const counting *c, size_t first, size_t end, const size_t *group_words, size_t groups, size_t most,
                  weighted *best) {
    double all = (double)(end - first), mean = (double)c->count / (double)groups;
    for (size_t i = first, next; i < end; i = next) {
        int32_t group = c->items[i].group;
        for (next = i; next < end && c->items[next].group == group; next++) continue;
        double share = (double)(next - i) / (double)group_words[group];
        double others = all - (double)(next - i), other_words = (double)(c->count - group_words[group]);
        bool characteristic = share * other_words >= 2 * others;
        if (characteristic)
            keep(best + (size_t)group * most, most, (weighted){share * log(1 + mean / all), &c->items[i]});
    }
}

static heed_status rank(const counting *c, size_t groups, size_t most, hd_arena *arena, const char **words) {
    size_t *group_words = hd_alloc_zeroed(c->context, groups, sizeof *group_words);
    weighted *best = hd_alloc_zeroed(c->context, groups * most, sizeof *best);
    heed_status status = group_words && best ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; i < c->count && status == HEED_OK; i++) group_words[c->items[i].group]++;
    for (size_t i = 0, end; i < c->count && status == HEED_OK; i = end) {
        for (end = i; end < c->count && compare_words(&c->items[i], &c->items[end]) == 0; end++) continue;
        weigh(c, i, end, group_words, groups, most, best);
    }
    for (size_t i = 0; i < groups * most && status == HEED_OK; i++) {
        const occurrence *word = best[i].word;
        char *copy = word ? hd_arena_alloc(arena, word->size + 1, 1) : NULL;
        if (word && !copy) status = HEED_MEMORY;
        if (copy) memcpy(copy, word->word, word->size), copy[word->size] = 0;
        words[i] = copy;
    }
    hd_free(c->context, group_words);
    hd_free(c->context, best);
    return status;
}

heed_status hd_group_words(heed_context *context, const char *const *texts, const size_t *sizes, const int32_t *labels,
                           size_t text_count, size_t count, size_t most, hd_arena *arena, const char **words) {
    counting c = {.context = context};
    heed_status status = HEED_OK;
    hd_arena_open(&c.memory, context);
    for (size_t i = 0; i < text_count && status == HEED_OK; i++)
        if (texts[i] && labels[i] >= 0) status = add_text(&c, texts[i], sizes ? sizes[i] : strlen(texts[i]), labels[i]);
    if (c.count) qsort(c.items, c.count, sizeof *c.items, by_word);
    if (status == HEED_OK) status = rank(&c, count, most, arena, words);
    hd_free(context, c.items);
    hd_arena_close(&c.memory);
    return status;
}
