#include "services/lock/access/access.h"

#include <utility>

namespace holdfast {
namespace {

std::shared_ptr<const KeySet> KeysOf(const std::vector<Access::Grant>& grants,
                                     Permission permission) {
  KeySet keys;
  for (const Access::Grant& grant : grants) {
    keys.parts.push_back({.prefix = grant.key_prefix, .in = grant.may.Has(permission)});
    if (grant.key_prefix.empty()) break;  // Nothing comes behind it.
  }
  const bool all = !keys.parts.empty() && keys.parts.front().prefix.empty();
  if (all && keys.parts.front().in) return nullptr;
  return std::make_shared<const KeySet>(std::move(keys));
}

}  // namespace

std::string_view NameOf(Permission permission) {
  switch (permission) {
    case Permission::kAcquire:
      return "acquire";
    case Permission::kInspect:
      return "inspect";
    case Permission::kWatch:
      return "watch";
    case Permission::kAdmin:
      return "admin";
  }
  return "";
}

Access::Access(std::vector<Grant> grants, const Quota& quota)
    : grants_(std::move(grants)), quota_(quota) {
  for (const Permission permission : kPermissions) {
    keys_[static_cast<std::size_t>(permission)] = KeysOf(grants_, permission);
  }
}

const std::shared_ptr<const Access>& Access::Unlimited() {
  static const auto& unlimited = *new std::shared_ptr<const Access>(std::make_shared<const Access>(
      std::vector<Grant>{{.key_prefix = "", .may = Permissions::All()}}, Quota{}));
  return unlimited;
}

}  // namespace holdfast
