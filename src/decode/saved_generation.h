/* The settings of a request in a saved session, as JSON. */
#ifndef HD_DECODE_SAVED_GENERATION_H
#define HD_DECODE_SAVED_GENERATION_H

#include "models/generation.h"

/* A field of hd_generation. Numbers that are no integers are written as their bits. */
typedef struct hd_saved_field {
    const char *name;
    int kind;
    size_t offset, size;
    int64_t least, most; /* of an integer */
} hd_saved_field;

/* Every field. */
extern const hd_saved_field hd_saved_fields[];
extern const size_t hd_saved_field_count;

/* A new object; NULL: out of memory. */
json_t *hd_saved_generation_write(const hd_generation *generation);
/* Reads such an object. Lists are allocated from the arena. Tokens that may be forced are below `vocabulary`. */
heed_status hd_saved_generation_read(const hd_json *json, int64_t vocabulary, hd_arena *arena,
                                     hd_generation *generation);

/* An array of tokens; NULL: out of memory. */
json_t *hd_saved_ids_write(const int32_t *ids, int64_t count);
/* The tokens under `key`, 0 … vocabulary − 1, from the arena. */
heed_status hd_saved_ids_read(const hd_json *json, const char *key, int64_t vocabulary, hd_arena *arena, hd_ids *out);
/* The same of an array itself, to ids [its elements]. */
heed_status hd_saved_ids_into(const hd_json *array, int64_t vocabulary, int32_t *ids);
/* The bits of numbers as integers. */
json_t *hd_saved_float_write(float value);
json_t *hd_saved_double_write(double value);
heed_status hd_saved_float_read(const hd_json *json, const char *key, float *out);
heed_status hd_saved_double_read(const hd_json *json, const char *key, double *out);

#endif
