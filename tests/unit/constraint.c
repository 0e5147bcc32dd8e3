/* Constrained output with a network of random weights: whatever it prefers, each text matches its grammar or schema, by sampling
 * at a high temperature, in greedy search and in beam search, and with every other option. */
#include "fixture.h"

#include "decode/constraint.h"
#include "json_schema_check.h"
#include "models/family.h"
#include "models/model.h"

enum { TEXTS = 200 };

typedef struct fixture {
    heed_context *context;
    heed_model *model, *endless; /* `endless` has no token that ends texts */
} fixture;

/* A small GPT-2 with random weights and a tokenizer of bytes. */
static heed_model *make_model(heed_context *context, int32_t eos) {
    heed_tokenizer *tokenizer;
    heed_model *model;
    hd_recipe recipe;
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/text/trained-byte-bpe.json", &tokenizer));
    assert_ok(context, hd_family_default(context, &hd_gpt2, HD_HEAD_LANGUAGE, NULL, &recipe));
    recipe.vocabulary = (int64_t)hd_tokenizer_size(tokenizer), recipe.width = 8, recipe.eos = eos;
    recipe.side[HD_DECODER].layers = recipe.side[HD_DECODER].heads = 1;
    recipe.side[HD_DECODER].ffn_width = 8, recipe.side[HD_DECODER].max_positions = 256;
    assert_ok(context, hd_model_make(context, NULL, &recipe, tokenizer, 7, &model));
    return model;
}

static int set_up(void **state) {
    static fixture f;
    f.context = schema_context = open_context();
    f.model = make_model(f.context, 0);
    f.endless = make_model(f.context, -1);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    hd_model_close(f->model);
    hd_model_close(f->endless);
    heed_context_close(f->context);
    return 0;
}

/* Options in pairs, up to a NULL, after the first ones. */
static heed_options *make_options(fixture *f, const char *name, const char *value, const char *const *more) {
    heed_options *options;
    assert_ok(f->context, heed_generate_options(f->context, &options));
    assert_ok(f->context, heed_options_set(options, name, value));
    for (; *more; more += 2) assert_ok(f->context, heed_options_set(options, more[0], more[1]));
    return options;
}

static const char *const sampled[] = {"sample", "true", "temperature", "2", "max-new-tokens", "120", NULL};

/* Continues `count` texts; results by index are those of different random numbers. */
static heed_results *generate(fixture *f, heed_model *model, const char *name, const char *value,
                              const char *const *more, size_t count) {
    static const char *texts[TEXTS];
    heed_results *results;
    heed_options *options = make_options(f, name, value, more);
    for (size_t i = 0; i < count; i++) texts[i] = "a text ";
    heed_status status = heed_generate(model, options, texts, NULL, count, 0, NULL, NULL, &results);
    if (status != HEED_OK) fail_msg("%s: %s", value, heed_context_message(f->context));
    heed_options_close(options);
    return results;
}

/* ---- schemas ---- */

