#include "session/key_file.h"

#include <gtest/gtest.h>

#include "base/system.h"
#include "base/system_test_directory.h"
#include "crypto/test_random.h"

namespace holdfast::session {

namespace {

class KeyFile : public ::testing::Test {
 protected:
  crypto::SecretBytes text(std::string_view typed) { return crypto::SecretBytes(to_bytes(as_bytes(typed))); }
  void write(const crypto::SecretBytes* passphrase) {
    ASSERT_TRUE(write_key_file(*files, path, seeds, passphrase, random));
  }
  Result<identity::DeviceSeeds> read(const crypto::SecretBytes* passphrase) {
    return read_key_file(*files, path, passphrase);
  }
  Bytes bytes() { return files->read_file(path, 1 << 20).value(); }
  bool is_ours(const Result<identity::DeviceSeeds>& read) {
    return read && crypto::equal_constant_time(read->pack().view(), seeds.pack().view());
  }

  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(1);
  crypto::TestRandom random{1};
  identity::DeviceSeeds seeds = identity::DeviceSeeds::make(random);
  Path path = directory / "keys";
};

TEST_F(KeyFile, OpensWithItsPassphraseAndNoOther) {
  const auto right = text("correct horse"), wrong = text("correct horsf"), empty = text("");
  write(&right);
  EXPECT_TRUE(look_at_key_file(*files, path)->has_passphrase);
  EXPECT_TRUE(is_ours(read(&right)));
  EXPECT_EQ(read(&wrong).error().code, Code::WrongPassphrase);
  EXPECT_EQ(read(&empty).error().code, Code::WrongPassphrase);
  EXPECT_EQ(read(nullptr).error().code, Code::WrongPassphrase);
}

TEST_F(KeyFile, WithoutPassphraseTheFilesPermissionsAreAllThatProtectsIt) {
  write(nullptr);
  EXPECT_FALSE(look_at_key_file(*files, path)->has_passphrase);
  EXPECT_TRUE(is_ours(read(nullptr)));
  EXPECT_EQ(files->stat(path)->mode, 0600u);
}

TEST_F(KeyFile, NeverHoldsASeedInClear) {
  write(nullptr);
  const Bytes whole = bytes();
  const crypto::SecretBytes packed = seeds.pack();
  EXPECT_EQ(std::ranges::search(whole, packed.view().subspan(16, 16)).size(), 0u);
}

TEST_F(KeyFile, EveryFlippedOrMissingByteIsNoticed) {
  write(nullptr);
  const Bytes whole = bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes flipped = whole;
    flipped[at] ^= static_cast<std::uint8_t>(1u << at % 8);
    ASSERT_TRUE(files->replace_file(path, flipped));
    const auto opened = read(nullptr);
    ASSERT_FALSE(opened) << "byte " << at;
    EXPECT_TRUE(opened.error().code == Code::Malformed || opened.error().code == Code::WrongPassphrase)
        << "byte " << at;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    ASSERT_TRUE(files->replace_file(path, ByteView(whole).first(size)));
    EXPECT_EQ(read(nullptr).error().code, Code::Malformed) << size;
    EXPECT_EQ(look_at_key_file(*files, path).error().code, Code::Malformed) << size;
  }
}

TEST_F(KeyFile, ADamagedBoxUnderAPassphraseIsNotTakenForAnOpenOne) {
  const auto right = text("correct horse");
  write(&right);
  Bytes whole = bytes();
  whole.back() ^= 1;
  ASSERT_TRUE(files->replace_file(path, whole));
  EXPECT_EQ(read(&right).error().code, Code::WrongPassphrase);
}

// A changed file can neither make the passphrase cheap to guess nor eat all memory.
TEST_F(KeyFile, CostsOutsideOfWhatIsSafeAreRefused) {
  const auto right = text("correct horse");
  write(&right);
  const Bytes whole = bytes();
  const std::size_t costs =
      1 + std::string_view("Holdfast 1 key file").size() + 1;  // behind label and kind of protection
  for (const auto& [at, value] :
       {std::pair<std::size_t, std::uint8_t>{costs + 1, 0}, {costs, 0xff}, {costs + 7, 1}, {costs + 7, 200}}) {
    Bytes changed = whole;
    changed[at] = value;
    ASSERT_TRUE(files->replace_file(path, changed));
    EXPECT_EQ(read(&right).error().code, Code::Malformed) << "byte " << at << " = " << int{value};
  }
}

TEST_F(KeyFile, AMissingFileIsNotFound) {
  EXPECT_EQ(read(nullptr).error().code, Code::NotFound);
  EXPECT_EQ(look_at_key_file(*files, path).error().code, Code::NotFound);
}

TEST_F(KeyFile, ReplacesAnOlderOneAsAWhole) {
  write(nullptr);
  const auto passphrase = text("new");
  write(&passphrase);
  EXPECT_EQ(read(nullptr).error().code, Code::WrongPassphrase);
  EXPECT_TRUE(is_ours(read(&passphrase)));
  EXPECT_EQ(files->list(directory.path())->size(), 1u) << "nothing lies beside it";
}

}  // namespace

}  // namespace holdfast::session
