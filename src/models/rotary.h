/* Rotary positions in a config: "rope_scaling" of transformers 4 and "rope_parameters" of 5. A family's row of keys reads the
 * base ("rope_theta") before. */
#ifndef HD_MODELS_ROTARY_H
#define HD_MODELS_ROTARY_H

#include "formats/json.h"
#include "layers/recipe.h"

/* How a family's config states rotary positions. */
enum {
    HD_ROTATION_STATED = 1,   /* it does */
    HD_ROTATION_PARTIAL = 2,  /* "partial_rotary_factor" states the part of a head that is rotated */
    HD_ROTATION_LAYERS = 4,   /* "rope_parameters" has an object for each kind of layer */
    HD_ROTATION_LONGROPE = 8, /* the only scaling, under any of its names; the original length is a key of the config */
    HD_ROTATION_NTK = 16,     /* there is also "ntk", of the first files of GTE */
};

/* Reads the scaling, the base and the rotated part of the side with rotary positions. HEED_UNSUPPORTED names a kind that heed
 * lacks. The side's max_positions become those that the scaling is made for, if these are more. */
heed_status hd_rotary_read(const hd_json *config, unsigned rotation, hd_recipe *recipe);
/* Writes the same; not 0: out of memory. */
int hd_rotary_write(unsigned rotation, const hd_recipe *recipe, json_t *config);

#endif
