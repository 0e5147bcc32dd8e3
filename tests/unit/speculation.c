/* Proposed tokens and shared prefixes: what prompt lookup finds, how many tokens are proposed, and what they save. That they
 * change no result is tested in sessions.c. */
#include "small_networks.h"

#include "decode/session.h"
#include "decode/session_state.h"

/* ---- prompt lookup ---- */

enum { ROOM = 8 };

/* The tokens that are proposed for a text of numbers, as text. */
static void assert_lookup(const char *source, const char *text, int64_t most, const char *expected) {
    int32_t ids[32], tokens[32 + ROOM];
    int64_t count = 0, length = 0;
    for (const char *at = source; *at; at++) ids[count++] = *at;
    for (const char *at = text; *at; at++) tokens[length++] = *at;
    int64_t proposed = hd_lookup(&(hd_ids){ids, count}, tokens, length, most);
    char found[ROOM + 1] = "";
    for (int64_t i = 0; i < proposed; i++) found[i] = (char)tokens[length + i];
    assert_string_equal(found, expected);
}

static void lookup_proposes_what_followed(void **state) {
    (void)state;
    assert_lookup("", "abcdeab", 3, "cde");
    assert_lookup("", "abcdeab", 2, "cd");
    assert_lookup("", "abcde", 3, "");  /* nothing occurs again, */
    assert_lookup("", "abcdea", 3, ""); /* or a single token */
    assert_lookup("", "a", 3, "");
    assert_lookup("", "xbcdzbcqabc", 2, "qa"); /* of equally long ones the last, */
    assert_lookup("", "abcdzbcqabc", 2, "dz"); /* but first of all the longest */
    assert_lookup("", "abab", 5, "ababa");     /* a text that repeats itself goes on so */
    assert_lookup("", "aaa", 4, "aaaa");
}

static void lookup_reads_the_source(void **state) {
    (void)state;
    assert_lookup("the cat sat", "a ca", 4, "t sa");
    assert_lookup("the dog sat", "s sat", 4, ""); /* nothing follows there */
    assert_lookup("xxabcd", "zabqabc", 2, "d");   /* longer than in the text itself */
    assert_lookup("xxabcd", "abyab", 2, "ya");    /* equally long: in the text itself */
    assert_lookup("", "", 0, "");
}

/* ---- the number of proposals ---- */

static void right_proposals_become_more(void **state) {
    (void)state;
    hd_proposal_count count = hd_proposal_count_new(16);
    int64_t total = 0;
    for (int i = 0; i < 4; i++) {
        int64_t proposed = hd_proposal_count_next(&count, 16);
        total += proposed;
        hd_proposal_count_update(&count, proposed, proposed, 16);
    }
    assert_int_equal(hd_proposal_count_next(&count, 16), 16);
    assert_int_equal(total, 4 + 8 + 16 + 16);
    assert_int_equal(hd_proposal_count_next(&count, 5), 5);
}

/* Of a text that cannot be guessed, at most 5 percent of the rows are proposed ones in the long run. */
static void wrong_proposals_become_rare(void **state) {
    (void)state;
    enum { STEPS = 1000 };
    hd_proposal_count count = hd_proposal_count_new(16);
    int64_t total = 0;
    for (int i = 0; i < STEPS; i++) {
        int64_t proposed = hd_proposal_count_next(&count, 16);
        total += proposed;
        if (proposed) hd_proposal_count_update(&count, proposed, 0, 16);
    }
    assert_in_range(total, 1, STEPS / 20);
    int steps = 0; /* and the text may change */
    while (!hd_proposal_count_next(&count, 16)) steps++;
    assert_in_range(steps, 0, 64);
    for (int i = 0; i < 3; i++) hd_proposal_count_update(&count, 1 << i, 1 << i, 16);
    assert_int_equal(hd_proposal_count_next(&count, 16), 8);
}

/* ---- sessions whose decoder is counted ---- */

static struct {
    const hd_decoder_class *class;
    int64_t steps, tokens, sources; /* calls of step, their tokens, and tokens that were encoded */
} counted;

static heed_status count_add(hd_decoder *decoder, const int32_t *ids, const hd_layout *sources) {
    counted.sources += decoder->continues ? 0 : hd_layout_rows(sources);
    return counted.class->add(decoder, ids, sources);
}

