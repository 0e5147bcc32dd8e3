/* The device table beyond the ops: sums of several chunks in one call equal separate calls, the calls that training and
 * decoding make, and all of it the same on a device with memory of its own. */
#include "fixture.h"
#include "remote_device.h"

#include "base/random.h"
#include "device/cpu/kernels/kernels.h"

#include <math.h>

enum { ROWS = 11, COLUMNS = 37, OUT = 70, CHUNKS = 4, MOST = 4096 };

static const int32_t chunk_starts[CHUNKS + 1] = {0, 3, 3, 4, ROWS}; /* one is empty */
static const int32_t ids[ROWS] = {4, 1, 4, 0, 1, 4, 4, 2, 6, 1, 4};
static const hd_device *const devices[] = {&hd_device_cpu, &remote_device};

typedef struct machine {
    heed_context *context;
    heed_status status;
    hd_stream stream;
    hd_arena arena;
    uint64_t next_number;
} machine;

static void open_machine(machine *m, const hd_device *device) {
    *m = (machine){.context = open_context()};
    m->context->device = device;
    m->context->threads = 2;
    m->context->small_work = 0;
    assert_int_equal(hd_stream_open(&m->stream, m->context, &m->status), HEED_OK);
    hd_stream_arena_open(&m->stream, &m->arena);
}

static void close_machine(machine *m) {
    assert_int_equal(m->status, HEED_OK);
    hd_arena_close(&m->arena);
    hd_stream_close(&m->stream);
    heed_context_close(m->context);
}

static void *numbers(machine *m, size_t bytes) {
    void *memory = hd_arena_alloc(&m->arena, bytes, 1);
    assert_non_null(memory);
    return memory;
}

/* Device memory with random numbers between −1 and 1. */
static float *filled(machine *m, int64_t count) {
    float host[MOST], *memory = numbers(m, (size_t)count * sizeof(float));
    hd_random_key key = hd_random_key_make(7, HD_RANDOM_GENERATE, m->next_number++);
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++) host[i] = 2.0f * hd_random_uniform(key, (uint32_t)i, 0, 0) - 1.0f;
    m->stream.device->upload(&m->stream, (size_t)count * sizeof *host, host, memory);
    return memory;
}

static float *zeros(machine *m, int64_t count) {
    float *memory = numbers(m, (size_t)count * sizeof *memory);
    m->stream.device->zero(&m->stream, &(hd_zero_call){count, memory});
    return memory;
}

static void take(machine *m, const void *memory, size_t bytes, void *host) {
    m->stream.device->download(&m->stream, bytes, memory, host);
    assert_int_equal(m->status, HEED_OK);
}

/* ---- chunks ---- */

/* The rows that sums over tokens read: all, or those of one chunk. */
typedef struct operands {
    hd_parameter weight;
    const float *x, *dy, *wide, *statistics;
    float *used;   /* a copy of dy that may be used up */
    float *logits; /* [ROWS, COLUMNS] that become gradients */
} operands;

enum { PARTS = 7 }; /* d_weight, bias, gain and bias of a norm, embedding, positions, loss */
static const int64_t sizes[PARTS] = {OUT * COLUMNS, COLUMNS, COLUMNS, COLUMNS, 7 * COLUMNS, ROWS *COLUMNS, 2};

/* Each gradient of rows [first, end), cut into `chunks`, to parts[i], with `stride` between chunks. */
static void sum(machine *m, const operands *o, int32_t first, int32_t end, hd_chunks chunks, float *const *parts) {
    const hd_device *device = m->stream.device;
    int64_t rows = end - first, at = first * COLUMNS;
    const int32_t starts[] = {0, (int32_t)rows}, places[] = {first};
    hd_layout one = {1, starts, NULL, places};
    device->weight_gradient(&m->stream, &(hd_weight_gradient_call){.weight = &o->weight,
                                                                   .rows = rows,
                                                                   .out = OUT,
                                                                   .g = o->wide + first * OUT,
                                                                   .x = o->x + at,
                                                                   .chunks = chunks,
                                                                   .d_weight = parts[0]});
    device->sum_rows(&m->stream, &(hd_sum_rows_call){rows, COLUMNS, o->dy + at, chunks, parts[1]});
    device->norm_gradient(&m->stream, &(hd_norm_gradient_call){.layer = true,
                                                               .rows = rows,
                                                               .columns = COLUMNS,
                                                               .x = o->x + at,
                                                               .statistics = o->statistics + 2 * first,
                                                               .dy = o->dy + at,
                                                               .chunks = chunks,
                                                               .d_gain = parts[2],
                                                               .d_bias = parts[3]});
    device->embed_backward(&m->stream, &(hd_embed_backward_call){.rows = rows,
                                                                 .columns = COLUMNS,
                                                                 .ids = ids + first,
                                                                 .scale = 0.3f,
                                                                 .padding = 2,
                                                                 .dy = o->used + at,
                                                                 .chunks = chunks,
                                                                 .gradient = parts[4]});
    device->add_positions_backward(
        &m->stream, &(hd_add_positions_backward_call){
                        .layout = one, .columns = COLUMNS, .dy = o->dy + at, .chunks = chunks, .gradient = parts[5]});
    device->cross_entropy(&m->stream, &(hd_cross_entropy_call){.rows = rows,
                                                               .classes = COLUMNS,
                                                               .logits = o->logits + at,
                                                               .targets = ids + first,
                                                               .smoothing = 0.1f,
                                                               .scale = 0.5f,
                                                               .gradient = true,
                                                               .chunks = chunks,
                                                               .losses = (double *)parts[6]});
}

