#include "train/corpus.h"

#include "base/lines.h"

#include <stdio.h>
#include <string.h>

enum { HEADER = 4 }; /* int32s in front of a pair */

typedef struct building {
    heed_context *context;
    const heed_tokenizer *tokenizer;
    const hd_corpus_options *options;
    hd_lines source, target;
    hd_writer tokens, index;
    hd_encoding encoded_source, encoded_target;
    uint64_t at, count, target_tokens, empty, long_ones;
} building;

static heed_status encode(building *b, const hd_lines *lines, const char *path, hd_encoding *out) {
    if (hd_tokenizer_encode(b->tokenizer, b->context, lines->text, lines->size, true, out) == HEED_OK) return HEED_OK;
    char place[512];
    snprintf(place, sizeof place, "%.400s: line %llu", path, (unsigned long long)lines->number);
    return hd_fail_in(b->context, place);
}

static heed_status add_pair(building *b) {
    if (!b->source.size || !b->target.size) {
        b->empty++;
        return HEED_OK;
    }
    HD_TRY(encode(b, &b->source, b->options->source, &b->encoded_source));
    HD_TRY(encode(b, &b->target, b->options->target, &b->encoded_target));
    size_t counts[] = {b->encoded_source.count, b->encoded_target.count};
    if ((int64_t)counts[0] > b->options->most || (int64_t)counts[1] > b->options->most) {
        b->long_ones++;
        return HEED_OK;
    }
    static const char zeros[sizeof(int32_t)];
    size_t bytes[] = {0, 0};
    if (b->options->bpe_dropout > 0) bytes[0] = b->source.size, bytes[1] = b->target.size;
    size_t words = (bytes[0] + bytes[1] + sizeof zeros - 1) / sizeof zeros; /* of text */
    int32_t header[] = {(int32_t)counts[0], (int32_t)counts[1], (int32_t)bytes[0], (int32_t)bytes[1]};
    HD_TRY(hd_writer_write(&b->index, &b->at, sizeof b->at));
    HD_TRY(hd_writer_write(&b->tokens, header, sizeof header));
    HD_TRY(hd_writer_write(&b->tokens, b->encoded_source.ids, counts[0] * sizeof(int32_t)));
    HD_TRY(hd_writer_write(&b->tokens, b->encoded_target.ids, counts[1] * sizeof(int32_t)));
    HD_TRY(hd_writer_write(&b->tokens, b->source.text, bytes[0]));
    HD_TRY(hd_writer_write(&b->tokens, b->target.text, bytes[1]));
    HD_TRY(hd_writer_write(&b->tokens, zeros, words * sizeof zeros - bytes[0] - bytes[1]));
    b->at += HEADER + counts[0] + counts[1] + words;
    b->target_tokens += counts[1];
    b->count++;
    return HEED_OK;
}

static heed_status read_pairs(building *b) {
    for (;;) {
        bool source = hd_lines_next(&b->source), target = hd_lines_next(&b->target);
        if (b->source.status != HEED_OK || b->target.status != HEED_OK) return b->context->status;
        if (!source && !target) return HEED_OK;
        if (source != target) {
            uint64_t lines[] = {b->source.number, b->target.number};
            while (source && hd_lines_next(&b->source)) lines[0] = b->source.number;
            while (target && hd_lines_next(&b->target)) lines[1] = b->target.number;
            return hd_fail(b->context, HEED_FORMAT, "%s has %llu lines, but %s has %llu", b->options->source,
                           (unsigned long long)lines[0], b->options->target, (unsigned long long)lines[1]);
        }
        HD_TRY(add_pair(b));
    }
}

static heed_status build(building *b, hd_corpus *corpus) {
    HD_TRY(hd_lines_open(b->context, b->options->source, 0, &b->source));
    HD_TRY(hd_lines_open(b->context, b->options->target, 0, &b->target));
    HD_TRY(hd_writer_open(b->context, corpus->tokens_path, &b->tokens));
    HD_TRY(hd_writer_open(b->context, corpus->index_path, &b->index));
    HD_TRY(read_pairs(b));
    if (b->empty) hd_note(b->context, "%llu pairs with an empty line are left out", (unsigned long long)b->empty);
    if (b->long_ones)
        hd_note(b->context, "%llu pairs of more than %lld tokens are left out", (unsigned long long)b->long_ones,
                (long long)b->options->most);
    if (!b->count)
        return hd_fail(b->context, HEED_FORMAT, "%s and %s hold no pair to train on", b->options->source,
                       b->options->target);
    HD_TRY(hd_writer_commit(&b->tokens));
    return hd_writer_commit(&b->index);
}

