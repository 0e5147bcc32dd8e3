/* Groups of vectors by k-means; the number of groups by their silhouette; their characteristic words; a map. */
#include "base/file.h"
#include "base/float_environment.h"
#include "base/number.h"
#include "base/options.h"
#include "formats/widen.h"
#include "inspect/kmeans.h"
#include "inspect/principal.h"
#include "inspect/scatter.h"
#include "layers/pooling.h"
#include "tasks/group_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE = 2048 /* points that decide about the number of groups */, MOST_WORDS = 16, NAME = 400 };

typedef struct cluster_settings {
    int64_t clusters, most, starts;
    int64_t seed;
    bool normalize;
} cluster_settings;

#define F(field) offsetof(cluster_settings, field)

static const hd_setting rows[] = {
    {"clusters", HD_SETTING_INT, F(clusters), "0", 0, 1 << 20, "NUMBER",
     "number of groups; 0: the one with the largest silhouette"},
    {"most-clusters", HD_SETTING_INT, F(most), "20", 2, 1 << 20, "NUMBER", "largest number of groups to choose"},
    {"starts", HD_SETTING_INT, F(starts), "10", 1, 1 << 20, "NUMBER", "runs of k-means, of which the best one is kept"},
    {"seed", HD_SETTING_INT, F(seed), "0", 0, 9e15, "NUMBER", "random seed of the first centers"},
    {"normalize", HD_SETTING_BOOL, F(normalize), "true", 0, 0, NULL, "vectors of length 1"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(cluster_settings)};

heed_status heed_cluster_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

struct heed_clusters {
    heed_context *context;
    hd_arena arena;
    hd_points points;   /* those that have a group */
    hd_groups groups;   /* of these points */
    int64_t rows;       /* all */
    int32_t *labels;    /* [rows]: −1 for a vector that is not finite */
    double *distances;  /* [rows] */
    int64_t *sizes;     /* [groups] */
    size_t *nearest;    /* [groups]: the row that is nearest to the center */
    double silhouette;  /* NaN: not computed */
    const char **words; /* [groups, MOST_WORDS]; NULL: none */
};

/* ---- the number of groups ---- */

/* Evenly spaced points, at most SAMPLE, in the arena. */
static const float *sample(const hd_points *all, hd_arena *arena, hd_points *some) {
    *some = (hd_points){.rows = hd_min(all->rows, SAMPLE), .columns = all->columns};
    float *x = hd_arena_alloc(arena, (size_t)(some->rows * all->columns), sizeof *x);
    for (int64_t i = 0; x && i < some->rows; i++)
        memcpy(x + i * all->columns, all->x + i * all->rows / some->rows * all->columns,
               (size_t)all->columns * sizeof *x);
    return some->x = x;
}

static heed_status choose(heed_clusters *c, const cluster_settings *settings, hd_arena *arena, int64_t *chosen) {
    hd_points some;
    double best = 0;
    int64_t most = hd_min(settings->most, c->points.rows - 1);
    *chosen = hd_min(c->points.rows, 1);
    if (most < 2) return HEED_OK;
    float *products;
    double *sums = hd_arena_alloc(arena, (size_t)most, sizeof *sums);
    int64_t *sizes = hd_arena_alloc(arena, (size_t)most, sizeof *sizes);
    if (!sums || !sizes || !sample(&c->points, arena, &some)) return HEED_MEMORY;
    most = hd_min(most, some.rows - 1);
    products = hd_arena_alloc(arena, (size_t)(some.rows * some.rows), sizeof *products);
    if (!products) return HEED_MEMORY;
    HD_TRY(hd_point_products(c->context, &some, products));
    hd_arena_mark mark = hd_arena_here(arena);
    for (int64_t k = 2; k <= most; k++) {
        hd_groups groups;
        HD_TRY(hd_kmeans(c->context, &some, k, settings->starts, (uint64_t)settings->seed, arena, &groups));
        double silhouette = hd_silhouette(products, some.rows, groups.labels, k, sums, sizes);
        if (silhouette > best) best = silhouette, *chosen = k;
        hd_arena_rewind(arena, mark);
    }
    if (*chosen > 1) c->silhouette = best;
    return HEED_OK;
}

/* ---- groups ---- */

/* The rows that are finite, of length 1 if that is set. rows [count] says which they are. */
static heed_status take_points(heed_clusters *c, const float *vectors, size_t columns, bool normalize, int64_t *from) {
    float *x = hd_arena_alloc(&c->arena, (size_t)c->rows * columns, sizeof *x);
    if (!x) return HEED_MEMORY;
    c->points = (hd_points){.x = x, .columns = (int64_t)columns};
    for (int64_t i = 0; i < c->rows; i++) {
        float *to = x + c->points.rows * (int64_t)columns;
        if (hd_find_nonfinite(HD_F32, vectors + (size_t)i * columns, columns) >= 0) continue;
        memcpy(to, vectors + (size_t)i * columns, columns * sizeof *to);
        if (normalize) hd_normalize_vector(to, (int64_t)columns);
        from[c->points.rows++] = i;
    }
    return HEED_OK;
}

static heed_status describe(heed_clusters *c, const int64_t *from) {
    size_t groups = (size_t)c->groups.count;
    c->sizes = hd_arena_alloc(&c->arena, groups, sizeof *c->sizes);
    c->nearest = hd_arena_alloc(&c->arena, groups, sizeof *c->nearest);
    if (!c->sizes || !c->nearest) return HEED_MEMORY;
    for (size_t g = 0; g < groups; g++) c->sizes[g] = 0, c->nearest[g] = HEED_NO_ROW;
    for (int64_t i = 0; i < c->rows; i++) c->labels[i] = -1, c->distances[i] = (double)NAN;
    for (int64_t i = 0; i < c->points.rows; i++) {
        int32_t group = c->groups.labels[i];
        size_t *nearest = &c->nearest[group];
        c->labels[from[i]] = group;
        c->distances[from[i]] = c->groups.distances[i];
        c->sizes[group]++;
        if (*nearest == HEED_NO_ROW || c->groups.distances[i] < c->distances[*nearest]) *nearest = (size_t)from[i];
    }
    return HEED_OK;
}

static heed_status group(heed_clusters *c, const cluster_settings *settings, const float *vectors, size_t columns,
                         hd_arena *scratch) {
    int64_t count = settings->clusters;
    int64_t *from = hd_arena_alloc(scratch, (size_t)c->rows, sizeof *from);
    c->labels = hd_arena_alloc(&c->arena, (size_t)c->rows, sizeof *c->labels);
    c->distances = hd_arena_alloc(&c->arena, (size_t)c->rows, sizeof *c->distances);
    if (!from || !c->labels || !c->distances) return HEED_MEMORY;
    HD_TRY(take_points(c, vectors, columns, settings->normalize, from));
    if (count > c->points.rows)
        return hd_fail(c->context, HEED_ARGUMENT, "clusters is %lld, but there are only %lld vectors", (long long)count,
                       (long long)c->points.rows);
    if (!count) HD_TRY(choose(c, settings, scratch, &count));
    if (count)
        HD_TRY(hd_kmeans(c->context, &c->points, count, settings->starts, (uint64_t)settings->seed, &c->arena,
                         &c->groups));
    return describe(c, from);
}

static heed_status check_size(heed_context *context, size_t count, size_t columns) {
    size_t numbers;
    bool fits = hd_multiply(count, columns, &numbers) && numbers <= PTRDIFF_MAX / sizeof(float) && count <= INT32_MAX;
    if (columns && fits) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "%zu vectors of %zu numbers cannot be grouped", count, columns);
}

