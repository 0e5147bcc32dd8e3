/* Standard output: text on one line, JSON strings, and whether all of it arrived. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>

/* Writes text with its line breaks replaced by spaces, so that an answer is one line. */
void put_line_text(const char *text);
/* Writes "text" with its quotes, as JSON has it. */
void put_json_string(const char *text);
/* Writes a number so that it reads back as the same float. */
void put_json_float(float number);

/* Hands what was written so far to the system; false when that fails, which finish_output reports. */
bool flush_output(void);
/* Flushes and returns `exit_code`, or reports `heed NAME: …` and returns 1 when the output could not be written. A closed
 * pipe is not reported. */
int finish_output(const char *name, int exit_code);

#endif
