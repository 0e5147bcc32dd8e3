/* heed_pull: fetches the files of a repository into the hub's cache. A blob gets its name when all of its bytes are there and
 * have the right digest, and the revision's ref is written after the last of them: a program that reads the cache sees the
 * snapshot before or the complete one. */
#include "formats/hub/answers.h"
#include "formats/hub/lock.h"
#include "formats/hub/select.h"
#include "formats/hub/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/options.h"

enum { MOST_PAGES = 10000, MOST_SHORT_ANSWERS = 5 };

typedef struct pull_settings {
    char *revision;
    hd_string_list include;
} pull_settings;

#define F(field) offsetof(pull_settings, field)

static const hd_setting rows[] = {
    {"revision", HD_SETTING_STRING, F(revision), "main", 0, 0, "NAME", "branch, tag or commit"},
    {"include", HD_SETTING_LIST, F(include), NULL, 0, 0, "GLOB", "files to fetch in place of those that heed reads"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(pull_settings)};

heed_status heed_pull_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct pull {
    heed_context *context;
    hd_hub hub;
    hd_hub_files files;
    const char *name;
    pull_settings settings;
    char *cache, *repository, *snapshot;
    char commit[HD_COMMIT_DIGITS + 1];
    heed_transfer_function *progress;
    void *user;
    uint64_t done, total; /* bytes of finished files, and of all that are to be fetched */
} pull;

/* ---- which files ------------------------------------------------------------------------------------------------- */

static char *format_path(heed_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL when memory ran out. */
static char *format_path(heed_context *context, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *path = length < 0 ? NULL : hd_alloc(context, (size_t)length + 1, 1);
    if (path) vsnprintf(path, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return path;
}

static heed_status set_snapshot(pull *p) {
    hd_free(p->context, p->snapshot);
    p->snapshot = format_path(p->context, "%s/snapshots/%s", p->repository, p->commit);
    return p->snapshot ? HEED_OK : HEED_MEMORY;
}

static bool is_commit(const char *revision) { return hd_is_digest(revision, HD_COMMIT_DIGITS); }

static heed_status resolve_revision(pull *p, hd_hub_response *response) {
    bool main = strcmp(p->settings.revision, "main") == 0;
    char *url = hd_hub_url(&p->hub, "/api/models/%p/revision/%s", p->name, p->settings.revision);
    char *about = format_path(p->context, main ? "%s%.0s" : "%s, revision %s", p->name, p->settings.revision);
    hd_hub_request request = HD_HUB_GET(about, url);
    heed_status status = url && about ? hd_hub_call(&p->hub, &request, response) : HEED_MEMORY;
    hd_free(p->context, url);
    hd_free(p->context, about);
    HD_TRY(status);
    HD_TRY(hd_hub_read_commit(p->context, p->name, response->body.data, response->body.size, p->commit));
    if (is_commit(p->settings.revision) && strcmp(p->commit, p->settings.revision) != 0)
        return hd_fail(p->context, HEED_FORMAT, "%s: the hub answers with commit %s, expected %s", p->name, p->commit,
                       p->settings.revision);
    return set_snapshot(p);
}

static heed_status read_page(pull *p, char **url, hd_hub_response *response) {
    hd_hub_request request = HD_HUB_GET(p->name, *url);
    HD_TRY(hd_hub_call(&p->hub, &request, response));
    HD_TRY(hd_hub_read_tree(p->name, response->body.data, response->body.size, &p->files));
    bool failed;
    hd_free(p->context, *url);
    *url = hd_hub_next_page(p->context, response->link.data, &failed);
    return failed ? HEED_MEMORY : HEED_OK;
}

static heed_status list_files(pull *p, hd_hub_response *response) {
    char *url = hd_hub_url(&p->hub, "/api/models/%p/tree/%s?recursive=true", p->name, p->commit);
    if (!url) return HEED_MEMORY;
    heed_status status = HEED_OK;
    for (int page = 0; status == HEED_OK && url; page++) {
        if (page == MOST_PAGES)
            status =
                hd_fail(p->context, HEED_FORMAT, "%s: the list of files has more than %d pages", p->name, MOST_PAGES);
        else
            status = read_page(p, &url, response);
    }
    hd_free(p->context, url);
    HD_TRY(status);
    HD_TRY(hd_hub_files_sort(&p->files, p->name));
    hd_hub_select(&p->files, &p->settings.include);
    for (size_t i = 0; i < p->files.count; i++)
        if (p->files.items[i].selected) return HEED_OK;
    return hd_fail(p->context, HEED_FILE, "%s: %s", p->name,
                   p->settings.include.count ? "no file matches --include" : "there are no files that heed reads");
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

typedef struct download {
    pull *pull;
    const hd_hub_file *file;
    char *blob, *incomplete, *link, *lock, *about;
    int descriptor; /* of the incomplete file */
    uint64_t size;  /* of it */
    bool continued; /* the last answer did not begin at the first byte */
} download;

static bool has_size(const char *path, uint64_t size) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISREG(information.st_mode) && (uint64_t)information.st_size == size;
}

static heed_status fail_write(const download *d, const char *path, const char *what) {
    return hd_fail(d->pull->context, HEED_FILE, "%s: %s: %s", path, what, strerror(errno));
}

static bool report(const download *d) {
    const pull *p = d->pull;
    return !p->progress || p->progress(p->user, d->file->path, p->done + d->size, p->total);
}

static uint64_t position(void *user) { return ((const download *)user)->size; }

static heed_status restart(void *user) {
    download *d = user;
    d->size = 0;
    return ftruncate(d->descriptor, 0) == 0 ? HEED_OK : fail_write(d, d->incomplete, "cannot write");
}

static heed_status write_some(void *user, const void *bytes, size_t size) {
    download *d = user;
    if (size > d->file->size - d->size)
        return hd_fail(d->pull->context, HEED_FORMAT, "%s: more bytes arrive than the %llu of the file", d->about,
                       (unsigned long long)d->file->size);
    for (const char *at = bytes; size > 0;) {
        ssize_t count = pwrite(d->descriptor, at, size, (off_t)d->size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_write(d, d->incomplete, "cannot write");
        at += count, size -= (size_t)count, d->size += (uint64_t)count;
    }
    return report(d) ? HEED_OK : hd_fail(d->pull->context, HEED_STOPPED, "stopped");
}

/* Requests the bytes that are not there yet. */
static heed_status request_rest(download *d) {
    pull *p = d->pull;
    char *url = hd_hub_url(&p->hub, "/%p/resolve/%s/%p", p->name, p->commit, d->file->path);
    if (!url) return HEED_MEMORY;
    const hd_hub_sink sink = {position, restart, write_some, d};
    hd_hub_request request = HD_HUB_GET(d->about, url);
    request.sink = &sink;
    hd_hub_response response;
    hd_hub_response_open(&p->hub, &response);
    heed_status status = HEED_OK;
    for (int tries = 0; status == HEED_OK && d->size < d->file->size; tries++) {
        if (tries == MOST_SHORT_ANSWERS)
            status = hd_fail(p->context, HEED_FILE, "%s: %llu bytes arrived, expected %llu", d->about,
                             (unsigned long long)d->size, (unsigned long long)d->file->size);
        else
            status = hd_hub_call(&p->hub, &request, &response);
        d->continued = response.status == 206;
    }
    hd_hub_response_close(&response);
    hd_free(p->context, url);
    return status;
}

/* A digest that differs is the end of a download from the first byte; one that was continued begins again. */
static heed_status fetch_bytes(download *d) {
    const hd_hub_file *file = d->file;
    hd_digest_kind kind = file->large ? HD_DIGEST_SHA256 : HD_DIGEST_GIT;
    for (;;) {
        char digits[HD_SHA256_DIGITS + 1];
        d->continued = d->size > 0;
        HD_TRY(request_rest(d));
        HD_TRY(hd_digest_file(d->pull->context, d->pull->hub.library, d->incomplete, file->size, kind, digits));
        if (strcmp(digits, file->digest) == 0) return HEED_OK;
        HD_TRY(restart(d));
        if (!d->continued)
            return hd_fail(d->pull->context, HEED_FORMAT, "%s: the %s is %s, expected %s", d->about,
                           file->large ? "SHA-256" : "SHA-1 of git", digits, file->digest);
        hd_note(d->pull->context, "%s: the digest differs after a continued download: it begins again", d->about);
    }
}

static heed_status open_incomplete(download *d) {
    struct stat information;
    d->descriptor = hd_open(d->incomplete, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
    if (d->descriptor < 0 || fstat(d->descriptor, &information) != 0)
        return fail_write(d, d->incomplete, "cannot write");
    d->size = (uint64_t)information.st_size;
    return d->size > d->file->size ? restart(d) : HEED_OK;
}

static heed_status fetch_blob(download *d) {
    HD_TRY(open_incomplete(d));
    heed_status status = report(d) ? fetch_bytes(d) : hd_fail(d->pull->context, HEED_STOPPED, "stopped");
    if (status == HEED_OK && fsync(d->descriptor) != 0) status = fail_write(d, d->incomplete, "cannot write");
    if (status == HEED_FORMAT) unlink(d->incomplete); /* nothing of it is worth keeping */
    HD_TRY(status);
    return rename(d->incomplete, d->blob) == 0 ? HEED_OK : fail_write(d, d->blob, "cannot rename into place");
}

/* ../../blobs/DIGEST, with one more ".." per folder that the file is in. A link that is there already leads to a blob that is
 * not. */
static heed_status make_link(const download *d) {
    hd_buffer target;
    hd_buffer_open(&target, d->pull->context);
    hd_buffer_text(&target, "../../");
    for (const char *c = d->file->path; *c; c++)
        if (*c == '/') hd_buffer_text(&target, "../");
    hd_buffer_format(&target, "blobs/%s", d->file->digest);
    heed_status status = target.failed ? HEED_MEMORY : HEED_OK;
    if (status == HEED_OK && unlink(d->link) != 0 && errno != ENOENT)
        status = fail_write(d, d->link, "cannot replace the link");
    if (status == HEED_OK && symlink(target.data, d->link) != 0)
        status = fail_write(d, d->link, "cannot make the link");
    hd_buffer_close(&target);
    return status;
}

/* The folder that a path is in, made with its parents. */
static heed_status make_folder_of(heed_context *context, const char *path) {
    char *folder = hd_copy_bytes(context, path, (size_t)(hd_path_name(path) - path));
    heed_status status = folder ? hd_folder_make(context, folder) : HEED_MEMORY;
    hd_free(context, folder);
    return status;
}

static heed_status fetch_locked(download *d) {
    heed_context *context = d->pull->context;
    int descriptor;
    HD_TRY(make_folder_of(context, d->lock));
    HD_TRY(make_folder_of(context, d->blob));
    HD_TRY(make_folder_of(context, d->link));
    HD_TRY(hd_hub_lock(context, d->lock, &descriptor));
    heed_status status = has_size(d->blob, d->file->size) ? HEED_OK : fetch_blob(d); /* perhaps just by the other one */
    if (status == HEED_OK) status = make_link(d);
    hd_hub_unlock(descriptor);
    return status;
}

static heed_status fetch_file(pull *p, const hd_hub_file *file) {
    const char *digest = file->digest;
    download d = {.pull = p, .file = file, .descriptor = -1};
    d.blob = format_path(p->context, "%s/blobs/%s", p->repository, digest);
    d.incomplete = format_path(p->context, "%s/blobs/%s.incomplete", p->repository, digest);
    d.link = format_path(p->context, "%s/%s", p->snapshot, file->path);
    d.lock = format_path(p->context, "%s/.locks/%s/%s.lock", p->cache, hd_path_name(p->repository), digest);
    d.about = format_path(p->context, "%s: %s", p->name, file->path);
    heed_status status = HEED_MEMORY;
    if (d.blob && d.incomplete && d.link && d.lock && d.about)
        status = has_size(d.link, file->size) ? HEED_OK : fetch_locked(&d);
    if (d.descriptor >= 0) close(d.descriptor);
    hd_free(p->context, d.blob);
    hd_free(p->context, d.incomplete);
    hd_free(p->context, d.link);
    hd_free(p->context, d.lock);
    hd_free(p->context, d.about);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Is the file's blob in the cache? */
static heed_status is_cached(const pull *p, const hd_hub_file *file, bool *cached) {
    char *blob = format_path(p->context, "%s/blobs/%s", p->repository, file->digest);
    if (!blob) return HEED_MEMORY;
    *cached = has_size(blob, file->size);
    hd_free(p->context, blob);
    return HEED_OK;
}

static heed_status add_sizes(pull *p) {
    for (size_t i = 0; i < p->files.count; i++) {
        bool cached;
        if (!p->files.items[i].selected) continue;
        HD_TRY(is_cached(p, &p->files.items[i], &cached));
        if (!cached && __builtin_add_overflow(p->total, p->files.items[i].size, &p->total))
            return hd_fail(p->context, HEED_FORMAT, "%s: the files are larger than any disk", p->name);
    }
    return HEED_OK;
}

static heed_status fetch_files(pull *p) {
    HD_TRY(add_sizes(p));
    for (size_t i = 0; i < p->files.count; i++) {
        bool cached;
        if (!p->files.items[i].selected) continue;
        HD_TRY(is_cached(p, &p->files.items[i], &cached));
        HD_TRY(fetch_file(p, &p->files.items[i]));
        if (!cached) p->done += p->files.items[i].size;
    }
    return HEED_OK;
}

static heed_status write_ref(const pull *p) {
    char current[HD_COMMIT_DIGITS + 1];
    if (is_commit(p->settings.revision)) return HEED_OK;
    HD_TRY(hd_hub_read_ref(p->context, p->repository, p->settings.revision, current));
    if (strcmp(current, p->commit) == 0) return HEED_OK;
    char *path = format_path(p->context, "%s/refs/%s", p->repository, p->settings.revision);
    heed_status status = path ? make_folder_of(p->context, path) : HEED_MEMORY;
    if (status == HEED_OK) status = hd_file_write(p->context, path, p->commit, strlen(p->commit));
    hd_free(p->context, path);
    return status;
}

static heed_status pull_online(pull *p) {
    hd_hub_response response;
    HD_TRY(hd_hub_open(p->context, &p->hub));
    hd_hub_response_open(&p->hub, &response);
    heed_status status = resolve_revision(p, &response);
    if (status == HEED_OK) status = list_files(p, &response);
    hd_hub_response_close(&response);
    HD_TRY(status);
    HD_TRY(fetch_files(p));
    return write_ref(p);
}

/* The snapshot that is in the cache. */
static heed_status pull_offline(pull *p) {
    if (is_commit(p->settings.revision))
        strcpy(p->commit, p->settings.revision);
    else
        HD_TRY(hd_hub_read_ref(p->context, p->repository, p->settings.revision, p->commit));
    if (p->commit[0]) HD_TRY(set_snapshot(p));
    if (p->snapshot && hd_folder_exists(p->snapshot)) return HEED_OK;
    return hd_fail(p->context, HEED_FILE, "%s: HF_HUB_OFFLINE is set, and %s does not have revision %s", p->name,
                   p->repository, p->settings.revision);
}

static heed_status check_names(const pull *p) {
    if (!hd_hub_is_name(p->name))
        return hd_fail(p->context, HEED_ARGUMENT, "\"%s\" is not the name of a repository, expected owner/name",
                       p->name);
    if (!hd_hub_is_path(p->settings.revision))
        return hd_fail(p->context, HEED_ARGUMENT, "revision is \"%s\", expected a branch, tag or commit",
                       p->settings.revision);
    return HEED_OK;
}

static heed_status run(pull *p) {
    bool known;
    HD_TRY(check_names(p));
    p->cache = hd_hub_cache(p->context, &known);
    if (!known) return hd_fail(p->context, HEED_FILE, "no folder for the cache: HF_HOME and HOME are not set");
    p->repository = p->cache ? hd_hub_repository(p->context, p->cache, p->name) : NULL;
    if (!p->repository) return HEED_MEMORY;
    bool offline = hd_hub_switch("HF_HUB_OFFLINE") || hd_hub_switch("TRANSFORMERS_OFFLINE");
    return offline ? pull_offline(p) : pull_online(p);
}

heed_status heed_pull(heed_context *context, const heed_options *options, const char *name,
                      heed_transfer_function *progress, void *user, char **folder) {
    pull p = {.context = context, .hub = {.context = context}, .name = name, .progress = progress, .user = user};
    *folder = NULL;
    hd_hub_files_open(context, &p.files);
    heed_status status = hd_settings_default(context, rows, HD_COUNT(rows), &p.settings);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &p.settings);
    if (status == HEED_OK) status = run(&p);
    hd_hub_redact(&p.hub, status);
    if (status == HEED_OK) {
        *folder = p.snapshot;
        p.snapshot = NULL;
    }
    hd_settings_free(context, rows, HD_COUNT(rows), &p.settings);
    hd_hub_files_close(&p.files);
    hd_hub_close(&p.hub);
    hd_free(context, p.cache);
    hd_free(context, p.repository);
    hd_free(context, p.snapshot);
    return status;
}