static const char *const schemas[] = {
    "{\"type\": \"object\"}",
    "{}",
    "{\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 8}, "
    "\"age\": "
    "{\"type\": \"integer\", \"minimum\": 0, \"maximum\": 150}}, \"required\": [\"name\", \"age\"], "
    "\"additionalProperties\": false}",
    "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"number\"}, \"b\": {\"type\": \"boolean\"}, \"c\": "
    "{\"type\": "
    "\"null\"}}}",
    "{\"properties\": {\"a\": {\"type\": \"number\"}, \"b\": {\"type\": \"boolean\"}, \"c\": {\"type\": \"null\"}}, "
    "\"required\": [\"b\"], \"additionalProperties\": {\"type\": \"integer\"}}",
    "{\"properties\": {\"ab\": {\"type\": \"null\"}, \"abc\": {\"type\": \"boolean\"}, \"é\": {\"type\": \"null\"}}, "
    "\"additionalProperties\": {\"enum\": [1, 2]}}",
    "{\"type\": \"object\", \"required\": [\"x\", \"y\"], \"additionalProperties\": {\"const\": 3}}",
    "{\"type\": \"array\", \"items\": {\"type\": \"integer\", \"exclusiveMinimum\": -12, \"exclusiveMaximum\": 1234}}",
    "{\"type\": \"array\", \"items\": {\"type\": \"string\", \"format\": \"date\"}, \"minItems\": 2, \"maxItems\": 4}",
    "{\"type\": \"array\", \"prefixItems\": [{\"type\": \"boolean\"}, {\"type\": \"integer\"}], \"items\": {\"type\": "
    "\"null\"}, \"minItems\": 3, \"maxItems\": 5}",
    "{\"type\": \"array\", \"prefixItems\": [{\"type\": \"boolean\"}], \"items\": false}",
    "{\"enum\": [\"a\", 1, null, true, {\"x\": [1, \"é\\\"\\n\"]}, 1.5]}",
    "{\"enum\": [\"a\", 1, null, 2.5], \"type\": [\"string\", \"number\"]}",
    "{\"anyOf\": [{\"type\": \"string\", \"maxLength\": 3}, {\"type\": \"integer\", \"minimum\": 100}]}",
    "{\"oneOf\": [{\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"a\"}, \"x\": {\"type\": "
    "\"integer\"}}, "
    "\"required\": [\"kind\", \"x\"]}, {\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"b\"}, \"y\": "
    "{\"type\": "
    "\"string\"}}, \"required\": [\"kind\"]}]}",
    "{\"allOf\": [{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}}, \"required\": [\"a\"]}, "
    "{\"properties\": {\"b\": {\"type\": \"string\", \"maxLength\": 2}}, \"required\": [\"b\"]}]}",
    "{\"allOf\": [{\"type\": \"integer\", \"minimum\": 3}, {\"maximum\": 9}, {\"minimum\": 5}]}",
    "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}, \"b\": {\"type\": \"string\"}}, \"anyOf\": "
    "[{\"required\": [\"a\"]}, {\"required\": [\"b\"]}]}",
    "{\"$defs\": {\"node\": {\"type\": \"object\", \"properties\": {\"value\": {\"type\": \"integer\"}, \"next\": "
    "{\"anyOf\": "
    "[{\"$ref\": \"#/$defs/node\"}, {\"type\": \"null\"}]}}, \"required\": [\"value\", \"next\"]}}, \"$ref\": "
    "\"#/$defs/node\"}",
    "{\"type\": \"object\", \"properties\": {\"children\": {\"type\": \"array\", \"items\": {\"$ref\": \"#\"}}}, "
    "\"required\": "
    "[\"children\"]}",
    "{\"type\": \"string\", \"pattern\": \"^(foo|ba[rz])?-[0-9]{3}$|x$\"}",
    "{\"type\": \"string\", \"pattern\": \"b+\"}",
    "{\"type\": \"string\", \"format\": \"uuid\"}",
    "{\"type\": \"string\", \"format\": \"date-time\"}",
    "{\"type\": [\"string\", \"null\"], \"minLength\": 4, \"maxLength\": 4}",
    "{\"type\": \"number\", \"minimum\": -2.5, \"maximum\": 7.25}",
    "{\"type\": \"number\", \"exclusiveMinimum\": 0}",
    "{\"type\": \"integer\", \"minimum\": -13, \"maximum\": 207}",
};

static void check_text(const char *schema_text, const char *text, size_t size) {
    json_error_t error;
    json_t *schema = json_loads(schema_text, JSON_DECODE_ANY, NULL);
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, &error);
    if (!value) fail_msg("%s: %s: %s", schema_text, text, error.text);
    if (!schema_holds(schema, schema, value)) fail_msg("%s: %s does not match", schema_text, text);
    json_decref(value);
    json_decref(schema);
}

static void check_texts(const heed_results *results, const char *schema, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (heed_results_problem(results, i)) fail_msg("%s: %s", schema, heed_results_problem(results, i));
        for (size_t j = 0; j < heed_results_alternatives(results, i); j++)
            check_text(schema, heed_results_text(results, i, j), heed_results_size(results, i, j));
    }
}

static void samples_match_their_schema(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < HD_COUNT(schemas); i++) {
        heed_results *results = generate(f, f->model, "json-schema", schemas[i], sampled, TEXTS);
        check_texts(results, schemas[i], TEXTS);
        heed_results_close(results);
    }
}

/* Without an end token a text ends where nothing may follow, or at its limit. */
static void texts_end_without_an_end_token(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < HD_COUNT(schemas); i++) {
        heed_results *results = generate(f, f->endless, "json-schema", schemas[i], sampled, 10);
        check_texts(results, schemas[i], 10);
        heed_results_close(results);
    }
}

