/* Reads the models of the library sentencepiece (https://github.com/google/sentencepiece): protocol buffers of the message
 * ModelProto in its src/sentencepiece_model.proto. Only the fields below are read; others are skipped, as protocol buffers
 * do. */
#ifndef HD_FORMATS_SENTENCEPIECE_H
#define HD_FORMATS_SENTENCEPIECE_H

#include "base/file.h"

typedef enum hd_piece_type {
    HD_PIECE_NORMAL = 1,
    HD_PIECE_UNKNOWN,
    HD_PIECE_CONTROL,
    HD_PIECE_USER_DEFINED,
    HD_PIECE_UNUSED,
    HD_PIECE_BYTE
} hd_piece_type;

/* Bytes of the file: not a C string. */
typedef struct hd_file_text {
    const char *data;
    size_t size;
} hd_file_text;

typedef struct hd_piece {
    hd_file_text text; /* UTF-8 */
    float score;
    int type; /* hd_piece_type */
} hd_piece;

enum { HD_SENTENCEPIECE_UNIGRAM = 1, HD_SENTENCEPIECE_BPE, HD_SENTENCEPIECE_WORD, HD_SENTENCEPIECE_CHARACTERS };

typedef struct hd_sentencepiece {
    heed_context *context;
    hd_map file;
    hd_piece *pieces; /* [count], by id */
    size_t count, capacity;
    /* TrainerSpec */
    int model_type;
    bool byte_fallback;
    int32_t unknown_id, bos_id, eos_id, pad_id; /* below 0: none */
    hd_file_text unknown, bos, eos;             /* their pieces */
    /* NormalizerSpec */
    hd_file_text charsmap; /* text/charsmap.h */
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
} hd_sentencepiece;

/* HEED_FORMAT when the file is damaged, with its name. Close *model in any case. */
heed_status hd_sentencepiece_open(heed_context *context, const char *path, hd_sentencepiece *model);
/* The same from bytes that outlive the model; `name` stands for the path in messages. */
heed_status hd_sentencepiece_parse(heed_context *context, const char *name, const void *bytes, size_t size,
                                   hd_sentencepiece *model);
void hd_sentencepiece_close(hd_sentencepiece *model);

#endif
