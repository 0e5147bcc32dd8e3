/* Types of components and their fields in tokenizer.json. A component is a struct; the table row of its type describes
 * its fields, and so how a file's object becomes the struct and back. */
#ifndef HD_TEXT_COMPONENT_TYPE_H
#define HD_TEXT_COMPONENT_TYPE_H

#include "base/buffer.h"
#include "formats/json.h"

typedef enum hd_field_kind {
    HD_FIELD_BOOL,
    HD_FIELD_FLAG,         /* true, false or null: an hd_flag */
    HD_FIELD_COUNT,        /* size_t */
    HD_FIELD_CHARACTER,    /* a string of one character: uint32_t */
    HD_FIELD_CHOICE,       /* one of `choices`: int, its index */
    HD_FIELD_TEXT,         /* hd_codes */
    HD_FIELD_BYTES,        /* char *, with its size_t at `size_offset` */
    HD_FIELD_TOKEN,        /* ["name", id]: char *, with its int32_t at `size_offset` */
    HD_FIELD_PATTERN,      /* {"String": …} or {"Regex": …}: hd_pattern * */
    HD_FIELD_CHARSMAP,     /* base64: hd_charsmap * */
    HD_FIELD_FIXED_PATTERN /* true for the regular expression choices[0], false for NULL: hd_pattern * */
} hd_field_kind;

typedef enum hd_flag { HD_FLAG_NULL, HD_FLAG_FALSE, HD_FLAG_TRUE } hd_flag;

/* In the struct at `offset`. `fallback` is the value of a bool, a choice or a positive count in files without the key. */
typedef struct hd_field {
    const char *key; /* NULL after the last field */
    hd_field_kind kind;
    size_t offset, size_offset;
    int fallback;
    const char *const *choices; /* NULL after the last */
} hd_field;

enum { HD_FIELDS = 4 };

typedef struct hd_component_type {
    const char *name; /* "type" in the file; NULL for what has no type there */
    hd_field fields[HD_FIELDS + 1];
    /* Reads what is not a field, such as keys of older files. May be NULL. */
    heed_status (*read_more)(heed_context *context, const json_t *object, const char *where, void *component);
} hd_component_type;

/* Fills in the zeroed `component`, which the caller closes, also on failure. Messages begin with `where`. */
heed_status hd_component_read(heed_context *context, const hd_component_type *type, const json_t *object,
                              const char *where, void *component);
/* Appends the component as an object. */
void hd_component_write(const hd_component_type *type, const void *component, hd_buffer *out);
/* Appends its fields alone: `"a": 1, "b": 2`. */
void hd_component_write_fields(const hd_component_type *type, const void *component, hd_buffer *out);
/* Frees what the component owns. */
void hd_component_close(heed_context *context, const hd_component_type *type, void *component);

#endif
