/* Sentences by rules, words, and documents whose layout stays when their sentences are translated (text/sentences.h,
 * tasks/pieces.h). */
#include "failing.h"

#include "heed/heed.h"
#include "models/model.h"
#include "tasks/pieces.h"
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

/* The pieces of a document with bars between, and the document when each piece is its own translation. */
static void check_document(const char *document, const char *expected) {
    heed_context *context = open_context();
    heed_model *model = open_marian(context);
    hd_decoding settings;
    hd_pieces pieces;
    hd_buffer found, whole;
    size_t tail, split, size = strlen(document);
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    hd_pieces_open(&pieces, model, &settings);
    hd_buffer_open(&found, context), hd_buffer_open(&whole, context);
    assert_ok(context, hd_pieces_add_document(&pieces, 0, document, size, &tail, &split));
    for (size_t i = 0; i < pieces.count; i++) {
        const hd_piece *piece = &pieces.items[i];
        if (i) hd_buffer_text(&found, "|");
        hd_buffer_append(&found, piece->text, piece->size);
        hd_buffer_append(&whole, piece->before, piece->before_size);
        hd_pieces_write(&pieces, piece, piece->text, piece->size, &whole);
    }
    hd_buffer_append(&whole, document + tail, size - tail);
    assert_string_equal(whole.size ? whole.data : "", document);
    if (expected) assert_string_equal(found.size ? found.data : "", expected);
    hd_buffer_close(&found), hd_buffer_close(&whole);
    hd_pieces_close(&pieces);
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
    check_document("\tTabs stay \t\r\nand ends\r\n", "Tabs stay and ends");
    check_document("A line that is\n   wrapped here. Then\nmore words.\nAnd another.",
                   "A line that is wrapped here.|Then more words.|And another.");
    check_document("Heading\nNot continued", "Heading|Not continued");
    check_document("(a) first\n(2) second\nA. not a marker", "first|second|A. not a marker");
    check_document("– dash\n• dot\n*no marker*", "dash|dot *no marker*");
    check_document("中文。第二句。\n", "中文。|第二句。");
    check_document("bad \xff bytes.\xff\n", NULL);
}

static void long_sentences_are_divided(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model = open_marian(context);
    hd_decoding settings;
    hd_pieces pieces;
    char text[4096] = "";
    size_t tail, split, used = 0;
    int64_t tokens;
    for (int i = 0; i < 60; i++) used += (size_t)sprintf(text + used, "the dog%s ", i % 9 == 8 ? "," : "");
    for (int i = 0; i < 200; i++) text[used++] = 'x';
    text[used] = 0;
    assert_ok(context, hd_decoding_open(model, NULL, &hd_translate_table, &settings));
    hd_pieces_open(&pieces, model, &settings);
    assert_ok(context, hd_pieces_add_document(&pieces, 0, text, used, &tail, &split));
    assert_int_equal(split, 1);
    assert_true(pieces.count > 3);
    for (size_t i = 0; i < pieces.count; i++) {
        assert_ok(context, hd_pieces_measure(&pieces, pieces.items[i].text, pieces.items[i].size, &tokens));
        assert_true(tokens <= hd_model_longest(model));
    }
    assert_int_equal(pieces.items[0].text[pieces.items[0].size - 1], ','); /* at the end of a clause */
    /* windows have all of a text but white space between */
    const char *at = text;
    size_t first = pieces.count;
    assert_ok(context, hd_pieces_add_parts(&pieces, 0, text, used, &tokens));
    assert_true(tokens > hd_model_longest(model));
    for (size_t i = first; i < pieces.count; i++) {
        while (*at == ' ') at++;
        assert_ptr_equal(pieces.items[i].text, at);
        at += pieces.items[i].size;
    }
    assert_ptr_equal(at, text + used);
    hd_pieces_close(&pieces);
    hd_decoding_close(context, &settings);
    heed_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_where_readers_expect),
        cmocka_unit_test(words_are_counted),
        cmocka_unit_test(documents_keep_their_layout),
        cmocka_unit_test(long_sentences_are_divided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
