/* Decoding sessions: a text's result does not depend on other texts that are added, stepped or cancelled, on tokens that are
 * proposed for it, on prefixes and sources that texts share, on what is kept of finished ones, or on saving and loading the session; memory of finished requests
 * is freed; and running out of memory leaks nothing. */
#include "failing.h"
#include "small_networks.h"

#include "base/random.h"
#include "decode/records.h"
#include "decode/saved_session.h"
#include "decode/session_requests.h"
#include "decode/session_state.h"

#include <unistd.h>

enum { KINDS = 14, TEXTS = 20, MOST_TOKENS = 24, MOST_BEST = 4, ORDERS = 1000 };

/* Besides the small networks those whose rotary positions change as texts grow. */
static const small_network growing[] = {{"families/llama-dynamic", false}, {"families/phi3-longrope", false}};
enum { NETWORKS = HD_COUNT(small_networks) + HD_COUNT(growing) };

static const small_network *network_at(size_t i) {
    return i < HD_COUNT(small_networks) ? &small_networks[i] : &growing[i - HD_COUNT(small_networks)];
}

/* Saved sessions of a test need not survive a power failure. */
int fsync(int descriptor);
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

static char saved_path[] = "/tmp/heed-session-XXXXXX";

/* A result to compare with. */
typedef struct result {
    int64_t count;
    float scores[MOST_BEST];
    uint64_t log_probs[MOST_BEST]; /* fingerprints */
    int64_t lengths[MOST_BEST];
    int32_t ids[MOST_BEST][2 * MOST_TOKENS];
} result;

typedef struct text {
    hd_request request;
    hd_generation generation;
    int32_t ids[MOST_TOKENS];
    int64_t patience; /* tokens that are streamed before the text is stopped; 0: no limit */
    result alone;
    /* in an order: */
    uint64_t id;
    bool added, cancelled;
    int results;
    int64_t streamed;
    int32_t stream[2 * MOST_TOKENS];
} text;

typedef struct fixture {
    opened_network opened;
    hd_network *draft; /* with other weights; NULL for recurrent networks, which have none */
    text texts[TEXTS];
    hd_random_key key; /* of what is chosen at random, and how much was */
    uint64_t chosen;
} fixture;

static int64_t choose(fixture *f, uint64_t bound) { return (int64_t)hd_random_below(f->key, f->chosen++, bound); }

/* ---- requests ---- */

static bool stream(void *user, int32_t token) {
    text *t = user;
    t->stream[t->streamed++] = token;
    return t->streamed != t->patience;
}

/* The first tokens of a text, or all, become those of another one. */
static void share_tokens(fixture *f, text *t, const text *other) {
    int64_t shared = choose(f, 3) ? choose(f, (uint64_t)hd_min(t->request.count, other->request.count) + 1) : -1;
    if (shared < 0) shared = t->request.count = other->request.count;
    memcpy(t->ids, other->ids, (size_t)shared * sizeof *t->ids);
}

/* One text of each kind: greedy, sampled and with beams, with every processor and with other limits and seeds. The last texts
 * share tokens with the first ones. */
