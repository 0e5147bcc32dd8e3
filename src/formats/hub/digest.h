/* SHA-1 and SHA-256 of bytes and files. The hub names a file that git stores by git's SHA-1, which begins with a header, and a
 * large file by its SHA-256. */
#ifndef HD_FORMATS_HUB_DIGEST_H
#define HD_FORMATS_HUB_DIGEST_H

#include "formats/hub/library.h"

enum { HD_SHA1_DIGITS = 40, HD_SHA256_DIGITS = 64 };

typedef enum hd_digest_kind {
    HD_DIGEST_GIT,   /* SHA-1 of "blob SIZE", a zero byte, and the bytes */
    HD_DIGEST_SHA256 /* of the bytes */
} hd_digest_kind;

/* The digest of a whole file, as lowercase hexadecimal digits; `size` is its size, which git's header contains. HEED_FILE,
 * also when the file has another size, HEED_STOPPED. */
heed_status hd_digest_file(heed_context *context, const hd_hub_library *library, const char *path, uint64_t size,
                           hd_digest_kind kind, char digits[HD_SHA256_DIGITS + 1]);
/* The same for bytes in memory. HEED_MEMORY. */
heed_status hd_digest_bytes(heed_context *context, const hd_hub_library *library, const void *bytes, size_t size,
                            hd_digest_kind kind, char digits[HD_SHA256_DIGITS + 1]);

/* True for a text of exactly `count` lowercase hexadecimal digits. */
bool hd_is_digest(const char *text, size_t count);

#endif
