#include "formats/index.h"

#include "base/checksum.h"
#include "base/version.h"
#include "formats/widen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'h', 'e', 'e', 'd', ' ', 'i', 'd', 'x'};
enum { ALIGNMENT = 64 };

static size_t element_size(const hd_index_header *header) { return hd_dtype_size(hd_index_dtype(header)); }

static uint64_t header_checksum(const hd_index_header *header) {
    return hd_checksum_of(header, offsetof(hd_index_header, checksum));
}

/* The next offset after `size` bytes at `at`, aligned; false when it does not fit. */
static bool place_after(uint64_t at, uint64_t count, uint64_t size, uint64_t *next) {
    uint64_t bytes, end;
    if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(at, bytes, &end)) return false;
    if (__builtin_add_overflow(end, (uint64_t)ALIGNMENT - 1, next)) return false;
    *next -= *next % ALIGNMENT;
    return *next <= PTRDIFF_MAX;
}

/* Sets where the parts of the file begin. */
static bool place_parts(hd_index_header *h) {
    uint64_t count, lines = h->text_size ? h->rows + 1 : 0;
    if (__builtin_mul_overflow(h->rows, h->columns, &count) || lines < h->rows * (h->text_size != 0)) return false;
    h->vectors_at = HD_INDEX_FIRST;
    bool fits = place_after(h->vectors_at, count, element_size(h), &h->lines_at) &&
                place_after(h->lines_at, lines, sizeof(uint64_t), &h->text_at);
    return fits && !__builtin_add_overflow(h->text_at, h->text_size, &h->size) && h->size <= PTRDIFF_MAX;
}

/* ---- writing ---- */

static const char *temporary_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

heed_status hd_index_writer_open(heed_context *context, const char *path, const hd_index_header *header,
                                 hd_index_writer *w) {
    *w = (hd_index_writer){.header = *header};
    hd_writer_init(context, &w->writer);
    hd_index_header *h = &w->header;
    memcpy(h->magic, magic, sizeof magic);
    h->format = HD_INDEX_FORMAT, h->bit_epoch = HD_BIT_EPOCH;
    if (!place_parts(h))
        return hd_fail(context, HEED_ARGUMENT, "%llu vectors of %llu numbers are more than memory can address",
                       (unsigned long long)h->rows, (unsigned long long)h->columns);
    h->checksum = header_checksum(h);
    w->scaled = hd_alloc(context, (size_t)h->columns, sizeof *w->scaled);
    w->halves = hd_alloc(context, (size_t)h->columns, sizeof *w->halves);
    heed_status status = !w->scaled || !w->halves ? HEED_MEMORY
                         : path                   ? hd_writer_open(context, path, &w->writer)
                                                  : hd_writer_open_unnamed(context, temporary_folder(), &w->writer);
    if (status == HEED_OK) status = hd_writer_write(&w->writer, h, sizeof *h);
    if (status != HEED_OK) hd_index_writer_abandon(w);
    return status;
}

/* Of the vector as it is stored; NaN where it cannot be found. */
static double factor_of(const hd_index_header *h, const float *vector) {
    double square = 0;
    for (uint64_t i = 0; i < h->columns; i++) square += (double)vector[i] * (double)vector[i];
    if (!isfinite(square)) return (double)NAN;
    if (h->metric != HD_COSINE) return 1;
    return square > 0 ? 1 / sqrt(square) : (double)NAN;
}

heed_status hd_index_writer_add(hd_index_writer *w, const float *vector) {
    const hd_index_header *h = &w->header;
    size_t count = (size_t)h->columns;
    double factor = factor_of(h, vector);
    for (size_t i = 0; i < count; i++) w->scaled[i] = isnan(factor) ? NAN : (float)((double)vector[i] * factor);
    if (!h->dtype) return hd_writer_write(&w->writer, w->scaled, count * sizeof *w->scaled);
    hd_narrow(HD_F16, w->scaled, w->halves, count);
    if (!isnan(factor) && hd_find_nonfinite(HD_F16, w->halves, count) >= 0)
        return hd_fail(w->writer.context, HEED_NUMERIC, "a vector has a number that is too large for f16");
    return hd_writer_write(&w->writer, w->halves, count * sizeof *w->halves);
}

