/* The context: the allocator, the log, the threads, the device and its kernels, and what went wrong last.
 * Every function that can fail takes one; the public handles (model, tokenizer, …) keep the one they were opened with. */
#ifndef HD_BASE_CONTEXT_H
#define HD_BASE_CONTEXT_H

#include <heed/heed.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hd_device;               /* device/device.h */
typedef struct hd_pool hd_pool; /* base/parallel.h */
struct hd_kernels;              /* device/cpu/kernels/kernels.h */

struct heed_context {
    heed_resize_function *resize; /* every allocation of heed's own goes through it */
    void *resize_user;
    heed_log_function *log;
    void *log_user;
    bool verbose;             /* the log also receives details */
    heed_stop_function *stop; /* NULL, or called now and then: whether a long call is to end */
    void *stop_user;
    int threads;
    hd_pool *pool;                    /* of the threads; shared by the contexts forked for one call */
    int64_t small_work;               /* operations; a parallel loop of fewer stays on the calling thread */
    bool bf16;                        /* products are computed in bfloat16 */
    bool special_as_text;             /* special tokens that a text spells are encoded as text */
    const struct hd_device *device;   /* where passes compute */
    const struct hd_kernels *kernels; /* of the CPU */
    heed_status status;               /* of the last failure */
    char message[4096];               /* of the last failure, one line, no newline */
};

/* A context for another thread: the parent's settings, with `threads` threads and a message of its own. */
static inline heed_context hd_context_fork(const heed_context *parent, int threads) {
    heed_context child = *parent;
    child.threads = threads;
    child.status = HEED_OK;
    child.message[0] = 0;
    return child;
}

/* A context for a worker thread inside a call. It has no log: a log is called by the thread that makes the call. */
static inline heed_context hd_context_worker(const heed_context *parent, int threads) {
    heed_context child = hd_context_fork(parent, threads);
    child.log = NULL;
    return child;
}

/* Records `status` and the formatted message, and returns `status`, so that a failing function ends in
 * `return hd_fail(context, HEED_FORMAT, "%s: …", path)`. Characters that must not reach a
 * terminal become '?' (hd_text_make_visible), here and in notes. */
heed_status hd_fail(heed_context *context, heed_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts `prefix` and ": " before the recorded message: the file or line that a lower module cannot know. */
heed_status hd_fail_in(heed_context *context, const char *prefix);

/* Records the failure of a forked context in `context` and returns its status. */
heed_status hd_fail_as(heed_context *context, const heed_context *forked, heed_status status);

/* A note for people (a warning, a choice made), one line; goes to the context's log function, if any. */
void hd_note(heed_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether long calls are to end (heed_context_set_stop). They then return hd_check_stop's HEED_STOPPED. */
static inline bool hd_is_stopped(const heed_context *context) {
    return context->stop && context->stop(context->stop_user);
}
heed_status hd_check_stop(heed_context *context);

/* `count * size` uninitialised bytes aligned for any scalar, or NULL with HEED_MEMORY recorded; checks the product.
 * A count or size of 0 gives a pointer that may be freed. */
void *hd_alloc(heed_context *context, size_t count, size_t size);
void *hd_alloc_zeroed(heed_context *context, size_t count, size_t size);
/* Resizes as realloc does; on failure the old block lives on. */
void *hd_resize(heed_context *context, void *pointer, size_t count, size_t size);
void hd_free(heed_context *context, void *pointer);
char *hd_copy_string(heed_context *context, const char *text);
char *hd_copy_bytes(heed_context *context, const char *bytes, size_t size); /* adds a final 0 */

/* Makes room for `needed` elements of `size` bytes in the growable array `*array` of `*capacity` elements,
 * doubling. False, with the message set, when memory ran out; the array is then as it was. */
bool hd_grow(heed_context *context, void *array, size_t *capacity, size_t needed, size_t size);

/* a * b and a + b, or false when the result does not fit: sizes that come from files go through these. */
static inline bool hd_multiply(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool hd_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

#define HD_TRY(expression)                      \
    do {                                        \
        heed_status hd_try_ = (expression);     \
        if (hd_try_ != HEED_OK) return hd_try_; \
    } while (0)

#define HD_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline int64_t hd_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hd_max(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