static void open_operands(machine *m, operands *o) {
    m->next_number = 0;
    o->weight = (hd_parameter){.name = "w", .rows = OUT, .columns = COLUMNS, .dimensions = 2, .trained = true};
    o->x = filled(m, ROWS * COLUMNS), o->dy = filled(m, ROWS * COLUMNS);
    o->wide = filled(m, ROWS * OUT), o->statistics = filled(m, 2 * ROWS), o->logits = filled(m, ROWS * COLUMNS);
    m->next_number = 1; /* dy again */
    o->used = filled(m, ROWS * COLUMNS);
}

/* The parts of all chunks by one call each (`together`), or by a call per chunk, one after the other in `out`. */
static size_t sum_chunks(machine *m, bool together, char *out) {
    operands o;
    size_t total = 0;
    float *parts[PARTS];
    open_operands(m, &o);
    for (int i = 0; i < PARTS; i++) parts[i] = zeros(m, CHUNKS * sizes[i]);
    for (int i = 0; together && i < PARTS; i++) { /* calls share one stride: each part has a call of its own */
        float *one[PARTS], *rest = zeros(m, CHUNKS * OUT * COLUMNS);
        operands copy;
        open_operands(m, &copy);
        for (int j = 0; j < PARTS; j++) one[j] = rest;
        one[i] = parts[i];
        sum(m, &copy, 0, ROWS, (hd_chunks){CHUNKS, chunk_starts, sizes[i]}, one);
    }
    for (int chunk = 0; !together && chunk < CHUNKS; chunk++) {
        float *own[PARTS];
        for (int i = 0; i < PARTS; i++) own[i] = parts[i] + chunk * sizes[i];
        sum(m, &o, chunk_starts[chunk], chunk_starts[chunk + 1], (hd_chunks){0}, own);
    }
    for (int i = 0; i < PARTS; i++) {
        size_t bytes = (size_t)(CHUNKS * sizes[i]) * sizeof(float);
        take(m, parts[i], bytes, out + total);
        total += bytes;
    }
    return total;
}

/* Partial sums of a call for all chunks are those of a call per chunk. */
static void chunks_are_calls(void **state) {
    (void)state;
    enum { BYTES = 1 << 18 };
    static char expected[BYTES], found[BYTES];
    for (size_t d = 0; d < HD_COUNT(devices); d++)
        for (int together = 0; together < 2; together++) {
            bool first = d == 0 && !together;
            machine m;
            open_machine(&m, devices[d]);
            size_t size = sum_chunks(&m, together, first ? expected : found);
            assert_true(size <= BYTES);
            if (!first) assert_memory_equal(found, expected, size);
            close_machine(&m);
        }
}

/* ---- training and decoding ---- */

static void optimizer_calls(machine *m, char *out) {
    enum { N = 1000, PIECE = 64, SUMS = (N + PIECE - 1) / PIECE };
    const hd_device *device = m->stream.device;
    float *gradient = filled(m, N), *a = filled(m, N), *b = filled(m, N), *weights = filled(m, N);
    float *moments[] = {zeros(m, N), zeros(m, N)};
    double *sums = numbers(m, SUMS * sizeof *sums);
    int64_t *index = numbers(m, sizeof *index);
    device->accumulate(&m->stream, &(hd_accumulate_call){N, 2, (const float *const[]){a, b}, gradient});
    device->scale(&m->stream, &(hd_scale_call){N, 0.25f, a, gradient, true});
    device->move(&m->stream, &(hd_move_call){N - 100, b + 100, b}); /* overlapping */
    device->add(&m->stream, &(hd_add_call){N, gradient, b, gradient});
    device->sum_of_squares(&m->stream, &(hd_sum_of_squares_call){N, PIECE, gradient, sums});
    device->find_non_finite(&m->stream, &(hd_find_non_finite_call){N, gradient, index});
    hd_adam adam = {0.01f, 0.9f, 0.98f, 1e-9f, 0.01f, 10.0f, 50.0f, 0.5f};
    device->adam(&m->stream, &(hd_adam_call){adam, N, gradient, moments[0], moments[1], weights});
    take(m, weights, N * sizeof(float), out);
    take(m, sums, SUMS * sizeof *sums, out + N * sizeof(float));
    take(m, index, sizeof *index, out + N * sizeof(float) + SUMS * sizeof *sums);
    float host[N], total[N];
    double first = 0;
    take(m, gradient, sizeof total, total);
    for (int i = 0; i < PIECE; i++) first += (double)total[i] * (double)total[i];
    memcpy(host, out, sizeof host);
    double sum;
    memcpy(&sum, out + sizeof host, sizeof sum);
    assert_true(fabs(sum - first) < 1e-9);
    int64_t none;
    memcpy(&none, out + sizeof host + SUMS * sizeof sum, sizeof none);
    assert_int_equal(none, -1);
    device->upload(&m->stream, sizeof(float), &(float){NAN}, gradient + 700);
    device->find_non_finite(&m->stream, &(hd_find_non_finite_call){N, gradient, index});
    take(m, index, sizeof none, &none);
    assert_int_equal(none, 700);
}

