/* heed embed --search: the lines of a file that are most similar to each text. */
#ifndef CLI_SEARCH_H
#define CLI_SEARCH_H

#include "texts.h"

typedef struct search_settings {
    const char *file, *index, *top, *dtype, *metric, *prompt; /* as on the command line; NULL: not given */
    bool json;
} search_settings;

/* An open search. Zeros: none. */
typedef struct line_search {
    const invocation *line;
    heed_model *model;
    heed_index *index;
    size_t top;
    bool json;
} line_search;

/* Checks the settings; false if they are wrong, which was reported, and *exit_code set. */
bool check_search(const invocation *line, const search_settings *settings, int *exit_code);
/* Opens the index or builds it. False after a failure, which was reported, and *exit_code set. */
bool open_search(const invocation *line, heed_model *model, const search_settings *settings, line_search *search,
                 int *exit_code);
/* Prints the nearest lines of each text of a batch; false after a failure that ends the run; it was reported. */
bool search_batch(line_search *search, const text_source *texts, int *exit_code);
void close_search(line_search *search);

#endif
