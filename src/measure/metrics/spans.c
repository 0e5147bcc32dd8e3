#include "measure/metrics/spans.h"

#include "base/utf8.h"

#include <string.h>

/* A label's tag, its first character, and its kind. */
typedef struct parsed {
    uint32_t tag;
    const char *kind;
} parsed;

static parsed parse(const char *label) {
    parsed p = {0};
    const char *rest = label + hd_utf8_decode(label, strlen(label) + 1, &p.tag), *dash;
    if (!p.tag) rest = label; /* an empty label */
    dash = strchr(rest, '-');
    p.kind = dash ? dash + 1 : rest;
    if (!*p.kind) p.kind = "_";
    return p;
}

const char *hd_span_kind(const char *label) { return parse(label).kind; }

static bool is_one_of(uint32_t tag, const char *tags) { return tag < 128 && tag && strchr(tags, (int)tag); }

static bool ends(parsed before, parsed now) {
    if (is_one_of(before.tag, "ES")) return true;
    if (is_one_of(before.tag, "BI") && is_one_of(now.tag, "BSO")) return true;
    return !is_one_of(before.tag, "O.") && strcmp(before.kind, now.kind) != 0;
}

static bool begins(parsed before, parsed now) {
    if (is_one_of(now.tag, "BS")) return true;
    if (is_one_of(before.tag, "ESO") && is_one_of(now.tag, "EI")) return true;
    return !is_one_of(now.tag, "O.") && strcmp(before.kind, now.kind) != 0;
}

/* Reads the next label, "O" after a sentence. True when a span ends before it: *begin is its first word. */
static bool step(hd_span_reader *r, const char *label, int64_t word, int64_t *begin) {
    parsed before = r->label ? parse(r->label) : (parsed){'O', ""}, now = parse(label);
    bool ended = ends(before, now);
    *begin = r->begin;
    if (begins(before, now)) r->begin = word;
    r->label = label;
    return ended;
}

void hd_spans_add(hd_spans *s, hd_counts *counts, const int32_t *kinds, const char *const *names,
                  const int32_t *expected, const int32_t *predicted, int64_t count) {
    for (int64_t i = 0; i <= count; i++, s->word++) {
        const char *a = s->expected.label, *b = s->predicted.label;
        int32_t of_a = s->expected_number, of_b = s->predicted_number;
        int64_t begin_a, begin_b;
        bool end_a = step(&s->expected, i < count ? names[expected[i]] : "O", s->word, &begin_a);
        bool end_b = step(&s->predicted, i < count ? names[predicted[i]] : "O", s->word, &begin_b);
        if (end_a) counts[kinds ? kinds[of_a] : 0].expected++;
        if (end_b) counts[kinds ? kinds[of_b] : 0].predicted++;
        if (end_a && end_b && begin_a == begin_b && strcmp(hd_span_kind(a), hd_span_kind(b)) == 0)
            counts[kinds ? kinds[of_a] : 0].right++;
        if (i == count) continue;
        s->expected_number = expected[i];
        s->predicted_number = predicted[i];
    }
}
