#include "measure/metrics/bleu.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENIZED_HYPOTHESES = 100 }; /* hypotheses ending in " ." that make sacrebleu warn */

/* ---- n-grams of one sentence -------------------------------------------------------------------------------------
 *
 * Tokens that the hypothesis has are numbered, and so are its n-grams: one is the pair of the n-gram without its last
 * token, and that token. So both tables look up pairs of numbers or spans of text, and compare exactly. A reference
 * only finds existing n-grams: those that the hypothesis lacks cannot match, nor can longer ones that begin with them. */

typedef struct word {
    uint64_t hash;
    size_t start, size; /* in `points` */
} word;

typedef struct ngram {
    uint32_t prefix, last; /* the n-gram without its last token, NONE for single tokens; the last token's number */
    uint32_t order;        /* n - 1 */
    uint32_t reference;    /* the last reference in which it was seen, from 1 */
    int64_t found;         /* in the hypothesis */
    int64_t seen, most;    /* in that reference, and in the one that has most of it */
} ngram;

#define NONE UINT32_MAX

/* Open addressing: a slot holds 1 + an item's number, or 0. */
typedef struct slots {
    uint32_t *items; /* [mask + 1], a power of two, at most half of it filled */
    size_t mask, capacity;
} slots;

struct hd_bleu {
    heed_context *context;
    hd_bleu_options options;
    /* memory kept between sentences */
    int64_t hypothesis_length, reference_length, sentences, tokenized;
    int64_t matches[HD_BLEU_ORDERS], totals[HD_BLEU_ORDERS];
    int64_t references; /* of each sentence; -1 when they differ */
    /* the sentence at hand */
    hd_bleu_text text;
    uint32_t *points; /* [point_count]: the words' code points */
    size_t point_count, point_capacity;
    word *words;
    size_t word_count, word_capacity;
    ngram *ngrams;
    size_t ngram_count, ngram_capacity;
    uint32_t *tokens; /* [token_count]: the words of a hypothesis or reference, NONE for unknown ones */
    size_t token_count, token_capacity;
    slots word_slots, ngram_slots;
};

static uint64_t mix(uint64_t x) { /* the finalizer of MurmurHash3 (Appleby, public domain) */
    x ^= x >> 33;
    x *= 0xFF51AFD7ED558CCDull;
    x ^= x >> 33;
    x *= 0xC4CEB9FE1A85EC53ull;
    return x ^ x >> 33;
}

static uint64_t hash_points(const uint32_t *points, size_t size) {
    uint64_t hash = size;
    for (size_t i = 0; i < size; i++) hash = (hash ^ points[i]) * 0x100000001B3ull;
    return mix(hash);
}

static heed_status empty_slots(hd_bleu *bleu, slots *table, size_t items) {
    size_t size = 16;
    while (size / 2 < items) size *= 2;
    if (!hd_grow(bleu->context, &table->items, &table->capacity, size, sizeof *table->items)) return HEED_MEMORY;
    memset(table->items, 0, size * sizeof *table->items);
    table->mask = size - 1;
    return HEED_OK;
}

/* The slot of a word: its own, or the empty one where it belongs. */
static uint32_t *word_slot(const hd_bleu *bleu, const uint32_t *points, size_t size, uint64_t hash) {
    for (size_t at = hash & bleu->word_slots.mask;; at = (at + 1) & bleu->word_slots.mask) {
        uint32_t *slot = &bleu->word_slots.items[at];
        if (*slot == 0) return slot;
        const word *entry = &bleu->words[*slot - 1];
        if (entry->hash == hash && entry->size == size &&
            memcmp(bleu->points + entry->start, points, size * sizeof *points) == 0)
            return slot;
    }
}

static uint32_t *ngram_slot(const hd_bleu *bleu, uint32_t prefix, uint32_t last) {
    uint64_t hash = mix((uint64_t)prefix << 32 | last);
    for (size_t at = hash & bleu->ngram_slots.mask;; at = (at + 1) & bleu->ngram_slots.mask) {
        uint32_t *slot = &bleu->ngram_slots.items[at];
        if (*slot == 0) return slot;
        const ngram *entry = &bleu->ngrams[*slot - 1];
        if (entry->prefix == prefix && entry->last == last) return slot;
    }
}

static size_t count_tokens(const hd_bleu_text *text) {
    const uint32_t *points;
    size_t at = 0, size, count = 0;
    while (hd_bleu_next_token(text, &at, &points, &size)) count++;
    return count;
}

