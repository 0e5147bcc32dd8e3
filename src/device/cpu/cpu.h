/* The CPU's operations, one function per entry of the device table (device/device.h). */
#ifndef HD_DEVICE_CPU_CPU_H
#define HD_DEVICE_CPU_CPU_H

#include "device/cpu/slices.h"
#include "device/device.h"

#define HD_DECLARE_CPU_CALL(name) void hd_cpu_##name(hd_stream *stream, const hd_##name##_call *call);
HD_DEVICE_CALLS(HD_DECLARE_CPU_CALL)
#undef HD_DECLARE_CPU_CALL

heed_status hd_cpu_pack(heed_context *context, hd_arena *arena, const hd_pack_call *call);
int64_t hd_cpu_operand_count(const hd_parameter *weight, hd_operand operand, int64_t rows, int64_t columns);

/* Scratch of the stream, which the caller gives back with hd_arena_rewind; NULL, with the stream's status set, when there
 * is none. */
static inline void *hd_cpu_scratch(hd_stream *stream, size_t count, size_t size) {
    void *memory = hd_arena_alloc(&stream->scratch, count, size);
    if (!memory) hd_stream_fail(stream, HEED_MEMORY);
    return memory;
}

/* A call's chunks, the whole of `rows` when it names none. */
typedef struct hd_cpu_chunks {
    int64_t count;
    const int32_t *starts;
    int32_t whole[2];
} hd_cpu_chunks;

static inline void hd_cpu_chunks_of(const hd_chunks *chunks, int64_t rows, hd_cpu_chunks *out) {
    *out = (hd_cpu_chunks){chunks->count, chunks->starts, {0, (int32_t)rows}};
    if (!chunks->count) out->count = 1, out->starts = out->whole;
}

/* The sequences of each chunk of rows, from starts[chunk] to starts[chunk + 1], in the stream's scratch; an empty one is in one
 * chunk too. Returns the number of chunks, or 0 on failure. */
int64_t hd_cpu_chunk_sequences(hd_stream *stream, const hd_layout *layout, const hd_chunks *of_rows,
                               const int32_t **starts);

/* A chunk's partial sum, by that of the first chunk; NULL if there are none. */
static inline float *hd_cpu_partial_sum(float *first, int64_t chunk, const hd_chunks *chunks) {
    return first ? first + chunk * chunks->stride : NULL;
}

#endif
