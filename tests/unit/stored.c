/* Models in each element type that weights are stored in: results have the bits of the same numbers stored in float32, an opened
 * model is in memory once, and its file is not read again. Every family, with each of its heads. */
#include "fixture.h"
#include "remote_device.h"

#include "base/file.h"
#include "device/cpu/pack.h"
#include "models/model.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS = 40, SEQUENCES = 2, LABELS = 35 };

static char folder[64];

static const char *in_folder(const char *name, const char *file) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s%s%s", folder, name, file ? "/" : "", file ? file : "");
    return path;
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static int make_folder(void **state) {
    (void)state;
    /* in memory, where a file is synchronized at once */
    snprintf(folder, sizeof folder, "%s/heed-stored-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the models ---- */

typedef struct every_model {
    int64_t vocabulary, width, ffn_width;
    bool wide;             /* "wide" is saved as well */
    const hd_family *only; /* or NULL */
    bool firsts;           /* only the first head of each family */
    heed_context *context;
    int family, head, sides, dtype;
    bool first; /* of the heads of its family */
    int first_head, first_sides;
    const hd_family *of;
    hd_recipe recipe;
} every_model;

/* A recipe of the family with this head and these sides; false when there is none. */
static bool small_recipe(every_model *m) {
    bool has, encoder = m->sides & 1, decoder = m->sides & 2;
    assert_ok(m->context, hd_family_has(m->context, m->of, (hd_head)m->head, encoder, decoder, &has));
    if (!has) return false;
    const hd_token_ids ids = {.pad = 1, .eos = 2, .decoder_start = 1};
    assert_ok(m->context, hd_family_default(m->context, m->of, (hd_head)m->head, &ids, &m->recipe));
    m->recipe.vocabulary = m->vocabulary, m->recipe.width = m->width;
    if (m->recipe.embedding_width) m->recipe.embedding_width = m->width / 2;
    m->recipe.labels = hd_head_classifies((hd_head)m->head) ? LABELS : 0;
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &m->recipe.side[i];
        side->layers = (i == HD_ENCODER ? encoder : decoder) ? 2 : 0;
        side->heads = 2, side->ffn_width = m->ffn_width, side->max_positions = 64;
        side->key_heads = side->key_heads ? 1 : 0;
    }
    return true;
}

/* Saves a new model as "stored", and the same numbers in float32 as "wide". */
static void save_both(const every_model *m) {
    heed_context *context = m->context;
    heed_model *model;
    const char *labels[LABELS];
    char texts[LABELS][8];
    for (int i = 0; i < LABELS; i++) {
        snprintf(texts[i], sizeof texts[i], "L%d", i);
        labels[i] = texts[i];
    }
    assert_ok(context, hd_model_make(context, m->of, &m->recipe, NULL, 5, &model));
    if (m->recipe.labels) assert_ok(context, hd_labels_set(model, labels));
    assert_ok(context, hd_model_save(model, in_folder("stored", NULL), (hd_dtype)m->dtype, "a card"));
    hd_model_close(model);
    if (!m->wide) return;
    assert_ok(context, hd_model_open_untokenized(context, in_folder("stored", NULL), HD_OPEN_TO_TRAIN, &model));
    assert_ok(context, hd_model_save(model, in_folder("wide", NULL), HD_F32, "a card"));
    hd_model_close(model);
}

/* Saves the next model of all families, heads, sides and element types; false after the last. */
static bool next_model(every_model *m) {
    if (!m->context) m->context = open_context(), m->sides = 0, m->dtype = HD_BF16;
    for (;;) {
        if (++m->dtype > HD_BF16) m->dtype = HD_F32, m->sides++;
        if (m->sides > 3) m->sides = 1, m->head++;
        if (m->head >= HD_HEADS) m->head = m->first_sides = 0, m->family++;
        m->of = hd_families[m->family];
        if (!m->of) {
            heed_context_close(m->context);
            return false;
        }
        if ((m->only && m->of != m->only) || !small_recipe(m)) continue;
        if (!m->first_sides) m->first_head = m->head, m->first_sides = m->sides;
        m->first = m->head == m->first_head && m->sides == m->first_sides;
        if (m->firsts && !m->first) continue;
        save_both(m);
        return true;
    }
}

/* ---- results ---- */

/* How a model is opened and run. */
typedef struct manner {
    const hd_device *device;
    int threads;
    bool bf16;
} manner;

typedef struct opened {
    heed_context *context;
    heed_model *model;
} opened;

static opened open_model(const char *name, const manner *how) {
    opened o = {.context = open_context()};
    o.context->device = how->device;
    o.context->threads = how->threads;
    o.context->small_work = 0;
    o.context->bf16 = how->bf16;
    assert_ok(o.context, hd_model_open_untokenized(o.context, in_folder(name, NULL), HD_OPEN_TO_RUN, &o.model));
    return o;
}

static void close_opened(opened *o) {
    hd_model_close(o->model);
    heed_context_close(o->context);
}

/* Logits of two texts, or their states without a head, which the caller frees. */
static float *logits_of(const opened *o, int64_t *count) {
    int32_t ids[TOKENS], starts[] = {0, 3, TOKENS};
    for (int32_t i = 0; i < TOKENS; i++) ids[i] = 5 + i * 73 % 290;
    hd_layout layout = {SEQUENCES, starts, NULL, NULL};
    hd_input input = {.ids = ids};
    const hd_network *network = o->model->network;
    const hd_side_recipe *side = network->recipe.side;
    hd_pass pass;
    hd_pass_open(&pass, o->context, NULL);
    hd_tensor *states = side[HD_ENCODER].layers ? hd_network_encode(network, &pass, &input, &layout) : NULL;
    if (side[HD_DECODER].layers) states = hd_network_decode(network, &pass, &input, &layout, states);
    hd_tensor *logits = hd_network_head(network, &pass, states);
    if (network->output) logits = hd_network_logits(network, &pass, logits, 0, network->output->rows);
    if (!logits) fail_msg("%s: %s", o->model->family->model_type, o->context->message);
    *count = hd_tensor_count(logits);
    const float *numbers = hd_pass_download(&pass, logits->data, *count);
    assert_non_null(numbers);
    float *copy = malloc((size_t)*count * sizeof *copy);
    memcpy(copy, numbers, (size_t)*count * sizeof *copy);
    hd_pass_close(&pass);
    return copy;
}

/* Writes other numbers into the file of weights. */
static void spoil(const char *path) {
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    for (long i = 0; i < size; i++) fputc(0x11, file);
    assert_int_equal(fclose(file), 0);
}

static void logits_are_those_of_float32(void **state) {
    (void)state;
    static const manner manners[] = {{&hd_device_cpu, 1, false},
                                     {&hd_device_cpu, 3, false},
                                     {&hd_device_cpu, 2, true},
                                     {&remote_device, 2, false},
                                     {&remote_device, 1, true}};
    int models = 0;
    /* rows are no multiples of a panel */
    for (every_model m = {.vocabulary = 299, .width = 72, .ffn_width = 145, .wide = true}; next_model(&m); models++)
        for (size_t i = m.first ? 0 : HD_COUNT(manners) - 1; i < HD_COUNT(manners); i++) {
            opened a = open_model("stored", &manners[i]), b = open_model("wide", &manners[i]);
            bool last = i == HD_COUNT(manners) - 1;
            if (last) spoil(in_folder("stored", "model.safetensors"));
            int64_t count, wide_count;
            float *stored = logits_of(&a, &count), *wide = logits_of(&b, &wide_count);
            assert_int_equal(count, wide_count);
            if (memcmp(stored, wide, (size_t)count * sizeof *stored) != 0)
                fail_msg("%s with head %d in %s: other logits, in manner %zu", m.of->model_type, m.head,
                         hd_dtype_name((hd_dtype)m.dtype), i);
            free(stored), free(wide);
            close_opened(&a), close_opened(&b);
        }
    assert_true(models >= 3 * 14);
}

/* ---- memory ---- */

typedef struct counter {
    size_t live, most;
} counter;

enum { HEADER = 64 }; /* before each block: its size */

static void *count_bytes(void *user, void *pointer, size_t size) {
    counter *c = user;
    char *block = pointer ? (char *)pointer - HEADER : NULL;
    size_t before = 0;
    if (block) memcpy(&before, block, sizeof before);
    c->live -= before;
    if (!size) {
        free(block);
        return NULL;
    }
    block = realloc(block, size + HEADER);
    assert_non_null(block);
    memcpy(block, &size, sizeof size);
    c->live += size;
    if (c->live > c->most) c->most = c->live;
    return block + HEADER;
}

static size_t file_size(heed_context *context) {
    hd_map map;
    assert_ok(context, hd_map_open(context, in_folder("stored", "model.safetensors"), &map));
    size_t size = map.size;
    hd_map_close(&map);
    return size;
}

/* Whether this process has mapped the file. */
static bool is_mapped(const char *path) {
    char line[1024];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, path) != NULL;
    if (maps) fclose(maps);
    return found;
}

