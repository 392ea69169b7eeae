#include "tests/chaos/turn_plan.h"

namespace holdfast::chaos {
namespace {

constexpr std::string_view kShared = "shared-";

}  // namespace

std::string RawKey(int index) { return "raw-" + std::to_string(index); }

std::string SharedKey(int index) { return std::string(kShared) + std::to_string(index); }

bool IsSharedKey(std::string_view key) { return key.starts_with(kShared); }

std::chrono::milliseconds TurnPlanner::NearlyAll(std::optional<std::chrono::milliseconds> expire) {
  return expire.value_or(std::chrono::milliseconds(300)) * Between(60, 95) / 100;
}

TurnPlan TurnPlanner::Next() {
  using How = TurnPlan::How;
  using End = TurnPlan::End;
  TurnPlan plan;
  plan.key = options_.raw_keys && Chance(60) ? RawKey(Between(0, kRawKeys - 1))
                                             : SharedKey(Between(0, kSharedKeys - 1));
  const int how = Between(1, 100);
  plan.how = how <= 15   ? How::kTry
             : how <= 45 ? How::kQueue
             : how <= 85 ? How::kWait
                         : How::kCancel;
  // Mostly short: what a dead client leaves behind gets its full expire again with every
  // restart of the server, and blocks a lock until it has had it.
  plan.expire = Chance(75) ? Span(150, 400) : Span(400, static_cast<int>(kLongestExpire.count()));
  if (options_.may_last && Chance(20)) plan.expire.reset();
  plan.timeout = plan.how == How::kCancel ? Span(0, 150) : Span(50, 2500);
  // Mostly short, so that locks change hands often, and now and then nearly for as long
  // as the lease lasts.
  const int hold = Between(1, 100);
  plan.hold = hold <= 75 ? Span(0, 15) : hold <= 88 ? Span(15, 300) : NearlyAll(plan.expire);
  plan.renew = Chance(40);
  const int end = Between(1, 100);
  plan.end = end <= 85 ? End::kRelease : end <= 95 ? End::kReleaseTwice : End::kLapse;
  plan.look = Chance(10);
  plan.force = plan.key == SharedKey(kForced) && Chance(5);
  plan.rest = Span(0, 10);
  return plan;
}

}  // namespace holdfast::chaos
