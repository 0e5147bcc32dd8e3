/* A text waits in `added`, where any thread puts it under the lock. The stepping thread moves it to `running` when the caches
 * have space for it, and to `finished` with its last answer. Only the stepping thread uses the decoding session.
 *
 * A thread that adds a text encodes it with a context of its own, a copy of the one that the session has kept from its opening,
 * since the session's own belongs to the stepping thread. */
#include "tasks/session.h"

#include "base/float_environment.h"
#include "base/utf8.h"
#include "decode/saved_session.h"
#include "decode/session.h"
#include "decode/session_requests.h"
#include "tasks/answer_tokens.h"
#include "tasks/session_file.h"
#include "text/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    HYPOTHESES_AT_ONCE = 64, /* a step reads each weight once for all of them */
    CACHED_TOKENS = 1 << 14, /* of all hypotheses: another text begins only below this bound on the caches */
    STEP_TOKENS = 512,       /* of prompts, so that hypotheses that run do not wait long for a long one */
    ALTERNATIVE_BITS = 54    /* the number of an alternative's random stream is that of its text, and its own above */
};

/* A text from its adding to its results. */
typedef struct text_request {
    struct text_request *next; /* in a list of the session */
    heed_session *session;
    uint64_t id;
    hd_session_text given;
    hd_decoding own;             /* settings, unless others were given */
    const hd_decoding *settings; /* `own`, or those given */
    char *text;                  /* [given.size]: copied for the alignment alone, else NULL */
    char *record;                /* what adds the text again (session_file.h); NULL: others gave its settings */
    int32_t *ids;                /* [ids_capacity]: tokens of the prompt or source, then those that were generated */
    size_t ids_capacity, id_count, prompt;
    size_t first;    /* of the ids that are decoded together: a source is no part of the text of its translation */
    size_t hidden;   /* bytes of the prompt's tokens as text, which is no part of the answer */
    size_t streamed; /* bytes of the text that were hidden or streamed */
    uint64_t *runs;  /* [run_count]: ids in the decoding session, of each sample or of the only search */
    int64_t run_count, waiting; /* waiting: runs that have not finished */
    int64_t hypotheses, cached; /* at most: running, and their tokens in the caches */
    heed_results *results;      /* its own, or those given */
    char *problem, *note;       /* NULL: none */
    hd_text_ends ends;          /* what ends the text besides tokens; else zeros */
    bool blank;
    bool restored; /* `runs` are those of a session that was loaded */
    _Atomic bool cancelled;
} text_request;

typedef struct list {
    text_request *first, *last;
} list;

struct heed_session {
    heed_context *context; /* of the stepping thread */
    const heed_model *model;
    heed_context quiet; /* the context as it was when the session was opened, without a message: never changed */
    pthread_mutex_t lock;
    /* Under the lock: */
    pthread_t stepping; /* the thread that opened the session or stepped last */
    uint64_t next_id;
    int64_t unfinished;
    list added, running, finished;
    bool cancels; /* a running text is cancelled */
    /* With a lock of its own: */
    hd_constraint_list constraints;
    /* Of the stepping thread alone: */
    hd_session *decoder;
    hd_buffer text;     /* a text's tokens as text */
    int64_t hypotheses; /* of running texts, */
    int64_t cached;     /* and their tokens in the caches */
    heed_status status; /* of the last step, and of streaming */
};

/* ---- lists ---- */

static void push(list *l, text_request *r) {
    r->next = NULL;
    if (l->last)
        l->last->next = r;
    else
        l->first = r;
    l->last = r;
}

static text_request *pop(list *l) {
    text_request *r = l->first;
    if (r) l->first = r->next;
    if (!l->first) l->last = NULL;
    return r;
}

/* Removes a request that is in the list. */
static void unlink_request(list *l, const text_request *r) {
    list rest = {0};
    for (text_request *one; (one = pop(l));)
        if (one != r) push(&rest, one);
    *l = rest;
}

static text_request *find(const list *l, uint64_t id) {
    for (text_request *r = l->first; r; r = r->next)
        if (r->id == id && !r->cancelled) return r;
    return NULL;
}

