/* What a hub answers. A hub may be hostile: names, digests and sizes are checked here, once. */
#ifndef HD_FORMATS_HUB_ANSWERS_H
#define HD_FORMATS_HUB_ANSWERS_H

#include "formats/hub/cache.h"
#include "formats/hub/digest.h"

/* A file of a repository, or one that is to become one. */
typedef struct hd_hub_file {
    char *path; /* in the repository; hd_hub_is_path */
    uint64_t size;
    char digest[HD_SHA256_DIGITS + 1]; /* SHA-256 of a large file, git's SHA-1 of another: the name of its blob */
    bool large;                        /* stored outside of git (Git LFS) */
    bool selected;                     /* to be transferred */
} hd_hub_file;

typedef struct hd_hub_files {
    heed_context *context;
    hd_hub_file *items; /* [count] */
    size_t count, capacity;
} hd_hub_files;

void hd_hub_files_open(heed_context *context, hd_hub_files *files);
void hd_hub_files_close(hd_hub_files *files);
/* Adds a file with a copy of its path; NULL when memory ran out. */
hd_hub_file *hd_hub_files_add(hd_hub_files *files, const char *path);
/* Sorts the files by their paths. HEED_FORMAT for a path that is there twice. */
heed_status hd_hub_files_sort(hd_hub_files *files, const char *about);
/* NULL when there is none. */
hd_hub_file *hd_hub_files_find(const hd_hub_files *files, const char *path);

/* Each reads an answer of `size` bytes; `about` begins the messages. HEED_FORMAT for an answer that is not as documented,
 * HEED_MEMORY. */

/* GET /api/models/NAME/revision/REVISION: {"sha": COMMIT, …} */
heed_status hd_hub_read_commit(heed_context *context, const char *about, const char *bytes, size_t size,
                               char commit[HD_COMMIT_DIGITS + 1]);
/* GET /api/models/NAME/tree/COMMIT: [{"type": "file", "path", "size", "oid", "lfs": {"oid", "size"}}, …]. Adds the files.
 * HEED_FORMAT also for a name that could lead out of the folder. */
heed_status hd_hub_read_tree(const char *about, const char *bytes, size_t size, hd_hub_files *files);
/* POST /api/models/NAME/preupload/REVISION: {"files": [{"path", "uploadMode": "lfs" or "regular", "shouldIgnore", "oid"}]}.
 * Sets `large` of the files that it names, of which `selected` becomes false where the hub ignores the file. `oid` of a
 * file that the repository has already becomes its `digest`. */
heed_status hd_hub_read_modes(const char *about, const char *bytes, size_t size, hd_hub_files *files);
/* POST /api/models/NAME/commit/REVISION: {"commitOid": COMMIT, …} */
heed_status hd_hub_read_new_commit(heed_context *context, const char *about, const char *bytes, size_t size,
                                   char commit[HD_COMMIT_DIGITS + 1]);

/* How a large file is sent: POST NAME.git/info/lfs/objects/batch. */
typedef struct hd_hub_upload {
    char *
        url; /* where it goes, or where the completion goes of a file that is sent in parts; NULL: it is there already */
    char *verify; /* where to report its size afterwards; NULL: nowhere */
    char **parts; /* [part_count] addresses of the parts */
    size_t part_count;
    uint64_t part_size; /* bytes of each part but the last; 0: the file is sent as a whole */
} hd_hub_upload;

/* Reads the upload of the one object that was requested, with its SHA-256 and size. */
heed_status hd_hub_read_upload(heed_context *context, const char *about, const char *bytes, size_t size,
                               const hd_hub_file *file, hd_hub_upload *upload);
void hd_hub_upload_close(heed_context *context, hd_hub_upload *upload);

/* The address of the next page in a Link header, `<https://…>; rel="next"`, to be freed; NULL when there is none, or when
 * memory ran out, which *failed then says. */
char *hd_hub_next_page(heed_context *context, const char *link, bool *failed);

#endif
