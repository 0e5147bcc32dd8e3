#include "text/bpe.h"

#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

/* Words of at most this many symbols are merged by looking through all pairs each time; longer ones with a heap. */
enum { SHORT_WORD = 24 };

void hd_bpe_open(hd_bpe *bpe, heed_context *context) { *bpe = (hd_bpe){.context = context, .unknown = -1}; }

void hd_bpe_close(hd_bpe *bpe) {
    hd_free(bpe->context, bpe->merges);
    hd_free(bpe->context, bpe->pairs);
    hd_free(bpe->context, bpe->letters);
    hd_free(bpe->context, bpe->prefix);
    hd_free(bpe->context, bpe->suffix);
    hd_bpe_open(bpe, bpe->context);
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

heed_status hd_bpe_add_merge(hd_bpe *bpe, hd_merge merge) {
    if (!hd_grow(bpe->context, &bpe->merges, &bpe->merge_capacity, bpe->merge_count + 1, sizeof merge))
        return HEED_MEMORY;
    bpe->merges[bpe->merge_count++] = merge;
    return HEED_OK;
}

static size_t pair_slot(const hd_bpe *bpe, int32_t left, int32_t right) {
    size_t mask = bpe->pair_slots - 1;
    size_t slot = (size_t)hd_mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right) & mask;
    while (bpe->pairs[slot].left >= 0 && (bpe->pairs[slot].left != left || bpe->pairs[slot].right != right))
        slot = (slot + 1) & mask;
    return slot;
}

/* The merge of a pair, or NULL. */
static const hd_pair_entry *find_pair(const hd_bpe *bpe, int32_t left, int32_t right) {
    const hd_pair_entry *entry = &bpe->pairs[pair_slot(bpe, left, right)];
    return entry->left < 0 ? NULL : entry;
}

/* A character in the place that it has in its word, which decides what stands around it in the vocabulary. */
enum { CONTINUES = 1, ENDS = 2, PLACES = 4 };

static uint32_t letter_key(uint32_t code, int place) { return code * PLACES + (uint32_t)place; }

static size_t letter_slot(const hd_bpe *bpe, uint32_t key) {
    size_t mask = bpe->letter_slots - 1, slot = (size_t)hd_mix(key) & mask;
    while (bpe->letters[slot].id >= 0 && bpe->letters[slot].key != key) slot = (slot + 1) & mask;
    return slot;
}

/* A power of two at least twice as large as what goes in, so that a probe always ends. */
static size_t slots_for(size_t count) {
    size_t slots = 16;
    while (slots < count * 2) slots *= 2;
    return slots;
}

/* The one character that a token is in this place of a word; false when it is none. */
static bool letter_of(const hd_bpe *bpe, int place, const char *text, size_t size, uint32_t *code) {
    const char *prefix = place & CONTINUES ? bpe->prefix : "", *suffix = place & ENDS ? bpe->suffix : "";
    if (!prefix || !suffix) return false; /* without them a place is like any other */
    size_t before = strlen(prefix), behind = strlen(suffix);
    if (size <= before + behind || memcmp(text, prefix, before) != 0 ||
        memcmp(text + size - behind, suffix, behind) != 0)
        return false;
    size -= before + behind;
    return hd_utf8_decode(text + before, size, code) == size;
}

static heed_status make_letters(hd_bpe *bpe, const hd_vocabulary *vocabulary) {
    bpe->letter_slots = slots_for(vocabulary->present * (bpe->prefix || bpe->suffix ? PLACES : 1));
    bpe->letters = hd_alloc(bpe->context, bpe->letter_slots, sizeof *bpe->letters);
    if (!bpe->letters) return HEED_MEMORY;
    for (size_t i = 0; i < bpe->letter_slots; i++) bpe->letters[i].id = -1;
    for (size_t id = 0; id < vocabulary->count; id++) {
        hd_token token = vocabulary->tokens[id];
        uint32_t code;
        for (int place = 0; place < PLACES && token.present && token.model; place++) {
            if (!letter_of(bpe, place, hd_vocabulary_text(vocabulary, (int32_t)id), token.size, &code)) continue;
            uint32_t key = letter_key(code, place);
            bpe->letters[letter_slot(bpe, key)] = (struct hd_letter){key, (int32_t)id};
        }
    }
    return HEED_OK;
}

static int32_t find_letter(const hd_bpe *bpe, uint32_t code, bool continues, bool ends) {
    int place = (continues && bpe->prefix ? CONTINUES : 0) | (ends && bpe->suffix ? ENDS : 0);
    return bpe->letters[letter_slot(bpe, letter_key(code, place))].id;
}

