#include "tests/chaos/answer_checker.h"

namespace holdfast::chaos {

void AnswerChecker::OnServerChange() {
  MutexLock lock(mutex_);
  ++server_;
  places_.clear();  // They are not stored.
}

AnswerChecker::Sent AnswerChecker::OnSend(const std::string& lease_id) const {
  MutexLock lock(mutex_);
  return {.lease_id = lease_id, .after_end = ended_ids_.contains(lease_id), .server = server_};
}

void AnswerChecker::OnHeld(const Sent& sent, std::uint64_t fencing_token) {
  MutexLock lock(mutex_);
  if (sent.after_end) {
    findings_.push_back(sent.lease_id + " was told that it holds its lock after its release");
  }
  const auto [token, is_first] = tokens_.try_emplace(sent.lease_id, fencing_token);
  if (token->second != fencing_token) {
    findings_.push_back(sent.lease_id + " was granted twice: with token " +
                        std::to_string(token->second) + " and with token " +
                        std::to_string(fencing_token));
  }
  const auto [owner, is_new] = lease_ids_.try_emplace(fencing_token, sent.lease_id);
  if (owner->second != sent.lease_id) {
    findings_.push_back("token " + std::to_string(fencing_token) + " was granted to " +
                        owner->second + " and to " + sent.lease_id);
  }
}

void AnswerChecker::OnQueued(const Sent& sent, std::uint64_t queue_sequence) {
  MutexLock lock(mutex_);
  // Otherwise nobody can tell from which server this has come.
  if (sent.server != server_) return;
  const auto [place, is_first] = places_.try_emplace(sent.lease_id, queue_sequence);
  if (place->second != queue_sequence) {
    findings_.push_back(sent.lease_id + " has two places: " + std::to_string(place->second) +
                        " and " + std::to_string(queue_sequence));
  }
}

void AnswerChecker::OnEnded(const Sent& sent) {
  MutexLock lock(mutex_);
  ended_ids_.insert(sent.lease_id);
}

std::vector<std::string> AnswerChecker::findings() const {
  MutexLock lock(mutex_);
  return findings_;
}

}  // namespace holdfast::chaos
