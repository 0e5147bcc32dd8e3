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
    const float *bias; /* [DISTANCES] */
    float *used;       /* a copy of dy that may be used up */
    float *logits;     /* [ROWS, COLUMNS] that become gradients */
} operands;

/* d_weight, bias, gain and bias of a norm, embedding, positions, loss, attention's bias by distance, and the keys and queries of
 * relative positions */
enum { PARTS = 10, DISTANCES = 2 * ROWS, TABLE_ROWS = 5 };
static const int64_t sizes[PARTS] = {
    OUT * COLUMNS,      COLUMNS, COLUMNS, COLUMNS, 7 * COLUMNS, ROWS *COLUMNS, 2, DISTANCES, TABLE_ROWS *COLUMNS,
    TABLE_ROWS *COLUMNS};

/* The rows [first, end): each chunk is two sequences, the first of one row or of none. starts [2 CHUNKS + 1] */
static hd_layout two_per_chunk(int32_t first, int32_t end, int32_t *starts) {
    int64_t sequences = 0;
    starts[0] = 0;
    for (int i = 0; i < CHUNKS; i++) {
        int32_t start = chunk_starts[i] - first, next = chunk_starts[i + 1] - first;
        if (start < 0 || next > end - first) continue;
        starts[++sequences] = start + (next > start);
        starts[++sequences] = next;
    }
    return (hd_layout){sequences, starts, NULL, NULL};
}

/* One head. */
static void sum_bias(machine *m, const operands *o, int32_t first, int32_t end, hd_chunks chunks, float *d_bias) {
    int64_t at = first * COLUMNS;
    int32_t starts[2 * CHUNKS + 1];
    hd_layout layout = two_per_chunk(first, end, starts);
    float *scratch = zeros(m, 5 * ROWS * COLUMNS);
    hd_attention_call forward = {.columns = COLUMNS,
                                 .heads = 1,
                                 .scale = 0.2f,
                                 .bias = o->bias,
                                 .bias_row = HD_BIAS_BY_DISTANCE,
                                 .bias_zero = ROWS,
                                 .bias_columns = DISTANCES,
                                 .queries = layout,
                                 .keys = layout,
                                 .q = o->x + at,
                                 .k = o->dy + at,
                                 .v = o->x + at,
                                 .y = scratch,
                                 .log_sums = scratch + ROWS * COLUMNS};
    m->stream.device->attention(&m->stream, &forward);
    m->stream.device->attention_backward(&m->stream, &(hd_attention_backward_call){.forward = forward,
                                                                                   .dy = o->dy + at,
                                                                                   .dq = scratch + 2 * ROWS * COLUMNS,
                                                                                   .dk = scratch + 3 * ROWS * COLUMNS,
                                                                                   .dv = scratch + 4 * ROWS * COLUMNS,
                                                                                   .d_bias = d_bias,
                                                                                   .chunks = chunks});
}

static void sum_relative(machine *m, const operands *o, int32_t first, int32_t end, hd_chunks chunks, float *d_keys,
                         float *d_queries) {
    int64_t at = first * COLUMNS;
    int32_t starts[2 * CHUNKS + 1], index[2 * ROWS + 1];
    hd_layout layout = two_per_chunk(first, end, starts);
    for (int i = 0; i <= 2 * ROWS; i++) index[i] = i < ROWS - 2 ? 0 : i > ROWS + 2 ? TABLE_ROWS - 1 : i - ROWS + 2;
    hd_relative_scores_call forward = {.columns = COLUMNS,
                                       .heads = 1,
                                       .queries = layout,
                                       .keys = layout,
                                       .scale = 0.2f,
                                       .farthest = ROWS,
                                       .table_rows = TABLE_ROWS,
                                       .table_index = index,
                                       .q = o->x + at,
                                       .k = o->dy + at,
                                       .position_keys = o->x,
                                       .position_queries = o->dy};
    float *d_scores = zeros(m, ROWS * ROWS), *scratch = zeros(m, 2 * ROWS * COLUMNS);
    for (int64_t s = 0, to = 0; s < layout.sequences; s++) { /* the same for a sequence in any call */
        int64_t count = starts[s + 1] - starts[s];
        m->stream.device->copy(
            &m->stream,
            &(hd_copy_call){
                .rows = count, .columns = count, .x = o->bias, .x_row = 1, .y = d_scores + to, .y_row = count});
        to += count * count;
    }
    m->stream.device->relative_scores_backward(&m->stream,
                                               &(hd_relative_scores_backward_call){.forward = forward,
                                                                                   .d_scores = d_scores,
                                                                                   .dq = scratch,
                                                                                   .dk = scratch + ROWS * COLUMNS,
                                                                                   .chunks = chunks,
                                                                                   .d_position_keys = d_keys,
                                                                                   .d_position_queries = d_queries});
}

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
    sum_bias(m, o, first, end, chunks, parts[7]);
    sum_relative(m, o, first, end, chunks, parts[8], parts[9]);
}

