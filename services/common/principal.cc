#include "services/common/principal.h"

#include <algorithm>
#include <map>

#include "common/mutex.h"

namespace holdfast {
namespace {

// The texts that there are.
class Names {
 public:
  std::shared_ptr<const std::string> Find(std::string_view name) {
    MutexLock lock(mutex_);
    const auto found = names_.find(name);
    if (found != names_.end()) {
      if (auto shared = found->second.lock()) return shared;
      names_.erase(found);
    }
    if (names_.size() >= sweep_at_) Sweep();
    auto shared = std::make_shared<const std::string>(name);
    names_.emplace(*shared, shared);
    return shared;
  }

 private:
  // So rarely that it costs less than what is added in between.
  void Sweep() REQUIRES(mutex_) {
    std::erase_if(names_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max(kFewest, 2 * names_.size());
  }

  static constexpr std::size_t kFewest = 64;

  Mutex mutex_;
  std::map<std::string, std::weak_ptr<const std::string>, std::less<>> names_ GUARDED_BY(mutex_);
  std::size_t sweep_at_ GUARDED_BY(mutex_) = kFewest;
};

Names& AllNames() {
  // Never destroyed: there are principals until the process ends.
  static Names& names = *new Names;
  return names;
}

}  // namespace

Principal::Principal(std::string_view name) {
  if (!name.empty()) name_ = AllNames().Find(name);
}

bool Principal::IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

const std::string& Principal::name() const {
  static const std::string& nobody = *new std::string;
  return known() ? *name_ : nobody;
}

}  // namespace holdfast
