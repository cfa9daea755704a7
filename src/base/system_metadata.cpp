#include "base/system_metadata.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/clock.h"

namespace holdfast {

namespace {

constexpr std::size_t attribute_size_max = 64 << 10;  // the kernel's limit for a value and for the list of names
constexpr char access_acl[] = "system.posix_acl_access", default_acl[] = "system.posix_acl_default";
constexpr std::uint32_t special_bits = 07000, set_id_bits = 06000;

int error_of(int result) { return result == 0 ? 0 : errno; }

bool is_acl(const Attribute& attribute) { return attribute.name == access_acl || attribute.name == default_acl; }

bool has(const std::vector<Attribute>& attributes, std::string_view name) {
  return std::ranges::any_of(attributes, [&](const Attribute& a) { return a.name == name; });
}

std::string name_of_descriptor(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

// The rights of the owning group in an access ACL (include/uapi/linux/posix_acl_xattr.h); none if it can't be read.
std::uint32_t group_rights(ByteView acl) {
  constexpr std::size_t head = 4, entry = 8;
  for (std::size_t at = head; at + entry <= acl.size(); at += entry)
    if (acl[at] == 0x04 && acl[at + 1] == 0) return acl[at + 2] & 7u;
  return 0;
}

}  // namespace

Result<std::vector<Attribute>> read_attributes(int descriptor, bool by_path, std::string_view path) {
  const std::string named = by_path ? name_of_descriptor(descriptor) : std::string();
  thread_local const std::unique_ptr<char[]> names(new char[attribute_size_max]);
  thread_local const std::unique_ptr<std::uint8_t[]> value(new std::uint8_t[attribute_size_max]);
  std::vector<Attribute> out;
  const ssize_t size = by_path ? ::listxattr(named.c_str(), names.get(), attribute_size_max)
                               : ::flistxattr(descriptor, names.get(), attribute_size_max);
  if (size < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return out;
  if (size < 0) return system_fail(errno, "reading the names of the extended attributes", path);
  const char* const end = names.get() + size;
  for (const char* at = names.get(); at < end;) {
    std::string name(at, std::find(at, end, '\0'));
    at += name.size() + 1;
    const ssize_t count = by_path ? ::getxattr(named.c_str(), name.c_str(), value.get(), attribute_size_max)
                                  : ::fgetxattr(descriptor, name.c_str(), value.get(), attribute_size_max);
    if (count >= 0) {
      out.push_back({std::move(name), Bytes(value.get(), value.get() + count)});
    } else if (errno != ENODATA && errno != EOPNOTSUPP) {  // else: it went away, or it is only a name
      return system_fail(errno, "reading the extended attribute " + printable(name), path);
    }
  }
  std::ranges::sort(out);
  return out;
}

bool has_default_acl(int directory) {
  return ::getxattr(name_of_descriptor(directory).c_str(), default_acl, nullptr, 0) > 0;
}

MetadataTarget::MetadataTarget(int descriptor, FileType type, bool by_path)
    : descriptor_(descriptor), type_(type), by_path_(by_path) {
  if (by_path) path_ = name_of_descriptor(descriptor);
}

int MetadataTarget::set_owner(std::uint32_t uid, std::uint32_t gid) const {
  return error_of(::fchownat(descriptor_, "", uid, gid, AT_EMPTY_PATH));
}

int MetadataTarget::set_mode(std::uint32_t mode) const {
  return error_of(by_path_ ? ::chmod(path_.c_str(), mode) : ::fchmod(descriptor_, mode));
}

int MetadataTarget::set_attribute(const Attribute& attribute) const {
  if (attribute.name.empty() || ends_early(attribute.name)) return EINVAL;
  const auto& [name, value] = attribute;
  return error_of(by_path_ ? ::setxattr(path_.c_str(), name.c_str(), value.data(), value.size(), 0)
                           : ::fsetxattr(descriptor_, name.c_str(), value.data(), value.size(), 0));
}

int MetadataTarget::remove_attribute(const char* name) const {
  return error_of(by_path_ ? ::removexattr(path_.c_str(), name) : ::fremovexattr(descriptor_, name));
}

int MetadataTarget::set_time(std::int64_t mtime_ns) const {
  const std::int64_t rest = mtime_ns % second_ns, before_1970 = rest < 0 ? 1 : 0;
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                             {.tv_sec = mtime_ns / second_ns - before_1970, .tv_nsec = rest + before_1970 * second_ns}};
  return error_of(by_path_ ? ::utimensat(AT_FDCWD, path_.c_str(), times, 0) : ::futimens(descriptor_, times));
}

Status MetadataTarget::apply(const Metadata& metadata, std::optional<std::pair<std::uint32_t, std::uint32_t>> owner_now,
                             std::optional<std::uint32_t> mode_now, bool inherited_acl,
                             std::string_view name_for_errors, const std::function<void(std::string)>& warn) const {
  std::uint32_t mode = metadata.mode & 07777u;
  const auto refused = [&](const std::string& what, int number) {
    const char* reason = strerrordesc_np(number);
    warn(printable(name_for_errors) + ": " + what + " was not set: " + (reason != nullptr ? reason : "refused"));
  };

  if (metadata.owner && metadata.owner != owner_now) {
    if (const int number = set_owner(metadata.owner->first, metadata.owner->second); number != 0) {
      if (number == EIO || number == EROFS) return system_fail(number, "setting the owner", name_for_errors);
      refused("the owner", number);
      mode &= ~set_id_bits;  // they would lend the rights of the wrong owner
    }
    if (mode_now && (*mode_now & special_bits) != 0) mode_now.reset();
  }
  for (const Attribute& attribute : metadata.attributes) {
    if (is_acl(attribute)) continue;
    if (const int number = set_attribute(attribute); number != 0)
      refused("the attribute " + printable(attribute.name), number);
  }
  if (inherited_acl && type_ != FileType::symlink) {
    if (!has(metadata.attributes, access_acl)) (void)remove_attribute(access_acl);
    if (type_ == FileType::directory && !has(metadata.attributes, default_acl)) (void)remove_attribute(default_acl);
    mode_now.reset();
  }
  // Beside an ACL the mode's group bits are its mask: before it stands, or when it can't be set, they would give the
  // group more than it had.
  const auto acl = std::ranges::find(metadata.attributes, access_acl, &Attribute::name);
  const std::uint32_t mode_before_acl =
      acl == metadata.attributes.end() ? mode : (mode & ~070u) | (mode & (group_rights(acl->value) << 3));
  if (type_ != FileType::symlink && mode_now != mode_before_acl) {
    const int number = set_mode(mode_before_acl);
    if (number != 0) return system_fail(number, "setting the mode", name_for_errors);
  }
  for (const Attribute& attribute : metadata.attributes) {
    if (!is_acl(attribute)) continue;
    if (const int number = set_attribute(attribute); number != 0) refused("the access control list", number);
  }
  if (const int number = set_time(metadata.mtime_ns); number != 0)
    return system_fail(number, "setting the time", name_for_errors);
  return {};
}

}  // namespace holdfast
