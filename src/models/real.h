/* Floats in configs. */
#ifndef HD_MODELS_REAL_H
#define HD_MODELS_REAL_H

#include <jansson.h>

/* A new JSON number: the shortest decimal that reads back as the same float. */
json_t *hd_family_real(float value);

#endif
