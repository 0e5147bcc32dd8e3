/* A text on its way through a model that is looked into: its tokens, those of its translation, and what both are called
 * in pictures. */
#ifndef HD_TASKS_LOOKING_H
#define HD_TASKS_LOOKING_H

#include "inspect/capture.h"
#include "inspect/words.h"
#include "tasks/look.h"

typedef struct hd_looking {
    heed_model *model;
    const hd_look *look;
    hd_arena *arena; /* of texts and labels */
    bool translates;
    const char *source_text, *target_text; /* the second "" where there is none */
    hd_encoding source, target;
    int32_t *fed; /* [fed_count]: what the decoder reads: its start, then the target; by itself it reads the text */
    int64_t fed_count;
    int32_t *made; /* [fed_count]: what comes out of reading it: the target, then its end; NULL unless it translates */
    hd_words source_words, fed_words, made_words;
    hd_arena scratch;
} hd_looking;

/* Reads a text of `size` bytes, and translates it or reads the translation that was given. The caller closes *looking, also
 * after a failure. HEED_LENGTH when one of them is longer than the model allows. */
heed_status hd_looking_open(heed_model *model, const hd_look *look, const char *text, size_t size, hd_arena *arena,
                            hd_looking *looking);
/* Runs the model over both once more, with the capture looking on. */
heed_status hd_looking_run(hd_looking *looking, hd_capture *capture);
void hd_looking_close(hd_looking *looking);

#endif
