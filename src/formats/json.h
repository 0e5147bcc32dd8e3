/* JSON through Jansson, with errors that fit on a line and say where:
 *
 *     m/config.json: line 3, column 7: string or '}' expected near ','
 *     m/config.json: "text_config.hidden_size" is "abc", expected an integer
 *
 * Getters look a key up in an object, take a default for what is missing or null, and refuse what has another type
 * or is out of range. Whoever wants more walks `root` with Jansson's own functions. */
#ifndef HD_FORMATS_JSON_H
#define HD_FORMATS_JSON_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/context.h"

/* A document, or a value inside of one. A document owns its path and its tree and is closed; a value inside borrows
 * all from the handle it was taken from, which must neither be closed nor move before it. */
typedef struct hd_json {
    heed_context *context;
    char *path; /* the file's name, for messages */
    json_t *root;
    const struct hd_json *parent; /* NULL for a document */
    const char *key;              /* in the parent; NULL for a document */
    size_t index;                 /* in the parent's array; SIZE_MAX when it is no element of one */
} hd_json;

typedef enum hd_json_rules {
    HD_JSON_LENIENT, /* as Python reads: the last of equal keys wins, integers past 64 bits become floats */
    HD_JSON_STRICT   /* equal keys and integers past 64 bits are errors */
} hd_json_rules;

/* Opens a file whose top is an object. NaN, infinities, bytes after the end, invalid UTF-8, nesting past 2048
 * and files past 1 GiB are HEED_FORMAT; so is memory that runs out inside of a token, which Jansson does not tell
 * from a broken one. After a failure nothing is held, and closing is allowed. */
heed_status hd_json_open(heed_context *context, const char *path, hd_json *json);
/* The same of bytes in memory, which are not kept; the top may also be an array. `name` stands for the path. */
heed_status hd_json_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                               hd_json_rules rules, hd_json *json);
void hd_json_close(hd_json *json); /* of a document; of a zeroed handle it does nothing */

/* True when the key is there and not null. */
bool hd_json_has(const hd_json *json, const char *key);
/* HEED_FORMAT, `path: "key" is missing`, unless hd_json_has. */
heed_status hd_json_require(const hd_json *json, const char *key);

/* A missing or null key gives `otherwise`, which is not checked against the range. Both ends belong to the range.
 * Where a document was read with floats for integers, or a file says 12.0, a whole float is an integer. */
heed_status hd_json_int(const hd_json *json, const char *key, int64_t otherwise, int64_t least, int64_t most,
                        int64_t *out);
/* 1e-5, 0.1 and 1 alike. */
heed_status hd_json_float(const hd_json *json, const char *key, double otherwise, double least, double most,
                          double *out);
heed_status hd_json_bool(const hd_json *json, const char *key, bool otherwise, bool *out);
/* *out lives as long as the document, or is `otherwise`, which may be NULL. A string with a NUL inside is refused. */
heed_status hd_json_string(const hd_json *json, const char *key, const char *otherwise, const char **out);
/* Up to `capacity` integers into out; *count is how many there are. A lone integer counts as an array of one, as
 * configs write "eos_token_id"; a missing key gives none; more than `capacity` is HEED_FORMAT. */
heed_status hd_json_ints(const hd_json *json, const char *key, int64_t least, int64_t most, int64_t *out,
                         size_t capacity, size_t *count);

/* The object under `key`; an empty one when it is missing, so that its keys then take their defaults. */
heed_status hd_json_object(const hd_json *json, const char *key, hd_json *out);
/* The array under `key`, and how many elements it has; an empty one when it is missing. */
heed_status hd_json_array(const hd_json *json, const char *key, hd_json *out, size_t *count);
/* Element `index` of such an array, of any type. The array's handle must outlive it. */
void hd_json_element(const hd_json *array, size_t index, hd_json *out);

/* The value as an integer, if it is one by the rule of hd_json_int. */
bool hd_json_value_int(const json_t *value, int64_t *out);
/* Records and returns HEED_FORMAT: `path: "key" is VALUE, expected EXPECTED`. `key` NULL means the value itself,
 * `expected` NULL leaves that part out. */
heed_status hd_json_expected(const hd_json *json, const char *key, const char *expected);
/* Records HEED_MEMORY when a Jansson call that makes something returned NULL. */
heed_status hd_json_no_memory(heed_context *context, const char *path);

/* Appends `root` on one line, as small as it gets. */
heed_status hd_json_append(heed_context *context, const json_t *root, hd_buffer *buffer);
/* Appends `root` with keys in the order they were set, two spaces a level, floats with the fewest digits that read
 * back as the same double, and a final newline. */
heed_status hd_json_append_pretty(heed_context *context, const json_t *root, hd_buffer *buffer);
/* Writes that to `path`; the old file stays if it fails. Does not take `root`. */
heed_status hd_json_write(heed_context *context, const char *path, const json_t *root);

#endif