heed_status heed_cluster(heed_context *context, const heed_options *options, const float *vectors, size_t count,
                         size_t columns, heed_clusters **clusters) {
    cluster_settings settings;
    hd_arena scratch;
    *clusters = NULL;
    HD_TRY(hd_settings_default(context, rows, HD_COUNT(rows), &settings));
    HD_TRY(hd_options_apply(context, options, &table, &settings));
    HD_TRY(check_size(context, count, columns));
    heed_clusters *c = hd_alloc_zeroed(context, 1, sizeof *c);
    if (!c) return HEED_MEMORY;
    c->context = context, c->rows = (int64_t)count, c->silhouette = (double)NAN;
    hd_arena_open(&c->arena, context);
    hd_arena_open(&scratch, context);
    hd_float_environment found = hd_float_enter();
    heed_status status = group(c, &settings, vectors, columns, &scratch);
    hd_float_leave(found);
    hd_arena_close(&scratch);
    if (status == HEED_OK)
        *clusters = c;
    else
        heed_clusters_close(c);
    return status;
}

void heed_clusters_close(heed_clusters *c) {
    if (!c) return;
    hd_arena_close(&c->arena);
    hd_free(c->context, c);
}

size_t heed_clusters_count(const heed_clusters *c) { return (size_t)c->groups.count; }
double heed_clusters_silhouette(const heed_clusters *c) { return c->silhouette; }

