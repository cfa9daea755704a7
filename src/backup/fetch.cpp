#include "backup/fetch.h"

#include <algorithm>
#include <deque>

namespace holdfast::backup {

namespace {

constexpr std::size_t ranges_held_max = 4;                  // on their way, or with blocks that are not opened yet
constexpr std::uint32_t gap_bytes_max = 256 * 1024;         // read over rather than asked for apart
constexpr std::uint32_t range_bytes_max = 6 * 1024 * 1024;  // of several blocks, sealed and opened
constexpr std::size_t opened_bytes_max = 8 * 1024 * 1024;   // being opened, or not used yet; one block may go beyond

// Neighbouring blocks of one pack that are fetched by one call.
struct Span {
  std::size_t pack = 0, first = 0, count = 0;  // positions in packs[pack].blocks
  std::uint32_t offset = 0, size = 0, plain = 0;
};

std::vector<Span> plan_spans(std::span<const WantedPack> packs) {
  std::vector<Span> out;
  for (std::size_t p = 0; p < packs.size(); ++p) {
    const auto offsets = packs[p].info.block_offsets();
    for (std::size_t b = 0; b < packs[p].blocks.size(); ++b) {
      const std::uint16_t number = packs[p].blocks[b].block;
      const std::uint32_t begin = offsets[number], end = offsets[number + 1];
      const std::uint32_t plain = packs[p].info.blocks[number].plain.value;
      if (b > 0 && begin - (out.back().offset + out.back().size) <= gap_bytes_max &&
          std::max(out.back().plain + plain, end - out.back().offset) <= range_bytes_max) {
        out.back().size = end - out.back().offset;
        out.back().plain += plain;
        ++out.back().count;
      } else {
        out.push_back({p, b, 1, begin, end - begin, plain});
      }
    }
  }
  return out;
}

std::string describe(const space::PackInfo& pack, std::uint16_t block) {
  return "pack " + pack.object.short_hex() + ", block " + std::to_string(block);
}

bool about_one_object(Code code) {
  return code == Code::Missing || code == Code::NotFound || code == Code::Tampered || code == Code::Malformed ||
         code == Code::TooLarge;
}

class Fetch {
 public:
  Fetch(session::SpaceSession& space, std::span<const WantedPack> packs,
        const std::function<Status(OpenedBlock&&)>& use)
      : space_(space), gets_(space.session().server), packs_(packs), use_(use), jobs_(space.session().doors.workers) {}

  Status run() {
    const std::vector<Span> spans = plan_spans(packs_);
    std::size_t next = 0;
    while (next < spans.size() || !flying_.empty() || !arrived_.empty() || jobs_.in_flight() > 0) {
      while (next < spans.size() && flying_.size() + arrived_.size() < ranges_held_max) {
        const Span& span = spans[next++];
        const RequestId request = gets_.submit(group_of(space_.id()), space_.read_key(), packs_[span.pack].info.object,
                                               span.offset, span.size);
        flying_.emplace(request, span);
      }
      while (!arrived_.empty() && opened_bytes_ < opened_bytes_max) open_next();
      const bool busy = !arrived_.empty() || flying_.empty();
      Status step = busy ? finish_job() : receive();
      if (!step) {
        drain();
        return step;
      }
    }
    return {};
  }

 private:
  struct Job {
    std::size_t bytes = 0;
    OpenedBlock opened;
  };
  struct Arrived {  // a range of which blocks are still to be opened
    Span span;
    std::shared_ptr<const session::GotRange> range;  // lives as long as a job needs a part of it
    std::vector<std::uint32_t> offsets;
    std::shared_ptr<const space::PackOpener> opener;  // null: no such epoch
    std::size_t opened = 0;
  };

  void drain() {
    while (jobs_.in_flight() > 0) (void)jobs_.next();
  }

  Status finish_job() {
    auto [id, job] = jobs_.next();
    opened_bytes_ -= job.bytes;
    return use_(std::move(job.opened));
  }

  Status receive() {
    auto [request, got] = gets_.finish();
    const Span span = flying_.extract(request).mapped();
    const WantedPack& pack = packs_[span.pack];
    if (!got && !about_one_object(got.error().code)) return pass_on(got.error());
    if (got && got->bytes.size() != span.size)
      got = fail(Code::Tampered, "the server gave fewer bytes of an object than it must have");
    if (!got) {
      for (std::size_t i = 0; i < span.count; ++i) {
        const WantedBlock& block = pack.blocks[span.first + i];
        Error error = got.error();
        if (error.code == Code::NotFound) error.code = Code::Missing;
        error.object = describe(pack.info, block.block);
        HF_OK(use_({block.tag, pass_on(std::move(error)), {}}));
      }
      return {};
    }
    Arrived arrived{span, std::make_shared<const session::GotRange>(*std::move(got)), pack.info.block_offsets(), {}};
    if (const space::EpochKeys* keys = space_.epoch_keys(pack.info.epoch))
      arrived.opener = std::make_shared<const space::PackOpener>(keys->pack, space_.id(), pack.info);
    arrived_.push_back(std::move(arrived));
    return {};
  }

  void open_next() {
    Arrived& first = arrived_.front();
    const WantedPack& pack = packs_[first.span.pack];
    const WantedBlock& block = pack.blocks[first.span.first + first.opened++];
    const ByteView sealed = first.range->bytes.subspan(first.offsets[block.block] - first.span.offset,
                                                       pack.info.blocks[block.block].stored.value);
    const std::size_t plain_bytes = pack.info.blocks[block.block].plain.value;
    opened_bytes_ += plain_bytes;
    jobs_.submit([this, &pack, &block, sealed, range = first.range, opener = first.opener, plain_bytes] {
      return Job{plain_bytes, open(pack, block, sealed, opener.get())};
    });
    if (first.opened == first.span.count) arrived_.pop_front();
  }

  // Pure: in a worker.
  OpenedBlock open(const WantedPack& pack, const WantedBlock& block, ByteView sealed,
                   const space::PackOpener* opener) const {
    if (opener == nullptr)
      return {block.tag,
              fail(Code::Tampered, "a pack names an epoch that the space never had", describe(pack.info, block.block)),
              {}};
    OpenedBlock out{block.tag, opener->open_block(block.block, sealed), {}};
    if (!out.plain) {
      out.plain.error().object = describe(pack.info, block.block);
      return out;
    }
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      const std::size_t offset = block.chunks[i].offset.value, length = block.chunks[i].length.value;
      const bool inside = offset <= out.plain->size() && length <= out.plain->size() - offset;
      if (!inside || space::chunk_id(space_.root_keys().chunk_id, pack.kind,
                                     ByteView(*out.plain).subspan(offset, length)) != block.ids[i])
        out.bad_chunks.push_back(i);
    }
    return out;
  }

  session::SpaceSession& space_;
  session::ApiClient::Gets gets_;
  std::span<const WantedPack> packs_;
  const std::function<Status(OpenedBlock&&)>& use_;
  std::map<RequestId, Span> flying_;
  std::deque<Arrived> arrived_;
  std::size_t opened_bytes_ = 0;
  Jobs<Job> jobs_;
};

}  // namespace

Status fetch_blocks(session::SpaceSession& space, std::span<const WantedPack> packs,
                    const std::function<Status(OpenedBlock&&)>& use) {
  return Fetch(space, packs, use).run();
}

}  // namespace holdfast::backup
