// holdfast-vectors DIR: runs every file of test vectors under DIR against HF1.
// Exit status: 0 all passed; 1 a case failed, a file is of an unknown kind, or an attribute was read by nobody;
// 2 it could not run at all.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "crypto/passphrase.h"
#include "kinds.h"

namespace {

namespace fs = std::filesystem;
using holdfast::vectors::Report;

constexpr std::size_t problems_shown_max = 10;

struct Totals {
  std::size_t files = 0, passed = 0, failed = 0, foreign = 0, waiting = 0, unknown = 0, bad = 0;
};

void add(Totals& totals, const Report& report) {
  ++totals.files;
  totals.passed += report.passed;
  totals.failed += report.failed;
  totals.foreign += report.foreign_count();
  totals.waiting += report.waiting_for.empty() ? 0 : 1;
  totals.unknown += report.unknown ? 1 : 0;
  totals.bad += report.is_good() ? 0 : 1;
}

void print(const std::string& name, const Report& report) {
  std::cout << name << ": ";
  if (report.unknown) {
    std::cout << "unknown kind of file\n";
  } else if (!report.waiting_for.empty()) {
    std::cout << "waiting for room " << report.waiting_for << "\n";
  } else {
    std::cout << report.passed << " passed, " << report.failed << " failed, " << report.foreign_count() << " foreign";
    const char* separator = " (";
    for (const auto& [reason, count] : report.foreign) {
      std::cout << separator << reason << ": " << count;
      separator = "; ";
    }
    std::cout << (report.foreign.empty() ? "\n" : ")\n");
  }
  for (std::size_t i = 0; i < std::min(report.problems.size(), problems_shown_max); ++i) {
    std::cout << "    " << holdfast::printable(report.problems[i]) << "\n";
  }
  if (report.problems.size() > problems_shown_max) {
    std::cout << "    and " << report.problems.size() - problems_shown_max << " more\n";
  }
}

std::vector<fs::path> files_under(const fs::path& root, std::error_code& error) {
  std::vector<fs::path> out;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file() && at->path().extension() != ".md") out.push_back(at->path());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: holdfast-vectors DIR\n";
    return 2;
  }
  if (const auto started = holdfast::crypto::start_crypto(); !started) {
    std::cerr << "holdfast-vectors: " << started.error().sentence << ": " << started.error().object << "\n";
    return 2;
  }
  const fs::path root = argv[1];
  std::error_code error;
  const std::vector<fs::path> files = files_under(root, error);
  if (error || files.empty()) {
    std::cerr << "holdfast-vectors: no vectors in " << root.string() << (error ? ": " + error.message() : "") << "\n";
    return 2;
  }
  Totals totals;
  for (const fs::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    const std::string name = path.lexically_relative(root).string();
    Report report = holdfast::vectors::run_file(name, content);
    if (!in) report.problems.emplace_back("the file can't be read");
    print(name, report);
    add(totals, report);
  }
  std::cout << "total: " << totals.files << " files, " << totals.passed << " passed, " << totals.failed << " failed, "
            << totals.foreign << " foreign; " << totals.waiting << " files wait for a room, " << totals.unknown
            << " of unknown kind, " << totals.bad << " not good\n";
  return totals.bad == 0 ? 0 : 1;
}
