/* The routes of a server: which function answers which path. */
#ifndef HD_SERVE_ROUTES_H
#define HD_SERVE_ROUTES_H

#include "serve/state.h"

typedef struct hd_route {
    const char *method, *path;
    bool prefix; /* the path goes on: with a model's name */
    bool open;   /* no key is needed */
    bool queued; /* a worker reads the request; else the HTTP thread answers at once */
    hd_serve_function *function;
} hd_route;

/* The route of a request; NULL, with the fault, for a path or method that there is not. */
const hd_route *hd_route_find(const char *method, const char *path, hd_fault *fault);

#endif
