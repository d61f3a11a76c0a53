// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* GnuTLS' functions by name, once m4_crypto_load has found them. */
#ifndef M4_GNUTLS_LIBRARY_H
#define M4_GNUTLS_LIBRARY_H

#if !__has_include(<gnutls/abstract.h>)
#error "GnuTLS' headers are not there: Debian's package is libgnutls28-dev"
#endif
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#define M4_GNUTLS_FUNCTIONS(X) \
    X(check_version) X(global_init) X(strerror) X(hash_fast) X(hash_init) X(hash) X(hash_deinit) X(encode_rs_value) X(decode_rs_value) X(ecc_curve_get_name) \
    X(pk_algorithm_get_name) X(pkcs8_info) X(pubkey_init) X(pubkey_deinit) X(pubkey_import) X(pubkey_import_x509) X(pubkey_import_privkey) \
    X(pubkey_get_pk_algorithm) X(pubkey_export2) X(pubkey_export_rsa_raw2) X(pubkey_export_ecc_raw2) X(pubkey_verify_hash2) \
    X(x509_crt_init) X(x509_crt_deinit) X(x509_crt_import) X(x509_privkey_init) X(x509_privkey_deinit) X(x509_privkey_import2) \
    X(x509_privkey_import_openssl) X(x509_privkey_generate) X(x509_privkey_verify_params) X(x509_privkey_export2_pkcs8) X(x509_privkey_export_rsa_raw2) X(x509_privkey_get_pk_algorithm) X(privkey_init) \
    X(privkey_deinit) X(privkey_import_x509) X(privkey_import_url) X(privkey_set_pin_function) X(privkey_sign_hash2) \
    X(pkcs11_token_get_url) X(pkcs11_token_get_info)

typedef struct {
#define M4_FIELD(name) __typeof__(gnutls_##name) *name;
    M4_GNUTLS_FUNCTIONS(M4_FIELD)
#undef M4_FIELD
    /* GnuTLS' own allocator's. */
    gnutls_free_function *free;
} m4_gnutls_library;

/* Its fields are NULL until m4_crypto_load has succeeded. */
extern m4_gnutls_library m4_gnutls;

#endif