/* Turns the tokenized text into word numbers; `learn` gives new words a number, else they are NONE. */
static heed_status number_tokens(hd_bleu *bleu, bool learn) {
    size_t count = count_tokens(&bleu->text);
    if (count > UINT32_MAX / (2 * HD_BLEU_ORDERS))
        return hd_fail(bleu->context, HEED_LENGTH, "a sentence of %zu tokens is too long for BLEU", count);
    if (!hd_grow(bleu->context, &bleu->tokens, &bleu->token_capacity, count, sizeof *bleu->tokens)) return HEED_MEMORY;
    if (learn) {
        bleu->word_count = bleu->point_count = 0;
        if (!hd_grow(bleu->context, &bleu->words, &bleu->word_capacity, count, sizeof *bleu->words) ||
            !hd_grow(bleu->context, &bleu->points, &bleu->point_capacity, bleu->text.count, sizeof *bleu->points))
            return HEED_MEMORY;
        HD_TRY(empty_slots(bleu, &bleu->word_slots, count));
    }
    const uint32_t *points;
    size_t at = 0, size;
    for (bleu->token_count = 0; hd_bleu_next_token(&bleu->text, &at, &points, &size); bleu->token_count++) {
        uint64_t hash = hash_points(points, size);
        uint32_t *slot = word_slot(bleu, points, size, hash);
        if (*slot == 0 && learn) {
            memcpy(bleu->points + bleu->point_count, points, size * sizeof *points);
            bleu->words[bleu->word_count++] = (word){hash, bleu->point_count, size};
            bleu->point_count += size;
            *slot = (uint32_t)bleu->word_count;
        }
        bleu->tokens[bleu->token_count] = *slot - 1; /* NONE when the slot is empty */
    }
    return HEED_OK;
}

static heed_status count_hypothesis(hd_bleu *bleu) {
    size_t most = bleu->token_count * HD_BLEU_ORDERS;
    HD_TRY(empty_slots(bleu, &bleu->ngram_slots, most));
    if (!hd_grow(bleu->context, &bleu->ngrams, &bleu->ngram_capacity, most, sizeof *bleu->ngrams)) return HEED_MEMORY;
    bleu->ngram_count = 0;
    for (size_t start = 0; start < bleu->token_count; start++) {
        uint32_t prefix = NONE;
        for (uint32_t order = 0; order < HD_BLEU_ORDERS && start + order < bleu->token_count; order++) {
            uint32_t last = bleu->tokens[start + order];
            uint32_t *slot = ngram_slot(bleu, prefix, last);
            if (*slot == 0) {
                bleu->ngrams[bleu->ngram_count++] = (ngram){.prefix = prefix, .last = last, .order = order};
                *slot = (uint32_t)bleu->ngram_count;
            }
            prefix = *slot - 1;
            bleu->ngrams[prefix].found++;
        }
    }
    return HEED_OK;
}

static void count_reference(hd_bleu *bleu, uint32_t reference) {
    for (size_t start = 0; start < bleu->token_count; start++) {
        uint32_t prefix = NONE;
        for (size_t at = start; at < start + HD_BLEU_ORDERS && at < bleu->token_count; at++) {
            if (bleu->tokens[at] == NONE) break;
            uint32_t slot = *ngram_slot(bleu, prefix, bleu->tokens[at]);
            if (slot == 0) break;
            prefix = slot - 1;
            ngram *entry = &bleu->ngrams[prefix];
            if (entry->reference != reference) entry->reference = reference, entry->seen = 0;
            if (++entry->seen > entry->most) entry->most = entry->seen;
        }
    }
}

/* ---- the corpus --------------------------------------------------------------------------------------------------- */

heed_status hd_bleu_open(heed_context *context, const hd_bleu_options *options, hd_bleu **bleu) {
    *bleu = hd_alloc_zeroed(context, 1, sizeof **bleu);
    if (!*bleu) return HEED_MEMORY;
    (*bleu)->context = context;
    (*bleu)->options = *options;
    if (options->smooth_value == 0) (*bleu)->options.smooth_value = options->smoothing == HD_BLEU_FLOOR ? 0.1 : 1;
    hd_bleu_text_open(&(*bleu)->text, context);
    return HEED_OK;
}

void hd_bleu_close(hd_bleu *bleu) {
    if (!bleu) return;
    hd_bleu_text_close(&bleu->text);
    hd_free(bleu->context, bleu->points);
    hd_free(bleu->context, bleu->words);
    hd_free(bleu->context, bleu->ngrams);
    hd_free(bleu->context, bleu->tokens);
    hd_free(bleu->context, bleu->word_slots.items);
    hd_free(bleu->context, bleu->ngram_slots.items);
    hd_free(bleu->context, bleu);
}

