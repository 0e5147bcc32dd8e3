#include "inspect/picture.h"

heed_status hd_picture_open(heed_context *context, const hd_picture_class *class, size_t size, void *out) {
    heed_picture *picture = hd_alloc_zeroed(context, 1, size);
    *(heed_picture **)out = picture;
    if (!picture) return HEED_MEMORY;
    picture->class = class;
    picture->context = context;
    hd_arena_open(&picture->arena, context);
    return HEED_OK;
}

void heed_picture_close(heed_picture *picture) {
    if (!picture) return;
    hd_arena_close(&picture->arena);
    hd_free(picture->context, picture);
}
