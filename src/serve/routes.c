#include "serve/routes.h"

#include <string.h>

#include "serve/completion_job.h"
#include "serve/overview.h"
#include "serve/tasks.h"
#include "serve/vectors.h"

static const hd_route routes[] = {
    {"GET", "/health", false, true, false, hd_serve_health},
    {"GET", "/metrics", false, false, false, hd_serve_metrics_text},
    {"GET", "/v1/models", false, false, false, hd_serve_model_list},
    {"GET", "/v1/models/", true, false, false, hd_serve_model},
    {"POST", "/v1/completions", false, false, true, hd_serve_completions},
    {"POST", "/v1/chat/completions", false, false, true, hd_serve_chat_completions},
    {"POST", "/v1/embeddings", false, false, true, hd_serve_embeddings},
    {"POST", "/v1/rerank", false, false, true, hd_serve_rerank},
    {"POST", "/models/", true, false, true, hd_serve_task},
    {"POST", "/rerank", false, false, true, hd_serve_rerank},
};

static bool leads_to(const hd_route *route, const char *path) {
    size_t size = strlen(route->path);
    return route->prefix ? strncmp(path, route->path, size) == 0 && path[size] : strcmp(path, route->path) == 0;
}

const hd_route *hd_route_find(const char *method, const char *path, hd_fault *fault) {
    const hd_route *other = NULL;
    for (size_t i = 0; i < HD_COUNT(routes); i++) {
        if (!leads_to(&routes[i], path)) continue;
        if (strcmp(routes[i].method, method) == 0) return &routes[i];
        other = &routes[i];
    }
    if (other)
        hd_fault_set(fault, 405, "method_not_allowed", NULL, "%s takes %s", other->path, other->method);
    else
        hd_fault_set(fault, 404, "unknown_url", NULL, "there is no %.200s", path);
    return NULL;
}
