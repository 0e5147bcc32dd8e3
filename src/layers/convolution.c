#include "layers/convolution.h"

enum { MOST_KERNEL = 255 };

heed_status hd_convolution_check(heed_context *context, const hd_side_recipe *side) {
    if (side->convolution < 0 || side->convolution > MOST_KERNEL || (side->convolution && side->convolution % 2 == 0))
        return hd_fail(context, HEED_UNSUPPORTED, "a convolution of %lld tokens: heed builds odd numbers up to %d",
                       (long long)side->convolution, MOST_KERNEL);
    return HEED_OK;
}

/* The numbers that a token's row of the convolution reads: for each column of x those of `kernel` tokens. */
static void find_neighbours(const hd_layout *layout, int64_t sequence, int64_t row, int64_t columns, int64_t kernel,
                            int32_t *numbers) {
    int64_t start = layout->starts[sequence], end = layout->starts[sequence + 1];
    for (int64_t c = 0; c < columns; c++)
        for (int64_t k = 0; k < kernel; k++) {
            int64_t neighbour = row + k - kernel / 2;
            bool inside = neighbour >= start && neighbour < end;
            numbers[c * kernel + k] = (int32_t)(inside ? neighbour * columns + c : -1);
        }
}

/* [tokens, columns · kernel] */
static hd_tensor *gather_neighbours(hd_pass *pass, hd_tensor *x, int64_t kernel) {
    const hd_layout *layout = x->layout;
    int64_t columns = x->columns, count = hd_tensor_count(x) * kernel;
    if (hd_tensor_count(x) > INT32_MAX)
        return hd_pass_fail(pass, HEED_LENGTH, "%lld tokens are too many for a convolution", (long long)x->rows);
    int32_t *numbers = hd_pass_alloc(pass, (size_t)count, sizeof *numbers);
    if (!numbers) return NULL;
    for (int64_t s = 0; s < layout->sequences; s++)
        for (int64_t r = layout->starts[s]; r < layout->starts[s + 1]; r++)
            find_neighbours(layout, s, r, columns, kernel, numbers + r * columns * kernel);
    return hd_gather(pass, hd_reshape(pass, x, 1), numbers, count, columns * kernel, layout);
}

hd_tensor *hd_convolve(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x, const hd_side_recipe *side,
                       float dropout, uint32_t site) {
    if (!x) return NULL;
    hd_tensor *y = hd_apply(pass, layer, gather_neighbours(pass, x, side->convolution), HD_IDENTITY);
    y = hd_dropout_add(pass, y, NULL, dropout, site);
    return hd_activate(pass, y, (hd_activation)side->convolution_activation);
}