int32_t heed_clusters_group(const heed_clusters *c, size_t row) { return row < (size_t)c->rows ? c->labels[row] : -1; }

double heed_clusters_distance(const heed_clusters *c, size_t row) {
    return row < (size_t)c->rows ? c->distances[row] : (double)NAN;
}

size_t heed_clusters_size(const heed_clusters *c, size_t group) {
    return group < (size_t)c->groups.count ? (size_t)c->sizes[group] : 0;
}

size_t heed_clusters_nearest(const heed_clusters *c, size_t group) {
    return group < (size_t)c->groups.count ? c->nearest[group] : HEED_NO_ROW;
}

/* ---- words ---- */

heed_status heed_clusters_name(heed_clusters *c, const char *const *texts, const size_t *sizes) {
    size_t groups = (size_t)c->groups.count;
    const char **words = hd_arena_alloc(&c->arena, groups * MOST_WORDS, sizeof *words);
    if (!words) return HEED_MEMORY;
    HD_TRY(hd_group_words(c->context, texts, sizes, c->labels, (size_t)c->rows, groups, MOST_WORDS, &c->arena, words));
    c->words = words;
    return HEED_OK;
}

const char *heed_clusters_word(const heed_clusters *c, size_t group, size_t rank) {
    bool known = c->words && group < (size_t)c->groups.count && rank < MOST_WORDS;
    return known ? c->words[group * MOST_WORDS + rank] : NULL;
}

/* ---- a map ---- */

/* "1 dog, runs, park (42)" */
static const char *name_of(const heed_clusters *c, size_t group, hd_arena *arena) {
    enum { SHOWN = 4 };
    char *name = hd_arena_alloc(arena, NAME, 1);
    const char *word;
    if (!name) return NULL;
    int size = snprintf(name, NAME, "%zu", group + 1);
    for (size_t i = 0; i < SHOWN && (word = heed_clusters_word(c, group, i)) != NULL; i++)
        size += snprintf(name + size, NAME - (size_t)size, "%s%s", i ? ", " : " ", word);
    snprintf(name + size, NAME - (size_t)size, " (%zu)", heed_clusters_size(c, group));
    return name;
}

static heed_status draw(const heed_clusters *c, hd_arena *arena, hd_buffer *out) {
    hd_scatter s = {.rows = c->points.rows, .groups = c->groups.count, .labels = c->groups.labels};
    double shares[2], *points = hd_arena_alloc(arena, (size_t)(2 * s.rows), sizeof *points);
    const char **names = hd_arena_alloc(arena, (size_t)s.groups, sizeof *names);
    char title[80], note[120];
    if (!points || !names) return HEED_MEMORY;
    HD_TRY(hd_principal_components_of_many(c->context, c->points.x, s.rows, c->points.columns, points, shares));
    for (int64_t g = 0; g < s.groups; g++)
        if (!(names[g] = name_of(c, (size_t)g, arena))) return HEED_MEMORY;
    snprintf(title, sizeof title, "%lld texts in %lld groups", (long long)s.rows, (long long)s.groups);
    hd_print_number(note, sizeof note, "Principal components: %.0f%% of the variance across, %.0f%% up and down",
                    100 * shares[0], 100 * shares[1]);
    s.title = title, s.note = note, s.points = points, s.names = names;
    return hd_draw_svg_scatter(&s, out);
}

heed_status heed_clusters_save_map(const heed_clusters *c, const char *path) {
    hd_arena arena;
    hd_buffer out;
    if (!c->points.rows) return hd_fail(c->context, HEED_ARGUMENT, "there is no vector to draw");
    hd_arena_open(&arena, c->context);
    hd_buffer_open(&out, c->context);
    hd_float_environment found = hd_float_enter();
    heed_status status = draw(c, &arena, &out);
    hd_float_leave(found);
    if (status == HEED_OK) status = hd_file_write(c->context, path, out.data, out.size);
    hd_buffer_close(&out);
    hd_arena_close(&arena);
    return status;
}
