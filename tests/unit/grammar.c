/* Grammars: what they accept, and the errors of those that cannot be read. */
#include "fixture.h"

#include "decode/grammar_state.h"

#include <string.h>

static heed_context *context;

static int set_up(void **state) {
    (void)state;
    context = open_context();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    heed_context_close(context);
    return 0;
}

typedef struct opened {
    hd_grammar grammar;
    int32_t *costs;
    hd_matcher matcher;
} opened;

static void open_grammar(const char *text, opened *o) {
    assert_ok(context, hd_grammar_parse(context, "test.gbnf", text, strlen(text), &o->grammar));
    o->costs = hd_alloc(context, (size_t)o->grammar.node_count, sizeof *o->costs);
    assert_ok(context, hd_grammar_costs(&o->grammar, NULL, o->costs));
    assert_ok(context, hd_matcher_open(context, &o->grammar, o->costs, &o->matcher));
}

static void close_grammar(opened *o) {
    hd_matcher_close(&o->matcher, context);
    hd_free(context, o->costs);
    hd_grammar_close(&o->grammar);
}

static int32_t read_text(opened *o, const char *text) {
    int32_t state = HD_STATE_START;
    for (; *text && state > HD_STATE_DEAD; text++) state = hd_matcher_step(&o->matcher, state, (uint8_t)*text);
    return state;
}

enum { TEXTS = 10 };

/* Texts that a grammar accepts, and texts that it does not. */
static const struct {
    const char *grammar, *accepted[TEXTS], *refused[TEXTS];
} cases[] = {
    {"root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yess", "yesno", "No"}},
    {"root ::= \"\"", {""}, {"a"}},
    {"root ::= | \"a\"", {"", "a"}, {"aa"}},
    {"root ::= \"a\"*", {"", "a", "aaaa"}, {"b", "ab"}},
    {"root ::= \"ab\"+", {"ab", "abab"}, {"", "a", "aba"}},
    {"root ::= \"a\"? \"b\"", {"b", "ab"}, {"a", "aab", ""}},
    {"root ::= \"a\"{3}", {"aaa"}, {"aa", "aaaa", ""}},
    {"root ::= \"a\"{2,}", {"aa", "aaaaaa"}, {"a", ""}},
    {"root ::= \"a\"{ 1 , 3 }", {"a", "aa", "aaa"}, {"", "aaaa"}},
    {"root ::= \"a\"{0,2} \"b\"", {"b", "ab", "aab"}, {"aaab", "a"}},
    {"root ::= \"a\"{0}", {""}, {"a"}},
    {"root ::= (\"a\"{2} \"b\"){2,3}", {"aabaab", "aabaabaab"}, {"aab", "aabab", "aabaabaabaab"}},
    {"root ::= (\"a\"?){2,3} \"b\"", {"b", "ab", "aaab"}, {"aaaab"}},
    {"root ::= (\"a\"*)* \"b\"", {"b", "aaab"}, {"a"}},
    {"root ::= (\"a\" | \"b\"?)+ \"c\"", {"c", "abbac"}, {"d"}},
    {"root ::= [a-c]+", {"abc"}, {"d", "abcd"}},
    {"root ::= [^a-c]", {"d", "\n", "é", "日", "😀", " "}, {"a", "b", "c", "dd", "\xC3"}},
    {"root ::= [a\\-z\\]\\[\\\\^]+", {"a-z", "]", "[", "\\", "^"}, {"b", "y"}},
    {"root ::= [-a]+ [a-]", {"-a", "a-"}, {"b"}},
    {"root ::= [^]", {"a", "]"}, {""}},
    {"root ::= .", {"a", "\n", "é", "😀"}, {"", "ab"}},
    {"root ::= [à-ü]{2}", {"éè"}, {"e", "é", "ýa"}},
    {"root ::= [\\u3041-\\u3096\\U0001F600]+", {"あん", "😀"}, {"漢", "😁"}},
    {"root ::= [\\x7F-\\u0801\\uFFFE-\\U00010001]",
     {"\x7F", "\xC2\x80", "\u07FF", "\u0801", "\uFFFF", "\U00010001"},
     {"~", "\u0802", "\U00010002", "\uFFFD"}},
    {"root ::= \"\\x41\\u00e9\\U0001F600\\n\\r\\t\\\"\\\\\\[\\]\"", {"Aé😀\n\r\t\"\\[]"}, {"A"}},
    {"# numbers\nroot ::= sum # of terms\nsum ::= term (\"+\" term)*\nterm ::= [0-9]+ | \"(\" sum \")\"\n",
     {"1", "1+2", "((1+2)+3)+4"},
     {"", "1+", "(1", "1)", "()"}},
    {"root ::= (\n  \"a\" # first\n  |\n  \"b\"\n)\n\n", {"a", "b"}, {"ab"}},
    {"root ::=\n  \"a\" |\n  \"b\"\n  | \"c\"\nx ::= \"d\"", {"a", "b", "c"}, {"d"}},
    {"list ::= item list | item\nitem ::= \"a\"\nroot ::= list", {"a", "aaaaaaaa"}, {"", "b"}},
    {"root ::= \"(\" root \")\" | \"x\"", {"x", "(x)", "(((((x)))))"}, {"(x", "((x)", "x)"}},
    {"root ::= a-1 B_2\na-1 ::= \"a\"\nB_2 ::= \"b\"", {"ab"}, {"a"}},
    {"root ::= [a-z]{1,3} [a-z]{1,3}", {"ab", "abcdef", "abcd"}, {"a", "abcdefg"}},
    {"\xEF\xBB\xBFroot ::= \"a\"", {"a"}, {"b"}},
};

