// JSON that knows which of its values were read: a vector whose attribute nobody looked at has proven nothing.
// What is missing or of another type is noted as a problem and reads as empty; the file then fails as a whole.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "base/bytes.h"

namespace holdfast::vectors {

class Document;

// A value inside a Document, which must live longer.
class Node {
 public:
  [[nodiscard]] Node at(std::string_view name) const;
  [[nodiscard]] std::optional<Node> find(std::string_view name) const;  // nullopt: absent
  [[nodiscard]] bool has(std::string_view name) const;                  // without reading it
  [[nodiscard]] std::vector<Node> elements() const;
  [[nodiscard]] std::vector<std::pair<std::string, Node>> members() const;
  [[nodiscard]] bool is_null() const;  // reads it, if so
  [[nodiscard]] Bytes hex() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::uint64_t number() const;
  // Text for people, or a list of such: counts as read.
  void documentation() const;

 private:
  friend class Document;
  Node(Document* document, const nlohmann::json* value, std::string path)
      : document_(document), value_(value), path_(std::move(path)) {}
  Document* document_;
  const nlohmann::json* value_;
  std::string path_;
};

class Document {
 public:
  explicit Document(std::string_view text);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  [[nodiscard]] bool is_json() const;
  [[nodiscard]] Node root();
  // The names of the root's members, or of the first element's if the root is a list; nothing is read by it.
  [[nodiscard]] std::vector<std::string> shape() const;
  [[nodiscard]] bool is_list() const;
  // Malformed and missing values, repeated names, and last the paths of what nobody read.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  friend class Node;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::vectors
