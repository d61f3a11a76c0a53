// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Loads GnuTLS when it is first needed. */
#include "cgnutls.h"
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

m4_gnutls_library m4_gnutls;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[256];

const int m4_error_decryption = GNUTLS_E_DECRYPTION_FAILED;
const int m4_error_unknown_algorithm = GNUTLS_E_UNKNOWN_PK_ALGORITHM;
const int m4_error_unknown_cipher = GNUTLS_E_UNKNOWN_CIPHER_TYPE;
const int m4_error_curve = GNUTLS_E_ECC_UNSUPPORTED_CURVE;
const int m4_error_numbers = GNUTLS_E_PK_INVALID_PRIVKEY;
const int m4_error_pin = GNUTLS_E_PKCS11_PIN_ERROR;
const int m4_error_pin_locked = GNUTLS_E_PKCS11_PIN_LOCKED;
const int m4_error_no_object = GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
const int m4_error_no_token = GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE;
const int m4_error_url = GNUTLS_E_PARSING_ERROR;
const int m4_error_token_key = GNUTLS_E_PKCS11_KEY_ERROR;

/* The library reads its system-wide policy as it starts: that of an administrator for TLS must not decide what a firmware's signature is worth. */
static const char policy[] = "GNUTLS_SYSTEM_PRIORITY_FILE";

static void start(void) {
    void *library = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        snprintf(reason, sizeof reason, "GnuTLS cannot be loaded: %.150s; Debian's package is libgnutls30", why ? why : "no reason given");
        return;
    }
#define M4_FIND(name) \
    m4_gnutls.name = (__typeof__(gnutls_##name) *)dlsym(library, "gnutls_" #name); \
    if (!m4_gnutls.name) { \
        snprintf(reason, sizeof reason, "GnuTLS (libgnutls.so.30) has no gnutls_" #name); \
        return; \
    }
    M4_GNUTLS_FUNCTIONS(M4_FIND)
    gnutls_free_function *freeing = (gnutls_free_function *)dlsym(library, "gnutls_free");
    if (!freeing || !m4_gnutls.check_version("3.6.10")) {
        snprintf(reason, sizeof reason, "GnuTLS %s is loaded; 3.6.10 or later is needed", m4_gnutls.check_version(NULL));
        return;
    }
    /* The environment may have kept it from starting by itself (GNUTLS_NO_IMPLICIT_INIT). */
    uint8_t digest[64];
    int error = m4_gnutls.global_init();
    if (error == 0) {
        error = m4_gnutls.hash_fast(GNUTLS_DIG_SHA256, "", 0, digest);
    }
    if (error < 0) {
        snprintf(reason, sizeof reason, "GnuTLS %s does not start: %.150s", m4_gnutls.check_version(NULL), m4_gnutls.strerror(error));
        return;
    }
    m4_gnutls.free = freeing;
}

static void load(void) {
    const char *old = getenv(policy);
    char *kept = old ? strdup(old) : NULL;
    setenv(policy, "/nonexistent", 1);
    start();
    if (kept) {
        setenv(policy, kept, 1);
    } else {
        unsetenv(policy);
    }
    free(kept);
}

const char *m4_crypto_load(void) {
    pthread_once(&once, load);
    return reason[0] ? reason : NULL;
}

const char *m4_crypto_version(void) { return m4_crypto_load() ? "none" : m4_gnutls.check_version(NULL); }

const char *m4_crypto_text(int error) { return m4_crypto_load() ? reason : m4_gnutls.strerror(error); }

void m4_crypto_free(void *bytes) {
    if (bytes && !m4_crypto_load()) {
        (*m4_gnutls.free)(bytes);
    }
}
