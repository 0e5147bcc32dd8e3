/* Attention (Vaswani and others, 2017) by its definition, without optimization: a few words attend to each other, and the
 * program prints the queries, keys and values, the scores, the attention weights and the outputs. heed's implementation is src/autograd/ops/attend.c and
 * src/device/cpu/kernels/attention.c, which compute the same for many rows at a time.
 *
 *     example-query-key-value [masked] */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = 5, WIDTH = 4 };

/* Embeddings chosen by hand: the columns mean "animal", "colour", "moves" and "describes something". */
static const char *const words[WORDS] = {"a", "black", "dog", "runs", "."};
static const float x[WORDS][WIDTH] = {
    {0.0f, 0.0f, 0.0f, 1.0f}, /* a */
    {0.0f, 1.0f, 0.0f, 1.0f}, /* black */
    {1.0f, 0.5f, 0.5f, 0.0f}, /* dog */
    {0.5f, 0.0f, 1.0f, 0.0f}, /* runs */
    {0.1f, 0.1f, 0.1f, 0.1f}, /* . */
};

/* The query, key and value projections; a model learns them. Here the query of an article, an adjective or a verb matches
 * the keys of animals, and the query of a noun matches the keys of words that describe it. */
static const float query[WIDTH][WIDTH] = {{0, 0, 0, 4}, {0, 4, 0, 0}, {4, 0, 0, 0}, {4, 0, 0, 0}};
static const float key[WIDTH][WIDTH] = {{2, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 2}};
static const float value[WIDTH][WIDTH] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};

/* y = x W */
static void multiply(const float x_row[WIDTH], const float weight[WIDTH][WIDTH], float y[WIDTH]) {
    for (int j = 0; j < WIDTH; j++) {
        y[j] = 0;
        for (int i = 0; i < WIDTH; i++) y[j] += x_row[i] * weight[i][j];
    }
}

static float dot(const float a[WIDTH], const float b[WIDTH]) {
    float sum = 0;
    for (int i = 0; i < WIDTH; i++) sum += a[i] * b[i];
    return sum;
}

/* Turns scores into weights that are positive and sum to one. The largest score is subtracted first, because exp of a large
 * number is infinite. Subtracting the same number from all scores does not change a softmax. */
static void softmax(float *scores, int count) {
    float largest = scores[0], sum = 0;
    for (int i = 1; i < count; i++) largest = fmaxf(largest, scores[i]);
    for (int i = 0; i < count; i++) sum += scores[i] = expf(scores[i] - largest);
    for (int i = 0; i < count; i++) scores[i] /= sum;
}

static void print_row(const float *row, int columns) {
    printf("   ");
    for (int c = 0; c < columns; c++) printf("%5.2f", (double)row[c]);
}

static void print_words(const char *title) {
    printf("\n%-8s", title);
    for (int j = 0; j < WORDS; j++) printf("%8s", words[j]);
}

int main(int count, char **arguments) {
    bool masked =
        count > 1 && strcmp(arguments[1], "masked") == 0; /* a word attends to itself and the words before it */
    float q[WORDS][WIDTH], k[WORDS][WIDTH], v[WORDS][WIDTH];
    printf("          query                  key                    value\n");
    for (int i = 0; i < WORDS; i++) {
        multiply(x[i], query, q[i]);
        multiply(x[i], key, k[i]);
        multiply(x[i], value, v[i]);
        printf("%-8s", words[i]);
        print_row(q[i], WIDTH);
        print_row(k[i], WIDTH);
        print_row(v[i], WIDTH);
        printf("\n");
    }
    float scores[WORDS][WORDS] = {{0}}; /* [queries, keys] */
    print_words("scores");
    for (int i = 0; i < WORDS; i++) {
        printf("\n%-8s", words[i]);
        for (int j = 0; j < (masked ? i + 1 : WORDS); j++)
            printf("%8.2f", (double)(scores[i][j] = dot(q[i], k[j]) / sqrtf(WIDTH)));
    }
    printf("\n");
    print_words("weights");
    printf("   output");
    for (int i = 0; i < WORDS; i++) {
        float output[WIDTH] = {0};
        softmax(scores[i], masked ? i + 1 : WORDS); /* masked keys keep the weight 0 */
        printf("\n%-8s", words[i]);
        for (int j = 0; j < WORDS; j++) {
            printf("%7.0f%%", 100 * (double)scores[i][j]);
            for (int c = 0; c < WIDTH; c++) output[c] += scores[i][j] * v[j][c];
        }
        print_row(output, WIDTH);
    }
    printf("\n");
    return 0;
}
