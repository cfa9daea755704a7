#include "backup/file_state.h"
#include "identity/chain.h"
#include "session/key_file.h"
#include "session/upload.h"
#include "space/commit.h"
#include "verbs/inspect_home.h"

namespace holdfast::verbs {

namespace {

constexpr std::uint64_t file_bytes_max = 512 * 1024 * 1024;

bool try_pack(Inspected& out, ByteView bytes) {
  if (bytes.size() < 4 || as_text(bytes.first(4)) != "HFpk") return false;
  out.kind = "pack";
  if (bytes.size() < space::pack_header_bytes) {
    out.damage.push_back("it ends inside its header");
    return true;
  }
  const auto header = decode<space::PackHeader>(bytes.first(space::pack_header_bytes), "a pack's header");
  if (!header) {
    out.damage.push_back(header.error().sentence);
    return true;
  }
  field(out, "suite", header->suite == 1 ? "HF1" : "unknown " + std::to_string(header->suite));
  field(out, "epoch", std::to_string(header->epoch));
  field(out, "object", header->object.hex());
  field(out, "salt", header->salt.hex());
  field(out, "key commitment", header->commitment.hex());
  field(out, "sealed blocks, padding and directory",
        std::to_string(bytes.size() - space::pack_header_bytes -
                       std::min(bytes.size() - space::pack_header_bytes, space::pack_foot_bytes)) +
            " bytes");
  field(out, "sealed foot", std::to_string(space::pack_foot_bytes) + " bytes");
  field(out, "SHA-256", crypto::sha256(bytes).hex());
  if (bytes.size() > space::pack_bytes_max || bytes.size() < space::pack_bytes_min)
    out.damage.push_back("no pack has this size");
  if (header->suite != 1) out.damage.push_back("no such suite");
  return true;
}

bool try_entry(Inspected& out, ByteView bytes) {
  const auto entry = decode<api::Entry>(bytes, "a log entry");
  if (!entry) return false;
  out.kind = "log entry";
  field(out, "group", entry->group.hex());
  field(out, "kind", entry->kind == api::EntryKind::link ? "link" : "note");
  field(out, "seq", std::to_string(entry->seq));
  field(out, "prev", entry->prev.hex());
  field(out, "hash", api::entry_hash(*entry).hex());
  if (const auto commit = decode<space::SealedCommit>(entry->blob, "a commit")) {
    field(out, "holds", "a space's commit, sealed under epoch " + std::to_string(commit->epoch));
    field(out, "key boxes", commit->boxes.hex());
  } else if (const auto account = decode<identity::AccountEntry>(entry->blob, "a link")) {
    const auto& link = std::get<identity::Link>(account->content);
    field(out, "holds", "link " + std::to_string(link.body.n) + " of an account's chain");
    field(out, "link hash", identity::link_hash(link.body).hex());
    const auto chain = identity::begin_chain(link);
    if (chain) field(out, "signatures", "valid");
    if (!chain) out.damage.push_back(chain.error().sentence);
  } else {
    field(out, "holds", "a blob of another kind");
  }
  field(out, "blob", std::to_string(entry->blob.size()) + " bytes");
  return true;
}

bool try_boxes(Inspected& out, ByteView bytes) {
  const auto boxes = decode<space::SpaceBoxes>(bytes, "key boxes");
  if (!boxes) return false;
  out.kind = "key boxes of a space";
  field(out, "epoch", std::to_string(boxes->epoch));
  field(out, "slots", std::to_string(boxes->slots.size()) + " (some may be nobody's)");
  field(out, "role slots", std::to_string(boxes->role_slots.size()));
  return true;
}

bool try_upload_list(Inspected& out, ByteView bytes) {
  const auto list = session::look_at_upload_list(bytes);
  if (!list) return false;
  out.kind = "list of an upload";
  field(out, "packs that have arrived", std::to_string(list->packs));
  field(out, "chunks in them", std::to_string(list->chunks));
  field(out, "blocks in them", std::to_string(list->bytes) + " bytes");
  if (list->torn_bytes > 0) field(out, "torn at the end", std::to_string(list->torn_bytes) + " bytes: sent again");
  return true;
}

}  // namespace

Result<Inspected> inspect(Files& files, const Path& path) {
  HF_TRY(const Path real, files.real_path(path));
  HF_TRY(const FileStat stat, files.stat(real));
  HF_TRY(auto of_home, inspect_home_file(files, real, stat));
  if (of_home) return *std::move(of_home);
  HF_TRY(const Bytes bytes, files.read_file(path, file_bytes_max));
  Inspected out;
  field(out, "size", std::to_string(bytes.size()) + " bytes");
  if (const auto keys = session::look_at_key_file(files, path)) {
    out.kind = "key file";
    field(out, "sealed by",
          keys->has_passphrase ? "a passphrase (Argon2id)" : "nothing: whoever can read it has the device");
    return out;
  }
  if (const auto state = backup::FileState::open(files, path)) {
    out.kind = "file state";
    field(out, "space", (*state)->header().space.hex());
    field(out, "root", (*state)->header().root.hex());
    for (const std::string& backed_up : (*state)->header().paths) field(out, "path", printable(backed_up));
    return out;
  }
  if (const auto segment = space::SegmentView::over(bytes)) {
    out.kind = "local index segment";
    field(out, "records", std::to_string(segment->records()));
    field(out, "packs", std::to_string(segment->packs()));
    return out;
  }
  if (try_pack(out, bytes) || try_upload_list(out, bytes) || try_boxes(out, bytes) || try_entry(out, bytes)) return out;
  return fail(Code::Unsupported, "inspect does not know such a file, or its beginning is damaged", printable(path));
}

}  // namespace holdfast::verbs
