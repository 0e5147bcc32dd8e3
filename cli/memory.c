#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

void *grow_memory(void *pointer, size_t count, size_t size) {
    void *result = reallocarray(pointer, count ? count : 1, size);
    if (result) return result;
    fputs("heed: out of memory\n", stderr);
    exit(1);
}
