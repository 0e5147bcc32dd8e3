/* The architecture of a model as a picture. */
#include "inspect/architecture.h"
#include "models/model.h"

heed_status heed_inspect_architecture(heed_context *context, const char *name, heed_picture **picture) {
    heed_model *model = NULL;
    hd_architecture_picture *architecture = NULL;
    *picture = NULL;
    heed_status status = hd_model_open_untokenized(context, name, HD_OPEN_TO_DESCRIBE, &model);
    if (status == HEED_OK) status = hd_architecture_open(model->network, model->family->model_type, &architecture);
    if (status == HEED_OK) *picture = &architecture->picture;
    hd_model_close(model);
    return status;
}
