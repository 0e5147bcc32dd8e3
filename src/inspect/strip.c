#include "inspect/strip.h"

#include "inspect/screen.h"

#include <math.h>

int64_t hd_strip_blocks(int64_t size, int64_t most) { return hd_min(size, most); }

/* The value of block `index` of `blocks`, from −1 to 1. */
static double block_value(const float *values, int64_t size, int64_t blocks, int64_t index, double largest) {
    double value = (double)values[index * size / blocks];
    return largest > 0 && isfinite(value) ? value / largest : 0;
}

void hd_strip_text(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, bool color) {
    int64_t blocks = hd_strip_blocks(size, most);
    for (int64_t i = 0; i < blocks; i++) {
        double value = block_value(values, size, blocks, i, largest);
        if (color) hd_screen_set(out, 1, hd_signed_screen_color(value));
        hd_buffer_text(out, color ? " " : hd_screen_shade(fabs(value)));
    }
    if (color) hd_screen_reset(out);
}

void hd_strip_svg(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, int64_t x, int64_t y,
                  int64_t wide, int64_t high) {
    int64_t blocks = hd_strip_blocks(size, most), first = 0;
    for (int64_t i = 0; i < blocks; i++) { /* adjacent blocks of one colour are one rectangle */
        hd_color c = hd_signed_paper_color(block_value(values, size, blocks, i, largest));
        hd_color next = i + 1 < blocks ? hd_signed_paper_color(block_value(values, size, blocks, i + 1, largest)) : c;
        if (i + 1 < blocks && next.red == c.red && next.green == c.green && next.blue == c.blue) continue;
        hd_buffer_format(out, "<path fill=\"#%02x%02x%02x\" d=\"M%lld %lldh%lldv%lldh-%lldz\"/>\n", c.red, c.green,
                         c.blue, (long long)(x + first * wide), (long long)y, (long long)((i + 1 - first) * wide),
                         (long long)high, (long long)((i + 1 - first) * wide));
        first = i + 1;
    }
}

double hd_vector_norm(const float *values, int64_t size) {
    double sum = 0;
    for (int64_t i = 0; i < size; i++) sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

double hd_vector_largest(const float *values, int64_t size) {
    float largest = 0;
    for (int64_t i = 0; i < size; i++)
        if (fabsf(values[i]) > largest) largest = fabsf(values[i]); /* fmax here breaks GCC 12 for AArch64 */
    return (double)largest;
}
