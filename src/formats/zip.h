/* Zip archives, through libzip, which is loaded when the first archive is opened: starting heed does not wait for it and for
 * the libraries that it needs. */
#ifndef HD_FORMATS_ZIP_H
#define HD_FORMATS_ZIP_H

#include "base/context.h"

typedef struct hd_zip hd_zip;

/* Opens an archive in memory, which the caller keeps until it is closed; `path` is copied, for messages. HEED_UNSUPPORTED if there is no
 * libzip, HEED_FORMAT for an invalid archive. *zip is NULL after a failure. */
heed_status hd_zip_open(heed_context *context, const char *path, const void *bytes, size_t size, hd_zip **zip);
void hd_zip_close(hd_zip *zip); /* NULL is allowed */

size_t hd_zip_count(const hd_zip *zip);
/* The name of entry `index`. */
const char *hd_zip_name(const hd_zip *zip, size_t index);
/* The index of the entry with this name; false if there is none. */
bool hd_zip_find(const hd_zip *zip, const char *name, size_t *index);

/* The contents of an entry. Those that are stored as they are lie in the archive's bytes, at any address. Others are
 * decompressed once per call. */
typedef struct hd_zip_contents {
    const uint8_t *data;
    size_t size;
    void *block; /* for hd_free, after decompression; else NULL */
} hd_zip_contents;

/* HEED_UNSUPPORTED for encryption and for unknown compression. HEED_FORMAT for an entry that decompresses to more than
 * `most` bytes, or whose bytes contradict its size or checksum. */
heed_status hd_zip_read(hd_zip *zip, size_t index, size_t most, hd_zip_contents *contents);

#endif
