#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "output.h"

static const char *prefix; /* NULL: no completion */

void start_completion(const char *word) { prefix = strcmp(word, "=") == 0 ? "" : word; }

bool is_completing(void) { return prefix != NULL; }

void offer(const char *candidate, const char *help) {
    if (strncmp(candidate, prefix, strlen(prefix)) == 0) printf("%s\t%s\n", candidate, help ? help : "");
}

static void offer_option(const char *name, const char *help) {
    char option[80];
    snprintf(option, sizeof option, "--%s", name);
    offer(option, help);
}

static void offer_options(const own_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) offer_option(options[i].name, options[i].help);
}

/* Each of "a|b|c". */
static void offer_words(const char *words) {
    while (*words) {
        size_t size = strcspn(words, "|");
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)size, words);
        offer(word, NULL);
        words += size + (words[size] == '|');
    }
}

static void offer_models(heed_context *context) {
    char *names;
    if (heed_model_list(context, &names) != HEED_OK) return;
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) offer(name, "a shipped model");
    heed_free(context, names);
}

/* `argument` is what --help shows in place of the value. */
static void offer_values(const invocation *line, const char *argument) {
    if (strchr(argument, '|')) {
        offer_words(argument);
    } else if (strncmp(argument, "MODEL", 5) == 0) {
        offer_models(line->context);
        puts("\tfolders");
    } else if (strncmp(argument, "FOLDER", 6) == 0) {
        puts("\tfolders");
    } else if (strncmp(argument, "FILE", 4) == 0) {
        puts("\tfiles");
    }
}

static const own_option *find(const own_option *options, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++) {
        bool letter = word[0] == '-' && word[1] && word[1] == options[i].letter && !word[2];
        if (letter || (strncmp(word, "--", 2) == 0 && strcmp(word + 2, options[i].name) == 0)) return &options[i];
    }
    return NULL;
}

/* What the value of an option is; NULL when the word is no option, or a flag. The verb's own options come first. */
static const char *argument_of(const invocation *line, const own_option *common, size_t common_count, const char *word,
                               char **listed) {
    const own_option *own = find(line->command->own, line->command->own_count, word);
    if (own) return own->argument;
    if (line->options && strncmp(word, "--", 2) == 0) {
        if (heed_options_argument(line->options, word + 2, listed) == HEED_OK && *listed) return *listed;
    }
    own = find(common, common_count, word);
    return own ? own->argument : NULL;
}

int complete_words(const invocation *line, const own_option *common, size_t common_count, int count, char **words) {
    const command *verb = line->command;
    int last = count - 1;
    if (last >= 0 && strcmp(words[last], "=") == 0) last++; /* bash has --name, =, and the value as words */
    if (last > 1 && strcmp(words[last - 1], "=") == 0) last--;
    char *listed = NULL; /* an argument that the library made */
    const char *argument = last > 0 ? argument_of(line, common, common_count, words[last - 1], &listed) : NULL, *name;
    if (argument) {
        offer_values(line, argument);
    } else if (prefix[0] == '-') {
        offer_options(verb->own, verb->own_count);
        for (size_t i = 0; line->options && (name = heed_options_name(line->options, i)); i++)
            offer_option(name, heed_options_about(line->options, name));
        offer_options(common, common_count);
    } else {
        if (verb->words) offer_words(verb->words);
        puts("\tfiles");
    }
    heed_free(line->context, listed);
    return finish_output("complete", EXIT_DONE);
}
