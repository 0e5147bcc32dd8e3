#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_BYTES = 1 << 18, MOST_LINKS = 40, RANDOM_DIGITS = 16 };

static const char part_prefix[] = ".heed-"; /* of temporary files; RANDOM_DIGITS hexadecimal digits follow */

static heed_status fail_errno(heed_context *context, const char *path, const char *what) {
    return hd_fail(context, HEED_FILE, "%s: %s: %s", path, what, strerror(errno));
}

/* ---- where to write ---------------------------------------------------------------------------------------------- */

/* The length of a path up to its last slash, with it; 0 for a name alone. */
static size_t folder_length(const char *path) { return (size_t)(hd_path_name(path) - path); }

/* True for a link in /proc/N/fd, where links stand for open files. *number is the descriptor if it is of this process, or
 * −1. */
static bool is_descriptor(const char *link, int *number) {
    char folder[PATH_MAX], resolved[PATH_MAX], own[32];
    size_t length = folder_length(link);
    *number = -1;
    if (length >= sizeof folder) return false;
    memcpy(folder, length ? link : ".", length ? length : 1);
    folder[length ? length : 1] = 0;
    if (!realpath(folder, resolved) || strncmp(resolved, "/proc/", 6) != 0) return false;
    snprintf(own, sizeof own, "/proc/%ld/", (long)getpid());
    if (strncmp(resolved, own, strlen(own)) == 0) *number = atoi(hd_path_name(link));
    return true;
}

/* What a link at `at` leads to, in one step; frees `at`. */
static char *follow(heed_context *context, char *at) {
    char text[PATH_MAX];
    ssize_t length = readlink(at, text, sizeof text);
    char *next = NULL;
    hd_buffer path;
    hd_buffer_open(&path, context);
    if (length > 0 && text[0] != '/') hd_buffer_append(&path, at, folder_length(at));
    if (length > 0) hd_buffer_append(&path, text, (size_t)length);
    if (length <= 0)
        fail_errno(context, at, "cannot read the link");
    else
        next = hd_buffer_take(&path);
    hd_buffer_close(&path);
    hd_free(context, at);
    return next;
}

/* Follows links to a file that may not exist, or to one that is to be written directly. *number is a descriptor of this
 * process that a link names, or −1. NULL when it failed. */
static char *resolve(heed_context *context, const char *path, bool *direct, int *number) {
    char *at = hd_copy_string(context, path);
    *direct = false;
    *number = -1;
    for (int links = 0; at; links++) {
        struct stat information;
        if (lstat(at, &information) != 0) return at;
        if (!S_ISLNK(information.st_mode)) {
            *direct = !S_ISREG(information.st_mode);
            return at;
        }
        *direct = is_descriptor(at, number);
        if (*direct) return at;
        if (links == MOST_LINKS) {
            errno = ELOOP;
            fail_errno(context, path, "cannot write");
            hd_free(context, at);
            return NULL;
        }
        at = follow(context, at);
    }
    return NULL;
}

/* Opens a new file with an unpredictable name in the folder that begins the path; O_EXCL refuses links too. */
static int create_part(hd_writer *writer, const char *path, mode_t mode) {
    size_t folder = folder_length(path), room = folder + sizeof part_prefix + RANDOM_DIGITS;
    writer->part = hd_alloc(writer->context, room, 1);
    if (!writer->part) return -1;
    memcpy(writer->part, path, folder);
    int descriptor = -1;
    for (int tries = 0; tries < 100 && descriptor < 0; tries++) {
        uint64_t number;
        if (getentropy(&number, sizeof number) != 0) break;
        snprintf(writer->part + folder, room - folder, "%s%016llx", part_prefix, (unsigned long long)number);
        descriptor = hd_open(writer->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        if (descriptor < 0 && errno != EEXIST) break;
    }
    if (descriptor < 0) fail_errno(writer->context, writer->path, "cannot write");
    if (descriptor < 0) {
        hd_free(writer->context, writer->part);
        writer->part = NULL;
    }
    return descriptor;
}

/* Gives the temporary file the owner and the mode of the file that it will replace. */
static void keep_owner_and_mode(int descriptor, const struct stat *old) {
    bool kept = fchown(descriptor, old->st_uid, old->st_gid) == 0;
    if (!kept && fchown(descriptor, (uid_t)-1, old->st_gid) != 0) errno = 0; /* as the system allows */
    fchmod(descriptor, old->st_mode & (kept ? 07777 : 0777));
}

static int open_part(hd_writer *writer) {
    struct stat old;
    if (lstat(writer->target, &old) != 0) return create_part(writer, writer->target, 0666);
    if (faccessat(AT_FDCWD, writer->target, W_OK, AT_EACCESS) != 0) {
        fail_errno(writer->context, writer->path, "cannot write");
        return -1;
    }
    int descriptor = create_part(writer, writer->target, 0600);
    if (descriptor >= 0) keep_owner_and_mode(descriptor, &old);
    return descriptor;
}

static int open_directly(hd_writer *writer, const char *path, int number) {
    int descriptor = number >= 0 ? fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) /* shares its position */
                                 : hd_open(path, O_WRONLY | O_NOCTTY, 0);
    if (descriptor < 0) fail_errno(writer->context, writer->path, "cannot write");
    return descriptor;
}

void hd_writer_init(heed_context *context, hd_writer *writer) {
    *writer = (hd_writer){.context = context, .descriptor = -1};
    hd_buffer_open(&writer->pending, context);
}

