#include "text/unigram_train.h"

#include "text/unicode.h"

#include <math.h>

#include <stdlib.h>
#include <string.h>

/* The constants of tokenizers' UnigramTrainer. */
enum { LONGEST_PIECE = 16, MOST_SEEDS = 1000000, EM_STEPS = 2 };
#define SHRINKING       0.75
#define LEAST_EXPECTED  0.5 /* pieces that are expected less often are dropped */
#define UNKNOWN_PENALTY 10.0
#define ALPHABET_STEP   0.0001

typedef struct piece {
    size_t offset; /* in the pool */
    uint32_t size, characters;
    double score; /* log-probability */
} piece;

/* A piece in a word, or a character that is no piece. */
typedef struct edge {
    size_t start, end;
    int64_t index; /* of the piece; -1: none */
    double score;
    double best;     /* of the ways through this edge, from the left */
    size_t previous; /* edge of the best way; NO_EDGE at the beginning of the word */
    size_t next;     /* edge that ends at the same position; NO_EDGE for the last */
} edge;
#define NO_EDGE SIZE_MAX

/* A position in a word: the edges that end there, by their starts, and the logarithm of the sum over all ways to it. */
typedef struct position {
    size_t first, last;
    double left, right; /* from the beginning, and from the end */
} position;

typedef struct trainer {
    heed_context *context;
    const hd_word_counts *counts;
    const hd_unigram_train_options *options;
    hd_buffer pool;
    piece *pieces; /* [count] */
    size_t count, capacity;
    hd_buffer words;     /* all words as UTF-8 */
    size_t *word_starts; /* [counts->count + 1], in `words` */
    hd_trie trie;
    double worst;        /* the lowest score of a piece */
    position *positions; /* scratch */
    size_t position_capacity;
    edge *edges; /* scratch: of a word, by their starts, then by their lengths */
    size_t edge_count, edge_capacity;
    double *expected; /* [count], scratch of the size of the first list */
} trainer;

/* ---- the first pieces ----------------------------------------------------------------------------------------- */

static heed_status add_piece(trainer *it, const int32_t *codes, size_t length, double score) {
    if (!hd_grow(it->context, &it->pieces, &it->capacity, it->count + 1, sizeof *it->pieces)) return HEED_MEMORY;
    size_t offset = it->pool.size;
    for (size_t i = 0; i < length; i++) {
        char bytes[4];
        hd_buffer_append(&it->pool, bytes, hd_utf8_encode((uint32_t)codes[i], bytes));
    }
    if (it->pool.failed) return HEED_MEMORY;
    it->pieces[it->count++] = (piece){offset, (uint32_t)(it->pool.size - offset), (uint32_t)length, score};
    return HEED_OK;
}

/* Something that a list is sorted by: a number, and characters for ties, both descending. */
typedef struct ranked {
    uint64_t score;
    const int32_t *codes;
    size_t length;
} ranked;

static int compare_codes(const int32_t *x, size_t x_length, const int32_t *y, size_t y_length) {
    size_t shorter = x_length < y_length ? x_length : y_length;
    for (size_t i = 0; i < shorter; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return x_length < y_length ? -1 : x_length > y_length;
}

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return -compare_codes(x->codes, x->length, y->codes, y->length);
}

/* A suffix of a word: its characters up to the end of the word. */
typedef struct suffix {
    const int32_t *codes;
    size_t length;
} suffix;

/* Longer common prefixes do not matter, so that sorting takes bounded time per comparison. */
static size_t bounded(size_t length) { return length < LONGEST_PIECE + 1 ? length : LONGEST_PIECE + 1; }

static int compare_suffixes(const void *a, const void *b) {
    const suffix *x = a, *y = b;
    return compare_codes(x->codes, bounded(x->length), y->codes, bounded(y->length));
}

/* The length of the common prefix; more than LONGEST_PIECE when both words end together or the prefix is that long: such a
 * prefix is not a piece by itself. */
static size_t common(suffix x, suffix y) {
    size_t length = 0;
    while (length <= LONGEST_PIECE && length < x.length && length < y.length && x.codes[length] == y.codes[length])
        length++;
    return length == x.length && length == y.length ? LONGEST_PIECE + 1 : length;
}

typedef struct list {
    ranked *items;
    size_t count, capacity;
} list;