/* In its own element type, tied matrices once, and without copies while it is opened. */
static void a_model_is_in_memory_once(void **state) {
    (void)state;
    enum { FIXED = 1 << 18 }; /* what does not grow with the weights */
    for (every_model m = {.vocabulary = 2999, .width = 128, .ffn_width = 512, .firsts = true}; next_model(&m);) {
        counter c = {0};
        heed_context *context;
        heed_model *model;
        assert_int_equal(heed_context_open_with(count_bytes, &c, &context), HEED_OK);
        context->threads = 2;
        size_t before = c.live, size = file_size(context);
        c.most = 0;
        assert_ok(context, hd_model_open_untokenized(context, in_folder("stored", NULL), HD_OPEN_TO_RUN, &model));
        if (c.most - before > size + size / 50 + FIXED)
            fail_msg("%s with head %d in %s takes %zu bytes, its file %zu", m.of->model_type, m.head,
                     hd_dtype_name((hd_dtype)m.dtype), c.most - before, size);
        assert_false(is_mapped(in_folder("stored", "model.safetensors")));
        hd_model_close(model);
        assert_int_equal(c.live, before);
        heed_context_close(context);
    }
}

/* ---- packing ---- */

static unsigned char *released, *released_from;
static size_t released_size;

/* Bytes of the stored numbers alone may be released, on any thread. */
static void release(const void *bytes, size_t size) {
    size_t at = (size_t)((const unsigned char *)bytes - released_from);
    assert_true(at <= released_size && size <= released_size - at);
    for (size_t i = 0; i < size; i++) __atomic_store_n(&released[at + i], 1, __ATOMIC_RELAXED);
}

