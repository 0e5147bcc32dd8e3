#include "formats/sentencepiece.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* ---- protocol buffers (https://protobuf.dev/programming-guides/encoding) -------------------------------------- */

typedef struct reader {
    const uint8_t *at, *end;
} reader;

typedef enum wire_type { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 } wire_type;

/* One field of a message. */
typedef struct field {
    uint32_t number;
    wire_type type;
    uint64_t value; /* of a varint or fixed number */
    reader bytes;   /* of WIRE_BYTES */
} field;

static bool read_varint(reader *it, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && it->at < it->end; shift += 7) {
        uint8_t byte = *it->at++;
        if (shift < 64) *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool read_fixed(reader *it, size_t size, uint64_t *value) {
    *value = 0;
    if ((size_t)(it->end - it->at) < size) return false;
    for (size_t i = 0; i < size; i++) *value |= (uint64_t)*it->at++ << (8 * i);
    return true;
}

/* Reads the next field; false when it is damaged. Groups, which no version of the format uses, count as damage. */
static bool read_field(reader *it, field *out) {
    uint64_t key, size;
    if (!read_varint(it, &key) || key > UINT32_MAX || key >> 3 == 0) return false;
    *out = (field){.number = (uint32_t)(key >> 3), .type = (wire_type)(key & 7)};
    switch (out->type) {
        case WIRE_VARINT:
            return read_varint(it, &out->value);
        case WIRE_64:
            return read_fixed(it, 8, &out->value);
        case WIRE_32:
            return read_fixed(it, 4, &out->value);
        case WIRE_BYTES:
            if (!read_varint(it, &size) || size > (uint64_t)(it->end - it->at)) return false;
            out->bytes = (reader){it->at, it->at + size};
            it->at += size;
            return true;
        default:
            return false;
    }
}

/* Fields of another wire type than expected are skipped, as unknown fields are. */
static void set_bool(const field *from, bool *to) {
    if (from->type == WIRE_VARINT) *to = from->value != 0;
}

static void set_int(const field *from, int32_t *to) {
    if (from->type == WIRE_VARINT) *to = (int32_t)(uint32_t)from->value;
}

static void set_text(const field *from, hd_file_text *to) {
    if (from->type == WIRE_BYTES)
        *to = (hd_file_text){(const char *)from->bytes.at, (size_t)(from->bytes.end - from->bytes.at)};
}

static void set_float(const field *from, float *to) {
    uint32_t bits = (uint32_t)from->value;
    if (from->type == WIRE_32) memcpy(to, &bits, sizeof bits);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static heed_status damaged(const hd_sentencepiece *model, const char *where) {
    return hd_fail(model->context, HEED_FORMAT, "not a SentencePiece model: %s is damaged", where);
}

/* sentencepiece never makes a piece with U+0000, which the vocabulary of a tokenizer.json could not have. */
static bool is_text(hd_file_text text) {
    return text.size && !memchr(text.data, 0, text.size) && hd_utf8_valid(text.data, text.size);
}

static heed_status read_piece(hd_sentencepiece *model, reader in) {
    hd_piece piece = {.text = {"", 0}, .type = HD_PIECE_NORMAL};
    field it;
    while (in.at < in.end) {
        if (!read_field(&in, &it)) return damaged(model, "a token");
        if (it.number == 1) set_text(&it, &piece.text);
        if (it.number == 2) set_float(&it, &piece.score);
        if (it.number == 3) set_int(&it, &piece.type);
    }
    if (!is_text(piece.text) || !isfinite(piece.score))
        return hd_fail(model->context, HEED_FORMAT,
                       "token %zu is empty, not UTF-8, or its score is not a finite number", model->count);
    if (!hd_grow(model->context, &model->pieces, &model->capacity, model->count + 1, sizeof piece)) return HEED_MEMORY;
    model->pieces[model->count++] = piece;
    return HEED_OK;
}

static heed_status read_trainer(hd_sentencepiece *model, reader in) {
    field it;
    while (in.at < in.end) {
        if (!read_field(&in, &it)) return damaged(model, "trainer_spec");
        if (it.number == 3) set_int(&it, &model->model_type);
        if (it.number == 35) set_bool(&it, &model->byte_fallback);
        if (it.number == 40) set_int(&it, &model->unknown_id);
        if (it.number == 41) set_int(&it, &model->bos_id);
        if (it.number == 42) set_int(&it, &model->eos_id);
        if (it.number == 43) set_int(&it, &model->pad_id);
        if (it.number == 45) set_text(&it, &model->unknown);
        if (it.number == 46) set_text(&it, &model->bos);
        if (it.number == 47) set_text(&it, &model->eos);
    }
    return HEED_OK;
}

static heed_status read_normalizer(hd_sentencepiece *model, reader in) {
    field it;
    while (in.at < in.end) {
        if (!read_field(&in, &it)) return damaged(model, "normalizer_spec");
        if (it.number == 2) set_text(&it, &model->charsmap);
        if (it.number == 3) set_bool(&it, &model->add_dummy_prefix);
        if (it.number == 4) set_bool(&it, &model->remove_extra_whitespaces);
        if (it.number == 5) set_bool(&it, &model->escape_whitespaces);
    }
    return HEED_OK;
}

static bool is_piece_id(const hd_sentencepiece *model, int32_t id) { return id < 0 || (size_t)id < model->count; }

/* Every model has one unknown piece; other roles may be missing. */
static heed_status check(const hd_sentencepiece *model) {
    const int32_t ids[] = {model->unknown_id, model->bos_id, model->eos_id, model->pad_id};
    if (model->count == 0) return damaged(model, "the list of tokens, which is empty,");
    for (size_t i = 0; i < HD_COUNT(ids); i++)
        if (!is_piece_id(model, ids[i]) || (i == 0 && ids[i] < 0))
            return hd_fail(model->context, HEED_FORMAT, "its trainer_spec has id %d, its tokens have ids 0 to %zu",
                           ids[i], model->count - 1);
    const hd_file_text names[] = {model->unknown, model->bos, model->eos};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (!is_text(names[i])) return damaged(model, "trainer_spec");
    if (model->model_type < HD_SENTENCEPIECE_UNIGRAM || model->model_type > HD_SENTENCEPIECE_CHARACTERS)
        return hd_fail(model->context, HEED_FORMAT, "its model_type is %d", model->model_type);
    return HEED_OK;
}

static heed_status read_model(hd_sentencepiece *model, reader in) {
    field it;
    while (in.at < in.end) {
        if (!read_field(&in, &it)) return damaged(model, "the file");
        if (it.type != WIRE_BYTES) continue;
        if (it.number == 1) HD_TRY(read_piece(model, it.bytes));
        if (it.number == 2) HD_TRY(read_trainer(model, it.bytes));
        if (it.number == 3) HD_TRY(read_normalizer(model, it.bytes));
    }
    return check(model);
}

heed_status hd_sentencepiece_parse(heed_context *context, const char *name, const void *bytes, size_t size,
                                   hd_sentencepiece *model) {
    /* The defaults of the format. */
    *model = (hd_sentencepiece){.context = context,
                                .model_type = HD_SENTENCEPIECE_UNIGRAM,
                                .bos_id = 1,
                                .eos_id = 2,
                                .pad_id = -1,
                                .unknown = {"<unk>", 5},
                                .bos = {"<s>", 3},
                                .eos = {"</s>", 4},
                                .charsmap = {"", 0},
                                .add_dummy_prefix = true,
                                .remove_extra_whitespaces = true,
                                .escape_whitespaces = true};
    heed_status status = read_model(model, (reader){bytes, (const uint8_t *)bytes + size});
    return status == HEED_OK || status == HEED_MEMORY ? status : hd_fail_in(context, name);
}

heed_status hd_sentencepiece_open(heed_context *context, const char *path, hd_sentencepiece *model) {
    hd_map file;
    *model = (hd_sentencepiece){.context = context};
    HD_TRY(hd_map_copy(context, path, &file));
    heed_status status = hd_sentencepiece_parse(context, path, file.data, file.size, model);
    model->file = file;
    return status;
}

void hd_sentencepiece_close(hd_sentencepiece *model) {
    hd_free(model->context, model->pieces);
    hd_map_close(&model->file);
    *model = (hd_sentencepiece){.context = model->context};
}
