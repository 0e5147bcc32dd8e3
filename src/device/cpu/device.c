/* The CPU's device table: memory is the context's, calls run when they are made. */
#include "device/cpu/cpu.h"

#include <string.h>

static heed_status open_stream(hd_stream *stream) {
    hd_arena_open(&stream->scratch, stream->context);
    return HEED_OK;
}

static void close_stream(hd_stream *stream) { hd_arena_close(&stream->scratch); }

static void wait_for_stream(hd_stream *stream) { (void)stream; }

static void *alloc_memory(hd_stream *stream, size_t bytes) { return hd_alloc(stream->context, bytes, 1); }

static void free_memory(hd_stream *stream, void *memory) { hd_free(stream->context, memory); }

static void copy_bytes(hd_stream *stream, size_t bytes, const void *from, void *to) {
    (void)stream;
    if (bytes) memcpy(to, from, bytes);
}

#define ENTRY(name) .name = hd_cpu_##name,

const hd_device hd_device_cpu = {.name = "cpu",
                                 .host_memory = true,
                                 .logits_at_once = 1 << 17, /* half a megabyte */
                                 .open = open_stream,
                                 .close = close_stream,
                                 .wait = wait_for_stream,
                                 .alloc = alloc_memory,
                                 .free = free_memory,
                                 .upload = copy_bytes,
                                 .download = copy_bytes,
                                 .pack = hd_cpu_pack,
                                 .operand_count = hd_cpu_operand_count,
                                 HD_DEVICE_CALLS(ENTRY)};
