#include "decode/session_requests.h"

#include "decode/session_state.h"

static const hd_search *first_of(const hd_session *s, hd_search_state state) {
    return state == HD_SEARCH_ADDED ? s->added.first : s->finished.first;
}

heed_status hd_for_searches(const hd_session *s, hd_search_task *task, void *user) {
    for (int64_t i = 0; i < s->running_count; i++)
        if (!s->running[i]->cancelled && !s->running[i]->kept) HD_TRY(task(user, s->running[i], HD_SEARCH_RUNNING));
    for (int state = HD_SEARCH_ADDED; state <= HD_SEARCH_FINISHED; state++)
        for (const hd_search *search = first_of(s, (hd_search_state)state); search; search = search->next)
            HD_TRY(task(user, search, (hd_search_state)state));
    return HEED_OK;
}

static heed_status count_search(void *user, const hd_search *search, hd_search_state state) {
    (void)search, (void)state;
    ++*(int64_t *)user;
    return HEED_OK;
}

int64_t hd_session_count(const hd_session *session) {
    int64_t count = 0;
    hd_for_searches(session, count_search, &count);
    return count;
}

typedef struct finding {
    int64_t index;
    uint64_t id;
    const hd_search *found;
    hd_search_state state;
} finding;

static heed_status find_index(void *user, const hd_search *search, hd_search_state state) {
    finding *f = user;
    if (f->index-- == 0) f->found = search, f->state = state;
    return HEED_OK;
}

static heed_status find_id(void *user, const hd_search *search, hd_search_state state) {
    finding *f = user;
    if (search->id == f->id) f->found = search, f->state = state;
    return HEED_OK;
}

void hd_session_progress(const hd_session *session, int64_t index, hd_progress *progress) {
    finding f = {.index = index};
    hd_for_searches(session, find_index, &f);
    const hd_search *s = f.found;
    bool continues = s->decoder->continues, one = hd_search_beams(s) == 1 && f.state != HD_SEARCH_FINISHED;
    *progress =
        (hd_progress){.id = s->id,
                      .number = s->number,
                      .generation = &s->generation,
                      .source = continues ? (hd_ids){s->tokens, s->given} : (hd_ids){s->source, s->source_count},
                      .generated = {s->tokens + s->given, one ? s->length - s->given : 0},
                      .finished = f.state == HD_SEARCH_FINISHED};
}

static heed_status find_search(hd_session *session, uint64_t id, hd_search **search) {
    finding f = {.id = id};
    hd_for_searches(session, find_id, &f);
    *search = (hd_search *)(uintptr_t)f.found;
    if (*search) return HEED_OK;
    return hd_fail(session->context, HEED_ARGUMENT, "no request %llu is in the session", (unsigned long long)id);
}

heed_status hd_session_attach(hd_session *session, uint64_t id, void *user, bool (*token)(void *user, int32_t token)) {
    hd_search *search;
    HD_TRY(find_search(session, id, &search));
    search->user = user;
    search->token = hd_search_beams(search) == 1 ? token : NULL;
    return HEED_OK;
}

heed_status hd_session_attach_request(hd_session *session, uint64_t id, const hd_request *request) {
    hd_search *search;
    HD_TRY(find_search(session, id, &search));
    search->stopped = request->stopped;
    search->stop_user = request->stop_user;
    search->generation.constraint = request->generation->constraint;
    return hd_session_attach(session, id, request->user, request->token);
}
