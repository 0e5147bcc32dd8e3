#include "data/corpus.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 4 }; /* int32s in front of an example */

/* ---- building ---- */

heed_status hd_corpus_encode(hd_corpus_builder *b, const hd_lines *lines, const char *path, hd_encoding *out) {
    const hd_side_tokenizer source = {b->tokenizer, 0}, *targets = &b->options->targets;
    const hd_side_tokenizer *side = lines == &b->target && targets->tokenizer ? targets : &source;
    if (hd_side_encode(side, b->context, lines->text, lines->size, out) == HEED_OK) return HEED_OK;
    char place[512];
    snprintf(place, sizeof place, "%.400s: line %llu", path, (unsigned long long)lines->number);
    return hd_fail_in(b->context, place);
}

heed_status hd_corpus_refuse(hd_corpus_builder *b, const hd_lines *lines, const char *path, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hd_fail(b->context, HEED_FORMAT, "%s: line %llu: %s", path, (unsigned long long)lines->number, text);
}

heed_status hd_corpus_refuse_lengths(hd_corpus_builder *b, bool source, bool target) {
    uint64_t lines[] = {b->source.number, b->target.number};
    while (source && hd_lines_next(&b->source)) lines[0] = b->source.number;
    while (target && hd_lines_next(&b->target)) lines[1] = b->target.number;
    return hd_fail(b->context, HEED_FORMAT, "%s has %llu lines, but %s has %llu", b->options->source,
                   (unsigned long long)lines[0], b->options->target, (unsigned long long)lines[1]);
}

/* An example with an id that the model lacks would end a training run in the middle. */
static heed_status check_ids(hd_corpus_builder *b, const hd_side *side, int64_t limit, bool is_target) {
    bool of_target = is_target && b->target.descriptor >= 0;
    for (size_t i = 0; limit && i < side->count; i++) {
        if (side->ids[i] < limit) continue;
        const heed_tokenizer *targets = b->options->targets.tokenizer;
        const char *token = hd_tokenizer_token(of_target && targets ? targets : b->tokenizer, side->ids[i]);
        return hd_corpus_refuse(b, of_target ? &b->target : &b->source,
                                of_target ? b->options->target : b->options->source,
                                is_target ? "the token \"%s\" (%d) is not one that the model predicts"
                                          : "the token \"%s\" (%d) is not one of the model's",
                                token ? token : "", side->ids[i]);
    }
    return HEED_OK;
}

heed_status hd_corpus_add(hd_corpus_builder *b, hd_side source, hd_side target, uint64_t targets) {
    HD_TRY(check_ids(b, &source, b->options->vocabulary, false));
    HD_TRY(check_ids(b, &target, b->options->classes, true));
    if ((int64_t)source.count > b->options->most || (!b->window && (int64_t)target.count > b->options->most)) {
        b->long_ones++;
        return HEED_OK;
    }
    static const char zeros[sizeof(int32_t)];
    if (!(b->options->bpe_dropout > 0)) source.size = target.size = 0;
    size_t words = (source.size + target.size + sizeof zeros - 1) / sizeof zeros; /* of text */
    int32_t header[] = {(int32_t)source.count, (int32_t)target.count, (int32_t)source.size, (int32_t)target.size};
    hd_corpus_place place = {b->at, b->line ? b->line : b->source.number};
    HD_TRY(hd_writer_write(&b->index, &place, sizeof place));
    HD_TRY(hd_writer_write(&b->tokens, header, sizeof header));
    HD_TRY(hd_writer_write(&b->tokens, source.ids, source.count * sizeof(int32_t)));
    HD_TRY(hd_writer_write(&b->tokens, target.ids, target.count * sizeof(int32_t)));
    HD_TRY(hd_writer_write(&b->tokens, source.text, source.size));
    HD_TRY(hd_writer_write(&b->tokens, target.text, target.size));
    HD_TRY(hd_writer_write(&b->tokens, zeros, words * sizeof zeros - source.size - target.size));
    b->at += HEADER + source.count + target.count + words;
    b->targets += targets;
    b->count++;
    return HEED_OK;
}

/* The words of an example whose header is at `header`; 0 if a number in it is negative. */
static uint64_t example_size(const int32_t *header) {
    if (header[0] < 0 || header[1] < 0 || header[2] < 0 || header[3] < 0) return 0;
    uint64_t bytes = (uint64_t)header[2] + (uint64_t)header[3];
    return HEADER + (uint64_t)header[0] + (uint64_t)header[1] + (bytes + sizeof(int32_t) - 1) / sizeof(int32_t);
}

/* Every example lies within the tokens, whatever the file system returned. */
static heed_status check_places(const hd_corpus *corpus, uint64_t count) {
    const hd_corpus_place *index = (const hd_corpus_place *)(const void *)corpus->index.data;
    const int32_t *tokens = (const int32_t *)(const void *)corpus->tokens.data;
    uint64_t words = corpus->tokens.size / sizeof *tokens;
    bool fine = corpus->index.size == count * sizeof *index;
    for (uint64_t i = 0; i < count && fine; i++) {
        fine = index[i].at <= words && words - index[i].at >= HEADER;
        uint64_t size = fine ? example_size(tokens + index[i].at) : 0;
        fine = size && size <= words - index[i].at;
    }
    if (fine) return HEED_OK;
    return hd_fail(corpus->context, HEED_FILE, "%s: the temporary file of training examples was damaged",
                   corpus->options.folder);
}

