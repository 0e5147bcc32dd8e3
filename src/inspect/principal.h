/* Principal components: the two directions of the largest variance. */
#ifndef HD_INSPECT_PRINCIPAL_H
#define HD_INSPECT_PRINCIPAL_H

#include "base/context.h"

/* points [rows, 2]: each row of values [rows, columns], less their mean, along the two directions of the largest
 * variance; shares [2] of the whole variance. In each direction the farthest row is on the positive side.
 * HEED_MEMORY. */
heed_status hd_principal_components(heed_context *context, const float *values, int64_t rows, int64_t columns,
                                    double *points, double shares[2]);
/* The same from the covariance of the columns, for more rows than columns; other bits. */
heed_status hd_principal_components_of_many(heed_context *context, const float *values, int64_t rows, int64_t columns,
                                            double *points, double shares[2]);

#endif
