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

/* Sets the calling thread's locale while a number is read or printed. If newlocale fails (out of memory; known C
 * libraries need none for "C"), the locale of the thread is kept, which only matters if the program has set one. */
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

/* strtod also accepts white space, hexadecimal, "nan" and "infinity". */
static bool is_number(const char *text) {
    if (*text == '+' || *text == '-') text++;
    if (strcmp(text, "inf") == 0) return true;
    return *text != 0 && text[strspn(text, "0123456789.eE+-")] == 0;
}

bool hd_read_int(const char *text, int64_t *value) {
    bool negative = *text == '-';
    if (*text == '+' || *text == '-') text++;
    if (*text == 0) return false;
    int64_t number = 0; /* negative, because the smallest integer has no positive counterpart */
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
    if (!is_number(text)) return false;
    locale_switch state = enter();
    char *end;
    double number = strtod(text, &end);
    leave(state);
    if (*end != 0 || isnan(number)) return false;
    *value = number;
    return true;
}

bool hd_read_float(const char *text, float *value) {
    if (!is_number(text)) return false;
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

void hd_print_count(char out[32], int64_t count) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)count), at = 0;
    for (int i = 0; i < size; i++) {
        bool first = !i || (i == 1 && digits[0] == '-');
        if (!first && (size - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}