/* A substring that is being counted: it began with suffix `first` of the sorted list. */
typedef struct interval {
    size_t length, first;
} interval;

/* Finds the substrings of 2 to LONGEST_PIECE characters that occur at least twice, each as long as it can be for its count: the
 * intervals of equal prefixes in the sorted suffixes. */
static heed_status find_substrings(trainer *it, const suffix *suffixes, size_t count, list *out) {
    interval stack[LONGEST_PIECE + 3] = {{0, 0}};
    size_t depth = 1;
    for (size_t i = 1; i <= count; i++) {
        size_t length = i < count ? common(suffixes[i - 1], suffixes[i]) : 0, first = i - 1;
        while (stack[depth - 1].length > length) {
            interval top = stack[--depth];
            first = top.first;
            if (top.length < 2 || top.length > LONGEST_PIECE) continue;
            if (!hd_grow(it->context, &out->items, &out->capacity, out->count + 1, sizeof *out->items))
                return HEED_MEMORY;
            out->items[out->count++] = (ranked){(uint64_t)(i - first) * top.length, suffixes[first].codes, top.length};
        }
        if (stack[depth - 1].length < length) stack[depth++] = (interval){length, first};
    }
    return HEED_OK;
}

static heed_status list_substrings(trainer *it, list *out) {
    const hd_word_counts *counts = it->counts;
    size_t total = 0, count = 0;
    for (size_t i = 0; i < counts->count; i++) total += counts->words[i].length;
    suffix *suffixes = hd_alloc(it->context, total, sizeof *suffixes);
    if (!suffixes) return HEED_MEMORY;
    for (size_t i = 0; i < counts->count; i++)
        for (size_t j = 0; j < counts->words[i].length; j++)
            suffixes[count++] = (suffix){counts->codes + counts->words[i].first + j, counts->words[i].length - j};
    if (count) qsort(suffixes, count, sizeof *suffixes, compare_suffixes);
    heed_status status = find_substrings(it, suffixes, count, out);
    hd_free(it->context, suffixes);
    if (out->count) qsort(out->items, out->count, sizeof *out->items, compare_ranked);
    return status;
}

/* Lists the characters of the words by descending count. */
static heed_status list_characters(trainer *it, list *out) {
    const hd_word_counts *counts = it->counts;
    uint64_t *totals = hd_alloc_zeroed(it->context, 0x110000, sizeof *totals);
    const int32_t **places = hd_alloc_zeroed(it->context, 0x110000, sizeof *places);
    heed_status status = totals && places ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; i < counts->count && status == HEED_OK; i++)
        for (size_t j = 0; j < counts->words[i].length; j++) {
            const int32_t *code = counts->codes + counts->words[i].first + j;
            totals[*code] += counts->words[i].count;
            places[*code] = code;
        }
    for (size_t code = 1; code < 0x110000 && status == HEED_OK; code++) {
        if (!totals[code]) continue;
        if (!hd_grow(it->context, &out->items, &out->capacity, out->count + 1, sizeof *out->items))
            status = HEED_MEMORY;
        else
            out->items[out->count++] = (ranked){totals[code], places[code], 1};
    }
    hd_free(it->context, totals);
    hd_free(it->context, places);
    if (out->count) qsort(out->items, out->count, sizeof *out->items, compare_ranked);
    return status;
}

static bool has_zero(const ranked *item) {
    for (size_t i = 0; i < item->length; i++)
        if (item->codes[i] == 0) return true;
    return false;
}

static heed_status add_seeds(trainer *it, const list *characters, const list *substrings) {
    double sum = 0;
    for (size_t i = 0; i < characters->count; i++)
        HD_TRY(add_piece(it, characters->items[i].codes, 1, (double)characters->items[i].score));
    for (size_t i = 0; i < substrings->count && it->count < MOST_SEEDS; i++)
        if (!has_zero(&substrings->items[i]))
            HD_TRY(add_piece(it, substrings->items[i].codes, substrings->items[i].length,
                             (double)substrings->items[i].score));
    for (size_t i = 0; i < it->count; i++) sum += it->pieces[i].score;
    for (size_t i = 0; i < it->count; i++) it->pieces[i].score = log(it->pieces[i].score) - log(sum);
    return HEED_OK;
}

