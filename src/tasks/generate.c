/* Texts continued, many at once. */
#include "base/float_environment.h"
#include "tasks/generate.h"
#include "tasks/session.h"

#include <string.h>

typedef struct generating {
    const hd_decoding *settings;
    heed_session *session;
    heed_results *results;
    uint64_t first; /* the number of the first text */
    heed_words_function *words;
    void *user;
} generating;

static heed_status add_texts(generating *g, const char *const *texts, const size_t *sizes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!texts[i]) continue;
        hd_session_text text = {.text = texts[i],
                                .size = sizes ? sizes[i] : strlen(texts[i]),
                                .number = g->first + i,
                                .words = g->words,
                                .user = g->user,
                                .settings = g->settings,
                                .results = g->results,
                                .index = i};
        HD_TRY(hd_session_add_text(g->session, &text, NULL));
    }
    return HEED_OK;
}

/* What has finished when the caller stops the call is kept. */
static heed_status run(generating *g, const char *const *texts, const size_t *sizes, size_t count) {
    HD_TRY(add_texts(g, texts, sizes, count));
    heed_status status = HEED_OK;
    while (status == HEED_OK && heed_session_is_busy(g->session)) status = heed_session_step(g->session);
    if (status == HEED_STOPPED) HD_TRY(hd_session_abandon(g->session, "stopped"));
    return status;
}

heed_status hd_generate(heed_model *model, const hd_decoding *settings, const char *const *texts, const size_t *sizes,
                        size_t count, uint64_t first, heed_words_function *words, void *user, heed_results **results) {
    generating g = {.settings = settings, .first = first, .words = words, .user = user};
    *results = NULL;
    HD_TRY(hd_results_check(model->context, texts, count));
    heed_status status = hd_results_open(model->context, count, results);
    if (status == HEED_OK) status = heed_session_open(model, &g.session);
    g.results = *results;
    if (status == HEED_OK) status = run(&g, texts, sizes, count);
    heed_session_close(g.session);
    if (status == HEED_OK || status == HEED_STOPPED) return status;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

heed_status heed_generate(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                          size_t count, uint64_t first, heed_words_function *words, void *user,
                          heed_results **results) {
    hd_decoding settings;
    *results = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    heed_status status = hd_decoding_open(model, options, &hd_generate_table, &settings);
    if (status == HEED_OK) status = hd_generate(model, &settings, texts, sizes, count, first, words, user, results);
    hd_decoding_close(model->context, &settings);
    return status;
}
