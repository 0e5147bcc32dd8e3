/* A text in, the attention that a model paid to it out, as numbers and as pictures. */
#include "base/float_environment.h"
#include "inspect/draw.h"
#include "tasks/looking.h"

/* ---- looking ---------------------------------------------------------------------------------------------------- */

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

static heed_status keep_maps(hd_looking *l, const hd_capture *capture, heed_attention *attention) {
    const struct {
        const hd_words *queries, *keys;
    } sides[HD_ATTENTION_KINDS] = {
        {&l->source_words, &l->source_words}, {&l->fed_words, &l->fed_words}, {&l->made_words, &l->source_words}};
    for (int kind = 0; kind < HD_ATTENTION_KINDS; kind++) {
        hd_attention_map *map = &attention->maps[attention->count];
        const hd_words *queries = sides[kind].queries, *keys = sides[kind].keys;
        bool pieces = l->look->pieces;
        HD_TRY(hd_capture_map(capture, (hd_attention_kind)kind, pieces ? &attention->arena : &l->scratch, map));
        if (!map->layers) continue;
        if (!pieces) HD_TRY(join_map(map, queries, keys, &attention->arena));
        map->query_labels = pieces ? queries->piece_labels : queries->word_labels;
        map->key_labels = pieces ? keys->piece_labels : keys->word_labels;
        attention->count++;
    }
    if (!attention->count)
        return hd_fail(l->model->context, HEED_UNSUPPORTED, "the model has no attention: %s",
                       hd_recipe_translates(&l->model->network->recipe)
                           ? "its decoder sees no states of the encoder"
                           : "it is recurrent, and reads one token after another");
    return HEED_OK;
}

static heed_status look(hd_looking *l, heed_attention *attention) {
    hd_capture capture;
    hd_capture_open(&capture, attention->context);
    heed_status status = hd_looking_run(l, &capture);
    if (status == HEED_OK) status = keep_maps(l, &capture, attention);
    hd_capture_close(&capture);
    attention->source = l->source_text, attention->target = l->target_text;
    return status;
}

static heed_status attend(heed_model *model, const hd_look *s, const char *text, size_t size, heed_attention **out) {
    heed_context *context = model->context;
    heed_attention *attention = hd_alloc_zeroed(context, 1, sizeof *attention);
    if (!attention) return HEED_MEMORY;
    attention->context = context;
    hd_arena_open(&attention->arena, context);
    hd_float_environment found = hd_float_enter();
    hd_looking l;
    heed_status status = hd_looking_open(model, s, text, size, &attention->arena, &l);
    if (status == HEED_OK) status = look(&l, attention);
    hd_looking_close(&l);
    hd_float_leave(found);
    if (status == HEED_OK)
        *out = attention;
    else
        heed_attention_close(attention);
    return status;
}

heed_status heed_attend(heed_model *model, const heed_options *options, const char *text, size_t size,
                        heed_attention **attention) {
    static const char *const allowed[] = {"target", "beams", "max-new-tokens", "pieces", "kind", "layer",
                                          "head",   "grid",  "lines",          "format", NULL};
    hd_look s;
    *attention = NULL;
    heed_status status = hd_look_read(model->context, options, &model->generation, &s);
    if (status == HEED_OK) status = hd_look_allow(model->context, options, "maps of attention", allowed);
    if (status == HEED_OK) status = attend(model, &s, text, size, attention);
    hd_look_free(model->context, &s);
    return status;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

static heed_status check_number(heed_context *context, const char *noun, int64_t asked, int64_t count) {
    if (asked <= count) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%s is %lld, but there %s %lld", noun, (long long)asked,
                   count == 1 ? "is" : "are", (long long)count);
}

/* *view is what the settings name. */
static heed_status choose(const heed_attention *attention, const hd_look *s, hd_view *view) {
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

static heed_status draw(const void *what, const hd_look *s, bool color, int columns, hd_buffer *out) {
    const heed_attention *attention = what;
    hd_view view;
    HD_TRY(choose(attention, s, &view));
    if (s->lines && s->grid) return hd_fail(attention->context, HEED_ARGUMENT, "lines and grid are two pictures");
    if (s->lines && (s->format == HD_PICTURE_BY_NAME || s->format == HD_PICTURE_TEXT))
        return hd_fail(attention->context, HEED_ARGUMENT, "lines are drawn as svg alone");
    switch ((hd_picture_format)s->format) {
        case HD_PICTURE_SVG:
            return s->grid    ? hd_draw_svg_grid(&view, out)
                   : s->lines ? hd_draw_svg_lines(&view, out)
                              : hd_draw_svg_map(&view, out);
        case HD_PICTURE_HTML:
            return hd_draw_html(attention, out);
        case HD_PICTURE_JSON:
            return hd_write_json(attention, s->kind ? view.map : NULL, out);
        case HD_PICTURE_NPY:
            hd_write_npy(view.map, out);
            return out->failed ? HEED_MEMORY : HEED_OK;
        default:
            return s->grid ? hd_draw_text_grid(&view, color, columns, out)
                           : hd_draw_text_map(&view, color, columns, out);
    }
}

heed_status heed_attention_draw(const heed_attention *attention, const heed_options *options, bool color, int columns,
                                char **bytes, size_t *size) {
    return hd_look_draw(attention->context, options, draw, attention, color, columns, bytes, size);
}

heed_status heed_attention_save(const heed_attention *attention, const heed_options *options, const char *path) {
    return hd_look_save(attention->context, options, draw, attention, path);
}
