#include "text/bpe_train.h"

#include <string.h>

void hd_word_counts_open(hd_word_counts *counts, heed_context *context) {
    *counts = (hd_word_counts){.context = context};
}

void hd_word_counts_close(hd_word_counts *counts) {
    hd_free(counts->context, counts->codes);
    hd_free(counts->context, counts->words);
    hd_free(counts->context, counts->table);
    hd_word_counts_open(counts, counts->context);
}

static uint64_t hash_codes(const int32_t *codes, size_t length) {
    uint64_t value = length;
    for (size_t i = 0; i < length; i++) value = (value ^ (uint32_t)codes[i]) * 0x100000001b3ull;
    return hd_mix(value);
}

/* The slot of the word, or the empty slot for it. */
static size_t slot_of(const hd_word_counts *counts, const int32_t *codes, size_t length) {
    size_t mask = counts->slots - 1, slot = (size_t)hash_codes(codes, length) & mask;
    for (;; slot = (slot + 1) & mask) {
        if (counts->table[slot] == 0) return slot;
        struct hd_counted_word word = counts->words[counts->table[slot] - 1];
        if (word.length == length && memcmp(counts->codes + word.first, codes, length * sizeof *codes) == 0)
            return slot;
    }
}

static heed_status make_room(hd_word_counts *counts) {
    if (counts->count * 2 < counts->slots) return HEED_OK;
    size_t slots = counts->slots ? counts->slots * 2 : 4096;
    uint32_t *table = hd_alloc_zeroed(counts->context, slots, sizeof *table);
    if (!table) return HEED_MEMORY;
    hd_free(counts->context, counts->table);
    counts->table = table;
    counts->slots = slots;
    for (size_t i = 0; i < counts->count; i++)
        table[slot_of(counts, counts->codes + counts->words[i].first, counts->words[i].length)] = (uint32_t)i + 1;
    return HEED_OK;
}

heed_status hd_word_counts_add(hd_word_counts *counts, const hd_character *word, size_t length) {
    if (length == 0) return HEED_OK;
    if (counts->count >= UINT32_MAX - 1) return hd_fail(counts->context, HEED_LENGTH, "too many distinct words");
    HD_TRY(make_room(counts));
    /* The word is appended, and kept if it is new. */
    size_t first = counts->code_count;
    if (!hd_grow(counts->context, &counts->codes, &counts->code_capacity, first + length, sizeof *counts->codes))
        return HEED_MEMORY;
    for (size_t i = 0; i < length; i++) counts->codes[first + i] = (int32_t)word[i].code;
    size_t slot = slot_of(counts, counts->codes + first, length);
    if (counts->table[slot]) {
        counts->words[counts->table[slot] - 1].count++;
        return HEED_OK;
    }
    if (!hd_grow(counts->context, &counts->words, &counts->capacity, counts->count + 1, sizeof *counts->words))
        return HEED_MEMORY;
    counts->words[counts->count++] = (struct hd_counted_word){first, (uint32_t)length, 1};
    counts->code_count += length;
    counts->table[slot] = (uint32_t)counts->count;
    return HEED_OK;
}
