/* Shared by unit tests: cmocka with the headers that it needs, a context that fails the test if it cannot be opened, and
 * fingerprints of results that have the same bits on every machine. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/context.h"

static inline heed_context *open_context(void) {
    heed_context *context = NULL;
    if (heed_context_open(&context) != HEED_OK) fail_msg("%s", heed_context_message(context));
    return context;
}

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