static void close_request(heed_context *context, text_request *r) {
    if (!r) return;
    if (!r->given.results) heed_results_close(r->results);
    if (!r->given.settings) hd_decoding_close(context, &r->own);
    hd_text_ends_close(&r->ends);
    void *arrays[] = {r->text, r->record, r->ids, r->runs, r->problem, r->note, r};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(context, arrays[i]);
}

static void close_all(heed_context *context, list *l) {
    for (text_request *r; (r = pop(l));) close_request(context, r);
}

/* ---- adding ---- */

/* The most tokens of one text in the caches. A recurrent network, whose texts have any length, caches none. */
static int64_t most_cached(const hd_recipe *recipe, const text_request *r) {
    int64_t longest = hd_recipe_longest(recipe), new_tokens = r->settings->generation.max_new_tokens;
    int64_t prompt = (int64_t)r->prompt;
    if (longest == INT64_MAX) return 0;
    return r->hypotheses * (new_tokens ? hd_min(prompt + new_tokens, longest) : longest);
}

static bool reserve_ids(heed_context *context, text_request *r, size_t count) {
    return hd_grow(context, &r->ids, &r->ids_capacity, r->id_count + count, sizeof *r->ids);
}

static bool append_ids(heed_context *context, text_request *r, const int32_t *ids, size_t count) {
    if (!reserve_ids(context, r, count)) return false;
    if (count) memcpy(r->ids + r->id_count, ids, count * sizeof *ids);
    r->id_count += count;
    return true;
}

/* The text of the request's tokens: how the first of the continuation is written depends on those before it. */
static heed_status decode(const text_request *r, hd_buffer *text) {
    hd_buffer_clear(text);
    return hd_tokenizer_decode(r->settings->side[HD_DECODER].tokenizer, r->ids + r->first, r->id_count - r->first, true,
                               text);
}

/* What the continuation's text comes after. */
static heed_status hide_prompt(heed_context *context, text_request *r) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = decode(r, &text);
    r->hidden = r->streamed = text.size;
    hd_buffer_close(&text);
    return status;
}

static heed_status note_length(heed_context *context, const heed_session *s, text_request *r) {
    int64_t count = (int64_t)r->prompt, visible = hd_session_visible(s->decoder, count);
    if (visible >= count) return HEED_OK;
    hd_buffer note;
    hd_buffer_open(&note, context);
    hd_buffer_format(&note, "a text of %lld tokens is more than the model's %lld: only the last %lld are its context",
                     (long long)count, (long long)hd_recipe_longest(&s->model->network->recipe), (long long)visible);
    r->note = hd_buffer_take(&note);
    if (!r->note) return HEED_MEMORY;
    hd_note(context, "%s", r->note);
    return HEED_OK;
}

static heed_status copy_text(heed_context *context, text_request *r) {
    if (!r->settings->alignment) return HEED_OK;
    r->text = hd_copy_bytes(context, r->given.text, r->given.size);
    r->given.text = r->text;
    return r->text ? HEED_OK : HEED_MEMORY;
}

static heed_status encode(const heed_model *model, const heed_session *s, text_request *r) {
    heed_context *context = model->context;
    bool translates = hd_recipe_translates(&model->network->recipe);
    if (translates && hd_text_is_blank(r->given.text, r->given.size)) {
        r->blank = true;
        return HEED_OK;
    }
    hd_text_tokens prompt = {0};
    heed_status status = hd_text_tokens_read(model, r->settings, r->given.text, r->given.size, &prompt);
    if (status == HEED_OK) {
        r->prompt = (size_t)prompt.ids.count;
        if (!append_ids(context, r, prompt.ids.ids, r->prompt)) status = HEED_MEMORY;
    }
    hd_text_tokens_close(&prompt);
    HD_TRY(status);
    r->cached = most_cached(&model->network->recipe, r);
    if (translates) {
        r->first = r->prompt;
        return copy_text(context, r);
    }
    HD_TRY(hide_prompt(context, r));
    return note_length(context, s, r);
}

