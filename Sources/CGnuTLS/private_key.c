// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Private keys: read, made, used where a token keeps them. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

static m4_private_key *allocate(int *error) {
    if (m4_crypto_load()) {
        *error = GNUTLS_E_INTERNAL_ERROR;
        return NULL;
    }
    m4_private_key *key = calloc(1, sizeof *key);
    if (!key) {
        *error = GNUTLS_E_MEMORY_ERROR;
        return NULL;
    }
    *error = m4_gnutls.privkey_init(&key->key);
    if (*error < 0) {
        free(key);
        return NULL;
    }
    return key;
}

void m4_private_key_free(m4_private_key *key) {
    if (!key) {
        return;
    }
    m4_gnutls.privkey_deinit(key->key);
    if (key->numbers) {
        m4_gnutls.x509_privkey_deinit(key->numbers);
    }
    if (key->pin) {
        explicit_bzero(key->pin, strlen(key->pin));
        free(key->pin);
    }
    free(key);
}

/* Gives `key`, or frees it. */
static int finish(m4_private_key **result, m4_private_key *key, int error) {
    if (error < 0) {
        m4_private_key_free(key);
        return error;
    }
    *result = key;
    return 0;
}

static bool is_zero(const gnutls_datum_t *number) {
    for (unsigned i = 0; i < number->size; i++) {
        if (number->data[i]) {
            return false;
        }
    }
    return true;
}

/* GnuTLS makes the exponents modulo p - 1 and q - 1 anew from what it reads, and ends the process when it computes with one that is zero. */
static int check_exponents(gnutls_x509_privkey_t key) {
    if (m4_gnutls.x509_privkey_get_pk_algorithm(key) != GNUTLS_PK_RSA) {
        return 0;
    }
    enum { modulus, exponent, secret, p, q, coefficient, p_exponent, q_exponent, count };
    gnutls_datum_t n[count];
    int error = m4_gnutls.x509_privkey_export_rsa_raw2(
        key, &n[modulus], &n[exponent], &n[secret], &n[p], &n[q], &n[coefficient], &n[p_exponent], &n[q_exponent]);
    if (error < 0) {
        return error;
    }
    bool usable = true;
    for (int i = 0; i < count; i++) {
        usable = usable && !is_zero(&n[i]);
        if (n[i].data) {
            explicit_bzero(n[i].data, n[i].size);
        }
        m4_crypto_free(n[i].data);
    }
    return usable ? 0 : GNUTLS_E_PK_INVALID_PRIVKEY;
}

int m4_private_key_read(
    m4_private_key **result, const uint8_t *bytes, size_t count, bool is_pem, m4_key_wrapping wrapping, const char *passphrase) {
    int error;
    m4_private_key *key = allocate(&error);
    if (!key) {
        return error;
    }
    const gnutls_datum_t data = {(unsigned char *)bytes, (unsigned)count};
    const gnutls_x509_crt_fmt_t format = is_pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER;
    error = m4_gnutls.x509_privkey_init(&key->numbers);
    if (error == 0) {
        switch (wrapping) {
        case M4_KEY_OPENSSL_ENCRYPTED:
            error = m4_gnutls.x509_privkey_import_openssl(key->numbers, &data, passphrase);
            break;
        case M4_KEY_PKCS8_ENCRYPTED:
            error = m4_gnutls.x509_privkey_import2(key->numbers, &data, format, passphrase, 0);
            break;
        case M4_KEY_PLAIN:
            error = m4_gnutls.x509_privkey_import2(key->numbers, &data, format, NULL, GNUTLS_PKCS_PLAIN);
            break;
        }
    }
    if (error == 0) {
        error = check_exponents(key->numbers);
    }
    if (error == 0) {
        error = m4_gnutls.privkey_import_x509(key->key, key->numbers, 0);
    }
    return finish(result, key, error);
}

