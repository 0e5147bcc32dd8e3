/* The endpoints that describe the server: /health, /metrics and /v1/models. */
#ifndef HD_SERVE_OVERVIEW_H
#define HD_SERVE_OVERVIEW_H

#include "serve/state.h"

hd_serve_function hd_serve_health, hd_serve_metrics_text, hd_serve_model_list, hd_serve_model;

#endif
