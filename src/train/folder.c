/* The folder of a run. FOLDER/.heed/lock is locked while the run is open, and names its process. FOLDER/.heed/files records
 * the files that heed wrote: their checksums, so that a file of the user is never overwritten or removed.
 *
 *     16 hexadecimal digits, a space, a name     the file's checksum; of recipe.ini there may be two
 *     writing                                    the model's files are being written, and are the run's whatever they are */
#include "base/file.h"
#include "train/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char recipe_name[] = "recipe.ini", own_folder[] = ".heed", lock_name[] = ".heed/lock",
                  record_name[] = ".heed/files";
static const char *const run_files[] = {recipe_name, "log.jsonl", "checkpoint.safetensors", "weights"};

static char *in_folder(const hd_run *run, const char *name) { return hd_path_join(run->context, run->folder, name); }

/* False for a folder that is not open yet, because it does not exist. */
static bool exists(const hd_run *run, const char *name) {
    struct stat information;
    return run->files.folder && fstatat(run->files.folder, name, &information, AT_SYMLINK_NOFOLLOW) == 0;
}

static void open_folder(hd_run *run) {
    if (run->files.folder) return;
    int folder = hd_open(run->folder, O_RDONLY | O_DIRECTORY, 0);
    if (folder >= 0) run->files.folder = folder;
}

/* ---- the lock ------------------------------------------------------------------------------------------------------- */

static heed_status fail_busy(hd_run *run, int lock) {
    char text[32] = "";
    ssize_t size = pread(lock, text, sizeof text - 1, 0);
    long process = size > 0 ? strtol(text, NULL, 10) : 0;
    if (process > 0)
        return hd_fail(run->context, HEED_FILE, "%s is being trained in by process %ld", run->folder, process);
    return hd_fail(run->context, HEED_FILE, "%s is being trained in by another process", run->folder);
}

/* True if the open file is still the one at the path: the process that held the lock may have removed it. */
static bool is_current(int lock, const char *path) {
    struct stat open_one, named;
    return fstat(lock, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_ino == named.st_ino &&
           open_one.st_dev == named.st_dev;
}

/* *lock is 0 if there is no lock file and `flags` do not create one. */
static heed_status open_lock(hd_run *run, const char *path, int flags, int *lock) {
    for (*lock = 0; !*lock;) {
        int file = hd_open(path, O_RDWR | O_NOFOLLOW | flags, 0666);
        if (file < 0 && errno == ENOENT && !flags) return HEED_OK;
        if (file < 0) return hd_fail(run->context, HEED_FILE, "%s: cannot open: %s", path, strerror(errno));
        if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            heed_status status = fail_busy(run, file);
            close(file);
            return status;
        } /* file systems without locks are used without */
        if (is_current(file, path))
            *lock = file;
        else
            close(file);
    }
    return HEED_OK;
}

static heed_status take_lock(hd_run *run, int flags) {
    if (run->files.lock) return HEED_OK;
    char *path = in_folder(run, lock_name), text[32];
    if (!path) return HEED_MEMORY;
    heed_status status = open_lock(run, path, flags, &run->files.lock);
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (run->files.lock &&
        (ftruncate(run->files.lock, 0) != 0 || pwrite(run->files.lock, text, (size_t)size, 0) != size))
        status = hd_fail(run->context, HEED_FILE, "%s: cannot write: %s", path, strerror(errno));
    hd_free(run->context, path);
    return status;
}

/* Makes FOLDER/.heed, locks it, and removes what killed runs left. */
static heed_status make_and_lock(hd_run *run) {
    char *own = in_folder(run, own_folder), *weights = in_folder(run, "weights");
    heed_status status = own && weights ? hd_folder_make(run->context, own) : HEED_MEMORY;
    if (status == HEED_OK) open_folder(run);
    if (status == HEED_OK) status = take_lock(run, O_CREAT);
    if (status == HEED_OK) {
        hd_folder_sweep(run->folder);
        hd_folder_sweep(own);
        hd_folder_sweep(weights);
    }
    hd_free(run->context, own);
    hd_free(run->context, weights);
    return status;
}

heed_status hd_run_lock(hd_run *run) {
    open_folder(run);
    if (!exists(run, recipe_name))
        return hd_fail(run->context, HEED_ARGUMENT, "%s has no training run to resume: there is no recipe.ini",
                       run->folder);
    return make_and_lock(run);
}

/* ---- a new run ------------------------------------------------------------------------------------------------------ */

/* A name of the files that a run leaves, from 0; NULL after the last. */
static const char *file_of_run(size_t i) {
    return i < HD_COUNT(run_files) ? run_files[i] : hd_model_file(i - HD_COUNT(run_files));
}

