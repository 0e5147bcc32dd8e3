/* Numbers as text, in the same form in every locale: in a program that sets a German locale, heed must not write "0,3"
 * into a recipe or refuse "0.3" in one. */
#ifndef HD_BASE_NUMBER_H
#define HD_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each reads all of `text`, or returns false and leaves *value unchanged. White space, hexadecimal and NaN are refused.
 * An integer is an optional sign and digits; false when it overflows. The others also accept a decimal point, an
 * exponent and "inf"; a number that is too large becomes an infinity. A float is rounded from the text once, not via a
 * double. */
bool hd_read_int(const char *text, int64_t *value);
bool hd_read_float(const char *text, float *value);
bool hd_read_double(const char *text, double *value);

/* snprintf with a decimal point. %.9g and %.17g read back as exactly the float or the double that was printed. */
int hd_print_number(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* 1234567 as "1,234,567". */
void hd_print_count(char out[32], int64_t count);

#endif
