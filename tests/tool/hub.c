/* A hub on loopback, for tests of heed pull and heed push and of their exchange with huggingface_hub:
 *
 *     tool-hub ROOT [RULE ...]
 *
 * It prints its port and serves until it is killed, at most ten minutes. ROOT/OWNER/NAME/REVISION/ has the files of a
 * revision, ROOT/log a line per request: METHOD HOST PATH, and auth or range if there were such headers. Large files are
 * redirected to another host, localhost in place of 127.0.0.1, which refuses a token as a content network does.
 *
 * A rule is ACTION|PART|COUNT|VALUE: the next COUNT requests (0: all) of which "METHOD PATH" contains PART are answered as
 * the action says:
 *
 *     status   HTTP status VALUE, "429" or "403 X-Error-Code: GatedRepo"
 *     body     200 with the body VALUE
 *     long404  404 with a body of a megabyte
 *     redirect to VALUE
 *     sleep    VALUE seconds before the answer
 *     cut      the connection closes after VALUE bytes of the body
 *     stall    nothing comes for 20 seconds after VALUE bytes of the body
 *     flip     the first byte of the body is another one
 *     short    the last byte is missing, and one more follows for "long"
 *     whole    a range is ignored; "elsewhere": the answer to it begins at byte 0 but is marked as a range
 *     gzip     the body is encoded although the request says identity
 *     token    requests to the hub without the token VALUE are refused
 *     name     the list of files has one more, of the name VALUE
 *     parts    large files are sent in parts of VALUE bytes */
#include <dirent.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/hub/digest.h"

enum { MOST_RULES = 32, MOST_FILES = 256, PAGE = 3, LINE = 4096 };

typedef struct rule {
    const char *action, *part, *value;
    int left; /* −1: without end */
} rule;

typedef struct entry {
    char path[LINE], digest[HD_SHA256_DIGITS + 1];
    uint64_t size;
    bool large;
} entry;

static rule rules[MOST_RULES];
static int rule_count;
static const char *root;
static int port;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const hd_hub_library *library;
static heed_context *context;

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static void add_rule(char *text) {
    rule *r = &rules[rule_count++];
    r->action = strsep(&text, "|");
    r->part = strsep(&text, "|");
    char *count = strsep(&text, "|");
    r->left = count && atoi(count) ? atoi(count) : -1;
    r->value = text ? text : "";
}

