/* Options as the command and the C API set them: NAME, a zero byte, VALUE, and so on, for the table that the first byte
 * selects. Each is set or refused with a message; settings read back from the text that the table writes. Each string is also
 * read as a number, which prints and reads back to the same bits. */
#include "base/number.h"
#include "base/settings.h"
#include "tasks/translate.h"
#include "train/options.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth) {
    if (!truth) abort();
}

static void read_numbers(const char *text) {
    char printed[64];
    int64_t integer, integer_back;
    float narrow, narrow_back;
    double wide, wide_back;
    if (hd_read_int(text, &integer)) {
        snprintf(printed, sizeof printed, "%lld", (long long)integer);
        check(hd_read_int(printed, &integer_back) && integer_back == integer);
        check(hd_read_double(text, &wide));
    }
    check(hd_read_float(text, &narrow) == hd_read_double(text, &wide));
    if (hd_read_double(text, &wide)) {
        hd_print_number(printed, sizeof printed, "%.17g", wide);
        check(hd_read_double(printed, &wide_back) && memcmp(&wide_back, &wide, sizeof wide) == 0);
        hd_print_number(printed, sizeof printed, "%.9g", (double)narrow);
        check(hd_read_float(printed, &narrow_back) && memcmp(&narrow_back, &narrow, sizeof narrow) == 0);
    }
}

/* Sets the pairs one by one, by the public call and into a struct; both agree. */
static void set_all(heed_context *context, heed_options *options, const hd_option_table *table, void *settings,
                    const char *text, const char *end) {
    while (text < end) {
        const char *name = text, *value = name + strlen(name) + 1;
        if (value > end) break;
        text = value + (value < end ? strlen(value) + 1 : 1);
        const char *given = value < end && strcmp(value, "\x01") != 0 ? value : NULL;
        heed_status status = heed_options_set(options, name, given);
        check(status == HEED_OK || (status == HEED_ARGUMENT && heed_context_message(context)[0]));
        check(hd_settings_set(context, table->rows, table->count, settings, name, given) == status);
        heed_options_is_flag(options, name);
        read_numbers(name);
        if (given) read_numbers(given);
    }
}

/* The recipe that is written from the settings reads back to the same recipe. */
static void write_again(heed_context *context, const hd_option_table *table, const void *settings) {
    void *again = calloc(1, table->size);
    hd_buffer once, twice;
    hd_buffer_open(&once, context);
    hd_buffer_open(&twice, context);
    hd_recipe_write(table->rows, table->count, settings, &once);
    check(hd_settings_default(context, table->rows, table->count, again) == HEED_OK);
    check(hd_recipe_parse(context, table->rows, table->count, again, "again", once.data ? once.data : "", once.size) ==
          HEED_OK);
    hd_recipe_write(table->rows, table->count, again, &twice);
    check(once.size == twice.size && (!once.size || memcmp(once.data, twice.data, once.size) == 0));
    hd_settings_free(context, table->rows, table->count, again);
    hd_buffer_close(&once);
    hd_buffer_close(&twice);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    char *text = malloc(size); /* and a 0 at the end */
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    const hd_option_table *table = data[0] % 2 ? &hd_train_table : &hd_translate_table;
    heed_options *options = NULL;
    void *settings = calloc(1, table->size);
    check(hd_options_open(context, table, &options) == HEED_OK);
    check(hd_settings_default(context, table->rows, table->count, settings) == HEED_OK);
    set_all(context, options, table, settings, text, text + size - 1);
    write_again(context, table, settings);
    hd_settings_free(context, table->rows, table->count, settings);
    free(settings);
    heed_options_close(options);
    free(text);
    heed_context_close(context);
    return 0;
}
