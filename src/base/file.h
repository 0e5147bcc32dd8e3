/* Files: mapped for reading, read whole, and written so that no incomplete file is ever visible. */
#ifndef HD_BASE_FILE_H
#define HD_BASE_FILE_H

#include "base/buffer.h"
#include "base/context.h"

/* A file mapped read-only. An empty file has data "" and size 0. */
typedef struct hd_map {
    const uint8_t *data;
    size_t size;
} hd_map;

heed_status hd_map_open(heed_context *context, const char *path, hd_map *map);
void hd_map_close(hd_map *map);
/* Lets the system reclaim the whole pages inside these bytes of a map; they are read again on the next access. */
void hd_map_release(const void *data, size_t size);

/* Appends the whole file to `buffer`. HEED_FORMAT when it has more than 256 MiB. */
heed_status hd_file_read(heed_context *context, const char *path, hd_buffer *buffer);
bool hd_file_exists(const char *path);
/* The part of a path after its last slash; "" for NULL. */
const char *hd_path_name(const char *path);
/* Adds bytes to the end of a file, which is made if there is none. */
heed_status hd_file_append(heed_context *context, const char *path, const void *bytes, size_t size);
bool hd_folder_exists(const char *path);
heed_status hd_folder_make(heed_context *context, const char *path); /* and its parents; it may exist */
heed_status hd_file_remove(heed_context *context, const char *path); /* it may be missing */
/* "folder/name", which the caller frees. */
char *hd_path_join(heed_context *context, const char *folder, const char *name);

/* Writes to `path` + ".part"; commit syncs and renames it, abandon removes it. After a failed write or commit the old
 * file at `path` is unchanged and the part is removed. */
typedef struct hd_writer {
    heed_context *context;
    char *path, *part;
    int descriptor;
    hd_buffer pending;
} hd_writer;

heed_status hd_writer_open(heed_context *context, const char *path, hd_writer *writer);
heed_status hd_writer_write(hd_writer *writer, const void *bytes, size_t size);
heed_status hd_writer_commit(hd_writer *writer);
void hd_writer_abandon(hd_writer *writer);
/* Opens, writes and commits. */
heed_status hd_file_write(heed_context *context, const char *path, const void *bytes, size_t size);

#endif
