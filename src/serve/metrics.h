/* Counters and histograms, in the text format of Prometheus. Any thread may use them. */
#ifndef HD_SERVE_METRICS_H
#define HD_SERVE_METRICS_H

#include <pthread.h>

#include "base/buffer.h"

enum { HD_METRIC_BUCKETS = 14, HD_METRIC_SERIES = 128 };

typedef struct hd_histogram {
    uint64_t buckets[HD_METRIC_BUCKETS + 1]; /* the last one has no limit */
    double sum;
} hd_histogram;

typedef struct hd_serve_metrics {
    pthread_mutex_t lock;
    struct {
        const char *endpoint;
        int status;
        uint64_t count;
    } requests[HD_METRIC_SERIES]; /* [series] */
    size_t series;
    hd_histogram duration, first; /* seconds, of whole answers and until the first event of a stream */
    uint64_t prompt_tokens, tokens;
    int64_t active;
} hd_serve_metrics;

/* A request that was answered; `first` below 0: it had no stream. `endpoint` lives as long as the program. */
typedef struct hd_metric_request {
    const char *endpoint;
    int status;
    double seconds, first;
    size_t prompt_tokens, tokens;
} hd_metric_request;

void hd_serve_metrics_open(hd_serve_metrics *metrics);
void hd_serve_metrics_close(hd_serve_metrics *metrics);
void hd_serve_metrics_add(hd_serve_metrics *metrics, const hd_metric_request *request);
/* Counts a request that begins; false if `most` are active already. */
bool hd_serve_metrics_begin(hd_serve_metrics *metrics, int64_t most);
void hd_serve_metrics_end(hd_serve_metrics *metrics);
int64_t hd_serve_metrics_active(hd_serve_metrics *metrics);
void hd_serve_metrics_write(hd_serve_metrics *metrics, hd_buffer *out);

#endif