static void make_texts(fixture *f) {
    static const int32_t stops[] = {3, 7, 9, 11, 5}, stop_starts[] = {0, 1, 3, 4, 5};
    const hd_recipe *recipe = &f->opened.network->recipe;
    bool translates = hd_recipe_translates(recipe);
    int64_t most = translates ? hd_min(hd_recipe_longest(recipe), MOST_TOKENS) : MOST_TOKENS;
    for (int text_index = 0; text_index < TEXTS; text_index++) {
        int i = text_index % KINDS;
        text *t = &f->texts[text_index];
        hd_generation *g = &t->generation;
        *t = (text){0};
        hd_generation_of(recipe, g);
        g->max_new_tokens = 1 + choose(f, i % 3 ? MOST_TOKENS : 2 * MOST_TOKENS - 2);
        g->seed = 1 + i % 3;
        g->sample = i >= 4 && i < 8;
        g->beams = i < 8 ? 1 : 2 + i % 3;
        g->best = g->beams > 1 ? hd_min(g->beams, MOST_BEST) : 1;
        if (i == 1 || i == 5 || i == 9) g->repetition_penalty = 1.4f;
        if (i == 2 || i == 6 || i == 10) g->no_repeat_ngram = 2;
        if (i == 3 || i == 7 || i == 11) g->presence_penalty = 0.5f, g->frequency_penalty = 0.25f;
        g->log_probs = i % 2, g->top_log_probs = i % 4;
        if (i == 3 || i == 11) g->forced_last = g->ends;
        if (i == 5) g->top_k = 6, g->temperature = 1.5f;
        if (i == 6) g->top_p = 0.7f, g->min_p = 0.05f;
        if (i == 12) g->early_stopping = HD_STOP_FULL, g->length_penalty = 0.6f;
        if (i == 13) g->early_stopping = HD_STOP_NEVER;
        if (i == 4) t->patience = 3;
        int64_t count = 1 + choose(f, (uint64_t)most);
        if (translates && i % 4 == 2) count = 0; /* a text of which the tokenizer leaves nothing */
        for (int64_t j = 0; j < count; j++) t->ids[j] = 1 + (int32_t)choose(f, 35);
        t->request = (hd_request){
            .ids = t->ids, .count = count, .generation = g, .number = (uint64_t)i / 2, .user = t, .token = stream};
        if (i % 4 == 3) t->request.stops = (hd_stops){4, stops, stop_starts};
        if (text_index % 2) g->prompt_lookup = 1 + choose(f, 10);
        if (text_index >= KINDS) share_tokens(f, t, &f->texts[choose(f, (uint64_t)text_index)]);
    }
}

static void open_fixture(fixture *f, const small_network *which) {
    *f = (fixture){.opened.context = open_context()};
    f->key = hd_random_key_make(5, HD_RANDOM_GENERATE, 0);
    f->opened.context->threads = 1;
    open_network(&f->opened, which, HD_OPEN_TO_RUN);
    assert_ok(f->opened.context, hd_network_pack(f->opened.network));
    if (!which->recurrent) {
        assert_ok(f->opened.context, hd_network_open(f->opened.context, &f->opened.network->recipe, &f->draft));
        assert_ok(f->opened.context, hd_network_initialize(f->draft, 3));
        assert_ok(f->opened.context, hd_network_pack(f->draft));
    }
    make_texts(f);
}

static void close_fixture(fixture *f) {
    hd_network_close(f->draft);
    close_network(&f->opened);
}

/* ---- results ---- */

/* The log-probabilities of a hypothesis' tokens, and of the most probable ones in their place. */
static uint64_t fingerprint_log_probs(const hd_generation *g, const hd_hypothesis *h) {
    hd_continuation tokens[4 * 2 * MOST_TOKENS];
    assert_true(g->log_probs == (h->last != NULL));
    if (!h->last) return 0;
    hd_records_read(h->last, h->made, h->count, g->top_log_probs, tokens);
    uint64_t found = FINGERPRINT_OF_NOTHING;
    for (int64_t i = 0; i < h->count * (1 + g->top_log_probs); i++) {
        assert_true(tokens[i].log_prob <= 0);
        if (i % (1 + g->top_log_probs) == 0) assert_int_equal(tokens[i].token, h->ids[i / (1 + g->top_log_probs)]);
        found = fingerprint(found, &tokens[i].token, sizeof tokens[i].token);
        found = fingerprint(found, &tokens[i].log_prob, sizeof tokens[i].log_prob);
    }
    return found;
}

static void keep(const hd_decoded *decoded, result *r) {
    *r = (result){.count = decoded->count};
    for (int64_t i = 0; i < decoded->count; i++) {
        r->scores[i] = decoded->best[i].score;
        r->log_probs[i] = fingerprint_log_probs(&((const text *)decoded->user)->generation, &decoded->best[i]);
        r->lengths[i] = decoded->best[i].count;
        assert_in_range(r->lengths[i], 0, 2 * MOST_TOKENS);
        if (r->lengths[i]) memcpy(r->ids[i], decoded->best[i].ids, (size_t)r->lengths[i] * sizeof(int32_t));
    }
}

static void run_alone(fixture *f) {
    for (int i = 0; i < TEXTS; i++) {
        text *t = &f->texts[i];
        hd_session *session;
        hd_decoded decoded;
        int64_t lookup = t->generation.prompt_lookup;
        t->generation.prompt_lookup = 0;
        assert_ok(f->opened.context, hd_session_open(f->opened.context, f->opened.network, NULL, &session));
        assert_ok(f->opened.context, hd_session_add(session, &t->request, NULL));
        t->generation.prompt_lookup = lookup;
        while (hd_session_is_busy(session)) assert_ok(f->opened.context, hd_session_step(session));
        assert_true(hd_session_next(session, &decoded));
        assert_true(decoded.count > 0);
        keep(&decoded, &t->alone);
        hd_session_close(session);
    }
}

