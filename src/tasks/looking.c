#include "tasks/looking.h"

#include "decode/session.h"

#include <string.h>

static heed_status check_length(const hd_looking *l, const char *what, size_t tokens) {
    int64_t most = l->model->network->recipe.max_positions;
    if ((int64_t)tokens <= most) return HEED_OK;
    return hd_fail(l->model->context, HEED_LENGTH, "%s: %zu tokens are more than the model's %lld", what, tokens,
                   (long long)most);
}

static heed_status translate(hd_looking *l, const int32_t **ids, int64_t *count) {
    heed_context *context = l->model->context;
    hd_session *session;
    hd_decoded decoded;
    HD_TRY(hd_session_open(context, l->model->network, NULL, &session));
    hd_request request = {.ids = l->source.ids, .count = (int64_t)l->source.count, .generation = &l->look->generation};
    heed_status status = hd_session_add(session, &request, NULL);
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    if (status == HEED_OK && hd_session_next(session, &decoded) && decoded.count) {
        *count = decoded.best[0].count;
        int32_t *copy = hd_arena_alloc(&l->scratch, (size_t)*count, sizeof *copy);
        if (copy && *count) memcpy(copy, decoded.best[0].ids, (size_t)*count * sizeof *copy);
        if (!copy) status = HEED_MEMORY;
        *ids = copy;
    } else if (status == HEED_OK) {
        status = hd_fail(context, HEED_NUMERIC, "no score that the model gives is a number");
    }
    hd_session_close(session);
    return status;
}

static heed_status encode_target(hd_looking *l, const int32_t **ids, int64_t *count) {
    const char *text = l->look->target;
    HD_TRY(hd_tokenizer_encode(l->model->tokenizer, l->model->context, text, strlen(text), true, &l->target));
    HD_TRY(check_length(l, "target", l->target.count));
    *ids = l->target.ids, *count = (int64_t)l->target.count;
    if (*count && (*ids)[*count - 1] == l->model->network->recipe.eos) --*count;
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

/* The target that the decoder reads, and its words: the row that reads a word makes the next one, so cross-attention's
 * rows are called after what they make, the last one after the end. */
static heed_status prepare_target(hd_looking *l) {
    const hd_recipe *recipe = &l->model->network->recipe;
    const int32_t *ids = NULL;
    int64_t count = 0;
    HD_TRY(l->look->target ? encode_target(l, &ids, &count) : translate(l, &ids, &count));
    l->fed_count = hd_min(count + 1, recipe->max_positions);
    l->fed = hd_arena_alloc(&l->scratch, (size_t)count + 1, sizeof *l->fed);
    l->made = hd_arena_alloc(&l->scratch, (size_t)count + 1, sizeof *l->made);
    if (!l->fed || !l->made) return HEED_MEMORY;
    l->fed[0] = recipe->decoder_start, l->made[count] = recipe->eos;
    if (count) memcpy(l->fed + 1, ids, (size_t)count * sizeof *ids), memcpy(l->made, ids, (size_t)count * sizeof *ids);
    HD_TRY(hd_words_of_ids(l->model->tokenizer, l->fed, l->fed_count, l->arena, &l->fed_words));
    HD_TRY(hd_words_of_ids(l->model->tokenizer, l->made, l->fed_count, l->arena, &l->made_words));
    if (hd_tokenizer_is_special(l->model->tokenizer, recipe->decoder_start))
        l->fed_words.piece_labels[0] = l->fed_words.word_labels[0] = "<start>"; /* models borrow the pad for it */
    hd_buffer text;
    hd_buffer_open(&text, l->model->context);
    heed_status status = hd_tokenizer_decode(l->model->tokenizer, ids, (size_t)count, true, &text);
    if (status == HEED_OK) status = keep_string(l->arena, text.data, text.size, &l->target_text);
    hd_buffer_close(&text);
    return status;
}

heed_status hd_looking_open(heed_model *model, const hd_look *look, const char *text, size_t size, hd_arena *arena,
                            hd_looking *l) {
    heed_context *context = model->context;
    const hd_recipe *recipe = &model->network->recipe;
    *l = (hd_looking){
        .model = model, .look = look, .arena = arena, .translates = hd_recipe_translates(recipe), .target_text = ""};
    hd_arena_open(&l->scratch, context);
    HD_TRY(keep_string(arena, text, size, &l->source_text));
    HD_TRY(hd_network_pack(model->network));
    HD_TRY(hd_tokenizer_encode(model->tokenizer, context, text, size, true, &l->source));
    HD_TRY(check_length(l, "source", l->source.count));
    HD_TRY(hd_words_of_text(model->tokenizer, text, size, &l->source, arena, &l->source_words));
    if (!l->source_words.numbers) return hd_fail(context, HEED_ARGUMENT, "there is no text to look at");
    if (look->target && !l->translates)
        return hd_fail(context, HEED_ARGUMENT, "there is no target for a model that does not translate");
    if (l->translates) return prepare_target(l);
    l->fed = l->source.ids, l->fed_count = (int64_t)l->source.count, l->fed_words = l->source_words;
    return HEED_OK;
}

heed_status hd_looking_run(hd_looking *l, hd_capture *capture) {
    return hd_capture_run(capture, l->model->network, l->source.ids, (int64_t)l->source.count, l->fed, l->fed_count);
}

void hd_looking_close(hd_looking *l) {
    if (!l->model) return;
    hd_encoding_close(&l->source);
    hd_encoding_close(&l->target);
    hd_arena_close(&l->scratch);
}
