/* The options of every verb: names, help, defaults, and the values and limits that an error names, as in
 * tests/golden/options/options.txt (golden.h). */
#include "golden.h"

#include "base/options.h"

#include <string.h>

typedef heed_status open_options(heed_context *context, heed_options **options);

/* The message of a value that no number, choice or flag can have; of names, which may be anything but empty. */
static void append_refusal(heed_context *context, heed_options *options, const char *name, hd_buffer *out) {
    char *argument;
    assert_ok(context, heed_options_argument(options, name, &argument));
    hd_buffer_format(out, "%s %s: %s\n", name, argument ? argument : "is a flag", heed_options_about(options, name));
    heed_free(context, argument);
    for (int i = 0; i < 2; i++) {
        heed_status status = heed_options_set(options, name, i ? "?" : "");
        hd_buffer_format(out, "    %s\n", status == HEED_OK ? "anything" : heed_context_message(context));
    }
    if (!heed_options_is_flag(options, name)) {
        assert_int_equal(heed_options_set(options, name, NULL), HEED_ARGUMENT);
        assert_non_null(strstr(heed_context_message(context), " needs a value"));
    }
}

static void options_have_their_defaults_and_limits(void **state) {
    (void)state;
    static const struct {
        const char *verb;
        open_options *open;
    } verbs[] = {{"translate", heed_translate_options},
                 {"summarize", heed_summarize_options},
                 {"rewrite", heed_rewrite_options},
                 {"generate", heed_generate_options},
                 {"classify", heed_classify_options},
                 {"tag", heed_tag_options},
                 {"fill", heed_fill_options},
                 {"attend", heed_attend_options},
                 {"tokenize train", heed_tokenizer_train_options},
                 {"train", heed_train_options},
                 {"evaluate bleu", heed_bleu_options},
                 {"evaluate perplexity", heed_perplexity_options},
                 {"evaluate accuracy", heed_accuracy_options},
                 {"evaluate span-f1", heed_span_f1_options},
                 {"evaluate training", heed_training_options},
                 {"bench", heed_bench_options}};
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    for (size_t i = 0; i < HD_COUNT(verbs); i++) {
        heed_options *options;
        char *help;
        size_t count = 0;
        assert_ok(context, verbs[i].open(context, &options));
        assert_ok(context, heed_options_help(options, &help));
        hd_buffer_format(&out, "%s%s\n\n%s\n", i ? "\n" : "", verbs[i].verb, help);
        heed_free(context, help);
        for (const char *name; (name = heed_options_name(options, count)) != NULL; count++)
            append_refusal(context, options, name, &out);
        assert_null(heed_options_name(options, count + 1));
        assert_null(heed_options_about(options, "no-such-option"));
        assert_false(heed_options_is_flag(options, "no-such-option"));
        heed_options_close(options);
    }
    assert_golden("options/options.txt", &out);
    hd_buffer_close(&out);
    heed_context_close(context);
}

/* Options of one verb are refused by another. */
static void options_belong_to_their_call(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_options *options;
    char *report;
    assert_ok(context, heed_bench_options(context, &options));
    assert_int_equal(heed_evaluate_training(context, options, (const char *const[]){"x"}, 1, false, NULL, &report),
                     HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "these options belong to another call");
    heed_options_close(options);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_their_defaults_and_limits),
        cmocka_unit_test(options_belong_to_their_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
