/* The float32 matrix product of heed beside those of oneDNN and OpenBLAS, in one process and in turn. bench/matmul.sh
 * builds and runs it.
 *
 *     matmul [THREADS [ROUNDS [SHAPE]]]        SHAPE: only the one with this number, from 0
 *
 * Each round gives every library a stretch of a few hundredths of a second and then sleeps until its threads have stopped
 * spinning; a figure is the median over rounds of a stretch's mean, with the lowest and highest. oneDNN may lay out the
 * forward weight as it likes (the reordering is not counted, nor is heed's packing); the gradients read plain rows, in
 * every library. Of oneDNN's two primitives for each form (matmul, inner product) the faster counts, and for one row the
 * faster of OpenBLAS's gemm and gemv. */
#include "base/clock.h"
#include "base/float_environment.h"
#include "heed/heed.h"
#include "device/cpu/matmul.h"

#include <cblas.h>
#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORWARD, INPUT, WEIGHT, FORMS };
enum { HEED, ONEDNN_MATMUL, ONEDNN_INNER, OPENBLAS, OPENBLAS_GEMV, LIBRARIES };
enum { MOST_ROUNDS = 100 };

typedef struct problem {
    int64_t tokens, in, out;
    float *x, *y, *weight, *panels; /* [tokens, in], [tokens, out], [out, in], packed */
    float *dx, *d_weight;
} problem;

static heed_context *context;
static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "oneDNN: %s fails with %d\n", what, (int)status);
    exit(1);
}

static float *numbers(int64_t count, uint32_t seed) {
    float *p = aligned_alloc(1 << 21, ((size_t)count * sizeof *p + (1 << 21)) >> 21 << 21);
    if (!p) exit(1);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 8) * 0x1p-24f - 0.5f;
    }
    return p;
}

/* ---- heed ---- */

static void run_heed(const problem *p, int form) {
    hd_product product[FORMS] = {{.rows = p->tokens,
                                  .columns = p->out,
                                  .depth = p->in,
                                  .a = p->x,
                                  .a_row = p->in,
                                  .a_depth = 1,
                                  .b = p->panels,
                                  .b_depth = HD_PANEL,
                                  .b_panel = HD_PANEL * p->in,
                                  .c = p->y,
                                  .c_row = p->out},
                                 {.rows = p->tokens,
                                  .columns = p->in,
                                  .depth = p->out,
                                  .a = p->y,
                                  .a_row = p->out,
                                  .a_depth = 1,
                                  .b = p->weight,
                                  .b_depth = p->in,
                                  .b_panel = HD_PANEL,
                                  .c = p->dx,
                                  .c_row = p->in},
                                 {.rows = p->out,
                                  .columns = p->in,
                                  .depth = p->tokens,
                                  .a = p->y,
                                  .a_row = 1,
                                  .a_depth = p->out,
                                  .b = p->x,
                                  .b_depth = p->in,
                                  .b_panel = HD_PANEL,
                                  .c = p->d_weight,
                                  .c_row = p->in}};
    hd_matmul(context, &product[form]);
}

/* ---- OpenBLAS ---- */

static void run_openblas(const problem *p, int form) {
    int tokens = (int)p->tokens, in = (int)p->in, out = (int)p->out;
    if (form == FORWARD)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tokens, out, in, 1, p->x, in, p->weight, in, 0, p->y, out);
    else if (form == INPUT)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, tokens, in, out, 1, p->y, out, p->weight, in, 0, p->dx,
                    in);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, tokens, 1, p->y, out, p->x, in, 0, p->d_weight,
                    in);
}

static void run_gemv(const problem *p, int form) {
    int in = (int)p->in, out = (int)p->out;
    if (form == FORWARD)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, out, in, 1, p->weight, in, p->x, 1, 0, p->y, 1);
    else
        cblas_sgemv(CblasRowMajor, CblasTrans, out, in, 1, p->weight, in, p->y, 1, 0, p->dx, 1);
}

