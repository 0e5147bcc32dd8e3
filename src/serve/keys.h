/* API keys: one per line of a file. */
#ifndef HD_SERVE_KEYS_H
#define HD_SERVE_KEYS_H

#include "base/buffer.h"

typedef struct hd_serve_keys hd_serve_keys;

/* `path` NULL: every request is allowed. HEED_FILE, HEED_FORMAT for a file without keys. */
heed_status hd_serve_keys_open(heed_context *context, const char *path, hd_serve_keys **keys);
void hd_serve_keys_close(hd_serve_keys *keys); /* NULL is allowed */
/* Reads the file again; after a failure the keys are as they were. */
heed_status hd_serve_keys_renew(hd_serve_keys *keys, heed_context *context);
/* Whether the key (NULL: none) is one of the keys. The time that this takes does not depend on where keys differ. */
bool hd_serve_keys_allow(hd_serve_keys *keys, const char *key);

#endif
