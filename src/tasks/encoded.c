#include "tasks/encoded.h"

#include "base/float_environment.h"
#include "base/utf8.h"

#include <string.h>

typedef struct encoding_texts {
    hd_encoded at; /* the current text */
    hd_encoding encoding;
    hd_pass pass;
    heed_status (*answer)(void *user, const hd_encoded *encoded);
    void *user;
} encoding_texts;

static heed_status answer_one(encoding_texts *e) {
    heed_model *model = e->at.model;
    heed_context *context = model->context;
    int64_t most = hd_recipe_longest(&model->network->recipe);
    heed_status status = hd_tokenizer_encode(model->tokenizer, context, e->at.text, e->at.size, true, &e->encoding);
    if (status != HEED_OK && status != HEED_LENGTH) return status;
    if (status == HEED_LENGTH || (int64_t)e->encoding.count > most) {
        hd_fail(context, HEED_LENGTH, "%zu tokens are more than the model's %lld", e->encoding.count, (long long)most);
        return hd_results_problem(e->at.results, e->at.index, context->message);
    }
    hd_pass_reset(&e->pass);
    int32_t starts[] = {0, (int32_t)e->encoding.count};
    hd_layout layout = {1, starts, NULL, NULL};
    static const int32_t none[1]; /* an encoding without tokens has no array, but an input has one */
    hd_input input = {.ids = e->encoding.ids ? e->encoding.ids : none};
    hd_tensor *states = hd_network_encode(model->network, &e->pass, &input, &layout);
    e->at.logits = hd_network_logits(model->network, &e->pass, hd_network_head(model->network, &e->pass, states), 0,
                                     model->network->output->rows);
    if (!e->at.logits) return e->pass.status;
    return e->answer(e->user, &e->at);
}

hd_tensor *hd_choose_labels(const hd_encoded *e, const int32_t *tokens, int64_t count, int32_t *labels) {
    int32_t starts[] = {0, (int32_t)count};
    hd_layout text = {.sequences = 1, .starts = starts};
    hd_tensor *logits = hd_gather(e->pass, e->logits, tokens, count, 1, NULL);
    return hd_network_choose(e->model->network, e->pass, logits, &text, labels) == HEED_OK ? logits : NULL;
}

heed_status hd_encode_texts(heed_model *model, hd_head head, const char *kind, const char *const *texts,
                            const size_t *sizes, size_t count,
                            heed_status (*answer)(void *user, const hd_encoded *encoded), void *user,
                            heed_results **results) {
    *results = NULL;
    HD_TRY(hd_model_require(model, head, true, false, kind));
    HD_TRY(hd_results_check(model->context, texts, count));
    HD_TRY(hd_results_open(model->context, count, results));
    hd_float_environment found = hd_float_enter();
    encoding_texts e = {.at = {.model = model, .results = *results}, .answer = answer, .user = user};
    e.at.encoding = &e.encoding;
    e.at.pass = &e.pass;
    hd_pass_open(&e.pass, model->context, NULL);
    heed_status status = hd_network_pack(model->network);
    for (size_t i = 0; i < count && status == HEED_OK; i++) {
        e.at.index = i;
        e.at.text = texts[i];
        e.at.size = sizes ? sizes[i] : texts[i] ? strlen(texts[i]) : 0;
        if (hd_text_is_blank(texts[i], e.at.size)) e.at.size = 0;
        if (texts[i]) status = answer_one(&e);
    }
    hd_pass_close(&e.pass);
    hd_encoding_close(&e.encoding);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
