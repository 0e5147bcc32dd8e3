/* heed_push: uploads the files of a model folder as one commit. The hub says for each file whether git stores it, as part of
 * the commit, or the large-file storage (Git LFS), where it goes before the commit names it. */
#include "formats/hub/answers.h"
#include "formats/hub/session.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/options.h"
#include "base/utf8.h"
#include "formats/json.h"

enum {
    FILES_PER_REQUEST = 256, /* the hub's limit */
    SAMPLE = 512,            /* bytes of a file from which the hub tells text from binary */
    MOST_DEPTH = 16,
    MOST_FILES = 100000,
    MOST_COMMIT = 512 << 20 /* bytes of a commit, which is built in memory */
};

typedef struct push_settings {
    char *revision, *message;
    bool private;
} push_settings;

#define F(field) offsetof(push_settings, field)

static const hd_setting rows[] = {
    {"revision", HD_SETTING_STRING, F(revision), "main", 0, 0, "NAME", "branch to commit to"},
    {"message", HD_SETTING_STRING, F(message), "Upload with heed", 0, 0, "TEXT", "first line of the commit's message"},
    {"private", HD_SETTING_BOOL, F(private), NULL, 0, 0, NULL, "make a new repository private"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(push_settings)};

heed_status heed_push_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct push {
    heed_context *context;
    hd_hub hub;
    hd_hub_response response;
    hd_hub_files files; /* `digest` is that of the hub's file, or "" */
    const char *folder, *name, *file;
    push_settings settings;
    heed_transfer_function *progress;
    void *user;
    uint64_t done, total; /* bytes of large files: of those that were sent, and of all */
} push;

static const char plain_json[] = "application/json", lfs_json[] = "application/vnd.git-lfs+json";

/* ---- the files of the folder ------------------------------------------------------------------------------------- */

static heed_status add_file(push *p, const char *path, const char *name, uint64_t size) {
    if (!hd_hub_is_path(name)) return hd_fail(p->context, HEED_FILE, "%s: the hub does not accept this name", path);
    if (p->files.count == MOST_FILES)
        return hd_fail(p->context, HEED_FILE, "%s: more than %d files", p->folder, MOST_FILES);
    hd_hub_file *file = hd_hub_files_add(&p->files, name);
    if (file) file->size = size;
    return file ? HEED_OK : HEED_MEMORY;
}

static heed_status add_folder(push *p, const char *inside, int depth);

/* `inside` is the folder's path in the repository, "" or "1_Pooling/". Links to files count as files, as in the cache; links
 * to folders could lead in a circle and are refused. */
static heed_status add_entry(push *p, const char *inside, const char *entry, int depth) {
    struct stat information;
    hd_buffer name;
    hd_buffer_open(&name, p->context);
    hd_buffer_format(&name, "%s%s", inside, entry);
    char *path = name.failed ? NULL : hd_path_join(p->context, p->folder, name.data);
    heed_status status = path ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && stat(path, &information) != 0)
        status = hd_fail(p->context, HEED_FILE, "%s: cannot read: %s", path, strerror(errno));
    if (status == HEED_OK && S_ISREG(information.st_mode)) {
        status = add_file(p, path, name.data, (uint64_t)information.st_size);
    } else if (status == HEED_OK && S_ISDIR(information.st_mode) && lstat(path, &information) == 0 &&
               S_ISDIR(information.st_mode)) {
        hd_buffer_byte(&name, '/');
        status = name.failed ? HEED_MEMORY : add_folder(p, name.data, depth + 1);
    } else if (status == HEED_OK) {
        status = hd_fail(p->context, HEED_FILE, "%s: neither a file nor a folder", path);
    }
    hd_free(p->context, path);
    hd_buffer_close(&name);
    return status;
}

/* What is left out: names that begin with a dot, such as .git, and what only a resumed training run reads (train/folder.c). */
static bool is_left_out(const char *inside, const char *name) {
    bool state = strcmp(name, "checkpoint.safetensors") == 0 || strcmp(name, "weights") == 0;
    return name[0] == '.' || (!*inside && state);
}

static heed_status add_folder(push *p, const char *inside, int depth) {
    if (depth > MOST_DEPTH) return hd_fail(p->context, HEED_FILE, "%s/%s: too deep", p->folder, inside);
    char *path = hd_path_join(p->context, p->folder, inside);
    if (!path) return HEED_MEMORY;
    DIR *folder = opendir(path);
    heed_status status =
        folder ? HEED_OK : hd_fail(p->context, HEED_FILE, "%s: cannot read the folder: %s", path, strerror(errno));
    const struct dirent *entry;
    while (status == HEED_OK && (entry = readdir(folder)))
        if (!is_left_out(inside, entry->d_name)) status = add_entry(p, inside, entry->d_name, depth);
    if (folder) closedir(folder);
    hd_free(p->context, path);
    return status;
}