static heed_status configure(const heed_model *model, text_request *r) {
    r->settings = r->given.settings ? r->given.settings : &r->own;
    if (!r->given.settings) {
        r->record =
            hd_text_record_write(model->context, r->given.text, r->given.size, r->given.number, r->given.options);
        if (!r->record) return HEED_MEMORY;
        HD_TRY(hd_decoding_open_with(model, r->given.options, &hd_session_table, &r->session->constraints, &r->own));
        r->own.bare = r->given.bare;
        if (hd_recipe_translates(&model->network->recipe))
            HD_TRY(hd_model_require_target(model, r->own.side, &r->own.generation, "to"));
    }
    const hd_generation *generation = &r->settings->generation;
    r->hypotheses = hd_max(generation->beams, generation->best);
    r->run_count = generation->sample ? generation->best : 1;
    r->runs = hd_alloc(model->context, (size_t)r->run_count, sizeof *r->runs);
    return r->runs ? HEED_OK : HEED_MEMORY;
}

/* A text that cannot be decoded is added too: its results have the problem. */
static heed_status open_request(const heed_model *model, heed_session *s, const hd_session_text *text,
                                text_request **request) {
    heed_context *context = model->context;
    text_request *r = *request = hd_alloc_zeroed(context, 1, sizeof *r);
    if (!r) return HEED_MEMORY;
    r->session = s;
    r->given = *text;
    heed_status status = configure(model, r);
    if (status == HEED_OK) {
        status = encode(model, s, r);
        if (status != HEED_OK && status != HEED_MEMORY) {
            r->problem = hd_copy_string(context, context->message);
            status = r->problem ? HEED_OK : HEED_MEMORY;
        }
    }
    if (status == HEED_OK) return HEED_OK;
    close_request(context, r);
    *request = NULL;
    return status;
}

static bool is_stepping(heed_session *s) {
    pthread_mutex_lock(&s->lock);
    bool same = pthread_equal(s->stepping, pthread_self());
    pthread_mutex_unlock(&s->lock);
    return same;
}

/* Records a failure in the context of the calling thread, if it is known: that of the options, or the stepping thread's. */
static heed_status report(heed_session *s, const heed_options *options, const heed_context *own, heed_status status) {
    heed_context *context = options ? hd_options_context(options) : is_stepping(s) ? s->context : NULL;
    return context ? hd_fail_as(context, own, status) : status;
}

heed_status hd_session_add_text(heed_session *s, const hd_session_text *text, uint64_t *id) {
    heed_context own = s->quiet;
    if (is_stepping(s)) own.log = s->context->log, own.log_user = s->context->log_user;
    heed_model model = *s->model;
    model.context = &own;
    text_request *r;
    hd_float_environment found = hd_float_enter();
    heed_status status = open_request(&model, s, text, &r);
    hd_float_leave(found);
    if (status != HEED_OK) return report(s, text->options, &own, status);
    pthread_mutex_lock(&s->lock);
    r->id = s->next_id++;
    if (id) *id = r->id;
    push(&s->added, r);
    s->unfinished++;
    pthread_mutex_unlock(&s->lock);
    return HEED_OK;
}

heed_status heed_session_add(heed_session *s, const heed_options *options, const char *text, size_t size,
                             uint64_t number, heed_words_function *words, void *user, uint64_t *id) {
    return hd_session_add_text(s,
                               &(hd_session_text){.text = text ? text : "",
                                                  .size = text ? size : 0,
                                                  .number = number,
                                                  .words = words,
                                                  .user = user,
                                                  .options = options},
                               id);
}

/* ---- cancelling ---- */

heed_status heed_session_cancel(heed_session *s, uint64_t id) {
    pthread_mutex_lock(&s->lock);
    text_request *added = find(&s->added, id), *running = added ? NULL : find(&s->running, id);
    if (added) unlink_request(&s->added, added);
    if (running) running->cancelled = s->cancels = true;
    if (added || running) s->unfinished--;
    pthread_mutex_unlock(&s->lock);
    heed_context own = s->quiet;
    close_request(&own, added);
    if (added || running) return HEED_OK;
    hd_fail(&own, HEED_ARGUMENT, "no request %llu is waiting or running", (unsigned long long)id);
    return report(s, NULL, &own, HEED_ARGUMENT);
}

