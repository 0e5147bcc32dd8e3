/* settings: a table sets, refuses, describes, reads and writes values, independently of the locale. */
#include "failing.h"

#include "base/file.h"
#include "base/number.h"
#include "base/settings.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { COSINE, LINEAR, INVERSE_SQUARE_ROOT };

typedef struct options {
    int64_t beams, seed;
    float dropout, lr;
    double limit;
    bool lowercase, shuffle;
    char *prefix, *note;
    int schedule;
    hd_string_list train;
} options;

static const hd_setting table[] = {
    {"beams", HD_SETTING_INT, offsetof(options, beams), "4", 1, 1024, "NUMBER", "hypotheses kept at each step"},
    {"seed", HD_SETTING_INT, offsetof(options, seed), "1", 0, 0x1p63, "NUMBER", "of all random numbers"},
    {"dropout", HD_SETTING_FLOAT, offsetof(options, dropout), "0.1", 0, 0.3, "RATE", "of activations"},
    {"lr", HD_SETTING_FLOAT, offsetof(options, lr), "1e-4", 0, FLT_MAX, "RATE", "at the peak"},
    {"limit", HD_SETTING_DOUBLE, offsetof(options, limit), "inf", 0, INFINITY, "HOURS", "of training"},
    {"lowercase", HD_SETTING_BOOL, offsetof(options, lowercase), "false", 0, 0, NULL, "fold case"},
    {"shuffle", HD_SETTING_BOOL, offsetof(options, shuffle), "true", 0, 0, NULL, "draw in random order"},
    {"output-prefix", HD_SETTING_STRING, offsetof(options, prefix), "run", 0, 0, "TEXT", "begins each file's name"},
    {"note", HD_SETTING_STRING, offsetof(options, note), NULL, 0, 0, "TEXT", "kept in the model card"},
    {"schedule", HD_SETTING_CHOICE, offsetof(options, schedule), "cosine", 0, 0, "cosine|linear|inverse-square-root",
     "of the learning rate"},
    {"train", HD_SETTING_LIST, offsetof(options, train), NULL, 0, 0, "FILE", "sentences to learn from"},
};

#define TABLE table, HD_COUNT(table)

static heed_context *context;
static options it;

static int open_options(void **state) {
    (void)state;
    context = open_context();
    assert_ok(context, hd_settings_default(context, TABLE, &it));
    return 0;
}

static int close_options(void **state) {
    (void)state;
    hd_settings_free(context, TABLE, &it);
    heed_context_close(context);
    return 0;
}

static void set(const char *name, const char *value) {
    assert_ok(context, hd_settings_set(context, TABLE, &it, name, value));
}

static void refuse(const char *name, const char *value, const char *message) {
    assert_int_equal(hd_settings_set(context, TABLE, &it, name, value), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), message);
}

static void defaults_come_from_the_table(void **state) {
    (void)state;
    assert_int_equal(it.beams, 4);
    assert_true(it.dropout == 0.1f && it.lr == 1e-4f && isinf(it.limit));
    assert_true(!it.lowercase && it.shuffle);
    assert_string_equal(it.prefix, "run");
    assert_null(it.note);
    assert_int_equal(it.schedule, COSINE);
    assert_int_equal(it.train.count, 0);
}

static void values_are_set_by_name(void **state) {
    (void)state;
    set("beams", "+1024");
    assert_int_equal(it.beams, 1024);
    set("seed", "9223372036854775807");
    assert_true(it.seed == INT64_MAX);
    set("dropout", "0.3"); /* the limit itself, which as a float is above the double 0.3 */
    assert_true(it.dropout == 0.3f);
    set("lr", "3e-4");
    assert_true(it.lr == 3e-4f);
    set("limit", "1.5");
    assert_true(it.limit == 1.5);
    set("lowercase", NULL);
    set("shuffle", "off");
    assert_true(it.lowercase && !it.shuffle);
    set("output_prefix", ""); /* '_' for '-', and empty is a value */
    assert_string_equal(it.prefix, "");
    set("schedule", "inverse_square-root");
    assert_int_equal(it.schedule, INVERSE_SQUARE_ROOT);
    set("train", "a.txt");
    set("train", "b.txt");
    assert_int_equal(it.train.count, 2);
    hd_settings_layer(TABLE, &it);
    set("train", "c.txt");
    assert_int_equal(it.train.count, 1);
    assert_string_equal(it.train.items[0], "c.txt");
}

