#include "serve/task_answers.h"

#include <string.h>

#include "serve/json_text.h"

/* ---- parts ---- */

static void append_key(hd_buffer *out, const char *key) { hd_buffer_format(out, "\"%s\":", key); }

static void append_label(hd_buffer *out, const char *key, const heed_results *r, size_t i, size_t k) {
    const char *label = heed_results_label(r, i, k);
    append_key(out, key);
    hd_json_text_append(out, label ? label : "", label ? strlen(label) : 0);
}

static void append_score(hd_buffer *out, const heed_results *r, size_t i, size_t k) {
    append_key(out, "score");
    hd_json_text_append_float(out, heed_results_score(r, i, k));
}

static void append_text(hd_buffer *out, const char *key, const heed_results *r, size_t i, size_t k) {
    append_key(out, key);
    hd_json_text_append(out, heed_results_text(r, i, k), heed_results_size(r, i, k));
}

static void append_span(hd_buffer *out, const heed_results *r, size_t i, size_t k) {
    size_t start, end;
    heed_results_span(r, i, k, &start, &end);
    hd_buffer_format(out, "\"start\":%zu,\"end\":%zu", start, end);
}

/* Appends an alternative. */
typedef void entry(hd_buffer *out, const hd_call *c, const heed_results *r, size_t i, size_t k);

/* The list of a text's alternatives. */
static void append_list(hd_buffer *out, const hd_call *c, const heed_results *r, size_t i, entry *append) {
    hd_buffer_byte(out, '[');
    for (size_t k = 0; k < heed_results_alternatives(r, i); k++) {
        if (k) hd_buffer_byte(out, ',');
        append(out, c, r, i, k);
    }
    hd_buffer_byte(out, ']');
}

/* The lists of all texts, in a list unless there is one text that was none. */
static heed_status append_lists(hd_buffer *out, const hd_call *c, const heed_results *r, size_t first, bool nested,
                                entry *append) {
    if (nested) hd_buffer_byte(out, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_list(out, c, r, first + i, append);
    }
    if (nested) hd_buffer_byte(out, ']');
    return HEED_OK;
}

/* ---- tasks ---- */

static void append_class(hd_buffer *out, const hd_call *c, const heed_results *r, size_t i, size_t k) {
    (void)c;
    hd_buffer_byte(out, '{');
    append_label(out, "label", r, i, k);
    hd_buffer_byte(out, ',');
    append_score(out, r, i, k);
    hd_buffer_byte(out, '}');
}

heed_status hd_write_labels(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    return append_lists(out, c, r, first, true, append_class); /* of one text too */
}

heed_status hd_write_zero_shot(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    return append_lists(out, c, r, first, !c->single, append_class);
}

/* `flag`: each token is an answer. */
static void append_entity(hd_buffer *out, const hd_call *c, const heed_results *r, size_t i, size_t k) {
    hd_buffer_byte(out, '{');
    append_label(out, c->flag ? "entity" : "entity_group", r, i, k);
    hd_buffer_byte(out, ',');
    append_score(out, r, i, k);
    if (c->flag) hd_buffer_format(out, ",\"index\":%d", (int)heed_results_position(r, i, k));
    hd_buffer_byte(out, ',');
    append_text(out, "word", r, i, k);
    hd_buffer_byte(out, ',');
    append_span(out, r, i, k);
    hd_buffer_byte(out, '}');
}

heed_status hd_write_entities(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    return append_lists(out, c, r, first, !c->single, append_entity);
}

static size_t mask_of(const heed_results *r, size_t i, size_t k) {
    size_t start, end;
    heed_results_span(r, i, k, &start, &end);
    return start;
}

static void append_mask(hd_buffer *out, const heed_results *r, size_t i, size_t k) {
    hd_buffer_byte(out, '{');
    append_score(out, r, i, k);
    hd_buffer_format(out, ",\"token\":%d,", (int)heed_results_label_token(r, i, k));
    append_label(out, "token_str", r, i, k);
    hd_buffer_byte(out, ',');
    append_text(out, "sequence", r, i, k);
    hd_buffer_byte(out, '}');
}

/* Several masks give one list each. */
static void append_masks(hd_buffer *out, const heed_results *r, size_t i) {
    size_t count = heed_results_alternatives(r, i);
    bool nested = count && mask_of(r, i, 0) != mask_of(r, i, count - 1);
    hd_buffer_text(out, nested ? "[[" : "[");
    for (size_t k = 0; k < count; k++) {
        if (k) hd_buffer_text(out, mask_of(r, i, k) == mask_of(r, i, k - 1) ? "," : "],[");
        append_mask(out, r, i, k);
    }
    hd_buffer_text(out, nested ? "]]" : "]");
}

heed_status hd_write_masks(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    if (!c->single) hd_buffer_byte(out, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_masks(out, r, first + i);
    }
    if (!c->single) hd_buffer_byte(out, ']');
    return HEED_OK;
}

static void append_answer(hd_buffer *out, const hd_call *c, const heed_results *r, size_t i, size_t k) {
    (void)c;
    hd_buffer_byte(out, '{');
    append_score(out, r, i, k);
    hd_buffer_byte(out, ',');
    append_span(out, r, i, k);
    hd_buffer_byte(out, ',');
    append_text(out, "answer", r, i, k);
    hd_buffer_byte(out, '}');
}

/* `number` is "top_k": an object if it is 1. */
heed_status hd_write_answers(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    if (c->number > 1) return append_lists(out, c, r, first, false, append_answer);
    append_answer(out, c, r, first, 0);
    return HEED_OK;
}

static void append_vector(hd_buffer *out, const heed_results *r, size_t i) {
    size_t columns;
    const float *numbers = heed_results_vector(r, i, &columns);
    hd_buffer_byte(out, '[');
    for (size_t k = 0; k < columns; k++) {
        if (k) hd_buffer_byte(out, ',');
        hd_json_text_append_float(out, numbers[k]);
    }
    hd_buffer_byte(out, ']');
}

heed_status hd_write_vectors(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    if (!c->single) hd_buffer_byte(out, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_vector(out, r, first + i);
    }
    if (!c->single) hd_buffer_byte(out, ']');
    return HEED_OK;
}

heed_status hd_write_similarities(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    hd_buffer_byte(out, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_json_text_append_float(out, heed_results_score(r, first + i, 0));
    }
    hd_buffer_byte(out, ']');
    return HEED_OK;
}

/* The alternatives of all texts in one list. */
heed_status hd_write_texts(const hd_call *c, const heed_results *r, size_t first, hd_buffer *out) {
    bool begun = false;
    hd_buffer_byte(out, '[');
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < heed_results_alternatives(r, first + i); k++, begun = true) {
            hd_buffer_text(out, begun ? ",{" : "{");
            append_text(out, c->detail, r, first + i, k);
            hd_buffer_byte(out, '}');
        }
    hd_buffer_byte(out, ']');
    return HEED_OK;
}