/* The value of a rule that applies, which is then used once more; NULL when there is none. */
static const char *apply(const char *action, const char *request) {
    for (int i = 0; i < rule_count; i++) {
        rule *r = &rules[i];
        if (strcmp(r->action, action) != 0 || !strstr(request, r->part) || r->left == 0) continue;
        if (r->left > 0) r->left--;
        return r->value;
    }
    return NULL;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *pattern, ...) {
    static char texts[16][LINE];
    static int turn;
    char *text = texts[turn++ % 16];
    va_list arguments;
    va_start(arguments, pattern);
    vsnprintf(text, LINE, pattern, arguments);
    va_end(arguments);
    return text;
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (fread(bytes, 1, *size, file) != *size) abort();
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size) {
    char *folder = format("%s", path);
    for (char *slash = folder + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(folder, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
}

static void digest(const void *bytes, size_t size, bool large, char *digits) {
    hd_digest_kind kind = large ? HD_DIGEST_SHA256 : HD_DIGEST_GIT;
    if (hd_digest_bytes(context, library, bytes, size, kind, digits) != HEED_OK) abort();
}

static bool ends(const char *text, const char *end) {
    size_t size = strlen(text), length = strlen(end);
    return size >= length && strcmp(text + size - length, end) == 0;
}

static bool is_large(const char *path, const char *bytes, size_t size) {
    return ends(path, ".safetensors") || ends(path, ".bin") || (size && memchr(bytes, 0, size < 512 ? size : 512));
}

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

static int list_folder(const char *path_of_folder, const char *inside, entry *entries, int count) {
    char *folder = strdup(path_of_folder);
    DIR *opened = opendir(folder);
    const struct dirent *found;
    while (opened && (found = readdir(opened))) {
        struct stat information;
        char *path = format("%s/%s", folder, found->d_name), *name = format("%s%s", inside, found->d_name);
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0 || stat(path, &information) != 0)
            continue;
        if (S_ISDIR(information.st_mode)) {
            char *below = strdup(path), *prefix = strdup(format("%s/", name));
            count = list_folder(below, prefix, entries, count);
            free(below);
            free(prefix);
        } else if (count < MOST_FILES) {
            entry *e = &entries[count++];
            size_t size;
            char *bytes = read_file(path, &size);
            snprintf(e->path, sizeof e->path, "%s", name);
            e->size = size;
            e->large = is_large(name, bytes, size);
            digest(bytes, size, e->large, e->digest);
            free(bytes);
        }
    }
    if (opened) closedir(opened);
    free(folder);
    return count;
}

static int list_revision(const char *repository, const char *revision, entry *entries) {
    int count = list_folder(format("%s/%s/%s", root, repository, revision), "", entries, 0);
    qsort(entries, (size_t)count, sizeof *entries, compare_entries);
    return count;
}

/* A commit is named by its files. */
static void commit_of(const char *repository, const char *revision, char commit[HD_SHA256_DIGITS + 1]) {
    entry *entries = malloc(MOST_FILES * sizeof *entries);
    int count = list_revision(repository, revision, entries);
    char *text = calloc((size_t)count + 1, LINE + 80), *at = text;
    for (int i = 0; i < count; i++) at += sprintf(at, "%s %s\n", entries[i].path, entries[i].digest);
    digest(text, (size_t)(at - text), false, commit);
    free(text);
    free(entries);
}

/* The folder of a branch, or of a commit; NULL when there is none. */
static char *find_revision(const char *repository, const char *revision, char *commit) {
    DIR *opened = opendir(format("%s/%s", root, repository));
    const struct dirent *found;
    char *result = NULL;
    while (opened && !result && (found = readdir(opened))) {
        if (found->d_name[0] == '.') continue;
        commit_of(repository, found->d_name, commit);
        if (strcmp(found->d_name, revision) == 0 || strcmp(commit, revision) == 0) result = format("%s", found->d_name);
    }
    if (opened) closedir(opened);
    return result;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

typedef struct body {
    char *bytes;
    size_t size, stop; /* after `stop` bytes: cut, or stall */
    bool cut;
} body;

static ssize_t next_bytes(void *user, uint64_t position, char *out, size_t most) {
    body *b = user;
    if (position >= b->stop && b->stop < b->size) {
        if (b->cut) return MHD_CONTENT_READER_END_WITH_ERROR;
        sleep(20);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = (b->stop < b->size ? b->stop : b->size) - position, count = left < most ? left : most;
    memcpy(out, b->bytes + position, count);
    return (ssize_t)count;
}

static void free_body(void *user) {
    body *b = user;
    free(b->bytes);
    free(b);
}

/* A gzip file whose deflate blocks are stored (RFC 1952, RFC 1951). */
static void encode(char **bytes, size_t *size) {
    size_t blocks = *size / 65535 + 1, at = 10;
    unsigned char *out = calloc(*size + 5 * blocks + 18, 1);
    memcpy(out, "\x1f\x8b\x08", 3);
    for (size_t done = 0, i = 0; i < blocks; i++) {
        size_t part = *size - done < 65535 ? *size - done : 65535;
        unsigned char head[5] = {i + 1 == blocks, part & 255, part >> 8 & 255, ~part & 255, ~part >> 8 & 255};
        memcpy(out + at, head, 5);
        memcpy(out + at + 5, *bytes + done, part);
        at += 5 + part, done += part;
    }
    uint32_t sum = ~0u, length = (uint32_t)*size;
    for (size_t i = 0; i < *size; i++) {
        sum ^= (unsigned char)(*bytes)[i];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
    }
    sum = ~sum;
    for (int i = 0; i < 4; i++) out[at++] = (unsigned char)(sum >> 8 * i);
    for (int i = 0; i < 4; i++) out[at++] = (unsigned char)(length >> 8 * i);
    free(*bytes);
    *bytes = (char *)out, *size = at;
}

typedef struct answer {
    struct MHD_Connection *connection;
    const char *request; /* "METHOD PATH" */
    int status;
    char *bytes; /* malloc'd */
    size_t size;
    const char *headers[8][2];
    int header_count;
} answer;

static void add_header(answer *a, const char *name, const char *value) {
    a->headers[a->header_count][0] = name;
    a->headers[a->header_count++][1] = value;
}

static void set_text(answer *a, int status, const char *text) {
    a->status = status;
    a->bytes = strdup(text);
    a->size = strlen(text);
}

static void set_json(answer *a, json_t *value) {
    a->status = 200;
    a->bytes = json_dumps(value, JSON_COMPACT);
    a->size = strlen(a->bytes);
    json_decref(value);
    add_header(a, "Content-Type", "application/json");
}

static void set_error(answer *a, int status, const char *code, const char *message) {
    set_text(a, status, format("{\"error\":\"%s\"}", message));
    if (code[0]) add_header(a, "X-Error-Code", code);
    add_header(a, "X-Error-Message", message);
}

/* Bytes of a file, or of the range that was requested. */
static void set_range(answer *a, bool whole) {
    const char *range = MHD_lookup_connection_value(a->connection, MHD_HEADER_KIND, "Range");
    size_t first = 0;
    add_header(a, "Accept-Ranges", "bytes");
    if (whole || !range || sscanf(range, "bytes=%zu-", &first) != 1) return;
    if (first >= a->size) {
        free(a->bytes);
        set_text(a, 416, "");
        return;
    }
    bool elsewhere = apply("elsewhere", a->request);
    add_header(a, "Content-Range", format("bytes %zu-%zu/%zu", elsewhere ? 0 : first, a->size - 1, a->size));
    a->status = 206;
    if (elsewhere) return;
    memmove(a->bytes, a->bytes + first, a->size - first);
    a->size -= first;
}

static enum MHD_Result send_answer(answer *a) {
    const char *value;
    body *b = calloc(1, sizeof *b);
    if (apply("flip", a->request) && a->size) a->bytes[0] ^= 1;
    if (apply("short", a->request) && a->size) a->size--;
    if (apply("long", a->request)) a->bytes = realloc(a->bytes, a->size + 2), a->bytes[a->size++] = '!';
    if (apply("gzip", a->request)) {
        encode(&a->bytes, &a->size);
        add_header(a, "Content-Encoding", "gzip");
    }
    *b = (body){.bytes = a->bytes, .size = a->size, .stop = a->size};
    if ((value = apply("cut", a->request))) b->stop = (size_t)atol(value), b->cut = true;
    if ((value = apply("stall", a->request))) b->stop = (size_t)atol(value);
    struct MHD_Response *response = MHD_create_response_from_callback(b->size, 4096, next_bytes, b, free_body);
    for (int i = 0; i < a->header_count; i++) MHD_add_response_header(response, a->headers[i][0], a->headers[i][1]);
    enum MHD_Result result = MHD_queue_response(a->connection, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void answer_info(answer *a, const char *repository, const char *revision) {
    char commit[HD_SHA256_DIGITS + 1];
    struct stat information;
    if (stat(format("%s/%s", root, repository), &information) != 0) {
        set_error(a, 404, "RepoNotFound", "Repository not found");
        return;
    }
    if (!find_revision(repository, revision, commit)) {
        set_error(a, 404, "RevisionNotFound", "Invalid rev id");
        return;
    }
    set_json(a, json_pack("{s:s, s:s, s:s, s:b, s:[]}", "_id", "0", "id", repository, "sha", commit, "private", 0,
                          "siblings"));
}

static json_t *describe(const entry *e) {
    if (!e->large)
        return json_pack("{s:s, s:s, s:I, s:s}", "type", "file", "path", e->path, "size", (json_int_t)e->size, "oid",
                         e->digest);
    return json_pack("{s:s, s:s, s:I, s:s, s:{s:s, s:I, s:i}}", "type", "file", "path", e->path, "size",
                     (json_int_t)e->size, "oid", "0123456789abcdef0123456789abcdef01234567", "lfs", "oid", e->digest,
                     "size", (json_int_t)e->size, "pointerSize", 134);
}

/* The files of a revision, a few per page, and the folders that they are in. */
static void answer_tree(answer *a, const char *repository, const char *revision) {
    char commit[HD_SHA256_DIGITS + 1];
    const char *folder = find_revision(repository, revision, commit), *name;
    const char *cursor = MHD_lookup_connection_value(a->connection, MHD_GET_ARGUMENT_KIND, "cursor");
    if (!folder) {
        set_error(a, 404, "RevisionNotFound", "Invalid rev id");
        return;
    }
    entry *entries = malloc(MOST_FILES * sizeof *entries);
    int count = list_revision(repository, folder, entries), first = cursor ? atoi(cursor) : 0;
    json_t *list = json_array();
    for (int i = first; i < count && i < first + PAGE; i++) {
        char *slash = strrchr(entries[i].path, '/');
        json_array_append_new(list, describe(&entries[i]));
        if (slash)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s#, s:i}", "type", "directory", "oid", commit, "path",
                                                  entries[i].path, (size_t)(slash - entries[i].path), "size", 0));
    }
    if (count > first + PAGE)
        add_header(a, "Link",
                   format("<http://127.0.0.1:%d/api/models/%s/tree/%s?recursive=true&cursor=%d>; rel=\"next\"", port,
                          repository, revision, first + PAGE));
    if ((name = apply("name", a->request))) {
        snprintf(entries[0].path, sizeof entries[0].path, "%s", name);
        json_array_append_new(list, describe(&entries[0]));
    }
    free(entries);
    set_json(a, list);
}

static void answer_file(answer *a, const char *repository, const char *revision, const char *path, bool elsewhere) {
    static _Thread_local char etag[HD_SHA256_DIGITS + 3], commit[HD_SHA256_DIGITS + 1];
    const char *folder = find_revision(repository, revision, commit);
    a->bytes = folder ? read_file(format("%s/%s/%s/%s", root, repository, folder, path), &a->size) : NULL;
    if (!a->bytes) {
        set_error(a, 404, "EntryNotFound", "Entry not found");
        return;
    }
    bool large = is_large(path, a->bytes, a->size);
    char digits[HD_SHA256_DIGITS + 1];
    digest(a->bytes, a->size, large, digits);
    snprintf(etag, sizeof etag, "\"%s\"", digits);
    add_header(a, "X-Repo-Commit", commit);
    if (large && !elsewhere) {
        add_header(a, "X-Linked-Etag", etag);
        add_header(a, "X-Linked-Size", format("%zu", a->size));
        add_header(a, "Location",
                   format("http://localhost:%d/cdn/%s/%s/%s?signature=secret", port, repository, revision, path));
        free(a->bytes);
        set_text(a, 302, "");
        return;
    }
    a->status = 200;
    add_header(a, "ETag", etag);
    set_range(a, apply("whole", a->request));
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void answer_create(answer *a, const char *request) {
    json_t *value = json_loads(request, 0, NULL);
    const char *owner = json_string_value(json_object_get(value, "organization"));
    const char *name = json_string_value(json_object_get(value, "name"));
    const char *visibility = json_string_value(json_object_get(value, "visibility"));
    const char *repository = format("%s/%s", owner ? owner : "me", name ? name : "");
    if (access(format("%s/%s", root, repository), F_OK) == 0) {
        set_error(a, 409, "", "You already created this model repo");
    } else {
        write_file(format("%s/%s/.visibility", root, repository), visibility ? visibility : "public",
                   strlen(visibility ? visibility : "public"));
        mkdir(format("%s/%s/main", root, repository), 0777);
        set_json(a,
                 json_pack("{s:s, s:s}", "url", format("http://127.0.0.1:%d/%s", port, repository), "id", repository));
    }
    json_decref(value);
}

static size_t decode(const char *base64, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = 0;
    unsigned group = 0, bits = 0;
    for (; *base64 && *base64 != '='; base64++) {
        group = group << 6 | (unsigned)(strchr(digits, *base64) - digits);
        if ((bits += 6) < 8) continue;
        out[size++] = (char)(group >> (bits -= 8));
    }
    return size;
}

static void answer_preupload(answer *a, const char *repository, const char *revision, const char *request) {
    char commit[HD_SHA256_DIGITS + 1];
    const char *folder = find_revision(repository, revision, commit);
    if (!folder) {
        set_error(a, 404, "RevisionNotFound", "Invalid rev id");
        return;
    }
    entry *entries = malloc(MOST_FILES * sizeof *entries);
    int count = list_revision(repository, folder, entries);
    json_t *value = json_loads(request, 0, NULL), *list = json_array(), *file;
    size_t index;
    json_array_foreach(json_object_get(value, "files"), index, file) {
        const char *path = json_string_value(json_object_get(file, "path")), *oid = NULL;
        char sample[1024];
        size_t size = decode(json_string_value(json_object_get(file, "sample")), sample);
        for (int i = 0; i < count; i++)
            if (strcmp(entries[i].path, path) == 0) oid = entries[i].digest;
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s?}", "path", path, "uploadMode",
                                              is_large(path, sample, size) ? "lfs" : "regular", "shouldIgnore",
                                              ends(path, ".ignored"), "oid", oid));
    }
    json_decref(value);
    free(entries);
    set_json(a, json_pack("{s:o}", "files", list));
}

static void answer_batch(answer *a, const char *request) {
    json_t *value = json_loads(request, 0, NULL), *list = json_array(), *object;
    const char *parts = apply("parts", a->request);
    size_t index;
    json_array_foreach(json_object_get(value, "objects"), index, object) {
        const char *oid = json_string_value(json_object_get(object, "oid"));
        json_int_t size = json_integer_value(json_object_get(object, "size"));
        json_t *answered = json_pack("{s:s, s:I}", "oid", oid, "size", size), *header = json_object();
        if (parts) {
            json_int_t part = atol(parts);
            json_object_set_new(header, "chunk_size", json_string(parts));
            for (json_int_t i = 0; i * part < size; i++)
                json_object_set_new(
                    header, format("%d", (int)i + 1),
                    json_string(format("http://localhost:%d/part/%s/%d?signature=secret", port, oid, (int)i + 1)));
        }
        if (access(format("%s/lfs/%s", root, oid), F_OK) != 0)
            json_object_set_new(
                answered, "actions",
                json_pack("{s:{s:s, s:O}, s:{s:s}}", "upload", "href",
                          parts ? format("http://127.0.0.1:%d/complete/%s", port, oid)
                                : format("http://localhost:%d/upload/%s?signature=secret", port, oid),
                          "header", header, "verify", "href", format("http://127.0.0.1:%d/verify", port)));
        json_decref(header);
        json_array_append_new(list, answered);
    }
    json_decref(value);
    set_json(a, json_pack("{s:s, s:o}", "transfer", parts ? "multipart" : "basic", "objects", list));
}

/* Keeps an object whose bytes have the digest that it is named by. */
static void keep_object(answer *a, const char *oid, const char *bytes, size_t size) {
    char digits[HD_SHA256_DIGITS + 1];
    digest(bytes, size, true, digits);
    if (strcmp(digits, oid) != 0) {
        set_error(a, 400, "", "the bytes have another SHA-256");
        return;
    }
    write_file(format("%s/lfs/%s", root, oid), bytes, size);
    set_text(a, 200, "");
}

static void answer_complete(answer *a, const char *oid, const char *request) {
    json_t *value = json_loads(request, 0, NULL), *part;
    char *all = NULL;
    size_t index, size = 0, count;
    json_array_foreach(json_object_get(value, "parts"), index, part) {
        int number = (int)json_integer_value(json_object_get(part, "partNumber"));
        const char *etag = json_string_value(json_object_get(part, "etag"));
        char *bytes = read_file(format("%s/parts/%s/%d", root, oid, number), &count);
        if (!bytes || !etag || strcmp(etag, format("\"part-%d\"", number)) != 0) abort();
        all = realloc(all, size + count);
        memcpy(all + size, bytes, count);
        size += count;
        free(bytes);
    }
    keep_object(a, oid, all, size);
    free(all);
    json_decref(value);
}

static bool commit_line(const char *folder, json_t *line) {
    const char *key = json_string_value(json_object_get(line, "key"));
    const json_t *value = json_object_get(line, "value");
    const char *path = json_string_value(json_object_get(value, "path"));
    if (strcmp(key, "header") == 0) {
        const char *summary = json_string_value(json_object_get(value, "summary"));
        write_file(format("%s/message", root), summary, strlen(summary));
    } else if (strcmp(key, "file") == 0) {
        const char *content = json_string_value(json_object_get(value, "content"));
        char *bytes = malloc(strlen(content) + 1);
        write_file(format("%s/%s", folder, path), bytes, decode(content, bytes));
        free(bytes);
    } else if (strcmp(key, "lfsFile") == 0) {
        size_t size;
        char *bytes = read_file(format("%s/lfs/%s", root, json_string_value(json_object_get(value, "oid"))), &size);
        if (!bytes) return false;
        write_file(format("%s/%s", folder, path), bytes, size);
        free(bytes);
    }
    return true;
}

static void answer_commit(answer *a, const char *repository, const char *revision, const char *request) {
    char *text = strdup(request), *rest = text, *line, commit[HD_SHA256_DIGITS + 1];
    char *folder = strdup(format("%s/%s/%s", root, repository, revision));
    bool done = true;
    while (done && (line = strsep(&rest, "\n"))) {
        json_t *value = line[0] ? json_loads(line, 0, NULL) : NULL;
        if (value) done = commit_line(folder, value);
        json_decref(value);
    }
    commit_of(repository, revision, commit);
    if (done)
        set_json(a, json_pack("{s:b, s:s, s:s}", "success", 1, "commitOid", commit, "commitUrl",
                              format("http://127.0.0.1:%d/%s/commit/%s", port, repository, commit)));
    else
        set_error(a, 400, "", "an LFS object is missing");
    free(folder);
    free(text);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

typedef struct upload {
    char *bytes;
    size_t size;
} upload;

static const char *header(struct MHD_Connection *connection, const char *name) {
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static void log_request(struct MHD_Connection *connection, const char *request) {
    FILE *file = fopen(format("%s/log", root), "a");
    const char *host = header(connection, "Host"), *range = header(connection, "Range");
    char method[16];
    snprintf(method, sizeof method, "%.*s", (int)strcspn(request, " "), request);
    fprintf(file, "%s %.*s%s%s%s%s\n", method, (int)strcspn(host, ":"), host, strchr(request, ' '),
            header(connection, "Authorization")[0] ? " auth" : "", range[0] ? " " : "", range);
    fclose(file);
}

/* "/api/models/OWNER/NAME/KIND/REVISION" → the three; false for another path. */
static bool is_api(const char *url, char *repository, char *kind, char *revision) {
    char owner[LINE], name[LINE];
    kind[0] = revision[0] = 0;
    int found = sscanf(url, "/api/models/%4000[^/]/%4000[^/]/%4000[^/]/%4000s", owner, name, kind, revision);
    if (found >= 2) snprintf(repository, LINE, "%s/%s", owner, name);
    if (found == 2) strcpy(kind, "revision"), strcpy(revision, "main");
    return found >= 2;
}

static void route(answer *a, const char *method, const char *url, const upload *sent) {
    char repository[LINE], kind[LINE], revision[LINE], owner[LINE], name[LINE], path[LINE], oid[128];
    int number;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    const char *request = sent->bytes ? sent->bytes : "";
    if (is_api(url, repository, kind, revision)) {
        if (get && strcmp(kind, "revision") == 0) return answer_info(a, repository, revision);
        if (get && strcmp(kind, "tree") == 0) return answer_tree(a, repository, revision);
        if (strcmp(kind, "preupload") == 0) return answer_preupload(a, repository, revision, request);
        if (strcmp(kind, "commit") == 0) return answer_commit(a, repository, revision, request);
    } else if (strcmp(url, "/api/repos/create") == 0) {
        return answer_create(a, request);
    } else if (strcmp(url, "/api/validate-yaml") == 0) {
        return set_json(a, json_pack("{s:[], s:[]}", "errors", "warnings"));
    } else if (sscanf(url, "/cdn/%4000[^/]/%4000[^/]/%4000[^/]/%4000[^\n]", owner, name, revision, path) == 4) {
        snprintf(repository, sizeof repository, "%.2000s/%.2000s", owner, name);
        return answer_file(a, repository, revision, path, true);
    } else if (sscanf(url, "/%4000[^/]/%4000[^/]/resolve/%4000[^/]/%4000[^\n]", owner, name, revision, path) == 4) {
        snprintf(repository, sizeof repository, "%.2000s/%.2000s", owner, name);
        return answer_file(a, repository, revision, path, false);
    } else if (strstr(url, ".git/info/lfs/objects/batch")) {
        return answer_batch(a, request);
    } else if (sscanf(url, "/upload/%100[0-9a-f]", oid) == 1) {
        return keep_object(a, oid, request, sent->size);
    } else if (sscanf(url, "/part/%100[0-9a-f]/%d", oid, &number) == 2) {
        write_file(format("%s/parts/%s/%d", root, oid, number), request, sent->size);
        add_header(a, "ETag", format("\"part-%d\"", number));
        return set_text(a, 200, "");
    } else if (sscanf(url, "/complete/%100[0-9a-f]", oid) == 1) {
        return answer_complete(a, oid, request);
    } else if (strcmp(url, "/verify") == 0) {
        return set_text(a, 200, "{}");
    }
    set_error(a, 404, "", "no such address");
}

/* A status with a header: "429 Retry-After: 1" */
static void set_status(answer *a, const char *value) {
    const char *name = strchr(value, ' ');
    char *copy = format("%s", name ? name + 1 : ""), *colon = strchr(copy, ':');
    set_text(a, atoi(value), "");
    if (!colon) return;
    *colon = 0;
    add_header(a, copy, colon + 2);
}

static void decide(answer *a, const char *method, const char *url, const upload *sent) {
    const char *value, *authorization = header(a->connection, "Authorization");
    bool other = strncmp(header(a->connection, "Host"), "localhost", 9) == 0;
    if (other && authorization[0]) return set_error(a, 400, "", "only one authorization is allowed");
    if ((value = apply("status", a->request))) return set_status(a, value);
    if ((value = apply("body", a->request))) return set_text(a, 200, value);
    if (apply("long404", a->request)) {
        a->status = 404;
        a->bytes = malloc(a->size = 1 << 20);
        memset(a->bytes, 'x', a->size);
        return;
    }
    if ((value = apply("redirect", a->request))) {
        set_text(a, 302, "");
        return add_header(a, "Location", value);
    }
    if (!other && (value = apply("token", a->request)) && strcmp(authorization, format("Bearer %s", value)) != 0)
        return set_error(a, 401, "", format("Invalid credentials: %s", authorization));
    if (strcmp(method, "POST") == 0 && !authorization[0] && !strstr(url, "/complete/"))
        return set_error(a, 401, "", "Invalid username or password.");
    route(a, method, url, sent);
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state) {
    (void)user, (void)version;
    if (!*state) {
        *state = calloc(1, sizeof(upload));
        return MHD_YES;
    }
    upload *sent = *state;
    if (*size) {
        sent->bytes = realloc(sent->bytes, sent->size + *size + 1);
        memcpy(sent->bytes + sent->size, data, *size);
        sent->bytes[sent->size += *size] = 0;
        *size = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&lock);
    char request[LINE];
    snprintf(request, sizeof request, "%s %s", method, url);
    log_request(connection, request);
    const char *seconds = apply("sleep", request);
    pthread_mutex_unlock(&lock);
    if (seconds) usleep((useconds_t)(atof(seconds) * 1e6));
    pthread_mutex_lock(&lock);
    answer a = {.connection = connection, .request = request};
    decide(&a, method, url, sent);
    enum MHD_Result result = send_answer(&a);
    pthread_mutex_unlock(&lock);
    free(sent->bytes);
    sent->bytes = NULL;
    sent->size = 0;
    return result;
}

static void finish(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode reason) {
    (void)user, (void)connection, (void)reason;
    upload *sent = *state;
    if (sent) free(sent->bytes);
    free(sent);
}

int main(int count, char **arguments) {
    if (count < 2 || count > 2 + MOST_RULES) return 2;
    root = arguments[1];
    for (int i = 2; i < count; i++) add_rule(arguments[i]);
    if (heed_context_open(&context) != HEED_OK || hd_hub_library_open(context, &library) != HEED_OK) {
        fprintf(stderr, "tool-hub: %s\n", heed_context_message(context));
        return 1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL, handle, NULL,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, finish, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *information = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!information) return 1;
    pthread_mutex_lock(&lock); /* threads of connections read it */
    port = information->port;
    pthread_mutex_unlock(&lock);
    printf("%d\n", information->port);
    fflush(stdout);
    sleep(600);
    return 0;
}