static heed_status write_words(trainer *it) {
    const hd_word_counts *counts = it->counts;
    it->word_starts = hd_alloc(it->context, counts->count + 1, sizeof *it->word_starts);
    if (!it->word_starts) return HEED_MEMORY;
    for (size_t i = 0; i < counts->count; i++) {
        it->word_starts[i] = it->words.size;
        for (size_t j = 0; j < counts->words[i].length; j++) {
            char bytes[4];
            uint32_t code = (uint32_t)counts->codes[counts->words[i].first + j];
            hd_buffer_append(&it->words, bytes, hd_utf8_encode(code, bytes));
        }
    }
    it->word_starts[counts->count] = it->words.size;
    return it->words.failed ? HEED_MEMORY : HEED_OK;
}

/* ---- ways through a word -------------------------------------------------------------------------------------- */

/* Indexes the pieces again, after the list has changed. */
static heed_status index_pieces(trainer *it) {
    hd_trie_close(&it->trie);
    hd_trie_key *keys = hd_alloc(it->context, it->count, sizeof *keys);
    if (!keys) return HEED_MEMORY;
    it->worst = it->count ? it->pieces[0].score : 0;
    for (size_t i = 0; i < it->count; i++) {
        const piece *p = &it->pieces[i];
        keys[i] = (hd_trie_key){it->pool.data + p->offset, p->size, (uint32_t)i};
        if (p->score < it->worst) it->worst = p->score;
    }
    heed_status status = hd_trie_build(it->context, keys, it->count, &it->trie);
    hd_free(it->context, keys);
    return status;
}

