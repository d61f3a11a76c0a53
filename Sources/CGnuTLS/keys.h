// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#ifndef M4_GNUTLS_KEYS_H
#define M4_GNUTLS_KEYS_H

#include "cgnutls.h"
#include "library.h"

struct m4_public_key {
    gnutls_pubkey_t key;
    m4_key_kind kind;
    /* Of an RSA modulus, or of the curve. */
    unsigned bits;
    /* Of RSA. */
    unsigned exponent_bits;
    const char *name;
};

struct m4_private_key {
    gnutls_privkey_t key;
    /* NULL of a token's. */
    gnutls_x509_privkey_t numbers;
    /* For as long as the token may ask. */
    char *pin;
};

/* Takes the key over, also when it fails. */
int m4_public_key_wrap(m4_public_key **, gnutls_pubkey_t);

#endif
