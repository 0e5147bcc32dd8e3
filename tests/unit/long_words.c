/* Words of many thousand symbols are merged in blocks, with the tokens that one heap of all merges gives. */
#include "fixture.h"

#include "base/random.h"
#include "text/bpe.h"

#include <string.h>

enum { LETTERS = 3, TOKENS = 40, LENGTH = 15000 };

typedef struct model {
    hd_vocabulary vocabulary;
    hd_bpe bpe;
    char texts[TOKENS + LETTERS][64];
} model;

/* Random merges of random earlier tokens, whose results have at most 32 letters. */
static void make_model(heed_context *context, uint32_t round, model *it) {
    hd_random_key key = hd_random_key_make(11, HD_RANDOM_DROPOUT, round);
    size_t count = 0;
    hd_vocabulary_open(&it->vocabulary, context);
    hd_bpe_open(&it->bpe, context);
    for (; count < LETTERS; count++) {
        it->texts[count][0] = (char)('a' + count), it->texts[count][1] = 0;
        assert_ok(context, hd_vocabulary_add(&it->vocabulary, it->texts[count], 1, (int64_t)count, true));
    }
    for (uint32_t draw = 0; draw < 400 && count < TOKENS; draw++) {
        size_t left = (size_t)(hd_random_uniform(key, 0, draw, 0) * (float)count);
        size_t right = (size_t)(hd_random_uniform(key, 1, draw, 0) * (float)count);
        char *text = it->texts[count];
        if (strlen(it->texts[left]) + strlen(it->texts[right]) > 32) continue;
        strcpy(text, it->texts[left]);
        strcat(text, it->texts[right]);
        int32_t id = hd_vocabulary_find(&it->vocabulary, text, strlen(text));
        if (id < 0) {
            id = (int32_t)count++;
            assert_ok(context, hd_vocabulary_add(&it->vocabulary, text, strlen(text), id, true));
        }
        assert_ok(context,
                  hd_bpe_add_merge(&it->bpe, (hd_merge){.left = (int32_t)left, .right = (int32_t)right, .id = id}));
    }
    assert_ok(context, hd_bpe_finish(&it->bpe, &it->vocabulary));
}

/* Runs of one letter, repeated short strings, and random letters. */
static void make_word(uint32_t round, hd_character *word) {
    hd_random_key key = hd_random_key_make(12, HD_RANDOM_DROPOUT, round);
    for (uint32_t i = 0; i < LENGTH; i++) {
        uint32_t period = round % 4 == 0 ? 1 : round % 4 == 1 ? 2 + round % 7 : LENGTH;
        float number = hd_random_uniform(key, i % period, 0, 0);
        word[i] = (hd_character){(uint32_t)('a' + (int)(number * LETTERS)), i, i + 1};
        if (round % 4 == 2 && number < 0.9f) word[i].code = 'a';
    }
    if (round % 8 >= 4) word[0].code = 'b';
}

static void blocks_give_the_tokens_of_one_heap(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_character *word = hd_alloc(context, LENGTH, sizeof *word);
    hd_word_scratch blocks, heap;
    hd_word_scratch_open(&blocks, context);
    hd_word_scratch_open(&heap, context);
    for (uint32_t round = 0; round < 120; round++) {
        model it;
        size_t length = LENGTH - round * 7;
        make_model(context, round / 2, &it);
        make_word(round, word);
        const hd_bpe_dropout none = {.probability = 0}; /* selects the heap, and skips no merge */
        assert_ok(context, hd_bpe_encode(&it.bpe, &it.vocabulary, word, length, NULL, &blocks));
        assert_ok(context, hd_bpe_encode(&it.bpe, &it.vocabulary, word, length, &none, &heap));
        assert_int_equal(blocks.count, heap.count);
        for (size_t i = 0; i < heap.count; i++) {
            assert_int_equal(blocks.symbols[i].id, heap.symbols[i].id);
            assert_int_equal(blocks.symbols[i].first, heap.symbols[i].first);
            assert_int_equal(blocks.symbols[i].count, heap.symbols[i].count);
        }
        hd_bpe_close(&it.bpe);
        hd_vocabulary_close(&it.vocabulary);
    }
    hd_word_scratch_close(&blocks);
    hd_word_scratch_close(&heap);
    hd_free(context, word);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_give_the_tokens_of_one_heap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
