/* Groups of vectors by k-means. Distances are Euclidean; all results are the same for any number of threads. */
#ifndef HD_INSPECT_KMEANS_H
#define HD_INSPECT_KMEANS_H

#include "base/arena.h"

typedef struct hd_points {
    const float *x; /* [rows, columns] */
    int64_t rows, columns;
} hd_points;

typedef struct hd_groups {
    int64_t count;
    int32_t *labels;   /* [rows]: the group of each point, by descending size */
    double *distances; /* [rows]: to the center of its group */
    float *centers;    /* [count, columns] */
    double inertia;    /* the sum of the squared distances */
} hd_groups;

/* The best of several runs of k-means (Lloyd, 1982), each from centers that greedy k-means++ draws (Arthur and Vassilvitskii,
 * 2007, as in scikit-learn). `count` is from 1 to the number of points. The results are in the arena. HEED_MEMORY,
 * HEED_STOPPED. */
heed_status hd_kmeans(heed_context *context, const hd_points *points, int64_t count, int64_t starts, uint64_t seed,
                      hd_arena *arena, hd_groups *groups);

/* Products [rows, rows] of all pairs of points, for hd_silhouette. */
heed_status hd_point_products(heed_context *context, const hd_points *points, float *products);
/* The mean silhouette (Rousseeuw, 1987): for each point (b − a) / max(a, b), where a is its mean distance to the other points
 * of its group and b the smallest mean distance to those of another one; 0 for the only point of a group. `sums` [count] and
 * `sizes` [count] are scratch. */
double hd_silhouette(const float *products, int64_t rows, const int32_t *labels, int64_t count, double *sums,
                     int64_t *sizes);

#endif
