/* Keys and values from a file, which enter the cache as those of a step. */
#include "layers/cache.h"

/* Of all slots, this one alone has rows. */
static const hd_layout *layout_of_slot(const hd_cache *cache, hd_pass *pass, int64_t slot, int64_t rows) {
    int64_t slots = cache->slot_count;
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, (size_t)slots + 1, sizeof *starts);
    if (!layout || !starts) return NULL;
    for (int64_t s = 0; s <= slots; s++) starts[s] = s > slot ? (int32_t)rows : 0;
    *layout = (hd_layout){.sequences = slots, .starts = starts};
    return layout;
}

static hd_tensor *upload(const hd_cache *cache, hd_pass *pass, const void *rows, const hd_layout *layout) {
    hd_tensor *x = hd_tensor_new(pass, hd_layout_rows(layout), cache->heads * cache->width, layout);
    if (x) pass->stream.device->upload(&pass->stream, (size_t)hd_tensor_count(x) * sizeof(float), rows, x->data);
    return x;
}

heed_status hd_cache_load(hd_cache *cache, hd_pass *pass, int64_t slot, int64_t length, const void *rows) {
    const hd_layout *layout = layout_of_slot(cache, pass, slot, length);
    if (!layout) return pass->status;
    HD_TRY(hd_cache_reserve(cache, layout));
    hd_arena_mark start = hd_arena_here(&pass->arena);
    const char *at = rows;
    size_t half = (size_t)hd_cache_row_count(cache, length) / 2 * sizeof(float);
    for (int64_t layer = 0; layer < cache->layers; layer++, at += 2 * half) {
        const hd_tensor *k = upload(cache, pass, at, layout), *v = k ? upload(cache, pass, at + half, layout) : NULL;
        if (!v) return pass->status;
        hd_cache_append(cache, layer, k, v);
        hd_arena_rewind(&pass->arena, start);
    }
    hd_cache_advance(cache, layout);
    return pass->status;
}
