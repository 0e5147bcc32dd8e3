#include "base/settings.h"

#include "base/number.h"
#include "base/spelling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 32 };

static void *field_of(const hd_setting *row, void *settings) { return (char *)settings + row->offset; }
static const void *const_field_of(const hd_setting *row, const void *settings) {
    return (const char *)settings + row->offset;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static char plain(char c) { return c == '_' ? '-' : c; }

static bool same_name(const char *a, const char *b) {
    while (*a && plain(*a) == plain(*b)) a++, b++;
    return *a == 0 && *b == 0;
}

const hd_setting *hd_settings_find(const hd_setting *table, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (same_name(table[i].name, name)) return &table[i];
    return NULL;
}

heed_status hd_settings_unknown(heed_context *context, const hd_setting *table, size_t count, const char *name) {
    const char *nearest = NULL;
    size_t edits = SIZE_MAX, size = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (hd_is_nearer(name, size, table[i].name, &edits)) nearest = table[i].name;
    if (nearest) return hd_fail(context, HEED_ARGUMENT, "unknown setting \"%s\" (did you mean \"%s\"?)", name, nearest);
    return hd_fail(context, HEED_ARGUMENT, "unknown setting \"%.200s\"", name);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static heed_status fail_value(heed_context *context, const hd_setting *row, const char *value, const char *expected) {
    return hd_fail(context, HEED_ARGUMENT, "%s is \"%.200s\", expected %s", row->name, value, expected);
}

/* "a whole number from 1 to 1024"; limits that are only those of the type go unsaid. */
static heed_status fail_number(heed_context *context, const hd_setting *row, const char *value) {
    bool whole = row->kind == HD_SETTING_INT;
    double largest = whole ? 0x1p63 : row->kind == HD_SETTING_FLOAT ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    const char *what = whole ? "a whole number" : "a number";
    bool open_below = row->min <= -largest, open_above = row->max >= largest;
    char expected[128];
    if (open_below && open_above)
        snprintf(expected, sizeof expected, "%s", what);
    else if (open_above)
        hd_print_number(expected, sizeof expected, "%s of at least %.15g", what, row->min);
    else if (open_below)
        hd_print_number(expected, sizeof expected, "%s of at most %.15g", what, row->max);
    else
        hd_print_number(expected, sizeof expected, "%s from %.15g to %.15g", what, row->min, row->max);
    return fail_value(context, row, value, expected);
}

/* A float is compared with limits as a float holds them, so that 0.3 is not above a limit of 0.3. */
static bool float_within(const hd_setting *row, float number) {
    if (isinf(number) && (double)number != row->min && (double)number != row->max) return false;
    return number >= (float)row->min && number <= (float)row->max;
}

static bool read_bool(const char *value, bool *result) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < HD_COUNT(words); i++)
        if (strcmp(value, words[i]) == 0) return *result = i % 2 == 1, true;
    return false;
}

/* The name of a choice's value and its length; false past the last. */
static bool choice_at(const hd_setting *row, int value, const char **name, size_t *size) {
    if (row->choices) {
        *name = row->choices(value);
        *size = *name ? strlen(*name) : 0;
        return *name;
    }
    *name = row->argument;
    for (; value > 0; value--) {
        *name += strcspn(*name, "|");
        if (!**name) return false;
        ++*name;
    }
    *size = strcspn(*name, "|");
    return true;
}

/* Which of the row's names is `value`, or −1. */
static int find_choice(const hd_setting *row, const char *value) {
    const char *name;
    size_t size, length = strlen(value);
    for (int index = 0; choice_at(row, index, &name, &size); index++) {
        size_t same = 0;
        while (size == length && same < size && plain(name[same]) == plain(value[same])) same++;
        if (size == length && same == size) return index;
    }
    return -1;
}

/* The name that is nearest to `value` by spelling; NULL: none is near, or there are too few names to need one. */
static const char *nearest_choice(const hd_setting *row, const char *value, int *count) {
    enum { FEW = 12 };
    const char *name, *nearest = NULL;
    size_t size, edits = SIZE_MAX;
    for (*count = 0; row->choices && choice_at(row, *count, &name, &size); ++*count)
        if (hd_is_nearer(value, strlen(value), name, &edits)) nearest = name;
    return *count > FEW ? nearest : NULL;
}

static heed_status fail_choice(heed_context *context, const hd_setting *row, const char *value) {
    char expected[512] = "one of ";
    int count;
    size_t at = strlen(expected), size;
    const char *name, *nearest = nearest_choice(row, value, &count);
    if (nearest) {
        snprintf(expected, sizeof expected, "one of %d names, of which the nearest is %s", count, nearest);
        return fail_value(context, row, value, expected);
    }
    for (int index = 0; choice_at(row, index, &name, &size) && at + size + 3 < sizeof expected; index++) {
        if (index) expected[at++] = ',', expected[at++] = ' ';
        memcpy(expected + at, name, size);
        at += size;
    }
    expected[at] = 0;
    return fail_value(context, row, value, expected);
}

