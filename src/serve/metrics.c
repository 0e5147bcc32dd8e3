#include "serve/metrics.h"

#include <string.h>

static const double limits[HD_METRIC_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                 0.25,  0.5,    1,     2.5,  5,     10,   60};

void hd_serve_metrics_open(hd_serve_metrics *m) {
    *m = (hd_serve_metrics){.series = 0};
    pthread_mutex_init(&m->lock, NULL);
}

void hd_serve_metrics_close(hd_serve_metrics *m) { pthread_mutex_destroy(&m->lock); }

static void observe(hd_histogram *h, double value) {
    size_t i = 0;
    while (i < HD_METRIC_BUCKETS && value > limits[i]) i++;
    h->buckets[i]++;
    h->sum += value;
}

static void count_request(hd_serve_metrics *m, const char *endpoint, int status) {
    size_t i = 0;
    while (i < m->series && (m->requests[i].status != status || strcmp(m->requests[i].endpoint, endpoint) != 0)) i++;
    if (i == HD_METRIC_SERIES) return;
    if (i == m->series) {
        m->requests[i].endpoint = endpoint;
        m->requests[i].status = status;
        m->series++;
    }
    m->requests[i].count++;
}

void hd_serve_metrics_add(hd_serve_metrics *m, const hd_metric_request *r) {
    pthread_mutex_lock(&m->lock);
    count_request(m, r->endpoint, r->status);
    observe(&m->duration, r->seconds);
    if (r->first >= 0) observe(&m->first, r->first);
    m->prompt_tokens += r->prompt_tokens;
    m->tokens += r->tokens;
    pthread_mutex_unlock(&m->lock);
}

bool hd_serve_metrics_begin(hd_serve_metrics *m, int64_t most) {
    pthread_mutex_lock(&m->lock);
    bool begins = m->active < most;
    m->active += begins;
    pthread_mutex_unlock(&m->lock);
    return begins;
}

void hd_serve_metrics_end(hd_serve_metrics *m) {
    pthread_mutex_lock(&m->lock);
    m->active--;
    pthread_mutex_unlock(&m->lock);
}

int64_t hd_serve_metrics_active(hd_serve_metrics *m) {
    pthread_mutex_lock(&m->lock);
    int64_t active = m->active;
    pthread_mutex_unlock(&m->lock);
    return active;
}

static void write_histogram(const hd_histogram *h, const char *name, const char *help, hd_buffer *out) {
    uint64_t count = 0;
    hd_buffer_format(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i < HD_METRIC_BUCKETS; i++) {
        count += h->buckets[i];
        hd_buffer_format(out, "%s_bucket{le=\"%g\"} %llu\n", name, limits[i], (unsigned long long)count);
    }
    count += h->buckets[HD_METRIC_BUCKETS];
    hd_buffer_format(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, (unsigned long long)count,
                     name, h->sum, name, (unsigned long long)count);
}

void hd_serve_metrics_write(hd_serve_metrics *m, hd_buffer *out) {
    pthread_mutex_lock(&m->lock);
    hd_buffer_text(out,
                   "# HELP heed_requests_total requests by endpoint and status\n# TYPE heed_requests_total counter\n");
    for (size_t i = 0; i < m->series; i++)
        hd_buffer_format(out, "heed_requests_total{endpoint=\"%s\",status=\"%d\"} %llu\n", m->requests[i].endpoint,
                         m->requests[i].status, (unsigned long long)m->requests[i].count);
    hd_buffer_format(out,
                     "# HELP heed_prompt_tokens_total tokens of prompts\n# TYPE heed_prompt_tokens_total counter\n"
                     "heed_prompt_tokens_total %llu\n"
                     "# HELP heed_generated_tokens_total generated tokens\n"
                     "# TYPE heed_generated_tokens_total counter\nheed_generated_tokens_total %llu\n"
                     "# HELP heed_requests_active requests without a complete answer\n"
                     "# TYPE heed_requests_active gauge\nheed_requests_active %lld\n",
                     (unsigned long long)m->prompt_tokens, (unsigned long long)m->tokens, (long long)m->active);
    write_histogram(&m->duration, "heed_request_seconds", "seconds from the head of a request to the end of its answer",
                    out);
    write_histogram(&m->first, "heed_first_event_seconds", "seconds until the first event of a stream", out);
    pthread_mutex_unlock(&m->lock);
}
