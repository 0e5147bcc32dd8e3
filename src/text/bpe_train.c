#include "text/bpe_train.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY = 64 };

/* A set of words, each listed once. */
typedef struct word_list {
    uint32_t *words;
    size_t count, capacity;
} word_list;

/* A pair of tokens that has occurred. `fresh` lists the words in which the last merge created it; after the merge the
 * list moves to the queue. */
typedef struct counted_pair {
    int32_t left, right;
    int64_t count;
    word_list fresh;
    size_t last_merge; /* rank of the last merge; SIZE_MAX before the first */
} counted_pair;

/* A queue entry: the pair's count when it was queued, and the words that contain it. */
typedef struct queued_pair {
    int64_t count;
    uint32_t pair;
    word_list where;
} queued_pair;

typedef struct trainer {
    heed_context *context;
    hd_word_counts *counts;
    const hd_bpe_train_options *options;
    hd_vocabulary *vocabulary;
    hd_bpe *bpe;
    counted_pair *pairs;
    size_t pair_count, pair_capacity;
    uint32_t *table; /* [slots]: pair + 1 by hash, 0 where empty */
    size_t slots;
    queued_pair *queue; /* a heap */
    size_t queue_count, queue_capacity;
    uint32_t *touched; /* the pairs whose `fresh` is in use */
    size_t touched_count, touched_capacity;
    hd_buffer text;
} trainer;

/* ---- the alphabet --------------------------------------------------------------------------------------------- */

typedef struct character_frequency {
    uint64_t count;
    uint32_t code;
} character_frequency;

/* A number for each code point, 0 at first, in pages: a text has few of the 1.1 million, and training on a small text
 * must not take the time to clear and to search a table of all. */
enum { PAGE_CODES = 256, PAGES = 0x110000 / PAGE_CODES };

typedef struct code_table {
    heed_context *context;
    uint64_t *pages[PAGES]; /* [PAGE_CODES] each; NULL where all are 0 */
} code_table;

static code_table *open_codes(heed_context *context) {
    code_table *table = hd_alloc_zeroed(context, 1, sizeof *table);
    if (table) table->context = context;
    return table;
}

static void close_codes(code_table *table) {
    for (size_t i = 0; table && i < PAGES; i++) hd_free(table->context, table->pages[i]);
    if (table) hd_free(table->context, table);
}

/* The number of a code point; NULL when memory ran out. */
static uint64_t *number_of(code_table *table, uint32_t code) {
    uint64_t **page = &table->pages[code / PAGE_CODES];
    if (!*page && !(*page = hd_alloc_zeroed(table->context, PAGE_CODES, sizeof **page))) return NULL;
    return &(*page)[code % PAGE_CODES];
}

/* Lists the code points past U+0000 whose number is not 0, in order; the caller frees *out. */
static heed_status list_codes(const code_table *table, character_frequency **out, size_t *count) {
    size_t pages = 0;
    *count = 0;
    for (size_t i = 0; i < PAGES; i++) pages += table->pages[i] != NULL;
    *out = hd_alloc(table->context, pages * PAGE_CODES, sizeof **out);
    if (!*out) return HEED_MEMORY;
    for (size_t i = 0; i < PAGES; i++)
        for (size_t j = 0; table->pages[i] && j < PAGE_CODES; j++)
            if (table->pages[i][j] && i + j > 0)
                (*out)[(*count)++] = (character_frequency){table->pages[i][j], (uint32_t)(i * PAGE_CODES + j)};
    return HEED_OK;
}

static int rarest_first(const void *a, const void *b) {
    const character_frequency *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return x->code > y->code ? -1 : x->code < y->code;
}

static int by_code(const void *a, const void *b) {
    const character_frequency *x = a, *y = b;
    return x->code < y->code ? -1 : x->code > y->code;
}

/* The token of a character, with the prefix if it `continues` a word; -1 when there is none. Its text is left in
 * it->text. */
static int32_t find_character(trainer *it, uint32_t code, bool continues) {
    char bytes[4];
    hd_buffer_clear(&it->text);
    if (continues) hd_buffer_text(&it->text, it->options->prefix);
    hd_buffer_append(&it->text, bytes, hd_utf8_encode(code, bytes));
    return it->text.failed ? -1 : hd_vocabulary_find(it->vocabulary, it->text.data, it->text.size);
}

static heed_status add_character(trainer *it, uint32_t code, bool continues) {
    if (find_character(it, code, continues) >= 0) return HEED_OK;
    if (it->text.failed) return HEED_MEMORY;
    return hd_vocabulary_add(it->vocabulary, it->text.data, it->text.size, (int64_t)it->vocabulary->count, true);
}

