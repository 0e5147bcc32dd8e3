/* libcurl, and the SHA-1 and SHA-256 of the TLS library that it is linked with. They are loaded when a call first uses the
 * network, so that all other calls start without them. */
#ifndef HD_FORMATS_HUB_LIBRARY_H
#define HD_FORMATS_HUB_LIBRARY_H

#include <curl/curl.h>

#include "base/context.h"

/* The functions of libcurl under their names without "curl_", and those of OpenSSL's libcrypto. */
typedef struct hd_hub_library {
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    void (*easy_reset)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    CURLU *(*url)(void);
    void (*url_cleanup)(CURLU *);
    CURLUcode (*url_set)(CURLU *, CURLUPart, const char *, unsigned);
    CURLUcode (*url_get)(CURLU *, CURLUPart, char **, unsigned);
    void (*free)(void *);
    time_t (*getdate)(const char *, const time_t *);
    char *(*version)(void);
    CURLcode (*global_init)(long);
    void *(*EVP_MD_CTX_new)(void);
    void (*EVP_MD_CTX_free)(void *);
    const void *(*EVP_sha1)(void);
    const void *(*EVP_sha256)(void);
    int (*EVP_DigestInit_ex)(void *, const void *, void *);
    int (*EVP_DigestUpdate)(void *, const void *, size_t);
    int (*EVP_DigestFinal_ex)(void *, unsigned char *, unsigned *);
} hd_hub_library;

/* *library lives as long as the process. HEED_UNSUPPORTED, with the Debian package to install, when it cannot be loaded. */
heed_status hd_hub_library_open(heed_context *context, const hd_hub_library **library);

#endif