/* Refuses a folder with a file that the run would write. */
static heed_status check_empty(hd_run *run) {
    open_folder(run);
    bool begun = exists(run, "checkpoint.safetensors") || exists(run, record_name);
    for (size_t i = 0; file_of_run(i); i++) {
        if (!exists(run, file_of_run(i))) continue;
        if (begun)
            return hd_fail(run->context, HEED_ARGUMENT,
                           "%s holds a training run already: resume it, or choose another folder", run->folder);
        return hd_fail(run->context, HEED_ARGUMENT,
                       "%s/%s is there already and would be overwritten: choose another folder", run->folder,
                       file_of_run(i));
    }
    return HEED_OK;
}

/* The length of the longest beginning of the path that exists. */
static size_t existing_length(char *path) {
    size_t length = strlen(path);
    char kept = 0;
    struct stat information;
    while (length > 0 && stat(path, &information) != 0) {
        path[length] = kept;
        while (length > 0 && path[length - 1] == '/') length--;
        while (length > 0 && path[length - 1] != '/') length--;
        kept = path[length];
        path[length] = 0;
    }
    path[length] = kept;
    return length;
}

heed_status hd_run_claim(hd_run *run) {
    hd_run_folder *files = &run->files;
    HD_TRY(take_lock(run, 0)); /* a run in progress is reported as such */
    HD_TRY(check_empty(run));
    files->path = hd_copy_string(run->context, run->folder);
    char *scratch = hd_copy_string(run->context, run->folder);
    if (scratch) files->existed = existing_length(scratch);
    hd_free(run->context, scratch);
    if (!files->path || !scratch) return HEED_MEMORY;
    files->begun = true;
    HD_TRY(make_and_lock(run));
    heed_status status = check_empty(run); /* again, now that no other process begins a run here */
    if (status != HEED_OK) files->begun = false;
    return status;
}

/* ---- what is the run's own ------------------------------------------------------------------------------------------ */

/* The identity of a model's file; all 0 if it is missing. */
static hd_file_identity identify(int folder, size_t i) {
    struct stat s;
    if (fstatat(folder, hd_model_file(i), &s, AT_SYMLINK_NOFOLLOW) != 0) return (hd_file_identity){0};
    return (hd_file_identity){(uint64_t)s.st_dev, (uint64_t)s.st_ino, (uint64_t)s.st_size, (int64_t)s.st_mtim.tv_sec,
                              (int64_t)s.st_mtim.tv_nsec};
}

static bool is_same(hd_file_identity a, hd_file_identity b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size && a.seconds == b.seconds &&
           a.nanoseconds == b.nanoseconds;
}

static bool is_card(const char *name) { return strcmp(name, "README.md") == 0; }

void hd_run_own_files(hd_run *run) {
    for (size_t i = 0; hd_model_file(i); i++) {
        bool users = run->files.card_changed && is_card(hd_model_file(i));
        run->files.files[i] = users ? (hd_file_identity){0} : identify(run->files.folder, i);
    }
}

static heed_status checksum_of(const hd_run *run, const char *name, uint64_t *sum) {
    char *path = in_folder(run, name);
    hd_map map = {0};
    heed_status status = path ? hd_map_open(run->context, path, &map) : HEED_MEMORY;
    hd_free(run->context, path);
    if (status == HEED_OK) *sum = hd_checksum_of(map.data, map.size);
    if (status == HEED_OK) hd_map_close(&map);
    return status;
}

heed_status hd_run_check_export(hd_run *run) {
    for (size_t i = 0; hd_model_file(i); i++) {
        const char *name = hd_model_file(i);
        hd_file_identity now = identify(run->files.folder, i);
        if (!now.inode || is_same(now, run->files.files[i])) continue;
        if (!is_card(name))
            return hd_fail(run->context, HEED_FILE,
                           "%s/%s was changed by another program during the training run and is not overwritten",
                           run->folder, name);
        if (!run->files.card_changed) hd_note(run->context, "%s/%s was changed and is kept", run->folder, name);
        run->files.card_changed = true;
    }
    return HEED_OK;
}

static void add_recipes(const hd_run *run, hd_buffer *text) {
    hd_buffer_format(text, "%016llx %s\n", (unsigned long long)run->recipe_sum, recipe_name);
    if (run->old_recipe_sum && run->old_recipe_sum != run->recipe_sum)
        hd_buffer_format(text, "%016llx %s\n", (unsigned long long)run->old_recipe_sum, recipe_name);
}

static heed_status add_files(hd_run *run, hd_buffer *text) {
    hd_run_own_files(run);
    for (size_t i = 0; hd_model_file(i); i++) {
        const char *name = hd_model_file(i);
        uint64_t sum;
        if (!run->files.files[i].inode) continue;
        HD_TRY(checksum_of(run, name, &sum));
        hd_buffer_format(text, "%016llx %s\n", (unsigned long long)sum, name);
    }
    return HEED_OK;
}

