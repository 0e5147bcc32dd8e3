/* An exploding gradient, and gradient clipping (Pascanu, Mikolov and Bengio, 2013): a recurrent network with one unit,
 * h' = tanh(w h + b), runs for 50 steps. Gradient descent changes w and b until the last state is 0.7.
 *
 *     example-exploding [clip] */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 50, UPDATES = 8 };
static const double target = 0.7, rate = 0.05, limit = 1;

int main(int count, char **arguments) {
    bool clip = count > 1 && strcmp(arguments[1], "clip") == 0;
    double w = 1.2, b = -0.06;
    printf("update        w        b    state     loss  gradient norm\n");
    for (int update = 0; update < UPDATES; update++) {
        double h[STEPS + 1] = {0.5}; /* the states; the first one is given */
        for (int t = 0; t < STEPS; t++) h[t + 1] = tanh(w * h[t] + b);
        double loss = (h[STEPS] - target) * (h[STEPS] - target);
        /* Backpropagation through time: dh is the gradient of the loss with respect to h[t]. Each step back multiplies it by the
         * derivative of the cell, (1 − h²) w. Over 50 steps, factors above 1 explode and factors below 1 vanish. */
        double dh = 2 * (h[STEPS] - target), dw = 0, db = 0;
        for (int t = STEPS; t > 0; t--) {
            double inner = dh * (1 - h[t] * h[t]); /* with respect to w h + b */
            dw += inner * h[t - 1];
            db += inner;
            dh = inner * w;
        }
        double norm = sqrt(dw * dw + db * db);
        printf("%6d %8.3f %8.3f %8.3f %8.4f %14.4f\n", update, w, b, h[STEPS], loss, norm);
        double scale =
            clip && norm > limit ? limit / norm : 1; /* clipping: the direction stays, the length is limited */
        w -= rate * scale * dw;
        b -= rate * scale * db;
    }
    return 0;
}
