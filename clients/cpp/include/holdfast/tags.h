// A set of labels on a lease, to list, watch and release by.

#ifndef HOLDFAST_TAGS_H_
#define HOLDFAST_TAGS_H_

#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// A set of strings; one string is one tag:
//
//     Tags none;
//     Tags one = "nightly";
//     Tags two = {"nightly", "eu-west"};
//
// At most 16 tags of 1 to 128 bytes of UTF-8 each; the server checks that.
// Thread-compatible.
class Tags {
  using Set = std::set<std::string, std::less<>>;

 public:
  using value_type = std::string;
  using const_iterator = Set::const_iterator;

  Tags() = default;

  // Implicit, because the meaning of each is obvious.
  Tags(const char* tag) : tags_{tag} {}                    // NOLINT(google-explicit-constructor)
  Tags(std::string tag) { tags_.insert(std::move(tag)); }  // NOLINT(google-explicit-constructor)
  Tags(std::initializer_list<std::string_view> tags) { InsertAll(tags); }
  // NOLINTNEXTLINE(google-explicit-constructor)
  Tags(const std::vector<std::string>& tags) { InsertAll(tags); }

  void Insert(std::string tag) { tags_.insert(std::move(tag)); }

  bool contains(std::string_view tag) const { return tags_.contains(tag); }
  std::size_t size() const { return tags_.size(); }
  bool empty() const { return tags_.empty(); }

  // In byte order.
  const_iterator begin() const { return tags_.begin(); }
  const_iterator end() const { return tags_.end(); }

  bool operator==(const Tags&) const = default;

 private:
  template <typename Range>
  void InsertAll(const Range& tags) {
    for (const auto& tag : tags) tags_.emplace(tag);
  }

  Set tags_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TAGS_H_
