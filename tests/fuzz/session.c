/* A decoding session. The first byte selects a model of models.h that generates and the second the session's limit of tokens
 * per step; the other bytes are actions: a request with random settings is added, one is cancelled, the session takes steps or
 * its results are read. At the end it runs until nothing is left, or is closed with requests in it. Each request that was not
 * cancelled has one result, equal to its result in a session of its own. */
#include "models.h"

#include "decode/session.h"

enum { MOST_REQUESTS = 12, MOST_TOKENS = 16, MOST_GENERATED = 24 };

typedef struct input {
    const uint8_t *at, *end;
} input;

static int next(input *in) { return in->at < in->end ? *in->at++ : 0; }
static int below(input *in, int bound) { return next(in) % bound; }
/* One of the values of a list. */
#define ONE_OF(in, ...) \
    ((const double[]){__VA_ARGS__})[below(in, (int)(sizeof(double[]){__VA_ARGS__} / sizeof(double)))]

/* Lists of tokens that settings refer to. */
typedef struct lists {
    int32_t ids[8], starts[4];
    float biases[3];
} lists;

typedef struct text {
    hd_generation generation;
    hd_request request;
    int32_t ids[MOST_TOKENS];
    lists ends, words, stops;
    int64_t patience, streamed; /* tokens until it is stopped, 0: never; and streamed so far */
    uint64_t id;
    bool cancelled;
    int results;
} text;

typedef struct fuzzed {
    input in;
    const hd_network *network;
    hd_session *session;
    text texts[MOST_REQUESTS];
    int count;
} fuzzed;

static bool stream(void *user, int32_t token) {
    text *t = user;
    (void)token;
    return ++t->streamed != t->patience;
}

/* ---- requests ---- */

static void read_ids(input *in, int32_t *ids, int count, int64_t vocabulary) {
    for (int i = 0; i < count; i++) ids[i] = below(in, (int)vocabulary);
}

/* Three sequences of one, two and one tokens. */
static hd_sequences read_sequences(input *in, lists *l, int64_t vocabulary) {
    static const int32_t starts[] = {0, 1, 3, 4};
    read_ids(in, l->ids, 4, vocabulary);
    memcpy(l->starts, starts, sizeof starts);
    for (int i = 0; i < 3; i++) l->biases[i] = (float)ONE_OF(in, -2, 1, 30);
    return (hd_sequences){1 + below(in, 3), l->ids, l->starts, NULL};
}

/* Settings that act in any search. */
static void read_processors(input *in, text *t, int64_t vocabulary) {
    hd_generation *g = &t->generation;
    int which = next(in);
    if (which & 1) g->repetition_penalty = (float)ONE_OF(in, 0.5, 1.2, 4);
    if (which & 2) g->no_repeat_ngram = below(in, 4);
    if (which & 4) g->source_penalty = (float)ONE_OF(in, 0.7, 1.5);
    if (which & 8) g->no_source_ngram = below(in, 3);
    if (which & 16) g->bad_words = read_sequences(in, &t->words, vocabulary);
    if (which & 32) {
        g->sequence_bias = read_sequences(in, &t->words, vocabulary);
        g->sequence_bias.biases = t->words.biases;
    }
    if (which & 64) g->min_new_tokens = below(in, 6), g->min_length = below(in, 20);
    if (!(which & 128)) return;
    which = next(in);
    if (which & 1) g->decay_start = below(in, 8), g->decay_factor = ONE_OF(in, 1.1, 0.9, 2);
    if (which & 2) g->renormalize = true;
    if (which & 4) g->replace_invalid = true;
    if (which & 8) g->suppressed = (hd_ids){t->ends.ids, 1 + below(in, 3)};
    if (which & 16) g->suppressed_first = (hd_ids){t->ends.ids, 2};
    if (which & 32) g->forced_last = (hd_ids){t->ends.ids, 1 + below(in, 2)};
    if (which & 64) g->forced_first = (hd_ids){t->ends.ids + 1, 1 + below(in, 2)};
    if (which & 128) g->ends = (hd_ids){t->ends.ids, below(in, 4)};
}

static void read_sampling(input *in, hd_generation *g) {
    g->sample = true;
    g->seed = below(in, 4);
    g->temperature = (float)ONE_OF(in, 1, 0.01, 3);
    g->top_k = below(in, 8) * below(in, 8);
    g->top_p = (float)ONE_OF(in, 1, 0.5, 1e-6);
    g->min_p = (float)ONE_OF(in, 0, 0.2, 1);
    int which = next(in);
    if (which & 1) g->typical_p = (float)ONE_OF(in, 0.3, 0.9);
    if (which & 2) g->epsilon_cutoff = 0.05f;
    if (which & 4) g->eta_cutoff = 0.1f;
}

static void read_beams(input *in, hd_generation *g) {
    g->beams = 2 + below(in, 4);
    g->best = 1 + below(in, (int)g->beams);
    g->length_penalty = (float)ONE_OF(in, 1, 0, 0.6, -1, 2);
    g->early_stopping = below(in, 3);
}

