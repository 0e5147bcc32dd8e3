/* Checks one op: a row of a table names its operands, a function that runs it in a pass, and its formula in double
 * precision. From these, check_case checks that
 * - the output is that of the formula, and each gradient the formula's central difference;
 * - one thread or two, every kernel table of this machine, and a device with memory of its own give the same bits.
 * The loss is Σ output · weight with fixed random weights, unless the op returns a loss. */
#ifndef TESTS_OPS_FIXTURE_H
#define TESTS_OPS_FIXTURE_H

#include "fixture.h"
#include "remote_device.h"

#include "autograd/ops/ops.h"
#include "device/cpu/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS = 5, SEED = 42, STEP = 5, LOSS_WEIGHTS = 100 };

typedef struct operand {
    /* 0 none, 'x' rows of the layout, 'k' rows of the key layout, 't' a tensor of its own rows, 'w' a trained parameter, 'f' a
     * frozen one in bf16 (a vector: in float32) */
    char kind;
    int64_t rows, columns; /* rows: of a parameter, or of a tensor of its own */
} operand;

typedef struct op_run op_run;

typedef struct op_case {
    const char *name;
    const hd_layout *layout, *key_layout;
    hd_tensor *(*run)(op_run *run);
    void (*reference)(const struct op_case *c, const double *const *x, double *y);
    operand operands[OPERANDS];
    int64_t columns;    /* of the output; 0 when the op gives a loss */
    const int32_t *ids; /* of the layout's rows: inputs of an embedding, or targets */
    hd_activation activation;
    float scale, dropout, epsilon, smoothing, agreement, soft_cap;
    int32_t padding;
    int64_t heads, classes;
    bool causal;
    hd_cell cell;
    bool backwards;
    int64_t window, bias_row, bias_zero; /* of attention */
    float softcap;
} op_case;

/* Arguments of `run`: operands as tensors or parameters. */
struct op_run {
    const op_case *c;
    hd_pass *pass;
    const hd_layout *layout;
    const int32_t *ids;
    hd_tensor *inputs[OPERANDS];
    hd_parameter *weights[OPERANDS];
    double *loss; /* of the outcome */
};

/* Everything that came out: the output, then each operand's gradient. */
typedef struct outcome {
    size_t count;
    float *values;
    double loss;
} outcome;

/* ---- operands ---- */

/* Element `index` of the numbered operand: fixed, and between -1 and 1. */
static inline float value_of(int number, int64_t index) {
    hd_random_key key = hd_random_key_make(3, HD_RANDOM_GENERATE, (uint64_t)number);
    return 2.0f * hd_random_uniform(key, (uint32_t)index, 0, 0) - 1.0f;
}

static inline float operand_value(const op_case *c, int number, int64_t index) {
    float value = value_of(number, index);
    return c->operands[number].kind == 'f' && c->operands[number].rows > 1 ? hd_from_bf16(hd_to_bf16(value)) : value;
}

static inline int64_t operand_rows(const op_case *c, int i) {
    if (c->operands[i].kind == 'x') return hd_layout_rows(c->layout);
    return c->operands[i].kind == 'k' ? hd_layout_rows(c->key_layout) : c->operands[i].rows;
}

static inline int64_t operand_count(const op_case *c, int i) { return operand_rows(c, i) * c->operands[i].columns; }

static inline bool has_gradient(const op_case *c, int i) {
    return c->operands[i].kind != 0 && c->operands[i].kind != 'f';
}

/* Offset of operand i's gradient in an outcome; i = OPERANDS gives the end. */
static inline int64_t gradient_place(const op_case *c, int i) {
    int64_t place = hd_layout_rows(c->layout) * c->columns;
    for (int j = 0; j < i; j++) place += has_gradient(c, j) ? operand_count(c, j) : 0;
    return place;
}

/* The weight of output element `index` in the loss. */
static inline float loss_weight(int64_t index) { return value_of(LOSS_WEIGHTS, index); }

static inline bool kept(uint32_t threshold, hd_random_key key, int64_t column, int64_t position, uint64_t example) {
    uint32_t words[4];
    hd_philox(key, (uint32_t)(16 * (column / 64) + column % 16), (uint32_t)position, example, words);
    return words[column / 16 % 4] >= threshold;
}

/* The factor of an element from dropout at the pass's given site. */
static inline double dropout_factor(float probability, uint32_t site, int64_t head, int64_t column, int64_t position,
                                    uint64_t example) {
    if (probability == 0.0f) return 1.0;
    hd_random_key key = hd_random_key_branch(hd_random_key_make(SEED, HD_RANDOM_DROPOUT, STEP), (uint32_t)site);
    if (head) key = hd_random_key_branch(key, (uint32_t)head);
    return kept((uint32_t)((double)probability * 0x1p32), key, column, position, example)
               ? 1.0 / (1.0 - (double)probability)
               : 0.0;
}