/* Takes the cancelled texts from the running ones. */
static list take_cancelled(heed_session *s) {
    list kept = {0}, cancelled = {0};
    pthread_mutex_lock(&s->lock);
    for (text_request *r; s->cancels && (r = pop(&s->running));) push(r->cancelled ? &cancelled : &kept, r);
    if (s->cancels) s->running = kept;
    s->cancels = false;
    pthread_mutex_unlock(&s->lock);
    return cancelled;
}

static void leave(heed_session *s, const text_request *r) {
    s->hypotheses -= r->hypotheses;
    s->cached -= r->cached;
}

static void drop_cancelled(heed_session *s) {
    list cancelled = take_cancelled(s);
    for (text_request *r; (r = pop(&cancelled));) {
        for (int64_t i = 0; i < r->run_count; i++) hd_session_cancel(s->decoder, r->runs[i]); /* some have finished */
        leave(s, r);
        close_request(s->context, r);
    }
}

/* ---- streaming: a token may be a part of a character, which is passed on when it is whole ---- */

/* The length of s->text without what may be the beginning of a stop string, or of a character. */
static size_t settled_size(const text_request *r) {
    const hd_buffer *text = &r->session->text;
    size_t size = hd_stream_whole(text->data, text->size);
    if (hd_decoding_cuts(r->settings)) size -= hd_stops_begun(&r->settings->generation.stop_strings, text->data, size);
    return size;
}

/* Streams what is new in s->text; false if the listener returned false. */
static bool pass_on(text_request *r, bool last) {
    const hd_buffer *text = &r->session->text;
    const hd_session_text *to = &r->given;
    size_t size = last ? text->size : settled_size(r);
    size_t first, end = hd_stream_next(text->data ? text->data : "", size, r->streamed, last, &first);
    r->streamed = end;
    return first == end || to->words(to->user, to->results ? to->index : r->id, text->data + first, end - first);
}

static bool stream(void *user, int32_t token) {
    text_request *r = user;
    heed_session *s = r->session;
    if (r->cancelled) return false;
    if (s->status == HEED_OK && !append_ids(s->context, r, &token, 1)) s->status = HEED_MEMORY;
    if (s->status == HEED_OK) s->status = decode(r, &s->text);
    if (s->status != HEED_OK) return false;
    return pass_on(r, false);
}

static bool streams(const text_request *r) { return r->given.words && r->hypotheses == 1; }

/* ---- beginning ---- */

/* Of a session that was loaded from a file, a run goes on; one that had finished before its text did runs again. */
static heed_status run_one(heed_session *s, text_request *r, const hd_request *request, uint64_t *id) {
    if (r->restored && hd_session_attach_request(s->decoder, *id, request) == HEED_OK) return HEED_OK;
    return hd_session_add(s->decoder, request, id);
}

/* Several samples of a text share what finds their ends. */
static heed_status find_ends(heed_session *s, text_request *r, hd_request *request) {
    if (!hd_decoding_ends_texts(r->settings)) return HEED_OK;
    request->stopped = hd_decoding_stopped;
    request->stop_user = &r->ends;
    return hd_text_ends_open(&r->ends, s->context, r->settings);
}

static heed_status run(heed_session *s, text_request *r) {
    hd_request request = {.ids = r->ids,
                          .count = (int64_t)r->prompt,
                          .generation = &r->settings->generation,
                          .number = r->given.number,
                          .user = r,
                          .token = streams(r) ? stream : NULL};
    HD_TRY(find_ends(s, r, &request));
    for (; r->waiting < r->run_count; r->waiting++) {
        HD_TRY(run_one(s, r, &request, &r->runs[r->waiting]));
        request.number += (uint64_t)1 << ALTERNATIVE_BITS;
    }
    return HEED_OK;
}

