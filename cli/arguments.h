/* Reads a command line. A verb defines its name and its own options; every other option goes to the library's
 * heed_options, whose tables also contain the help text. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <heed/heed.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* An option of the verb itself: with a `value` it takes one, with a `flag` it does not. */
typedef struct own_option {
    const char *name; /* without its dashes */
    char letter;      /* 0: none */
    const char *argument, *help;
    const char **value;
    bool *flag;
    const char *group; /* heading of --help under which it is listed; NULL: among the common ones, which come first */
} own_option;

/* The heading of the options that every verb has. */
#define GENERAL "General"

typedef struct command {
    const char *name;  /* "translate", "tokenize train": after "heed " in messages */
    const char *usage; /* what follows the name in --help */
    const char *about; /* lines for --help */
    const char *words; /* "a|b|c" or "MODEL": what words besides options may be, for completion; NULL: texts or files */
    const own_option *own;
    size_t own_count;
    heed_status (*open_options)(heed_context *context, heed_options **options); /* NULL: only its own */
    bool notes; /* on standard error also without --verbose, unless --quiet */
} command;

/* An option that was given, and its value; NULL for a flag. */
typedef struct given_option {
    const char *name, *value;
} given_option;

/* A command line that was read. */
typedef struct invocation {
    const command *command;
    heed_context *context;
    heed_options *options; /* NULL: none */
    const char **texts;    /* [text_count]: the words that are no options */
    size_t text_count;
    given_option *given; /* [given_count]: the library's, and those of the verb's own that have values, in order */
    size_t given_count;
    const char *threads, *special_tokens;
    bool quiet, verbose, help;
} invocation;

/* Reads the words after the verb and opens a context. Returns false after --help or a usage error, which was reported;
 * *exit_code is then the program's, and the invocation is closed. */
bool open_invocation(const command *verb, int count, char **words, invocation *invocation, int *exit_code);
void close_invocation(invocation *invocation);

/* True if an option of this name was on the command line. */
bool was_given(const invocation *invocation, const char *name);

/* The value that the option of this name was given the index-th time, or NULL; and the last one. */
const char *nth_value(const invocation *invocation, const char *name, size_t index);
const char *last_value(const invocation *invocation, const char *name);

/* `heed translate: …` on standard error; returns EXIT_USAGE. */
int report_usage(const invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the library's message for its last failure; returns EXIT_FAILED, or EXIT_USAGE for HEED_ARGUMENT. */
int report_failure(const invocation *invocation, heed_status status);

#endif
