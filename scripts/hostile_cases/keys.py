# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Keys: PEM and DER that lie, and numbers that ask for much work. With an RSA key of its own that signs, made from the seed."""

import base64
import hashlib

from .case import STEERING, Case, scatter

SIZE = 128


# --- DER

def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def integer(number):
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def sequence(*parts):
    return tlv(0x30, b"".join(parts))


def oid(*arcs):
    body = bytes([40 * arcs[0] + arcs[1]])
    for arc in arcs[2:]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | 0x80)
        body += bytes(reversed(digits))
    return tlv(6, body)


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return ("-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, lines, label)).encode()


RSA = sequence(oid(1, 2, 840, 113549, 1, 1, 1), b"\x05\x00")


def public_pem(n, e):
    return pem("PUBLIC KEY", sequence(RSA, tlv(3, b"\0" + sequence(integer(n), integer(e)))))


# --- RSA

def _is_prime(n, random):
    if any(n % p == 0 for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for _ in range(12):
        x = pow(random.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(r - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def prime(bits, random):
    while True:
        n = random.getrandbits(bits) | 3 << (bits - 2) | 1
        if n % 65537 != 1 and _is_prime(n, random):
            return n


class Key:
    def __init__(self, random, bits=SIZE * 8):
        self.p, self.q = prime(bits // 2, random), prime(bits // 2, random)
        self.n, self.e = self.p * self.q, 65537
        self.d = pow(self.e, -1, (self.p - 1) * (self.q - 1))

    def numbers(self):
        return [0, self.n, self.e, self.d, self.p, self.q, self.d % (self.p - 1), self.d % (self.q - 1), pow(self.q, -1, self.p)]

    def private_pem(self, numbers=None):
        return pem("RSA PRIVATE KEY", sequence(*map(integer, numbers or self.numbers())))

    def public_pem(self):
        return public_pem(self.n, self.e)

    def sign(self, data):
        info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
        size = (self.n.bit_length() + 7) // 8
        block = b"\0\x01" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
        return pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(size, "big")


_made = {}


def trusted(random):
    """One key for all cases of a seed's choice, of four: making one takes some milliseconds."""
    import random as library
    number = random.randrange(4)
    if number not in _made:
        _made[number] = Key(library.Random("key %d" % number))
    return _made[number]


# --- Hostile ones

def encrypted(random, rounds):
    """PBES2 or a scheme of PKCS#12's, with so many rounds."""
    salt = tlv(4, random.randbytes(8))
    body = tlv(4, random.randbytes(random.choice([16, 640])))
    if random.random() < 0.2:
        scheme = sequence(oid(1, 2, 840, 113549, 1, 12, 1, random.choice([1, 3, 6])), sequence(salt, integer(rounds)))
    else:
        hashes = random.choice([[], [sequence(oid(1, 2, 840, 113549, 2, random.choice([7, 9, 10, 11])), b"\x05\0")]])
        kdf = sequence(oid(1, 2, 840, 113549, 1, 5, 12), sequence(salt, integer(rounds), *hashes))
        cipher = sequence(oid(2, 16, 840, 1, 101, 3, 4, 1, random.choice([2, 22, 42])), tlv(4, random.randbytes(16)))
        scheme = sequence(oid(1, 2, 840, 113549, 1, 5, 13), sequence(kdf, cipher))
    return pem("ENCRYPTED PRIVATE KEY", sequence(scheme, body))


def hostile(random):
    kind = random.randrange(10)
    key = trusted(random)
    if kind == 0:
        return encrypted(random, random.choice([0, 1, 2048, 5000, 10_000_001, 50_000_000, 1 << 31, 1 << 63, 1 << 64, 1 << 4000]))
    if kind == 1:
        # Outsized, or made of small primes.
        bits = random.choice([64, 256, 1024, 2048, 8192, 16384, 16385, 65536, 400_000])
        p = random.choice([3, 5, random.getrandbits(max(8, bits // 2)) | 1])
        n = random.choice([p * p, random.getrandbits(bits) | 1 << bits - 1 | 1])
        d = random.getrandbits(bits) | 1
        return key.private_pem([0, n, random.choice([3, 65537]), d, p, p, d % max(1, p - 1), d % max(1, p - 1), 1])
    if kind == 2:
        numbers = key.numbers()
        place = random.randrange(9)
        numbers[place] = random.choice([0, 1, 2, numbers[place] + 1, numbers[place] ^ 1 << random.randrange(500), 1 << 20000])
        return key.private_pem(numbers)
    if kind == 3:
        bits = random.choice([489, 1024, 2048, 9000, 16384, 65536, 100_000])
        return public_pem(random.getrandbits(bits) | 1 << bits - 1 | 1, random.choice([3, 65537, 1, 0, 2, (1 << 33) + 1, random.getrandbits(bits) | 1]))
    if kind == 4:
        return scatter(random, key.private_pem(), random.choice([1, 4, 30]))
    if kind == 5:
        return pem(random.choice(["PUBLIC KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]),
                   scatter(random, sequence(*map(integer, key.numbers())), random.choice([1, 4])))
    if kind == 6:
        # Lengths that lie, and nesting.
        return pem("PRIVATE KEY", random.choice([
            b"\x30\x84\xff\xff\xff\xff\x02\x01\0", b"\x30\x89" + b"\xff" * 9, b"\x30\x80" * random.choice([10, 20000]),
            b"\x30\x82\xff\xff" * 5000, sequence(b"\x02\x01\0" * 20000)]))
    if kind == 7:
        label = random.choice(STEERING + [b"RSA PRIVATE KEY" * 300]).decode("latin-1")
        return pem(label, b"abc") * random.choice([1, 3, 5000])
    if kind == 8:
        dek = random.choice(["AES-256-CBC,00", "AES-128-CBC," + "0" * 32, "DES-EDE3-CBC,0123456789ABCDEF", "X" * 10000, "DES-EDE3-CBC"])
        body = base64.b64encode(random.randbytes(random.choice([8, 600, 30_000, 600_000]))).decode()
        text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: %s\n\n%s\n-----END RSA PRIVATE KEY-----\n" % (dek, body)
        return text.encode()
    return random.choice([b"", random.randbytes(5000), b"-----BEGIN PRIVATE KEY-----\n" * 20000, b"A" * (3 << 20), key.private_pem() * 300])


def make(random, tools):
    _, sample = random.choice(tools.samples)
    files = {"hostile.pem": hostile(random), "firmware.elf": sample}
    where = random.choice(["hostile.pem"] * 9 + ["/dev/zero", "/dev/null", ".", "missing.pem"])
    kind = random.randrange(4)
    if kind == 0:
        argv = ["sign", "--in", "firmware.elf", "--out", "out.signed", "--key", where] + random.choice([[], ["--key-pwd", "sesame"], ["--key-pwd", ""]])
    elif kind == 1:
        argv = ["verify", "firmware.elf"] + ["--key", where] * random.choice([1, 2, 100])
    elif kind == 2:
        argv = ["sign", "--in", "firmware.elf", "--out", "out.signed", "--key", where, "--key-pwd", "sesame", "--key-type", "ECC"]
    else:
        argv = ["keygen", "--out", "out.keys", "--bits", str(random.choice([-1, 0, 1, 1024, 2047, 65536, 1 << 31, 1 << 62, 1 << 64]))]
    # Two seconds: reading a key costs a moment, or is refused.
    return Case(argv, files, 2.0, makes=["out."])