heed_status hd_bpe_finish(hd_bpe *bpe, const hd_vocabulary *vocabulary) {
    bpe->pair_slots = slots_for(bpe->merge_count);
    bpe->pairs = hd_alloc(bpe->context, bpe->pair_slots, sizeof *bpe->pairs);
    if (!bpe->pairs) return HEED_MEMORY;
    for (size_t i = 0; i < bpe->pair_slots; i++) bpe->pairs[i].left = -1;
    for (size_t rank = 0; rank < bpe->merge_count; rank++) {
        hd_merge merge = bpe->merges[rank]; /* of a pair that is listed twice the last rank counts */
        bpe->pairs[pair_slot(bpe, merge.left, merge.right)] =
            (hd_pair_entry){merge.left, merge.right, (int32_t)rank, merge.id};
    }
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        int size = snprintf(text, sizeof text, "<0x%02X>", byte);
        bpe->bytes[byte] = hd_vocabulary_find_model(vocabulary, text, (size_t)size);
    }
    return make_letters(bpe, vocabulary);
}

/* ---- a word's first symbols ----------------------------------------------------------------------------------- */

/* There is room: the caller reserved four symbols a character. */
static void add_symbol(hd_word_room *room, int32_t id, size_t first, size_t count) {
    uint32_t place = (uint32_t)room->count;
    room->symbols[room->count++] =
        (hd_symbol){id, (uint32_t)first, (uint32_t)count, place ? place - 1 : HD_NO_SYMBOL, place + 1};
}

/* The bytes of a character as tokens; false when one of them has none. */
static bool add_bytes(const hd_bpe *bpe, hd_word_room *room, uint32_t code, size_t place) {
    char bytes[4];
    size_t size = hd_utf8_encode(code, bytes);
    for (size_t i = 0; i < size; i++)
        if (bpe->bytes[(uint8_t)bytes[i]] < 0) return false;
    for (size_t i = 0; i < size; i++) add_symbol(room, bpe->bytes[(uint8_t)bytes[i]], place, 1);
    return true;
}

static heed_status add_symbols(const hd_bpe *bpe, const hd_character *word, size_t count, hd_word_room *room) {
    size_t most;
    if (!hd_multiply(count, bpe->byte_fallback ? 4 : 1, &most) || most >= HD_NO_SYMBOL)
        return hd_fail(room->context, HEED_LENGTH, "a word of %zu characters is too long", count);
    room->count = 0;
    if (!hd_grow(room->context, &room->symbols, &room->symbol_capacity, most, sizeof *room->symbols))
        return HEED_MEMORY;
    size_t unknown_first = 0, unknown_count = 0; /* unknown characters that wait to be written */
    for (size_t i = 0; i < count; i++) {
        int32_t id = find_letter(bpe, word[i].code, i > 0, i + 1 == count);
        /* As in tokenizers, bytes overtake an unknown character that waits; only a vocabulary that has some of the
         * 256 bytes and not the others can tell. */
        if (id < 0 && bpe->byte_fallback && add_bytes(bpe, room, word[i].code, i)) continue;
        if (id < 0 && bpe->unknown < 0) continue;
        if (unknown_count && (id >= 0 || !bpe->fuse_unknown)) {
            add_symbol(room, bpe->unknown, unknown_first, unknown_count);
            unknown_count = 0;
        }
        if (id >= 0) {
            add_symbol(room, id, i, 1);
        } else {
            if (unknown_count == 0) unknown_first = i;
            unknown_count++;
        }
    }
    if (unknown_count) add_symbol(room, bpe->unknown, unknown_first, unknown_count);
    if (room->count) room->symbols[room->count - 1].next = HD_NO_SYMBOL;
    return HEED_OK;
}

/* ---- merging -------------------------------------------------------------------------------------------------- */

static void merge_short(const hd_bpe *bpe, hd_word_room *room) {
    hd_symbol *symbols = room->symbols;
    const hd_pair_entry *pairs[SHORT_WORD]; /* pairs[i]: the merge of symbols i and i + 1, or NULL */
    size_t count = room->count;
    for (size_t i = 0; i + 1 < count; i++) pairs[i] = find_pair(bpe, symbols[i].id, symbols[i + 1].id);
    while (count > 1) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i + 1 < count; i++)
            if (pairs[i] && (best == SIZE_MAX || pairs[i]->rank < pairs[best]->rank)) best = i;
        if (best == SIZE_MAX) break;
        symbols[best].id = pairs[best]->id;
        symbols[best].count += symbols[best + 1].count;
        count--;
        for (size_t i = best + 1; i < count; i++) symbols[i] = symbols[i + 1];
        for (size_t i = best + 1; i + 1 < count; i++) pairs[i] = pairs[i + 1];
        if (best > 0) pairs[best - 1] = find_pair(bpe, symbols[best - 1].id, symbols[best].id);
        if (best + 1 < count) pairs[best] = find_pair(bpe, symbols[best].id, symbols[best + 1].id);
    }
    room->count = count;
}

static bool comes_before(hd_candidate a, hd_candidate b) {
    return a.rank != b.rank ? a.rank < b.rank : a.position < b.position;
}

