// scripts/check-coroutines finds what GCC 12 miscompiles. It is tested here because this room depends on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

std::string findings(const std::string& file, const std::string& text) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(::testing::TempDir()) / ("check_coroutines." + std::to_string(::getpid()));
  fs::create_directories((root / file).parent_path());
  std::ofstream(root / file) << text;
  const char* const source = std::getenv("HOLDFAST_SOURCE");
  const std::string command = std::string(source) + "/scripts/check-coroutines " + root.string() + " 2>&1";
  FILE* const out = popen(command.c_str(), "r");
  std::string said(10'000, '\0');
  said.resize(fread(said.data(), 1, said.size(), out));
  const int status = pclose(out);
  EXPECT_EQ(status == 0, said.empty());
  fs::remove_all(root);
  return said;
}

class CheckCoroutines : public ::testing::Test {
  void SetUp() override {
    ASSERT_NE(std::getenv("HOLDFAST_SOURCE"), nullptr) << "it says where scripts/ is; ctest sets it";
  }
};

TEST_F(CheckCoroutines, AcceptsPlainAwaits) {
  EXPECT_EQ(findings("src/net/a.cpp", R"cpp(
              Task<int> f() {
                while (!done_ && !core_.stopping) co_await pause();
                const bool ready = co_await stream.wait(kind, 10);  // co_await g([x] {})
                auto later = timer.async_wait([self] { self->x(); });
                if (ready) bytes = co_await std::move(later);
                const auto text = "co_await f(g())";
                co_return co_await g(bytes, &a->b, *c);
              })cpp"),
            "");
}

TEST_F(CheckCoroutines, FindsTemporariesBesideAnAwait) {
  for (const char* line : {"co_await run([sp] { return *sp; });", "co_await f(std::string(x));", "co_await f({1, 2});",
                           "co_await f(\"text\");", "if (!co_await f()) g();", "const auto x = g(co_await f());",
                           "auto x = std::string(y) + co_await f();", "co_await f(g(x));", "co_await f(a).b();"}) {
    EXPECT_THAT(findings("src/net/a.cpp", std::string("Task<void> t() {\n  ") + line + "\n}\n"),
                ::testing::HasSubstr("src/net/a.cpp:2: co_await beside a temporary"))
        << line;
  }
}

TEST_F(CheckCoroutines, FindsLambdasWithCapturesThatAreCoroutines) {
  EXPECT_THAT(findings("src/net/a.cpp", "auto f = [&x](int y) -> Task<int> {\n  co_return x + y;\n};\n"),
              ::testing::HasSubstr("a.cpp:1: a lambda with captures"));
  EXPECT_EQ(findings("src/net/a.cpp", "auto f = [](int y) -> Task<int> {\n  co_return y;\n};\n"), "");
}

TEST_F(CheckCoroutines, FindsCoroutinesElsewhere) {
  EXPECT_THAT(findings("src/net/a.h", "co_return;\n"), ::testing::HasSubstr("a.h:1: coroutines live in"));
  EXPECT_THAT(findings("src/space/a.cpp", "\nco_return;\n"), ::testing::HasSubstr("a.cpp:2: coroutines live in"));
}

}  // namespace