static heed_status pad_to(hd_index_writer *w, uint64_t offset) {
    static const char zeros[ALIGNMENT];
    return hd_writer_write(&w->writer, zeros, (size_t)(offset - w->writer.checksum.bytes));
}

heed_status hd_index_writer_text(hd_index_writer *w, const hd_line_index *text) {
    const hd_index_header *h = &w->header;
    HD_TRY(pad_to(w, h->lines_at));
    if (h->text_size) {
        HD_TRY(hd_writer_write(&w->writer, text->starts, (size_t)(h->rows + 1) * sizeof *text->starts));
        HD_TRY(pad_to(w, h->text_at));
        return hd_writer_write(&w->writer, text->map.data, text->map.size);
    }
    return pad_to(w, h->text_at);
}

heed_status hd_index_writer_commit(hd_index_writer *w) {
    heed_status status = hd_writer_commit(&w->writer);
    hd_index_writer_abandon(w);
    return status;
}

heed_status hd_index_writer_map(hd_index_writer *w, hd_map *map) {
    heed_status status = hd_writer_map(&w->writer, map);
    hd_index_writer_abandon(w);
    return status;
}

void hd_index_writer_abandon(hd_index_writer *w) {
    hd_writer_abandon(&w->writer);
    hd_free(w->writer.context, w->scaled);
    hd_free(w->writer.context, w->halves);
    w->scaled = NULL, w->halves = NULL;
}

/* ---- reading ---- */

static heed_status damaged(heed_context *context, const char *path, const char *what) {
    return hd_fail(context, HEED_FORMAT, "%s: the index is damaged: %s", path, what);
}

static heed_status check_lines(heed_context *context, const char *path, const uint8_t *data, const hd_index_header *h) {
    const uint64_t *starts = (const uint64_t *)(const void *)(data + h->lines_at);
    if (!h->text_size) return HEED_OK;
    for (uint64_t i = 0; i < h->rows; i++)
        if (starts[i] >= starts[i + 1]) return damaged(context, path, "its lines are not in order");
    bool ends = starts[h->rows] == h->text_size || starts[h->rows] == h->text_size + 1;
    return ends ? HEED_OK : damaged(context, path, "its last line does not end with the text");
}

heed_status hd_index_check(heed_context *context, const char *path, const hd_map *map, const hd_index_header **out) {
    const hd_index_header *h = *out = (const hd_index_header *)(const void *)map->data;
    hd_index_header expected;
    if (map->size < sizeof magic || memcmp(map->data, magic, sizeof magic) != 0)
        return hd_fail(context, HEED_FORMAT, "%s: not an index of heed", path);
    if (map->size < HD_INDEX_FIRST) return damaged(context, path, "its header is cut");
    if (h->format != HD_INDEX_FORMAT)
        return hd_fail(context, HEED_FORMAT, "%s: an index of format %u, this heed reads format %d", path, h->format,
                       HD_INDEX_FORMAT);
    if (h->checksum != header_checksum(h)) return damaged(context, path, "its header has changed");
    bool reserved = h->reserved[0] || h->reserved[1] || h->reserved[2];
    if (h->dtype > 1 || h->metric > HD_DOT || !h->columns || reserved)
        return damaged(context, path, "its header is invalid");
    expected = *h;
    bool fits = place_parts(&expected) && memcmp(&expected, h, sizeof expected) == 0;
    if (!fits) return damaged(context, path, "its sizes contradict each other");
    if (h->size != map->size)
        return hd_fail(context, HEED_FORMAT, "%s: the index has %zu bytes, expected %llu", path, map->size,
                       (unsigned long long)h->size);
    return check_lines(context, path, map->data, h);
}