/* ---- oneDNN ---- */

typedef struct primitive {
    dnnl_primitive_t run;
    dnnl_exec_arg_t arguments[3];
} primitive;

static dnnl_memory_desc_t matrix(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    dnnl_memory_desc_t m;
    check(dnnl_memory_desc_init_by_strides(&m, 2, (dnnl_dims_t){rows, columns}, dnnl_f32,
                                           (dnnl_dims_t){row_stride, column_stride}),
          "a matrix");
    return m;
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *m, void *data) {
    dnnl_memory_t result;
    check(dnnl_memory_create(&result, m, engine, data), "memory");
    return result;
}

/* The weight in the layout that the primitive asks for. */
static dnnl_memory_t laid_out(const_dnnl_primitive_desc_t description, const dnnl_memory_desc_t *plain, float *data) {
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    dnnl_memory_t from = memory(plain, data), to = memory(wanted, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t reorder_description;
    dnnl_primitive_t reorder;
    check(dnnl_reorder_primitive_desc_create(&reorder_description, plain, engine, wanted, engine, NULL), "reordering");
    check(dnnl_primitive_create(&reorder, reorder_description), "reordering");
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    check(dnnl_primitive_execute(reorder, stream, 2, arguments), "reordering");
    check(dnnl_stream_wait(stream), "waiting");
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(reorder_description);
    dnnl_memory_destroy(from);
    return to;
}

static primitive make_matmul(const problem *p, int form) {
    dnnl_memory_desc_t x = matrix(p->tokens, p->in, p->in, 1), y = matrix(p->tokens, p->out, p->out, 1),
                       w = matrix(p->out, p->in, p->in, 1), w_transposed = matrix(p->in, p->out, 1, p->in),
                       y_transposed = matrix(p->out, p->tokens, 1, p->out), any;
    check(dnnl_memory_desc_init_by_tag(&any, 2, (dnnl_dims_t){p->in, p->out}, dnnl_f32, dnnl_format_tag_any), "any");
    dnnl_memory_desc_t *a[] = {&x, &y, &y_transposed}, *b[] = {&any, &w, &x}, *c[] = {&y, &x, &w};
    float *a_data[] = {p->x, p->y, p->y}, *b_data[] = {NULL, p->weight, p->x}, *c_data[] = {p->y, p->dx, p->d_weight};
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t description;
    primitive result;
    check(dnnl_matmul_desc_init(&operation, a[form], b[form], NULL, c[form]), "matmul");
    check(dnnl_primitive_desc_create(&description, &operation, NULL, engine, NULL), "matmul");
    check(dnnl_primitive_create(&result.run, description), "matmul");
    dnnl_memory_t weights =
        form == FORWARD ? laid_out(description, &w_transposed, p->weight) : memory(b[form], b_data[form]);
    result.arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(a[form], a_data[form])};
    result.arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, weights};
    result.arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(c[form], c_data[form])};
    dnnl_primitive_desc_destroy(description);
    return result;
}