static heed_status count_step(hd_decoder *decoder, const int32_t *ids, const hd_layout *layout, const int32_t *scored,
                              int64_t scores) {
    counted.steps++;
    counted.tokens += hd_layout_rows(layout);
    return counted.class->step(decoder, ids, layout, scored, scores);
}

static hd_session *open_counted(const opened_network *o, const hd_session_limits *limits) {
    static hd_decoder_class class;
    hd_session *session;
    assert_ok(o->context, hd_session_open(o->context, o->network, limits, &session));
    counted.class = session->decoder->class;
    counted.steps = counted.tokens = counted.sources = 0;
    class = *counted.class;
    class.add = count_add, class.step = count_step;
    session->decoder->class = &class;
    return session;
}

static void open_packed(opened_network *o, size_t index) {
    *o = (opened_network){.context = open_context()};
    open_network(o, &small_networks[index], HD_OPEN_TO_RUN);
    assert_ok(o->context, hd_network_pack(o->network));
}

static int64_t run_all(const opened_network *o, hd_session *session) {
    hd_decoded decoded;
    int64_t tokens = 0;
    while (hd_session_is_busy(session)) assert_ok(o->context, hd_session_step(session));
    while (hd_session_next(session, &decoded)) tokens += decoded.best[0].count;
    hd_session_close(session);
    return tokens;
}

enum { GPT2 = 0, LLAMA = 1, MARIAN = 2, BAHDANAU = 6, RECURRENT = 7 };

/* 5 6 7 5 6 7 …, whatever the network predicts. */
static hd_generation repeating(const opened_network *o, int64_t tokens) {
    static const int32_t ids[] = {5, 6, 6, 7, 7, 5}, starts[] = {0, 2, 4, 6};
    static const float biases[] = {1000, 1000, 1000};
    hd_generation g;
    hd_generation_of(&o->network->recipe, &g);
    g.sequence_bias = (hd_sequences){3, ids, starts, biases};
    g.max_new_tokens = tokens, g.ends.count = 0;
    return g;
}

static int64_t count_steps(const opened_network *o, const hd_generation *g, const hd_network *draft) {
    static const int32_t prompt[] = {7, 5};
    hd_session *session = open_counted(o, &(hd_session_limits){.draft = draft});
    hd_request request = {.ids = prompt, .count = 2, .generation = g};
    assert_ok(o->context, hd_session_add(session, &request, NULL));
    assert_int_equal(run_all(o, session), g->max_new_tokens);
    return counted.steps;
}

static void right_proposals_save_steps(void **state) {
    (void)state;
    opened_network o;
    open_packed(&o, LLAMA);
    hd_generation g = repeating(&o, 40);
    assert_int_equal(count_steps(&o, &g, NULL), 40);
    assert_in_range(count_steps(&o, &g, o.network), 5, 13); /* the network guesses itself */
    g.prompt_lookup = 10;
    assert_in_range(count_steps(&o, &g, NULL), 5, 13);
    g.sample = true, g.seed = 4;
    assert_in_range(count_steps(&o, &g, NULL), 5, 13);
    g.sequence_bias.count = 0; /* random tokens, with the same random numbers */
    g.prompt_lookup = 0;
    assert_in_range(count_steps(&o, &g, o.network), 5, 13);
    g.sample = false, g.beams = 2;
    assert_in_range(count_steps(&o, &g, o.network), 30, 40);
    close_network(&o);
    open_packed(&o, RECURRENT); /* its states cannot be taken back */
    g = repeating(&o, 40);
    g.prompt_lookup = 10;
    assert_int_equal(count_steps(&o, &g, NULL), 40);
    close_network(&o);
}

/* ---- prefixes ---- */

enum { PROMPT = 12, PROMPTS = 5 };

/* Prompts that have all but one token in common, of requests with these beams. */
static int64_t count_prompts(const opened_network *o, int64_t beams, const hd_session_limits *limits, bool one_by_one) {
    hd_session *session = open_counted(o, limits);
    hd_generation g;
    hd_generation_of(&o->network->recipe, &g);
    g.max_new_tokens = 2, g.ends.count = 0, g.beams = beams;
    for (int i = 0; i < PROMPTS; i++) {
        int32_t ids[PROMPT];
        for (int j = 0; j < PROMPT; j++) ids[j] = j == PROMPT - 1 ? 10 + i : 5 + j;
        hd_request request = {.ids = ids, .count = PROMPT, .generation = &g};
        assert_ok(o->context, hd_session_add(session, &request, NULL));
        if (one_by_one) assert_ok(o->context, hd_session_step(session));
    }
    run_all(o, session);
    return counted.tokens - PROMPTS * beams; /* without the second tokens */
}