/* Forced words and stop strings obey the constraint too. */
static void words_obey_the_constraint(void **state) {
    fixture *f = *state;
    static const char *const forced[] = {"max-new-tokens", "20", "beams", "4", "force", "b", NULL};
    static const char *const stopped[] = {"max-new-tokens", "20", "stop", "b", NULL};
    static const char *const kept[] = {"max-new-tokens", "20", "stop", "b", "keep-stop", "true", NULL};
    heed_model *models[] = {f->model, f->endless};
    for (size_t i = 0; i < HD_COUNT(models); i++) {
        heed_results *results = generate(f, models[i], "grammar", "root ::= \"a\" \" b\"? \"c\"", forced, 1);
        if (heed_results_problem(results, 0)) fail_msg("%zu: %s", i, heed_results_problem(results, 0));
        assert_string_equal(heed_results_text(results, 0, 0), "a bc");
        heed_results_close(results);
        results = generate(f, models[i], "grammar", "root ::= \"aa\" (\"bc\" | \"b\")", stopped, 1);
        assert_non_null(strstr(heed_results_problem(results, 0), "ended before it matched"));
        heed_results_close(results);
        results = generate(f, models[i], "grammar", "root ::= \"aa\" \"b\"*", stopped, 1);
        assert_string_equal(heed_results_text(results, 0, 0), "aa");
        heed_results_close(results);
        results = generate(f, models[i], "grammar", "root ::= \"aa\" \"b\"", kept, 1);
        assert_string_equal(heed_results_text(results, 0, 0), "aab");
        heed_results_close(results);
    }
}

static void all_kinds_of_decoding_match(void **state) {
    fixture *f = *state;
    static const char *const kinds[][15] = {
        {"max-new-tokens", "100", NULL},
        {"max-new-tokens", "60", "beams", "4", "best", "3", NULL},
        {"max-new-tokens", "60", "beams", "3", "length-penalty", "0", "early-stopping", "never", NULL},
        {"max-new-tokens", "60", "beams", "2", "repetition-penalty", "1.5", NULL},
        {"max-new-tokens", "60", "repetition-penalty", "1.5", NULL},
        {"max-new-tokens", "60", "sample", "true", "top-k", "5", "temperature", "1.5", "best", "3", NULL},
        {"max-new-tokens", "60", "sample", "true", "top-p", "0.9", "min-p", "0.01", NULL},
        {"max-new-tokens", "60", "sample", "true", "top-k", "300", NULL},
    };
    for (size_t i = 0; i < HD_COUNT(schemas); i++)
        for (size_t j = 0; j < HD_COUNT(kinds); j++) {
            heed_results *results = generate(f, f->model, "json-schema", schemas[i], kinds[j], 3);
            check_texts(results, schemas[i], 3);
            heed_results_close(results);
        }
}

/* Settings of generation_config.json with which processors read whole rows, and after which excluded tokens could come again. */
static void processors_of_whole_rows_match(void **state) {
    fixture *f = *state;
    static const char *const kinds[][7] = {{"max-new-tokens", "60", NULL},
                                           {"max-new-tokens", "60", "beams", "3", "best", "2", NULL},
                                           {"max-new-tokens", "60", "sample", "true", "temperature", "2", NULL}};
    hd_generation *generation = &f->model->generation, before = *generation;
    generation->replace_invalid = generation->renormalize = true;
    generation->source_penalty = 1.5f;
    for (size_t i = 0; i < HD_COUNT(schemas); i += 3)
        for (size_t j = 0; j < HD_COUNT(kinds); j++) {
            heed_results *results = generate(f, f->model, "json-schema", schemas[i], kinds[j], 3);
            check_texts(results, schemas[i], 3);
            heed_results_close(results);
        }
    *generation = before;
}

