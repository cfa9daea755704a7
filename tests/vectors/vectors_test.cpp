// Promise: every third-party vector that fits HF1 passes, and holdfast-vectors can't call something passed that it did
// not test. Method: the program as a process, on the vectors as they are and on copies that are each broken in one
// place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path third_party() {
  const std::string given = environment("HOLDFAST_VECTORS");
  return given.empty() ? fs::path(environment("HOLDFAST_SOURCE")).parent_path() / "shared" / "vectors"
                       : fs::path(given);
}
fs::path own() { return fs::path(environment("HOLDFAST_SOURCE")) / "tests" / "vectors" / "own"; }

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome run_on(const fs::path& directory) {
  const std::string command =
      "'" + environment("HOLDFAST_BIN") + "/holdfast-vectors' '" + directory.string() + "' 2>&1";
  Outcome run;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return run;
  std::array<char, 4096> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    run.output.append(buffer.data(), size);
  const int ended = pclose(pipe);
  run.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  return run;
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A directory of one file, gone again at the end.
class Copy {
 public:
  Copy(const std::string& name, const std::string& content) {
    std::string pattern = (fs::temp_directory_path() / "holdfast-vectors-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    add(name, content);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { fs::remove_all(path_); }
  void add(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The position just behind `mark`, searched for behind `after`.
std::size_t behind(const std::string& content, const std::string& after, const std::string& mark) {
  const std::size_t start = content.find(after);
  const std::size_t found = start == std::string::npos ? start : content.find(mark, start);
  EXPECT_NE(found, std::string::npos) << "no " << mark << " behind " << after;
  return found == std::string::npos ? found : found + mark.size();
}

void flip_hex_digit(std::string& content, std::size_t at) { content.at(at) = content.at(at) == '0' ? '1' : '0'; }

struct Place {
  const char* file;
  const char* after;  // in a case that HF1 has
  const char* mark;   // the digit behind it is flipped
};

const Place flipped_values[] = {
    {"wycheproof/aes_gcm_test.json", "\"keySize\": 256", "\"tag\": \""},
    {"wycheproof/x25519_test.json", "\"tests\"", "\"shared\": \""},
    {"wycheproof/ed25519_test.json", "\"tests\"", "\"sig\": \""},
    {"wycheproof/ed25519_test.json", "\"testGroups\"", "\"publicKeyDer\": \""},
    {"wycheproof/hmac_sha256_test.json", "\"tests\"", "\"tag\": \""},
    {"wycheproof/hkdf_sha256_test.json", "\"tests\"", "\"okm\": \""},
    {"wycheproof/mlkem_768_keygen_seed_test.json", "\"tests\"", "\"dk\": \""},
    {"wycheproof/mlkem_768_encaps_test.json", "\"result\": \"valid\"", "\"c\": \""},
    {"wycheproof/mlkem_768_test.json", "\"tests\"", "\"K\": \""},
    {"wycheproof/mlkem_768_semi_expanded_decaps_test.json", "\"tests\"", "\"K\": \""},
    {"wycheproof/mldsa_65_sign_seed_test.json", "\"tests\"", "\"mu\": \""},
    {"wycheproof/mldsa_65_sign_seed_test.json", "\"tests\"", "\"sig\": \""},
    {"wycheproof/mldsa_65_verify_test.json", "\"tests\"", "\"sig\": \""},
    {"xwing/test-vectors.json", "\"ss\"", "\"ss\": \""},
    {"hpke-pq/test-vectors.json", "\"kem_id\": 25722", "\"skRm\": \""},
    {"hpke-pq/test-vectors.json", "\"kem_id\": 25722", "\"exported_value\": \""},
    {"mlkem-cctv/intermediate-ML-KEM-768.txt", "d = ", "d = "},
    {"mlkem-cctv/intermediate-ML-KEM-768.txt", "\nK = ", "\nK = "},
    {"mlkem-cctv/strcmp-ML-KEM-768.txt", "\nK = ", "\nK = "},
    {"mlkem-cctv/unluckysample-ML-KEM-768.txt", "\nm = ", "\nm = "},
};

TEST(Vectors, OfThirdPartiesPass) {
  ASSERT_TRUE(fs::is_directory(third_party())) << third_party() << " is missing: a failure, not a skip";
  const Outcome run = run_on(third_party());
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("hpke-pq/test-vectors.json: 18 passed, 0 failed"));
  EXPECT_THAT(run.output, HasSubstr("xwing/test-vectors.json: 3 passed, 0 failed"));
  EXPECT_THAT(run.output, HasSubstr(", 0 of unknown kind, 0 not good"));
}

TEST(Vectors, OfOurOwnPass) {
  const Outcome run = run_on(own());
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("hpke-xwing-aes.json: 7 passed, 0 failed, 0 foreign"));
}

TEST(Vectors, AMissingOrEmptyDirectoryIsAFailure) {
  const Copy copy("README.md", "nothing to run");
  EXPECT_NE(run_on(copy.path()).status, 0);
  EXPECT_NE(run_on(copy.path() / "missing").status, 0);
}

TEST(Vectors, AFlippedDigitFails) {
  for (const Place& place : flipped_values) {
    SCOPED_TRACE(std::string(place.file) + " " + place.mark);
    std::string content = content_of(third_party() / place.file);
    flip_hex_digit(content, behind(content, place.after, place.mark));
    const Copy copy(fs::path(place.file).filename(), content);
    const Outcome run = run_on(copy.path());
    EXPECT_EQ(run.status, 1) << run.output;
    EXPECT_THAT(run.output, ::testing::Not(HasSubstr(" 0 failed")));
  }
}

TEST(Vectors, EveryValueOfOurOwnCounts) {
  for (const fs::directory_entry& file : fs::directory_iterator(own())) {
    if (file.path().extension() != ".json") continue;
    const std::string content = content_of(file.path());
    // The first case of each file, value by value.
    const std::size_t end = content.find("},");
    for (std::size_t at = content.find("\": \""); at < end; at = content.find("\": \"", at + 1)) {
      if (content[at + 4] == '"' || content.substr(at - 8, 8) == "holdfast") continue;
      std::string broken = content;
      flip_hex_digit(broken, at + 4);
      const Copy copy(file.path().filename(), broken);
      EXPECT_EQ(run_on(copy.path()).status, 1) << file.path() << " at " << at << ": " << content.substr(at - 10, 30);
    }
  }
}

TEST(Vectors, AChangedResultFails) {
  for (const char* name :
       {"ed25519_test.json", "hkdf_sha256_test.json", "mldsa_65_verify_test.json", "mlkem_768_encaps_test.json"}) {
    std::string content = content_of(third_party() / "wycheproof" / name);
    const std::size_t at = behind(content, "\"tests\"", "\"result\": \"");
    ASSERT_NE(at, std::string::npos);
    const bool valid = content.compare(at, 5, "valid") == 0;
    content.replace(at, valid ? 5 : 7, valid ? "invalid" : "valid");
    const Copy copy(name, content);
    EXPECT_EQ(run_on(copy.path()).status, 1) << name;
  }
}

TEST(Vectors, AnAttributeThatNobodyReadFails) {
  const Place places[] = {{"wycheproof/aes_gcm_test.json", "{", "{"},
                          {"wycheproof/aes_gcm_test.json", "\"notes\"", "\"Ktv\": {"},
                          {"wycheproof/aes_gcm_test.json", "\"testGroups\"", "{"},
                          {"wycheproof/aes_gcm_test.json", "\"tests\"", "{"},
                          {"wycheproof/x25519_test.json", "\"tests\"", "{"},
                          {"wycheproof/mldsa_65_verify_test.json", "\"tests\"", "{"},
                          {"xwing/test-vectors.json", "{", "{"},
                          {"hpke-pq/test-vectors.json", "\"encryptions\"", "{"},
                          {"hpke-pq/test-vectors.json", "{", "{"}};
  for (const Place& place : places) {
    SCOPED_TRACE(std::string(place.file) + " " + place.after);
    std::string content = content_of(third_party() / place.file);
    content.insert(behind(content, place.after, place.mark), "\"surprise\": \"00\", ");
    const Copy copy(fs::path(place.file).filename(), content);
    const Outcome run = run_on(copy.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.output, HasSubstr("surprise"));
  }
  const std::string cctv = "mlkem-cctv/strcmp-ML-KEM-768.txt";
  const Copy copy("strcmp.txt", content_of(third_party() / cctv) + "surprise = 00\n");
  const Outcome run = run_on(copy.path());
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.output, HasSubstr("nobody read surprise"));
}

TEST(Vectors, AMissingRepeatedOrMalformedAttributeFails) {
  const std::string content = content_of(third_party() / "xwing/test-vectors.json");
  const std::size_t at = behind(content, "{", "{");
  std::string repeated = content, missing = content, malformed = content;
  repeated.insert(at, "\"seed\": \"00\", ");
  missing.replace(missing.find("\"sk\""), 4, "\"SK\"");
  malformed.at(behind(malformed, "\"ss\"", "\"ss\": \"")) = 'x';
  for (const std::string& broken : {repeated, missing, malformed}) {
    const Copy copy("test-vectors.json", broken);
    EXPECT_EQ(run_on(copy.path()).status, 1);
  }
}

TEST(Vectors, ACaseThatIsMissingFails) {
  std::string content = content_of(third_party() / "wycheproof/x25519_test.json");
  const std::size_t at = behind(content, "\"numberOfTests\"", "\"numberOfTests\": ");
  content.insert(at, "1");
  const Copy copy("x25519_test.json", content);
  EXPECT_EQ(run_on(copy.path()).status, 1);
}

TEST(Vectors, AFileWithoutACaseFails) {
  for (const char* content : {R"({"holdfast": "box", "cases": []})",
                              R"({"algorithm": "X", "schema": "x", "testGroups": [], "numberOfTests": 0})"}) {
    const Copy copy("more.json", content);
    EXPECT_EQ(run_on(copy.path()).status, 1);
  }
}

TEST(Vectors, AFileOfAnUnknownKindFails) {
  const std::string good = content_of(third_party() / "xwing/test-vectors.json");
  const std::pair<const char*, const char*> unknown[] = {
      {"more.bin", "1"},
      {"more.txt", "some words\n"},
      {"more.json", "{\"a\": 1}"},
      {"more.json", "[1"},
      {"more.json", ""},
      {"more.json",
       R"({"algorithm": "X", "schema": "x", "testGroups": [{"type": "New", "tests": []}], "numberOfTests": 0})"}};
  for (const auto& [name, content] : unknown) {
    const Copy copy("test-vectors.json", good);
    copy.add("notes.md", "ignored");
    EXPECT_EQ(run_on(copy.path()).status, 0);
    copy.add(name, content);
    const Outcome run = run_on(copy.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.output, HasSubstr("unknown kind of file"));
  }
}

}  // namespace
