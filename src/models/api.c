/* The models of heed/heed.h. */
#include "base/float_environment.h"
#include "formats/model_folder.h"
#include "models/model.h"

heed_status heed_model_open(heed_context *context, const char *name, heed_model **model) {
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_model_open(context, name, HD_OPEN_TO_RUN, model);
    hd_float_leave(found);
    return status;
}

void heed_model_close(heed_model *model) { hd_model_close(model); }

heed_status heed_model_list(heed_context *context, char **names) { return hd_model_folder_list(context, names); }

heed_status heed_model_find(heed_context *context, const char *name, char **folder) {
    return hd_model_folder_find(context, name, folder);
}