static void common_prefixes_are_processed_once(void **state) {
    (void)state;
    static const size_t networks[] = {GPT2, LLAMA, RECURRENT};
    for (size_t i = 0; i < HD_COUNT(networks); i++) {
        opened_network o;
        open_packed(&o, networks[i]);
        const int64_t once = PROMPT + PROMPTS - 1;
        assert_int_equal(count_prompts(&o, 1, &(hd_session_limits){0}, false), PROMPTS * PROMPT); /* too few */
        assert_int_equal(count_prompts(&o, 1, &(hd_session_limits){.least_shared = PROMPT - 1}, false), once);
        assert_int_equal(count_prompts(&o, 1, &(hd_session_limits){.least_shared = PROMPT}, false), PROMPTS * PROMPT);
        assert_int_equal(count_prompts(&o, 3, &(hd_session_limits){.least_shared = 5}, false), once);
        assert_int_equal(count_prompts(&o, 1, &(hd_session_limits){.step_tokens = 4, .least_shared = 5}, false), once);
        if (networks[i] != RECURRENT) /* a state is that of a running text's last token */
            assert_int_equal(count_prompts(&o, 1, &(hd_session_limits){.least_shared = 5}, true), once);
        close_network(&o);
    }
}

static void equal_sources_are_encoded_once(void **state) {
    (void)state;
    static const size_t networks[] = {MARIAN, BAHDANAU};
    static const int32_t sources[][4] = {{5, 6, 7, 0}, {8, 9, 0, 0}, {5, 6, 7, 0}, {8, 9, 0, 0}, {5, 6, 7, 1}};
    static const int64_t counts[] = {4, 3, 4, 3, 4};
    for (size_t i = 0; i < HD_COUNT(networks); i++) {
        opened_network o;
        open_packed(&o, networks[i]);
        hd_session *session = open_counted(&o, NULL);
        hd_generation g;
        hd_generation_of(&o.network->recipe, &g);
        g.max_new_tokens = 3;
        for (size_t j = 0; j < HD_COUNT(sources); j++) {
            g.beams = 1 + (int64_t)j % 3;
            hd_request request = {.ids = sources[j], .count = counts[j], .generation = &g};
            assert_ok(o.context, hd_session_add(session, &request, NULL));
        }
        run_all(&o, session);
        assert_int_equal(counted.sources, 4 + 3 + 4);
        close_network(&o);
    }
}

/* ---- refusals ---- */

static void assert_refused(size_t network, const hd_network *draft, const char *message) {
    opened_network o;
    hd_session *session;
    open_packed(&o, network);
    hd_session_limits limits = {.draft = draft};
    assert_int_equal(hd_session_open(o.context, o.network, &limits, &session), HEED_ARGUMENT);
    assert_string_equal(o.context->message, message);
    assert_null(session);
    close_network(&o);
}

static void unfit_drafts_are_refused(void **state) {
    (void)state;
    opened_network gpt2, recurrent;
    open_packed(&gpt2, GPT2);
    open_packed(&recurrent, RECURRENT);
    assert_refused(MARIAN, gpt2.network, "the draft model continues texts, but the model translates");
    assert_refused(GPT2, recurrent.network,
                   "a recurrent network cannot be a draft model: its states cannot be taken back");
    hd_recipe recipe = gpt2.network->recipe;
    hd_network *other;
    recipe.vocabulary++;
    assert_ok(gpt2.context, hd_network_open(gpt2.context, &recipe, &other));
    assert_refused(GPT2, other, "the draft model has 38 tokens, but the model has 37");
    hd_network_close(other);
    close_network(&gpt2);
    close_network(&recurrent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup_proposes_what_followed),  cmocka_unit_test(lookup_reads_the_source),
        cmocka_unit_test(right_proposals_become_more),    cmocka_unit_test(wrong_proposals_become_rare),
        cmocka_unit_test(right_proposals_save_steps),     cmocka_unit_test(common_prefixes_are_processed_once),
        cmocka_unit_test(equal_sources_are_encoded_once), cmocka_unit_test(unfit_drafts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