static bool ends_in_a_tokenized_stop(const char *text, size_t size) {
    while (size > 0 && strchr(" \t\r\n", text[size - 1])) size--;
    return size >= 2 && text[size - 2] == ' ' && text[size - 1] == '.';
}

static heed_status take_apart(hd_bleu *bleu, const char *text, size_t size, bool learn) {
    HD_TRY(hd_bleu_tokenize(&bleu->text, bleu->options.tokenizer, bleu->options.lowercase, text, size));
    return number_tokens(bleu, learn);
}

heed_status hd_bleu_add(hd_bleu *bleu, const char *hypothesis, size_t size, const char *const *references,
                        const size_t *sizes, size_t count) {
    if (count == 0 || count > UINT32_MAX)
        return hd_fail(bleu->context, HEED_ARGUMENT, "BLEU needs at least one reference for each hypothesis");
    HD_TRY(take_apart(bleu, hypothesis, size, true));
    HD_TRY(count_hypothesis(bleu));
    int64_t length = (int64_t)bleu->token_count, closest = -1;
    for (size_t i = 0; i < count; i++) {
        HD_TRY(take_apart(bleu, references[i], sizes[i], false));
        count_reference(bleu, (uint32_t)(i + 1));
        int64_t candidate = (int64_t)bleu->token_count;
        int64_t difference = llabs(length - candidate) - llabs(length - closest);
        if (closest < 0 || difference < 0 || (difference == 0 && candidate < closest)) closest = candidate;
    }
    for (size_t i = 0; i < bleu->ngram_count; i++) { /* a match counts at most as often as one reference has it */
        const ngram *entry = &bleu->ngrams[i];
        bleu->matches[entry->order] += hd_min(entry->found, entry->most);
        bleu->totals[entry->order] += entry->found;
    }
    bleu->hypothesis_length += length;
    bleu->reference_length += closest;
    bleu->tokenized += ends_in_a_tokenized_stop(hypothesis, size);
    bleu->references = bleu->sentences == 0 || bleu->references == (int64_t)count ? (int64_t)count : -1;
    bleu->sentences++;
    return HEED_OK;
}

/* Fills the precisions, smoothed, and returns how many orders the score is to average. */
static int smooth(const hd_bleu *bleu, double precisions[HD_BLEU_ORDERS]) {
    const hd_bleu_options *options = &bleu->options;
    int orders = options->effective_order ? 0 : HD_BLEU_ORDERS;
    double halved = 1;
    for (int i = 0; i < HD_BLEU_ORDERS; i++) {
        double added = options->smoothing == HD_BLEU_ADD_K && i > 0 ? options->smooth_value : 0;
        double matches = (double)bleu->matches[i] + added, total = (double)bleu->totals[i] + added;
        if (total == 0) break;
        if (options->effective_order) orders = i + 1;
        if (matches != 0) {
            precisions[i] = 100 * matches / total;
        } else if (options->smoothing == HD_BLEU_EXP) {
            halved *= 2;
            precisions[i] = 100 / (halved * total);
        } else if (options->smoothing == HD_BLEU_FLOOR) {
            precisions[i] = 100 * options->smooth_value / total;
        }
    }
    return orders;
}

void hd_bleu_score(const hd_bleu *bleu, hd_bleu_result *result) {
    *result = (hd_bleu_result){.hypothesis_length = bleu->hypothesis_length,
                               .reference_length = bleu->reference_length,
                               .sentences = bleu->sentences,
                               .brevity_penalty = 1};
    memcpy(result->matches, bleu->matches, sizeof result->matches);
    memcpy(result->totals, bleu->totals, sizeof result->totals);
    double hypothesis = (double)bleu->hypothesis_length, reference = (double)bleu->reference_length;
    if (reference > 0) result->ratio = hypothesis / reference;
    if (hypothesis < reference) result->brevity_penalty = hypothesis > 0 ? exp(1 - reference / hypothesis) : 0;
    if (bleu->tokenized >= TOKENIZED_HYPOTHESES && bleu->options.tokenizer != HD_BLEU_NONE)
        hd_note(bleu->context, "%lld hypotheses end in \" .\": BLEU is for text that is not tokenized",
                (long long)bleu->tokenized);

    bool any = false; /* without one match, smoothing is undefined */
    for (int i = 0; i < HD_BLEU_ORDERS; i++) any = any || bleu->matches[i] > 0;
    if (!any) return;
    int orders = smooth(bleu, result->precisions);
    double sum = 0;
    for (int i = 0; i < orders; i++) {
        double precision = result->precisions[i];
        sum += precision > 0 ? log(precision) : -9999999999.0; /* sacrebleu's logarithm of zero */
    }
    result->score = result->brevity_penalty * exp(sum / orders);
}

