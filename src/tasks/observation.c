#include "tasks/observation.h"

#include "decode/session.h"

#include <string.h>

static heed_status check_length(const hd_observation *o, const char *what, size_t tokens) {
    int64_t most = hd_recipe_max_positions(&o->model->network->recipe);
    if ((int64_t)tokens <= most) return HEED_OK;
    return hd_fail(o->model->context, HEED_LENGTH, "%s: %zu tokens are more than the model's %lld", what, tokens,
                   (long long)most);
}
static heed_status translate(hd_observation *o, const int32_t **ids, int64_t *count) {
    heed_context *context = o->model->context;
    hd_session *session;
    hd_decoded decoded;
    HD_TRY(hd_model_require(o->model, HD_HEAD_LANGUAGE, true, true, "a translation model, unless target is set"));
    HD_TRY(hd_model_require_target(o->model, o->side, &o->settings->generation, "target"));
    HD_TRY(hd_session_open(context, o->model->network, NULL, &session));
    hd_request request = {
        .ids = o->source.ids, .count = (int64_t)o->source.count, .generation = &o->settings->generation};
    heed_status status = hd_session_add(session, &request, NULL);
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    if (status == HEED_OK && hd_session_next(session, &decoded) && decoded.count) {
        *count = decoded.best[0].count;
        int32_t *copy = hd_arena_alloc(&o->scratch, (size_t)*count, sizeof *copy);
        if (copy && *count) memcpy(copy, decoded.best[0].ids, (size_t)*count * sizeof *copy);
        if (!copy) status = HEED_MEMORY;
        *ids = copy;
    } else if (status == HEED_OK) {
        status = hd_fail(context, HEED_NUMERIC, "all scores of the model are NaN");
    }
    hd_session_close(session);
    return status;
}

static heed_status encode_target(hd_observation *o, const int32_t **ids, int64_t *count) {
    const char *text = o->settings->target;
    HD_TRY(hd_side_encode(&o->side[HD_DECODER], o->model->context, text, strlen(text), &o->target));
    HD_TRY(check_length(o, "target", o->target.count));
    *ids = o->target.ids, *count = (int64_t)o->target.count;
    if (*count && (*ids)[*count - 1] == o->model->network->recipe.eos) --*count;
    return HEED_OK;
}

static heed_status keep_string(hd_arena *arena, const char *text, size_t size, const char **kept) {
    char *copy = hd_arena_alloc(arena, size + 1, 1);
    if (!copy) return HEED_MEMORY;
    if (size) memcpy(copy, text, size);
    copy[size] = 0;
    *kept = copy;
    return HEED_OK;
}

/* The decoder's input and the labels of its rows. A row reads a token and predicts the next one: rows of self-attention
 * are labelled with what they read, rows of cross-attention with what they predict, the last one with the end token. */
static heed_status prepare_target(hd_observation *o) {
    const hd_recipe *recipe = &o->model->network->recipe;
    const heed_tokenizer *tokenizer = o->side[HD_DECODER].tokenizer;
    const int32_t *ids = NULL;
    int64_t count = 0;
    HD_TRY(o->settings->target ? encode_target(o, &ids, &count) : translate(o, &ids, &count));
    o->decoder_count = hd_min(count + 1, hd_recipe_max_positions(recipe));
    o->decoder_ids = hd_arena_alloc(&o->scratch, (size_t)count + 1, sizeof *o->decoder_ids);
    o->predicted = hd_arena_alloc(&o->scratch, (size_t)count + 1, sizeof *o->predicted);
    if (!o->decoder_ids || !o->predicted) return HEED_MEMORY;
    o->decoder_ids[0] = recipe->decoder_start, o->predicted[count] = recipe->eos;
    if (count)
        memcpy(o->decoder_ids + 1, ids, (size_t)count * sizeof *ids),
            memcpy(o->predicted, ids, (size_t)count * sizeof *ids);
    HD_TRY(hd_words_of_ids(tokenizer, o->decoder_ids, o->decoder_count, o->arena, &o->decoder_words));
    HD_TRY(hd_words_of_ids(tokenizer, o->predicted, o->decoder_count, o->arena, &o->predicted_words));
    if (hd_tokenizer_is_special(tokenizer, recipe->decoder_start))
        o->decoder_words.token_labels[0] = o->decoder_words.word_labels[0] =
            "<start>"; /* many models use the pad token for it */
    hd_buffer text;
    hd_buffer_open(&text, o->model->context);
    heed_status status = hd_tokenizer_decode(tokenizer, ids, (size_t)count, true, &text);
    if (status == HEED_OK) status = keep_string(o->arena, text.data, text.size, &o->target_text);
    hd_buffer_close(&text);
    return status;
}

heed_status hd_observation_open(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                                hd_arena *arena, hd_observation *o) {
    heed_context *context = model->context;
    const hd_recipe *recipe = &model->network->recipe;
    *o = (hd_observation){.model = model,
                          .settings = settings,
                          .arena = arena,
                          .translates = hd_recipe_translates(recipe),
                          .target_text = ""};
    hd_arena_open(&o->scratch, context);
    if (size > INT32_MAX) return hd_fail(context, HEED_LENGTH, "source: %zu bytes are too many for a text", size);
    HD_TRY(keep_string(arena, text, size, &o->source_text));
    HD_TRY(hd_network_pack(model->network));
    for (int i = 0; i < HD_SIDES; i++) o->side[i] = hd_model_side(model, (hd_network_side)i);
    HD_TRY(hd_side_encode(&o->side[HD_ENCODER], context, text, size, &o->source));
    HD_TRY(check_length(o, "source", o->source.count));
    HD_TRY(hd_words_of_text(o->side[HD_ENCODER].tokenizer, text, size, &o->source, arena, &o->source_words));
    if (!o->source_words.spaced_words) return hd_fail(context, HEED_ARGUMENT, "the text is empty");
    if (settings->target && !o->translates)
        return hd_fail(context, HEED_ARGUMENT, "target needs a translation model (encoder-decoder)");
    if (o->translates) return prepare_target(o);
    o->decoder_ids = o->source.ids, o->decoder_count = (int64_t)o->source.count, o->decoder_words = o->source_words;
    return HEED_OK;
}

heed_status hd_observation_run(hd_observation *o, hd_capture *capture) {
    return hd_capture_run(capture, o->model->network, o->source.ids, (int64_t)o->source.count, o->decoder_ids,
                          o->decoder_count);
}

void hd_observation_close(hd_observation *o) {
    if (!o->model) return;
    hd_encoding_close(&o->source);
    hd_encoding_close(&o->target);
    hd_arena_close(&o->scratch);
}
