// In which order the DirectoryObjectStore makes things durable. This program's own fsync and renameat stand before the
// C library's and write down what they are called for.
#include <dlfcn.h>
#include <unistd.h>

#include <mutex>

#include "server/directory_object_store.h"
#include "server/object_store_conformance.h"
#include "server/test_directory.h"

namespace {

std::mutex calls_mutex;
std::vector<std::string>* calls = nullptr;  // null: nobody listens

void note(const std::string& call) {
  const std::lock_guard lock(calls_mutex);
  if (calls != nullptr) calls->push_back(call);
}

std::string path_of_descriptor(int file) {
  char path[4096];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  return size < 0 ? "?" : std::string(path, static_cast<std::size_t>(size));
}

}  // namespace

extern "C" int fsync(int file) {
  note("sync " + path_of_descriptor(file));
  return reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fsync"))(file);
}

extern "C" int renameat(int from, const char* old_name, int to, const char* new_name) {
  note("rename to " + path_of_descriptor(to) + "/" + new_name);
  return reinterpret_cast<int (*)(int, const char*, int, const char*)>(::dlsym(RTLD_NEXT, "renameat"))(from, old_name,
                                                                                                       to, new_name);
}

namespace holdfast::server {
namespace {

using namespace conformance;

std::vector<std::string> calls_of_put(ObjectStore& store, const ObjectName& name, const std::string& root) {
  std::vector<std::string> noted;
  {
    const std::lock_guard lock(calls_mutex);
    calls = &noted;
  }
  EXPECT_TRUE(put(store, name, some_bytes(10, 1)));
  {
    const std::lock_guard lock(calls_mutex);
    calls = nullptr;
  }
  for (std::string& call : noted) {
    if (const auto at = call.find(root); at != std::string::npos) call.erase(at, root.size());
  }
  return noted;
}

TEST(DirectorySync, APutIsDurableWhenItReturns) {
  const TestDirectory directory;
  const std::string root = std::filesystem::canonical(directory.path());
  auto store = open_directory_object_store({.directory = root}).value();
  const std::string group = "/objects/01/" + name_of(1, 2).group.hex();
  const std::string folder = group + "/02", file = folder + "/" + name_of(1, 2).object.hex();
  EXPECT_EQ(calls_of_put(*store, name_of(1, 2), root),
            (std::vector<std::string>{"sync /incoming/0", "sync /objects", "sync /objects/01", "sync " + group,
                                      "rename to " + file, "sync " + folder}));
  EXPECT_EQ(calls_of_put(*store, name_of(1, 2), root), (std::vector<std::string>{"sync " + file, "sync " + folder}));
  // Another opening doesn't know whether the one before lived to sync the folders.
  store = nullptr;
  store = open_directory_object_store({.directory = root}).value();
  EXPECT_EQ(calls_of_put(*store, name_of(1, 2), root),
            (std::vector<std::string>{"sync " + file, "sync /objects", "sync /objects/01", "sync " + group,
                                      "sync " + folder}));
}

}  // namespace
}  // namespace holdfast::server
