/* Files of vectors in NumPy's format. */
#include "base/file.h"
#include "formats/npy.h"
#include "formats/widen.h"

#include <math.h>
#include <string.h>

struct heed_vector_writer {
    heed_context *context;
    hd_writer writer;
    hd_dtype dtype;
    int64_t shape[2];
    uint16_t *halves; /* [columns] */
};

static heed_status find_dtype(heed_context *context, const char *name, hd_dtype *dtype) {
    *dtype = strcmp(name, "f16") == 0 ? HD_F16 : HD_F32;
    if (*dtype == HD_F16 || strcmp(name, "f32") == 0) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "dtype is \"%s\", expected f32 or f16", name);
}

static heed_status write_header(heed_vector_writer *w, bool again) {
    char header[HD_NPY_HEADER];
    hd_npy_header(w->dtype, w->shape, 2, header);
    return again ? hd_writer_replace(&w->writer, 0, header, sizeof header)
                 : hd_writer_write(&w->writer, header, sizeof header);
}

heed_status heed_vectors_create(heed_context *context, const char *path, const char *dtype,
                                heed_vector_writer **writer) {
    hd_dtype numbers;
    *writer = NULL;
    HD_TRY(find_dtype(context, dtype ? dtype : "f32", &numbers));
    heed_vector_writer *w = hd_alloc_zeroed(context, 1, sizeof *w);
    if (!w) return HEED_MEMORY;
    w->context = context, w->dtype = numbers;
    heed_status status = hd_writer_open(context, path, &w->writer);
    if (status == HEED_OK) status = write_header(w, false);
    if (status == HEED_OK)
        *writer = w;
    else
        heed_vectors_close(w);
    return status;
}

heed_status heed_vectors_add(heed_vector_writer *w, const float *vector, size_t columns) {
    if (!w->shape[0]) {
        w->shape[1] = (int64_t)columns;
        w->halves = hd_alloc(w->context, columns, sizeof *w->halves);
        if (!w->halves) return HEED_MEMORY;
    }
    if (columns != (size_t)w->shape[1])
        return hd_fail(w->context, HEED_ARGUMENT, "a vector has %zu numbers, but the ones before have %lld", columns,
                       (long long)w->shape[1]);
    w->shape[0]++;
    if (w->dtype == HD_F32) return hd_writer_write(&w->writer, vector, columns * sizeof *vector);
    hd_narrow(HD_F16, vector, w->halves, columns);
    int64_t wide = hd_find_nonfinite(HD_F16, w->halves, columns);
    if (wide >= 0 && isfinite(vector[wide]))
        return hd_fail(w->context, HEED_NUMERIC, "a vector has a number that is too large for f16");
    return hd_writer_write(&w->writer, w->halves, columns * sizeof *w->halves);
}

heed_status heed_vectors_finish(heed_vector_writer *w) {
    HD_TRY(write_header(w, true));
    return hd_writer_commit(&w->writer);
}

void heed_vectors_close(heed_vector_writer *w) {
    if (!w) return;
    hd_writer_abandon(&w->writer);
    hd_free(w->context, w->halves);
    hd_free(w->context, w);
}

heed_status heed_vectors_read(heed_context *context, const char *path, float **numbers, int64_t shape[2]) {
    hd_map map;
    hd_npy npy;
    *numbers = NULL;
    HD_TRY(hd_map_copy(context, path, &map));
    heed_status status = hd_npy_parse(context, path, map.data, map.size, &npy);
    if (status == HEED_OK) {
        size_t count = (size_t)npy.rows * (size_t)npy.columns;
        *numbers = hd_alloc(context, count, sizeof **numbers);
        if (*numbers) hd_widen(npy.dtype, npy.numbers, *numbers, count);
        shape[0] = npy.rows, shape[1] = npy.columns;
        status = *numbers ? HEED_OK : HEED_MEMORY;
    }
    hd_map_close(&map);
    return status;
}
