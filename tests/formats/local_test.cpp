#include "agent/control.h"
#include "backup/file_state.h"
#include "base/system.h"
#include "base/system_test_directory.h"
#include "schedule/record.h"
#include "session/key_file.h"
#include "session/spaces.h"
#include "tests/formats/world.h"

namespace holdfast::formats {

namespace {

TEST(Formats, KeyFile) {
  const TestDirectory directory;
  const auto files = system_files(1);
  ExampleAccount alice;
  for (const bool sealed : {true, false}) {
    crypto::TestRandom random(2);
    const crypto::SecretBytes passphrase(to_bytes(as_bytes("correct horse battery staple")));
    ASSERT_TRUE(
        session::write_key_file(*files, directory / "keys", alice.seeds, sealed ? &passphrase : nullptr, random));
    const Bytes bytes = files->read_file(directory / "keys", 1 << 20).value();
    const std::size_t protection = 20, box = sealed ? protection + 1 + 24 : protection + 1 + 32;
    Example example("key_file.md", sealed ? "key_file_passphrase" : "key_file_open");
    example.bytes(ByteView(bytes).first(protection), "label");
    if (sealed) {
      example.bytes(ByteView(bytes).subspan(protection, 1), "protection: 1 Argon2Parameters")
          .bytes(ByteView(bytes).subspan(protection + 1, 4), "memory_kib")
          .bytes(ByteView(bytes).subspan(protection + 5, 4), "passes")
          .bytes(ByteView(bytes).subspan(protection + 9, 16), "salt");
    } else {
      example.bytes(ByteView(bytes).subspan(protection, 1), "protection: 2 Unprotected")
          .bytes(ByteView(bytes).subspan(protection + 1, 32), "key");
    }
    example.bytes(ByteView(bytes).subspan(box), "box<V>: the device's seeds");
  }
}

TEST(Formats, FileState) {
  const TestDirectory directory;
  const auto files = system_files(1);
  auto writer = backup::FileStateWriter::create(*files, directory / "state").value();
  const backup::Seen seen{2049, 17, 13, example_time_ns, example_time_ns + 1, false};
  space::TreeEntry file, folder;
  file.name = "hello.txt";
  file.mode = 0644;
  file.content = space::FileContent{13, space::OneChunk{filled<ChunkId>(0x11)}};
  folder.name = "docs";
  folder.mode = 0755;
  folder.content = space::DirectoryContent{filled<ChunkId>(0x22), 1, 13};
  writer.begin_folder("docs", seen);
  writer.entry("hello.txt", seen, file);
  writer.end_folder(folder);
  const backup::FileStateHeader header{
      {}, filled<SpaceId>(0x33), "key of a snapshot", filled<ChunkId>(0x44), {"/home/alice/docs"}};
  ASSERT_TRUE(writer.finish(header));
  const Bytes bytes = files->read_file(directory / "state", 1 << 20).value();

  Example("file_state.md", "seen").fields(seen, {"device", "inode", "size", "mtime_ns", "ctime_ns", "racy"});
  Example example("file_state.md", "file_state");
  std::size_t at = 0;
  const auto take = [&](std::size_t size, std::string_view what) {
    example.bytes(ByteView(bytes).subspan(at, size), what);
    at += size;
  };
  take(1, "kind: 2 folder");
  take(2, "size of name");
  take(4, "name: \"docs\"");
  take(41, "Seen");
  take(8, "size of what is inside");
  take(1, "  kind: 1 entry");
  take(2, "  size of name");
  take(9, "  name: \"hello.txt\"");
  take(41, "  Seen");
  take(4, "  size of entry");
  take(encode(file).size(), "  TreeEntry of hello.txt");
  take(4, "size of entry");
  take(encode(folder).size(), "TreeEntry of docs");
  take(encode(header).size(), "FileStateHeader: label, space, snapshot_key, root, paths");
  take(8, "size of all records");
  take(4, "size of header");
  take(32, "SHA-256 of everything before");
  EXPECT_EQ(at, bytes.size());
}

TEST(Formats, Local) {
  const ExampleSpace world;
  const auto& slot_key = world.made_space.secrets.members.members[0].slot_key.bytes;
  Example("local.md", "profile")
      .fields(session::Profile{"hf://holdfast.example:7440#...", "alice", "laptop", world.chain.account, world.seeds.id,
                               true},
              {"server: the link's text", "user_name", "device_name", "account", "device", "signed_up"});
  Example("local.md", "space_listing")
      .fields(session::SpaceListing{world.made_space.secrets.space, "backups", slot_key, space::Role::owner},
              {"space", "name", "slot_key", "role: 1 owner"});
  Example("local.md", "schedule")
      .fields(schedule::Schedule{{},
                                 "backups",
                                 {"/home/alice"},
                                 3600,
                                 example_time_ns,
                                 "/home/alice/.config/systemd/user",
                                 "/usr/bin/holdfast",
                                 ""},
              {"label", "space", "paths", "every_s", "made_ns", "unit_folder", "program", "passphrase"});
  Example("local.md", "scheduled_run")
      .fields(schedule::Run{{},
                            "backups",
                            {"/home/alice"},
                            example_time_ns,
                            example_time_ns + 1,
                            6,
                            false,
                            "no server",
                            example_time_ns - 2,
                            example_time_ns,
                            1},
              {"label", "space", "paths", "began_ns", "ended_ns: there is one", "exit", "saved", "said", "good_ns",
               "failing_since_ns", "failures"});
  Example("local.md", "alarm").fields(session::Alarm{7, "NotAuthorized", "a sentence"}, {"seq", "code", "sentence"});
  Example("local.md", "event")
      .fields(session::Event{session::EventKind::server_lost_entries, 1'700'000'000'000'000'000, "backups", 7, 9, true},
              {"kind: 2 server_lost_entries", "time_ns", "space", "from", "to", "done"});
  Example("local.md", "forwarded_command")
      .fields(agent::ForwardedCommand{{"snapshots"}, "/home/alice", true, true, 80},
              {"arguments", "directory", "out_is_terminal", "error_is_terminal", "columns"});
}

}  // namespace

}  // namespace holdfast::formats
