/* Memory of the command itself. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/* Resizes as realloc does, but says so and exits when there is none. */
void *grow_memory(void *pointer, size_t count, size_t size);

#endif