static heed_status list_files(push *p) {
    HD_TRY(hd_check_name(p->context, "folder", p->folder));
    char *config = hd_path_join(p->context, p->folder, "config.json");
    if (!config) return HEED_MEMORY;
    bool is_model = hd_file_exists(config);
    hd_free(p->context, config);
    if (!is_model)
        return hd_fail(p->context, HEED_FILE, "%s: %s", p->folder,
                       hd_folder_exists(p->folder) ? "the folder has no config.json" : "no such folder");
    HD_TRY(add_folder(p, "", 0));
    HD_TRY(hd_hub_files_sort(&p->files, p->folder));
    if (!hd_hub_files_find(&p->files, "README.md"))
        hd_note(p->context, "%s: no README.md: the repository gets no model card", p->folder);
    return HEED_OK;
}

static char *path_of(const push *p, const hd_hub_file *file) { return hd_path_join(p->context, p->folder, file->path); }

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static heed_status post(push *p, const char *url, const char *type, const hd_buffer *body, bool once,
                        const char *about) {
    if (!url || body->failed) return HEED_MEMORY;
    hd_hub_request request = {.about = about,
                              .method = "POST",
                              .url = url,
                              .type = type,
                              .body = body->data ? body->data : "",
                              .body_size = body->size,
                              .file = -1,
                              .once = once};
    return hd_hub_call(&p->hub, &request, &p->response);
}

/* Posts a JSON value, which is released; NULL: memory ran out. */
static heed_status post_json(push *p, char *url, const char *type, json_t *value, const char *about) {
    hd_buffer body;
    hd_buffer_open(&body, p->context);
    heed_status status = value ? hd_json_append(p->context, value, &body) : hd_json_no_memory(p->context, about);
    if (status == HEED_OK) status = post(p, url, type, &body, false, about);
    hd_buffer_close(&body);
    json_decref(value);
    hd_free(p->context, url);
    return status;
}

/* ---- the repository ---------------------------------------------------------------------------------------------- */

/* Without the right to make repositories of that owner, this one may exist all the same. */
static heed_status check_existence(push *p) {
    char *reason = hd_copy_string(p->context, p->context->message),
         *url = hd_hub_url(&p->hub, "/api/models/%p", p->name);
    hd_hub_request request = HD_HUB_GET(p->name, url);
    heed_status status = reason && url ? hd_hub_send(&p->hub, &request, &p->response) : HEED_MEMORY;
    if (status == HEED_OK && p->response.status != 200) status = hd_fail(p->context, HEED_FILE, "%s", reason);
    hd_free(p->context, reason);
    hd_free(p->context, url);
    return status;
}

static heed_status create_repository(push *p) {
    const char *slash = strchr(p->name, '/');
    json_t *value = json_pack("{s:s, s:s, s:s#}", "type", "model", "name", slash + 1, "organization", p->name,
                              (size_t)(slash - p->name));
    if (value && p->settings.private && json_object_set_new(value, "visibility", json_string("private")) != 0) {
        json_decref(value);
        value = NULL;
    }
    p->response.status = 0;
    heed_status status = post_json(p, hd_hub_url(&p->hub, "/api/repos/create"), plain_json, value, p->name);
    if (status != HEED_FILE) return status;
    if (p->response.status == 409) return HEED_OK; /* it exists */
    return p->response.status == 401 || p->response.status == 403 ? check_existence(p) : status;
}

/* ---- how the hub stores each file -------------------------------------------------------------------------------- */

static void append_base64(hd_buffer *out, const unsigned char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        unsigned second = i + 1 < size ? bytes[i + 1] : 0, third = i + 2 < size ? bytes[i + 2] : 0;
        unsigned group = (unsigned)bytes[i] << 16 | second << 8 | third;
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63], digits[group & 63]};
        if (i + 1 >= size) four[2] = '=';
        if (i + 2 >= size) four[3] = '=';
        hd_buffer_append(out, four, sizeof four);
    }
}

