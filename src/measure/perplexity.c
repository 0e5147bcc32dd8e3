/* Perplexity: e to the mean loss of the target tokens. */
#include "base/arena.h"
#include "text/unicode.h"
#include "measure/evaluate.h"
#include "data/batch.h"
#include "data/readers/readers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct perplexity_settings {
    bool whole_file;
    int64_t window, stride;
    char *source, *target;
} perplexity_settings;

#define F(field) offsetof(perplexity_settings, field)

static const hd_setting rows[] = {
    {"whole-file", HD_SETTING_BOOL, F(whole_file), NULL, 0, 0, NULL, "each file is one text, not one text per line"},
    {"window", HD_SETTING_INT, F(window), "0", 0, 1 << 24, "NUMBER",
     "tokens per window; 0: as many as the model has positions"},
    {"stride", HD_SETTING_INT, F(stride), "0", 0, 1 << 24, "NUMBER",
     "tokens from the start of one window to the start of the next; 0: one window, so that none overlap"},
    {"source", HD_SETTING_STRING, F(source), NULL, 0, 0, "FILE", "encoder–decoder: source texts, one per line"},
    {"target", HD_SETTING_STRING, F(target), NULL, 0, 0, "FILE",
     "encoder–decoder: translations of source, line by line"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(perplexity_settings)};

heed_status heed_perplexity_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* An example of which all targets but the first `known` are scored; those are context alone. */
typedef struct segment {
    hd_pair pair;
    int64_t known;
} segment;

typedef struct scoring {
    const hd_measuring *call;
    const perplexity_settings *settings;
    const heed_tokenizer *tokenizer;
    const hd_network *network;
    const hd_objective *objective;
    int64_t window, stride;
    hd_pass pass;
    segment *segments; /* [count]: waiting to be scored together */
    hd_pair *pairs;
    size_t count, capacity, pair_capacity;
    int64_t waiting; /* tokens of theirs */
    hd_arena ids;    /* of theirs */
    hd_encoding source, target;
    hd_buffer enclosed;
    /* results */
    double nats;
    int64_t tokens;
    uint64_t bytes, characters, empty;
} scoring;

/* ---- scoring ---- */

/* The states that predict the targets to be scored, and those targets. */
static hd_tensor *leave_out_known(scoring *s, hd_tensor *states, const hd_batch *batch, int32_t *targets,
                                  int64_t *target_count) {
    int32_t *kept = hd_pass_alloc(&s->pass, (size_t)batch->target_count, sizeof *kept);
    if (!kept) return NULL;
    *target_count = 0;
    for (size_t i = 0; i < s->count; i++)
        for (int64_t row = batch->texts.starts[i] + s->segments[i].known; row < batch->texts.starts[i + 1]; row++) {
            kept[*target_count] = (int32_t)row;
            targets[(*target_count)++] = batch->targets[row];
        }
    return *target_count == batch->target_count ? states : hd_gather(&s->pass, states, kept, *target_count, 1, NULL);
}

static heed_status score_waiting(scoring *s) {
    const hd_network *network = s->network;
    hd_pass *pass = &s->pass;
    hd_batch batch;
    int64_t target_count = 0;
    if (!s->count) return HEED_OK;
    if (!hd_grow(s->call->context, &s->pairs, &s->pair_capacity, s->count, sizeof *s->pairs)) return HEED_MEMORY;
    for (size_t i = 0; i < s->count; i++) s->pairs[i] = s->segments[i].pair;
    hd_pass_reset(pass);
    if (!hd_batch_make(pass, s->objective, network->recipe.decoder_start, s->pairs, (int64_t)s->count, 1, &batch))
        return pass->status;
    int32_t *targets = hd_pass_alloc(pass, (size_t)batch.target_count, sizeof *targets);
    if (!targets) return pass->status;
    hd_tensor *states = leave_out_known(s, hd_batch_forward(network, pass, &batch), &batch, targets, &target_count);
    hd_cross_entropy_options options = {.bias = network->output_bias, .classes = network->output->rows};
    HD_TRY(hd_network_loss(network, pass, states, targets, &batch.texts, &options, &s->nats));
    s->tokens += target_count;
    s->count = 0;
    s->waiting = 0;
    return HEED_OK;
}

/* Adds a segment. Its ids must stay valid until it is scored. */
static heed_status add_segment(scoring *s, hd_pair pair, int64_t known) {
    enum { TOGETHER = 2048 };
    int64_t tokens = pair.source_count + pair.target_count;
    if (!hd_grow(s->call->context, &s->segments, &s->capacity, s->count + 1, sizeof *s->segments)) return HEED_MEMORY;
    s->segments[s->count++] = (segment){pair, known};
    s->waiting += tokens;
    return s->waiting < TOGETHER ? HEED_OK : score_waiting(s);
}

static int32_t *keep_ids(scoring *s, const int32_t *ids, size_t count) {
    int32_t *kept = hd_arena_alloc(&s->ids, count, sizeof *kept);
    if (kept) memcpy(kept, ids, count * sizeof *kept);
    return kept;
}

/* ---- the texts ---- */

/* A text by windows: each token but the first is a target once, in the first window that has it. */
static heed_status add_windows(scoring *s, const int32_t *ids, int64_t count) {
    int64_t done = 0; /* of ids[1 … count) */
    for (int64_t first = 0; done < count - 1; first += s->stride) {
        int64_t end = hd_min(first + s->window, count - 1);
        hd_pair pair = {.target = ids + first, .target_count = (int32_t)(end - first + 1)};
        HD_TRY(add_segment(s, pair, done - first));
        done = end;
    }
    return HEED_OK;
}

static heed_status fail_at(const scoring *s, const hd_lines *lines) {
    char place[512];
    snprintf(place, sizeof place, "%.400s: line %llu", lines->path, (unsigned long long)lines->number);
    return hd_fail_in(s->call->context, place);
}

/* Encodes a line whose ids must be below the limit. */
static heed_status encode_line(scoring *s, hd_network_side which, const hd_lines *lines, int64_t limit,
                               hd_encoding *out) {
    hd_side_tokenizer side = hd_model_side(s->call->model, which);
    if (hd_side_encode(&side, s->call->context, lines->text, lines->size, out) != HEED_OK) return fail_at(s, lines);
    for (size_t i = 0; i < out->count; i++) {
        if (out->ids[i] < limit) continue;
        const char *token = hd_tokenizer_token(side.tokenizer, out->ids[i]);
        hd_fail(s->call->context, HEED_FORMAT, "the token \"%s\" (%d) is not one that the model reads and predicts",
                token ? token : "", out->ids[i]);
        return fail_at(s, lines);
    }
    if (s->objective->cuts_texts || (int64_t)out->count <= s->window) return HEED_OK;
    hd_fail(s->call->context, HEED_LENGTH, "%zu tokens are more than the model's %lld", out->count,
            (long long)s->window);
    return fail_at(s, lines);
}

/* Counts a line's text, without its first `context` characters, and with its end where that is a target. */
static void count_text(scoring *s, const hd_lines *lines, size_t context, bool end) {
    s->bytes += lines->size - hd_utf8_offset(lines->text, lines->size, context) + end;
    s->characters += hd_utf8_count(lines->text, lines->size) - context + end;
}

/* A line as a text between two end tokens, where the vocabulary has one, as in training. */
static heed_status add_line(scoring *s, const hd_lines *lines) {
    int32_t end = hd_text_end(s->tokenizer);
    hd_encoding *e = &s->target;
    HD_TRY(encode_line(s, HD_ENCODER, lines, hd_network_classes(s->network), e));
    HD_TRY(hd_enclose_text(e, end, &s->enclosed));
    size_t count = s->enclosed.size / sizeof(int32_t);
    int32_t *ids = keep_ids(s, (const int32_t *)(const void *)s->enclosed.data, count);
    if (!ids) return HEED_MEMORY;
    count_text(s, lines, end < 0 && e->count ? e->ends[0] : 0, end >= 0);
    return add_windows(s, ids, (int64_t)count);
}

/* A line with each of its tokens masked in turn. */
static heed_status add_masked_line(scoring *s, const hd_lines *lines) {
    hd_encoding *e = &s->target;
    int32_t mask = hd_tokenizer_mask(s->tokenizer), count;
    HD_TRY(encode_line(s, HD_ENCODER, lines, hd_network_classes(s->network), e));
    count = (int32_t)e->count;
    for (int32_t i = 0; i < count; i++) {
        if (e->ends[i] == e->starts[i]) continue; /* the template's */
        int32_t *ids = keep_ids(s, e->ids, e->count), *targets = hd_arena_alloc(&s->ids, e->count, sizeof *targets);
        if (!ids || !targets) return HEED_MEMORY;
        for (int32_t j = 0; j < count; j++) targets[j] = j == i ? ids[i] : -1;
        ids[i] = mask;
        HD_TRY(add_segment(s, (hd_pair){.source = ids, .target = targets, .source_count = count, .target_count = count},
                           0));
    }
    count_text(s, lines, 0, false);
    return score_waiting(s); /* a copy of the line for each of its tokens fits into a batch */
}

/* A line that is too long is left out, and a note names it. */
static heed_status unless_too_long(scoring *s, heed_status status) {
    if (status != HEED_LENGTH) return status;
    hd_note(s->call->context, "%s; it is left out", s->call->context->message);
    return HEED_OK;
}

static heed_status read_file(scoring *s, hd_lines *lines) {
    if (s->settings->whole_file) {
        hd_whole_text whole;
        heed_status status = hd_read_whole_text(s->call->context, s->tokenizer, lines, &s->target, &whole);
        if (status == HEED_OK)
            status = add_windows(s, (const int32_t *)(const void *)whole.ids.data,
                                 (int64_t)(whole.ids.size / sizeof(int32_t)));
        if (status == HEED_OK) status = score_waiting(s);
        s->bytes += whole.bytes;
        s->characters += whole.characters;
        hd_buffer_close(&whole.ids);
        return status;
    }
    while (hd_lines_next(lines)) {
        bool blank = hd_line_is_blank(lines);
        s->empty += blank;
        if (blank) continue;
        if (!s->count) hd_arena_reset(&s->ids);
        HD_TRY(unless_too_long(s, s->objective->cuts_texts ? add_line(s, lines) : add_masked_line(s, lines)));
    }
    return lines->status;
}

static heed_status read_files(scoring *s) {
    for (size_t i = 0; i < s->call->count; i++) {
        hd_lines lines;
        HD_TRY(hd_lines_open(s->call->context, s->call->files[i], 0, &lines));
        heed_status status = read_file(s, &lines);
        hd_lines_close(&lines);
        HD_TRY(status);
    }
    return HEED_OK;
}

static heed_status add_translation(scoring *s, const hd_parallel_files *files) {
    HD_TRY(encode_line(s, HD_ENCODER, &files->files[0], s->network->recipe.vocabulary, &s->source));
    HD_TRY(encode_line(s, HD_DECODER, &files->files[1], hd_network_classes(s->network), &s->target));
    hd_pair pair = {.source = keep_ids(s, s->source.ids, s->source.count),
                    .target = keep_ids(s, s->target.ids, s->target.count),
                    .source_count = (int32_t)s->source.count,
                    .target_count = (int32_t)s->target.count};
    if (!pair.source || !pair.target) return HEED_MEMORY;
    count_text(s, &files->files[1], 0, true);
    return add_segment(s, pair, 0);
}

static heed_status read_translations(scoring *s) {
    const char *const paths[] = {s->settings->source, s->settings->target};
    hd_parallel_files files;
    bool more = true;
    heed_status status = hd_parallel_files_open(s->call->context, paths, 2, &files);
    while (status == HEED_OK) {
        status = hd_parallel_files_next(&files, &more);
        if (status != HEED_OK || !more) break;
        if (!s->count) hd_arena_reset(&s->ids);
        if (hd_line_is_blank(&files.files[0]) || hd_line_is_blank(&files.files[1]))
            s->empty++;
        else
            status = unless_too_long(s, add_translation(s, &files));
    }
    hd_parallel_files_close(&files);
    return status;
}

/* ---- the whole ---- */

/* The objective that a model learns, if perplexity applies to it; else NULL. */
static const hd_objective *objective_of(const heed_model *model) {
    for (int i = 0; hd_objective_name(i); i++) {
        const hd_objective *o = &hd_objectives[i];
        if (o->perplexity && hd_model_predicts(model, o->head, o->encodes, o->decodes)) return o;
    }
    return NULL;
}

/* Chooses what is measured, by the model and the options, or refuses. */
static heed_status resolve(scoring *s) {
    heed_context *context = s->call->context;
    const heed_model *model = s->call->model;
    const perplexity_settings *o = s->settings;
    const hd_recipe *recipe = &s->network->recipe;
    bool pairs = o->source && o->target;
    s->objective = objective_of(model);
    if (!s->objective)
        return hd_fail(context, HEED_UNSUPPORTED, "%s is a %s, which gives no probabilities of words", model->folder,
                       hd_family_architecture(model->family, recipe->head));
    if (s->objective->two_files && (!pairs || s->call->count))
        return hd_fail(context, HEED_ARGUMENT, "%s translates: source and target name the files to measure it on",
                       model->folder);
    if (!s->objective->two_files && (o->source || o->target || !s->call->count))
        return hd_fail(context, HEED_ARGUMENT, "%s does not translate: it is measured on files of text alone",
                       model->folder);
    if (!s->objective->cuts_texts && (o->whole_file || o->window || o->stride))
        return hd_fail(context, HEED_ARGUMENT, "whole-file, window and stride are for language models");
    s->window = o->window ? o->window : hd_recipe_max_positions(recipe);
    s->stride = o->stride ? o->stride : s->window;
    if (s->window > hd_recipe_max_positions(recipe))
        return hd_fail(context, HEED_ARGUMENT, "window is %lld, but the model has %lld positions", (long long)s->window,
                       (long long)hd_recipe_max_positions(recipe));
    if (s->stride > s->window)
        return hd_fail(context, HEED_ARGUMENT, "stride is %lld, more than the window's %lld", (long long)s->stride,
                       (long long)s->window);
    return HEED_OK;
}

static void report(const scoring *s) {
    hd_buffer *out = s->call->out;
    double loss = s->nats / (double)s->tokens, bits = s->nats / log(2);
    double by_byte = bits / (double)(s->bytes ? s->bytes : 1);
    double by_character = bits / (double)(s->characters ? s->characters : 1);
    if (s->call->json) {
        hd_buffer_format(out, "{\"%s\": ", s->objective->perplexity);
        hd_report_number(out, "%.9g, \"loss\": ", exp(loss));
        hd_report_number(out, "%.9g, \"bits_per_byte\": ", loss);
        hd_report_number(out, "%.9g, \"bits_per_character\": ", by_byte);
        hd_report_number(out, "%.9g, ", by_character);
        hd_buffer_format(out, "\"tokens\": %lld, \"bytes\": %llu, \"characters\": %llu}", (long long)s->tokens,
                         (unsigned long long)s->bytes, (unsigned long long)s->characters);
        return;
    }
    for (const char *c = s->objective->perplexity; *c; c++) hd_buffer_byte(out, *c == '_' ? '-' : *c);
    hd_report_number(out, " %.4f", exp(loss));
    hd_report_number(out, "  loss %.4f nats per token", loss);
    hd_report_number(out, "  %.4f bits per byte", by_byte);
    hd_report_number(out, "  %.4f bits per character", by_character);
    hd_buffer_format(out, "  (%lld tokens, %llu bytes)", (long long)s->tokens, (unsigned long long)s->bytes);
}

static heed_status score(scoring *s) {
    heed_context *context = s->call->context;
    HD_TRY(resolve(s));
    HD_TRY(hd_network_pack(s->call->model->network));
    HD_TRY(s->objective->two_files ? read_translations(s) : read_files(s));
    HD_TRY(score_waiting(s));
    if (s->empty) hd_note(context, "%llu empty lines are left out", (unsigned long long)s->empty);
    if (!s->tokens) return hd_fail(context, HEED_FORMAT, "there is no target token");
    if (!isfinite(s->nats)) return hd_fail(context, HEED_NUMERIC, "the loss is %f", s->nats);
    report(s);
    return HEED_OK;
}

static heed_status measure(const hd_measuring *m) {
    scoring s = {.call = m, .settings = m->settings, .tokenizer = m->model->tokenizer, .network = m->model->network};
    hd_pass_open(&s.pass, m->context, NULL);
    hd_arena_open(&s.ids, m->context);
    hd_buffer_open(&s.enclosed, m->context);
    heed_status status = score(&s);
    hd_pass_close(&s.pass);
    hd_arena_close(&s.ids);
    hd_buffer_close(&s.enclosed);
    hd_encoding_close(&s.source);
    hd_encoding_close(&s.target);
    hd_free(m->context, s.segments);
    hd_free(m->context, s.pairs);
    return status;
}

heed_status heed_evaluate_perplexity(heed_model *model, const heed_options *options, const char *const *files,
                                     size_t count, bool json, char **out) {
    hd_measuring m = {.context = model->context, .model = model, .files = files, .count = count, .json = json};
    return hd_measure(m, &table, options, measure, out);
}
