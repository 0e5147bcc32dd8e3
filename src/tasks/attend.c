/* A text in, the attention that a model paid to it out, as numbers and as pictures. */
#include "base/file.h"
#include "base/float_environment.h"
#include "base/options.h"
#include "decode/decode.h"
#include "inspect/capture.h"
#include "inspect/draw.h"
#include "inspect/words.h"
#include "models/model.h"

#include <string.h>

/* ---- options ---------------------------------------------------------------------------------------------------- */

typedef enum picture_format { BY_NAME, TEXT, SVG, HTML, JSON, NPY } picture_format;

typedef struct settings {
    char *target; /* NULL: the model's own translation */
    hd_generation generation;
    bool pieces;
    int kind;            /* 0: cross-attention where there is some, else the first map; then hd_attention_kind + 1 */
    int64_t layer, head; /* from 1; 0: the mean of all */
    bool grid, lines;
    int format; /* picture_format */
} settings;

#define F(field) offsetof(settings, field)

static const hd_setting rows[] = {
    {"target", HD_SETTING_STRING, F(target), NULL, 0, 0, "TEXT",
     "a translation to look at in place of the model's own"},
    {"beams", HD_SETTING_INT, F(generation.beams), "1", 1, 1024, "NUMBER",
     "hypotheses kept while translating; 1 is greedy"},
    {"max-new-tokens", HD_SETTING_INT, F(generation.max_new_tokens), "0", 0, 1 << 20, "NUMBER",
     "longest translation in tokens; 0 leaves it to the model"},
    {"pieces", HD_SETTING_BOOL, F(pieces), NULL, 0, 0, NULL, "the tokenizer's pieces, not joined into words"},
    {"kind", HD_SETTING_CHOICE, F(kind), "auto", 0, 0, "auto|encoder|decoder|cross",
     "whose attention; auto: cross where there is some (json, html: all)"},
    {"layer", HD_SETTING_INT, F(layer), "0", 0, 1 << 20, "NUMBER", "which layer, from 1; 0 for the mean of all"},
    {"head", HD_SETTING_INT, F(head), "0", 0, 1 << 20, "NUMBER", "which head, from 1; 0 for the mean of all"},
    {"grid", HD_SETTING_BOOL, F(grid), NULL, 0, 0, NULL, "small maps of every head (text, svg)"},
    {"lines", HD_SETTING_BOOL, F(lines), NULL, 0, 0, NULL, "words in two columns with lines between them (svg)"},
    {"format", HD_SETTING_CHOICE, F(format), "auto", 0, 0, "auto|text|svg|html|json|npy",
     "what to draw; auto: by the name of --output, else text"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(settings)};

heed_status heed_attend_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* What was asked for; `generation` gives the defaults of decoding. The caller frees it, also after a failure. */
static heed_status read_settings(heed_context *context, const heed_options *options, const hd_generation *generation,
                                 settings *s) {
    *s = (settings){0};
    HD_TRY(hd_settings_default(context, rows, HD_COUNT(rows), s));
    if (generation) s->generation = *generation;
    HD_TRY(hd_options_apply(context, options, &table, s));
    s->generation.best = 1;
    return HEED_OK;
}

static void free_settings(heed_context *context, settings *s) { hd_settings_free(context, rows, HD_COUNT(rows), s); }

/* ---- looking ---------------------------------------------------------------------------------------------------- */

/* A text on its way through the model. */
typedef struct looking {
    heed_model *model;
    const settings *settings;
    const char *text;
    size_t size;
    heed_attention *attention;
    hd_arena scratch;
    hd_encoding source, target;
    int32_t *fed; /* [fed_count]: what the decoder reads: its start, then the target; by itself it reads the text */
    int64_t fed_count;
    hd_words source_words, fed_words, made_words;
} looking;

static heed_status check_length(const looking *l, const char *what, size_t tokens) {
    int64_t most = l->model->network->recipe.max_positions;
    if ((int64_t)tokens <= most) return HEED_OK;
    return hd_fail(l->model->context, HEED_LENGTH, "%s: %zu tokens are more than the model's %lld", what, tokens,
                   (long long)most);
}

static heed_status translate(looking *l, const int32_t **ids, int64_t *count) {
    heed_context *context = l->model->context;
    int32_t starts[] = {0, (int32_t)l->source.count};
    hd_layout layout = {.sequences = 1, .starts = starts};
    hd_decoder *decoder;
    hd_decoded decoded = {0};
    HD_TRY(hd_network_decoder_open(context, l->model->network, &decoder));
    heed_status status = hd_generate(&(hd_decoding){.decoder = decoder,
                                                    .generation = &l->settings->generation,
                                                    .ids = l->source.ids,
                                                    .sources = &layout,
                                                    .scratch = &l->scratch,
                                                    .kept = &l->scratch,
                                                    .decoded = &decoded});
    decoder->class->close(decoder);
    HD_TRY(status);
    if (!decoded.count) return hd_fail(context, HEED_NUMERIC, "no score that the model gives is a number");
    *ids = decoded.best[0].ids, *count = decoded.best[0].count;
    return HEED_OK;
}

static heed_status encode_target(looking *l, const int32_t **ids, int64_t *count) {
    const char *text = l->settings->target;
    HD_TRY(hd_tokenizer_encode(l->model->tokenizer, l->model->context, text, strlen(text), true, &l->target));
    HD_TRY(check_length(l, "target", l->target.count));
    *ids = l->target.ids, *count = (int64_t)l->target.count;
    if (*count && (*ids)[*count - 1] == l->model->network->recipe.eos) --*count;
    return HEED_OK;
}

static heed_status keep_string(heed_attention *attention, const char *text, size_t size, const char **kept) {
    char *copy = hd_arena_alloc(&attention->arena, size + 1, 1);
    if (!copy) return HEED_MEMORY;
    if (size) memcpy(copy, text, size);
    copy[size] = 0;
    *kept = copy;
    return HEED_OK;
}

/* The target that the decoder reads, and its words: the row that reads a word makes the next one, so cross-attention's
 * rows are called after what they make, the last one after the end. */
static heed_status prepare_target(looking *l) {
    const hd_recipe *recipe = &l->model->network->recipe;
    hd_arena *arena = &l->attention->arena;
    const int32_t *ids = NULL;
    int64_t count = 0;
    HD_TRY(l->settings->target ? encode_target(l, &ids, &count) : translate(l, &ids, &count));
    l->fed_count = hd_min(count + 1, recipe->max_positions);
    l->fed = hd_arena_alloc(&l->scratch, (size_t)count + 1, sizeof *l->fed);
    int32_t *made = hd_arena_alloc(&l->scratch, (size_t)count + 1, sizeof *made);
    if (!l->fed || !made) return HEED_MEMORY;
    l->fed[0] = recipe->decoder_start, made[count] = recipe->eos;
    if (count) memcpy(l->fed + 1, ids, (size_t)count * sizeof *ids), memcpy(made, ids, (size_t)count * sizeof *ids);
    HD_TRY(hd_words_of_ids(l->model->tokenizer, l->fed, l->fed_count, arena, &l->fed_words));
    HD_TRY(hd_words_of_ids(l->model->tokenizer, made, l->fed_count, arena, &l->made_words));
    if (hd_tokenizer_is_special(l->model->tokenizer, recipe->decoder_start))
        l->fed_words.piece_labels[0] = l->fed_words.word_labels[0] = "<start>"; /* models borrow the pad for it */
    hd_buffer text;
    hd_buffer_open(&text, l->model->context);
    heed_status status = hd_tokenizer_decode(l->model->tokenizer, ids, (size_t)count, true, &text);
    if (status == HEED_OK) status = keep_string(l->attention, text.data, text.size, &l->attention->target);
    hd_buffer_close(&text);
    return status;
}

static heed_status join_map(hd_attention_map *map, const hd_words *queries, const hd_words *keys, hd_arena *arena) {
    int64_t heads = map->layers * map->heads, cells = queries->words * keys->words;
    float *joined = hd_arena_alloc(arena, (size_t)(heads * cells), sizeof *joined);
    if (!joined) return HEED_MEMORY;
    for (int64_t i = 0; i < heads; i++)
        hd_join_weights(map->weights + i * map->queries * map->keys, map->queries, map->keys, queries->word,
                        queries->words, keys->word, keys->words, joined + i * cells);
    map->weights = joined, map->queries = queries->words, map->keys = keys->words;
    return HEED_OK;
}

static heed_status keep_maps(looking *l, const hd_capture *capture) {
    heed_attention *attention = l->attention;
    const struct {
        const hd_words *queries, *keys;
    } sides[HD_ATTENTION_KINDS] = {
        {&l->source_words, &l->source_words}, {&l->fed_words, &l->fed_words}, {&l->made_words, &l->source_words}};
    for (int kind = 0; kind < HD_ATTENTION_KINDS; kind++) {
        hd_attention_map *map = &attention->maps[attention->count];
        const hd_words *queries = sides[kind].queries, *keys = sides[kind].keys;
        bool pieces = l->settings->pieces;
        HD_TRY(hd_capture_map(capture, (hd_attention_kind)kind, pieces ? &attention->arena : &l->scratch, map));
        if (!map->layers) continue;
        if (!pieces) HD_TRY(join_map(map, queries, keys, &attention->arena));
        map->query_labels = pieces ? queries->piece_labels : queries->word_labels;
        map->key_labels = pieces ? keys->piece_labels : keys->word_labels;
        attention->count++;
    }
    if (!attention->count)
        return hd_fail(l->model->context, HEED_UNSUPPORTED,
                       "the model has no attention: its decoder sees no states of the encoder");
    return HEED_OK;
}

static heed_status look(looking *l) {
    heed_model *model = l->model;
    heed_context *context = model->context;
    const hd_recipe *recipe = &model->network->recipe;
    hd_arena *arena = &l->attention->arena;
    l->attention->target = "";
    HD_TRY(keep_string(l->attention, l->text, l->size, &l->attention->source));
    HD_TRY(hd_network_pack(model->network));
    HD_TRY(hd_tokenizer_encode(model->tokenizer, context, l->text, l->size, true, &l->source));
    HD_TRY(check_length(l, "source", l->source.count));
    HD_TRY(hd_words_of_text(model->tokenizer, l->text, l->size, &l->source, arena, &l->source_words));
    if (!l->source_words.numbers) return hd_fail(context, HEED_ARGUMENT, "there is no text to look at");
    bool translates = recipe->encoder_layers && recipe->decoder_layers;
    if (l->settings->target && !translates)
        return hd_fail(context, HEED_ARGUMENT, "there is no target for a model that does not translate");
    if (translates)
        HD_TRY(prepare_target(l));
    else
        l->fed = l->source.ids, l->fed_count = (int64_t)l->source.count, l->fed_words = l->source_words;
    hd_capture capture;
    hd_capture_open(&capture, context);
    heed_status status =
        hd_capture_run(&capture, model->network, l->source.ids, (int64_t)l->source.count, l->fed, l->fed_count);
    if (status == HEED_OK) status = keep_maps(l, &capture);
    hd_capture_close(&capture);
    return status;
}

static heed_status attend(heed_model *model, const settings *s, const char *text, size_t size,
                          heed_attention **attention) {
    heed_context *context = model->context;
    looking l = {.model = model, .settings = s, .text = text, .size = size};
    l.attention = hd_alloc_zeroed(context, 1, sizeof *l.attention);
    if (!l.attention) return HEED_MEMORY;
    l.attention->context = context;
    hd_arena_open(&l.attention->arena, context);
    hd_arena_open(&l.scratch, context);
    hd_float_environment found = hd_float_enter();
    heed_status status = look(&l);
    hd_float_leave(found);
    hd_encoding_close(&l.source);
    hd_encoding_close(&l.target);
    hd_arena_close(&l.scratch);
    if (status == HEED_OK)
        *attention = l.attention;
    else
        heed_attention_close(l.attention);
    return status;
}

heed_status heed_attend(heed_model *model, const heed_options *options, const char *text, size_t size,
                        heed_attention **attention) {
    settings s;
    *attention = NULL;
    heed_status status = read_settings(model->context, options, &model->generation, &s);
    if (status == HEED_OK) status = attend(model, &s, text, size, attention);
    free_settings(model->context, &s);
    return status;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

static picture_format format_of_path(const char *path) {
    static const char *const endings[] = {[SVG] = ".svg", [HTML] = ".html", [JSON] = ".json", [NPY] = ".npy"};
    size_t length = strlen(path);
    for (int i = SVG; i <= NPY; i++) {
        size_t size = strlen(endings[i]);
        if (length >= size && strcmp(path + length - size, endings[i]) == 0) return (picture_format)i;
    }
    return TEXT;
}

static heed_status check_number(heed_context *context, const char *noun, int64_t asked, int64_t count) {
    if (asked <= count) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%s is %lld, but there %s %lld", noun, (long long)asked,
                   count == 1 ? "is" : "are", (long long)count);
}

/* *view is what the settings name. */
static heed_status choose(const heed_attention *attention, const settings *s, hd_view *view) {
    heed_context *context = attention->context;
    const hd_attention_map *map =
        hd_attention_find(attention, s->kind ? (hd_attention_kind)(s->kind - 1) : HD_CROSS_ATTENTION);
    if (!map && !s->kind) map = &attention->maps[0];
    if (!map) return hd_fail(context, HEED_ARGUMENT, "the model has no %s attention", hd_attention_names[s->kind - 1]);
    HD_TRY(check_number(context, "layer", s->layer, map->layers));
    HD_TRY(check_number(context, "head", s->head, map->heads));
    *view = (hd_view){map, s->layer - 1, s->head - 1};
    return HEED_OK;
}

static heed_status draw(const heed_attention *attention, const settings *s, bool color, int columns, hd_buffer *out) {
    hd_view view;
    HD_TRY(choose(attention, s, &view));
    if (s->lines && s->grid) return hd_fail(attention->context, HEED_ARGUMENT, "lines and grid are two pictures");
    if (s->lines && (s->format == BY_NAME || s->format == TEXT))
        return hd_fail(attention->context, HEED_ARGUMENT, "lines are drawn as svg alone");
    switch ((picture_format)s->format) {
        case SVG:
            return s->grid    ? hd_draw_svg_grid(&view, out)
                   : s->lines ? hd_draw_svg_lines(&view, out)
                              : hd_draw_svg_map(&view, out);
        case HTML:
            return hd_draw_html(attention, out);
        case JSON:
            return hd_write_json(attention, s->kind ? view.map : NULL, out);
        case NPY:
            hd_write_npy(view.map, out);
            return out->failed ? HEED_MEMORY : HEED_OK;
        default:
            return s->grid ? hd_draw_text_grid(&view, color, columns, out)
                           : hd_draw_text_map(&view, color, columns, out);
    }
}

heed_status heed_attention_draw(const heed_attention *attention, const heed_options *options, bool color, int columns,
                                char **bytes, size_t *size) {
    heed_context *context = attention->context;
    settings s;
    hd_buffer out;
    *bytes = NULL, *size = 0;
    hd_buffer_open(&out, context);
    heed_status status = read_settings(context, options, NULL, &s);
    if (status == HEED_OK) status = draw(attention, &s, color, columns, &out);
    free_settings(context, &s);
    if (status == HEED_OK) {
        *size = out.size;
        *bytes = hd_buffer_take(&out);
        if (!*bytes) status = HEED_MEMORY;
    }
    hd_buffer_close(&out);
    return status;
}

heed_status heed_attention_save(const heed_attention *attention, const heed_options *options, const char *path) {
    heed_context *context = attention->context;
    settings s;
    hd_buffer out;
    hd_buffer_open(&out, context);
    heed_status status = read_settings(context, options, NULL, &s);
    if (status == HEED_OK && s.format == BY_NAME) s.format = format_of_path(path);
    if (status == HEED_OK) status = draw(attention, &s, false, 0, &out);
    if (status == HEED_OK) status = hd_file_write(context, path, out.data, out.size);
    free_settings(context, &s);
    hd_buffer_close(&out);
    return status;
}
