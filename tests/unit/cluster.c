/* Groups of vectors: what k-means finds, the number of groups, their words, the map; equal bits with any number of threads;
 * memory that runs out. */
#include "memory.h"

#include "inspect/kmeans.h"
#include "inspect/principal.h"

#include <math.h>

enum { ROWS = 90, COLUMNS = 6, GROUPS = 3 };

static float vectors[ROWS * COLUMNS];

/* Three groups of 45, 30 and 15 points around three axes, mixed. */
static int group_of(int row) { return row % 6 < 3 ? 0 : row % 6 < 5 ? 1 : 2; }

static int make_vectors(void **state) {
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            vectors[i * COLUMNS + j] = (j == 2 * group_of(i) ? 1 : 0) + (float)((i * 31 + j * 17) % 19) / 200;
    return set_up(state);
}

static heed_clusters *cluster(heed_context *context, const char *name, const char *value) {
    heed_options *options;
    heed_clusters *clusters;
    assert_ok(context, heed_cluster_options(context, &options));
    if (name) assert_ok(context, heed_options_set(options, name, value));
    assert_ok(context, heed_cluster(context, options, vectors, ROWS, COLUMNS, &clusters));
    heed_options_close(options);
    return clusters;
}

static void groups_are_found(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int given = 0; given < 2; given++) {
        heed_clusters *c = cluster(context, given ? "clusters" : NULL, "3");
        assert_int_equal(heed_clusters_count(c), GROUPS);
        assert_true(given ? isnan(heed_clusters_silhouette(c)) : heed_clusters_silhouette(c) > 0.7);
        for (int i = 0; i < ROWS; i++) {
            assert_int_equal(heed_clusters_group(c, (size_t)i), group_of(i)); /* by descending size */
            assert_true(heed_clusters_distance(c, (size_t)i) < 0.3);
        }
        assert_int_equal(heed_clusters_size(c, 0), 45);
        assert_int_equal(heed_clusters_size(c, 2), 15);
        assert_int_equal(group_of((int)heed_clusters_nearest(c, 1)), 1);
        assert_int_equal(heed_clusters_group(c, ROWS), -1);
        assert_int_equal(heed_clusters_size(c, GROUPS), 0);
        assert_true(heed_clusters_nearest(c, GROUPS) == HEED_NO_ROW);
        assert_null(heed_clusters_word(c, 0, 0));
        heed_clusters_close(c);
    }
    heed_context_close(context);
}

/* Each center is the mean of its points, and no other center is nearer to a point. */
static void centers_are_means(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_points points = {vectors, ROWS, COLUMNS};
    for (int64_t k = 1; k <= 8; k++) {
        hd_arena arena;
        hd_groups g;
        double inertia = 0;
        hd_arena_open(&arena, context);
        assert_ok(context, hd_kmeans(context, &points, k, 3, 1, &arena, &g));
        for (int64_t c = 0; c < k; c++)
            for (int64_t j = 0; j < COLUMNS; j++) {
                double sum = 0, count = 0;
                for (int64_t i = 0; i < ROWS; i++)
                    if (g.labels[i] == c) sum += (double)vectors[i * COLUMNS + j], count++;
                assert_true(count > 0 && fabs(sum / count - (double)g.centers[c * COLUMNS + j]) < 1e-6);
            }
        for (int64_t i = 0; i < ROWS; i++)
            for (int64_t c = 0; c < k; c++) {
                double square = 0;
                for (int64_t j = 0; j < COLUMNS; j++) {
                    double d = (double)vectors[i * COLUMNS + j] - (double)g.centers[c * COLUMNS + j];
                    square += d * d;
                }
                assert_true(sqrt(square) >= g.distances[i] - 1e-3);
                if (c == g.labels[i]) inertia += square;
            }
        assert_true(fabs(inertia - g.inertia) < 1e-3);
        hd_arena_close(&arena);
    }
    heed_context_close(context);
}

/* scikit-learn 1.9: silhouette_score of [0], [1], [5], [6], [20] with labels 0 0 1 1 2 is 0.6383838. */
static void silhouettes_are_those_of_scikit_learn(void **state) {
    (void)state;
    static const float x[] = {0, 1, 5, 6, 20};
    static const int32_t labels[] = {0, 0, 1, 1, 2};
    heed_context *context = open_context();
    float products[25];
    double sums[3];
    int64_t sizes[3];
    assert_ok(context, hd_point_products(context, &(hd_points){x, 5, 1}, products));
    double found = hd_silhouette(products, 5, labels, 3, sums, sizes);
    if (fabs(found - 0.6383838383838384) > 1e-6) fail_msg("%g", found);
    heed_context_close(context);
}

static void threads_and_copies_give_equal_bits(void **state) {
    (void)state;
    heed_context *context = open_context();
    double distances[ROWS];
    for (int threads = 1; threads <= 3; threads++) {
        assert_ok(context, heed_context_set_threads(context, threads));
        context->small_work = 0;
        heed_clusters *c = cluster(context, "clusters", "5");
        for (int i = 0; i < ROWS; i++) {
            double distance = heed_clusters_distance(c, (size_t)i);
            if (threads == 1) distances[i] = distance;
            assert_memory_equal(&distance, &distances[i], sizeof distance);
        }
        heed_clusters_close(c);
    }
    heed_context_close(context);
}