/* The text has its last answer, or a problem. */
static void finish(heed_session *s, text_request *r) {
    leave(s, r);
    pthread_mutex_lock(&s->lock);
    unlink_request(&s->running, r);
    bool returned = !r->cancelled && !r->given.results;
    if (!r->cancelled) s->unfinished--;
    if (returned) push(&s->finished, r);
    pthread_mutex_unlock(&s->lock);
    if (!returned) close_request(s->context, r);
}

/* Answers at once what needs no decoding. */
static heed_status begin(heed_session *s, text_request *r) {
    size_t index = r->given.index, best = (size_t)r->settings->generation.best;
    if (r->given.results)
        r->results = r->given.results;
    else
        HD_TRY(hd_results_open(s->context, 1, &r->results));
    heed_status status = HEED_OK;
    if (r->note) status = hd_results_note(r->results, index, "%s", r->note);
    if (status == HEED_OK && !r->problem && !r->blank) {
        hd_result *item = &r->results->items[index];
        item->answers = hd_arena_alloc(&r->results->arena, best, sizeof *item->answers);
        if (!item->answers) return HEED_MEMORY;
        status = run(s, r);
        if (status == HEED_OK || status == HEED_MEMORY) return status;
        r->problem = hd_copy_string(s->context, s->context->message);
        status = r->problem ? HEED_OK : HEED_MEMORY;
    }
    if (status == HEED_OK)
        status = r->problem ? hd_results_problem(r->results, index, r->problem)
                            : hd_decoding_answer_blank(r->settings, r->results, index);
    if (status == HEED_OK) finish(s, r);
    return status;
}

/* The next text that may begin; NULL if there is none, or the caches are full. */
static text_request *take_added(heed_session *s) {
    pthread_mutex_lock(&s->lock);
    text_request *r = s->added.first;
    if (r && s->hypotheses && (s->hypotheses + r->hypotheses > HYPOTHESES_AT_ONCE || s->cached >= CACHED_TOKENS))
        r = NULL;
    if (r) push(&s->running, pop(&s->added));
    pthread_mutex_unlock(&s->lock);
    if (r) s->hypotheses += r->hypotheses, s->cached += r->cached;
    return r;
}

/* ---- answers ---- */

static heed_status align(heed_session *s, text_request *r, hd_answer *answer) {
    hd_buffer out;
    hd_buffer_open(&out, s->context);
    heed_status status = hd_decoding_align(s->context, s->model, r->settings, r->given.text, r->given.size,
                                           r->ids + r->prompt, (int64_t)(r->id_count - r->prompt), &out);
    if (status == HEED_OK) {
        answer->alignment = hd_results_copy(r->results, out.data, out.size);
        if (!answer->alignment) status = HEED_MEMORY;
    }
    hd_buffer_close(&out);
    return status;
}

static heed_status keep_answer(heed_session *s, text_request *r, const hd_hypothesis *h, hd_answer *answer) {
    r->id_count = r->prompt;
    if (!reserve_ids(s->context, r, (size_t)h->count + 1)) return HEED_MEMORY;
    r->id_count += (size_t)hd_decoding_tokens(r->settings, h, r->ids + r->prompt);
    HD_TRY(decode(r, &s->text));
    s->text.size = hd_decoding_text_size(r->settings, h, &s->text, r->hidden);
    if (streams(r)) pass_on(r, true);
    size_t hidden = (size_t)hd_min((int64_t)r->hidden, (int64_t)s->text.size), size = s->text.size - hidden;
    const char *text = hd_results_copy(r->results, size ? s->text.data + hidden : "", size);
    if (!text) return HEED_MEMORY;
    *answer = (hd_answer){.text = text,
                          .size = size,
                          .score = h->score,
                          .generated = (size_t)h->count + (h->end >= 0),
                          .ended = h->end >= 0 || h->stop_bytes};
    HD_TRY(hd_decoding_note_words(r->results, r->given.index, h));
    if (h->last)
        HD_TRY(hd_answer_tokens_make(&r->settings->generation, h, (int64_t)(r->id_count - r->prompt),
                                     r->settings->side[HD_DECODER].tokenizer, r->results, &answer->tokens));
    return r->settings->alignment ? align(s, r, answer) : HEED_OK;
}

