#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_READ = 1 << 28 };

static heed_status fail_errno(heed_context *context, const char *path, const char *what) {
    return hd_fail(context, HEED_FILE, "%s: %s: %s", path, what, strerror(errno));
}

int hd_open(const char *path, int flags, mode_t mode) {
    int descriptor = open(path, flags | O_CLOEXEC, mode);
    if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), error = errno;
    close(descriptor);
    errno = error;
    return moved;
}

heed_status hd_check_name(heed_context *context, const char *what, const char *path) {
    return path[0] ? HEED_OK : hd_fail(context, HEED_ARGUMENT, "the name of the %s is empty", what);
}

/* A pipe without a writer opens at once with O_NONBLOCK; hd_read waits for its bytes. */
static heed_status open_for_reading(heed_context *context, const char *path, int *descriptor,
                                    struct stat *information) {
    HD_TRY(hd_check_name(context, "file", path));
    *descriptor = hd_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (*descriptor < 0) return fail_errno(context, path, "cannot open");
    bool known = fstat(*descriptor, information) == 0;
    if (known && !S_ISDIR(information->st_mode)) {
        fcntl(*descriptor, F_SETFL, fcntl(*descriptor, F_GETFL) & ~O_NONBLOCK);
        return HEED_OK;
    }
    if (known) errno = EISDIR;
    heed_status status = fail_errno(context, path, "cannot read");
    close(*descriptor);
    *descriptor = -1;
    return status;
}

heed_status hd_open_to_read(heed_context *context, const char *path, int *descriptor) {
    struct stat information;
    return open_for_reading(context, path, descriptor, &information);
}

/* Waiting in slices notices a stop that was requested just before the wait. */
heed_status hd_read(heed_context *context, const char *path, int descriptor, void *bytes, size_t size, size_t *count) {
    enum { SLICE = 100 }; /* milliseconds */
    for (;;) {
        HD_TRY(hd_check_stop(context));
        struct pollfd request = {.fd = descriptor, .events = POLLIN};
        if (poll(&request, 1, context->stop ? SLICE : -1) <= 0) continue;
        ssize_t got = read(descriptor, bytes, size);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return fail_errno(context, path, "cannot read");
        *count = (size_t)got;
        return HEED_OK;
    }
}

static heed_status open_regular(heed_context *context, const char *path, int *descriptor, struct stat *information) {
    HD_TRY(open_for_reading(context, path, descriptor, information));
    if (S_ISREG(information->st_mode)) return HEED_OK;
    close(*descriptor);
    return hd_fail(context, HEED_FILE, "%s: not a regular file", path);
}

heed_status hd_map_open(heed_context *context, const char *path, hd_map *map) {
    int descriptor;
    struct stat information;
    *map = (hd_map){(const uint8_t *)"", 0, NULL};
    HD_TRY(open_regular(context, path, &descriptor, &information));
    heed_status status = HEED_OK;
    if (information.st_size > 0) {
        void *data = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED)
            status = fail_errno(context, path, "cannot map");
        else
            *map = (hd_map){data, (size_t)information.st_size, NULL};
    }
    close(descriptor);
    return status;
}

/* The size of the file is only a first estimate. */
static heed_status read_all(heed_context *context, const char *path, int descriptor, size_t estimate, hd_map *map) {
    uint8_t *data = NULL;
    size_t capacity = 0, size = 0, count = 1;
    heed_status status = HEED_OK;
    while (status == HEED_OK && count > 0) {
        if (!hd_grow(context, &data, &capacity, size < estimate ? estimate + 1 : size + 1, 1))
            status = HEED_MEMORY;
        else
            status = hd_read(context, path, descriptor, data + size, capacity - size, &count);
        if (status == HEED_OK) size += count;
    }
    if (status == HEED_OK)
        *map = (hd_map){data, size, context};
    else
        hd_free(context, data);
    return status;
}

heed_status hd_map_copy(heed_context *context, const char *path, hd_map *map) {
    int descriptor;
    struct stat information;
    *map = (hd_map){(const uint8_t *)"", 0, NULL};
    HD_TRY(open_regular(context, path, &descriptor, &information));
    heed_status status = read_all(context, path, descriptor, (size_t)information.st_size, map);
    close(descriptor);
    return status;
}

void hd_map_close(hd_map *map) {
    if (map->owner)
        hd_free(map->owner, (void *)(uintptr_t)map->data);
    else if (map->size)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (hd_map){(const uint8_t *)"", 0, NULL};
}

void hd_map_release(const void *data, size_t size) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)data + size) / page * page;
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}

heed_status hd_file_read(heed_context *context, const char *path, hd_buffer *buffer) {
    int descriptor;
    HD_TRY(hd_open_to_read(context, path, &descriptor));
    heed_status status = HEED_OK;
    char chunk[1 << 16];
    size_t total = 0, count = 1;
    while (status == HEED_OK && count > 0 && !buffer->failed) {
        status = hd_read(context, path, descriptor, chunk, sizeof chunk, &count);
        if (status != HEED_OK) break;
        hd_buffer_append(buffer, chunk, count);
        total += count;
        if (total > MOST_READ) /* a device may be endless */
            status = hd_fail(context, HEED_FORMAT, "%s: more than %d bytes, too many for such a file", path, MOST_READ);
    }
    close(descriptor);
    return buffer->failed ? HEED_MEMORY : status;
}

const char *hd_path_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

bool hd_file_exists(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISREG(information.st_mode);
}

bool hd_folder_exists(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

heed_status hd_folder_make(heed_context *context, const char *path) {
    HD_TRY(hd_check_name(context, "folder", path));
    if (hd_folder_exists(path)) return HEED_OK;
    char *copy = hd_copy_string(context, path);
    if (!copy) return HEED_MEMORY;
    heed_status status = HEED_OK;
    for (char *slash = copy + 1; status == HEED_OK; slash++) {
        char kept = *slash;
        if (kept != '/' && kept != 0) continue;
        *slash = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) status = fail_errno(context, copy, "cannot make the folder");
        *slash = kept;
        if (kept == 0) break;
    }
    hd_free(context, copy);
    if (status == HEED_OK && !hd_folder_exists(path)) status = hd_fail(context, HEED_FILE, "%s: not a folder", path);
    return status;
}

heed_status hd_file_remove(heed_context *context, const char *path) {
    if (unlink(path) != 0 && errno != ENOENT) return fail_errno(context, path, "cannot remove");
    return HEED_OK;
}

char *hd_path_join(heed_context *context, const char *folder, const char *name) {
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    hd_buffer path;
    hd_buffer_open(&path, context);
    hd_buffer_append(&path, folder, length);
    if (length && folder[length - 1] != '/') hd_buffer_byte(&path, '/');
    hd_buffer_text(&path, name);
    return hd_buffer_take(&path);
}
