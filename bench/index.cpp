// How much memory an index takes, and how long a look-up: synthetic uploads, joined to segments as publishing does it,
// written as local files, mapped, and asked for chunks that are there and for chunks that are not.
//
//   bench_index [--chunks N] [--uploads N] [--chunks-a-block N] [--look-ups N] [--folder DIR]
//
// Prints bytes a chunk: mapped (the files' size), own (anonymous memory that the open index costs), mapped pages in
// memory after the look-ups (the page cache's, which the system takes back when it needs memory).
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "base/system.h"
#include "bench/synthetic_index.h"
#include "session/index_cache.h"
#include "session/publish.h"

namespace holdfast::bench {
namespace {

using space::testing::SeededRandom;

struct Options {
  std::size_t chunks = 10'000'000, uploads = 20, chunks_a_block = 16, look_ups = 1'000'000;
  std::string folder = "build/bench-index";
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::size_t memory_bytes(const std::string& line) {  // of /proc/self/status
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == line + ":" && status >> kib) return kib * 1024;
  }
  return 0;
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().sentence + " " + result.error().object);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// What an account's segments are after these uploads, oldest first; some of their ids go to `ids`.
std::vector<space::Segment> make_segments(const Options& options, SeededRandom& random, std::vector<ChunkId>& ids) {
  std::vector<space::Segment> own;
  for (std::size_t upload = 0; upload < options.uploads; ++upload) {
    space::Segment added = synthetic_upload(random, options.chunks / options.uploads, options.chunks_a_block);
    for (std::size_t i = 0; i < options.look_ups / options.uploads; ++i)
      ids.push_back(id_of(added.records[random.below(added.records.size())]));
    std::vector<std::uint64_t> sizes;
    for (const space::Segment& segment : own) sizes.push_back(segment.records.size());
    const std::size_t from = session::merge_start(sizes, added.records.size());
    if (from < own.size()) {
      std::vector<space::Segment> parts(std::move_iterator(own.begin() + static_cast<std::ptrdiff_t>(from)),
                                        std::move_iterator(own.end()));
      own.resize(from);
      parts.push_back(std::move(added));
      added = space::merge_segments(parts, {});
    }
    own.push_back(std::move(added));
  }
  return own;
}

std::vector<session::OpenSegment> open(Files& files, const std::vector<Path>& paths) {
  std::vector<session::OpenSegment> out;
  for (const Path& path : paths) {
    auto mapping = must(files.map(path));
    const auto view = must(space::SegmentView::over(mapping->bytes()));
    out.push_back({{}, true, std::move(mapping), view});
  }
  return out;
}

// Nanoseconds of one look-up, as IndexCache::known() does it.
double look_up(const std::vector<session::OpenSegment>& segments, const std::vector<ChunkId>& ids, bool there) {
  std::size_t found = 0;
  const double began = now();
  for (const ChunkId& id : ids) session::search(segments, true, id, [&](auto&&...) { return ++found > 0; });
  const double seconds = now() - began;
  if (found != (there ? ids.size() : 0)) throw std::runtime_error("the index does not find what it holds");
  return seconds * 1e9 / static_cast<double>(ids.size());
}

void measure(const Options& options) {
  const auto files = system_files(1);
  const Path folder = must(files->real_path("."));
  const Path place = options.folder.starts_with('/') ? options.folder : join_path(folder, options.folder);
  must(files->make_directories(place));
  SeededRandom random(1);

  double began = now();
  std::vector<ChunkId> hits, misses(options.look_ups);
  for (ChunkId& id : misses) id = random.make<ChunkId>();
  std::vector<Path> paths;
  std::size_t bytes = 0, chunks = 0, packs = 0;
  {
    const auto segments = make_segments(options, random, hits);
    for (const space::Segment& segment : segments) {
      const Bytes file = space::encode_local_segment(segment);
      paths.push_back(join_path(place, std::to_string(paths.size()) + ".segment"));
      must(files->replace_file(paths.back(), file));
      bytes += file.size();
      chunks += segment.records.size();
      packs += segment.packs.size();
    }
  }
  for (std::size_t i = hits.size(); i-- > 1;) std::swap(hits[i], hits[random.below(i + 1)]);
  std::printf("%zu chunks of %zu packs in %zu uploads: %zu segments, made in %.1f s, most memory %.0f MiB\n", chunks,
              packs, options.uploads, paths.size(), now() - began,
              static_cast<double>(memory_bytes("VmHWM")) / (1 << 20));

  ::malloc_trim(0);
  const std::size_t own_before = memory_bytes("RssAnon"), file_before = memory_bytes("RssFile");
  began = now();
  auto segments = open(*files, paths);
  const double opening = now() - began;
  const double hits_first = look_up(segments, hits, true), hits_again = look_up(segments, hits, true);
  segments = open(*files, paths);  // its pages are mapped anew
  const double misses_first = look_up(segments, misses, false), misses_again = look_up(segments, misses, false);
  const auto a_chunk = [&](std::size_t now_bytes, std::size_t before) {
    return static_cast<double>(now_bytes > before ? now_bytes - before : 0) / static_cast<double>(chunks);
  };
  std::printf("bytes a chunk   mapped %.1f   own %.2f   mapped pages in memory %.1f\n",
              static_cast<double>(bytes) / static_cast<double>(chunks), a_chunk(memory_bytes("RssAnon"), own_before),
              a_chunk(memory_bytes("RssFile"), file_before));
  std::printf("opened          %.2f ms\n", opening * 1e3);
  std::printf("look-up, hit    %.0f ns   first touch of the pages %.0f ns\n", hits_again, hits_first);
  std::printf("look-up, miss   %.0f ns   first touch of the pages %.0f ns\n", misses_again, misses_first);
  for (const Path& path : paths) must(files->remove(path));
}

}  // namespace
}  // namespace holdfast::bench

int main(int count, char** arguments) {
  holdfast::bench::Options options;
  CLI::App app("memory and look-up time of an index");
  app.add_option("--chunks", options.chunks)->capture_default_str();
  app.add_option("--uploads", options.uploads)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--chunks-a-block", options.chunks_a_block, "large files: 1; small ones: more")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, holdfast::space::block_chunks_max));
  app.add_option("--look-ups", options.look_ups)->capture_default_str();
  app.add_option("--folder", options.folder, "for the segments' files")->capture_default_str();
  CLI11_PARSE(app, count, arguments);
  try {
    holdfast::bench::measure(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_index: %s\n", error.what());
    return 1;
  }
  return 0;
}
