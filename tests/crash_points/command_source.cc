#include "tests/crash_points/command_source.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// So that recovering stays quick: beyond this, turns release.
constexpr std::size_t kManyLeases = 50;

}  // namespace

std::vector<Command> CommandSource::Next(const StoreContent& content, Instant now) {
  std::vector<Command> commands;
  if (content.leases.size() > kManyLeases) {
    while (commands.size() < kManyLeases) AddReleases(commands, content);
    return commands;
  }
  const int choice = Draw(99);
  if (choice < 30) {
    AddSmallGrants(commands, now);
  } else if (choice < 48) {
    AddLargeGrants(commands, now);
  } else if (choice < 65) {
    AddRenewals(commands, content, now);
  } else if (choice < 85) {
    AddReleases(commands, content);
  } else {
    AddHandOver(commands, content, now);
    AddSmallGrants(commands, now);
  }
  return commands;
}

Duration CommandSource::NextPause() {
  const int choice = Draw(99);
  if (choice < 80) return milliseconds(10);
  if (choice < 92) return seconds(3);
  return minutes(6);
}

void CommandSource::AddSmallGrants(std::vector<Command>& commands, Instant now) {
  const int count = 1 + Draw(2);
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> tags;
    for (int tag = Draw(3); tag > 0; --tag) tags.push_back("tag-" + std::to_string(tag));
    std::reverse(tags.begin(), tags.end());
    commands.push_back(Acquire("key-" + std::to_string(last_number_), {}, "small", tags, now));
  }
}

void CommandSource::AddLargeGrants(std::vector<Command>& commands, Instant now) {
  // As large as the limits allow, 2.8 KiB, and together more than a block of the log.
  const int count = 12 + Draw(10);
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> tags;
    for (char tag = 'a'; tag < 'a' + 16; ++tag) tags.emplace_back(128, tag);
    commands.push_back(Acquire("key-" + std::to_string(last_number_) + std::string(490, '.'), {},
                               std::string(256, 'o'), std::move(tags), now));
  }
}

void CommandSource::AddRenewals(std::vector<Command>& commands, const StoreContent& content,
                                Instant now) {
  const int count = 1 + Draw(2);
  for (int i = 0; i < count; ++i) {
    const LeaseRecord* lease = DrawLease(content);
    if (lease == nullptr) return;
    commands.push_back({.body = RenewCommand{.key = lease->spec.key,
                                             .lease_id = lease->spec.lease_id,
                                             .expire = DrawExpire(),
                                             .received = now}});
  }
}

void CommandSource::AddReleases(std::vector<Command>& commands, const StoreContent& content) {
  const int count = 1 + Draw(5);
  for (int i = 0; i < count; ++i) {
    const LeaseRecord* lease = DrawLease(content);
    if (lease == nullptr || Draw(9) == 0) {
      // Of an id that nobody knows, which is used up by that.
      const std::string id = "unknown-" + std::to_string(++last_number_);
      commands.push_back({.body = ReleaseCommand{.key = "key", .lease_id = id}});
    } else {
      commands.push_back(
          {.body = ReleaseCommand{.key = lease->spec.key, .lease_id = lease->spec.lease_id}});
    }
  }
}

void CommandSource::AddHandOver(std::vector<Command>& commands, const StoreContent& content,
                                Instant now) {
  const LeaseRecord* lease = DrawLease(content);
  if (lease == nullptr) return;
  commands.push_back(Acquire(lease->spec.key, kNoTimeout, "next in line", {}, now));
  commands.push_back(
      {.body = ReleaseCommand{.key = lease->spec.key, .lease_id = lease->spec.lease_id}});
}

Command CommandSource::Acquire(std::string key, Duration timeout, std::string owner,
                               std::vector<std::string> tags, Instant now) {
  return {.body =
              AcquireCommand{.spec = {.key = std::move(key),
                                      .lease_id = "lease-number-" + std::to_string(++last_number_),
                                      .owner = std::move(owner),
                                      .tags = std::move(tags),
                                      .expire = DrawExpire()},
                             .timeout = timeout,
                             .received = now,
                             .principal = Principal("uid:" + std::to_string(last_number_ % 3))}};
}

std::optional<Duration> CommandSource::DrawExpire() {
  switch (Draw(3)) {
    case 0:
      return std::nullopt;
    case 1:
      return seconds(2);
    case 2:
      return minutes(10);
    default:
      return std::chrono::hours(1);
  }
}

const LeaseRecord* CommandSource::DrawLease(const StoreContent& content) {
  if (content.leases.empty()) return nullptr;
  const int at = Draw(static_cast<int>(content.leases.size()) - 1);
  return &std::next(content.leases.begin(), at)->second;
}

}  // namespace holdfast
