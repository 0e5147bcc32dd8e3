#include "texts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "output.h"
#include "stop.h"

enum {
    BATCH_LINES = 512,
    BATCH_BYTES = 1 << 20,
    READ_BYTES = 1 << 16,
    LONGEST_LINE = 1 << 24,
    PATIENCE = 2 /* milliseconds that a batch with at least one line waits for more */
};

const char too_long[] = "longer than 16 MiB";

/* A lone text that is the name of a file: most likely its lines were meant. */
static void note_file_name(const invocation *line) {
    struct stat information;
    if (line->quiet || line->text_count != 1 || stat(line->texts[0], &information) != 0) return;
    if (S_ISREG(information.st_mode))
        print_message("heed %s: the text \"%s\" is also the name of a file; --input %s reads the lines of the file",
                      line->command->name, line->texts[0], line->texts[0]);
}

bool open_texts(const invocation *line, const char *input, text_source *t, int *exit_code) {
    *t = (text_source){.line = line, .first = 1, .noun = "line", .descriptor = STDIN_FILENO, .path = "standard input"};
    if (input && line->text_count) {
        *exit_code = report_usage(line, "texts come from the command line or from --input, not from both");
        return false;
    }
    if (line->text_count) {
        t->noun = "text";
        note_file_name(line);
        t->descriptor = -1;
    } else if (input && strcmp(input, "-") != 0) {
        t->path = input;
        t->descriptor = open(input, O_RDONLY | O_CLOEXEC);
    }
    if (input && t->descriptor < 0) {
        print_message("heed %s: %s: cannot open: %s", line->command->name, input, strerror(errno));
        *exit_code = EXIT_FAILED;
        return false;
    }
    return true;
}

void close_texts(text_source *t) {
    if (t->descriptor > STDIN_FILENO) close(t->descriptor);
    free(t->items);
    free(t->sizes);
    free(t->offsets);
    free(t->held);
}

static const char stopped[] = "stopped"; /* of heed_translate and heed_generate */

void report_text(const text_source *t, size_t index, const char *problem) {
    if (strcmp(problem, stopped) == 0) return;
    print_message("heed %s: %s %llu: %s", t->line->command->name, t->noun, (unsigned long long)t->first + index,
                  problem);
}

static bool is_stopped(const heed_results *results, size_t index) {
    const char *problem = heed_results_problem(results, index);
    return problem && strcmp(problem, stopped) == 0;
}

size_t report_stop(const text_source *t, size_t first, size_t count, const heed_results *results) {
    size_t end = 0, missing = t->count - first - count; /* texts that were read and not begun */
    for (size_t i = 0; i < count; i++) {
        if (is_stopped(results, i))
            missing++;
        else
            end = i + 1;
    }
    print_message("heed %s: stopped: %zu %s%s without an answer", t->line->command->name, missing, t->noun,
                  missing == 1 ? "" : "s");
    return end;
}