/* All results that are there, each equal to that of its text alone. */
static void compare_finished(const char *name, int order, hd_session *session) {
    hd_decoded decoded;
    while (hd_session_next(session, &decoded)) {
        text *t = decoded.user;
        result found;
        keep(&decoded, &found);
        assert_int_equal(decoded.id, t->id);
        assert_int_equal(decoded.number, t->request.number);
        assert_false(t->cancelled);
        t->results++;
        if (memcmp(&found, &t->alone, sizeof found) != 0)
            fail_msg("%s, order %d: a text with %lld beams has another result than alone", name, order,
                     (long long)t->generation.beams);
        int64_t shown = hd_min(t->streamed, found.lengths[0]); /* parts of a stop sequence may be streamed too */
        if (t->generation.beams == 1) assert_memory_equal(t->stream, found.ids[0], (size_t)shown * sizeof(int32_t));
        if (t->generation.beams == 1) assert_true(t->streamed >= found.lengths[0]);
    }
}

/* ---- orders ---- */

static void shuffle(fixture *f, int *order) {
    for (int i = 0; i < TEXTS; i++) order[i] = i;
    for (int i = TEXTS - 1; i > 0; i--) {
        int j = (int)choose(f, (uint64_t)i + 1), kept = order[i];
        order[i] = order[j], order[j] = kept;
    }
}

static void add(fixture *f, hd_session *session, text *t) {
    assert_ok(f->opened.context, hd_session_add(session, &t->request, &t->id));
    t->added = true;
}

/* Cancels a text that has no result yet, if it has been added; whether it has finished is the session's to say. */
static void cancel(fixture *f, hd_session *session, text *t) {
    if (!t->added || t->cancelled || t->results) return;
    heed_status status = hd_session_cancel(session, t->id);
    if (status != HEED_OK) assert_int_equal(status, HEED_ARGUMENT);
    t->cancelled = status == HEED_OK;
    if (t->cancelled) assert_int_equal(hd_session_cancel(session, t->id), HEED_ARGUMENT);
    (void)f;
}

/* The session goes on in another one, which was loaded from a file. */
static void reload(fixture *f, const hd_session_limits *limits, hd_session **session) {
    assert_ok(f->opened.context, hd_session_save(*session, saved_path, NULL));
    hd_session_close(*session);
    assert_ok(f->opened.context,
              hd_session_load(f->opened.context, f->opened.network, limits, saved_path, NULL, session));
    for (int i = 0; i < TEXTS; i++) {
        text *t = &f->texts[i];
        if (t->added && !t->cancelled && !t->results)
            assert_ok(f->opened.context, hd_session_attach(*session, t->id, t, stream));
    }
}

/* Some texts are added, stepped and cancelled in a random order, with a random size of steps, and with tokens that nobody, the
 * network itself or another one proposes. */
static void run_order(fixture *f, const char *name, int number) {
    static const int64_t sizes[] = {0, 1, 3, 8, 64};
    const hd_network *drafts[] = {NULL, f->draft ? f->opened.network : NULL, f->draft};
    hd_session_limits limits = {.step_tokens = sizes[choose(f, HD_COUNT(sizes))],
                                .draft = drafts[choose(f, HD_COUNT(drafts))],
                                .least_shared = choose(f, 4),
                                .kept = choose(f, 4)};
    hd_session *session;
    int order[TEXTS], next = 0, end = 2 + (int)choose(f, TEXTS - 1);
    f->opened.context->threads = number % 16 == 0 ? 2 : 1;
    f->opened.context->small_work = number % 32 == 0 ? 0 : 20000;
    shuffle(f, order);
    for (int i = 0; i < TEXTS; i++) {
        text *t = &f->texts[i];
        t->added = t->cancelled = false;
        t->results = 0, t->streamed = 0;
    }
    assert_ok(f->opened.context, hd_session_open(f->opened.context, f->opened.network, &limits, &session));
    while (next < end || hd_session_is_busy(session)) {
        int64_t action = choose(f, 10);
        if (next < end && action < 3)
            add(f, session, &f->texts[order[next++]]);
        else if (action == 3)
            cancel(f, session, &f->texts[choose(f, TEXTS)]);
        else if (action == 4 && choose(f, 4) == 0)
            reload(f, &limits, &session);
        else
            assert_ok(f->opened.context, hd_session_step(session));
        if (action % 2) compare_finished(name, number, session);
    }
    compare_finished(name, number, session);
    for (int i = 0; i < TEXTS; i++) assert_int_equal(f->texts[i].results, f->texts[i].added && !f->texts[i].cancelled);
    hd_session_close(session);
}

