// What can go wrong, as a value. The names of ATTACKS.md are codes; recognise an error by its code, never by its text.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

enum class Code {
  // The server, a member or the disk is not honest, or damaged.
  Tampered,       // bytes differ from the hash, key or signature that vouches for them
  NotAuthorized,  // somebody did what their role or chain does not allow
  RolledBack,     // older than what was seen before
  Forked,         // two histories where there must be one
  Stale,          // proof of freshness is too old
  Missing,        // something that is referred to is not there
  Malformed,      // bytes that no encoder of ours writes
  Revoked,        // signed by a device after its revocation
  PolicySplit,    // another trust policy than the one that was pinned
  TooOld,         // a protocol or version below the floor
  NotInRecord,
  NoQuorum,
  BadProof,
  BadCheckpoint,
  CodeMismatch,
  // Ordinary life.
  WrongPin,         // the server's key is not the one in the link
  WrongPassphrase,  // or the key file is damaged
  InvalidArgument,  // what was typed can't be meant
  NotFound,         // no such space, snapshot, path, profile
  AlreadyExists,
  NotEmpty,
  PermissionDenied,
  NoSpaceLeft,  // disk here or on the server
  QuotaExceeded,
  ReadOnly,  // file system
  IoError,
  Unreachable,  // no server answers
  Timeout,
  RateLimited,
  Busy,        // somebody else owns it
  Behind,      // lost a race; the caller rebases
  UploadGone,  // the server dropped an upload that slept for too long
  TooLarge,
  Changed,          // a file changed while it was read
  Unsupported,      // the file system or platform can't
  SelfCheckFailed,  // what we just made does not open: bad memory, or our defect
  Incomplete,       // done, but something was left out
  Cancelled,
  Crashed,  // only the simulator's doors answer this
  Internal,
};

std::string_view name_of(Code code);

// What kind of thing an error is about, where the next step depends on that and the code leaves it open.
enum class About {
  unsaid,
  account,
  home,
  local_state,
  old_version,  // of what stands in a space
  open_keys,
  passphrase,
  path_in_snapshot,
  space,
  snapshot
};

struct [[nodiscard]] Error {
  Code code = Code::Internal;
  std::string sentence;  // what happened, for people; no secrets, no hints
  std::string object;    // which file, object, snapshot, server; may be empty
  std::string whole;     // what is still whole; may be empty
  About about = About::unsaid;
};

}  // namespace holdfast
