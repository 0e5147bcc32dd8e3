#include "models/weight_names.h"

#include <stdlib.h>
#include <string.h>

/* Where a multimodal folder has the weights of its text model: the start of a name, and what is there instead. From
 * transformers' conversion_mapping.py, and what its versions before 5 wrote. */
static const hd_respelling places[] = {
    {"", ""},
    {"model.", "model.language_model."},
    {"model.", "language_model.model."},
    {"model.", "model.text_model."},
    {"model.", "language_model."},
    {"", "language_model."},
};

/* Puts the name at another place; false if it does not begin as the place's names do. */
static bool move_to(hd_buffer *name, const hd_respelling *place) {
    size_t start = strlen(place->now);
    if (!name->data || strncmp(name->data, place->now, start) != 0) return false;
    hd_buffer moved;
    hd_buffer_open(&moved, name->context);
    hd_buffer_text(&moved, place->other);
    hd_buffer_text(&moved, name->data + start);
    hd_buffer_close(name);
    *name = moved;
    return true;
}

/* Looks the name up in one spelling, at each place. */
static void find_at_places(const heed_model *model, const hd_weights *weights, const hd_buffer *name,
                           const hd_stored_tensor **stored, bool *failed) {
    size_t count = model->nested ? HD_COUNT(places) : 1;
    for (size_t i = 0; i < count && !*stored && !*failed; i++) {
        hd_buffer moved;
        hd_buffer_open(&moved, name->context);
        hd_buffer_append(&moved, name->data, name->size);
        bool fits = move_to(&moved, &places[i]);
        *failed = moved.failed;
        if (fits && !*failed) *stored = hd_weights_find(weights, moved.data);
        hd_buffer_close(&moved);
    }
}

heed_status hd_weight_find_named(const heed_model *model, const hd_weights *weights, const char *name,
                                 const hd_stored_tensor **stored) {
    hd_buffer spelled;
    bool failed = false;
    hd_buffer_open(&spelled, model->context);
    *stored = NULL;
    for (unsigned set = 0; !*stored && !failed; set++) {
        hd_buffer_clear(&spelled);
        hd_buffer_text(&spelled, name);
        if (!hd_family_respell(model->family, set, &spelled)) break;
        failed = spelled.failed;
        if (!failed) find_at_places(model, weights, &spelled, stored, &failed);
    }
    hd_buffer_close(&spelled);
    return failed ? HEED_MEMORY : HEED_OK;
}

static heed_status find_form(const heed_model *model, const hd_weights *weights, const hd_slot *slot,
                             const hd_weight_name *form, const hd_stored_tensor **stored) {
    hd_buffer name;
    hd_buffer_open(&name, model->context);
    hd_weight_name_of(form, slot, &name);
    heed_status status = name.failed ? HEED_MEMORY : HEED_OK;
    if (status == HEED_OK) status = hd_weight_find_named(model, weights, name.data ? name.data : "", stored);
    hd_buffer_close(&name);
    return status;
}

/* The first form of a slot that the files have, and its tensor; else the form that heed writes, and NULL. */
static heed_status find_slot(const heed_model *model, const hd_weights *weights, const hd_slot *slot,
                             const hd_weight_name **form, const hd_stored_tensor **stored) {
    const hd_weight_name *other;
    *stored = NULL;
    *form = hd_family_weight(model->family, slot);
    for (int i = 0; !*stored && (other = hd_family_other_weight(model->family, slot, i)) != NULL; i++) {
        HD_TRY(find_form(model, weights, slot, other, stored));
        if (*stored) *form = other;
    }
    return HEED_OK;
}

heed_status hd_weight_find_spelled(const heed_model *model, const hd_weights *weights, const hd_slot *slot,
                                   const hd_stored_tensor **stored) {
    const hd_weight_name *form;
    return find_slot(model, weights, slot, &form, stored);
}

/* An embedding under its other names. One of a decoder alone may be stored as the output table. */
static heed_status find_embedding(const heed_model *model, const hd_weights *weights, hd_network_side side,
                                  const hd_stored_tensor **stored) {
    static const hd_slot output = {HD_SHARED, HD_MODULE_TOKEN_OUTPUT, .part = HD_WEIGHT};
    if (side == HD_DECODER) return hd_weight_find_spelled(model, weights, &output, stored);
    for (const hd_family *f = model->family; f && side == HD_SHARED; f = f->base)
        for (size_t i = 0; f->aliases && f->aliases[i] && !*stored; i++)
            HD_TRY(hd_weight_find_named(model, weights, f->aliases[i], stored));
    return HEED_OK;
}

heed_status hd_weight_find(const heed_model *model, const hd_weights *weights, int64_t index, bool optional,
                           const hd_weight_name **form, const hd_stored_tensor **stored) {
    const hd_slot *slot = &model->network->slots[index];
    HD_TRY(find_slot(model, weights, slot, form, stored));
    if (!*stored && slot->module == HD_MODULE_EMBEDDING && !model->network->recipe.untied)
        HD_TRY(find_embedding(model, weights, slot->side, stored));
    if (*stored || optional) return HEED_OK;
    hd_buffer name;
    hd_buffer_open(&name, model->context);
    hd_family_stored_name(model->family, model->network->recipe.head, slot, &name);
    heed_status status = name.failed ? HEED_MEMORY : hd_weights_require(weights, name.data, stored);
    hd_buffer_close(&name);
    return status;
}

