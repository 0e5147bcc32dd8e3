#include "models.h"

const char *compute = "f32";

static bool is_installed(const invocation *line, const char *name) {
    char *folder;
    if (heed_model_find(line->context, name, &folder) != HEED_OK) return false;
    heed_free(line->context, folder);
    return true;
}

bool open_model(const invocation *line, const char *name, const char *shipped, const char *otherwise,
                heed_model **model, int *exit_code) {
    *model = NULL;
    if (!name && !(shipped && is_installed(line, shipped))) {
        if (shipped)
            *exit_code = report_usage(line, "-m MODEL is missing, and the default \"%s\" is not installed; %s", shipped,
                                      otherwise);
        else
            *exit_code = report_usage(line, "-m MODEL is missing: no model ships for this verb; %s", otherwise);
        return false;
    }
    heed_status status = heed_context_set_compute(line->context, compute);
    if (status == HEED_OK) status = heed_model_open(line->context, name ? name : shipped, model);
    if (status != HEED_OK) *exit_code = report_failure(line, status);
    return status == HEED_OK;
}
