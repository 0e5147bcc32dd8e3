/* Numbers as text, written and read the same in every locale: a program that calls setlocale for German must not make
 * heed print "0,3" into a recipe or refuse "0.3" in one. */
#ifndef HD_BASE_NUMBER_H
#define HD_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each reads all of `text` or returns false and leaves *value alone: no blanks around it, no hexadecimal, no NaN. A
 * whole number is a sign, if any, and digits, and false when it does not fit. The others also take a point, an exponent
 * and "inf"; what is too large becomes an infinity. The float is rounded from the text once, not through a double. */
bool hd_read_int(const char *text, int64_t *value);
bool hd_read_float(const char *text, float *value);
bool hd_read_double(const char *text, double *value);

/* snprintf with a decimal point. %.9g and %.17g read back as exactly the float or the double that was printed. */
int hd_print_number(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
