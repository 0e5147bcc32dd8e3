/* Pictures of architectures: of every golden folder of a family, of the shipped models and of all kinds of recurrent networks
 * every parameter is counted once, and no texts overlap. Those of one model of each kind equal their files in
 * tests/golden/pictures. */
#include "golden.h"

#include "failing.h"
#include "svg_texts.h"

#include "formats/json.h"
#include "inspect/architecture.h"
#include "models/model.h"

#include <dirent.h>
#include <string.h>

/* ---- checks of any picture ---- */

static heed_picture *open_picture(heed_context *context, const char *name) {
    heed_picture *picture;
    assert_ok(context, heed_inspect_architecture(context, name, &picture));
    return picture;
}

static void check_sums(const char *name, const hd_architecture_picture *a) {
    int64_t sum = 0;
    for (int i = 0; i < HD_SIDES; i++) {
        assert_true(a->side[i].count < HD_MOST_BOXES);
        for (int64_t b = 0; b < a->side[i].count; b++) sum += a->side[i].boxes[b].all;
    }
    if (sum != a->parameters)
        fail_msg("%s: the boxes have %lld parameters, the model %lld", name, (long long)sum, (long long)a->parameters);
}

static void check_svg(const char *name, const heed_picture *picture, hd_buffer *out) {
    hd_buffer_clear(out);
    assert_int_equal(hd_architecture_svg(picture, out), HEED_OK);
    assert_legible(name, out->data, 830);
}

static void check_json(const heed_picture *picture, hd_buffer *out) {
    hd_buffer_clear(out);
    assert_int_equal(hd_architecture_json(picture, out), HEED_OK);
    json_t *object = json_loads(out->data, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(object, "parameters")),
                     ((const hd_architecture_picture *)picture)->parameters);
    json_decref(object);
}

static void check_picture(const char *name, const heed_picture *picture) {
    hd_buffer out;
    hd_buffer_open(&out, picture->context);
    check_sums(name, (const hd_architecture_picture *)picture);
    check_svg(name, picture, &out);
    check_json(picture, &out);
    hd_buffer_clear(&out);
    assert_int_equal(hd_architecture_text(picture, true, 80, &out), HEED_OK);
    assert_null(strstr(out.data, "…")); /* nothing is cut */
    hd_buffer_close(&out);
}

/* ---- models ---- */

/* Draws every folder of a folder that has a config.json; returns their number. */
static int check_folders(heed_context *context, const char *folder) {
    struct dirent *entry;
    int count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL) {
        char path[700], config[800];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(config, sizeof config, "%s/config.json", path);
        if (entry->d_name[0] == '.' || !hd_file_exists(config)) continue;
        heed_picture *picture = open_picture(context, path);
        check_picture(entry->d_name, picture);
        heed_picture_close(picture);
        count++;
    }
    closedir(listing);
    return count;
}

static void every_family_is_drawn(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_true(check_folders(context, GOLDEN "/families") > 150);
    heed_context_close(context);
}

static void every_shipped_model_is_drawn(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_true(check_folders(context, PROJECT "/models") > 8);
    heed_context_close(context);
}

/* ---- recurrent networks ---- */

static void check_recipe(heed_context *context, const hd_recipe *recipe) {
    hd_network *network;
    hd_architecture_picture *picture;
    char name[64];
    snprintf(name, sizeof name, "cell %d, memory %d, %lld layers", recipe->cell, recipe->memory,
             (long long)recipe->side[HD_DECODER].layers);
    assert_ok(context, hd_network_open(context, recipe, &network));
    assert_ok(context, hd_architecture_open(network, "heed-rnn", &picture));
    check_picture(name, &picture->picture);
    heed_picture_close(&picture->picture);
    hd_network_close(network);
}

static void every_memory_is_drawn(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int cell = HD_ELMAN; cell <= HD_LSTM; cell++)
        for (int memory = HD_MEMORY_LAST; memory <= HD_MEMORY_LUONG_CONCAT; memory++)
            for (int64_t layers = 1; layers < 5; layers++) {
                hd_recipe recipe = {.architecture = HD_RECURRENT,
                                    .vocabulary = 1234567,
                                    .width = 64,
                                    .cell = cell,
                                    .memory = memory,
                                    .bidirectional = layers % 2 == 0};
                for (int i = 0; i < HD_SIDES; i++) recipe.side[i].layers = layers, recipe.side[i].max_positions = 50;
                check_recipe(context, &recipe);
                recipe.side[HD_ENCODER].layers = layers % 3 + 1;
                check_recipe(context, &recipe);
                recipe.side[layers > 2 ? HD_ENCODER : HD_DECODER].layers = 0;
                check_recipe(context, &recipe);
                recipe.self_attends = true;
                check_recipe(context, &recipe);
            }
    heed_context_close(context);
}

static void heads_of_recurrent_networks_are_drawn(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int head = HD_HEAD_LANGUAGE; head < HD_HEAD_ANSWER; head++)
        for (int pooling = HD_POOL_FIRST; pooling <= HD_POOL_LAST; pooling++) {
            hd_recipe recipe = {.architecture = HD_RECURRENT,
                                .vocabulary = 100,
                                .width = 16,
                                .cell = HD_LSTM,
                                .bidirectional = true,
                                .head = head,
                                .labels = 7,
                                .pooling = pooling,
                                .crf = head == HD_HEAD_CLASSIFY_TOKENS && pooling};
            recipe.side[HD_ENCODER] = (hd_side_recipe){.layers = 2, .max_positions = 50};
            check_recipe(context, &recipe);
        }
    heed_context_close(context);
}

/* ---- exact pictures, memory ---- */

static void pictures_equal_their_files(void **state) {
    (void)state;
    static const char *const names[] = {"multi30k-en-de", "multi30k-en-fr-gru", "shakespeare",
                                        "sst2-bert",      "entities",           "heed-chat"};
    heed_context *context = open_context();
    hd_buffer text, svg;
    hd_buffer_open(&text, context), hd_buffer_open(&svg, context);
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/models/%s", PROJECT, names[i]);
        heed_picture *picture = open_picture(context, path);
        assert_int_equal(hd_architecture_text(picture, false, 80, &text), HEED_OK);
        hd_buffer_byte(&text, '\n');
        if (i < 3) assert_int_equal(hd_architecture_svg(picture, &svg), HEED_OK);
        heed_picture_close(picture);
    }
    assert_golden("pictures/architecture.txt", &text);
    assert_golden("pictures/architecture.svg.txt", &svg);
    hd_buffer_close(&text), hd_buffer_close(&svg);
    heed_context_close(context);
}

static heed_status draw_all(heed_context *context) {
    heed_picture *picture;
    hd_buffer out;
    hd_buffer_open(&out, context);
    heed_status status = heed_inspect_architecture(context, GOLDEN "/marian", &picture);
    if (status == HEED_OK) status = hd_architecture_text(picture, false, 80, &out);
    if (status == HEED_OK) status = hd_architecture_svg(picture, &out);
    if (status == HEED_OK) status = hd_architecture_json(picture, &out);
    heed_picture_close(picture);
    hd_buffer_close(&out);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_each_allocation(draw_all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_drawn),      cmocka_unit_test(every_shipped_model_is_drawn),
        cmocka_unit_test(every_memory_is_drawn),      cmocka_unit_test(heads_of_recurrent_networks_are_drawn),
        cmocka_unit_test(pictures_equal_their_files), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
