#include "arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "foreign.h"
#include "memory.h"
#include "output.h"
#include "suggest.h"

/* ---- messages --------------------------------------------------------------------------------------------------- */

int report_usage(const invocation *line, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t size = length > 0 ? (size_t)length + 1 : 1;
    char *reason = grow_memory(NULL, size, 1);
    reason[0] = 0;
    vsnprintf(reason, size, format, again);
    va_end(again);
    print_message("heed %s: %s", line->command->name, reason);
    free(reason);
    return EXIT_USAGE;
}

int report_failure(const invocation *line, heed_status status) {
    print_message("heed %s: %s", line->command->name, heed_context_message(line->context));
    return status == HEED_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}

static void print_note(void *user, const char *note) {
    const invocation *line = user;
    print_message("heed %s: %s", line->command->name, note);
}

/* ---- options by name -------------------------------------------------------------------------------------------- */

/* Options of every verb. */
enum { THREADS, SPECIAL_TOKENS, QUIET, VERBOSE, HELP, COMMON };

static void common_options(invocation *line, own_option common[COMMON]) {
    common[THREADS] =
        (own_option){"threads", 't', "NUMBER", "number of threads (default: all cores)", &line->threads, NULL};
    common[SPECIAL_TOKENS] = (own_option){
        "special-tokens",      0,   "parse|text", "special tokens spelled in a text: tokens (default) or text",
        &line->special_tokens, NULL};
    common[QUIET] = (own_option){"quiet", 'q', NULL, "print no progress and no notes", NULL, &line->quiet};
    common[VERBOSE] = (own_option){"verbose", 'v', NULL, "print notes on standard error", NULL, &line->verbose};
    common[HELP] = (own_option){"help", 'h', NULL, "print this help", NULL, &line->help};
}

static bool same_name(const char *name, size_t size, const char *other) {
    if (strlen(other) != size) return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] != other[i] && !(name[i] == '_' && other[i] == '-')) return false;
    return true;
}

/* Finds an option by its name, or by its letter when `size` is 0. */
static const own_option *find_own(const own_option *options, size_t count, const char *name, size_t size, char letter) {
    for (size_t i = 0; i < count; i++)
        if (size ? same_name(name, size, options[i].name) : letter == options[i].letter) return &options[i];
    return NULL;
}

static const char *find_library(const invocation *line, const char *name, size_t size) {
    const char *found;
    for (size_t i = 0; line->options && (found = heed_options_name(line->options, i)); i++)
        if (same_name(name, size, found)) return found;
    return NULL;
}

/* The library's options have long names only; these also have a short one in every verb. */
static const char *library_name_of(char letter) {
    return letter == 'm' ? "model" : letter == 's' ? "seed" : letter == 'k' ? "clusters" : NULL;
}

static bool has_option(const invocation *line, const own_option *common, const char *name) {
    size_t size = strlen(name);
    return find_own(line->command->own, line->command->own_count, name, size, 0) || find_library(line, name, size) ||
           find_own(common, COMMON, name, size, 0);
}

/* An option of other programs, as it was typed: false if it is not known, or if the verb has none like it. */
static bool report_foreign(const invocation *line, const own_option *common, const char *typed, size_t size) {
    const char *meant;
    for (size_t i = 0; (meant = foreign_option(typed, size, i)); i++) {
        bool advice = strchr(meant, ' ');
        if (!advice && !has_option(line, common, meant)) continue;
        report_usage(line, advice ? "unknown option %.*s (%s)" : "unknown option %.*s (did you mean --%s?)", (int)size,
                     typed, meant);
        return true;
    }
    return false;
}

static int report_unknown(const invocation *line, const own_option *common, const char *name, size_t size) {
    suggestion guess = suggest_for(name, size);
    const char *candidate;
    for (size_t i = 0; i < line->command->own_count; i++) suggest(&guess, line->command->own[i].name);
    for (size_t i = 0; line->options && (candidate = heed_options_name(line->options, i)); i++)
        suggest(&guess, candidate);
    for (size_t i = 0; i < COMMON; i++) suggest(&guess, common[i].name);
    if (guess.best)
        return report_usage(line, "unknown option --%.*s (did you mean --%s?)", (int)size, name, guess.best);
    return report_usage(line, "unknown option --%.*s (heed %s --help lists the options)", (int)size, name,
                        line->command->name);
}

/* ---- reading the words ------------------------------------------------------------------------------------------ */

typedef struct word_reader {
    invocation *line;
    const own_option *common;
    char **words;
    int count, next;
} word_reader;

/* The value of the option just read: the text attached to it, or the next word. */
static bool take_value(word_reader *reader, const char *attached, const char **value) {
    if (attached)
        *value = attached;
    else if (reader->next < reader->count)
        *value = reader->words[reader->next++];
    else
        return false;
    return true;
}

