#include <openssl/evp.h>

#include <functional>
#include <map>

#include "crypto/vector_support.h"
#include "kinds.h"

namespace holdfast::vectors {

namespace hf1 = crypto::vectors;

namespace {

// ML-KEM-768: dk = dk_PKE || ek || H(ek) || z, ek = t || rho, c = c1 || c2.
constexpr std::size_t pke_size = 1152, public_size = 1184, private_size = 2400, u_size = 960;

struct Line {
  std::string name, value;  // "dkPKE = NTT(s) = 32..": the first and the last part
};

std::optional<std::vector<Line>> lines_of(std::string_view content) {
  constexpr std::string_view separator = " = ";
  std::vector<Line> out;
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    if (line.empty()) continue;
    const std::size_t first = line.find(separator), last = line.rfind(separator);
    if (first == std::string_view::npos) return std::nullopt;
    out.push_back({std::string(line.substr(0, first)), std::string(line.substr(last + separator.size()))});
  }
  return out;
}

// The values that HF1 takes or gives. A name that stands twice upstream keeps the first.
class Values {
 public:
  explicit Values(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      if (const auto bytes = from_hex(line.value)) values_.emplace(line.name, *bytes);
    }
  }
  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  [[nodiscard]] Bytes of(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? Bytes() : found->second;
  }

 private:
  std::map<std::string, Bytes> values_;
};

bool is_part(ByteView whole, std::size_t from, std::size_t size, ByteView value) {
  return whole.size() >= from + size && std::ranges::equal(whole.subspan(from, size), value);
}

Bytes sha3_512(ByteView message) {  // FIPS 203's G
  Bytes out(64);
  std::size_t size = 0;
  EVP_Q_digest(nullptr, "SHA3-512", nullptr, message.data(), message.size(), out.data(), &size);
  return out;
}

// Steps inside of FIPS 203 that no interface of HF1 shows: polynomials, matrices, noise.
const std::vector<std::string_view> internal = {
    "A[0, 0]", "A",  "s[0]", "s",    "NTT(s[0])",      "e", "NTT(e)",      "r",  "μ",       "A^T", "NTT(r)",
    "e1",      "e2", "u",    "u[0]", "compress(u[0])", "v", "compress(v)", "uᵈ", "NTT(uᵈ)", "vᵈ",  "w"};

using Check = std::function<bool(ByteView value)>;

// What holds of each value, by its name.
std::map<std::string, Check> checks_of(const Values& values) {
  const Bytes public_key = values.of("ek"), private_key = values.of("dk"), ciphertext = values.of("c");
  const Bytes z = values.of("z"), seed_hash = sha3_512(values.of("d"));
  const auto opened = hf1::ml_kem_decapsulate_expanded(private_key, ciphertext);
  const bool has_m = values.has("m");
  const auto made = has_m ? hf1::ml_kem_encapsulate(public_key, values.of("m")) : std::nullopt;
  std::map<std::string, Check> out;
  out["ρ"] = [=](ByteView value) {
    return is_part(public_key, pke_size, 32, value) && is_part(seed_hash, 0, 32, value);
  };
  out["σ"] = [=](ByteView value) { return is_part(seed_hash, 32, 32, value); };
  out["dkPKE"] = [=](ByteView value) { return is_part(private_key, 0, pke_size, value); };
  out["t"] = [=](ByteView value) { return is_part(public_key, 0, pke_size, value); };
  out["ek"] = [=](ByteView value) { return is_part(private_key, pke_size, public_size, value); };
  out["H(ek)"] = [=](ByteView value) { return is_part(private_key, pke_size + public_size, 32, value); };
  out["z"] = [=](ByteView value) { return is_part(private_key, private_size - 32, 32, value); };
  out["dk"] = [=](ByteView) { return opened.has_value(); };
  out["m"] = [=](ByteView) { return made.has_value(); };
  out["c"] = [=](ByteView value) {
    return has_m ? made && std::ranges::equal(made->ciphertext, value) : opened.has_value();
  };
  out["c1"] = [=](ByteView value) { return is_part(ciphertext, 0, u_size, value); };
  out["c2"] = [=](ByteView value) { return is_part(ciphertext, u_size, ciphertext.size() - u_size, value); };
  out["K"] = [=](ByteView value) {
    return opened && std::ranges::equal(*opened, value) && (!has_m || (made && made->shared == *opened));
  };
  out["KBar"] = [=](ByteView value) {  // implicit rejection: J(z || c)
    Bytes input = z;
    append(input, ciphertext);
    return std::ranges::equal(hf1::shake256(input, 32), value);
  };
  return out;
}

// CCTV's keys are of the draft of FIPS 203, where d is hashed without the byte k: HF1 can't generate them, but they
// must be what they say they are.
void check_key_generation(const Values& values, Report& report) {
  Bytes seed = values.of("d");
  append(seed, values.of("z"));
  const auto keys = hf1::ml_kem_keys(seed);
  if (keys && keys->public_key == values.of("ek")) {
    report.check(keys->private_key == values.of("dk"), "d");
  } else if (is_part(values.of("ek"), pke_size, 32, ByteView(sha3_512(values.of("d"))).first(32))) {
    ++report.foreign["key generation of the draft of FIPS 203"];
  } else {
    report.check(false, "d");
  }
}

}  // namespace

bool is_cctv(std::string_view content) {
  const auto lines = lines_of(content);
  if (!lines) return false;
  const Values values(*lines);
  return values.has("dk") && values.has("c") && values.has("K");
}

void run_cctv(std::string_view content, Report& report) {
  const std::vector<Line> lines = lines_of(content).value_or(std::vector<Line>());
  const Values values(lines);
  if (const std::size_t size = values.of("dk").size(); size == 1632 || size == 3168) {
    report.foreign["ML-KEM-512 or ML-KEM-1024"] += lines.size();
    return;
  }
  const std::map<std::string, Check> checks = checks_of(values);
  std::map<std::string, int> seen;
  for (const auto& [name, text] : lines) {
    const bool again = ++seen[name] > 1;
    const auto value = from_hex(text);
    if (std::ranges::find(internal, name) != internal.end()) {
      ++report.foreign["values inside of ML-KEM"];
    } else if (name == "d" && !again) {
      check_key_generation(values, report);
    } else if (name == "dkPKE" && again && value) {
      report.check(values.of("ek") == *value, "dkPKE after ek");  // upstream's slip for ekPKE
    } else if (const auto check = checks.find(name); check != checks.end() && !again) {
      report.check(value && check->second(*value), name);
    } else {
      report.problems.push_back("nobody read " + name);
    }
  }
}

}  // namespace holdfast::vectors