/* A text has several answers from one beam search, or from as many samples. One that is too long to be aligned has a problem,
 * and so has a text of which a sample does not match its constraint. */
static heed_status keep_run(heed_session *s, text_request *r, const hd_decoded *decoded) {
    hd_result *item = &r->results->items[r->given.index];
    int64_t run = 0;
    item->prompt = r->prompt;
    if (decoded->problem) return (r->problem = hd_copy_string(s->context, decoded->problem)) ? HEED_OK : HEED_MEMORY;
    while (r->runs[run] != decoded->id) run++;
    if (r->given.shared) *r->given.shared = decoded->shared;
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < decoded->count && status == HEED_OK; i++)
        status = keep_answer(s, r, &decoded->best[i], &item->answers[run + i]);
    item->count += (size_t)decoded->count;
    if (status != HEED_LENGTH) return status;
    r->problem = hd_copy_string(s->context, s->context->message);
    return r->problem ? HEED_OK : HEED_MEMORY;
}

static heed_status keep_answers(heed_session *s, const hd_decoded *decoded) {
    text_request *r = decoded->user;
    if (!r) return HEED_OK; /* of a file that has no text for it */
    hd_result *item = &r->results->items[r->given.index];
    if (!r->cancelled && !r->problem) HD_TRY(keep_run(s, r, decoded));
    if (--r->waiting) return HEED_OK;
    if (r->problem) item->count = 0;
    if (r->problem)
        HD_TRY(hd_results_problem(r->results, r->given.index, r->problem));
    else if (!item->count)
        HD_TRY(hd_decoding_no_answer(r->results, r->given.index));
    finish(s, r);
    return HEED_OK;
}

/* ---- the session ---- */

static hd_session_limits limits_of(const heed_model *model) {
    return (hd_session_limits){.step_tokens = STEP_TOKENS, .draft = model->draft ? model->draft->network : NULL};
}

heed_status heed_session_open(heed_model *model, heed_session **session) {
    return hd_session_open_kept(model, 0, session);
}

heed_status hd_session_open_kept(heed_model *model, int64_t kept, heed_session **session) {
    heed_context *context = model->context;
    *session = NULL;
    if (!hd_model_predicts(model, HD_HEAD_LANGUAGE, false, true))
        HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, true, true, "a causal language model or a translation model"));
    heed_session *s = hd_alloc_zeroed(context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    s->context = context;
    s->model = model;
    s->quiet = hd_context_worker(context, 1);
    s->stepping = pthread_self();
    pthread_mutex_init(&s->lock, NULL);
    hd_constraint_list_open(&s->constraints);
    hd_buffer_open(&s->text, context);
    hd_float_environment found = hd_float_enter();
    hd_session_limits limits = limits_of(model);
    limits.kept = kept;
    if (kept) limits.least_shared = 1; /* what is kept need not be waited for */
    heed_status status = hd_session_open(context, model->network, &limits, &s->decoder);
    if (status == HEED_OK) status = hd_network_pack(model->network);
    hd_float_leave(found);
    if (status == HEED_OK)
        *session = s;
    else
        heed_session_close(s);
    return status;
}

void heed_session_close(heed_session *s) {
    if (!s) return;
    heed_context *context = s->context;
    hd_session_close(s->decoder);
    close_all(context, &s->added);
    close_all(context, &s->running);
    close_all(context, &s->finished);
    hd_constraint_list_close(&s->constraints, context);
    hd_buffer_close(&s->text);
    pthread_mutex_destroy(&s->lock);
    hd_free(context, s);
}

bool heed_session_is_busy(const heed_session *session) {
    heed_session *s = (heed_session *)session; /* the lock alone changes */
    pthread_mutex_lock(&s->lock);
    bool busy = s->unfinished > 0;
    pthread_mutex_unlock(&s->lock);
    return busy;
}

static heed_status step(heed_session *s) {
    hd_decoded decoded;
    drop_cancelled(s);
    for (text_request *r; (r = take_added(s));) HD_TRY(begin(s, r));
    HD_TRY(hd_session_step(s->decoder));
    HD_TRY(s->status);
    while (hd_session_next(s->decoder, &decoded)) HD_TRY(keep_answers(s, &decoded));
    return HEED_OK;
}

