#include "tracked_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

namespace holdfast::vectors {

using nlohmann::json;

struct Document::State {
  json root;
  std::unordered_set<const json*> read;
  std::vector<std::string> malformed;

  void collect_unread(const json& value, const std::string& path, std::vector<std::string>& out) const {
    if (!value.is_structured() || value.empty()) {
      if (!read.contains(&value)) out.push_back("nobody read " + path);
      return;
    }
    std::size_t position = 0;
    for (const auto& [name, child] : value.items()) {
      collect_unread(child, path + (value.is_array() ? "[" + std::to_string(position++) + "]" : "." + name), out);
    }
  }
};

namespace {

const json nothing;

// json keeps one of two members with the same name and says nothing.
json parse(std::string_view text, std::vector<std::string>& malformed) {
  std::vector<std::set<std::string>> open;
  const auto look = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second) {
      malformed.push_back("two members are named " + parsed.get<std::string>());
    }
    return true;
  };
  return json::parse(text.begin(), text.end(), look, false);
}

}  // namespace

Document::Document(std::string_view text) : state_(std::make_unique<State>()) {
  state_->root = parse(text, state_->malformed);
}
Document::~Document() = default;

bool Document::is_json() const { return !state_->root.is_discarded() && state_->root.is_structured(); }
bool Document::is_list() const { return state_->root.is_array(); }
Node Document::root() { return {this, &state_->root, "$"}; }

std::vector<std::string> Document::shape() const {
  const json& root = state_->root;
  const json& shown = root.is_array() && !root.empty() ? root.front() : root;
  std::vector<std::string> out;
  if (shown.is_object()) {
    for (const auto& [name, value] : shown.items()) out.push_back(name);
  }
  return out;
}

std::vector<std::string> Document::problems() const {
  std::vector<std::string> out = state_->malformed;
  state_->collect_unread(state_->root, "$", out);
  return out;
}

Node Node::at(std::string_view name) const {
  if (const auto found = find(name)) return *found;
  document_->state_->malformed.push_back(path_ + " has no " + std::string(name));
  return {document_, &nothing, path_ + "." + std::string(name)};
}

std::optional<Node> Node::find(std::string_view name) const {
  if (!value_->is_object()) return std::nullopt;
  const auto found = value_->find(name);
  if (found == value_->end()) return std::nullopt;
  return Node(document_, &*found, path_ + "." + std::string(name));
}

bool Node::has(std::string_view name) const { return find(name).has_value(); }

std::vector<Node> Node::elements() const {
  std::vector<Node> out;
  if (!value_->is_array()) {
    document_->state_->malformed.push_back(path_ + " is not a list");
    return out;
  }
  document_->state_->read.insert(value_);
  for (const json& element : *value_)
    out.push_back({document_, &element, path_ + "[" + std::to_string(out.size()) + "]"});
  return out;
}

std::vector<std::pair<std::string, Node>> Node::members() const {
  std::vector<std::pair<std::string, Node>> out;
  if (!value_->is_object()) {
    document_->state_->malformed.push_back(path_ + " has no members");
    return out;
  }
  document_->state_->read.insert(value_);
  for (const auto& [name, value] : value_->items()) out.emplace_back(name, Node(document_, &value, path_ + "." + name));
  return out;
}

bool Node::is_null() const {
  if (!value_->is_null()) return false;
  document_->state_->read.insert(value_);
  return true;
}

std::string Node::text() const {
  if (!value_->is_string()) {
    document_->state_->malformed.push_back(path_ + " is not a text");
    return {};
  }
  document_->state_->read.insert(value_);
  return value_->get<std::string>();
}

Bytes Node::hex() const {
  auto bytes = from_hex(text());
  if (!bytes) document_->state_->malformed.push_back(path_ + " is not hexadecimal");
  return std::move(bytes).value_or(Bytes());
}

std::uint64_t Node::number() const {
  if (!value_->is_number_unsigned()) {
    document_->state_->malformed.push_back(path_ + " is not a whole number");
    return 0;
  }
  document_->state_->read.insert(value_);
  return value_->get<std::uint64_t>();
}

void Node::documentation() const {
  if (value_->is_string()) {
    (void)text();
    return;
  }
  for (const Node& line : elements()) (void)line.text();
}

}  // namespace holdfast::vectors
