/* Settings: one table says what a struct's options are called, what they may be and what they mean. The command line,
 * recipe files and the C API all set them through it, so that a new option is one field and one row:
 *
 *     static const hd_setting table[] = {
 *         {"beams", HD_SETTING_INT, offsetof(options, beams), "4", 1, 1024, "NUMBER", "hypotheses kept at each step"},
 *         {"schedule", HD_SETTING_CHOICE, offsetof(options, schedule), "cosine", 0, 0, "cosine|linear", "…"},
 *         ...
 *     };
 *
 * Functions take the table, its number of rows and the struct. Names are accepted with '-' or '_' alike. */
#ifndef HD_BASE_SETTINGS_H
#define HD_BASE_SETTINGS_H

#include "base/buffer.h"
#include "base/context.h"

/* The kind of a setting, and the C type of its field. */
typedef enum hd_setting_kind {
    HD_SETTING_INT,    /* int64_t */
    HD_SETTING_FLOAT,  /* float */
    HD_SETTING_DOUBLE, /* double */
    HD_SETTING_BOOL,   /* bool; written true or false, read also as yes, no, on, off, 1, 0 */
    HD_SETTING_STRING, /* char *, owned by the struct; NULL while it has no value */
    HD_SETTING_CHOICE, /* int: which of the names that `choices` gives, or else those in `argument` */
    HD_SETTING_LIST    /* hd_string_list: a setting that may be given several times */
} hd_setting_kind;

typedef struct hd_string_list {
    char **items; /* [count] */
    size_t count, capacity;
    bool inherited; /* the next value replaces the items, which came from defaults or from a lower layer */
} hd_string_list;

/* The name of a choice's value, from 0 up; NULL past the last. */
typedef const char *hd_choice_names(int value);

typedef struct hd_setting {
    const char *name; /* words joined by '-' */
    hd_setting_kind kind;
    size_t offset;        /* of the field in the struct */
    const char *initial;  /* the default, as it would be typed; NULL: no string, an empty list, 0, false */
    double min, max;      /* of numbers, both included; an infinity is accepted only where it is itself the limit */
    const char *argument; /* what --help shows in place of the value; for a choice its names, "a|b|c", in enum order */
    const char *help;     /* one line */
    /* Of a choice whose names are those of another table. `argument` is then NULL, or one word for a long list. */
    hd_choice_names *choices;
    unsigned flags;    /* further properties, as the table's owner defines them */
    const char *group; /* heading of --help under which it is listed; NULL: among the common ones, which come first */
} hd_setting;

/* Gives every field its default. The fields' old contents are overwritten: free them first. After a failure the
 * struct may be freed. HEED_ARGUMENT if a default does not fit its own row. */
heed_status hd_settings_default(heed_context *context, const hd_setting *table, size_t count, void *settings);

/* Begins a new layer of values: the next value that a list is given replaces what it holds, those after it append.
 * Defaults are a layer; call it between a recipe and the command line that overrides it. */
void hd_settings_layer(const hd_setting *table, size_t count, void *settings);

/* Sets one by its name. `value` NULL means true for a bool and is refused for the rest. A failure (HEED_ARGUMENT: no
 * such setting, or a value that it cannot have, named with what it can; HEED_MEMORY) leaves the struct as it was. */
heed_status hd_settings_set(heed_context *context, const hd_setting *table, size_t count, void *settings,
                            const char *name, const char *value);

/* The row called `name`, or NULL. */
const hd_setting *hd_settings_find(const hd_setting *table, size_t count, const char *name);
/* Records `unknown setting "beems" (did you mean "beams"?)`, and returns HEED_ARGUMENT. */
heed_status hd_settings_unknown(heed_context *context, const hd_setting *table, size_t count, const char *name);

/* Appends a setting's value as text that hd_settings_set reads back to the same bits; nothing for a string without a
 * value. Items of a list are joined by a comma and a blank, for people. */
void hd_setting_value(const hd_setting *row, const void *settings, hd_buffer *out);

/* Appends the kind of a setting's value, "NUMBER", or the names of a choice, "a|b|c"; nothing for a flag. */
void hd_setting_argument(const hd_setting *row, hd_buffer *out);
/* Appends what `--help` says of each setting: `  --beams NUMBER    hypotheses kept at each step (default 4)`. The common ones come
 * first, then each group in the order of the table: an empty line, `Speed:`, and the lines of its settings. */
void hd_settings_describe(const hd_setting *table, size_t count, hd_buffer *out);

/* Frees the strings and lists, and empties them. */
void hd_settings_free(heed_context *context, const hd_setting *table, size_t count, void *settings);

/* ---- recipe files (recipe.c) ---------------------------------------------------------------------------------
 *
 * Lines of `name = value`; blank lines; comments from a '#' that begins a line or follows a blank. A value may stand
 * in double quotes, in which \" \\ \n \r \t are escapes and '#' and blanks at the ends are kept. A list is given by
 * repeating its name; any other name may come once. */

/* Reads `path` into the struct, as a layer of its own. Errors name the file and the line, `recipe.ini: line 4: …`:
 * HEED_FILE, HEED_FORMAT for a line that is no setting, HEED_ARGUMENT from hd_settings_set, HEED_MEMORY. What the lines
 * before it set stays set. */
heed_status hd_recipe_read(heed_context *context, const hd_setting *table, size_t count, void *settings,
                           const char *path);
/* The same for text in memory; `path` is only named in errors. */
heed_status hd_recipe_parse(heed_context *context, const hd_setting *table, size_t count, void *settings,
                            const char *path, const char *text, size_t size);
/* Appends a recipe that sets every setting which has a value, so that reading it over the defaults gives this struct. */
void hd_recipe_write(const hd_setting *table, size_t count, const void *settings, hd_buffer *out);

#endif