heed_status heed_session_step(heed_session *s) {
    pthread_mutex_lock(&s->lock);
    s->stepping = pthread_self();
    pthread_mutex_unlock(&s->lock);
    HD_TRY(hd_check_stop(s->context));
    hd_float_environment found = hd_float_enter();
    if (s->status == HEED_OK) s->status = step(s);
    hd_float_leave(found);
    return s->status;
}

heed_status heed_session_next(heed_session *s, uint64_t *id, heed_results **results) {
    *results = NULL;
    pthread_mutex_lock(&s->lock);
    text_request *r = pop(&s->finished);
    pthread_mutex_unlock(&s->lock);
    if (!r) return HEED_OK;
    if (id) *id = r->id;
    *results = r->results;
    r->results = NULL;
    close_request(s->context, r);
    return HEED_OK;
}

static heed_status abandon(list *l, const char *problem) {
    for (const text_request *r = l->first; r; r = r->next) {
        if (!r->given.results) continue;
        r->given.results->items[r->given.index].count = 0;
        HD_TRY(hd_results_problem(r->given.results, r->given.index, problem));
    }
    return HEED_OK;
}

heed_status hd_session_abandon(heed_session *s, const char *problem) {
    HD_TRY(abandon(&s->added, problem));
    return abandon(&s->running, problem);
}

/* ---- sessions in files ---- */

/* Appends what the requests of a list need to go on. */
static void append_requests(const list *l, bool running, hd_buffer *out) {
    for (const text_request *r = l->first; r; r = r->next) {
        if (r->cancelled || !r->record) continue;
        bool first = out->data[out->size - 1] == '[';
        hd_buffer_format(out, "%s{\"id\":%llu,\"streamed\":%zu,\"runs\":[", first ? "" : ",", (unsigned long long)r->id,
                         r->streamed);
        for (int64_t i = 0; running && i < r->run_count; i++)
            hd_buffer_format(out, "%s%llu", i ? "," : "", (unsigned long long)r->runs[i]);
        hd_buffer_format(out, "],\"text\":%s}", r->record);
    }
}

heed_status heed_session_save(const heed_session *session, const char *path) {
    heed_session *s = (heed_session *)session; /* its requests stay as they are */
    hd_buffer out;
    HD_TRY(s->status);
    hd_buffer_open(&out, s->context);
    drop_cancelled(s);
    pthread_mutex_lock(&s->lock);
    bool finished = s->finished.first;
    hd_buffer_format(&out, "{\"next_id\":%llu,\"requests\":[", (unsigned long long)s->next_id);
    if (!out.failed) append_requests(&s->running, true, &out);
    if (!out.failed) append_requests(&s->added, false, &out);
    pthread_mutex_unlock(&s->lock);
    hd_buffer_text(&out, "]}");
    heed_status status = out.failed ? HEED_MEMORY : HEED_OK;
    if (finished)
        status = hd_fail(s->context, HEED_ARGUMENT,
                         "a session with results that heed_session_next has not returned cannot be saved");
    hd_float_environment found = hd_float_enter();
    if (status == HEED_OK) status = hd_session_save(s->decoder, path, &out);
    hd_float_leave(found);
    hd_buffer_close(&out);
    return status;
}

/* The runs of a text that was running; it runs again at once. */
static heed_status resume(heed_session *s, text_request *r, const hd_json *json) {
    int64_t runs[1024];
    size_t count;
    HD_TRY(hd_json_ints(json, "runs", 0, INT64_MAX, runs, HD_COUNT(runs), &count));
    if (!count) return HEED_OK;
    if ((int64_t)count > r->run_count) return hd_json_expected(json, "runs", "as many runs as the text has answers");
    for (int64_t i = 0; i < r->run_count; i++) r->runs[i] = i < (int64_t)count ? (uint64_t)runs[i] : UINT64_MAX;
    r->restored = true;
    pthread_mutex_lock(&s->lock);
    unlink_request(&s->added, r);
    push(&s->running, r);
    pthread_mutex_unlock(&s->lock);
    s->hypotheses += r->hypotheses, s->cached += r->cached;
    return begin(s, r);
}

