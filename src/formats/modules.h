/* modules.json: the list of modules that a sentence-transformers folder applies one after the other.
 *
 *     [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
 *      {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
 *
 * Source: sentence_transformers/base/model.py, version 6.2. */
#ifndef HD_FORMATS_MODULES_H
#define HD_FORMATS_MODULES_H

#include "formats/json.h"

enum { HD_MOST_MODULES = 32 };

typedef struct hd_modules {
    hd_json json; /* an array */
    char *root;   /* the folder with modules.json */
    size_t count;
    struct {
        const char *type; /* "Pooling"; of a class outside of sentence_transformers, its whole name */
        const char *path; /* inside of the root; "" for the root itself */
    } item[HD_MOST_MODULES];
} hd_modules;

/* Reads root/modules.json. HEED_FORMAT for a list that is damaged, or a path that is not a folder inside of the root.
 * After a failure nothing needs closing. */
heed_status hd_modules_open(heed_context *context, const char *root, hd_modules *modules);
/* The modules.json that lists a folder with a config.json: its own, or its parent's if that names the folder as its
 * Transformer. *found is false when there is none. */
heed_status hd_modules_find(heed_context *context, const char *folder, hd_modules *modules, bool *found);
void hd_modules_close(hd_modules *modules);

/* The path of the first Transformer; NULL when there is none. */
const char *hd_modules_transformer(const hd_modules *modules);
/* The path of a file of a module, for the caller to free; `name` NULL: of its folder. NULL when out of memory. */
char *hd_modules_path(const hd_modules *modules, size_t index, const char *name);

#endif