/* ---- parts of a tensor -------------------------------------------------------------------------------------------- */

/* Whether a slot may be stored as the numbered part of the tensor that another one is a part of in this form. */
static bool is_part(const heed_model *model, const hd_slot *slot, const hd_weight_name *form, int part) {
    const hd_weight_name *own;
    for (int i = 0; (own = hd_family_other_weight(model->family, slot, i)) != NULL; i++)
        if (own->parts && own->part == part && strcmp(own->name, form->name) == 0) return true;
    return false;
}

const hd_parameter *hd_weight_part(const heed_model *model, int64_t index, const hd_weight_name *form, int part) {
    const hd_network *network = model->network;
    const hd_slot *of = &network->slots[index];
    for (int64_t i = 0; i < network->count; i++) {
        const hd_slot *slot = &network->slots[i];
        if (slot->side != of->side || slot->layer != of->layer || slot->part != of->part) continue;
        if (is_part(model, slot, form, part)) return network->parameters[i];
    }
    return NULL;
}

int64_t hd_weight_rows(const heed_model *model, int64_t index, const hd_weight_name *form, int64_t *first) {
    const hd_parameter *own = model->network->parameters[index];
    int64_t rows = 0;
    *first = 0;
    for (int part = 0; part < (form->parts ? form->parts : 1); part++) {
        const hd_parameter *p = form->parts ? hd_weight_part(model, index, form, part) : own;
        if (part == form->part) *first = rows;
        if (p) rows += p->dimensions == 1 ? p->columns : p->rows;
    }
    return rows;
}

/* ---- tensors that are not used ------------------------------------------------------------------------------------ */

/* Ends of the names of buffers: masks, positions and rotary frequencies, which are the same in every model, and sinusoids,
 * which heed computes. transformers ignores them by _keys_to_ignore_on_load_unexpected and as buffers that are not saved. */
static const char *const buffers[] = {
    "attn.bias",
    "attn.masked_bias",
    "attention.bias",
    "attention.masked_bias",
    "rotary_emb.inv_freq",
    "position_ids",
    "embed_positions.weight",
    "token_type_ids",
    "encoder.version",
    "decoder.version",
    "embed_positions._float_tensor",
    "EncDecAttention.relative_attention_bias.weight", /* of old files of T5 */
};

static bool is_buffer(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < HD_COUNT(buffers); i++) {
        size_t size = strlen(buffers[i]);
        if (length < size || strcmp(name + length - size, buffers[i]) != 0) continue;
        if (length == size || name[length - size - 1] == '.') return true;
    }
    return false;
}

/* Tensors that are used. */
typedef struct used_set {
    const heed_model *model;
    const hd_weights *weights;
    const hd_stored_tensor **tensors;
    size_t count, capacity;
} used_set;

static heed_status use(used_set *used, const hd_stored_tensor *tensor) {
    if (!tensor) return HEED_OK;
    if (!hd_grow(used->model->context, &used->tensors, &used->capacity, used->count + 1, sizeof tensor))
        return HEED_MEMORY;
    used->tensors[used->count++] = tensor;
    return HEED_OK;
}

static heed_status use_named(used_set *used, const char *name) {
    const hd_stored_tensor *tensor;
    HD_TRY(hd_weight_find_named(used->model, used->weights, name, &tensor));
    return use(used, tensor);
}

/* Those of parameters, and those that are equal to them. */
static heed_status find_used(used_set *used) {
    const hd_weight_name *form;
    const hd_stored_tensor *tensor;
    for (int64_t i = 0; i < used->model->network->count; i++) {
        HD_TRY(hd_weight_find(used->model, used->weights, i, true, &form, &tensor));
        HD_TRY(use(used, tensor));
    }
    for (const hd_family *f = used->model->family; f; f = f->base) {
        for (size_t i = 0; f->aliases && f->aliases[i]; i++) HD_TRY(use_named(used, f->aliases[i]));
        for (const hd_tied_pair *pair = f->tied; pair && pair->one; pair++) {
            HD_TRY(use_named(used, pair->one));
            HD_TRY(use_named(used, pair->other));
        }
    }
    return HEED_OK;
}

static int compare_addresses(const void *left, const void *right) {
    uintptr_t a = (uintptr_t) * (const hd_stored_tensor *const *)left;
    uintptr_t b = (uintptr_t) * (const hd_stored_tensor *const *)right;
    return (a > b) - (a < b);
}

static void note_others(const used_set *used) {
    for (size_t i = 0; i < hd_weights_count(used->weights); i++) {
        const hd_stored_tensor *t = hd_weights_at(used->weights, i);
        if (is_buffer(t->name) || bsearch(&t, used->tensors, used->count, sizeof *used->tensors, compare_addresses))
            continue;
        hd_note(used->model->context, "%s: tensor \"%s\" %s is not used", t->file, t->name,
                hd_shape_show(t->dimensions, t->shape).text);
    }
}

heed_status hd_weights_note_extra(const heed_model *model, const hd_weights *weights) {
    if (!model->context->log || !model->context->verbose) return HEED_OK;
    used_set used = {.model = model, .weights = weights};
    heed_status status = find_used(&used);
    if (status == HEED_OK && used.count) {
        qsort(used.tensors, used.count, sizeof *used.tensors, compare_addresses);
        note_others(&used);
    }
    hd_free(model->context, used.tensors);
    return status;
}