static char *file_name(heed_context *context, const char *folder, const char *name, const char *ending) {
    char full[128];
    snprintf(full, sizeof full, "%s.%s", name, ending);
    return hd_path_join(context, folder, full);
}

heed_status hd_corpus_open(heed_context *context, const heed_tokenizer *tokenizer, const hd_corpus_options *options,
                           hd_corpus *corpus) {
    *corpus = (hd_corpus){.context = context,
                          .tokenizer = tokenizer,
                          .most = options->most,
                          .bpe_dropout = options->bpe_dropout,
                          .seed = options->seed};
    corpus->tokens_path = file_name(context, options->folder, options->name, "tokens");
    corpus->index_path = file_name(context, options->folder, options->name, "index");
    if (!corpus->tokens_path || !corpus->index_path) return HEED_MEMORY;
    building b = {.context = context,
                  .tokenizer = tokenizer,
                  .options = options,
                  .tokens.descriptor = -1,
                  .index.descriptor = -1};
    b.source.descriptor = b.target.descriptor = -1;
    b.source.context = b.target.context = b.tokens.context = b.index.context = context;
    b.tokens.pending.context = b.index.pending.context = context;
    heed_status status = build(&b, corpus);
    hd_lines_close(&b.source);
    hd_lines_close(&b.target);
    hd_writer_abandon(&b.tokens);
    hd_writer_abandon(&b.index);
    hd_encoding_close(&b.encoded_source);
    hd_encoding_close(&b.encoded_target);
    HD_TRY(status);
    HD_TRY(hd_map_open(context, corpus->tokens_path, &corpus->tokens));
    HD_TRY(hd_map_open(context, corpus->index_path, &corpus->index));
    corpus->count = b.count;
    corpus->target_tokens = b.target_tokens;
    return HEED_OK;
}

void hd_corpus_close(hd_corpus *corpus) {
    if (!corpus->context) return;
    hd_encoding_close(&corpus->drawn);
    hd_map_close(&corpus->tokens);
    hd_map_close(&corpus->index);
    if (corpus->tokens_path) remove(corpus->tokens_path);
    if (corpus->index_path) remove(corpus->index_path);
    hd_free(corpus->context, corpus->tokens_path);
    hd_free(corpus->context, corpus->index_path);
}

static const int32_t *find(const hd_corpus *corpus, uint64_t number) {
    const uint64_t *index = (const uint64_t *)(const void *)corpus->index.data;
    return (const int32_t *)(const void *)corpus->tokens.data + index[number];
}

hd_pair hd_corpus_get(const hd_corpus *corpus, uint64_t number) {
    const int32_t *at = find(corpus, number), *ids = at + HEADER;
    return (hd_pair){number, ids, ids + at[0], at[0], at[1]};
}

/* ---- encoding anew ---- */

/* Puts other ids in the place of a side's, unless there are too many. */
static heed_status draw_side(hd_corpus *corpus, const char *text, int32_t size, hd_random_key key, uint64_t sentence,
                             hd_arena *arena, const int32_t **ids, int32_t *count) {
    hd_encode_options options = {.add_special = true, .dropout = corpus->bpe_dropout, .key = key, .sentence = sentence};
    hd_encoding *drawn = &corpus->drawn;
    HD_TRY(hd_tokenizer_encode_with(corpus->tokenizer, corpus->context, text, (size_t)size, &options, drawn));
    if ((int64_t)drawn->count > corpus->most) return HEED_OK;
    int32_t *copy = hd_arena_alloc(arena, drawn->count, sizeof *copy);
    if (!copy) return HEED_MEMORY;
    memcpy(copy, drawn->ids, drawn->count * sizeof *copy);
    *ids = copy;
    *count = (int32_t)drawn->count;
    return HEED_OK;
}

heed_status hd_corpus_draw(hd_corpus *corpus, uint64_t number, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    *pair = hd_corpus_get(corpus, number);
    if (!(corpus->bpe_dropout > 0)) return HEED_OK;
    hd_random_key key = hd_random_key_make(corpus->seed, HD_RANDOM_SEGMENT, epoch);
    const int32_t *at = find(corpus, number);
    const char *text = (const char *)(at + HEADER + at[0] + at[1]);
    HD_TRY(draw_side(corpus, text, at[2], key, 2 * number, arena, &pair->source, &pair->source_count));
    return draw_side(corpus, text + at[2], at[3], key, 2 * number + 1, arena, &pair->target, &pair->target_count);
}