static heed_status build(hd_corpus_builder *b, hd_corpus *corpus) {
    const hd_corpus_options *o = b->options;
    HD_TRY(hd_lines_open(b->context, o->source, 0, &b->source));
    if (o->target) HD_TRY(hd_lines_open(b->context, o->target, 0, &b->target));
    HD_TRY(hd_writer_open_unnamed(b->context, o->folder, &b->tokens));
    HD_TRY(hd_writer_open_unnamed(b->context, o->folder, &b->index));
    HD_TRY(o->read(b));
    const char *examples = o->target ? "pairs" : "texts";
    if (b->empty)
        hd_note(b->context, "%llu %s with an empty line are left out", (unsigned long long)b->empty, examples);
    if (b->long_ones)
        hd_note(b->context, "%llu %s of more than %lld tokens are left out", (unsigned long long)b->long_ones, examples,
                (long long)o->most);
    if (!b->count)
        return o->target ? hd_fail(b->context, HEED_FORMAT, "%s and %s hold no pair to train on", o->source, o->target)
                         : hd_fail(b->context, HEED_FORMAT, "%s holds nothing to train on", o->source);
    HD_TRY(hd_writer_map(&b->tokens, &corpus->tokens));
    HD_TRY(hd_writer_map(&b->index, &corpus->index));
    corpus->checksum = hd_checksum_step(hd_checksum_value(&b->tokens.checksum), hd_checksum_value(&b->index.checksum));
    return check_places(corpus, b->count);
}

/* ---- what was built ---- */

static const int32_t *find(const hd_corpus *corpus, uint64_t number) {
    const hd_corpus_place *index = (const hd_corpus_place *)(const void *)corpus->index.data;
    return (const int32_t *)(const void *)corpus->tokens.data + index[number].at;
}

uint64_t hd_corpus_line(const hd_corpus *corpus, uint64_t number) {
    return corpus->window ? 0 : ((const hd_corpus_place *)(const void *)corpus->index.data)[number].line;
}

heed_status hd_corpus_open(heed_context *context, const heed_tokenizer *tokenizer, const hd_corpus_options *options,
                           hd_corpus *corpus) {
    *corpus = (hd_corpus){.context = context, .tokenizer = tokenizer, .options = *options};
    hd_corpus_builder b = {.context = context, .tokenizer = tokenizer, .options = options};
    b.source.descriptor = b.target.descriptor = -1;
    b.source.context = b.target.context = context;
    hd_writer_init(context, &b.tokens);
    hd_writer_init(context, &b.index);
    heed_status status = build(&b, corpus);
    hd_lines_close(&b.source);
    hd_lines_close(&b.target);
    hd_writer_abandon(&b.tokens);
    hd_writer_abandon(&b.index);
    hd_encoding_close(&b.encoded_source);
    hd_encoding_close(&b.encoded_target);
    HD_TRY(status);
    corpus->lines = b.source.number;
    corpus->window = b.window;
    corpus->count = b.window ? (uint64_t)((find(corpus, 0)[1] - 1) / b.window) : b.count;
    corpus->targets = b.window ? corpus->count * (uint64_t)b.window : b.targets;
    return HEED_OK;
}

void hd_corpus_close(hd_corpus *corpus) {
    if (!corpus->context) return;
    hd_encoding_close(&corpus->drawn);
    hd_map_close(&corpus->tokens);
    hd_map_close(&corpus->index);
}

/* header | source ids | target ids | source text | target text, the texts of examples that are encoded anew */
static hd_pair pair_at(uint64_t number, const int32_t *at) {
    const int32_t *source = at + HEADER, *target = source + at[0];
    hd_pair pair = {number, source, target, at[0], at[1], NULL, NULL, at[2], at[3]};
    if (at[2]) pair.source_text = (const char *)(target + at[1]);
    if (at[3]) pair.target_text = (const char *)(target + at[1]) + at[2];
    return pair;
}

hd_pair hd_corpus_get(const hd_corpus *corpus, uint64_t number) {
    if (!corpus->window) return pair_at(number, find(corpus, number));
    hd_pair pair = pair_at(number, find(corpus, 0)); /* a segment of the one text */
    pair.source = NULL;
    pair.target += (int64_t)number * corpus->window;
    pair.target_count = (int32_t)corpus->window + 1;
    return pair;
}

heed_status hd_corpus_draw(hd_corpus *corpus, uint64_t number, uint64_t epoch, hd_arena *arena, hd_pair *pair) {
    *pair = hd_corpus_get(corpus, number);
    return corpus->options.draw ? corpus->options.draw(corpus, epoch, arena, pair) : HEED_OK;
}
