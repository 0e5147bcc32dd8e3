#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "output.h"

static const char *prefix; /* NULL: no completion */
static int kept;           /* characters of the word that come before the prefix: "--name=" */
static const char *whole;  /* the unfinished word */

void start_completion(const char *unfinished) {
    const char *equals = strncmp(unfinished, "--", 2) == 0 ? strchr(unfinished, '=') : NULL;
    whole = unfinished;
    kept = equals ? (int)(equals + 1 - unfinished) : 0;
    prefix = strcmp(unfinished, "=") == 0 ? "" : unfinished + kept;
}

bool is_completing(void) { return prefix != NULL; }

void offer(const char *candidate, const char *help) {
    if (strncmp(candidate, prefix, strlen(prefix)) == 0)
        printf("%.*s%s\t%s\n", kept, whole, candidate, help ? help : "");
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
    heed_models *models;
    if (heed_models_open(context, &models) != HEED_OK) return;
    for (size_t i = 0; i < heed_models_count(models); i++)
        offer(heed_models_name(models, i), heed_models_is_shipped(models, i) ? "a shipped model" : "a fetched model");
    heed_models_close(models);
}

/* `argument` is what --help shows in place of the value. */
static void offer_values(const invocation *line, const char *argument) {
    if (strncmp(argument, "MODEL", 5) == 0) {
        offer_models(line->context);
        puts("\tfolders");
    } else if (strncmp(argument, "FOLDER", 6) == 0) {
        puts("\tfolders");
    } else if (strncmp(argument, "FILE", 4) == 0) {
        puts("\tfiles");
    } else if (argument[0] < 'A' || argument[0] > 'Z') { /* not a placeholder such as NUMBER */
        offer_words(argument);
    }
}

static const own_option *find(const own_option *options, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++) {
        bool letter = word[0] == '-' && word[1] && word[1] == options[i].letter && !word[2];
        if (letter || (strncmp(word, "--", 2) == 0 && strcmp(word + 2, options[i].name) == 0)) return &options[i];
    }
    return NULL;
}

/* What the value of an option is; NULL when the name is no option, or a flag. The verb's own options come first. */
static const char *argument_of(const invocation *line, const own_option *common, size_t common_count, const char *name,
                               char **listed) {
    const own_option *own = find(line->command->own, line->command->own_count, name);
    if (own) return own->argument;
    if (line->options && strncmp(name, "--", 2) == 0) {
        if (heed_options_argument(line->options, name + 2, listed) == HEED_OK && *listed) return *listed;
    }
    own = find(common, common_count, name);
    return own ? own->argument : NULL;
}

/* The option whose value is unfinished: the word before, or in one word with the value. */
static const char *unfinished_option(int last, char **words, char name[80]) {
    if (!kept) return last > 0 ? words[last - 1] : NULL;
    snprintf(name, 80, "%.*s", kept - 1, whole);
    return name;
}

int complete_words(const invocation *line, const own_option *common, size_t common_count, int count, char **words) {
    const command *verb = line->command;
    int last = count - 1;
    if (last >= 0 && strcmp(words[last], "=") == 0) last++; /* bash has --name, =, and the value as words */
    if (last > 1 && strcmp(words[last - 1], "=") == 0) last--;
    char *listed = NULL, joined[80]; /* listed: an argument that the library made */
    const char *option = unfinished_option(last, words, joined), *name;
    const char *argument = option ? argument_of(line, common, common_count, option, &listed) : NULL;
    if (argument) {
        offer_values(line, argument);
    } else if (kept) {
        /* a flag, or no option: it has no values */
    } else if (prefix[0] == '-') {
        offer_options(verb->own, verb->own_count);
        for (size_t i = 0; line->options && (name = heed_options_name(line->options, i)); i++)
            offer_option(name, heed_options_about(line->options, name));
        offer_options(common, common_count);
    } else {
        if (verb->words) offer_values(line, verb->words);
        puts("\tfiles");
    }
    heed_free(line->context, listed);
    return finish_output("complete", EXIT_DONE);
}