static heed_status read_request(heed_session *s, const hd_json *json) {
    hd_text_record record;
    hd_json text;
    int64_t id, streamed;
    HD_TRY(hd_json_int(json, "id", 0, 0, INT64_MAX, &id));
    HD_TRY(hd_json_int(json, "streamed", 0, 0, INT64_MAX, &streamed));
    HD_TRY(hd_json_object(json, "text", &text));
    heed_status status = hd_text_record_read(&text, &record);
    hd_session_text added = {.text = record.text ? record.text : "",
                             .size = record.size,
                             .number = record.number,
                             .options = record.options};
    if (status == HEED_OK) status = hd_session_add_text(s, &added, NULL);
    hd_text_record_close(s->context, &record);
    HD_TRY(status);
    text_request *r = s->added.last;
    r->id = (uint64_t)id;
    r->streamed = (size_t)streamed;
    return resume(s, r, json);
}

static heed_status read_requests(heed_session *s, const char *path, const hd_buffer *bytes) {
    hd_json json, array, one;
    size_t count;
    int64_t next_id;
    if (!bytes->size) return hd_fail(s->context, HEED_FORMAT, "%s: a session without texts", path);
    HD_TRY(hd_json_open_bytes(s->context, path, bytes->data, bytes->size, HD_JSON_STRICT, &json));
    heed_status status = hd_json_int(&json, "next_id", 0, 0, INT64_MAX, &next_id);
    if (status == HEED_OK) status = hd_json_array(&json, "requests", &array, &count);
    for (size_t i = 0; status == HEED_OK && i < count; i++) {
        hd_json_element(&array, i, &one);
        status = json_is_object(one.root) ? read_request(s, &one) : hd_json_expected(&one, NULL, "an object");
    }
    s->next_id = (uint64_t)next_id;
    hd_json_close(&json);
    return status;
}

static heed_status load(heed_session *s, const char *path) {
    hd_session_limits limits = limits_of(s->model);
    hd_session *decoder;
    hd_buffer bytes;
    hd_buffer_open(&bytes, s->context);
    heed_status status = hd_session_load(s->context, s->model->network, &limits, path, &bytes, &decoder);
    if (status == HEED_OK) {
        hd_session_close(s->decoder);
        s->decoder = decoder;
        status = read_requests(s, path, &bytes);
    }
    hd_buffer_close(&bytes);
    return status;
}

heed_status heed_session_load(heed_model *model, const char *path, heed_session **session) {
    HD_TRY(heed_session_open(model, session));
    hd_float_environment found = hd_float_enter();
    heed_status status = load(*session, path);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_session_close(*session);
    *session = NULL;
    return status;
}

/* The tokens that a running text has now: those before were not listened to. */
static heed_status catch_up(heed_session *s, text_request *r) {
    hd_progress progress;
    if (!r->waiting || r->hypotheses > 1) return HEED_OK;
    for (int64_t i = 0; i < hd_session_count(s->decoder); i++) {
        hd_session_progress(s->decoder, i, &progress);
        if (progress.id != r->runs[0]) continue;
        r->id_count = r->prompt;
        if (!append_ids(s->context, r, progress.generated.ids, (size_t)progress.generated.count)) return HEED_MEMORY;
    }
    return hd_session_attach(s->decoder, r->runs[0], r, streams(r) ? stream : NULL);
}

heed_status heed_session_listen(heed_session *s, uint64_t id, heed_words_function *words, void *user) {
    pthread_mutex_lock(&s->lock);
    text_request *r = find(&s->added, id);
    if (!r) r = find(&s->running, id);
    pthread_mutex_unlock(&s->lock);
    if (!r) return hd_fail(s->context, HEED_ARGUMENT, "no request %llu is waiting or running", (unsigned long long)id);
    r->given.words = words, r->given.user = user;
    return catch_up(s, r);
}
