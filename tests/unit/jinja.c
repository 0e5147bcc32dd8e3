/* text/jinja: templates against jinja2 as transformers sets it up (tests/golden/chat), those of real chat models in
 * ../shared/fixtures, the limits, and failing allocations. */
#include "failing.h"

#include "text/jinja/jinja.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What became of a template: its text, or the message of its failure; released with hd_free. */
static char *render(heed_context *context, const json_t *text, const json_t *variables, const char *now, bool *failed) {
    hd_chat_template *template;
    hd_chat_template_clock clock = {0};
    hd_buffer out;
    char *raised = NULL;
    if (now) assert_non_null(strptime(now, "%Y-%m-%dT%H:%M:%S", &clock.now));
    *failed = true;
    if (hd_chat_template_open(context, "t", json_string_value(text), json_string_length(text), &template) != HEED_OK) {
        const char *message = strchr(heed_context_message(context) + 8, ':'); /* after "t: line 3" */
        return hd_copy_string(context, message ? message + 2 : "");
    }
    hd_buffer_open(&out, context);
    heed_status status = hd_chat_template_render(template, context, variables, &clock, &out, &raised);
    *failed = status != HEED_OK;
    char *result = *failed ? raised : hd_buffer_take(&out);
    hd_buffer_close(&out);
    hd_chat_template_close(template);
    return result;
}

static void check(heed_context *context, const json_t *one, const json_t *variables, const char *now) {
    const char *expected = json_string_value(json_object_get(one, "text"));
    if (!expected) expected = json_string_value(json_object_get(one, "expected"));
    const char *message = json_string_value(json_object_get(one, "raises"));
    bool failed;
    char *got = render(context, json_object_get(one, "template"), variables, now, &failed);
    if (failed != (message != NULL) || strcmp(got ? got : "", expected ? expected : message) != 0)
        fail_msg("%.200s\n  expected %s: %s\n  got      %s: %s", json_string_value(json_object_get(one, "template")),
                 message ? "failure" : "text", expected ? expected : message, failed ? "failure" : "text", got);
    hd_free(context, got);
}

/* Messages of errors in the template's text differ in the words for what heed lacks; all else is equal. */
static void golden_templates(void **state) {
    (void)state;
    size_t i;
    json_t *golden = json_load_file(GOLDEN "/chat/cases.json", 0, NULL), *one;
    assert_non_null(golden);
    heed_context *context = open_context();
    json_array_foreach(json_object_get(golden, "cases"), i, one)
        check(context, one, json_object_get(golden, "variables"), json_string_value(json_object_get(golden, "now")));
    assert_true(i > 100);
    heed_context_close(context);
    json_decref(golden);
}

static json_t *real_cases(void) {
    char path[1024], command[1100];
    const char *folder = getenv("HEED_SHARED");
    snprintf(path, sizeof path, "%s/fixtures/chat-templates/cases.json.gz", folder ? folder : PROJECT "/../shared");
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is absent\n", path);
        return NULL;
    }
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    FILE *stream = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed program and folder */
    assert_non_null(stream);
    json_t *cases = json_loadf(stream, 0, NULL);
    assert_int_equal(pclose(stream), 0);
    assert_non_null(cases);
    return cases;
}

static void real_templates(void **state) {
    (void)state;
    size_t i;
    json_t *cases = real_cases(), *one;
    if (!cases) return;
    heed_context *context = open_context();
    json_array_foreach(cases, i, one)
        check(context, one, json_object_get(one, "variables"), json_string_value(json_object_get(one, "now")));
    assert_true(i > 100);
    heed_context_close(context);
    json_decref(cases);
}

static void expect_failure(heed_context *context, const char *text, const char *message) {
    json_t *variables = json_object();
    hd_chat_template *template;
    hd_buffer out;
    hd_buffer_open(&out, context);
    heed_status status = hd_chat_template_open(context, "t.jinja", text, strlen(text), &template);
    if (status == HEED_OK) {
        status = hd_chat_template_render(template, context, variables, NULL, &out, NULL);
        hd_chat_template_close(template);
    }
    assert_int_equal(status, HEED_FORMAT);
    assert_string_equal(heed_context_message(context), message);
    hd_buffer_close(&out);
    json_decref(variables);
}