/* One of `parts` matrices [rows, columns] that are stored one after the other, or side by side and transposed. */
static void pack_case(hd_dtype dtype, int64_t rows, int64_t columns, int part, int parts, bool transposed, bool table,
                      bool tied) {
    size_t size = hd_dtype_size(dtype), count = (size_t)(rows * columns * parts), offset = 3; /* at an odd address */
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    context->threads = 3;
    context->small_work = 0;
    context->bf16 = tied; /* products read rounded numbers, but rows are exact */
    unsigned char *memory = malloc(count * size + offset), *stored = memory + offset;
    float *expected = malloc((size_t)(rows * columns) * sizeof *expected), *row = malloc((size_t)columns * sizeof *row);
    for (size_t i = 0; i < count; i++) {
        float value = (float)(i * 37 % 1009) / 64.0f - 7.0f;
        hd_dtypes[dtype].narrow(&value, stored + i * size, 1);
    }
    int64_t first = transposed ? part * rows : part * rows * columns;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t at = first + (transposed ? c * rows * parts + r : r * columns + c);
            hd_dtypes[dtype].widen(stored + (size_t)at * size, &expected[r * columns + c], 1);
        }
    hd_parameter p = {.name = "weight",
                      .rows = rows,
                      .columns = columns,
                      .dimensions = 2,
                      .multiplied = !table || tied,
                      .looked_up = table,
                      .stored = stored + (size_t)first * size,
                      .stored_stride = transposed ? rows * parts : 0,
                      .dtype = dtype};
    hd_parameter *all[] = {&p};
    int64_t stored_rows = transposed ? columns : rows, stride = transposed ? rows * parts : columns;
    released_size = (size_t)((stored_rows - 1) * stride + (transposed ? rows : columns)) * size;
    released = calloc(released_size, 1), released_from = (unsigned char *)(uintptr_t)p.stored;
    assert_ok(context, context->device->pack(context, &arena, &(hd_pack_call){all, 1, release}));
    for (size_t i = 0; i < released_size; i++) assert_int_equal(released[i], 1);
    memset(memory, 0xff, count * size + offset); /* it is not read again */
    for (int64_t r = 0; r < rows; r++) {
        hd_cpu_row(&p, r, row);
        assert_memory_equal(row, expected + r * columns, (size_t)columns * sizeof *row);
    }
    free(released), free(memory), free(expected), free(row);
    hd_arena_close(&arena);
    heed_context_close(context);
}

