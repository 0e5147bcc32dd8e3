/* The table of families. */
#include "models/family.h"

#include <string.h>

#define ADDRESS(name) &hd_##name,
const hd_family *const hd_families[] = {HD_FAMILIES(ADDRESS) NULL};

const hd_family *hd_family_named(const char *model_type) {
    for (int i = 0; hd_families[i]; i++)
        if (strcmp(hd_families[i]->model_type, model_type) == 0 ||
            (hd_families[i]->other_type && strcmp(hd_families[i]->other_type, model_type) == 0))
            return hd_families[i];
    return NULL;
}