static void the_nearest_word_is_found(void **state) {
    (void)state;
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"translate", "translate"},
        {"tranlsate", "translate"},
        {"max_length", "max-length"},
        {"trian", "train"},
        {"trains", "train"},
        {"embed", NULL},
        {"a", NULL},
        {"", NULL},
        {"min-lenght", "max-length"}, /* five edits would be another word, four are not */
        {"translate-translate-translate-translate-translate-translate-translate", NULL},
    };
    static const char *const candidates[] = {"t", "train", "translate", "max-length"};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        const char *nearest = NULL;
        size_t edits = SIZE_MAX;
        for (size_t c = 0; c < HD_COUNT(candidates); c++)
            if (heed_word_is_nearer(cases[i].word, strlen(cases[i].word), candidates[c], &edits))
                nearest = candidates[c];
        if (nearest != cases[i].nearest && (!nearest || !cases[i].nearest || strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s, expected %s", cases[i].word, nearest ? nearest : "none",
                     cases[i].nearest ? cases[i].nearest : "none");
    }
}

static void bad_values_are_refused_precisely(void **state) {
    (void)state;
    refuse("beems", "1", "unknown setting \"beems\" (did you mean \"beams\"?)");
    refuse("outputprefix", "1", "unknown setting \"outputprefix\" (did you mean \"output-prefix\"?)");
    refuse("temperature", "1", "unknown setting \"temperature\"");
    refuse("", "1", "unknown setting \"\"");
    refuse("beams", "x", "beams is \"x\", expected a whole number from 1 to 1024");
    refuse("beams", "0", "beams is \"0\", expected a whole number from 1 to 1024");
    refuse("beams", "4.0", "beams is \"4.0\", expected a whole number from 1 to 1024");
    refuse("beams", " 4", "beams is \" 4\", expected a whole number from 1 to 1024");
    refuse("beams", "", "beams is \"\", expected a whole number from 1 to 1024");
    refuse("beams", NULL, "beams needs a value");
    refuse("seed", "9223372036854775808", "seed is \"9223372036854775808\", expected a whole number of at least 0");
    refuse("dropout", "nan", "dropout is \"nan\", expected a number from 0 to 0.3");
    refuse("dropout", "0.31", "dropout is \"0.31\", expected a number from 0 to 0.3");
    refuse("dropout", "0x1p-3", "dropout is \"0x1p-3\", expected a number from 0 to 0.3");
    refuse("dropout", "0,2", "dropout is \"0,2\", expected a number from 0 to 0.3");
    refuse("dropout", "1e", "dropout is \"1e\", expected a number from 0 to 0.3");
    refuse("lr", "inf", "lr is \"inf\", expected a number of at least 0");
    refuse("lr", "1e39", "lr is \"1e39\", expected a number of at least 0");
    refuse("lowercase", "maybe", "lowercase is \"maybe\", expected true or false");
    refuse("schedule", "cosin", "schedule is \"cosin\", expected one of cosine, linear, inverse-square-root");
    refuse("schedule", "cosine|linear",
           "schedule is \"cosine|linear\", expected one of cosine, linear, inverse-square-root");
    assert_int_equal(it.beams, 4); /* refused values change nothing */
    assert_true(it.dropout == 0.1f);
    char longer[5000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(hd_settings_set(context, TABLE, &it, longer, longer), HEED_ARGUMENT);
}

static heed_status parse(const char *text) {
    return hd_recipe_parse(context, TABLE, &it, "recipe.ini", text, strlen(text));
}

static void recipes_are_read(void **state) {
    (void)state;
    assert_ok(context, parse("\xEF\xBB\xBF# a recipe\r\n\r\n  beams = 8 # more than usual\r\n"
                             "lr=1e-3\n\tnote = a#b \"c\" \\ d\t# not this\n"
                             "output_prefix = \" # \\\"kept\\\" \\t\\\\ \" # comment\n"
                             "train = one.txt\ntrain = two words.txt\nlimit = inf"));
    assert_int_equal(it.beams, 8);
    assert_true(it.lr == 1e-3f && isinf(it.limit));
    assert_string_equal(it.note, "a#b \"c\" \\ d");
    assert_string_equal(it.prefix, " # \"kept\" \t\\ ");
    assert_int_equal(it.train.count, 2);
    assert_string_equal(it.train.items[1], "two words.txt");
}

static void broken_recipes_name_the_line(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"\n\n# x\nbeams = x\n", "recipe.ini: line 4: beams is \"x\", expected a whole number from 1 to 1024"},
        {"beems = 1", "recipe.ini: line 1: unknown setting \"beems\" (did you mean \"beams\"?)"},
        {"beams 4\n", "recipe.ini: line 1: expected `name = value`"},
        {"= 4\n", "recipe.ini: line 1: expected `name = value`"},
        {"[train]\n", "recipe.ini: line 1: expected `name = value`"},
        {"lr =\n", "recipe.ini: line 1: lr is \"\", expected a number of at least 0"},
        {"seed = 1\nseed = 2\n", "recipe.ini: line 2: seed was already set on line 1"},
        {"note = \"open\n", "recipe.ini: line 1: a quote is not closed"},
        {"note = \"open\\", "recipe.ini: line 1: unknown escape in quotes (known: \\\" \\\\ \\n \\r \\t)"},
        {"note = \"a\\qb\"\n", "recipe.ini: line 1: unknown escape in quotes (known: \\\" \\\\ \\n \\r \\t)"},
        {"note = \"a\" b\n", "recipe.ini: line 1: more text after the closing quote"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        assert_int_not_equal(parse(cases[i][0]), HEED_OK);
        assert_string_equal(heed_context_message(context), cases[i][1]);
    }
    assert_int_equal(hd_recipe_parse(context, TABLE, &it, "recipe.ini", "note = a\0b", 10), HEED_FORMAT);
    assert_int_equal(hd_recipe_read(context, TABLE, &it, "/no/such/recipe.ini"), HEED_FILE);
}