static primitive make_inner(const problem *p, int form) {
    dnnl_memory_desc_t x = matrix(p->tokens, p->in, p->in, 1), y = matrix(p->tokens, p->out, p->out, 1),
                       w = matrix(p->out, p->in, p->in, 1), any;
    check(dnnl_memory_desc_init_by_tag(&any, 2, (dnnl_dims_t){p->out, p->in}, dnnl_f32, dnnl_format_tag_any), "any");
    dnnl_inner_product_desc_t operation;
    dnnl_primitive_desc_t forward, description;
    primitive result;
    check(dnnl_inner_product_forward_desc_init(&operation, dnnl_forward_training, &x, form == FORWARD ? &any : &w, NULL,
                                               &y),
          "inner product");
    check(dnnl_primitive_desc_create(&forward, &operation, NULL, engine, NULL), "inner product");
    if (form == INPUT)
        check(dnnl_inner_product_backward_data_desc_init(&operation, &x, &w, &y), "inner product");
    else if (form == WEIGHT)
        check(dnnl_inner_product_backward_weights_desc_init(&operation, &x, &w, NULL, &y), "inner product");
    check(dnnl_primitive_desc_create(&description, &operation, NULL, engine, form == FORWARD ? NULL : forward),
          "inner product");
    check(dnnl_primitive_create(&result.run, description), "inner product");
    if (form == FORWARD) {
        result.arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(&x, p->x)};
        result.arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, laid_out(description, &w, p->weight)};
        result.arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(&y, p->y)};
    } else if (form == INPUT) {
        result.arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, memory(&y, p->y)};
        result.arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, memory(&w, p->weight)};
        result.arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_SRC, memory(&x, p->dx)};
    } else {
        result.arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, memory(&y, p->y)};
        result.arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(&x, p->x)};
        result.arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_WEIGHTS, memory(&w, p->d_weight)};
    }
    dnnl_primitive_desc_destroy(forward);
    dnnl_primitive_desc_destroy(description);
    return result;
}

static void run_onednn(const primitive *p) {
    check(dnnl_primitive_execute(p->run, stream, 3, p->arguments), "running");
    check(dnnl_stream_wait(stream), "waiting");
}

static void close_primitive(primitive *p) {
    for (int i = 0; i < 3; i++) dnnl_memory_destroy(p->arguments[i].memory);
    dnnl_primitive_destroy(p->run);
}

/* ---- measuring ---- */

