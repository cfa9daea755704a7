#include "server/keys.h"

#include <gtest/gtest.h>

#include "base/system.h"
#include "server/keys_base64.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

struct KeyWorld {
  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(1);
  std::unique_ptr<Random> random = system_random();
  Result<ServerKeys> load() { return load_or_make_keys(*files, *random, directory.path()); }
};

// RFC 4648 section 10.
TEST(Base64, HasTheVectorsOfItsStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(from_base64(text), to_bytes(as_bytes(plain)));
  }
}

TEST(Base64, HasOneEncoding) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9v=", "=", "Zm9v\n", "Zm 9v", "Zm-v", "Z"})
    EXPECT_FALSE(from_base64(text)) << text;
}

// C2SP signed-note, "Example".
TEST(VerifierKey, IsTheOneOfTheStandardsExample) {
  const std::string vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  const auto bytes = from_base64(vkey.substr(vkey.rfind('+') + 1));
  ASSERT_TRUE(bytes);
  EXPECT_EQ(verifier_key("example.com/foo", crypto::Ed25519Public::from(ByteView(*bytes).subspan(1))), vkey);
}

// The documented example of golang.org/x/mod/sumdb/note.
TEST(SignerKey, IsReadAsGoWritesIt) {
  const std::string text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
  const auto seed = read_signer_key(as_bytes(text));
  ASSERT_TRUE(seed);
  EXPECT_EQ(verifier_key("PeterNeumann", crypto::Ed25519Key(*seed).public_key()),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  EXPECT_EQ(as_text(signer_key("PeterNeumann", *seed).view()), text);
}

TEST(SignerKey, AnyChangedByteIsNoticed) {
  const std::string text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(read_signer_key(as_bytes(changed))) << i;
    EXPECT_FALSE(read_signer_key(as_bytes(text.substr(0, i)))) << i;
  }
}

TEST(ServerKeys, AreMadeOnceAndReadAgain) {
  KeyWorld world;
  const auto made = world.load();
  ASSERT_TRUE(made) << made.error().sentence;
  const auto again = world.load();
  ASSERT_TRUE(again);
  EXPECT_EQ(made->tls.server_key_hash(), again->tls.server_key_hash());
  EXPECT_EQ(made->log, again->log);
  EXPECT_EQ(made->policy, again->policy);
  EXPECT_EQ(made->policy, "log " + made->log_vkey + "\nquorum none\n");
  EXPECT_EQ(made->policy_hash, crypto::sha256(as_bytes(made->policy)));
  for (const char* name : {"tls.pem", "log.key", "policy"})
    EXPECT_EQ(world.files->stat(world.directory / name)->mode, 0600u);
}

TEST(ServerKeys, OfTwoServersDiffer) {
  KeyWorld one, two;
  const auto first = one.load(), second = two.load();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->tls.server_key_hash(), second->tls.server_key_hash());
  EXPECT_NE(first->log_vkey, second->log_vkey);
}

TEST(ServerKeys, AFirstStartThatWasCutShortGoesOn) {
  KeyWorld world;
  const auto made = world.load();
  ASSERT_TRUE(made);
  ASSERT_TRUE(world.files->remove(world.directory / "policy"));
  const auto again = world.load();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->policy, made->policy);
  EXPECT_EQ(again->tls.server_key_hash(), made->tls.server_key_hash());
}

TEST(ServerKeys, ALostKeyIsNeverReplacedInSilence) {
  for (const char* name : {"tls.pem", "log.key"}) {
    KeyWorld world;
    ASSERT_TRUE(world.load());
    ASSERT_TRUE(world.files->remove(world.directory / name));
    const auto again = world.load();
    ASSERT_FALSE(again) << name;
    EXPECT_EQ(again.error().code, Code::Missing);
    EXPECT_FALSE(world.files->stat(world.directory / name)) << "nothing was written";
  }
}

TEST(ServerKeys, APolicyOfWitnessesIsTakenOneOfAnotherLogIsNot) {
  KeyWorld world;
  const auto made = world.load();
  ASSERT_TRUE(made);
  const std::string witnessed = "# ours\nlog\t" + made->log_vkey + " https://log.example\nwitness w <vkey>\nquorum w\n";
  ASSERT_TRUE(world.files->replace_file(world.directory / "policy", as_bytes(witnessed)));
  const auto again = world.load();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->policy, witnessed);
  ASSERT_TRUE(
      world.files->replace_file(world.directory / "policy", as_bytes("log other+00000000+AA==\nquorum none\n")));
  EXPECT_EQ(world.load().error().code, Code::Malformed);
}

}  // namespace
}  // namespace holdfast::server