static void other_requests_and_order_change_no_bit(void **state) {
    (void)state;
    close(mkstemp(saved_path));
    for (size_t s = 0; s < NETWORKS; s++) {
        fixture f;
        open_fixture(&f, network_at(s));
        run_alone(&f);
        for (int i = 0; i < ORDERS / NETWORKS + 1; i++) run_order(&f, network_at(s)->name, i);
        close_fixture(&f);
    }
    unlink(saved_path);
}

/* ---- refusals ---- */

static void what_cannot_run_is_refused(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, &small_networks[0]);
    hd_session *session;
    hd_decoded decoded;
    assert_ok(f.opened.context, hd_session_open(f.opened.context, f.opened.network, NULL, &session));
    hd_request request = f.texts[0].request;
    int32_t outside[] = {1, 37};
    request.count = 0;
    assert_int_equal(hd_session_add(session, &request, NULL), HEED_ARGUMENT);
    request.ids = outside, request.count = 2;
    assert_int_equal(hd_session_add(session, &request, NULL), HEED_ARGUMENT);
    assert_string_equal(f.opened.context->message, "token 37 is not one of the model's 37");
    assert_int_equal(hd_session_cancel(session, 0), HEED_ARGUMENT);
    assert_false(hd_session_is_busy(session));
    assert_ok(f.opened.context, hd_session_step(session));
    assert_false(hd_session_next(session, &decoded));
    hd_session_close(session);
    close_fixture(&f);
    open_fixture(&f, &small_networks[2]);
    static const int32_t many[100];
    request = f.texts[0].request;
    request.ids = many, request.count = 100;
    assert_ok(f.opened.context, hd_session_open(f.opened.context, f.opened.network, NULL, &session));
    assert_int_equal(hd_session_add(session, &request, NULL), HEED_LENGTH);
    assert_string_equal(f.opened.context->message, "100 tokens are more than the model's 64");
    hd_session_close(session);
    close_fixture(&f);
}

/* ---- memory ---- */

/* Runs a text of each kind in one session. */
static heed_status run_all(fixture *f, heed_context *context, hd_session *session) {
    hd_decoded decoded;
    for (int i = 0; i < TEXTS; i++) {
        f->texts[i].streamed = 0;
        HD_TRY(hd_session_add(session, &f->texts[i].request, &f->texts[i].id));
    }
    while (hd_session_is_busy(session)) HD_TRY(hd_session_step(session));
    while (hd_session_next(session, &decoded)) {
        result found;
        keep(&decoded, &found);
        assert_memory_equal(&found, &((text *)decoded.user)->alone, sizeof found);
    }
    (void)context;
    return HEED_OK;
}

static fixture *failing_fixture;

static heed_status run_session(heed_context *context) {
    hd_session *session;
    context->threads = 1;
    HD_TRY(hd_session_open(
        context, failing_fixture->opened.network,
        &(hd_session_limits){.step_tokens = 5, .draft = failing_fixture->draft, .least_shared = 1, .kept = 2},
        &session));
    heed_status status = run_all(failing_fixture, context, session);
    if (status != HEED_OK) assert_int_equal(hd_session_step(session), hd_session_step(session));
    hd_session_close(session);
    return status;
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    for (size_t s = 0; s < HD_COUNT(small_networks); s++) {
        fixture f;
        open_fixture(&f, &small_networks[s]);
        run_alone(&f);
        failing_fixture = &f;
        fail_each_allocation(run_session);
        close_fixture(&f);
    }
}

