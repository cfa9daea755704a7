#include "kinds.h"

namespace holdfast::vectors {

namespace {

// Files whose room does not exist yet. A room that arrives takes its lines away.
struct Waiting {
  std::string_view room;
  std::vector<std::string_view> members;  // of each element: together found in no other kind
};
const std::vector<Waiting> waiting = {
    {"record: OPRF, RFC 9497", {"groupDST", "skSm", "vectors"}},
    {"mls: crypto-basics, RFC 9420", {"ref_hash", "derive_tree_secret"}},
    {"mls: deserialization, RFC 9420", {"vlbytes_header", "length"}},
    {"mls: key-schedule, RFC 9420", {"initial_init_secret", "epochs"}},
    {"mls: message-protection, RFC 9420", {"membership_key", "proposal_pub"}},
    {"mls: messages, RFC 9420", {"mls_welcome", "mls_key_package"}},
    {"mls: passive-client, RFC 9420", {"initial_epoch_authenticator", "external_psks"}},
    {"mls: psk_secret, RFC 9420", {"psks", "psk_secret"}},
    {"mls: secret-tree, RFC 9420", {"sender_data", "leaves"}},
    {"mls: transcript-hashes, RFC 9420", {"interim_transcript_hash_after", "confirmation_key"}},
    {"mls: tree-math, RFC 9420", {"n_leaves", "sibling"}},
    {"mls: tree-operations, RFC 9420", {"tree_before", "proposal_sender"}},
    {"mls: tree-validation, RFC 9420", {"resolutions", "tree_hashes"}},
    {"mls: treekem, RFC 9420", {"update_paths", "leaves_private"}},
    {"mls: welcome, RFC 9420", {"signer_pub", "welcome"}},
};

class Shape {
 public:
  explicit Shape(std::vector<std::string> names) : names_(std::move(names)) {}
  [[nodiscard]] bool has(const std::vector<std::string_view>& wanted) const {
    return std::ranges::all_of(wanted,
                               [&](std::string_view name) { return std::ranges::find(names_, name) != names_.end(); });
  }

 private:
  std::vector<std::string> names_;
};

void run_json(std::string_view content, Report& report) {
  Document file(content);
  if (!file.is_json()) {
    report.unknown = true;
    return;
  }
  const Shape shape(file.shape());
  if (!file.is_list() && shape.has({"algorithm", "testGroups"})) {
    run_wycheproof(file, report);
  } else if (!file.is_list() && shape.has({"holdfast", "cases"})) {
    run_own(file, report);
  } else if (file.is_list() && shape.has({"kem_id", "kdf_id", "aead_id"})) {
    run_hpke(file, report);
  } else if (file.is_list() && shape.has({"seed", "eseed", "pk", "ct"})) {
    run_xwing(file, report);
  } else {
    const auto found =
        std::ranges::find_if(waiting, [&](const Waiting& kind) { return file.is_list() && shape.has(kind.members); });
    if (found == waiting.end()) {
      report.unknown = true;
    } else {
      report.waiting_for = found->room;
    }
    return;
  }
  for (std::string& problem : file.problems()) report.problems.push_back(std::move(problem));
}

}  // namespace

Report run_file(std::string_view name, std::string_view content) {
  Report report;
  if (name.ends_with(".json")) {
    run_json(content, report);
  } else if (name.ends_with(".txt") && is_cctv(content)) {
    run_cctv(content, report);
  } else {
    report.unknown = true;
  }
  const bool ran = report.passed + report.failed + report.foreign_count() != 0;
  if (!ran && !report.unknown && report.waiting_for.empty()) report.problems.emplace_back("it has no case");
  return report;
}

}  // namespace holdfast::vectors