static void texts_are_accepted_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        opened o;
        open_grammar(cases[i].grammar, &o);
        for (int j = 0; j < TEXTS && cases[i].accepted[j]; j++) {
            int32_t end = read_text(&o, cases[i].accepted[j]);
            if (end <= HD_STATE_DEAD || !o.matcher.states[end].complete)
                fail_msg("%s: \"%s\" is refused", cases[i].grammar, cases[i].accepted[j]);
        }
        for (int j = 0; j < TEXTS && cases[i].refused[j]; j++) {
            int32_t end = read_text(&o, cases[i].refused[j]);
            if (end > HD_STATE_DEAD && o.matcher.states[end].complete)
                fail_msg("%s: \"%s\" is accepted", cases[i].grammar, cases[i].refused[j]);
        }
        close_grammar(&o);
    }
}

static const struct {
    const char *grammar, *message;
} errors[] = {
    {"", "line 1, column 1: the rule \"root\" is not defined"},
    {"a ::= \"b\"", "line 1, column 10: the rule \"root\" is not defined"},
    {"root ::= thing", "line 1, column 10: the rule \"thing\" is not defined"},
    {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule is defined before"},
    {"root = \"a\"", "line 1, column 6: expected ::= after the name of a rule"},
    {"root ::= \"a", "line 1, column 10: a text has no closing quote"},
    {"root ::= \"a\nb\"", "line 1, column 10: a text has no closing quote"},
    {"root ::= [a", "line 1, column 10: a class has no closing bracket"},
    {"root ::= []", "line 1, column 10: a class has no character"},
    {"root ::= [\\uD800]", "line 1, column 11: an escape is not a character"},
    {"root ::= [^\\x00-\\U0010FFFF]", "line 1, column 10: a class has no character"},
    {"root ::= [b-a]", "line 1, column 11: a range has its ends in the wrong order"},
    {"root ::= \"é\" \"\\q\"", "line 1, column 15: an unknown escape; a backslash is \\\\"},
    {"root ::= \"\\x4\"", "line 1, column 11: an escape has too few hexadecimal digits"},
    {"root ::= \"\\U00110000\"", "line 1, column 11: an escape is not a character"},
    {"root ::= (\"a\"", "line 1, column 10: expected a closing parenthesis"},
    {"root ::= (\"a\" ]", "line 1, column 15: expected a closing parenthesis"},
    {"root ::= \"a\")", "line 1, column 13: expected a text, a class, a rule, a group or the next line"},
    {"root ::= \"a\"{", "line 1, column 14: expected a number"},
    {"root ::= \"a\"{2", "line 1, column 13: expected a closing brace"},
    {"root ::= \"a\"{3,2}", "line 1, column 13: the bounds are in the wrong order"},
    {"root ::= \"a\"{100001}", "line 1, column 14: the number of repetitions is larger than 100000"},
    {"root ::= <[12]>", "line 1, column 10: heed lacks tokens in grammars: write their text in quotes"},
    {"root ::= \"a\" !<b>", "line 1, column 14: heed lacks tokens in grammars: write their text in quotes"},
    {"root ::= \"\xFF\"", "line 1, column 11: invalid UTF-8"},
    {"\n * ", "line 2, column 2: expected the name of a rule"},
    {"root ::= root \"a\" | \"b\"", "line 1, column 1: the rule \"root\" begins with itself (left recursion)"},
    {"root ::= a\na ::= \"x\"* b\nb ::= a | \"y\"", "the rule \"a\" begins with itself (left recursion)"},
    {"root ::= e root | \"b\"\ne ::= \"\" | \"c\"", "the rule \"root\" begins with itself (left recursion)"},
    {"root ::= (\"\" | root){2}", "the rule \"root\" begins with itself (left recursion)"},
    {"root ::= \"a\" root", "line 1, column 1: the rule \"root\" accepts no text: it never ends"},
    {"root ::= \"a\" | b\nb ::= \"c\" b", "line 1, column 16: the rule \"b\" accepts no text: it never ends"},
};

static void errors_name_the_place(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(errors); i++) {
        hd_grammar grammar;
        heed_status status =
            hd_grammar_parse(context, "test.gbnf", errors[i].grammar, strlen(errors[i].grammar), &grammar);
        const char *message = heed_context_message(context);
        if (status != HEED_ARGUMENT || strncmp(message, "test.gbnf: line ", 16) != 0 ||
            !strstr(message, errors[i].message))
            fail_msg("%s\n%s\nexpected %s", errors[i].grammar, message, errors[i].message);
    }
}

