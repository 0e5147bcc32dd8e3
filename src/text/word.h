/* What a model makes of one word, and room to make it in. */
#ifndef HD_TEXT_WORD_H
#define HD_TEXT_WORD_H

#include "base/buffer.h"

/* One token of a word: characters [first, first + count) of it. */
typedef struct hd_symbol {
    int32_t id; /* -1: swallowed by its left neighbour */
    uint32_t first, count;
    uint32_t previous, next; /* symbols, while merges are looked for; HD_NO_SYMBOL at the ends */
} hd_symbol;
#define HD_NO_SYMBOL UINT32_MAX

/* A merge that may be made. */
typedef struct hd_candidate {
    int32_t rank, id;
    uint32_t position;
} hd_candidate;

/* Reused from word to word; one for each thread. */
typedef struct hd_word_room {
    heed_context *context;
    hd_symbol *symbols; /* the result of the last word, [count] */
    size_t count, symbol_capacity;
    hd_candidate *heap;
    size_t heap_count, heap_capacity;
    hd_candidate *skipped;
    size_t skipped_count, skipped_capacity;
    hd_buffer text;
} hd_word_room;

static inline void hd_word_room_open(hd_word_room *room, heed_context *context) {
    *room = (hd_word_room){.context = context};
    hd_buffer_open(&room->text, context);
}

static inline void hd_word_room_close(hd_word_room *room) {
    hd_free(room->context, room->symbols);
    hd_free(room->context, room->heap);
    hd_free(room->context, room->skipped);
    hd_buffer_close(&room->text);
    hd_word_room_open(room, room->context);
}

#endif
