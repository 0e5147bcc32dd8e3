#include "data/labels.h"

#include "text/unicode.h"

#include <string.h>

enum { MOST_LABELS = 10000 };

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

heed_status hd_label_of_line(const hd_lines *lines, bool columns, const char **label, size_t *size) {
    const char *start = lines->text, *end = hd_line_is_blank(lines) ? start : start + lines->size;
    while (end > start && is_blank(end[-1])) end--;
    while (start < end && is_blank(*start)) start++;
    if (columns) {
        const char *last = end;
        while (last > start && !is_blank(last[-1])) last--;
        start = last;
    }
    *label = start;
    *size = (size_t)(end - start);
    if (!memchr(start, 0, *size) && hd_utf8_valid(start, *size)) return HEED_OK;
    return hd_fail(lines->context, HEED_FORMAT, "%s: line %llu: the label \"%.*s\" is not UTF-8 text", lines->path,
                   (unsigned long long)lines->number, (int)(*size < 100 ? *size : 100), start);
}

/* The index of a label, or the index at which to insert it: names are sorted. */
static size_t place_of(const hd_labels *labels, const char *label, size_t size, bool *found) {
    size_t low = 0, high = labels->count;
    while (low < high) {
        size_t middle = (low + high) / 2, length = strlen(labels->names[middle]);
        int order = memcmp(labels->names[middle], label, length < size ? length : size);
        if (order == 0) order = (length > size) - (length < size);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

int32_t hd_labels_find(const hd_labels *labels, const char *label, size_t size) {
    bool found;
    size_t place = place_of(labels, label, size, &found);
    return found ? (int32_t)place : -1;
}

heed_status hd_labels_add(heed_context *context, hd_labels *labels, const char *label, size_t size) {
    bool found;
    size_t place = place_of(labels, label, size, &found);
    if (found) {
        labels->seen[place]++;
        return HEED_OK;
    }
    if (labels->count == MOST_LABELS)
        return hd_fail(context, HEED_LENGTH, "more than %d different labels: are they labels?", MOST_LABELS);
    if (!hd_grow(context, &labels->names, &labels->capacity, labels->count + 1, sizeof *labels->names) ||
        !hd_grow(context, &labels->seen, &labels->seen_capacity, labels->count + 1, sizeof *labels->seen))
        return HEED_MEMORY;
    char *copy = hd_alloc(context, size + 1, 1);
    if (!copy) return HEED_MEMORY;
    memcpy(copy, label, size);
    copy[size] = 0;
    memmove(labels->names + place + 1, labels->names + place, (labels->count - place) * sizeof *labels->names);
    memmove(labels->seen + place + 1, labels->seen + place, (labels->count - place) * sizeof *labels->seen);
    labels->names[place] = copy;
    labels->seen[place] = 1;
    labels->count++;
    return HEED_OK;
}

heed_status hd_labels_collect(heed_context *context, const char *path, bool columns, hd_labels *labels) {
    hd_lines lines;
    HD_TRY(hd_lines_open(context, path, 0, &lines));
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&lines)) {
        const char *label;
        size_t size;
        status = hd_label_of_line(&lines, columns, &label, &size);
        if (status != HEED_OK || !size) continue;
        status = hd_labels_add(context, labels, label, size);
        if (status == HEED_LENGTH) hd_fail_in(context, path);
    }
    if (status == HEED_OK) status = lines.status;
    hd_lines_close(&lines);
    size_t single = 0, last = 0;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->seen[i] == 1) single++, last = i;
    if (status == HEED_OK && single == 1)
        hd_note(context, "%s: there is one example alone of \"%s\"", path, labels->names[last]);
    if (status == HEED_OK && single > 1)
        hd_note(context, "%s: there is one example alone of %zu labels among %zu, such as \"%s\"", path, single,
                labels->count, labels->names[last]);
    if (status == HEED_OK && labels->count < 2)
        return hd_fail(context, HEED_FORMAT, "%s: there is %s", path,
                       labels->count ? "only one label, and so nothing to learn" : "no label");
    return status;
}

void hd_labels_close(heed_context *context, hd_labels *labels) {
    for (size_t i = 0; i < labels->count; i++) hd_free(context, labels->names[i]);
    hd_free(context, labels->names);
    hd_free(context, labels->seen);
    *labels = (hd_labels){0};
}