static heed_status add_alphabet(trainer *it, character_frequency *characters, size_t count) {
    size_t limit = it->options->alphabet_limit;
    if (limit && count > limit) {
        qsort(characters, count, sizeof *characters, rarest_first);
        characters += count - limit;
        count = limit;
        qsort(characters, count, sizeof *characters, by_code);
    }
    for (size_t i = 0; i < count; i++) HD_TRY(add_character(it, characters[i].code, false));
    return HEED_OK;
}

static heed_status count_characters(trainer *it, code_table *frequency) {
    uint64_t *number;
    for (size_t i = 0; i < it->counts->count; i++) {
        struct hd_counted_word word = it->counts->words[i];
        for (size_t j = 0; j < word.length; j++) {
            if (!(number = number_of(frequency, (uint32_t)it->counts->codes[word.first + j]))) return HEED_MEMORY;
            *number += word.count;
        }
    }
    for (size_t i = 0; i < it->options->alphabet.count; i++) {
        if (!(number = number_of(frequency, it->options->alphabet.codes[i]))) return HEED_MEMORY;
        *number = UINT64_MAX;
    }
    return HEED_OK;
}

static heed_status find_alphabet(trainer *it, code_table *frequency) {
    character_frequency *characters;
    size_t count;
    HD_TRY(count_characters(it, frequency));
    HD_TRY(list_codes(frequency, &characters, &count));
    heed_status status = add_alphabet(it, characters, count);
    hd_free(it->context, characters);
    return status;
}

/* The characters of the alphabet that occur inside words, with the prefix. */
static heed_status find_continuing(trainer *it, code_table *inside) {
    character_frequency *characters;
    size_t count;
    for (size_t i = 0; i < it->counts->count; i++) {
        struct hd_counted_word word = it->counts->words[i];
        for (size_t j = 1; j < word.length; j++) {
            uint64_t *number = number_of(inside, (uint32_t)it->counts->codes[word.first + j]);
            if (!number) return HEED_MEMORY;
            *number = 1;
        }
    }
    HD_TRY(list_codes(inside, &characters, &count));
    heed_status status = HEED_OK;
    for (size_t i = 0; i < count && status == HEED_OK; i++)
        if (find_character(it, characters[i].code, false) >= 0) status = add_character(it, characters[i].code, true);
    hd_free(it->context, characters);
    return status == HEED_OK && it->text.failed ? HEED_MEMORY : status;
}

static heed_status make_alphabet(trainer *it) {
    code_table *frequency = open_codes(it->context);
    heed_status status = frequency ? find_alphabet(it, frequency) : HEED_MEMORY;
    close_codes(frequency);
    if (status != HEED_OK || !it->options->prefix) return status;
    code_table *inside = open_codes(it->context);
    status = inside ? find_continuing(it, inside) : HEED_MEMORY;
    close_codes(inside);
    return status;
}

/* Replaces code points by ids in place. Characters outside the alphabet are removed, which joins those around them. */
static heed_status spell_words(trainer *it) {
    for (size_t i = 0; i < it->counts->count; i++) {
        struct hd_counted_word *word = &it->counts->words[i];
        int32_t *ids = it->counts->codes + word->first;
        uint32_t kept = 0;
        for (uint32_t j = 0; j < word->length; j++) {
            uint32_t code = (uint32_t)ids[j];
            int32_t id = code ? find_character(it, code, false) : -1;
            if (id >= 0 && j > 0 && it->options->prefix) id = find_character(it, code, true);
            if (id >= 0) ids[kept++] = id;
        }
        word->length = kept;
    }
    return it->text.failed ? HEED_MEMORY : HEED_OK;
}

/* ---- pairs ---------------------------------------------------------------------------------------------------- */

static size_t pair_slot(const trainer *it, int32_t left, int32_t right) {
    size_t mask = it->slots - 1, slot = (size_t)hd_mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right) & mask;
    for (;; slot = (slot + 1) & mask) {
        if (it->table[slot] == 0) return slot;
        const counted_pair *pair = &it->pairs[it->table[slot] - 1];
        if (pair->left == left && pair->right == right) return slot;
    }
}

static bool make_pair_room(trainer *it) {
    if (it->pair_count * 2 < it->slots) return true;
    size_t slots = it->slots ? it->slots * 2 : 1 << 14;
    uint32_t *table = it->pair_count >= UINT32_MAX / 2 ? NULL : hd_alloc_zeroed(it->context, slots, sizeof *table);
    if (!table) return false;
    hd_free(it->context, it->table);
    it->table = table;
    it->slots = slots;
    for (size_t i = 0; i < it->pair_count; i++)
        table[pair_slot(it, it->pairs[i].left, it->pairs[i].right)] = (uint32_t)i + 1;
    return true;
}

