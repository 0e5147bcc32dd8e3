#include "text/bpe.h"

#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

/* Words of at most this many symbols are merged by a linear search per merge, longer ones with a heap. */
enum { SHORT_WORD = 24 };

void hd_bpe_open(hd_bpe *bpe, heed_context *context) { *bpe = (hd_bpe){.context = context, .unknown = -1}; }

void hd_bpe_close(hd_bpe *bpe) {
    hd_free(bpe->context, bpe->merges);
    hd_free(bpe->context, bpe->pairs);
    hd_free(bpe->context, bpe->characters);
    hd_free(bpe->context, bpe->prefix);
    hd_free(bpe->context, bpe->suffix);
    hd_free(bpe->context, bpe->missing_unknown);
    hd_bpe_open(bpe, bpe->context);
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

heed_status hd_bpe_add_merge(hd_bpe *bpe, hd_merge merge) {
    if (!hd_grow(bpe->context, &bpe->merges, &bpe->merge_capacity, bpe->merge_count + 1, sizeof merge))
        return HEED_MEMORY;
    bpe->merges[bpe->merge_count++] = merge;
    return HEED_OK;
}

bool hd_merge_find(const hd_vocabulary *vocabulary, const hd_merge_text texts[3], hd_merge *merge) {
    int32_t entries[3];
    for (int i = 0; i < 3; i++) {
        entries[i] = hd_vocabulary_find_entry(vocabulary, texts[i].bytes, texts[i].size);
        if (!entries[i]) return false;
    }
    *merge = (hd_merge){.left = vocabulary->entries[entries[0] - 1].id,
                        .right = vocabulary->entries[entries[1] - 1].id,
                        .id = vocabulary->entries[entries[2] - 1].id,
                        .left_entry = entries[0],
                        .right_entry = entries[1]};
    return true;
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

/* The position of a character in its word, which decides whether its token has the prefix and the suffix. */
enum { CONTINUES = 1, ENDS = 2, POSITIONS = 4 };

static uint32_t character_key(uint32_t code, int position) { return code * POSITIONS + (uint32_t)position; }

static size_t character_slot(const hd_bpe *bpe, uint32_t key) {
    size_t mask = bpe->character_slots - 1, slot = (size_t)hd_mix(key) & mask;
    while (bpe->characters[slot].id >= 0 && bpe->characters[slot].key != key) slot = (slot + 1) & mask;
    return slot;
}

/* A power of two of at least 2 · count, so that there is always an empty slot and every probe ends. */
static size_t slots_for(size_t count) {
    size_t slots = 16;
    while (slots < count * 2) slots *= 2;
    return slots;
}

/* *code is the character of a token that is one character in this position of a word; false if it is not. */
static bool character_of(const hd_bpe *bpe, int position, const char *text, size_t size, uint32_t *code) {
    const char *prefix = position & CONTINUES ? bpe->prefix : "", *suffix = position & ENDS ? bpe->suffix : "";
    if (!prefix || !suffix) return false; /* without affixes all positions are alike */
    size_t before = strlen(prefix), after = strlen(suffix);
    if (size <= before + after || memcmp(text, prefix, before) != 0 || memcmp(text + size - after, suffix, after) != 0)
        return false;
    size -= before + after;
    return hd_utf8_decode(text + before, size, code) == size;
}

static heed_status index_characters(hd_bpe *bpe, const hd_vocabulary *vocabulary) {
    bpe->character_slots = slots_for(vocabulary->present * (bpe->prefix || bpe->suffix ? POSITIONS : 1));
    bpe->characters = hd_alloc(bpe->context, bpe->character_slots, sizeof *bpe->characters);
    if (!bpe->characters) return HEED_MEMORY;
    for (size_t i = 0; i < bpe->character_slots; i++) bpe->characters[i].id = -1;
    for (size_t i = 0; i < vocabulary->present; i++) {
        hd_entry entry = vocabulary->entries[i];
        uint32_t code;
        for (int position = 0; position < POSITIONS && entry.model; position++) {
            if (!character_of(bpe, position, vocabulary->pool.data + entry.offset, entry.size, &code)) continue;
            uint32_t key = character_key(code, position);
            bpe->characters[character_slot(bpe, key)] = (struct hd_character_token){key, entry.id};
        }
    }
    return HEED_OK;
}

static int32_t find_character(const hd_bpe *bpe, uint32_t code, bool continues, bool ends) {
    int position = (continues && bpe->prefix ? CONTINUES : 0) | (ends && bpe->suffix ? ENDS : 0);
    return bpe->characters[character_slot(bpe, character_key(code, position))].id;
}

heed_status hd_bpe_finish(hd_bpe *bpe, const hd_vocabulary *vocabulary) {
    bpe->pair_slots = slots_for(bpe->merge_count);
    bpe->pairs = hd_alloc(bpe->context, bpe->pair_slots, sizeof *bpe->pairs);
    if (!bpe->pairs) return HEED_MEMORY;
    for (size_t i = 0; i < bpe->pair_slots; i++) bpe->pairs[i].left = -1;
    for (size_t rank = 0; rank < bpe->merge_count; rank++) {
        hd_merge merge = bpe->merges[rank]; /* the last rank of a repeated pair counts */
        bpe->pairs[pair_slot(bpe, merge.left, merge.right)] =
            (hd_pair_entry){merge.left, merge.right, (int32_t)rank, merge.id};
    }
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        int size = snprintf(text, sizeof text, "<0x%02X>", byte);
        bpe->bytes[byte] = hd_vocabulary_find_model(vocabulary, text, (size_t)size);
    }
    return index_characters(bpe, vocabulary);
}

/* ---- initial symbols of a word ----------------------------------------------------------------------------------- */

/* The caller has reserved the memory. */
static void add_symbol(hd_word_scratch *scratch, int32_t id, size_t first, size_t count) {
    uint32_t place = (uint32_t)scratch->count;
    scratch->symbols[scratch->count++] =
        (hd_symbol){id, (uint32_t)first, (uint32_t)count, place ? place - 1 : HD_NO_SYMBOL, place + 1};
}

/* What the model looks up for a character: the prefix if the word continues, the character, the suffix if the word ends. */
enum { SPELLINGS = 3 };

static void spell_character(const hd_bpe *bpe, uint32_t code, bool continues, bool ends, char character[5],
                            const char *parts[SPELLINGS]) {
    character[hd_utf8_encode(code, character)] = 0;
    parts[0] = continues && bpe->prefix ? bpe->prefix : "";
    parts[1] = character;
    parts[2] = ends && bpe->suffix ? bpe->suffix : "";
}

/* Adds the byte tokens of a character with its prefix and suffix; false when one of them is missing. */
static bool add_bytes(const hd_bpe *bpe, hd_word_scratch *scratch, uint32_t code, size_t place, size_t count) {
    char character[5];
    const char *parts[SPELLINGS];
    spell_character(bpe, code, place > 0, place + 1 == count, character, parts);
    size_t sizes[SPELLINGS] = {strlen(parts[0]), code ? strlen(character) : 1, strlen(parts[2])};
    for (int part = 0; part < SPELLINGS; part++)
        for (size_t i = 0; i < sizes[part]; i++)
            if (bpe->bytes[(uint8_t)parts[part][i]] < 0) return false;
    for (int part = 0; part < SPELLINGS; part++)
        for (size_t i = 0; i < sizes[part]; i++) add_symbol(scratch, bpe->bytes[(uint8_t)parts[part][i]], place, 1);
    return true;
}

/* At most so many symbols come from a word of `count` characters. */
static bool most_symbols(const hd_bpe *bpe, size_t count, size_t *most) {
    size_t each = 1, last = 0;
    if (bpe->byte_fallback) each = 4 + (bpe->prefix ? strlen(bpe->prefix) : 0);
    if (bpe->byte_fallback && bpe->suffix) last = strlen(bpe->suffix);
    return hd_multiply(count, each, most) && hd_add(*most, last, most) && *most < HD_NO_SYMBOL;
}

static heed_status add_symbols(const hd_bpe *bpe, const hd_character *word, size_t count, hd_word_scratch *scratch) {
    size_t most;
    if (!most_symbols(bpe, count, &most))
        return hd_fail(scratch->context, HEED_LENGTH, "a word of %zu characters is too long", count);
    scratch->count = 0;
    if (!hd_grow(scratch->context, &scratch->symbols, &scratch->symbol_capacity, most, sizeof *scratch->symbols))
        return HEED_MEMORY;
    size_t unknown_first = 0, unknown_count = 0; /* unknown characters not yet added */
    for (size_t i = 0; i < count; i++) {
        int32_t id = find_character(bpe, word[i].code, i > 0, i + 1 == count);
        /* As in tokenizers, bytes are added before pending unknown characters; the order only shows in a vocabulary
         * that has some of the 256 bytes but not all. */
        if (id < 0 && bpe->byte_fallback && add_bytes(bpe, scratch, word[i].code, i, count)) continue;
        if (id < 0 && bpe->missing_unknown) return hd_vocabulary_missing(scratch->context, bpe->missing_unknown);
        if (id < 0 && bpe->unknown < 0) continue;
        if (unknown_count && (id >= 0 || !bpe->fuse_unknown)) {
            add_symbol(scratch, bpe->unknown, unknown_first, unknown_count);
            unknown_count = 0;
        }
        if (id >= 0) {
            add_symbol(scratch, id, i, 1);
        } else {
            if (unknown_count == 0) unknown_first = i;
            unknown_count++;
        }
    }
    if (unknown_count) add_symbol(scratch, bpe->unknown, unknown_first, unknown_count);
    if (scratch->count) scratch->symbols[scratch->count - 1].next = HD_NO_SYMBOL;
    return HEED_OK;
}

/* ---- merging -------------------------------------------------------------------------------------------------- */

/* Extends a symbol over the one to its right. Both may be bytes of one character, and characters without a token may lie
 * between them. */
static void cover(hd_symbol *left, const hd_symbol *right) { left->count = right->first + right->count - left->first; }

static void merge_short(const hd_bpe *bpe, hd_word_scratch *scratch) {
    hd_symbol *symbols = scratch->symbols;
    const hd_pair_entry *pairs[SHORT_WORD]; /* pairs[i]: the merge of symbols i and i + 1, or NULL */
    size_t count = scratch->count;
    for (size_t i = 0; i + 1 < count; i++) pairs[i] = find_pair(bpe, symbols[i].id, symbols[i + 1].id);
    while (count > 1) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i + 1 < count; i++)
            if (pairs[i] && (best == SIZE_MAX || pairs[i]->rank < pairs[best]->rank)) best = i;
        if (best == SIZE_MAX) break;
        symbols[best].id = pairs[best]->id;
        cover(&symbols[best], &symbols[best + 1]);
        count--;
        for (size_t i = best + 1; i < count; i++) symbols[i] = symbols[i + 1];
        for (size_t i = best + 1; i + 1 < count; i++) pairs[i] = pairs[i + 1];
        if (best > 0) pairs[best - 1] = find_pair(bpe, symbols[best - 1].id, symbols[best].id);
        if (best + 1 < count) pairs[best] = find_pair(bpe, symbols[best].id, symbols[best + 1].id);
    }
    scratch->count = count;
}

