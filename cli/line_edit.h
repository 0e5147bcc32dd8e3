/* Lines that a person types: with editing and a history by the library libedit, which is loaded when the first line is read,
 * and without them where it is missing. */
#ifndef CLI_LINE_EDIT_H
#define CLI_LINE_EDIT_H

/* The next line of the terminal, without its line break, for the caller to free; NULL at the end. */
char *edit_line(const char *prompt);

#endif
