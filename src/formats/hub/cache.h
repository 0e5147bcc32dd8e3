/* The hub's cache on disk, as huggingface_hub lays it out:
 *
 *     CACHE/models--owner--name/blobs/ETAG                 contents, named by SHA-256 or by git's SHA-1
 *     CACHE/models--owner--name/blobs/ETAG.incomplete      a download that has not finished
 *     CACHE/models--owner--name/snapshots/COMMIT/FILE      relative links to blobs
 *     CACHE/models--owner--name/refs/REVISION              the commit of a branch or tag
 *     CACHE/.locks/models--owner--name/ETAG.lock           locked while a blob is written
 *
 * Environment variables choose the folders: those of huggingface_hub's constants.py. */
#ifndef HD_FORMATS_HUB_CACHE_H
#define HD_FORMATS_HUB_CACHE_H

#include "base/buffer.h"

enum { HD_COMMIT_DIGITS = 40 };

/* The value of an environment variable; NULL when it is not set or empty. */
const char *hd_hub_setting(const char *name);
/* True for an environment variable that is 1, on, yes or true. */
bool hd_hub_switch(const char *name);
/* $HF_HOME, $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface. *known is false when the home folder is unknown; the
 * result is NULL then, and when memory ran out. */
char *hd_hub_home(heed_context *context, bool *known);
/* $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE or "hub" in the home; like hd_hub_home. */
char *hd_hub_cache(heed_context *context, bool *known);

/* Names of repositories are owner/name or a name, of letters, digits, '.', '_' and '-', so that they cannot lead to another
 * folder, and without "--", which separates the two parts in the cache. */
bool hd_hub_is_name(const char *name);
/* Names of revisions and of files in a repository: relative paths without "." or ".." as a component, backslashes, control
 * characters or invalid UTF-8. */
bool hd_hub_is_path(const char *path);

/* CACHE/models--owner--name, and the reverse: the name in a buffer, false when the folder is not of this form. The first is
 * NULL when memory ran out. */
char *hd_hub_repository(heed_context *context, const char *cache, const char *name);
bool hd_hub_repository_name(const char *folder, hd_buffer *name);
/* The commit that refs/REVISION contains; "" when there is none. HEED_MEMORY. */
heed_status hd_hub_read_ref(heed_context *context, const char *repository, const char *revision,
                            char commit[HD_COMMIT_DIGITS + 1]);

#endif
