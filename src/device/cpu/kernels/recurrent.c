/* Recurrent cells on one row: forward and backward of one step.
 *
 * x and u are the contributions of the input and of the previous state to each gate, biases included, in PyTorch's
 * order of gates:
 *   Elman (Elman, 1990)                     h′ = tanh(x + u)
 *   LSTM (Hochreiter and Schmidhuber, 1997) i, f, o = σ(x + u), g = tanh(x + u);  c′ = f c + i g,  h′ = o tanh(c′)
 *   GRU (Cho et al., 2014)                  r, z = σ(x + u), n = tanh(x + r u);   h′ = (1 − z) n + z h
 * Kept for the backward pass: nothing; i f g o c′; r z n u_n. */
#include "device/cpu/kernels/each.h"

/* The sigmoid's slope a (1 − a), and tanh's 1 − a², from the values a. */
INLINE lanes sigmoid_slope(lanes a) { return lanes_mul(a, lanes_sub(lanes_set(1.0f), a)); }
INLINE lanes tanh_slope(lanes a) { return lanes_sub(lanes_set(1.0f), lanes_mul(a, a)); }

/* Lanes j … of gate `gate` in [gates, width]. */
INLINE lanes gate_of(const float *x, int gate, int64_t width, int64_t j) {
    return lanes_load_some(x + gate * width + j, width - j);
}
INLINE void set_gate(float *x, int gate, int64_t width, int64_t j, lanes value) {
    lanes_store_some(x + gate * width + j, value, width - j);
}

static void elman(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES)
        set_gate(s->h, 0, width, j, lanes_tanh(lanes_add(gate_of(s->x, 0, width, j), gate_of(s->u, 0, width, j))));
}

static void elman_backward(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES) {
        lanes d = lanes_mul(gate_of(s->dh, 0, width, j), tanh_slope(gate_of(s->h, 0, width, j)));
        set_gate(s->dx, 0, width, j, d);
        set_gate(s->du, 0, width, j, d);
        set_gate(s->dh_before, 0, width, j, lanes_set(0.0f));
    }
}

static void lstm(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES) {
        lanes gates[4];
        for (int g = 0; g < 4; g++) {
            lanes sum = lanes_add(gate_of(s->x, g, width, j), gate_of(s->u, g, width, j));
            gates[g] = g == 2 ? lanes_tanh(sum) : lanes_sigmoid(sum);
            if (s->kept) set_gate(s->kept, g, width, j, gates[g]);
        }
        lanes c = lanes_fma(gates[1], gate_of(s->c_before, 0, width, j), lanes_mul(gates[0], gates[2]));
        if (s->kept) set_gate(s->kept, 4, width, j, c);
        set_gate(s->c, 0, width, j, c);
        set_gate(s->h, 0, width, j, lanes_mul(gates[3], lanes_tanh(c)));
    }
}

static void lstm_backward(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES) {
        lanes in = gate_of(s->kept, 0, width, j), forget = gate_of(s->kept, 1, width, j);
        lanes new = gate_of(s->kept, 2, width, j), out = gate_of(s->kept, 3, width, j);
        lanes t = lanes_tanh(gate_of(s->kept, 4, width, j)), dh = gate_of(s->dh, 0, width, j);
        lanes dc = lanes_fma(lanes_mul(dh, out), tanh_slope(t), gate_of(s->dc, 0, width, j));
        lanes d[4] = {lanes_mul(lanes_mul(dc, new), sigmoid_slope(in)),
                      lanes_mul(lanes_mul(dc, gate_of(s->c_before, 0, width, j)), sigmoid_slope(forget)),
                      lanes_mul(lanes_mul(dc, in), tanh_slope(new)), lanes_mul(lanes_mul(dh, t), sigmoid_slope(out))};
        for (int g = 0; g < 4; g++) {
            set_gate(s->dx, g, width, j, d[g]);
            set_gate(s->du, g, width, j, d[g]);
        }
        set_gate(s->dc, 0, width, j, lanes_mul(dc, forget));
        set_gate(s->dh_before, 0, width, j, lanes_set(0.0f));
    }
}

static void gru(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES) {
        lanes reset = lanes_sigmoid(lanes_add(gate_of(s->x, 0, width, j), gate_of(s->u, 0, width, j)));
        lanes update = lanes_sigmoid(lanes_add(gate_of(s->x, 1, width, j), gate_of(s->u, 1, width, j)));
        lanes u = gate_of(s->u, 2, width, j), new = lanes_tanh(lanes_fma(reset, u, gate_of(s->x, 2, width, j)));
        lanes before = gate_of(s->h_before, 0, width, j);
        if (s->kept) {
            set_gate(s->kept, 0, width, j, reset);
            set_gate(s->kept, 1, width, j, update);
            set_gate(s->kept, 2, width, j, new);
            set_gate(s->kept, 3, width, j, u);
        }
        set_gate(s->h, 0, width, j, lanes_fma(update, lanes_sub(before, new), new));
    }
}

static void gru_backward(const hd_cell_step *s) {
    int64_t width = s->width;
    for (int64_t j = 0; j < width; j += LANES) {
        lanes reset = gate_of(s->kept, 0, width, j), update = gate_of(s->kept, 1, width, j);
        lanes new = gate_of(s->kept, 2, width, j), u = gate_of(s->kept, 3, width, j), dh = gate_of(s->dh, 0, width, j);
        lanes d_new = lanes_mul(lanes_mul(dh, lanes_sub(lanes_set(1.0f), update)), tanh_slope(new));
        lanes d_reset = lanes_mul(lanes_mul(d_new, u), sigmoid_slope(reset));
        lanes d_update =
            lanes_mul(lanes_mul(dh, lanes_sub(gate_of(s->h_before, 0, width, j), new)), sigmoid_slope(update));
        lanes d[3] = {d_reset, d_update, d_new};
        for (int g = 0; g < 3; g++) {
            set_gate(s->dx, g, width, j, d[g]);
            set_gate(s->du, g, width, j, g == 2 ? lanes_mul(d_new, reset) : d[g]);
        }
        set_gate(s->dh_before, 0, width, j, lanes_mul(dh, update));
    }
}

void HD_KERNEL(cell)(const hd_cell_step *step) {
    switch (step->cell) {
        case HD_ELMAN:
            elman(step);
            break;
        case HD_LSTM:
            lstm(step);
            break;
        case HD_GRU:
            gru(step);
            break;
    }
}

void HD_KERNEL(cell_backward)(const hd_cell_step *step) {
    switch (step->cell) {
        case HD_ELMAN:
            elman_backward(step);
            break;
        case HD_LSTM:
            lstm_backward(step);
            break;
        case HD_GRU:
            gru_backward(step);
            break;
    }
}
