#include "data/batches.h"

#include <stdlib.h>

typedef struct hd_batch_item {
    uint64_t example;
    uint64_t shuffled; /* index in the epoch's order: breaks ties between equal lengths */
    int32_t source_count, weight;
} hd_batch_item;

heed_status hd_batches_open(heed_context *context, const hd_corpus *corpus, uint64_t seed, int64_t window,
                            int64_t batch_tokens, hd_batches *batches) {
    *batches = (hd_batches){.context = context,
                            .corpus = corpus,
                            .seed = seed,
                            .batch_tokens = batch_tokens,
                            .window = hd_min(window, (int64_t)corpus->count),
                            .epoch = UINT64_MAX};
    size_t n = (size_t)batches->window;
    batches->items = hd_alloc(context, n, sizeof *batches->items);
    batches->starts = hd_alloc(context, n + 1, sizeof *batches->starts);
    batches->order = hd_alloc(context, n, sizeof *batches->order);
    return batches->items && batches->starts && batches->order ? HEED_OK : HEED_MEMORY;
}

void hd_batches_close(hd_batches *batches) {
    if (!batches->context) return;
    hd_free(batches->context, batches->items);
    hd_free(batches->context, batches->starts);
    hd_free(batches->context, batches->order);
    hd_free(batches->context, batches->examples);
}

/* The example at `index` of the epoch's order: a Feistel cipher on the smallest even number of bits that can
 * represent the count, repeated until the result is below the count. It is a permutation without a table. */
static uint64_t shuffled(hd_random_key key, uint64_t index, uint64_t count) {
    int half = 1;
    while (half < 32 && count > (uint64_t)1 << (2 * half)) half++;
    uint64_t mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = index >> half, right = index & mask;
        for (uint32_t round = 0; round < 6; round++) {
            uint32_t words[4];
            hd_philox(key, round, 0, right, words);
            uint64_t next = left ^ (words[0] & mask);
            left = right;
            right = next;
        }
        index = left << half | right;
    } while (index >= count);
    return index;
}

static int by_length(const void *a, const void *b) {
    const hd_batch_item *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? -1 : 1;
    if (x->source_count != y->source_count) return x->source_count < y->source_count ? -1 : 1;
    return x->shuffled < y->shuffled ? -1 : 1;
}

/* Sorts the examples of the window at window_start and cuts it into batches. */
static void lay_out(hd_batches *b) {
    uint64_t count = b->corpus->count, end = b->window_start + (uint64_t)b->window;
    if (end > count) end = count;
    uint32_t items = (uint32_t)(end - b->window_start);
    hd_random_key key = hd_random_key_make(b->seed, HD_RANDOM_SHUFFLE, b->epoch);
    for (uint32_t i = 0; i < items; i++) {
        uint64_t place = b->window_start + i, example = shuffled(key, place, count);
        hd_pair pair = hd_corpus_get(b->corpus, example);
        b->items[i] = (hd_batch_item){example, place, pair.source_count, (int32_t)b->corpus->options.weight(&pair)};
    }
    qsort(b->items, items, sizeof *b->items, by_length);
    b->batches = 0;
    int64_t tokens = 0;
    for (uint32_t i = 0; i < items; i++) {
        tokens += b->items[i].weight;
        if (i == 0 || tokens > b->batch_tokens) {
            b->starts[b->batches++] = i;
            tokens = b->items[i].weight;
        }
    }
    b->starts[b->batches] = items;
    for (uint32_t i = 0; i < b->batches; i++) b->order[i] = i;
    hd_random_shuffle(hd_random_key_make(b->seed, HD_RANDOM_SHUFFLE, ~(b->epoch << 20 ^ b->window_start)), b->order,
                      b->batches);
}

static void next_window(hd_batches *b) {
    b->window_first += b->batches;
    b->window_start += (uint64_t)b->window;
    if (b->window_start >= b->corpus->count) {
        b->epoch++;
        b->window_start = b->window_first = b->number = 0;
    }
    lay_out(b);
}

heed_status hd_batches_seek(hd_batches *b, uint64_t epoch, uint64_t number) {
    b->epoch = epoch;
    b->window_start = b->window_first = 0;
    lay_out(b);
    while (number >= b->window_first + b->batches) {
        next_window(b);
        if (b->epoch != epoch) { /* the end of an epoch is the start of the next */
            number = 0;
            break;
        }
    }
    b->number = number;
    return HEED_OK;
}

heed_status hd_batches_next(hd_batches *b, const uint64_t **examples, size_t *count) {
    if (b->number >= b->window_first + b->batches) next_window(b);
    uint32_t batch = b->order[b->number - b->window_first], first = b->starts[batch];
    *count = b->starts[batch + 1] - first;
    if (!hd_grow(b->context, &b->examples, &b->examples_capacity, *count, sizeof *b->examples)) return HEED_MEMORY;
    for (size_t i = 0; i < *count; i++) b->examples[i] = b->items[first + i].example;
    *examples = b->examples;
    b->number++;
    return HEED_OK;
}
