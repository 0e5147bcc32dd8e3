/* An arena: memory blocks that are filled in order and freed at once. Weights, sessions and passes have one each. */
#ifndef HD_BASE_ARENA_H
#define HD_BASE_ARENA_H

#include "base/context.h"

typedef struct hd_arena_block hd_arena_block;

/* Where an arena's blocks come from when it is not the context's allocator: the memory need not be readable here. */
typedef struct hd_arena_memory {
    void *(*alloc)(void *user, size_t bytes); /* NULL, with the context's message set, when there is none */
    void (*free)(void *user, void *memory);
    void *user;
} hd_arena_memory;

typedef struct hd_arena {
    heed_context *context;
    hd_arena_memory memory;  /* zeros: blocks come from the context's allocator */
    hd_arena_block *first;   /* in order of use */
    hd_arena_block *current; /* the one being filled */
    size_t used;             /* bytes of `current` in use */
    size_t filled;           /* bytes used of the blocks before it */
    size_t next_capacity;    /* least capacity of the next block: all that was used before the last reset */
} hd_arena;

/* A position in an arena to rewind to. */
typedef struct hd_arena_mark {
    hd_arena_block *block;
    size_t used, filled;
} hd_arena_mark;

void hd_arena_open(hd_arena *arena, heed_context *context);
/* `count * size` uninitialised bytes aligned to 64, or NULL with the context's message set. */
void *hd_arena_alloc(hd_arena *arena, size_t count, size_t size);
hd_arena_mark hd_arena_here(const hd_arena *arena);
/* Frees all that was allocated since `mark`; the blocks are kept for reuse. */
void hd_arena_rewind(hd_arena *arena, hd_arena_mark mark);
/* Frees everything. Several blocks are replaced by one of their total size, so that rounds of different sizes, such as
 * the passes of a training run, soon use one block without calls of the allocator. */
void hd_arena_reset(hd_arena *arena);
void hd_arena_close(hd_arena *arena);
/* Bytes allocated by the arena. */
size_t hd_arena_size(const hd_arena *arena);

#endif
