/* What unit tests share: cmocka with the headers it wants, and a context that fails the test if it cannot be opened. */
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

#endif
