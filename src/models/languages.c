/* The languages that a multilingual translator translates from and to. */
#include "models/model.h"
#include "models/task_params.h"
#include "text/languages.h"

static bool names_language(const hd_languages *languages, int32_t id) {
    for (size_t i = 0; i < languages->count; i++)
        if (languages->ids[i] == id) return true;
    return false;
}

static void translate_to(const hd_languages *languages, const int32_t *language, hd_generation *generation) {
    if (hd_languages_rule(languages) == HD_LANGUAGE_FORCED) generation->forced_first = (hd_ids){language, 1};
    if (hd_languages_rule(languages) == HD_LANGUAGE_STARTS) generation->start = *language;
}

/* The token of the target language that decoding begins with; −1: there is none. */
static int32_t begun_language(const hd_languages *languages, const hd_generation *generation) {
    int32_t id = hd_languages_rule(languages) == HD_LANGUAGE_STARTS ? generation->start
                 : generation->forced_first.count == 1              ? generation->forced_first.ids[0]
                                                                    : -1;
    return names_language(languages, id) ? id : -1;
}

void hd_model_begin_languages(heed_model *model) {
    const hd_languages *languages = hd_tokenizer_languages(model->tokenizer);
    if (!languages || !languages->target || begun_language(languages, &model->generation) >= 0) return;
    translate_to(languages, languages->target, &model->generation);
    for (size_t i = 0; i < model->task_count; i++)
        translate_to(languages, languages->target, &model->tasks[i].generation);
    model->network->recipe.decoder_start = model->generation.start;
}

hd_side_tokenizer hd_model_side(const heed_model *model, hd_network_side which) {
    bool target = which == HD_DECODER;
    hd_side_tokenizer side = {target && model->target_tokenizer ? model->target_tokenizer : model->tokenizer, 0};
    const hd_languages *languages = hd_tokenizer_languages(model->tokenizer);
    if (!target || !languages) return side;
    bool forced = hd_languages_rule(languages) == HD_LANGUAGE_FORCED;
    int32_t begun = begun_language(languages, &model->generation);
    if (!forced) side.language = -1;
    if (forced && languages->target) side.language = *languages->target;
    if (forced && !languages->target && begun >= 0) side.language = begun;
    return side;
}

static void list_languages(const heed_model *model, const char *between, hd_buffer *out) {
    const hd_languages *languages = model->tokenizer ? hd_tokenizer_languages(model->tokenizer) : NULL;
    for (size_t i = 0; languages && i < languages->count; i++) {
        if (i) hd_buffer_text(out, between);
        hd_language_name(model->tokenizer, languages->ids[i], out);
    }
}

static heed_status refuse_name(const heed_model *model, const char *name) {
    const hd_languages *languages = hd_tokenizer_languages(model->tokenizer);
    hd_buffer nearest, list;
    hd_buffer_open(&nearest, model->context), hd_buffer_open(&list, model->context);
    hd_language_name(model->tokenizer, hd_language_nearest(model->tokenizer, name), &nearest);
    list_languages(model, ", ", &list);
    heed_status status = HEED_MEMORY;
    if (!nearest.failed && !list.failed)
        status = hd_fail(model->context, HEED_ARGUMENT,
                         "\"%.60s\" is not one of the model's %zu languages; the nearest is \"%s\" of %s", name,
                         languages->count, nearest.data, list.data);
    hd_buffer_close(&nearest), hd_buffer_close(&list);
    return status;
}

static heed_status find(const heed_model *model, const char *name, const int32_t **language) {
    *language = hd_language_find(model->tokenizer, name);
    return *language ? HEED_OK : refuse_name(model, name);
}

static heed_status refuse_choice(const heed_model *model, const char *option) {
    return hd_fail(model->context, HEED_ARGUMENT,
                   "%s: the model's tokenizer has no language codes, so \"%s\" has no effect",
                   model->folder ? model->folder : "the model", option);
}

static heed_status translate_from(const heed_model *model, const hd_languages *languages, const char *from,
                                  hd_side_tokenizer *source) {
    const int32_t *language;
    if (!from) return HEED_OK;
    if (hd_languages_rule(languages) == HD_LANGUAGE_PREFIX)
        return hd_fail(model->context, HEED_ARGUMENT,
                       "%s: the model reads the code of the target language alone: leave out \"from\"",
                       model->folder ? model->folder : "the model");
    HD_TRY(find(model, from, &language));
    source->language = *language;
    return HEED_OK;
}

heed_status hd_model_choose_languages(const heed_model *model, const char *from, const char *to,
                                      hd_side_tokenizer side[HD_SIDES], hd_generation *generation) {
    const hd_languages *languages = model->tokenizer ? hd_tokenizer_languages(model->tokenizer) : NULL;
    const int32_t *language;
    for (int i = 0; i < HD_SIDES; i++) side[i] = hd_model_side(model, (hd_network_side)i);
    if (!languages) return from || to ? refuse_choice(model, from ? "from" : "to") : HEED_OK;
    HD_TRY(translate_from(model, languages, from, &side[HD_ENCODER]));
    if (!to) return HEED_OK;
    HD_TRY(find(model, to, &language));
    translate_to(languages, language, generation);
    if (hd_languages_rule(languages) == HD_LANGUAGE_FORCED) side[HD_DECODER].language = *language;
    if (hd_languages_rule(languages) == HD_LANGUAGE_PREFIX) side[HD_ENCODER].language = *language;
    return HEED_OK;
}

heed_status hd_model_require_target(const heed_model *model, const hd_side_tokenizer side[HD_SIDES],
                                    const hd_generation *generation, const char *option) {
    const hd_languages *languages = hd_tokenizer_languages(model->tokenizer);
    if (!languages || languages->source < 0) return HEED_OK; /* the text itself may begin with a code */
    bool prefix = hd_languages_rule(languages) == HD_LANGUAGE_PREFIX;
    bool known = prefix ? languages->target || side[HD_ENCODER].language : begun_language(languages, generation) >= 0;
    if (known) return HEED_OK;
    hd_buffer name;
    hd_buffer_open(&name, model->context);
    hd_language_name(model->tokenizer, hd_language_nearest(model->tokenizer, "fra"), &name);
    heed_status status =
        name.failed ? HEED_MEMORY
                    : hd_fail(model->context, HEED_ARGUMENT,
                              "%s translates into %zu languages, such as \"%s\", and its files choose none: set \"%s\"",
                              model->folder ? model->folder : "the model", languages->count, name.data, option);
    hd_buffer_close(&name);
    return status;
}

heed_status heed_model_languages(const heed_model *model, char **codes) {
    hd_buffer out;
    hd_buffer_open(&out, model->context);
    list_languages(model, "\n", &out);
    if (!out.size) hd_task_params_list(model, HD_TASK_TRANSLATE, "\n", &out);
    *codes = out.failed ? NULL : hd_buffer_take(&out);
    if (!*codes) hd_buffer_close(&out);
    return *codes ? HEED_OK : HEED_MEMORY;
}
