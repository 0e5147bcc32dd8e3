/* Lists the named entities of texts: the text's number, the kind, the span in characters, the words.
 *
 *     example-entities MODEL TEXT...      MODEL: entities, or another token classification model
 *     cc entities.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>

static void print_entity(const heed_results *results, size_t text, size_t entity) {
    size_t start, end;
    heed_results_span(results, text, entity, &start, &end);
    printf("%zu\t%s\t%zu-%zu\t%s\n", text + 1, heed_results_label(results, text, entity), start, end,
           heed_results_text(results, text, entity));
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
    heed_results *results = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_tag(model, NULL, texts, NULL, text_count, &results);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));

    for (size_t i = 0; status == HEED_OK && i < text_count; i++) {
        if (heed_results_problem(results, i)) printf("%zu\t%s\n", i + 1, heed_results_problem(results, i));
        for (size_t j = 0; j < heed_results_alternatives(results, i); j++) print_entity(results, i, j);
    }
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
