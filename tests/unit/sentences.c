/* Sentences by rules, words, and documents whose layout stays when their sentences are translated (text/sentences.h,
 * tasks/parts.h). */
#include "failing.h"

#include "heed/heed.h"
#include "models/model.h"
#include "tasks/parts.h"
#include "text/sentences.h"

#include <stdio.h>
#include <string.h>

/* Writes the sentences of a text with bars between. */
static const char *divide(const char *text, size_t size) {
    static char out[4096];
    size_t used = 0, next;
    for (size_t start = 0; start < size; start = next) {
        size_t end = hd_sentence_end(text, size, start, &next);
        assert_true(end > start || text[start] == '\n');
        assert_true(next >= end && next > start && next <= size);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%.*s", start ? "|" : "", (int)(end - start),
                                 text + start);
    }
    out[used] = 0;
    return out;
}

static void sentences_end_where_readers_expect(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"A dog runs.", "A dog runs."},
        {"A dog runs. Two men talk.", "A dog runs.|Two men talk."},
        {"Really? Yes! Good.", "Really?|Yes!|Good."},
        {"Wait... Now go.", "Wait...|Now go."},
        {"He waited... and left.", "He waited... and left."},
        {"No way?! It is so.", "No way?!|It is so."},
        {"It costs 3.50 euros. Pay now.", "It costs 3.50 euros.|Pay now."},
        {"See example.com for more. Thanks.", "See example.com for more.|Thanks."},
        {"Dr. Smith met Mrs. Jones. They talked.", "Dr. Smith met Mrs. Jones.|They talked."},
        {"J. R. R. Tolkien wrote it. I read it.", "J. R. R. Tolkien wrote it.|I read it."},
        {"Use tools, e.g. Hammers. Fine.", "Use tools, e.g. Hammers.|Fine."},
        {"Das kostet z. B. Geld. Ja.", "Das kostet z. B. Geld.|Ja."},
        {"Am 3. Mai kommt er. Gut.", "Am 3. Mai kommt er.|Gut."},
        {"It was in 1984. Then he left.", "It was in 1984.|Then he left."},
        {"See No. 5 first. Then No. 6.", "See No. 5 first.|Then No. 6."},
        {"He said no. Then he left.", "He said no.|Then he left."},
        {"It was I. He knew.", "It was I.|He knew."},
        {"Apples, pears etc. are sold. Good.", "Apples, pears etc. are sold.|Good."},
        {"Apples, pears etc. Good.", "Apples, pears etc.|Good."},
        {"\"Stop!\" he said. \"Why?\" She ran.", "\"Stop!\" he said.|\"Why?\"|She ran."},
        {"“Halt.” Er ging. «Oui.» Elle part.", "“Halt.”|Er ging.|«Oui.»|Elle part."},
        {"(It rained.) We left.", "(It rained.)|We left."},
        {"The U.S. team won.", "The U.S. team won."},
        {"Hello world", "Hello world"},
        {"你好。我很好！真的吗？是", "你好。|我很好！|真的吗？|是"},
        {"यह एक है। वह दो है।", "यह एक है।|वह दो है।"},
        {"هل أنت هنا؟ نعم.", "هل أنت هنا؟|نعم."},
        {"one\ntwo. three\n\nfour", "one|two. three|four"},
        {"Ends here.\nNext line.", "Ends here.|Next line."},
        {"Yes. - No.", "Yes.|- No."},
        {"Yes., no", "Yes., no"},
        {"...", "..."},
        {"\xff. B", "\xff.|B"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++)
        assert_string_equal(divide(cases[i][0], strlen(cases[i][0])), cases[i][1]);
}

static void words_are_counted(void **state) {
    (void)state;
    static const char text[] = " A dog\truns.  ";
    assert_int_equal(hd_words_end(text, strlen(text), 1), 2);
    assert_int_equal(hd_words_end(text, strlen(text), 2), 6);
    assert_int_equal(hd_words_end(text, strlen(text), 3), strlen(text));
    assert_int_equal(hd_words_end("", 0, 1), 0);
    assert_int_equal(hd_words_end("中文字", 9, 2), 6);
    assert_int_equal(hd_words_end("中a文", 7, 2), 4);
    assert_int_equal(hd_words_whole("a b ", 4), 2);
    assert_int_equal(hd_words_whole("a b", 3), 1);
    assert_int_equal(hd_words_whole("", 0), 0);
    assert_true(hd_text_begins_lowercase("(a", 2));
    assert_true(hd_text_begins_lowercase("ß", 2));
    assert_false(hd_text_begins_lowercase("A", 1));
    assert_false(hd_text_begins_lowercase("1a", 2));
    assert_false(hd_text_begins_lowercase("中", 3));
    assert_false(hd_text_begins_lowercase("", 0));
}

/* ---- documents ---- */

static heed_model *open_marian(heed_context *context) {
    heed_model *model;
    assert_ok(context, heed_model_open(context, GOLDEN "/marian", &model));
    return model;
}

