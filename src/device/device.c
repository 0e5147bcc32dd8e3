#include "device/device.h"

heed_status hd_stream_open(hd_stream *stream, heed_context *context, heed_status *status) {
    *stream = (hd_stream){.device = context->device, .context = context, .status = status};
    return context->device->open(stream);
}

void hd_stream_close(hd_stream *stream) {
    if (stream->device) stream->device->close(stream);
    stream->device = NULL;
}

static void *alloc_block(void *user, size_t bytes) {
    hd_stream *stream = user;
    return stream->device->alloc(stream, bytes);
}

static void free_block(void *user, void *memory) {
    hd_stream *stream = user;
    stream->device->free(stream, memory);
}

void hd_stream_arena_open(hd_stream *stream, hd_arena *arena) {
    hd_arena_open(arena, stream->context);
    arena->memory = (hd_arena_memory){alloc_block, free_block, stream};
}

heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter, hd_dtype dtype) {
    return context->device->pack(context, arena, parameter, dtype);
}
