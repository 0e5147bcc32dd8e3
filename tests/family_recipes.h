/* Recipes of families that tests write and read. */
#ifndef TESTS_FAMILY_RECIPES_H
#define TESTS_FAMILY_RECIPES_H

#include "fixture.h"

#include "formats/json.h"
#include "models/family.h"

#include <string.h>

static inline heed_status read_config(heed_context *context, const hd_family *family, json_t *config,
                                      hd_recipe *recipe) {
    static char path[] = "config.json";
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    return hd_family_read(family, &json, recipe);
}

/* A recipe as a family writes it, read again. */
static inline heed_status write_and_read(heed_context *context, const hd_family *family, const hd_recipe *recipe,
                                         hd_recipe *back) {
    static char path[] = "written";
    json_t *config = hd_family_write(context, family, recipe);
    assert_non_null(config);
    json_object_set_new(config, "num_labels", json_integer(recipe->labels));
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    heed_status status = hd_family_read(family, &json, back);
    json_decref(config);
    return status;
}

/* A small recipe of a family, with such a head and such sides; false when there is none. */
static inline bool small_recipe(heed_context *context, const hd_family *family, hd_head head, bool encoder,
                                bool decoder, hd_recipe *recipe) {
    bool has;
    assert_ok(context, hd_family_has(context, family, head, encoder, decoder, &has));
    if (!has) return false;
    assert_ok(context, hd_family_default(context, family, head, NULL, recipe));
    recipe->vocabulary = 11, recipe->width = 8;
    recipe->labels = hd_head_classifies(head) ? 5 : 0;
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        side->layers = (i == HD_ENCODER ? encoder : decoder) ? 2 : 0;
        side->heads = 2, side->ffn_width = 12, side->max_positions = 16;
    }
    return true;
}

#endif
