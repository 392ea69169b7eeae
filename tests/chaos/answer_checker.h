// Checks every answer of the server, also those that no client is told, and holds the
// server to what it has said of one lease_id:
//
//   * It has one fencing token, and no other lease_id has it.
//   * It has one place in the queue for as long as the server lives.
//   * Once a release of it has been answered, no call that is sent from then on is told
//     that it is held.

#ifndef HOLDFAST_TESTS_CHAOS_ANSWER_CHECKER_H_
#define HOLDFAST_TESTS_CHAOS_ANSWER_CHECKER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"

namespace holdfast::chaos {

// Thread-safe.
class AnswerChecker {
 public:
  // The server is about to be killed, or has been started.
  void OnServerChange() EXCLUDES(mutex_);

  // What was known when a call was sent to the server.
  struct Sent {
    std::string lease_id{};
    bool after_end = false;
    int server = 0;  // Which of the servers, one after the other, it was sent to.
  };
  Sent OnSend(const std::string& lease_id) const EXCLUDES(mutex_);

  // What it was answered.
  void OnHeld(const Sent& sent, std::uint64_t fencing_token) EXCLUDES(mutex_);
  void OnQueued(const Sent& sent, std::uint64_t queue_sequence) EXCLUDES(mutex_);
  void OnEnded(const Sent& sent) EXCLUDES(mutex_);

  std::vector<std::string> findings() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  int server_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::uint64_t> tokens_ GUARDED_BY(mutex_);     // By lease_id.
  std::map<std::uint64_t, std::string> lease_ids_ GUARDED_BY(mutex_);  // By token.
  std::map<std::string, std::uint64_t> places_ GUARDED_BY(mutex_);     // On this server.
  std::set<std::string> ended_ids_ GUARDED_BY(mutex_);
  std::vector<std::string> findings_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_ANSWER_CHECKER_H_