static void deep_parentheses_are_refused(void **state) {
    (void)state;
    char text[1200] = "root ::= ";
    hd_grammar grammar;
    memset(text + 9, '(', 500);
    memcpy(text + 509, "\"a\"", 3);
    memset(text + 512, ')', 500);
    assert_int_equal(hd_grammar_parse(context, "deep", text, strlen(text), &grammar), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "parentheses are nested too deeply"));
}

/* A grammar with more readings than the limit: what would need them is refused, and the rest is accepted. */
static void readings_have_a_limit(void **state) {
    (void)state;
    opened o;
    char text[HD_STATE_MOST_READINGS + 200];
    open_grammar("root ::= \"a\"{0,100000} \"a\"{0,100000} \"b\"", &o);
    memset(text, 'a', 100);
    strcpy(text + 100, "b");
    int32_t end = read_text(&o, text);
    assert_true(end > HD_STATE_DEAD && o.matcher.states[end].complete);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(read_text(&o, text), HD_STATE_DEAD);
    close_grammar(&o);
}

/* Right recursion and lists need no more states for longer texts. */
static void long_texts_have_few_states(void **state) {
    (void)state;
    opened o;
    char text[20001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    open_grammar("root ::= list\nlist ::= \"a\" list | \"a\"", &o);
    assert_true(read_text(&o, text) > HD_STATE_DEAD);
    assert_in_range(o.matcher.state_count, 2, 10);
    close_grammar(&o);
}

/* The least number of bytes that complete a text. */
static void costs_are_the_bytes_that_are_left(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t cost;
    } begun[] = {{"", 6}, {"{", 5}, {"{a:", 3}, {"{a:[", 4}, {"{a:[[[", 6}, {"{a:11", 1}, {"{a:11,b:2}", 0}};
    opened o;
    open_grammar("root ::= \"{a:\" value{2} (\",b:\" value)? \"}\"\nvalue ::= [0-9] | \"[\" value+ \"]\" | \"1\"", &o);
    for (size_t i = 0; i < HD_COUNT(begun); i++) {
        int32_t end = read_text(&o, begun[i].text);
        if (end <= HD_STATE_DEAD || o.matcher.states[end].cost != begun[i].cost)
            fail_msg("\"%s\": state %d", begun[i].text, end);
    }
    close_grammar(&o);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_accepted_or_refused), cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(deep_parentheses_are_refused),  cmocka_unit_test(readings_have_a_limit),
        cmocka_unit_test(long_texts_have_few_states),    cmocka_unit_test(costs_are_the_bytes_that_are_left),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