/* ---- in words ----------------------------------------------------------------------------------------------------- */

static void append_number(hd_buffer *out, double number, int digits) {
    char text[64];
    hd_print_number(text, sizeof text, "%.*f", digits, number);
    hd_buffer_text(out, text);
}

/* The signature's fields, each as prefix, name, middle, value, suffix; `between` separates them. */
static void append_fields(const hd_bleu *bleu, const char *prefix, const char *middle, const char *suffix,
                          const char *between, hd_buffer *out) {
    static const char *const smoothings[] = {"exp", "floor", "add-k", "none"};
    const hd_bleu_options *options = &bleu->options;
    char references[24] = "var", smoothing[48];
    if (bleu->references >= 0) snprintf(references, sizeof references, "%lld", (long long)bleu->references);
    snprintf(smoothing, sizeof smoothing, "%s", smoothings[options->smoothing]);
    if (options->smoothing == HD_BLEU_FLOOR || options->smoothing == HD_BLEU_ADD_K)
        hd_print_number(smoothing, sizeof smoothing, "%s[%.2f]", smoothings[options->smoothing], options->smooth_value);
    const char *const fields[][2] = {{"nrefs", references},
                                     {"case", options->lowercase ? "lc" : "mixed"},
                                     {"eff", options->effective_order ? "yes" : "no"},
                                     {"tok", hd_bleu_tokenizer_name(options->tokenizer)},
                                     {"smooth", smoothing},
                                     {"heed", HEED_VERSION}};
    for (size_t i = 0; i < HD_COUNT(fields); i++) {
        if (i) hd_buffer_text(out, between);
        hd_buffer_text(out, prefix);
        hd_buffer_text(out, fields[i][0]);
        hd_buffer_text(out, middle);
        hd_buffer_text(out, fields[i][1]);
        hd_buffer_text(out, suffix);
    }
}

void hd_bleu_signature(const hd_bleu *bleu, hd_buffer *out) { append_fields(bleu, "", ":", "", "|", out); }

void hd_bleu_verbose(const hd_bleu_result *result, hd_buffer *out) {
    for (int i = 0; i < HD_BLEU_ORDERS; i++) {
        if (i) hd_buffer_byte(out, '/');
        append_number(out, result->precisions[i], 1);
    }
    hd_buffer_text(out, " (BP = ");
    append_number(out, result->brevity_penalty, 3);
    hd_buffer_text(out, " ratio = ");
    append_number(out, result->ratio, 3);
    hd_buffer_format(out, " hyp_len = %lld ref_len = %lld)", (long long)result->hypothesis_length,
                     (long long)result->reference_length);
}

void hd_bleu_line(const hd_bleu *bleu, const hd_bleu_result *result, int digits, hd_buffer *out) {
    hd_buffer_text(out, "BLEU|");
    hd_bleu_signature(bleu, out);
    hd_buffer_text(out, " = ");
    append_number(out, result->score, digits);
    hd_buffer_byte(out, ' ');
    hd_bleu_verbose(result, out);
}

/* A rounded score as Python prints the float: without zeros at its end, but with one decimal at least. */
static void append_score(hd_buffer *out, double score, int digits) {
    char text[64];
    int length = hd_print_number(text, sizeof text, "%.*f", digits, score);
    while (length > 2 && text[length - 1] == '0' && text[length - 2] != '.' && strchr(text, '.')) length--;
    hd_buffer_append(out, text, (size_t)length);
    if (digits == 0) hd_buffer_text(out, ".0");
}

void hd_bleu_json(const hd_bleu *bleu, const hd_bleu_result *result, int digits, hd_buffer *out) {
    hd_buffer_text(out, "{\"name\": \"BLEU\", \"score\": ");
    append_score(out, result->score, digits);
    hd_buffer_text(out, ", \"signature\": \"");
    hd_bleu_signature(bleu, out);
    hd_buffer_text(out, "\", \"verbose_score\": \"");
    hd_bleu_verbose(result, out);
    hd_buffer_text(out, "\", ");
    append_fields(bleu, "\"", "\": \"", "\"", ", ", out);
    hd_buffer_byte(out, '}');
}