static heed_status read_sample(const push *p, const hd_hub_file *file, hd_buffer *base64) {
    unsigned char bytes[SAMPLE];
    size_t size = 0, count = 1;
    int descriptor;
    char *path = path_of(p, file);
    heed_status status = path ? hd_open_to_read(p->context, path, &descriptor) : HEED_MEMORY;
    if (status == HEED_OK) {
        while (status == HEED_OK && count > 0 && size < SAMPLE) {
            status = hd_read(p->context, path, descriptor, bytes + size, SAMPLE - size, &count);
            if (status == HEED_OK) size += count;
        }
        close(descriptor);
    }
    if (status == HEED_OK) append_base64(base64, bytes, size);
    hd_free(p->context, path);
    return base64->failed ? HEED_MEMORY : status;
}

static heed_status append_preupload(const push *p, const hd_hub_file *file, json_t *list) {
    hd_buffer sample;
    hd_buffer_open(&sample, p->context);
    heed_status status = read_sample(p, file, &sample);
    if (status == HEED_OK) {
        json_t *entry = json_pack("{s:s, s:s, s:I}", "path", file->path, "sample", sample.data ? sample.data : "",
                                  "size", (json_int_t)file->size);
        if (!entry || json_array_append_new(list, entry) != 0) status = hd_json_no_memory(p->context, file->path);
    }
    hd_buffer_close(&sample);
    return status;
}

static heed_status request_modes(push *p) {
    for (size_t first = 0; first < p->files.count; first += FILES_PER_REQUEST) {
        size_t end = first + FILES_PER_REQUEST < p->files.count ? first + FILES_PER_REQUEST : p->files.count;
        json_t *list = json_array(), *body = list ? json_pack("{s:O}", "files", list) : NULL;
        heed_status status = body ? HEED_OK : hd_json_no_memory(p->context, p->name);
        for (size_t i = first; status == HEED_OK && i < end; i++)
            status = append_preupload(p, &p->files.items[i], list);
        json_decref(list);
        if (status != HEED_OK) {
            json_decref(body);
            return status;
        }
        HD_TRY(post_json(p, hd_hub_url(&p->hub, "/api/models/%p/preupload/%s", p->name, p->settings.revision),
                         plain_json, body, p->name));
        HD_TRY(hd_hub_read_modes(p->name, p->response.body.data, p->response.body.size, &p->files));
    }
    return HEED_OK;
}

/* ---- large files ------------------------------------------------------------------------------------------------- */

static bool report(void *user, uint64_t position) {
    const push *p = user;
    return !p->progress || p->progress(p->user, p->file, p->done + position, p->total);
}

/* Sends `length` bytes of the open file from `offset` on. *etag is a copy of what the storage calls them, if not NULL. */
static heed_status put(push *p, const char *url, const char *about, int descriptor, uint64_t offset, uint64_t length,
                       char **etag) {
    hd_hub_request request = {.about = about,
                              .method = "PUT",
                              .url = url,
                              .file = descriptor,
                              .offset = offset,
                              .length = length,
                              .progress = report,
                              .progress_user = p};
    HD_TRY(hd_hub_call(&p->hub, &request, &p->response));
    if (!etag) return HEED_OK;
    if (!p->response.etag.size) return hd_fail(p->context, HEED_FORMAT, "%s: the storage names no etag", about);
    *etag = hd_copy_string(p->context, p->response.etag.data);
    return *etag ? HEED_OK : HEED_MEMORY;
}

/* Sends the parts, and then their etags. */
static heed_status put_parts(push *p, const hd_hub_upload *upload, const hd_hub_file *file, const char *about,
                             int descriptor) {
    json_t *parts = json_array(), *body = parts ? json_pack("{s:s, s:O}", "oid", file->digest, "parts", parts) : NULL;
    heed_status status = body ? HEED_OK : hd_json_no_memory(p->context, about);
    for (size_t i = 0; status == HEED_OK && i < upload->part_count; i++) {
        uint64_t offset = i * upload->part_size, left = file->size - offset;
        char *etag = NULL;
        status = put(p, upload->parts[i], about, descriptor, offset,
                     left < upload->part_size ? left : upload->part_size, &etag);
        json_t *part = status == HEED_OK ? json_pack("{s:i, s:s}", "partNumber", (int)i + 1, "etag", etag) : NULL;
        if (status == HEED_OK && (!part || json_array_append_new(parts, part) != 0))
            status = hd_json_no_memory(p->context, about);
        hd_free(p->context, etag);
    }
    json_decref(parts);
    if (status == HEED_OK) return post_json(p, hd_copy_string(p->context, upload->url), lfs_json, body, about);
    json_decref(body);
    return status;
}