static void a_written_recipe_reads_back_to_the_bit(void **state) {
    (void)state;
    char folder[] = "/tmp/heed-settings-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "recipe.ini");
    set("dropout", "0.123456789");
    set("lr", "1.17549435e-38");
    set("limit", "0.1");
    set("seed", "123456789012345678");
    set("schedule", "linear");
    set("note", " \"quoted\" # \n line\r\ttab\\ \xC3\xA4 ");
    set("output-prefix", "");
    set("train", "a \\\" b");
    set("train", "# c");
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_recipe_write(TABLE, &it, &text);
    assert_false(text.failed);
    assert_ok(context, hd_file_write(context, path, text.data, text.size));

    options back;
    assert_ok(context, hd_settings_default(context, TABLE, &back));
    assert_ok(context, hd_recipe_read(context, TABLE, &back, path));
    assert_true(back.dropout == it.dropout && back.lr == it.lr && back.limit == it.limit);
    assert_true(back.beams == it.beams && back.seed == it.seed && back.schedule == it.schedule);
    assert_string_equal(back.note, it.note);
    assert_string_equal(back.prefix, "");
    assert_int_equal(back.train.count, 2);
    assert_string_equal(back.train.items[0], it.train.items[0]);
    assert_string_equal(back.train.items[1], it.train.items[1]);
    hd_settings_free(context, TABLE, &back);
    hd_buffer_close(&text);
    unlink(path);
    rmdir(folder);
    hd_free(context, path);
}

static void help_lists_every_setting(void **state) {
    (void)state;
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_settings_describe(TABLE, &text);
    assert_non_null(strstr(text.data, "  --beams NUMBER                hypotheses kept at each step (default 4)\n"));
    assert_non_null(strstr(text.data, "  --lowercase                   fold case\n"));
    assert_non_null(strstr(text.data,
                           "  --schedule cosine|linear|inverse-square-root\n"
                           "                                of the learning rate (default cosine)\n"));
    assert_non_null(strstr(text.data, "  --train FILE                  sentences to learn from; may be repeated\n"));
    hd_buffer_close(&text);
}

static void numbers_ignore_the_locale(void **state) {
    (void)state;
    static const char *const with_a_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    size_t i = 0;
    while (i < HD_COUNT(with_a_comma) && !setlocale(LC_ALL, with_a_comma[i])) i++;
    if (i == HD_COUNT(with_a_comma)) skip();
    set("lr", "0.25");
    assert_true(it.lr == 0.25f);
    refuse("lr", "0,25", "lr is \"0,25\", expected a number of at least 0");
    char text[32];
    hd_print_number(text, sizeof text, "%.2f", 0.25);
    assert_string_equal(text, "0.25");
    setlocale(LC_ALL, "C");
}