static void add_item(text_source *t, size_t offset, size_t size) {
    if (t->count == t->item_capacity) {
        t->item_capacity = t->item_capacity ? t->item_capacity * 2 : 64;
        t->items = grow_memory(t->items, t->item_capacity, sizeof *t->items);
        t->sizes = grow_memory(t->sizes, t->item_capacity, sizeof *t->sizes);
        t->offsets = grow_memory(t->offsets, t->item_capacity, sizeof *t->offsets);
    }
    t->offsets[t->count] = offset;
    t->sizes[t->count++] = size;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static bool next_words(text_source *t) {
    if (t->ended) return false;
    t->ended = true;
    for (size_t i = 0; i < t->line->text_count; i++) {
        add_item(t, 0, strlen(t->line->texts[i]));
        t->items[i] = t->line->texts[i];
    }
    return t->count > 0;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* Adds the line [start, start + size) to the batch and skips its end of `ending` bytes. */
static void take_line(text_source *t, size_t size, size_t ending) {
    size_t offset = t->start;
    t->start += size + ending;
    if (ending && size && t->held[offset + size - 1] == '\r') size--;
    add_item(t, t->skipping ? SIZE_MAX : offset, t->skipping ? 0 : size);
    t->skipping = false;
}

/* Adds complete lines from the buffer to the batch. True when the batch is full. */
static bool take_lines(text_source *t, size_t *searched) {
    while (t->count < BATCH_LINES) {
        size_t left = t->end - t->start - *searched;
        const char *newline = left ? memchr(t->held + t->start + *searched, '\n', left) : NULL;
        if (!newline) {
            *searched += left;
            break;
        }
        take_line(t, (size_t)(newline - t->held) - t->start, 1);
        *searched = 0;
    }
    return t->count == BATCH_LINES || (t->count && t->start >= BATCH_BYTES);
}

static bool is_more_ready(const text_source *t) {
    struct pollfd request = {.fd = t->descriptor, .events = POLLIN};
    return poll(&request, 1, PATIENCE) != 0;
}

/* False if a signal requests a stop meanwhile. */
static bool wait_for_input(const text_source *t) {
    struct pollfd request = {.fd = t->descriptor, .events = POLLIN};
    while (!is_stop_requested())
        if (poll(&request, 1, -1) >= 0 || errno != EINTR) return true;
    return false;
}

/* Drops a byte order mark, once the first three bytes are there. */
static void drop_byte_order_mark(text_source *t, size_t *searched) {
    static const char mark[] = "\xEF\xBB\xBF";
    if (t->begun || t->first > 1 || t->count || t->end < 3) return;
    t->begun = true;
    if (memcmp(t->held, mark, 3) != 0) return;
    memmove(t->held, t->held + 3, t->end - 3);
    t->end -= 3;
    *searched = 0;
}

static void read_more(text_source *t, size_t *searched) {
    if (t->end + READ_BYTES > t->capacity) {
        t->capacity = t->capacity * 2 > t->end + READ_BYTES ? t->capacity * 2 : t->end + READ_BYTES;
        t->held = grow_memory(t->held, t->capacity, 1);
    }
    ssize_t size;
    if (!wait_for_input(t)) {
        t->ended = true;
        return;
    }
    do size = read(t->descriptor, t->held + t->end, READ_BYTES);
    while (size < 0 && errno == EINTR);
    if (size < 0) {
        print_message("heed %s: %s: cannot read: %s", t->line->command->name, t->path, strerror(errno));
        t->failed = true;
    }
    if (size <= 0)
        t->ended = true;
    else
        t->end += (size_t)size;
    drop_byte_order_mark(t, searched);
}

static bool next_lines(text_source *t) {
    if (t->start) { /* drops the lines of the last batch */
        memmove(t->held, t->held + t->start, t->end - t->start);
        t->end -= t->start;
        t->start = 0;
    }
    size_t searched = 0;
    bool full;
    while (!(full = take_lines(t, &searched)) && !t->ended) {
        if (t->count && !is_more_ready(t)) break;
        if (t->end - t->start > LONGEST_LINE) { /* drops the text of such a line, and keeps its number */
            t->skipping = true;
            t->end = t->start;
            searched = 0;
        }
        read_more(t, &searched);
    }
    bool last = t->ended && !full && !t->failed;
    if (last && (t->end > t->start || t->skipping)) take_line(t, t->end - t->start, 0);
    for (size_t i = 0; i < t->count; i++) t->items[i] = t->offsets[i] == SIZE_MAX ? NULL : t->held + t->offsets[i];
    return t->count > 0;
}

/* ---- the whole input -------------------------------------------------------------------------------------------- */

void read_whole(text_source *t) {
    if (t->descriptor < 0) return;
    t->whole = true;
    t->noun = "document";
}

static bool next_whole(text_source *t) {
    size_t searched = 0;
    if (t->ended) return false;
    while (!t->ended) {
        if (t->end > LONGEST_LINE) t->skipping = true;
        if (t->skipping) t->end = 0;
        read_more(t, &searched);
    }
    if (t->failed) return false;
    add_item(t, 0, t->skipping ? 0 : t->end);
    t->items[0] = t->skipping ? NULL : t->end ? t->held : "";
    return true;
}

bool next_texts(text_source *t) {
    t->first += t->count;
    t->count = 0;
    bool more = t->descriptor < 0 ? next_words(t) : t->whole ? next_whole(t) : next_lines(t);
    if (!is_stop_requested()) return more;
    print_message("heed %s: stopped", t->line->command->name);
    t->failed = true;
    return false;
}
