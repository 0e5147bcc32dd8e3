/* Zero-shot classification: chooses among labels that the model was not trained for.
 *
 *     example-topics MODEL TEXT LABEL...      MODEL: of natural language inference, such as facebook/bart-large-mnli
 *     cc topics.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "%s MODEL TEXT LABEL...\n", words[0]);
        return 2;
    }
    const char *text = words[2];

    heed_context *context;
    heed_model *model = NULL;
    heed_options *options = NULL;
    heed_results *results = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_classify_options(context, &options);
    for (int i = 3; status == HEED_OK && i < count; i++) status = heed_options_set(options, "label", words[i]);
    if (status == HEED_OK) status = heed_classify(model, options, &text, NULL, 1, &results);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));

    if (status == HEED_OK && heed_results_problem(results, 0))
        fprintf(stderr, "%s\n", heed_results_problem(results, 0));
    for (size_t i = 0; status == HEED_OK && i < heed_results_alternatives(results, 0); i++)
        printf("%s\t%.4f\n", heed_results_label(results, 0, i), (double)heed_results_score(results, 0, i));
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