/* What never ends, nests too deeply, or needs too much, fails in one line that names the template and the line. */
static void limits(void **state) {
    (void)state;
    heed_context *context = open_context();
    expect_failure(context, "\n{% for i in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}",
                   "t.jinja: line 2: the template takes more than 20000000 steps");
    expect_failure(context, "{% macro m() %}{{ m() }}{% endmacro %}\n\n{{ m() }}",
                   "t.jinja: line 1: the template nests more than 1500 calls or values");
    expect_failure(
        context,
        "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}\n{{ ns.l }}",
        "t.jinja: line 2: the template nests more than 1500 calls or values");
    expect_failure(context, "{{ 'x' * 999999999 }}", "t.jinja: line 1: the template needs more than 256 MB of memory");
    expect_failure(context, "{% set x = 'x' * 9999999 %}{% for i in range(99) %}{{ x }}{% endfor %}",
                   "t.jinja: line 1: the template prints more than 64 MB");
    expect_failure(context, "{{ 9223372036854775807 + 1 }}", "t.jinja: line 1: an integer needs more than 64 bits");
    expect_failure(context, "{% include 'x' %}", "t.jinja: line 1: heed lacks the tag \"include\"");
    expect_failure(context, "\n\n{{ 'x'|urlize }}", "t.jinja: line 3: heed lacks the filter \"urlize\"");
    char deep[600];
    memset(deep, '(', 500);
    memcpy(deep, "{{", 2);
    deep[500] = 0;
    expect_failure(context, deep, "t.jinja: line 1: the template nests more than 100 brackets or blocks");
    heed_context_close(context);
}

/* Invalid UTF-8 in a template is read as Python's errors="replace" does. */
static void invalid_utf8(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_chat_template *template;
    hd_buffer out;
    json_t *variables = json_object();
    static const char text[] = "a\xFF{{ 'b\xE2\x82' }}\r\nc\n";
    assert_ok(context, hd_chat_template_open(context, "t", text, sizeof text - 1, &template));
    hd_buffer_open(&out, context);
    assert_ok(context, hd_chat_template_render(template, context, variables, NULL, &out, NULL));
    assert_string_equal(out.data, "a\uFFFDb\uFFFD\nc");
    hd_buffer_close(&out);
    hd_chat_template_close(template);
    json_decref(variables);
    heed_context_close(context);
}

static heed_status render_all_kinds(heed_context *context) {
    static const char text[] =
        "{% macro m(a, b=2) %}{{ a }}{{ caller() }}{{ kwargs }}{% endmacro %}{% call m(1, c=3) %}x{% endcall %}"
        "{% for i in l if i %}{{ loop.length }}{{ i|tojson(indent=1) }}{{ '%s %5.1f'|format(i, 2) }}{% endfor %}"
        "{% set t %}{{ l|sort|join(', ') }}{% endset %}{{ t|title|indent }}{{ '{:>9}'.format(t.split(',')[0]) }}"
        "{{ dict(a=1)|items|list }}{{ l|map('string')|list }}{{ strftime_now('%Y') }}{{ missing.x }}";
    hd_chat_template *template = NULL;
    hd_buffer out;
    json_t *variables = json_pack("{s:[s,s,i]}", "l", "b", "a", 0);
    hd_buffer_open(&out, context);
    heed_status status = hd_chat_template_open(context, "t", text, sizeof text - 1, &template);
    if (status == HEED_OK) status = hd_chat_template_render(template, context, variables, NULL, &out, NULL);
    hd_chat_template_close(template);
    hd_buffer_close(&out);
    json_decref(variables);
    return status == HEED_FORMAT ? HEED_OK : status; /* the last expression fails */
}

static void memory(void **state) {
    (void)state;
    fail_each_allocation(render_all_kinds);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_templates), cmocka_unit_test(real_templates),
                                       cmocka_unit_test(limits), cmocka_unit_test(invalid_utf8),
                                       cmocka_unit_test(memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
