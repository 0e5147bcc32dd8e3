/* Schemas as grammars, against the validator jsonschema (golden/schemas/make.py): each text that a grammar accepts is valid, and
 * texts that were drawn from the grammar stay accepted. */
#include "fixture.h"

#include "base/file.h"
#include "decode/grammar_state.h"
#include "decode/json_schema.h"
#include "failing.h"

#include <jansson.h>
#include <string.h>

typedef struct opened {
    hd_buffer text;
    hd_grammar grammar;
    int32_t *costs;
    hd_matcher matcher;
} opened;

static void close_schema(heed_context *context, opened *o) {
    hd_matcher_close(&o->matcher, context);
    hd_free(context, o->costs);
    hd_grammar_close(&o->grammar);
    hd_buffer_close(&o->text);
}

static heed_status open_schema(heed_context *context, const char *schema, opened *o) {
    *o = (opened){.costs = NULL};
    hd_buffer_open(&o->text, context);
    HD_TRY(hd_json_schema_grammar(context, "schema", schema, strlen(schema), &o->text));
    HD_TRY(hd_grammar_parse(context, "grammar", o->text.data, o->text.size, &o->grammar));
    o->costs = hd_alloc(context, (size_t)o->grammar.node_count, sizeof *o->costs);
    if (!o->costs) return HEED_MEMORY;
    HD_TRY(hd_grammar_costs(&o->grammar, NULL, o->costs));
    return hd_matcher_open(context, &o->grammar, o->costs, &o->matcher);
}

static bool accepts(opened *o, const char *text, size_t size) {
    int32_t state = HD_STATE_START;
    for (size_t i = 0; i < size && state > HD_STATE_DEAD; i++)
        state = hd_matcher_step(&o->matcher, state, (uint8_t)text[i]);
    return state > HD_STATE_DEAD && o->matcher.states[state].complete;
}

static void expect_all(opened *o, const char *schema, const json_t *texts, bool accepted) {
    const json_t *text;
    size_t i;
    json_array_foreach(texts, i, text) if (accepts(o, json_string_value(text), json_string_length(text)) != accepted)
        fail_msg("%s: %s is %s", schema, json_string_value(text), accepted ? "refused" : "accepted");
}

static void texts_are_accepted_if_they_are_valid(void **state) {
    (void)state;
    heed_context *context = open_context();
    json_t *cases = json_load_file(GOLDEN "/schemas/cases.json", 0, NULL), *one;
    size_t i;
    assert_true(json_array_size(cases) > 50);
    json_array_foreach(cases, i, one) {
        opened o;
        char *schema = json_dumps(json_object_get(one, "schema"), JSON_ENCODE_ANY);
        assert_ok(context, open_schema(context, schema, &o));
        assert_true(json_array_size(json_object_get(one, "valid")) > 0);
        expect_all(&o, schema, json_object_get(one, "valid"), true);
        expect_all(&o, schema, json_object_get(one, "invalid"), false);
        close_schema(context, &o);
        free(schema);
    }
    json_decref(cases);
    heed_context_close(context);
}

/* Many kinds of schemas in one. */
static const char everything[] =
    "{\"$defs\": {\"n\": {\"type\": \"object\", \"properties\": {\"v\": {\"enum\": [1, \"a\"]}, \"next\": {\"$ref\": "
    "\"#/$defs/n\"}}}}, \"anyOf\": [{\"allOf\": [{\"type\": \"object\", \"properties\": {\"ab\": {\"type\": "
    "\"number\", "
    "\"minimum\": -3}, \"ac\": {\"pattern\": \"^[a-z]+\\\\d|x$\"}}, \"additionalProperties\": {\"$ref\": "
    "\"#/$defs/n\"}}, "
    "{\"required\": [\"ab\"]}]}, {\"type\": \"array\", \"prefixItems\": [{\"type\": \"integer\", \"maximum\": 40}, "
    "true], "
    "\"items\": {\"format\": \"date\", \"type\": \"string\"}, \"maxItems\": 9}, {\"minLength\": 2, \"maxLength\": 3}]}";

static heed_status compile_everything(heed_context *context) {
    opened o;
    heed_status status = open_schema(context, everything, &o);
    int32_t state = HD_STATE_START;
    for (const char *at = "{\"ab\": -2.5, \"ad\": {\"next\": {}}}"; status == HEED_OK && *at; at++)
        if ((state = hd_matcher_step(&o.matcher, state, (uint8_t)*at)) == HD_STATE_FAILED) status = HEED_MEMORY;
    if (status == HEED_OK) assert_true(state > HD_STATE_DEAD && o.matcher.states[state].complete);
    close_schema(context, &o);
    return status;
}

static void every_failed_allocation_is_clean(void **state) {
    (void)state;
    fail_each_allocation(compile_everything);
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_accepted_if_they_are_valid),
                                              cmocka_unit_test(every_failed_allocation_is_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