/* Proposed tokens change no text, also where the constraint refuses them. */
static void proposed_tokens_change_nothing(void **state) {
    fixture *f = *state;
    static const char *const kinds[][7] = {{"max-new-tokens", "90", NULL},
                                           {"max-new-tokens", "90", "sample", "true", "temperature", "2", NULL}};
    static const char *const grammar = "root ::= (\"a \" [a-f]{2,4} \" text \"){3,9} \"!\"";
    for (size_t j = 0; j < HD_COUNT(kinds); j++) {
        heed_results *plain = generate(f, f->model, "grammar", grammar, kinds[j], 20);
        f->model->generation.prompt_lookup = 6;
        heed_results *proposed = generate(f, f->model, "grammar", grammar, kinds[j], 20);
        f->model->generation.prompt_lookup = 0;
        for (size_t i = 0; i < 20; i++)
            assert_string_equal(heed_results_text(plain, i, 0), heed_results_text(proposed, i, 0));
        heed_results_close(plain);
        heed_results_close(proposed);
    }
}

static void an_object_is_json(void **state) {
    fixture *f = *state;
    heed_results *results = generate(f, f->model, "json-object", "true", sampled, TEXTS);
    check_texts(results, "{\"type\": \"object\"}", TEXTS);
    heed_results_close(results);
}

/* ---- lengths ---- */

/* Short limits: the text is complete wherever the shortest one fits, and else it has a problem. */
static void a_limit_leaves_the_text_complete(void **state) {
    fixture *f = *state;
    static const char *const schema = "{\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"minItems\": 2}";
    int complete = 0;
    for (int limit = 1; limit < 30; limit++) {
        char number[8];
        snprintf(number, sizeof number, "%d", limit);
        const char *const options[] = {"sample", "true", "temperature", "2", "max-new-tokens", number, NULL};
        heed_results *results = generate(f, f->model, "json-schema", schema, options, 20);
        for (size_t i = 0; i < 20; i++) {
            const char *problem = heed_results_problem(results, i);
            if (limit >= 7) assert_null(problem); /* [ " " , " " ] are at most so many tokens */
            if (problem) assert_non_null(strstr(problem, "its limit"));
            if (problem) assert_int_equal(heed_results_alternatives(results, i), 0);
            complete += !problem;
        }
        heed_results_close(results);
    }
    assert_true(complete >= 20 * 23);
}

static void a_grammar_without_a_way_on_has_a_problem(void **state) {
    fixture *f = *state;
    static const char *const options[] = {"max-new-tokens", "20", "no-repeat-ngram", "1", NULL};
    static const char *const shortest[] = {"max-new-tokens", "20", NULL};
    heed_results *results = generate(f, f->model, "grammar", "root ::= \"zzzzzz\"", options, 1);
    assert_non_null(strstr(heed_results_problem(results, 0), "no token of the vocabulary may be number "));
    heed_results_close(results);
    results = generate(f, f->model, "grammar", "root ::= \"\"", shortest, 1);
    assert_null(heed_results_problem(results, 0));
    assert_string_equal(heed_results_text(results, 0, 0), "");
    heed_results_close(results);
}

