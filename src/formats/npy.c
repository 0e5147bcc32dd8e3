#include "formats/npy.h"

#include <stdio.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = sizeof magic - 1, VERSIONS = 3, MOST_WORD = 32 };

static const struct {
    const char *name;
    hd_dtype dtype;
} kinds[] = {{"<f4", HD_F32}, {"<f2", HD_F16}, {"<f8", HD_F64}};

/* ---- writing ---- */

void hd_npy_header(hd_dtype dtype, const int64_t *shape, int dimensions, char header[HD_NPY_HEADER]) {
    enum { FIRST = MAGIC + 4, TEXT = HD_NPY_HEADER - FIRST };
    char text[TEXT + 1];
    int size =
        snprintf(text, sizeof text, "{'descr': '<f%d', 'fortran_order': False, 'shape': (", (int)hd_dtype_size(dtype));
    for (int i = 0; i < dimensions; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, i ? ", %lld" : "%lld", (long long)shape[i]);
    size += snprintf(text + size, sizeof text - (size_t)size, "), }");
    memset(header, ' ', HD_NPY_HEADER);
    memcpy(header, magic, MAGIC);
    header[MAGIC] = 1, header[MAGIC + 1] = 0; /* the version */
    header[MAGIC + 2] = TEXT, header[MAGIC + 3] = 0;
    memcpy(header + FIRST, text, (size_t)size);
    header[HD_NPY_HEADER - 1] = '\n';
}

/* ---- reading ---- */

/* The header's text: a Python dictionary. */
typedef struct reader {
    heed_context *context;
    const char *path, *at, *end;
} reader;

static heed_status damaged(const reader *r, const char *what) {
    return hd_fail(r->context, HEED_FORMAT, "%s: not a .npy file: %s", r->path, what);
}

static void skip_spaces(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t')) r->at++;
}

/* Skips white space and this character, if it comes next. */
static bool take(reader *r, char character) {
    skip_spaces(r);
    if (r->at == r->end || *r->at != character) return false;
    r->at++;
    return true;
}

/* A string in quotes, or a bare word such as False. */
static heed_status read_word(reader *r, char word[MOST_WORD]) {
    skip_spaces(r);
    char quote = r->at < r->end && (*r->at == '\'' || *r->at == '"') ? *r->at++ : 0;
    size_t size = 0;
    while (r->at < r->end && (quote ? *r->at != quote : *r->at >= 'A' && *r->at <= 'z')) {
        if (size + 1 == MOST_WORD) return damaged(r, "a word of its header is too long");
        word[size++] = *r->at++;
    }
    word[size] = 0;
    if (quote && !take(r, quote)) return damaged(r, "a string of its header has no end");
    return size ? HEED_OK : damaged(r, "its header is damaged");
}

static heed_status read_shape(reader *r, int64_t shape[HD_NPY_DIMENSIONS], int *dimensions) {
    *dimensions = 0;
    if (!take(r, '(')) return damaged(r, "its header is damaged");
    while (!take(r, ')')) {
        int64_t size = 0;
        skip_spaces(r);
        const char *first = r->at;
        for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
            if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *r->at - '0', &size))
                return damaged(r, "its shape is too large");
        if (r->at == first || *dimensions == HD_NPY_DIMENSIONS) return damaged(r, "its shape is damaged");
        shape[(*dimensions)++] = size;
        if (!take(r, ',') && (r->at == r->end || *r->at != ')')) return damaged(r, "its shape is damaged");
    }
    return HEED_OK;
}

/* What the dictionary says. */
typedef struct description {
    char kind[MOST_WORD], order[MOST_WORD];
    int64_t shape[HD_NPY_DIMENSIONS];
    int dimensions; /* −1: missing */
} description;

