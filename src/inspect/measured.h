/* Curves as a picture: drawn by curves.h, or their numbers as JSON. */
#ifndef HD_INSPECT_MEASURED_H
#define HD_INSPECT_MEASURED_H

#include "inspect/curves.h"
#include "inspect/picture.h"

typedef struct hd_measured {
    heed_picture picture;
    hd_curves curves;            /* in the picture's memory */
    const char *x_name, *y_name; /* keys in JSON: "distances", "norms" */
} hd_measured;

heed_status hd_measured_open(heed_context *context, hd_measured **measured);

#endif
