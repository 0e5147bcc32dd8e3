/* The models of heed/heed.h. A handle is a copy of the open model with the context of the thread that uses it. */
#include "base/float_environment.h"
#include "formats/model_folder.h"
#include "models/model.h"

#include <stdatomic.h>

/* What the handles on a model share. Nothing writes to it after the opening but to the number of handles. */
typedef struct hd_shared_model {
    heed_context context; /* the opening one's allocator and arithmetic, which the model keeps when that is closed */
    heed_model *model;    /* opened with `context` */
    _Atomic int64_t handles;
} hd_shared_model;

static void release(hd_shared_model *shared) {
    if (atomic_fetch_sub(&shared->handles, 1) > 1) return;
    heed_context context = shared->context;
    hd_model_close(shared->model);
    hd_free(&context, shared);
}

static heed_status open_handle(heed_context *context, hd_shared_model *shared, heed_model **model) {
    *model = hd_alloc(context, 1, sizeof **model);
    if (!*model) return HEED_MEMORY;
    **model = *shared->model;
    (*model)->context = context;
    (*model)->shared = shared;
    atomic_fetch_add(&shared->handles, 1);
    return HEED_OK;
}

static heed_status open_shared(heed_context *context, const char *name, hd_shared_model **shared) {
    hd_shared_model *s = *shared = hd_alloc_zeroed(context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    s->context = hd_context_fork(context, context->threads);
    heed_status status = hd_model_open(&s->context, name, HD_OPEN_TO_RUN, &s->model);
    s->context.pool = NULL; /* that of `context`, whose thread need not be the last to close the model */
    if (status != HEED_OK) hd_fail_as(context, &s->context, status);
    return status;
}

heed_status heed_model_open(heed_context *context, const char *name, heed_model **model) {
    hd_shared_model *shared;
    *model = NULL;
    hd_float_environment found = hd_float_enter();
    heed_status status = open_shared(context, name, &shared);
    hd_float_leave(found);
    if (!shared) return status;
    atomic_store(&shared->handles, 1); /* until the first handle is open */
    if (status == HEED_OK) status = open_handle(context, shared, model);
    release(shared);
    return status;
}

heed_status heed_model_share(const heed_model *model, heed_context *context, heed_model **shared) {
    *shared = NULL;
    if (context->device != model->shared->context.device)
        return hd_fail(context, HEED_ARGUMENT, "the model was opened on another device");
    return open_handle(context, model->shared, shared);
}

void heed_model_close(heed_model *model) {
    if (!model) return;
    hd_shared_model *shared = model->shared;
    hd_free(model->context, model);
    release(shared);
}

heed_status heed_model_list(heed_context *context, char **names) { return hd_model_folder_list(context, names); }

heed_status heed_model_find(heed_context *context, const char *name, char **folder) {
    return hd_model_folder_find(context, name, folder);
}
