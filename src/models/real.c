#include "models/real.h"

#include "base/number.h"

json_t *hd_family_real(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        hd_print_number(text, sizeof text, "%.*g", digits, (double)value);
        float back;
        if (hd_read_float(text, &back) && back == value) break;
    }
    double wide = (double)value;
    hd_read_double(text, &wide);
    return json_real(wide);
}
