/* Weights packed into the panels that matrix products read. */
#ifndef HD_DEVICE_CPU_PACK_H
#define HD_DEVICE_CPU_PACK_H

#include "tensor/parameter.h"

/* Makes `panels` from `data` or `stored` when they are missing or stale; new panels come from `arena`, in f32 when
 * made from `data`, else in `dtype`. Not for several threads at once. */
heed_status hd_parameter_pack(heed_context *context, hd_arena *arena, hd_parameter *parameter, hd_dtype dtype);

/* Row `row` of a table, widened to float32 in y [columns]. One of which only panels were kept must not be in pairs. */
void hd_parameter_row(const hd_parameter *parameter, int64_t row, float *y);

#endif
