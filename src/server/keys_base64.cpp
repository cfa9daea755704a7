#include "server/keys_base64.h"

namespace holdfast::server {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  while (!bytes.empty()) {
    const std::size_t taken = std::min<std::size_t>(bytes.size(), 3);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < taken ? bytes[i] : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= taken ? alphabet[group >> (18 - 6 * i) & 63] : '=';
    bytes = bytes.subspan(taken);
  }
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  std::string_view digits = text;
  while (digits.ends_with('=') && text.size() - digits.size() < 2) digits.remove_suffix(1);
  Bytes bytes;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char digit : digits) {
    const std::size_t value = alphabet.find(digit);
    if (value == alphabet.npos) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> have));
  }
  if (to_base64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace holdfast::server