/* ---- running ---- */

/* Device memory with `count` values of operand `number`. */
static inline float *uploaded(hd_pass *pass, int number, int64_t count) {
    float *host = malloc((size_t)count * sizeof *host + 1), *numbers = hd_pass_numbers(pass, count, 1);
    for (int64_t j = 0; j < count; j++) host[j] = value_of(number, j);
    hd_pass_upload(pass, host, count, numbers);
    free(host);
    return numbers;
}

/* `count` floats of device memory, copied to `to`. */
static inline void take(hd_pass *pass, const float *numbers, int64_t count, float *to) {
    const float *host = hd_pass_download(pass, numbers, count);
    assert_non_null(host);
    if (count) memcpy(to, host, (size_t)count * sizeof *to);
}

static inline void open_operands(op_run *run, hd_parameter *parameters) {
    const op_case *c = run->c;
    for (int i = 0; i < OPERANDS; i++) {
        const operand *o = &c->operands[i];
        int64_t count = operand_count(c, i);
        if (o->kind == 'w' || o->kind == 'f') run->weights[i] = &parameters[i];
        if (o->kind == 'w' || (o->kind == 'f' && o->rows == 1)) parameters[i].data = uploaded(run->pass, i, count);
        if (o->kind != 'x' && o->kind != 'k' && o->kind != 't') continue;
        run->inputs[i] = hd_tensor_wrap(run->pass, operand_rows(c, i), o->columns, uploaded(run->pass, i, count),
                                        o->kind == 'k' ? c->key_layout : c->layout);
        run->inputs[i]->needs_gradient = true;
    }
    assert_int_equal(hd_pass_wait(run->pass), HEED_OK); /* weights are packed from what has arrived */
}

/* Runs the op forward and backward, and puts what comes out into `result`. */
static inline void run(const op_case *c, hd_arena *weights, hd_parameter *parameters, outcome *result) {
    hd_pass pass;
    hd_pass_open(&pass, weights->context, weights);
    pass.recording = pass.training = true;
    pass.seed = SEED, pass.step = STEP;
    pass.gradients = hd_pass_zeros(&pass, (int64_t)result->count, 1);
    op_run run = {.c = c, .pass = &pass, .layout = c->layout, .ids = c->ids, .loss = &result->loss};
    open_operands(&run, parameters);
    hd_tensor *y = c->run(&run);
    if (pass.status != HEED_OK) fail_msg("%s: %s", c->name, pass.context->message);
    if (c->columns) {
        assert_non_null(y);
        assert_int_equal(y->rows, hd_layout_rows(c->layout));
        assert_int_equal(y->columns, c->columns);
        y->gradient = uploaded(&pass, LOSS_WEIGHTS, hd_tensor_count(y));
        take(&pass, y->data, hd_tensor_count(y), result->values);
    }
    assert_int_equal(hd_pass_backward(&pass), HEED_OK);
    for (int i = 0; i < OPERANDS; i++) {
        int64_t place = gradient_place(c, i), count = operand_count(c, i);
        if (c->operands[i].kind == 'w') take(&pass, pass.gradients + place, count, result->values + place);
        if (!run.inputs[i]) continue;
        if (!run.inputs[i]->gradient) fail_msg("%s: no gradient came to operand %d", c->name, i);
        take(&pass, run.inputs[i]->gradient, count, result->values + place);
    }
    hd_pass_close(&pass);
}

static inline outcome execute(const op_case *c, const hd_device *device, const hd_kernels *kernels, int threads) {
    heed_context *context = open_context();
    context->device = device;
    context->kernels = kernels;
    context->threads = threads;
    context->small_work = 0;
    hd_arena weights; /* the packed parameters */
    hd_arena_open(&weights, context);
    outcome result = {.count = (size_t)gradient_place(c, OPERANDS)};
    result.values = calloc(result.count + 1, sizeof(float));
    hd_parameter parameters[OPERANDS];
    for (int i = 0; i < OPERANDS; i++) {
        const operand *o = &c->operands[i];
        hd_parameter *p = &parameters[i];
        *p = (hd_parameter){.name = "weight",
                            .rows = o->rows,
                            .columns = o->columns,
                            .dimensions = o->rows > 1 ? 2 : 1,
                            .trained = o->kind == 'w',
                            .gradient_at = gradient_place(c, i),
                            .dtype = HD_BF16};
        int64_t count = operand_count(c, i);
        if (o->kind != 'f' || o->rows == 1) continue;
        uint16_t *stored = malloc((size_t)count * sizeof *stored);
        for (int64_t j = 0; j < count; j++) stored[j] = hd_to_bf16(value_of(i, j));
        p->stored = stored;
    }
    run(c, &weights, parameters, &result);
    for (int i = 0; i < OPERANDS; i++) free((void *)parameters[i].stored);
    hd_arena_close(&weights);
    heed_context_close(context);
    return result;
}

