#include "inspect/step_labels.h"

#include "base/number.h"
#include "inspect/strip.h"

#include <stdio.h>
#include <string.h>

void hd_step_name(char name[HD_STEP_NAME], const char *letter, int64_t step) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)step);
    int at = snprintf(name, HD_STEP_NAME, "%.4s", letter);
    for (int i = 0; i < size && at + 4 <= HD_STEP_NAME; i++)
        at += snprintf(name + at, (size_t)(HD_STEP_NAME - at), "\xE2\x82%c", 0x80 + digits[i] - '0');
}

void hd_step_note(char note[HD_STEP_NOTE], const float *values, int64_t size) {
    char norm[24];
    hd_print_number(norm, sizeof norm, "%.3g", hd_vector_norm(values, size));
    snprintf(note, HD_STEP_NOTE, "%lld numbers, norm %s", (long long)size, norm);
}

void hd_step_percent(char text[HD_STEP_NAME], double share) {
    hd_print_number(text, HD_STEP_NAME, "%.1f%%", 100 * share);
}

const char *hd_step_token(const char *label) {
    static const char *const marks[] = {"▁", "Ġ"};
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(marks[i]);
        if (strncmp(label, marks[i], size) == 0) return label[size] ? label + size : "␣";
    }
    return label;
}