static bool push(hd_word_room *room, hd_candidate candidate) {
    if (!hd_grow(room->context, &room->heap, &room->heap_capacity, room->heap_count + 1, sizeof candidate))
        return false;
    size_t place = room->heap_count++;
    while (place > 0 && comes_before(candidate, room->heap[(place - 1) / 2])) {
        room->heap[place] = room->heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    room->heap[place] = candidate;
    return true;
}

static hd_candidate pop(hd_word_room *room) {
    hd_candidate top = room->heap[0], last = room->heap[--room->heap_count];
    size_t place = 0;
    for (;;) {
        size_t child = place * 2 + 1;
        if (child >= room->heap_count) break;
        if (child + 1 < room->heap_count && comes_before(room->heap[child + 1], room->heap[child])) child++;
        if (!comes_before(room->heap[child], last)) break;
        room->heap[place] = room->heap[child];
        place = child;
    }
    if (room->heap_count) room->heap[place] = last;
    return top;
}

/* Queues the merge, if there is one, of the symbol at `position` with the one after it. */
static bool consider(const hd_bpe *bpe, hd_word_room *room, uint32_t position) {
    const hd_symbol *left = &room->symbols[position];
    if (left->next == HD_NO_SYMBOL) return true;
    const hd_pair_entry *pair = find_pair(bpe, left->id, room->symbols[left->next].id);
    return !pair || push(room, (hd_candidate){pair->rank, pair->id, position});
}

/* Joins what the candidate names, unless a merge since then has changed it. */
static bool join(const hd_bpe *bpe, hd_word_room *room, hd_candidate candidate) {
    hd_symbol *left = &room->symbols[candidate.position];
    if (left->id < 0 || left->next == HD_NO_SYMBOL) return true;
    hd_symbol *right = &room->symbols[left->next];
    const hd_pair_entry *pair = find_pair(bpe, left->id, right->id);
    if (!pair || pair->id != candidate.id) return true;
    left->id = pair->id;
    left->count += right->count;
    left->next = right->next;
    right->id = -1;
    if (left->next != HD_NO_SYMBOL) room->symbols[left->next].previous = candidate.position;
    return (left->previous == HD_NO_SYMBOL || consider(bpe, room, left->previous)) &&
           consider(bpe, room, candidate.position);
}

static bool restore_skipped(hd_word_room *room) {
    while (room->skipped_count)
        if (!push(room, room->skipped[--room->skipped_count])) return false;
    return true;
}

static bool skip(hd_word_room *room, hd_candidate candidate) {
    if (!hd_grow(room->context, &room->skipped, &room->skipped_capacity, room->skipped_count + 1, sizeof candidate))
        return false;
    room->skipped[room->skipped_count++] = candidate;
    return true;
}

static heed_status merge_long(const hd_bpe *bpe, const hd_bpe_dropout *dropout, hd_word_room *room) {
    room->heap_count = room->skipped_count = 0;
    for (uint32_t i = 0; i < room->count; i++)
        if (!consider(bpe, room, i)) return HEED_MEMORY;
    for (uint32_t draw = 0; room->heap_count; draw++) {
        hd_candidate candidate = pop(room);
        if (dropout && hd_random_uniform(dropout->key, draw, dropout->word, dropout->sentence) < dropout->probability) {
            if (!skip(room, candidate)) return HEED_MEMORY;
        } else if (!restore_skipped(room) || !join(bpe, room, candidate)) {
            return HEED_MEMORY;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < room->count; i++)
        if (room->symbols[i].id >= 0) room->symbols[kept++] = room->symbols[i];
    room->count = kept;
    return HEED_OK;
}

/* ignore_merges: a word that is a token is that token. */
static int32_t whole_word(const hd_vocabulary *vocabulary, const hd_character *word, size_t count, hd_word_room *room) {
    hd_buffer_clear(&room->text);
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        hd_buffer_append(&room->text, bytes, hd_utf8_encode(word[i].code, bytes));
    }
    return room->text.failed ? -1 : hd_vocabulary_find_model(vocabulary, room->text.data, room->text.size);
}

heed_status hd_bpe_encode(const hd_bpe *bpe, const hd_vocabulary *vocabulary, const hd_character *word, size_t count,
                          const hd_bpe_dropout *dropout, hd_word_room *room) {
    room->count = 0;
    if (count == 0) return HEED_OK;
    HD_TRY(add_symbols(bpe, word, count, room));
    if (bpe->ignore_merges && !dropout) {
        int32_t id = whole_word(vocabulary, word, count, room);
        if (room->text.failed) return HEED_MEMORY;
        if (id >= 0) {
            room->count = 0;
            HD_TRY(hd_grow(room->context, &room->symbols, &room->symbol_capacity, 1, sizeof *room->symbols)
                       ? HEED_OK
                       : HEED_MEMORY);
            add_symbol(room, id, 0, count);
            return HEED_OK;
        }
    }
    if (room->count <= SHORT_WORD && !dropout) {
        merge_short(bpe, room);
        return HEED_OK;
    }
    return merge_long(bpe, dropout, room);
}