/* The pair, created with a count of 0 when it is new; NULL when memory ran out. */
static counted_pair *get_pair(trainer *it, int32_t left, int32_t right) {
    if (!make_pair_room(it)) return NULL;
    size_t slot = pair_slot(it, left, right);
    if (it->table[slot] == 0) {
        if (!hd_grow(it->context, &it->pairs, &it->pair_capacity, it->pair_count + 1, sizeof *it->pairs)) return NULL;
        it->pairs[it->pair_count++] = (counted_pair){.left = left, .right = right, .last_merge = SIZE_MAX};
        it->table[slot] = (uint32_t)it->pair_count;
    }
    return &it->pairs[it->table[slot] - 1];
}

/* Adds `count`, which may be negative, to the count of a pair in a word. */
static bool change_pair(trainer *it, int32_t left, int32_t right, int64_t count, uint32_t word) {
    counted_pair *pair = get_pair(it, left, right);
    if (!pair) return false;
    pair->count += count;
    if (count < 0) return true;
    word_list *fresh = &pair->fresh;
    if (fresh->count && fresh->words[fresh->count - 1] == word) return true; /* all changes of a word come in a row */
    if (fresh->count == 0) {
        if (!hd_grow(it->context, &it->touched, &it->touched_capacity, it->touched_count + 1, sizeof *it->touched))
            return false;
        it->touched[it->touched_count++] = (uint32_t)(pair - it->pairs);
    }
    if (!hd_grow(it->context, &fresh->words, &fresh->capacity, fresh->count + 1, sizeof *fresh->words)) return false;
    fresh->words[fresh->count++] = word;
    return true;
}

/* ---- the queue: highest count first, then lowest ids ---------------------------------------------------------- */

static bool goes_first(const trainer *it, const queued_pair *a, const queued_pair *b) {
    if (a->count != b->count) return a->count > b->count;
    const counted_pair *x = &it->pairs[a->pair], *y = &it->pairs[b->pair];
    return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static bool push(trainer *it, queued_pair new) {
    if (!hd_grow(it->context, &it->queue, &it->queue_capacity, it->queue_count + 1, sizeof new)) return false;
    size_t place = it->queue_count++;
    for (; place > 0 && goes_first(it, &new, &it->queue[(place - 1) / 2]); place = (place - 1) / 2)
        it->queue[place] = it->queue[(place - 1) / 2];
    it->queue[place] = new;
    return true;
}

/* Replaces the top by `last` and restores the heap. */
static void sink(trainer *it, queued_pair last) {
    size_t place = 0;
    for (size_t child; (child = place * 2 + 1) < it->queue_count; place = child) {
        if (child + 1 < it->queue_count && goes_first(it, &it->queue[child + 1], &it->queue[child])) child++;
        if (!goes_first(it, &it->queue[child], &last)) break;
        it->queue[place] = it->queue[child];
    }
    it->queue[place] = last;
}

/* Queues the pairs that the last merge created. */
static bool queue_touched(trainer *it) {
    for (size_t i = 0; i < it->touched_count; i++) {
        counted_pair *pair = &it->pairs[it->touched[i]];
        if (pair->count <= 0) {
            pair->fresh.count = 0; /* keeps the memory */
            continue;
        }
        if (!push(it, (queued_pair){pair->count, it->touched[i], pair->fresh})) return false;
        pair->fresh = (word_list){0};
    }
    it->touched_count = 0;
    return true;
}

static bool count_pairs(trainer *it) {
    for (size_t i = 0; i < it->counts->count; i++) {
        struct hd_counted_word word = it->counts->words[i];
        const int32_t *ids = it->counts->codes + word.first;
        for (size_t j = 0; j + 1 < word.length; j++)
            if (!change_pair(it, ids[j], ids[j + 1], (int64_t)word.count, (uint32_t)i)) return false;
    }
    return queue_touched(it);
}

/* ---- merging -------------------------------------------------------------------------------------------------- */

/* Merges each `left` followed by `right` in a word, from its beginning, and updates the counts of pairs. */
static bool merge_word(trainer *it, uint32_t index, int32_t left, int32_t right, int32_t id) {
    struct hd_counted_word *word = &it->counts->words[index];
    int32_t *ids = it->counts->codes + word->first;
    int64_t count = (int64_t)word->count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < word->length; kept++) {
        if (ids[i] != left || i + 1 >= word->length || ids[i + 1] != right) {
            ids[kept] = ids[i++];
            continue;
        }
        if (kept > 0 &&
            (!change_pair(it, ids[kept - 1], left, -count, index) || !change_pair(it, ids[kept - 1], id, count, index)))
            return false;
        i += 2;
        if (i < word->length &&
            (!change_pair(it, right, ids[i], -count, index) || !change_pair(it, id, ids[i], count, index)))
            return false;
        ids[kept] = id;
    }
    word->length = kept;
    return true;
}

