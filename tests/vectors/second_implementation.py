#!/usr/bin/env python3
"""HF1's own forms a second time, in plain Python: hashlib and hmac are all it takes from outside.

No third party has vectors for HF1's HPKE triple (X-Wing, HKDF-SHA256, AES-256-GCM) or for its boxes and packs. This file makes
them from the specifications (FIPS 197, SP 800-38D, RFC 7748, FIPS 203, draft-connolly-cfrg-xwing-kem, RFC 9180; DECISIONS D15, D16)
without a line of src/crypto or OpenSSL, so that agreement means something.

    second_implementation.py DIR     writes DIR/*.json; the stored ones are in tests/vectors/own
"""
import hashlib
import hmac
import json
import pathlib
import sys


# ---- AES-256-GCM (FIPS 197, SP 800-38D) ----
def xtime(a):
    return (a << 1) ^ 0x11B if a & 0x80 else a << 1


def gf_multiply(a, b):
    out = 0
    while b:
        if b & 1:
            out ^= a
        a, b = xtime(a), b >> 1
    return out


def make_sbox():
    out = []
    for a in range(256):
        inverse = next((b for b in range(256) if gf_multiply(a, b) == 1), 0)
        rotated = [((inverse << n) | (inverse >> (8 - n))) & 0xFF for n in range(5)]
        out.append(rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^ rotated[4] ^ 0x63)
    return out


SBOX = make_sbox()


def expand_key(key):
    words = [list(key[4 * i:4 * i + 4]) for i in range(8)]
    constant = 1
    for i in range(8, 60):
        word = list(words[-1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = xtime(constant)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[4 * r:4 * r + 4], []) for r in range(15)]


def aes_block(round_keys, block):
    state = [a ^ b for a, b in zip(block, round_keys[0])]
    for r in range(1, 15):
        state = [SBOX[b] for b in state]
        state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if r != 14:
            mixed = []
            for c in range(4):
                a = state[4 * c:4 * c + 4]
                mixed += [xtime(a[i]) ^ xtime(a[(i + 1) % 4]) ^ a[(i + 1) % 4] ^ a[(i + 2) % 4] ^ a[(i + 3) % 4]
                          for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, round_keys[r])]
    return bytes(state)


def ghash_multiply(x, y):
    out = 0
    for i in range(127, -1, -1):
        if (y >> i) & 1:
            out ^= x
        x = (x >> 1) ^ (0xE1 << 120) if x & 1 else x >> 1
    return out


def aes_256_gcm_seal(key, nonce, aad, plaintext):
    keys = expand_key(key)
    h = int.from_bytes(aes_block(keys, bytes(16)), "big")
    stream = b"".join(aes_block(keys, nonce + (2 + i).to_bytes(4, "big")) for i in range((len(plaintext) + 15) // 16))
    ciphertext = bytes(a ^ b for a, b in zip(plaintext, stream))
    padded = lambda data: data + bytes(-len(data) % 16)
    hashed = padded(aad) + padded(ciphertext) + (8 * len(aad)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    y = 0
    for i in range(0, len(hashed), 16):
        y = ghash_multiply(y ^ int.from_bytes(hashed[i:i + 16], "big"), h)
    mask = aes_block(keys, nonce + (1).to_bytes(4, "big"))
    return ciphertext + bytes(a ^ b for a, b in zip(y.to_bytes(16, "big"), mask))


# ---- X25519 (RFC 7748) ----
P25519 = 2**255 - 19


def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        bit = (k >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb)**2 % P25519, u * (da - cb)**2 % P25519
        x2, z2 = aa * bb % P25519, e * (aa + 121665 * e) % P25519
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P25519 - 2, P25519) % P25519).to_bytes(32, "little")


BASE_POINT = (9).to_bytes(32, "little")

# ---- ML-KEM-768 (FIPS 203): key generation and encapsulation ----
Q = 3329


def bit_reverse_7(i):
    return int(format(i, "07b")[::-1], 2)


ZETAS = [pow(17, bit_reverse_7(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * bit_reverse_7(i) + 1, Q) for i in range(128)]


def ntt(f):
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j], f[j + length] = (f[j] + t) % Q, (f[j] - t) % Q
        length //= 2
    return f


def inverse_ntt(f):
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3303 % Q for x in f]


def ntt_multiply(f, g):
    out = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        out += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return out


def add(f, g):
    return [(a + b) % Q for a, b in zip(f, g)]


def sum_of(polynomials):
    out = [0] * 256
    for f in polynomials:
        out = add(out, f)
    return out


