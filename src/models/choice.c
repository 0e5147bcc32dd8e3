#include "models/choice.h"

#include "base/spelling.h"

#include <string.h>

void hd_choices_list(const hd_choice *choices, const char *word, hd_buffer *out) {
    const char *nearest = NULL;
    size_t edits = SIZE_MAX;
    for (const hd_choice *c = choices; c->name; c++) {
        hd_buffer_format(out, "%s%s", c == choices ? "" : ", ", c->name);
        if (hd_is_nearer(word, strlen(word), c->name, &edits)) nearest = c->name;
    }
    if (nearest && edits) hd_buffer_format(out, "; the nearest is %s", nearest);
}

heed_status hd_choice_refuse(const hd_json *config, const char *key, const char *word, const hd_choice *choices) {
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    hd_choices_list(choices, word, &known);
    heed_status status = HEED_MEMORY;
    if (!known.failed)
        status = hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is \"%s\", which is none of %s", config->path,
                         key, word, known.data ? known.data : "");
    hd_buffer_close(&known);
    return status;
}
