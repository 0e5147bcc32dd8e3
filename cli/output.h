/* What the command prints: answers on standard output, and whether all of them arrived; messages on standard error. Texts,
 * labels, tokens and names may contain control characters, and a terminal obeys those: none of them reaches one. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes text with its line breaks replaced by spaces, so that an answer is one line. */
void put_line_text(const char *text, size_t size);
/* Writes text with its line breaks. */
void put_lines(const char *text, size_t size);
/* Writes "text" with its quotes, as JSON has it. Invalid UTF-8 becomes U+FFFD. */
void put_json_string(const char *text, size_t size);
/* Writes a number so that it reads back as the same float. */
void put_json_float(float number);

/* Whether standard output is a terminal that shows colours, and the user does not refuse them (https://no-color.org). */
bool has_colors(void);
/* The same for 24-bit colours, which a terminal announces in COLORTERM. */
bool has_all_colors(void);

/* Hands what was written so far to the system; false when that fails, which finish_output reports. */
bool flush_output(void);
/* Flushes and returns `exit_code`, or reports `heed NAME: …` and returns 1 when the output could not be written. A closed
 * pipe is not reported. */
int finish_output(const char *name, int exit_code);

/* Writes one line on standard error. Control characters in it become '?'. */
void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The columns of the terminal that the descriptor is open on; 0: it is no terminal. */
int terminal_columns(int descriptor);

/* For progress bars: seconds of a clock that only goes forward, and the columns that a bar may fill. */
double seconds_now(void);
int progress_columns(void);

#endif
