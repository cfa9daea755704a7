#include "server/keys.h"

#include "server/keys_base64.h"

namespace holdfast::server {

namespace {

constexpr std::uint8_t note_type_ed25519 = 0x01;
constexpr std::string_view signer_prefix = "PRIVATE+KEY+";
constexpr std::uint64_t key_file_size_max = 64 * 1024;
constexpr std::size_t name_digits = 16;

// SHA-256(name || 0x0A || type || key)[:4]
std::string key_id(std::string_view name, const crypto::Ed25519Public& key) {
  Bytes input = to_bytes(as_bytes(name));
  input.push_back('\n');
  input.push_back(note_type_ed25519);
  append(input, key.view());
  return to_hex(ByteView(crypto::sha256(input).bytes).first(4));
}

Bytes typed(ByteView key) {
  Bytes bytes{note_type_ed25519};
  append(bytes, key);
  return bytes;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == line.npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// The file's bytes, or what `make` gives, which is then the file's.
template <class Make>
Result<crypto::SecretBytes> load_or_make(Files& files, const Path& path, bool may_make, const Make& make) {
  auto there = files.read_file(path, key_file_size_max);
  if (there) return crypto::SecretBytes(std::move(*there));
  if (there.error().code != Code::NotFound) return pass_on(std::move(there).error());
  if (!may_make) return fail(Code::Missing, "a key of this server is gone", printable(path));
  HF_TRY(crypto::SecretBytes made, make());
  HF_OK(files.replace_file(path, made.view()));
  return made;
}

}  // namespace

std::string log_name(const crypto::Ed25519Public& key) {
  return "holdfast/" + crypto::sha256(key.view()).hex().substr(0, name_digits);
}

std::string verifier_key(std::string_view name, const crypto::Ed25519Public& key) {
  return std::string(name) + "+" + key_id(name, key) + "+" + to_base64(typed(key.view()));
}

crypto::SecretBytes signer_key(std::string_view name, const crypto::Ed25519Seed& seed) {
  const crypto::SecretBytes raw = seed.export_secret();  // into log.key
  Bytes bytes = typed(raw.view());
  std::string secret = to_base64(bytes);
  crypto::wipe(bytes);
  Bytes text;
  text.reserve(signer_prefix.size() + name.size() + secret.size() + 16);
  append(text, as_bytes(signer_prefix));
  append(text, as_bytes(std::string(name) + "+" + key_id(name, crypto::Ed25519Key(seed).public_key()) + "+"));
  append(text, as_bytes(secret));
  text.push_back('\n');
  crypto::wipe({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
  return crypto::SecretBytes(std::move(text));
}

Result<crypto::Ed25519Seed> read_signer_key(ByteView text) {
  const auto damaged = [] { return fail(Code::Malformed, "the log's key is damaged"); };
  std::string_view rest = as_text(text);
  if (!rest.starts_with(signer_prefix) || !rest.ends_with('\n')) return damaged();
  rest.remove_prefix(signer_prefix.size());
  rest.remove_suffix(1);
  const std::size_t after_name = rest.find('+');
  const std::size_t after_id = after_name == rest.npos ? rest.npos : rest.find('+', after_name + 1);
  if (after_id == rest.npos) return damaged();
  auto decoded = from_base64(rest.substr(after_id + 1));
  if (!decoded) return damaged();
  const crypto::SecretBytes bytes(std::move(*decoded));
  if (bytes.view().size() != 1 + crypto::Ed25519Seed::size || bytes.view()[0] != note_type_ed25519) return damaged();
  auto seed = crypto::Ed25519Seed::copy_of(bytes.view().subspan(1));
  const std::string_view name = rest.substr(0, after_name), id = rest.substr(after_name + 1, after_id - after_name - 1);
  if (key_id(name, crypto::Ed25519Key(seed).public_key()) != id) return damaged();
  return seed;
}

bool policy_names(std::string_view policy, std::string_view vkey) {
  bool has_log = false, has_quorum = false;
  while (!policy.empty()) {
    const std::size_t end = std::min(policy.find('\n'), policy.size());
    const auto words = words_of(policy.substr(0, end));
    policy.remove_prefix(std::min(end + 1, policy.size()));
    if (words.size() < 2) continue;
    has_log |= words[0] == "log" && words[1] == vkey;
    has_quorum |= words[0] == "quorum";
  }
  return has_log && has_quorum;
}

namespace {

Result<InvitationKey> invitation_key(Files& files, Random& random, const Path& directory, bool may_make) {
  const Path path = join_path(directory, "invite.key");
  HF_TRY(const auto text, load_or_make(files, path, may_make, [&]() -> Result<crypto::SecretBytes> {
           const crypto::SecretBytes raw = InvitationKey::random(random).export_secret();  // into invite.key
           return crypto::SecretBytes(to_bytes(as_bytes(to_hex(raw.view()) + "\n")));
         }));
  std::string_view hex = as_text(text.view());
  if (hex.ends_with('\n')) hex.remove_suffix(1);
  auto decoded = from_hex(hex);
  const crypto::SecretBytes bytes(decoded ? std::move(*decoded) : Bytes());
  if (bytes.view().size() != InvitationKey::size)
    return fail(Code::Malformed, "the key for invitations is damaged; without the file a new one is made",
                printable(path));
  return InvitationKey::copy_of(bytes.view());
}

}  // namespace

Result<InvitationKeys> load_invitation_keys(Files& files, Random& random, const Path& directory) {
  auto pem = files.read_file(join_path(directory, "tls.pem"), key_file_size_max);
  if (!pem && pem.error().code == Code::NotFound)
    return fail(Code::Missing, "no server has run on this folder yet", printable(directory));
  if (!pem) return pass_on(std::move(pem).error());
  const crypto::SecretBytes wiped(std::move(*pem));
  HF_TRY(const auto tls, net::TlsKey::load(wiped.view()));
  HF_TRY(auto key, invitation_key(files, random, directory, false));
  return InvitationKeys{tls.server_key_hash(), std::move(key)};
}

Result<ServerKeys> load_or_make_keys(Files& files, Random& random, const Path& directory) {
  const Path policy_path = join_path(directory, "policy");
  auto policy = files.read_file(policy_path, key_file_size_max);
  if (!policy && policy.error().code != Code::NotFound) return pass_on(std::move(policy).error());
  const bool first_start = !policy;

  HF_TRY(const auto tls_pem,
         load_or_make(files, join_path(directory, "tls.pem"), first_start, []() -> Result<crypto::SecretBytes> {
           HF_TRY(const auto key, net::TlsKey::make());
           HF_TRY(auto pem, key.pem());
           return crypto::SecretBytes(std::move(pem));
         }));
  HF_TRY(auto tls, net::TlsKey::load(tls_pem.view()));

  HF_TRY(const auto log_key,
         load_or_make(files, join_path(directory, "log.key"), first_start, [&]() -> Result<crypto::SecretBytes> {
           const auto seed = crypto::Ed25519Seed::random(random);
           return signer_key(log_name(crypto::Ed25519Key(seed).public_key()), seed);
         }));
  HF_TRY(auto log, read_signer_key(log_key.view()));
  const crypto::Ed25519Public log_public = crypto::Ed25519Key(log).public_key();
  std::string vkey = verifier_key(log_name(log_public), log_public);

  if (first_start) {
    const std::string text = "log " + vkey + "\nquorum none\n";
    HF_OK(files.replace_file(policy_path, as_bytes(text)));
    policy = to_bytes(as_bytes(text));
  }
  std::string text(as_text(*policy));
  if (!policy_names(text, vkey))
    return fail(Code::Malformed, "the trust policy does not name this server's log, or no quorum",
                printable(policy_path));
  const Hash policy_hash = crypto::sha256(as_bytes(text));
  HF_TRY(auto invitations, invitation_key(files, random, directory, true));
  return ServerKeys{std::move(tls),  std::move(log), std::move(vkey),
                    std::move(text), policy_hash,    std::move(invitations)};
}

}  // namespace holdfast::server
