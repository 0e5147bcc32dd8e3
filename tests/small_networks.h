/* Small networks with random weights, for tests that run on each: Transformers and recurrent networks, translators and
 * language models. */
#ifndef TESTS_SMALL_NETWORKS_H
#define TESTS_SMALL_NETWORKS_H

#include "fixture.h"

#include "models/family.h"
#include "models/model.h"

#include <stdio.h>
#include <string.h>

typedef struct small_network {
    const char *name;
    bool recurrent; /* a case of tests/golden/recurrent, else a folder of tests/golden */
} small_network;

static const small_network small_networks[] = {
    {"families/gpt2", false}, /* 16 positions: the window slides; stored as transposed matrices in parts */
    {"families/llama-grouped", false}, {"marian", false},           {"families/t5", false},
    {"families/umt5", false},          {"gru-luong-general", true}, {"gru-bahdanau", true},
    {"lstm-language-model", true},     {"families/gemma2", false}, /* windows and caps */
    {"gru-self-attention", true},
};

/* What tests embed in a fixture of their own. */
typedef struct opened_network {
    heed_context *context;
    heed_model *model; /* of a folder, or NULL */
    hd_network *network;
} opened_network;

static inline void open_recurrent_network(opened_network *o, const char *name) {
    hd_json json, config = {.context = o->context, .path = (char *)(uintptr_t) "cases.json"};
    hd_recipe recipe;
    size_t i;
    json_t *one;
    assert_ok(o->context, hd_json_open(o->context, GOLDEN "/recurrent/cases.json", &json));
    json_array_foreach(json_object_get(json.root, "cases"), i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0) continue;
        config.root = json_object_get(one, "config");
        assert_ok(o->context, hd_family_read(&hd_heed_rnn, &config, &recipe));
        assert_ok(o->context, hd_network_open(o->context, &recipe, &o->network));
        assert_ok(o->context, hd_network_initialize(o->network, 3));
    }
    hd_json_close(&json);
}

/* Opens a network in the fixture's context. */
static inline void open_network(opened_network *o, const small_network *which, hd_open_purpose purpose) {
    if (which->recurrent) {
        open_recurrent_network(o, which->name);
        return;
    }
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GOLDEN, which->name);
    assert_ok(o->context, hd_model_open_untokenized(o->context, path, purpose, &o->model));
    o->network = o->model->network;
}

static inline void close_network(opened_network *o) {
    if (o->model)
        hd_model_close(o->model);
    else
        hd_network_close(o->network);
    heed_context_close(o->context);
}

#endif