/* Equal points, fewer points than groups, points that are not finite, one point, none. */
static void awkward_vectors(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_options *options;
    heed_clusters *c;
    float same[] = {1, 0, 1, 0, 1, 0, 1, 0}, few[] = {1, 0, NAN, 1, 0, 1};
    assert_ok(context, heed_cluster_options(context, &options));
    assert_ok(context, heed_cluster(context, options, same, 4, 2, &c));
    assert_true(heed_clusters_count(c) >= 1 && heed_clusters_group(c, 3) == heed_clusters_group(c, 0));
    heed_clusters_close(c);
    assert_ok(context, heed_cluster(context, options, few, 3, 2, &c));
    assert_int_equal(heed_clusters_count(c), 1);
    assert_int_equal(heed_clusters_group(c, 1), -1);
    assert_true(isnan(heed_clusters_distance(c, 1)));
    heed_clusters_close(c);
    assert_ok(context, heed_cluster(context, options, few, 0, 2, &c));
    assert_int_equal(heed_clusters_count(c), 0);
    assert_int_equal(heed_clusters_save_map(c, in_folder("none.svg")), HEED_ARGUMENT);
    heed_clusters_close(c);
    assert_ok(context, heed_options_set(options, "clusters", "3"));
    assert_int_equal(heed_cluster(context, options, few, 3, 2, &c), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "clusters is 3, but there are only 2 vectors");
    assert_null(c);
    assert_int_equal(heed_cluster(context, options, few, 3, 0, &c), HEED_ARGUMENT);
    assert_ok(context, heed_options_set(options, "clusters", "2"));
    assert_ok(context, heed_cluster(context, options, few, 3, 2, &c));
    assert_int_equal(heed_clusters_count(c), 2);
    heed_clusters_close(c);
    heed_options_close(options);
    heed_clusters_close(NULL);
    heed_context_close(context);
}

static const char *text_of(int row) {
    static const char *const texts[] = {"The dog RUNS in the park, a dog!", "the stock market x", "Übermut in the sea"};
    return row == 7 ? NULL : texts[group_of(row)];
}

static void groups_have_their_words(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_clusters *c = cluster(context, "clusters", "3");
    const char *texts[ROWS];
    for (int i = 0; i < ROWS; i++) texts[i] = text_of(i);
    assert_ok(context, heed_clusters_name(c, texts, NULL));
    assert_string_equal(heed_clusters_word(c, 0, 0), "dog");
    assert_string_equal(heed_clusters_word(c, 0, 1), "park");
    assert_string_equal(heed_clusters_word(c, 0, 2), "runs");
    assert_string_equal(heed_clusters_word(c, 1, 0), "market"); /* of equal weights the first in order */
    assert_string_equal(heed_clusters_word(c, 1, 1), "stock");
    for (size_t i = 0; heed_clusters_word(c, 0, i); i++) /* not more frequent here than elsewhere */
        assert_true(strcmp(heed_clusters_word(c, 0, i), "a") != 0);
    bool found = false;
    for (size_t i = 0; heed_clusters_word(c, 2, i); i++) found |= strcmp(heed_clusters_word(c, 2, i), "übermut") == 0;
    assert_true(found);
    assert_null(heed_clusters_word(c, 0, 16));
    assert_null(heed_clusters_word(c, 3, 0));
    assert_ok(context, heed_clusters_save_map(c, in_folder("map.svg")));
    hd_buffer svg;
    hd_buffer_open(&svg, context);
    assert_ok(context, hd_file_read(context, in_folder("map.svg"), &svg));
    assert_non_null(strstr(svg.data, ">1 dog, park, runs"));
    assert_non_null(strstr(svg.data, "90 texts in 3 groups"));
    hd_buffer_close(&svg);
    heed_clusters_close(c);
    heed_context_close(context);
}

/* Both ways to the components agree, up to rounding. */
static void components_of_many_rows_are_the_same(void **state) {
    (void)state;
    heed_context *context = open_context();
    double few[2 * ROWS], many[2 * ROWS], shares[2], same[2];
    assert_ok(context, hd_principal_components(context, vectors, ROWS, COLUMNS, few, shares));
    assert_ok(context, hd_principal_components_of_many(context, vectors, ROWS, COLUMNS, many, same));
    for (int i = 0; i < 2 * ROWS; i++) assert_true(fabs(few[i] - many[i]) < 1e-6);
    for (int i = 0; i < 2; i++) assert_true(fabs(shares[i] - same[i]) < 1e-9);
    heed_context_close(context);
}

/* ---- memory ---- */

static heed_status work(heed_context *context) {
    heed_clusters *c = NULL;
    heed_options *options = NULL;
    const char *texts[ROWS];
    for (int i = 0; i < ROWS; i++) texts[i] = text_of(i);
    heed_status status = heed_cluster_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "most-clusters", "4");
    if (status == HEED_OK) status = heed_options_set(options, "starts", "2");
    if (status == HEED_OK) status = heed_cluster(context, options, vectors, ROWS, COLUMNS, &c);
    if (status == HEED_OK) status = heed_clusters_name(c, texts, NULL);
    if (status == HEED_OK) status = heed_clusters_save_map(c, in_folder("memory.svg"));
    for (size_t i = 0; i < 3 && status == HEED_OK; i++) record(heed_clusters_word(c, i, 0));
    heed_clusters_close(c);
    heed_options_close(options);
    return status;
}

static void survives_without_memory(void **state) {
    (void)state;
    fail_each(work, work, 150, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_found),
        cmocka_unit_test(centers_are_means),
        cmocka_unit_test(silhouettes_are_those_of_scikit_learn),
        cmocka_unit_test(threads_and_copies_give_equal_bits),
        cmocka_unit_test(awkward_vectors),
        cmocka_unit_test(groups_have_their_words),
        cmocka_unit_test(components_of_many_rows_are_the_same),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, make_vectors, tear_down);
}
