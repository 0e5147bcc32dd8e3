/* Completion: a shell runs `heed complete WORD ...` with the words behind "heed" up to the cursor, the last of them perhaps
 * empty or unfinished. An option and its value are two words, or one as "--name=value", or three as bash has them. The answer has a line for each candidate, the word and its help between a tab; an empty word with
 * "files" or "folders" lets the shell add those. Verbs, options and values come from the tables that run and describe them,
 * so that the scripts in completions/ name none. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "arguments.h"

void start_completion(const char *word);
/* Is the program run to complete a word? Then open_invocation answers and returns false. */
bool is_completing(void);
/* Prints a candidate if the word is its beginning; `help` may be NULL. */
void offer(const char *candidate, const char *help);
/* Answers for the words behind the verb; `common` are the options that every verb has. */
int complete_words(const invocation *line, const own_option *common, size_t common_count, int count, char **words);

#endif