int m4_private_key_make(m4_private_key **result, unsigned bits) {
    int error;
    m4_private_key *key = allocate(&error);
    if (!key) {
        return error;
    }
    error = m4_gnutls.x509_privkey_init(&key->numbers);
    if (error == 0) {
        error = bits ? m4_gnutls.x509_privkey_generate(key->numbers, GNUTLS_PK_RSA, bits, 0)
                     : m4_gnutls.x509_privkey_generate(key->numbers, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    }
    if (error == 0) {
        error = m4_gnutls.privkey_import_x509(key->key, key->numbers, 0);
    }
    return finish(result, key, error);
}

/* One try: a token locks itself after some. */
static int give_pin(void *pin, int attempt, const char *url, const char *label, unsigned flags, char *into, size_t room) {
    (void)url;
    (void)label;
    if (!pin || attempt > 0 || (flags & GNUTLS_PIN_WRONG) || strlen(pin) >= room) {
        return GNUTLS_E_PKCS11_PIN_ERROR;
    }
    strcpy(into, pin);
    return 0;
}

int m4_private_key_at(m4_private_key **result, const char *url, const char *pin) {
    int error;
    m4_private_key *key = allocate(&error);
    if (!key) {
        return error;
    }
    key->pin = pin ? strdup(pin) : NULL;
    m4_gnutls.privkey_set_pin_function(key->key, give_pin, key->pin);
    return finish(result, key, m4_gnutls.privkey_import_url(key->key, url, 0));
}

int m4_token_label(unsigned number, char label[64]) {
    if (m4_crypto_load()) {
        return GNUTLS_E_INTERNAL_ERROR;
    }
    char *url = NULL;
    int error = m4_gnutls.pkcs11_token_get_url(number, GNUTLS_PKCS11_URL_GENERIC, &url);
    if (error < 0) {
        return error;
    }
    size_t size = 63;
    memset(label, 0, 64);
    error = m4_gnutls.pkcs11_token_get_info(url, GNUTLS_PKCS11_TOKEN_LABEL, label, &size);
    m4_crypto_free(url);
    return error;
}

int m4_private_key_check(const m4_private_key *key) { return key->numbers ? m4_gnutls.x509_privkey_verify_params(key->numbers) : 0; }

bool m4_private_key_is_in_token(const m4_private_key *key) { return !key->numbers; }

int m4_private_key_pem(const m4_private_key *key, uint8_t **pem, size_t *count) {
    if (!key->numbers) {
        return GNUTLS_E_INVALID_REQUEST;
    }
    gnutls_datum_t out;
    int error = m4_gnutls.x509_privkey_export2_pkcs8(key->numbers, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &out);
    if (error == 0) {
        *pem = out.data;
        *count = out.size;
    }
    return error;
}

int m4_private_key_public(const m4_private_key *key, m4_public_key **result) {
    gnutls_pubkey_t handle;
    int error = m4_gnutls.pubkey_init(&handle);
    if (error < 0) {
        return error;
    }
    error = m4_gnutls.pubkey_import_privkey(handle, key->key, 0, 0);
    if (error < 0) {
        m4_gnutls.pubkey_deinit(handle);
        return error;
    }
    return m4_public_key_wrap(result, handle);
}

/* DER's r and s, each with as many bytes as the curve has. */
static int flatten(gnutls_datum_t *value) {
    enum { half = 32 };
    gnutls_datum_t numbers[2];
    int error = m4_gnutls.decode_rs_value(value, &numbers[0], &numbers[1]);
    if (error < 0) {
        return error;
    }
    uint8_t flat[2 * half] = {0};
    for (int i = 0; i < 2; i++) {
        const uint8_t *bytes = numbers[i].data;
        size_t size = numbers[i].size;
        while (size > half && *bytes == 0) {
            bytes++;
            size--;
        }
        if (size > half) {
            error = GNUTLS_E_PK_SIGN_FAILED;
        } else {
            memcpy(flat + i * half + half - size, bytes, size);
        }
    }
    m4_crypto_free(numbers[0].data);
    m4_crypto_free(numbers[1].data);
    /* Into the memory that DER had: of two numbers that are very small that is too short, once in 2^48 signatures. */
    if (error == 0 && value->size < sizeof flat) {
        error = GNUTLS_E_PK_SIGN_FAILED;
    }
    if (error == 0) {
        memcpy(value->data, flat, sizeof flat);
        value->size = sizeof flat;
    }
    return error;
}

int m4_private_key_sign(const m4_private_key *key, const uint8_t digest[M4_SHA256_SIZE], uint8_t **signature, size_t *count) {
    m4_public_key *verifier;
    int error = m4_private_key_public(key, &verifier);
    if (error < 0) {
        return error;
    }
    bool is_rsa = verifier->kind == M4_KEY_RSA;
    m4_public_key_free(verifier);
    const gnutls_datum_t hash = {(unsigned char *)digest, M4_SHA256_SIZE};
    /* A token makes its own random numbers, and knows nothing of the flag. */
    unsigned flags = is_rsa || !key->numbers ? 0 : GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE;
    gnutls_datum_t value = {NULL, 0};
    error = m4_gnutls.privkey_sign_hash2(key->key, is_rsa ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_ECDSA_SHA256, flags, &hash, &value);
    if (error == 0 && !is_rsa) {
        error = flatten(&value);
    }
    if (error < 0) {
        m4_crypto_free(value.data);
        return error;
    }
    *signature = value.data;
    *count = value.size;
    return 0;
}

int m4_pkcs8_rounds(const uint8_t *bytes, size_t count, bool is_pem, unsigned *rounds, char oid[128]) {
    oid[0] = 0;
    *rounds = 0;
    if (m4_crypto_load()) {
        return GNUTLS_E_INTERNAL_ERROR;
    }
    const gnutls_datum_t data = {(unsigned char *)bytes, (unsigned)count};
    unsigned schema, cipher;
    char *name = NULL;
    int error = m4_gnutls.pkcs8_info(&data, is_pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, &schema, &cipher, NULL, NULL, rounds, &name);
    if (name) {
        if (error < 0) {
            strncpy(oid, name, 127);
            oid[127] = 0;
        }
        m4_crypto_free(name);
    }
    return error;
}