static void read_text(input *in, const hd_network *network, text *t) {
    const hd_recipe *recipe = &network->recipe;
    hd_generation *g = &t->generation;
    hd_generation_of(recipe, g);
    read_ids(in, t->ends.ids, 4, recipe->vocabulary);
    g->max_new_tokens = 1 + below(in, MOST_GENERATED);
    if (next(in) == 7) g->max_new_tokens = 0, g->max_length = below(in, MOST_GENERATED);
    read_processors(in, t, recipe->vocabulary);
    int search = below(in, 3);
    if (search == 1) read_sampling(in, g);
    if (search == 2) read_beams(in, g);
    t->patience = below(in, 8) == 0 ? 1 + below(in, 4) : 0;
    t->request = (hd_request){.ids = t->ids,
                              .count = below(in, MOST_TOKENS + 1),
                              .generation = g,
                              .number = (uint64_t)below(in, 3),
                              .user = t,
                              .token = stream};
    read_ids(in, t->ids, (int)t->request.count, recipe->vocabulary);
    if (below(in, 4)) return;
    hd_sequences stops = read_sequences(in, &t->stops, recipe->vocabulary);
    t->request.stops = (hd_stops){stops.count, stops.ids, stops.starts};
}

/* ---- results ---- */

static bool same_hypothesis(const hd_hypothesis *a, const hd_hypothesis *b) {
    return memcmp(&a->score, &b->score, sizeof a->score) == 0 && a->count == b->count && a->end == b->end &&
           (!a->count || memcmp(a->ids, b->ids, (size_t)a->count * sizeof *a->ids) == 0);
}

static void compare_alone(const fuzzed *f, text *t, const hd_decoded *together) {
    hd_session *session;
    hd_decoded alone;
    int64_t streamed = t->streamed;
    t->streamed = 0;
    check(hd_session_open(fuzz_context, f->network, NULL, &session) == HEED_OK);
    check(hd_session_add(session, &t->request, NULL) == HEED_OK);
    while (hd_session_is_busy(session)) check(hd_session_step(session) == HEED_OK);
    check(hd_session_next(session, &alone) && alone.count == together->count && t->streamed == streamed);
    for (int64_t i = 0; i < alone.count; i++) check(same_hypothesis(&alone.best[i], &together->best[i]));
    check(!hd_session_next(session, &alone));
    hd_session_close(session);
}

static void read_results(fuzzed *f) {
    hd_decoded decoded;
    while (hd_session_next(f->session, &decoded)) {
        text *t = decoded.user;
        check(decoded.id == t->id && decoded.number == t->request.number && !t->cancelled && t->results++ == 0);
        for (int64_t i = 0; i < decoded.count; i++) {
            const hd_hypothesis *h = &decoded.best[i];
            check(h->count >= 0 && h->count <= 2 * MOST_GENERATED + 80);
            for (int64_t j = 0; j < h->count; j++) check(h->ids[j] >= 0 && h->ids[j] < f->network->recipe.vocabulary);
        }
        compare_alone(f, t, &decoded);
    }
}

/* ---- actions ---- */

static void add(fuzzed *f) {
    text *t = &f->texts[f->count];
    if (f->count == MOST_REQUESTS) return;
    read_text(&f->in, f->network, t);
    heed_status status = hd_session_add(f->session, &t->request, &t->id);
    check(status == HEED_OK || heed_context_message(fuzz_context)[0]);
    f->count += status == HEED_OK;
    if (status != HEED_OK) *t = (text){0};
}

static void cancel(fuzzed *f) {
    text *t = &f->texts[below(&f->in, MOST_REQUESTS)];
    uint64_t id = t < f->texts + f->count ? t->id : 1000;
    heed_status status = hd_session_cancel(f->session, id);
    check(status == HEED_OK || status == HEED_ARGUMENT);
    if (status != HEED_OK) return;
    check(!t->cancelled && !t->results);
    t->cancelled = true;
}

static void act(fuzzed *f) {
    switch (below(&f->in, 6)) {
        case 0:
        case 1:
            add(f);
            break;
        case 2:
            cancel(f);
            break;
        case 3:
            read_results(f);
            break;
        default:
            check(hd_session_step(f->session) == HEED_OK);
    }
}

static void finish(fuzzed *f) {
    while (hd_session_is_busy(f->session)) check(hd_session_step(f->session) == HEED_OK);
    read_results(f);
    for (int i = 0; i < f->count; i++) check(f->texts[i].results == !f->texts[i].cancelled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t limits[] = {0, 1, 2, 5, 16, 100};
    if (size < 2) return 0;
    fuzzed f = {.in = {data + 2, data + size}};
    f.network = fuzz_model(data[0] % FUZZ_GENERATING)->network;
    check(hd_session_open(fuzz_context, f.network, &(hd_session_limits){limits[data[1] % HD_COUNT(limits)]},
                          &f.session) == HEED_OK);
    while (f.in.at < f.in.end) act(&f);
    if (data[1] < 250) finish(&f);
    hd_session_close(f.session);
    return 0;
}