/* The parts of a document with bars between, and the document when each part is its own translation. */
static void check_document(const char *document, const char *expected) {
    heed_context *context = open_context();
    heed_model *model = open_marian(context);
    hd_decoding settings;
    hd_text_parts parts;
    hd_buffer found, whole;
    size_t tail, split, size = strlen(document);
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    hd_text_parts_open(&parts, model, &settings);
    hd_buffer_open(&found, context), hd_buffer_open(&whole, context);
    assert_ok(context, hd_text_parts_add_document(&parts, 0, document, size, &tail, &split));
    for (size_t i = 0; i < parts.count; i++) {
        const hd_text_part *part = &parts.items[i];
        if (i) hd_buffer_text(&found, "|");
        hd_buffer_append(&found, part->text, part->size);
        hd_buffer_append(&whole, part->before, part->before_size);
        hd_text_parts_write(&parts, part, part->text, part->size, &whole);
    }
    hd_buffer_append(&whole, document + tail, size - tail);
    assert_string_equal(whole.size ? whole.data : "", document);
    if (expected) assert_string_equal(found.size ? found.data : "", expected);
    hd_buffer_close(&found), hd_buffer_close(&whole);
    hd_text_parts_close(&parts);
    hd_decoding_close(context, &settings);
    heed_model_close(model);
    heed_context_close(context);
}

static void documents_keep_their_layout(void **state) {
    (void)state;
    check_document("", "");
    check_document("  \n\n", "");
    check_document("A dog. A cat.\n", "A dog.|A cat.");
    check_document("# Title\n\nOne dog.  Two dogs.\n\n\n  - a cat\n  - [x] a cow\n  12) a hen\n",
                   "Title|One dog.|Two dogs.|a cat|a cow|a hen");
    check_document("> > quoted words\n| cell |\n", "quoted words|cell |");
    check_document("-----\n42\n***\n", "");
    check_document("-----\nwords\n1.\nmore", "words|more");
    check_document("Run\n```sh\nls -l; echo done.\n\n```\nnow\n  ~~~\n  code", "Run|now");
    check_document("\tTabs stay \t\r\nand ends\r\n", "Tabs stay and ends");
    check_document("A line that is\n   wrapped here. Then\nmore words.\nAnd another.",
                   "A line that is wrapped here.|Then more words.|And another.");
    check_document("Heading\nNot continued", "Heading|Not continued");
    check_document("(a) first\n(2) second\nA. not a marker", "first|second|A. not a marker");
    check_document("– dash\n• dot\n*no marker*", "dash|dot *no marker*");
    check_document("中文。第二句。\n", "中文。|第二句。");
    check_document("bad \xff bytes.\xff\n", NULL);
}

/* Line breaks inside a sentence are put at the places that correspond. */
static void line_breaks_are_placed(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"eins zwei drei vier", "eins zwei\n  drei vier"}, {"eins", "eins"}, {"一二三四", "一二\n  三四"}, {"", ""}};
    heed_context *context = open_context();
    hd_text_break one = {7, "\n  ", 3};
    hd_text_parts parts = {.breaks = &one, .break_count = 1};
    hd_text_part part = {.text = "one two three 4", .size = 15, .breaks = 1};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_buffer out;
        hd_buffer_open(&out, context);
        hd_text_parts_write(&parts, &part, cases[i][0], strlen(cases[i][0]), &out);
        assert_string_equal(out.size ? out.data : "", cases[i][1]);
        hd_buffer_close(&out);
    }
    heed_context_close(context);
}

static void long_sentences_are_divided(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model = open_marian(context);
    hd_decoding settings;
    hd_text_parts parts;
    char text[4096] = "";
    size_t tail, split, used = 0;
    int64_t tokens;
    for (int i = 0; i < 60; i++) used += (size_t)sprintf(text + used, "the dog%s ", i % 9 == 8 ? "," : "");
    for (int i = 0; i < 200; i++) text[used++] = 'x';
    text[used] = 0;
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    hd_text_parts_open(&parts, model, &settings);
    assert_ok(context, hd_text_parts_add_document(&parts, 0, text, used, &tail, &split));
    assert_int_equal(split, 1);
    assert_true(parts.count > 3);
    for (size_t i = 0; i < parts.count; i++) {
        assert_ok(context, hd_text_parts_measure(&parts, parts.items[i].text, parts.items[i].size, &tokens));
        assert_true(tokens <= hd_model_longest(model));
    }
    assert_int_equal(parts.items[0].text[parts.items[0].size - 1], ','); /* at the end of a clause */
    /* windows have all of a text but white space between */
    const char *at = text;
    size_t first = parts.count;
    assert_ok(context, hd_text_parts_add_text(&parts, 0, text, used, &tokens));
    assert_true(tokens > hd_model_longest(model));
    for (size_t i = first; i < parts.count; i++) {
        while (*at == ' ') at++;
        assert_ptr_equal(parts.items[i].text, at);
        at += parts.items[i].size;
    }
    assert_ptr_equal(at, text + used);
    hd_text_parts_close(&parts);
    hd_decoding_close(context, &settings);
    heed_model_close(model);
    heed_context_close(context);
}

/* A text of many parts is encoded a bounded number of times, and a paragraph of many lines is read once. */
static void long_documents_take_linear_time(void **state) {
    (void)state;
    enum { LINES = 30000 };
    static char text[LINES * 8 + 1];
    heed_context *context = open_context();
    heed_model *model = open_marian(context);
    hd_decoding settings;
    hd_text_parts parts;
    size_t tail, split;
    for (int i = 0; i < LINES; i++) memcpy(text + i * 8, "ab cd e\n", 8);
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    hd_text_parts_open(&parts, model, &settings);
    assert_ok(context, hd_text_parts_add_document(&parts, 0, text, LINES * 8, &tail, &split));
    assert_int_equal(split, 1);
    assert_true(parts.count > 1000);
    hd_text_parts_close(&parts);
    hd_decoding_close(context, &settings);
    heed_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_where_readers_expect), cmocka_unit_test(words_are_counted),
        cmocka_unit_test(documents_keep_their_layout),        cmocka_unit_test(line_breaks_are_placed),
        cmocka_unit_test(long_sentences_are_divided),         cmocka_unit_test(long_documents_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
