#include <gtest/gtest.h>
#include "tests/simulation/world.h"
namespace holdfast::sim { namespace {
TEST(Smoke, Runs) {
  World world;
  const auto r = world.device("laptop").run("p", [&](Doors& d) -> Status {
    HF_OK(d.files.replace_file("/home/user/a", as_bytes("hello")));
    HF_TRY(const Bytes b, d.files.read_file("/home/user/a", 100));
    EXPECT_EQ(as_text(b), "hello");
    return {};
  });
  EXPECT_TRUE(r) << r.error().sentence;
  EXPECT_EQ(world.steps(), 5u);
}
}}
