/* POST /models/NAME and /models/NAME/pipeline/TASK with {"inputs", "parameters"}, as Hugging Face's Inference API. */
#ifndef HD_SERVE_TASKS_H
#define HD_SERVE_TASKS_H

#include "serve/state.h"

hd_serve_function hd_serve_task;

#endif
