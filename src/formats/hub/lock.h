/* A lock on one blob of the cache, shared with huggingface_hub: an exclusive flock on a file in CACHE/.locks. */
#ifndef HD_FORMATS_HUB_LOCK_H
#define HD_FORMATS_HUB_LOCK_H

#include "base/context.h"

/* Waits until no other process has the lock; a note says so when that takes a while. *descriptor is for hd_hub_unlock.
 * HEED_FILE, HEED_STOPPED, HEED_MEMORY. */
heed_status hd_hub_lock(heed_context *context, const char *path, int *descriptor);
void hd_hub_unlock(int descriptor);

#endif