static heed_status send_file(push *p, const hd_hub_upload *upload, const hd_hub_file *file, const char *path,
                             const char *about) {
    int descriptor;
    HD_TRY(hd_open_to_read(p->context, path, &descriptor));
    heed_status status = upload->part_size ? put_parts(p, upload, file, about, descriptor)
                                           : put(p, upload->url, about, descriptor, 0, file->size, NULL);
    close(descriptor);
    HD_TRY(status);
    if (!upload->verify) return HEED_OK;
    json_t *body = json_pack("{s:s, s:I}", "oid", file->digest, "size", (json_int_t)file->size);
    return post_json(p, hd_copy_string(p->context, upload->verify), plain_json, body, about);
}

static heed_status request_upload(push *p, const hd_hub_file *file, const char *about, hd_hub_upload *upload) {
    json_t *body = json_pack("{s:s, s:[s, s], s:[{s:s, s:I}], s:s, s:{s:s}}", "operation", "upload", "transfers",
                             "basic", "multipart", "objects", "oid", file->digest, "size", (json_int_t)file->size,
                             "hash_algo", "sha256", "ref", "name", p->settings.revision);
    HD_TRY(post_json(p, hd_hub_url(&p->hub, "/%p.git/info/lfs/objects/batch", p->name), lfs_json, body, about));
    return hd_hub_read_upload(p->context, about, p->response.body.data, p->response.body.size, file, upload);
}

/* Uploads a file of which the hub does not have the same bytes; clears `selected` where the revision has them already. */
static heed_status upload_file(push *p, hd_hub_file *file, const char *path, const char *about) {
    char digits[HD_SHA256_DIGITS + 1];
    hd_hub_upload upload;
    HD_TRY(hd_digest_file(p->context, p->hub.library, path, file->size, HD_DIGEST_SHA256, digits));
    if (strcmp(digits, file->digest) == 0) {
        file->selected = false;
        return HEED_OK;
    }
    memcpy(file->digest, digits, sizeof digits);
    HD_TRY(request_upload(p, file, about, &upload));
    heed_status status = upload.url ? send_file(p, &upload, file, path, about) : HEED_OK;
    hd_hub_upload_close(p->context, &upload);
    return status;
}

static heed_status upload_files(push *p) {
    for (size_t i = 0; i < p->files.count; i++)
        if (p->files.items[i].large && p->files.items[i].selected) p->total += p->files.items[i].size;
    for (size_t i = 0; i < p->files.count; i++) {
        hd_hub_file *file = &p->files.items[i];
        if (!file->large || !file->selected) continue;
        char *path = path_of(p, file);
        hd_buffer about;
        hd_buffer_open(&about, p->context);
        hd_buffer_format(&about, "%s: %s", p->name, file->path);
        p->file = file->path;
        heed_status status = path && !about.failed ? upload_file(p, file, path, about.data) : HEED_MEMORY;
        hd_buffer_close(&about);
        hd_free(p->context, path);
        HD_TRY(status);
        p->done += file->size;
    }
    return HEED_OK;
}

/* ---- the commit -------------------------------------------------------------------------------------------------- */

/* Appends {"key": KEY, "value": VALUE} as a line; releases the value. */
static heed_status append_line(const push *p, hd_buffer *out, const char *key, json_t *value) {
    json_t *line = value ? json_pack("{s:s, s:O}", "key", key, "value", value) : NULL;
    heed_status status = line ? hd_json_append(p->context, line, out) : hd_json_no_memory(p->context, p->name);
    hd_buffer_byte(out, '\n');
    json_decref(line);
    json_decref(value);
    return status;
}

/* A file that git stores: its bytes are part of the commit. Nothing when the revision has the same ones. */
static heed_status append_bytes(const push *p, const hd_hub_file *file, const hd_buffer *bytes, hd_buffer *out,
                                size_t *changes) {
    char digits[HD_SHA256_DIGITS + 1];
    const char *data = bytes->data ? bytes->data : "";
    HD_TRY(hd_digest_bytes(p->context, p->hub.library, data, bytes->size, HD_DIGEST_GIT, digits));
    if (strcmp(digits, file->digest) == 0) return HEED_OK;
    hd_buffer base64;
    hd_buffer_open(&base64, p->context);
    append_base64(&base64, (const unsigned char *)data, bytes->size);
    heed_status status = HEED_MEMORY;
    if (!base64.failed)
        status = append_line(p, out, "file",
                             json_pack("{s:s, s:s, s:s}", "path", file->path, "encoding", "base64", "content",
                                       base64.data ? base64.data : ""));
    hd_buffer_close(&base64);
    *changes += 1;
    if (status == HEED_OK && out->size > MOST_COMMIT)
        return hd_fail(p->context, HEED_FILE, "%s: the files that git stores have more than %d bytes", p->folder,
                       MOST_COMMIT / 4 * 3);
    return status;
}