/* A session that has decoded much has no more blocks allocated than one that has decoded little. */
static void finished_requests_are_freed(void **state) {
    (void)state;
    for (size_t s = 0; s < HD_COUNT(small_networks); s++) {
        fixture f;
        open_fixture(&f, &small_networks[s]);
        run_alone(&f);
        failing_allocator allocator = {.left = -1};
        heed_context *context;
        hd_session *session;
        hd_session_limits limits = {.draft = f.draft, .least_shared = 2, .kept = 3};
        assert_int_equal(heed_context_open_with(failing_resize, &allocator, &context), HEED_OK);
        context->threads = 1;
        assert_ok(context, hd_session_open(context, f.opened.network, &limits, &session));
        for (int i = 0; i < 3; i++) assert_ok(context, run_all(&f, context, session));
        long held = allocator.held;
        for (int i = 0; i < 20; i++) assert_ok(context, run_all(&f, context, session));
        assert_int_equal(allocator.held, held);
        hd_session_close(session);
        heed_context_close(context);
        close_fixture(&f);
    }
}

/* ---- what is kept of finished requests ---- */

/* Runs one text; its prompt becomes longer by what was generated, with the token that ended it. */
static float run_text(hd_session *session, const hd_generation *g, int32_t *ids, int64_t *count, int64_t *shared) {
    heed_context *context = session->context;
    hd_decoded decoded;
    assert_ok(context, hd_session_add(session, &(hd_request){.ids = ids, .count = *count, .generation = g}, NULL));
    while (hd_session_is_busy(session)) assert_ok(context, hd_session_step(session));
    assert_true(hd_session_next(session, &decoded));
    const hd_hypothesis *best = decoded.best;
    memcpy(ids + *count, best->ids, (size_t)best->count * sizeof *ids);
    *count += best->count;
    if (best->end >= 0) ids[(*count)++] = best->end;
    *shared = decoded.shared;
    float score = best->score;
    assert_false(hd_session_next(session, &decoded));
    return score;
}

/* A conversation whose turns begin with all earlier ones has the same bits in one session and in one per turn, also where other
 * tokens were proposed and processed than those of the texts. */
static void a_text_goes_on_where_a_kept_one_ended(void **state) {
    enum { CONVERSATIONS = 20, TURNS = 3, MOST = 8, MOST_IDS = TURNS * 2 * MOST };
    (void)state;
    for (size_t s = 0; s < NETWORKS; s++) {
        fixture f;
        open_fixture(&f, network_at(s));
        const hd_recipe *recipe = &f.opened.network->recipe;
        for (int c = 0; c < CONVERSATIONS && !hd_recipe_translates(recipe); c++) {
            hd_session_limits limits = {.draft = c % 2 ? f.draft : NULL, .least_shared = 1, .kept = 1};
            hd_session *kept, *fresh;
            hd_generation g;
            int32_t ids[MOST_IDS], other[MOST_IDS];
            int64_t count = 0, shared, none, before = 0;
            hd_generation_of(recipe, &g);
            assert_ok(f.opened.context, hd_session_open(f.opened.context, f.opened.network, &limits, &kept));
            for (int turn = 0; turn < TURNS; turn++) {
                for (int64_t most = 1 + choose(&f, MOST - 1); most > 0; most--)
                    ids[count++] = 1 + (int32_t)choose(&f, 35);
                memcpy(other, ids, (size_t)count * sizeof *ids);
                int64_t same = count;
                g.max_new_tokens = 1 + choose(&f, MOST);
                g.prompt_lookup = choose(&f, 8);
                float score = run_text(kept, &g, ids, &count, &shared);
                assert_ok(f.opened.context, hd_session_open(f.opened.context, f.opened.network, NULL, &fresh));
                float expected = run_text(fresh, &g, other, &same, &none);
                hd_session_close(fresh);
                assert_int_equal(same, count);
                assert_memory_equal(ids, other, (size_t)count * sizeof *ids);
                assert_memory_equal(&score, &expected, sizeof score);
                assert_int_equal(none, 0);
                if (count <= kept->decoder->window) assert_int_equal(shared, before);
                before = count - 1; /* the last token is not processed */
            }
            hd_session_close(kept);
        }
        close_fixture(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_requests_and_order_change_no_bit), cmocka_unit_test(what_cannot_run_is_refused),
        cmocka_unit_test(failing_allocations_leave_nothing),      cmocka_unit_test(finished_requests_are_freed),
        cmocka_unit_test(a_text_goes_on_where_a_kept_one_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