static size_t character_size(uint8_t first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

static heed_status add_edge(trainer *it, edge next) {
    if (!hd_grow(it->context, &it->edges, &it->edge_capacity, it->edge_count + 1, sizeof next)) return HEED_MEMORY;
    position *end = &it->positions[next.end];
    if (end->first == NO_EDGE)
        end->first = it->edge_count;
    else
        it->edges[end->last].next = it->edge_count;
    end->last = it->edge_count;
    it->edges[it->edge_count++] = next;
    return HEED_OK;
}

/* Lists the edges of a word; `whole`: also a piece that is all of it. */
static heed_status list_edges(trainer *it, const uint8_t *text, size_t size, bool whole) {
    if (!hd_grow(it->context, &it->positions, &it->position_capacity, size + 1, sizeof *it->positions))
        return HEED_MEMORY;
    for (size_t i = 0; i <= size; i++) it->positions[i] = (position){.first = NO_EDGE};
    it->edge_count = 0;
    for (size_t start = 0, length; start < size; start += length) {
        uint32_t node = HD_TRIE_ROOT;
        bool single = false;
        length = character_size(text[start]);
        for (size_t at = start; at < size;) {
            node = hd_trie_step(&it->trie, node, text[at++]);
            if (node == HD_TRIE_ROOT) break;
            if (!it->trie.nodes[node].value || (!whole && at - start == size)) continue;
            int64_t index = (int64_t)it->trie.nodes[node].value - 1;
            HD_TRY(add_edge(it, (edge){start, at, index, it->pieces[index].score, 0, NO_EDGE, NO_EDGE}));
            single = single || at - start == length;
        }
        double unknown = it->worst - UNKNOWN_PENALTY;
        if (!single) HD_TRY(add_edge(it, (edge){start, start + length, -1, unknown, 0, NO_EDGE, NO_EDGE}));
    }
    return HEED_OK;
}

/* The last edge of the best way to `end`, followed by something of the score `after`. The sums are compared with it, as
 * tokenizers does, so that equal ways of rounded numbers are equal; of these the first counts. */
static size_t best_edge(const trainer *it, size_t end, double after, double *best) {
    size_t found = NO_EDGE;
    for (size_t i = it->positions[end].first; i != NO_EDGE; i = it->edges[i].next) {
        double sum = it->edges[i].best + after;
        if (found != NO_EDGE && !(sum > *best)) continue;
        found = i;
        *best = sum;
    }
    return found;
}

/* The last edge of the best way through the word, whose edges are listed. */
static size_t find_best(trainer *it, size_t size, double *best) {
    for (size_t i = 0; i < it->edge_count; i++) {
        edge *e = &it->edges[i];
        e->best = e->score;
        if (e->start > 0) e->previous = best_edge(it, e->start, e->score, &e->best);
    }
    return best_edge(it, size, 0, best);
}

/* log(exp(x) + exp(y)); a difference past 50 does not count. */
static double log_add(double x, double y) {
    double low = x < y ? x : y, high = x < y ? y : x;
    return high > low + 50 ? high : high + log(exp(low - high) + 1);
}

static void sum_from_left(trainer *it, size_t size) {
    it->positions[0].left = 0;
    for (size_t end = 1; end <= size; end++)
        for (size_t i = it->positions[end].first; i != NO_EDGE; i = it->edges[i].next) {
            double sum = it->edges[i].score + it->positions[it->edges[i].start].left;
            position *to = &it->positions[end];
            to->left = i == to->first ? sum : log_add(to->left, sum);
        }
}

static void sum_from_right(trainer *it, size_t size) {
    it->positions[size].right = 0;
    for (size_t last = it->edge_count, first; last > 0; last = first) {
        position *from = &it->positions[it->edges[last - 1].start];
        for (first = last - 1; first > 0 && it->edges[first - 1].start == it->edges[last - 1].start;) first--;
        for (size_t i = first; i < last; i++) {
            double sum = it->edges[i].score + it->positions[it->edges[i].end].right;
            from->right = i == first ? sum : log_add(from->right, sum);
        }
    }
}

static heed_status list_word(trainer *it, size_t word, size_t *size) {
    *size = it->word_starts[word + 1] - it->word_starts[word];
    return list_edges(it, (const uint8_t *)it->words.data + it->word_starts[word], *size, true);
}

/* Adds to `expected` how often each piece is expected in the word. */
static heed_status expect_word(trainer *it, size_t word) {
    size_t size;
    double count = (double)it->counts->words[word].count;
    HD_TRY(list_word(it, word, &size));
    sum_from_left(it, size);
    sum_from_right(it, size);
    for (size_t i = 0; i < it->edge_count; i++) {
        const edge *e = &it->edges[i];
        double share = it->positions[e->start].left + e->score + it->positions[e->end].right - it->positions[size].left;
        if (e->index >= 0) it->expected[e->index] += count * exp(share);
    }
    return HEED_OK;
}

/* ---- expectation maximization ---------------------------------------------------------------------------------- */

static double digamma(double x) {
    double result = 0;
    for (; x < 7; x += 1) result -= 1 / x;
    x -= 0.5;
    double inverse = 1 / x, square = inverse * inverse, fourth = square * square;
    return result + log(x) + square / 24 - 7.0 / 960 * fourth + 31.0 / 8064 * fourth * square -
           127.0 / 30720 * fourth * fourth;
}

static heed_status expect(trainer *it) {
    memset(it->expected, 0, it->count * sizeof *it->expected);
    for (size_t i = 0; i < it->counts->count; i++) HD_TRY(expect_word(it, i));
    return HEED_OK;
}

/* The Bayesian variant of the step, a sparse prior. */
static void maximize(trainer *it) {
    size_t kept = 0;
    double sum = 0;
    for (size_t i = 0; i < it->count; i++) {
        if (it->expected[i] < LEAST_EXPECTED) continue;
        it->pieces[kept] = it->pieces[i];
        it->pieces[kept++].score = it->expected[i];
        sum += it->expected[i];
    }
    it->count = kept;
    double all = digamma(sum);
    for (size_t i = 0; i < kept; i++) it->pieces[i].score = digamma(it->pieces[i].score) - all;
}

/* ---- dropping pieces ------------------------------------------------------------------------------------------ */

typedef struct candidate {
    double loss;
    size_t index;
} candidate;

static int compare_losses(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->loss != y->loss) return x->loss > y->loss ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* How often each piece is on the best way through its words, in `expected`; unknown characters in *unknown. */
static heed_status count_best(trainer *it, double *unknown) {
    memset(it->expected, 0, it->count * sizeof *it->expected);
    *unknown = 0;
    for (size_t word = 0; word < it->counts->count; word++) {
        size_t size;
        double best;
        HD_TRY(list_word(it, word, &size));
        for (size_t i = find_best(it, size, &best); i != NO_EDGE; i = it->edges[i].previous) {
            int64_t index = it->edges[i].index;
            *(index < 0 ? unknown : &it->expected[index]) += (double)it->counts->words[word].count;
        }
    }
    return HEED_OK;
}

/* What the likelihood loses without a piece, if its occurrences are split the second-best way; *keeps: it has no such way, or
 * *drops: it is never used. */
static heed_status loss_of(trainer *it, size_t index, double sum, double unknown, double words, double *loss,
                           bool *keeps, bool *drops) {
    const piece *p = &it->pieces[index];
    size_t size = p->size;
    double count = it->expected[index];
    *keeps = p->characters == 1;
    *drops = false;
    if (*keeps) return HEED_OK;
    *drops = count == 0;
    if (*drops) return HEED_OK;
    double best = 0, after = 0;
    HD_TRY(list_edges(it, (const uint8_t *)it->pool.data + p->offset, size, false));
    size_t last = find_best(it, size, &best);
    if (best > p->score) { /* the piece is not even the best way through itself */
        *keeps = true;
        return HEED_OK;
    }
    /* tokenizers lets the sum grow by `count` for each piece of the vocabulary, not of the second-best way as SentencePiece
     * does; pieces with a high count are therefore dropped later. */
    double before = log(count) - log(sum), all = log(sum + count * (double)it->count);
    for (size_t i = last; i != NO_EDGE; i = it->edges[i].previous) {
        int64_t other = it->edges[i].index;
        after += log((other < 0 ? unknown : it->expected[other]) + count) - all;
    }
    *loss = count / words * (before - after);
    return HEED_OK;
}

static heed_status choose(trainer *it, size_t target, piece *kept, candidate *candidates) {
    double unknown, sum, words = 0, loss = 0;
    size_t count = 0, candidate_count = 0;
    bool keeps, drops;
    HD_TRY(count_best(it, &unknown));
    sum = unknown;
    for (size_t i = 0; i < it->count; i++) sum += it->expected[i];
    for (size_t i = 0; i < it->counts->count; i++) words += (double)it->counts->words[i].count;
    for (size_t i = 0; i < it->count; i++) {
        HD_TRY(loss_of(it, i, sum, unknown, words, &loss, &keeps, &drops));
        if (keeps)
            kept[count++] = it->pieces[i];
        else if (!drops)
            candidates[candidate_count++] = (candidate){loss, i};
    }
    if (candidate_count) qsort(candidates, candidate_count, sizeof *candidates, compare_losses);
    for (size_t i = 0; i < candidate_count && count < target; i++) kept[count++] = it->pieces[candidates[i].index];
    memcpy(it->pieces, kept, count * sizeof *kept);
    it->count = count;
    return HEED_OK;
}

/* Keeps three quarters of the pieces, but not fewer than `target`. */
static heed_status prune(trainer *it, size_t target) {
    size_t size = (size_t)((double)(it->count + 1) * SHRINKING);
    if (size < target) size = target;
    piece *kept = hd_alloc(it->context, it->count, sizeof *kept);
    candidate *candidates = hd_alloc(it->context, it->count, sizeof *candidates);
    heed_status status = kept && candidates ? choose(it, size - 1, kept, candidates) : HEED_MEMORY;
    hd_free(it->context, kept);
    hd_free(it->context, candidates);
    return status;
}

/* ---- the result ----------------------------------------------------------------------------------------------- */

static int compare_scores(const void *a, const void *b) {
    const piece *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Puts the characters first, also those that were dropped on the way, then as many other pieces as there is room for. */
static heed_status complete(trainer *it, const list *characters, size_t room) {
    hd_vocabulary present;
    hd_vocabulary_open(&present, it->context);
    heed_status status = HEED_OK;
    double worst = it->worst, extra = 0;
    size_t kept = 0, other = 0;
    for (size_t i = 0; i < it->count; i++) {
        piece p = it->pieces[i];
        bool single = p.characters == 1;
        if (single && status == HEED_OK)
            status = hd_vocabulary_add(&present, it->pool.data + p.offset, p.size, (int64_t)present.present, true);
        if (single || other + characters->count + it->options->alphabet.count < room) it->pieces[kept++] = p;
        other += !single;
    }
    it->count = kept;
    for (size_t i = 0; i < characters->count + it->options->alphabet.count && status == HEED_OK; i++) {
        char bytes[4];
        int32_t code = i < characters->count ? characters->items[i].codes[0]
                                             : (int32_t)it->options->alphabet.codes[i - characters->count];
        size_t size = hd_utf8_encode((uint32_t)code, bytes);
        if (code == 0 || hd_vocabulary_find(&present, bytes, size) >= 0) continue;
        status = add_piece(it, &code, 1, worst + extra);
        extra += ALPHABET_STEP;
        if (status == HEED_OK) status = hd_vocabulary_add(&present, bytes, size, (int64_t)present.present, true);
    }
    hd_vocabulary_close(&present);
    if (it->count) qsort(it->pieces, it->count, sizeof *it->pieces, compare_scores);
    return status;
}

static heed_status write_pieces(trainer *it, size_t room, hd_vocabulary *vocabulary, hd_unigram *unigram) {
    for (size_t id = 0; id < vocabulary->count; id++)
        HD_TRY(hd_unigram_add(unigram, hd_vocabulary_text(vocabulary, (int32_t)id), vocabulary->tokens[id].size, 0,
                              (int32_t)id));
    for (size_t i = 0, added = 0; i < it->count && added < room; i++) {
        const char *text = it->pool.data + it->pieces[i].offset;
        if (hd_vocabulary_find(vocabulary, text, it->pieces[i].size) >= 0) continue; /* a special token */
        int64_t id = (int64_t)vocabulary->count;
        HD_TRY(hd_vocabulary_add(vocabulary, text, it->pieces[i].size, id, true));
        HD_TRY(hd_unigram_add(unigram, hd_vocabulary_text(vocabulary, (int32_t)id), it->pieces[i].size,
                              it->pieces[i].score, (int32_t)id));
        added++;
    }
    return HEED_OK;
}

static heed_status learn(trainer *it, hd_vocabulary *vocabulary, hd_unigram *unigram, list *characters,
                         list *substrings) {
    const hd_unigram_train_options *options = it->options;
    size_t room = options->vocabulary_size - vocabulary->count - options->reserved;
    size_t target = options->vocabulary_size * 11 / 10;
    HD_TRY(list_characters(it, characters));
    HD_TRY(list_substrings(it, substrings));
    HD_TRY(add_seeds(it, characters, substrings));
    HD_TRY(write_words(it));
    it->expected = hd_alloc(it->context, it->count, sizeof *it->expected);
    if (!it->expected) return HEED_MEMORY;
    if (characters->count > room)
        return hd_fail(it->context, HEED_ARGUMENT, "the text has %zu characters, which do not fit into %zu tokens",
                       characters->count, options->vocabulary_size);
    HD_TRY(index_pieces(it));
    for (;;) {
        size_t before = it->count;
        for (int step = 0; step < EM_STEPS; step++) {
            HD_TRY(hd_check_stop(it->context));
            HD_TRY(expect(it));
            maximize(it);
            HD_TRY(index_pieces(it));
        }
        if (options->progress &&
            !options->progress(options->user, options->vocabulary_size, options->vocabulary_size + it->count))
            return hd_fail(it->context, HEED_STOPPED, "training was stopped");
        if (it->count + 1 <= target) break;
        HD_TRY(prune(it, target));
        HD_TRY(index_pieces(it));
        if (it->count == before) break; /* nothing more can go */
    }
    HD_TRY(complete(it, characters, room));
    return write_pieces(it, room, vocabulary, unigram);
}

heed_status hd_unigram_train(const hd_word_counts *counts, const hd_unigram_train_options *options,
                             hd_vocabulary *vocabulary, hd_unigram *unigram) {
    heed_context *context = counts->context;
    trainer it = {.context = context, .counts = counts, .options = options, .trie = {.context = context}};
    list characters = {0}, substrings = {0};
    hd_buffer_open(&it.pool, context);
    hd_buffer_open(&it.words, context);
    heed_status status = learn(&it, vocabulary, unigram, &characters, &substrings);
    hd_buffer_close(&it.pool);
    hd_buffer_close(&it.words);
    hd_trie_close(&it.trie);
    hd_free(context, it.pieces);
    hd_free(context, it.word_starts);
    hd_free(context, it.positions);
    hd_free(context, it.edges);
    hd_free(context, it.expected);
    hd_free(context, characters.items);
    hd_free(context, substrings.items);
    return status;
}