static heed_status append_small(const push *p, const hd_hub_file *file, hd_buffer *out, size_t *changes) {
    char *path = path_of(p, file);
    hd_buffer bytes;
    hd_buffer_open(&bytes, p->context);
    heed_status status = path ? hd_file_read(p->context, path, &bytes) : HEED_MEMORY;
    if (status == HEED_OK) status = append_bytes(p, file, &bytes, out, changes);
    hd_buffer_close(&bytes);
    hd_free(p->context, path);
    return status;
}

static heed_status append_large(const push *p, const hd_hub_file *file, hd_buffer *out, size_t *changes) {
    *changes += 1;
    return append_line(p, out, "lfsFile",
                       json_pack("{s:s, s:s, s:s, s:I}", "path", file->path, "algo", "sha256", "oid", file->digest,
                                 "size", (json_int_t)file->size));
}

static heed_status build_commit(const push *p, hd_buffer *out, size_t *changes) {
    HD_TRY(append_line(p, out, "header", json_pack("{s:s, s:s}", "summary", p->settings.message, "description", "")));
    for (size_t i = 0; i < p->files.count; i++) {
        const hd_hub_file *file = &p->files.items[i];
        if (!file->selected) continue;
        HD_TRY(file->large ? append_large(p, file, out, changes) : append_small(p, file, out, changes));
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status send_commit(push *p) {
    hd_buffer lines;
    size_t changes = 0;
    hd_buffer_open(&lines, p->context);
    heed_status status = build_commit(p, &lines, &changes);
    char *url = hd_hub_url(&p->hub, "/api/models/%p/commit/%s", p->name, p->settings.revision);
    if (status == HEED_OK && changes) status = post(p, url, "application/x-ndjson", &lines, true, p->name);
    hd_buffer_close(&lines);
    hd_free(p->context, url);
    HD_TRY(status);
    if (!changes) {
        hd_note(p->context, "%s: no file differs: nothing to commit", p->name);
        return HEED_OK;
    }
    char commit[HD_COMMIT_DIGITS + 1];
    return hd_hub_read_new_commit(p->context, p->name, p->response.body.data, p->response.body.size, commit);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static heed_status check_names(const push *p) {
    if (!hd_hub_is_name(p->name) || !strchr(p->name, '/'))
        return hd_fail(p->context, HEED_ARGUMENT, "\"%s\" is not the name of a repository, expected owner/name",
                       p->name);
    if (!hd_hub_is_path(p->settings.revision))
        return hd_fail(p->context, HEED_ARGUMENT, "revision is \"%s\", expected a branch", p->settings.revision);
    if (!hd_utf8_valid(p->settings.message, strlen(p->settings.message)) || !p->settings.message[0])
        return hd_fail(p->context, HEED_ARGUMENT, "message is empty or not UTF-8");
    return HEED_OK;
}

static heed_status run(push *p, char **address) {
    HD_TRY(check_names(p));
    HD_TRY(list_files(p));
    HD_TRY(hd_hub_open(p->context, &p->hub));
    if (!p->hub.token)
        return hd_fail(p->context, HEED_FILE, "%s: uploading needs an access token: set HF_TOKEN", p->name);
    HD_TRY(create_repository(p));
    HD_TRY(request_modes(p));
    HD_TRY(upload_files(p));
    HD_TRY(send_commit(p));
    *address = hd_hub_url(&p->hub, "/%p", p->name);
    return *address ? HEED_OK : HEED_MEMORY;
}

heed_status heed_push(heed_context *context, const heed_options *options, const char *folder, const char *name,
                      heed_transfer_function *progress, void *user, char **address) {
    push p = {.context = context,
              .hub = {.context = context},
              .folder = folder,
              .name = name,
              .progress = progress,
              .user = user};
    *address = NULL;
    hd_hub_files_open(context, &p.files);
    hd_hub_response_open(&p.hub, &p.response);
    heed_status status = hd_settings_default(context, rows, HD_COUNT(rows), &p.settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &p.settings);
    if (status == HEED_OK) status = run(&p, address);
    hd_hub_redact(&p.hub, status);
    hd_settings_free(context, rows, HD_COUNT(rows), &p.settings);
    hd_hub_files_close(&p.files);
    hd_hub_response_close(&p.response);
    hd_hub_close(&p.hub);
    return status;
}