static void run(int library, const problem *p, int form, const primitive *primitives) {
    if (library == HEED)
        run_heed(p, form);
    else if (library == OPENBLAS)
        run_openblas(p, form);
    else if (library == OPENBLAS_GEMV)
        run_gemv(p, form);
    else
        run_onednn(&primitives[library - ONEDNN_MATMUL]);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(const problem *p, int form, int rounds) {
    static const char *const names[] = {"forward", "input", "weight"};
    double operations = 2e-9 * (double)p->tokens * (double)p->in * (double)p->out;
    primitive primitives[] = {make_matmul(p, form), make_inner(p, form)};
    float *output[] = {p->y, p->dx, p->d_weight};
    int64_t sizes[] = {p->tokens * p->out, p->tokens * p->in, p->out * p->in};
    size_t bytes = (size_t)sizes[form] * sizeof(float);
    float *expected = malloc(bytes);
    double speeds[LIBRARIES][MOST_ROUNDS];
    for (int round = -1; round < rounds; round++)
        for (int library = 0; library < LIBRARIES; library++) {
            if (library == OPENBLAS_GEMV && (p->tokens > 1 || form == WEIGHT)) continue;
            double start = hd_clock(), now = start;
            int calls = 0;
            if (round < 0) memset(output[form], 0xff, bytes);
            run(library, p, form, primitives); /* wakes its threads */
            if (round < 0) {
                if (library == HEED) memcpy(expected, output[form], bytes);
                for (int64_t i = 0; i < sizes[form]; i++)
                    if (!(fabsf(output[form][i] - expected[i]) < 2e-3f)) {
                        fprintf(stderr, "library %d differs from heed: %g, %g\n", library, (double)output[form][i],
                                (double)expected[i]);
                        exit(1);
                    }
                continue;
            }
            /* until the system has given each thread a core of its own */
            while (hd_clock() - start < 0.015) run(library, p, form, primitives);
            for (start = now = hd_clock(); now - start < 0.03; calls++, now = hd_clock())
                run(library, p, form, primitives);
            speeds[library][round] = operations * calls / (now - start);
            usleep(50000);
        }
    double median[LIBRARIES] = {0};
    for (int library = 0; library < LIBRARIES; library++) {
        if (library == OPENBLAS_GEMV && (p->tokens > 1 || form == WEIGHT)) continue;
        qsort(speeds[library], (size_t)rounds, sizeof(double), ascending);
        median[library] = speeds[library][rounds / 2];
    }
    int onednn = median[ONEDNN_INNER] > median[ONEDNN_MATMUL] ? ONEDNN_INNER : ONEDNN_MATMUL;
    int openblas = median[OPENBLAS_GEMV] > median[OPENBLAS] ? OPENBLAS_GEMV : OPENBLAS;
    int shown[] = {HEED, onednn, openblas};
    printf("| %lld × %lld × %lld | %s |", (long long)p->tokens, (long long)p->in, (long long)p->out, names[form]);
    for (int i = 0; i < 3; i++)
        printf(" %.1f (%.1f to %.1f) |", median[shown[i]], speeds[shown[i]][0], speeds[shown[i]][rounds - 1]);
    printf(" %.2f |\n", median[HEED] / fmax(median[onednn], median[openblas]));
    fflush(stdout);
    for (int i = 0; i < 2; i++) close_primitive(&primitives[i]);
    free(expected);
}

int main(int count, char **arguments) {
    static const int64_t shapes[][3] = {{2048, 2048, 2048}, {64, 2048, 512},  {16, 512, 512},
                                        {1024, 256, 128},   {4096, 128, 256}, {1, 4096, 4096}};
    int threads = count > 1 ? atoi(arguments[1]) : 2, rounds = count > 2 ? atoi(arguments[2]) : 7;
    int only = count > 3 ? atoi(arguments[3]) : -1;
    if (threads < 1 || rounds < 1 || rounds > MOST_ROUNDS) return 2;
    if (heed_context_open(&context) != HEED_OK || heed_context_set_threads(context, threads) != HEED_OK) return 1;
    omp_set_num_threads(threads);
    openblas_set_num_threads(threads);
    check(dnnl_engine_create(&engine, dnnl_cpu, 0), "opening");
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "opening");
    const dnnl_version_t *version = dnnl_version();
    printf("%d thread%s; heed %s; oneDNN %d.%d.%d, instruction sets up to %#x; %s\n\n", threads, threads > 1 ? "s" : "",
           heed_context_instruction_set(context), version->major, version->minor, version->patch,
           (unsigned)dnnl_get_effective_cpu_isa(), openblas_get_config());
    puts(
        "| tokens × in × out | form | heed, GFLOP/s | oneDNN | OpenBLAS | heed / best |\n| --- | --- | --- | --- | --- "
        "| --- |");
    hd_float_environment found = hd_float_enter();
    for (size_t i = 0; i < HD_COUNT(shapes); i++) {
        if (only >= 0 && (size_t)only != i) continue;
        problem p = {.tokens = shapes[i][0], .in = shapes[i][1], .out = shapes[i][2]};
        int64_t padded = (p.out + HD_PANEL - 1) / HD_PANEL * HD_PANEL;
        p.x = numbers(p.tokens * p.in, 1), p.y = numbers(p.tokens * p.out, 2), p.weight = numbers(p.out * p.in, 3);
        p.panels = numbers(padded * p.in, 4), p.dx = numbers(p.tokens * p.in, 5), p.d_weight = numbers(p.out * p.in, 6);
        context->kernels->pack(p.weight, HD_F32, p.in, p.out, p.in, p.panels, 0, padded / HD_PANEL);
        float *y = p.y;
        for (int form = 0; form < FORMS; form++) {
            p.y = form == FORWARD ? p.d_weight : y; /* the gradients' input stays what it was */
            float *result = numbers(p.tokens * p.out, 7);
            if (form == FORWARD) p.y = result;
            compare(&p, form, rounds);
            free(result);
        }
        free(p.x), free(y), free(p.weight), free(p.panels), free(p.dx), free(p.d_weight);
    }
    hd_float_leave(found);
    heed_context_close(context);
    return 0;
}