def sample_ntt(seed):
    stream, out, i = hashlib.shake_128(seed).digest(3 * 1024), [], 0
    while len(out) < 256:
        a, b, c = stream[i:i + 3]
        i += 3
        out += [d for d in (a + 256 * (b % 16), b // 16 + 16 * c) if d < Q]
    return out[:256]


def sample_noise(seed, counter):  # eta = 2
    stream = hashlib.shake_256(seed + bytes([counter])).digest(128)
    bits = [(byte >> i) & 1 for byte in stream for i in range(8)]
    return [(bits[4 * i] + bits[4 * i + 1] - bits[4 * i + 2] - bits[4 * i + 3]) % Q for i in range(256)]


def encode(f, d):
    return sum(x << (d * i) for i, x in enumerate(f)).to_bytes(32 * d, "little")


def decode(data, d):
    whole = int.from_bytes(data, "little")
    return [(whole >> (d * i)) & ((1 << d) - 1) for i in range(256)]


def compress(f, d):
    return [((2 * (x << d) + Q) // (2 * Q)) % (1 << d) for x in f]


def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(3)] for i in range(3)]


def ml_kem_public_key(d):
    g = hashlib.sha3_512(d + b"\x03").digest()
    rho, sigma = g[:32], g[32:]
    a = matrix(rho)
    s = [ntt(sample_noise(sigma, i)) for i in range(3)]
    e = [ntt(sample_noise(sigma, 3 + i)) for i in range(3)]
    t = [add(sum_of(ntt_multiply(a[i][j], s[j]) for j in range(3)), e[i]) for i in range(3)]
    return b"".join(encode(f, 12) for f in t) + rho


def ml_kem_encapsulate(public_key, m):
    g = hashlib.sha3_512(m + hashlib.sha3_256(public_key).digest()).digest()
    shared, r = g[:32], g[32:]
    t = [decode(public_key[384 * i:384 * (i + 1)], 12) for i in range(3)]
    a = matrix(public_key[1152:])
    y = [ntt(sample_noise(r, i)) for i in range(3)]
    e1 = [sample_noise(r, 3 + i) for i in range(3)]
    e2 = sample_noise(r, 6)
    u = [add(inverse_ntt(sum_of(ntt_multiply(a[j][i], y[j]) for j in range(3))), e1[i]) for i in range(3)]
    message = [1665 * bit for bit in decode(m, 1)]
    v = add(add(inverse_ntt(sum_of(ntt_multiply(t[j], y[j]) for j in range(3))), e2), message)
    return b"".join(encode(compress(f, 10), 10) for f in u) + encode(compress(v, 4), 4), shared


# ---- X-Wing and HPKE ----
def xwing_public_key(seed):
    expanded = hashlib.shake_256(seed).digest(96)
    return ml_kem_public_key(expanded[:32]) + x25519(expanded[64:], BASE_POINT)


def xwing_encapsulate(public_key, eseed):
    ciphertext_m, shared_m = ml_kem_encapsulate(public_key[:1184], eseed[:32])
    ciphertext_x = x25519(eseed[32:], BASE_POINT)
    shared_x = x25519(eseed[32:], public_key[1184:])
    shared = hashlib.sha3_256(shared_m + shared_x + ciphertext_x + public_key[1184:] + b"\\.//^\\").digest()
    return ciphertext_m + ciphertext_x, shared


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_expand(secret, info, size):
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = mac(secret, block + info + bytes([counter]))
        out, counter = out + block, counter + 1
    return out[:size]


SUITE = b"HPKE" + bytes.fromhex("647a00010002")


def labeled_extract(salt, label, data):
    return mac(salt, b"HPKE-v1" + SUITE + label + data)


def labeled_expand(secret, label, info, size):
    return hkdf_expand(secret, size.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info, size)


def key_schedule(shared, info):
    context = b"\x00" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    return (labeled_expand(secret, b"key", context, 32), labeled_expand(secret, b"base_nonce", context, 12),
            labeled_expand(secret, b"exp", context, 32))


def derive_seed(ikm):
    label = b"DeriveKeyPair"
    return hashlib.shake_256(ikm + b"HPKE-v1KEM\x64\x7a" + len(label).to_bytes(2, "big") + label + b"\x00\x20").digest(32)


# ---- Holdfast's own forms (DECISIONS D15, D16) ----
def opaque(data):  # opaque<V>: RFC 9420's variable-size length
    if len(data) < 64:
        return bytes([len(data)]) + data
    if len(data) < 1 << 14:
        return (len(data) | 1 << 14).to_bytes(2, "big") + data
    return (len(data) | 1 << 31).to_bytes(4, "big") + data


def sha(data):
    return hashlib.sha256(data).digest()


def seal_box(key, label, where, plaintext, random):
    context = opaque(label) + opaque(where)
    salt = mac(key, opaque(b"Holdfast 1 salt") + random + sha(context) + sha(plaintext))
    box_key = mac(key, opaque(b"Holdfast 1 box key") + opaque(context) + salt)
    commitment = mac(key, opaque(b"Holdfast 1 box commitment") + opaque(context) + salt)
    return salt + commitment + aes_256_gcm_seal(box_key, bytes(12), b"", plaintext)


def seal_pack_block(key, where, directory, header, number, plaintext, random):
    salt = mac(key, opaque(b"Holdfast 1 salt") + random + sha(where) + sha(directory))
    pack_key = mac(key, opaque(b"Holdfast 1 pack key") + opaque(where) + salt)
    commitment = mac(key, opaque(b"Holdfast 1 pack commitment") + opaque(where) + salt)
    nonce = bytes(8) + number.to_bytes(4, "big")
    return salt, commitment, aes_256_gcm_seal(pack_key, nonce, header + nonce, plaintext)


# ---- the vectors ----
def given(what, size):  # inputs that anyone can make again
    return hashlib.shake_128(what.encode()).digest(size)


def hexed(values):
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def hpke_vectors():
    info, ikm_r, eseed = b"Holdfast 1 test", given("ikmR", 32), given("ikmE", 64)
    seed = derive_seed(ikm_r)
    public_key = xwing_public_key(seed)
    enc, shared = xwing_encapsulate(public_key, eseed)
    key, base_nonce, exporter = key_schedule(shared, info)
    encryptions = []
    for i in range(3):
        nonce = base_nonce[:4] + (int.from_bytes(base_nonce[4:], "big") ^ i).to_bytes(8, "big")
        aad, plaintext = b"Count-%d" % i, given("pt %d" % i, 20 * i)
        encryptions.append(hexed({"aad": aad, "ct": aes_256_gcm_seal(key, nonce, aad, plaintext), "nonce": nonce, "pt": plaintext}))
    exports = [hexed({"exporter_context": c, "L": size, "exported_value": labeled_expand(exporter, b"sec", c, size)})
               for c, size in ((b"", 32), (b"context", 64))]
    return [hexed({"mode": 0, "kem_id": 0x647A, "kdf_id": 1, "aead_id": 2, "info": info, "ikmE": eseed, "ikmR": ikm_r, "skRm": seed,
                   "pkRm": public_key, "enc": enc, "shared_secret": shared, "suite_id": SUITE, "key": key, "base_nonce": base_nonce,
                   "exporter_secret": exporter}) | {"encryptions": encryptions, "exports": exports}]


def hpke_seal_cases():
    for info, size in ((b"", 0), (b"Holdfast 1 test", 33)):
        seed, random, plaintext = given("seed", 32), given("eseed", 64), given("plaintext", size)
        enc, shared = xwing_encapsulate(xwing_public_key(seed), random)
        key, nonce, _ = key_schedule(shared, info)
        yield {"seed": seed, "info": info, "random": random, "plaintext": plaintext,
               "sealed": enc + aes_256_gcm_seal(key, nonce, b"", plaintext)}


def box_cases():
    for i, (where, size) in enumerate(((b"", 0), (b"somewhere", 16), (given("where", 100), 1000))):
        key, random, plaintext = given("key %d" % i, 32), given("random %d" % i, 32), given("plaintext %d" % i, size)
        yield {"key": key, "label": "Holdfast 1 test", "where": where, "random": random, "plaintext": plaintext,
               "box": seal_box(key, b"Holdfast 1 test", where, plaintext, random)}


def pack_cases():
    for number, size in ((0, 0), (1, 100), (2**32 - 2, 1000)):
        key, where, directory, header = given("key", 32), given("where", 56), given("directory", 70), given("header", 90)
        random, plaintext = given("random", 32), given("plaintext", size)
        salt, commitment, sealed = seal_pack_block(key, where, directory, header, number, plaintext, random)
        yield {"key": key, "where": where, "directory": directory, "header": header, "random": random, "salt": salt,
               "commitment": commitment, "number": number, "plaintext": plaintext, "sealed": sealed}


def derivation_cases():
    for purpose, where in (("home root", b""), ("circle kem", given("where", 64))):
        key = given("key", 32)
        yield {"key": key, "purpose": purpose, "where": where,
               "derived": hkdf_expand(key, opaque(b"Holdfast 1 " + purpose.encode()) + opaque(where), 32)}


def message_cases():
    for size in (32, 1984):  # an Ed25519 key; a hybrid one: Ed25519 and ML-DSA-65
        public_key, context, body = given("public key", size), given("context", 80), given("body", 10)
        yield {"label": "Holdfast 1 test", "public_key": public_key, "context": context, "body": body,
               "message": opaque(b"Holdfast 1 test") + sha(public_key) + opaque(context) + sha(body)}


def main():
    directory = pathlib.Path(sys.argv[1])
    files = {"hpke-xwing-aes": hpke_vectors()}
    for kind, cases in (("hpke seal", hpke_seal_cases), ("box", box_cases), ("pack", pack_cases), ("derivation", derivation_cases),
                        ("signed message", message_cases)):
        files[kind.replace(" ", "-")] = {"holdfast": kind, "cases": [hexed(c) for c in cases()]}
    for name, content in files.items():
        (directory / (name + ".json")).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
