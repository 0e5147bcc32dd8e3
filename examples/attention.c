/* Translates a text, and prints for each word of the translation the word of the text that it attends to most, as the mean
 * over all layers and heads:
 *
 *     example-attention MODEL TEXT      MODEL: multi30k-en-de, or another translation model
 *     cc attention.c $(pkg-config --cflags --libs heed) */
#include <heed/heed.h>
#include <stdio.h>
#include <string.h>

/* The sum over layers and heads of weights [layers, heads, queries, keys]. */
static float total(const float *weights, const int64_t shape[4], int64_t query, int64_t key) {
    float sum = 0;
    for (int64_t i = 0; i < shape[0] * shape[1]; i++) sum += weights[(i * shape[2] + query) * shape[3] + key];
    return sum;
}

static void print_map(const heed_attention *attention, int64_t map) {
    int64_t shape[4];
    const float *weights = heed_attention_weights(attention, map, shape);
    for (int64_t query = 0; query < shape[2]; query++) {
        int64_t best = 0;
        for (int64_t key = 1; key < shape[3]; key++)
            if (total(weights, shape, query, key) > total(weights, shape, query, best)) best = key;
        printf("%s\t%s\t%.2f\n", heed_attention_query(attention, map, query), heed_attention_key(attention, map, best),
               (double)(total(weights, shape, query, best) / (float)(shape[0] * shape[1])));
    }
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "%s MODEL TEXT\n", words[0]);
        return 2;
    }
    heed_context *context;
    heed_model *model = NULL;
    heed_attention *attention = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_attend(model, NULL, words[2], strlen(words[2]), &attention);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    for (int64_t i = 0; attention && i < heed_attention_maps(attention); i++)
        if (strcmp(heed_attention_kind(attention, i), "cross") == 0) print_map(attention, i);
    heed_attention_close(attention);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
