#include "formats/hub/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { SLICE = 50 /* milliseconds */ };

/* filelock, which huggingface_hub uses, may remove the file of a lock that it releases: the lock is then on no file. */
static bool is_still_there(const char *path, int descriptor) {
    struct stat there, opened;
    return stat(path, &there) == 0 && fstat(descriptor, &opened) == 0 && there.st_ino == opened.st_ino &&
           there.st_dev == opened.st_dev;
}

static heed_status fail(heed_context *context, const char *path) {
    return hd_fail(context, HEED_FILE, "%s: cannot lock: %s", path, strerror(errno));
}

static heed_status try_lock(heed_context *context, const char *path, int *descriptor) {
    *descriptor = hd_open(path, O_RDWR | O_CREAT, 0664);
    if (*descriptor < 0) return fail(context, path);
    bool locked = flock(*descriptor, LOCK_EX | LOCK_NB) == 0;
    if (locked && is_still_there(path, *descriptor)) return HEED_OK;
    bool busy = locked || errno == EWOULDBLOCK || errno == EINTR;
    heed_status status = busy ? HEED_OK : fail(context, path);
    close(*descriptor);
    *descriptor = -1;
    return status;
}

heed_status hd_hub_lock(heed_context *context, const char *path, int *descriptor) {
    double start = hd_clock();
    bool noted = false;
    for (;;) {
        HD_TRY(try_lock(context, path, descriptor));
        if (*descriptor >= 0) return HEED_OK;
        HD_TRY(hd_check_stop(context));
        if (!noted && hd_clock() - start > 1) {
            hd_note(context, "%s: waits for another process that downloads the file", path);
            noted = true;
        }
        poll(NULL, 0, SLICE);
    }
}

void hd_hub_unlock(int descriptor) { close(descriptor); }
