/* JSON through Jansson, with errors on one line that say where:
 *
 *     m/config.json: line 3, column 7: string or '}' expected near ','
 *     m/config.json: "text_config.hidden_size" is "abc", expected an integer
 *
 * Getters look a key up in an object, take a default if it is missing or null, and refuse another type or a value out
 * of range. For anything else, use Jansson's own functions on `root`. */
#ifndef HD_FORMATS_JSON_H
#define HD_FORMATS_JSON_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/context.h"

/* A document, or a value inside of one. A document owns its path and its tree and must be closed. A value inside
 * borrows them from the handle that it was taken from, which must not be closed or moved before it. */
typedef struct hd_json {
    heed_context *context;
    char *path; /* the file's name, for messages */
    json_t *root;
    const struct hd_json *parent; /* NULL for a document */
    const char *key;              /* in the parent; NULL for a document */
    size_t index;                 /* in the parent's array; SIZE_MAX if the parent is not an array */
} hd_json;

typedef enum hd_json_rules {
    HD_JSON_LENIENT,   /* like Python: the last of equal keys wins, integers past 64 bits become floats */
    HD_JSON_ANY_VALUE, /* the same, and the document may also be a string, a number, true, false or null */
    HD_JSON_STRICT     /* equal keys and integers past 64 bits are errors */
} hd_json_rules;

/* Opens a file that contains an object; a byte order mark before it is skipped. HEED_FORMAT for NaN, infinities, bytes after the end, invalid UTF-8, nesting
 * past 2048 and files past 1 GiB, and also when memory runs out inside a token, which Jansson does not distinguish from
 * an invalid one. After a failure nothing needs closing, but closing is allowed. */
heed_status hd_json_open(heed_context *context, const char *path, hd_json *json);
/* Opens folder/name, or leaves json->root NULL if there is no such file. */
heed_status hd_json_open_if_any(heed_context *context, const char *folder, const char *name, hd_json *json);
/* The same as hd_json_open for bytes in memory, which are not kept; they may also contain an array. `name` replaces the path. */
heed_status hd_json_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                               hd_json_rules rules, hd_json *json);
void hd_json_close(hd_json *json); /* a document; a zeroed handle is allowed */

/* Is the key present and not null? */
bool hd_json_has(const hd_json *json, const char *key);
/* HEED_FORMAT, `path: "key" is missing`, unless hd_json_has. */
heed_status hd_json_require(const hd_json *json, const char *key);

/* A missing or null key gives `otherwise`, which is not checked against the range [least, most]. A float without a
 * fraction, such as 12.0, counts as an integer. */
heed_status hd_json_int(const hd_json *json, const char *key, int64_t otherwise, int64_t least, int64_t most,
                        int64_t *out);
/* Accepts floats and integers. */
heed_status hd_json_float(const hd_json *json, const char *key, double otherwise, double least, double most,
                          double *out);
heed_status hd_json_bool(const hd_json *json, const char *key, bool otherwise, bool *out);
/* *out lives as long as the document, or is `otherwise`, which may be NULL. A string with a NUL inside is refused. */
heed_status hd_json_string(const hd_json *json, const char *key, const char *otherwise, const char **out);
/* Up to `capacity` integers into out; *count is their number. A single integer counts as an array of one, as in
 * "eos_token_id"; a missing key gives none; more than `capacity` is HEED_FORMAT. */
heed_status hd_json_ints(const hd_json *json, const char *key, int64_t least, int64_t most, int64_t *out,
                         size_t capacity, size_t *count);

/* The object under `key`; an empty one if it is missing, so that its keys have their defaults. */
heed_status hd_json_object(const hd_json *json, const char *key, hd_json *out);
/* The array under `key` and its number of elements; an empty one if it is missing. */
heed_status hd_json_array(const hd_json *json, const char *key, hd_json *out, size_t *count);
/* Element `index` of such an array, of any type. The array's handle must outlive it. */
void hd_json_element(const hd_json *array, size_t index, hd_json *out);

/* *out is the value as an integer; false if it is not one (see hd_json_int). */
bool hd_json_value_int(const json_t *value, int64_t *out);
/* Records and returns HEED_FORMAT: `path: "key" is VALUE, expected EXPECTED`. `key` NULL means the value itself,
 * `expected` NULL leaves that part out. */
heed_status hd_json_expected(const hd_json *json, const char *key, const char *expected);
/* Records and returns HEED_MEMORY, for a Jansson constructor that returned NULL. */
heed_status hd_json_no_memory(heed_context *context, const char *path);

/* Appends `root` on one line without spaces. */
heed_status hd_json_append(heed_context *context, const json_t *root, hd_buffer *buffer);
/* Appends `root` with keys in insertion order, two spaces per level, floats with the fewest digits that read back as
 * the same double, and a final newline. */
heed_status hd_json_append_pretty(heed_context *context, const json_t *root, hd_buffer *buffer);
/* Writes that to `path`; after a failure the old file is unchanged. `root` still belongs to the caller. */
heed_status hd_json_write(heed_context *context, const char *path, const json_t *root);

#endif
