/* Shared by unit tests: cmocka with the headers that it needs, a context that fails the test if it cannot be opened or if it
 * leaks memory, and fingerprints of results that have the same bits on every machine. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/context.h"

/* Contexts that count their blocks of memory: when the last one is closed, none may be left. */
enum { MOST_FIXTURE_CONTEXTS = 64 };
static struct {
    heed_context *open[MOST_FIXTURE_CONTEXTS];
    int count;
    _Atomic long blocks;
} fixture_memory;

static inline void *fixture_resize(void *user, void *block, size_t size) {
    (void)user;
    if (!size) {
        fixture_memory.blocks -= block != NULL;
        free(block);
        return NULL;
    }
    void *result = realloc(block, size);
    fixture_memory.blocks += result && !block;
    return result;
}

static inline heed_context *open_context(void) {
    heed_context *context = NULL;
    assert_true(fixture_memory.count < MOST_FIXTURE_CONTEXTS);
    if (heed_context_open_with(fixture_resize, NULL, &context) != HEED_OK)
        fail_msg("%s", heed_context_message(context));
    fixture_memory.open[fixture_memory.count++] = context;
    return context;
}

static inline void close_context(heed_context *context) {
    int i = 0;
    while (i < fixture_memory.count && fixture_memory.open[i] != context) i++;
    heed_context_close(context);
    if (i == fixture_memory.count) return; /* opened otherwise */
    fixture_memory.open[i] = fixture_memory.open[--fixture_memory.count];
    if (!fixture_memory.count && fixture_memory.blocks)
        fail_msg("%ld blocks of memory are left", (long)fixture_memory.blocks);
}
#define heed_context_close(context) close_context(context)

/* The call succeeds, or the test fails with the library's message. */
#define assert_ok(context, call)                                                         \
    do {                                                                                 \
        if ((call) != HEED_OK) fail_msg("%s: %s", #call, heed_context_message(context)); \
    } while (0)

/* FNV-1a, continued from the bytes before; start from FINGERPRINT_OF_NOTHING. */
#define FINGERPRINT_OF_NOTHING 0xcbf29ce484222325u
static inline uint64_t fingerprint(uint64_t before, const void *data, size_t size) {
    for (const unsigned char *byte = data, *end = byte + size; byte < end; byte++)
        before = (before ^ *byte) * 0x100000001b3u;
    return before;
}
/* `expected` is the result on x86-64 and on AArch64, with each of their instruction sets. A change of bits on purpose replaces
 * it, and the commit says so. */
#define assert_fingerprint(found, expected)                                                                        \
    do {                                                                                                           \
        uint64_t found_ = found;                                                                                   \
        if (found_ != (expected)) fail_msg("the bits are 0x%016llxu, not " #expected, (unsigned long long)found_); \
    } while (0)

#endif
