/* Predicts masked words: the number of the text, the mask's place in it, the probability and the word.
 *
 *     example-masks MODEL TEXT...      MODEL: a masked language model, such as google-bert/bert-base-uncased
 *     cc masks.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>

static void print_words(const heed_results *results, size_t text) {
    for (size_t i = 0; i < heed_results_alternatives(results, text); i++) {
        size_t start, end;
        heed_results_span(results, text, i, &start, &end);
        printf("%zu\t%zu-%zu\t%.4f\t%s\n", text + 1, start, end, (double)heed_results_score(results, text, i),
               heed_results_label(results, text, i));
    }
}

int main(int count, char **words) {
    if (count < 3) {
        fprintf(stderr, "%s MODEL TEXT...\n", words[0]);
        return 2;
    }
    const char *const *texts = (const char *const *)words + 2;
    size_t text_count = (size_t)count - 2;

    heed_context *context;
    heed_model *model = NULL;
    heed_options *options = NULL;
    heed_results *results = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_fill_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "top", "3");
    if (status == HEED_OK) status = heed_fill(model, options, texts, NULL, text_count, &results);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));

    for (size_t i = 0; status == HEED_OK && i < text_count; i++) {
        if (heed_results_problem(results, i)) printf("%zu\t%s\n", i + 1, heed_results_problem(results, i));
        print_words(results, i);
    }
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
