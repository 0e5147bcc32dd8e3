#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_BYTES = 1 << 18, MOST_READ = 1 << 28 };

static heed_status fail_errno(heed_context *context, const char *path, const char *what) {
    return hd_fail(context, HEED_FILE, "%s: %s: %s", path, what, strerror(errno));
}

static heed_status open_for_reading(heed_context *context, const char *path, int *descriptor,
                                    struct stat *information) {
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0) return fail_errno(context, path, "cannot open");
    bool known = fstat(*descriptor, information) == 0;
    if (known && !S_ISDIR(information->st_mode)) return HEED_OK;
    if (known) errno = EISDIR;
    heed_status status = fail_errno(context, path, "cannot read");
    close(*descriptor);
    return status;
}

heed_status hd_map_open(heed_context *context, const char *path, hd_map *map) {
    int descriptor;
    struct stat information;
    *map = (hd_map){(const uint8_t *)"", 0};
    HD_TRY(open_for_reading(context, path, &descriptor, &information));
    heed_status status = HEED_OK;
    if (!S_ISREG(information.st_mode)) {
        status = hd_fail(context, HEED_FILE, "%s: not a regular file", path);
    } else if (information.st_size > 0) {
        void *data = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED)
            status = fail_errno(context, path, "cannot map");
        else
            *map = (hd_map){data, (size_t)information.st_size};
    }
    close(descriptor);
    return status;
}

void hd_map_close(hd_map *map) {
    if (map->size) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (hd_map){(const uint8_t *)"", 0};
}

void hd_map_release(const void *data, size_t size) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)data + size) / page * page;
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}

heed_status hd_file_read(heed_context *context, const char *path, hd_buffer *buffer) {
    int descriptor;
    struct stat information;
    HD_TRY(open_for_reading(context, path, &descriptor, &information));
    heed_status status = HEED_OK;
    char chunk[1 << 16];
    size_t total = 0;
    while (status == HEED_OK && !buffer->failed) {
        ssize_t count = read(descriptor, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) status = fail_errno(context, path, "cannot read");
        if (count <= 0) break;
        hd_buffer_append(buffer, chunk, (size_t)count);
        total += (size_t)count;
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

heed_status hd_writer_open(heed_context *context, const char *path, hd_writer *writer) {
    *writer = (hd_writer){.context = context, .descriptor = -1};
    hd_buffer_open(&writer->pending, context);
    writer->path = hd_copy_string(context, path);
    hd_buffer part;
    hd_buffer_open(&part, context);
    hd_buffer_text(&part, path);
    hd_buffer_text(&part, ".part");
    writer->part = hd_buffer_take(&part);
    if (!writer->path || !writer->part) {
        hd_writer_abandon(writer);
        return HEED_MEMORY;
    }
    writer->descriptor = open(writer->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor < 0) {
        heed_status status = fail_errno(context, path, "cannot write");
        hd_writer_abandon(writer);
        return status;
    }
    return HEED_OK;
}

static bool write_bytes(int descriptor, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = write(descriptor, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static heed_status write_all(hd_writer *writer, const char *bytes, size_t size) {
    if (write_bytes(writer->descriptor, bytes, size)) return HEED_OK;
    heed_status status = fail_errno(writer->context, writer->path, "cannot write");
    hd_writer_abandon(writer);
    return status;
}

heed_status hd_file_append(heed_context *context, const char *path, const void *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    heed_status status =
        file >= 0 && write_bytes(file, bytes, size) ? HEED_OK : fail_errno(context, path, "cannot write");
    if (file >= 0) close(file);
    return status;
}

static heed_status flush(hd_writer *writer) {
    if (writer->pending.failed) {
        hd_writer_abandon(writer);
        return HEED_MEMORY;
    }
    HD_TRY(write_all(writer, writer->pending.data, writer->pending.size));
    hd_buffer_clear(&writer->pending);
    return HEED_OK;
}

heed_status hd_writer_write(hd_writer *writer, const void *bytes, size_t size) {
    if (writer->descriptor < 0) return writer->context->status;
    if (writer->pending.size + size > PENDING_BYTES) HD_TRY(flush(writer));
    if (size > PENDING_BYTES) return write_all(writer, bytes, size);
    hd_buffer_append(&writer->pending, bytes, size);
    return writer->pending.failed ? flush(writer) : HEED_OK;
}

/* A rename is durable only when its folder is synced. */
static void sync_folder_of(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
    int folder = open(slash ? (slash == path ? "/" : path) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slash) *slash = '/';
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

heed_status hd_writer_commit(hd_writer *writer) {
    if (writer->descriptor < 0) return writer->context->status;
    HD_TRY(flush(writer));
    int descriptor = writer->descriptor;
    writer->descriptor = -1;
    heed_status status = HEED_OK;
    if (fsync(descriptor) != 0 && errno != EINVAL) status = fail_errno(writer->context, writer->path, "cannot write");
    if (close(descriptor) != 0 && status == HEED_OK) status = fail_errno(writer->context, writer->path, "cannot write");
    if (status == HEED_OK && rename(writer->part, writer->path) != 0)
        status = fail_errno(writer->context, writer->path, "cannot rename into place");
    if (status == HEED_OK) {
        sync_folder_of(writer->path);
        hd_free(writer->context, writer->part); /* renamed: nothing to remove */
        writer->part = NULL;
    }
    hd_writer_abandon(writer);
    return status;
}

void hd_writer_abandon(hd_writer *writer) {
    if (writer->descriptor >= 0) close(writer->descriptor);
    writer->descriptor = -1;
    if (writer->part) unlink(writer->part);
    hd_free(writer->context, writer->path);
    hd_free(writer->context, writer->part);
    writer->path = writer->part = NULL;
    hd_buffer_close(&writer->pending);
}

heed_status hd_file_write(heed_context *context, const char *path, const void *bytes, size_t size) {
    hd_writer writer;
    HD_TRY(hd_writer_open(context, path, &writer));
    HD_TRY(hd_writer_write(&writer, bytes, size));
    return hd_writer_commit(&writer);
}
