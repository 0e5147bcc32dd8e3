/* The steps of an attention head of a Transformer (inspect/head_steps.h). */
#ifndef HD_TASKS_HEAD_STEPS_H
#define HD_TASKS_HEAD_STEPS_H

#include "tasks/inspect_settings.h"

/* HEED_UNSUPPORTED for scores with relative positions (DeBERTa); HEED_ARGUMENT for a kind, layer, head or word that is not
 * there. */
heed_status hd_make_head_steps(heed_model *model, const hd_inspect_settings *settings, const char *text, size_t size,
                               heed_picture **picture);

#endif
