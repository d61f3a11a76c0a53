// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Public keys: read, described, and signatures verified. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

/* r and s are of the curve's size. */
enum { half = 32 };

static unsigned bits_of(const gnutls_datum_t *number) {
    size_t first = 0;
    while (first < number->size && number->data[first] == 0) {
        first++;
    }
    if (first == number->size) {
        return 0;
    }
    return (unsigned)(number->size - first) * 8 - (unsigned)(__builtin_clz(number->data[first]) - 24);
}

/* What kind it is, and whether it is one that can be used. */
static int describe(m4_public_key *key) {
    unsigned bits = 0;
    int algorithm = m4_gnutls.pubkey_get_pk_algorithm(key->key, &bits);
    if (algorithm < 0) {
        return algorithm;
    }
    key->bits = bits;
    key->name = m4_gnutls.pk_algorithm_get_name((gnutls_pk_algorithm_t)algorithm);
    if (algorithm == GNUTLS_PK_RSA) {
        gnutls_datum_t modulus, exponent;
        int error = m4_gnutls.pubkey_export_rsa_raw2(key->key, &modulus, &exponent, 0);
        if (error < 0) {
            return error;
        }
        key->kind = M4_KEY_RSA;
        key->bits = bits_of(&modulus);
        key->exponent_bits = exponent.size && exponent.data[exponent.size - 1] & 1 ? bits_of(&exponent) : 0;
        m4_crypto_free(modulus.data);
        m4_crypto_free(exponent.data);
    } else if (algorithm == GNUTLS_PK_ECDSA) {
        gnutls_ecc_curve_t curve;
        int error = m4_gnutls.pubkey_export_ecc_raw2(key->key, &curve, NULL, NULL, 0);
        if (error < 0) {
            return error;
        }
        key->kind = curve == GNUTLS_ECC_CURVE_SECP256R1 ? M4_KEY_P256 : M4_KEY_OTHER;
        key->name = m4_gnutls.ecc_curve_get_name(curve);
    }
    return 0;
}

int m4_public_key_wrap(m4_public_key **result, gnutls_pubkey_t handle) {
    m4_public_key *key = calloc(1, sizeof *key);
    if (!key) {
        m4_gnutls.pubkey_deinit(handle);
        return GNUTLS_E_MEMORY_ERROR;
    }
    key->key = handle;
    int error = describe(key);
    if (error < 0) {
        m4_public_key_free(key);
        return error;
    }
    *result = key;
    return 0;
}

int m4_public_key_read(m4_public_key **result, const uint8_t *der, size_t count, bool is_certificate) {
    if (m4_crypto_load()) {
        return GNUTLS_E_INTERNAL_ERROR;
    }
    gnutls_datum_t bytes = {(unsigned char *)der, (unsigned)count};
    gnutls_pubkey_t handle;
    int error = m4_gnutls.pubkey_init(&handle);
    if (error < 0) {
        return error;
    }
    if (is_certificate) {
        gnutls_x509_crt_t certificate;
        error = m4_gnutls.x509_crt_init(&certificate);
        if (error == 0) {
            error = m4_gnutls.x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_DER);
            if (error == 0) {
                error = m4_gnutls.pubkey_import_x509(handle, certificate, 0);
            }
            m4_gnutls.x509_crt_deinit(certificate);
        }
    } else {
        error = m4_gnutls.pubkey_import(handle, &bytes, GNUTLS_X509_FMT_DER);
    }
    if (error < 0) {
        m4_gnutls.pubkey_deinit(handle);
        return error;
    }
    return m4_public_key_wrap(result, handle);
}

void m4_public_key_free(m4_public_key *key) {
    if (key) {
        m4_gnutls.pubkey_deinit(key->key);
        free(key);
    }
}

m4_key_kind m4_public_key_kind(const m4_public_key *key, unsigned *bits, const char **name) {
    *bits = key->bits;
    *name = key->name ? key->name : "unknown";
    return key->kind;
}

unsigned m4_public_key_exponent_bits(const m4_public_key *key) { return key->exponent_bits; }

int m4_public_key_der(const m4_public_key *key, uint8_t **der, size_t *count) {
    gnutls_datum_t out;
    int error = m4_gnutls.pubkey_export2(key->key, GNUTLS_X509_FMT_DER, &out);
    if (error == 0) {
        *der = out.data;
        *count = out.size;
    }
    return error;
}

bool m4_public_key_verifies(const m4_public_key *key, const uint8_t digest[M4_SHA256_SIZE], const uint8_t *signature, size_t count) {
    const gnutls_datum_t hash = {(unsigned char *)digest, M4_SHA256_SIZE};
    gnutls_datum_t value = {(unsigned char *)signature, (unsigned)count};
    if (key->kind == M4_KEY_RSA) {
        return count == (key->bits + 7) / 8 && m4_gnutls.pubkey_verify_hash2(key->key, GNUTLS_SIGN_RSA_SHA256, GNUTLS_VERIFY_ALLOW_BROKEN, &hash, &value) >= 0;
    }
    if (key->kind != M4_KEY_P256 || count != 2 * half) {
        return false;
    }
    const gnutls_datum_t r = {(unsigned char *)signature, half}, s = {(unsigned char *)signature + half, half};
    if (m4_gnutls.encode_rs_value(&value, &r, &s) < 0) {
        return false;
    }
    bool verifies = m4_gnutls.pubkey_verify_hash2(key->key, GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_VERIFY_ALLOW_BROKEN, &hash, &value) >= 0;
    m4_crypto_free(value.data);
    return verifies;
}