static void free_list(heed_context *context, hd_string_list *list) {
    for (size_t i = 0; i < list->count; i++) hd_free(context, list->items[i]);
    hd_free(context, list->items);
    *list = (hd_string_list){0};
}

static heed_status set_string(heed_context *context, char **field, const char *value) {
    char *copy = hd_copy_string(context, value);
    if (!copy) return HEED_MEMORY;
    hd_free(context, *field);
    *field = copy;
    return HEED_OK;
}

static heed_status append_string(heed_context *context, hd_string_list *list, const char *value) {
    char *copy = hd_copy_string(context, value);
    if (!copy) return HEED_MEMORY;
    hd_string_list fresh = {0};
    hd_string_list *target = list->inherited ? &fresh : list;
    if (!hd_grow(context, &target->items, &target->capacity, target->count + 1, sizeof *target->items)) {
        hd_free(context, copy);
        return HEED_MEMORY;
    }
    target->items[target->count++] = copy;
    if (target == &fresh) {
        free_list(context, list);
        *list = fresh;
    }
    return HEED_OK;
}

/* Names of files, folders and models are not empty. */
static bool is_missing_name(const hd_setting *row, const char *value) {
    bool text = row->kind == HD_SETTING_STRING || row->kind == HD_SETTING_LIST;
    return text && !value[0] && row->argument &&
           (strcmp(row->argument, "FILE") == 0 || strcmp(row->argument, "FOLDER") == 0 ||
            strcmp(row->argument, "MODEL") == 0);
}

static heed_status set_row(heed_context *context, const hd_setting *row, void *settings, const char *value) {
    void *field = field_of(row, settings);
    if (is_missing_name(row, value)) return fail_value(context, row, value, "a name");
    switch (row->kind) {
        case HD_SETTING_INT: {
            int64_t number;
            if (!hd_read_int(value, &number) || (double)number < row->min || (double)number > row->max)
                return fail_number(context, row, value);
            memcpy(field, &number, sizeof number);
            return HEED_OK;
        }
        case HD_SETTING_FLOAT: {
            float number;
            if (!hd_read_float(value, &number) || !float_within(row, number)) return fail_number(context, row, value);
            memcpy(field, &number, sizeof number);
            return HEED_OK;
        }
        case HD_SETTING_DOUBLE: {
            double number;
            if (!hd_read_double(value, &number) || !(number >= row->min && number <= row->max))
                return fail_number(context, row, value);
            memcpy(field, &number, sizeof number);
            return HEED_OK;
        }
        case HD_SETTING_BOOL: {
            bool truth;
            if (!read_bool(value, &truth)) return fail_value(context, row, value, "true or false");
            memcpy(field, &truth, sizeof truth);
            return HEED_OK;
        }
        case HD_SETTING_CHOICE: {
            int choice = find_choice(row, value);
            if (choice < 0) return fail_choice(context, row, value);
            memcpy(field, &choice, sizeof choice);
            return HEED_OK;
        }
        case HD_SETTING_STRING:
            return set_string(context, field, value);
        case HD_SETTING_LIST:
            return append_string(context, field, value);
    }
    return hd_fail(context, HEED_ARGUMENT, "setting \"%s\" has no kind", row->name);
}

heed_status hd_settings_set(heed_context *context, const hd_setting *table, size_t count, void *settings,
                            const char *name, const char *value) {
    const hd_setting *row = hd_settings_find(table, count, name);
    if (!row) return hd_settings_unknown(context, table, count, name);
    if (!value && row->kind == HD_SETTING_BOOL) value = "true";
    if (!value) return hd_fail(context, HEED_ARGUMENT, "%s needs a value", row->name);
    return set_row(context, row, settings, value);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static size_t size_of_field(hd_setting_kind kind) {
    switch (kind) {
        case HD_SETTING_INT:
            return sizeof(int64_t);
        case HD_SETTING_FLOAT:
            return sizeof(float);
        case HD_SETTING_DOUBLE:
            return sizeof(double);
        case HD_SETTING_BOOL:
            return sizeof(bool);
        case HD_SETTING_STRING:
            return sizeof(char *);
        case HD_SETTING_CHOICE:
            return sizeof(int);
        case HD_SETTING_LIST:
            return sizeof(hd_string_list);
    }
    return 0;
}

heed_status hd_settings_default(heed_context *context, const hd_setting *table, size_t count, void *settings) {
    for (size_t i = 0; i < count; i++) memset(field_of(&table[i], settings), 0, size_of_field(table[i].kind));
    for (size_t i = 0; i < count; i++)
        if (table[i].initial) HD_TRY(set_row(context, &table[i], settings, table[i].initial));
    hd_settings_layer(table, count, settings);
    return HEED_OK;
}

void hd_settings_layer(const hd_setting *table, size_t count, void *settings) {
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == HD_SETTING_LIST) ((hd_string_list *)field_of(&table[i], settings))->inherited = true;
}

