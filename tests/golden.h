/* Text that a test computes, compared to the byte with a file of tests/golden. With HEED_WRITE_GOLDEN=1 in the environment the
 * test writes the file instead; look at what changed before it is committed. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "fixture.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

/* `name` is "pictures/curves.txt". The buffer is empty afterwards. */
static inline void assert_golden(const char *name, hd_buffer *found) {
    char path[512];
    hd_buffer golden;
    heed_context *context = found->context;
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    assert_false(found->failed);
    hd_buffer_open(&golden, context);
    if (getenv("HEED_WRITE_GOLDEN")) assert_ok(context, hd_file_write(context, path, found->data, found->size));
    assert_ok(context, hd_file_read(context, path, &golden));
    size_t at = 0, most = golden.size < found->size ? golden.size : found->size;
    while (at < most && golden.data[at] == found->data[at]) at++;
    if (at < most || golden.size != found->size) {
        size_t from = at > 60 ? at - 60 : 0;
        fail_msg("%s: byte %zu of %zu differs:\n…%.160s\nexpected\n…%.160s", name, at, found->size, found->data + from,
                 golden.data + from);
    }
    hd_buffer_close(&golden);
    hd_buffer_clear(found);
}

#endif