static void numbers_reach_their_limits(void **state) {
    (void)state;
    int64_t number = 0;
    assert_true(hd_read_int("-9223372036854775808", &number) && number == INT64_MIN);
    assert_false(hd_read_int("-9223372036854775809", &number));
    assert_false(hd_read_int("-", &number));
    assert_false(hd_read_int("1_000", &number));
    double wide = 0;
    assert_true(hd_read_double("-inf", &wide) && wide == (double)-INFINITY);
    assert_true(hd_read_double("1e400", &wide) && wide == (double)INFINITY);
    assert_true(hd_read_double(".5", &wide) && wide == 0.5);
    assert_false(hd_read_double("infinity", &wide));
    assert_false(hd_read_double("1e+-3", &wide));
    assert_false(hd_read_double("-", &wide));
}

static heed_status use_everything(heed_context *failing) {
    options local;
    hd_buffer text;
    hd_buffer_open(&text, failing);
    heed_status status = hd_settings_default(failing, TABLE, &local);
    const char recipe[] = "note = \"some text\"\ntrain = a\ntrain = b\n";
    if (status == HEED_OK) status = hd_recipe_parse(failing, TABLE, &local, "r", recipe, sizeof recipe - 1);
    if (status == HEED_OK) {
        hd_recipe_write(TABLE, &local, &text);
        hd_settings_describe(TABLE, &text);
        status = text.failed ? HEED_MEMORY : HEED_OK;
    }
    hd_settings_free(failing, TABLE, &local);
    hd_buffer_close(&text);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_each_allocation(use_everything);
}

#define WITH_OPTIONS(test) cmocka_unit_test_setup_teardown(test, open_options, close_options)

static const char *pace(int value) {
    static const char *const names[] = {"slow", "quick-enough", "fast"};
    return value >= 0 && value < (int)HD_COUNT(names) ? names[value] : NULL;
}

/* A choice whose names are those of another table is set, written, described and refused as others are. */
static void choices_of_another_table(void **state) {
    (void)state;
    static const hd_setting row = {
        .name = "pace", .kind = HD_SETTING_CHOICE, .initial = "slow", .help = "pace of walking", .choices = pace};
    int value = 2;
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_settings_default(context, &row, 1, &value));
    assert_int_equal(value, 0);
    assert_ok(context, hd_settings_set(context, &row, 1, &value, "pace", "quick_enough"));
    assert_int_equal(value, 1);
    hd_setting_value(&row, &value, &text);
    assert_string_equal(text.data, "quick-enough");
    assert_int_equal(hd_settings_set(context, &row, 1, &value, "pace", "quick"), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "pace is \"quick\", expected one of slow, quick-enough, fast");
    hd_buffer_clear(&text);
    hd_settings_describe(&row, 1, &text);
    assert_string_equal(
        text.data, "  --pace slow|quick-enough|fast\n                                pace of walking (default slow)\n");
    hd_buffer_close(&text);
}

static const char *choice_name(int value) { return value == 0 ? "left" : value == 1 ? "right" : NULL; }

/* The names of another table take the place of `argument`. */
static void names_of_choices_replace_the_argument(void **state) {
    (void)state;
    static const hd_setting row = {.name = "side",
                                   .kind = HD_SETTING_CHOICE,
                                   .initial = "right",
                                   .argument = "SIDE",
                                   .help = "which",
                                   .choices = choice_name};
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_setting_argument(&row, &out);
    assert_string_equal(out.data, "left|right");
    hd_buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_choices_replace_the_argument, open_options, close_options),
        WITH_OPTIONS(defaults_come_from_the_table),
        WITH_OPTIONS(values_are_set_by_name),
        WITH_OPTIONS(bad_values_are_refused_precisely),
        WITH_OPTIONS(recipes_are_read),
        WITH_OPTIONS(broken_recipes_name_the_line),
        WITH_OPTIONS(a_written_recipe_reads_back_to_the_bit),
        WITH_OPTIONS(help_lists_every_setting),
        WITH_OPTIONS(numbers_ignore_the_locale),
        cmocka_unit_test(numbers_reach_their_limits),
        cmocka_unit_test(every_allocation_may_fail),
        WITH_OPTIONS(choices_of_another_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
