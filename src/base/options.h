/* heed_options: the public handle on a verb's settings. It checks each value when it is set, and remembers it, so that
 * what was not set can be left to the model. */
#ifndef HD_BASE_OPTIONS_H
#define HD_BASE_OPTIONS_H

#include "base/settings.h"

/* A verb's options: its table, and the size of the struct that the table describes. */
typedef struct hd_option_table {
    const hd_setting *rows;
    size_t count, size;
} hd_option_table;

heed_status hd_options_open(heed_context *context, const hd_option_table *table, heed_options **options);
/* Gives `settings`, a struct of the table's kind whose fields are all in place, the values that were set. `options` may
 * be NULL: nothing was set. HEED_ARGUMENT when they belong to another verb. */
heed_status hd_options_apply(heed_context *context, const heed_options *options, const hd_option_table *table,
                             void *settings);

/* The context that they were opened with. */
heed_context *hd_options_context(const heed_options *options);
/* The name and value of what was set as number `index`; false past the last one. The value of a bare flag is NULL. */
bool hd_options_at(const heed_options *options, size_t index, const char **name, const char **value);
/* Was this one set? */
bool hd_options_has(const heed_options *options, const char *name);

#endif
