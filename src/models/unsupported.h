/* Models of families that heed does not open: their name, and the nearest that it opens. */
#ifndef HD_MODELS_UNSUPPORTED_H
#define HD_MODELS_UNSUPPORTED_H

#include "formats/json.h"

/* Records and returns HEED_UNSUPPORTED for this model type. */
heed_status hd_family_refuse(const hd_json *config, const char *model_type);

/* The supported family that is nearest to a model type; NULL: none is near. */
const char *hd_family_nearest(const char *model_type);

#endif