void hd_settings_free(heed_context *context, const hd_setting *table, size_t count, void *settings) {
    for (size_t i = 0; i < count; i++) {
        if (table[i].kind == HD_SETTING_LIST) free_list(context, field_of(&table[i], settings));
        if (table[i].kind != HD_SETTING_STRING) continue;
        char **text = field_of(&table[i], settings);
        hd_free(context, *text);
        *text = NULL;
    }
}

static void append_choice(const hd_setting *row, int value, hd_buffer *out) {
    const char *name;
    size_t size;
    if (choice_at(row, value, &name, &size)) hd_buffer_append(out, name, size);
}

void hd_setting_value(const hd_setting *row, const void *settings, hd_buffer *out) {
    const void *field = const_field_of(row, settings);
    char number[32] = "";
    switch (row->kind) {
        case HD_SETTING_INT:
            hd_print_number(number, sizeof number, "%lld", (long long)*(const int64_t *)field);
            break;
        case HD_SETTING_FLOAT:
            hd_print_number(number, sizeof number, "%.9g", (double)*(const float *)field);
            break;
        case HD_SETTING_DOUBLE:
            hd_print_number(number, sizeof number, "%.17g", *(const double *)field);
            break;
        case HD_SETTING_BOOL:
            hd_buffer_text(out, *(const bool *)field ? "true" : "false");
            break;
        case HD_SETTING_CHOICE:
            append_choice(row, *(const int *)field, out);
            break;
        case HD_SETTING_STRING: {
            const char *text = *(char *const *)field;
            if (text) hd_buffer_text(out, text);
            break;
        }
        case HD_SETTING_LIST: {
            const hd_string_list *list = field;
            for (size_t i = 0; i < list->count; i++) {
                if (i) hd_buffer_text(out, ", ");
                hd_buffer_text(out, list->items[i]);
            }
            break;
        }
    }
    hd_buffer_text(out, number);
}

void hd_setting_argument(const hd_setting *row, hd_buffer *out) {
    const char *name;
    size_t size;
    if (row->kind == HD_SETTING_BOOL) return;
    if (!row->choices && row->argument) hd_buffer_text(out, row->argument);
    for (int value = 0; row->choices && choice_at(row, value, &name, &size); value++) {
        if (value) hd_buffer_byte(out, '|');
        hd_buffer_append(out, name, size);
    }
}

static void describe_row(const hd_setting *row, hd_buffer *out) {
    size_t start = out->size;
    hd_buffer_text(out, "  --");
    hd_buffer_text(out, row->name);
    if (row->kind != HD_SETTING_BOOL) hd_buffer_byte(out, ' ');
    if (row->choices && row->argument)
        hd_buffer_text(out, row->argument);
    else
        hd_setting_argument(row, out);
    if (out->size - start + 2 > HELP_COLUMN) { /* no room before the column: the help gets a line of its own */
        hd_buffer_byte(out, '\n');
        start = out->size;
    }
    while (!out->failed && out->size - start < HELP_COLUMN) hd_buffer_byte(out, ' ');
    hd_buffer_text(out, row->help);
    bool off = row->kind == HD_SETTING_BOOL && (!row->initial || strcmp(row->initial, "true") != 0);
    if (row->initial && !off) hd_buffer_format(out, " (default %s)", row->initial);
    if (row->kind == HD_SETTING_LIST) hd_buffer_text(out, "; may be repeated");
    hd_buffer_byte(out, '\n');
}

static bool is_of_group(const hd_setting *row, const char *group) {
    return group ? row->group && strcmp(row->group, group) == 0 : !row->group;
}

static void describe_group(const hd_setting *table, size_t count, const char *group, hd_buffer *out) {
    for (size_t i = 0; i < count; i++)
        if (is_of_group(&table[i], group)) describe_row(&table[i], out);
}

void hd_settings_describe(const hd_setting *table, size_t count, hd_buffer *out) {
    describe_group(table, count, NULL, out);
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (!is_of_group(&table[first], table[i].group)) first++;
        if (!table[i].group || first < i) continue;
        hd_buffer_format(out, "\n%s:\n", table[i].group);
        describe_group(table, count, table[i].group, out);
    }
}