/* A model that wants to end may do so exactly where the text is complete, and must where nothing may follow. */
static void the_end_comes_where_the_text_is_complete(void **state) {
    fixture *f = *state;
    static const char *const grammar = "root ::= \"ab\" (\"c\" | \"cde\")?";
    bool seen[3] = {false};
    heed_results *results = generate(f, f->model, "grammar", grammar, sampled, TEXTS);
    for (size_t i = 0; i < TEXTS; i++) {
        static const char *const texts[] = {"ab", "abc", "abcde"};
        int which = 0;
        while (which < 3 && strcmp(texts[which], heed_results_text(results, i, 0)) != 0) which++;
        assert_in_range(which, 0, 2);
        seen[which] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    heed_results_close(results);
}

/* Each result is that of the text alone, with and without constraints of others in the session. */
static void requests_do_not_change_each_other(void **state) {
    fixture *f = *state;
    heed_session *session;
    heed_options *options[3];
    static const char *const values[] = {"root ::= [a-z]{5,20}", "root ::= [0-9]+ \".\"",
                                         "root ::= (\"x\" | \"yz\"){3,}"};
    char expected[3][512];
    assert_ok(f->context, heed_session_open(f->model, &session));
    for (int i = 0; i < 3; i++) {
        heed_results *results = generate(f, f->model, "grammar", values[i], sampled, 1);
        snprintf(expected[i], sizeof expected[i], "%s", heed_results_text(results, 0, 0));
        heed_results_close(results);
        assert_ok(f->context, heed_session_options(f->context, &options[i]));
        assert_ok(f->context, heed_options_set(options[i], "grammar", values[i]));
        for (const char *const *pair = sampled; *pair; pair += 2)
            assert_ok(f->context, heed_options_set(options[i], pair[0], pair[1]));
    }
    for (int i = 0; i < 12; i++)
        assert_ok(f->context, heed_session_add(session, options[i % 3], "a text ", 7, 0, NULL, NULL, NULL));
    for (int found = 0; found < 12;) {
        uint64_t id;
        heed_results *results;
        assert_ok(f->context, heed_session_step(session));
        for (;;) {
            assert_ok(f->context, heed_session_next(session, &id, &results));
            if (!results) break;
            assert_string_equal(heed_results_text(results, 0, 0), expected[id % 3]);
            heed_results_close(results);
            found++;
        }
    }
    heed_session_close(session);
    for (int i = 0; i < 3; i++) heed_options_close(options[i]);
}

/* ---- what cannot be compiled ---- */

static void errors_are_one_line(void **state) {
    fixture *f = *state;
    static const char *const none[] = {NULL}, *const text = "a";
    static const struct {
        const char *name, *value, *message;
    } cases[] = {
        {"grammar", "root ::= [", "grammar: line 1, column 10: a class has no closing bracket"},
        {"grammar", "/nowhere/x.gbnf", "/nowhere/x.gbnf"},
        {"json-schema", "{\"type\": \"thing\"}", "json-schema: #: \"type\" has a value that is not the name of a type"},
        {"json-schema", "{\"properties\": {\"a\": {\"uniqueItems\": true}}}",
         "json-schema: #/properties/a: heed lacks the keyword \"uniqueItems\""},
        {"json-schema", "{\"minLenght\": 3}", "json-schema: #: \"minLenght\" is not a keyword of JSON schemas"},
        {"json-schema", "{\"not\": {}}", "json-schema: #: heed lacks the keyword \"not\""},
        {"json-schema", "{\"type\": \"number\", \"multipleOf\": 2}",
         "json-schema: #: heed lacks the keyword \"multipleOf\""},
        {"json-schema", "{\"type\": \"string\", \"format\": \"email\"}",
         "json-schema: #: heed lacks the format \"email\""},
        {"json-schema", "{\"$ref\": \"#/$defs/x\"}", "json-schema: #: \"$ref\" is \"#/$defs/x\", which is not a place"},
        {"json-schema", "{\"$ref\": \"http://x/y\"}",
         "json-schema: #: \"$ref\" is \"http://x/y\", which is not a place"},
        {"json-schema", "{\"$ref\": \"#\"}", "the rule \"ref-0\" begins with itself (left recursion)"},
        {"json-schema", "{\"items\": {\"pattern\": \"(?=a)\"}}",
         "json-schema: #/items: \"pattern\": heed lacks lookaround and flags, at character 3"},
        {"json-schema", "{\"pattern\": \"(a)\\\\1\"}", "\"pattern\": heed lacks references to groups, at character 5"},
        {"json-schema", "{\"oneOf\": [{\"type\": \"integer\"}, {\"type\": \"number\"}]}",
         "json-schema: #: a value may match the schemas 0 and 1 of \"oneOf\": use \"anyOf\""},
        {"json-schema", "{\"type\": \"integer\", \"minimum\": 3, \"maximum\": 2}",
         "json-schema: #: no whole number is between the bounds"},
        {"json-schema", "{\"type\": \"array\", \"minItems\": 3, \"maxItems\": 2}",
         "json-schema: #: \"minItems\" is larger than \"maxItems\""},
        {"json-schema", "{\"type\": \"string\", \"minLength\": -1}",
         "json-schema: #: \"minLength\" is not a whole number from 0 to 100000"},
        {"json-schema", "{\"properties\": {\"a\": false}, \"required\": [\"a\"]}",
         "json-schema: #/properties/a: false accepts no value"},
        {"json-schema", "{\"enum\": []}", "json-schema: #: \"enum\" has no value of the type"},
        {"json-schema", "{\"enum\": [1], \"minimum\": 0}", "json-schema: #: heed lacks \"minimum\" beside \"enum\""},
        {"json-schema", "{\"type\": ", "json-schema: line 1, column 9"},
        {"grammar", "root ::= root", "begins with itself"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_results *results;
        heed_options *options = make_options(f, cases[i].name, cases[i].value, none);
        heed_status status = heed_generate(f->model, options, &text, NULL, 1, 0, NULL, NULL, &results);
        const char *message = heed_context_message(f->context);
        if (status == HEED_OK || !strstr(message, cases[i].message) || strchr(message, '\n'))
            fail_msg("%s: %s\nexpected %s", cases[i].value, message, cases[i].message);
        heed_options_close(options);
    }
}

static void only_one_constraint_is_set(void **state) {
    fixture *f = *state;
    static const char *const more[] = {"json-object", "true", NULL}, *const text = "a";
    heed_results *results;
    heed_options *options = make_options(f, "grammar", "root ::= \"a\"", more);
    assert_int_equal(heed_generate(f->model, options, &text, NULL, 1, 0, NULL, NULL, &results), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(f->context), "only one of them may be set"));
    heed_options_close(options);
}

/* A vocabulary that lacks what a grammar begins with. */
static void a_vocabulary_without_the_first_token_is_named(void **state) {
    fixture *f = *state;
    hd_constraint *constraint;
    heed_tokenizer *tokenizer;
    assert_ok(f->context, hd_tokenizer_open(f->context, GOLDEN "/text/trained-characters.json", &tokenizer));
    hd_constraint_target target = {.tokenizer = tokenizer, .vocabulary = (int64_t)hd_tokenizer_size(tokenizer)};
    static const char grammar[] = "root ::= \"\\U0001F9FF\"";
    assert_int_equal(hd_constraint_open(f->context, &target, "g", grammar, sizeof grammar - 1, &constraint),
                     HEED_ARGUMENT);
    assert_string_equal(heed_context_message(f->context), "g: no token of the vocabulary begins a text of the grammar");
    hd_tokenizer_close(tokenizer);
}

/* What a stop string cuts off does not count. */
static void bytes_at_the_end_may_not_count(void **state) {
    fixture *f = *state;
    hd_constraint *constraint;
    hd_encoding e = {0};
    static const char grammar[] = "root ::= \"one\" \" two\"?", *const text = "xone two three";
    hd_constraint_target target = {.tokenizer = f->model->tokenizer,
                                   .vocabulary = (int64_t)hd_tokenizer_size(f->model->tokenizer),
                                   .continues = true};
    assert_ok(f->context, hd_constraint_open(f->context, &target, "g", grammar, sizeof grammar - 1, &constraint));
    assert_ok(f->context, hd_tokenizer_encode(f->model->tokenizer, f->context, text, strlen(text), false, &e));
    assert_int_equal(e.ends[0], 1);
    for (size_t cut = 0; cut <= strlen("one two three") + 1; cut++) {
        hd_constraint_progress progress;
        hd_constrained_text t = {e.ids, (int64_t)e.count, 1, cut};
        assert_ok(f->context, hd_constraint_measure(constraint, f->context, &t, &progress));
        assert_int_equal(progress, cut == strlen(" three")       ? HD_CONSTRAINT_CLOSED
                                   : cut == strlen(" two three") ? HD_CONSTRAINT_COMPLETE
                                                                 : HD_CONSTRAINT_INCOMPLETE);
    }
    hd_encoding_close(&e);
    hd_constraint_close(f->context, constraint);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_match_their_schema),
        cmocka_unit_test(texts_end_without_an_end_token),
        cmocka_unit_test(all_kinds_of_decoding_match),
        cmocka_unit_test(words_obey_the_constraint),
        cmocka_unit_test(processors_of_whole_rows_match),
        cmocka_unit_test(proposed_tokens_change_nothing),
        cmocka_unit_test(an_object_is_json),
        cmocka_unit_test(a_limit_leaves_the_text_complete),
        cmocka_unit_test(a_grammar_without_a_way_on_has_a_problem),
        cmocka_unit_test(the_end_comes_where_the_text_is_complete),
        cmocka_unit_test(requests_do_not_change_each_other),
        cmocka_unit_test(bytes_at_the_end_may_not_count),
        cmocka_unit_test(errors_are_one_line),
        cmocka_unit_test(only_one_constraint_is_set),
        cmocka_unit_test(a_vocabulary_without_the_first_token_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
