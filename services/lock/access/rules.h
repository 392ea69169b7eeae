// The rules of a file: who may do what with which locks.
//
//     # The first line that fits both the caller and the key decides. Whoever fits none may
//     # do nothing.
//     allow  billing                    invoices/  acquire,inspect
//     deny   *                          invoices/
//     allow  uid:1000                   *          acquire,inspect,watch
//     allow  spiffe://example.org/ops/* *          all
//     quota  uid:*                      leases=1000 waiters=200 sessions=10
//
// A caller is named as its principal is; with a * at its end, by how that begins. A key is
// named by how it begins; * is every key; one with a space in it, or a quote, is put in
// quotes, with C's escapes. Of the quotas for a caller the first counts, and what it does
// not mention is not limited; it is each caller's own, also where the line fits many.
//
// Release is not among what may be allowed: whoever knows a lease_id may let go of it.

#ifndef HOLDFAST_SERVICES_LOCK_ACCESS_RULES_H_
#define HOLDFAST_SERVICES_LOCK_ACCESS_RULES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/principal.h"
#include "services/lock/access/access.h"

namespace holdfast {

// Immutable once parsed, and so thread-safe.
class Rules {
 public:
  struct Rule {
    int line = 0;        // From 1.
    std::string text;    // The line, without what is behind a #.
    std::string caller;  // With its *.
    std::string key_prefix;
    Permissions may{};
  };

  // INVALID_ARGUMENT, with the number of the first line that is wrong, and what is.
  static absl::StatusOr<Rules> Parse(std::string_view text);

  // Those of a file. NOT_FOUND, and so on: it cannot be read; as Parse.
  static absl::StatusOr<Rules> Load(const std::string& path);

  // What they come to for one caller.
  std::shared_ptr<const Access> For(const Principal& caller) const;

  // The one that decides about this key. Null: none fits.
  const Rule* Deciding(const Principal& caller, std::string_view key) const;

  std::size_t size() const { return rules_.size(); }

 private:
  struct QuotaRule {
    std::string caller;
    Quota quota;
  };
  class Parser;

  std::vector<Rule> rules_;
  std::vector<QuotaRule> quotas_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ACCESS_RULES_H_
