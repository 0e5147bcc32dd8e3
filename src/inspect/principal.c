/* The inner products G = X Xᵀ of the rows have the eigenvalues of the covariance, times the number of rows, and their
 * eigenvectors are the rows' coordinates along the components; G is small, as there are fewer rows than columns. Power
 * iteration finds the first eigenvector and, after deflation, the second. */
#include "inspect/principal.h"

#include <math.h>
#include <string.h>

enum { MOST_ITERATIONS = 5000 };

/* G [rows, rows] of the rows less their mean. */
static void multiply(const float *values, int64_t rows, int64_t columns, double *mean, double *g) {
    for (int64_t c = 0; c < columns; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows; r++) sum += (double)values[r * columns + c];
        mean[c] = sum / (double)rows;
    }
    for (int64_t a = 0; a < rows; a++) {
        for (int64_t b = 0; b <= a; b++) {
            double sum = 0;
            for (int64_t c = 0; c < columns; c++)
                sum += ((double)values[a * columns + c] - mean[c]) * ((double)values[b * columns + c] - mean[c]);
            g[a * rows + b] = g[b * rows + a] = sum;
        }
    }
}

static double norm_of(const double *v, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += v[i] * v[i];
    return sqrt(sum);
}

/* The largest eigenvalue of G, and v [rows] its eigenvector of length 1; 0 and zeros where there is none. */
static double largest_eigenvalue(const double *g, int64_t rows, double *v, double *next) {
    double value = 0, change = 1;
    /* a start that is unlikely to be orthogonal to the eigenvector */
    for (int64_t i = 0; i < rows; i++) v[i] = 1 + (double)(i * 7 % 11) / 11;
    for (int iteration = 0; iteration < MOST_ITERATIONS && change > 1e-12; iteration++) {
        for (int64_t i = 0; i < rows; i++) {
            next[i] = 0;
            for (int64_t j = 0; j < rows; j++) next[i] += g[i * rows + j] * v[j];
        }
        value = norm_of(next, rows), change = 0;
        for (int64_t i = 0; i < rows; i++) {
            double scaled = value > 0 ? next[i] / value : 0;
            change = fmax(change, fabs(scaled - v[i]));
            v[i] = scaled;
        }
    }
    return value;
}

/* ---- many rows ---- */

/* C [columns, columns] of the rows less their mean: the covariance times the number of rows. */
static void covary(const float *values, int64_t rows, int64_t columns, double *mean, double *c) {
    for (int64_t i = 0; i < columns; i++) mean[i] = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < columns; i++) mean[i] += (double)values[r * columns + i];
    for (int64_t i = 0; i < columns; i++) mean[i] /= (double)rows;
    memset(c, 0, (size_t)(columns * columns) * sizeof *c);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < columns; i++) {
            double x = (double)values[r * columns + i] - mean[i];
            for (int64_t j = 0; j <= i; j++) c[i * columns + j] += x * ((double)values[r * columns + j] - mean[j]);
        }
    for (int64_t i = 0; i < columns; i++)
        for (int64_t j = 0; j < i; j++) c[j * columns + i] = c[i * columns + j];
}

/* Coordinates of all rows along a direction; the farthest is on the positive side. */
static void project(const float *values, int64_t rows, int64_t columns, const double *mean, const double *direction,
                    double *points) {
    double far = 0;
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t i = 0; i < columns; i++) sum += ((double)values[r * columns + i] - mean[i]) * direction[i];
        points[2 * r] = sum;
        if (fabs(sum) > fabs(far)) far = sum;
    }
    for (int64_t r = 0; r < rows && far < 0; r++) points[2 * r] = -points[2 * r];
}

heed_status hd_principal_components_of_many(heed_context *context, const float *values, int64_t rows, int64_t columns,
                                            double *points, double shares[2]) {
    double *c = hd_alloc(context, (size_t)(columns * columns), sizeof *c);
    double *scratch = hd_alloc(context, (size_t)(3 * columns), sizeof *scratch), whole = 0;
    if (!c || !scratch) {
        hd_free(context, c);
        hd_free(context, scratch);
        return HEED_MEMORY;
    }
    double *mean = scratch, *v = scratch + columns;
    covary(values, rows, columns, mean, c);
    for (int64_t i = 0; i < columns; i++) whole += c[i * columns + i];
    for (int component = 0; component < 2; component++) {
        double value = largest_eigenvalue(c, columns, v, scratch + 2 * columns);
        project(values, rows, columns, mean, v, points + component);
        for (int64_t i = 0; i < columns * columns; i++) c[i] -= value * v[i / columns] * v[i % columns];
        shares[component] = whole > 0 ? value / whole : 0;
    }
    hd_free(context, c);
    hd_free(context, scratch);
    return HEED_OK;
}

heed_status hd_principal_components(heed_context *context, const float *values, int64_t rows, int64_t columns,
                                    double *points, double shares[2]) {
    double *g = hd_alloc(context, (size_t)(rows * rows), sizeof *g);
    double *scratch = hd_alloc(context, (size_t)(2 * rows + columns), sizeof *scratch), *v = scratch,
           *next = scratch + rows;
    if (!g || !scratch) {
        hd_free(context, g);
        hd_free(context, scratch);
        return HEED_MEMORY;
    }
    multiply(values, rows, columns, scratch + 2 * rows, g);
    double whole = 0, squares = 0, first = 0;
    for (int64_t i = 0; i < rows; i++) whole += g[i * rows + i];
    for (int64_t i = 0; i < rows * columns; i++) squares += (double)values[i] * (double)values[i];
    for (int component = 0; component < 2; component++) {
        double value = largest_eigenvalue(g, rows, v, next), far = 0;
        if (component == 0) first = value;
        if (value <= 1e-9 * first || value <= 1e-20 * squares) value = 0; /* a rounding error */
        for (int64_t i = 0; i < rows; i++)
            if (fabs(v[i]) > fabs(far)) far = v[i];
        for (int64_t i = 0; i < rows; i++) points[2 * i + component] = sqrt(value) * (far < 0 ? -v[i] : v[i]);
        for (int64_t i = 0; i < rows * rows; i++) g[i] -= value * v[i / rows] * v[i % rows];
        shares[component] = whole > 0 ? value / whole : 0;
    }
    hd_free(context, g);
    hd_free(context, scratch);
    return HEED_OK;
}
