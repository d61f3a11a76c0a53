// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* SHA-256. */
#include "cgnutls.h"
#include "library.h"

#include <stdlib.h>

struct m4_hash {
    gnutls_hash_hd_t handle;
};

bool m4_sha256(const void *bytes, size_t count, uint8_t digest[M4_SHA256_SIZE]) {
    return !m4_crypto_load() && m4_gnutls.hash_fast(GNUTLS_DIG_SHA256, bytes, count, digest) == 0;
}

m4_hash *m4_hash_begin(void) {
    if (m4_crypto_load()) {
        return NULL;
    }
    m4_hash *hash = malloc(sizeof *hash);
    if (hash && m4_gnutls.hash_init(&hash->handle, GNUTLS_DIG_SHA256) != 0) {
        free(hash);
        return NULL;
    }
    return hash;
}

void m4_hash_add(m4_hash *hash, const void *bytes, size_t count) {
    if (hash) {
        m4_gnutls.hash(hash->handle, bytes, count);
    }
}

void m4_hash_end(m4_hash *hash, uint8_t *digest) {
    if (hash) {
        m4_gnutls.hash_deinit(hash->handle, digest);
        free(hash);
    }
}