static void what_is_packed_is_released(void **state) {
    (void)state;
    static const int64_t shapes[][2] = {{2, 1}, {33, 7}, {64, 64}, {1100, 601}, {601, 1100}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++)
        for (int dtype = HD_F32; dtype <= HD_BF16; dtype++)
            for (int part = 0; part < 3; part++) {
                pack_case((hd_dtype)dtype, shapes[i][0], shapes[i][1], part, 3, false, false, false);
                pack_case((hd_dtype)dtype, shapes[i][0], shapes[i][1], part, 3, true, false, false);
                pack_case((hd_dtype)dtype, shapes[i][0], shapes[i][1], part, 3, false, true, false);
                pack_case((hd_dtype)dtype, shapes[i][0], shapes[i][1], part, 3, false, true, true);
            }
}

/* ---- numbers that are not finite ---- */

/* Opens the stored model with other bytes in one element of a tensor. */
static heed_status open_with(heed_context *context, const char *tensor, size_t element, uint32_t bits,
                             int64_t *column) {
    hd_safetensors *file;
    heed_model *model;
    const char *path = in_folder("stored", "model.safetensors");
    assert_ok(context, hd_safetensors_open(context, path, &file));
    const hd_stored_tensor *stored = hd_safetensors_find(file, tensor);
    const hd_stored_tensor *first = hd_safetensors_at(file, 0);
    size_t size = hd_dtype_size(stored->dtype), all = 0;
    for (size_t i = 0; i < hd_safetensors_count(file); i++) all += hd_safetensors_at(file, i)->bytes;
    long data = (long)(file_size(context) - all);
    long at = data + (long)((const char *)stored->data - (const char *)first->data) + (long)(element * size);
    *column = (int64_t)element % stored->shape[stored->dimensions - 1];
    hd_safetensors_close(file);
    unsigned char before[4];
    FILE *bytes = fopen(path, "r+");
    assert_int_equal(fseek(bytes, at, SEEK_SET) + (fread(before, size, 1, bytes) != 1) + fseek(bytes, at, SEEK_SET), 0);
    assert_int_equal(fwrite(&bits, size, 1, bytes), 1);
    assert_int_equal(fclose(bytes), 0);
    heed_status status = hd_model_open_untokenized(context, in_folder("stored", NULL), HD_OPEN_TO_RUN, &model);
    if (status == HEED_OK) hd_model_close(model);
    bytes = fopen(path, "r+");
    assert_int_equal(fseek(bytes, at, SEEK_SET), 0);
    assert_int_equal(fwrite(before, size, 1, bytes), 1);
    assert_int_equal(fclose(bytes), 0);
    return status;
}

static void weights_are_finite(void **state) {
    (void)state;
    static const uint32_t infinity[] = {0x7f800000, 0x7c00, 0x7f80}, nan[] = {0xffc00001, 0xfe01, 0xffc1};
    static const uint32_t largest[] = {0x7f7fffff, 0x7bff, 0x7f7f};
    static const char *const tensors[] = {"transformer.wte.weight", "transformer.wpe.weight",
                                          "transformer.h.1.attn.c_attn.weight", "transformer.h.0.mlp.c_proj.weight",
                                          "transformer.h.1.ln_2.bias"};
    for (every_model m = {.vocabulary = 2999, .width = 72, .ffn_width = 145, .only = &hd_gpt2}; next_model(&m);) {
        for (size_t i = 0; i < HD_COUNT(tensors); i++)
            for (size_t element = 0; element < 72; element += 71) {
                int64_t column;
                char place[200];
                heed_context *context = m.context;
                /* without a head, names have no prefix */
                const char *tensor = tensors[i] + (m.head == HD_HEAD_NONE ? strlen("transformer.") : 0);
                assert_int_equal(open_with(context, tensor, element, largest[m.dtype], &column), HEED_OK);
                assert_int_equal(open_with(context, tensor, element, nan[m.dtype], &column), HEED_NUMERIC);
                assert_int_equal(open_with(context, tensor, element, infinity[m.dtype], &column), HEED_NUMERIC);
                snprintf(place, sizeof place, "tensor \"%s\" has a NaN or an infinity at [0, %lld]", tensor,
                         (long long)column);
                if (!strstr(heed_context_message(context), place))
                    fail_msg("\"%s\" lacks %s", heed_context_message(context), place);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_float32), cmocka_unit_test(a_model_is_in_memory_once),
        cmocka_unit_test(what_is_packed_is_released), cmocka_unit_test(weights_are_finite)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
