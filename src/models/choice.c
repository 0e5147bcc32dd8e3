#include "models/choice.h"

#include "base/spelling.h"

#include <string.h>

heed_status hd_choice_refuse(const hd_json *config, const char *key, const char *word, const hd_choice *choices) {
    const char *nearest = NULL;
    size_t edits = SIZE_MAX;
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    for (const hd_choice *c = choices; c->name; c++) {
        hd_buffer_format(&known, "%s%s", known.size ? ", " : "", c->name);
        if (hd_is_nearer(word, strlen(word), c->name, &edits)) nearest = c->name;
    }
    if (nearest) hd_buffer_format(&known, "; the nearest is %s", nearest);
    heed_status status = HEED_MEMORY;
    if (!known.failed)
        status = hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is \"%s\", which is none of %s", config->path,
                         key, word, known.data ? known.data : "");
    hd_buffer_close(&known);
    return status;
}
