/* An allocator that fails on demand and counts blocks: a call runs with the first allocation failing, then the second, and so
 * on until it succeeds; no failure may leak. */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

#include <stdlib.h>

#include "fixture.h"

typedef struct failing_allocator {
    long left; /* allocations that still succeed; below 0 all do */
    long held; /* blocks not yet freed */
} failing_allocator;

static inline void *failing_resize(void *user, void *pointer, size_t size) {
    failing_allocator *allocator = user;
    if (size == 0) {
        if (pointer) allocator->held--;
        free(pointer);
        return NULL;
    }
    if (allocator->left == 0) return NULL;
    if (allocator->left > 0) allocator->left--;
    void *result = realloc(pointer, size);
    if (result && !pointer) allocator->held++;
    return result;
}

/* Runs `work` with the nth allocation failing for n = 0, 1, … until it returns HEED_OK; every failure must be
 * HEED_MEMORY and leak nothing. `work` closes what it opened in either case. */
static inline void fail_each_allocation(heed_status (*work)(heed_context *context)) {
    for (long n = 0;; n++) {
        assert_true(n < 10000);
        failing_allocator allocator = {.left = -1};
        heed_context *context = NULL;
        assert_int_equal(heed_context_open_with(failing_resize, &allocator, &context), HEED_OK);
        long before = allocator.held;
        allocator.left = n;
        heed_status status = work(context);
        allocator.left = -1;
        assert_int_equal(allocator.held, before);
        if (status != HEED_OK) assert_int_equal(status, HEED_MEMORY);
        heed_context_close(context);
        if (status == HEED_OK) return;
    }
}

#endif
