/* One observed forward pass: the tokens of a text and of its translation, the labels of both in pictures, and the run
 * that captures what the model computes. */
#ifndef HD_TASKS_OBSERVATION_H
#define HD_TASKS_OBSERVATION_H

#include "inspect/capture.h"
#include "inspect/words.h"
#include "tasks/inspect_settings.h"

typedef struct hd_observation {
    heed_model *model;
    hd_side_tokenizer side[HD_SIDES];
    const hd_inspect_settings *settings;
    hd_arena *arena; /* for texts and labels */
    bool translates;
    const char *source_text, *target_text; /* the second "" where there is none */
    hd_encoding source, target;
    /* [decoder_count]: the decoder's input: start token and target, or the text itself where nothing is translated */
    int32_t *decoder_ids;
    int64_t decoder_count;
    /* [decoder_count]: what each row predicts: target and end token; NULL where nothing is translated */
    int32_t *predicted;
    hd_words source_words, decoder_words, predicted_words;
    hd_arena scratch;
} hd_observation;

/* Encodes a text of `size` bytes, and translates it or encodes the translation in the settings. The caller closes
 * *observation, also after a failure. HEED_LENGTH when one of them is longer than the model allows. */
heed_status hd_observation_open(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                                hd_arena *arena, hd_observation *observation);
/* Runs the model once on both with the capture as its observer. */
heed_status hd_observation_run(hd_observation *observation, hd_capture *capture);
void hd_observation_close(hd_observation *observation);

#endif
