#include "base/arena.h"

#include <string.h>

enum { ALIGNMENT = 64, SMALLEST_BLOCK = 1 << 16, LARGEST_STEP = 1 << 24 };

struct hd_arena_block {
    hd_arena_block *next;
    size_t capacity;
    void *memory; /* from the arena's own source; NULL: data is inside this allocation */
    char *data;   /* aligned */
};

void hd_arena_open(hd_arena *arena, heed_context *context) { *arena = (hd_arena){.context = context}; }

static hd_arena_block *new_block(hd_arena *arena, size_t bytes) {
    /* Blocks double up to 16 MiB, so that a small model costs little and a large one few allocations. */
    size_t capacity = arena->current ? arena->current->capacity * 2 : SMALLEST_BLOCK;
    if (capacity > LARGEST_STEP) capacity = LARGEST_STEP;
    if (capacity < bytes) capacity = bytes;
    if (capacity < arena->next_capacity) capacity = arena->next_capacity;
    arena->next_capacity = 0;
    bool elsewhere = arena->memory.alloc != NULL;
    size_t total = sizeof(hd_arena_block);
    if (!elsewhere && !hd_add(capacity, sizeof(hd_arena_block) + ALIGNMENT, &total)) total = SIZE_MAX;
    hd_arena_block *block = hd_alloc(arena->context, total, 1);
    if (!block) return NULL;
    block->memory = elsewhere ? arena->memory.alloc(arena->memory.user, capacity + ALIGNMENT) : NULL;
    if (elsewhere && !block->memory) {
        hd_free(arena->context, block);
        return NULL;
    }
    char *start = elsewhere ? block->memory : (char *)(block + 1);
    block->data = start + (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT;
    block->capacity = capacity;
    return block;
}

void *hd_arena_alloc(hd_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!hd_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX - ALIGNMENT) {
        hd_fail(arena->context, HEED_MEMORY, "%zu elements of %zu bytes are more than memory can hold", count, size);
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    while (!arena->current || arena->current->capacity - arena->used < bytes) {
        hd_arena_block **next = arena->current ? &arena->current->next : &arena->first;
        /* If the next block is missing or too small, insert a new one before it. */
        if (!*next || (*next)->capacity < bytes) {
            hd_arena_block *block = new_block(arena, bytes);
            if (!block) return NULL;
            block->next = *next;
            *next = block;
        }
        arena->filled += arena->used;
        arena->current = *next;
        arena->used = 0;
    }
    void *result = arena->current->data + arena->used;
    arena->used += bytes;
    return result;
}

hd_arena_mark hd_arena_here(const hd_arena *arena) {
    return (hd_arena_mark){arena->current, arena->used, arena->filled};
}

void hd_arena_rewind(hd_arena *arena, hd_arena_mark mark) {
    arena->current = mark.block;
    arena->used = mark.used;
    arena->filled = mark.filled;
}

static void free_blocks(hd_arena *arena) {
    for (hd_arena_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        if (block->memory) arena->memory.free(arena->memory.user, block->memory);
        hd_free(arena->context, block);
    }
    arena->first = arena->current = NULL;
    arena->used = arena->filled = 0;
}

void hd_arena_reset(hd_arena *arena) {
    size_t used = arena->filled + arena->used;
    bool several = arena->current && arena->current != arena->first;
    if (several) free_blocks(arena);
    if (several) arena->next_capacity = used + used / 8;
    hd_arena_rewind(arena, (hd_arena_mark){NULL, 0, 0});
}

void hd_arena_close(hd_arena *arena) { free_blocks(arena); }

size_t hd_arena_size(const hd_arena *arena) {
    size_t total = 0;
    for (const hd_arena_block *block = arena->first; block; block = block->next) total += block->capacity;
    return total;
}
