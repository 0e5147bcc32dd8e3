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

const void *hd_stream_read(hd_stream *stream, hd_arena *host, const void *memory, size_t bytes) {
    if (stream->device->host_memory) return *stream->status == HEED_OK ? memory : NULL;
    void *copy = hd_arena_alloc(host, bytes, 1);
    if (!copy) hd_stream_fail(stream, HEED_MEMORY);
    if (copy) stream->device->download(stream, bytes, memory, copy);
    return *stream->status == HEED_OK ? copy : NULL;
}

void *hd_stream_map(hd_stream *stream, const void *memory, size_t bytes, unsigned access) {
    if (stream->device->host_memory) return (void *)(uintptr_t)memory;
    void *host = hd_alloc(stream->context, bytes, 1);
    if (!host) hd_stream_fail(stream, HEED_MEMORY);
    if (host && access & HD_TO_READ) stream->device->download(stream, bytes, memory, host);
    if (*stream->status == HEED_OK) return host;
    hd_free(stream->context, host);
    return NULL;
}

void hd_stream_unmap(hd_stream *stream, void *host, void *memory, size_t bytes, unsigned access) {
    if (stream->device->host_memory || !host) return;
    if (access & HD_TO_WRITE) {
        stream->device->upload(stream, bytes, host, memory);
        stream->device->wait(stream);
    }
    hd_free(stream->context, host);
}

heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter) {
    return context->device->pack(context, arena, &(hd_pack_call){&parameter, 1, NULL});
}
