/* The texts of a session in a file: what adds each of them again. */
#ifndef HD_TASKS_SESSION_FILE_H
#define HD_TASKS_SESSION_FILE_H

#include "base/options.h"
#include "formats/json.h"

typedef struct hd_text_record {
    uint64_t number;
    char *text; /* [size] */
    size_t size;
    heed_options *options;
} hd_text_record;

/* A text, its number and its options as a line of JSON; NULL when out of memory. */
char *hd_text_record_write(heed_context *context, const char *text, size_t size, uint64_t number,
                           const heed_options *options);
/* Reads such an object. The caller closes the record, also after a failure. */
heed_status hd_text_record_read(const hd_json *json, hd_text_record *record);
void hd_text_record_close(heed_context *context, hd_text_record *record);

#endif
