/* Translates with heed from C:
 *
 *     example-translate MODEL TEXT...
 *     cc translate.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>

static int fail(heed_context *context) {
    fprintf(stderr, "%s\n", heed_context_message(context));
    return 1;
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
    if (status == HEED_OK) status = heed_translate_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "beams", "4");
    if (status == HEED_OK) status = heed_translate(model, options, texts, NULL, text_count, &results);
    int code = status == HEED_OK ? 0 : fail(context);

    for (size_t i = 0; code == 0 && i < text_count; i++) {
        const char *problem = heed_results_problem(results, i);
        printf("%s -> %s\n", texts[i], problem ? problem : heed_results_text(results, i, 0));
    }
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return code;
}
