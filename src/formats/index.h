/* Files of vectors for search, which are mapped and not read: a header, the vectors, and the lines of text that they are of.
 *
 *     offset 0     hd_index_header, and zeros up to HD_INDEX_FIRST
 *     vectors_at   [rows, columns] of `dtype`
 *     lines_at     uint64_t [rows + 1]: where each line begins in the text, and the size of the text + 1 at the end
 *     text_at      the text [text_size], byte by byte
 *
 * Numbers are little-endian. Offsets are multiples of 64. An index without text has no lines: both sizes are 0. */
#ifndef HD_FORMATS_INDEX_H
#define HD_FORMATS_INDEX_H

#include "base/file.h"
#include "base/lines.h"
#include "tensor/dtype.h"

enum { HD_INDEX_FORMAT = 1, HD_INDEX_FIRST = 128 };

/* How two vectors are compared. Vectors of a cosine index have length 1. */
typedef enum hd_metric { HD_COSINE, HD_DOT, HD_EUCLIDEAN, HD_MANHATTAN } hd_metric;
#define HD_METRICS "cosine|dot|euclidean|manhattan"

typedef struct hd_index_header {
    char magic[8];
    uint32_t format, bit_epoch;
    uint32_t dtype;  /* 0: HD_F32, 1: HD_F16 */
    uint32_t metric; /* HD_COSINE or HD_DOT */
    uint64_t rows, columns;
    uint64_t vectors_at, lines_at, text_at, text_size, size; /* size: of the file */
    uint64_t model, prompt; /* fingerprint of the model, checksum of the prompt before each line; 0: of none */
    uint64_t reserved[3];   /* zeros */
    uint64_t checksum;      /* of all before it */
} hd_index_header;

_Static_assert(sizeof(hd_index_header) == HD_INDEX_FIRST, "the header fills its part of the file");

/* ---- writing ---- */

typedef struct hd_index_writer {
    hd_writer writer;
    hd_index_header header;
    float *scaled;    /* [columns] */
    uint16_t *halves; /* [columns] */
} hd_index_writer;

/* Begins a file for header->rows vectors. The caller sets the fields dtype, metric, rows, columns, model, prompt and text_size.
 *  `path` NULL: a file without a name in the system's folder for temporary files. */
heed_status hd_index_writer_open(heed_context *context, const char *path, const hd_index_header *header,
                                 hd_index_writer *writer);
/* Adds a vector [columns], to length 1 in a cosine index. One that is not finite, or has no length in a cosine index, is
 * stored as NaN: no search finds it. HEED_NUMERIC for a number that is too large for f16. */
heed_status hd_index_writer_add(hd_index_writer *writer, const float *vector);
/* Adds the text, after all vectors; NULL: there is none. */
heed_status hd_index_writer_text(hd_index_writer *writer, const hd_line_index *text);
/* Ends the file with a name, or maps the one without. */
heed_status hd_index_writer_commit(hd_index_writer *writer);
heed_status hd_index_writer_map(hd_index_writer *writer, hd_map *map);
void hd_index_writer_abandon(hd_index_writer *writer);

/* ---- reading ---- */

/* Checks the header and the lines of a mapped file; *header is inside of it. HEED_FORMAT for a file that is not an index, is
 * damaged, or is of another format. */
heed_status hd_index_check(heed_context *context, const char *path, const hd_map *map, const hd_index_header **header);

static inline hd_dtype hd_index_dtype(const hd_index_header *header) { return header->dtype ? HD_F16 : HD_F32; }

#endif
