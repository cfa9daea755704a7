#include "base/error.h"

namespace holdfast {

std::string_view name_of(Code code) {
  switch (code) {
#define HF_CODE(name) \
  case Code::name:    \
    return #name;
    HF_CODE(Tampered)
    HF_CODE(NotAuthorized)
    HF_CODE(RolledBack)
    HF_CODE(Forked)
    HF_CODE(Stale)
    HF_CODE(Missing)
    HF_CODE(Malformed)
    HF_CODE(Revoked)
    HF_CODE(PolicySplit)
    HF_CODE(TooOld)
    HF_CODE(NotInRecord)
    HF_CODE(NoQuorum)
    HF_CODE(BadProof)
    HF_CODE(BadCheckpoint)
    HF_CODE(CodeMismatch)
    HF_CODE(WrongPin)
    HF_CODE(WrongPassphrase)
    HF_CODE(InvalidArgument)
    HF_CODE(NotFound)
    HF_CODE(AlreadyExists)
    HF_CODE(NotEmpty)
    HF_CODE(PermissionDenied)
    HF_CODE(NoSpaceLeft)
    HF_CODE(QuotaExceeded)
    HF_CODE(ReadOnly)
    HF_CODE(IoError)
    HF_CODE(Unreachable)
    HF_CODE(Timeout)
    HF_CODE(RateLimited)
    HF_CODE(Busy)
    HF_CODE(Behind)
    HF_CODE(UploadGone)
    HF_CODE(TooLarge)
    HF_CODE(Changed)
    HF_CODE(Unsupported)
    HF_CODE(SelfCheckFailed)
    HF_CODE(Incomplete)
    HF_CODE(Cancelled)
    HF_CODE(Crashed)
    HF_CODE(Internal)
#undef HF_CODE
  }
  return "Internal";
}

}  // namespace holdfast
