// Random interleavings of the calls that move objects, against a model of a few lines.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::ObjectState;
using api::Right;

enum class Step : std::uint8_t { begin, put, publish, retire, unretire, note, pass_days, sweep };

struct Model {
  struct Upload {
    UploadState state = UploadState::open;
    std::int64_t last_use_ns = 0;
    bool counted = true;  // the row is there
  };
  struct Object {
    std::size_t upload = 0;
    std::size_t size = 0;
    std::optional<std::int64_t> retired_ns;
    bool gone = false;
  };
  std::vector<std::pair<UploadId, Upload>> uploads;
  std::vector<std::pair<ObjectId, Object>> objects;
  std::int64_t entry_bytes = 0;

  [[nodiscard]] ObjectState state(const Object& object) const {
    if (object.gone || uploads[object.upload].second.state != UploadState::published) return ObjectState::unknown;
    return object.retired_ns ? ObjectState::retired : ObjectState::live;
  }
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t sum = entry_bytes;
    for (const auto& [id, upload] : uploads) sum += upload.counted ? upload_charge_bytes : 0;
    for (const auto& [id, object] : objects) sum += object.gone ? 0 : static_cast<std::int64_t>(object.size);
    return sum;
  }
  [[nodiscard]] std::size_t object_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(objects, [](const auto& o) { return !o.second.gone; }));
  }
  [[nodiscard]] bool is_empty(std::size_t upload) const {
    return std::ranges::none_of(objects, [&](const auto& o) { return o.second.upload == upload && !o.second.gone; });
  }

  void sweep(std::int64_t now_ns, std::int64_t grace_ns) {
    for (std::size_t i = 0; i < uploads.size(); ++i) {
      Upload& upload = uploads[i].second;
      if (upload.state == UploadState::open && upload.last_use_ns + upload_kept_ns <= now_ns) {
        upload.state = UploadState::dropped;
        for (auto& [id, object] : objects)
          if (object.upload == i) object.gone = true;
        upload.counted = false;
      }
    }
    for (auto& [id, object] : objects) {
      if (object.gone || !object.retired_ns || *object.retired_ns + grace_ns > now_ns) continue;
      object.gone = true;
      if (is_empty(object.upload)) uploads[object.upload].second.counted = false;
    }
  }
};

class Run {
 public:
  void step(Step step, unsigned choice) {
    switch (step) {
      case Step::begin:
        return begin();
      case Step::put:
        return put(choice);
      case Step::publish:
        return publish(choice);
      case Step::retire:
        return move(choice, true);
      case Step::unretire:
        return move(choice, false);
      case Step::note:
        return note();
      case Step::pass_days:
        return world_.clock.pass(86'400 * (1 + choice % 4));
      case Step::sweep:
        return sweep();
    }
  }

  void check() {
    const auto usage = world_.usage(account_);
    RC_ASSERT(usage.bytes_used == static_cast<std::uint64_t>(model_.bytes() + first_bytes_));
    RC_ASSERT(usage.objects == model_.object_count());
    for (const auto& [id, object] : model_.objects) RC_ASSERT(world_.state(space_, id) == model_.state(object));
  }
  void check_bytes() { RC_ASSERT(world_.own_objects.contents().size() == model_.object_count()); }
  void sweep() {
    for (bool more = true; more;) {
      const auto swept = world_.sweeper.sweep(3);
      RC_ASSERT(swept.has_value());
      more = swept->more;
    }
    // Empty uploads that were published are forgotten when their first timer is due.
    for (std::size_t i = 0; i < model_.uploads.size(); ++i) {
      auto& [id, upload] = model_.uploads[i];
      const bool row = world_.own_rows.get_one(upload_key(space_.id, id))->has_value();
      if (!row && upload.state == UploadState::published) {
        RC_ASSERT(model_.is_empty(i) || upload_is_due(i));
      }
    }
    model_.sweep(world_.clock.now_ns(), 14 * 86'400 * second_ns);
    for (std::size_t i = 0; i < model_.uploads.size(); ++i) {
      auto& [id, upload] = model_.uploads[i];
      if (upload.state == UploadState::published && model_.is_empty(i))
        upload.counted = world_.own_rows.get_one(upload_key(space_.id, id))->has_value();
    }
  }

 private:
  bool upload_is_due(std::size_t i) {
    return std::ranges::all_of(model_.objects, [&](const auto& o) {
      return o.second.upload != i || o.second.gone ||
             (o.second.retired_ns && *o.second.retired_ns + 14 * 86'400 * second_ns <= world_.clock.now_ns());
    });
  }
  void begin() {
    const UploadId upload = world_.begin(space_);
    model_.uploads.push_back({upload, {UploadState::open, world_.clock.now_ns(), true}});
  }
  void put(unsigned choice) {
    if (model_.uploads.empty()) return;
    const std::size_t i = choice % model_.uploads.size();
    auto& [upload, model] = model_.uploads[i];
    const auto id = world_.random.make<ObjectId>();
    const Bytes bytes(choice % 100);
    const auto reply = world_.call(world_.put_of(space_, upload, id, bytes));
    RC_ASSERT(reply.has_value() == (model.state == UploadState::open));
    if (!reply) return;
    model.last_use_ns = world_.clock.now_ns();
    model_.objects.push_back({id, {i, bytes.size(), std::nullopt, false}});
  }
  void publish(unsigned choice) {
    if (model_.uploads.empty()) return;
    auto& [upload, model] = model_.uploads[choice % model_.uploads.size()];
    api::Append append = world_.link(space_, "publish");
    append.publish = {upload};
    const bool appended = world_.append(space_, append).has_value();
    RC_ASSERT(appended == (model.state == UploadState::open));
    if (!appended) return;
    model.state = UploadState::published;
    model_.entry_bytes += static_cast<std::int64_t>(encode(append.entry).size());
  }
  void move(unsigned choice, bool retire) {
    if (model_.objects.empty()) return;
    auto& [id, object] = model_.objects[choice % model_.objects.size()];
    api::Append append = world_.link(space_, retire ? "retire" : "unretire", {Right::write, Right::maintain});
    (retire ? append.retire : append.unretire) = {id};
    const bool appended = world_.append(space_, append).has_value();
    RC_ASSERT(appended == (model_.state(object) != ObjectState::unknown));
    if (!appended) return;
    if (retire && !object.retired_ns) object.retired_ns = world_.clock.now_ns();
    if (!retire) object.retired_ns.reset();
    model_.entry_bytes += static_cast<std::int64_t>(encode(append.entry).size());
  }
  void note() {
    const api::Append append = world_.note(space_, "note");
    RC_ASSERT(world_.append(space_, append).has_value());
    model_.entry_bytes += static_cast<std::int64_t>(encode(append.entry).size());
  }

  TestWorld world_;
  TestGroup account_ = world_.sign_up();
  TestGroup space_ = world_.make_space(account_);
  const std::int64_t first_bytes_ = static_cast<std::int64_t>(world_.usage(account_).bytes_used);
  Model model_;
};

// Promise: states and quota are always what the calls that were answered add up to; sweeping loses nothing.
RC_GTEST_PROP(Objects, HaveTheStatesAndTheCostOfTheModel, ()) {
  const auto steps = *rc::gen::container<std::vector<std::pair<int, unsigned>>>(
      rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::arbitrary<unsigned>()));
  Run run;
  for (const auto& [step, choice] : steps) run.step(static_cast<Step>(step), choice);
  run.check();
  run.sweep();
  run.check();
  run.check_bytes();
}

}  // namespace
}  // namespace holdfast::server