static void optimizers_step_alike(void **state) {
    (void)state;
    char results[2][8192] = {{0}};
    for (size_t d = 0; d < HD_COUNT(devices); d++) {
        machine m;
        open_machine(&m, devices[d]);
        optimizer_calls(&m, results[d]);
        close_machine(&m);
    }
    assert_memory_equal(results[0], results[1], sizeof results[0]);
}

/* The best columns by going through all of them, ties to the lower one; and log Σ exp. */
static void best_columns_are_the_largest(void **state) {
    (void)state;
    enum { R = 3, C = 1300, BEST = 5 };
    float x[R][C], values[R][BEST], log_sums[R];
    int32_t columns[R][BEST];
    hd_random_key key = hd_random_key_make(3, HD_RANDOM_GENERATE, 1);
    for (int r = 0; r < R; r++) /* few distinct numbers, so that many are equal; the last row has two numbers */
        for (int j = 0; j < C; j++)
            x[r][j] = r < 2 || j % 1000 == 7 ? floorf(40 * hd_random_uniform(key, (uint32_t)j, 0, (uint64_t)r)) / 8
                                             : -INFINITY;
    for (size_t d = 0; d < HD_COUNT(devices); d++) {
        machine m;
        open_machine(&m, devices[d]);
        float *memory = numbers(&m, sizeof x), *best = numbers(&m, sizeof values), *sums = numbers(&m, sizeof log_sums);
        int32_t *where = numbers(&m, sizeof columns);
        hd_exp_sum *running = numbers(&m, R * sizeof *running);
        m.stream.device->upload(&m.stream, sizeof x, x, memory);
        m.stream.device->best(&m.stream, &(hd_best_call){R, C, BEST, memory, best, where});
        m.stream.device->exp_sums(&m.stream, &(hd_exp_sums_call){R, C, memory, true, running, sums});
        take(&m, best, sizeof values, values);
        take(&m, where, sizeof columns, columns);
        take(&m, sums, sizeof log_sums, log_sums);
        close_machine(&m);
        for (int r = 0; r < R; r++) {
            double sum = 0;
            for (int j = 0; j < C; j++) sum += exp((double)x[r][j]);
            assert_true(fabs((double)log_sums[r] - log(sum)) < 1e-5);
            for (int i = 0; i < (r < 2 ? BEST : 2); i++) {
                int above = 0, column = columns[r][i];
                for (int j = 0; j < C; j++) above += x[r][j] > x[r][column] || (x[r][j] == x[r][column] && j < column);
                assert_int_equal(above, i);
                assert_true(values[r][i] == x[r][column]);
            }
        }
        assert_int_equal(columns[2][2], -1);
    }
}

/* ---- failures ---- */

static void *no_memory(void *user, void *pointer, size_t size) {
    (void)user, (void)pointer, (void)size;
    return NULL;
}

/* A failure while a call runs is reported at once, or when the host waits. */
static void failures_come_with_the_wait(void **state) {
    (void)state;
    for (size_t d = 0; d < HD_COUNT(devices); d++) {
        machine m;
        open_machine(&m, devices[d]);
        float *dy = filled(&m, ROWS * COLUMNS), *gradient = zeros(&m, 7 * COLUMNS);
        remote_queue *queue = m.stream.queue;
        heed_context *running = queue ? &queue->context : m.context;
        heed_resize_function *resize = running->resize;
        running->resize = no_memory;
        m.stream.device->embed_backward(&m.stream, &(hd_embed_backward_call){.rows = ROWS,
                                                                             .columns = COLUMNS,
                                                                             .ids = ids,
                                                                             .scale = 1,
                                                                             .padding = -1,
                                                                             .dy = dy,
                                                                             .gradient = gradient});
        if (queue) assert_int_equal(m.status, HEED_OK);
        m.stream.device->wait(&m.stream);
        running->resize = resize;
        assert_int_equal(m.status, HEED_MEMORY);
        assert_non_null(strstr(m.context->message, "out of memory"));
        m.status = HEED_OK;
        close_machine(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chunks_are_calls), cmocka_unit_test(optimizers_step_alike),
                                       cmocka_unit_test(best_columns_are_the_largest),
                                       cmocka_unit_test(failures_come_with_the_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
