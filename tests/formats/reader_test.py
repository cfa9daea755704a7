"""A reader written from docs/formats alone: it opens the example account, space, commit, tree and key file with the second implementation
of the suite, and no code of src/. So the pages say enough, and say what the code does."""

import hashlib
import hmac
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "vectors"))
from second_implementation import aes_256_gcm_seal, hkdf_expand, opaque, sha, xwing_public_key  # noqa: E402


def example(name):
    return bytes.fromhex((ROOT / "docs" / "formats" / "examples" / f"{name}.hex").read_text())


class Reader:
    """conventions.md, Codec."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        out = self.data[self.at:self.at + size]
        assert len(out) == size, "cut short"
        self.at += size
        return out

    def u(self, size):
        return int.from_bytes(self.take(size), "big")

    def opaque(self):
        size = {0: 1, 1: 2, 2: 4}[self.data[self.at] >> 6]
        return self.take(self.u(size) & ~(0xC0 << 8 * (size - 1)))

    def end(self):
        assert self.at == len(self.data), "bytes after the last field"


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def context(label, where):
    return opaque(label) + opaque(where)


def derive(key, purpose, where=b""):
    return hkdf_expand(key, context(b"Holdfast 1 " + purpose, where), 32)


def open_box(key, label, where, box):
    salt, commitment, sealed = box[:32], box[32:64], box[64:]
    place = opaque(context(label, where))
    assert commitment == mac(key, opaque(b"Holdfast 1 box commitment") + place + salt), "another key or place"
    enc = mac(key, opaque(b"Holdfast 1 box key") + place + salt)
    plain = aes_256_gcm_seal(enc, bytes(12), b"", sealed[:-16])[:len(sealed) - 16]  # counter mode is its own inverse
    assert aes_256_gcm_seal(enc, bytes(12), b"", plain) == sealed, "changed bytes"
    return plain


def check_conventions():
    assert open_box(b"\x11" * 32, b"Holdfast 1 example", b"here", example("box")) == b"a secret"
    assert example("derive")[-32:] == derive(b"\x11" * 32, b"example", b"here")


def check_identity():
    body, c_0 = example("link_body"), example("circle_secret")
    assert example("account_id") == sha(body)
    link = Reader(example("link"))
    assert link.take(len(body)) == body
    sealed, boxes = link.opaque(), link.opaque()
    assert body.endswith(sha(sealed))
    where = bytes(32) + bytes(4)  # CircleWhere of epoch 0
    epoch = (bytes(4) + sha(boxes) + xwing_public_key(derive(c_0, b"circle kem", where)) +
             mac(derive(c_0, b"circle commitment key"), context(b"Holdfast 1 circle commitment", where)))
    assert b"\x01" + epoch in body
    fields = Reader(boxes)
    assert fields.u(4) == 0
    fields.opaque()
    assert open_box(derive(c_0, b"circle history", where), b"Holdfast 1 circle history", where, fields.opaque()) == b""
    fields.end()
    nonce = body[len(opaque(b"Holdfast 1 link")) + 32 + 8 + 32:][:32]
    private = open_box(derive(c_0, b"link private", where), b"Holdfast 1 link private", bytes(8) + nonce, sealed)
    assert private == example("link_private")
    assert len(example("link")) % 1024 == 1023  # and one byte says which kind of entry it is
    names = Reader(private)
    name, salt = names.opaque(), names.take(32)
    assert sha(opaque(b"Holdfast 1 name") + opaque(name) + salt) in body


def space_keys():
    keys = example("space_keys")
    return keys[:32], keys[32:64], keys[64:100]  # space_root, F_0, EpochWhere


def check_space():
    root, f_0, where = space_keys()
    creation, space = example("creation"), example("space_id")
    assert sha(creation) == space == where[:32]
    nonce = creation[-64:-32]
    assert creation[-32:] == mac(derive(root, b"root commitment"), context(b"Holdfast 1 space root", nonce))
    derived = [derive(f_0, purpose, where) for purpose in (b"pack", b"index", b"commit", b"members", b"history")]
    assert example("space_keys")[100:] == b"".join(derived) + derive(root, b"chunker", space)

    boxes = Reader(example("space_boxes"))
    assert boxes.opaque() == b"Holdfast 1 space boxes" and boxes.u(4) == 0
    slots, role_slots, members, history = boxes.opaque(), boxes.opaque(), boxes.opaque(), boxes.opaque()
    boxes.end()
    table = Reader(open_box(derived[3], b"Holdfast 1 members", where, members))
    assert table.opaque() == example("member") and set(table.opaque()) <= {0}
    table.end()
    assert open_box(derived[4], b"Holdfast 1 history", where, history) == b""
    slot_key = example("member")[33:65]
    assert slots[:8] == mac(slot_key, context(b"Holdfast 1 slot", bytes(4)))[:8]
    assert role_slots[:8] == mac(slot_key, context(b"Holdfast 1 role slot", bytes(4)))[:8]
    change = example("epoch_change")
    assert change[20:52] == sha(example("space_boxes")) and change[84:116] == sha(opaque(example("member")))
    assert change[116:] == change[:52]  # its own role slots are the newest
    assert change[52:84] == mac(derive(f_0, b"epoch commitment"), context(b"Holdfast 1 epoch", where))
    assert example("epoch_box")[:64] == f_0 + root


def check_commit():
    _, f_0, where = space_keys()
    entry = Reader(example("genesis_entry"))
    group, kind, seq, prev = entry.take(32), entry.u(1), entry.u(8), entry.take(32)
    assert (group, kind, seq, prev) == (example("space_id"), 1, 1, bytes(32))
    entry.take(8 + 16)
    blob = entry.opaque()
    entry.end()
    assert example("entry_hash") == sha(example("genesis_entry")) and blob == example("sealed_commit") and len(blob) % 1024 == 0
    fields = Reader(blob)
    epoch, boxes, sealed = fields.take(4), fields.take(16), fields.opaque()
    commit_where = group + seq.to_bytes(8, "big") + prev + epoch + boxes
    assert commit_where == example("commit_where")
    plain = open_box(derive(f_0, b"commit", where), b"Holdfast 1 commit box", commit_where, sealed)
    body = example("commit_body")
    assert plain == example("commit_plain") and plain.startswith(body + b"\x02")
    padding = Reader(plain[len(body) + 1 + 64 + 3309:])
    assert set(padding.opaque()) <= {0}
    padding.end()
    assert example("author") in body and example("epoch_change") in body and example("creation") in body


def check_tree():
    root, _, _ = space_keys()
    chunk_id_key = derive(root, b"chunk id", example("space_id"))
    assert example("chunk_id") == mac(chunk_id_key, b"\x01hello, world\n")
    leaf = example("leaf")
    assert example("root") == mac(chunk_id_key, b"\x02" + leaf)
    node = Reader(leaf)
    assert (node.u(1), node.u(1)) == (0, 1)
    assert node.opaque() == example("file_entry") + example("link_entry")
    snapshot = example("snapshot")
    time_ns = int.from_bytes(snapshot[64:72], "big", signed=True)
    assert example("snapshot_key") == snapshot[48:64] + (time_ns + 2**63).to_bytes(8, "big") + snapshot[:16]


def check_device_files():
    file = Reader(example("key_file_open"))
    assert file.opaque() == b"Holdfast 1 key file" and file.u(1) == 2
    key, box = file.take(32), file.opaque()
    file.end()
    assert open_box(key, b"Holdfast 1 device keys", b"", box) == example("device_seeds")
    sealed = Reader(example("key_file_passphrase"))  # the standard library has no Argon2: what is around it is read
    assert sealed.opaque() == b"Holdfast 1 key file" and sealed.u(1) == 1
    assert (sealed.u(4), sealed.u(4)) == (65536, 3)
    sealed.take(16)
    assert len(sealed.opaque()) == 80 + len(example("device_seeds"))
    sealed.end()
    state = example("file_state")
    assert state[-32:] == sha(state[:-32])
    records, header = int.from_bytes(state[-44:-36], "big"), int.from_bytes(state[-36:-32], "big")
    assert records + header + 44 == len(state)


for check in (check_conventions, check_identity, check_space, check_commit, check_tree, check_device_files):
    check()
    print(f"{check.__name__.removeprefix('check_')}: as the pages say")
