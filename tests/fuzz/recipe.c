/* Recipe files: any bytes are read or refused; settings that were read are unchanged after writing and reading. */
#include "base/settings.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    int64_t beams;
    float lr;
    double limit;
    bool shuffle;
    char *note;
    int schedule;
    hd_string_list train;
} options;

static const hd_setting table[] = {
    {"beams", HD_SETTING_INT, offsetof(options, beams), "4", 1, 1024, "NUMBER", ""},
    {"lr", HD_SETTING_FLOAT, offsetof(options, lr), "1e-4", 0, FLT_MAX, "RATE", ""},
    {"limit", HD_SETTING_DOUBLE, offsetof(options, limit), "1", -DBL_MAX, DBL_MAX, "HOURS", ""},
    {"shuffle", HD_SETTING_BOOL, offsetof(options, shuffle), "true", 0, 0, NULL, ""},
    {"note", HD_SETTING_STRING, offsetof(options, note), NULL, 0, 0, "TEXT", ""},
    {"schedule", HD_SETTING_CHOICE, offsetof(options, schedule), "cosine", 0, 0, "cosine|linear", ""},
    {"train", HD_SETTING_LIST, offsetof(options, train), NULL, 0, 0, "FILE", ""},
};

static void check(bool truth) {
    if (!truth) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    if (heed_context_open(&context) != HEED_OK) return 0;
    options first, second;
    hd_buffer once, twice;
    hd_buffer_open(&once, context);
    hd_buffer_open(&twice, context);
    check(hd_settings_default(context, table, HD_COUNT(table), &first) == HEED_OK);
    check(hd_settings_default(context, table, HD_COUNT(table), &second) == HEED_OK);
    if (hd_recipe_parse(context, table, HD_COUNT(table), &first, "fuzz", (const char *)data, size) == HEED_OK) {
        hd_recipe_write(table, HD_COUNT(table), &first, &once);
        check(hd_recipe_parse(context, table, HD_COUNT(table), &second, "again", once.data, once.size) == HEED_OK);
        hd_recipe_write(table, HD_COUNT(table), &second, &twice);
        check(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    } else {
        check(heed_context_message(context)[0] != 0);
    }
    hd_buffer_close(&once);
    hd_buffer_close(&twice);
    hd_settings_free(context, table, HD_COUNT(table), &first);
    hd_settings_free(context, table, HD_COUNT(table), &second);
    heed_context_close(context);
    return 0;
}
