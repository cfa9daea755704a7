// A running server: the service behind a listener, over the stores of one data directory.
//
//   DATA/lock       one server at a time
//   DATA/tls.pem, log.key, policy     who it is: keys.h
//   DATA/meta/      the MetaStore: sqlite_meta_store.h
//   DATA/objects/   the ObjectStore: directory_object_store.h
//
// POST /v1/<call>   a call of src/api, answered with 200 and the encoding of api::Answer
// GET /healthz      200 "ok", or 503 while the store does not answer
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/server_link.h"
#include "server/log.h"
#include "server/service.h"

namespace holdfast::server {

struct ServeOptions {
  std::string data;                     // made if it is missing, mode 0700
  std::string listen = "0.0.0.0:8470";  // "host:port"; port 0: the system chooses
  int listener = -1;                    // a socket that listens already, in place of `listen`; -1: none
  // What the link names, "host" or "host:port". Empty: where it listens, or, when that is every address of the machine,
  // the machine's name.
  std::string public_address;
  bool invitation_only = false;
  unsigned worker_threads = 8;
  ServiceOptions service;  // server_key, policy and invitations are filled in
};

// Any thread.
class Server {
 public:
  // Listens when it returns. Busy: another server has the data directory, or the port is taken. InvalidArgument: an
  // address can't be meant. Missing, Malformed: keys.h. PermissionDenied: others can write in the data directory.
  // Unsupported, PermissionDenied, IoError: the stores.
  static Result<std::unique_ptr<Server>> start(ServeOptions options, EventLog& log);
  ~Server();  // stop()

  [[nodiscard]] const api::ServerLink& link() const;
  [[nodiscard]] const std::string& address() const;  // where it listens

  // Lets calls that are under way finish for up to 10 s, closes the stores. Later calls do nothing.
  void stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::server
