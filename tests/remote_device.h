/* A device for tests that follows the contract of device/device.h strictly, so that an op fails if it takes device
 * memory for host memory, or a queued call for one that has run:
 * - its addresses cannot be read or written: they are a PROT_NONE mapping of a file in memory, whose readable
 * mapping lies at a distance that only the executor adds;
 * - nothing runs before the host waits or downloads, and then on another thread;
 * - what a call points to in host memory is copied when it is queued.
 * The arithmetic is the CPU's, on one thread. Packed weights are the CPU's too, in host memory: they are opaque. */
#ifndef TESTS_REMOTE_DEVICE_H
#define TESTS_REMOTE_DEVICE_H

#include "device/device.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REMOTE_COPIES = 256 };
#define REMOTE_SIZE ((size_t)1 << 28) /* of address space; pages are used when they are written */

/* ---- memory ---- */

typedef struct remote_memory {
    char *handed_out; /* PROT_NONE */
    char *readable;
    size_t used;
    _Atomic int live;          /* allocations */
    _Atomic size_t downloaded; /* bytes */
    pthread_mutex_t lock;      /* streams of several threads allocate */
} remote_memory;

static remote_memory remote = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void remote_map(void) {
    if (remote.handed_out) return;
    int file = memfd_create("device", 0);
    if (file < 0 || ftruncate(file, (off_t)REMOTE_SIZE) != 0) abort();
    /* Calls are searched for these addresses, 8 bytes at a time. Their lower halves are those of floats of 1e29 and more,
     * which no call has beside the upper half of an address. */
    const uintptr_t half = (uintptr_t)1 << 32, lower = 0x70000000;
    uintptr_t space = (uintptr_t)mmap(NULL, 2 * half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == (uintptr_t)MAP_FAILED) abort();
    remote.handed_out = (char *)((space + half - 1) / half * half + lower);
    remote.readable = mmap(NULL, REMOTE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (mmap(remote.handed_out, REMOTE_SIZE, PROT_NONE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file, 0) ==
            MAP_FAILED ||
        remote.readable == MAP_FAILED)
        abort();
    close(file);
}

/* Device addresses in `size` bytes of pointers become readable ones. */
static inline void remote_translate(void *words, size_t size) {
    for (size_t at = 0; at + sizeof(char *) <= size; at += sizeof(char *)) {
        uintptr_t word, first = (uintptr_t)remote.handed_out;
        memcpy(&word, (char *)words + at, sizeof word);
        if (word < first || word >= first + REMOTE_SIZE) continue;
        word = word - first + (uintptr_t)remote.readable;
        memcpy((char *)words + at, &word, sizeof word);
    }
}

static inline void *remote_readable(const void *memory) {
    remote_translate(&memory, sizeof memory);
    return (void *)(uintptr_t)memory;
}

/* Memory is filled with NaNs, and is used again when all of it has been freed. */
static inline void *remote_alloc(hd_stream *stream, size_t bytes) {
    (void)stream;
    pthread_mutex_lock(&remote.lock);
    if (remote.live == 0) remote.used = 0;
    size_t start = remote.used;
    if (bytes > REMOTE_SIZE - start) abort();
    remote.used += (bytes + 63) / 64 * 64;
    remote.live++;
    pthread_mutex_unlock(&remote.lock);
    memset(remote.readable + start, 0xff, bytes);
    return remote.handed_out + start;
}

/* ---- the queue ---- */

typedef struct remote_item {
    struct remote_item *next;
    void (*run)(hd_stream *stream, const void *call);
    void *copies[REMOTE_COPIES]; /* the call, then what it points to */
    int copy_count;
} remote_item;

typedef struct remote_queue {
    pthread_t executor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    remote_item *first, **end;
    bool running, closing; /* running: the host waits until the queue is empty */
    heed_context context;  /* the executor's */
    heed_status status;
    hd_stream stream; /* of the CPU */
} remote_queue;

static inline void *remote_keep(remote_item *item, const void *host, size_t size) {
    if (!host) return NULL;
    if (item->copy_count == REMOTE_COPIES) abort();
    void *copy = malloc(size + 1);
    if (size) memcpy(copy, host, size);
    item->copies[item->copy_count++] = copy;
    return copy;
}

static inline remote_item *remote_item_new(void (*run)(hd_stream *, const void *), const void *call, size_t size) {
    remote_item *item = calloc(1, sizeof *item);
    item->run = run;
    remote_translate(remote_keep(item, call, size), size);
    return item;
}

static inline void remote_post(hd_stream *stream, remote_item *item) {
    remote_queue *queue = stream->queue;
    pthread_mutex_lock(&queue->lock);
    *queue->end = item;
    queue->end = &item->next;
    pthread_mutex_unlock(&queue->lock);
}

static inline void remote_run(remote_queue *queue, remote_item *item) {
    item->run(&queue->stream, item->copies[0]);
    for (int i = 0; i < item->copy_count; i++) free(item->copies[i]);
    free(item);
}

static inline void *remote_execute(void *argument) {
    remote_queue *queue = argument;
    pthread_mutex_lock(&queue->lock);
    for (;;) {
        while (!queue->running && !queue->closing) pthread_cond_wait(&queue->changed, &queue->lock);
        remote_item *item = queue->first;
        if (item) {
            queue->first = item->next;
            if (!queue->first) queue->end = &queue->first;
            pthread_mutex_unlock(&queue->lock);
            remote_run(queue, item);
            pthread_mutex_lock(&queue->lock);
            continue;
        }
        queue->running = false;
        pthread_cond_broadcast(&queue->changed);
        if (queue->closing) break;
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

static inline heed_status remote_open(hd_stream *stream) {
    remote_map();
    remote_queue *queue = calloc(1, sizeof *queue);
    queue->end = &queue->first;
    queue->context = hd_context_fork(stream->context, 1);
    queue->context.device = &hd_device_cpu;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    stream->queue = queue;
    if (hd_stream_open(&queue->stream, &queue->context, &queue->status) != HEED_OK) abort();
    if (pthread_create(&queue->executor, NULL, remote_execute, queue) != 0) abort();
    return HEED_OK;
}

static inline void remote_wait(hd_stream *stream) {
    remote_queue *queue = stream->queue;
    pthread_mutex_lock(&queue->lock);
    queue->running = true;
    pthread_cond_broadcast(&queue->changed);
    while (queue->running) pthread_cond_wait(&queue->changed, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    if (queue->status == HEED_OK) return;
    hd_fail_as(stream->context, &queue->context, queue->status);
    hd_stream_fail(stream, queue->status);
    queue->status = HEED_OK;
}

static inline void remote_close(hd_stream *stream) {
    remote_queue *queue = stream->queue;
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->executor, NULL);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->changed);
    hd_stream_close(&queue->stream);
    free(queue);
}

static inline void remote_run_free(hd_stream *stream, const void *call) {
    (void)stream, (void)call;
    remote.live--;
}

static inline void remote_free(hd_stream *stream, void *memory) {
    if (memory) remote_post(stream, remote_item_new(remote_run_free, &memory, sizeof memory));
}

typedef struct remote_bytes {
    size_t bytes;
    const void *from;
    void *to;
} remote_bytes;

static inline void remote_run_upload(hd_stream *stream, const void *call) {
    (void)stream;
    const remote_bytes *copy = call;
    if (copy->bytes) memcpy(copy->to, copy->from, copy->bytes);
}

static inline void remote_upload(hd_stream *stream, size_t bytes, const void *host, void *memory) {
    remote_item *item = remote_item_new(remote_run_upload, &(remote_bytes){bytes, NULL, memory}, sizeof(remote_bytes));
    ((remote_bytes *)item->copies[0])->from = remote_keep(item, host, bytes);
    remote_post(stream, item);
}

static inline void remote_download(hd_stream *stream, size_t bytes, const void *memory, void *host) {
    remote_wait(stream);
    remote.downloaded += bytes;
    if (bytes) memcpy(host, remote_readable(memory), bytes);
}

/* Data that is being written by queued calls must have been waited for. */
static inline heed_status remote_pack(heed_context *context, hd_arena *arena, const hd_pack_call *call) {
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < call->count && status == HEED_OK; i++) {
        hd_parameter *parameter = call->parameters[i], readable = *parameter, *only = &readable;
        readable.data = remote_readable(parameter->data);
        status = hd_device_cpu.pack(context, arena, &(hd_pack_call){&only, 1, call->release});
        parameter->packed = readable.packed;
        parameter->packed_stale = readable.packed_stale;
    }
    return status;
}

static inline int64_t remote_operand_count(const hd_parameter *weight, hd_operand operand, int64_t rows,
                                           int64_t columns) {
    return hd_device_cpu.operand_count(weight, operand, rows, columns);
}

/* ---- what calls point to ---- */

static inline void remote_keep_layout(remote_item *item, hd_layout *layout) {
    size_t n = (size_t)layout->sequences;
    layout->starts = remote_keep(item, layout->starts, (n + 1) * sizeof *layout->starts);
    layout->examples = remote_keep(item, layout->examples, n * sizeof *layout->examples);
    layout->positions = remote_keep(item, layout->positions, n * sizeof *layout->positions);
}

static inline void remote_keep_chunks(remote_item *item, hd_chunks *chunks) {
    chunks->starts = remote_keep(item, chunks->starts, (size_t)(chunks->count + 1) * sizeof *chunks->starts);
}

/* An array of structs or pointers with device addresses in them. */
static inline void *remote_keep_addresses(remote_item *item, const void *host, size_t size) {
    void *copy = remote_keep(item, host, size);
    if (copy) remote_translate(copy, size);
    return copy;
}

static inline const hd_parameter *remote_keep_parameter(remote_item *item, const hd_parameter *parameter) {
    return remote_keep_addresses(item, parameter, sizeof *parameter);
}

static inline const hd_keys *remote_keep_keys(remote_item *item, const hd_keys *cached, int64_t sequences) {
    hd_keys *copy = remote_keep_addresses(item, cached, (size_t)sequences * sizeof *copy);
    for (int64_t s = 0; copy && s < sequences; s++)
        copy[s].index = remote_keep(item, copy[s].index, (size_t)copy[s].keys * sizeof *copy[s].index);
    return copy;
}

static inline void remote_keep_attention(remote_item *item, hd_attention_call *c) {
    size_t sequences = (size_t)c->queries.sequences;
    remote_keep_layout(item, &c->queries);
    if (!c->cached) remote_keep_layout(item, &c->keys);
    c->weights = remote_keep_addresses(item, c->weights, sequences * (size_t)c->heads * sizeof *c->weights);
    c->cached = remote_keep_keys(item, c->cached, c->queries.sequences);
}

static inline void remote_keep_additive(remote_item *item, hd_additive_attention_call *c) {
    size_t sequences = (size_t)c->queries.sequences;
    remote_keep_layout(item, &c->queries);
    remote_keep_layout(item, &c->keys);
    c->weights = remote_keep_addresses(item, c->weights, sequences * sizeof *c->weights);
}

static inline void remote_keep_relative(remote_item *item, hd_relative_scores_call *c) {
    remote_keep_layout(item, &c->queries);
    remote_keep_layout(item, &c->keys);
    c->table_index = remote_keep(item, c->table_index, (size_t)(2 * c->farthest + 1) * sizeof *c->table_index);
}

static inline void remote_keep_copies(remote_item *item, hd_add_copies_call *c) {
    remote_keep_layout(item, &c->rows);
    remote_keep_layout(item, &c->sources);
    c->ids = remote_keep(item, c->ids, (size_t)hd_layout_rows(&c->sources) * sizeof *c->ids);
}

static inline void remote_keep_best(remote_item *item, hd_best_tokens_call *c) {
    hd_best_row *rows = remote_keep_addresses(item, c->row, (size_t)c->rows * sizeof *rows);
    for (int64_t i = 0; rows && i < c->rows; i++)
        rows[i].allowed =
            remote_keep(item, rows[i].allowed, (size_t)(c->vocabulary + 63) / 64 * sizeof *rows[i].allowed);
    c->row = rows;
}

/* REMOTE(name, …): the call that queues hd_device_cpu.name; the statements copy what *c points to in host memory. */
#define REMOTE(name, ...)                                                                                           \
    static inline void remote_run_##name(hd_stream *stream, const void *call) { hd_device_cpu.name(stream, call); } \
    static inline void remote_##name(hd_stream *stream, const hd_##name##_call *call) {                             \
        remote_item *item = remote_item_new(remote_run_##name, call, sizeof *call);                                 \
        hd_##name##_call *c = item->copies[0];                                                                      \
        (void)c;                                                                                                    \
        __VA_ARGS__;                                                                                                \
        remote_post(stream, item);                                                                                  \
    }
#define KEEP_IDS(field, count) c->field = remote_keep(item, c->field, (size_t)(count) * sizeof *c->field)
#define KEEP_PARAMETER(field)  c->field = remote_keep_parameter(item, c->field)

REMOTE(zero)
REMOTE(add)
REMOTE(accumulate, c->parts = remote_keep_addresses(item, c->parts, (size_t)c->part_count * sizeof *c->parts))
REMOTE(scale)
REMOTE(multiply)
REMOTE(activate)
REMOTE(activate_backward)
REMOTE(adam)
REMOTE(sum_of_squares)
REMOTE(find_non_finite)
REMOTE(copy)
REMOTE(move)
REMOTE(gather, KEEP_IDS(rows, c->count))
REMOTE(scatter, KEEP_IDS(rows, c->count))
REMOTE(sum_rows, remote_keep_chunks(item, &c->chunks))
REMOTE(dropout_add, remote_keep_layout(item, &c->layout))
REMOTE(rotate, remote_keep_layout(item, &c->layout))
REMOTE(norm)
REMOTE(norm_backward)
REMOTE(norm_gradient, remote_keep_chunks(item, &c->chunks))
REMOTE(mean, remote_keep_layout(item, &c->layout))
REMOTE(mean_backward, remote_keep_layout(item, &c->layout))
REMOTE(repeat_heads)
REMOTE(repeat_heads_backward)
REMOTE(embed, KEEP_IDS(ids, c->rows); KEEP_PARAMETER(table))
REMOTE(embed_backward, KEEP_IDS(ids, c->rows); remote_keep_chunks(item, &c->chunks))
REMOTE(add_positions, remote_keep_layout(item, &c->layout); KEEP_PARAMETER(table))
REMOTE(add_positions_backward, remote_keep_layout(item, &c->layout); remote_keep_chunks(item, &c->chunks))
REMOTE(make_operand, KEEP_PARAMETER(weight))
REMOTE(product, KEEP_PARAMETER(weight))
REMOTE(input_gradient, KEEP_PARAMETER(weight))
REMOTE(weight_gradient, KEEP_PARAMETER(weight); remote_keep_chunks(item, &c->chunks))
REMOTE(cache_keys, remote_keep_layout(item, &c->layout);
       c->cached = remote_keep_keys(item, c->cached, c->layout.sequences))
REMOTE(attention, remote_keep_attention(item, c))
REMOTE(attention_backward, remote_keep_attention(item, &c->forward); remote_keep_chunks(item, &c->chunks))
REMOTE(additive_attention, remote_keep_additive(item, c))
REMOTE(additive_attention_backward, remote_keep_additive(item, &c->forward))
REMOTE(relative_scores, remote_keep_relative(item, c))
REMOTE(relative_scores_backward, remote_keep_relative(item, &c->forward); remote_keep_chunks(item, &c->chunks))
REMOTE(pair_scores, remote_keep_layout(item, &c->queries); remote_keep_layout(item, &c->keys))
REMOTE(pair_scores_backward, remote_keep_layout(item, &c->forward.queries); remote_keep_layout(item, &c->forward.keys))
REMOTE(add_copies, remote_keep_copies(item, c))
REMOTE(add_copies_backward, remote_keep_copies(item, &c->forward))
REMOTE(cell, KEEP_IDS(rows, c->count))
REMOTE(cell_backward, KEEP_IDS(rows, c->count); KEEP_IDS(previous, c->count); KEEP_IDS(order, c->count))
REMOTE(cross_entropy, KEEP_IDS(targets, c->rows); remote_keep_chunks(item, &c->chunks))
REMOTE(crf_loss, remote_keep_layout(item, &c->field.layout); KEEP_IDS(targets, hd_layout_rows(&c->field.layout));
       remote_keep_chunks(item, &c->chunks))
REMOTE(ends_loss, remote_keep_layout(item, &c->layout); KEEP_IDS(targets, 2 * c->layout.sequences);
       remote_keep_chunks(item, &c->chunks))
REMOTE(crf_best, remote_keep_layout(item, &c->field.layout))
REMOTE(best_tokens, remote_keep_best(item, c); KEEP_IDS(changes, c->change_starts[c->rows]);
       KEEP_IDS(change_starts, c->rows + 1))
REMOTE(dot_rows)
REMOTE(nearest_rows)

#define REMOTE_ENTRY(name) .name = remote_##name,

static const hd_device remote_device = {.name = "remote",
                                        .logits_at_once = 1024,
                                        .open = remote_open,
                                        .close = remote_close,
                                        .wait = remote_wait,
                                        .alloc = remote_alloc,
                                        .free = remote_free,
                                        .upload = remote_upload,
                                        .download = remote_download,
                                        .pack = remote_pack,
                                        .operand_count = remote_operand_count,
                                        HD_DEVICE_CALLS(REMOTE_ENTRY)};

#endif
