#include "service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"

namespace holdfast {

namespace {

constexpr int first_handed_over = 3;

std::optional<long> number_in(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  long number = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

Result<std::optional<int>> socket_handed_over() {
  const auto whose = number_in("LISTEN_PID"), count = number_in("LISTEN_FDS");
  if (!whose || !count || *whose != ::getpid() || *count == 0) return std::optional<int>();
  if (*count != 1)
    return fail(Code::InvalidArgument, "the service manager handed over several sockets, and one is served",
                std::to_string(*count));
  return std::optional(first_handed_over);
}

void tell_service_manager(std::string_view state) {
  const char* where = std::getenv("NOTIFY_SOCKET");
  if (where == nullptr || (where[0] != '/' && where[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(where);
  if (size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, where, size);
  if (where[0] == '@') address.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  (void)::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
  ::close(socket);
}

}  // namespace holdfast