static bool comes_before(hd_merge_candidate a, hd_merge_candidate b) {
    return a.rank != b.rank ? a.rank < b.rank : a.position < b.position;
}

static bool push(hd_word_scratch *scratch, hd_merge_candidate candidate) {
    if (!hd_grow(scratch->context, &scratch->heap, &scratch->heap_capacity, scratch->heap_count + 1, sizeof candidate))
        return false;
    size_t place = scratch->heap_count++;
    while (place > 0 && comes_before(candidate, scratch->heap[(place - 1) / 2])) {
        scratch->heap[place] = scratch->heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    scratch->heap[place] = candidate;
    return true;
}

static hd_merge_candidate pop(hd_word_scratch *scratch) {
    hd_merge_candidate top = scratch->heap[0], last = scratch->heap[--scratch->heap_count];
    size_t place = 0;
    for (;;) {
        size_t child = place * 2 + 1;
        if (child >= scratch->heap_count) break;
        if (child + 1 < scratch->heap_count && comes_before(scratch->heap[child + 1], scratch->heap[child])) child++;
        if (!comes_before(scratch->heap[child], last)) break;
        scratch->heap[place] = scratch->heap[child];
        place = child;
    }
    if (scratch->heap_count) scratch->heap[place] = last;
    return top;
}

/* Queues the merge of the symbol at `position` with the one after it, if there is such a merge. */
static bool consider(const hd_bpe *bpe, hd_word_scratch *scratch, uint32_t position) {
    const hd_symbol *left = &scratch->symbols[position];
    if (left->next == HD_NO_SYMBOL) return true;
    const hd_pair_entry *pair = find_pair(bpe, left->id, scratch->symbols[left->next].id);
    return !pair || push(scratch, (hd_merge_candidate){pair->rank, pair->id, position});
}

/* Merges the two symbols of the candidate, unless another merge has changed one of them. */
static bool join(const hd_bpe *bpe, hd_word_scratch *scratch, hd_merge_candidate candidate) {
    hd_symbol *left = &scratch->symbols[candidate.position];
    if (left->id < 0 || left->next == HD_NO_SYMBOL) return true;
    hd_symbol *right = &scratch->symbols[left->next];
    const hd_pair_entry *pair = find_pair(bpe, left->id, right->id);
    if (!pair || pair->id != candidate.id) return true;
    left->id = pair->id;
    cover(left, right);
    left->next = right->next;
    right->id = -1;
    if (left->next != HD_NO_SYMBOL) scratch->symbols[left->next].previous = candidate.position;
    return (left->previous == HD_NO_SYMBOL || consider(bpe, scratch, left->previous)) &&
           consider(bpe, scratch, candidate.position);
}

static bool restore_skipped(hd_word_scratch *scratch) {
    while (scratch->skipped_count)
        if (!push(scratch, scratch->skipped[--scratch->skipped_count])) return false;
    return true;
}

static bool skip(hd_word_scratch *scratch, hd_merge_candidate candidate) {
    if (!hd_grow(scratch->context, &scratch->skipped, &scratch->skipped_capacity, scratch->skipped_count + 1,
                 sizeof candidate))
        return false;
    scratch->skipped[scratch->skipped_count++] = candidate;
    return true;
}

static heed_status merge_long(const hd_bpe *bpe, const hd_bpe_dropout *dropout, hd_word_scratch *scratch) {
    scratch->heap_count = scratch->skipped_count = 0;
    for (uint32_t i = 0; i < scratch->count; i++)
        if (!consider(bpe, scratch, i)) return HEED_MEMORY;
    for (uint32_t draw = 0; scratch->heap_count; draw++) {
        hd_merge_candidate candidate = pop(scratch);
        if (dropout && hd_random_uniform(dropout->key, draw, dropout->word, dropout->example) < dropout->probability) {
            if (!skip(scratch, candidate)) return HEED_MEMORY;
        } else if (!restore_skipped(scratch) || !join(bpe, scratch, candidate)) {
            return HEED_MEMORY;
        }
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < scratch->count; i++) {
        if (scratch->symbols[i].id < 0) continue;
        scratch->symbols[kept] = scratch->symbols[i];
        scratch->symbols[kept++].previous = i; /* its first symbol */
    }
    scratch->count = kept;
    return HEED_OK;
}

/* ---- merging of very long words --------------------------------------------------------------------------------
 *
 * A heap of all merges of a long word does not fit a cache, and its operations take the longer the longer the word is. So
 * the symbols are merged block by block, and the tokens around each junction are then set right. That is exact:
 *
 * A sequence of tokens is what the whole word becomes if any two neighbours are what their own symbols become, merged
 * alone. For suppose that the first merge of the whole word that crosses a border between two of the tokens crosses that of
 * t and u. Until then no merge has left or entered the symbols of t and u, and among the merges inside of them the next one
 * has always been the same as if they were alone; so that merge would come alone, too. And in what any symbols become, any
 * two neighbours have this property.
 *
 * So a window around the junction is merged again, and widened until the tokens at its ends are those that were there
 * before: then all neighbours have the property. */

enum { BLOCK = 4096, WIDEST_WINDOW = 64 * BLOCK };

/* The tokens of a word so far: symbols whose `previous` is the index of their first symbol of the word. */
typedef struct long_word {
    const hd_bpe *bpe;
    const hd_symbol *symbols; /* of the word */
    size_t merged;            /* symbols [0, merged) have been merged */
    hd_symbol *tokens;        /* [count] */
    size_t count, capacity;
    hd_word_scratch block; /* for a part of the word */
} long_word;

/* Merges symbols [first, last) alone, into it->block. */
static heed_status merge_part(long_word *it, size_t first, size_t last) {
    hd_word_scratch *block = &it->block;
    block->count = last - first;
    if (!hd_grow(block->context, &block->symbols, &block->symbol_capacity, block->count, sizeof *block->symbols))
        return HEED_MEMORY;
    for (uint32_t i = 0; i < block->count; i++) {
        block->symbols[i] = it->symbols[first + i];
        block->symbols[i].previous = i ? i - 1 : HD_NO_SYMBOL;
        block->symbols[i].next = i + 1 < block->count ? i + 1 : HD_NO_SYMBOL;
    }
    HD_TRY(merge_long(it->bpe, NULL, block));
    for (size_t i = 0; i < block->count; i++) block->symbols[i].previous += (uint32_t)first;
    return HEED_OK;
}

/* Replaces tokens [first, last) by those of it->block. */
static heed_status replace_tokens(long_word *it, size_t first, size_t last) {
    const hd_word_scratch *block = &it->block;
    size_t count = it->count - (last - first) + block->count;
    if (!hd_grow(block->context, &it->tokens, &it->capacity, count, sizeof *it->tokens)) return HEED_MEMORY;
    memmove(it->tokens + first + block->count, it->tokens + last, (it->count - last) * sizeof *it->tokens);
    memcpy(it->tokens + first, block->symbols, block->count * sizeof *it->tokens);
    it->count = count;
    return HEED_OK;
}

static bool same_token(const hd_symbol *a, const hd_symbol *b) {
    return a->id == b->id && a->previous == b->previous && a->first == b->first && a->count == b->count;
}

/* Sets right the tokens around the border before token `middle`; *wide if the window became too wide. */
static heed_status join_blocks(long_word *it, size_t middle, bool *wide) {
    for (size_t before = 1, after = 1;;) {
        size_t first = middle - (before < middle ? before : middle);
        size_t last = after < it->count - middle ? middle + after : it->count;
        size_t begin = it->tokens[first].previous, end = last < it->count ? it->tokens[last].previous : it->merged;
        *wide = end - begin > WIDEST_WINDOW;
        if (*wide) return HEED_OK;
        HD_TRY(merge_part(it, begin, end));
        const hd_symbol *tokens = it->block.symbols;
        bool left = first == 0 || same_token(&tokens[0], &it->tokens[first]);
        bool right = last == it->count || same_token(&tokens[it->block.count - 1], &it->tokens[last - 1]);
        if (left && right) return replace_tokens(it, first, last);
        if (!left) before *= 2;
        if (!right) after *= 2;
    }
}

static heed_status merge_blocks(long_word *it, size_t count, bool *wide) {
    for (size_t size; it->merged < count && !*wide;) {
        size = count - it->merged < BLOCK ? count - it->merged : BLOCK;
        size_t middle = it->count;
        HD_TRY(merge_part(it, it->merged, it->merged + size));
        it->merged += size;
        HD_TRY(replace_tokens(it, middle, middle));
        if (middle) HD_TRY(join_blocks(it, middle, wide));
    }
    return HEED_OK;
}

static heed_status merge_very_long(const hd_bpe *bpe, hd_word_scratch *scratch) {
    long_word it = {.bpe = bpe, .symbols = scratch->symbols};
    bool wide = false;
    hd_word_scratch_open(&it.block, scratch->context);
    heed_status status = merge_blocks(&it, scratch->count, &wide);
    hd_word_scratch_close(&it.block);
    if (status == HEED_OK && !wide) {
        hd_free(scratch->context, scratch->symbols);
        scratch->symbols = it.tokens;
        scratch->symbol_capacity = it.capacity;
        scratch->count = it.count;
        return HEED_OK;
    }
    hd_free(scratch->context, it.tokens);
    return status == HEED_OK ? merge_long(bpe, NULL, scratch) : status;
}

/* For ignore_merges: the token that equals the whole word becomes its only symbol; none if there is no such token. */
static heed_status add_whole_word(const hd_vocabulary *vocabulary, const hd_character *word, size_t count,
                                  hd_word_scratch *scratch) {
    hd_buffer_clear(&scratch->text);
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        hd_buffer_append(&scratch->text, bytes, hd_utf8_encode(word[i].code, bytes));
    }
    if (scratch->text.failed) return HEED_MEMORY;
    int32_t id = hd_vocabulary_find_model(vocabulary, scratch->text.data, scratch->text.size);
    if (id < 0) return HEED_OK;
    if (!hd_grow(scratch->context, &scratch->symbols, &scratch->symbol_capacity, 1, sizeof *scratch->symbols))
        return HEED_MEMORY;
    add_symbol(scratch, id, 0, count);
    return HEED_OK;
}

heed_status hd_bpe_encode(const hd_bpe *bpe, const hd_vocabulary *vocabulary, const hd_character *word, size_t count,
                          const hd_bpe_dropout *dropout, hd_word_scratch *scratch) {
    scratch->count = 0;
    if (count == 0) return HEED_OK;
    if (bpe->ignore_merges && !dropout) HD_TRY(add_whole_word(vocabulary, word, count, scratch));
    if (scratch->count) return HEED_OK;
    HD_TRY(add_symbols(bpe, word, count, scratch));
    if (scratch->count <= SHORT_WORD && !dropout) {
        merge_short(bpe, scratch);
        return HEED_OK;
    }
    if (scratch->count > BLOCK && !dropout) return merge_very_long(bpe, scratch);
    return merge_long(bpe, dropout, scratch);
}
