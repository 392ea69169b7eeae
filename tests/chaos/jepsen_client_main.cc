// Appends unique values to a register, under a lock: reads it, adds a value, writes it
// back. It does what a careful program without fencing tokens would do: it takes a
// lease, looks at it again just before it writes, and writes only if it is valid.
//
//   jepsen_client ADDRESS REGISTERS KEY CLIENT REST_MS SEED
//
// It rests between two turns, for REST_MS on the average. It works until a line or the end of
// standard input comes, says `acknowledged` and the values of all its writes that were
// acknowledged, and ends.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/chaos/guarded_registers.h"
#include "tests/chaos/jepsen_spans.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

class Appender {
 public:
  Appender(Client& client, const std::string& registers, const std::string& key, int number,
           std::chrono::milliseconds rest, unsigned seed)
      : name_(JepsenOwner(number)),
        lock_(client, key, {.expire = kJepsenExpire, .owner = name_}),
        registers_(registers, static_cast<std::uint32_t>(number)),
        rest_{.least = std::chrono::milliseconds(0), .most = 2 * rest},
        random_(seed) {}

  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const absl::StatusOr<Lease> lease = lock_.Acquire(stop);
      if (lease.ok()) {
        Append(*lease);
        // Refused if the lease has lapsed meanwhile, and then there is nothing to do.
        lock_.Release().IgnoreError();
      }
      LetPass(Span(rest_));
    }
  }

  const std::vector<std::string>& acknowledged() const { return acknowledged_; }

 private:
  void Append(const Lease& lease) {
    const std::optional<std::string> text = registers_.Read(lock_.key(), lease.fencing_token());
    if (!text.has_value()) return;
    LetPass(Span(kJepsenWork));
    if (!lease.valid()) return;
    LetPass(Span(kJepsenWindow));
    const std::string value = name_ + "." + std::to_string(++count_);
    if (registers_.Write(lock_.key(), lease.fencing_token(), *text + value + ",")) {
      acknowledged_.push_back(value);
    }
  }

  std::chrono::nanoseconds Span(const JepsenSpan& span) {
    using std::chrono::microseconds;
    return microseconds(std::uniform_int_distribution<std::int64_t>(
        microseconds(span.least).count(), microseconds(span.most).count())(random_));
  }

  const std::string name_;
  SyncLock lock_;
  RegisterClient registers_;
  const JepsenSpan rest_;
  std::mt19937 random_;
  int count_ = 0;
  std::vector<std::string> acknowledged_;
};

void Run(const std::vector<std::string>& arguments) {
  const auto client = *Client::Create(arguments[0]);
  Appender appender(*client, arguments[1], arguments[2], std::stoi(arguments[3]),
                    std::chrono::milliseconds(std::stoi(arguments[4])),
                    static_cast<unsigned>(std::stoull(arguments[5])));
  std::jthread working([&](const std::stop_token& stop) { appender.Run(stop); });
  std::string line;
  std::getline(std::cin, line);
  working.request_stop();
  working.join();
  std::string said = "acknowledged";
  for (const std::string& value : appender.acknowledged()) said += " " + value;
  std::cout << said << std::endl;
}

}  // namespace
}  // namespace holdfast::chaos

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: jepsen_client ADDRESS REGISTERS KEY CLIENT REST_MS SEED\n";
    return 2;
  }
  holdfast::chaos::Run({argv + 1, argv + argc});
  return 0;
}