static void note_given(invocation *line, const char *name, const char *value) {
    line->given[line->given_count++] = (given_option){name, value};
}

static int set_own(word_reader *reader, const own_option *option, const char *attached) {
    if (option->flag && attached) return report_usage(reader->line, "--%s takes no value", option->name);
    if (option->flag)
        *option->flag = true;
    else if (!take_value(reader, attached, option->value))
        return report_usage(reader->line, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
    if (!option->value) return EXIT_DONE;
    bool named = strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "FOLDER") == 0 ||
                 strcmp(option->argument, "MODEL") == 0;
    if (named && !**option->value) return report_usage(reader->line, "%s is \"\", expected a name", option->name);
    note_given(reader->line, option->name, *option->value);
    return EXIT_DONE;
}

static int set_library(word_reader *reader, const char *name, const char *attached) {
    invocation *line = reader->line;
    const char *value = attached;
    if (!heed_options_is_flag(line->options, name) && !take_value(reader, attached, &value))
        return report_usage(line, "--%s needs a value", name);
    heed_status status = heed_options_set(line->options, name, value);
    if (status != HEED_OK) return report_failure(line, status);
    note_given(line, name, value);
    return EXIT_DONE;
}

/* --name, --name value, --name=value */
static int read_name(word_reader *reader, const char *name) {
    const command *verb = reader->line->command;
    size_t size = strcspn(name, "=");
    const char *attached = name[size] ? name + size + 1 : NULL, *library;
    const own_option *own = size ? find_own(verb->own, verb->own_count, name, size, 0) : NULL;
    if (own) return set_own(reader, own, attached);
    if ((library = find_library(reader->line, name, size))) return set_library(reader, library, attached);
    if (size && (own = find_own(reader->common, COMMON, name, size, 0))) return set_own(reader, own, attached);
    if (report_foreign(reader->line, reader->common, name - 2, size + 2)) return EXIT_USAGE;
    return report_unknown(reader->line, reader->common, name, size);
}

/* `word` is the whole word, with its dash. */
static int report_letter(const word_reader *reader, const char *word, char letter) {
    if (report_foreign(reader->line, reader->common, word, strlen(word))) return EXIT_USAGE;
    if (report_foreign(reader->line, reader->common, (char[]){'-', letter, 0}, 2)) return EXIT_USAGE;
    return report_usage(reader->line, "unknown option -%c", letter);
}

/* -q, -qv, -t 2, -t2 */
static int read_letters(word_reader *reader, const char *letters) {
    const command *verb = reader->line->command;
    const char *word = letters - 1; /* with its dash */
    while (*letters) {
        char letter = *letters++;
        const char *attached = *letters ? letters : NULL, *library = library_name_of(letter);
        const own_option *own = find_own(verb->own, verb->own_count, NULL, 0, letter);
        if (!own && library && find_library(reader->line, library, strlen(library)))
            return set_library(reader, library, attached);
        if (!own) own = find_own(reader->common, COMMON, NULL, 0, letter);
        if (!own) return report_letter(reader, word, letter);
        int code = set_own(reader, own, own->flag ? NULL : attached);
        if (code || !own->flag) return code;
    }
    return EXIT_DONE;
}

