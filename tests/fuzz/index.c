/* An index file. The first byte says whether the checksum of the header is made to fit. The file is refused with a message, or
 * every line and vector can be read, and a search finds rows of it. */
#include "folder.h"

#include <stddef.h>
#include <string.h>

#include "base/checksum.h"
#include "formats/index.h"

enum { MOST_COLUMNS = 64, TOP = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_index(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size + 1);
    check(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 2 && size - 1 >= sizeof(hd_index_header)) {
        uint64_t sum = hd_checksum_of(bytes, offsetof(hd_index_header, checksum));
        memcpy(bytes + offsetof(hd_index_header, checksum), &sum, sizeof sum);
    }
    write_fuzz_file("index", bytes, size - 1);
    free(bytes);
}

static void use(const heed_index *index) {
    size_t rows = heed_index_rows(index), columns = heed_index_columns(index), length, found[TOP], sum = 0;
    float vector[MOST_COLUMNS], query[MOST_COLUMNS] = {1}, scores[TOP];
    for (size_t i = 0; i < rows; i++) {
        const char *text = heed_index_text(index, i, &length);
        for (size_t j = 0; text && j < length; j++) sum += (unsigned char)text[j];
        if (columns <= MOST_COLUMNS) check(heed_index_vector(index, i, vector) == HEED_OK);
    }
    check(sum != SIZE_MAX);
    if (columns > MOST_COLUMNS) return;
    check(heed_index_search(index, query, 1, TOP, found, scores) == HEED_OK);
    for (int i = 0; i < TOP; i++) check(found[i] < rows || found[i] == HEED_NO_ROW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    heed_index *index;
    if (size < 2) return 0;
    make_fuzz_folder();
    write_index(data, size);
    check(heed_context_open(&context) == HEED_OK);
    if (heed_index_open(context, in_fuzz_folder("index"), &index) == HEED_OK)
        use(index);
    else
        check(heed_context_message(context)[0]);
    heed_index_close(index);
    heed_context_close(context);
    return 0;
}
