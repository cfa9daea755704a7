#include "wycheproof.h"

#include <map>
#include <set>

#include "kinds.h"

namespace holdfast::vectors {

namespace {

using Handler = Verdict (*)(const WycheproofCase&);
const std::map<std::string, Handler, std::less<>> handlers = {
    {"AeadTest", run_aead},
    {"MacTest", run_mac},
    {"HkdfTest", run_hkdf},
    {"XdhComp", run_xdh},
    {"EddsaVerify", run_eddsa},
    {"MLKEMKeyGen", run_ml_kem_keygen},
    {"MLKEMEncapsTest", run_ml_kem_encaps},
    {"MLKEMTest", run_ml_kem_seed_decaps},
    {"MLKEMDecapsValidationTest", run_ml_kem_expanded_decaps},
    {"MlDsaSign", run_ml_dsa_sign},
    {"MlDsaVerify", run_ml_dsa_verify},
};

// Explanations of the flags, for people.
void read_notes(const Node& root) {
  const auto notes = root.find("notes");
  if (!notes) return;
  for (const auto& [name, note] : notes->members()) {
    for (const char* part : {"bugType", "description", "effect", "cves", "links"}) {
      if (const auto text = note.find(part)) text->documentation();
    }
  }
}

void run_case(WycheproofCase& c, Handler handler, Report& report) {
  const std::string name = "tcId " + std::to_string(c.test.at("tcId").number());
  if (const auto comment = c.test.find("comment")) comment->documentation();
  if (const auto flags = c.test.find("flags")) {
    for (const Node& flag : flags->elements()) c.flags.push_back(flag.text());
  }
  const std::string result = c.test.at("result").text();
  if (result == "valid") {
    c.expected = WycheproofCase::Expected::valid;
  } else if (result == "invalid") {
    c.expected = WycheproofCase::Expected::invalid;
  } else if (result == "acceptable") {
    c.expected = WycheproofCase::Expected::acceptable;
  } else {
    report.check(false, name + ", whose result is neither valid, invalid nor acceptable");
    return;
  }
  const Verdict verdict = handler(c);
  if (verdict.foreign.empty()) {
    report.check(verdict.holds, name);
  } else {
    ++report.foreign[verdict.foreign];
  }
}

}  // namespace

void run_wycheproof(Document& file, Report& report) {
  const Node root = file.root();
  const std::string algorithm = root.at("algorithm").text();
  root.at("schema").documentation();
  for (const char* name : {"header", "generatorVersion"}) {
    if (const auto text = root.find(name)) text->documentation();
  }
  read_notes(root);
  std::size_t count = 0;
  std::set<std::uint64_t> seen;
  for (const Node& group : root.at("testGroups").elements()) {
    if (const auto source = group.find("source")) {
      for (const char* part : {"name", "version"}) source->at(part).documentation();
    }
    const auto handler = handlers.find(group.at("type").text());
    if (handler == handlers.end()) {
      report.unknown = true;
      return;
    }
    for (const Node& test : group.at("tests").elements()) {
      ++count;
      if (!seen.insert(test.at("tcId").number()).second) report.problems.push_back("two cases have one tcId");
      WycheproofCase c{algorithm, group, test, WycheproofCase::Expected::invalid, {}};
      run_case(c, handler->second, report);
    }
  }
  if (root.at("numberOfTests").number() != count) {
    report.problems.push_back("numberOfTests is not the number of the cases, " + std::to_string(count));
  }
}

}  // namespace holdfast::vectors
