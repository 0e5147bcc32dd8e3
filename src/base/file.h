/* Files: read whole, mapped, and written so that no incomplete file is ever visible. */
#ifndef HD_BASE_FILE_H
#define HD_BASE_FILE_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/checksum.h"
#include "base/context.h"

/* open(2) that never returns a descriptor of standard input, output or error, even if these are closed: what a program
 * prints there must not land in a file. −1 with errno set after a failure. */
int hd_open(const char *path, int flags, mode_t mode);
/* HEED_ARGUMENT for "": `what` is "file" or "folder". */
heed_status hd_check_name(heed_context *context, const char *what, const char *path);
/* Opens a file for reading. HEED_FILE for a folder. Opening does not wait for the other end of a pipe. */
heed_status hd_open_to_read(heed_context *context, const char *path, int *descriptor);
/* read(2) for `path`, which is named in messages. Waits for more bytes of a pipe, unless HEED_STOPPED ends the wait.
 * *count is 0 at the end. */
heed_status hd_read(heed_context *context, const char *path, int descriptor, void *bytes, size_t size, size_t *count);

/* A file mapped read-only, or a copy of it. An empty file has data "" and size 0. */
typedef struct hd_map {
    const uint8_t *data;
    size_t size;
    heed_context *owner; /* of a copy; NULL: mapped */
} hd_map;

/* Nobody may shorten the file while it is mapped: the access would be a SIGBUS. */
heed_status hd_map_open(heed_context *context, const char *path, hd_map *map);
/* Reads a regular file into memory. Changes of the file during the call may end up in the copy, later ones do not. */
heed_status hd_map_copy(heed_context *context, const char *path, hd_map *map);
void hd_map_close(hd_map *map);
/* Lets the system reclaim the whole pages inside these bytes of a map; they are read again on the next access. */
void hd_map_release(const void *data, size_t size);

/* Appends the whole file to `buffer`. HEED_FORMAT when it has more than 256 MiB. */
heed_status hd_file_read(heed_context *context, const char *path, hd_buffer *buffer);
bool hd_file_exists(const char *path);
/* The part of a path after its last slash; "" for NULL. */
const char *hd_path_name(const char *path);
bool hd_folder_exists(const char *path);
/* Makes a folder and its parents; it may exist. HEED_ARGUMENT for an empty name. */
heed_status hd_folder_make(heed_context *context, const char *path);
heed_status hd_file_remove(heed_context *context, const char *path); /* it may be missing */
/* "folder/name", which the caller frees. */
char *hd_path_join(heed_context *context, const char *folder, const char *name);

/* ---- writing (writer.c) ----------------------------------------------------------------------------------------
 *
 * A regular file is written under a temporary name in its folder, ".heed-" and 16 random digits; commit syncs it and
 * renames it, abandon removes it. After a failed write or commit the old file is unchanged and the temporary one is
 * removed. A symbolic link stays: what it leads to is replaced. The new file has the mode of the old one, and its owner
 * where the system allows that.
 *
 * Anything else that exists, such as a device or a pipe, is written directly, and so is a descriptor of this process
 * (/dev/stdout, /dev/fd/N). */
typedef struct hd_writer {
    heed_context *context;
    char *path;   /* as given */
    char *target; /* the regular file to replace; NULL: written directly */
    char *part;   /* the temporary file; NULL: none */
    int descriptor;
    hd_buffer pending;
    hd_checksum checksum; /* of all bytes written so far */
} hd_writer;

/* A writer that is not open: it may be abandoned. */
void hd_writer_init(heed_context *context, hd_writer *writer);
/* HEED_ARGUMENT for an empty name. */
heed_status hd_writer_open(heed_context *context, const char *path, hd_writer *writer);
/* A file in `folder` that has no name, and is gone once it is closed and unmapped. */
heed_status hd_writer_open_unnamed(heed_context *context, const char *folder, hd_writer *writer);
heed_status hd_writer_write(hd_writer *writer, const void *bytes, size_t size);
/* Replaces bytes that were written: a header that says what followed it. They do not change the checksum. HEED_FILE for a pipe. */
heed_status hd_writer_replace(hd_writer *writer, uint64_t offset, const void *bytes, size_t size);
heed_status hd_writer_commit(hd_writer *writer);
/* Maps what was written to an unnamed file, and closes the writer. */
heed_status hd_writer_map(hd_writer *writer, hd_map *map);
void hd_writer_abandon(hd_writer *writer);
/* Opens, writes and commits. */
heed_status hd_file_write(heed_context *context, const char *path, const void *bytes, size_t size);
/* Adds bytes to the end of a file, which is made if there is none. */
heed_status hd_file_append(heed_context *context, const char *path, const void *bytes, size_t size);
/* Removes the temporary files of writers whose process was killed. No writer may be open in the folder. */
void hd_folder_sweep(const char *path);

#endif
