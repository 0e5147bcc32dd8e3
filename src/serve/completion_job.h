/* The endpoints /v1/completions and /v1/chat/completions. */
#ifndef HD_SERVE_COMPLETION_JOB_H
#define HD_SERVE_COMPLETION_JOB_H

#include "serve/state.h"

hd_serve_function hd_serve_completions, hd_serve_chat_completions;

#endif
