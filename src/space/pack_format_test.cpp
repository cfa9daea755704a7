// The worked examples of docs/formats: what stands there is what the code does, byte for byte.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "space/pack_test_support.h"
#include "space/segment.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::space_of;

using Example = std::map<std::string, std::string>;

// Lines "name = value" in the fences ```example; a line that begins with a blank goes on.
Example example_in(const std::string& document) {
  const char* const source = std::getenv("HOLDFAST_SOURCE");
  EXPECT_NE(source, nullptr) << "HOLDFAST_SOURCE is the folder of the sources; ctest sets it";
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/docs/formats/" + document);
  EXPECT_TRUE(file) << document;
  Example out;
  bool inside = false;
  std::string* last = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      inside = line == "```example";
      continue;
    }
    if (!inside || line.empty()) continue;
    std::istringstream words(line);
    std::string word;
    if (line[0] != ' ') {
      words >> word;
      last = &out[word];
      words >> word;
      EXPECT_EQ(word, "=") << line;
    }
    while (words >> word) *last += word;
  }
  return out;
}

void expect_documented(const std::string& document, const Example& expected) {
  const Example documented = example_in(document);
  for (const auto& [name, value] : expected) {
    const auto found = documented.find(name);
    EXPECT_TRUE(found != documented.end() && found->second == value) << document << " must say\n"
                                                                     << name << " = " << value;
  }
  for (const auto& [name, value] : documented)
    EXPECT_TRUE(expected.contains(name)) << document << " says something about " << name;
}

// 00 01 02 ...
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

struct ExamplePack {
  crypto::PackKey key = key_of<crypto::PackKey>(0x00);
  SpaceId space = space_of(0x11);
  std::uint32_t epoch = 2;
  crypto::Hmac chunk_id_key{key_of<ChunkIdKey>(0x20)};
  std::string first = "hold", second = "fast!";
  SealedPack sealed;

  ExamplePack() {
    CountingRandom random;
    const auto packed = [&](const std::string& chunk, std::uint32_t offset) {
      return PackedChunk{chunk_id(chunk_id_key, ChunkKind::data, as_bytes(chunk)),
                         0,
                         {offset},
                         {static_cast<std::uint32_t>(chunk.size())}};
    };
    PackBuilder builder(PackKind::data);
    builder.add(compress_block(to_bytes(as_bytes(first + second)), {packed(first, 0), packed(second, 4)}, 1));
    sealed = std::move(builder).finish(key, space, epoch, PackBuilder::Size::padme, random).value();
  }
};

TEST(FormatDocument, Pack) {
  const ExamplePack example;
  const Bytes whole = example.sealed.object->joined();
  const ByteView object = whole;
  const PackHeader header = read_header(object, example.sealed.info.object).value();
  const auto opened = open_directory(example.key, example.space, header, object.size(), object).value();
  const auto& directory = std::get<PackDirectory>(opened);
  const Bytes directory_plain = encode(directory);
  const std::size_t directory_size = directory_plain.size() + crypto::tag_size;
  const std::size_t directory_offset = object.size() - pack_foot_bytes - directory_size;
  const std::size_t pad_offset = example.sealed.info.block_offsets().back();
  expect_documented("pack.md",
                    {{"where", to_hex(encode(PackWhere{example.space, header.object, header.epoch}))},
                     {"salt", header.salt.hex()},
                     {"K_com", header.commitment.hex()},
                     {"header", to_hex(object.first(pack_header_bytes))},
                     {"id_0", directory.chunks[0].id.hex()},
                     {"id_1", directory.chunks[1].id.hex()},
                     {"block_0", to_hex(object.subspan(pack_header_bytes, directory.blocks[0].stored.value))},
                     {"pad_size", std::to_string(directory.pad.value)},
                     {"pad_begins", to_hex(object.subspan(pad_offset, 16))},
                     {"pad_tag", to_hex(object.subspan(pad_offset + directory.pad.value, crypto::tag_size))},
                     {"directory", to_hex(directory_plain)},
                     {"directory_sealed", to_hex(object.subspan(directory_offset, directory_size))},
                     {"foot", to_hex(encode(PackFoot{static_cast<std::uint32_t>(directory_offset),
                                                     static_cast<std::uint32_t>(directory_size)}))},
                     {"foot_sealed", to_hex(object.last(pack_foot_bytes))},
                     {"object_size", std::to_string(object.size())},
                     {"sha256", example.sealed.info.sha256.hex()},
                     {"info", to_hex(encode(example.sealed.info))}});
}

TEST(FormatDocument, Chunk) {
  const auto key = key_of<ChunkerKey>(0x40);
  const Bytes table = crypto::expand(key, "Holdfast 1 gear", 2048);
  const auto gear = [&](std::size_t i) {
    Bytes out(table.begin() + static_cast<std::ptrdiff_t>(8 * i),
              table.begin() + static_cast<std::ptrdiff_t>(8 * i + 8));
    std::ranges::reverse(out);
    return to_hex(out);
  };
  Bytes bytes;
  for (std::uint64_t i = 0; bytes.size() < 8u * 1024 * 1024; ++i)
    append(bytes, crypto::hash_of(PackFoot{0, static_cast<std::uint32_t>(i)}).view());
  const Chunker chunker(key);
  std::string sizes;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = chunker.cut(ByteView(bytes).subspan(at));
    sizes += (at == 0 ? "" : ",") + std::to_string(size);
    at += size;
  }
  const crypto::Hmac ids(key_of<ChunkIdKey>(0x20));
  expect_documented("chunk.md", {{"gear[0]", gear(0)},
                                 {"gear[1]", gear(1)},
                                 {"gear[255]", gear(255)},
                                 {"sizes", sizes},
                                 {"id_data", chunk_id(ids, ChunkKind::data, as_bytes("hold")).hex()},
                                 {"id_node", chunk_id(ids, ChunkKind::node, as_bytes("hold")).hex()}});
}

TEST(FormatDocument, Segment) {
  const ExamplePack example;
  const Segment segment = make_segment(std::span(&example.sealed, 1));
  CountingRandom random;
  const auto sealed = testing::seal_whole(segment, example.key, example.space, example.epoch, random);
  const Bytes object = sealed.objects.at(0).object->joined();
  const PackHeader header = read_header(object, sealed.objects.at(0).info.object).value();
  const auto opened = open_directory(example.key, example.space, header, object.size(), object).value();
  expect_documented("segment.md", {{"record_0", to_hex(encode(segment.records.at(0)))},
                                   {"record_1", to_hex(encode(segment.records.at(1)))},
                                   {"table", to_hex(std::get<PackDirectory>(opened).extra)},
                                   {"local_file", to_hex(encode_local_segment(segment))}});
}

}  // namespace
}  // namespace holdfast::space
