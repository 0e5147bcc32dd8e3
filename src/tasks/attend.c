/* Attention maps of a text, as numbers and as pictures. */
#include "base/float_environment.h"
#include "inspect/draw.h"
#include "inspect/mask.h"
#include "tasks/observation.h"

/* ---- maps ---------------------------------------------------------------------------------------------------- */

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

static heed_status refuse(const heed_model *model) {
    char verbs[HD_VERB_LIST];
    hd_model_list_verbs(model, verbs);
    return hd_fail(model->context, HEED_UNSUPPORTED, "the model has no attention: %s%s",
                   hd_recipe_translates(&model->network->recipe) ? "its decoder does not attend to the encoder's states"
                                                                 : "it is a recurrent network",
                   verbs);
}

static heed_status keep_maps(hd_observation *o, const hd_capture *capture, heed_attention *attention) {
    const struct {
        const hd_words *queries, *keys;
    } sides[HD_ATTENTION_KINDS] = {{&o->source_words, &o->source_words},
                                   {&o->decoder_words, &o->decoder_words},
                                   {&o->predicted_words, &o->source_words}};
    for (int kind = 0; kind < HD_ATTENTION_KINDS; kind++) {
        hd_attention_map *map = &attention->maps[attention->count];
        const hd_words *queries = sides[kind].queries, *keys = sides[kind].keys;
        bool tokens = o->settings->pieces;
        HD_TRY(hd_capture_map(capture, (hd_attention_kind)kind, tokens ? &attention->arena : &o->scratch, map));
        if (!map->layers) continue;
        HD_TRY(hd_attention_mask(map, &o->model->network->recipe, queries, keys, !tokens, &attention->arena));
        if (!tokens) HD_TRY(join_map(map, queries, keys, &attention->arena));
        map->query_labels = tokens ? queries->token_labels : queries->word_labels;
        map->key_labels = tokens ? keys->token_labels : keys->word_labels;
        attention->count++;
    }
    return attention->count ? HEED_OK : refuse(o->model);
}

static heed_status observe(hd_observation *o, heed_attention *attention) {
    hd_capture capture;
    hd_capture_open(&capture, attention->context);
    capture.observer.tensor = NULL; /* maps are made of weights alone */
    heed_status status = hd_observation_run(o, &capture);
    if (status == HEED_OK) status = keep_maps(o, &capture, attention);
    hd_capture_close(&capture);
    attention->source = o->source_text, attention->target = o->target_text;
    return status;
}

static heed_status attend(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                          heed_attention **out) {
    heed_context *context = model->context;
    heed_attention *attention = hd_alloc_zeroed(context, 1, sizeof *attention);
    if (!attention) return HEED_MEMORY;
    attention->context = context;
    hd_arena_open(&attention->arena, context);
    hd_float_environment found = hd_float_enter();
    hd_observation o;
    heed_status status = hd_observation_open(model, settings, text, size, &attention->arena, &o);
    if (status == HEED_OK) status = observe(&o, attention);
    hd_observation_close(&o);
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
    hd_inspect_settings settings;
    *attention = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, &model->generation, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(model->context, options, "maps of attention", allowed);
    if (status == HEED_OK) status = attend(model, &settings, text, size, attention);
    hd_inspect_settings_free(model->context, &settings);
    return status;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

static heed_status check_number(heed_context *context, const char *noun, int64_t number, int64_t count) {
    if (number <= count) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%s is %lld, but there %s %lld", noun, (long long)number,
                   count == 1 ? "is" : "are", (long long)count);
}

/* *view is the map, layer and head that the settings select. */
static heed_status choose(const heed_attention *attention, const hd_inspect_settings *settings, hd_view *view) {
    heed_context *context = attention->context;
    const hd_attention_map *map =
        hd_attention_find(attention, settings->kind ? (hd_attention_kind)(settings->kind - 1) : HD_CROSS_ATTENTION);
    if (!map && !settings->kind) map = &attention->maps[0];
    if (!map)
        return hd_fail(context, HEED_ARGUMENT, "the model has no %s attention", hd_attention_names[settings->kind - 1]);
    HD_TRY(check_number(context, "layer", settings->layer, map->layers));
    HD_TRY(check_number(context, "head", settings->head, map->heads));
    *view = (hd_view){map, settings->layer - 1, settings->head - 1};
    return HEED_OK;
}

static heed_status draw(const void *what, const hd_inspect_settings *settings, bool color, int columns,
                        hd_buffer *out) {
    const heed_attention *attention = what;
    hd_view view;
    HD_TRY(choose(attention, settings, &view));
    if (settings->lines && settings->grid)
        return hd_fail(attention->context, HEED_ARGUMENT, "lines and grid are different pictures: choose one");
    if (settings->lines && (settings->format == HD_PICTURE_BY_NAME || settings->format == HD_PICTURE_TEXT))
        return hd_fail(attention->context, HEED_ARGUMENT,
                       "lines can be drawn as svg or html only: set format to one of them");
    if ((settings->lines || settings->grid) &&
        (settings->format == HD_PICTURE_JSON || settings->format == HD_PICTURE_NPY))
        return hd_fail(attention->context, HEED_ARGUMENT, "%s is a picture, but json and npy hold numbers",
                       settings->lines ? "lines" : "grid");
    switch ((hd_picture_format)settings->format) {
        case HD_PICTURE_SVG:
            return settings->grid    ? hd_draw_svg_grid(&view, out)
                   : settings->lines ? hd_draw_svg_lines(&view, out)
                                     : hd_draw_svg_map(&view, out);
        case HD_PICTURE_HTML:
            return hd_draw_html(attention, &view,
                                settings->grid    ? HD_PAGE_HEADS
                                : settings->lines ? HD_PAGE_LINES
                                                  : HD_PAGE_MAP,
                                out);
        case HD_PICTURE_JSON:
            return hd_write_json(attention, settings->kind ? view.map : NULL, out);
        case HD_PICTURE_NPY:
            hd_write_npy(view.map, out);
            return out->failed ? HEED_MEMORY : HEED_OK;
        default:
            return settings->grid ? hd_draw_text_grid(&view, color, columns, out)
                                  : hd_draw_text_map(&view, color, columns, out);
    }
}

heed_status heed_attention_draw(const heed_attention *attention, const heed_options *options, bool color, int columns,
                                char **bytes, size_t *size) {
    return hd_inspect_draw(attention->context, options, draw, attention, color, columns, bytes, size);
}

heed_status heed_attention_save(const heed_attention *attention, const heed_options *options, const char *path) {
    return hd_inspect_save(attention->context, options, draw, attention, path);
}
