#include "tests/formats/example.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace holdfast::formats {

namespace {

constexpr std::size_t bytes_a_line = 32, shown_whole_max = 64;

std::filesystem::path folder() {
  const char* source = std::getenv("HOLDFAST_SOURCE");
  return std::filesystem::path(source == nullptr ? "." : source) / "docs" / "formats";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

bool writing() { return std::getenv("HOLDFAST_WRITE_EXAMPLES") != nullptr; }

std::string wrapped(const Bytes& bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += bytes_a_line)
    out += to_hex(ByteView(bytes).subspan(at, std::min(bytes_a_line, bytes.size() - at))) + "\n";
  return out;
}

}  // namespace

Example& Example::bytes(ByteView bytes, std::string_view what) {
  append(all_, bytes);
  const bool whole = bytes.size() <= shown_whole_max;
  const ByteView shown = whole ? bytes : bytes.first(bytes_a_line);
  std::string line = to_hex(shown.first(std::min(bytes_a_line, shown.size())));
  line.resize(std::max<std::size_t>(line.size(), 2 * bytes_a_line), ' ');
  block_ += line + "  " + std::string(what) + "\n";
  if (shown.size() > bytes_a_line) block_ += to_hex(shown.subspan(bytes_a_line)) + "\n";
  if (!whole) block_ += "... " + std::to_string(bytes.size() - shown.size()) + " bytes more\n";
  return *this;
}

Example::~Example() {
  const std::filesystem::path document = folder() / document_, file = folder() / "examples" / (name_ + ".hex");
  const std::string begin = "```hex " + name_ + "\n", text = read(document), expected = wrapped(all_);
  const std::size_t at = text.find(begin), from = at + begin.size(), to = text.find("```", from);
  if (at == std::string::npos || to == std::string::npos) {
    ADD_FAILURE() << document_ << " has no block \"```hex " << name_ << "\". It should hold:\n" << block_;
    return;
  }
  if (writing()) {
    write(document, text.substr(0, from) + block_ + text.substr(to));
    write(file, expected);
    return;
  }
  EXPECT_EQ(text.substr(from, to - from), block_) << document_ << ", block " << name_;
  EXPECT_EQ(read(file), expected) << "examples/" << name_ << ".hex";
}

}  // namespace holdfast::formats
