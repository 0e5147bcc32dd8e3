/* Prints the lines of a file that are most similar to each query:
 *
 *     example-search MODEL FILE INDEX QUERY...    MODEL: a sentence-transformers folder, or any encoder or decoder
 *     cc search.c $(pkg-config --cflags --libs heed)
 *
 * The file INDEX has the vectors of the lines. It is built if it is missing, and mapped into memory if it is there. */
#include <heed/heed.h>
#include <stdio.h>

enum { TOP = 3 };

static heed_status open_index(heed_context *context, heed_model *model, char **words, heed_index **index) {
    if (heed_index_open(context, words[3], index) != HEED_OK)
        return heed_index_build(model, NULL, words[2], NULL, NULL, words[3], index);
    bool changed;
    heed_status status = heed_index_check(*index, model, NULL, words[2], &changed);
    if (status == HEED_OK && changed) fprintf(stderr, "%s was changed after %s was built\n", words[2], words[3]);
    return status;
}

/* A line per hit: the query's number, the similarity, the line's number and the line. */
static heed_status print_hits(const heed_index *index, const heed_results *results, size_t query) {
    size_t rows[TOP], columns, size;
    float scores[TOP];
    const float *vector = heed_results_vector(results, query, &columns);
    if (!vector) return HEED_OK; /* heed_results_problem has the reason */
    heed_status status = heed_index_search(index, vector, 1, TOP, rows, scores);
    for (int i = 0; status == HEED_OK && i < TOP && rows[i] != HEED_NO_ROW; i++) {
        const char *line = heed_index_text(index, rows[i], &size);
        printf("%zu\t%.4f\t%zu\t%.*s\n", query + 1, (double)scores[i], rows[i] + 1, (int)size, line);
    }
    return status;
}

int main(int count, char **words) {
    if (count < 5) return fprintf(stderr, "%s MODEL FILE INDEX QUERY...\n", words[0]), 2;
    size_t queries = (size_t)count - 4;

    heed_context *context;
    heed_model *model = NULL;
    heed_index *index = NULL;
    heed_options *options = NULL;
    heed_results *results = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = open_index(context, model, words, &index);
    if (status == HEED_OK) status = heed_embed_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "as", "query"); /* the folder's prompt of queries */
    if (status == HEED_OK) status = heed_embed(model, options, (const char *const *)words + 4, NULL, queries, &results);
    for (size_t i = 0; status == HEED_OK && i < queries; i++) status = print_hits(index, results, i);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    heed_results_close(results);
    heed_options_close(options);
    heed_index_close(index);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
