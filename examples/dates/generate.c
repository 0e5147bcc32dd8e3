/* Writes a small parallel corpus that can be learnt in half a minute: English dates as people put them, and the same
 * dates as ISO 8601 has them.
 *
 *     dates-generate PREFIX [SEED [TRAIN [HELD-OUT]]]
 *
 * writes PREFIX.train.src and .tgt (20,000 lines each), PREFIX.valid.* and PREFIX.test.* (500 each); with "-" for
 * PREFIX, the training pairs go to standard output with a tab between them. The same seed gives the same files. A
 * calendar day belongs to one of the three sets, whatever words it is put in: what is tested was never trained on. */
#include <stdarg.h>
#include <string.h>

#include "../pairs.h"

enum { FIRST_YEAR = 1900, DAYS = 73049 }; /* from 1900-01-01, a Monday, to 2099-12-31 */

typedef struct calendar_day {
    int year, month, day, weekday; /* month and day from 1; weekday 0 is Monday */
} calendar_day;

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const short_months[] = {"Jan", "Feb", "Mar",  "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"};
static const char *const weekdays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const numbers[] = {"",         "one",     "two",     "three",     "four",     "five",    "six",
                                      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const ordinals[] = {"",
                                       "first",
                                       "second",
                                       "third",
                                       "fourth",
                                       "fifth",
                                       "sixth",
                                       "seventh",
                                       "eighth",
                                       "ninth",
                                       "tenth",
                                       "eleventh",
                                       "twelfth",
                                       "thirteenth",
                                       "fourteenth",
                                       "fifteenth",
                                       "sixteenth",
                                       "seventeenth",
                                       "eighteenth",
                                       "nineteenth",
                                       "twentieth",
                                       "twenty-first",
                                       "twenty-second",
                                       "twenty-third",
                                       "twenty-fourth",
                                       "twenty-fifth",
                                       "twenty-sixth",
                                       "twenty-seventh",
                                       "twenty-eighth",
                                       "twenty-ninth",
                                       "thirtieth",
                                       "thirty-first"};

/* ---- the calendar ------------------------------------------------------------------------------------------------ */

static int days_in(int year, int month) {
    if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static calendar_day day_of(int number) { /* of days since the first of January 1900 */
    calendar_day date = {FIRST_YEAR, 1, number + 1, number % 7};
    while (date.day > days_in(date.year, date.month)) {
        date.day -= days_in(date.year, date.month);
        date.year += date.month == 12;
        date.month = date.month % 12 + 1;
    }
    return date;
}

/* ---- how people say it ------------------------------------------------------------------------------------------- */

typedef struct phrase {
    size_t size;
    char text[256]; /* the longest is near 70 */
} phrase;

__attribute__((format(printf, 2, 3))) static void say(phrase *said, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    said->size += (size_t)vsnprintf(said->text + said->size, sizeof said->text - said->size, format, arguments);
    va_end(arguments);
}

static void say_number(phrase *said, int number) { /* 1 to 99 */
    if (number < 20)
        say(said, "%s", numbers[number]);
    else
        say(said, "%s%s%s", tens[number / 10], number % 10 ? "-" : "", numbers[number % 10]);
}

static void say_year(phrase *said, int year, uint64_t *state) {
    int century = year / 100, rest = year % 100, way = below(state, 4);
    if (way < 2) {
        say(said, "%d", year);
    } else if (century == 20 && (rest < 10 || way == 2)) {
        say(said, "two thousand%s", rest == 0 ? "" : below(state, 2) ? " and " : " ");
        say_number(said, rest);
    } else {
        say(said, "%s %s", century == 19 ? "nineteen" : "twenty", rest == 0 ? "hundred" : rest < 10 ? "oh " : "");
        say_number(said, rest);
    }
}

/* The few days that go by a name. */
static const char *name_of(calendar_day date) {
    static const struct {
        int month, day;
        const char *name;
    } named[] = {{1, 1, "New Year's Day"},  {2, 14, "Valentine's Day"}, {5, 1, "May Day"},
                 {10, 31, "Halloween"},     {12, 24, "Christmas Eve"},  {12, 25, "Christmas Day"},
                 {12, 31, "New Year's Eve"}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].month == date.month && named[i].day == date.day) return named[i].name;
    return NULL;
}

static const char *ending_of(int day) {
    if (day / 10 == 1 || day % 10 == 0 || day % 10 > 3) return "th";
    return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : "rd";
}

/* "3 March", "the 3rd of Mar.", "March the third", …: either order, the day as a numeral, an ordinal, or words. */
static void say_day_and_month(phrase *said, calendar_day date, uint64_t *state) {
    phrase month = {0}, day = {0};
    int abbreviated = below(state, 8); /* 0: "Mar", 1: "Mar.", else in full; May is short enough */
    if (date.month == 5) abbreviated = 2;
    const char *name = abbreviated < 2 ? short_months[date.month - 1] : months[date.month - 1];
    say(&month, "%s%s", name, abbreviated == 1 ? "." : "");
    int style = below(state, 3);
    if (style == 2)
        say(&day, "%s", ordinals[date.day]);
    else
        say(&day, "%d%s", date.day, style == 1 ? ending_of(date.day) : "");
    if (below(state, 2))
        say(said, style > 0 ? "the %s of %s" : "%s %s", day.text, month.text);
    else
        say(said, style == 2 ? "%s the %s" : "%s %s", month.text, day.text);
}

static phrase say_date(calendar_day date, uint64_t *state) {
    phrase said = {0};
    int way = below(state, 16), weekday = below(state, 8);
    if (way < 2 && date.day > 12) { /* no month has such a number, so either order is clear */
        if (way == 0)
            say(&said, "%d/%d/%d", date.day, date.month, date.year);
        else
            say(&said, "%d/%d/%d", date.month, date.day, date.year);
        return said;
    }
    if (name_of(date) && way < 12) {
        say(&said, "%s", name_of(date));
    } else if (date.day == days_in(date.year, date.month) && date.month != 2 && way < 8) {
        say(&said, "the last day of %s", months[date.month - 1]); /* February's would be a sum */
    } else {
        if (weekday < 3) say(&said, weekday == 0 ? "on %s, " : "%s, ", weekdays[date.weekday]);
        say_day_and_month(&said, date, state);
    }
    say(&said, below(state, 2) ? ", " : " ");
    say_year(&said, date.year, state);
    if (weekday == 7) say(&said, ", a %s", weekdays[date.weekday]);
    if (below(state, 10) == 0) /* typed in haste */
        for (char *c = said.text; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 'a' - 'A');
    return said;
}

/* ---- the files --------------------------------------------------------------------------------------------------- */

static const char *between = "\n";

static bool write_date(FILE *source, FILE *target, int set, uint64_t *state) {
    int number = below(state, DAYS);
    if (set_of(mix((uint64_t)number + 1)) != set) return false;
    calendar_day date = day_of(number);
    fprintf(source, "%s%s", say_date(date, state).text, between);
    fprintf(target, "%04d-%02d-%02d\n", date.year, date.month, date.day);
    return true;
}

int main(int count, char **arguments) {
    if (count < 2 || count > 5) {
        fprintf(stderr, "usage: dates-generate PREFIX [SEED [TRAIN [HELD-OUT]]]\n");
        return 2;
    }
    if (strcmp(arguments[1], "-") != 0)
        return write_sets("dates-generate", write_date, arguments[1], count - 2, arguments + 2) ? 0 : 1;
    uint64_t state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    between = "\t";
    return write_pairs(write_date, stdout, stdout, TRAIN, count > 3 ? strtol(arguments[3], NULL, 10) : 20000, &state)
               ? 0
               : 1;
}
