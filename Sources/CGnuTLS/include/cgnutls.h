// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What of GnuTLS the secure loader uses: SHA-256, keys, RSA and ECDSA signatures, keys in tokens.
 *
 * The library is loaded by the first call that needs it (m4_crypto_load): a run without OP-TEE does not pay for it. Functions that return int give 0,
 * or GnuTLS' negative error code; nothing is to be freed of what failed. Handles may be read by several threads at once, and have one owner.
 */
#ifndef CGNUTLS_H
#define CGNUTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define M4_SHA256_SIZE 32

/* NULL when GnuTLS can be used, else why not, for good. Any thread may call it; the first call changes the environment for a moment. The host's system-wide policy of algorithms is left out of account. */
const char *m4_crypto_load(void);
/* Such as "3.7.9"; "none" where it cannot be loaded. */
const char *m4_crypto_version(void);
/* What an error code means, in GnuTLS' words. */
const char *m4_crypto_text(int error);
void m4_crypto_free(void *bytes);

/* False, and nothing written, without the library. */
bool m4_sha256(const void *bytes, size_t count, uint8_t digest[M4_SHA256_SIZE]);
typedef struct m4_hash m4_hash;
/* NULL without the library or without memory. */
m4_hash *m4_hash_begin(void);
void m4_hash_add(m4_hash *, const void *bytes, size_t count);
/* Frees the hash; `digest` may be NULL. */
void m4_hash_end(m4_hash *, uint8_t *digest);

typedef enum { M4_KEY_OTHER, M4_KEY_RSA, M4_KEY_P256 } m4_key_kind;

typedef struct m4_public_key m4_public_key;
typedef struct m4_private_key m4_private_key;

/* SubjectPublicKeyInfo, or an X.509 certificate, in DER. */
int m4_public_key_read(m4_public_key **, const uint8_t *der, size_t count, bool is_certificate);
void m4_public_key_free(m4_public_key *);
/* bits: of an RSA modulus, or of the curve. name: of what is neither RSA nor P-256, as GnuTLS calls it; lives as long as the library. */
m4_key_kind m4_public_key_kind(const m4_public_key *, unsigned *bits, const char **name);
/* SubjectPublicKeyInfo; for m4_crypto_free. */
int m4_public_key_der(const m4_public_key *, uint8_t **der, size_t *count);
/* Bits of an RSA key's public exponent, 0 where it is even; 0 of others. */
unsigned m4_public_key_exponent_bits(const m4_public_key *);
/* RSASSA-PKCS1-v1_5, or ECDSA with r and s of 32 bytes each, over a SHA-256. */
bool m4_public_key_verifies(const m4_public_key *, const uint8_t digest[M4_SHA256_SIZE], const uint8_t *signature, size_t count);

/* How a private key is wrapped. */
typedef enum { M4_KEY_PLAIN, M4_KEY_PKCS8_ENCRYPTED, M4_KEY_OPENSSL_ENCRYPTED } m4_key_wrapping;

/* A PEM block, or DER where it is not encrypted by OpenSSL's own scheme. */
int m4_private_key_read(m4_private_key **, const uint8_t *bytes, size_t count, bool is_pem, m4_key_wrapping, const char *passphrase);
/* A key that a PKCS#11 token keeps, by its URL; it is used there. pin: NULL for none. */
int m4_private_key_at(m4_private_key **, const char *url, const char *pin);
/* The label of a token that is there, counted from 0; an error behind the last. */
int m4_token_label(unsigned number, char label[64]);
/* bits: of an RSA modulus; 0 for a key on P-256. */
int m4_private_key_make(m4_private_key **, unsigned bits);
void m4_private_key_free(m4_private_key *);
/* 0 when its numbers belong together; of a token's key not asked. */
int m4_private_key_check(const m4_private_key *);
bool m4_private_key_is_in_token(const m4_private_key *);
/* PKCS#8, not encrypted, as PEM; for m4_crypto_free. A token does not give it. */
int m4_private_key_pem(const m4_private_key *, uint8_t **pem, size_t *count);
int m4_private_key_public(const m4_private_key *, m4_public_key **);
/* As m4_public_key_verifies has it, and the same each time; for m4_crypto_free. */
int m4_private_key_sign(const m4_private_key *, const uint8_t digest[M4_SHA256_SIZE], uint8_t **signature, size_t *count);

/* How an encrypted PKCS#8 key is derived, without deriving it. oid: of what GnuTLS does not know, else empty. */
int m4_pkcs8_rounds(const uint8_t *bytes, size_t count, bool is_pem, unsigned *rounds, char oid[128]);

/* Error codes that are told apart; the others are for m4_crypto_text. */
extern const int m4_error_decryption, m4_error_unknown_algorithm, m4_error_unknown_cipher, m4_error_curve, m4_error_numbers;
/* Of tokens: the PIN, one that is locked, no such object, no such token, a URL that is none, a key that does not do what is asked. */
extern const int m4_error_pin, m4_error_pin_locked, m4_error_no_object, m4_error_no_token, m4_error_url, m4_error_token_key;

#endif
