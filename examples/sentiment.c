/* Classifies texts, for example by sentiment:
 *
 *     example-sentiment MODEL TEXT...      MODEL: sst2, or another text classification model
 *     cc sentiment.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>

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
    if (status == HEED_OK) status = heed_classify_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "top", "1");
    if (status == HEED_OK) status = heed_classify(model, options, texts, NULL, text_count, &results);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));

    for (size_t i = 0; status == HEED_OK && i < text_count; i++) {
        const char *problem = heed_results_problem(results, i);
        if (problem)
            printf("%s\n", problem);
        else
            printf("%s\t%.4f\n", heed_results_label(results, i, 0), (double)heed_results_score(results, i, 0));
    }
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
