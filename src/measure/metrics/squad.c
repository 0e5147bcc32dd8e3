#include "measure/metrics/squad.h"

#include "base/utf8.h"
#include "text/lower.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct hd_squad_word {
    const uint32_t *points;
    size_t size;
} word;

/* ---- normalization ----------------------------------------------------------------------------------------------- */

/* string.punctuation of Python. */
static bool is_punctuation(uint32_t c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* What str.split of Python splits at. */
static bool is_space(uint32_t c) {
    if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* \w of Python's re, but for "_", which is punctuation: letters and numbers. */
static bool is_word(uint32_t c) {
    utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
    return (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO) ||
           (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO);
}

static bool is_article(const uint32_t *points, size_t size) {
    static const char *const articles[] = {"a", "an", "the"};
    for (size_t i = 0; i < HD_COUNT(articles); i++) {
        size_t length = strlen(articles[i]), same = 0;
        while (same < size && same < length && points[same] == (uint8_t)articles[i][same]) same++;
        if (same == size && same == length) return true;
    }
    return false;
}

/* Turns articles into spaces, in place. */
static void drop_articles(uint32_t *points, size_t count) {
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        if (!is_word(points[first])) continue;
        while (end < count && is_word(points[end])) end++;
        if (!is_article(points + first, end - first)) continue;
        for (size_t i = first; i < end; i++) points[i] = ' ';
    }
}

static heed_status add_words(heed_context *context, hd_squad_text *text, size_t count) {
    text->count = 0;
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        if (is_space(text->lower[first])) continue;
        while (end < count && !is_space(text->lower[end])) end++;
        if (!hd_grow(context, &text->words, &text->word_capacity, text->count + 1, sizeof *text->words))
            return HEED_MEMORY;
        text->words[text->count++] = (word){text->lower + first, end - first};
    }
    return HEED_OK;
}

static heed_status normalize(heed_context *context, const char *bytes, size_t size, hd_squad_text *text) {
    size_t count = 0, kept = 0;
    if (!hd_grow(context, &text->points, &text->point_capacity, size + 1, sizeof *text->points) ||
        !hd_grow(context, &text->lower, &text->lower_capacity, 2 * size + 1, sizeof *text->lower))
        return HEED_MEMORY;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(bytes + at, size - at, &text->points[count++]);
    count = hd_lowercase_text(text->points, count, text->lower);
    for (size_t i = 0; i < count; i++)
        if (!is_punctuation(text->lower[i])) text->lower[kept++] = text->lower[i];
    drop_articles(text->lower, kept);
    return add_words(context, text, kept);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static int compare_words(const void *a, const void *b) {
    const word *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->points, y->points, size * sizeof *x->points);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static bool is_equal(const hd_squad_text *a, const hd_squad_text *b) {
    bool equal = a->count == b->count;
    for (size_t i = 0; i < a->count && equal; i++) equal = compare_words(&a->words[i], &b->words[i]) == 0;
    return equal;
}

static void sort_words(hd_squad_text *text) {
    if (text->count) qsort(text->words, text->count, sizeof *text->words, compare_words);
}

/* Words that both sorted texts have. */
static size_t count_common(const hd_squad_text *a, const hd_squad_text *b) {
    size_t common = 0, i = 0, j = 0;
    while (i < a->count && j < b->count) {
        int order = compare_words(&a->words[i], &b->words[j]);
        common += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return common;
}

heed_status hd_squad_compare(hd_squad_scorer *s, bool second, const char *prediction, size_t size,
                             const char *const *references, size_t count, hd_squad_score *score) {
    size_t used = 0;
    *score = (hd_squad_score){0, 0};
    for (size_t i = 0; i <= count; i++) {
        bool empty = i == count;
        if (empty && (used || !second)) break; /* the empty answer of a question without references */
        HD_TRY(normalize(s->context, empty ? "" : references[i], empty ? 0 : strlen(references[i]), &s->reference));
        if (!empty && second && !s->reference.count) continue;
        HD_TRY(normalize(s->context, prediction, size, &s->prediction));
        used++;
        if (is_equal(&s->prediction, &s->reference)) score->exact = 1;
        sort_words(&s->prediction);
        sort_words(&s->reference);
        double f1 = second && !s->prediction.count && !s->reference.count;
        size_t common = count_common(&s->prediction, &s->reference);
        if (common) {
            double precision = (double)common / (double)s->prediction.count;
            double recall = (double)common / (double)s->reference.count;
            f1 = 2 * precision * recall / (precision + recall);
        }
        if (f1 > score->f1) score->f1 = f1;
    }
    return HEED_OK;
}

static void close_text(heed_context *context, hd_squad_text *text) {
    hd_free(context, text->points);
    hd_free(context, text->lower);
    hd_free(context, text->words);
}

void hd_squad_close(hd_squad_scorer *s) {
    close_text(s->context, &s->prediction);
    close_text(s->context, &s->reference);
}
