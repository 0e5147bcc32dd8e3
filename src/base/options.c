#include "base/options.h"

#include <string.h>

struct heed_options {
    heed_context *context;
    const hd_option_table *table;
    void *settings;         /* defaults and what was set, to check values and to describe */
    char **names, **values; /* [count], in the order of setting; a NULL value is a bare flag */
    size_t count, name_capacity, value_capacity;
};

heed_status hd_options_open(heed_context *context, const hd_option_table *table, heed_options **out) {
    *out = NULL;
    heed_options *options = hd_alloc_zeroed(context, 1, sizeof *options);
    if (!options) return HEED_MEMORY;
    options->context = context;
    options->table = table;
    options->settings = hd_alloc_zeroed(context, 1, table->size);
    heed_status status =
        options->settings ? hd_settings_default(context, table->rows, table->count, options->settings) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = options;
    else
        heed_options_close(options);
    return status;
}

void heed_options_close(heed_options *options) {
    if (!options) return;
    if (options->settings)
        hd_settings_free(options->context, options->table->rows, options->table->count, options->settings);
    for (size_t i = 0; i < options->count; i++) {
        hd_free(options->context, options->names[i]);
        hd_free(options->context, options->values[i]);
    }
    hd_free(options->context, options->names);
    hd_free(options->context, options->values);
    hd_free(options->context, options->settings);
    hd_free(options->context, options);
}

heed_status heed_options_set(heed_options *options, const char *name, const char *value) {
    heed_context *context = options->context;
    HD_TRY(hd_settings_set(context, options->table->rows, options->table->count, options->settings, name, value));
    if (!hd_grow(context, &options->names, &options->name_capacity, options->count + 1, sizeof *options->names) ||
        !hd_grow(context, &options->values, &options->value_capacity, options->count + 1, sizeof *options->values))
        return HEED_MEMORY;
    char *kept_name = hd_copy_string(context, name), *kept_value = value ? hd_copy_string(context, value) : NULL;
    if (!kept_name || (value && !kept_value)) {
        hd_free(context, kept_name);
        hd_free(context, kept_value);
        return HEED_MEMORY;
    }
    options->names[options->count] = kept_name;
    options->values[options->count++] = kept_value;
    return HEED_OK;
}

heed_status hd_options_apply(heed_context *context, const heed_options *options, const hd_option_table *table,
                             void *settings) {
    if (!options) return HEED_OK;
    if (options->table != table) return hd_fail(context, HEED_ARGUMENT, "these options belong to another call");
    hd_settings_layer(table->rows, table->count, settings);
    for (size_t i = 0; i < options->count; i++)
        HD_TRY(hd_settings_set(context, table->rows, table->count, settings, options->names[i], options->values[i]));
    return HEED_OK;
}

heed_context *hd_options_context(const heed_options *options) { return options->context; }

bool hd_options_at(const heed_options *options, size_t index, const char **name, const char **value) {
    if (!options || index >= options->count) return false;
    *name = options->names[index], *value = options->values[index];
    return true;
}

bool hd_options_has(const heed_options *options, const char *name) {
    const hd_setting *row = options ? hd_settings_find(options->table->rows, options->table->count, name) : NULL;
    for (size_t i = 0; row && i < options->count; i++)
        if (hd_settings_find(options->table->rows, options->table->count, options->names[i]) == row) return true;
    return false;
}

heed_status heed_options_help(const heed_options *options, char **text) {
    hd_buffer out;
    hd_buffer_open(&out, options->context);
    hd_settings_describe(options->table->rows, options->table->count, &out);
    *text = hd_buffer_take(&out);
    return *text ? HEED_OK : HEED_MEMORY;
}

const char *heed_options_name(const heed_options *options, size_t index) {
    return index < options->table->count ? options->table->rows[index].name : NULL;
}

static const hd_setting *find(const heed_options *options, const char *name) {
    return hd_settings_find(options->table->rows, options->table->count, name);
}

bool heed_options_is_flag(const heed_options *options, const char *name) {
    const hd_setting *row = find(options, name);
    return row && row->kind == HD_SETTING_BOOL;
}

heed_status heed_options_argument(const heed_options *options, const char *name, char **text) {
    const hd_setting *row = find(options, name);
    hd_buffer out;
    *text = NULL;
    if (!row || row->kind == HD_SETTING_BOOL) return HEED_OK;
    hd_buffer_open(&out, options->context);
    hd_setting_argument(row, &out);
    *text = hd_buffer_take(&out);
    return *text ? HEED_OK : HEED_MEMORY;
}

const char *heed_options_about(const heed_options *options, const char *name) {
    const hd_setting *row = find(options, name);
    return row ? row->help : NULL;
}
