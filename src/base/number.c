#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __APPLE__
#include <xlocale.h>
#endif

/* The calling thread's locale while numbers are read or printed. Where newlocale fails (no memory; the C libraries we
 * know keep "C" ready made) the thread's own stays, which differs only if the program chose one with another point. */
typedef struct locale_switch {
    locale_t numbers, found;
} locale_switch;

static locale_switch enter(void) {
    locale_switch state = {.numbers = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    if (state.numbers) state.found = uselocale(state.numbers);
    return state;
}

static void leave(locale_switch state) {
    if (!state.numbers) return;
    uselocale(state.found);
    freelocale(state.numbers);
}

/* strtod alone would also take blanks, hexadecimal, "nan" and "infinity". */
static bool looks_like_a_number(const char *text) {
    if (*text == '+' || *text == '-') text++;
    if (strcmp(text, "inf") == 0) return true;
    return *text != 0 && text[strspn(text, "0123456789.eE+-")] == 0;
}

bool hd_read_int(const char *text, int64_t *value) {
    bool negative = *text == '-';
    if (*text == '+' || *text == '-') text++;
    if (*text == 0) return false;
    int64_t number = 0; /* built downwards, for the smallest number has no positive twin */
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_sub_overflow(number, *text - '0', &number))
            return false;
    }
    if (!negative && __builtin_mul_overflow(number, -1, &number)) return false;
    *value = number;
    return true;
}

bool hd_read_double(const char *text, double *value) {
    if (!looks_like_a_number(text)) return false;
    locale_switch state = enter();
    char *end;
    double number = strtod(text, &end);
    leave(state);
    if (*end != 0 || isnan(number)) return false;
    *value = number;
    return true;
}

bool hd_read_float(const char *text, float *value) {
    if (!looks_like_a_number(text)) return false;
    locale_switch state = enter();
    char *end;
    float number = strtof(text, &end);
    leave(state);
    if (*end != 0 || isnan(number)) return false;
    *value = number;
    return true;
}

int hd_print_number(char *out, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    locale_switch state = enter();
    int length = vsnprintf(out, size, format, arguments);
    leave(state);
    va_end(arguments);
    return length;
}
