/* Memory for the command (the library has its own allocator). */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/* Resizes like realloc; reports a failure and exits. */
void *grow_memory(void *pointer, size_t count, size_t size);

#endif
