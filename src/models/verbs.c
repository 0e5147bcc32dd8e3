/* The verbs of the command that a model can run. A verb that runs a model has one row. */
#include "models/model.h"

#include <stdio.h>

static bool translates(const heed_model *model) { return hd_model_predicts(model, HD_HEAD_LANGUAGE, true, true); }
static bool generates(const heed_model *model) { return hd_model_predicts(model, HD_HEAD_LANGUAGE, false, true); }
static bool chats(const heed_model *model) { return generates(model) && model->chat; }
static bool classifies(const heed_model *model) { return hd_model_predicts(model, HD_HEAD_CLASSIFY_TEXT, true, false); }
static bool tags(const heed_model *model) { return hd_model_predicts(model, HD_HEAD_CLASSIFY_TOKENS, true, false); }
static bool fills(const heed_model *model) { return hd_model_predicts(model, HD_HEAD_MASKED, true, false); }
static bool answers(const heed_model *model) {
    return hd_model_predicts(model, HD_HEAD_ANSWER, true, false) || translates(model) || generates(model);
}
static bool embeds(const heed_model *model) { return model->embedder && !model->embedder->problem; }
static bool ranks(const heed_model *model) { return model->ranker && !model->ranker->problem; }
static bool tokenizes(const heed_model *model) { return model->tokenizer; }

static bool attends(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    return recipe->architecture == HD_TRANSFORMER ||
           (hd_recipe_translates(recipe) && recipe->memory >= HD_MEMORY_BAHDANAU);
}

static const struct {
    const char *name;
    bool (*runs)(const heed_model *model);
} verbs[] = {{"translate", translates}, {"summarize", translates}, {"rewrite", translates}, {"generate", generates},
             {"chat", chats},           {"classify", classifies},  {"tag", tags},           {"fill", fills},
             {"answer", answers},       {"embed", embeds},         {"rerank", ranks},       {"cluster", embeds},
             {"attend", attends},       {"tokenize", tokenizes}};

const char *hd_model_verb(const heed_model *model, size_t index) {
    for (size_t i = 0; i < HD_COUNT(verbs); i++)
        if (verbs[i].runs(model) && index-- == 0) return verbs[i].name;
    return NULL;
}

void hd_model_list_verbs(const heed_model *model, char list[HD_VERB_LIST]) {
    const char *name, *before = "; its verbs are ";
    size_t size = 0;
    list[0] = 0;
    for (size_t i = 0; (name = hd_model_verb(model, i)) != NULL && size < HD_VERB_LIST; i++) {
        size += (size_t)snprintf(list + size, HD_VERB_LIST - size, "%s%s", before, name);
        before = hd_model_verb(model, i + 2) ? ", " : " and ";
    }
}

heed_status hd_model_require(const heed_model *model, hd_head head, bool encoder, bool decoder, const char *kind) {
    char list[HD_VERB_LIST];
    if (hd_model_predicts(model, head, encoder, decoder)) return HEED_OK;
    hd_model_list_verbs(model, list);
    return hd_fail(model->context, HEED_UNSUPPORTED, "%s is a %s, expected %s%s",
                   model->folder ? model->folder : "the model",
                   hd_family_architecture(model->family, model->network->recipe.head), kind, list);
}