/* The token of the merged pair; -1 when memory ran out. */
static int32_t make_token(trainer *it, int32_t left, int32_t right) {
    hd_vocabulary *vocabulary = it->vocabulary;
    hd_buffer_clear(&it->text);
    hd_buffer_append(&it->text, hd_vocabulary_text(vocabulary, left), vocabulary->tokens[left].size);
    const char *text = hd_vocabulary_text(vocabulary, right), *prefix = it->options->prefix;
    size_t size = vocabulary->tokens[right].size, skip = prefix ? strlen(prefix) : 0;
    if (size < skip || (skip && memcmp(text, prefix, skip) != 0)) skip = 0;
    hd_buffer_append(&it->text, text + skip, size - skip);
    if (it->text.failed) return -1;
    int32_t id = hd_vocabulary_find(vocabulary, it->text.data, it->text.size);
    if (id >= 0) return id;
    id = (int32_t)vocabulary->count;
    return hd_vocabulary_add(vocabulary, it->text.data, it->text.size, id, true) == HEED_OK ? id : -1;
}

static heed_status merge_pair(trainer *it, queued_pair top) {
    int32_t left = it->pairs[top.pair].left, right = it->pairs[top.pair].right;
    int32_t id = make_token(it, left, right);
    if (id < 0) return it->context->status;
    it->pairs[top.pair].last_merge = it->bpe->merge_count;
    HD_TRY(hd_bpe_add_merge(it->bpe, (hd_merge){.left = left, .right = right, .id = id}));
    for (size_t i = 0; i < top.where.count; i++)
        if (!merge_word(it, top.where.words[i], left, right, id)) return HEED_MEMORY;
    return queue_touched(it) ? HEED_OK : HEED_MEMORY;
}

static heed_status merge_all(trainer *it) {
    const hd_bpe_train_options *options = it->options;
    size_t done = 0;
    while (it->vocabulary->present < options->vocabulary_size && it->queue_count) {
        queued_pair top = it->queue[0];
        int64_t now = it->pairs[top.pair].count;
        if (top.count != now) { /* other merges have lowered the count: queue it again */
            top.count = now;
            sink(it, top);
            continue;
        }
        if (top.count < 1 || (uint64_t)top.count < options->min_frequency) break;
        queued_pair last = it->queue[--it->queue_count];
        if (it->queue_count) sink(it, last);
        heed_status status = merge_pair(it, top);
        hd_free(it->context, top.where.words);
        HD_TRY(status);
        if (options->progress && done++ % PROGRESS_EVERY == 0 &&
            !options->progress(options->user, it->vocabulary->present, options->vocabulary_size))
            return hd_fail(it->context, HEED_STOPPED, "training of the tokenizer was stopped");
    }
    if (options->progress && !options->progress(options->user, it->vocabulary->present, options->vocabulary_size))
        return hd_fail(it->context, HEED_STOPPED, "training of the tokenizer was stopped");
    return HEED_OK;
}

/* A pair is merged twice if two sequences of merges lead to the same token; its last rank counts. */
static void drop_repeats(trainer *it) {
    size_t kept = 0;
    for (size_t i = 0; i < it->bpe->merge_count; i++) {
        hd_merge merge = it->bpe->merges[i];
        const counted_pair *pair = &it->pairs[it->table[pair_slot(it, merge.left, merge.right)] - 1];
        if (pair->last_merge == i) it->bpe->merges[kept++] = merge;
    }
    it->bpe->merge_count = kept;
}

static void close_trainer(trainer *it) {
    for (size_t i = 0; i < it->queue_count; i++) hd_free(it->context, it->queue[i].where.words);
    for (size_t i = 0; i < it->pair_count; i++) hd_free(it->context, it->pairs[i].fresh.words);
    hd_free(it->context, it->pairs);
    hd_free(it->context, it->table);
    hd_free(it->context, it->queue);
    hd_free(it->context, it->touched);
    hd_buffer_close(&it->text);
}

heed_status hd_bpe_train(hd_word_counts *counts, const hd_bpe_train_options *options, hd_vocabulary *vocabulary,
                         hd_bpe *bpe) {
    heed_context *context = counts->context;
    trainer it = {.context = context, .counts = counts, .options = options, .vocabulary = vocabulary, .bpe = bpe};
    hd_buffer_open(&it.text, context);
    heed_status status = make_alphabet(&it);
    if (status == HEED_OK) status = spell_words(&it);
    if (status == HEED_OK) status = count_pairs(&it) ? merge_all(&it) : HEED_MEMORY;
    if (status == HEED_OK) drop_repeats(&it);
    close_trainer(&it);
    return status;
}
