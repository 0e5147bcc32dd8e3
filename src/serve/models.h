/* The models of a server: which there are, and which are open. A model is opened for its first request. Where the limit on
 * memory leaves no space for it, models that no request uses are closed, the one that was used least recently first. */
#ifndef HD_SERVE_MODELS_H
#define HD_SERVE_MODELS_H

#include "serve/engine.h"
#include "serve/fault.h"

typedef struct hd_serve_models hd_serve_models;

/* `names` are names as in heed_model_open. A folder is requested by the last part of its path. HEED_FILE for one that there is
 * not, HEED_ARGUMENT for two of one name. `memory`: bytes of the weights of all open models; 0: no limit. */
heed_status hd_serve_models_open(heed_context *context, const char *const *names, size_t count, int64_t memory,
                                 hd_serve_models **models);
/* Waits for texts and calls in progress. No thread may acquire a model any more. NULL is allowed. */
void hd_serve_models_close(hd_serve_models *models);
/* Opens models in their order, as many as the limit allows. */
heed_status hd_serve_models_load(hd_serve_models *models, heed_context *context);

size_t hd_serve_models_count(const hd_serve_models *models);
const char *hd_serve_models_name(const hd_serve_models *models, size_t index);
/* The model that a request names; `name` NULL: the only one. SIZE_MAX, with the fault, when there is none. */
size_t hd_serve_models_find(const hd_serve_models *models, const char *name, hd_fault *fault);
/* Opens the model if need be, and keeps it open until it is released. Any thread calls both, with a context of its own. */
hd_engine *hd_serve_models_acquire(hd_serve_models *models, heed_context *context, size_t index, hd_fault *fault);
void hd_serve_models_release(hd_serve_models *models, hd_engine *engine);
/* Closes the models that were renewed and are no longer in use. No thread of an engine may call it. */
void hd_serve_models_sweep(hd_serve_models *models);
/* Models that are open are closed when they are no longer in use: the next request opens them again from their files. */
void hd_serve_models_renew(hd_serve_models *models);
/* The numbers of an open model, and its bytes; false if it is not open. */
bool hd_serve_models_state(hd_serve_models *models, size_t index, hd_engine_counts *counts, int64_t *bytes);

#endif