static int read_words(word_reader *reader) {
    invocation *line = reader->line;
    bool options = true;
    while (reader->next < reader->count) {
        const char *word = reader->words[reader->next++];
        int code = EXIT_DONE;
        if (!options || word[0] != '-' || !word[1])
            line->texts[line->text_count++] = word;
        else if (strcmp(word, "--") == 0)
            options = false;
        else
            code = word[1] == '-' ? read_name(reader, word + 2) : read_letters(reader, word + 1);
        if (code || line->help) return code;
    }
    return EXIT_DONE;
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static bool is_of_group(const own_option *option, const char *group) {
    return group ? option->group && strcmp(option->group, group) == 0 : !option->group;
}

static void print_own(const own_option *options, size_t count, const char *group) {
    for (size_t i = 0; i < count; i++) {
        const own_option *option = &options[i];
        if (!is_of_group(option, group)) continue;
        int width =
            option->letter ? printf("  -%c, --%s", option->letter, option->name) : printf("  --%s", option->name);
        if (option->argument) width += printf(" %s", option->argument);
        if (width > 30) width = printf("\n") - 1;
        printf("%*s%s\n", 32 - width, "", option->help);
    }
}

/* A part of the help: the rows of a group, after those of the verb's own options. */
typedef struct help_section {
    const char *heading; /* NULL: the common options, which come first */
    const char *rows;    /* lines of heed_options_help */
} help_section;

static bool has_heading(const help_section *sections, size_t count, const char *heading) {
    for (size_t i = 1; i < count; i++)
        if (strcmp(sections[i].heading, heading) == 0) return true;
    return false;
}

/* Splits the library's help where an empty line comes before a heading; at most `most` sections. */
static size_t split_help(char *help, help_section *sections, size_t most) {
    size_t count = 0;
    sections[count++] = (help_section){NULL, help};
    for (char *at = help; *at; at += *at == '\n') {
        char *colon = *at == '\n' ? strstr(at, ":\n") : NULL;
        if (colon && count < most) {
            *at = *colon = 0;
            sections[count++] = (help_section){at + 1, colon + 2};
            at = colon + 2;
        }
        at += strcspn(at, "\n");
    }
    return count;
}

static void print_sections(const invocation *line, char *help) {
    const command *verb = line->command;
    size_t library = 0;
    while (line->options && heed_options_name(line->options, library)) library++;
    help_section *sections = grow_memory(NULL, library + verb->own_count + 2, sizeof *sections);
    size_t count = split_help(help, sections, library + 1);
    for (size_t i = 0; i < verb->own_count; i++) {
        const char *group = verb->own[i].group;
        if (group && strcmp(group, GENERAL) != 0 && !has_heading(sections, count, group))
            sections[count++] = (help_section){group, ""};
    }
    for (size_t i = 0; i < count; i++) {
        if (i) printf("\n%s:\n", sections[i].heading);
        print_own(verb->own, verb->own_count, sections[i].heading);
        fputs(sections[i].rows, stdout);
    }
    free(sections);
}

static int print_help(const invocation *line, const own_option *common) {
    const command *verb = line->command;
    char none[] = "", *help = NULL;
    printf("heed %s %s\n\n%s\n", verb->name, verb->usage, verb->about);
    if (line->options && heed_options_help(line->options, &help) != HEED_OK) help = NULL;
    print_sections(line, help ? help : none);
    heed_free(line->context, help);
    printf("\n%s:\n", GENERAL);
    print_own(verb->own, verb->own_count, GENERAL);
    print_own(common, COMMON, NULL);
    return finish_output(verb->name, EXIT_DONE);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int set_threads(invocation *line) {
    if (!line->threads) return EXIT_DONE;
    char *end;
    long threads = strtol(line->threads, &end, 10);
    if (!line->threads[0] || *end || threads < 0 || threads > 256)
        return report_usage(line, "threads is \"%s\", expected a whole number from 0 to 256", line->threads);
    heed_status status = heed_context_set_threads(line->context, (int)threads);
    return status == HEED_OK ? EXIT_DONE : report_failure(line, status);
}

static int set_special_tokens(invocation *line) {
    if (!line->special_tokens) return EXIT_DONE;
    if (heed_context_set_special_tokens(line->context, line->special_tokens) == HEED_OK) return EXIT_DONE;
    return report_usage(line, "%s", heed_context_message(line->context));
}

bool open_invocation(const command *verb, int count, char **words, invocation *line, int *exit_code) {
    *line = (invocation){.command = verb};
    own_option common[COMMON];
    common_options(line, common);
    heed_status status = heed_context_open(&line->context);
    if (status == HEED_OK && verb->open_options) status = verb->open_options(line->context, &line->options);
    line->texts = grow_memory(NULL, (size_t)count, sizeof *line->texts);
    line->given = grow_memory(NULL, (size_t)count, sizeof *line->given); /* each took a word at least */
    if (status != HEED_OK) {
        *exit_code = report_failure(line, status);
    } else if (is_completing()) {
        *exit_code = complete_words(line, common, COMMON, count, words);
    } else {
        word_reader reader = {.line = line, .common = common, .words = words, .count = count};
        *exit_code = read_words(&reader);
        if (*exit_code == EXIT_DONE && line->help)
            *exit_code = print_help(line, common);
        else if (*exit_code == EXIT_DONE)
            *exit_code = set_threads(line);
        if (*exit_code == EXIT_DONE && !line->help) *exit_code = set_special_tokens(line);
        if (*exit_code == EXIT_DONE && !line->help) {
            heed_context_set_verbose(line->context, line->verbose);
            if (line->verbose || (verb->notes && !line->quiet)) heed_context_set_log(line->context, print_note, line);
            return true;
        }
    }
    close_invocation(line);
    return false;
}

void close_invocation(invocation *line) {
    heed_options_close(line->options);
    heed_context_close(line->context);
    free(line->texts);
    free(line->given);
}

bool was_given(const invocation *line, const char *name) {
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].name, name) == 0) return true;
    return false;
}

const char *nth_value(const invocation *line, const char *name, size_t index) {
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].name, name) == 0 && index-- == 0) return line->given[i].value;
    return NULL;
}

const char *last_value(const invocation *line, const char *name) {
    for (size_t i = line->given_count; i-- > 0;)
        if (strcmp(line->given[i].name, name) == 0) return line->given[i].value;
    return NULL;
}