static heed_status check_open(hd_writer *writer) {
    if (writer->descriptor >= 0) return HEED_OK;
    hd_writer_abandon(writer);
    return writer->context->status;
}

heed_status hd_writer_open(heed_context *context, const char *path, hd_writer *writer) {
    hd_writer_init(context, writer);
    HD_TRY(hd_check_name(context, "file", path));
    bool direct;
    int number;
    writer->path = hd_copy_string(context, path);
    char *target = writer->path ? resolve(context, path, &direct, &number) : NULL;
    if (target && direct) {
        writer->descriptor = open_directly(writer, target, number);
        hd_free(context, target);
    } else if (target) {
        writer->target = target;
        writer->descriptor = open_part(writer);
    }
    return check_open(writer);
}

heed_status hd_writer_open_unnamed(heed_context *context, const char *folder, hd_writer *writer) {
    hd_writer_init(context, writer);
    writer->path = hd_copy_string(context, folder);
    char *inside = hd_path_join(context, folder, "");
    if (writer->path && inside) writer->descriptor = create_part(writer, inside, 0600);
    hd_free(context, inside);
    if (writer->part) unlink(writer->part);
    hd_free(context, writer->part);
    writer->part = NULL;
    return check_open(writer);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

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
    hd_checksum_add(&writer->checksum, bytes, size);
    if (writer->pending.size + size > PENDING_BYTES) HD_TRY(flush(writer));
    if (size > PENDING_BYTES) return write_all(writer, bytes, size);
    hd_buffer_append(&writer->pending, bytes, size);
    return writer->pending.failed ? flush(writer) : HEED_OK;
}

heed_status hd_writer_replace(hd_writer *writer, uint64_t offset, const void *bytes, size_t size) {
    if (writer->descriptor < 0) return writer->context->status;
    HD_TRY(flush(writer));
    ssize_t count;
    do count = pwrite(writer->descriptor, bytes, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)size) return HEED_OK;
    if (count >= 0) errno = EIO;
    heed_status status = fail_errno(writer->context, writer->path, "cannot write");
    hd_writer_abandon(writer);
    return status;
}

/* A rename is durable only when its folder is synced. */
static void sync_folder_of(char *path) {
    size_t length = folder_length(path);
    char kept = path[length];
    path[length] = 0;
    int folder = hd_open(length ? path : ".", O_RDONLY | O_DIRECTORY, 0);
    path[length] = kept;
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

/* Devices and pipes cannot be synced. */
static bool sync_file(int descriptor) {
    int result;
    do result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
}

heed_status hd_writer_commit(hd_writer *writer) {
    if (writer->descriptor < 0) return writer->context->status;
    HD_TRY(flush(writer));
    int descriptor = writer->descriptor;
    writer->descriptor = -1;
    heed_status status = HEED_OK;
    if (!sync_file(descriptor)) status = fail_errno(writer->context, writer->path, "cannot write");
    if (close(descriptor) != 0 && errno != EINTR && status == HEED_OK)
        status = fail_errno(writer->context, writer->path, "cannot write");
    if (status == HEED_OK && writer->part && rename(writer->part, writer->target) != 0)
        status = fail_errno(writer->context, writer->path, "cannot rename into place");
    if (status == HEED_OK && writer->part) {
        sync_folder_of(writer->target);
        hd_free(writer->context, writer->part); /* renamed: nothing to remove */
        writer->part = NULL;
    }
    hd_writer_abandon(writer);
    return status;
}

heed_status hd_writer_map(hd_writer *writer, hd_map *map) {
    *map = (hd_map){(const uint8_t *)"", 0, NULL};
    if (writer->descriptor < 0) return writer->context->status;
    HD_TRY(flush(writer));
    heed_status status = HEED_OK;
    size_t size = (size_t)writer->checksum.bytes;
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, writer->descriptor, 0) : NULL;
    if (data == MAP_FAILED)
        status = fail_errno(writer->context, writer->path, "cannot map a temporary file");
    else if (size)
        *map = (hd_map){data, size, NULL};
    hd_writer_abandon(writer);
    return status;
}

void hd_writer_abandon(hd_writer *writer) {
    if (writer->descriptor >= 0) close(writer->descriptor);
    writer->descriptor = -1;
    if (writer->part) unlink(writer->part);
    hd_free(writer->context, writer->path);
    hd_free(writer->context, writer->target);
    hd_free(writer->context, writer->part);
    writer->path = writer->target = writer->part = NULL;
    hd_buffer_close(&writer->pending);
}

heed_status hd_file_write(heed_context *context, const char *path, const void *bytes, size_t size) {
    hd_writer writer;
    HD_TRY(hd_writer_open(context, path, &writer));
    HD_TRY(hd_writer_write(&writer, bytes, size));
    return hd_writer_commit(&writer);
}

heed_status hd_file_append(heed_context *context, const char *path, const void *bytes, size_t size) {
    int file = hd_open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    heed_status status =
        file >= 0 && write_bytes(file, bytes, size) ? HEED_OK : fail_errno(context, path, "cannot write");
    if (file >= 0) close(file);
    return status;
}

/* ---- what killed processes leave ----------------------------------------------------------------------------------- */

static bool is_part(const char *name) {
    size_t prefix = strlen(part_prefix);
    return strncmp(name, part_prefix, prefix) == 0 && strlen(name) == prefix + RANDOM_DIGITS &&
           strspn(name + prefix, "0123456789abcdef") == RANDOM_DIGITS;
}

void hd_folder_sweep(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (is_part(entry->d_name)) unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}