/* ---- checking ---- */

static inline double reference_loss(const op_case *c, const double *const *x, double *y) {
    c->reference(c, x, y);
    if (!c->columns) return y[0] * (double)c->scale;
    double loss = 0;
    for (int64_t j = 0; j < hd_layout_rows(c->layout) * c->columns; j++) loss += y[j] * (double)loss_weight(j);
    return loss;
}

static inline void close_to(const op_case *c, const char *what, int i, int64_t index, double got, double expected,
                            double size) {
    if (!(fabs(got - expected) <= 2e-5 * (size + 1e-2)))
        fail_msg("%s: %s %d, element %lld is %.9g, expected %.9g", c->name, what, i, (long long)index, got, expected);
}

/* Elements of an operand that are moved. Sanitizers look for errors of memory, and the references are slow with them. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { CHECKED = 10 };
#else
enum { CHECKED = 150 };
#endif

static inline void check_against_reference(const op_case *c, const outcome *result) {
    double *x[OPERANDS], *y = calloc((size_t)(hd_layout_rows(c->layout) * c->columns) + 1, sizeof *y);
    for (int i = 0; i < OPERANDS; i++) {
        x[i] = calloc((size_t)operand_count(c, i) + 1, sizeof **x);
        for (int64_t j = 0; j < operand_count(c, i); j++) x[i][j] = (double)operand_value(c, i, j);
    }
    c->reference(c, (const double *const *)x, y);
    for (int64_t j = 0; j < hd_layout_rows(c->layout) * c->columns; j++)
        close_to(c, "output", 0, j, (double)result->values[j], y[j], 1 + fabs(y[j]));
    if (!c->columns) close_to(c, "loss", 0, 0, result->loss, y[0], fabs(y[0]));
    for (int i = 0; i < OPERANDS; i++) {
        int64_t count = operand_count(c, i), step = count / CHECKED | 1;
        for (int64_t j = 0; j < count && has_gradient(c, i); j += step) {
            double before = x[i][j], move = 1e-5;
            x[i][j] = before + move;
            double above = reference_loss(c, (const double *const *)x, y);
            x[i][j] = before - move;
            double below = reference_loss(c, (const double *const *)x, y), expected = (above - below) / (2 * move);
            x[i][j] = before;
            close_to(c, "gradient of operand", i, j, (double)result->values[gradient_place(c, i) + j], expected,
                     1 + fabs(expected));
        }
    }
    for (int i = 0; i < OPERANDS; i++) free(x[i]);
    free(y);
}

static inline void same_bits(const op_case *c, const outcome *expected, outcome result, const char *how) {
    for (size_t j = 0; j < expected->count; j++)
        if (memcmp(&result.values[j], &expected->values[j], sizeof(float)) != 0)
            fail_msg("%s: value %zu of %zu is %a %s, and %a else", c->name, j, expected->count,
                     (double)result.values[j], how, (double)expected->values[j]);
    if (memcmp(&result.loss, &expected->loss, sizeof(double)) != 0) fail_msg("%s: the loss differs %s", c->name, how);
    free(result.values);
}

static inline void check_case(void **state) {
    const op_case *c = *state;
    outcome expected = execute(c, &hd_device_cpu, hd_kernels_at(0), 1);
    check_against_reference(c, &expected);
    for (int i = 0; hd_kernels_at(i); i++) {
        const hd_kernels *kernels = hd_kernels_at(i);
        same_bits(c, &expected, execute(c, &hd_device_cpu, kernels, 1), kernels->name);
        same_bits(c, &expected, execute(c, &hd_device_cpu, kernels, 2), "with two threads");
    }
    same_bits(c, &expected, execute(c, &remote_device, hd_kernels_at(0), 1), "on a device with memory of its own");
    free(expected.values);
}

/* A program of one test for each row, then the others. */
static inline int run_cases(const op_case *cases, size_t count, const struct CMUnitTest *others, size_t others_count) {
    struct CMUnitTest *tests = calloc(count + others_count, sizeof *tests);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){cases[i].name, check_case, NULL, NULL, (void *)&cases[i]};
    memcpy(tests + count, others, others_count * sizeof *tests);
    int failed = _cmocka_run_group_tests("ops", tests, count + others_count, NULL, NULL);
    free(tests);
    return failed;
}

#endif
