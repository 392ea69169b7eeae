#include "tests/chaos/fleet.h"

#include <optional>
#include <utility>

#include "tests/support/eventually.h"

namespace holdfast::chaos {

Fleet::Fleet(const FleetOptions& options, Recorder& recorder)
    : options_(options),
      recorder_(recorder),
      random_(options.seed),
      next_client_(options.first_client) {}

void Fleet::Start() {
  for (int i = 0; i < 3; ++i) StartOne("raw", 3);
  StartOne("sync", 2);
  StartOne("async", 2);
}

void Fleet::StartOne(const std::string& kind, int workers) {
  ChaosProcessOptions process{
      .kind = kind,
      .address = options_.address,
      .registers = options_.registers,
      .history = options_.folder + "/history-" + std::to_string(next_client_),
      .first_client = next_client_,
      .workers = workers,
      .seed = random_(),
      .survives = options_.survives,
  };
  next_client_ += static_cast<std::uint32_t>(workers);
  histories_.push_back(process.history);
  // It may be killed before it has made the file itself.
  const Recorder empty(process.history);
  members_.push_back({.process = std::make_unique<ChaosProcess>(process, recorder_)});
}

Fleet::Member* Fleet::AnyAtWork() {
  std::vector<Member*> at_work;
  for (Member& member : members_) {
    if (!member.process->paused()) at_work.push_back(&member);
  }
  if (at_work.empty()) return nullptr;
  return at_work[std::uniform_int_distribution<std::size_t>(0, at_work.size() - 1)(random_)];
}

void Fleet::KillOne() {
  Member* const member = AnyAtWork();
  if (member == nullptr) return;
  member->process->Kill9();
  ++kills_;
  const ChaosProcessOptions killed = member->process->options();
  members_.erase(members_.begin() + (member - members_.data()));
  StartOne(killed.kind, killed.workers);
}

void Fleet::PauseOne(std::chrono::nanoseconds time) {
  std::size_t paused = 0;
  for (const Member& member : members_) paused += member.process->paused() ? 1 : 0;
  if (paused + 1 >= members_.size()) return;
  Member* const member = AnyAtWork();
  member->process->Pause();
  member->continue_at = BootTime() + time;
  ++pauses_;
}

void Fleet::ContinueDue() {
  for (Member& member : members_) {
    if (member.process->paused() && BootTime() >= member.continue_at) member.process->Continue();
  }
}

void Fleet::Stop(std::vector<std::string>& findings) {
  for (Member& member : members_) {
    if (member.process->paused()) member.process->Continue();
    member.process->BeginToStop();
  }
  for (Member& member : members_) {
    const std::string name = member.process->options().kind + " clients from " +
                             std::to_string(member.process->options().first_client) + " on";
    const std::optional<ChaosProcess::Done> done = member.process->AwaitDone();
    if (!done.has_value()) {
      findings.push_back(name + " have crashed, or have not come to an end");
    } else if (done->findings > 0) {
      findings.push_back(name + " have found something: see standard error");
    }
  }
  members_.clear();
}

}  // namespace holdfast::chaos