static heed_status read_description(reader *r, description *d) {
    *d = (description){.dimensions = -1};
    if (!take(r, '{')) return damaged(r, "its header is damaged");
    while (!take(r, '}')) {
        char key[MOST_WORD];
        HD_TRY(read_word(r, key));
        if (!take(r, ':')) return damaged(r, "its header is damaged");
        if (strcmp(key, "descr") == 0)
            HD_TRY(read_word(r, d->kind));
        else if (strcmp(key, "fortran_order") == 0)
            HD_TRY(read_word(r, d->order));
        else if (strcmp(key, "shape") == 0)
            HD_TRY(read_shape(r, d->shape, &d->dimensions));
        else
            return damaged(r, "its header has an unknown key");
        if (!take(r, ',') && (r->at == r->end || *r->at != '}')) return damaged(r, "its header is damaged");
    }
    bool whole = d->kind[0] && d->order[0] && d->dimensions >= 0;
    return whole ? HEED_OK : damaged(r, "its header lacks descr, fortran_order or shape");
}

/* Sets the reader to the header's text, and *first to the offset after it. */
static heed_status open_header(reader *r, const uint8_t *bytes, size_t size, size_t *first) {
    if (size < MAGIC + 4 || memcmp(bytes, magic, MAGIC) != 0) return damaged(r, "it begins otherwise");
    unsigned version = bytes[MAGIC];
    size_t length = bytes[MAGIC + 2] | (size_t)bytes[MAGIC + 3] << 8;
    *first = MAGIC + 4;
    if (version == 0 || version > VERSIONS)
        return hd_fail(r->context, HEED_UNSUPPORTED, "%s: version %u of the .npy format, heed reads 1 to %d", r->path,
                       version, VERSIONS);
    if (version > 1) {
        if (size < MAGIC + 6) return damaged(r, "its header is cut");
        length |= (size_t)bytes[MAGIC + 4] << 16 | (size_t)bytes[MAGIC + 5] << 24;
        *first = MAGIC + 6;
    }
    if (length > size - *first) return damaged(r, "its header is cut");
    r->at = (const char *)bytes + *first;
    r->end = r->at + length;
    *first += length;
    return HEED_OK;
}

static heed_status find_kind(const reader *r, const char *name, hd_dtype *dtype) {
    for (size_t i = 0; i < HD_COUNT(kinds); i++) {
        if (strcmp(name, kinds[i].name) != 0) continue;
        *dtype = kinds[i].dtype;
        return HEED_OK;
    }
    return hd_fail(r->context, HEED_UNSUPPORTED, "%s: numbers of the kind \"%s\", heed reads <f4, <f2 and <f8", r->path,
                   name);
}

heed_status hd_npy_parse(heed_context *context, const char *path, const void *bytes, size_t size, hd_npy *npy) {
    reader r = {.context = context, .path = path};
    description d;
    size_t first = 0, count, needed;
    *npy = (hd_npy){.dtype = HD_F32};
    HD_TRY(open_header(&r, bytes, size, &first));
    HD_TRY(read_description(&r, &d));
    HD_TRY(find_kind(&r, d.kind, &npy->dtype));
    if (strcmp(d.order, "False") != 0)
        return hd_fail(context, HEED_UNSUPPORTED, "%s: the matrix is stored by columns, expected by rows", path);
    if (d.dimensions != 2)
        return hd_fail(context, HEED_UNSUPPORTED, "%s: an array of %d dimensions, expected 2: a row per vector", path,
                       d.dimensions);
    bool fits = hd_multiply((size_t)d.shape[0], (size_t)d.shape[1], &count) &&
                hd_multiply(count, hd_dtype_size(npy->dtype), &needed);
    if (!fits || needed != size - first)
        return hd_fail(context, HEED_FORMAT, "%s: %zu bytes of numbers, but the shape is [%lld, %lld] of %s", path,
                       size - first, (long long)d.shape[0], (long long)d.shape[1], d.kind);
    npy->rows = d.shape[0], npy->columns = d.shape[1];
    npy->numbers = (const char *)bytes + first;
    return HEED_OK;
}