heed_status hd_run_record(hd_run *run, bool writing) {
    hd_buffer text;
    hd_buffer_open(&text, run->context);
    add_recipes(run, &text);
    heed_status status = HEED_OK;
    if (writing)
        hd_buffer_text(&text, "writing\n");
    else
        status = add_files(run, &text);
    char *path = status == HEED_OK ? in_folder(run, record_name) : NULL;
    if (status == HEED_OK)
        status = path && !text.failed ? hd_file_write(run->context, path, text.data, text.size) : HEED_MEMORY;
    hd_free(run->context, path);
    hd_buffer_close(&text);
    return status;
}

heed_status hd_run_write_recipe(hd_run *run, const char *text, size_t size) {
    char *path = in_folder(run, recipe_name);
    heed_status status = path ? hd_file_write(run->context, path, text, size) : HEED_MEMORY;
    hd_free(run->context, path);
    return status;
}

/* ---- resuming -------------------------------------------------------------------------------------------------------- */

static bool is_recorded(const char *record, const char *name, uint64_t sum) {
    char line[320];
    snprintf(line, sizeof line, "%016llx %s\n", (unsigned long long)sum, name);
    return strstr(record, line) != NULL;
}

static heed_status check_file(hd_run *run, const char *record, size_t i) {
    const char *name = hd_model_file(i);
    uint64_t sum;
    if (!run->files.files[i].inode || strstr(record, "writing\n")) return HEED_OK;
    HD_TRY(checksum_of(run, name, &sum));
    if (is_recorded(record, name, sum)) return HEED_OK;
    if (!is_card(name))
        return hd_fail(run->context, HEED_ARGUMENT, "%s/%s is not as heed wrote it: move it away to resume the run",
                       run->folder, name);
    hd_note(run->context, "%s/%s was changed and is kept", run->folder, name);
    run->files.card_changed = true;
    return HEED_OK;
}

static heed_status check_record(hd_run *run, const char *record, bool checkpoint) {
    if (!checkpoint && !is_recorded(record, recipe_name, run->old_recipe_sum))
        return hd_fail(run->context, HEED_ARGUMENT, "%s/%s is not as heed wrote it, and so its run cannot be resumed",
                       run->folder, recipe_name);
    hd_run_own_files(run);
    for (size_t i = 0; hd_model_file(i); i++) HD_TRY(check_file(run, record, i));
    return HEED_OK;
}

/* A run that was copied without its hidden files has no record; its checkpoint knows the recipe. */
heed_status hd_run_check_folder(hd_run *run, bool checkpoint) {
    bool found = exists(run, record_name);
    if (!found && !checkpoint)
        return hd_fail(run->context, HEED_ARGUMENT,
                       "%s has no training run to resume: heed did not write its recipe.ini", run->folder);
    hd_buffer record;
    hd_buffer_open(&record, run->context);
    char *path = in_folder(run, record_name);
    heed_status status = path ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && found) status = hd_file_read(run->context, path, &record);
    if (status == HEED_OK && !found) hd_buffer_text(&record, "writing\n");
    if (status == HEED_OK && !record.failed) status = check_record(run, record.data ? record.data : "", checkpoint);
    if (record.failed) status = HEED_MEMORY;
    hd_free(run->context, path);
    hd_buffer_close(&record);
    return status;
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

/* Removes the files of a run, of the model's only the run's own. Does not allocate, because it may be a lack of memory that
 * ended the run. */
static void remove_files(const hd_run_folder *files) {
    for (size_t i = 0; i < HD_COUNT(run_files); i++) unlinkat(files->folder, run_files[i], 0);
    for (size_t i = 0; hd_model_file(i); i++)
        if (is_same(identify(files->folder, i), files->files[i])) unlinkat(files->folder, hd_model_file(i), 0);
    unlinkat(files->folder, record_name, 0);
    unlinkat(files->folder, lock_name, 0);
    unlinkat(files->folder, own_folder, AT_REMOVEDIR);
}

void hd_run_remove_files(const char *folder) {
    hd_run_folder files = {.folder = hd_open(folder, O_RDONLY | O_DIRECTORY, 0)};
    if (files.folder < 0) return;
    for (size_t i = 0; hd_model_file(i); i++) files.files[i] = identify(files.folder, i);
    remove_files(&files);
    close(files.folder);
}

/* Removes the folder and those around it, up to the part that existed before. */
static void remove_folders(char *path, size_t existed) {
    for (size_t length = strlen(path); length > existed;) {
        if (rmdir(path) != 0) return;
        while (length > existed && path[length - 1] == '/') length--;
        while (length > existed && path[length - 1] != '/') length--;
        path[length] = 0;
    }
}

void hd_run_release(hd_run *run) {
    hd_run_folder *files = &run->files;
    if (files->begun && !run->saved_step && !files->exported) {
        remove_files(files);
        remove_folders(files->path, files->existed);
    } else if (files->lock && ftruncate(files->lock, 0) != 0) {
        errno = 0; /* the process that it names has ended by the time the number is read */
    }
    if (files->lock) close(files->lock);
    if (files->folder) close(files->folder);
    files->lock = files->folder = 0;
    hd_free(run->context, files->path);
    files->path = NULL;
}
