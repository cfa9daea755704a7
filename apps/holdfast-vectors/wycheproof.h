// One case of a Wycheproof file, and what its handler says about it.
#pragma once

#include <string>

#include "tracked_json.h"

namespace holdfast::vectors {

struct WycheproofCase {
  std::string algorithm;  // of the file
  Node group;
  Node test;
  enum class Expected { valid, invalid, acceptable } expected;
  std::vector<std::string> flags;

  [[nodiscard]] bool has_flag(std::string_view name) const { return std::ranges::find(flags, name) != flags.end(); }
  [[nodiscard]] bool is_valid() const { return expected == Expected::valid; }
};

struct Verdict {
  bool holds = false;
  std::string foreign;  // the reason, if HF1 does not have what the case tests
};
inline Verdict foreign(std::string reason) { return {false, std::move(reason)}; }

// Every handler reads all attributes of its cases, also of those that turn out to be foreign.
Verdict run_aead(const WycheproofCase& c);
Verdict run_mac(const WycheproofCase& c);
Verdict run_hkdf(const WycheproofCase& c);
Verdict run_xdh(const WycheproofCase& c);
Verdict run_eddsa(const WycheproofCase& c);
Verdict run_ml_kem_keygen(const WycheproofCase& c);
Verdict run_ml_kem_encaps(const WycheproofCase& c);
Verdict run_ml_kem_seed_decaps(const WycheproofCase& c);
Verdict run_ml_kem_expanded_decaps(const WycheproofCase& c);
Verdict run_ml_dsa_sign(const WycheproofCase& c);
Verdict run_ml_dsa_verify(const WycheproofCase& c);

}  // namespace holdfast::vectors
