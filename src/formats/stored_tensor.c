#include "formats/stored_tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hd_shape_text hd_shape_show(int dimensions, const int64_t *shape) {
    hd_shape_text out;
    size_t at = 0;
    out.text[at++] = '[';
    for (int i = 0; i < dimensions; i++) {
        const char *between = i ? ", " : "";
        at += (size_t)snprintf(out.text + at, sizeof out.text - at, "%s%lld", between, (long long)shape[i]);
    }
    out.text[at++] = ']';
    out.text[at] = 0;
    return out;
}

heed_status hd_stored_expect(heed_context *context, const hd_stored_tensor *tensor, int dimensions,
                             const int64_t *shape) {
    if (tensor->unread)
        return hd_fail(context, HEED_UNSUPPORTED, "%s: tensor \"%s\" has the dtype %s, which heed does not read",
                       tensor->file, tensor->name, tensor->unread);
    if (tensor->dimensions == dimensions && memcmp(tensor->shape, shape, (size_t)dimensions * sizeof *shape) == 0)
        return HEED_OK;
    hd_shape_text found = hd_shape_show(tensor->dimensions, tensor->shape);
    hd_shape_text expected = hd_shape_show(dimensions, shape);
    return hd_fail(context, HEED_FORMAT, "%s: tensor \"%s\" is %s, expected %s", tensor->file, tensor->name, found.text,
                   expected.text);
}

bool hd_shape_size(hd_dtype dtype, int dimensions, const int64_t *shape, size_t *count, size_t *bytes) {
    *count = 1;
    for (int i = 0; i < dimensions; i++)
        if (shape[i] < 0 || !hd_multiply(*count, (size_t)shape[i], count)) return false;
    return hd_multiply(*count, hd_dtype_size(dtype), bytes);
}

static int compare_names(const void *left, const void *right) {
    const hd_stored_tensor *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

void hd_stored_sort(const hd_stored_tensor **by_name, size_t count) {
    if (count) qsort(by_name, count, sizeof *by_name, compare_names);
}

const hd_stored_tensor *hd_stored_find(const hd_stored_tensor *const *by_name, size_t count, const char *name) {
    size_t first = 0, end = count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int order = strcmp(name, by_name[middle]->name);
        if (order == 0) return by_name[middle];
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return NULL;
}