static void open_operands(machine *m, operands *o) {
    m->next_number = 0;
    o->weight = (hd_parameter){.name = "w", .rows = OUT, .columns = COLUMNS, .dimensions = 2, .trained = true};
    o->x = filled(m, ROWS * COLUMNS), o->dy = filled(m, ROWS * COLUMNS);
    o->wide = filled(m, ROWS * OUT), o->statistics = filled(m, 2 * ROWS), o->logits = filled(m, ROWS * COLUMNS);
    m->next_number = 1; /* dy again */
    o->used = filled(m, ROWS * COLUMNS);
    o->bias = filled(m, DISTANCES);
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

/* ---- training ---- */

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

/* ---- decoding ---- */

enum { VOCABULARY = 1300, BEST_ROWS = 5, BEST = 6 }; /* two whole pieces of a softmax and a part */

static const hd_score_change changes[] = {
    {3, -INFINITY, 1},  {511, -0.0f, 1.5f}, {512, 0.25f, 1},   {900, -0.0f, 0.5f},
    {901, -0.0f, 0.5f}, {1299, 2, 1.2f},    {7, -INFINITY, 1}, /* the last one: of the last row alone */
};

typedef struct best_results {
    hd_token_score best[BEST_ROWS][BEST];
    float logits[VOCABULARY]; /* of row 0, changed */
} best_results;

/* Few distinct numbers, so that many are equal; the last row has two above −∞. Two changed ones are equal too. */
static float logit(int row, int64_t token) {
    hd_random_key key = hd_random_key_make(3, HD_RANDOM_GENERATE, 1);
    if (row == BEST_ROWS - 1 && token % 1000 != 7) return -INFINITY;
    float shift = row == 3 ? 112 : 0; /* exp of all of a row is 0 */
    if (token == 900 || token == 901) return 6 - shift;
    if (token == 511) return -0.5f - shift;
    return floorf(40 * hd_random_uniform(key, (uint32_t)token, 0, (uint64_t)row)) / 8 - shift;
}

static hd_token_scores scores_of_row(int row) {
    return row < 2 ? HD_CHANGED_LOGITS : row == 2 ? HD_SOFTMAX_AFTER_CHANGE : HD_SOFTMAX_BEFORE_CHANGE;
}

/* Tokens 300 to 699 and each third one: of rows 1 to 3, if rows are limited. */
static uint64_t allowed[(VOCABULARY + 63) / 64];
static bool limited;

static const uint64_t *allowed_in(int row) { return limited && row >= 1 && row <= 3 ? allowed : NULL; }

static bool may_come(int row, int64_t token) {
    return !allowed_in(row) || (token >= 300 && token < 700) || token % 3 == 0;
}

/* All rows, so many tokens per call. */
static void find_best(machine *m, int64_t at_once, const hd_score_change *list, const int32_t *starts,
                      best_results *r) {
    hd_best_row rows[BEST_ROWS];
    hd_token_score *best = numbers(m, sizeof r->best);
    float *whole = numbers(m, sizeof r->logits), *logits = numbers(m, BEST_ROWS * VOCABULARY * sizeof *logits);
    for (int i = 0; i < BEST_ROWS; i++)
        rows[i] = (hd_best_row){scores_of_row(i), BEST, best + (size_t)i * BEST, i ? NULL : whole, allowed_in(i)};
    hd_best_tokens_call call = {.rows = BEST_ROWS,
                                .vocabulary = VOCABULARY,
                                .logits = logits,
                                .row = rows,
                                .changes = list,
                                .change_starts = starts,
                                .sums = numbers(m, BEST_ROWS * sizeof *call.sums),
                                .changed = numbers(m, (size_t)starts[BEST_ROWS] * sizeof *call.changed)};
    for (; call.first < VOCABULARY; call.first += call.columns) {
        static float host[BEST_ROWS * VOCABULARY];
        call.columns = hd_min(at_once, VOCABULARY - call.first);
        for (int64_t i = 0; i < BEST_ROWS * call.columns; i++)
            host[i] = logit((int)(i / call.columns), call.first + i % call.columns);
        m->stream.device->upload(&m->stream, (size_t)(BEST_ROWS * call.columns) * sizeof *host, host, logits);
        m->stream.device->best_tokens(&m->stream, &call);
    }
    take(m, best, sizeof r->best, r->best);
    take(m, whole, sizeof r->logits, r->logits);
}

static double changed(const hd_score_change *list, int32_t first, int32_t end, int64_t token, double score) {
    for (int32_t i = first; i < end; i++)
        if (list[i].token == token) {
            score += (double)list[i].bias;
            return score < 0 ? score * (double)list[i].penalty : score / (double)list[i].penalty;
        }
    return score;
}

static double log_sum(const double *x) {
    double sum = 0;
    for (int64_t j = 0; j < VOCABULARY; j++) sum += exp(x[j]);
    return log(sum);
}

/* The scores of one row by their definition. */
static void score_row(int row, const hd_score_change *list, const int32_t *starts, double *x) {
    hd_token_scores scores = scores_of_row(row);
    for (int64_t j = 0; j < VOCABULARY; j++) x[j] = (double)logit(row, j);
    double sum = log_sum(x);
    for (int64_t j = 0; j < VOCABULARY; j++)
        x[j] = may_come(row, j) ? changed(list, starts[row], starts[row + 1], j,
                                          scores == HD_SOFTMAX_BEFORE_CHANGE ? x[j] - sum : x[j])
                                : -INFINITY;
    sum = log_sum(x);
    for (int64_t j = 0; scores == HD_SOFTMAX_AFTER_CHANGE && j < VOCABULARY; j++) x[j] -= sum;
}

/* Each token found is above all that are not among those before it; ties go to the lower token. */
static void check_best(const best_results *r, const hd_score_change *list, const int32_t *starts) {
    double x[VOCABULARY];
    for (int row = 0; row < BEST_ROWS; row++) {
        score_row(row, list, starts, x);
        for (int64_t j = 0; row == 0 && j < VOCABULARY; j++)
            assert_true(x[j] == (double)r->logits[j] || fabs(x[j] - (double)r->logits[j]) < 1e-5);
        for (int i = 0; i < BEST; i++) {
            hd_token_score found = r->best[row][i];
            if (found.token < 0) {
                assert_true(found.score == -INFINITY && row == BEST_ROWS - 1);
                continue;
            }
            int above = 0;
            for (int32_t j = 0; j < VOCABULARY; j++)
                above += x[j] > x[found.token] || (x[j] == x[found.token] && j < found.token);
            assert_int_equal(above, i);
            assert_true(fabs((double)found.score - x[found.token]) < 1e-5);
        }
    }
}

static void find_best_on_all_devices(void) {
    static const int64_t at_once[] = {VOCABULARY, HD_EXP_PIECE, 2 * HD_EXP_PIECE};
    static best_results expected, found;
    hd_score_change list[4 * 6 + 1]; /* rows 0 to 3 have the same */
    int32_t starts[BEST_ROWS + 1] = {0};
    for (int row = 0; row < BEST_ROWS; row++) {
        int32_t from = row < BEST_ROWS - 1 ? 0 : 6, count = row < BEST_ROWS - 1 ? 6 : 1;
        memcpy(list + starts[row], changes + from, (size_t)count * sizeof *list);
        starts[row + 1] = starts[row] + count;
    }
    for (size_t d = 0; d < HD_COUNT(devices); d++)
        for (size_t i = 0; i < HD_COUNT(at_once); i++) {
            machine m;
            open_machine(&m, devices[d]);
            find_best(&m, at_once[i], list, starts, d + i ? &found : &expected);
            close_machine(&m);
            if (d + i) assert_memory_equal(&found, &expected, sizeof found);
        }
    check_best(&expected, list, starts);
    assert_int_equal(expected.best[BEST_ROWS - 1][0].token, 1007);
    assert_int_equal(expected.best[BEST_ROWS - 1][1].token, -1);
}

static void best_tokens_are_the_largest(void **state) {
    (void)state;
    limited = false;
    find_best_on_all_devices();
}

static void best_tokens_are_allowed(void **state) {
    (void)state;
    limited = true;
    for (int64_t i = 0; i < VOCABULARY; i++)
        if (may_come(1, i)) allowed[i / 64] |= (uint64_t)1 << i % 64;
    find_best_on_all_devices();
}

/* ---- vectors ---- */

enum { VECTORS = 5000, VECTOR = 24, SEARCHES = 3, NEAREST = 40 };

/* Few distinct numbers, so that many products are equal; some rows are NaN, and one is −∞. */
static void make_vectors(float *x) {
    hd_random_key key = hd_random_key_make(4, HD_RANDOM_GENERATE, 2);
    for (int i = 0; i < VECTORS * VECTOR; i++) x[i] = floorf(3 * hd_random_uniform(key, (uint32_t)i, 0, 0)) - 1;
    for (int i = 0; i < VECTORS; i += 777) x[i * VECTOR + 5] = NAN;
    x[4 * VECTOR] = -INFINITY;
}

/* Products and the best rows on a device, of rows in f16 or f32. */
static void search_vectors(machine *m, const float *x, const float *q, bool halves, int64_t rows, float *products,
                           hd_row_score *best) {
    static uint16_t narrow[VECTORS * VECTOR];
    size_t bytes = (size_t)rows * VECTOR * (halves ? 2 : 4);
    void *memory = numbers(m, bytes);
    float *queries = numbers(m, SEARCHES * VECTOR * sizeof *q), *y = numbers(m, SEARCHES * VECTORS * sizeof *y);
    hd_row_score *found = numbers(m, SEARCHES * NEAREST * sizeof *found);
    for (int64_t i = 0; i < rows * VECTOR; i++) narrow[i] = hd_to_f16(x[i]);
    m->stream.device->upload(&m->stream, bytes, halves ? (const void *)narrow : x, memory);
    m->stream.device->upload(&m->stream, SEARCHES * VECTOR * sizeof *q, q, queries);
    hd_dtype dtype = halves ? HD_F16 : HD_F32;
    m->stream.device->dot_rows(&m->stream, &(hd_dot_rows_call){SEARCHES, rows, VECTOR, queries, dtype, memory, y});
    m->stream.device->nearest_rows(
        &m->stream, &(hd_nearest_rows_call){SEARCHES, rows, VECTOR, NEAREST, queries, dtype, memory, found});
    take(m, y, (size_t)(SEARCHES * rows) * sizeof *y, products);
    take(m, found, SEARCHES * NEAREST * sizeof *found, best);
}

/* Each row found is above all that are not among those before it; ties go to the lower row. */
static void check_nearest(const float *products, int64_t rows, const hd_row_score *best) {
    for (int64_t i = 0; i < SEARCHES * NEAREST; i++) {
        const float *y = products + i / NEAREST * rows;
        int64_t row = best[i].row, above = 0, known = 0;
        for (int64_t r = 0; r < rows; r++) {
            known += y[r] > -INFINITY;
            above += row >= 0 && (y[r] > y[row] || (y[r] == y[row] && r < row));
        }
        if (row < 0) assert_true(i % NEAREST >= known && best[i].score == -INFINITY);
        if (row >= 0) assert_true(above == i % NEAREST && best[i].score == y[row]);
    }
}

static void nearest_rows_have_the_largest_products(void **state) {
    (void)state;
    static const int64_t row_counts[] = {VECTORS, 65, 20, 1, 0};
    static float x[VECTORS * VECTOR], q[SEARCHES * VECTOR], products[2][SEARCHES * VECTORS];
    static hd_row_score best[2][SEARCHES * NEAREST];
    make_vectors(x);
    for (int i = 0; i < SEARCHES * VECTOR; i++) q[i] = (float)(i * 7 % 5) - 2;
    q[0] = q[VECTOR] = q[2 * VECTOR] = 1; /* times −∞ */
    for (size_t c = 0; c < HD_COUNT(row_counts); c++)
        for (int halves = 0; halves < 2; halves++)
            for (size_t d = 0; d < HD_COUNT(devices); d++) {
                machine m;
                open_machine(&m, devices[d]);
                m.context->threads = d ? 1 : 3;
                memset(best[d], 0, sizeof best[d]);
                search_vectors(&m, x, q, halves, row_counts[c], products[d], best[d]);
                close_machine(&m);
                check_nearest(products[d], row_counts[c], best[d]);
                for (int i = 0; i < SEARCHES * NEAREST && d; i++)
                    assert_true(best[1][i].row == best[0][i].row && best[1][i].score == best[0][i].score);
            }
}

/* ---- conditional random fields ---- */

enum { LABELS = 5, FIELD = LABELS * LABELS + 2 * LABELS, SEQUENCES = 6 };

static const int32_t sequence_starts[SEQUENCES + 1] = {0, 2, 3, 4, 4, 10, ROWS}; /* chunks begin at sequences */

typedef struct crf_results {
    double losses[CHUNKS];
    float d_logits[ROWS * LABELS], d_field[CHUNKS * FIELD];
    int32_t best[ROWS];
} crf_results;

typedef struct crf_memory {
    const float *logits, *field; /* transitions, start, end */
    float *d_logits, *d_field;
    double *losses;
    int32_t *best;
} crf_memory;

/* Sequences [first, end), whose chunks' gradients begin at that of `chunk`. */
static void run_field(machine *m, const crf_memory *at, int64_t first, int64_t end, int64_t chunk, hd_chunks chunks) {
    int32_t starts[SEQUENCES + 1], targets[ROWS], row = sequence_starts[first];
    for (int64_t s = first; s <= end; s++) starts[s - first] = sequence_starts[s] - row;
    for (int32_t r = 0; r < starts[end - first]; r++) targets[r] = (3 * (row + r)) % LABELS;
    float *d_field = at->d_field + chunk * FIELD;
    hd_crf_field field = {.labels = LABELS,
                          .layout = {end - first, starts, NULL, NULL},
                          .logits = at->logits + row * LABELS,
                          .transitions = at->field,
                          .start = at->field + LABELS * LABELS,
                          .end = at->field + LABELS * LABELS + LABELS};
    m->stream.device->crf_loss(&m->stream, &(hd_crf_loss_call){.field = field,
                                                               .targets = targets,
                                                               .scale = 0.3f,
                                                               .chunks = chunks,
                                                               .losses = at->losses + chunk,
                                                               .d_logits = at->d_logits + row * LABELS,
                                                               .d_transitions = d_field,
                                                               .d_start = d_field + LABELS * LABELS,
                                                               .d_end = d_field + LABELS * LABELS + LABELS});
    m->stream.device->crf_best(&m->stream, &(hd_crf_best_call){field, at->best + row});
}

/* All chunks by one call (`together`), or by a call per chunk. */
static void run_fields(machine *m, bool together, crf_results *r) {
    static const int64_t first[] = {0, 2, 2, 3, SEQUENCES}; /* of a chunk's sequences */
    crf_memory at = {.logits = filled(m, ROWS * LABELS),
                     .field = filled(m, FIELD),
                     .d_logits = numbers(m, sizeof r->d_logits),
                     .d_field = zeros(m, CHUNKS * FIELD),
                     .losses = (double *)zeros(m, 2 * CHUNKS),
                     .best = numbers(m, sizeof r->best)};
    if (together) run_field(m, &at, 0, SEQUENCES, 0, (hd_chunks){CHUNKS, chunk_starts, FIELD});
    for (int chunk = 0; !together && chunk < CHUNKS; chunk++)
        run_field(m, &at, first[chunk], first[chunk + 1], chunk, (hd_chunks){0});
    take(m, at.losses, sizeof r->losses, r->losses);
    take(m, at.d_logits, sizeof r->d_logits, r->d_logits);
    take(m, at.d_field, sizeof r->d_field, r->d_field);
    take(m, at.best, sizeof r->best, r->best);
}

static void fields_of_chunks_are_calls(void **state) {
    (void)state;
    static crf_results expected, found; /* with zeros between members */
    for (size_t d = 0; d < HD_COUNT(devices); d++)
        for (int together = 0; together < 2; together++) {
            bool first = d == 0 && !together;
            machine m;
            open_machine(&m, devices[d]);
            run_fields(&m, together, first ? &expected : &found);
            close_machine(&m);
            if (!first) assert_memory_equal(&found, &expected, sizeof found);
        }
    assert_true(expected.losses[0] > 0 && expected.losses[1] == 0 && expected.losses[3] > 0);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(chunks_are_calls),
                                       cmocka_unit_test(optimizers_step_alike),
                                       cmocka_unit_test(best_tokens_are_the_largest),
                                       cmocka_unit_test(best_tokens_are_allowed),
                                       cmocka_unit_test(nearest_rows_have_the_largest_products),
                                       cmocka_unit_test(fields_of_chunks_are_calls),
                                       cmocka_unit_test(failures_come_with_the_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
